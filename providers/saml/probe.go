package saml

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// The passive probe: an AuthnRequest with IsPassive (SAML core, section 3.4.1), sent by nobody. What comes back shows
// whether the identity provider knows our name and our address, long before a person tries: a form that would post an
// error to our ACS proves both; a sign-in page makes them likely; an error page says what is wrong, if it can be read.

// passive is the check's name.
const passive = "passive"

// probe sends the request by the connection's binding, and where nothing takes it there, once more by the other one.
func (p *provider) probe(ctx context.Context, known *idp, f *findings) {
	if !providers.Probes(ctx) || p.s.HTTP == nil {
		return
	}
	address, binding := known.sso.choose(p.c.Binding)
	v := p.ask(ctx, known, address, binding)
	if v.unsuited() {
		address, other := known.sso.other(address, binding)
		if second := p.ask(ctx, known, address, other); second.taken() {
			f.fail(passive, (&fault.Error{Code: fault.SAMLSSOBinding, Observed: binding, Expected: other, Confidence: fault.Proved}).
				Telling("by %s the address answers %s, by %s it takes the request", binding, v.answered(), other))
			return
		}
	}
	v.judge(f)
}

// other is the same service by the other binding, at the same address where no other is known.
func (e endpoints) other(address, binding string) (string, string) {
	if binding == post {
		return cmp.Or(e.redirect, address), redirect
	}
	return cmp.Or(e.post, address), post
}

// trial is one probe and what became of it.
type trial struct {
	visit
	p     *provider
	known *idp
	r     providers.Request
}

func (p *provider) ask(ctx context.Context, known *idp, address, binding string) *trial {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	t := &trial{p: p, known: known, r: providers.Request{
		Handle: base64.RawURLEncoding.EncodeToString(raw), MessageID: "_" + hex.EncodeToString(raw), CallbackURL: p.s.CallbackURL, Issued: p.s.Now(), Passive: true,
	}}
	c, err := p.challenge(ctx, known, t.r, address, binding)
	if err != nil {
		t.err = err
		return t
	}
	t.visit = p.visit(ctx, c)
	return t
}

// unsuited says that the address does not take what was sent: nothing there, or not by this method.
func (t *trial) unsuited() bool {
	return slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusNotImplemented}, t.status) &&
		len(t.reading().Codes) == 0
}

// taken says that the identity provider went on with the request.
func (t *trial) taken() bool {
	return t.err == nil && (t.back || t.form("SAMLResponse") != nil || t.status == http.StatusOK && t.signIn)
}

func (t *trial) answered() string {
	if t.err != nil {
		return t.err.Error()
	}
	return fmt.Sprintf("%d %s", t.status, http.StatusText(t.status))
}

// reading is what the page says. Where people are asked to sign in, only what they see counts: the scripts of such pages
// hold the words of every error they could show.
func (t *trial) reading() fault.PageReading {
	text := t.page
	if t.signIn {
		text = t.text
	}
	return fault.ReadPageFor(t.p.s.Preset, "saml", text)
}

// judge adds what the probe found.
func (t *trial) judge(f *findings) {
	answer := t.form("SAMLResponse")
	switch {
	case t.err != nil:
		t.unreachable(f)
	case t.back && t.place.Query().Has("SAMLResponse"):
		f.fail(passive, &fault.Error{Code: fault.SAMLBinding, Observed: "HTTP-Redirect", Expected: "HTTP-POST", Confidence: fault.Proved})
	case t.back:
		f.ok("the identity provider sent the browser back to us without an answer", fault.Guess)
	case answer != nil:
		t.response(answer, f)
	case t.form("SAMLRequest") != nil:
		f.ok("the request was taken and passed on to "+t.form("SAMLRequest").action.Host, fault.Likely)
	case t.status < http.StatusBadRequest && t.signIn:
		t.signInPage(f)
	default:
		t.otherPage(f)
	}
}

// unreachable: a sign-on page may well be open inside the company's network only. A name that nobody knows is wrong from
// everywhere.
func (t *trial) unreachable(f *findings) {
	err := *fault.As(t.err)
	if err.Code == fault.FetchDNS || err.Code == fault.FetchHostName || err.Code == fault.FetchExpired || err.Code == fault.FetchOldTLS {
		err.Confidence = fault.Likely
		f.warn(passive, &err)
		return
	}
	f.list = append(f.list, providers.Silent(passive, "our server cannot open the sign-on page (%s); people's browsers may, and for SAML that is enough", err.Error()))
}

// signInPage is a weak sign: the request was read, and IsPassive was not heeded.
func (t *trial) signInPage(f *findings) {
	r := t.reading()
	switch {
	case len(r.Codes) > 0 && t.refused(r, f):
	case t.p.s.Preset == "google" || t.place.Hostname() == "accounts.google.com":
		f.ok("Google shows its sign-in page; whether it knows our Entity ID and ACS URL it says only after somebody has signed in", fault.Guess)
	default:
		f.ok("the sign-in page came: the request was taken, although not as a passive one", fault.Likely)
	}
}

