package saml

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Published = (*provider)(nil)

// What a sign-in trusts of metadata from an address is a copied: a document, and what came to it since. A newer document
// changes it by itself in one way only: it may add signing certificates, if the pinned address itself answered over TLS or
// a key that is trusted already signed the document. That is what a roll-over needs. Another name, other addresses, a
// certificate taken away wait for an operator, and until then what was trusted is.

// Source names address and entity. Metadata given by hand has none.
func (p *provider) Source() string {
	if !p.source.remote() {
		return ""
	}
	return strings.TrimSpace(p.c.MetadataURL + " " + p.c.EntityID)
}

// Fetch reads the metadata as it is now.
func (p *provider) Fetch(ctx context.Context) (providers.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	doc, proved, err := p.source.download(ctx)
	return providers.Found{Body: doc, Proved: proved}, err
}

// Review lets in what may come by itself.
func (p *provider) Review(trusted []byte, found providers.Found) (providers.Review, error) {
	src := p.source
	next, err := src.read(found.Body)
	if err != nil {
		return providers.Review{}, err
	}
	was, err := src.restored(trusted)
	if trusted == nil || errors.Is(err, errOtherSource) {
		return review(nil, next, next)
	}
	if err != nil {
		return providers.Review{}, fault.Wrap(fault.SAMLMetadataInvalid, err, "the trusted metadata")
	}
	if was.Pinned {
		return review(was, was, next)
	}
	if !found.Proved && !src.signedByKnown(was, found.Body) {
		touched := *was
		touched.FetchedAt = next.FetchedAt
		return review(was, &touched, next)
	}
	return review(was, src.admit(was, next), next)
}

// admit is what may be trusted of next without anybody's word.
func (src *source) admit(was, next *copied) *copied {
	differences := providers.Differences(was.facts(), next.facts())
	if !slices.ContainsFunc(differences, func(d providers.Difference) bool { return !byItself(d) }) {
		return next
	}
	out := *was
	out.FetchedAt = next.FetchedAt
	// Certificates of a document that speaks of another provider or leads elsewhere are not this provider's.
	if slices.ContainsFunc(differences, func(d providers.Difference) bool { return !byItself(d) && d.Name != factCertificate }) {
		return &out
	}
	out.Until = next.idp.validUntil
	out.Added = slices.Clone(was.Added)
	for _, k := range next.idp.keys {
		if !contains(was.idp.keys, k.cert.Raw) {
			out.Added = append(out.Added, k.cert.Raw)
		}
	}
	both := *was.idp
	both.keys, both.validUntil = slices.Clone(was.idp.keys), out.Until
	for _, der := range out.Added {
		both.keys, _ = trustAlso(both.keys, der) // it was parsed a moment ago
	}
	out.idp = &both
	return &out
}

// byItself names the differences that need nobody's word, where the document is proved: one more certificate, and the
// wish that we sign our requests.
func byItself(d providers.Difference) bool {
	return d.Name == factCertificate && d.Kind == providers.Added || d.Name == factSigned && d.To == "yes"
}

func review(was, now, next *copied) (providers.Review, error) {
	out := providers.Review{First: was == nil, Pinned: was != nil && was.Pinned}
	var err error
	if out.Trusted, err = json.Marshal(now); err != nil {
		return out, err
	}
	if was != nil {
		out.Applied = providers.Differences(was.facts(), now.facts())
	}
	if out.Left = providers.Differences(now.facts(), next.facts()); len(out.Left) > 0 {
		out.Waiting, err = json.Marshal(next)
	}
	return out, err
}

// read makes a fetched document a state of its own, refusing one that nobody could sign in with.
func (src *source) read(doc []byte) (*copied, error) {
	m := &copied{URL: src.c.MetadataURL, EntityID: src.c.EntityID, FetchedAt: src.s.Now(), XML: string(doc)}
	if err := src.parse(m); err != nil {
		return nil, err
	}
	if err := src.c.merge(m.idp).usable(); err != nil {
		return nil, err
	}
	if src.expired(m) {
		return nil, expiredMetadata(src.s.Now(), m.idp.validUntil)
	}
	return m, nil
}

var errOtherSource = errors.New("a state of another source")

// restored reads a state of this source.
func (src *source) restored(state []byte) (*copied, error) {
	m := &copied{}
	if err := json.Unmarshal(state, m); err != nil {
		return nil, err
	}
	if m.URL != src.c.MetadataURL || m.EntityID != src.c.EntityID {
		return nil, errOtherSource
	}
	return m, src.parse(m)
}

// parse reads the document of a state, and what is trusted beyond it.
func (src *source) parse(m *copied) error {
	p, err := parseMetadata([]byte(m.XML), src.c.EntityID)
	if err != nil {
		return err
	}
	for _, der := range m.Added {
		if p.keys, err = trustAlso(p.keys, der); err != nil {
			return err
		}
	}
	if !m.Until.IsZero() {
		p.validUntil = m.Until
	}
	m.idp = p
	return nil
}

// use puts a state into service. The manual fields are laid over it, and its text is let go: there may be thousands of
// connections.
func (src *source) use(m *copied) {
	out := *m
	out.idp, out.sum, out.XML = src.c.merge(m.idp), sha256.Sum256([]byte(m.XML)), ""
	src.cur.Store(&out)
}

