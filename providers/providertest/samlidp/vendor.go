package samlidp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Vendor makes an IdP behave as a product does where that shows on the wire. "" is the demo's own behaviour: it checks
// everything, says what is wrong on a page of its own and answers IsPassive.
//
//	             unknown Entity ID  unknown ACS       IsPassive  unassigned      NameID                attributes
//	entra        AADSTS700016       AADSTS50011       NoPassive  AADSTS50105     UPN                   ws/2005/05 URIs, tid, oid
//	okta         404 page           own ACS is used   NoPassive  403 page        login, unspecified    email, firstName, lastName
//	adfs         MSIS7007           MSIS3200          NoPassive  RequestDenied   address, format email ws/2005/05 URIs
//	google       app_not_configured after sign-in     ignored    not_enabled     address, unspecified  email, firstName, lastName
//	onelogin     404 page           own ACS is used;  ignored    403 page        address, format email User.email, …
//	                                validator's page
//	keycloak     400 page           400 page          NoPassive  access_denied   user name             none but roles
//	shibboleth   Unsupported        Unable to         NoPassive  page            transient             OIDs with friendly names
//	             Request            Respond
//
// Entra refuses a RequestedAuthnContext that was not met (AADSTS75011) and encrypts only where it is told to; AD FS
// answers it with NoAuthnContext, a format that it cannot fill with InvalidNameIDPolicy. Okta and Google look at Name ID
// formats and Entity IDs letter by letter. Keycloak wants signed requests unless that is switched off. Shibboleth wants a
// certificate to encrypt to, unless EncryptionOptional.
type Vendor string

// The vendors.
const (
	Entra      Vendor = "entra"
	Okta       Vendor = "okta"
	ADFS       Vendor = "adfs"
	Google     Vendor = "google"
	OneLogin   Vendor = "onelogin"
	Keycloak   Vendor = "keycloak"
	Shibboleth Vendor = "shibboleth"
)

// Vendors lists them.
func Vendors() []Vendor {
	return []Vendor{Entra, Okta, ADFS, Google, OneLogin, Keycloak, Shibboleth}
}

// cause is why a request is not answered with a sign-in.
type cause int

const (
	unknownSP cause = iota + 1
	unknownACS
	disabledSP
	unsigned
	badSignature
	unassigned
	wrongFormat  // of the Name ID
	emptyNameID  // its source is empty for this person
	wrongContext // RequestedAuthnContext
	noEncryption // no certificate to encrypt to
	passiveOnly  // IsPassive, and nobody is signed in
)

// refusal is a request that is not answered with a sign-in.
type refusal struct {
	cause cause
	value string   // what the message quotes
	q     *request // where an answer may go; nil before that is known
	said  string   // the demo's own words
}

func (r *refusal) Error() string { return r.said }

// refused makes a refusal. The words are the demo's.
func refused(c cause, q *request, value, format string, args ...any) error {
	return &refusal{cause: c, q: q, value: value, said: fmt.Sprintf(format, args...)}
}

// status is how a vendor says a cause to the application, ok false where it shows a page instead.
func (v Vendor) status(c cause) (top, nested, message string, ok bool) {
	switch {
	case c == passiveOnly && v == Entra:
		return "Responder", "NoPassive", "AADSTS50058: Session information is not sufficient for single-sign-on.", true
	case c == passiveOnly:
		return "Responder", "NoPassive", "", true
	case c == unassigned && v == ADFS:
		return "Responder", "RequestDenied", "", true
	case c == unassigned && v == Keycloak:
		return "Responder", "RequestDenied", "access_denied", true
	case c == wrongContext && v == ADFS:
		return "Responder", "NoAuthnContext", "", true
	case (c == emptyNameID || c == wrongFormat) && v == ADFS:
		return "Requester", "InvalidNameIDPolicy", "", true
	case (c == unsigned || c == badSignature) && v == ADFS:
		return "Requester", "", "", true
	case c == wrongFormat && v == Entra:
		return "Requester", "RequestUnsupported", "AADSTS75016: SAML2 Authentication Request Property 'NameIDPolicy' is not supported.", true
	case c == noEncryption && v == Shibboleth:
		return "Responder", "", "Unable to encrypt assertion", true
	}
	return "", "", "", false
}

// errorPage is a vendor's page for a cause.
func (v Vendor) errorPage(r *refusal) (status int, title, text string) {
	switch v {
	case Entra:
		return http.StatusOK, "Sign in to your account", "Sorry, but we’re having trouble signing you in. " + entraText(r)
	case Okta:
		return oktaPage(r.cause)
	case ADFS:
		return http.StatusOK, "An error occurred", "An error occurred. Contact your administrator for more information. Activity ID: 00000000-0000-0000-1b00-0080000000f6. Error details: " + adfsText(r)
	case Google:
		return googlePage(r.cause)
	case OneLogin:
		return oneLoginPage(r.cause)
	case Keycloak:
		return http.StatusBadRequest, "We are sorry...", "We are sorry... " + map[cause]string{unknownSP: "Unknown login requester.", unknownACS: "Invalid redirect uri", disabledSP: "Login requester not enabled", unsigned: "Invalid requester", badSignature: "Invalid requester"}[r.cause]
	case Shibboleth:
		return http.StatusBadRequest, "Web Login Service", "Web Login Service - " + map[cause]string{unknownSP: "Unsupported Request. The application you have accessed is not registered for use with this service.",
			unknownACS: "Unable to Respond. The login service was unable to identify a compatible way to respond to the requested application.", unassigned: "Access Denied. You are not permitted to access the requested service.",
			unsigned: "Message Security Error", badSignature: "Message Security Error"}[r.cause]
	}
	return http.StatusBadRequest, "", r.said
}

