package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/operator"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// Protocol names the downstream of operators who sign in through a connection of a realm that is open to them. The console
// is one more application: its sign-in goes the road that everybody's goes, with the same rules.
const Protocol = "console"

// ticketFor is how long the way from the sign-in's end back to the console may take.
const ticketFor = 2 * time.Minute

// Brokered is that downstream.
type Brokered struct {
	Operators Operators
	Engine    *login.Engine
	Links     interface {
		ByUser(ctx context.Context, userID string) ([]*broker.Link, error)
	}
	// Parked keeps a value that can be taken once.
	Parked interface {
		Put(ctx context.Context, key string, value []byte, expires time.Time) error
		Take(ctx context.Context, key string) ([]byte, error)
	}
	// Spend takes a login's ID; false if it was taken before.
	Spend   func(ctx context.Context, loginID string) (bool, error)
	BaseURL string
	Now     func() time.Time
}

// brokeredRequest is what the console asked for. Bind is the hash of what only the browser keeps that began the sign-in.
type brokeredRequest struct {
	To   string `json:"to"`
	Bind string `json:"b"`
	IP   string `json:"ip"`
}

// ticket is a finished sign-in on its way to the browser that began it.
type ticket struct {
	brokeredRequest
	Operator string    `json:"o"`
	At       time.Time `json:"at"` // when the person proved who they are
}

// Respond finds the operator whom the sign-in proved and hands the browser a ticket.
func (b *Brokered) Respond(ctx context.Context, r login.Result) (login.Redirect, error) {
	var q brokeredRequest
	if err := json.Unmarshal(r.Login.Request, &q); err != nil {
		return login.Redirect{}, fault.Wrap(fault.Internal, err, "console request")
	}
	proved, err := b.proved(ctx, r)
	if err != nil {
		return login.Redirect{}, err
	}
	o, err := b.Operators.ByUpstream(ctx, proved, q.IP)
	if err != nil {
		return login.Redirect{}, err
	}
	if ok, err := b.Spend(ctx, r.Login.ID); err != nil || !ok {
		return login.Redirect{}, errors.Join(err, fault.New(fault.LoginTaken, "console"))
	}
	v, err := json.Marshal(ticket{brokeredRequest: q, Operator: o.ID, At: r.Session.AuthTime})
	if err != nil {
		return login.Redirect{}, fault.Wrap(fault.Internal, err, "console ticket")
	}
	token := broker.RandomToken(32)
	return login.Redirect{URL: b.BaseURL + "/admin/signin/done/" + token}, b.Parked.Put(ctx, ticketKey(token), v, b.Now().Add(ticketFor))
}

func ticketKey(token string) string { return "console ticket " + token }

// proved is what a finished login says of the person to the console, which is stricter than other applications: a local
// way in proves nothing of an operator, nor does somebody else's realm, nor an account that could be one of two.
func (b *Brokered) proved(ctx context.Context, r login.Result) (operator.Upstream, error) {
	s := r.Session
	switch {
	case !r.Realm.Operators || r.Realm.Hub:
		return operator.Upstream{}, fault.New(fault.OperatorUnproved, "the realm %q is not open to operators", r.Realm.Name)
	case s.Connection == "" || s.HomeRealm != r.Realm.Name:
		return operator.Upstream{}, fault.New(fault.OperatorUnproved, "the sign-in did not come through a connection of the realm %q", r.Realm.Name)
	case s.Upstream.Trial: // the account below would be the one that the connection's own upstream proved
		return operator.Upstream{}, fault.New(fault.OperatorUnproved, "the session came through a configuration on trial of connection %q", s.Connection)
	}
	links, err := b.Links.ByUser(ctx, r.User.ID)
	if err != nil {
		return operator.Upstream{}, err
	}
	links = slices.DeleteFunc(links, func(l *broker.Link) bool { return l.Connection != s.Connection })
	if len(links) != 1 {
		return operator.Upstream{}, fault.New(fault.OperatorUnproved, "user %s has %d accounts at connection %q", r.User.ID, len(links), s.Connection)
	}
	return operator.Upstream{
		Connection: s.Connection, Subject: links[0].Subject, Mutable: links[0].Mutable, Email: r.User.Email, Verified: r.User.EmailVerified,
	}, nil
}

