// Package claims turns what an upstream asserted into what the broker believes (Normalise), and what the broker knows into
// the claims of a token (ForToken). It is pure: no I/O, no clock. It says what an address is and whether the upstream
// itself proves it; whether that is enough is email.Judge's to say.
package claims

import "slices"

// Recipe is a preset's way of reading identities, as data. What it leaves out is taken from DefaultRecipe.
type Recipe struct {
	// Subject lists the ways to the stable subject; the first that finds one wins:
	//
	//	tid+oid            Entra's tenant and object id; decisive: if it is missing nothing else is tried
	//	iss+sub            OpenID Connect
	//	sub                an upstream without an issuer's name (OAuth 2.0)
	//	nameid:persistent  SAML Name ID of that format
	//	nameid             any SAML Name ID but a transient one; mutable unless persistent
	//	attribute:NAME     one attribute; objectGUID is read in its binary, base64 and text forms
	//	mapped             the attributes that Mapping["subject"] names; decisive if the connection itself names them
	//	email              the address; mutable
	Subject []string
	// Mapping lists, per profile field (broker.Profiles), the attributes that may hold it, best first.
	Mapping map[string][]string
	// Proof is how this upstream proves an address beyond doubt: "" and "github" by email_verified, "apple" by
	// email_verified even as a string, "entra" by xms_edov or the pinned tenant and never by email_verified, "google" by
	// hd or gmail.com besides email_verified.
	Proof string
	// Tenant is the pinned Entra tenant id or Google hosted domain.
	Tenant string
}

// Claim types of WS-Federation and Microsoft.
const (
	wsClaims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	msClaims = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
	azClaims = "http://schemas.microsoft.com/identity/claims/"
)

// DefaultRecipe is how a protocol's identities are read where no preset says otherwise.
func DefaultRecipe(protocol string) Recipe {
	r := Recipe{Subject: slices.Clone(subjectWays(protocol)), Mapping: map[string][]string{}}
	for _, field := range []string{"email", "given_name", "family_name", "name", "locale", "groups", "subject"} {
		if names := defaultNames(protocol, field); len(names) > 0 {
			r.Mapping[field] = slices.Clone(names)
		}
	}
	return r
}

func subjectWays(protocol string) []string {
	switch protocol {
	case "saml":
		return []string{"nameid:persistent", "mapped", "email"}
	case "oidc":
		return []string{"iss+sub"}
	case "ldap":
		return []string{"attribute:objectGUID", "attribute:entryUUID", "attribute:nsUniqueId", "attribute:ipaUniqueID", "attribute:GUID", "mapped", "email"}
	}
	return []string{"iss+sub", "attribute:id", "sub", "mapped", "email"}
}

func defaultNames(protocol, field string) []string {
	switch field {
	case "email":
		if protocol == "saml" {
			return samlEmail
		}
		return emailNames
	case "given_name":
		return []string{"firstName", "givenName", "given_name", "FirstName", "User.FirstName", wsClaims + "givenname", "urn:oid:2.5.4.42", "first_name", "firstname", "givenname"}
	case "family_name":
		return []string{"lastName", "sn", "surname", "family_name", "LastName", "User.LastName", wsClaims + "surname", "urn:oid:2.5.4.4", "last_name", "lastname", "familyName"}
	case "name":
		return []string{"name", "displayName", "display_name", "fullName", azClaims + "displayname", "urn:oid:2.16.840.1.113730.3.1.241", wsName, "cn", "urn:oid:2.5.4.3"}
	case "locale":
		return []string{"locale", "preferredLanguage", "preferred_language", "urn:oid:2.16.840.1.113730.3.1.39", "xms_pl"}
	case "groups":
		return []string{"groups", "memberOf", msClaims + "groups", msClaims + "role", "isMemberOf", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "http://schemas.xmlsoap.org/claims/Group", "Group", "memberof"}
	case "subject":
		if protocol == "saml" {
			return []string{"urn:oasis:names:tc:SAML:attribute:pairwise-id", "urn:oasis:names:tc:SAML:attribute:subject-id", "objectGUID"}
		}
	}
	return nil
}

// emailNames all mean "the email address"; an answer that holds several of them must hold one address.
var emailNames = []string{"email", "mail", "emailaddress", "Email", "User.Email", wsClaims + "emailaddress",
	"urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:1.2.840.113549.1.9.1", "emailAddress", "EmailAddress"}

var samlEmail = append(slices.Clip(emailNames), "nameid", wsName, wsUPN)

const (
	wsName = wsClaims + "name"
	wsUPN  = wsClaims + "upn"
)

// loginName reports whether an attribute holds the name a person signs in with. It may look like an address without being
// the person's mailbox, so it counts as one only where nothing better was sent.
func loginName(attribute string) bool {
	switch attribute {
	case wsName, wsUPN, "upn", "UPN", "userPrincipalName", "preferred_username", "unique_name", "username", "sub", "nameid":
		return true
	}
	return false
}