// offer hands a fetched document to whoever decides about trust, and takes what they answer.
func (src *source) offer(ctx context.Context, doc []byte, proved bool) error {
	if _, err := src.read(doc); err != nil {
		return err
	}
	state, err := src.s.Offer(ctx, providers.Found{Body: doc, Proved: proved})
	if err != nil {
		return err
	}
	m, err := src.restored(state)
	if err != nil {
		return fault.Wrap(fault.SAMLMetadataInvalid, err, "the trusted metadata")
	}
	m.FetchedAt = src.s.Now()
	src.use(m)
	return nil
}

// signedByKnown reports whether a key that is trusted already signed the document, or its entity (SAML metadata, section
// 3), and what was signed says the same as the document.
func (src *source) signedByKnown(was *copied, doc []byte) bool {
	root, err := parse(doc, metadataLimits)
	if err != nil {
		return false
	}
	entity, err := chooseEntity(root, src.c.EntityID)
	if err != nil {
		return false
	}
	v := verifier{c: src.c, keys: src.c.merge(was.idp).keys}
	for _, n := range []*node{root, entity} {
		if sig, err := signature(n); err == nil && sig != nil && src.sameSigned(v, n, sig, entity) {
			return true
		}
	}
	return false
}

// sameSigned verifies a signature and holds that the entity read from what it covers is the one read from the document.
func (src *source) sameSigned(v verifier, n, sig, entity *node) bool {
	covered, err := v.verify(n, sig)
	if err != nil {
		return false
	}
	signed, err := parseMetadata(covered, src.c.EntityID)
	if err != nil {
		return false
	}
	read, err := readEntity(entity)
	return err == nil && len(providers.Differences((&copied{idp: read}).facts(), (&copied{idp: signed}).facts())) == 0 && signed.validUntil.Equal(read.validUntil)
}

// Settle makes a kept document the trusted one, whatever it was kept for.
func (p *provider) Settle(state []byte, pinned bool) ([]byte, error) {
	m := &copied{}
	if err := json.Unmarshal(state, m); err != nil {
		return nil, fault.Wrap(fault.SAMLMetadataInvalid, err, "the kept metadata")
	}
	m.URL, m.EntityID, m.Pinned, m.FetchedAt = p.c.MetadataURL, p.c.EntityID, pinned, p.s.Now()
	if err := p.source.parse(m); err != nil {
		return nil, err
	}
	if err := p.c.merge(m.idp).usable(); err != nil {
		return nil, err
	}
	if p.source.expired(m) {
		return nil, expiredMetadata(p.s.Now(), m.idp.validUntil)
	}
	return json.Marshal(m)
}

// Given is the state of metadata_xml.
func (p *provider) Given() []byte {
	if p.c.MetadataXML == "" {
		return nil
	}
	b, err := json.Marshal(copied{EntityID: p.c.EntityID, FetchedAt: p.s.Now(), XML: p.c.MetadataXML})
	if err != nil {
		return nil
	}
	return b
}

// Text is the metadata, with the certificates that came to it since.
func (p *provider) Text(state []byte) (string, string, error) {
	m := &copied{}
	if err := json.Unmarshal(state, m); err != nil {
		return "", "", err
	}
	text := m.XML
	for _, der := range m.Added {
		text += "\n<!-- trusted too, from a newer document:\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + "-->"
	}
	return "application/samlmetadata+xml", text, nil
}

// Facts are what a state says, whichever source it is of.
func (p *provider) Facts(state []byte) ([]providers.Fact, error) {
	m := &copied{}
	if err := json.Unmarshal(state, m); err != nil {
		return nil, err
	}
	of := source{c: &config{EntityID: m.EntityID}}
	if err := of.parse(m); err != nil {
		return nil, err
	}
	return m.facts(), nil
}

const (
	factCertificate = "certificate"
	factSigned      = "requests_signed"
)

func (m *copied) facts() []providers.Fact {
	p := m.idp
	out := []providers.Fact{{Name: "entity_id", Value: p.entityID}}
	for _, e := range []struct{ name, value string }{
		{"sso_url_redirect", p.sso.redirect}, {"sso_url_post", p.sso.post},
		{"slo_url_redirect", p.slo.redirect}, {"slo_url_post", p.slo.post},
		{"slo_answer_url_redirect", p.sloAnswers.redirect}, {"slo_answer_url_post", p.sloAnswers.post},
	} {
		if e.value != "" {
			out = append(out, providers.Fact{Name: e.name, Value: e.value})
		}
	}
	out = append(out, providers.Fact{Name: factSigned, Value: map[bool]string{true: "yes", false: "no"}[p.wantSigned]})
	for _, k := range p.keys {
		out = append(out, providers.Fact{Name: factCertificate, Value: certificateFact(k), Many: true})
	}
	if !p.validUntil.IsZero() {
		out = append(out, providers.Fact{Name: "valid_until", Value: p.validUntil.UTC().Format(time.RFC3339), Quiet: true})
	}
	return out
}

// certificateFact is a certificate as people compare it: fingerprint, subject, dates.
func certificateFact(k trusted) string {
	return fmt.Sprintf("%s, %s, %s to %s", fingerprint(k.cert.Raw), clip(k.cert.Subject.String()), k.cert.NotBefore.UTC().Format(time.DateOnly), k.cert.NotAfter.UTC().Format(time.DateOnly))
}
