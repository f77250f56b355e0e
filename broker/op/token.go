package op

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/op/token"
)

// Tokens is a successful answer of the token endpoint (RFC 6749, section 5.1).
type Tokens struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	RefreshExpiresIn int64  `json:"refresh_expires_in,omitempty"`
	IDToken          string `json:"id_token,omitempty"`
	SessionState     string `json:"session_state,omitempty"`
	Scope            string `json:"scope"`
}

// refreshGrace is how long the direct predecessor of a refresh token is honoured once more: an answer that was lost on
// its way must not cost the session.
const refreshGrace = time.Minute

// Token answers the token endpoint. The client is nil where none was authenticated.
func (p *Provider) Token(ctx context.Context, in Call) (*Tokens, *broker.Client, error) {
	realm, f, c, err := p.call(ctx, in)
	if err != nil {
		return nil, c, err
	}
	grant := f.Get("grant_type")
	handlers := map[string]func(context.Context, tokenCall) (*Tokens, error){
		"authorization_code": p.redeem, "refresh_token": p.refresh, "client_credentials": p.clientCredentials,
	}
	handle := handlers[grant]
	switch {
	case grant == "":
		return nil, c, refuse("invalid_request", "grant_type is missing")
	case handle == nil:
		return nil, c, refuse("unsupported_grant_type", "grant_type is authorization_code, refresh_token or client_credentials")
	case !slices.Contains(c.GrantTypes, grant):
		return nil, c, refuse("unauthorized_client", "the client may not use this grant type")
	}
	t, err := handle(ctx, tokenCall{Call: in, form: f, realm: realm, client: c})
	return t, c, err
}

// call reads the form of a client's call and authenticates it.
func (p *Provider) call(ctx context.Context, in Call) (*broker.Realm, form, *broker.Client, error) {
	realm, err := p.realm(ctx, in.Door)
	if err != nil {
		return nil, form{}, nil, err
	}
	f, err := parseForm(in.Raw)
	if err != nil {
		return nil, form{}, nil, err
	}
	c, err := p.authenticate(ctx, in, f)
	return realm, f, c, err
}

// tokenCall is an authenticated call of the token endpoint.
type tokenCall struct {
	Call
	form
	realm  *broker.Realm
	client *broker.Client
}

var errBadCode = invalidGrant("the code is not valid: unknown, expired, used before or given to another client")

// redeem exchanges a code (RFC 6749, section 4.1.3). Whatever is wrong with the request, the code is spent.
func (p *Provider) redeem(ctx context.Context, in tokenCall) (*Tokens, error) {
	code := in.Get("code")
	if code == "" || len(code) > 512 {
		return nil, refuse("invalid_request", "code is missing")
	}
	now := p.Now()
	g, first, err := p.Grants.Redeem(ctx, in.realm.Name, token.Hash(code), now)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, errBadCode
	}
	if err != nil {
		return nil, err
	}
	if !first {
		// Somebody else may have the code: what the first use gave is taken back (RFC 6749, section 10.5).
		p.Log.WarnContext(ctx, "a code was used twice; its tokens are revoked", "realm", g.Realm, "client", g.ClientID, "ref", broker.RefOf(g.LoginID))
		if err := p.Grants.Revoke(ctx, g.ID); err != nil {
			return nil, err
		}
		return nil, errBadCode
	}
	if err := checkCode(in, g, now); err != nil {
		return nil, err
	}
	u, err := p.person(ctx, g)
	if err != nil {
		return nil, err
	}
	return p.issue(ctx, in, g, u, g.Scopes, g.Nonce)
}

func checkCode(in tokenCall, g *broker.Grant, now time.Time) error {
	uri, verifier := in.Get("redirect_uri"), in.Get("code_verifier")
	switch {
	case g.Realm != in.realm.Name || g.ClientID != in.client.ClientID || !g.RevokedAt.IsZero() || !now.Before(g.CodeExpiresAt):
		return errBadCode
	case uri != g.RedirectURI && (g.RedirectURI != "" || !slices.Contains(in.client.RedirectURIs, uri)):
		return invalidGrant("redirect_uri is not the one of the authorization request")
	case g.CodeChallenge == "" && verifier != "":
		return invalidGrant("code_verifier was sent, but the authorization request had no code_challenge")
	case g.CodeChallenge == "" && in.client.Public:
		return invalidGrant("a public client must use PKCE")
	case g.CodeChallenge != "" && !token.VerifyPKCE(g.CodeChallenge, verifier):
		return invalidGrant("code_verifier does not match code_challenge")
	}
	return nil
}

