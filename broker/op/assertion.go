package op

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// private_key_jwt (RFC 7523, section 3; OpenID Connect Core, section 9).

var assertionAlgs = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

const (
	assertionLife = 10 * time.Minute
	skew          = 30 * time.Second
)

// audience is the aud claim: one text or several.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

type assertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   float64  `json:"exp"`
	NotBefore float64  `json:"nbf"`
	ID        string   `json:"jti"`
}

// assertionIssuer reads, unverified, which client an assertion speaks of, so that its key can be found.
func assertionIssuer(assertion string) string {
	j, err := parseJWS(assertion, assertionAlgs)
	if err != nil {
		return ""
	}
	var c assertionClaims
	_ = json.Unmarshal(j.UnsafePayloadWithoutVerification(), &c) // nothing is believed of it yet
	return c.Issuer
}

func parseJWS(s string, algs []jose.SignatureAlgorithm) (*jose.JSONWebSignature, error) {
	const limit = 16 << 10
	if len(s) > limit {
		return nil, fault.New(fault.TooLarge, "a JWT of more than %d bytes", limit)
	}
	return jose.ParseSignedCompact(s, algs)
}

func (p *Provider) checkAssertion(ctx context.Context, in Call, c *broker.Client, assertion string) error {
	no := func(why string) error {
		return invalidClient("", fault.New(fault.Unauthorized, "client assertion of %s: %s", c.ClientID, why))
	}
	j, err := parseJWS(assertion, assertionAlgs)
	if err != nil || len(j.Signatures) != 1 {
		return no("not a signed JWT")
	}
	payload, err := p.verifyAssertion(ctx, c, j)
	if err != nil {
		return invalidClient("", err)
	}
	var a assertionClaims
	if err := json.Unmarshal(payload, &a); err != nil {
		return no("claims of a wrong type")
	}
	now := p.Now()
	expires := time.Unix(int64(min(a.Expires, 1<<40)), 0)
	switch {
	case a.Issuer != c.ClientID || a.Subject != c.ClientID:
		return no("iss and sub must both be the client_id")
	case !p.isAudience(in, a.Audience):
		return no("aud must be the issuer or the token endpoint")
	case now.After(expires.Add(skew)) || expires.After(now.Add(assertionLife+skew)):
		return no("exp must lie within the next ten minutes")
	case a.NotBefore > float64(now.Add(skew).Unix()):
		return no("not valid yet")
	case a.ID == "" || len(a.ID) > 512:
		return no("jti is missing")
	}
	first, err := p.Marks.Take(ctx, "op.assertion", in.Realm+" "+c.ClientID+" "+a.ID, expires.Add(2*skew))
	if err != nil {
		return err
	}
	if !first {
		return no("jti was used before")
	}
	return nil
}

func (p *Provider) isAudience(in Call, aud audience) bool {
	for _, prefix := range append([]string{""}, p.Prefixes...) {
		d := Door{in.Realm, prefix}
		if slices.Contains(aud, p.issuer(d)) || slices.Contains(aud, p.endpoint(d, "token")) {
			return true
		}
	}
	return in.Endpoint != "" && slices.Contains(aud, in.Endpoint)
}

func (p *Provider) verifyAssertion(ctx context.Context, c *broker.Client, j *jose.JSONWebSignature) ([]byte, error) {
	kid := j.Signatures[0].Header.KeyID
	for _, refetch := range []bool{false, true} {
		set, err := p.clientKeys.of(ctx, c, refetch)
		if err != nil {
			return nil, err
		}
		for _, k := range set.Keys {
			if kid != "" && k.KeyID != "" && k.KeyID != kid || !usable(k) {
				continue
			}
			if payload, err := j.Verify(k.Key); err == nil {
				return payload, nil
			}
		}
	}
	return nil, fault.New(fault.Unauthorized, "client assertion of %s: no key of the client verifies it", c.ClientID)
}

// usable keeps to public signing keys of a decent size.
func usable(k jose.JSONWebKey) bool {
	if !k.Valid() || !k.IsPublic() || k.Use == "enc" {
		return false
	}
	r, ok := k.Key.(*rsa.PublicKey)
	return !ok || r.N.BitLen() >= 2048
}

// keySets caches clients' public keys: parsed jwks, and what jwks_uri answered.
type keySets struct {
	http   *http.Client
	now    func() time.Time
	cache  *otter.Cache[string, keySet]
	flight singleflight.Group
}

type keySet struct {
	set   *jose.JSONWebKeySet
	until time.Time // taken without question
	tried time.Time // last fetch, good or bad
}

const (
	keySetsKept    = 512
	keySetFor      = time.Hour
	keySetRefetch  = time.Minute // for a key that is not known, at most this often
	keySetMaxBytes = 256 << 10
	keySetMaxKeys  = 64
	fetchLimit     = 10 * time.Second
)

func newKeySets(c *http.Client, now func() time.Time) *keySets {
	return &keySets{http: c, now: now, cache: otter.Must(&otter.Options[string, keySet]{MaximumSize: keySetsKept})}
}

func (s *keySets) of(ctx context.Context, c *broker.Client, refetch bool) (*jose.JSONWebKeySet, error) {
	if len(c.JWKS) > 0 {
		return parseKeySet(c.JWKS)
	}
	if c.JWKSURI == "" {
		return nil, fault.New(fault.Unauthorized, "client %q has no keys", c.ClientID)
	}
	if k, ok := s.cache.GetIfPresent(c.JWKSURI); ok {
		now := s.now()
		if !refetch && now.Before(k.until) || now.Sub(k.tried) < keySetRefetch {
			return k.set, nil
		}
	}
	v, err, _ := s.flight.Do(c.JWKSURI, func() (any, error) { return s.fetch(context.WithoutCancel(ctx), c.JWKSURI) })
	if err != nil {
		return nil, err
	}
	set, _ := v.(*jose.JSONWebKeySet)
	return set, nil
}

// fetch reads a key set and remembers that it tried, even in vain, so that a stranger cannot make us call an address at
// will.
func (s *keySets) fetch(ctx context.Context, uri string) (*jose.JSONWebKeySet, error) {
	set, err := s.get(ctx, uri)
	now := s.now()
	if err != nil {
		old, _ := s.cache.GetIfPresent(uri)
		if old.set == nil {
			old.set = &jose.JSONWebKeySet{}
		}
		s.cache.Set(uri, keySet{set: old.set, until: old.until, tried: now})
		return nil, err
	}
	s.cache.Set(uri, keySet{set: set, until: now.Add(keySetFor), tried: now})
	return set, nil
}

func (s *keySets) get(ctx context.Context, uri string) (*jose.JSONWebKeySet, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Unauthorized, err, "jwks_uri")
	}
	res, err := s.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unauthorized, err, "jwks_uri %s", uri)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, keySetMaxBytes+1))
	if err != nil || res.StatusCode != http.StatusOK || len(body) > keySetMaxBytes {
		return nil, fault.Wrap(fault.Unauthorized, err, "jwks_uri %s answered %d with %d bytes", uri, res.StatusCode, len(body))
	}
	return parseKeySet(body)
}

// parseKeySet skips keys it cannot read: a client's set may hold kinds we do not know.
func parseKeySet(b []byte) (*jose.JSONWebKeySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fault.Wrap(fault.Unauthorized, err, "not a JSON Web Key Set")
	}
	set := &jose.JSONWebKeySet{}
	for _, k := range raw.Keys[:min(len(raw.Keys), keySetMaxKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(k, &key) == nil {
			set.Keys = append(set.Keys, key)
		}
	}
	return set, nil
}
