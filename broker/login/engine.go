package login

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
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
	Visible(ctx context.Context, realm string, only []string, after string) (registry.Buttons, error)
	Search(ctx context.Context, realm string, only []string, query string) (registry.Buttons, error)
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
	Create(ctx context.Context, u *broker.User) error
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

// Noter keeps identities for the preview of rules; login.Seen does.
type Noter interface {
	Note(conn *registry.Connection, userID string, idn providers.Identity)
}

// Engine runs logins.
type Engine struct {
	Config   Config
	Sessions Sessions
	Users    Users
	Links    Links
	Waiting  Waiting
	Events   Log
	Upstream UpstreamSessions
	Ended    Ended
	Invites  Invites // nil: there are none
	Seats    Seats
	Kept     Kept
	// Directory is what customers' directories push to us; nil: none does.
	Directory Directory
	Post      Post   // nil: no mails
	Local     *Local // nil: no local ways in
	Broken    Broken // nil: nobody is told of broken connections
	Seen      Noter  // nil: no identities are kept for the preview of rules
	Views     Views  // nil: what configurations on trial say is not kept
	Traces    Tracer // nil: logins leave no trace
	// Health answers how a connection stands; nil: nobody notices that one lets nobody in.
	Health func(ctx context.Context, realm, slug string) (*broker.Health, error)
	// Tx runs f in one transaction of the store; f may be run again from its start. nil: each write by itself.
	Tx func(ctx context.Context, f func(ctx context.Context) error) error
	// Guesses counts the passwords that people try at directories; nil: nobody may try one.
	Guesses    *credential.Guard
	Handles    *Handles
	Responders map[string]Responder
	Now        func() time.Time
	Logger     *slog.Logger
}

// Begin takes a downstream's request. A silent one (prompt=none) is answered at once, whatever is wrong.
func (e *Engine) Begin(ctx context.Context, s Start) (Step, error) {
	step, err := e.begin(ctx, s)
	if err != nil && s.Login.Passive {
		return e.deny(ctx, s.Login, err)
	}
	return step, err
}

