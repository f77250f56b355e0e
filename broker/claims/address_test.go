package claims_test

import (
	"fmt"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func saml(subject, format string, pairs ...string) providers.Identity {
	return providers.Identity{Issuer: "https://idp.example", Subject: subject, SubjectFormat: format, Attributes: one(pairs...)}
}

// Which of what a SAML provider sends is the address, and when there is none or more than one.
func TestAddressSAML(t *testing.T) {
	for _, c := range []struct {
		name string
		idn  providers.Identity
		want string
		code fault.Code
	}{
		{"attribute", saml("x", persistent, "email", "Bob@ACME.example"), "bob@acme.example", ""},
		{"attribute in XML blanks", saml("x", persistent, "email", "\n  bob@acme.example\n"), "bob@acme.example", ""},
		{"empty attribute, good other", saml("x", persistent, "email", "", "mail", "bob@acme.example"), "bob@acme.example", ""},
		{"two names, one address", saml("x", persistent, "email", "bob@acme.example", "mail", "BOB@acme.example"), "bob@acme.example", ""},
		{"two names, two addresses", saml("x", persistent, "email", "bob@acme.example", "mail", "eve@acme.example"), "", fault.EmailAmbiguous},
		{"WS-Federation name disagrees", saml("x", persistent, "email", "bob@acme.example", ws+"emailaddress", "eve@acme.example"), "", fault.EmailAmbiguous},
		{"OID disagrees", saml("x", persistent, "email", "bob@acme.example", "urn:oid:0.9.2342.19200300.100.1.3", "eve@acme.example"), "", fault.EmailAmbiguous},
		{"two values", saml("x", persistent, "email", "bob@acme.example", "email", "eve@acme.example"), "", fault.EmailAmbiguous},
		{"a good and a bad value", saml("x", persistent, "email", "bob@acme.example", "email", "eve"), "", fault.EmailMalformed},
		{"a good and a bad name", saml("x", persistent, "email", "bob@acme.example", "mail", "eve"), "", fault.EmailMalformed},
		{"Name ID agrees", saml("BOB@acme.example", emailFormat, "email", "bob@acme.example"), "bob@acme.example", ""},
		{"Name ID disagrees", saml("eve@acme.example", emailFormat, "email", "bob@acme.example"), "", fault.EmailAmbiguous},
		{"Name ID of another realm", saml("bob@evil.example", emailFormat, "email", "bob@acme.example"), "", fault.EmailAmbiguous},
		{"Name ID in disguise", saml(`"bob"@evil.example`, emailFormat, "email", "bob@acme.example"), "", fault.EmailMalformed},
		{"Name ID in the format that does not exist", saml("eve@acme.example", "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress", "email", "bob@acme.example"), "", fault.EmailAmbiguous},
		{"Name ID is called an address but is none", saml("bob", emailFormat, "email", "bob@acme.example"), "bob@acme.example", ""},
		{"Name ID disagrees but claims nothing", saml("eve@acme.example", unspecified, "email", "bob@acme.example"), "bob@acme.example", ""},
		{"Name ID is the login name", saml("eve@acme.example", emailFormat, "email", "bob@acme.example", ws+"upn", "eve@acme.example"), "bob@acme.example", ""},
		{"Name ID alone", saml("bob@acme.example", emailFormat), "bob@acme.example", ""},
		{"Name ID alone, unspecified", saml("bob@acme.example", unspecified), "bob@acme.example", ""},
		{"Name ID alone, no format", saml("bob@acme.example", ""), "bob@acme.example", ""},
		{"Name ID alone, persistent", saml("bob@acme.example", persistent), "", fault.EmailMissing},
		{"Name ID alone, transient", saml("bob@acme.example", transient), "", fault.EmailMissing},
		{"Name ID alone, Kerberos", saml("bob@ACME.EXAMPLE", "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"), "", fault.EmailMissing},
		{"Name ID alone, malformed", saml("bob@acme.example.", emailFormat), "", fault.EmailMalformed},
		{"Name ID alone, almost one", saml("bob@acme", unspecified), "", fault.EmailMalformed},
		{"Name ID alone, a user name", saml("bob", unspecified), "", fault.EmailMissing},
		{"login name alone", saml("x", persistent, ws+"upn", "bob@acme.example"), "bob@acme.example", ""},
		{"login name after a Name ID that is none", saml("bob", unspecified, ws+"name", "bob@acme.example"), "bob@acme.example", ""},
		{"login name that is a name", saml("x", persistent, ws+"name", "Bob Smith"), "", fault.EmailMissing},
		{"login name does not save a bad attribute", saml("x", persistent, "email", "bob", ws+"upn", "bob@acme.example"), "", fault.EmailMalformed},
		{"attribute named nameid is not the Name ID", saml("x", persistent, "nameid", "bob@acme.example"), "", fault.EmailMissing},
		{"attribute in other case", saml("x", persistent, "EMAIL", "bob@acme.example"), "", fault.EmailMissing},
		{"the word null", saml("x", persistent, "email", "null"), "", fault.EmailMalformed},
		{"nothing", saml("x", persistent), "", fault.EmailMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := claims.Normalise(c.idn, &broker.Connection{Protocol: "saml", Preset: "generic"}, claims.Recipe{})
			if p.Email != c.want || fault.CodeOf(err) != c.code || p.EmailProved {
				t.Errorf("email %q, proved %v, %v; want %q, %q", p.Email, p.EmailProved, err, c.want, c.code)
			}
		})
	}
}

