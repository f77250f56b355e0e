package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
)

// asymmetric are the algorithms an ID token may be signed with: never none, never a MAC, whose key would be the client
// secret or, by confusion, a public key.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

const (
	minRSA, maxRSA = 2048, 8192 // the upper bound keeps a verification under a millisecond
	maxKeys        = 100
)

// keySet are the provider's keys that may verify a signature, parsed once.
type keySet struct {
	keys    []verificationKey
	refused []string // why the others may not; for preflight
	weak    []string // those of them that are too short
	raw     []byte
}

type verificationKey struct {
	id, alg string
	issuer  string // Microsoft: the only issuer the key is good for, perhaps with {tenantid}
	public  any
}

func (p *provider) fetchKeys(ctx context.Context) (*keySet, error) {
	m, err := p.discovery.get(ctx)
	if err != nil {
		return nil, err
	}
	body, err := p.fetch(ctx, m.JWKSURI, "application/jwk-set+json, application/json", "")
	if err != nil {
		return nil, keysFault(err)
	}
	k, err := parseKeys(body.bytes)
	if err != nil {
		return nil, err
	}
	if p.settings.Offer != nil {
		s, err := p.offer(ctx, found{Keys: body.bytes, KeysFrom: m.JWKSURI, Base: m.raw}, body.proved)
		return s.keys, err
	}
	p.remember(ctx, nil, k)
	return k, nil
}

// keysFault tells a key document that cannot be had from a network that fails.
func keysFault(err error) error {
	if f := fault.As(err); f.Code == fault.FetchFormat || f.Code == fault.FetchStatus {
		return &fault.Error{Code: fault.OIDCKeys, Detail: f.Detail, Said: f.Said, Observed: f.Observed, Err: err}
	}
	return err
}

// jwk is what is read of a JSON Web Key. Certificates (x5c) and URLs (x5u) are left out on purpose: the key is trusted
// because it was fetched from jwks_uri, and a broken certificate beside it is nothing to us.
type jwk struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	Kid    string   `json:"kid,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
	Issuer string   `json:"issuer,omitempty"`
}

func parseKeys(b []byte) (*keySet, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fault.Wrap(fault.OIDCKeys, err, "the key document is not JSON")
	}
	if len(doc.Keys) > maxKeys {
		return nil, fault.New(fault.OIDCKeys, "%d keys are published, at most %d are read", len(doc.Keys), maxKeys)
	}
	s := &keySet{raw: b}
	for i, raw := range doc.Keys {
		var k jwk
		if err := json.Unmarshal(raw, &k); err != nil {
			s.refused = append(s.refused, fmt.Sprintf("key %d: not a JSON Web Key", i+1))
			continue
		}
		public, err := k.public()
		if err != nil {
			why := fmt.Sprintf("key %q: %v", excerpt(k.Kid), err)
			s.refused = append(s.refused, why)
			if errors.Is(err, errWeak) {
				s.weak = append(s.weak, why)
			}
			continue
		}
		s.keys = append(s.keys, verificationKey{id: k.Kid, alg: k.Alg, issuer: k.Issuer, public: public})
	}
	if len(s.keys) == 0 {
		code := fault.OIDCKeys
		if len(s.weak) > 0 {
			code = fault.OIDCKeyWeak
		}
		return nil, fault.New(code, "none of %d keys can be used: %s", len(doc.Keys), strings.Join(s.refused, "; "))
	}
	return s, nil
}

// public answers the key if it may verify signatures.
func (k jwk) public() (any, error) {
	switch {
	case k.Use != "" && k.Use != "sig":
		return nil, fmt.Errorf("its use is %q", excerpt(k.Use))
	case len(k.KeyOps) > 0 && !slices.Contains(k.KeyOps, "verify"):
		return nil, fmt.Errorf("its key_ops are %s", excerpt(quoted(k.KeyOps)))
	case k.Kty != "RSA" && k.Kty != "EC" && k.Kty != "OKP":
		return nil, fmt.Errorf("its type is %q", excerpt(k.Kty))
	}
	k.KeyOps, k.Alg, k.Use, k.Issuer = nil, "", "", ""
	b, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(b); err != nil {
		return nil, fmt.Errorf("it cannot be read (%w)", err)
	}
	return parsed.Key, checkKey(parsed.Key)
}

var errWeak = errors.New("too short")

func checkKey(key any) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		n := key.N.BitLen()
		if n < minRSA {
			return fmt.Errorf("RSA of %d bits is %w; %d to %d are taken", n, errWeak, minRSA, maxRSA)
		}
		if n > maxRSA {
			return fmt.Errorf("RSA of %d bits; %d to %d are taken", n, minRSA, maxRSA)
		}
		return nil
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("%T cannot verify a signature here", key)
}

// fits reports whether the key may have made a signature with this header.
func (k verificationKey) fits(alg, id string) bool {
	if id != "" && k.id != "" && k.id != id || k.alg != "" && k.alg != alg {
		return false
	}
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		return alg[0] == 'R' || alg[0] == 'P'
	case *ecdsa.PublicKey:
		return alg == map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[key.Curve]
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// signature is one JWT under verification: go-oidc's KeySet, which reports its own fault beside the library's text.
type signature struct {
	ctx  context.Context
	p    *provider
	m    *metadata
	key  verificationKey
	head jose.Header
	err  error
}

// VerifySignature finds the key and verifies. jku, x5u, x5c and jwk of the header are not looked at (RFC 8725, 3.10).
func (s *signature) VerifySignature(_ context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, signatureAlgorithms(s.m.verificationAlgorithms))
	if err != nil {
		s.err = fault.Wrap(fault.OIDCToken, err, "the JWT cannot be read")
		return nil, s.err
	}
	s.head = jws.Signatures[0].Header
	known, err := s.p.keys.get(s.ctx)
	if err != nil {
		s.err = err
		return nil, err
	}
	payload, found := s.try(known, jws)
	if payload == nil && s.p.refetch.AllowN(s.p.settings.Now(), 1) {
		again, ferr := s.p.keys.fetchNow(s.ctx, 0)
		if ferr == nil && again != known {
			payload, found = s.try(again, jws)
		}
	}
	if payload == nil {
		s.err = fault.New(fault.OIDCKeyUnknown, "key %q, algorithm %s", excerpt(s.head.KeyID), s.head.Algorithm)
		if found {
			s.err = fault.New(fault.OIDCSignature, "key %q, algorithm %s", excerpt(s.head.KeyID), s.head.Algorithm)
		}
	}
	return payload, s.err
}

// try verifies with each key that fits; found tells whether there was one.
func (s *signature) try(set *keySet, jws *jose.JSONWebSignature) (payload []byte, found bool) {
	for _, k := range set.keys {
		if !k.fits(s.head.Algorithm, s.head.KeyID) {
			continue
		}
		found = true
		if payload, err := jws.Verify(k.public); err == nil {
			s.key = k
			return payload, true
		}
	}
	return nil, found
}

func signatureAlgorithms(names []string) []jose.SignatureAlgorithm {
	out := make([]jose.SignatureAlgorithm, len(names))
	for i, n := range names {
		out[i] = jose.SignatureAlgorithm(n)
	}
	return out
}
