package saml

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Explainer = (*provider)(nil)

// The examiner runs a message through the very gate that sign-ins pass. Where it is refused for a value that can be taken
// as given (a time, an audience, an address), the examiner notes the fault, takes the value as given in a copy of the
// settings, and runs the gate again, so that a report names everything that is wrong at once. It never loosens what says
// who made the message: structure and signatures.

// Explain examines the answer to a test sign-in.
func (p *provider) Explain(ctx context.Context, r providers.Request, reply providers.Reply) providers.Explanation {
	doc, err := responseIn(reply)
	if err != nil {
		return p.refused(err)
	}
	x := p.examination(ctx, r, doc)
	x.relay(reply)
	x.run()
	return x.explanation()
}

// Inspect examines a message or a metadata document that belongs to no sign-in.
func (p *provider) Inspect(ctx context.Context, s providers.Sample) providers.Explanation {
	if s.Metadata != "" {
		return p.inspectMetadata(ctx, s.Metadata)
	}
	if s.SAMLResponse == "" {
		return p.refused(fault.New(fault.ExplainKind, "this connection speaks SAML"))
	}
	doc, err := sampleMessage(s.SAMLResponse)
	if err != nil {
		return p.refused(err)
	}
	r := providers.Request{CallbackURL: p.s.CallbackURL}
	root, err := parse(doc, messageLimits)
	if id := root.attr("InResponseTo"); err == nil && id != "" {
		r.Handle, r.MessageID = "sample", id
	}
	x := p.examination(ctx, r, doc)
	if r.Handle != "" {
		x.details["in_response_to"] = "it answers a request; which one cannot be told without the sign-in"
	}
	x.run()
	return x.explanation()
}

// Transcript is the answer as a log may keep it.
func (p *provider) Transcript(reply providers.Reply) string {
	doc, err := responseIn(reply)
	if err != nil {
		return ""
	}
	return printed(doc)
}

// Names is the identity provider's entity ID, where it is known.
func (p *provider) Names() []string {
	if known := p.source.known(); known != nil && known.entityID != "" {
		return []string{known.entityID}
	}
	if p.c.EntityID != "" {
		return []string{p.c.EntityID}
	}
	return nil
}

// sampleMessage reads a message as people paste it: XML, base64, percent-encoded, with or without the field's name.
func sampleMessage(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if _, value, ok := strings.Cut(text, "SAMLResponse="); ok && !strings.HasPrefix(text, "<") {
		text, _, _ = strings.Cut(value, "&")
	}
	if strings.HasPrefix(text, "<") {
		if len(text) > messageLimits.bytes {
			return nil, fault.New(fault.SAMLTooLarge, "%d bytes", len(text))
		}
		return []byte(text), nil
	}
	if strings.Contains(text, "%") {
		if plain, err := url.QueryUnescape(text); err == nil {
			text = plain
		}
	}
	doc, err := formMessage(text)
	if err != nil || strings.HasPrefix(strings.TrimSpace(string(doc)), "<") {
		return doc, err
	}
	if inflated, ierr := queryMessage(text); ierr == nil && strings.HasPrefix(strings.TrimSpace(string(inflated)), "<") {
		return nil, fault.Mismatch(fault.SAMLBinding, "HTTP-Redirect", "HTTP-POST")
	}
	return doc, nil
}

// examination is one message on its way through the gate, perhaps several times.
type examination struct {
	ctx     context.Context
	p       *provider // with settings that may be loosened
	real    *provider
	r       providers.Request
	doc     []byte
	root    *node // nil where the message is no XML; for looking only
	from    *idp
	now     time.Time
	faults  []*fault.Error
	ended   *fault.Error // what ended the examination; nil if it went through
	id      *providers.Identity
	details map[string]string
	loosed  map[fault.Code]int
	notes   []*fault.Error // what is no reason to refuse
	blind   bool           // nothing is known of the identity provider, so nothing was examined
}

