package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Published = (*provider)(nil)

// What a sign-in trusts is a discovery document and the keys of its jwks_uri. Keys change by themselves, as OpenID Connect
// has it (Core, section 10.1.1): whoever serves the trusted jwks_uri says which keys there are. A discovery document may
// change by itself as long as it leads nowhere new: another issuer, or an address on a host that the trusted document does
// not name, waits for an operator.

// found is what was fetched: one document or both.
type found struct {
	Discovery json.RawMessage `json:"discovery,omitempty"`
	Keys      json.RawMessage `json:"keys,omitempty"`
	KeysFrom  string          `json:"keys_from,omitempty"`
	Base      json.RawMessage `json:"base,omitempty"` // the discovery document in use, for when none is trusted yet
}

// state is a memory, read. keys is nil where only discovery is known.
type state struct {
	memory
	metadata *metadata
	keys     *keySet
}

// Source is the issuer.
func (p *provider) Source() string { return p.config.Issuer }

// Given is nil: nobody gives a discovery document by hand.
func (p *provider) Given() []byte { return nil }

// Fetch reads both documents as they are now; the keys from where the trusted document says, if the new one leads
// elsewhere.
func (p *provider) Fetch(ctx context.Context) (providers.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	body, err := p.fetch(ctx, strings.TrimSuffix(p.config.Issuer, "/")+wellKnown, "application/json", "")
	if err != nil {
		return providers.Found{}, discoveryFault(err)
	}
	m, err := p.parseMetadata(body.bytes)
	if err != nil {
		return providers.Found{}, err
	}
	from := m.JWKSURI
	if known := p.discovery.good.Load(); known != nil && !p.mayChange(known.value, m, body.proved) {
		from = known.value.JWKSURI
	}
	keys, err := p.fetch(ctx, from, "application/jwk-set+json, application/json", "")
	if err != nil {
		return providers.Found{}, keysFault(err)
	}
	b, err := encode(found{Discovery: body.bytes, Keys: keys.bytes, KeysFrom: from})
	return providers.Found{Body: b, Proved: body.proved}, err
}

// encode writes what was fetched, which must be JSON.
func encode(f found) ([]byte, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return nil, fault.Wrap(fault.FetchFormat, err, "the provider's documents")
	}
	return b, nil
}

// offer hands a fetched document to whoever decides about trust, and reads what they answer.
func (p *provider) offer(ctx context.Context, f found, proved bool) (*state, error) {
	none := &state{}
	b, err := encode(f)
	if err != nil {
		return none, err
	}
	trusted, err := p.settings.Offer(ctx, providers.Found{Body: b, Proved: proved})
	if err != nil {
		return none, err
	}
	s, err := p.read(trusted)
	if err != nil {
		return none, err
	}
	if f.Keys != nil && s.keys == nil {
		return none, fault.New(fault.OIDCKeys, "the keys of %s wait for an operator", f.KeysFrom)
	}
	return s, nil
}

// recallTrusted takes up what was trusted before.
func (p *provider) recallTrusted() {
	if s, err := p.read(p.settings.Trusted); err == nil {
		p.discovery.put(s.metadata, s.At)
		if s.keys != nil {
			p.keys.put(s.keys, s.At)
		}
	}
}

var errOtherSource = errors.New("a state of another issuer")

// read reads a state of this issuer.
func (p *provider) read(b []byte) (*state, error) {
	s := &state{}
	if err := json.Unmarshal(b, &s.memory); err != nil {
		return nil, err
	}
	if s.Issuer != p.config.Issuer {
		return nil, errOtherSource
	}
	return s, p.parse(s)
}

func (p *provider) parse(s *state) (err error) {
	if s.metadata, err = p.parseMetadata(s.Discovery); err != nil {
		return err
	}
	if len(s.Keys) > 0 {
		s.keys, err = parseKeys(s.Keys)
	}
	return err
}

// Review lets in what may come by itself.
func (p *provider) Review(trusted []byte, f providers.Found) (providers.Review, error) {
	var in found
	if err := json.Unmarshal(f.Body, &in); err != nil {
		return providers.Review{}, fault.Wrap(fault.FetchFormat, err, "the provider's documents")
	}
	was, err := p.read(trusted)
	if trusted == nil || errors.Is(err, errOtherSource) {
		next, err := p.first(in)
		return review(nil, next, next, err)
	}
	if err != nil {
		return providers.Review{}, err
	}
	next, err := p.with(was, in)
	if err != nil {
		return providers.Review{}, err
	}
	if was.Pinned {
		return review(was, was, next, nil)
	}
	now, err := p.admit(was, in, f.Proved)
	return review(was, now, next, err)
}

// first is what is trusted where nothing was.
func (p *provider) first(in found) (*state, error) {
	s := &state{memory: memory{Issuer: p.config.Issuer, Discovery: in.Discovery}}
	if s.Discovery == nil {
		s.Discovery = in.Base
	}
	if err := p.parse(s); err != nil {
		return nil, err
	}
	return p.with(s, in)
}

