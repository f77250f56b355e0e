package ldap_test

import (
	"net"
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/ldap"
	"cloakroom/providers/providertest/ldapd"
)

// Settings that cannot work, or would give passwords away, are not opened; the detail begins with the setting's name.
func TestOpen(t *testing.T) {
	base := map[string]any{"url": "ldaps://dc1.corp.example", "user_base": "DC=corp,DC=example"}
	d, err := ldapd.New(ldapd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   fault.Code
		field  string
	}{
		{"LDAPS", nil, "", ""},
		{"StartTLS", map[string]any{"url": "ldap://dc1.corp.example", "start_tls": true}, "", ""},
		{"a port", map[string]any{"url": "ldaps://dc1.corp.example:3269"}, "", ""},
		{"on this machine", map[string]any{"url": "ldap://127.0.0.1:389"}, "", ""},
		{"on this machine, version 6", map[string]any{"url": "ldap://[::1]"}, "", ""},
		{"an authority", map[string]any{"ca": d.CA() + "\n" + d.CA()}, "", ""},
		{"a base to be filled in", map[string]any{"user_base": ""}, "", ""},
		{"a filter without a group's", map[string]any{"user_filter": "(employeeNumber=%s)"}, "", ""},
		{"in clear", map[string]any{"url": "ldap://dc1.corp.example"}, fault.LDAPPlain, "url"},
		{"in clear to an address", map[string]any{"url": "ldap://10.0.0.1"}, fault.LDAPPlain, "url"},
		{"a name like this machine's", map[string]any{"url": "ldap://localhost.corp.example"}, fault.LDAPPlain, "url"},
		{"no address", map[string]any{"url": ""}, fault.LDAPSettings, "url"},
		{"no host", map[string]any{"url": "ldaps://:636"}, fault.LDAPSettings, "url"},
		{"another protocol", map[string]any{"url": "https://dc1.corp.example"}, fault.LDAPSettings, "url"},
		{"both ways of TLS", map[string]any{"start_tls": true}, fault.LDAPSettings, "start_tls"},
		{"an authority that is cut", map[string]any{"ca": d.CA()[:200]}, fault.LDAPSettings, "ca"},
		{"an authority with something behind it", map[string]any{"ca": d.CA() + "x"}, fault.LDAPSettings, "ca"},
		{"an authority that is none", map[string]any{"ca": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, fault.LDAPSettings, "ca"},
		{"an authority too long", map[string]any{"ca": strings.Repeat(d.CA(), 500)}, fault.LDAPSettings, "ca"},
		{"LDAP-08: no password", map[string]any{"bind_dn": "svc@corp.example"}, fault.LDAPBindPassword, "bind_password"},
		{"a base that is no name", map[string]any{"user_base": "corp.example"}, fault.LDAPSettings, "user_base"},
		{"a group base that is no name", map[string]any{"group_base": "corp"}, fault.LDAPSettings, "group_base"},
		{"a filter without the name", map[string]any{"user_filter": "(uid=ann)"}, fault.LDAPFilter, "user_filter"},
		{"a filter that is not shut", map[string]any{"user_filter": "(uid=%s"}, fault.LDAPFilter, "user_filter"},
		{"a group filter without the person", map[string]any{"group_filter": "(cn=staff)"}, fault.LDAPFilter, "group_filter"},
		{"a group filter that is not shut", map[string]any{"group_filter": "(member=%s"}, fault.LDAPFilter, "group_filter"},
		{"another type", map[string]any{"url": 7}, fault.LDAPSettings, "the settings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := map[string]any{}
			for _, m := range []map[string]any{base, tt.change} {
				for k, v := range m {
					config[k] = v
				}
			}
			_, err := begin("generic", config, nil)
			if fault.CodeOf(err) != tt.want {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if err != nil && !strings.HasPrefix(fault.As(err).Detail, tt.field) {
				t.Errorf("the detail %q does not begin with %s", fault.As(err).Detail, tt.field)
			}
		})
	}
	if name := (ldap.Protocol{}).Name(); name != "ldap" {
		t.Error(name)
	}
	p, err := begin("generic", map[string]any{"url": "ldaps://dc1.corp.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(t.Context(), providers.Request{}); fault.CodeOf(err) != fault.LDAPBaseMissing {
		t.Errorf("started without a base: %v", err)
	}
}

// A name of this very machine that leads to another one gets no password in clear.
func TestPlainStaysHere(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.OpenLDAP), Settings: map[string]any{"url": "ldap://{at}", "start_tls": false}})
	elsewhere, err := ldap.Protocol{}.Open(providers.Settings{
		Config: []byte(`{"url":"ldap://localhost:1","user_base":"dc=corp,dc=example"}`), Now: now,
		Dial: away{at: w.at}.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = elsewhere.Finish(t.Context(), providers.Request{}, form("ann", password))
	if fault.CodeOf(err) != fault.LDAPPlain || len(w.Searches()) != 0 {
		t.Errorf("%v, %q", err, w.Searches())
	}
}

// away is a dialler whose connections come from another machine.
type away struct{ at string }

type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 389} }