// person is the grant's user, if that one may still sign in.
func (p *Provider) person(ctx context.Context, g *broker.Grant) (*broker.User, error) {
	u, err := p.Users.Get(ctx, g.HomeRealm, g.UserID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, invalidGrant("the person is not known any more")
	}
	if err != nil {
		return nil, err
	}
	if u.Blocked || u.Status != broker.StatusActive || u.Realm != g.HomeRealm {
		return nil, invalidGrant("the person may not sign in any more")
	}
	if g.HomeRealm == g.Realm {
		return u, nil
	}
	r, err := p.Registry.Realm(ctx, g.Realm)
	if err != nil {
		return nil, err
	}
	if !r.Hub {
		return nil, invalidGrant("the realm is not a hub any more")
	}
	return u, nil
}

var errBadRefresh = invalidGrant("the refresh token is not valid: unknown, expired, revoked or given to another client")

// refresh gives new tokens for a refresh token, which rotates (RFC 9700, section 4.14.2).
func (p *Provider) refresh(ctx context.Context, in tokenCall) (*Tokens, error) {
	g, rt, err := p.presented(ctx, in.client, in.Get("refresh_token"))
	if err != nil {
		return nil, err
	}
	now := p.Now()
	scopes, err := narrowed(g, in.form)
	if err != nil {
		return nil, err
	}
	if g.RotatedAt.Add(in.realm.Tokens.Refresh.D()).Before(now) {
		return nil, errBadRefresh
	}
	u, s, err := p.stillIn(ctx, in.client, g)
	if err != nil {
		return nil, err
	}
	g, what, err := p.Rotator.Rotate(ctx, g.ID, rt.Generation, now, refreshGrace, refreshUntil(in.realm, g, s, now))
	if errors.Is(err, broker.ErrNotFound) {
		return nil, errBadRefresh
	}
	if err != nil {
		return nil, err
	}
	if what == Reused {
		p.Log.WarnContext(ctx, "a refresh token was used again after its successor; the grant is revoked", "realm", in.Realm, "client", in.client.ClientID)
	}
	if what != Rotated && what != Repeated {
		return nil, errBadRefresh
	}
	return p.issue(ctx, in, g, u, scopes, "")
}

// presented finds the grant of a refresh token that is the client's own and was made by us.
func (p *Provider) presented(ctx context.Context, c *broker.Client, s string) (*broker.Grant, token.Refresh, error) {
	if s == "" {
		return nil, token.Refresh{}, refuse("invalid_request", "refresh_token is missing")
	}
	rt, err := token.ParseRefresh(s)
	if err != nil {
		return nil, rt, errBadRefresh
	}
	g, err := p.Grants.Get(ctx, c.Realm, rt.GrantID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, rt, errBadRefresh
	}
	if err != nil {
		return nil, rt, err
	}
	if !rt.Of(g) || g.Realm != c.Realm || g.ClientID != c.ClientID || !p.live(g) || rt.Generation > g.Generation {
		return nil, rt, errBadRefresh
	}
	return g, rt, nil
}

// live reports whether what a grant gave is still good. Ending a session revokes its grants, so the row says it all.
func (p *Provider) live(g *broker.Grant) bool {
	return g.RevokedAt.IsZero() && !g.RedeemedAt.IsZero() && p.Now().Before(g.ExpiresAt)
}

// narrowed are the scopes of a refresh: those granted, or the fewer asked for (RFC 6749, section 6).
func narrowed(g *broker.Grant, f form) ([]string, error) {
	asked := f.list("scope")
	if len(asked) == 0 {
		return g.Scopes, nil
	}
	var out []string
	for _, s := range asked {
		switch {
		case slices.Contains(g.Scopes, s):
			out = append(out, s)
		case slices.Contains(knownScopes, s):
			return nil, refuse("invalid_scope", "scope asks for more than was granted")
		}
	}
	return out, nil
}

// stillIn checks what may have changed since the sign-in: the person, the session, the connection.
func (p *Provider) stillIn(ctx context.Context, c *broker.Client, g *broker.Grant) (*broker.User, *broker.Session, error) {
	u, err := p.person(ctx, g)
	if err != nil {
		return nil, nil, err
	}
	if g.Connection != "" && p.Enabled != nil {
		on, err := p.Enabled(ctx, g.Connection)
		if err != nil {
			return nil, nil, err
		}
		if !on || !c.AllowsConnection(g.Connection) {
			return nil, nil, invalidGrant("the connection the person signed in through is not available to the client any more")
		}
	}
	if p.Stands != nil && g.UserID != "" {
		ok, err := p.Stands(ctx, g.Realm, u, g.Connection, g.AMR)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			return nil, nil, invalidGrant("the person may no longer sign in the way they did")
		}
	}
	if g.Offline() {
		return u, nil, nil
	}
	s, err := p.Sessions.Get(ctx, g.Realm, g.SessionID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil, invalidGrant("the session has ended")
	}
	if err != nil {
		return nil, nil, err
	}
	if !s.Live(p.Now()) || s.UserID != g.UserID {
		return nil, nil, invalidGrant("the session has ended")
	}
	return u, s, nil
}

