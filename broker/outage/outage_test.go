package outage_test

import (
	"context"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/outage"
)

type standings []broker.Standing

func (s standings) Standings(context.Context, time.Time, int) ([]broker.Standing, error) {
	return s, nil
}

func conn(slug, preset, metadata string) *broker.Connection {
	return &broker.Connection{Slug: slug, Preset: preset, Protocol: "saml", SAML: &broker.SAML{MetadataURL: metadata}}
}

// A vendor is in trouble when three of its customers are, and each by its last word.
func TestVendor(t *testing.T) {
	conns := map[string]*broker.Connection{
		"a": conn("a", "okta", "https://a.okta.com/m"), "b": conn("b", "okta", "https://b.okta.com/m"), "c": conn("c", "okta", "https://c.okta.com/m"),
		"d": conn("d", "entra", "https://login.microsoftonline.com/d/m"), "k": conn("k", "keycloak", "https://sso.acme.example/m"), "l": conn("l", "keycloak", "https://sso.acme.example/n"),
		"g": {Slug: "g", Preset: "google", OIDC: &broker.OIDC{}}, "h": {Slug: "h", Preset: "google", OIDC: &broker.OIDC{}}, "i": {Slug: "i", Preset: "google", OIDC: &broker.OIDC{}},
	}
	down := func(slugs ...string) (out standings) {
		for _, s := range slugs {
			out = append(out, broker.Standing{Connection: s, Code: fault.FetchServer})
		}
		return out
	}
	well := broker.Standing{Connection: "b"}
	for _, row := range []struct {
		name, of string
		all      standings
		want     string
	}{
		{"alone", "a", down("a"), ""},
		{"two", "a", down("a", "b"), ""},
		{"three", "a", down("a", "b", "c"), "Okta"},
		{"three, this one not written down yet", "a", down("b", "c"), "Okta"},
		{"one has recovered", "a", append(standings{well}, down("a", "b", "c")...), ""},
		{"other vendors", "a", down("a", "b", "d", "k"), ""},
		{"other troubles", "a", standings{{Connection: "b", Code: fault.SAMLAudience}, {Connection: "c", Code: fault.FetchDNS}}, ""},
		{"their own server, two connections", "k", down("k", "l"), ""},
		{"no address entered", "g", down("h", "i"), "Google"},
		{"deleted since", "a", down("x", "y", "z"), ""},
	} {
		w := &outage.Watch{Store: row.all, Now: time.Now, Title: func(p string) string { return map[string]string{"okta": "Okta", "google": "Google"}[p] },
			Connections: func(_ context.Context, slug string) (*broker.Connection, error) {
				if c := conns[slug]; c != nil {
					return c, nil
				}
				return nil, broker.ErrNotFound
			}}
		if got := w.Vendor(context.Background(), conns[row.of]); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