// with is a state with what was fetched in place of what it had. Keys belong to the jwks_uri that they are from.
func (p *provider) with(was *state, in found) (*state, error) {
	out := *was
	out.At, out.Pinned = p.settings.Now(), false
	if in.Discovery != nil {
		out.Discovery = in.Discovery
	}
	if err := p.parse(&out); err != nil {
		return nil, err
	}
	if in.Keys != nil && in.KeysFrom == out.metadata.JWKSURI {
		out.Keys, out.KeysFrom = in.Keys, in.KeysFrom
	}
	return &out, p.parse(&out)
}

// admit is what may be trusted without anybody's word.
func (p *provider) admit(was *state, in found, proved bool) (*state, error) {
	if in.Discovery != nil {
		m, err := p.parseMetadata(in.Discovery)
		if err != nil {
			return nil, err
		}
		if !p.mayChange(was.metadata, m, proved) {
			in.Discovery = nil
		}
	}
	return p.with(was, in)
}

// mayChange reports whether a discovery document may take another's place by itself.
func (p *provider) mayChange(was, now *metadata, proved bool) bool {
	if was.Issuer != now.Issuer {
		return false
	}
	known := append(was.addresses(), p.config.Issuer)
	for _, a := range now.addresses() {
		if !slices.Contains(known, a) && (!proved || !slices.ContainsFunc(known, func(k string) bool { return originOf(k) == originOf(a) })) {
			return false
		}
	}
	return true
}

func (m *metadata) addresses() []string {
	out := []string{m.Issuer}
	for _, a := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI, m.UserInfoEndpoint, m.EndSessionEndpoint} {
		if a != "" {
			out = append(out, a)
		}
	}
	return out
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

func review(was, now, next *state, err error) (providers.Review, error) {
	if err != nil {
		return providers.Review{}, err
	}
	out := providers.Review{First: was == nil, Pinned: was != nil && was.Pinned}
	if out.Trusted, err = json.Marshal(now.memory); err != nil {
		return out, err
	}
	if was != nil {
		before := was.facts()
		if was.keys == nil {
			before = append(before, now.keys.facts()...) // a document's first keys are no change
		}
		out.Applied = providers.Differences(before, now.facts())
	}
	if out.Left = providers.Differences(now.facts(), next.facts()); len(out.Left) > 0 {
		out.Waiting, err = json.Marshal(next.memory)
	}
	return out, err
}

// Settle makes a kept state the trusted one. Keys of another jwks_uri are not its own: they are fetched anew.
func (p *provider) Settle(b []byte, pinned bool) ([]byte, error) {
	s, err := p.read(b)
	if err != nil {
		return nil, fault.Wrap(fault.OIDCDiscovery, err, "the kept documents")
	}
	if s.KeysFrom != s.metadata.JWKSURI {
		s.Keys, s.KeysFrom = nil, ""
	}
	s.At, s.Pinned = p.settings.Now(), pinned
	return json.Marshal(s.memory)
}

// Text is both documents.
func (p *provider) Text(b []byte) (string, string, error) {
	var mem memory
	if err := json.Unmarshal(b, &mem); err != nil {
		return "", "", err
	}
	text, err := json.MarshalIndent(struct {
		Discovery json.RawMessage `json:"discovery"`
		Keys      json.RawMessage `json:"jwks,omitempty"`
	}{mem.Discovery, mem.Keys}, "", "  ")
	return "application/json", string(text), err
}

// Facts are what a state says.
func (p *provider) Facts(b []byte) ([]providers.Fact, error) {
	s := &state{}
	if err := json.Unmarshal(b, &s.memory); err != nil {
		return nil, err
	}
	s.metadata = &metadata{}
	if err := json.Unmarshal(s.Discovery, s.metadata); err != nil {
		return nil, err
	}
	if len(s.Keys) > 0 {
		var err error
		if s.keys, err = parseKeys(s.Keys); err != nil {
			return nil, err
		}
	}
	return s.facts(), nil
}

func (s *state) facts() []providers.Fact {
	m := s.metadata
	var out []providers.Fact
	for _, f := range []struct{ name, value string }{
		{"issuer", m.Issuer}, {"authorization_endpoint", m.AuthorizationEndpoint}, {"token_endpoint", m.TokenEndpoint},
		{"jwks_uri", m.JWKSURI}, {"userinfo_endpoint", m.UserInfoEndpoint}, {"end_session_endpoint", m.EndSessionEndpoint},
		{"id_token_algorithms", strings.Join(m.IDTokenAlgorithms, " ")}, {"client_authentication", strings.Join(m.TokenAuthMethods, " ")},
	} {
		if f.value != "" {
			out = append(out, providers.Fact{Name: f.name, Value: excerpt(f.value)})
		}
	}
	return append(out, s.keys.facts()...)
}

// facts names the keys as people compare them: kid, kind, thumbprint (RFC 7638).
func (k *keySet) facts() (out []providers.Fact) {
	if k == nil {
		return nil
	}
	for _, v := range k.keys {
		out = append(out, providers.Fact{Name: "key", Value: fmt.Sprintf("%s, %s, SHA-256 %s", excerpt(v.id), kindOf(v.public), thumbprint(v.public)), Many: true})
	}
	return out
}

func kindOf(public any) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + k.Params().Name
	}
	return "EdDSA"
}

func thumbprint(public any) string {
	b, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "unknown"
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