func entraText(r *refusal) string {
	return map[cause]string{
		unknownSP:    fmt.Sprintf("AADSTS700016: Application with identifier '%s' was not found in the directory 'Acme'.", r.value),
		unknownACS:   fmt.Sprintf("AADSTS50011: The reply URL '%s' specified in the request does not match the reply URLs configured for the application.", r.value),
		disabledSP:   "AADSTS7000112: Application is disabled.",
		unsigned:     "AADSTS76021: The request sent by client is not signed while the application requires signed requests.",
		badSignature: "The request has an invalid signature.",
		unassigned:   fmt.Sprintf("AADSTS50105: Your administrator has configured the application to block users unless they are specifically granted access. The signed in user '%s' is blocked.", r.value),
		wrongContext: "AADSTS75011: Authentication method by which the user authenticated with the service doesn't match requested authentication method.",
		emptyNameID:  "AADSTS501241: Mandatory Input 'NameID' missing from transformation.",
	}[r.cause]
}

func oktaPage(c cause) (int, string, string) {
	switch c {
	case unassigned:
		return http.StatusForbidden, "403 App Not Assigned", "403 App Not Assigned. Sorry, you can't access this app because you are not assigned this app in Okta."
	case wrongFormat:
		return http.StatusBadRequest, "400 Bad Request", "400 Bad Request. Your request resulted in an error. NameIDPolicy does not match the app's Name ID format."
	}
	return http.StatusNotFound, "Okta - Page not found", "404 Page not found. Your Okta organization has no page at this address."
}

func adfsText(r *refusal) string {
	return map[cause]string{
		unknownSP:  fmt.Sprintf("MSIS7007: The requested relying party trust '%s' is unspecified or unsupported.", r.value),
		unknownACS: fmt.Sprintf("MSIS3200: No AssertionConsumerService is configured on the relying party trust that is a prefix match of the AssertionConsumerService URL '%s' specified by the request.", r.value),
		disabledSP: "MSIS7007: The requested relying party trust is unspecified or unsupported.",
	}[r.cause]
}

func googlePage(c cause) (int, string, string) {
	word := map[cause]string{unknownSP: "app_not_configured", unknownACS: "app_not_configured_for_user", disabledSP: "app_not_enabled_for_user", unassigned: "app_not_enabled_for_user"}[c]
	return http.StatusForbidden, "Error 403", "403. That's an error. Error: " + word
}

func oneLoginPage(c cause) (int, string, string) {
	switch c {
	case unassigned:
		return http.StatusForbidden, "OneLogin", "We're sorry, but you do not have access to this application."
	case unknownACS:
		return http.StatusBadRequest, "OneLogin", "The consumer URL of the request does not match the ACS (Consumer) URL Validator."
	}
	return http.StatusNotFound, "OneLogin", "404 The page you were looking for doesn't exist."
}

// Whether a vendor looks at these things before anybody has signed in, and at all.
func (v Vendor) checksLate() bool     { return v == Google }
func (v Vendor) ownACS() bool         { return v == Okta || v == OneLogin }
func (v Vendor) ignoresPassive() bool { return v == Google || v == OneLogin }

// field is the name that the sign-in page gives the user name.
func (v Vendor) field() string {
	return map[Vendor]string{Entra: "loginfmt", Okta: "identifier", ADFS: "UserName", Google: "identifier", OneLogin: "username", Keycloak: "username", Shibboleth: "j_username"}[v]
}

// wants holds a request against what the vendor can do.
func (p *IdP) wants(q *request) error {
	plain := strings.HasSuffix(q.format, ":unspecified") || q.format == ""
	switch {
	case p.Like == Okta && !plain && q.format != p.nameIDFormat():
		return refused(wrongFormat, q, q.format, "the Name ID format %q is not the application's", q.format)
	case p.Like == Entra && !plain && !slices.Contains([]string{EmailFormat, persistentFormat, transientFormat}, q.format):
		return refused(wrongFormat, q, q.format, "the Name ID format %q is not known", q.format)
	case p.Like == Shibboleth && q.sp.EncryptTo == nil && !p.EncryptionOptional:
		return refused(noEncryption, q, "", "the application has no certificate to encrypt to")
	case (p.Like == Entra || p.Like == ADFS) && len(q.contexts) > 0 && !slices.Contains(q.contexts, p.context()):
		return refused(wrongContext, q, "", "people sign in here as %q", p.context())
	}
	return nil
}

