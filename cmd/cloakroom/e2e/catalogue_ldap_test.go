package e2e

import (
	"net/url"
	"strings"
	"time"

	"cloakroom/providers/providertest/ldapd"
)

// ldapCase says what is wrong between a directory and us.
type ldapCase struct {
	open     bool // OpenLDAP instead of Active Directory
	options  func(o *ldapd.Options)
	lies     ldapd.Lies
	starting bool // the address is that of the port for StartTLS
	settings func(s *directoryStand, ldap obj)
	conn     obj
}

// directoryStand is a directory with its connection.
type directoryStand struct {
	*bench
	*ldapd.Server
	whole, starting string // addresses of LDAPS and of StartTLS
}

const servicePassword, personPassword = "service-Pa55word", "right-Pa55word"

// directory starts a directory and connects it.
func (b *bench) directory(c ldapCase) *directoryStand {
	b.t.Helper()
	o := ldapd.Options{
		Like: ldapd.ActiveDirectory, Base: "DC=corp,DC=example", Service: ldapd.Person{Username: "svc", Password: servicePassword},
		People: []ldapd.Person{
			{Username: "ada", Password: personPassword, Email: "ada@acme.example", GivenName: "Ada", FamilyName: "Byron"},
			{Username: "bob", Password: personPassword, Email: "bob@elsewhere.example", GivenName: "Bob", FamilyName: "Boole"},
		},
		Groups: []ldapd.Group{{Name: "finance", Members: []string{"ada"}}},
	}
	preset := "active-directory"
	if c.open {
		o.Like, o.Base, preset = ldapd.OpenLDAP, "dc=corp,dc=example", "generic"
	}
	if c.options != nil {
		c.options(&o)
	}
	srv, err := ldapd.New(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = srv.Close() })
	st := &directoryStand{bench: b, Server: srv}
	for secure, address := range map[bool]*string{true: &st.whole, false: &st.starting} {
		if *address, err = srv.Listen(secure); err != nil {
			b.t.Fatal(err)
		}
	}
	ldap := obj{"url": "ldaps://" + st.whole, "ca": srv.CA(), "bind_dn": srv.DN("svc"), "bind_password": servicePassword, "user_base": o.Base}
	if c.starting {
		ldap["url"], ldap["start_tls"] = "ldap://"+st.starting, true
	}
	if c.settings != nil {
		c.settings(st, ldap)
	}
	body := obj{"slug": b.slug, "preset": preset, "protocol": "ldap", "enabled": true, "domains": []string{"acme.example"}, "ldap": ldap}
	for k, v := range c.conn {
		body[k] = v
	}
	b.api("POST", "/realms/"+b.realm()+"/connections", body, 201, nil)
	srv.Lie(c.lies)
	return st
}

// test types name and password on the page of a test login.
func (st *directoryStand) test(name, password string) told {
	st.t.Helper()
	link := st.begin()
	v := st.visitor()
	p, err := v.get(link.URL)
	if err == nil {
		p, err = v.submit(p, byAction("/prompt"), url.Values{"username": {name}, "password": {password}})
	}
	if err != nil || !strings.HasPrefix(p.URL.Path, "/test-report/") {
		st.t.Fatalf("%v %s", err, p)
	}
	return st.reported("test", link.Ref, p)
}

// looked and typed stage a case by the check and by a test login.
func looked(c ldapCase) func(*bench) told {
	return func(b *bench) told { return b.directory(c).check() }
}

func typed(c ldapCase, name string) func(*bench) told {
	return func(b *bench) told { return b.directory(c).test(name, personPassword) }
}

// set changes settings of the connection.
func set(pairs ...any) func(*directoryStand, obj) {
	return func(_ *directoryStand, ldap obj) {
		for i := 0; i < len(pairs); i += 2 {
			ldap[pairs[i].(string)] = pairs[i+1]
		}
	}
}

func plainOnSecure(st *directoryStand, ldap obj) {
	ldap["url"], ldap["start_tls"] = "ldap://"+st.whole, true
}

