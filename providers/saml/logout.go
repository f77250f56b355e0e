package saml

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// StartLogout makes a signed LogoutRequest (SAML core, section 3.7.1) where the identity provider has a logout address
// and the person a NameID.
func (p *provider) StartLogout(ctx context.Context, r providers.Request, id providers.Identity, _ string) (providers.Challenge, bool, error) {
	to, err := p.source.get(ctx)
	if err != nil {
		return providers.Challenge{}, false, err
	}
	if !to.slo.any() || id.Subject == "" {
		return providers.Challenge{}, false, nil
	}
	s, err := p.signer(ctx)
	if err != nil {
		return providers.Challenge{}, false, err
	}
	address, binding := to.slo.choose(p.c.Binding)
	w := p.logoutRequest(r, id, address)
	c, err := p.send(outgoing{param: "SAMLRequest", doc: w.b, at: w.at, id: r.MessageID, relay: r.Handle, address: address, binding: binding, signer: &s})
	return c, err == nil, err
}

func (p *provider) logoutRequest(r providers.Request, id providers.Identity, destination string) writer {
	w := writer{b: make([]byte, 0, 1<<10)}
	now := p.s.Now()
	w.open("samlp:LogoutRequest", "xmlns:samlp", nsProtocol, "Destination", destination, "ID", r.MessageID,
		"IssueInstant", instant(now), "NotOnOrAfter", instant(now.Add(5*time.Minute)), "Version", "2.0")
	w.issuer(p.s.SPEntityID)
	w.leaf("saml:NameID", id.Subject, "xmlns:saml", nsAssertion, "Format", id.SubjectFormat,
		"NameQualifier", id.NameQualifier, "SPNameQualifier", id.SPNameQualifier)
	if id.SessionIndex != "" {
		w.leaf("samlp:SessionIndex", id.SessionIndex)
	}
	w.close("samlp:LogoutRequest")
	return w
}

// IsLogout tells logout messages from sign-in answers: an identity provider sends no other requests.
func (p *provider) IsLogout(reply providers.Reply) bool {
	if values(reply).Has("SAMLRequest") {
		return true
	}
	return peek(reply, "SAMLResponse").name == "LogoutResponse"
}

// ReceiveLogout reads a LogoutRequest, which must be signed, or the LogoutResponse to our own request.
func (p *provider) ReceiveLogout(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Logout, error) {
	from, err := p.source.get(ctx)
	if err != nil {
		return providers.Logout{}, err
	}
	a := &answer{p: p, ctx: ctx, r: r, from: from, now: p.s.Now()}
	m, err := a.logoutMessage(reply)
	if err != nil {
		return providers.Logout{}, err
	}
	if err := a.logoutEnvelope(m); err != nil {
		return providers.Logout{}, err
	}
	if m.param == "SAMLResponse" {
		return a.logoutResponse(m.root)
	}
	return a.logoutRequest(m, values(reply).Get("RelayState"))
}

// logoutMessage is a logout message whose signature, if it has one, verified.
type logoutMessage struct {
	param  string
	root   *node
	signed bool
}

func (a *answer) logoutMessage(reply providers.Reply) (logoutMessage, error) {
	m := logoutMessage{param: "SAMLResponse"}
	if values(reply).Has("SAMLRequest") {
		m.param = "SAMLRequest"
	}
	sent := values(reply)[m.param]
	if len(sent) != 1 {
		return m, fault.New(fault.LoginNoMessage, "%d %s parameters", len(sent), m.param)
	}
	decode := queryMessage
	if reply.Method == http.MethodPost {
		decode = formMessage
	}
	doc, err := decode(sent[0])
	if err != nil {
		return m, err
	}
	if m.root, err = parse(doc, messageLimits); err != nil {
		return m, err
	}
	want := map[string]string{"SAMLRequest": "LogoutRequest", "SAMLResponse": "LogoutResponse"}[m.param]
	if !m.root.is(nsProtocol, want) {
		return m, fault.Mismatch(fault.SAMLLogoutInvalid, clip(m.root.name), want)
	}
	return a.logoutSignature(m, reply)
}

// logoutSignature verifies what signature there is and keeps only what it covers: by redirect the query's, else the
// enveloped one. With a query signature the whole message is covered.
func (a *answer) logoutSignature(m logoutMessage, reply providers.Reply) (logoutMessage, error) {
	v := verifier{c: a.p.c, keys: a.from.keys}
	covered, err := v.tree(m.root)
	if err != nil {
		return m, err
	}
	if covered != nil {
		m.root, m.signed = covered, true
	}
	if reply.Method == http.MethodPost || !reply.Query.Has("Signature") {
		return m, nil
	}
	m.signed = true
	return m, v.query(reply.URL, m.param)
}

