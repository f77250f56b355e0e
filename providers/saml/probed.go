package saml

import (
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// response judges an answer to the probe that a form would post. Nothing in it is ever taken for a sign-in: the request
// was sent by nobody, and no assertion is looked at.
func (t *trial) response(form *form, f *findings) {
	sent := form.fields.Get("SAMLResponse")
	doc, err := formMessage(sent)
	if err != nil {
		f.fail(passive, err)
		return
	}
	root, err := parse(doc, messageLimits)
	if err != nil {
		f.fail(passive, err)
		return
	}
	address := form.address()
	switch {
	case root.attr("InResponseTo") != t.r.MessageID && !t.p.ours(address, t.r):
		f.ok("the request was taken; an answer on its way between other parties, to "+form.action.Host+", ends what can be seen", fault.Guess)
	case !t.p.ours(address, t.r):
		f.fail(passive, t.otherAddress(address))
	default:
		t.answer(root, form, f)
	}
}

// otherAddress: the identity provider answers our request, but would send the browser elsewhere. Whatever address its
// console has, it is not ours.
func (t *trial) otherAddress(address string) error {
	if address == t.p.s.SPEntityID {
		return t.p.swappedAtTheirs(address, t.p.s.CallbackURL)
	}
	e := fault.Mismatch(fault.IdPReplyURL, clip(address), t.p.s.CallbackURL)
	e.Confidence = fault.Proved
	if slug := t.p.neighbour(address); slug != "" {
		return e.Telling("it knows our Entity ID and would send the answer to another address: that of the connection %s", slug)
	}
	return e.Telling("it knows our Entity ID and would send the answer to another address")
}

// answer judges an answer that would reach us.
func (t *trial) answer(root *node, form *form, f *findings) {
	a := &answer{p: t.p, r: t.r, from: t.known, now: t.p.s.Now()}
	for _, check := range []func() error{
		func() error { return a.inResponseTo(root.attr("InResponseTo"), "Response") },
		func() error { return a.stamp(root) },
		func() error { return a.destination(root, false) },
		func() error { return t.sender(a, root) },
		func() error { return a.fresh(root) },
	} {
		if err := check(); err != nil {
			f.fail(passive, err)
			return
		}
	}
	if form.fields.Get("RelayState") != t.r.Handle {
		f.note("relay_state", (&fault.Error{Code: fault.SAMLRelayState, Confidence: fault.Proved}).Telling("RelayState came back as %s", clip(quoted(form.fields["RelayState"]))))
	}
	t.verdict(t.p.status(root), f)
}

// sender checks the signature, if there is one, and the issuer: errors need not be signed.
func (t *trial) sender(a *answer, root *node) error {
	_, err := (verifier{c: t.p.c, keys: t.known.keys}).tree(root)
	if wrong := a.issuers(root, err); wrong != nil {
		return wrong
	}
	if err != nil {
		return t.p.sharpen(fault.As(err), t.known)
	}
	return nil
}

// verdict reads the status. That the answer reaches us proves our address and our name, whatever it says.
func (t *trial) verdict(err error, f *findings) {
	const known = "our address and our name are known there"
	if err == nil {
		f.ok(known, fault.Proved)
		f.warn(passive, &fault.Error{Code: fault.SAMLProbeAnswered, Detail: "the answer to a passive request without any cookie was Success", Confidence: fault.Proved})
		return
	}
	e := fault.As(err)
	switch {
	case slices.Contains([]fault.Code{fault.SAMLNoPassive, fault.LoginRequired, fault.SAMLAuthnFailed, fault.SAMLUnknownPrincipal, fault.IdPSignIn}, e.Code):
		f.ok("nobody is signed in, said to our address: "+known, fault.Proved)
	case e.Code == fault.SAMLStatus || e.Code == fault.SAMLRequestDenied || strings.HasPrefix(string(e.Code), "idp.not_"):
		f.ok(known+"; to a passive request it answers "+e.Detail, fault.Proved)
	default:
		f.fail(passive, t.p.refine(t.known, e))
	}
}

func quoted(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}

// swappedAtTheirs: our two addresses stand in each other's field of their console.
func (p *provider) swappedAtTheirs(observed, expected string) *fault.Error {
	f := &fault.Error{Code: fault.SAMLSwapped, Observed: clip(observed), Expected: expected, Confidence: fault.Proved}
	acs, name := ownFields(p.s.Preset)
	f.Labels = []string{acs, name}
	f.Fix = f.Said.Tell("Set %s to exactly %s and %s to exactly %s.", acs, p.s.CallbackURL, name, p.s.SPEntityID)
	return f
}

// ownFields are what a console calls the fields of our ACS URL and our Entity ID.
func ownFields(preset string) (acs, name string) {
	switch preset {
	case "okta":
		return "Single sign-on URL", "Audience URI (SP Entity ID)"
	case "onelogin":
		return "ACS (Consumer) URL", "Audience (EntityID)"
	case "adfs":
		return "Trusted URL (Endpoints)", "Relying party trust identifier"
	}
	acs, name = "ACS URL", "Entity ID"
	if _, labels := fault.ConsoleFix(preset, "saml", fault.IdPReplyURL); len(labels) > 0 {
		acs = labels[0]
	}
	if _, labels := fault.ConsoleFix(preset, "saml", fault.IdPAppUnknown); len(labels) > 0 {
		name = labels[0]
	}
	return acs, name
}

// neighbour is the slug of another connection of this broker that an address of ours belongs to, "" if none does.
func (p *provider) neighbour(address string) string {
	prefix, _, ok := strings.Cut(p.s.CallbackURL, "/broker/")
	if !ok {
		return ""
	}
	rest, ok := strings.CutPrefix(address, prefix+"/broker/")
	if !ok {
		return ""
	}
	slug, _, _ := strings.Cut(rest, "/")
	if slug == "" || strings.HasPrefix(p.s.CallbackURL, prefix+"/broker/"+slug+"/") {
		return ""
	}
	return clip(slug)
}
