package preset

const (
	wsIdentity   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	msIdentity   = "http://schemas.microsoft.com/identity/claims/"
	samlSubject  = "urn:oasis:names:tc:SAML:attribute:subject-id"
	samlPairwise = "urn:oasis:names:tc:SAML:attribute:pairwise-id"
)