// issue makes the tokens of a grant.
func (p *Provider) issue(ctx context.Context, in tokenCall, g *broker.Grant, u *broker.User, scopes []string, nonce string) (*Tokens, error) {
	aud, err := p.audience(in, g.Resources)
	if err != nil {
		return nil, err
	}
	a := p.newAccess(in, g, scopes, aud)
	t := &Tokens{TokenType: "Bearer", ExpiresIn: a.ExpiresAt - a.IssuedAt, Scope: strings.Join(scopes, " "), SessionState: g.SID}
	if t.AccessToken, err = p.accessToken(ctx, in, a, g); err != nil {
		return nil, err
	}
	if g.Generation > 0 && slices.Contains(in.client.GrantTypes, "refresh_token") {
		if t.RefreshToken, err = token.NewRefresh(g); err != nil {
			return nil, err
		}
		t.RefreshExpiresIn = int64(min(g.ExpiresAt.Sub(p.Now()), in.realm.Tokens.Refresh.D()).Seconds())
	}
	if slices.Contains(scopes, "openid") {
		t.IDToken, err = p.idToken(ctx, in, g, u, scopes, nonce, t.AccessToken)
	}
	return t, err
}

// audience are the resources an access token is for: those asked for now, within those of the authorization if it named
// any (RFC 8707, section 2.2).
func (p *Provider) audience(in tokenCall, granted []string) ([]string, error) {
	asked, err := resources(in.client, in.form)
	if err != nil || len(asked) == 0 {
		return granted, err
	}
	for _, r := range asked {
		if len(granted) > 0 && !slices.Contains(granted, r) {
			return nil, refuse("invalid_target", "the resource was not part of the authorization")
		}
	}
	return asked, nil
}

// newAccess: an access token never outlives its grant.
func (p *Provider) newAccess(in tokenCall, g *broker.Grant, scopes, aud []string) *token.Access {
	now := p.Now()
	expires := now.Add(in.realm.Tokens.Access.D())
	if !g.ExpiresAt.IsZero() && g.ExpiresAt.Before(expires) {
		expires = g.ExpiresAt
	}
	return &token.Access{
		ID: broker.RandomToken(12), GrantID: g.ID, Realm: in.realm.Name, ClientID: in.client.ClientID, UserID: g.UserID, SID: g.SID,
		Scopes: scopes, Audience: aud, IssuedAt: now.Unix(), ExpiresAt: expires.Unix(),
	}
}

// accessToken writes an access token in the client's format; one for named resources is always a JWT, since the resource
// has to read it.
func (p *Provider) accessToken(ctx context.Context, in tokenCall, a *token.Access, g *broker.Grant) (string, error) {
	if in.client.AccessTokenFormat != "jwt" && len(a.Audience) == 0 {
		return token.SealAccess(p.Sealer, a)
	}
	sub := in.client.ClientID
	if a.UserID != "" {
		var err error
		if sub, err = p.subject(ctx, in.client, a.UserID); err != nil {
			return "", err
		}
	}
	return p.sign(ctx, in.realm, signingAlg(in.realm, in.client), "at+jwt", accessClaims(p.issuer(in.Door), sub, a, g))
}

// accessClaims are those of RFC 9068. The jti leads back to the grant, so that the token dies with it.
func accessClaims(issuer, sub string, a *token.Access, g *broker.Grant) map[string]any {
	aud := a.Audience
	if len(aud) == 0 {
		aud = []string{issuer} // the default resource: this issuer's own userinfo
	}
	m := map[string]any{
		"iss": issuer, "sub": sub, "aud": aud, "client_id": a.ClientID, "azp": a.ClientID, "jti": a.GrantID + "." + a.ID,
		"iat": a.IssuedAt, "exp": a.ExpiresAt, "scope": strings.Join(a.Scopes, " "), "typ": "Bearer",
	}
	if a.UserID == "" {
		return m
	}
	m["sid"], m["auth_time"], m["realm"] = a.SID, g.AuthTime.Unix(), g.HomeRealm
	if g.ACR != "" {
		m["acr"] = g.ACR
	}
	if len(g.AMR) > 0 {
		m["amr"] = g.AMR
	}
	return m
}

// clientCredentials gives a token that speaks for the client itself. No grant stands behind it: it is good until it
// expires, is revoked, or the client is switched off.
func (p *Provider) clientCredentials(ctx context.Context, in tokenCall) (*Tokens, error) {
	var scopes []string
	for _, s := range in.list("scope") {
		if slices.Contains(in.client.Scopes, s) && !slices.Contains(knownScopes, s) {
			scopes = append(scopes, s)
		}
	}
	aud, err := p.audience(in, nil)
	if err != nil {
		return nil, err
	}
	a := p.newAccess(in, &broker.Grant{}, scopes, aud)
	t := &Tokens{TokenType: "Bearer", ExpiresIn: a.ExpiresAt - a.IssuedAt, Scope: strings.Join(scopes, " ")}
	t.AccessToken, err = p.accessToken(ctx, in, a, &broker.Grant{})
	return t, err
}
