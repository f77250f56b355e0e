package saml

import (
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// status reads why there is no assertion (SAML core, section 3.2.2): the codes first, then the vendor's message.
func (p *provider) status(root *node) error {
	s := root.child(nsProtocol, "Status")
	top := s.child(nsProtocol, "StatusCode")
	if top == nil {
		return fault.New(fault.SAMLIncomplete, "no Status")
	}
	const family = "urn:oasis:names:tc:SAML:2.0:status:"
	if top.attr("Value") == family+"Success" {
		return nil
	}
	first, _ := strings.CutPrefix(top.attr("Value"), family)
	second := ""
	for n := top.child(nsProtocol, "StatusCode"); n != nil; n = n.child(nsProtocol, "StatusCode") {
		second, _ = strings.CutPrefix(n.attr("Value"), family) // the innermost says most
	}
	detail := clip(first)
	if second != "" {
		detail += "/" + clip(second)
	}
	message := s.child(nsProtocol, "StatusMessage").content()
	if message != "" {
		detail += ": " + clip(message)
	}
	f := &fault.Error{Code: statusFault(first, second), Detail: detail, Observed: detail, Expected: "Success"}
	p.told(f, message)
	p.doubts(f)
	return f
}

// statusFault knows the second-level codes; some products send them in the first place.
func statusFault(first, second string) fault.Code {
	for _, code := range []string{second, first} {
		switch code {
		case "AuthnFailed":
			return fault.SAMLAuthnFailed
		case "NoAuthnContext":
			return fault.SAMLNoAuthnContext
		case "InvalidNameIDPolicy":
			return fault.SAMLNameIDPolicy
		case "NoPassive":
			return fault.SAMLNoPassive
		case "RequestDenied":
			return fault.SAMLRequestDenied
		case "RequestUnsupported":
			return fault.SAMLRequestUnsupported
		case "UnknownPrincipal":
			return fault.SAMLUnknownPrincipal
		}
	}
	return fault.SAMLStatus
}

// told adds what the vendor's message says, where the codes leave it open.
func (p *provider) told(f *fault.Error, message string) {
	if message == "" {
		return
	}
	r := fault.ReadPageFor(p.s.Preset, "saml", message)
	if len(r.Faults) == 0 || r.Faults[0].Confidence == fault.Guess {
		return
	}
	said := r.Faults[0]
	switch {
	case said.Code == fault.LoginRequired:
		f.Code = fault.SAMLNoPassive
	case f.Code == fault.SAMLStatus, vague(f.Code) && (strings.HasPrefix(string(said.Code), "idp.") || strings.HasPrefix(string(said.Code), "saml.")):
		f.Code, f.Fix, f.Labels, f.Confidence = said.Code, f.Said.Note(said.Fix, said.Said.Of(said.Fix)), said.Labels, said.Confidence
	case said.Code == f.Code || f.Code == fault.SAMLRequestUnsupported:
		f.Fix, f.Labels = f.Said.Note(said.Fix, said.Said.Of(said.Fix)), said.Labels
	}
}

// vague are the statuses that products send for many reasons, so that their own message says more.
func vague(c fault.Code) bool {
	return c == fault.SAMLAuthnFailed || c == fault.SAMLRequestDenied
}

// doubts adds what else a status may mean, with what only we know: what our request asked for.
func (p *provider) doubts(f *fault.Error) {
	ask := func(code fault.Code, question string) {
		f.Alternatives = append(f.Alternatives, fault.Alternative{Code: code, Question: question})
	}
	switch f.Code {
	case fault.SAMLNameIDPolicy:
		f.Confidence = fault.Likely
		if p.c.NameIDFormat != "" {
			p.formatAtTheirs(f)
			ask(fault.SAMLNameIDForced, question(fault.SAMLNameIDForced))
		}
		ask(fault.SAMLNoEmail, "Do others of this organisation get in? Then this one person has no email address in the directory.")
	case fault.SAMLNoAuthnContext:
		if len(p.c.RequestedAuthnContext) == 0 {
			f.Confidence, f.Fix = fault.Likely, "We asked for no particular way of signing in: look up the time of the attempt in the identity provider's log; a policy there demands another way."
			ask(fault.IdPPolicy, "Do people get in who sign in another way, or from another place?")
		}
	case fault.SAMLRequestDenied, fault.SAMLAuthnFailed:
		f.Confidence = fault.Likely
		ask(fault.IdPNotAssigned, "Do other people get in? Then this person is not assigned to the application.")
		ask(fault.IdPPolicy, "Does the same person get in from inside the company's network?")
	case fault.SAMLStatus:
		p.unsaid(f)
	}
}

// formatAtTheirs is what to do about a Name ID format that we ask for: nothing at theirs, or the field that fills it.
func (p *provider) formatAtTheirs(f *fault.Error) {
	field := consoleOf(p.s.Preset).nameID
	if field == "" {
		f.Fix = f.Said.Tell("Empty the connection's Name ID format, which asks for %s; or give the Name ID that format at the identity provider.", clip(p.c.NameIDFormat))
		return
	}
	label, _, _ := strings.Cut(field, " (")
	f.Labels = []string{label}
	f.Fix = f.Said.Tell("Empty the connection's Name ID format, which asks for %s; or give the Name ID that format in %s.", clip(p.c.NameIDFormat), field)
}

// unsaid is a bare Responder or Requester: AD FS says no more for half a dozen causes, the others for fewer.
func (p *provider) unsaid(f *fault.Error) {
	f.Confidence = fault.Guess
	known := p.source.known()
	signature := fault.IdPRequestSignature
	if !p.signs(known) {
		signature = fault.SAMLRequestSigning
	}
	if signature == fault.SAMLRequestSigning && known != nil && known.wantSigned { // its metadata says so
		f.Code, f.Confidence = signature, fault.Likely
	}
	for _, c := range []fault.Code{fault.SAMLNameIDPolicy, fault.SAMLNoAuthnContext, signature, fault.SAMLRequestDenied} {
		switch {
		case c == f.Code, c == fault.SAMLNoAuthnContext && len(p.c.RequestedAuthnContext) == 0:
		case c == fault.SAMLRequestSigning && p.s.Preset != "adfs":
		default:
			f.Alternatives = append(f.Alternatives, fault.Alternative{Code: c, Question: statusQuestion(c)})
		}
	}
}

func statusQuestion(c fault.Code) string {
	switch c {
	case fault.SAMLNameIDPolicy:
		return "Does the identity provider's log (AD FS: event 321, MSIS7070) speak of the Name ID?"
	case fault.SAMLRequestDenied:
		return "Do other people get in? Then this person is not permitted to use the application."
	}
	return question(c)
}

// unsolicited refuses an answer that nobody asked for, and says so where our own sign-on address is what asks for them.
func (a *answer) unsolicited() error {
	f := fault.New(fault.SAMLUnsolicited, "")
	for _, address := range []string{a.from.sso.redirect, a.from.sso.post} {
		if portalLink(nil, address) != nil {
			f.Code, f.Detail, f.Confidence = fault.SAMLSSOShape, address, fault.Likely
		}
	}
	return f
}

// misdirected is an answer made out to an address that is not ours.
func (a *answer) misdirected(code fault.Code, observed string) *fault.Error {
	if observed == a.p.s.SPEntityID {
		return a.p.swappedAtTheirs(observed, a.p.callback(a.r))
	}
	f := fault.Mismatch(code, clip(observed), a.p.callback(a.r))
	if slug := a.p.neighbour(observed); slug != "" {
		f.Telling("the address would be that of another connection here: %s", slug)
	}
	return f
}

// entraTenant is the directory in an issuer of Entra, "" in any other.
func entraTenant(issuer string) string {
	for _, prefix := range []string{"https://sts.windows.net/", "https://login.microsoftonline.com/"} {
		if rest, ok := strings.CutPrefix(strings.ToLower(issuer), prefix); ok {
			tenant, _, _ := strings.Cut(rest, "/")
			return clip(tenant)
		}
	}
	return ""
}

// clearer is a fault of the gate as an administrator needs it: told from its neighbours, in the console's own words. It
// only names the fault; what was refused stays refused.
func (p *provider) clearer(err error) error {
	f := fault.As(err)
	if known := p.source.known(); known != nil {
		f = p.sharpen(f, known)
	}
	return p.worded(f)
}

// Worded puts a fault into the console's own words.
func (p *provider) Worded(err error) error { return p.clearer(err) }

// ofStatus says which faults come out of a status.
func ofStatus(c fault.Code) bool {
	return strings.HasPrefix(string(c), "idp.") || slices.Contains([]fault.Code{fault.SAMLStatus, fault.SAMLAuthnFailed, fault.SAMLNoAuthnContext, fault.SAMLNameIDPolicy, fault.SAMLNoPassive,
		fault.SAMLRequestDenied, fault.SAMLRequestUnsupported, fault.SAMLUnknownPrincipal, fault.LoginRequired}, c)
}
