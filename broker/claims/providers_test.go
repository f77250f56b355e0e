package claims_test

import (
	"slices"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	ws = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	ms = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
	az = "http://schemas.microsoft.com/identity/claims/"

	persistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	transient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	emailFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

	tid   = "6f1c2e3d-0001-4a5b-8c9d-0123456789ab"
	oid   = "aa0b1c2d-0002-4e5f-9a8b-ba9876543210"
	other = "11111111-2222-4333-8444-555555555555"
)

type attrs = map[string][]string

func one(pairs ...string) attrs {
	out := attrs{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = append(out[pairs[i]], pairs[i+1])
	}
	return out
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

// sent is what an identity provider sends as set up by its own guide, and what becomes of it.
var sent = []struct {
	name   string
	conn   broker.Connection
	recipe claims.Recipe
	idn    providers.Identity
	want   broker.Profile
	code   fault.Code
}{
	{
		name: "Okta SAML",
		conn: broker.Connection{Protocol: "saml", Preset: "okta"},
		idn: providers.Identity{Issuer: "http://www.okta.com/exk1", Subject: "Bob@acme.example", SubjectFormat: emailFormat,
			Attributes: attrs{"email": {"bob@acme.example"}, "firstName": {"Bob"}, "lastName": {"Smith"}, "groups": {"Everyone", "Admins", "Everyone"}}},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: []string{"Admins", "Everyone"}},
	}, {
		name:   "Okta SAML with the internal id as agreed attribute",
		conn:   broker.Connection{Protocol: "saml", Preset: "okta"},
		recipe: claims.Recipe{Subject: []string{"nameid:persistent", "attribute:id", "mapped", "email"}},
		idn: providers.Identity{Issuer: "http://www.okta.com/exk1", Subject: "bob", SubjectFormat: unspecified,
			Attributes: one("id", "00u1abc", "email", "bob@acme.example")},
		want: broker.Profile{Subject: "attribute:id=00u1abc", SubjectKind: "attribute:id", Email: "bob@acme.example"},
	}, {
		name: "Okta OIDC",
		conn: broker.Connection{Protocol: "oidc", Preset: "okta"},
		idn: providers.Identity{Issuer: "https://acme.okta.example", Subject: "00u1abc", EmailVerified: yes(),
			Attributes: one("sub", "00u1abc", "email", "bob@acme.example", "email_verified", "true", "name", "Bob Smith", "preferred_username", "bsmith@old.example", "locale", "en_US", "groups", "Everyone", "nonce", "n", "iat", "1")},
		want: broker.Profile{Subject: "https://acme.okta.example|00u1abc", SubjectKind: "sub", Email: "bob@acme.example", EmailProved: true, Name: "Bob Smith", Locale: "en-US", Groups: []string{"Everyone"}},
	}, {
		name: "Entra SAML, user principal name beside the mailbox",
		conn: broker.Connection{Protocol: "saml", Preset: "entra"},
		idn: providers.Identity{Issuer: "https://sts.windows.net/" + tid + "/", Subject: "bsmith@acme.onmicrosoft.com", SubjectFormat: emailFormat,
			Attributes: one(ws+"emailaddress", "Bob.Smith@acme.example", ws+"givenname", "Bob", ws+"surname", "Smith", ws+"name", "bsmith@acme.onmicrosoft.com",
				az+"tenantid", tid, az+"objectidentifier", oid, az+"displayname", "Bob S.", ms+"groups", other)},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "bob.smith@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob S.", Groups: []string{other}},
	}, {
		name: "Entra SAML without a mailbox falls back to the Name ID",
		conn: broker.Connection{Protocol: "saml", Preset: "entra"},
		idn: providers.Identity{Issuer: "https://sts.windows.net/" + tid + "/", Subject: "bsmith@acme.example", SubjectFormat: emailFormat,
			Attributes: one(ws+"name", "bsmith@acme.example", az+"tenantid", tid, az+"objectidentifier", oid)},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "bsmith@acme.example"},
	}, {
		name: "Entra SAML without mailbox and with a pairwise Name ID falls back to the login name",
		conn: broker.Connection{Protocol: "saml", Preset: "entra"},
		idn: providers.Identity{Subject: "x1y2", SubjectFormat: persistent,
			Attributes: one(ws+"name", "joe_partner.example#EXT#@acme.onmicrosoft.com", az+"tenantid", tid, az+"objectidentifier", oid)},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "joe_partner.example#ext#@acme.onmicrosoft.com"},
	}, {
		name: "Entra SAML without object id",
		conn: broker.Connection{Protocol: "saml", Preset: "entra"},
		idn:  providers.Identity{Subject: "bob@acme.example", SubjectFormat: persistent, Attributes: one(ws+"emailaddress", "bob@acme.example", az+"tenantid", tid)},
		code: fault.SubjectMissing,
	}, {
		name:   "Entra OIDC, pinned tenant",
		conn:   broker.Connection{Protocol: "oidc", Preset: "entra"},
		recipe: claims.Recipe{Subject: []string{"tid+oid"}, Proof: "entra", Tenant: tid},
		idn: providers.Identity{Issuer: "https://login.microsoftonline.com/" + tid + "/v2.0", Subject: "pairwise",
			Attributes: one("tid", tid, "oid", oid, "email", "bob@acme.example", "name", "Bob Smith", "preferred_username", "bsmith@acme.example"), GroupsOmitted: true},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "bob@acme.example", EmailProved: true, Name: "Bob Smith", GroupsOmitted: true},
	}, {
		name:   "Entra OIDC, any tenant: email_verified proves nothing",
		conn:   broker.Connection{Protocol: "oidc", Preset: "entra"},
		recipe: claims.Recipe{Proof: "entra", Tenant: "organizations"},
		idn: providers.Identity{Issuer: "https://login.microsoftonline.com/" + tid + "/v2.0", Subject: "pairwise", EmailVerified: yes(),
			Attributes: one("tid", tid, "oid", oid, "email", "bob@acme.example", "email_verified", "true")},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "bob@acme.example"},
	}, {
		name: "Entra OIDC, any tenant, domain owner verified",
		conn: broker.Connection{Protocol: "oidc", Preset: "microsoft"},
		idn:  providers.Identity{Issuer: "i", Subject: "pairwise", Attributes: one("tid", tid, "oid", oid, "email", "bob@acme.example", "xms_edov", "true")},
		want: broker.Profile{Subject: tid + ":" + oid, SubjectKind: "tid+oid", Email: "bob@acme.example", EmailProved: true},
	}, {
		name: "Entra OIDC without scope profile has no oid, and sub is no way out",
		conn: broker.Connection{Protocol: "oidc", Preset: "entra"},
		idn:  providers.Identity{Issuer: "i", Subject: "pairwise", Attributes: one("tid", tid, "email", "bob@acme.example")},
		code: fault.SubjectMissing,
	}, {
		name: "Entra OIDC without a mailbox",
		conn: broker.Connection{Protocol: "oidc", Preset: "entra"},
		idn:  providers.Identity{Issuer: "i", Subject: "pairwise", Attributes: one("tid", tid, "oid", oid, "preferred_username", "bob@acme.example")},
		code: fault.EmailMissing,
	}, {
		name: "AD FS SAML with objectGUID",
		conn: broker.Connection{Protocol: "saml", Preset: "adfs"},
		idn: providers.Identity{Issuer: "http://fs.acme.example/adfs/services/trust", Subject: "bob@acme.example", SubjectFormat: emailFormat,
			Attributes: one(ws+"emailaddress", "bob@acme.example", ws+"givenname", "Bob", ws+"surname", "Smith", ws+"name", "Bob Smith (IT)", "objectGUID", "M0VZZ3iJAUurze8SNFZ4kA==", "http://schemas.xmlsoap.org/claims/Group", "Domain Users")},
		want: broker.Profile{Subject: "attribute:objectGUID=67594533-8978-4b01-abcd-ef1234567890", SubjectKind: "attribute:objectGUID", Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith (IT)", Groups: []string{"Domain Users"}},
	}, {
		name: "AD FS SAML, login name as Name ID",
		conn: broker.Connection{Protocol: "saml", Preset: "adfs"},
		idn: providers.Identity{Subject: "bsmith@corp.acme.example", SubjectFormat: emailFormat,
			Attributes: one(ws+"emailaddress", "bob@acme.example", ws+"upn", "bsmith@corp.acme.example")},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example"},
	}, {
		name:   "Google OIDC, Workspace",
		conn:   broker.Connection{Protocol: "oidc", Preset: "google"},
		recipe: claims.Recipe{Tenant: "ACME.example"},
		idn: providers.Identity{Issuer: "https://accounts.google.com", Subject: "1077", EmailVerified: yes(),
			Attributes: one("sub", "1077", "email", "bob@acme.example", "hd", "acme.example", "given_name", "Bob", "family_name", "Smith", "name", "Bob Smith", "locale", "fr")},
		want: broker.Profile{Subject: "https://accounts.google.com|1077", SubjectKind: "sub", Email: "bob@acme.example", EmailProved: true, GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Locale: "fr"},
	}, {
		name: "Google OIDC, consumer account with a company's address",
		conn: broker.Connection{Protocol: "oidc", Preset: "google"},
		idn:  providers.Identity{Issuer: "accounts.google.com", Subject: "1078", EmailVerified: yes(), Attributes: one("email", "bob@acme.example")},
		want: broker.Profile{Subject: "https://accounts.google.com|1078", SubjectKind: "sub", Email: "bob@acme.example"},
	}, {
		name: "Google SAML",
		conn: broker.Connection{Protocol: "saml", Preset: "google"},
		idn: providers.Identity{Issuer: "https://accounts.google.com/o/saml2?idpid=C0", Subject: "bob@acme.example", SubjectFormat: unspecified,
			Attributes: one("firstName", "Bob", "lastName", "Smith")},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith"},
	}, {
		name: "OneLogin SAML",
		conn: broker.Connection{Protocol: "saml", Preset: "onelogin"},
		idn: providers.Identity{Issuer: "https://app.onelogin.com/saml/metadata/1", Subject: "bob@acme.example", SubjectFormat: emailFormat,
			Attributes: one("User.Email", "bob@acme.example", "User.FirstName", "Bob", "User.LastName", "Smith", "memberOf", "Sales;Admins;;Sales")},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: []string{"Admins", "Sales"}},
	}, {
		name: "OneLogin OIDC",
		conn: broker.Connection{Protocol: "oidc", Preset: "onelogin"},
		idn:  providers.Identity{Issuer: "https://acme.onelogin.com/oidc/2", Subject: "42", Attributes: one("email", "bob@acme.example", "groups", "Sales;Admins")},
		want: broker.Profile{Subject: "https://acme.onelogin.com/oidc/2|42", SubjectKind: "sub", Email: "bob@acme.example", Groups: []string{"Admins", "Sales"}},
	}, {
		name: "Shibboleth with transient Name ID and pairwise-id",
		conn: broker.Connection{Protocol: "saml", Preset: "shibboleth"},
		idn: providers.Identity{Issuer: "https://idp.uni.example/idp/shibboleth", Subject: "_8a7", SubjectFormat: transient,
			Attributes: attrs{"urn:oid:0.9.2342.19200300.100.1.3": {"bob@uni.example"}, "mail": {"bob@uni.example"}, "urn:oid:2.5.4.42": {"Bob"}, "urn:oid:2.5.4.4": {"Smith"},
				"urn:oid:2.16.840.1.113730.3.1.241": {"Bob Smith"}, "urn:oasis:names:tc:SAML:attribute:pairwise-id": {"XYZ@uni.example"}, "urn:oid:1.3.6.1.4.1.5923.1.5.1.1": {"urn:mace:uni:staff"}}},
		want: broker.Profile{Subject: "attribute:urn:oasis:names:tc:SAML:attribute:pairwise-id=XYZ@uni.example", SubjectKind: "attribute:urn:oasis:names:tc:SAML:attribute:pairwise-id",
			Email: "bob@uni.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: []string{"urn:mace:uni:staff"}},
	}, {
		name: "Shibboleth with persistent Name ID",
		conn: broker.Connection{Protocol: "saml", Preset: "shibboleth"},
		idn: providers.Identity{Issuer: "https://idp.uni.example/idp/shibboleth", NameQualifier: "https://idp.uni.example/idp/shibboleth", SPNameQualifier: "https://sso.example/sp", Subject: " x+Y=", SubjectFormat: persistent,
			Attributes: one("mail", "bob@uni.example")},
		want: broker.Profile{Subject: "nameid: x+Y=", SubjectKind: "nameid", Email: "bob@uni.example"},
	}, {
		name: "Shibboleth that releases nothing",
		conn: broker.Connection{Protocol: "saml", Preset: "shibboleth"},
		idn:  providers.Identity{Issuer: "https://idp.uni.example/idp/shibboleth", Subject: "_8a7@x.example", SubjectFormat: transient},
		code: fault.EmailMissing,
	}, {
		name: "proxy with persistent Name IDs of several providers",
		conn: broker.Connection{Protocol: "saml", Preset: "generic"},
		idn: providers.Identity{Issuer: "https://proxy.example", NameQualifier: "https://idp.uni.example", Subject: "1", SubjectFormat: persistent,
			Attributes: one("mail", "bob@uni.example")},
		want: broker.Profile{Subject: "nameid!https%3A%2F%2Fidp.uni.example:1", SubjectKind: "nameid", Email: "bob@uni.example"},
	}, {
		name: "Keycloak SAML, group paths and user name as Name ID",
		conn: broker.Connection{Protocol: "saml", Preset: "keycloak"},
		idn: providers.Identity{Issuer: "https://kc.example/realms/acme", Subject: "bob", SubjectFormat: unspecified,
			Attributes: attrs{"urn:oid:1.2.840.113549.1.9.1": {"bob@acme.example"}, "email": {"bob@acme.example"}, "memberOf": {"/staff/it", "/staff"}}},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", Groups: []string{"/staff", "/staff/it"}},
	}, {
		name: "Keycloak OIDC, roles of the realm mapped",
		conn: broker.Connection{Protocol: "oidc", Preset: "keycloak", Mapping: attrs{"groups": {"realm_access.roles"}}},
		idn: providers.Identity{Issuer: "https://kc.example/realms/acme", Subject: other, EmailVerified: no(),
			Attributes: one("email", "bob@acme.example", "realm_access", `{"roles":["user","admin"]}`, "groups", "/ignored")},
		want: broker.Profile{Subject: "https://kc.example/realms/acme|" + other, SubjectKind: "sub", Email: "bob@acme.example", Groups: []string{"admin", "user"}},
	}, {
		name: "JumpCloud SAML",
		conn: broker.Connection{Protocol: "saml", Preset: "jumpcloud"},
		idn: providers.Identity{Issuer: "acme", Subject: "bob@acme.example", SubjectFormat: unspecified,
			Attributes: one("email", "bob@acme.example", "firstname", "Bob", "lastname", "Smith", "memberOf", "All Users")},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: []string{"All Users"}},
	}, {
		name: "JumpCloud OIDC",
		conn: broker.Connection{Protocol: "oidc", Preset: "jumpcloud"},
		idn:  providers.Identity{Issuer: "https://oauth.id.jumpcloud.com/", Subject: "5f", EmailVerified: yes(), Attributes: one("email", "bob@acme.example", "given_name", "Bob", "family_name", "Smith")},
		want: broker.Profile{Subject: "https://oauth.id.jumpcloud.com/|5f", SubjectKind: "sub", Email: "bob@acme.example", EmailProved: true, GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith"},
	}, {
		name: "PingOne SAML, user id as Name ID",
		conn: broker.Connection{Protocol: "saml", Preset: "pingone"},
		idn: providers.Identity{Issuer: "https://auth.pingone.eu/e", Subject: other, SubjectFormat: unspecified,
			Attributes: one("email", "bob@acme.example", "givenName", "Bob", "surname", "Smith")},
		want: broker.Profile{Subject: "email:bob@acme.example", SubjectKind: "email", Mutable: true, Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith"},
	}, {
		name: "PingOne SAML, user id as Name ID and nothing else",
		conn: broker.Connection{Protocol: "saml", Preset: "pingone"},
		idn:  providers.Identity{Issuer: "https://auth.pingone.eu/e", Subject: other, SubjectFormat: unspecified},
		code: fault.EmailMissing,
	}, {
		name: "PingOne SAML, user id mapped as subject",
		conn: broker.Connection{Protocol: "saml", Preset: "pingone", Mapping: attrs{"subject": {"nameid"}}},
		idn:  providers.Identity{Issuer: "https://auth.pingone.eu/e", Subject: other, SubjectFormat: unspecified, Attributes: one("email", "bob@acme.example")},
		want: broker.Profile{Subject: "nameid-unspecified:" + other, SubjectKind: "nameid", Mutable: true, Email: "bob@acme.example"},
	}, {
		name: "PingOne OIDC",
		conn: broker.Connection{Protocol: "oidc", Preset: "pingone"},
		idn:  providers.Identity{Issuer: "https://auth.pingone.eu/e/as", Subject: other, Attributes: one("email", "bob@acme.example", "preferred_username", "bob", "given_name", "Bob")},
		want: broker.Profile{Subject: "https://auth.pingone.eu/e/as|" + other, SubjectKind: "sub", Email: "bob@acme.example", GivenName: "Bob", Name: "Bob"},
	}, {
		name: "GitHub, named issuer",
		conn: broker.Connection{Protocol: "oauth2", Preset: "github"},
		idn:  providers.Identity{Issuer: "https://github.com", Subject: "583231", EmailVerified: yes(), Attributes: one("id", "583231", "login", "octobob", "name", "Bob Smith", "email", "bob@gmail.com")},
		want: broker.Profile{Subject: "https://github.com|583231", SubjectKind: "sub", Email: "bob@gmail.com", EmailProved: true, Name: "Bob Smith"},
	}, {
		name: "GitHub Enterprise, id as attribute",
		conn: broker.Connection{Protocol: "oauth2", Preset: "github"},
		idn:  providers.Identity{Attributes: one("id", "583231", "login", "octobob", "email", "bob@gmail.com")},
		want: broker.Profile{Subject: "attribute:id=583231", SubjectKind: "attribute:id", Email: "bob@gmail.com"},
	}, {
		name: "OAuth 2.0 without an issuer's name",
		conn: broker.Connection{Protocol: "oauth2", Preset: "generic"},
		idn:  providers.Identity{Subject: "7", Attributes: one("email", "bob@acme.example")},
		want: broker.Profile{Subject: "sub:7", SubjectKind: "sub", Email: "bob@acme.example"},
	}, {
		name: "Apple, email_verified as a string",
		conn: broker.Connection{Protocol: "oidc", Preset: "apple"},
		idn:  providers.Identity{Issuer: "https://appleid.apple.com", Subject: "001.ab", Attributes: one("email", "x7@privaterelay.appleid.com", "email_verified", "true")},
		want: broker.Profile{Subject: "https://appleid.apple.com|001.ab", SubjectKind: "sub", Email: "x7@privaterelay.appleid.com", EmailProved: true},
	}, {
		name: "Active Directory by LDAP",
		conn: broker.Connection{Protocol: "ldap", Preset: "active-directory", LDAP: &broker.LDAP{}},
		idn: providers.Identity{Attributes: attrs{"objectGUID": {"\x33\x45\x59\x67\x78\x89\x01\x4b\xab\xcd\xef\x12\x34\x56\x78\x90"}, "Mail": {"bob@acme.example"}, "givenName": {"Bob"}, "sn": {"Smith"}, "displayName": {"Smith, Bob"},
			"preferredLanguage": {"de, en-gb;q=0.8"}, "memberOf": {"CN=Staff,OU=Groups,DC=acme,DC=example"}}},
		want: broker.Profile{Subject: "attribute:objectGUID=67594533-8978-4b01-abcd-ef1234567890", SubjectKind: "attribute:objectGUID", Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Smith, Bob", Locale: "de", Groups: []string{"CN=Staff,OU=Groups,DC=acme,DC=example"}},
	}, {
		name: "OpenLDAP",
		conn: broker.Connection{Protocol: "ldap", Preset: "generic"},
		idn:  providers.Identity{Subject: "uid=bob,dc=acme,dc=example", Attributes: one("entryUUID", other, "mail", "bob@acme.example", "cn", "Bob Smith")},
		want: broker.Profile{Subject: "attribute:entryUUID=" + other, SubjectKind: "attribute:entryUUID", Email: "bob@acme.example", Name: "Bob Smith"},
	}, {
		name: "LDAP with its own subject attribute",
		conn: broker.Connection{Protocol: "ldap", Preset: "generic", LDAP: &broker.LDAP{SubjectAttribute: "employeeNumber"}},
		idn:  providers.Identity{Attributes: one("entryUUID", other, "employeenumber", "E17", "mail", "bob@acme.example")},
		want: broker.Profile{Subject: "attribute:employeeNumber=E17", SubjectKind: "attribute:employeeNumber", Email: "bob@acme.example"},
	}, {
		name: "LDAP whose own subject attribute is missing",
		conn: broker.Connection{Protocol: "ldap", Preset: "generic", LDAP: &broker.LDAP{SubjectAttribute: "employeeNumber"}},
		idn:  providers.Identity{Attributes: one("entryUUID", other, "mail", "bob@acme.example")},
		code: fault.SubjectMissing,
	}, {
		name: "LDAP with two mailboxes",
		conn: broker.Connection{Protocol: "ldap", Preset: "generic"},
		idn:  providers.Identity{Attributes: attrs{"entryUUID": {other}, "mail": {"bob@acme.example", "robert@acme.example"}}},
		code: fault.EmailAmbiguous,
	},
}

func TestProviders(t *testing.T) {
	for _, c := range sent {
		t.Run(c.name, func(t *testing.T) {
			p, err := claims.Normalise(c.idn, &c.conn, c.recipe)
			if fault.CodeOf(err) != c.code {
				t.Fatalf("fault %v, want %q", err, c.code)
			}
			if err == nil {
				equal(t, p, c.want)
			}
		})
	}
}

// The recipe that says nothing and the protocol's default recipe are the same.
func TestDefaultRecipe(t *testing.T) {
	for _, c := range sent {
		if len(c.recipe.Subject)+len(c.recipe.Tenant) > 0 {
			continue
		}
		p, err := claims.Normalise(c.idn, &c.conn, claims.DefaultRecipe(c.conn.Protocol))
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: fault %v, want %q", c.name, err, c.code)
		} else if err == nil {
			equal(t, p, c.want)
		}
	}
	r := claims.DefaultRecipe("saml")
	r.Mapping["email"][0], r.Subject[0] = "spoilt", "spoilt"
	if again := claims.DefaultRecipe("saml"); again.Mapping["email"][0] != "email" || again.Subject[0] != "nameid:persistent" {
		t.Error("a recipe that was changed changed the defaults")
	}
}

func equal(t *testing.T, got, want broker.Profile) {
	t.Helper()
	for _, f := range []struct{ name, got, want string }{
		{"subject", got.Subject, want.Subject}, {"kind", got.SubjectKind, want.SubjectKind}, {"email", got.Email, want.Email}, {"given name", got.GivenName, want.GivenName},
		{"family name", got.FamilyName, want.FamilyName}, {"name", got.Name, want.Name}, {"locale", got.Locale, want.Locale},
	} {
		if f.got != f.want {
			t.Errorf("%s %q, want %q", f.name, f.got, f.want)
		}
	}
	if got.Mutable != want.Mutable || got.EmailProved != want.EmailProved || got.GroupsOmitted != want.GroupsOmitted {
		t.Errorf("mutable %v, proved %v, omitted %v; want %v, %v, %v", got.Mutable, got.EmailProved, got.GroupsOmitted, want.Mutable, want.EmailProved, want.GroupsOmitted)
	}
	if !slices.Equal(got.Groups, want.Groups) {
		t.Errorf("groups %q, want %q", got.Groups, want.Groups)
	}
}
