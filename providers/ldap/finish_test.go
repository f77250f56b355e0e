package ldap_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/ldapd"
)

func TestSignIn(t *testing.T) {
	for _, tt := range []struct {
		name     string
		setup    setup
		username string
		subject  string // attribute
		groups   []string
	}{
		{"OpenLDAP by StartTLS", setup{Options: corp(ldapd.OpenLDAP)}, "ann", "entryUUID", []string{"Engineers"}},
		{"OpenLDAP by LDAPS, by address", setup{Options: corp(ldapd.OpenLDAP), LDAPS: true}, "ann@corp.example", "entryUUID", []string{"Engineers"}},
		{"OpenLDAP in another case", setup{Options: corp(ldapd.OpenLDAP)}, " ANN ", "entryUUID", []string{"Engineers"}},
		{"OpenLDAP without an account", setup{Options: anonymous(), Settings: map[string]any{"bind_dn": "", "bind_password": ""}}, "ann", "entryUUID", []string{"Engineers"}},
		{"OpenLDAP on this machine in clear", setup{Options: corp(ldapd.OpenLDAP), Settings: map[string]any{"url": "ldap://{at}", "start_tls": false}}, "ann", "entryUUID", []string{"Engineers"}},
		{"OpenLDAP without memberOf", setup{Options: bare(), Settings: map[string]any{"group_base": "ou=Groups,dc=corp,dc=example"}}, "ann", "entryUUID", []string{"Engineers"}},
		{"Active Directory", setup{Options: corp(ldapd.ActiveDirectory), LDAPS: true}, "ann", "objectGUID", []string{"Engineers", "Domain Users"}},
		{"Active Directory by UPN", setup{Options: corp(ldapd.ActiveDirectory)}, "ann@corp.example", "objectGUID", []string{"Engineers", "Domain Users"}},
		{"Active Directory by the old name", setup{Options: corp(ldapd.ActiveDirectory)}, `CORP\ann`, "objectGUID", []string{"Engineers", "Domain Users"}},
		{"Active Directory, nested", setup{Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"nested_groups": true}}, "ann", "objectGUID", []string{"Engineers", "Domain Users", "Staff"}},
		{"Active Directory, account by UPN", setup{Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"bind_dn": "svc@corp.example"}}, "ann", "objectGUID", []string{"Engineers", "Domain Users"}},
		{"Active Directory, group base", setup{Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"group_base": "OU=Groups,DC=corp,DC=example"}}, "ann", "objectGUID", []string{"Engineers", "Domain Users"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, tt.setup)
			idn, err := w.signIn(t, tt.username, password)
			if err != nil {
				t.Fatal(err)
			}
			if idn.Subject != w.DN("ann") || !strings.HasSuffix(idn.Issuer, w.at) || !slices.Equal(idn.AMR, []string{"pwd"}) || idn.EmailVerified != nil {
				t.Errorf("%+v", idn)
			}
			if v := idn.Attributes[tt.subject]; len(v) != 1 || tt.subject == "objectGUID" && len(v[0]) != 16 {
				t.Errorf("%s: %q", tt.subject, v)
			}
			if got := idn.Attributes["mail"]; !slices.Equal(got, []string{"ann@corp.example"}) {
				t.Errorf("mail %q", got)
			}
			var want []string
			for _, g := range tt.groups {
				want = append(want, w.DN(g))
			}
			got := idn.Attributes["memberOf"]
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("groups %q, want %q", got, want)
			}
			if idn.Attributes["userPassword"] != nil {
				t.Error("the password's hash is kept")
			}
			if b := w.Binds(); b[len(b)-1] != w.DN("ann") || len(b) > 2 {
				t.Errorf("binds: %q", b)
			}
		})
	}
}

func anonymous() ldapd.Options {
	o := corp(ldapd.OpenLDAP)
	o.Anonymous = true
	return o
}

func bare() ldapd.Options {
	o := corp(ldapd.OpenLDAP)
	o.NoMemberOf = true
	return o
}

