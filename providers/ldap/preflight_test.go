package ldap_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/ldapd"
)

// verdicts are a preflight's findings by their check, in short; order keeps the checks.
func verdicts(t *testing.T, w *world) (byCheck map[string]*providers.Finding, order []string) {
	t.Helper()
	byCheck = map[string]*providers.Finding{}
	for _, f := range w.provider.(providers.Preflighter).Preflight(t.Context()) {
		one := f
		byCheck[f.Check] = &one
		order = append(order, f.Check)
		if strings.Contains(f.Detail, servicePassword) || f.Err != nil && strings.Contains(f.Err.Error(), servicePassword) {
			t.Errorf("the password is quoted: %+v", f)
		}
	}
	return byCheck, order
}

// A connection that is right climbs to the top.
func TestPreflightPasses(t *testing.T) {
	for name, s := range map[string]setup{
		"OpenLDAP":             {Options: corp(ldapd.OpenLDAP)},
		"OpenLDAP by LDAPS":    {Options: corp(ldapd.OpenLDAP), LDAPS: true},
		"OpenLDAP as nobody":   {Options: anonymous(), Settings: map[string]any{"bind_dn": "", "bind_password": ""}},
		"groups by search":     {Options: bare(), Settings: map[string]any{"group_base": "ou=Groups,dc=corp,dc=example"}},
		"AD":                   {Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"nested_groups": true}},
		"AD, account by UPN":   {Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"nested_groups": true, "bind_dn": "svc@corp.example"}},
		"AD, account by short": {Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"nested_groups": true, "bind_dn": `CORP\svc`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, s)
			found, order := verdicts(t, w)
			for check, f := range found {
				if f.Err != nil || f.Severity != "ok" {
					t.Errorf("%s: %+v", check, f)
				}
			}
			for _, want := range []string{"resolve", "connect", "tls", "root", "bind", "base", "people", "duplicates", "subject", "groups"} {
				if !slices.Contains(order, want) {
					t.Errorf("%s was not looked at: %q", want, order)
				}
			}
			if n := len(w.Binds()); n > 1 {
				t.Errorf("%d binds", n)
			}
		})
	}
}

