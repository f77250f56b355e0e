package login

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Config answers realms, clients and connections; registry.Registry does.
type Config interface {
	Realm(ctx context.Context, name string) (*broker.Realm, error)
	Client(ctx context.Context, realm, id string) (*broker.Client, error)
	Connection(ctx context.Context, slug string) (*registry.Connection, error)
	ByAlias(ctx context.Context, realm, alias string) (*registry.Connection, error)
	Buttons(ctx context.Context, realm string) (registry.Buttons, error)
	ForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error)
	DomainOwner(ctx context.Context, domain string) (string, error)
}

// Sessions opens and finds sessions; session.Manager does.
type Sessions interface {
	New(ctx context.Context, realm *broker.Realm, s *broker.Session, ends time.Time) (cookie string, err error)
	Find(ctx context.Context, realm, cookie string) (*broker.Session, error)
}

// Users keeps people.
type Users interface {
	Get(ctx context.Context, realm, id string) (*broker.User, error)
	ByEmail(ctx context.Context, realm, email string) (*broker.User, error)
	Update(ctx context.Context, u *broker.User) error
}

// Links ties upstream accounts to people.
type Links interface {
	Find(ctx context.Context, connection, subject string) (*broker.Link, *broker.User, error)
	Claim(ctx context.Context, l *broker.Link) error
	CreateUserWithLink(ctx context.Context, u *broker.User, l *broker.Link) error
	ByUser(ctx context.Context, userID string) ([]*broker.Link, error)
}

// Waiting keeps verified answers that arrived without the browser's cookie, and what may be seen only once.
type Waiting interface {
	// Park keeps value under key until it expires and takes the marks, all or nothing; false if one was taken before.
	Park(ctx context.Context, key string, value []byte, expires time.Time, connection string, once []providers.Once) (bool, error)
	// Unpark answers a value once.
	Unpark(ctx context.Context, key string) ([]byte, error)
	// Once takes marks, all or nothing.
	Once(ctx context.Context, connection string, once []providers.Once) (bool, error)
}

// Log records what happened at a login, without making it wait.
type Log interface{ Log(e broker.Event) }

// Engine runs logins.
type Engine struct {
	Config     Config
	Sessions   Sessions
	Users      Users
	Links      Links
	Waiting    Waiting
	Events     Log
	Upstream   UpstreamSessions
	Ended      Ended
	Handles    *Handles
	Responders map[string]Responder
	Now        func() time.Time
	Logger     *slog.Logger
}

// Begin takes a downstream's request.
func (e *Engine) Begin(ctx context.Context, s Start) (Step, error) {
	l := s.Login
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	if !l.Fresh && !l.Select {
		step, ok, err := e.signedIn(ctx, l, realm, client, s.SessionCookie)
		if err != nil || ok {
			return step, err
		}
	}
	if l.Passive {
		return e.deny(ctx, l, fault.New(fault.LoginRequired, "prompt=none and no session"))
	}
	return e.next(ctx, l, realm, client)
}

// parties answers the realm and client of a login.
func (e *Engine) parties(ctx context.Context, l *broker.Login) (*broker.Realm, *broker.Client, error) {
	realm, err := e.Config.Realm(ctx, l.Realm)
	if err != nil {
		return nil, nil, err
	}
	client, err := e.Config.Client(ctx, l.Realm, l.ClientID)
	if err != nil {
		return nil, nil, err
	}
	if !client.Enabled {
		return nil, nil, fault.New(fault.NotFound, "client %q is switched off", client.ClientID)
	}
	return realm, client, nil
}

