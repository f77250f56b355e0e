package nearmiss_test

import (
	"strings"
	"testing"

	"cloakroom/broker/diagnose/nearmiss"
)

const ours = "https://sso.example/broker/acme/metadata"

func TestCompare(t *testing.T) {
	others := map[string]string{"ACS URL": "https://sso.example/broker/acme/endpoint", "Entity ID": ours}
	for _, c := range []struct {
		observed string
		want     nearmiss.Kind
		near     bool
	}{
		{ours, nearmiss.Same, false},
		{" " + ours + "\u200b", nearmiss.Blanks, true},
		{ours + "\u00a0", nearmiss.Blanks, true},
		{"https://SSO.example/broker/Acme/metadata", nearmiss.Case, true},
		{ours + "/", nearmiss.Slash, true},
		{"http://sso.example/broker/acme/metadata", nearmiss.Scheme, true},
		{"sso.example/broker/acme/metadata", nearmiss.Scheme, true},
		{"HTTP://sso.example/broker/acme/metadata/", nearmiss.Scheme, true},
		{"https://sso.example/broker%2Facme/metadata", nearmiss.Escaping, true},
		{"https://sso.example:8443/broker/acme/metadata", nearmiss.Port, true},
		{"https://www.sso.example/broker/acme/metadata", nearmiss.WWW, true},
		{`"https://sso.example/broker/acme/metadata"`, nearmiss.Wrapped, true},
		{"spn:https://sso.example/broker/acme/metadata", nearmiss.Wrapped, true},
		{"<https://sso.example/broker/acme/metadata>;", nearmiss.Wrapped, true},
		{"https://sso.example/broker/acme/metadata/xml", nearmiss.Path, false},
		{"https://sso.example/broker/acme/metadata?x=1", nearmiss.Query, true},
		{"https://sso-staging.example/broker/acme/metadata", nearmiss.Environment, true},
		{"https://dev2.sso.example/broker/acme/metadata", nearmiss.Environment, true},
		{"https://sso.example/broker/acne/metadata", nearmiss.Slip, true},
		{"https://sso.example/broker/acem/metadata", nearmiss.Slip, true},
		{"https://sso.example/saml/other", nearmiss.Path, false},
		{"https://sso.example/broker/acme/endpoint", nearmiss.Swapped, true},
		{"https://sso.example/broker/acme/endpoint/", nearmiss.Swapped, true},
		{"urn:amazon:webservices", nearmiss.Other, false},
		{"", nearmiss.Other, false},
		{"%zz", nearmiss.Other, false},
		{strings.Repeat("x", 5000), nearmiss.Other, false},
	} {
		r := nearmiss.Compare(c.observed, ours, others)
		if r.Kind != c.want || r.Near() != c.near {
			t.Errorf("%.60q: %s, near %v; want %s, %v", c.observed, r.Kind, r.Near(), c.want, c.near)
		}
		if r.Near() && r.Sentence() == "" {
			t.Errorf("%s has no sentence", r.Kind)
		}
		both, observed, expected := "", "", ""
		for _, p := range r.Parts {
			switch p.In {
			case "both":
				observed, expected, both = observed+p.Text, expected+p.Text, both+p.Text
			case "observed":
				observed += p.Text
			case "expected":
				expected += p.Text
			}
		}
		if len(c.observed) < 1000 && observed != c.observed || expected != ours {
			t.Errorf("%.60q: the parts say %q and %q", c.observed, observed, expected)
		}
	}
	if r := nearmiss.Compare("https://xn--bcher-kva.example/sp", "https://bücher.example/sp", nil); r.Kind != nearmiss.Host || r.Sentence() == "" {
		t.Errorf("xn-- form: %s", r.Kind)
	}
	if r := nearmiss.Compare("https://sso.example/broker/acme/endpoint", ours, others); r.As != "ACS URL" {
		t.Errorf("swapped with %q", r.As)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(ours, "http://sso.example")
	f.Add("\xff\xfe", "%")
	f.Fuzz(func(t *testing.T, a, b string) {
		if r := nearmiss.Compare(a, b, map[string]string{"x": b + "/"}); a == b && r.Kind != nearmiss.Same {
			t.Errorf("%q is not itself: %s", a, r.Kind)
		}
	})
}