// Each mistake is found at its step, and nothing is looked at beyond it.
func TestPreflightFinds(t *testing.T) {
	ad, open389 := corp(ldapd.ActiveDirectory), corp(ldapd.OpenLDAP)
	with := func(o ldapd.Options, change func(*ldapd.Options)) ldapd.Options { change(&o); return o }
	service := func(s ldapd.State) ldapd.Options {
		return with(ad, func(o *ldapd.Options) { o.Service.State = s })
	}
	soon := time.Now().Add(10 * 24 * time.Hour)
	for _, tt := range []struct {
		name     string
		setup    setup
		lies     ldapd.Lies
		check    string
		want     fault.Code
		severity string
		binds    int
		observed string // part of detail, observed or expected
	}{
		{"LDAP-02: StartTLS at the LDAPS port", setup{Options: ad, LDAPS: true, Settings: map[string]any{"url": "ldap://{at}", "start_tls": true}}, ldapd.Lies{}, "tls", fault.LDAPMode, "error", 0, "speaks"},
		{"LDAP-02: LDAPS at the plain port", setup{Options: ad, Settings: map[string]any{"url": "ldaps://{at}", "start_tls": false}}, ldapd.Lies{}, "tls", fault.LDAPMode, "error", 0, "speaks plain LDAP"},
		{"no certificate at the server", setup{Options: ad}, ldapd.Lies{NoStartTLS: true}, "tls", fault.LDAPStartTLS, "error", 0, "Error initializing SSL/TLS"},
		{"hangs up", setup{Options: ad, LDAPS: true}, ldapd.Lies{Close: ldapd.Connect}, "tls", fault.LDAPTLS, "error", 0, ""},
		{"a web server", setup{Options: ad}, ldapd.Lies{Raw: func(string, int64) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }}, "tls", fault.LDAPAnswer, "error", 0, "HT"},
		{"LDAP-03: unknown authority", setup{Options: ad, Settings: map[string]any{"ca": ""}}, ldapd.Lies{}, "certificate", fault.LDAPUntrusted, "error", 0, "Corp Issuing CA"},
		{"LDAP-03: another name", setup{Options: with(ad, func(o *ldapd.Options) { o.Names = []string{"dc1.corp.example"} })}, ldapd.Lies{}, "certificate", fault.LDAPHostName, "error", 0, "dc1.corp.example"},
		{"certificate over", setup{Options: with(ad, func(o *ldapd.Options) { o.CertificateEnds = time.Now().Add(-time.Hour) })}, ldapd.Lies{}, "certificate", fault.LDAPCertExpired, "error", 0, "valid from"},
		{"certificate ends soon", setup{Options: with(ad, func(o *ldapd.Options) { o.CertificateEnds = soon })}, ldapd.Lies{}, "certificate", fault.LDAPCertEnds, "warning", 1, soon.UTC().Format(time.DateOnly)},
		{"LDAP-05: wrong password", setup{Options: ad, Settings: map[string]any{"bind_password": "old"}}, ldapd.Lies{}, "bind", fault.LDAPService, "error", 1, "wrong password"},
		{"LDAP-05: wrong name", setup{Options: ad, Settings: map[string]any{"bind_dn": "svc@other.example"}}, ldapd.Lies{}, "bind", fault.LDAPService, "error", 1, "no such account"},
		{"LDAP-05: OpenLDAP", setup{Options: open389, Settings: map[string]any{"bind_password": "old"}}, ldapd.Lies{}, "bind", fault.LDAPService, "error", 1, "Invalid Credentials"},
		{"LDAP-06: expired", setup{Options: service(ldapd.PasswordExpired)}, ldapd.Lies{}, "bind", fault.LDAPServiceExpired, "error", 1, "password expired"},
		{"LDAP-06: must change", setup{Options: service(ldapd.MustChange)}, ldapd.Lies{}, "bind", fault.LDAPServiceExpired, "error", 1, "must be changed"},
		{"LDAP-06: locked", setup{Options: service(ldapd.Locked)}, ldapd.Lies{}, "bind", fault.LDAPServiceLocked, "error", 1, "locked"},
		{"LDAP-06: disabled", setup{Options: service(ldapd.Disabled)}, ldapd.Lies{}, "bind", fault.LDAPServiceDisabled, "error", 1, "disabled"},
		{"LDAP-06: account expired", setup{Options: service(ldapd.AccountExpired)}, ldapd.Lies{}, "bind", fault.LDAPServiceDisabled, "error", 1, "account expired"},
		{"LDAP-06: hours", setup{Options: service(ldapd.Hours)}, ldapd.Lies{}, "bind", fault.LDAPServiceElsewhere, "error", 1, "hour"},
		{"LDAP-06: soon", setup{Options: with(ad, func(o *ldapd.Options) { o.Service.PasswordEnds = soon })}, ldapd.Lies{}, "service_password", fault.LDAPServiceEnds, "warning", 1, soon.UTC().Format(time.DateOnly)},
		{"encryption wanted", setup{Options: ad, Settings: map[string]any{"url": "ldap://{at}", "start_tls": false}}, ldapd.Lies{RequireTLS: true}, "bind", fault.LDAPStronger, "error", 1, "integrity checking"},
		{"LDAP-08: nobody may search", setup{Options: ad, Settings: map[string]any{"bind_dn": "", "bind_password": ""}}, ldapd.Lies{}, "base", fault.LDAPNotBound, "error", 0, "successful bind"},
		{"no base", setup{Options: ad, Settings: map[string]any{"user_base": ""}}, ldapd.Lies{}, "base", fault.LDAPBaseMissing, "error", 1, "dc=corp,dc=example"},
		{"wrong base", setup{Options: ad, Settings: map[string]any{"user_base": "OU=Peple,DC=corp,DC=example"}}, ldapd.Lies{}, "base", fault.LDAPBase, "error", 1, "dc=corp,dc=example"},
		{"wrong group base", setup{Options: ad, Settings: map[string]any{"group_base": "OU=Nowhere,DC=corp,DC=example"}}, ldapd.Lies{}, "base", fault.LDAPBase, "error", 1, "OU=Nowhere"},
		{"hidden tree", setup{Options: open389, Settings: map[string]any{"bind_dn": "", "bind_password": ""}}, ldapd.Lies{}, "base", fault.LDAPBase, "error", 0, ""},
		{"no rights", setup{Options: open389}, ldapd.Lies{Search: func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
			return nil, ldapd.Result{Code: 50}, true
		}}, "base", fault.LDAPRights, "error", 1, ""},
		{"may not be read", setup{Options: open389}, ldapd.Lies{Search: func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
			return nil, ldapd.Result{}, true
		}}, "base", fault.LDAPRights, "error", 1, ""},
		{"a refusal of another kind", setup{Options: open389}, ldapd.Lies{Search: func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
			return nil, ldapd.Result{Code: 18, Message: "inappropriate matching"}, true
		}}, "base", fault.LDAPSearch, "error", 1, "inappropriate"},
		{"LDAP-09: uid at AD", setup{Options: ad, Settings: map[string]any{"user_filter": "(uid=%s)"}}, ldapd.Lies{}, "people", fault.LDAPNobody, "error", 1, "(sAMAccountName=%s)"},
		{"LDAP-09: sAMAccountName at OpenLDAP", setup{Options: open389, Settings: map[string]any{"user_filter": "(&(objectClass=user)(sAMAccountName=%s))"}}, ldapd.Lies{}, "people", fault.LDAPNobody, "error", 1, "(uid=%s)"},
		{"LDAP-09: outside of the base", setup{Options: ad, Settings: map[string]any{"user_base": "OU=Groups,DC=corp,DC=example"}}, ldapd.Lies{}, "people", fault.LDAPNobody, "error", 1, "nor has any entry"},
		{"LDAP-11: other domain", setup{Options: ad}, ldapd.Lies{References: []string{"ldap://ForestDnsZones.corp.example/DC=ForestDnsZones,DC=corp,DC=example", "ldap://child.corp.example/DC=child,DC=corp,DC=example"}}, "referrals", fault.LDAPReferral, "warning", 1, "child.corp.example"},
		{"LDAP-11: nobody here", setup{Options: ad, Settings: map[string]any{"user_base": "OU=Groups,DC=corp,DC=example"}}, ldapd.Lies{References: []string{"ldap://child.corp.example/DC=child,DC=corp,DC=example"}}, "people", fault.LDAPReferral, "error", 1, "child.corp.example"},
		{"LDAP-12: size limit", setup{Options: open389}, ldapd.Lies{NoPaging: true, MaxEntries: 1}, "people", fault.LDAPSizeLimit, "warning", 1, "first 1"},
		{"LDAP-14: nested", setup{Options: ad}, ldapd.Lies{}, "groups", fault.LDAPNested, "warning", 1, "Staff"},
		{"LDAP-14: no groups", setup{Options: bare()}, ldapd.Lies{}, "groups", fault.LDAPNoGroups, "warning", 1, "memberOf"},
		{"nested where it cannot be", setup{Options: open389, Settings: map[string]any{"nested_groups": true}}, ldapd.Lies{}, "groups", fault.LDAPSettings, "warning", 1, "nested_groups"},
		{"LDAP-15: sAMAccountName", setup{Options: ad, Settings: map[string]any{"subject_attribute": "sAMAccountName", "nested_groups": true}}, ldapd.Lies{}, "subject", "", "ok", 1, "sAMAccountName"},
		{"nobody has the identifier", setup{Options: open389}, ldapd.Lies{Hide: []string{"entryUUID"}}, "subject", fault.LDAPSubjectMissing, "error", 1, "entryUUID"},
		{"some have the identifier", setup{Options: with(open389, func(o *ldapd.Options) {
			o.People = slices.Clone(o.People)
			o.People[0].Attributes = map[string][]string{"employeeNumber": {"7"}}
		}), Settings: map[string]any{"subject_attribute": "employeeNumber"}}, ldapd.Lies{}, "subject", fault.LDAPSubjectMissing, "warning", 1, "2 of 3"},
		{"two of a name", setup{Options: with(ad, func(o *ldapd.Options) {
			o.People = slices.Clone(o.People)
			o.People[1].Email = "ann@corp.example"
		})}, ldapd.Lies{}, "duplicates", fault.LDAPDuplicate, "warning", 1, "ann@corp.example"},
		{"blank at the password", setup{Options: ad, Settings: map[string]any{"bind_password": servicePassword + " "}}, ldapd.Lies{}, "bind", fault.LDAPService, "error", 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, tt.setup)
			w.Lie(tt.lies)
			found, order := verdicts(t, w)
			f := found[tt.check]
			if f == nil || fault.CodeOf(f.Err) != tt.want || f.Severity != tt.severity {
				t.Fatalf("%s: %+v, of %q", tt.check, f, order)
			}
			text := f.Detail
			if e := fault.As(f.Err); e != nil {
				text += " " + e.Observed + " " + e.Expected
			}
			if !strings.Contains(text, tt.observed) {
				t.Errorf("%q says nothing of %q", text, tt.observed)
			}
			if tt.severity == "error" && order[len(order)-1] != tt.check {
				t.Errorf("it went on after the fault: %q", order)
			}
			if n := len(w.Binds()); n != tt.binds {
				t.Errorf("%d binds: %q", n, w.Binds())
			}
		})
	}
}