func (p *provider) examination(ctx context.Context, r providers.Request, doc []byte) *examination {
	loose, c := *p, *p.c
	loose.c = &c
	x := &examination{ctx: ctx, p: &loose, real: p, r: r, doc: doc, now: p.s.Now(), details: map[string]string{}, loosed: map[fault.Code]int{}}
	if root, err := parse(doc, messageLimits); err == nil {
		x.root = root
	}
	return x
}

// run repeats the gate until it lets the message through or refuses it for good.
func (x *examination) run() {
	from, err := x.real.source.get(x.ctx)
	if err != nil {
		x.blind = true
		x.end(fault.As(err))
		return
	}
	x.from = from
	for range 12 {
		a := &answer{p: x.p, ctx: x.ctx, r: x.r, from: x.from, now: x.now}
		id, err := a.read(x.doc)
		if err == nil {
			id.Unsolicited = x.r.Handle == ""
			x.id = &id
			x.proved()
			return
		}
		f := fault.As(err)
		if f.Code == fault.SAMLSignatureKey && x.loosed[f.Code] == 0 && x.real.source.hurry(x.ctx) {
			x.loosed[f.Code]++
			if from, err := x.real.source.get(x.ctx); err == nil {
				x.from = from
				continue
			}
		}
		if !x.loosen(f) {
			x.end(f)
			return
		}
		x.note(f)
	}
}

func (x *examination) end(f *fault.Error) {
	x.ended = f
	x.note(f)
}

// note keeps a fault once. What the gate expects in a later round may be what an earlier one took as given: then the fault
// says again what is really expected, and is none where just that was observed.
func (x *examination) note(f *fault.Error) {
	for _, known := range x.faults {
		if known.Code != f.Code {
			continue
		}
		if given, _, _ := strings.Cut(known.Observed, " "); f.Expected == given && f.Expected != known.Expected {
			restated := *f
			restated.Expected = known.Expected
			f = &restated
		}
		if f.Observed == known.Observed || f.Observed == f.Expected && f.Observed != "" {
			return
		}
	}
	x.faults = append(x.faults, f)
}

// loosen takes as given what f complains of; false where that would be to believe a stranger.
func (x *examination) loosen(f *fault.Error) bool {
	if x.loosed[f.Code]++; x.loosed[f.Code] > 3 {
		return false
	}
	switch f.Code {
	case fault.SAMLExpired, fault.SAMLNotYetValid, fault.SAMLSessionExpired, fault.SAMLClock, fault.SAMLTimeZone:
		return x.turnBack()
	case fault.SAMLUnsolicited, fault.SAMLSSOShape:
		x.p.c.IdPInitiated = true
	case fault.SAMLInResponseTo:
		x.answering(f.Observed)
	case fault.SAMLAudience:
		return x.audience(f.Observed)
	case fault.SAMLSwapped:
		return x.exchanged(f.Observed)
	case fault.SAMLRecipient, fault.SAMLDestination:
		if f.Observed == "" {
			return false
		}
		x.p.s.Aliases = append(slices.Clone(x.p.s.Aliases), f.Observed)
	case fault.SAMLIssuer:
		from := *x.from
		from.entityID = f.Observed
		x.from = &from
	case fault.LoginUpstreamStale:
		x.r.ForceAuthn, x.p.c.ForceAuthn = false, false
	case fault.SAMLEncryptionRequired:
		x.p.c.Encrypt = "optional"
	default:
		return false
	}
	return true
}

// turnBack judges the message as of the moment it says it was made.
func (x *examination) turnBack() bool {
	t, err := parseTime(x.root.attr("IssueInstant"))
	if err != nil || x.now.Equal(t) {
		return false
	}
	x.now = t
	x.details["as_of"] = instant(t)
	return true
}

func (x *examination) answering(id string) {
	x.r.MessageID, x.r.Handle = id, "sample"
	if id == "" {
		x.r.Handle, x.p.c.IdPInitiated = "", true
	}
}

