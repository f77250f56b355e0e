package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const maxToken = 64 << 10

// jwt is a verified JWT of the provider.
type jwt struct {
	claims providers.Document
	head   jose.Header
	key    verificationKey
}

// verify checks form, algorithm and signature of a JWT, and reads its claims so that they mean one thing.
func (p *provider) verify(ctx context.Context, m *metadata, raw string) (*jwt, error) {
	if len(raw) > maxToken {
		return nil, fault.New(fault.OIDCToken, "it is %d bytes long; %d are read", len(raw), maxToken)
	}
	if strings.Count(raw, ".") != 2 || strings.ContainsAny(raw, "{} \n") {
		return nil, fault.New(fault.OIDCToken, "it is not a signed JWT in compact form (an encrypted one has five parts)")
	}
	if err := checkAlgorithm(raw, m.verificationAlgorithms); err != nil {
		return nil, err
	}
	s := &signature{ctx: ctx, p: p, m: m}
	var payload json.RawMessage
	token, err := gooidc.NewVerifier(m.Issuer, s, &gooidc.Config{
		SupportedSigningAlgs: m.verificationAlgorithms,
		// Issuer, audience and times are checked below, with the connection's own rules and a fault for each.
		SkipIssuerCheck: true, SkipClientIDCheck: true, SkipExpiryCheck: true,
	}).Verify(ctx, raw)
	if err == nil {
		err = token.Claims(&payload)
	}
	if err != nil {
		if s.err != nil {
			return nil, s.err
		}
		return nil, fault.Wrap(fault.OIDCToken, err, "the JWT cannot be read")
	}
	claims, err := providers.ParseDocument(payload)
	if err != nil {
		return nil, documentFault(err, fault.OIDCToken)
	}
	return &jwt{claims: claims, head: s.head, key: s.key}, nil
}

func documentFault(err error, otherwise fault.Code) error {
	var twice *providers.DuplicateError
	if errors.As(err, &twice) {
		return fault.New(fault.OIDCDuplicate, "%q", excerpt(twice.Name))
	}
	return fault.Wrap(otherwise, err, "the claims cannot be read")
}

// checkAlgorithm names a refused algorithm before the library refuses it.
func checkAlgorithm(raw string, taken []string) error {
	first, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return fault.Wrap(fault.OIDCToken, err, "the JWT's header cannot be read")
	}
	head, err := providers.ParseDocument(b)
	if err != nil {
		return documentFault(err, fault.OIDCToken)
	}
	if alg := head.String("alg"); !slices.Contains(taken, alg) {
		f := fault.Mismatch(fault.OIDCAlgorithm, excerpt(alg), strings.Join(taken, " "))
		f.Labels = []string{"Algorithms"}
		return f
	}
	// A JWT made for another purpose is no ID token (RFC 8725, section 3.11).
	switch strings.TrimPrefix(strings.ToLower(head.String("typ")), "application/") {
	case "at+jwt", "dpop+jwt", "secevent+jwt":
		return fault.New(fault.OIDCToken, "its type is %q", excerpt(head.String("typ")))
	}
	return nil
}

