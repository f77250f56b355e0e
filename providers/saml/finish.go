package saml

import (
	"context"
	"net/http"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// maxAge is how long after its IssueInstant an answer is taken, whatever its own limits say. Answers are made while the
// browser is on its way to us, so an hour only allows for clocks; it bounds how long assertion IDs must be remembered.
const maxAge = time.Hour

// Finish checks the answer to a request of ours, or an unsolicited one, and reads the identity.
func (p *provider) Finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	doc, err := responseIn(reply)
	if err != nil {
		return providers.Identity{}, err
	}
	id, err := p.examine(ctx, r, reply, doc)
	if fault.CodeOf(err) == fault.SAMLSignatureKey && p.source.hurry(ctx) {
		id, err = p.examine(ctx, r, reply, doc)
	}
	if err != nil {
		return providers.Identity{}, p.clearer(err)
	}
	return id, nil
}

// responseIn finds the one Response of a reply. The redirect binding may not carry one (SAML profiles, section 4.1.2).
func responseIn(reply providers.Reply) ([]byte, error) {
	if reply.Method != http.MethodPost {
		if reply.Query.Has("SAMLResponse") {
			return nil, fault.Mismatch(fault.SAMLBinding, "HTTP-Redirect", "HTTP-POST")
		}
		return nil, fault.New(fault.LoginNoMessage, "no SAMLResponse")
	}
	switch sent := reply.Form["SAMLResponse"]; len(sent) {
	case 0:
		return nil, fault.New(fault.LoginNoMessage, "no SAMLResponse")
	case 1:
		return formMessage(sent[0])
	default:
		return nil, fault.New(fault.SAMLXMLDuplicate, "%d SAMLResponse fields", len(sent))
	}
}

func (p *provider) examine(ctx context.Context, r providers.Request, reply providers.Reply, doc []byte) (providers.Identity, error) {
	to, err := p.source.get(ctx)
	if err != nil {
		return providers.Identity{}, err
	}
	a := &answer{p: p, ctx: ctx, r: r, from: to, now: p.s.Now()}
	id, err := a.read(doc)
	if err != nil {
		return id, err
	}
	if r.Handle == "" {
		id.Unsolicited = true
		if s := reply.Form.Get("RelayState"); len(s) <= 2048 {
			id.RelayState = s
		}
	}
	return id, nil
}

// answer is one message under examination.
type answer struct {
	p      *provider
	ctx    context.Context
	r      providers.Request
	from   *idp
	now    time.Time
	sent   time.Time // the message's IssueInstant
	issued time.Time // that of the part under examination: the message's or its assertion's
	keys   *decrypter
}

// read takes a Response through the gate.
func (a *answer) read(doc []byte) (providers.Identity, error) {
	root, err := parse(doc, messageLimits)
	if err != nil {
		return providers.Identity{}, err
	}
	if !root.is(nsProtocol, "Response") {
		return providers.Identity{}, fault.Mismatch(fault.SAMLNotResponse, clip(root.space+" "+root.name), nsProtocol+" Response")
	}
	if err := a.envelope(root); err != nil {
		return providers.Identity{}, err
	}
	if err := onlyAssertion(root); err != nil {
		return providers.Identity{}, err
	}
	assertion, err := a.verified(root)
	if wrong := a.issuers(root, err); wrong != nil {
		return providers.Identity{}, wrong
	}
	if err != nil {
		return providers.Identity{}, err
	}
	return a.assertion(assertion)
}

// envelope checks what the Response says of itself, cheapest first. Without a signature of its own this is only a filter;
// the same things are checked again inside the assertion.
func (a *answer) envelope(root *node) error {
	sig, err := signature(root)
	if err != nil {
		return err
	}
	if err := a.stamp(root); err != nil {
		return err
	}
	a.sent = a.issued
	if err := a.destination(root, sig != nil); err != nil {
		return err
	}
	if err := a.inResponseTo(root.attr("InResponseTo"), "Response"); err != nil {
		return err
	}
	if a.r.Handle == "" && !a.p.c.IdPInitiated {
		return a.unsolicited()
	}
	if err := a.p.status(root); err != nil {
		return err
	}
	return a.fresh(root)
}

// stamp checks version, ID and IssueInstant of a message or assertion.
func (a *answer) stamp(n *node) error {
	if v := n.attr("Version"); v != "2.0" {
		return fault.Mismatch(fault.SAMLVersion, clip(v), "2.0")
	}
	if n.attr("ID") == "" {
		return fault.New(fault.SAMLIncomplete, "%s without ID", n.name)
	}
	t, err := parseTime(n.attr("IssueInstant"))
	if err != nil {
		return fault.New(fault.SAMLIncomplete, "%s without a valid IssueInstant: %q", n.name, clip(n.attr("IssueInstant")))
	}
	a.issued = t
	return nil
}

// destination must be ours where it is said, and must be said in a signed message (SAML bindings, section 3.5.5.2).
func (a *answer) destination(root *node, signed bool) error {
	d, said := root.lookupAttr("", "Destination")
	if !said && !signed || a.p.ours(trimXML(d), a.r) {
		return nil
	}
	return a.misdirected(fault.SAMLDestination, trimXML(d))
}

// inResponseTo must be our request's ID; in an unsolicited answer it must not be there.
func (a *answer) inResponseTo(value, where string) error {
	want := a.r.MessageID
	if a.r.Handle == "" {
		want = ""
	} else if want == "" {
		return fault.New(fault.Internal, "a handle without a message ID")
	}
	if value == want {
		return nil
	}
	f := &fault.Error{Code: fault.SAMLInResponseTo, Detail: where, Observed: clip(value), Expected: want}
	if value == "" {
		f.Detail += " names no request; an answer that does so elsewhere is put together wrongly"
		f.Fix = "Have the identity provider put the ID of our request into InResponseTo of both Response and SubjectConfirmationData; start sign-ins from the application, not at its portal."
	}
	return f
}