// What the connection maps is read and nothing else.
func TestAddressMapped(t *testing.T) {
	for _, c := range []struct {
		name    string
		mapping []string
		idn     providers.Identity
		want    string
		code    fault.Code
	}{
		{"first present", []string{"corp", "mail"}, saml("x", persistent, "mail", "bob@acme.example", "email", "eve@acme.example"), "bob@acme.example", ""},
		{"first of two present", []string{"corp", "mail"}, saml("x", persistent, "mail", "eve@acme.example", "corp", "bob@acme.example"), "bob@acme.example", ""},
		{"Name ID is not read", []string{"mail"}, saml("eve@acme.example", emailFormat, "mail", "bob@acme.example"), "bob@acme.example", ""},
		{"Name ID mapped", []string{"nameid"}, saml("bob@acme.example", unspecified, "email", "eve@acme.example"), "bob@acme.example", ""},
		{"transient Name ID mapped", []string{"nameid"}, saml("bob@acme.example", transient), "", fault.EmailMissing},
		{"two values", []string{"mail"}, saml("x", persistent, "mail", "bob@acme.example", "mail", "eve@acme.example"), "", fault.EmailAmbiguous},
		{"not present", []string{"corp"}, saml("bob@acme.example", emailFormat, "email", "bob@acme.example"), "", fault.EmailMissing},
		{"inside an object", []string{"contact.mail"}, saml("x", persistent, "contact", `{"mail":"bob@acme.example"}`), "bob@acme.example", ""},
		{"inside an object, several", []string{"contact.mail"}, saml("x", persistent, "contact", `{"mail":["bob@acme.example","eve@acme.example"]}`), "", fault.EmailAmbiguous},
		{"inside an object, null", []string{"contact.mail"}, saml("x", persistent, "contact", `{"mail":null}`), "", fault.EmailMissing},
		{"inside no object", []string{"contact.mail"}, saml("x", persistent, "contact", `{"mail"`), "", fault.EmailMissing},
		{"name with a dot", []string{"contact.mail"}, saml("x", persistent, "contact.mail", "bob@acme.example", "contact", `{"mail":"eve@acme.example"}`), "bob@acme.example", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := broker.Connection{Protocol: "saml", Preset: "generic", Mapping: attrs{"email": c.mapping}}
			p, err := claims.Normalise(c.idn, &conn, claims.Recipe{})
			if p.Email != c.want || fault.CodeOf(err) != c.code {
				t.Errorf("email %q, %v; want %q, %q", p.Email, err, c.want, c.code)
			}
		})
	}
}

