package credential_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
)

func TestPasswords(t *testing.T) {
	p, err := credential.NewPasswords(1)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	h, err := p.Hash(ctx, "pa\u0308sswort mit umlaut")
	if err != nil || !strings.HasPrefix(string(h), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s, %v", h, err)
	}
	for password, want := range map[string]bool{"p\u00e4sswort mit umlaut": true, "passwort mit umlaut": false, "": false} {
		if ok, err := p.Check(ctx, h, password); err != nil || ok != want {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	if ok, err := p.Check(ctx, nil, "nobody has this password"); ok || err != nil {
		t.Errorf("without a hash: %v, %v", ok, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := p.Check(ended, h, "x"); err != nil && fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestCheckNew(t *testing.T) {
	for password, want := range map[string]fault.Code{
		"correct horse battery": "", "Zwölf Zeichen": "", "carol likes trains": "", "нетпаролялучше": "",
		"eleven char": fault.LocalPasswordShort, "": fault.LocalPasswordShort, strings.Repeat("a b", 200): fault.LocalPasswordLong, "broken \xff\xff utf-8": fault.LocalPasswordLong,
		"carol@acme.example": fault.LocalPasswordAddress, "CAROL@acme.example1": fault.LocalPasswordAddress, "carol-carol-2026": fault.LocalPasswordAddress, "zzzzzzzzzzzzzz": fault.LocalPasswordAddress,
	} {
		if got := fault.CodeOf(credential.CheckNew(password, "carol@acme.example")); got != want {
			t.Errorf("%.30q: %q, want %q", password, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	digits, c := credential.NewCode("LOGIN", "a@b.example", now)
	b, err := c.Bytes()
	if err != nil || strings.Contains(string(b), digits) {
		t.Fatalf("%s, %v", b, err)
	}
	c = credential.ReadCode(b)
	if !c.Is(digits) || !c.Is(" "+digits[:3]+"-"+digits[3:]+" ") || c.Is("") || c.Is(digits+"0") {
		t.Error("the code is not itself, or others are it")
	}
	for name, live := range map[string]bool{
		"now": c.Live("LOGIN", now), "last": c.Live("LOGIN", now.Add(credential.CodeFor-time.Second)),
	} {
		if !live {
			t.Errorf("%s: dead", name)
		}
	}
	if c.Live("OTHER", now) || c.Live("LOGIN", now.Add(credential.CodeFor)) || credential.ReadCode(nil).Live("", now) || credential.ReadCode([]byte("{}")).Live("", now) {
		t.Error("a code lives too long, elsewhere, or from nothing")
	}
	moved := c
	moved.Address = "x@b.example"
	if moved.Is(digits) {
		t.Error("a code is good for another address")
	}
}

func TestGuard(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	g := credential.NewGuard(func() time.Time { return now })
	who := credential.Guesser{IP: "192.0.2.1"}
	longest := time.Duration(0)
	tries := 0
	for range 400 {
		if wait := g.Take("account", who); wait > 0 {
			longest = max(longest, wait)
			now = now.Add(wait)
			continue
		}
		tries++
	}
	if longest > 15*time.Minute || longest < 10*time.Minute {
		t.Errorf("the longest wait is %s", longest)
	}
	if tries < 150 {
		t.Errorf("only %d tries of 400: somebody is locked out for good", tries)
	}
	if wait := g.Take("account", credential.Guesser{IP: "192.0.2.1", Device: "own"}); wait > 0 {
		t.Errorf("the owner's browser waits %s for others", wait)
	}
	if wait := g.Take("other", credential.Guesser{IP: "2001:db8::1"}); wait > 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	// One host of IPv6 has a whole network.
	for i := range 100 {
		g.Take(fmt.Sprint("third", i), credential.Guesser{IP: "2001:db8:1:1::" + string(rune('1'+i%9))})
	}
	if wait := g.Take("fourth", credential.Guesser{IP: "2001:db8:1:1:ffff::1"}); wait == 0 {
		t.Error("a host goes on from its next address")
	}
	own := credential.Guesser{IP: "198.51.100.1", Device: "d"}
	for range 100 {
		if wait := g.Take("account", own); wait > 0 {
			t.Fatalf("who succeeds each time waits %s", wait)
		}
		g.Forgive("account", own)
	}
}

func TestPasskeysRefuse(t *testing.T) {
	p, err := credential.NewPasskeys("https://sso.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	options, state, err := p.Ask()
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(options, &o); err != nil || o["rpId"] != "sso.example" || o["userVerification"] != "required" || o["allowCredentials"] != nil {
		t.Errorf("options %s, %v", options, err)
	}
	u := &broker.User{ID: "u", Realm: "acme", Email: "u@acme.example"}
	enrol, estate, err := p.Enrol(u, nil)
	if err != nil || !strings.Contains(string(enrol), `"residentKey":"required"`) || credential.Challenge(estate) == credential.Challenge(state) {
		t.Errorf("%s, %v", enrol, err)
	}
	none := func(string) (*broker.User, []*broker.Credential, error) {
		return nil, nil, fault.New(fault.LocalRefused, "")
	}
	for _, answer := range []string{"", "{}", "null", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("[", 100_000)} {
		if _, _, err := p.Check(state, []byte(answer), none); fault.CodeOf(err) != fault.LocalPasskey {
			t.Errorf("%.40q: %v", answer, err)
		}
		if _, err := p.Enrolled(u, estate, []byte(answer), ""); fault.CodeOf(err) != fault.LocalPasskey {
			t.Errorf("%.40q: %v", answer, err)
		}
	}
	if _, _, err := p.Check(nil, []byte("{}"), none); fault.CodeOf(err) != fault.LocalPasskey {
		t.Errorf("without state: %v", err)
	}
}

func FuzzPasskeyAnswer(f *testing.F) {
	p, err := credential.NewPasskeys("https://sso.example")
	if err != nil {
		f.Fatal(err)
	}
	_, state, err := p.Ask()
	if err != nil {
		f.Fatal(err)
	}
	u := &broker.User{ID: "u", Realm: "acme"}
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","clientExtensionResults":{},"response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AA","userHandle":"dQ"}}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, c, err := p.Check(state, answer, func(string) (*broker.User, []*broker.Credential, error) { return u, nil, nil }); err == nil {
			t.Fatalf("taken: %v", c)
		}
		if c, err := p.Enrolled(u, state, answer, ""); err == nil {
			t.Fatalf("taken: %v", c)
		}
	})
}
