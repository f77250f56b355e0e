package op

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/op/token"
)

// confidential authenticates a call that only clients with a credential may make.
func (p *Provider) confidential(ctx context.Context, in Call) (form, *broker.Client, error) {
	_, f, c, err := p.call(ctx, in)
	if err == nil && c.Public {
		err = invalidClient("", nil)
	}
	return f, c, err
}

// Introspect tells a resource server of the realm what a token is (RFC 7662). Whatever is not good is only "inactive".
func (p *Provider) Introspect(ctx context.Context, in Call) (map[string]any, error) {
	f, c, err := p.confidential(ctx, in)
	if err != nil {
		return nil, err
	}
	s := f.Get("token")
	if s == "" {
		return nil, refuse("invalid_request", "token is missing")
	}
	inactive := map[string]any{"active": false}
	if _, err := token.ParseRefresh(s); err == nil {
		m, err := p.introspectRefresh(ctx, in, c, s)
		if refused(err, "invalid_grant") {
			return inactive, nil
		}
		return m, err
	}
	b, err := p.verifyAccess(ctx, in.Realm, s)
	if errors.Is(err, errDead) {
		return inactive, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := p.describe(ctx, in, b)
	if refused(err, "invalid_grant") {
		return inactive, nil
	}
	return m, err
}

func (p *Provider) introspectRefresh(ctx context.Context, in Call, c *broker.Client, s string) (map[string]any, error) {
	g, rt, err := p.presented(ctx, c, s)
	if err != nil {
		return nil, err
	}
	if rt.Generation != g.Generation {
		return nil, errBadRefresh
	}
	sub, err := p.subject(ctx, c, g.UserID)
	return map[string]any{
		"active": true, "iss": p.issuer(in.Door), "client_id": c.ClientID, "sub": sub, "scope": strings.Join(g.Scopes, " "),
		"exp": g.ExpiresAt.Unix(), "iat": g.RotatedAt.Unix(), "sid": g.SID, "typ": "Refresh",
	}, err
}

// describe is an active access token in the words of RFC 7662, section 2.2, and Keycloak's.
func (p *Provider) describe(ctx context.Context, in Call, b *bearer) (map[string]any, error) {
	m := map[string]any{
		"active": true, "iss": p.issuer(in.Door), "client_id": b.ClientID, "azp": b.ClientID, "token_type": "Bearer", "typ": "Bearer",
		"scope": strings.Join(b.Scopes, " "), "exp": b.ExpiresAt, "iat": b.IssuedAt, "jti": b.ID, "sub": b.ClientID,
	}
	if len(b.Audience) > 0 {
		m["aud"] = b.Audience
	}
	if b.grant == nil {
		return m, nil
	}
	u, err := p.person(ctx, b.grant)
	if err != nil {
		return nil, err
	}
	about, err := p.about(ctx, b.client, b.grant, u, b.Scopes, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range about {
		m[k] = v
	}
	m["sid"], m["auth_time"] = b.grant.SID, b.grant.AuthTime.Unix()
	if slices.Contains(b.Scopes, "email") && u.Email != "" {
		m["username"] = u.Email
	}
	return m, nil
}

// Revoke takes a token back (RFC 7009): a refresh token with everything its grant gave, an access token alone. A token
// that is none, or is over already, is answered like one that was revoked.
func (p *Provider) Revoke(ctx context.Context, in Call) (*broker.Client, error) {
	_, f, c, err := p.call(ctx, in)
	if err != nil {
		return c, err
	}
	s := f.Get("token")
	if s == "" {
		return c, refuse("invalid_request", "token is missing")
	}
	if _, err := token.ParseRefresh(s); err == nil {
		g, _, err := p.presented(ctx, c, s)
		if err != nil {
			return c, ignoreRefusal(err)
		}
		return c, p.Grants.Revoke(ctx, g.ID)
	}
	b, err := p.verifyAccess(ctx, in.Realm, s)
	if err != nil {
		return c, ignoreRefusal(err)
	}
	if b.ClientID != c.ClientID {
		return c, refuse("unauthorized_client", "the token was given to another client")
	}
	_, err = p.Marks.Take(ctx, revokedMark, b.Realm+" "+b.ID, b.Expires().Add(skew))
	return c, err
}

// ignoreRefusal keeps only faults of our own: a token that is not good needs no revoking.
func ignoreRefusal(err error) error {
	var no *Refusal
	if errors.As(err, &no) {
		return nil
	}
	return err
}
