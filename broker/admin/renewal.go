package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
	"cloakroom/providers"
)

// maxCertificates is how many a setup link may lead to: one in use, one to come, and room for mistakes.
const maxCertificates = 8

// renewal takes what a customer's administrator pasted through a link for renewing a certificate. People sign in through
// the connection, so it can do one thing by itself: let one more certificate of the same identity provider in. Another name
// or address is refused; a document that takes a certificate away waits for an operator.
type renewal struct {
	s   *Service
	a   Actor
	c   *broker.Connection
	out *Pasted
}

func (s *Service) renew(ctx context.Context, a Actor, c *broker.Connection, body []byte) (*Pasted, error) {
	res, err := s.readPaste(ctx, c, body)
	if err != nil {
		return nil, err
	}
	n := &renewal{s: s, a: a, c: c, out: &Pasted{Kind: res.Kind, Findings: []Finding{}, Fields: []string{}, Connection: c}}
	for _, f := range res.Findings {
		n.find(f)
	}
	if !res.Refused() && len(res.Set) > 0 {
		err = n.take(ctx, res.Set)
	}
	if err != nil {
		return nil, err
	}
	w, err := s.WizardState(ctx, a, c.Realm, c.Slug)
	if err != nil {
		return nil, err
	}
	n.out.Next, n.out.Connection = w.Next, w.Connection
	return n.out, nil
}

// readPaste says what was pasted for a connection.
func (s *Service) readPaste(ctx context.Context, c *broker.Connection, body []byte) (res paste.Result, err error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return res, err
	}
	var in Paste
	if err := decode(doc, &in); err != nil {
		return res, err
	}
	own, err := s.own(ctx, c)
	if err != nil {
		return res, err
	}
	return paste.Read(paste.Input{Preset: c.Preset, Protocol: c.Protocol, Field: in.Field, Text: in.Text, Own: own, Has: has(c), EntityID: entityOf(c), Now: s.Now()}), nil
}

func (n *renewal) find(f *fault.Error) {
	n.out.Findings = append(n.out.Findings, FindingOf(f, paste.Severity(f)))
}

// take carries out what was pasted. What stands in its way is a finding, not an error.
func (n *renewal) take(ctx context.Context, set map[string]any) error {
	text := func(pointer string) string { s, _ := set[pointer].(string); return s }
	certificates, _ := set["/saml/certificates"].([]string)
	var f *fault.Error
	var err error
	switch {
	case len(set) != 1:
		return fault.New(fault.SetupBeyond, "what was pasted is more than a certificate")
	case text("/saml/metadata_xml") != "":
		f, err = n.metadata(ctx, text("/saml/metadata_xml"))
	case text("/saml/metadata_url") != "":
		f, err = n.address(ctx, text("/saml/metadata_url"))
	case len(certificates) > 0:
		f, err = n.certificates(ctx, certificates)
	default:
		return fault.New(fault.SetupBeyond, "what was pasted is %s, which the link is not for", n.out.Kind)
	}
	if err != nil {
		return err
	}
	if f != nil {
		n.find(f)
	}
	n.out.Saved = f == nil || paste.Severity(f) == "warning"
	if n.out.Saved {
		n.out.Fields = sortedKeys(set)
	}
	return nil
}

// remote says that certificates come from the metadata address; those entered by hand would win over it.
func (n *renewal) remote() bool {
	return n.c.SAML.MetadataURL != "" && len(n.c.SAML.Certificates) == 0
}

// metadata lets the certificates of a document in.
func (n *renewal) metadata(ctx context.Context, xml string) (*fault.Error, error) {
	now, f, err := n.signer(ctx)
	if f != nil || err != nil {
		return f, err
	}
	next, err := paste.SignerOf(xml, "")
	if err != nil {
		return fault.As(err), nil
	}
	if f := sameSigner(now, next); f != nil {
		return f, nil
	}
	if n.remote() {
		return n.offer(ctx, xml)
	}
	return n.add(ctx, now.Certificates, next.Certificates)
}

// address reads the metadata anew, where the address is the one that is trusted.
func (n *renewal) address(ctx context.Context, url string) (*fault.Error, error) {
	if url != n.c.SAML.MetadataURL || !n.remote() {
		return &fault.Error{Code: fault.SetupOtherAddress, Observed: url, Expected: n.c.SAML.MetadataURL}, nil
	}
	return n.fetch(ctx)
}

// fetch reads the metadata from its address and says what of it waits.
func (n *renewal) fetch(ctx context.Context) (*fault.Error, error) {
	if n.s.Documents == nil {
		return fault.New(fault.DocumentNone, "no documents are kept here"), nil
	}
	if err := n.s.Documents.Fetch(ctx, n.c); err != nil {
		return asFinding(err)
	}
	return n.waiting(ctx)
}

// asFinding makes what is known of the provider's side a finding, and leaves what is wrong here an error.
func asFinding(err error) (*fault.Error, error) {
	if f := fault.As(err); f.Code != fault.Internal && f.Code != fault.Conflict {
		return f, nil
	}
	return nil, err
}

func (n *renewal) waiting(ctx context.Context) (*fault.Error, error) {
	list, _, _, err := n.s.Documents.Known(ctx, n.c)
	if slices.ContainsFunc(list, func(d *broker.Document) bool { return d.Status == broker.DocumentPending }) {
		return fault.New(fault.SetupReviewed, ""), err
	}
	return nil, err
}

