package credential_test

import (
	"encoding/base32"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/credential"
)

// The test vectors of RFC 6238, appendix B, cut to six digits.
func TestTOTPVectors(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		step, ok := credential.CheckTOTP(secret, code, time.Unix(at, 0))
		if !ok || step != at/30 {
			t.Errorf("at %d: step %d, %v", at, step, ok)
		}
	}
}

func TestTOTPWindow(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	const code, made = "081804", 1111111109
	for offset, want := range map[int64]bool{-60: false, -30: true, 0: true, 30: true, 60: false} {
		if _, ok := credential.CheckTOTP(secret, code, time.Unix(made+offset, 0)); ok != want {
			t.Errorf("%d seconds away: %v", offset, ok)
		}
	}
	for _, typed := range []string{"08 18 04", "081-804", "081 804"} {
		if _, ok := credential.CheckTOTP(secret, typed, time.Unix(made, 0)); !ok {
			t.Errorf("%q was refused", typed)
		}
	}
	for name, c := range map[string][2]string{"empty": {secret, ""}, "short": {secret, "81804"}, "no secret": {"", code}, "bad secret": {"!", code}, "short secret": {"JBSWY3DP", code}, "letters": {secret, "O81804"}} {
		if _, ok := credential.CheckTOTP(c[0], c[1], time.Unix(made, 0)); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	step, _ := credential.CheckTOTP(secret, code, time.Unix(made, 0))
	if _, ok := credential.CheckTOTP(secret, code, credential.TOTPUntil(step)); ok {
		t.Error("a code is good for longer than it is remembered")
	}
}

func TestTOTPURL(t *testing.T) {
	secret := credential.NewTOTP()
	if len(secret) != 32 || secret == credential.NewTOTP() {
		t.Errorf("secret %q", secret)
	}
	u, err := url.Parse(credential.TOTPURL("Cloakroom sso.example", "eva@example.org", secret))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Cloakroom sso.example:eva@example.org" || u.Query().Get("secret") != secret || strings.Contains(u.RawQuery, "+") {
		t.Errorf("%v, %v", u, err)
	}
}

func TestRecovery(t *testing.T) {
	codes := credential.NewRecovery()
	if len(codes) != 10 || len(codes[0]) != 19 {
		t.Fatalf("codes %q", codes)
	}
	id := credential.RecoveryID("eva", codes[0])
	for _, typed := range []string{strings.ToLower(codes[0]), strings.ReplaceAll(codes[0], "-", ""), strings.ReplaceAll(codes[0], "0", "O"), " " + strings.ReplaceAll(codes[0], "1", "l")} {
		if credential.RecoveryID("eva", typed) != id {
			t.Errorf("%q is not taken for %q", typed, codes[0])
		}
	}
	if id == "" || id == credential.RecoveryID("max", codes[0]) || id == credential.RecoveryID("eva", codes[1]) || credential.RecoveryID("eva", "123456") != "" {
		t.Error("codes are mixed up")
	}
}
