package op

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/op/token"
)

const codeLife = time.Minute

// Respond gives the application a code. The grant it writes is the only thing written; its LoginID is unique, so a login
// is answered once.
func (p *Provider) Respond(ctx context.Context, r login.Result) (login.Redirect, error) {
	if err := belongs(r); err != nil {
		return login.Redirect{}, err
	}
	a, err := recall(r.Login)
	if err != nil {
		return login.Redirect{}, err
	}
	if !broker.AllowsRedirect(r.Client.RedirectURIs, a.RedirectURI) {
		return login.Redirect{}, fault.Mismatch(fault.OPRedirectMismatch, clip(a.RedirectURI, 500), "")
	}
	if no, err := p.wrongSubject(ctx, r, a); err != nil || no != nil {
		if err != nil {
			return login.Redirect{}, err
		}
		return p.deliver(r.Realm.Name, a, errorParams(no)), nil
	}
	code := broker.RandomToken(32)
	g, err := p.newGrant(r, a, code)
	if err != nil {
		return login.Redirect{}, err
	}
	if err := p.Grants.Create(ctx, g); err != nil {
		if errors.Is(err, broker.ErrExists) {
			return login.Redirect{}, fault.Wrap(fault.LoginTaken, err, "login %s", r.Login.Ref())
		}
		return login.Redirect{}, err
	}
	return p.deliver(r.Realm.Name, a, url.Values{"code": {code}, "session_state": {r.Session.SID}}), nil
}

// belongs is the last wall between realms: whatever went wrong before, no code is given unless login, client, session
// and person belong together.
func belongs(r login.Result) error {
	switch {
	case r.Login.Realm != r.Realm.Name, r.Client.Realm != r.Realm.Name, r.Session.Realm != r.Realm.Name:
	case r.Login.ClientID != r.Client.ClientID, r.Login.Protocol != "oidc":
	case r.Session.UserID != r.User.ID, r.Session.HomeRealm != r.User.Realm:
	case r.User.Realm != r.Realm.Name && !r.Realm.Hub:
	case !r.Client.AllowsConnection(r.Session.Connection):
	default:
		return nil
	}
	return fault.New(fault.OPWrongParty, "login of client %q in %q, session in %q of a user in %q through %q",
		r.Login.ClientID, r.Login.Realm, r.Session.Realm, r.User.Realm, r.Session.Connection)
}

func (p *Provider) wrongSubject(ctx context.Context, r login.Result, a *answer) (*Refusal, error) {
	if a.Sub == "" {
		return nil, nil
	}
	sub, err := p.subject(ctx, r.Client, r.User.ID)
	if err != nil || sub == a.Sub {
		return nil, err
	}
	return refuse("login_required", "another person than the one asked for has signed in"), nil
}

func (p *Provider) newGrant(r login.Result, a *answer, code string) (*broker.Grant, error) {
	now := p.Now()
	g := &broker.Grant{
		ID: broker.RandomToken(16), LoginID: r.Login.ID, Realm: r.Realm.Name, HomeRealm: r.User.Realm,
		ClientID: r.Client.ClientID, UserID: r.User.ID, SessionID: r.Session.ID, SID: r.Session.SID,
		CodeHash: token.Hash(code), CodeExpiresAt: now.Add(codeLife), CodeChallenge: a.Challenge, Nonce: a.Nonce,
		Scopes: a.Scopes, Resources: a.Resources, AuthTime: r.Session.AuthTime, ACR: r.Session.ACR, AMR: r.Session.AMR,
		Connection: r.Session.Connection, Secret: make([]byte, 32), CreatedAt: now,
		ExpiresAt: now.Add(codeLife + r.Realm.Tokens.Access.D()),
	}
	_, _ = rand.Read(g.Secret)
	if !a.Implied {
		g.RedirectURI = a.RedirectURI
	}
	// The first refresh token exists from the start, though nobody has it before the code is redeemed: that saves the
	// token endpoint a second write.
	if slices.Contains(r.Client.GrantTypes, "refresh_token") {
		g.Generation, g.RotatedAt, g.ExpiresAt = 1, now, refreshUntil(r.Realm, g, r.Session, now)
	}
	g.ExpiresAt = later(g.ExpiresAt, now.Add(keepFor))
	if a.Claims == nil && a.Prefix == "" {
		return g, nil
	}
	kept := claimsAsked{Prefix: a.Prefix}
	if a.Claims != nil {
		kept.IDToken, kept.UserInfo = a.Claims.IDToken, a.Claims.UserInfo
	}
	var err error
	g.ClaimsRequest, err = json.Marshal(kept)
	return g, err
}

// keepFor is how long a grant's row lasts at least, so that a login cannot be answered again after its grant is gone.
const keepFor = 2 * time.Hour

// refreshUntil bounds a grant: the realm's refresh lifetime since last use, and the session's end unless it is offline.
func refreshUntil(r *broker.Realm, g *broker.Grant, s *broker.Session, now time.Time) time.Time {
	until := now.Add(r.Tokens.Refresh.D())
	if !g.Offline() && s != nil && s.ExpiresAt.Before(until) {
		until = s.ExpiresAt
	}
	return until
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Deny tells the application that there will be no sign-in, where it can do something with the news. Most faults are
// shown to the person instead, who can choose another way in; with prompt=none nobody would see them.
func (p *Provider) Deny(_ context.Context, l *broker.Login, cause error) (login.Redirect, bool) {
	no := denial(fault.CodeOf(cause), l.Passive)
	if no == nil {
		return login.Redirect{}, false
	}
	a, err := recall(l)
	if err != nil {
		return login.Redirect{}, false
	}
	return p.deliver(l.Realm, a, errorParams(no)), true
}

func denial(code fault.Code, passive bool) *Refusal {
	switch code {
	case fault.LoginRequired:
		return refuse("login_required", "nobody is signed in")
	case fault.LoginInteraction:
		return refuse("interaction_required", "the person has to be shown a page")
	case fault.LoginCancelled:
		return refuse("access_denied", "the person or their identity provider stopped the sign-in")
	case fault.Unavailable, fault.LoginUpstreamBusy:
		return refuse("temporarily_unavailable", "the sign-in service is not available at the moment")
	case fault.LoginTaken:
		return nil
	}
	if passive {
		return refuse("login_required", "a silent sign-in is not possible")
	}
	return nil
}
