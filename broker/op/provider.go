// Package op is the downstream OpenID provider: per realm an issuer with the endpoints of OpenID Connect Core, laid out
// as Keycloak does so that applications made for it need no change.
//
// Each endpoint is a file. Its handler is a function over parsed input; routes.go is the only file that sees a browser.
package op

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/keys"
	"cloakroom/broker/login"
	"cloakroom/broker/op/token"
)

// Registry finds configuration. A client or realm that does not exist is broker.ErrNotFound.
type Registry interface {
	Realm(ctx context.Context, name string) (*broker.Realm, error)
	Client(ctx context.Context, realm, id string) (*broker.Client, error)
}

// Beginner begins logins; login.Engine is one.
type Beginner interface {
	Begin(ctx context.Context, s login.Start) (login.Step, error)
}

// Grants keeps what authorizations gave.
type Grants interface {
	// Create fails with broker.ErrExists when the grant's LoginID has one already.
	Create(ctx context.Context, g *broker.Grant) error
	Get(ctx context.Context, realm, id string) (*broker.Grant, error)
	// Redeem takes a code of a realm: first is true for exactly one caller ever.
	Redeem(ctx context.Context, realm, codeHash string, now time.Time) (g *broker.Grant, first bool, err error)
	Revoke(ctx context.Context, id string) error
}

// Rotation is what became of a presented refresh token's generation.
type Rotation string

const (
	Rotated  Rotation = "rotated"  // it was the current one; the grant carries the next
	Repeated Rotation = "repeated" // its answer was lost: the direct predecessor, honoured once within the grace time
	Reused   Rotation = "reused"   // anything older: the grant is revoked now
	Dead     Rotation = "dead"     // the grant had expired or been revoked before
)

// Rotator moves a grant to its next refresh token, atomically over all replicas.
type Rotator interface {
	Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, expires time.Time) (*broker.Grant, Rotation, error)
}

// Sessions is what the provider needs to know of sign-in sessions.
type Sessions interface {
	// Find is the live session of a browser's cookie, nil if there is none.
	Find(ctx context.Context, realm, cookie string) (*broker.Session, error)
	// Get is a live session by its ID; one that is over is broker.ErrNotFound.
	Get(ctx context.Context, realm, id string) (*broker.Session, error)
	// End ends a session and revokes its grants, save offline ones; it answers all of them.
	End(ctx context.Context, realm, id string) ([]broker.Grant, error)
}

// Users finds people, in their home realm.
type Users interface {
	Get(ctx context.Context, realm, id string) (*broker.User, error)
}

// Marks remembers things until a time: what was used once, what was revoked.
type Marks interface {
	// Take reports whether the mark was free until now.
	Take(ctx context.Context, space, id string, until time.Time) (bool, error)
	Taken(ctx context.Context, space, id string) (bool, error)
}

// Parked keeps bytes for a short time. Take answers them to one caller; broker.ErrNotFound if they are gone.
type Parked interface {
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	Take(ctx context.Context, key string) ([]byte, error)
}

// UpstreamLogout begins to sign a person out at the identity provider, too; login.Engine is one. Nil means that there is
// nothing to do there.
type UpstreamLogout interface {
	StartLogout(ctx context.Context, s *broker.Session) (*login.Leave, error)
}

// Config is what a Provider is made of. Upstream may be nil.
type Config struct {
	BaseURL  string // public origin, without a slash at the end
	Registry Registry
	Login    Beginner
	Grants   Grants
	Rotator  Rotator
	Sessions Sessions
	Users    Users
	Marks    Marks
	Parked   Parked
	Keys     *keys.Manager
	Sealer   token.Sealer
	Upstream UpstreamLogout
	// Enabled reports whether a connection still exists and is switched on: a refresh through one that is not is refused.
	Enabled func(ctx context.Context, slug string) (bool, error)
	// Stands reports whether the way a person signed in ("" is a local one, which amr names) is still one they may use;
	// nil: it is. login.Engine does.
	Stands func(ctx context.Context, realm string, u *broker.User, connection string, amr []string) (bool, error)
	// HTTP is the guarded client: clients' jwks_uri and back-channel logout.
	HTTP *http.Client
	Log  *slog.Logger
	Now  func() time.Time
	// Prefixes are the legacy path prefixes ("/auth") under which every path is served too.
	Prefixes []string
}

// Provider is the OpenID provider of every realm.
type Provider struct {
	Config
	clientKeys *keySets
	guesses    *guesses
	notify     chan struct{} // one slot per back-channel call under way
	waiting    chan struct{} // one per call begun or waiting
	notifying  sync.WaitGroup
}

// New makes a provider.
func New(c Config) *Provider {
	p := &Provider{Config: c, notify: make(chan struct{}, notifyAtOnce), waiting: make(chan struct{}, notifyWaiting)}
	p.clientKeys, p.guesses = newKeySets(c.HTTP, c.Now), newGuesses()
	return p
}