// issuers compares the names given by the Response and by its plain assertion. It is asked after the signatures, because
// whether they verified is the evidence: the same provider under another name, or another provider.
func (a *answer) issuers(root *node, verification error) error {
	observed := make([]string, 0, 2)
	for _, n := range []*node{root, root.child(nsAssertion, "Assertion")} {
		if n == nil {
			continue
		}
		if i := n.child(nsAssertion, "Issuer"); i != nil {
			observed = append(observed, i.content())
		}
	}
	for _, o := range observed {
		if o != a.from.entityID {
			return a.otherIssuer(o, verification)
		}
	}
	return nil
}

func (a *answer) otherIssuer(observed string, verification error) error {
	f := fault.Mismatch(fault.SAMLIssuer, clip(observed), a.from.entityID)
	f.Labels = []string{"Entity ID", "Issuer"}
	if verification == nil {
		f.Detail, f.Confidence = "the signature verifies: the same identity provider under another name", fault.Proved
		if t := entraTenant(observed); t != "" && entraTenant(a.from.entityID) != "" && t != entraTenant(a.from.entityID) {
			f.Telling("the signature verifies: the same identity provider under another name, that of the directory %s", t)
		}
	} else {
		f.Confidence = fault.Likely
		f.Telling("and it was not verified: %s", fault.CodeOf(verification))
	}
	return f
}

// onlyAssertion requires that there is one assertion in the whole document, plain or encrypted, and that it stands
// directly below the root. What only looks like one, in a foreign namespace, counts too: no genuine answer has it.
// Signatures stand only where SAML puts them.
func onlyAssertion(root *node) error {
	found := 0
	err := root.walk(func(n *node) error {
		switch {
		case n.name == "Assertion" || n.name == "EncryptedAssertion":
			found++
			if n.space != nsAssertion || n.parent != root && n != root {
				return fault.New(fault.SAMLSeveral, "a %s that is not SAML's, or not in its place", n.name)
			}
		case n.is(nsDSig, "Object"):
			return fault.New(fault.SAMLXMLForbidden, "an Object in a signature")
		case n.is(nsDSig, "Signature"):
			return signaturePlace(n, root)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return fault.New(fault.SAMLNoAssertion, "")
	case found > 1:
		return fault.New(fault.SAMLSeveral, "%d assertions", found)
	}
	return nil
}

func signaturePlace(sig, root *node) error {
	if sig.parent == root || sig.parent.is(nsAssertion, "Assertion") && sig.parent.parent == root {
		return nil
	}
	return fault.New(fault.SAMLSignatureShape, "a signature inside %s", clip(sig.parent.name))
}

// verified checks every signature and answers the assertion as read from what they cover.
func (a *answer) verified(root *node) (*node, error) {
	v := verifier{c: a.p.c, keys: a.from.keys}
	covered, err := v.tree(root)
	if err != nil {
		return nil, err
	}
	if plain := root.child(nsAssertion, "Assertion"); plain != nil {
		if a.p.c.Encrypt == "required" {
			return nil, fault.New(fault.SAMLEncryptionRequired, "")
		}
		own, err := v.tree(plain)
		if err != nil || own != nil {
			return own, err
		}
		return onlyIn(covered)
	}
	return a.decrypted(v, root, covered)
}

// tree verifies the signature directly below n and reads the canonical bytes that it covers. Nil without a signature.
func (v verifier) tree(n *node) (*node, error) {
	sig, err := signature(n)
	if sig == nil || err != nil {
		return nil, err
	}
	covered, err := v.verify(n, sig)
	if err != nil {
		return nil, err
	}
	return parse(covered, messageLimits)
}

func onlyIn(response *node) (*node, error) {
	if response == nil {
		return nil, fault.New(fault.SAMLSignatureMissing, "")
	}
	if n := response.child(nsAssertion, "Assertion"); n != nil {
		return n, nil
	}
	return nil, fault.New(fault.SAMLNoAssertion, "")
}

// decrypted opens an EncryptedAssertion. A plaintext without a signature of its own is believed only where the
// Response's signature covers the ciphertext it came from.
func (a *answer) decrypted(v verifier, root, covered *node) (*node, error) {
	from := root
	if covered != nil {
		from = covered
	}
	plain, err := a.open(from.child(nsAssertion, "EncryptedAssertion"), "Assertion")
	if err != nil {
		return nil, err
	}
	if err := onlyAssertion(plain); err != nil {
		return nil, err
	}
	own, err := v.tree(plain)
	if err != nil || own != nil {
		return own, err
	}
	if covered == nil {
		return nil, fault.New(fault.SAMLSignatureMissing, "the decrypted assertion is not signed, nor is the answer around it")
	}
	return plain, nil
}

// open decrypts an Encrypted… element into the SAML element that it must hold.
func (a *answer) open(encrypted *node, name string) (*node, error) {
	if encrypted == nil {
		return nil, fault.New(fault.SAMLIncomplete, "no encrypted %s", name)
	}
	if a.keys == nil {
		keys, err := a.p.decrypter(a.ctx)
		if err != nil {
			return nil, err
		}
		a.keys = keys
	}
	n, err := a.keys.open(encrypted)
	if err != nil {
		return nil, err
	}
	if !n.is(nsAssertion, name) {
		return nil, fault.New(fault.SAMLDecryption, "no key of this connection opens it")
	}
	return n, nil
}
