package op

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/op/token"
)

// idToken makes the ID token of OpenID Connect Core, section 2.
func (p *Provider) idToken(ctx context.Context, in tokenCall, g *broker.Grant, u *broker.User, scopes []string, nonce, access string) (string, error) {
	alg := signingAlg(in.realm, in.client)
	asked := claimsOf(g).IDToken
	m, err := p.about(ctx, in.client, g, u, scopes, asked)
	if err != nil {
		return "", err
	}
	now := p.Now()
	m["iss"], m["aud"], m["azp"] = p.issuer(in.Door), in.client.ClientID, in.client.ClientID
	m["iat"], m["exp"], m["auth_time"] = now.Unix(), now.Add(in.realm.Tokens.ID.D()).Unix(), g.AuthTime.Unix()
	m["at_hash"], m["sid"], m["jti"], m["typ"] = token.LeftHash(alg, access), g.SID, broker.RandomToken(12), "ID"
	if nonce != "" {
		m["nonce"] = nonce
	}
	return p.sign(ctx, in.realm, alg, "JWT", m)
}

// about are the claims on a person and their sign-in that ID token and userinfo share.
func (p *Provider) about(ctx context.Context, c *broker.Client, g *broker.Grant, u *broker.User, scopes, asked []string) (map[string]any, error) {
	sub, err := p.subject(ctx, c, g.UserID)
	if err != nil {
		return nil, err
	}
	m := map[string]any{}
	for k, v := range claims.ForToken(u, scopes) {
		m[k] = v
	}
	if len(asked) > 0 {
		// Asked for by name: within what the client's scopes could give it anyway.
		all := claims.ForToken(u, allowedScopes(c))
		for _, name := range asked {
			if v, ok := all[name]; ok {
				m[name] = v
			}
		}
	}
	m["sub"], m["realm"] = sub, g.HomeRealm
	if g.Connection != "" {
		m["connection"], m["idp"] = g.Connection, g.Connection
	}
	if g.ACR != "" {
		m["acr"] = g.ACR
	}
	if len(g.AMR) > 0 {
		m["amr"] = g.AMR
	}
	return m, nil
}

func claimsOf(g *broker.Grant) claimsAsked {
	var c claimsAsked
	_ = json.Unmarshal(g.ClaimsRequest, &c) // ours, or empty
	return c
}

// hint is what an id_token_hint, or a token of ours, says. It may have expired: it proves who asks, not that they are
// signed in (OpenID Connect RP-Initiated Logout 1.0, section 2).
type hint struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Party    string   `json:"azp"`
	SID      string   `json:"sid"`
	Typ      string   `json:"typ"`
}

var ownAlgs = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// verifyOwn checks that this realm signed a JWT and answers its type and payload.
func (p *Provider) verifyOwn(ctx context.Context, realm, s string) (typ string, payload []byte, err error) {
	if len(s) > token.MaxLength {
		return "", nil, token.ErrMalformed
	}
	j, err := jose.ParseSignedCompact(s, ownAlgs)
	if err != nil || len(j.Signatures) != 1 {
		return "", nil, token.ErrMalformed
	}
	h := j.Signatures[0].Protected
	key, alg, err := p.Keys.Public(ctx, realm, h.KeyID)
	if err != nil {
		return "", nil, err
	}
	if alg != h.Algorithm {
		return "", nil, token.ErrMalformed
	}
	if payload, err = j.Verify(key); err != nil {
		return "", nil, token.ErrMalformed
	}
	typ, _ = h.ExtraHeaders[jose.HeaderType].(string)
	return typ, payload, nil
}

// readHint verifies an ID token of ours.
func (p *Provider) readHint(ctx context.Context, realm, s string) (*hint, error) {
	typ, payload, err := p.verifyOwn(ctx, realm, s)
	if err != nil {
		return nil, err
	}
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil {
		return nil, token.ErrMalformed
	}
	if typ != "JWT" || h.Typ != "ID" || !slices.Contains(p.issuers(realm), h.Issuer) || len(h.Audience) != 1 || h.Subject == "" {
		return nil, token.ErrMalformed
	}
	return &h, nil
}
