package domain_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/domain/dnstest"
	"cloakroom/broker/fault"
)

const token = "Abc-def_GHIJKLMNOPQRSTUVWXYZ0123"

const proof = "cloakroom-verify=" + token

func claim() *broker.Domain {
	return &broker.Domain{Domain: "acme.example", Realm: "acme", Token: token}
}

func TestLook(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, tt := range []struct {
		name string
		zone *dnstest.Zone // nil: the name does not exist
		want domain.Answer
		code fault.Code
	}{
		{"the record", ptr(dnstest.Txt(proof)), domain.Found, ""},
		{"among others", ptr(dnstest.Txt("v=spf1 -all", proof, "x")), domain.Found, ""},
		{"beside an older one", ptr(dnstest.Txt("cloakroom-verify=old", proof)), domain.Found, ""},
		{"in two strings", &dnstest.Zone{TXT: [][]string{{"cloakroom-", "verify=" + token}}}, domain.Found, ""},
		{"in single letters", &dnstest.Zone{TXT: [][]string{strings.Split(proof, "")}}, domain.Found, ""},
		{"in other case", ptr(dnstest.Txt(strings.ToUpper(proof))), domain.Found, ""},
		{"with blanks around", ptr(dnstest.Txt("  " + proof + " \t")), domain.Found, ""},
		{"with the quotes of a console", ptr(dnstest.Txt(`"` + proof + `"`)), domain.Found, ""},
		{"by way of an alias", &dnstest.Zone{CNAME: "proof.elsewhere.example"}, domain.Found, ""},
		{"by TCP", &dnstest.Zone{Truncated: true, TXT: [][]string{{long}, {long}, {long}, {proof}}}, domain.Found, ""},

		{"no such name", nil, domain.Missing, fault.DomainUnproved},
		{"no TXT record", &dnstest.Zone{}, domain.Missing, fault.DomainUnproved},
		{"other TXT records", ptr(dnstest.Txt("v=spf1 -all")), domain.Missing, fault.DomainUnproved},
		{"an empty record", ptr(dnstest.Txt("")), domain.Missing, fault.DomainUnproved},
		{"the token alone", ptr(dnstest.Txt(token)), domain.Missing, fault.DomainUnproved},
		{"in two records", ptr(dnstest.Txt("cloakroom-", "verify="+token)), domain.Missing, fault.DomainUnproved},
		{"with something before", ptr(dnstest.Txt("x " + proof)), domain.Missing, fault.DomainUnproved},
		{"an alias of nothing", &dnstest.Zone{CNAME: "nowhere.example"}, domain.Missing, fault.DomainUnproved},

		{"another token", ptr(dnstest.Txt("cloakroom-verify=another")), domain.Different, fault.DomainDifferent},
		{"no token", ptr(dnstest.Txt("Cloakroom-Verify=")), domain.Different, fault.DomainDifferent},
		{"half a token", ptr(dnstest.Txt(proof[:len(proof)-1])), domain.Different, fault.DomainDifferent},
		{"more than the token", ptr(dnstest.Txt(proof + "x")), domain.Different, fault.DomainDifferent},
		{"a look-alike letter", ptr(dnstest.Txt(strings.Replace(proof, "K", "\u212A", 1))), domain.Different, fault.DomainDifferent},
		{"a list of tokens", ptr(dnstest.Txt("cloakroom-verify=a," + token)), domain.Different, fault.DomainDifferent},

		{"SERVFAIL", &dnstest.Zone{RCode: dnsmessage.RCodeServerFailure}, domain.NoAnswer, fault.DomainDNSFailed},
		{"REFUSED", &dnstest.Zone{RCode: dnsmessage.RCodeRefused}, domain.NoAnswer, fault.DomainDNSFailed},
		{"NOTIMP", &dnstest.Zone{RCode: dnsmessage.RCodeNotImplemented}, domain.NoAnswer, fault.DomainDNSFailed},
		{"a lame server", &dnstest.Zone{Lame: true}, domain.NoAnswer, fault.DomainDNSFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := dnstest.Start(t)
			dns.Set("proof.elsewhere.example", dnstest.Txt(proof))
			if tt.zone != nil {
				dns.Set("_cloakroom.acme.example", *tt.zone)
			}
			ctx, txt := context.Background(), dns.Resolver().LookupTXT
			seen := domain.Look(ctx, txt, claim())
			if seen.Answer != tt.want {
				t.Fatalf("answer %d, want %d (%+v)", seen.Answer, tt.want, seen)
			}
			err := domain.Explain(ctx, txt, claim(), seen)
			if got := fault.CodeOf(err); got != tt.code {
				t.Errorf("code %q, want %q", got, tt.code)
			}
			if tt.zone != nil && tt.zone.Truncated && dns.TCP() == 0 {
				t.Error("nothing came by TCP")
			}
		})
	}
}

