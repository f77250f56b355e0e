package login

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// parkFor is how long a verified answer waits for the browser to come back with its cookie.
const parkFor = 2 * time.Minute

// ReadHandle finds and checks the handle of an answer. ok is false where the answer carries none (an answer nobody asked
// for, or no answer at all).
func (e *Engine) ReadHandle(conn *registry.Connection, reply providers.Reply) (h Handle, ok bool, err error) {
	if conn.Err != nil {
		return Handle{}, false, conn.Err
	}
	var s string
	if f, is := conn.Provider.(providers.HandleFinder); is {
		s = f.Handle(reply)
	}
	if s == "" {
		return Handle{}, false, nil
	}
	h, err = e.Handles.Read(s, conn.Slug)
	return h, true, err
}

// verify asks the provider what the answer says. r is what the provider is told; only what was typed on a page of ours
// brings an Admit, and a connection that asks there takes nothing else.
func (e *Engine) verify(ctx context.Context, conn *registry.Connection, h Handle, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	if conn.Prompts() != (r.Admit != nil) {
		return providers.Identity{}, fault.New(fault.LoginNoMessage, "connection %q asks on a page of ours", conn.Slug)
	}
	if h.Test {
		return providers.Identity{}, fault.New(fault.Internal, "the answer to a test login came to where people sign in")
	}
	if h.Shadow != conn.OnTrial() {
		return providers.Identity{}, fault.New(fault.Internal, "an answer came to another configuration than its login was begun with")
	}
	if err := conn.Off(); err != nil {
		return providers.Identity{}, err
	}
	idn, err := conn.Provider.Finish(ctx, r, reply)
	if err != nil {
		if !conn.Prompts() { // what a person typed is nobody's to read
			heard(ctx, conn, reply)
		}
		return providers.Identity{}, err
	}
	passed(ctx, "verified", "")
	if (h.LoginID == "") != idn.Unsolicited {
		return providers.Identity{}, fault.New(fault.Internal, "provider confused an unsolicited answer with an asked one")
	}
	return idn, nil
}

// Receive finishes a login whose answer came together with the browser's cookie. cookie is the login found in it.
func (e *Engine) Receive(ctx context.Context, l *broker.Login, conn *registry.Connection, h Handle, reply providers.Reply) (Step, error) {
	if l.ID != h.LoginID {
		return Step{}, fault.New(fault.LoginForeign, "the cookie is of login %s, the answer of %s", l.Ref(), broker.RefOf(h.LoginID))
	}
	ctx = e.tracing(ctx, l, h)
	conn, err := InConfiguration(conn, h.Shadow)
	if err != nil {
		return Step{}, err
	}
	idn, err := e.verify(ctx, conn, h, e.request(conn, h), reply)
	return e.verified(ctx, l, conn, idn, err)
}

// verified goes on with what verify answered.
func (e *Engine) verified(ctx context.Context, l *broker.Login, conn *registry.Connection, idn providers.Identity, err error) (Step, error) {
	if err != nil {
		return e.failed(ctx, l, conn, err)
	}
	if err := e.once(ctx, conn, idn); err != nil {
		return e.failed(ctx, l, conn, err)
	}
	return e.finish(ctx, l, conn, idn)
}

// parked is a verified answer on its way from a cross-site POST to a request with the cookie.
type parked struct {
	LoginID    string             `json:"l,omitempty"` // "" for an unsolicited answer
	Connection string             `json:"c"`
	Realm      string             `json:"r"`           // the connection's, when it verified the answer
	Shadow     bool               `json:"w,omitempty"` // the configuration on trial verified it
	Identity   providers.Identity `json:"i"`
	Steps      []broker.TraceStep `json:"s,omitempty"`
}

// Park verifies an answer that came by cross-site POST, which carries no cookie, and keeps it for the request that will.
// It answers the key of that request. h is zero for an unsolicited answer.
func (e *Engine) Park(ctx context.Context, conn *registry.Connection, h Handle, reply providers.Reply) (string, error) {
	ctx = e.tracing(ctx, nil, h)
	conn, err := InConfiguration(conn, h.Shadow)
	if err != nil {
		return "", err
	}
	idn, err := e.verify(ctx, conn, h, e.request(conn, h), reply)
	if err != nil {
		return "", e.trouble(ctx, e.loginOf(h, conn), conn, err)
	}
	b, err := json.Marshal(parked{LoginID: h.LoginID, Connection: conn.Slug, Realm: conn.Realm, Shadow: h.Shadow, Identity: idn, Steps: stepsOf(ctx)})
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "parking an identity")
	}
	key := broker.RandomToken(24)
	ok, err := e.Waiting.Park(ctx, key, b, e.Now().Add(parkFor), conn.Slug, idn.Once)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", e.trouble(ctx, e.loginOf(h, conn), conn, fault.New(fault.SAMLReplayed, "assertion seen before"))
	}
	return key, nil
}

