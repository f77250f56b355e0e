package paste_test

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
)

func readDirectory(preset, field, text string, has map[string]bool) paste.Result {
	return paste.Read(paste.Input{Preset: preset, Protocol: "ldap", Field: field, Text: text, Own: own, Has: has, Now: now})
}

func codesOf(r paste.Result) []fault.Code {
	out := []fault.Code{}
	for _, f := range r.Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestDirectoryPastes(t *testing.T) {
	filter := "(|(uid=%s)(mail=%s))"
	for _, tt := range []struct {
		what, field, text string
		set               map[string]any
		codes             []fault.Code
	}{
		{"an address", "", "ldaps://dc1.corp.example", map[string]any{"url": "ldaps://dc1.corp.example", "start_tls": false}, nil},
		{"one with StartTLS", "", " ldap://dc1.corp.example:389 ", map[string]any{"url": "ldap://dc1.corp.example:389", "start_tls": true}, nil},
		{"a host alone", "", "dc1.corp.example", map[string]any{"url": "ldaps://dc1.corp.example", "start_tls": false}, []fault.Code{fault.PasteDerived}},
		{"a host with the port of StartTLS", "/ldap/url", "dc1:389", map[string]any{"url": "ldap://dc1:389", "start_tls": true}, []fault.Code{fault.PasteDerived}},
		{"the port of the other mode", "", "ldap://dc1.corp.example:636", map[string]any{"url": "ldap://dc1.corp.example:636", "start_tls": true}, []fault.Code{fault.PasteDirectoryPort}},
		{"the port of the other mode, too", "/ldap/url", "ldaps://dc1.corp.example:3268", map[string]any{"url": "ldaps://dc1.corp.example:3268", "start_tls": false}, []fault.Code{fault.PasteDirectoryPort}},
		{"an LDAP URL with its base", "", "ldaps://dc1.corp.example/DC=corp,DC=example", map[string]any{"url": "ldaps://dc1.corp.example", "start_tls": false, "user_base": "DC=corp,DC=example"}, []fault.Code{fault.PasteDerived}},
		{"a base as address", "/ldap/url", "DC=corp,DC=example", nil, []fault.Code{fault.PasteField}},
		{"a web address", "/ldap/url", "https://corp.example", nil, []fault.Code{fault.PasteUnknown}},
		{"an address as base", "/ldap/user_base", "ldap://dc1/OU=Staff,DC=corp,DC=example", map[string]any{"user_base": "OU=Staff,DC=corp,DC=example"}, []fault.Code{fault.PasteDerived}},
		{"a domain as base", "/ldap/user_base", "corp.example", map[string]any{"user_base": "DC=corp,DC=example"}, []fault.Code{fault.PasteDerived}},
		{"a base", "", "OU=Staff, DC=corp, DC=example", map[string]any{"user_base": "OU=Staff, DC=corp, DC=example"}, nil},
		{"a DN", "", "CN=svc cloakroom,OU=Service,DC=corp,DC=example", map[string]any{"bind_dn": "CN=svc cloakroom,OU=Service,DC=corp,DC=example"}, nil},
		{"a principal name", "", "“svc@corp.example”", map[string]any{"bind_dn": "svc@corp.example"}, []fault.Code{fault.PasteCleaned}},
		{"a down-level name", "", `CORP\svc`, map[string]any{"bind_dn": `CORP\svc`}, nil},
		{"a short name", "/ldap/bind_dn", "svc", nil, []fault.Code{fault.PasteBindName}},
		{"dots for a password", "/ldap/bind_password", "••••••••", nil, []fault.Code{fault.PasteMasked}},
		{"a password with signs", "/ldap/bind_password", ` "(p=a, ss);" `, map[string]any{"bind_password": `"(p=a, ss);"`}, nil},
		{"a filter", "", filter, map[string]any{"user_filter": filter}, nil},
		{"another product's filter", "/ldap/user_filter", "(|(uid={0})(mail={0}))", map[string]any{"user_filter": filter}, []fault.Code{fault.PasteDerived}},
		{"no filter", "/ldap/user_filter", "uid=%s", nil, []fault.Code{fault.PasteUnknown}},
		{"a block", "", "Server: ldaps://dc1.corp.example\nBind DN: svc@corp.example\nPassword: s3cr et=\nBase DN: DC=corp,DC=example\n", map[string]any{
			"url": "ldaps://dc1.corp.example", "start_tls": false, "bind_dn": "svc@corp.example", "bind_password": "s3cr et=", "user_base": "DC=corp,DC=example",
		}, nil},
		{"prose", "", "please ask Ann", nil, []fault.Code{fault.PasteUnknown}},
	} {
		r := readDirectory("active-directory", tt.field, tt.text, nil)
		want := map[string]any{}
		for k, v := range tt.set {
			want["/ldap/"+k] = v
		}
		if codes := codesOf(r); !maps.Equal(r.Set, want) || !slices.Equal(codes, tt.codes) {
			t.Errorf("%s: %v with %v, want %v with %v", tt.what, r.Set, codes, want, tt.codes)
		}
	}
	if r := readDirectory("active-directory", "", "s3cret!", map[string]bool{"/ldap/bind_dn": true}); r.Set["/ldap/bind_password"] != "s3cret!" {
		t.Errorf("the one thing that was missing: %v", r)
	}
	if r := readDirectory("generic", "", `CORP\svc`, nil); !slices.Equal(codesOf(r), []fault.Code{fault.PasteBindName}) {
		t.Errorf("a name of Windows for another directory: %v", codesOf(r))
	}
}

func TestDirectoryAuthorities(t *testing.T) {
	der, text := certificate(t, 0, nil)
	bare := base64.StdEncoding.EncodeToString(der)
	for what, tt := range map[string]struct {
		text string
		code fault.Code
	}{"PEM": {text, ""}, "without its header": {bare, fault.PasteCertBare}, "a file": {string(der), ""}, "two": {text + "\n" + text, ""}} {
		r := readDirectory("active-directory", "", tt.text, nil)
		got, _ := r.Set["/ldap/ca"].(string)
		if strings.TrimSpace(got) != text || tt.code != "" && !slices.Contains(codesOf(r), tt.code) {
			t.Errorf("%s: %v %v", what, codesOf(r), r.Set)
		}
	}
}