func (e *Engine) begin(ctx context.Context, s Start) (Step, error) {
	l := s.Login
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	if err := e.checkHome(ctx, l, realm, client); err != nil {
		return Step{}, err
	}
	if !l.Fresh && !l.Select && l.Invite == "" { // an invitation is for who comes with it, not for who was here before
		step, ok, err := e.signedIn(ctx, s, realm, client)
		if err != nil || ok {
			return step, err
		}
	}
	if l.Passive {
		return e.deny(ctx, l, fault.New(fault.LoginRequired, "prompt=none and no session"))
	}
	switch {
	case s.Connection != "":
		return e.Choose(ctx, l, s.Connection)
	case s.Address != "":
		return e.Address(ctx, l, s.Address)
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
func (e *Engine) signedIn(ctx context.Context, st Start, realm *broker.Realm, client *broker.Client) (Step, bool, error) {
	l := st.Login
	s, err := e.Sessions.Find(ctx, realm.Name, st.SessionCookie)
	if err != nil || s == nil {
		return Step{}, false, err
	}
	if l.MaxAge >= 0 && e.Now().Sub(s.AuthTime) > l.MaxAge {
		return Step{}, false, nil
	}
	ok, err := e.suits(ctx, l, realm, client, s)
	if err != nil || !ok {
		return Step{}, false, err
	}
	u, err := e.Users.Get(ctx, s.HomeRealm, s.UserID)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return Step{}, false, nil
	case err != nil:
		return Step{}, false, err
	case u.Blocked:
		return Step{}, false, fault.New(fault.LoginBlocked, "user %s", u.ID)
	case u.Status != broker.StatusActive || st.somebodyElse(u):
		return Step{}, false, nil
	}
	if ok, err := e.Stands(ctx, s.Realm, u, s.Connection, s.AMR); err != nil || !ok {
		return Step{}, false, err
	}
	step, err := e.respond(ctx, Result{Login: l, Realm: realm, Client: client, Session: s, User: u})
	return step, true, err
}

// somebodyElse: who typed an address is not asked to be the one who signed in here before.
func (s Start) somebodyElse(u *broker.User) bool {
	a, err := email.Normalise(s.Address)
	return err == nil && a.String() != u.Email
}

// suits says whether a session's connection, as it is now, is one that this login could have come through. A connection
// that was removed or switched off since keeps nobody signed in, and below a hub the session of one realm's person never
// stands for another realm's.
func (e *Engine) suits(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, s *broker.Session) (bool, error) {
	ok, err := e.stillServes(ctx, l, realm, client, s)
	if err != nil || !ok || !realm.Hub || l.IdPHint == "" {
		return ok, err
	}
	// The hint of another realm's connection asks for that realm's person.
	hinted, err := e.hint(ctx, l, realm, client)
	return err == nil && (hinted == nil || hinted.Realm == s.HomeRealm), err
}

// stillServes is suits without regard to the hints.
func (e *Engine) stillServes(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, s *broker.Session) (bool, error) {
	if s.Connection == "" {
		return e.localSuits(l, realm, client, s), nil
	}
	conn, err := e.Config.Connection(ctx, s.Connection)
	if errors.Is(err, broker.ErrNotFound) {
		return false, nil
	}
	return err == nil && conn.Enabled && conn.Realm == s.HomeRealm && e.allowed(l, realm, client, conn.Connection), err
}

// challenge sends the person upstream, or to the page of ours where the upstream's question is asked.
func (e *Engine) challenge(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, conn *registry.Connection) (Step, error) {
	ch, _, err := e.start(ctx, l, realm, client, conn)
	switch {
	case err != nil:
		return Step{}, err
	case len(ch.Fields) > 0:
		return Step{Page: PagePrompt, Connection: conn.Slug, Login: l}, nil
	}
	return Step{Go: &Redirect{URL: ch.URL, Form: ch.Form}, Login: l}, nil
}

// start begins an attempt at a connection; the handle is what comes back with its answer.
func (e *Engine) start(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, conn *registry.Connection) (providers.Challenge, Handle, error) {
	if err := e.open(l, realm, client, conn); err != nil {
		return providers.Challenge{}, Handle{}, err
	}
	conn = onTrialFor(conn, l)
	if conn.Err != nil {
		return providers.Challenge{}, Handle{}, conn.Err
	}
	h, err := e.Handles.newFor(forLogin, l.ID, conn)
	if err != nil {
		return providers.Challenge{}, Handle{}, err
	}
	r := e.request(conn, h)
	r.LoginHint, r.DomainHint, r.UILocales, r.ACR = l.LoginHint, l.DomainHint, l.UILocales, l.ACR
	r.ForceAuthn = l.Fresh || l.MaxAge == 0
	if l.Select {
		r.LoginHint = ""
	}
	ch, err := conn.Provider.Start(ctx, r)
	if err != nil {
		err = e.trouble(ctx, l, conn, err)
	}
	return ch, h, err
}

// open says why a login may not go through a connection, nil where it may.
func (e *Engine) open(l *broker.Login, realm *broker.Realm, client *broker.Client, conn *registry.Connection) error {
	if !e.allowed(l, realm, client, conn.Connection) {
		return fault.New(fault.LoginNotAllowed, "client %q of realm %q, connection %q of realm %q", client.ClientID, realm.Name, conn.Slug, conn.Realm)
	}
	return conn.Off()
}

// request is what a provider is told. The zero Handle, of an answer that nobody asked for, has no form that travels.
func (e *Engine) request(conn *registry.Connection, h Handle) providers.Request {
	if h.LoginID == "" {
		return providers.Request{CallbackURL: conn.Callback}
	}
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
		e.watch(ctx, conn.Connection, f)
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
	return e.tracedFailure(ctx, ev, f, err)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
