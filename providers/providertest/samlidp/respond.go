package samlidp

import (
	"encoding/base64"
	"time"

	"github.com/beevik/etree"
)

// Names of the wire format.
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	Bearer          = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	StatusPrefix    = "urn:oasis:names:tc:SAML:2.0:status:"
	PasswordContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	EmailFormat     = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsDSig      = "http://www.w3.org/2000/09/xmldsig#"
	nsExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// Style is how a vendor's product writes its messages.
type Style struct {
	Protocol, Assertion string // prefixes; "" is the default namespace
	Signature           string // prefix of signatures, "" the default namespace
	DeclareAtRoot       bool   // all namespaces at the root instead of where they are needed
	Typed               bool   // xsi:type="xs:string" on attribute values
	Indent              bool   // white space between elements
}

// Attribute is one attribute with its values.
type Attribute struct {
	Name, Format, FriendlyName string
	Values                     []string
}

// Response says what an answer claims. The zero value of a field leaves out what it describes; Answer fills a truthful
// one to start from.
type Response struct {
	Style Style

	// The Response element.
	ID, Issuer, Destination, InResponseTo string
	Version                               string
	IssueInstant                          time.Time
	Status, NestedStatus, StatusMessage   string // the last parts of the status URIs; "" for Status is Success
	NoAssertion                           bool

	// The Assertion.
	AssertionID, AssertionIssuer   string
	NameID, NameIDFormat           string
	NameQualifier, SPNameQualifier string
	Confirmations                  []Confirmation
	NotBefore, NotOnOrAfter        time.Time
	Audiences                      [][]string // a restriction each
	AuthnInstant                   time.Time  // zero: no AuthnStatement
	SessionNotOnOrAfter            time.Time
	SessionIndex, ACR              string
	Attributes                     []Attribute

	// Signatures; nil leaves one out.
	SignAssertion, SignResponse *Signature
	// Encrypt turns the assertion into an EncryptedAssertion after it was signed.
	Encrypt *Encryption

	// Lies that no field has. Assertion is called before anything is signed, Signed after the assertion was signed and
	// before the Response is, Sent on the finished tree, Raw on the finished text.
	Assertion, Signed, Sent func(response *etree.Element)
	Raw                     func([]byte) []byte
}

// Confirmation is a SubjectConfirmation.
type Confirmation struct {
	Method                  string
	Recipient, InResponseTo string
	NotBefore, NotOnOrAfter time.Time
}

// Answer is a truthful answer about a user to sp, addressed to acs, with a signed assertion.
func (p *IdP) Answer(sp ServiceProvider, acs, inResponseTo string, u User) Response {
	now := p.Now()
	r := Response{
		Style: Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Typed: true},
		ID:    newID(), Issuer: p.EntityID, Destination: acs, InResponseTo: inResponseTo, Version: "2.0", IssueInstant: now,
		AssertionID: newID(), AssertionIssuer: p.EntityID, NameID: u.Email, NameIDFormat: EmailFormat,
		Confirmations: []Confirmation{{Method: Bearer, Recipient: acs, InResponseTo: inResponseTo, NotOnOrAfter: now.Add(5 * time.Minute)}},
		NotBefore:     now.Add(-10 * time.Second), NotOnOrAfter: now.Add(5 * time.Minute), Audiences: [][]string{{sp.EntityID}},
		AuthnInstant: now, SessionIndex: newID(), SessionNotOnOrAfter: now.Add(8 * time.Hour),
		ACR: PasswordContext,
		Attributes: []Attribute{
			{Name: "id", Values: []string{u.ID}},
			{Name: "email", Values: []string{u.Email}},
			{Name: "firstName", Values: []string{u.GivenName}},
			{Name: "lastName", Values: []string{u.FamilyName}},
			{Name: "groups", Values: u.Groups},
		},
		SignAssertion: p.Signature(),
	}
	if sp.EncryptTo != nil {
		r.Encrypt = &Encryption{To: sp.EncryptTo}
	}
	return r
}

// Respond writes, signs and encodes an answer as the POST binding carries it.
func (p *IdP) Respond(r Response) string {
	return base64.StdEncoding.EncodeToString(p.XML(r))
}

// XML is Respond without base64.
func (p *IdP) XML(r Response) []byte {
	b := builder{style: r.Style}
	root := b.response(r)
	if !r.NoAssertion {
		assertion := b.assertion(root, r)
		if r.Style.Indent {
			indent(root, 1)
		}
		call(r.Assertion, root)
		if r.SignAssertion != nil {
			Sign(assertion, *r.SignAssertion)
		}
		if r.Encrypt != nil {
			root.AddChild(r.Encrypt.assertion(root.RemoveChild(assertion).(*etree.Element), r.Style.Assertion))
		}
	}
	call(r.Signed, root)
	if r.SignResponse != nil {
		Sign(root, *r.SignResponse)
	}
	call(r.Sent, root)
	doc := serialize(root)
	if r.Raw != nil {
		doc = r.Raw(doc)
	}
	return doc
}

func call(f func(*etree.Element), e *etree.Element) {
	if f != nil {
		f(e)
	}
}

// builder writes elements in a vendor's style.
type builder struct{ style Style }

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + ":" + name
}

func xmlns(prefix string) string {
	if prefix == "" {
		return "xmlns"
	}
	return "xmlns:" + prefix
}