// A fault names the attributes that quarrel.
func TestAddressFaultNamesAttributes(t *testing.T) {
	idn := saml("eve@acme.example", emailFormat, "mail", "bob@acme.example")
	_, err := claims.Normalise(idn, &broker.Connection{Protocol: "saml"}, claims.Recipe{})
	if f := fault.As(err); !strings.Contains(f.Detail, "mail, nameid") || f.Observed != "eve@acme.example" || f.Expected != "bob@acme.example" {
		t.Errorf("%+v", f)
	}
}

// What each upstream must send so that its word on the address counts as proof.
func TestProof(t *testing.T) {
	type o struct {
		name     string
		preset   string
		recipe   claims.Recipe
		mapping  []string
		verified *bool
		pairs    []string
		want     bool
	}
	entra := func(pairs ...string) []string {
		return append([]string{"tid", tid, "oid", oid, "email", "bob@acme.example"}, pairs...)
	}
	bob := []string{"email", "bob@acme.example"}
	gmail := []string{"email", "bob@gmail.com"}
	for _, c := range []o{
		{name: "verified", verified: yes(), pairs: bob, want: true},
		{name: "not verified", verified: no(), pairs: bob},
		{name: "nothing said", pairs: bob},
		{name: "only a string", pairs: append([]string{"email_verified", "true"}, bob...)},
		{name: "verified, but another claim is the address", verified: yes(), mapping: []string{"mail"}, pairs: append([]string{"mail", "eve@acme.example"}, bob...)},
		{name: "verified, and another claim says the same", verified: yes(), mapping: []string{"mail"}, pairs: append([]string{"mail", "Bob@acme.example"}, bob...), want: true},
		{name: "verified, but there is no email claim", verified: yes(), mapping: []string{"mail"}, pairs: []string{"mail", "bob@acme.example"}},
		{name: "xms_edov means nothing elsewhere", preset: "okta", pairs: entra("xms_edov", "true")},
		{name: "hd means nothing elsewhere", preset: "okta", pairs: append([]string{"hd", "acme.example"}, bob...)},

		{name: "entra: verified", preset: "entra", verified: yes(), pairs: entra()},
		{name: "entra: verified, recipe says so", recipe: claims.Recipe{Proof: "entra"}, verified: yes(), pairs: entra()},
		{name: "entra: edov true", preset: "entra", pairs: entra("xms_edov", "true"), want: true},
		{name: "entra: edov 1", preset: "entra", pairs: entra("xms_edov", "1"), want: true},
		{name: "entra: edov false", preset: "entra", pairs: entra("xms_edov", "false")},
		{name: "entra: edov 0", preset: "entra", pairs: entra("xms_edov", "0")},
		{name: "entra: edov True", preset: "entra", pairs: entra("xms_edov", "True")},
		{name: "entra: edov twice", preset: "entra", pairs: entra("xms_edov", "true", "xms_edov", "false")},
		{name: "entra: edov, but another claim is the address", preset: "entra", mapping: []string{"upn"}, pairs: entra("xms_edov", "true", "upn", "eve@acme.example")},
		{name: "entra: pinned", preset: "entra", recipe: claims.Recipe{Tenant: strings.ToUpper(tid)}, pairs: entra(), want: true},
		{name: "entra: another pinned", preset: "entra", recipe: claims.Recipe{Tenant: other}, pairs: entra()},
		{name: "entra: common", preset: "entra", recipe: claims.Recipe{Tenant: "common"}, pairs: entra()},
		{name: "entra: nothing pinned", preset: "entra", pairs: entra()},
		{name: "entra: personal accounts pinned", preset: "microsoft", recipe: claims.Recipe{Tenant: "9188040d-6c67-4c5b-b112-36a304b66dad"},
			pairs: []string{"tid", "9188040d-6c67-4c5b-b112-36a304b66dad", "oid", oid, "email", "bob@acme.example"}},

		{name: "google: gmail", preset: "google", verified: yes(), pairs: gmail, want: true},
		{name: "google: gmail not verified", preset: "google", verified: no(), pairs: gmail},
		{name: "google: gmail, nothing said", preset: "google", pairs: gmail},
		{name: "google: like gmail", preset: "google", verified: yes(), pairs: []string{"email", "bob@xgmail.com"}},
		{name: "google: consumer", preset: "google", verified: yes(), pairs: bob},
		{name: "google: hosted", preset: "google", verified: yes(), pairs: append([]string{"hd", "acme.example"}, bob...), want: true},
		{name: "google: hosted, secondary domain", preset: "google", verified: yes(), recipe: claims.Recipe{Tenant: "acme-group.example"}, pairs: append([]string{"hd", "acme-group.example"}, bob...), want: true},
		{name: "google: hosted, not verified", preset: "google", verified: no(), pairs: append([]string{"hd", "acme.example"}, bob...)},
		{name: "google: hosted elsewhere", preset: "google", verified: yes(), recipe: claims.Recipe{Tenant: "acme.example"}, pairs: append([]string{"hd", "evil.example"}, bob...)},
		{name: "google: hosted twice", preset: "google", verified: yes(), pairs: append([]string{"hd", "acme.example", "hd", "evil.example"}, bob...)},
		{name: "google: hosted nowhere", preset: "google", verified: yes(), pairs: append([]string{"hd", ""}, bob...)},

		{name: "apple: string", preset: "apple", pairs: append([]string{"email_verified", "true"}, bob...), want: true},
		{name: "apple: boolean", preset: "apple", verified: yes(), pairs: append([]string{"email_verified", "true"}, bob...), want: true},
		{name: "apple: false", preset: "apple", pairs: append([]string{"email_verified", "false"}, bob...)},
		{name: "apple: boolean false wins", preset: "apple", verified: no(), pairs: append([]string{"email_verified", "true"}, bob...)},
		{name: "github", preset: "github", verified: yes(), pairs: gmail, want: true},
		{name: "github, not verified", preset: "github", pairs: gmail},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := broker.Connection{Protocol: "oidc", Preset: c.preset}
			if c.mapping != nil {
				conn.Mapping = attrs{"email": c.mapping}
			}
			p, err := claims.Normalise(providers.Identity{Issuer: "https://op.example", Subject: "s", EmailVerified: c.verified, Attributes: one(c.pairs...)}, &conn, c.recipe)
			if err != nil || p.EmailProved != c.want {
				t.Errorf("proved %v, %v; want %v", p.EmailProved, err, c.want)
			}
		})
	}
}

