package op

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/op/token"
)

// bearer is an access token found good: with its client and, unless it speaks for the client itself, its grant.
type bearer struct {
	*token.Access
	client *broker.Client
	grant  *broker.Grant
}

// errDead is the one answer to every access token that is not good, for whatever reason.
var errDead = invalidToken("the access token is not valid: unknown, expired or revoked")

// verifyAccess reads an access token of either form and checks that it is still good, in this realm.
func (p *Provider) verifyAccess(ctx context.Context, realm, s string) (*bearer, error) {
	a, err := p.readAccess(ctx, realm, s)
	if err != nil {
		return nil, err
	}
	if a.Realm != realm || !p.Now().Before(a.Expires()) {
		return nil, errDead
	}
	revoked, err := p.Marks.Taken(ctx, revokedMark, a.Realm+" "+a.ID)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, errDead
	}
	b := &bearer{Access: a}
	if b.client, err = p.client(ctx, realm, a.ClientID); err != nil {
		if code := fault.CodeOf(err); code == fault.OPClientUnknown || code == fault.OPClientDisabled {
			return nil, errDead
		}
		return nil, err
	}
	if a.GrantID == "" {
		return b, nil
	}
	return b, p.attachGrant(ctx, b)
}

func (p *Provider) attachGrant(ctx context.Context, b *bearer) error {
	g, err := p.Grants.Get(ctx, b.Realm, b.GrantID)
	if errors.Is(err, broker.ErrNotFound) {
		return errDead
	}
	if err != nil {
		return err
	}
	if !p.live(g) || g.Realm != b.Realm || g.ClientID != b.ClientID {
		return errDead
	}
	b.grant, b.UserID = g, g.UserID
	return nil
}

// revokedMark is the name space of access tokens that were taken back one by one.
const revokedMark = "op.revoked"

func (p *Provider) readAccess(ctx context.Context, realm, s string) (*token.Access, error) {
	if token.IsOpaque(s) {
		a, err := token.OpenAccess(p.Sealer, s)
		if err != nil {
			return nil, errDead
		}
		return a, nil
	}
	typ, payload, err := p.verifyOwn(ctx, realm, s)
	switch {
	case errors.Is(err, token.ErrMalformed) || errors.Is(err, broker.ErrNotFound):
		return nil, errDead
	case err != nil:
		return nil, err
	case typ != "at+jwt":
		return nil, errDead
	}
	return accessOf(realm, payload)
}

// accessOf reads a JWT of accessClaims back.
func accessOf(realm string, payload []byte) (*token.Access, error) {
	var c struct {
		ID       string   `json:"jti"`
		ClientID string   `json:"client_id"`
		SID      string   `json:"sid"`
		Scope    string   `json:"scope"`
		Audience audience `json:"aud"`
		IssuedAt int64    `json:"iat"`
		Expires  int64    `json:"exp"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, errDead
	}
	grant, id, ok := strings.Cut(c.ID, ".")
	if !ok {
		return nil, errDead
	}
	return &token.Access{
		ID: id, GrantID: grant, Realm: realm, ClientID: c.ClientID, SID: c.SID, Scopes: strings.Fields(c.Scope),
		Audience: c.Audience, IssuedAt: c.IssuedAt, ExpiresAt: c.Expires,
	}, nil
}

// bearerToken finds the token of a request: in the Authorization header or in a form body, not both (RFC 6750, section 2).
func bearerToken(in Call) (string, error) {
	f, err := parseForm(in.Raw)
	if err != nil {
		return "", err
	}
	posted := f.Get("access_token")
	scheme, value, _ := strings.Cut(in.Authorization, " ")
	header := ""
	if strings.EqualFold(scheme, "Bearer") {
		header = strings.TrimSpace(value)
	}
	switch {
	case header != "" && posted != "" || len(f.Values["access_token"]) > 1:
		return "", &Refusal{Status: http.StatusBadRequest, Code: "invalid_request", Description: "the access token was sent twice", Scheme: "Bearer"}
	case header != "":
		return header, nil
	case posted != "":
		return posted, nil
	}
	// Without any token the challenge carries no error code (RFC 6750, section 3.1).
	return "", &Refusal{Status: http.StatusUnauthorized, Scheme: "Bearer"}
}

// UserInfo answers the claims about the person (OpenID Connect Core, section 5.3).
func (p *Provider) UserInfo(ctx context.Context, in Call) (map[string]any, *broker.Client, error) {
	if _, err := p.realm(ctx, in.Door); err != nil {
		return nil, nil, err
	}
	s, err := bearerToken(in)
	if err != nil {
		return nil, nil, err
	}
	b, err := p.verifyAccess(ctx, in.Realm, s)
	if err != nil {
		return nil, nil, err
	}
	if b.grant == nil || !slices.Contains(b.Scopes, "openid") {
		return nil, b.client, &Refusal{Status: http.StatusForbidden, Code: "insufficient_scope", Description: "the access token was not given for openid", Scheme: "Bearer"}
	}
	u, err := p.person(ctx, b.grant)
	if err != nil {
		if refused(err, "invalid_grant") {
			err = errDead
		}
		return nil, b.client, err
	}
	m, err := p.about(ctx, b.client, b.grant, u, b.Scopes, claimsOf(b.grant).UserInfo)
	return m, b.client, err
}