// context is how people have signed in.
func (p *IdP) context() string {
	if p.AuthnContext != "" {
		return p.AuthnContext
	}
	return PasswordContext
}

func (p *IdP) nameIDFormat() string {
	if p.NameIDFormat != "" {
		return p.NameIDFormat
	}
	switch p.Like {
	case Okta, Google, Keycloak:
		return unspecifiedFormat
	case Shibboleth:
		return transientFormat
	}
	return EmailFormat
}

// allows says whether a person may use the application and can be named to it.
func (p *IdP) allows(q *request, u User) error {
	switch {
	case u.Unassigned:
		return refused(unassigned, q, u.Email, "%s may not use this application", u.Email)
	case p.Like == ADFS && u.Email == "" && strings.HasSuffix(q.format, ":emailAddress"), p.Like == Entra && p.name(u) == "":
		return refused(emptyNameID, q, "", "there is no value for the Name ID")
	}
	return nil
}

const (
	unspecifiedFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	persistentFormat  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	transientFormat   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	ws                = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	ms                = "http://schemas.microsoft.com/identity/claims/"
)

// name is the value of a person's Name ID.
func (p *IdP) name(u User) string {
	local, domain, _ := strings.Cut(u.Email, "@")
	switch {
	case p.Like == Entra && u.Guest:
		return local + "_" + domain + "#EXT#@acme.onmicrosoft.example"
	case p.Like == Entra && u.Email == "":
		return u.ID + "@acme.onmicrosoft.example" // everybody has a UPN
	case p.Like == Keycloak:
		return u.ID
	case p.Like == Shibboleth:
		return newID()
	}
	return u.Email
}

// inTheirWay makes an answer as the vendor writes it.
func (p *IdP) inTheirWay(r *Response, q request, u User) {
	r.NameID, r.NameIDFormat, r.ACR = p.name(u), p.nameIDFormat(), p.context()
	if r.NameID == "" {
		r.NameIDFormat = ""
	}
	r.Attributes = p.Like.attributes(u)
	switch p.Like {
	case Entra:
		r.Style, r.SignAssertion.Prefix = Style{Protocol: "samlp"}, "-"
		r.NotOnOrAfter = r.IssueInstant.Add(70 * time.Minute)
		if q.format != "" && !strings.HasSuffix(q.format, ":unspecified") {
			r.NameIDFormat = q.format // a format in the request stands before the one chosen in the console
		}
	case Okta:
		r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Typed: true}
		r.SignResponse = p.Signature()
		r.SessionNotOnOrAfter = time.Time{}
	case ADFS:
		r.Style = Style{Protocol: "samlp"}
	case Google:
		r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Typed: true}
	case OneLogin:
		r.Style = Style{Protocol: "samlp", Assertion: "saml", Typed: true, Indent: true}
		r.SignAssertion, r.SignResponse = nil, p.Signature()
	case Keycloak:
		r.Style = Style{Protocol: "samlp", Assertion: "saml", DeclareAtRoot: true}
		r.SignAssertion, r.SignResponse = nil, p.Signature()
		r.SignResponse.Prefix = "dsig"
	case Shibboleth:
		r.Style = Style{Protocol: "saml2p", Assertion: "saml2"}
		r.SignAssertion, r.SignResponse = nil, p.Signature()
		r.NameQualifier, r.SPNameQualifier = p.EntityID, q.sp.EntityID
	}
	if r.NameID == "" {
		r.NameQualifier, r.SPNameQualifier = "", ""
	}
}

// attributes are what the vendor's usual set-up sends; what a person has not is left out.
func (v Vendor) attributes(u User) []Attribute {
	const oid = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	var all []Attribute
	switch v {
	case Entra:
		all = []Attribute{attribute(ms+"tenantid", "8f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e"), attribute(ms+"objectidentifier", u.ID), attribute(ws+"emailaddress", u.Email),
			attribute(ws+"givenname", u.GivenName), attribute(ws+"surname", u.FamilyName)}
	case ADFS:
		all = []Attribute{attribute(ws+"emailaddress", u.Email), attribute(ws+"givenname", u.GivenName), attribute(ws+"surname", u.FamilyName)}
	case OneLogin:
		all = []Attribute{attribute("User.email", u.Email), attribute("User.FirstName", u.GivenName), attribute("User.LastName", u.FamilyName)}
	case Keycloak:
		all = []Attribute{{Name: "Role", Values: u.Groups}}
	case Shibboleth:
		all = []Attribute{{Name: "urn:oid:0.9.2342.19200300.100.1.3", Format: oid, FriendlyName: "mail", Values: []string{u.Email}},
			{Name: "urn:oasis:names:tc:SAML:attribute:subject-id", Format: oid, FriendlyName: "subject-id", Values: []string{u.ID + "@acme.example"}}}
	default:
		all = []Attribute{attribute("email", u.Email), attribute("firstName", u.GivenName), attribute("lastName", u.FamilyName)}
	}
	return slices.DeleteFunc(all, func(a Attribute) bool { return len(a.Values) == 0 || len(a.Values) == 1 && a.Values[0] == "" })
}

func attribute(name, value string) Attribute { return Attribute{Name: name, Values: []string{value}} }