// Deny has nobody to tell.
func (b *Brokered) Deny(context.Context, *broker.Login, error) (login.Redirect, bool) {
	return login.Redirect{}, false
}

// Configuration is a login engine's, with the console among the clients of the realms that are open to operators.
type Configuration struct{ login.Config }

// Client answers a client of a realm.
func (g Configuration) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	if id != broker.ConsoleClientID {
		return g.Config.Client(ctx, realm, id)
	}
	r, err := g.Realm(ctx, realm)
	if err != nil {
		return nil, err
	}
	if !r.Operators {
		return nil, broker.ErrNotFound
	}
	return &broker.Client{ClientID: id, Realm: realm, Protocol: Protocol, DisplayName: "Cloakroom console", Enabled: true}, nil
}

// doors are the realms that operators may sign in through.
func (f *Front) doors(c *web.Ctx) (out []templates.ConsoleWay, err error) {
	names, err := f.Operators.People.Realms(c.Request.Context())
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		r, err := f.Web.Realms.Realm(c.Request.Context(), name)
		if err != nil {
			return nil, err
		}
		out = append(out, templates.ConsoleWay{Realm: r.Name, Label: r.DisplayName})
	}
	return out, nil
}

// brokeredKept is the purpose under which the browser keeps what ties a sign-in to it; one at a time.
const brokeredKept = "console brokered"

// signinConnection begins a sign-in through a connection.
func (f *Front) signinConnection(c *web.Ctx) {
	ctx, p := c.Request.Context(), typedSignin(c)
	realm := c.PostForm("realm")
	names, err := f.Operators.People.Realms(ctx)
	if err == nil && !slices.Contains(names, realm) {
		err = fault.New(fault.OperatorUnproved, "the realm %.70q is not open to operators", realm)
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	bind := broker.RandomToken(32)
	q, err := json.Marshal(brokeredRequest{To: p.To, Bind: broker.HashToken(bind), IP: f.Web.ClientIP(c.Request)})
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.Keep(c.Writer, brokeredKept, []byte(bind), f.Web.Cookies.MaxAge)
	l := &broker.Login{ID: broker.NewLoginID(), Realm: realm, Protocol: Protocol, ClientID: broker.ConsoleClientID, Request: q, Begun: f.Now(), Fresh: p.Again, MaxAge: -1}
	step, err := f.Brokered.Engine.Begin(ctx, login.Start{Login: l, SessionCookie: f.Web.Cookies.Session(c.Request, realm)})
	f.Web.Step(c, l, step, err)
}

// signinDone takes the ticket of a finished sign-in, once, in the browser that began it.
func (f *Front) signinDone(c *web.Ctx) {
	t, err := f.ticket(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	o, err := f.Operators.People.Get(c.Request.Context(), t.Operator)
	if err == nil && o.Disabled {
		err = fault.New(fault.OperatorRefused, "%s is disabled", o.Email)
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.Drop(c.Writer, brokeredKept)
	f.enter(c, o, operator.ByConnection, t.At, local(t.To))
}

func (f *Front) ticket(c *web.Ctx) (t ticket, err error) {
	if err := f.guess(c); err != nil {
		return t, err
	}
	b, err := f.Brokered.Parked.Take(c.Request.Context(), ticketKey(c.Param("ticket")))
	if errors.Is(err, broker.ErrNotFound) {
		return t, fault.New(fault.LoginTaken, "console ticket")
	}
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fault.Wrap(fault.Internal, err, "console ticket")
	}
	bind := broker.HashToken(string(f.Web.Cookies.Kept(c.Request, brokeredKept)))
	if subtle.ConstantTimeCompare([]byte(bind), []byte(t.Bind)) != 1 {
		return t, fault.New(fault.LoginForeign, "another browser began this sign-in to the console")
	}
	return t, nil
}