// signedIn answers the application at once where the browser's session is good enough for what it asked.
func (e *Engine) signedIn(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, cookie string) (Step, bool, error) {
	s, err := e.Sessions.Find(ctx, realm.Name, cookie)
	if err != nil || s == nil {
		return Step{}, false, err
	}
	if l.MaxAge >= 0 && e.Now().Sub(s.AuthTime) > l.MaxAge {
		return Step{}, false, nil
	}
	if !client.AllowsConnection(s.Connection) || !e.realmAllowed(l, client, s.HomeRealm) {
		return Step{}, false, nil
	}
	// A connection that was removed or switched off since keeps nobody signed in.
	conn, err := e.Config.Connection(ctx, s.Connection)
	if errors.Is(err, broker.ErrNotFound) || (err == nil && !conn.Enabled) {
		return Step{}, false, nil
	}
	if err != nil {
		return Step{}, false, err
	}
	u, err := e.Users.Get(ctx, s.HomeRealm, s.UserID)
	if errors.Is(err, broker.ErrNotFound) {
		return Step{}, false, nil
	}
	if err != nil {
		return Step{}, false, err
	}
	if u.Blocked {
		return Step{}, false, fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	step, err := e.respond(ctx, Result{Login: l, Realm: realm, Client: client, Session: s, User: u})
	return step, true, err
}

// realmAllowed says whether a person of this home realm may come to the login's client.
func (e *Engine) realmAllowed(l *broker.Login, client *broker.Client, home string) bool {
	want := client.PinnedRealm
	if want == "" {
		want = l.RealmHint
	}
	return want == "" || want == home
}

// next is the dispatcher: it looks only at facts in the login and decides what is missing.
func (e *Engine) next(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) (Step, error) {
	choose := Step{Page: PageChoose, Login: l}
	if l.ShowChooser {
		return choose, nil
	}
	conn, err := e.hinted(ctx, l, realm, client)
	if err != nil {
		return Step{}, err
	}
	if conn != nil {
		return e.challenge(ctx, l, realm, client, conn)
	}
	if realm.Hub || l.Select && len(realm.LocalLogin) > 0 {
		return choose, nil
	}
	b, err := e.Config.Buttons(ctx, realm.Name)
	if err != nil {
		return Step{}, err
	}
	var only *broker.Connection
	for _, c := range b.Connections {
		if client.AllowsConnection(c.Slug) {
			if only != nil {
				return choose, nil
			}
			only = c
		}
	}
	if only == nil || b.More || len(realm.LocalLogin) > 0 {
		return choose, nil
	}
	opened, err := e.Config.Connection(ctx, only.Slug)
	if err != nil {
		return Step{}, err
	}
	return e.challenge(ctx, l, realm, client, opened)
}

// hinted answers the connection that the application's hints name: kc_idp_hint, else the domain of login_hint or
// domain_hint. A hint that names nothing is no error (as in Keycloak): the person chooses.
func (e *Engine) hinted(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) (*registry.Connection, error) {
	if l.IdPHint != "" {
		c, err := e.named(ctx, realm, l.IdPHint)
		if errors.Is(err, broker.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if c.Enabled && e.allowed(l, realm, client, c.Connection) {
			return c, nil
		}
		return nil, nil
	}
	domain := l.DomainHint
	if a, err := email.Normalise(l.LoginHint); err == nil {
		domain = a.Domain()
	}
	if domain == "" {
		return nil, nil
	}
	cs, err := e.forDomain(ctx, l, realm, client, domain)
	if err != nil || len(cs) != 1 {
		return nil, err
	}
	return e.Config.Connection(ctx, cs[0].Slug)
}

// named finds a connection by alias of the realm, else by slug.
func (e *Engine) named(ctx context.Context, realm *broker.Realm, name string) (*registry.Connection, error) {
	c, err := e.Config.ByAlias(ctx, realm.Name, name)
	if errors.Is(err, broker.ErrNotFound) {
		return e.Config.Connection(ctx, name)
	}
	return c, err
}

// allowed is the wall between realms: a client takes connections of its own realm; a hub's client takes those of every
// realm, or of the one that is pinned or asked for (contract, sections 1 and 5.6).
func (e *Engine) allowed(l *broker.Login, realm *broker.Realm, client *broker.Client, c *broker.Connection) bool {
	if c.Realm != realm.Name && !realm.Hub {
		return false
	}
	return client.AllowsConnection(c.Slug) && e.realmAllowed(l, client, c.Realm)
}

// forDomain answers the connections that serve a domain and that this login may use. The domain must be verified by the
// connection's own realm, or anybody could route another's people to a page of theirs.
func (e *Engine) forDomain(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, domain string) ([]*broker.Connection, error) {
	domain, err := email.Domain(domain)
	if err != nil {
		return nil, nil
	}
	owner, err := e.Config.DomainOwner(ctx, domain)
	if err != nil || owner == "" || (owner != realm.Name && !realm.Hub) {
		return nil, err
	}
	all, err := e.Config.ForDomain(ctx, owner, domain)
	if err != nil {
		return nil, err
	}
	var out []*broker.Connection
	for _, c := range all {
		if c.Enabled && e.allowed(l, realm, client, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Choose continues a login through the connection that the person picked.
func (e *Engine) Choose(ctx context.Context, l *broker.Login, name string) (Step, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	conn, err := e.named(ctx, realm, name)
	if err != nil {
		return Step{}, err
	}
	return e.challenge(ctx, l, realm, client, conn)
}

// ErrUnknownAddress is the answer of Address where no connection serves the address. It says nothing about whether the
// address exists.
var ErrUnknownAddress = fault.New(fault.LoginNoConnection, "no connection serves this domain")

// Address continues a login by the domain of the address that the person typed.
func (e *Engine) Address(ctx context.Context, l *broker.Login, address string) (Step, error) {
	a, err := email.Normalise(address)
	if err != nil {
		return Step{}, err
	}
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	l.LoginHint = a.String()
	cs, err := e.forDomain(ctx, l, realm, client, a.Domain())
	if err != nil {
		return Step{}, err
	}
	if len(cs) == 0 {
		return Step{}, ErrUnknownAddress
	}
	if len(cs) > 1 {
		return Step{Page: PageChoose, Login: l}, nil
	}
	conn, err := e.Config.Connection(ctx, cs[0].Slug)
	if err != nil {
		return Step{}, err
	}
	return e.challenge(ctx, l, realm, client, conn)
}

// Options are the connections a login's page offers.
type Options struct {
	Realm       *broker.Realm
	Client      *broker.Client
	Connections []*broker.Connection
	ByAddress   bool // some are found by address only
}

// Options answers what the chooser shows.
func (e *Engine) Options(ctx context.Context, l *broker.Login) (Options, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Options{}, err
	}
	o := Options{Realm: realm, Client: client}
	if a, err := email.Normalise(l.LoginHint); err == nil {
		cs, err := e.forDomain(ctx, l, realm, client, a.Domain())
		if err != nil {
			return Options{}, err
		}
		if len(cs) > 1 {
			o.Connections = cs
			return o, nil
		}
	}
	b, err := e.Config.Buttons(ctx, realm.Name)
	if err != nil {
		return Options{}, err
	}
	for _, c := range b.Connections {
		if e.allowed(l, realm, client, c) {
			o.Connections = append(o.Connections, c)
		}
	}
	o.ByAddress = true
	return o, nil
}

// challenge sends the person upstream.
func (e *Engine) challenge(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, conn *registry.Connection) (Step, error) {
	if !e.allowed(l, realm, client, conn.Connection) {
		return Step{}, fault.New(fault.LoginNotAllowed, "client %q of realm %q, connection %q of realm %q", client.ClientID, realm.Name, conn.Slug, conn.Realm)
	}
	if !conn.Enabled {
		return Step{}, fault.New(fault.LoginDisabled, "connection %q", conn.Slug)
	}
	if conn.Err != nil {
		return Step{}, conn.Err
	}
	h, err := e.Handles.New(l.ID, conn.Slug)
	if err != nil {
		return Step{}, err
	}
	r := e.request(conn, h)
	r.LoginHint, r.DomainHint, r.UILocales, r.ACR = l.LoginHint, l.DomainHint, l.UILocales, l.ACR
	r.ForceAuthn = l.Fresh || l.MaxAge == 0
	if l.Select {
		r.LoginHint = ""
	}
	ch, err := conn.Provider.Start(ctx, r)
	if err != nil {
		return Step{}, e.trouble(ctx, l, conn, err)
	}
	if len(ch.Fields) > 0 {
		return Step{Page: PagePrompt, Login: l}, nil
	}
	return Step{Go: &Redirect{URL: ch.URL, Form: ch.Form}, Login: l}, nil
}

func (e *Engine) request(conn *registry.Connection, h Handle) providers.Request {
	return providers.Request{
		Handle: h.String(), MessageID: h.MessageID(), Secret: h.secret,
		CallbackURL: conn.Callback, Issued: h.Issued,
	}
}

// respond answers the application.
func (e *Engine) respond(ctx context.Context, r Result) (Step, error) {
	rd, err := e.Responders[r.Login.Protocol].Respond(ctx, r)
	if err != nil {
		return Step{}, err
	}
	return Step{Go: &rd, Done: r.Login}, nil
}

// deny tells the application, or answers the cause for an error page.
func (e *Engine) deny(ctx context.Context, l *broker.Login, cause error) (Step, error) {
	if rd, ok := e.Responders[l.Protocol].Deny(ctx, l, cause); ok {
		return Step{Go: &rd, Done: l}, nil
	}
	return Step{}, cause
}

// Cancel goes back to the application because the person, or the provider, stopped the login.
func (e *Engine) Cancel(ctx context.Context, l *broker.Login, cause error) (Step, error) {
	return e.deny(ctx, l, cause)
}

// trouble records a failed login and answers its cause.
func (e *Engine) trouble(ctx context.Context, l *broker.Login, conn *registry.Connection, err error) error {
	f := fault.As(err)
	ev := broker.Event{At: e.Now(), Kind: "login.failed", Code: string(f.Code), Detail: clip(f.Error(), 1000)}
	attrs := []any{"code", f.Code, "error", err.Error()}
	if conn != nil {
		ev.Realm, ev.Connection = conn.Realm, conn.Slug
		attrs = append(attrs, "connection", conn.Slug)
	}
	if l != nil {
		ev.Ref, ev.Client = l.Ref(), l.ClientID
		if ev.Realm == "" {
			ev.Realm = l.Realm
		}
		attrs = append(attrs, "ref", l.Ref(), "client", l.ClientID)
	}
	e.Events.Log(ev)
	e.Logger.WarnContext(ctx, "login failed", attrs...)
	return err
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