// otherPage reads a page that is neither an answer nor a sign-in.
func (t *trial) otherPage(f *findings) {
	r := t.reading()
	switch {
	case t.refused(r, f):
	case t.status == http.StatusNotFound || t.status == http.StatusGone:
		f.fail(passive, t.p.notFound(t.place.Host, t.answered()))
	case t.status == http.StatusForbidden || t.status == http.StatusTooManyRequests || t.status == http.StatusServiceUnavailable:
		f.list = append(f.list, providers.Silent(passive, "%s answers %s, perhaps to programs only", t.place.Host, t.answered()))
	case t.status >= http.StatusBadRequest:
		f.fail(passive, t.p.unreadablePage(t.known, t.place.Host, t.answered()))
	default:
		f.ok("a page came that says nothing to a program", fault.Guess)
	}
}

func (p *provider) notFound(host, status string) error {
	f := &fault.Error{Code: fault.SAMLSSONotFound, Confidence: fault.Likely, Alternatives: []fault.Alternative{
		{Code: fault.SAMLSSOBinding, Question: "Does the address open with an error of the identity provider itself when it is opened in a browser? Then it expects the other binding."},
		{Code: fault.IdPAppDisabled, Question: "Is the application still listed, but inactive, in the identity provider's console?"},
	}}
	return f.Telling("%s answers %s", host, status)
}

// refused adds what an error page says; false where nothing on it was understood.
func (t *trial) refused(r fault.PageReading, f *findings) bool {
	if len(r.Faults) == 0 || t.status < http.StatusBadRequest && len(r.Codes) == 0 && r.Faults[0].Confidence == fault.Guess {
		return false
	}
	if r.Faults[0].Code == fault.LoginRequired {
		f.ok("the identity provider says that nobody is signed in: it knows us", fault.Likely)
		return true
	}
	first := t.p.refine(t.known, r.Faults[0])
	for _, other := range r.Faults[1:] {
		first.Alternatives = append(first.Alternatives, fault.Alternative{Code: other.Code, Question: question(other.Code)})
	}
	if first.Confidence == fault.Guess {
		f.warn(passive, first)
		return true
	}
	f.fail(passive, first)
	return true
}

// refine tells of a vendor's refusal what only we know: what our request asked for.
func (p *provider) refine(known *idp, from *fault.Error) *fault.Error {
	f := *from
	f.Alternatives = slices.Clone(from.Alternatives)
	switch {
	case f.Code == fault.IdPRequestSignature && !p.signs(known):
		f.Code = fault.SAMLRequestSigning
		f.Telling("our requests are not signed. %s", f.Said.Of(f.Detail))
	case f.Code == fault.IdPRequestSignature:
		f.Telling("our requests are signed, so the identity provider may hold an earlier certificate of ours. %s", f.Said.Of(f.Detail))
	case f.Code == fault.IdPEncryption && p.c.Encrypt == "never":
		f.Code, f.Fix, f.Labels = fault.SAMLEncryptionUnpublished, "", nil
	case f.Code == fault.IdPRequest && p.c.NameIDFormat != "" && strings.Contains(strings.ToLower(f.Detail), "nameid"):
		f.Code, f.Fix, f.Labels = fault.SAMLNameIDForced, f.Said.Tell("Empty the connection's Name ID format, which asks for %s.", clip(p.c.NameIDFormat)), nil
	case slices.Contains([]fault.Code{fault.IdPRequest, fault.SAMLRequestUnsupported, fault.IdPNoValue, fault.SAMLNameIDPolicy}, f.Code) && p.c.NameIDFormat != "":
		f.Alternatives = append(f.Alternatives, fault.Alternative{Code: fault.SAMLNameIDForced, Question: question(fault.SAMLNameIDForced)})
	}
	return &f
}

// unreadablePage is an error page without a word that we know: the neighbours, likeliest first, with the question that
// tells them apart.
func (p *provider) unreadablePage(known *idp, host, status string) error {
	f := (&fault.Error{Code: fault.IdPPage, Confidence: fault.Guess}).Telling("%s answers %s", host, status)
	candidates := []fault.Code{fault.IdPAppUnknown, fault.IdPReplyURL}
	if known.wantSigned || p.s.Preset == "keycloak" {
		candidates = append(candidates, fault.IdPRequestSignature)
	}
	if len(p.c.RequestedAuthnContext) > 0 {
		candidates = append([]fault.Code{fault.SAMLContextForced}, candidates...)
	}
	if p.c.NameIDFormat != "" {
		candidates = append([]fault.Code{fault.SAMLNameIDForced}, candidates...)
	}
	for _, c := range candidates {
		f.Alternatives = append(f.Alternatives, fault.Alternative{Code: c, Question: question(c)})
	}
	return f
}

// question tells a fault from its neighbours.
func question(c fault.Code) string {
	switch c {
	case fault.IdPAppUnknown:
		return "Is our Entity ID, letter by letter, in the application at the identity provider, and is the application still there?"
	case fault.IdPReplyURL:
		return "Is our ACS URL, letter by letter, in the application at the identity provider?"
	case fault.IdPRequestSignature, fault.SAMLRequestSigning:
		return "Does the application there demand signed requests, or hold an earlier certificate of ours?"
	case fault.IdPAppDisabled:
		return "Is the application switched off at the identity provider?"
	case fault.SAMLNameIDForced:
		return "Does it go away when the connection's Name ID format is emptied?"
	case fault.SAMLContextForced, fault.SAMLNoAuthnContext:
		return "Does it go away when the connection's Requested authentication context is emptied?"
	}
	if asked := fault.Question(c); asked != "" {
		return asked
	}
	return "What does the page say when the address is opened in a browser?"
}