// TestNoAnswerInTime is apart: the resolver's patience is the caller's deadline here.
func TestNoAnswerInTime(t *testing.T) {
	for name, zone := range map[string]dnstest.Zone{"silence": {Silent: true}, "garbage": {Garbage: true}} {
		t.Run(name, func(t *testing.T) {
			dns := dnstest.Start(t)
			dns.Set("_cloakroom.acme.example", zone)
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			if seen := domain.Look(ctx, dns.Resolver().LookupTXT, claim()); seen.Answer != domain.NoAnswer || seen.Err == nil {
				t.Errorf("%+v", seen)
			}
		})
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	dns := dnstest.Start(t)
	dns.Addr = "127.0.0.1:1"
	seen := domain.Look(context.Background(), dns.Resolver().LookupTXT, claim())
	if seen.Answer != domain.NoAnswer {
		t.Errorf("%+v", seen)
	}
	f := fault.As(domain.Explain(context.Background(), nil, claim(), seen))
	if strings.Contains(f.Detail, "127.0.0.1") || !strings.Contains(f.Detail, "_cloakroom.acme.example") {
		t.Errorf("detail %q", f.Detail)
	}
}

func TestExplainNamesHostAndValue(t *testing.T) {
	dns := dnstest.Start(t)
	ctx, txt := context.Background(), dns.Resolver().LookupTXT
	explain := func() *fault.Error {
		return fault.As(domain.Explain(ctx, txt, claim(), domain.Look(ctx, txt, claim())))
	}
	holds := func(s string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(s, p) {
				t.Errorf("no %q in %q", p, s)
			}
		}
	}
	f := explain()
	holds(f.Fix, "_cloakroom.acme.example", proof)
	if f.Observed != "" || f.Expected != proof {
		t.Errorf("%+v", f)
	}

	dns.Set("_cloakroom.acme.example", dnstest.Txt("v=spf1", "cloakroom-verify=old\x00\x1b[31m", strings.Repeat("y", 255), "a", "b", "c", "d"))
	f = explain()
	holds(f.Fix, "replace", "_cloakroom.acme.example", proof)
	holds(f.Observed, "v=spf1 | cloakroom-verify=old??[31m | yyy")
	if len(f.Observed) > 1100 || strings.Contains(f.Observed, " | d") {
		t.Errorf("observed %q", f.Observed)
	}

	dns.Remove("_cloakroom.acme.example")
	dns.Set("acme.example", dnstest.Txt("v=spf1", proof))
	holds(explain().Fix, "stands at acme.example.", "_cloakroom.acme.example")
	dns.Remove("acme.example")
	dns.Set("_cloakroom.acme.example.acme.example", dnstest.Txt(proof))
	holds(explain().Fix, "stands at _cloakroom.acme.example.acme.example.")
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"eu.mail.acme.example.co.uk": "mail.acme.example.co.uk acme.example.co.uk example.co.uk",
		"acme.example":               "", "eu.acme.example": "acme.example", "me.github.io": "", "a.me.github.io": "me.github.io",
	} {
		if got := strings.Join(domain.Parents(name), " "); got != want {
			t.Errorf("parents of %s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"xn--bcher-kva.example": "bücher.example", "acme.example": "acme.example", "xn--strae-oqa.example": "straße.example"} {
		if got := domain.Unicode(name); got != want {
			t.Errorf("%s is shown as %q, want %q", name, got, want)
		}
	}
	if domain.Provable(strings.Repeat("a.", 125)+"ab") || !domain.Provable("acme.example") {
		t.Error("the length of the record's name")
	}
}

func ptr[T any](v T) *T { return &v }