// An empty password is refused before anybody is asked: the directory would let it in as nobody (RFC 4513, section 5.1.2).
func TestInput(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
	for _, tt := range []struct{ name, password string }{
		{"ann", ""}, {"", password}, {"  ", password}, {strings.Repeat("a", 257), password}, {"ann", strings.Repeat("a", 1025)},
		{"a\x00nn", password}, {"a\nnn", password}, {"ann", "a\x00"}, {"a\xffnn", password},
	} {
		w.refuses(t, tt.name, tt.password, fault.LDAPInput)
	}
	for _, r := range []providers.Reply{{}, {Form: map[string][]string{"username": {"ann", "bob"}, "password": {password}}}, {Form: map[string][]string{"username": {"ann"}}}} {
		if _, err := w.provider.Finish(t.Context(), providers.Request{}, r); fault.CodeOf(err) != fault.LDAPInput {
			t.Errorf("%v", err)
		}
	}
	if len(w.Binds()) != 0 || len(w.Searches()) != 0 {
		t.Errorf("the directory was asked: %q, %q", w.Binds(), w.Searches())
	}
	if h := w.provider.(providers.HandleFinder).Handle(form("ann", "x")); h != "the handle" {
		t.Errorf("handle %q", h)
	}
	ch, err := w.provider.Start(t.Context(), providers.Request{})
	if err != nil || len(ch.Fields) != 2 || ch.Fields[0].Name != "username" || ch.Fields[1].Name != "password" || !ch.Fields[1].Secret {
		t.Errorf("%+v, %v", ch, err)
	}
}

// What is wrong with a person: each its code for the operator; who does not know the password learns nothing.
func TestPersonRefused(t *testing.T) {
	stateOf := func(s ldapd.State) func(*ldapd.Options) { return func(o *ldapd.Options) { o.People[0].State = s } }
	for _, tt := range []struct {
		name               string
		like               ldapd.Like
		change             func(*ldapd.Options)
		username, password string
		want               fault.Code
		public             string
	}{
		{"wrong password, AD", ldapd.ActiveDirectory, nil, "ann", "not the horse", fault.LDAPPassword, "retry"},
		{"wrong password, OpenLDAP", ldapd.OpenLDAP, nil, "ann", "not the horse", fault.LDAPPassword, "retry"},
		{"another's password", ldapd.OpenLDAP, nil, "bob", password, fault.LDAPPassword, "retry"},
		{"unknown, AD", ldapd.ActiveDirectory, nil, "eve", password, fault.LDAPPersonUnknown, "retry"},
		{"unknown, OpenLDAP", ldapd.OpenLDAP, nil, "eve", password, fault.LDAPPersonUnknown, "retry"},
		{"everybody", ldapd.OpenLDAP, nil, "*", password, fault.LDAPPersonUnknown, "retry"},
		{"a filter of its own", ldapd.OpenLDAP, nil, "x)(uid=ann", password, fault.LDAPPersonUnknown, "retry"},
		{"two of a name", ldapd.OpenLDAP, func(o *ldapd.Options) { o.People[1].Email = "ann@corp.example" }, "ann@corp.example", password, fault.LDAPPersonAmbiguous, "retry"},
		{"three of a name", ldapd.OpenLDAP, func(o *ldapd.Options) {
			o.People[1].Email = "ann@corp.example"
			o.People = append(o.People, ldapd.Person{Username: "cyd", Email: "ann@corp.example"})
		}, "ann@corp.example", password, fault.LDAPPersonAmbiguous, "retry"},
		{"hours", ldapd.ActiveDirectory, stateOf(ldapd.Hours), "ann", password, fault.LDAPLogonHours, "not_allowed"},
		{"workstation", ldapd.ActiveDirectory, stateOf(ldapd.Workstation), "ann", password, fault.LDAPLogonHours, "not_allowed"},
		{"password expired", ldapd.ActiveDirectory, stateOf(ldapd.PasswordExpired), "ann", password, fault.LDAPPasswordExpired, "password_change"},
		{"password expired, and wrong", ldapd.ActiveDirectory, stateOf(ldapd.PasswordExpired), "ann", "not the horse", fault.LDAPPassword, "retry"},
		{"must change", ldapd.ActiveDirectory, stateOf(ldapd.MustChange), "ann", password, fault.LDAPPasswordChange, "password_change"},
		{"disabled", ldapd.ActiveDirectory, stateOf(ldapd.Disabled), "ann", password, fault.LDAPDisabled, "not_allowed"},
		{"disabled, wrong password", ldapd.ActiveDirectory, stateOf(ldapd.Disabled), "ann", "not the horse", fault.LDAPPassword, "retry"},
		{"account expired", ldapd.ActiveDirectory, stateOf(ldapd.AccountExpired), "ann", password, fault.LDAPAccountExpired, "not_allowed"},
		{"locked", ldapd.ActiveDirectory, stateOf(ldapd.Locked), "ann", "not the horse", fault.LDAPLocked, "retry"},
		{"the flag alone", ldapd.ActiveDirectory, func(o *ldapd.Options) {
			o.People[0].Attributes = map[string][]string{"userAccountControl": {"514"}}
		}, "ann", password, fault.LDAPDisabled, "not_allowed"},
		{"nsAccountLock", ldapd.OpenLDAP, func(o *ldapd.Options) {
			o.People[0].Attributes = map[string][]string{"nsAccountLock": {"true"}}
		}, "ann", password, fault.LDAPDisabled, "not_allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := corp(tt.like)
			if tt.change != nil {
				tt.change(&o)
			}
			w := open(t, setup{Options: o})
			f := w.refuses(t, tt.username, tt.password, tt.want)
			if got := fault.Lookup(f.Code).Public; got != tt.public {
				t.Errorf("the person reads %q, want %q", got, tt.public)
			}
			if b := w.Binds(); len(b) != 2 { // the service account, then one try, also for nobody
				t.Errorf("binds: %q", b)
			}
		})
	}
}