// The tenant pinned on the connection itself is taken where the recipe has none.
func TestProofByConnectionsTenant(t *testing.T) {
	conn := broker.Connection{Protocol: "oidc", Preset: "entra", OIDC: &broker.OIDC{Tenant: tid}}
	p, err := claims.Normalise(providers.Identity{Issuer: "i", Subject: "s", Attributes: one("tid", tid, "oid", oid, "email", "bob@acme.example")}, &conn, claims.Recipe{})
	if err != nil || !p.EmailProved {
		t.Errorf("proved %v, %v", p.EmailProved, err)
	}
}

// A missing address is looked for in what came instead, so the fault names that; the values are nobody's business.
func TestMissingAddressNamesWhatWasSent(t *testing.T) {
	many := saml("x", persistent)
	for i := range 60 {
		many.Attributes[fmt.Sprintf("a%02d", i)] = []string{"secret"}
	}
	for want, idn := range map[string]providers.Identity{
		"sent were no attributes": saml("x", persistent), "sent were EMAIL, dept": saml("x", persistent, "dept", "secret", "EMAIL", "bob@acme.example"), " and 35 more": many,
	} {
		_, err := claims.Normalise(idn, &broker.Connection{Protocol: "saml", Preset: "generic"}, claims.Recipe{})
		f := fault.As(err)
		if f.Code != fault.EmailMissing || !strings.Contains(f.Detail, want) || strings.Contains(f.Detail, "secret") {
			t.Errorf("%s: %q", f.Code, f.Detail)
		}
	}
}
