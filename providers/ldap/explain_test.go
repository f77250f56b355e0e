package ldap_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/ldap"
	"cloakroom/providers/providertest/ldapd"
)

// A report lists the steps in order, as far as the sign-in came, and never holds the password.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		settings map[string]any
		state    ldapd.State
		username string
		password string
		want     fault.Code
		failed   string
	}{
		{"good", nil, "", "ann", password, "", ""},
		{"nothing typed", nil, "", "ann", "", fault.LDAPInput, "answer"},
		{"unknown authority", map[string]any{"ca": ""}, "", "ann", password, fault.LDAPUntrusted, "connect"},
		{"account refused", map[string]any{"bind_password": "old"}, "", "ann", password, fault.LDAPService, "bind"},
		{"wrong base", map[string]any{"user_base": "OU=Nowhere,DC=corp,DC=example"}, "", "ann", password, fault.LDAPBase, "search"},
		{"unknown", nil, "", "eve", password, fault.LDAPPersonUnknown, "search"},
		{"wrong password", nil, "", "ann", "not the horse", fault.LDAPPassword, "password"},
		{"disabled", nil, ldapd.Disabled, "ann", password, fault.LDAPDisabled, "account"},
		{"wrong group base", map[string]any{"group_base": "OU=Nowhere,DC=corp,DC=example"}, "", "ann", password, fault.LDAPBase, "groups"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := corp(ldapd.ActiveDirectory)
			o.People[0].State = tt.state
			w := open(t, setup{Options: o, Settings: tt.settings})
			got := w.provider.(providers.Explainer).Explain(t.Context(), providers.Request{}, form(tt.username, tt.password))
			if strings.Contains(got.Message, password) || !strings.Contains(got.Message, tt.username) {
				t.Errorf("message %q", got.Message)
			}
			if tt.want == "" {
				if !got.OK() || got.Identity == nil || got.Identity.Subject != w.DN("ann") {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got.Findings) != 1 || fault.CodeOf(got.Findings[0].Err) != tt.want || got.Identity != nil {
				t.Fatalf("%+v", got)
			}
			reached := true
			for _, c := range got.Checks {
				want := providers.NotReached
				switch {
				case c.Name == tt.failed:
					want, reached = providers.Failed, false
				case reached:
					want = providers.Passed
				}
				if c.Status != want {
					t.Errorf("%s: %s, want %s", c.Name, c.Status, want)
				}
			}
		})
	}
	w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
	x := w.provider.(providers.Explainer)
	if got := x.Inspect(t.Context(), providers.Sample{IDToken: "x"}); got.OK() || fault.CodeOf(got.Findings[0].Err) != fault.ExplainKind {
		t.Errorf("%+v", got)
	}
	if names := x.Names(); len(names) != 1 || names[0] != "ldap://"+w.at {
		t.Errorf("%q", names)
	}
}

// The calendar learns of the directory's certificate by sign-ins, and of the authority's by the settings.
func TestExpiries(t *testing.T) {
	ends := time.Now().Add(20 * 24 * time.Hour).UTC().Truncate(time.Second)
	o := corp(ldapd.OpenLDAP)
	o.CertificateEnds = ends
	d, err := ldapd.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at, err := d.Listen(true)
	if err != nil {
		t.Fatal(err)
	}
	var kept [][]byte
	s := providers.Settings{
		Config: []byte(`{"url":"ldaps://` + at + `","user_base":"dc=corp,dc=example","bind_dn":"` + d.DN("svc") + `","bind_password":"` + servicePassword + `","ca":"` + strings.ReplaceAll(d.CA(), "\n", `\n`) + `"}`),
		Now:    time.Now, Dial: dialer,
		Remember: func(_ context.Context, b []byte) error { kept = append(kept, b); return nil },
	}
	p, err := ldap.Protocol{}.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.(providers.Expirer).Expiries(t.Context()); len(got) != 1 || got[0].At.Before(ends.AddDate(5, 0, 0)) {
		t.Errorf("before the first sign-in: %+v", got)
	}
	for range 2 {
		if _, err := p.Finish(t.Context(), providers.Request{}, form("ann", password)); err != nil {
			t.Fatal(err)
		}
	}
	if len(kept) != 1 {
		t.Fatalf("kept %d times", len(kept))
	}
	s.Stored = kept[0]
	if p, err = (ldap.Protocol{}).Open(s); err != nil {
		t.Fatal(err)
	}
	got := p.(providers.Expirer).Expiries(t.Context())
	if len(got) != 1 || !got[0].At.Equal(ends) || got[0].Kind != providers.ExpiringCertificate || len(got[0].Fingerprint) != 64 {
		t.Errorf("%+v", got)
	}
}