// offer hands the document to those who keep what is trusted. The link's holder speaks for the provider as its own address
// would: a certificate more goes in by itself, the rest waits.
func (n *renewal) offer(ctx context.Context, xml string) (*fault.Error, error) {
	if n.s.Documents == nil {
		return fault.New(fault.DocumentNone, "no documents are kept here"), nil
	}
	provider, err := n.s.Open(ctx, n.c)
	if err != nil {
		return asFinding(opened(err))
	}
	p, ok := provider.(providers.Published)
	if !ok {
		return fault.New(fault.DocumentNone, "%s speaks %s", n.c.Slug, n.c.Protocol), nil
	}
	if _, err := n.s.Documents.Offer(ctx, n.c, p, providers.Found{Body: []byte(xml), Proved: true}); err != nil {
		return asFinding(err)
	}
	if err := n.s.record(ctx, n.a, change{kind: "connection.documents_given", realm: n.c.Realm, subject: "connection:" + n.c.Slug}); err != nil {
		return nil, err
	}
	return n.waiting(ctx)
}

// certificates lets single certificates in: beside those entered by hand, or, where they come from the metadata address,
// if they stand there.
func (n *renewal) certificates(ctx context.Context, pems []string) (*fault.Error, error) {
	if !n.remote() {
		now, f, err := n.signer(ctx)
		if f != nil || err != nil {
			return f, err
		}
		return n.add(ctx, now.Certificates, pems)
	}
	if f, err := n.fetch(ctx); err != nil || f != nil && paste.Severity(f) == "error" {
		return f, err
	}
	_, trusted, _, err := n.s.Documents.Known(ctx, n.c)
	if err != nil {
		return nil, err
	}
	for _, text := range pems {
		if trusted == nil || !publishes(trusted.Facts, text) {
			return fault.New(fault.SetupNotPublished, "%s", fingerprint(derOf(text))), nil
		}
	}
	return nil, nil
}

func publishes(facts []broker.DocumentFact, text string) bool {
	sum := fingerprint(derOf(text))
	return slices.ContainsFunc(facts, func(f broker.DocumentFact) bool { return f.Name == "certificate" && strings.HasPrefix(f.Value, sum) })
}

// fingerprint is a certificate's as providers write it.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "SHA-256 " + hex.EncodeToString(sum[:])
}

func derOf(text string) []byte {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes
	}
	return nil
}

// add puts certificates beside those that count now.
func (n *renewal) add(ctx context.Context, now, more []string) (*fault.Error, error) {
	all := slices.Clone(now)
	for _, text := range more {
		if !slices.ContainsFunc(all, func(old string) bool { return slices.Equal(derOf(old), derOf(text)) }) {
			all = append(all, text)
		}
	}
	switch {
	case len(all) == len(now):
		return nil, nil
	case len(all) > maxCertificates:
		return fault.New(fault.SetupTooMany, "%d certificates", len(all)), nil
	}
	patch, err := json.Marshal(map[string]any{"saml": map[string]any{"certificates": all}})
	if err != nil {
		return nil, err
	}
	_, err = n.s.UpdateConnection(ctx, n.a, n.c.Realm, n.c.Slug, Match{n.c.Version}, patch)
	if bad := FieldErrors(err); bad != nil {
		return fault.Wrap(fault.ConnectionUnready, err, "%s", bad[0].Detail), nil
	}
	return nil, err
}

// signer is what sign-ins believe now; a finding where that is not known.
func (n *renewal) signer(ctx context.Context) (out paste.Signer, f *fault.Error, err error) {
	m := n.c.SAML
	switch {
	case m.MetadataXML != "":
		if out, err = paste.SignerOf(m.MetadataXML, m.EntityID); err != nil {
			return out, fault.As(err), nil
		}
	case m.MetadataURL != "":
		if out, f, err = n.published(ctx); f != nil || err != nil {
			return out, f, err
		}
	}
	if m.EntityID != "" {
		out.EntityID = m.EntityID
	}
	if m.SSOURL != "" {
		out.SSO = []string{m.SSOURL}
	}
	if len(m.Certificates) > 0 {
		out.Certificates = m.Certificates
	}
	return out, nil, nil
}

// published is what the trusted version of the metadata says; it is fetched where there is none yet.
func (n *renewal) published(ctx context.Context) (out paste.Signer, f *fault.Error, err error) {
	if n.s.Documents == nil {
		return out, fault.New(fault.DocumentNone, "no documents are kept here"), nil
	}
	_, trusted, _, err := n.s.Documents.Known(ctx, n.c)
	if err == nil && trusted == nil {
		if f, err = n.fetch(ctx); err != nil || f != nil && paste.Severity(f) == "error" {
			return out, f, err
		}
		_, trusted, _, err = n.s.Documents.Known(ctx, n.c)
	}
	if err != nil || trusted == nil {
		return out, nil, err
	}
	for _, fact := range trusted.Facts {
		switch fact.Name {
		case "entity_id":
			out.EntityID = fact.Value
		case "sso_url_redirect", "sso_url_post":
			out.SSO = append(out.SSO, fact.Value)
		}
	}
	return out, nil, nil
}

// sameSigner refuses metadata of another identity provider, or of one that moved.
func sameSigner(now, next paste.Signer) *fault.Error {
	if now.EntityID != next.EntityID {
		return &fault.Error{Code: fault.SetupOtherProvider, Detail: "the entity ID differs", Observed: next.EntityID, Expected: now.EntityID}
	}
	if !slices.ContainsFunc(next.SSO, func(address string) bool { return slices.Contains(now.SSO, address) }) {
		return &fault.Error{Code: fault.SetupOtherProvider, Detail: "the sign-on address differs", Observed: strings.Join(next.SSO, " "), Expected: strings.Join(now.SSO, " ")}
	}
	return nil
}