// exchanged takes our two addresses in each other's place.
func (x *examination) exchanged(observed string) bool {
	if observed == x.p.s.SPEntityID {
		x.p.s.Aliases = append(slices.Clone(x.p.s.Aliases), observed)
		return true
	}
	return x.audience(observed)
}

func (x *examination) audience(observed string) bool {
	first, _, _ := strings.Cut(observed, " ")
	if first == "" || first == x.p.s.SPEntityID {
		return false
	}
	x.p.s.SPEntityID = first
	return true
}

// The gate's checks in the order a report lists them, and the stage at which each is done. The gate looks at what is
// cheap first: the status before the signature, the addresses of the envelope before those of the assertion.
func checkNames() []string {
	return []string{"message", "structure", "signature", "issuer", "status", "audience", "recipient", "in_response_to", "time", "decrypt", "subject"}
}

func checkStages() map[string]int {
	return map[string]int{"message": 1, "structure": 2, "status": 6, "signature": 9, "decrypt": 9, "issuer": 10, "audience": 11, "recipient": 12, "in_response_to": 12, "time": 13, "subject": 14}
}

const through = 99

// place is the check that a fault belongs to, and the earliest stage of the gate at which it can come up.
func place(c fault.Code) (check string, stage int) {
	switch c {
	case fault.LoginNoMessage, fault.SAMLBinding, fault.SAMLEncoding, fault.SAMLTooLarge, fault.SAMLXMLInvalid, fault.ExplainKind, fault.ExplainUnreadable:
		return "message", 1
	case fault.SAMLXMLForbidden, fault.SAMLXMLComplex, fault.SAMLXMLDuplicate, fault.SAMLNotResponse, fault.SAMLVersion, fault.SAMLIncomplete:
		return "structure", 2
	case fault.SAMLNoAssertion, fault.SAMLSeveral:
		return "structure", 8
	case fault.SAMLDestination, fault.SAMLRecipient:
		return "recipient", 3
	case fault.SAMLConfirmation:
		return "recipient", 12
	case fault.SAMLInResponseTo, fault.SAMLUnsolicited, fault.SAMLSSOShape, fault.SAMLRelayState:
		return "in_response_to", 4
	case fault.SAMLReplayed:
		return "in_response_to", through
	case fault.SAMLExpired, fault.SAMLNotYetValid, fault.SAMLSessionExpired, fault.SAMLClock, fault.SAMLTimeZone:
		return "time", 7
	case fault.LoginUpstreamStale:
		return "time", 13
	case fault.SAMLIssuer:
		return "issuer", 9
	case fault.SAMLAudience, fault.SAMLAudienceMissing, fault.SAMLCondition, fault.SAMLSwapped:
		return "audience", 11
	case fault.SAMLAuthnStatement:
		return "subject", 13
	case fault.SAMLNothingSaid, fault.SAMLNoEmail, fault.SAMLGuest, fault.SAMLNameIDPairwise, fault.SAMLNameIDTransient:
		return "subject", 14
	case fault.SAMLDecryption, fault.SAMLDecryptionOld, fault.SAMLDecryptionForeign, fault.SAMLEncryptionRequired, fault.SAMLEncryptionAlgorithm:
		return "decrypt", 9
	}
	if ofStatus(c) {
		return "status", 6
	}
	return "signature", 9
}

// refused is the explanation of something that cannot even be read.
func (p *provider) refused(err error) providers.Explanation {
	x := &examination{real: p, details: map[string]string{}}
	x.end(fault.As(err))
	return x.explanation()
}

