package fault

const (
	EmailMissing       Code = "email.missing"
	EmailMalformed     Code = "email.malformed"
	EmailAmbiguous     Code = "email.ambiguous"
	EmailOutside       Code = "email.outside_domains"
	EmailUnverified    Code = "email.unverified"
	EmailOtherRealm    Code = "email.domain_of_other_realm"
	EmailAccountReused Code = "email.account_changed"

	SubjectMissing Code = "profile.subject_missing"
	SubjectInvalid Code = "profile.subject_invalid"
)

var emailFaults = map[Code]Entry{
	EmailMissing:       {Status: 403, Side: IdP, Public: "no_email", Cause: "The identity provider did not send an email address.", Fix: "Release the person's email address to this application, and check that the person has one in the directory."},
	EmailMalformed:     {Status: 403, Side: IdP, Public: "no_email", Cause: "What the identity provider sent as email address is not one.", Fix: "Map the email attribute to the field that holds the mail address, and correct the person's entry in the directory."},
	EmailAmbiguous:     {Status: 403, Side: IdP, Public: "no_email", Cause: "The identity provider sent several different email addresses in one answer.", Fix: "Send exactly one address: the primary one."},
	EmailOutside:       {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The address lies in a domain that this connection may not speak for.", Fix: "Verify the domain for the realm and list it on the connection, or correct the person's address in the directory."},
	EmailUnverified:    {Status: 403, Side: User, Public: "no_email", Cause: "The identity provider does not vouch that the address belongs to this person.", Fix: "Verify the address at the provider, or pin the connection to the organisation's own tenant."},
	EmailOtherRealm:    {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The address lies in a domain that another realm has verified.", Fix: "Sign in through that organisation's own connection."},
	EmailAccountReused: {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The address is known here under a different account of the same identity provider.", Fix: "Decide whether it is the same person with a new account (then link it) or a new person (then archive the old one)."},

	SubjectMissing: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider did not send the identifier that tells this person from everybody else.", Fix: "Release the identifier to this application: for Microsoft Entra tid and oid (scope profile), for SAML a persistent Name ID or the attribute that the connection's mapping names as subject."},
	SubjectInvalid: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identifier that the identity provider sent cannot name one person: it has several values, is too long, or is not of its form.", Fix: "Send exactly one unchanging value per person, such as the directory's object id, and map it as subject."},
}
