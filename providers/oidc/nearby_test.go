package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// cast answers for each host as its handler does; others do not exist.
type cast map[string]http.Handler

func (c cast) RoundTrip(r *http.Request) (*http.Response, error) {
	h, ok := c[r.URL.Host]
	if !ok {
		return nil, fault.New(fault.FetchDNS, "%s", r.URL.Host)
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody // as a server sees it
	}
	h.ServeHTTP(w, in)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func hosted443(issuer string, change ...func(*oidcop.Options)) *oidcop.OP {
	o := oidcop.Options{Issuer: issuer, Now: time.Now, Users: []oidcop.User{ada()}, Algorithm: "ES256",
		Clients: []oidcop.Client{{ID: clientID, Secret: secret, RedirectURIs: []string{callback}}}}
	for _, f := range change {
		f(&o)
	}
	return oidcop.New(o)
}

// at is a connection to providers that live under names of their own.
func at(t *testing.T, preset string, config m, hosts cast, domains ...string) *party {
	t.Helper()
	x := &party{t: t, clock: &clock{}}
	all := m{"client_id": clientID, "client_secret": secret}
	for k, v := range config {
		all[k] = v
	}
	b, _ := json.Marshal(all)
	x.set = providers.Settings{Slug: "acme", Preset: preset, CallbackURL: callback, Config: b, HTTP: &http.Client{Transport: hosts}, Now: x.clock.now, Domains: domains}
	x.open()
	return x
}

func TestNearIssuers(t *testing.T) {
	moved := func(to string) http.Handler { return http.RedirectHandler(to, http.StatusFound) }
	okta := cast{"acme.okta.com": hosted443("https://acme.okta.com"), "acme-admin.okta.com": says404{}}
	kc := cast{"kc.example": hosted443("https://kc.example/realms/acme")}
	for _, tt := range []struct {
		name, preset, issuer string
		hosts                cast
		want                 fault.Code
		found                string
	}{
		{"the administrators' host", "okta", "https://acme-admin.okta.com", okta, fault.OIDCIssuer, "https://acme.okta.com"},
		{"the authorize address", "okta", "https://acme.okta.com/oauth2/v1/authorize", okta, fault.OIDCIssuer, "https://acme.okta.com"},
		{"a page of the console", "keycloak", "https://kc.example/realms/acme/protocol/openid-connect/auth", kc, fault.OIDCIssuer, "https://kc.example/realms/acme"},
		{"Keycloak's old path", "keycloak", "https://kc.example/auth/realms/acme", kc, fault.OIDCIssuer, "https://kc.example/realms/acme"},
		{"AD FS without its path", "adfs", "https://fs.example", cast{"fs.example": hosted443("https://fs.example/adfs")}, fault.OIDCIssuer, "https://fs.example/adfs"},
		{"nothing near", "generic", "https://other.example/a/b", cast{"other.example": says404{}}, fault.OIDCDiscovery, ""},
		{"a neighbour that calls itself otherwise", "generic", "https://n.example/x", cast{"n.example": hosted443("https://n.example", func(o *oidcop.Options) { o.AnnouncedAs = "https://evil.example" })}, fault.OIDCDiscovery, ""},
		{"no such host", "generic", "https://typo.example", cast{}, fault.FetchDNS, ""},
		{"a loop of redirects", "generic", "https://loop.example/x", cast{"loop.example": moved("https://loop.example/x")}, fault.FetchRedirect, ""},
		{"announces http", "keycloak", "https://kc.example", cast{"kc.example": hosted443("https://kc.example", func(o *oidcop.Options) { o.AnnouncedAs = "http://kc.example" })}, fault.OIDCInternal, "http://kc.example"},
		{"announces its inner name", "keycloak", "https://kc.example", cast{"kc.example": hosted443("https://kc.example", func(o *oidcop.Options) { o.AnnouncedAs = "https://keycloak:8443" })}, fault.OIDCInternal, "https://keycloak:8443"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := at(t, tt.preset, m{"issuer": tt.issuer}, tt.hosts)
			f := x.finding("discovery")
			known := fault.As(f.Err)
			if known.Code != tt.want || tt.found != "" && known.Observed != tt.found {
				t.Fatalf("%+v", f)
			}
			if tt.want == fault.OIDCIssuer && (known.Fix != "Set Issuer to "+tt.found+"." || known.Confidence != fault.Proved) {
				t.Errorf("fix %q, %s", known.Fix, known.Confidence)
			}
			if tt.want == fault.OIDCInternal && !strings.Contains(known.Fix, "KC_HOSTNAME") {
				t.Errorf("fix %q", known.Fix)
			}
			if c, err := x.p.Start(t.Context(), x.request()); err == nil {
				t.Errorf("a sign-in goes to %s", c.URL)
			}
		})
	}
}

type says404 struct{}

func (says404) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusNotFound)
}

func TestClouds(t *testing.T) {
	us := "https://login.microsoftonline.us/" + acme + "/v2.0"
	tenants := func(list map[string]string) func(*oidcop.Options) {
		return func(o *oidcop.Options) { o.Like, o.Tenants = oidcop.LikeEntra, list }
	}
	com := hosted443(cloud+globex+"/v2.0", tenants(nil))
	gov := hosted443(us, tenants(map[string]string{acme: acme}))
	x := at(t, "entra", m{"tenant": acme}, cast{"login.microsoftonline.com": com, "login.microsoftonline.us": gov, "login.partner.microsoftonline.cn": com})
	if f := fault.As(x.finding("discovery").Err); f.Code != fault.OIDCOtherCloud || f.Observed != us || f.Fix != "Set Issuer to "+us+"." {
		t.Errorf("%+v", f)
	}
	x = at(t, "entra", m{"tenant": acme}, cast{"login.microsoftonline.com": com, "login.microsoftonline.us": com})
	if f := fault.As(x.finding("discovery").Err); f.Code != fault.OIDCTenantUnknown {
		t.Errorf("%+v", f)
	}
	gov.Lie(oidcop.Lies{Discovery: oidcop.Set(m{"cloud_instance_name": "microsoftonline.com"})})
	x = at(t, "entra", m{"issuer": us, "tenant": acme}, cast{"login.microsoftonline.us": gov})
	if f := x.finding("cloud"); fault.CodeOf(f.Err) != fault.OIDCOtherCloud {
		t.Errorf("%+v", f)
	}
}

func TestDomainsAndTenants(t *testing.T) {
	op := hosted443(cloud+acme+"/v2.0", func(o *oidcop.Options) {
		o.Like, o.Tenants = oidcop.LikeEntra, map[string]string{acme: acme, "acme.example": acme, "globex.example": globex}
	})
	for _, tt := range []struct {
		domain, want string
	}{
		{"acme.example", "proved"}, {"ACME.example", "proved"}, {"globex.example", "oidc.domain_in_other_tenant warning"},
		{"nowhere.example", "oidc.domain_without_tenant warning"}, {"a/../b", "silent"},
	} {
		x := at(t, "entra", m{"tenant": acme}, cast{"login.microsoftonline.com": op}, tt.domain)
		if f := x.finding("tenant"); verdict(f) != tt.want {
			t.Errorf("%s: %+v", tt.domain, f)
		}
	}
}