// Whoever does not exist takes as long as a wrong password: a multiple of a quarter of a second.
func TestRefusalsTakeAlike(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
	for _, username := range []string{"ann", "eve"} {
		began := time.Now()
		_, err := w.signIn(t, username, "not the horse")
		if took := time.Since(began); err == nil || took < 250*time.Millisecond {
			t.Errorf("%s: %s, %v", username, took, err)
		}
	}
}

// What servers other than Active Directory say of a password beside the result.
func TestPasswordPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		result ldapd.Result
		want   fault.Code
	}{
		"too many tries, 389":    {ldapd.Result{Code: 19, Message: "Exceed password retry limit. Please try later."}, fault.LDAPLocked},
		"inactivated, 389":       {ldapd.Result{Code: 53, Message: "Account inactivated. Contact system administrator."}, fault.LDAPLocked},
		"no password set":        {ldapd.Result{Code: 48}, fault.LDAPPassword},
		"busy":                   {ldapd.Result{Code: 51}, fault.LDAPUnavailable},
		"wants TLS":              {ldapd.Result{Code: 13}, fault.LDAPStronger},
		"elsewhere":              {ldapd.Result{Code: 10}, fault.LDAPReferral},
		"a code that is no data": {ldapd.Result{Code: 49, Message: "data nothing"}, fault.LDAPPassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
			w.Lie(ldapd.Lies{Bind: func(name, _ string) (ldapd.Result, bool) { return tt.result, name == w.DN("ann") }})
			w.refuses(t, "ann", password, tt.want)
		})
	}
}

// Whoever counts the tries is asked with the directory's own name of the account, however it was typed, before a password
// is tried; a refusal of theirs is the end of it.
func TestAdmit(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.ActiveDirectory)})
	var asked []string
	enough := false
	r := providers.Request{Admit: func(account string) error {
		asked = append(asked, account)
		if enough {
			return fault.New(fault.LoginGuessWait, "a minute more")
		}
		return nil
	}}
	for _, name := range []string{"ann", `CORP\ann`, "ANN@corp.example", "eve"} {
		_, _ = w.provider.Finish(t.Context(), r, form(name, "not the horse"))
	}
	if dn := w.DN("ann"); !slices.Equal(asked, []string{dn, dn, dn}) {
		t.Errorf("asked of %q", asked)
	}
	enough = true
	before := len(w.Binds())
	_, err := w.provider.Finish(t.Context(), r, form("ann", password))
	if after := w.Binds(); fault.CodeOf(err) != fault.LoginGuessWait || len(after) != before+1 || after[before] != w.DN("svc") {
		t.Errorf("%v, binds %q", err, w.Binds())
	}
}