// loginOf is the little that is known of a login without its cookie, for log and trace.
func (e *Engine) loginOf(h Handle, conn *registry.Connection) *broker.Login {
	if h.LoginID == "" {
		return nil
	}
	return &broker.Login{ID: h.LoginID, Realm: conn.Realm}
}

// Resume finishes a login whose answer was parked. find answers the browser's login of an ID, nil if it has none.
func (e *Engine) Resume(ctx context.Context, key string, find func(loginID string) (l *broker.Login, done bool)) (Step, error) {
	b, err := e.Waiting.Unpark(ctx, key)
	if errors.Is(err, broker.ErrNotFound) {
		return Step{}, fault.New(fault.LoginTaken, "no answer waits under this key")
	}
	if err != nil {
		return Step{}, err
	}
	var p parked
	if err := json.Unmarshal(b, &p); err != nil {
		return Step{}, fault.Wrap(fault.Internal, err, "parked identity")
	}
	conn, err := e.Config.Connection(ctx, p.Connection)
	if err != nil {
		return Step{}, err
	}
	ctx = e.retracing(ctx, p.Steps)
	if err := sameRealm(conn, p.Realm); err != nil {
		return e.failed(ctx, nil, conn, err)
	}
	if conn, err = InConfiguration(conn, p.Shadow); err != nil {
		return Step{}, err
	}
	if p.LoginID == "" {
		return e.unsolicited(ctx, conn, p.Identity)
	}
	l, done := find(p.LoginID)
	if done {
		return Step{}, e.trouble(ctx, &broker.Login{ID: p.LoginID, Realm: conn.Realm}, conn, fault.New(fault.LoginTaken, "this browser has finished the login already"))
	}
	begun(ctx, l)
	if l == nil {
		return Step{}, e.trouble(ctx, &broker.Login{ID: p.LoginID, Realm: conn.Realm}, conn, fault.New(fault.LoginForeign, "the browser sent no cookie of this login"))
	}
	if l.ID != p.LoginID {
		return Step{}, fault.New(fault.LoginForeign, "cookie and answer differ")
	}
	return e.finish(ctx, l, conn, p.Identity)
}

// sameRealm holds that a slug still names a connection of the realm whose identity provider was believed: slugs can be
// given away, and what one tenant's provider said must not be judged as another's.
func sameRealm(conn *registry.Connection, realm string) error {
	if conn.Realm != realm {
		return fault.New(fault.LoginMisrouted, "connection %q has gone to another realm since it verified the answer", conn.Slug)
	}
	return nil
}

// unsolicited begins and finishes a login that the identity provider started.
func (e *Engine) unsolicited(ctx context.Context, conn *registry.Connection, idn providers.Identity) (Step, error) {
	realm, err := e.Config.Realm(ctx, conn.Realm)
	if err != nil {
		return Step{}, err
	}
	if realm.DefaultClientID == "" {
		return Step{}, e.trouble(ctx, nil, conn, fault.New(fault.LoginNoClient, "realm %q", realm.Name))
	}
	l := &broker.Login{ID: broker.NewLoginID(), Realm: realm.Name, ClientID: realm.DefaultClientID, Protocol: "direct", Begun: e.Now(), MaxAge: -1}
	return e.finish(ctx, l, conn, idn)
}

func (e *Engine) once(ctx context.Context, conn *registry.Connection, idn providers.Identity) error {
	if len(idn.Once) == 0 {
		return nil
	}
	ok, err := e.Waiting.Once(ctx, conn.Slug, idn.Once)
	if err == nil && !ok {
		err = fault.New(fault.SAMLReplayed, "assertion seen before")
	}
	return err
}

// failed ends a login whose answer was refused: the application hears of it where the person simply stopped, otherwise
// the person gets a page that says what is wrong.
func (e *Engine) failed(ctx context.Context, l *broker.Login, conn *registry.Connection, err error) (Step, error) {
	return Step{}, e.trouble(ctx, l, conn, err)
}

// finish turns a verified identity into a session and answers the application.
func (e *Engine) finish(ctx context.Context, l *broker.Login, conn *registry.Connection, idn providers.Identity) (Step, error) {
	return e.complete(ctx, &arrival{login: l, conn: conn, idn: idn})
}

