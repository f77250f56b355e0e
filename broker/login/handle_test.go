package login_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

func TestHandle(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	key, next := []byte("the first key, of thirty-two byte"), []byte("the second key, of thirty-two byt")
	hs := &login.Handles{Keys: [][]byte{key}, MaxAge: time.Hour, Now: func() time.Time { return now }}
	id := broker.NewLoginID()
	h, err := hs.New(id, "acme-okta")
	if err != nil {
		t.Fatal(err)
	}
	s := h.String()
	if len(s) != 43 || len(h.MessageID()) != 65 || h.MessageID()[0] != '_' {
		t.Errorf("forms: %q, %q", s, h.MessageID())
	}
	// An answer that nobody asked for answers no message: the zero handle says nothing, and not forty-three letters of it.
	if zero := (login.Handle{}); zero.String() != "" || zero.MessageID() != "" {
		t.Errorf("the zero handle: %q, %q", zero.String(), zero.MessageID())
	}
	back, err := hs.Read(s, "acme-okta")
	if err != nil || back.LoginID != id || !back.Issued.Equal(now) {
		t.Errorf("back: %+v, %v", back, err)
	}
	again, _ := hs.New(id, "acme-okta")
	if again.String() == s {
		t.Error("two attempts of one login are alike")
	}
	flip := func(at int) string {
		b, _ := base64.RawURLEncoding.DecodeString(s)
		b[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(b)
	}
	for name, tt := range map[string]struct {
		s, slug string
		after   time.Duration
		want    fault.Code
	}{
		"another connection":     {s, "globex-okta", 0, fault.LoginMisrouted},
		"too late":               {s, "acme-okta", time.Hour + time.Second, fault.LoginExpired},
		"just in time":           {s, "acme-okta", time.Hour, ""},
		"another login":          {flip(0), "acme-okta", 0, fault.LoginUnknown},
		"another time":           {flip(17), "acme-okta", 0, fault.LoginUnknown},
		"another connection tag": {flip(20), "acme-okta", 0, fault.LoginUnknown},
		"another MAC":            {flip(31), "acme-okta", 0, fault.LoginUnknown},
		"empty":                  {"", "acme-okta", 0, fault.LoginUnknown},
		"long":                   {strings.Repeat("A", 5000), "acme-okta", 0, fault.LoginUnknown},
		"loose base64":           {s[:42] + string(s[42]+1), "acme-okta", 0, fault.LoginUnknown},
	} {
		later := *hs
		later.Now = func() time.Time { return now.Add(tt.after) }
		if _, err := later.Read(tt.s, tt.slug); fault.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	// A new master key signs, the old one still opens; without it nothing does.
	rotated := &login.Handles{Keys: [][]byte{next, key}, MaxAge: time.Hour, Now: hs.Now}
	if _, err := rotated.Read(s, "acme-okta"); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if _, err := (&login.Handles{Keys: [][]byte{next}, MaxAge: time.Hour, Now: hs.Now}).Read(s, "acme-okta"); fault.CodeOf(err) != fault.LoginUnknown {
		t.Errorf("without the key: %v", err)
	}
}

func FuzzHandle(f *testing.F) {
	hs := &login.Handles{Keys: [][]byte{make([]byte, 32)}, MaxAge: time.Hour, Now: time.Now}
	h, err := hs.New(broker.NewLoginID(), "acme")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(h.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := hs.Read(s, "acme"); err == nil && got.String() != s {
			t.Errorf("%q reads as %q", s, got.String())
		}
	})
}