func secureOnPlain(st *directoryStand, ldap obj) { ldap["url"] = "ldaps://" + st.starting }

func service(state ldapd.State) func(*ldapd.Options) {
	return func(o *ldapd.Options) { o.Service.State = state }
}

func ldapEntries() []entry {
	return []entry{
		{"LDAP-02", []situation{
			{"as catalogued", looked(ldapCase{settings: plainOnSecure}), expected{codes: "ldap.tls_mode_mismatch", side: "ours", label: "636", sure: "proved"}},
			{"the other way round", looked(ldapCase{settings: secureOnPlain}), expected{codes: "ldap.tls_mode_mismatch", side: "ours", label: "389", sure: "proved"}},
			{"when it is pasted", pasted("active-directory", "ldap", "", "ldap://dc1.corp.example:636"), expected{codes: "paste.directory_port", side: "ours", label: "Server address", sure: "proved"}},
			{"no StartTLS there", looked(ldapCase{starting: true, lies: ldapd.Lies{NoStartTLS: true}}), expected{codes: "ldap.starttls_refused", side: "idp", label: "Server Authentication", sure: "proved"}},
		}},
		{"LDAP-03", []situation{
			{"as catalogued", looked(ldapCase{settings: set("ca", "")}), expected{codes: "ldap.certificate_untrusted", side: "ours", label: "CA certificate", sure: "proved"}},
			{"another name", looked(ldapCase{options: func(o *ldapd.Options) { o.Names = []string{"dc1.corp.example"} }}), expected{codes: "ldap.certificate_wrong_name", side: "ours", label: "address", sure: "proved", says: "dc1.corp.example"}},
			{"another name, by StartTLS", looked(ldapCase{starting: true, options: func(o *ldapd.Options) { o.Names = []string{"dc1.corp.example"} }}), expected{codes: "ldap.certificate_wrong_name", side: "ours", label: "address", sure: "proved"}},
			{"expired", looked(ldapCase{options: func(o *ldapd.Options) { o.CertificateEnds = time.Now().Add(-time.Hour) }}), expected{codes: "ldap.certificate_expired", side: "idp", label: "certificate", sure: "proved"}},
		}},
		{"LDAP-05", []situation{
			{"as catalogued", looked(ldapCase{settings: set("bind_password", "another")}), expected{codes: "ldap.service_account_refused", side: "ours", label: "Bind password", sure: "likely"}},
			{"nobody of the name", looked(ldapCase{settings: set("bind_dn", "CN=nobody,DC=corp,DC=example")}), expected{codes: "ldap.service_account_refused", side: "ours", label: "Bind DN", sure: "likely"}},
			{"OpenLDAP, at a sign-in", typed(ldapCase{open: true, settings: set("bind_password", "another")}, "ada"), expected{codes: "ldap.service_account_refused", side: "ours", label: "Bind DN", sure: "likely"}},
			{"a short name, when it is pasted", pasted("active-directory", "ldap", "/ldap/bind_dn", "svc"), expected{codes: "paste.bind_name_short", side: "ours", label: "Bind DN", sure: "proved"}},
		}},
		{"LDAP-06", []situation{
			{"as catalogued", looked(ldapCase{options: service(ldapd.PasswordExpired)}), expected{codes: "ldap.service_password_expired", side: "idp", label: "Password never expires", sure: "proved"}},
			{"must be changed", looked(ldapCase{options: service(ldapd.MustChange)}), expected{codes: "ldap.service_password_expired", side: "idp", label: "User must change password at next logon", sure: "proved"}},
			{"locked", looked(ldapCase{options: service(ldapd.Locked)}), expected{codes: "ldap.service_account_locked", side: "idp", label: "Unlock account", sure: "proved"}},
			{"disabled, at a sign-in", typed(ldapCase{options: service(ldapd.Disabled)}, "ada"), expected{codes: "ldap.service_account_disabled", side: "idp", label: "Enable Account", sure: "proved"}},
			{"ends soon", looked(ldapCase{options: func(o *ldapd.Options) { o.Service.PasswordEnds = time.Now().Add(5 * 24 * time.Hour) }}), expected{codes: "ldap.service_password_ends_soon", side: "idp", label: "Password never expires", sure: "proved", beside: true}},
		}},
		{"LDAP-08", []situation{
			{"as catalogued", looked(ldapCase{settings: set("bind_dn", "", "bind_password", "")}), expected{codes: "ldap.not_bound", side: "ours", label: "Bind DN", sure: "proved"}},
			{"at a sign-in", typed(ldapCase{settings: set("bind_dn", "", "bind_password", "")}, "ada"), expected{codes: "ldap.not_bound", side: "ours", label: "Bind password", sure: "proved"}},
		}},
		{"LDAP-09", []situation{
			{"as catalogued", typed(ldapCase{settings: set("user_filter", "(uid=%s)")}, "ada"), expected{codes: "ldap.person_unknown", side: "user", label: "User filter", sure: "proved"}},
			{"before the test", looked(ldapCase{settings: set("user_filter", "(&(objectClass=inetOrgPerson)(uid=%s))")}), expected{codes: "ldap.filter_finds_nobody", side: "ours", label: "User filter", sure: "likely"}},
			{"a base that is not there", looked(ldapCase{settings: set("user_base", "OU=Staff,DC=corp,DC=example")}), expected{codes: "ldap.base_unknown", side: "ours", label: "User base", sure: "proved"}},
			{"outside the base", typed(ldapCase{settings: func(_ *directoryStand, ldap obj) { ldap["user_base"] = "OU=Service,DC=corp,DC=example" }}, "ada"), expected{codes: "ldap.person_unknown", side: "user", label: "User base", sure: "proved"}},
		}},
		{"LDAP-11", []situation{
			{"as catalogued", typed(ldapCase{lies: ldapd.Lies{References: []string{"ldap://child.corp.example/DC=child,DC=corp,DC=example"}}}, "nell"), expected{codes: "ldap.person_unknown|ldap.referral", side: "user|ours", label: "User base", sure: "likely", or: "ldap.referral", says: "child.corp.example"}},
			{"the server refers as a whole", typed(ldapCase{lies: ldapd.Lies{Search: func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
				return nil, ldapd.Result{Code: 10, Message: "ref: ldap://child.corp.example"}, true
			}}}, "ada"), expected{codes: "ldap.referral", side: "ours", label: "3269", sure: "proved"}},
		}},
		{"LDAP-14", []situation{
			{"as catalogued", looked(ldapCase{options: func(o *ldapd.Options) {
				o.Groups = []ldapd.Group{{Name: "inner", Members: []string{"ada"}}, {Name: "outer", Members: []string{"inner"}}}
			}}), expected{codes: "ldap.groups_nested", side: "ours", label: "Nested groups", sure: "proved", beside: true}},
			{"OpenLDAP without the overlay", looked(ldapCase{open: true, options: func(o *ldapd.Options) { o.NoMemberOf = true }}), expected{codes: "ldap.groups_not_seen", side: "ours", label: "Group filter", sure: "likely", beside: true}},
		}},
		{"LDAP-15", []situation{
			{"as catalogued", looked(ldapCase{settings: set("subject_attribute", "sAMAccountName")}), expected{codes: "ldap.subject_unstable", side: "ours", label: "objectGUID", sure: "proved", beside: true}},
			{"by mail, in OpenLDAP", looked(ldapCase{open: true, settings: set("subject_attribute", "mail")}), expected{codes: "ldap.subject_unstable", side: "ours", label: "entryUUID", sure: "proved", beside: true}},
			{"one that is not given out", looked(ldapCase{open: true, settings: set("subject_attribute", "employeeNumber")}), expected{codes: "ldap.subject_not_sent", side: "ours", label: "Subject attribute", sure: "likely"}},
		}},
	}
}