// saml adds an element of the assertion namespace, declaring it where the parent is of another one.
func (b builder) saml(parent *etree.Element, name string) *etree.Element {
	foreign := parent.Space != b.style.Assertion || parent.Tag == "Response"
	e := parent.CreateElement(join(b.style.Assertion, name))
	if foreign && (!b.style.DeclareAtRoot || b.style.Assertion == "") {
		e.CreateAttr(xmlns(b.style.Assertion), nsAssertion)
	}
	return e
}

func (b builder) samlp(parent *etree.Element, name string) *etree.Element {
	return parent.CreateElement(join(b.style.Protocol, name))
}

func set(e *etree.Element, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			e.CreateAttr(pairs[i], pairs[i+1])
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (b builder) response(r Response) *etree.Element {
	root := etree.NewElement(join(b.style.Protocol, "Response"))
	root.CreateAttr(xmlns(b.style.Protocol), nsProtocol)
	if b.style.DeclareAtRoot && b.style.Assertion != "" {
		root.CreateAttr(xmlns(b.style.Assertion), nsAssertion)
		root.CreateAttr("xmlns:xs", "http://www.w3.org/2001/XMLSchema")
	}
	set(root, "ID", r.ID, "Version", r.Version, "IssueInstant", stamp(r.IssueInstant), "Destination", r.Destination, "InResponseTo", r.InResponseTo)
	if r.Issuer != "" {
		b.saml(root, "Issuer").SetText(r.Issuer)
	}
	status := b.samlp(root, "Status")
	code := b.samlp(status, "StatusCode")
	if r.Status == "" {
		r.Status = "Success"
	}
	code.CreateAttr("Value", StatusPrefix+r.Status)
	if r.NestedStatus != "" {
		b.samlp(code, "StatusCode").CreateAttr("Value", StatusPrefix+r.NestedStatus)
	}
	if r.StatusMessage != "" {
		b.samlp(status, "StatusMessage").SetText(r.StatusMessage)
	}
	return root
}

func (b builder) assertion(root *etree.Element, r Response) *etree.Element {
	a := b.saml(root, "Assertion")
	set(a, "ID", r.AssertionID, "Version", r.Version, "IssueInstant", stamp(r.IssueInstant))
	if r.AssertionIssuer != "" {
		b.saml(a, "Issuer").SetText(r.AssertionIssuer)
	}
	b.subject(a, r)
	b.conditions(a, r)
	b.authn(a, r)
	b.attributes(a, r)
	return a
}

func (b builder) subject(a *etree.Element, r Response) {
	s := b.saml(a, "Subject")
	if r.NameID != "" {
		n := b.saml(s, "NameID")
		set(n, "Format", r.NameIDFormat, "NameQualifier", r.NameQualifier, "SPNameQualifier", r.SPNameQualifier)
		n.SetText(r.NameID)
	}
	for _, c := range r.Confirmations {
		e := b.saml(s, "SubjectConfirmation")
		e.CreateAttr("Method", c.Method)
		set(b.saml(e, "SubjectConfirmationData"), "InResponseTo", c.InResponseTo, "NotBefore", stamp(c.NotBefore),
			"NotOnOrAfter", stamp(c.NotOnOrAfter), "Recipient", c.Recipient)
	}
}

func (b builder) conditions(a *etree.Element, r Response) {
	c := b.saml(a, "Conditions")
	set(c, "NotBefore", stamp(r.NotBefore), "NotOnOrAfter", stamp(r.NotOnOrAfter))
	for _, restriction := range r.Audiences {
		e := b.saml(c, "AudienceRestriction")
		for _, audience := range restriction {
			b.saml(e, "Audience").SetText(audience)
		}
	}
}

func (b builder) authn(a *etree.Element, r Response) {
	if r.AuthnInstant.IsZero() {
		return
	}
	s := b.saml(a, "AuthnStatement")
	set(s, "AuthnInstant", stamp(r.AuthnInstant), "SessionIndex", r.SessionIndex, "SessionNotOnOrAfter", stamp(r.SessionNotOnOrAfter))
	b.saml(b.saml(s, "AuthnContext"), "AuthnContextClassRef").SetText(r.ACR)
}

func (b builder) attributes(a *etree.Element, r Response) {
	if len(r.Attributes) == 0 {
		return
	}
	s := b.saml(a, "AttributeStatement")
	for _, at := range r.Attributes {
		e := b.saml(s, "Attribute")
		set(e, "Name", at.Name, "NameFormat", at.Format, "FriendlyName", at.FriendlyName)
		for _, v := range at.Values {
			x := b.saml(e, "AttributeValue")
			if b.style.Typed {
				set(x, "xmlns:xs", "http://www.w3.org/2001/XMLSchema", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance", "xsi:type", "xs:string")
			}
			x.SetText(v)
		}
	}
}

// indent puts white space between the children of elements that have no text.
func indent(e *etree.Element, depth int) {
	kids := e.ChildElements()
	if len(kids) == 0 {
		return
	}
	for i := len(kids) - 1; i >= 0; i-- {
		indent(kids[i], depth+1)
		e.InsertChildAt(kids[i].Index(), etree.NewText("\n"+spaces(depth)))
	}
	e.AddChild(etree.NewText("\n" + spaces(depth-1)))
}

func spaces(n int) string { return "                                "[:min(2*n, 32)] }
