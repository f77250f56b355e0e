package oidc

import (
	"context"
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	finishLimit = 20 * time.Second // of all back-channel calls of one sign-in together
	maxCode     = 16 << 10
)

// Finish redeems the code and reads the identity from verified documents only.
func (p *provider) Finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	idn, err := p.finish(ctx, r, reply)
	if err != nil {
		return providers.Identity{}, p.labelled(fault.As(err))
	}
	return idn, nil
}

func (p *provider) finish(ctx context.Context, r providers.Request, reply providers.Reply) (idn providers.Identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, finishLimit)
	defer cancel()
	values := answered(reply)
	if err := checkAnswer(r, values); err != nil {
		return idn, err
	}
	m, err := p.discovery.get(ctx)
	if err != nil {
		return idn, err
	}
	if err := checkAnswerIssuer(m, values); err != nil {
		return idn, err
	}
	if values.Has("error") {
		return idn, refusal(values.Get("error"), values.Get("error_description"))
	}
	tokens, err := p.redeem(ctx, m, r, values.Get("code"))
	if err != nil {
		return idn, err
	}
	token, err := p.verify(ctx, m, tokens.id)
	if err != nil {
		return idn, err
	}
	if err := p.checkIDToken(m, token, r, tokens.access); err != nil {
		return idn, err
	}
	info, err := p.userInfo(ctx, m, token.claims, tokens.access)
	if err != nil {
		return idn, err
	}
	return p.identity(r, token.claims, info, tokens.id, values)
}

// checkAnswer: one state, ours; one code or one error (RFC 6749, section 4.1.2; no parameter twice, section 3.1).
func checkAnswer(r providers.Request, v url.Values) error {
	for _, name := range []string{"state", "code", "error", "error_description", "iss"} {
		if len(v[name]) > 1 {
			return fault.New(fault.OIDCAnswer, "%s stands twice", name)
		}
	}
	if r.Handle == "" || subtle.ConstantTimeCompare([]byte(v.Get("state")), []byte(r.Handle)) != 1 {
		return fault.New(fault.LoginUnknown, "state is not this sign-in's")
	}
	code := v.Get("code")
	switch {
	case v.Has("error") && code != "":
		return fault.New(fault.OIDCAnswer, "it holds both a code and an error")
	case !v.Has("error") && code == "":
		return fault.New(fault.OIDCAnswer, "it holds neither a code nor an error")
	case len(code) > maxCode:
		return fault.New(fault.OIDCAnswer, "the code is %d bytes long", len(code))
	}
	return nil
}

// checkAnswerIssuer defends against mix-up (RFC 9207): iss must be there if the provider says it sends it, and right
// whenever it is there.
func checkAnswerIssuer(m *metadata, v url.Values) error {
	if m.issuerTemplate {
		return nil // no one name to compare with; Microsoft does not send it there
	}
	iss := v.Get("iss")
	if (m.AnswersNameIssuer || v.Has("iss")) && iss != m.Issuer {
		return fault.Mismatch(fault.OIDCAnswerIssuer, excerpt(iss), m.Issuer)
	}
	return nil
}

// identity is what the verified documents say. ID token and userinfo are merged; the ID token wins.
func (p *provider) identity(r providers.Request, claims, info providers.Document, raw string, answer url.Values) (idn providers.Identity, err error) {
	merged := p.merge(claims, info)
	if p.config.dialect.formPost {
		addAppleName(merged, answer.Get("user"))
	}
	idn = providers.Identity{
		Issuer: claims.String("iss"), Subject: claims.String("sub"), IDToken: raw,
		EmailVerified: p.emailVerified(merged), ACR: claims.String("acr"), SessionIndex: claims.String("sid"),
		GroupsOmitted: groupsOmitted(claims),
	}
	if p.config.dialect.bareIssuer != "" && idn.Issuer == p.config.dialect.bareIssuer {
		idn.Issuer = p.config.dialect.issuer // the stable subject must not depend on Google's spelling
		merged["iss"] = idn.Issuer
	}
	idn.Attributes = merged.Attributes()
	idn.AMR = claims.Values("amr")
	if idn.AuthTime, _, err = instant(claims, "auth_time"); err != nil {
		return providers.Identity{}, err
	}
	if r.ForceAuthn && !idn.AuthTime.IsZero() && idn.AuthTime.Add(time.Duration(p.config.ClockSkew)).Before(r.Issued) {
		return providers.Identity{}, fault.Mismatch(fault.LoginUpstreamStale, stamp(idn.AuthTime), "after "+stamp(r.Issued))
	}
	return idn, nil
}

// tokenOnly are claims that count only in the signed ID token: the protocol's own, and the proofs of organisation.
func tokenOnly() []string {
	return []string{"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "auth_time",
		"acr", "amr", "sid", "tid", "oid", "hd", "xms_edov", "idp", "events", "cnf"}
}

// emailClaims belong together and come from one document: an address of userinfo never meets a proof that the ID token
// gave for another.
func emailClaims() []string { return []string{"email", "email_verified", "xms_edov"} }

func (p *provider) merge(claims, info providers.Document) providers.Document {
	out := providers.Document{}
	for k, v := range claims {
		if v != nil && !strings.HasPrefix(k, "_claim_") {
			out[k] = v
		}
	}
	for _, k := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		delete(out, k)
	}
	if claims.String("email") == "" && info.String("email") != "" {
		for _, k := range emailClaims() {
			delete(out, k)
		}
		out["email"] = info["email"]
		if v, said := info["email_verified"]; said {
			out["email_verified"] = v
		}
	}
	for k, v := range info {
		if _, have := out[k]; have || v == nil || slices.Contains(tokenOnly(), k) || slices.Contains(emailClaims(), k) || strings.HasPrefix(k, "_claim_") {
			continue
		}
		out[k] = v
	}
	return out
}

// emailVerified is the provider's word on the address: only the boolean true counts, and Apple's text "true", which its
// documentation names.
func (p *provider) emailVerified(merged providers.Document) *bool {
	v, said := merged["email_verified"]
	if !said || merged.String("email") == "" {
		return nil
	}
	yes := v == true || p.config.dialect.textFlag && v == "true"
	return &yes
}

// groupsOmitted notices Microsoft's overage: a pointer in place of the groups.
func groupsOmitted(claims providers.Document) bool {
	if v := claims["hasgroups"]; v == true || v == "true" {
		return true
	}
	names, _ := claims["_claim_names"].(map[string]any)
	_, omitted := names["groups"]
	return omitted
}

// addAppleName takes the name that Apple sends beside the code, in the first sign-in only. It is not signed and comes
// through the browser, so it can fill in a name and nothing else.
func addAppleName(merged providers.Document, user string) {
	if user == "" || len(user) > 4096 {
		return
	}
	d, err := providers.ParseDocument([]byte(user))
	if err != nil {
		return
	}
	name, _ := d["name"].(map[string]any)
	for from, to := range map[string]string{"firstName": "given_name", "lastName": "family_name"} {
		if s, _ := name[from].(string); s != "" && len(s) <= 200 && merged[to] == nil {
			merged[to] = s
		}
	}
}