func (x *examination) explanation() providers.Explanation {
	end := through
	if x.ended != nil {
		_, end = place(x.ended.Code)
	}
	if x.blind {
		end = 0
	}
	failed := map[string]string{}
	out := providers.Explanation{Identity: x.id}
	for _, f := range x.faults {
		check, _ := place(f.Code)
		if _, first := failed[check]; !first {
			failed[check] = said(f)
		}
		out.Findings = append(out.Findings, providers.Finding{Err: x.real.clearer(f), Severity: "error", Check: check, Detail: f.Detail})
	}
	out.Findings = append(out.Findings, x.remarks()...)
	x.look()
	out.Checks = providers.Graded(checkNames(), checkStages(), end, failed, x.details)
	if x.doc != nil {
		out.Message = printed(x.doc)
	}
	return out
}

func said(f *fault.Error) string {
	if f.Detail != "" || f.Observed == "" {
		return f.Detail
	}
	return f.Observed
}

// look reads for display what the message says of itself.
func (x *examination) look() {
	if x.root == nil {
		return
	}
	set := func(name, value string) {
		if x.details[name] == "" {
			x.details[name] = clip(value)
		}
	}
	assertion := x.root.child(nsAssertion, "Assertion")
	if x.root.child(nsAssertion, "EncryptedAssertion") == nil {
		set("decrypt", "the assertion is not encrypted")
	}
	set("status", "Success")
	set("recipient", x.root.attr("Destination"))
	set("in_response_to", x.root.attr("InResponseTo"))
	if issuer := assertion.child(nsAssertion, "Issuer"); issuer != nil {
		set("issuer", issuer.content())
	}
	var audiences []string
	conditions := assertion.child(nsAssertion, "Conditions")
	for _, r := range conditions.all(nsAssertion, "AudienceRestriction") {
		for _, a := range r.all(nsAssertion, "Audience") {
			audiences = append(audiences, a.content())
		}
	}
	set("audience", strings.Join(audiences, " "))
	set("time", "issued "+x.root.attr("IssueInstant")+", good from "+conditions.attr("NotBefore")+" until "+conditions.attr("NotOnOrAfter"))
}

// inspectMetadata judges a metadata document as if it were this connection's.
func (p *provider) inspectMetadata(ctx context.Context, text string) providers.Explanation {
	out := providers.Explanation{}
	names, done := []string{"message", "metadata", "certificate", "sign_on"}, map[string]int{"message": 1, "metadata": 2, "certificate": 3, "sign_on": 4}
	failed := map[string]string{}
	fail := func(check string, end int, err error) providers.Explanation {
		f := fault.As(err)
		failed[check] = said(f)
		out.Findings = append(out.Findings, providers.Finding{Err: f, Severity: "error", Check: check, Detail: f.Detail})
		out.Checks = providers.Graded(names, done, end, failed, nil)
		return out
	}
	if len(text) > metadataLimits.bytes {
		return fail("message", 1, fault.New(fault.TooLarge, "%d bytes", len(text)))
	}
	doc := []byte(strings.TrimSpace(text))
	out.Message = printed(doc)
	found, err := parseMetadata(doc, "")
	if err != nil {
		return fail("metadata", 2, err)
	}
	f := findings{p: p}
	p.lintDocument(ctx, found, &f)
	details := map[string]string{"metadata": found.entityID}
	for _, v := range f.list {
		if v.Severity == "ok" {
			details[v.Check] = v.Detail
			continue
		}
		if v.Severity == "error" {
			failed[v.Check] = v.Detail
		}
		out.Findings = append(out.Findings, v)
	}
	out.Checks = providers.Graded(names, done, through, failed, details)
	return out
}

func (p *provider) lintDocument(ctx context.Context, found *idp, f *findings) {
	if err := found.usable(); err != nil {
		f.fail("metadata", err)
		return
	}
	if u := found.validUntil; !u.IsZero() && p.s.Now().After(u) {
		f.warn("metadata", expiredMetadata(p.s.Now(), u))
	}
	if names := p.Names(); len(names) > 0 && names[0] != found.entityID {
		f.fail("metadata", fault.Mismatch(fault.SAMLMetadataEntity, clip(found.entityID), names[0]))
	}
	p.lintCertificates(ctx, found, f)
	p.lintAddresses(found, f)
}
