package preset

const (
	wsIdentity   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	msIdentity   = "http://schemas.microsoft.com/identity/claims/"
	ms2008       = "http://schemas.microsoft.com/ws/2008/06/identity/claims/"
	oidMail      = "urn:oid:0.9.2342.19200300.100.1.3"
	oidPKCSMail  = "urn:oid:1.2.840.113549.1.9.1"
	oidGiven     = "urn:oid:2.5.4.42"
	oidSurname   = "urn:oid:2.5.4.4"
	oidDisplay   = "urn:oid:2.16.840.1.113730.3.1.241"
	oidCommon    = "urn:oid:2.5.4.3"
	oidLanguage  = "urn:oid:2.16.840.1.113730.3.1.39"
	oidMemberOf  = "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"
	samlSubject  = "urn:oasis:names:tc:SAML:attribute:subject-id"
	samlPairwise = "urn:oasis:names:tc:SAML:attribute:pairwise-id"
)

// generalMapping is tried for every provider of a protocol, in this order. What only looks like an address (a user
// principal name) comes last: it is an address only where the directory says so.
func generalMapping(protocol string) map[string][]string {
	switch protocol {
	case "oidc", "oauth2":
		return map[string][]string{
			"email":       {"email", "mail"},
			"given_name":  {"given_name", "givenName", "firstName"},
			"family_name": {"family_name", "familyName", "lastName", "surname"},
			"name":        {"name", "displayName"},
			"locale":      {"locale", "preferred_language", "preferredLanguage"},
			"groups":      {"groups", "roles"},
		}
	case "ldap":
		return map[string][]string{
			"email":       {"mail", "email", "emailAddress", "rfc822Mailbox"},
			"given_name":  {"givenName"},
			"family_name": {"sn", "surname"},
			"name":        {"displayName", "cn"},
			"locale":      {"preferredLanguage"},
			"groups":      {"memberOf", "isMemberOf"},
		}
	}
	return map[string][]string{
		"email": {"email", "mail", "emailaddress", "emailAddress", "Email", "EmailAddress", "E-Mail Address", "User.Email",
			wsIdentity + "emailaddress", oidMail, oidPKCSMail, "NameID", wsIdentity + "name", wsIdentity + "upn"},
		"given_name":  {"firstName", "FirstName", "first_name", "givenName", "given_name", "givenname", "User.FirstName", wsIdentity + "givenname", oidGiven},
		"family_name": {"lastName", "LastName", "last_name", "sn", "surname", "familyName", "family_name", "User.LastName", wsIdentity + "surname", oidSurname},
		"name":        {"displayName", "DisplayName", "displayname", "name", "fullName", "cn", msIdentity + "displayname", oidDisplay, oidCommon},
		"locale":      {"locale", "preferredLanguage", "language", oidLanguage},
		"groups": {"groups", "Groups", "group", "memberOf", ms2008 + "groups", ms2008 + "role", "http://schemas.xmlsoap.org/claims/Group",
			"isMemberOf", oidMemberOf, "roles", "Role"},
	}
}