// What settings say by themselves is said without asking the directory.
func TestPreflightLint(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"subject_attribute": "mail", "bind_password": " " + servicePassword}})
	got := w.provider.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context()))
	if len(got) != 3 || fault.CodeOf(got[0].Err) != fault.LDAPSubject || fault.CodeOf(got[1].Err) != fault.PasteCleaned || got[2].Err != nil {
		t.Errorf("%+v", got)
	}
	if len(w.Binds()) != 0 {
		t.Errorf("binds: %q", w.Binds())
	}
}

// A service account that was refused is not tried again by a check that nobody asked for.
func TestPreflightSpares(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.ActiveDirectory)})
	for _, refusal := range []fault.Code{fault.LDAPService, fault.LDAPServiceLocked} {
		got := w.provider.(providers.Preflighter).Preflight(providers.Sparing(t.Context(), refusal))
		last := got[len(got)-1]
		if fault.CodeOf(last.Err) != refusal || last.Check != "bind" || last.Severity != "error" || !fault.BindRefused(refusal) {
			t.Errorf("%+v", last)
		}
	}
	if len(w.Binds()) != 0 {
		t.Errorf("binds: %q", w.Binds())
	}
}

// A network that does not let us through is told from a directory that does not.
func TestPreflightNetwork(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut := gone.Addr().String()
	_ = gone.Close()
	p, err := begin("generic", map[string]any{"url": "ldaps://" + shut, "user_base": "dc=corp,dc=example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := p.(providers.Preflighter).Preflight(t.Context())
	if last := got[len(got)-1]; fault.CodeOf(last.Err) != fault.FetchRefused || last.Check != "connect" {
		t.Errorf("%+v", got)
	}
	_, err = p.Finish(t.Context(), providers.Request{}, form("ann", password))
	if fault.CodeOf(err) != fault.FetchRefused {
		t.Errorf("%v", err)
	}
}