// query verifies the redirect binding's signature over the parameters as they were sent: AD FS and Entra percent-encode
// in lower case, which encoding them anew would change (SAML bindings, section 3.4.4.1).
func (v verifier) query(u *url.URL, param string) error {
	raw := map[string]string{}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if _, twice := raw[name]; twice {
			return fault.New(fault.SAMLXMLDuplicate, "the parameter %q occurs twice", clip(name))
		}
		raw[name] = value
	}
	signed := param + "=" + raw[param]
	if relay, ok := raw["RelayState"]; ok {
		signed += "&RelayState=" + relay
	}
	signed += "&SigAlg=" + raw["SigAlg"]
	alg, _ := url.QueryUnescape(raw["SigAlg"])
	m, err := v.c.method(alg)
	if err != nil {
		return err
	}
	encoded, _ := url.QueryUnescape(raw["Signature"])
	value, err := decodeBase64(encoded)
	if err != nil {
		return fault.Wrap(fault.SAMLSignatureShape, err, "Signature is not base64")
	}
	for _, k := range v.keys {
		if k.weak == "" && m.verify(k.public, []byte(signed), value) {
			return nil
		}
	}
	return &fault.Error{Code: fault.SAMLSignatureKey, Detail: "no key verifies the query's signature", Expected: describeAll(v.keys)}
}

// logoutEnvelope checks who sent it, to whom and when.
func (a *answer) logoutEnvelope(m logoutMessage) error {
	if err := a.stamp(m.root); err != nil {
		return err
	}
	if err := a.fresh(m.root); err != nil {
		return err
	}
	issuer, err := one(m.root, "Issuer")
	if err != nil {
		return err
	}
	if issuer.content() != a.from.entityID {
		return fault.Mismatch(fault.SAMLIssuer, clip(issuer.content()), a.from.entityID)
	}
	d, said := m.root.lookupAttr("", "Destination")
	if said && d != a.p.s.LogoutURL && !a.p.ours(d, a.r) {
		return fault.Mismatch(fault.SAMLDestination, clip(d), a.p.s.LogoutURL)
	}
	return nil
}

// logoutResponse belongs to a request of ours. It may be unsigned, as it only ends a wait.
func (a *answer) logoutResponse(root *node) (providers.Logout, error) {
	if v := root.attr("InResponseTo"); a.r.Handle == "" || a.r.MessageID == "" || v != a.r.MessageID {
		return providers.Logout{}, fault.Mismatch(fault.SAMLInResponseTo, clip(v), a.r.MessageID)
	}
	if err := a.p.status(root); err != nil {
		return providers.Logout{}, fault.Wrap(fault.SAMLLogoutFailed, err, "")
	}
	return providers.Logout{Answered: true, Handle: a.r.Handle}, nil
}

// logoutRequest names the session to end. Without a SessionIndex, or with several, all of the person's are meant.
func (a *answer) logoutRequest(m logoutMessage, relay string) (providers.Logout, error) {
	if !m.signed {
		return providers.Logout{}, fault.New(fault.SAMLLogoutInvalid, "the LogoutRequest is not signed")
	}
	if v := m.root.attr("NotOnOrAfter"); v != "" {
		if _, err := a.lasts(v, "LogoutRequest NotOnOrAfter"); err != nil {
			return providers.Logout{}, err
		}
	}
	var id providers.Identity
	if err := a.subject(m.root, &id); err != nil {
		return providers.Logout{}, err
	}
	if id.Subject == "" {
		return providers.Logout{}, fault.New(fault.SAMLLogoutInvalid, "the LogoutRequest names nobody")
	}
	out := providers.Logout{Subject: id.Subject}
	if s := m.root.all(nsProtocol, "SessionIndex"); len(s) == 1 {
		out.SessionIndex = s[0].content()
	}
	var err error
	out.Reply, err = a.logoutAnswer(m.root.attr("ID"), relay)
	return out, err
}

// logoutAnswer is our signed LogoutResponse, nil where the identity provider has no address for it.
func (a *answer) logoutAnswer(inResponseTo, relay string) (*providers.Challenge, error) {
	if !a.from.sloAnswers.any() {
		return nil, nil
	}
	s, err := a.p.signer(a.ctx)
	if err != nil {
		return nil, err
	}
	address, binding := a.from.sloAnswers.choose(a.p.c.Binding)
	id := randomID()
	w := writer{}
	w.open("samlp:LogoutResponse", "xmlns:samlp", nsProtocol, "Destination", address, "ID", id,
		"InResponseTo", inResponseTo, "IssueInstant", instant(a.now), "Version", "2.0")
	w.issuer(a.p.s.SPEntityID)
	w.open("samlp:Status")
	w.open("samlp:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Success")
	w.close("samlp:StatusCode")
	w.close("samlp:Status")
	w.close("samlp:LogoutResponse")
	if len(relay) > 2048 {
		relay = ""
	}
	c, err := a.p.send(outgoing{param: "SAMLResponse", doc: w.b, at: w.at, id: id, relay: relay, address: address, binding: binding, signer: &s})
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func randomID() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "_" + hex.EncodeToString(b)
}
