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
