package email_test

import (
	"testing"

	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Wherever an address's domain is good or bad, the domain alone is, and comes out the same.
func TestDomainAgreesWithAddress(t *testing.T) {
	for _, raw := range []string{
		"acme.example", "ACME.Example", "mail.acme.example", "bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "пример.рф", "163.com",
		"acme.example.", ".acme.example", "acme..example", "acme", "127.0.0.1", "[::1]", "ac_me.example", "*.acme.example", "acme。example",
		"ａｃｍｅ.example", "\u212Ablau.example", "xn--acme-.example", "acme.example:443", "", "ac\u200bme.example",
	} {
		d, err := email.Domain(raw)
		a, err2 := email.Normalise("bob@" + raw)
		if (err == nil) != (err2 == nil) || d != a.Domain() {
			t.Errorf("Domain(%q) = %q, %v; of an address %q, %v", raw, d, err, a.Domain(), err2)
		}
		if err != nil && fault.CodeOf(err) != fault.EmailMalformed {
			t.Errorf("Domain(%q): %v", raw, err)
		}
	}
}

func TestDomain(t *testing.T) {
	for raw, want := range map[string]string{
		" Acme.Example\n": "acme.example", "bücher.example": "xn--bcher-kva.example", "co.uk": "co.uk",
		"@acme.example": "", "bob@acme.example": "", "https://acme.example": "", "acme.example/": "", "acme.example, evil.example": "", "acme.example.": "",
	} {
		if d, err := email.Domain(raw); d != want || (err == nil) != (want != "") {
			t.Errorf("Domain(%q) = %q, %v; want %q", raw, d, err, want)
		}
	}
}

func TestPublicSuffix(t *testing.T) {
	for domain, want := range map[string]bool{
		"com": true, "co.uk": true, "uk": true, "github.io": true, "xn--p1ai": true, "example": true, "com.br": true,
		"acme.com": false, "acme.co.uk": false, "acme.github.io": false, "acme.example": false, "mail.acme.example": false, "city.kawasaki.jp": false, "x.kobe.jp": true,
	} {
		if got := email.PublicSuffix(domain); got != want {
			t.Errorf("PublicSuffix(%q) = %v", domain, got)
		}
	}
}

func TestFreeMail(t *testing.T) {
	for domain, want := range map[string]bool{
		"gmail.com": true, "googlemail.com": true, "outlook.com": true, "hotmail.com": true, "yahoo.com": true, "icloud.com": true, "126.com": true, "zohomail.eu": true,
		"mail.ru": true, "web.de": true, "privaterelay.appleid.com": true,
		"": false, "acme.example": false, "mail.com.acme.example": false, "ail.com": false, "com": false, "gmail.com\ngmx.at": false, "notgmail.com": false, "x.gmail.com": false,
	} {
		if got := email.FreeMail(domain); got != want {
			t.Errorf("FreeMail(%q) = %v", domain, got)
		}
	}
}

func FuzzDomain(f *testing.F) {
	for _, s := range []string{"acme.example", "bücher.example", "xn--bcher-kva.example", "acme。example", "a..b", "1.2.3.4", "\u212A.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		d, err := email.Domain(raw)
		if err != nil {
			if d != "" || fault.CodeOf(err) != fault.EmailMalformed {
				t.Fatalf("Domain(%q) = %q, %v", raw, d, err)
			}
			return
		}
		if again, err := email.Domain(d); err != nil || again != d || len(d) > 253 {
			t.Errorf("Domain(%q) = %q, and of that %q, %v", raw, d, again, err)
		}
		email.PublicSuffix(d)
		email.FreeMail(d)
	})
}
