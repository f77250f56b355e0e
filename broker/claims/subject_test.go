package claims_test

import (
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func TestSubject(t *testing.T) {
	const mail = "bob@acme.example"
	for _, c := range []struct {
		name    string
		conn    broker.Connection
		recipe  claims.Recipe
		idn     providers.Identity
		want    string
		mutable bool
		code    fault.Code
	}{
		{name: "persistent Name ID beats the mapped attribute", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"uid"}}}, idn: saml("p", persistent, "uid", "bob", "mail", mail), want: "nameid:p"},
		{name: "mapped attribute", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "number", "17", "mail", mail), want: "attribute:number=17"},
		{name: "mapped attribute known to change", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"uid"}}}, idn: saml("t", transient, "uid", "bob", "mail", mail), want: "attribute:uid=bob", mutable: true},
		{name: "mapped attribute missing is no email", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "mail", mail), code: fault.SubjectMissing},
		{name: "mapped attribute blank", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "number", " ", "mail", mail), code: fault.SubjectMissing},
		{name: "mapped attribute twice the same", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "number", "17", "number", "17", "mail", mail), want: "attribute:number=17"},
		{name: "mapped attribute with two values", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "number", "17", "number", "18", "mail", mail), code: fault.SubjectInvalid},
		{name: "blanks count", conn: broker.Connection{Protocol: "saml", Mapping: attrs{"subject": {"number"}}}, idn: saml("t", transient, "number", " 17 ", "mail", mail), want: "attribute:number= 17 "},
		{name: "case counts", conn: broker.Connection{Protocol: "saml"}, idn: saml("P", persistent, "mail", mail), want: "nameid:P"},
		{name: "control character", conn: broker.Connection{Protocol: "saml"}, idn: saml("p\x00", persistent, "mail", mail), code: fault.SubjectInvalid},
		{name: "newline", conn: broker.Connection{Protocol: "saml"}, idn: saml("p\n", persistent, "mail", mail), code: fault.SubjectInvalid},
		{name: "invalid UTF-8", conn: broker.Connection{Protocol: "saml"}, idn: saml("p\xff", persistent, "mail", mail), code: fault.SubjectInvalid},
		{name: "longest", conn: broker.Connection{Protocol: "saml"}, idn: saml(strings.Repeat("p", 1017), persistent, "mail", mail), want: "nameid:" + strings.Repeat("p", 1017)},
		{name: "too long", conn: broker.Connection{Protocol: "saml"}, idn: saml(strings.Repeat("p", 1018), persistent, "mail", mail), code: fault.SubjectInvalid},
		{name: "email", conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", "BOB@acme.example"), want: "email:bob@acme.example", mutable: true},
		{name: "email missing", conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient), code: fault.EmailMissing},
		{name: "email ambiguous", conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", mail, "mail", "eve@acme.example"), code: fault.EmailAmbiguous},
		{name: "Name ID by email format", recipe: claims.Recipe{Subject: []string{"nameid"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("BOB@acme.example", emailFormat), want: "nameid-emailAddress:bob@acme.example", mutable: true},
		{name: "Name ID without format", recipe: claims.Recipe{Subject: []string{"nameid"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("Bob", "", "mail", mail), want: "nameid-unspecified:Bob", mutable: true},
		{name: "Name ID in a format of its own", recipe: claims.Recipe{Subject: []string{"nameid"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("Bob", "x:a:b c", "mail", mail), want: "nameid-b+c:Bob", mutable: true},
		{name: "Name ID persistent", recipe: claims.Recipe{Subject: []string{"nameid"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("p", persistent, "mail", mail), want: "nameid:p"},
		{name: "Name ID transient", recipe: claims.Recipe{Subject: []string{"nameid"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", mail), code: fault.SubjectMissing},
		{name: "OIDC without sub", conn: broker.Connection{Protocol: "oidc"}, idn: providers.Identity{Issuer: "https://op.example", Attributes: one("email", mail)}, code: fault.SubjectMissing},
		{name: "OIDC without iss", conn: broker.Connection{Protocol: "oidc"}, idn: providers.Identity{Subject: "s", Attributes: one("email", mail)}, code: fault.SubjectMissing},
		{name: "OIDC with a bar in iss", conn: broker.Connection{Protocol: "oidc"}, idn: providers.Identity{Issuer: "https://a|b", Subject: "s", Attributes: one("email", mail)}, code: fault.SubjectMissing},
		{name: "OIDC is not remapped", conn: broker.Connection{Protocol: "oidc", Mapping: attrs{"subject": {"email"}}}, idn: providers.Identity{Issuer: "https://op.example", Subject: "s", Attributes: one("email", mail)}, want: "https://op.example|s"},
		{name: "Entra is not remapped", conn: broker.Connection{Protocol: "oidc", Preset: "entra", Mapping: attrs{"subject": {"email"}}}, recipe: claims.Recipe{Subject: []string{"email"}}, idn: providers.Identity{Issuer: "i", Subject: "s", Attributes: one("email", mail, "tid", tid, "oid", strings.ToUpper(oid))}, want: tid + ":" + oid},
		{name: "Entra with two oids", conn: broker.Connection{Protocol: "oidc", Preset: "entra"}, idn: providers.Identity{Issuer: "i", Subject: "s", Attributes: one("email", mail, "tid", tid, "oid", oid, "oid", other)}, code: fault.SubjectInvalid},
		{name: "Entra with two names for oid", conn: broker.Connection{Protocol: "saml", Preset: "entra"}, idn: saml("x", persistent, "mail", mail, "tid", tid, "oid", oid, az+"objectidentifier", other), code: fault.SubjectInvalid},
		{name: "Entra with an oid that is none", conn: broker.Connection{Protocol: "oidc", Preset: "entra"}, idn: providers.Identity{Issuer: "i", Subject: "s", Attributes: one("email", mail, "tid", tid, "oid", "bob")}, code: fault.SubjectInvalid},
		{name: "Entra with an object for oid", conn: broker.Connection{Protocol: "oidc", Preset: "entra"}, idn: providers.Identity{Issuer: "i", Subject: "s", Attributes: one("email", mail, "tid", tid, "oid", "{aa0b1c2d-0002-4e5f-9a8b-ba98765432zz}")}, code: fault.SubjectInvalid},
		{name: "objectGUID as text", recipe: claims.Recipe{Subject: []string{"attribute:objectGUID"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", mail, "objectGUID", "{67594533-8978-4B01-ABCD-EF1234567890}"), want: "attribute:objectGUID=67594533-8978-4b01-abcd-ef1234567890"},
		{name: "objectGUID of another length", recipe: claims.Recipe{Subject: []string{"attribute:objectGUID"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", mail, "objectGUID", "M0VZZ3iJAUurze8SNFZ4"), code: fault.SubjectInvalid},
		{name: "objectGUID of 24 characters that are no base64", recipe: claims.Recipe{Subject: []string{"attribute:objectGUID"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("t", transient, "mail", mail, "objectGUID", "!!!!!!!!!!!!!!!!!!!!!!!!"), code: fault.SubjectInvalid},
		{name: "a way nobody knows", recipe: claims.Recipe{Subject: []string{"shoe size"}}, conn: broker.Connection{Protocol: "saml"}, idn: saml("p", persistent, "mail", mail), code: fault.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := claims.Normalise(c.idn, &c.conn, c.recipe)
			if p.Subject != c.want || p.Mutable != c.mutable || fault.CodeOf(err) != c.code {
				t.Errorf("subject %q, mutable %v, %v; want %q, %v, %q", p.Subject, p.Mutable, err, c.want, c.mutable, c.code)
			}
			if (p.Subject == "") != (p.SubjectKind == "") {
				t.Errorf("kind %q of %q", p.SubjectKind, p.Subject)
			}
		})
	}
}

// One value sent in every way there is makes as many different subjects.
func TestSubjectsOfDifferentKindsDiffer(t *testing.T) {
	const v = "bob@acme.example"
	seen := map[string]string{}
	for _, c := range []struct {
		way string
		idn providers.Identity
	}{
		{"nameid:persistent", saml(v, persistent, "mail", v)},
		{"nameid", saml(v, emailFormat, "mail", v)},
		{"nameid", saml(v, unspecified, "mail", v)},
		{"nameid", saml(v, "urn:oasis:names:tc:SAML:2.0:nameid-format:entity", "mail", v)},
		{"nameid", providers.Identity{Issuer: "i", NameQualifier: "q", Subject: v, SubjectFormat: persistent, Attributes: one("mail", v)}},
		{"nameid", providers.Identity{Issuer: "i", NameQualifier: "q:", Subject: v, SubjectFormat: persistent, Attributes: one("mail", v)}},
		{"attribute:a", saml(v, persistent, "a", v, "mail", v)},
		{"attribute:b", saml(v, persistent, "b", v, "mail", v)},
		{"email", saml("x", persistent, "mail", v)},
		{"iss+sub", saml(v, persistent, "mail", v)},
		{"sub", saml(v, persistent, "mail", v)},
	} {
		p, err := claims.Normalise(c.idn, &broker.Connection{Protocol: "saml"}, claims.Recipe{Subject: []string{c.way}})
		if err != nil {
			t.Fatalf("%s: %v", c.way, err)
		}
		if before, ok := seen[p.Subject]; ok {
			t.Errorf("%s and %s both make %q", before, c.way, p.Subject)
		}
		seen[p.Subject] = c.way
	}
}