// checkIDToken holds an ID token's claims against what this sign-in expects (OpenID Connect Core, section 3.1.3.7).
func (p *provider) checkIDToken(m *metadata, t *jwt, r providers.Request, accessToken string) error {
	for _, check := range []func() error{
		func() error { return p.checkTokenIssuer(m, t) },
		func() error { return p.checkAudience(t.claims) },
		func() error { return p.clockOf(t.claims, p.checkTimes(t.claims, true)) },
		func() error { return checkNonce(t.claims, r) },
		func() error { return checkSubject(t.claims) },
		func() error { return p.checkTenant(m, t.claims) },
		func() error { return checkAccessTokenHash(t, accessToken) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkTokenIssuer: iss is the provider's name, exactly. In Microsoft's shared documents that name holds the tenant's
// id, which the token says itself; the key it is signed with may be good for one tenant only.
func (p *provider) checkTokenIssuer(m *metadata, t *jwt) error {
	iss, tid := t.claims.String("iss"), t.claims.String("tid")
	expected := m.Issuer
	if m.issuerTemplate {
		if !guid.MatchString(tid) {
			return fault.Mismatch(fault.OIDCTenant, excerpt(tid), "a tenant's id in tid")
		}
		expected = strings.ReplaceAll(expected, tenantPlaceholder, tid)
	}
	if iss != expected && (p.config.dialect.bareIssuer == "" || m.Issuer != p.config.dialect.issuer || iss != p.config.dialect.bareIssuer) {
		f := fault.Mismatch(fault.OIDCIssuer, verbatim(iss), expected)
		f.Labels = []string{"Issuer"}
		return f
	}
	if m.checkKeyIssuer && t.key.issuer != "" && strings.ReplaceAll(t.key.issuer, tenantPlaceholder, tid) != iss {
		return fault.Mismatch(fault.OIDCKeyUnknown, iss, t.key.issuer)
	}
	return nil
}

// checkAudience: the token is for us and, if it is for others too, it was issued to us.
func (p *provider) checkAudience(claims providers.Document) error {
	aud, ok := claims.Strings("aud")
	if !ok || !slices.Contains(aud, p.config.ClientID) {
		f := fault.Mismatch(fault.OIDCAudience, verbatim(strings.Join(claims.Values("aud"), " ")), p.config.ClientID)
		f.Labels = []string{"Client ID"}
		return f
	}
	azp, said := claims["azp"]
	others := slices.ContainsFunc(aud, func(a string) bool { return a != p.config.ClientID })
	if (said || others) && azp != any(p.config.ClientID) {
		return fault.Mismatch(fault.OIDCAuthorizedParty, excerpt(strings.Join(claims.Values("azp"), " ")), p.config.ClientID)
	}
	return nil
}

// checkTimes: iat always, exp in an ID token, nbf where said; each with the connection's clock skew.
func (p *provider) checkTimes(claims providers.Document, needExpiry bool) error {
	now, skew := p.settings.Now(), time.Duration(p.config.ClockSkew)
	iat, said, err := instant(claims, "iat")
	if err != nil {
		return err
	}
	if !said {
		return fault.New(fault.OIDCIssuedAt, "")
	}
	nbf, _, err := instant(claims, "nbf")
	if err != nil {
		return err
	}
	for _, t := range []time.Time{iat, nbf} {
		if t.After(now.Add(skew)) {
			return fault.Mismatch(fault.OIDCNotYetValid, stamp(t), "not after "+stamp(now.Add(skew)))
		}
	}
	exp, said, err := instant(claims, "exp")
	if err != nil {
		return err
	}
	if !said && needExpiry {
		return fault.New(fault.OIDCExpired, "the token does not say until when it is good (exp)")
	}
	if said && !exp.Add(skew).After(now) {
		return fault.Mismatch(fault.OIDCExpired, stamp(exp), "after "+stamp(now.Add(-skew)))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// instant reads a NumericDate (RFC 7519, section 2).
func instant(claims providers.Document, name string) (t time.Time, said bool, err error) {
	v, ok := claims[name]
	if !ok {
		return t, false, nil
	}
	n, isNumber := v.(json.Number)
	if isNumber {
		if f, ferr := n.Float64(); ferr == nil && f >= 0 && f < 1<<40 {
			return time.Unix(int64(f), 0), true, nil
		}
	}
	return t, true, fault.New(fault.OIDCToken, "%s is not a time: %s", name, excerpt(strings.Join(claims.Values(name), " ")))
}

func checkNonce(claims providers.Document, r providers.Request) error {
	if subtle.ConstantTimeCompare([]byte(claims.String("nonce")), []byte(nonce(r))) != 1 {
		detail := "the token carries another nonce"
		if _, said := claims["nonce"]; !said {
			detail = "the token carries no nonce"
		}
		return fault.New(fault.OIDCNonce, "%s", detail)
	}
	return nil
}

// checkSubject: 1 to 255 ASCII characters (OpenID Connect Core, section 2).
func checkSubject(claims providers.Document) error {
	sub := claims.String("sub")
	bad := strings.ContainsFunc(sub, func(r rune) bool { return r < ' ' || r > '~' })
	if sub == "" || len(sub) > 255 || bad {
		return fault.New(fault.OIDCSubject, "sub is %q", excerpt(strings.Join(claims.Values("sub"), " ")))
	}
	return nil
}

const personalAccounts = "9188040d-6c67-4c5b-b112-36a304b66dad" // the tenant of outlook.com and the like

// checkTenant: tid (Microsoft) or hd (Google) is one of those pinned.
func (p *provider) checkTenant(m *metadata, claims providers.Document) error {
	d := p.config.dialect
	if d.tenantClaim == "" {
		return nil
	}
	tenant := strings.ToLower(claims.String(d.tenantClaim))
	if d.microsoft && tenant == personalAccounts && !slices.Contains(m.pins, tenant) && (len(m.pins) > 0 || strings.Contains(p.config.Issuer, "/organizations/")) {
		return fault.Mismatch(fault.OIDCPersonal, tenant, strings.Join(m.pins, " "))
	}
	if len(m.pins) > 0 && !slices.Contains(m.pins, tenant) {
		f := fault.Mismatch(fault.OIDCTenant, excerpt(tenant), strings.Join(m.pins, " "))
		f.Labels = []string{"Tenant"}
		return f
	}
	return nil
}

// checkAccessTokenHash ties the access token to the ID token where both are there (Core, section 3.1.3.6).
func checkAccessTokenHash(t *jwt, accessToken string) error {
	claimed, said := t.claims["at_hash"]
	if !said || accessToken == "" {
		return nil
	}
	var h hash.Hash
	switch alg := t.head.Algorithm; {
	case strings.HasSuffix(alg, "384"):
		h = sha512.New384()
	case strings.HasSuffix(alg, "512"), alg == "EdDSA":
		h = sha512.New()
	default:
		h = sha256.New()
	}
	h.Write([]byte(accessToken))
	sum := h.Sum(nil)
	text, _ := claimed.(string)
	if strings.TrimRight(text, "=") != base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]) {
		return fault.New(fault.OIDCAccessTokenHash, "")
	}
	return nil
}
