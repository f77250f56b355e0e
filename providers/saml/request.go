package saml

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Start makes an AuthnRequest (SAML core, section 3.4.1).
func (p *provider) Start(ctx context.Context, r providers.Request) (providers.Challenge, error) {
	to, err := p.source.get(ctx)
	if err != nil {
		return providers.Challenge{}, err
	}
	address, binding := to.sso.choose(p.c.Binding)
	c, err := p.challenge(ctx, to, r, address, binding)
	if err != nil {
		return providers.Challenge{}, err
	}
	c.URL += p.hint(c, r)
	return c, nil
}

// challenge is an AuthnRequest on its way to an address.
func (p *provider) challenge(ctx context.Context, to *idp, r providers.Request, address, binding string) (providers.Challenge, error) {
	w := p.authnRequest(r, address)
	out := outgoing{param: "SAMLRequest", doc: w.b, at: w.at, id: r.MessageID, relay: r.Handle, address: address, binding: binding}
	if p.signs(to) {
		s, err := p.signer(ctx)
		if err != nil {
			return providers.Challenge{}, err
		}
		out.signer = &s
	}
	return p.send(out)
}

// signs reports whether requests to the identity provider are signed.
func (p *provider) signs(to *idp) bool {
	return p.c.SignRequests == "always" || p.c.SignRequests == "auto" && to != nil && to.wantSigned
}

// authnRequest asks for no more than the settings say: no Subject (Entra refuses it), no NameIDPolicy (Okta compares it),
// no RequestedAuthnContext (a person may be signed in another way) unless wanted.
func (p *provider) authnRequest(r providers.Request, destination string) writer {
	w := writer{b: make([]byte, 0, 1<<10)}
	w.open("samlp:AuthnRequest", "xmlns:samlp", nsProtocol,
		"AssertionConsumerServiceURL", p.callback(r),
		"Destination", destination,
		"ForceAuthn", flag(r.ForceAuthn || p.c.ForceAuthn),
		"ID", r.MessageID,
		"IsPassive", flag(r.Passive),
		"IssueInstant", instant(p.s.Now()),
		"ProtocolBinding", bindingPOST,
		"Version", "2.0")
	w.issuer(p.s.SPEntityID)
	if p.c.NameIDFormat != "" {
		w.open("samlp:NameIDPolicy", "AllowCreate", "true", "Format", p.c.NameIDFormat)
		w.close("samlp:NameIDPolicy")
	}
	p.authnContext(&w, r)
	w.close("samlp:AuthnRequest")
	return w
}

// authnContext names the connection's authentication contexts, or those of them that the app asked for.
func (p *provider) authnContext(w *writer, r providers.Request) {
	if len(p.c.RequestedAuthnContext) == 0 {
		return
	}
	var asked []string
	for _, ref := range p.c.RequestedAuthnContext {
		if slices.Contains(r.ACR, ref) {
			asked = append(asked, ref)
		}
	}
	if len(asked) == 0 {
		asked = p.c.RequestedAuthnContext
	}
	w.open("samlp:RequestedAuthnContext", "Comparison", "exact")
	for _, ref := range asked {
		w.leaf("saml:AuthnContextClassRef", ref, "xmlns:saml", nsAssertion)
	}
	w.close("samlp:RequestedAuthnContext")
}

func flag(set bool) string {
	if set {
		return "true"
	}
	return ""
}

// hint prefills the address at Entra, which takes it beside the request instead of a Subject. It comes after the
// signature, which covers the SAML parameters only.
func (p *provider) hint(c providers.Challenge, r providers.Request) string {
	if p.s.Preset != "entra" || r.LoginHint == "" {
		return ""
	}
	return separator(c.URL) + "login_hint=" + url.QueryEscape(r.LoginHint)
}

func separator(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

// outgoing is a message of ours on its way.
type outgoing struct {
	param            string // SAMLRequest or SAMLResponse
	doc              []byte
	at               int // where an enveloped signature goes
	id, relay        string
	address, binding string
	signer           *signer // nil: unsigned
}

// send wraps a message for its binding.
func (p *provider) send(m outgoing) (providers.Challenge, error) {
	if !webAddress(m.address) {
		return providers.Challenge{}, fault.New(fault.SAMLUnconfigured, "no address to send to")
	}
	if m.binding == post {
		return p.sendForm(m)
	}
	query := m.param + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(p.deflate(m.doc)))
	if m.relay != "" {
		query += "&RelayState=" + url.QueryEscape(m.relay)
	}
	if m.signer != nil {
		var err error
		if query, err = m.signer.query(query); err != nil {
			return providers.Challenge{}, err
		}
	}
	return providers.Challenge{URL: m.address + separator(m.address) + query}, nil
}

func (p *provider) sendForm(m outgoing) (providers.Challenge, error) {
	doc := m.doc
	if m.signer != nil {
		var err error
		if doc, err = m.signer.enveloped(doc, m.id, m.at); err != nil {
			return providers.Challenge{}, err
		}
	}
	form := url.Values{m.param: {base64.StdEncoding.EncodeToString(doc)}}
	if m.relay != "" {
		form.Set("RelayState", m.relay)
	}
	return providers.Challenge{URL: m.address, Form: form}, nil
}