// complete is finish, with what is known of the identity beyond itself.
func (e *Engine) complete(ctx context.Context, a *arrival) (Step, error) {
	l, conn, idn := a.login, a.conn, a.idn
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	if err := conn.Off(); err != nil { // switched off while the answer waited for the browser, or for a code
		return e.failed(ctx, l, conn, err)
	}
	if !e.allowed(l, realm, client, conn.Connection) {
		return e.failed(ctx, l, conn, fault.New(fault.LoginNotAllowed, "client %q of realm %q, connection %q of realm %q", client.ClientID, realm.Name, conn.Slug, conn.Realm))
	}
	if a.confirmed == "" { // else it was fresh enough when it came
		if err := e.freshEnough(l, idn); err != nil {
			return e.failed(ctx, l, conn, err)
		}
	}
	a.realm, a.client = realm, client
	if a.home, err = e.Config.Realm(ctx, conn.Realm); err != nil {
		return Step{}, err
	}
	u, err := e.person(ctx, a)
	if ask := (*unconfirmed)(nil); errors.As(err, &ask) {
		step, aerr := e.askToConfirm(ctx, a, ask)
		if aerr == nil {
			return step, nil
		}
		err = aerr
	}
	if err != nil {
		return e.failed(ctx, l, conn, err)
	}
	passed(ctx, "person found", "")
	if e.Seen != nil && !conn.OnTrial() {
		e.Seen.Note(conn, u.ID, idn)
	}
	s := e.session(conn, u, idn)
	cookie, err := e.Sessions.New(ctx, realm, s, idn.SessionUntil)
	if err != nil {
		return Step{}, err
	}
	step, err := e.respond(ctx, Result{Login: l, Realm: realm, Client: client, Session: s, User: u})
	if err != nil {
		return Step{}, err
	}
	step.Session = &NewSession{Session: s, Cookie: cookie}
	passed(ctx, "answered", l.Protocol)
	e.traced(ctx, broker.Trace{Realm: conn.Realm, Ref: l.Ref(), Connection: conn.Slug, Client: l.ClientID, UserID: u.ID, Email: u.Email, Outcome: "succeeded"})
	e.Events.Log(broker.Event{
		At: e.Now(), Kind: "login.succeeded", Realm: conn.Realm, Ref: l.Ref(), Connection: conn.Slug, Client: l.ClientID, UserID: u.ID, Email: u.Email,
	})
	return step, nil
}

// freshSlack is how much older than the login an authentication may be that was asked to be fresh: the clocks' skew.
const freshSlack = 2 * time.Minute

// freshEnough holds the upstream to prompt=login and max_age, as far as it says when it asked the person.
func (e *Engine) freshEnough(l *broker.Login, idn providers.Identity) error {
	if idn.AuthTime.IsZero() {
		return nil
	}
	oldest := time.Time{}
	if l.MaxAge >= 0 {
		oldest = e.Now().Add(-l.MaxAge)
	}
	if (l.Fresh || l.MaxAge == 0) && l.Begun.After(oldest) {
		oldest = l.Begun
	}
	if !oldest.IsZero() && idn.AuthTime.Before(oldest.Add(-freshSlack)) {
		return fault.New(fault.LoginUpstreamStale, "the person was asked at %s, needed is %s or later", idn.AuthTime.UTC().Format(time.RFC3339), oldest.UTC().Format(time.RFC3339))
	}
	return nil
}

// session is what the identity makes: when and how the person was asked, and what logout upstream will need.
func (e *Engine) session(conn *registry.Connection, u *broker.User, idn providers.Identity) *broker.Session {
	at := idn.AuthTime
	if now := e.Now(); at.IsZero() || at.After(now) {
		at = now
	}
	s := &broker.Session{
		HomeRealm: conn.Realm, UserID: u.ID, Connection: conn.Slug,
		AuthTime: at.Truncate(time.Second), ACR: idn.ACR, AMR: idn.AMR,
	}
	if conn.OnTrial() {
		s.Upstream.Trial = true // the connection's own upstream knows nothing of this session and must not end it
		return s
	}
	s.Upstream = broker.UpstreamSession{
		Issuer: idn.Issuer, Subject: idn.Subject, SubjectFormat: idn.SubjectFormat,
		NameQualifier: idn.NameQualifier, SPNameQualifier: idn.SPNameQualifier,
		SessionIndex: idn.SessionIndex, IDToken: idn.IDToken,
	}
	return s
}