var _ login.Responder = (*Provider)(nil)

// Door is the issuer a request came to: a realm, under a legacy prefix or none. The issuer carries the prefix, so that
// an application configured for https://host/auth/realms/x reads that very name in its tokens.
type Door struct {
	Realm  string
	Prefix string
}

// doorOf is the door of the issuer that a grant's client knows. Sessions answers grants without what they do not look at,
// so where there are several doors the grant is read.
func (p *Provider) doorOf(ctx context.Context, g *broker.Grant) Door {
	d := Door{Realm: g.Realm}
	if len(p.Prefixes) == 0 {
		return d
	}
	if full, err := p.Grants.Get(ctx, g.Realm, g.ID); err == nil {
		d.Prefix = claimsOf(full).Prefix
	}
	return d
}

func (p *Provider) issuer(d Door) string {
	return p.BaseURL + d.Prefix + "/realms/" + url.PathEscape(d.Realm)
}

func (p *Provider) endpoint(d Door, path string) string {
	return p.issuer(d) + "/protocol/openid-connect/" + path
}

// issuers are all names the realm goes by.
func (p *Provider) issuers(realm string) []string {
	out := []string{p.issuer(Door{Realm: realm})}
	for _, prefix := range p.Prefixes {
		out = append(out, p.issuer(Door{realm, prefix}))
	}
	return out
}

// realm finds the door's realm.
func (p *Provider) realm(ctx context.Context, d Door) (*broker.Realm, error) {
	if !broker.ValidName(d.Realm) {
		return nil, broker.ErrNotFound
	}
	return p.Registry.Realm(ctx, d.Realm)
}

// client finds an enabled OpenID Connect client of the realm. What the registry answers is checked against what was
// asked: a client of another realm must never pass.
func (p *Provider) client(ctx context.Context, realm, id string) (*broker.Client, error) {
	if id == "" || len(id) > 255 {
		return nil, fault.New(fault.OPClientUnknown, "")
	}
	c, err := p.Registry.Client(ctx, realm, id)
	if err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return nil, fault.Wrap(fault.OPClientUnknown, err, "client %q, realm %q", id, realm)
		}
		return nil, err
	}
	switch {
	case c.Protocol != "oidc" || c.Realm != realm || c.ClientID != id:
		return nil, fault.New(fault.OPClientUnknown, "client %q, realm %q", id, realm)
	case !c.Enabled:
		return nil, fault.New(fault.OPClientDisabled, "client %q", id)
	}
	return c, nil
}

func signingAlg(r *broker.Realm, c *broker.Client) string {
	if c.IDTokenAlg != "" {
		return c.IDTokenAlg
	}
	if r.Tokens.SigningAlg != "" {
		return r.Tokens.SigningAlg
	}
	return "RS256"
}

// sign makes a JWT with the client's algorithm and the realm's key.
func (p *Provider) sign(ctx context.Context, r *broker.Realm, alg, typ string, claims map[string]any) (string, error) {
	s, err := p.Keys.Signer(ctx, r.Name, alg)
	if err != nil {
		return "", err
	}
	return token.Sign(s, s.Alg, s.KID, typ, claims)
}

// subject is the sub a client sees of a user.
func (p *Provider) subject(ctx context.Context, c *broker.Client, userID string) (string, error) {
	if c.SubjectType != "pairwise" {
		return userID, nil
	}
	secret, err := p.Keys.PairwiseSecret(ctx, c.Realm)
	if err != nil {
		return "", err
	}
	return token.Pairwise(secret, sector(c), userID), nil
}

// sector is the host all redirect URIs share; clients of several hosts are a sector of their own, since there is no
// sector_identifier_uri to join them (OpenID Connect Core, section 8.1).
func sector(c *broker.Client) string {
	host := ""
	for _, r := range c.RedirectURIs {
		u, err := url.Parse(r)
		if err != nil || u.Host == "" || host != "" && host != u.Hostname() {
			return "client:" + c.ClientID
		}
		host = u.Hostname()
	}
	if host == "" {
		return "client:" + c.ClientID
	}
	return host
}

// knownScopes are the scopes there are; the rest of what applications made for other servers ask for is ignored, and the
// answer's scope says so (RFC 6749, section 3.3).
var knownScopes = []string{"openid", "email", "profile", "groups", "offline_access"}

func allowedScopes(c *broker.Client) []string {
	if len(c.Scopes) == 0 {
		return knownScopes
	}
	return c.Scopes
}

func grantable(c *broker.Client, asked []string) []string {
	out := []string{}
	for _, s := range asked {
		if s == "offline_access" && !slices.Contains(c.GrantTypes, "refresh_token") {
			continue
		}
		if slices.Contains(allowedScopes(c), s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
