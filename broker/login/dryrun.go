package login

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// What would become of somebody.
const (
	WouldCreate = "create"
	WouldLink   = "link"
	WouldSignIn = "sign_in"
	WouldRefuse = "refuse"
)

// Rehearsal is what a sign-in with an identity would come to.
type Rehearsal struct {
	Profile broker.Profile
	Sources []claims.Source
	Email   error // what is wrong with the address, nil if it may sign in
	Mapping error // what is wrong with the rest of the profile
	Person  error // what refuses the person
	Outcome string
	Why     string // one sentence
}

// OK says that the person would come in.
func (r Rehearsal) OK() bool { return r.Email == nil && r.Mapping == nil && r.Person == nil }

// Rehearse says what would become of an identity at its connection. It goes the way of person and writes nothing: no user,
// no link, no use of an invitation, no seat.
func (e *Engine) Rehearse(ctx context.Context, conn *registry.Connection, idn providers.Identity) (Rehearsal, error) {
	home, err := e.Config.Realm(ctx, conn.Realm)
	if err != nil {
		return Rehearsal{}, err
	}
	a := &arrival{login: &broker.Login{Realm: conn.Realm}, realm: home, home: home, conn: conn, idn: idn}
	r := Rehearsal{Outcome: WouldRefuse, Sources: claims.Sources(idn, conn.Connection, conn.Recipe)}
	a.profile, err = claims.Normalise(idn, conn.Connection, conn.Recipe)
	r.Profile = a.profile
	if err != nil {
		r.place(err)
		return r, outage(err)
	}
	if a.verdict, err = e.judge(ctx, home, conn, a.profile); err != nil {
		r.place(err)
		return r, outage(err)
	}
	if r.Person = e.admitted(ctx, a); r.Person == nil {
		r.Outcome, r.Why, r.Person = e.foresee(ctx, a)
	}
	if r.Person != nil {
		r.Outcome, r.Why = WouldRefuse, fault.Lookup(fault.CodeOf(r.Person)).Cause
	}
	return r, outage(r.Person)
}

// place sorts a fault of the profile: the address has a check of its own.
func (r *Rehearsal) place(err error) {
	c := fault.CodeOf(err)
	r.Why = fault.Lookup(c).Cause
	if c == fault.SubjectMissing || c == fault.SubjectInvalid {
		r.Mapping = err
		return
	}
	r.Email = err
}

// outage is an error that says nothing about the person: the database is away.
func outage(err error) error {
	if c := fault.CodeOf(err); c == fault.Internal || c == fault.Unavailable {
		return err
	}
	return nil
}

// foresee is person without its writes.
func (e *Engine) foresee(ctx context.Context, a *arrival) (outcome, why string, err error) {
	_, u, err := e.Links.Find(ctx, a.conn.Slug, a.profile.Subject)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return e.foreseeFirst(ctx, a)
	case err != nil:
		return "", "", err
	case u.Blocked:
		return "", "", fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	if err := e.enforced(ctx, a, u, nil); err != nil {
		return "", "", err
	}
	if err := e.directoryAllows(ctx, a, u); err != nil {
		return "", "", err
	}
	if _, err := e.addressOf(ctx, u, a.profile.Email); err != nil {
		return "", "", err
	}
	return WouldSignIn, "The person is known by this connection's subject.", e.foreseeEntry(ctx, a, u)
}

// foreseeEntry is what enter would say of a known person.
func (e *Engine) foreseeEntry(ctx context.Context, a *arrival, u *broker.User) error {
	i, err := e.standing(ctx, a)
	if err != nil {
		return err
	}
	next := *u
	if u.Status == broker.StatusHeld || u.Status == broker.StatusPending && (i != nil || !a.home.Approval) {
		if next.Status, err = e.foreseeSeat(ctx, a.home); err != nil {
			return err
		}
	}
	return barred(&next)
}

// foreseeSeat is seat without taking one.
func (e *Engine) foreseeSeat(ctx context.Context, home *broker.Realm) (status string, err error) {
	undo := errors.New("a rehearsal takes no seat")
	err = e.atomically(ctx, func(ctx context.Context) error {
		if status, err = e.seat(ctx, home); err != nil {
			return err
		}
		return undo
	})
	if errors.Is(err, undo) {
		err = nil
	}
	return status, err
}

// foreseeFirst is firstTime.
func (e *Engine) foreseeFirst(ctx context.Context, a *arrival) (outcome, why string, err error) {
	i, err := e.standing(ctx, a)
	if err != nil {
		return "", "", err
	}
	u, err := e.here(ctx, a)
	if errors.Is(err, broker.ErrNotFound) {
		return e.foreseeNew(ctx, a, i)
	}
	if err == nil {
		err = e.enforced(ctx, a, u, i)
	}
	if err == nil {
		u, err = e.merged(ctx, u)
	}
	if err != nil {
		return "", "", err
	}
	if u.Blocked {
		return "", "", fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	if _, err := e.freeOf(ctx, a.conn, u, a.profile.Subject); err != nil {
		return "", "", err
	}
	if err := e.directoryAllows(ctx, a, u); err != nil {
		return "", "", err
	}
	why = "Somebody with this address is here already; the two are tied together."
	if a.vouched == u.ID {
		why = "The connection's directory knows this person by the identity's stable subject; the two are tied together."
	}
	if err := a.mayTie(u); err != nil {
		ask := (*unconfirmed)(nil)
		if !errors.As(err, &ask) || e.Post == nil || !e.Post.Configured() {
			return "", "", err
		}
		why = "Somebody with this address is here already; a code is mailed to the address before the two are tied together."
	}
	return WouldLink, why, e.foreseeEntry(ctx, a, u)
}

// foreseeNew is what becomes of somebody whom nobody knows.
func (e *Engine) foreseeNew(ctx context.Context, a *arrival, i *broker.Invite) (outcome, why string, err error) {
	if err := e.enforced(ctx, a, nil, i); err != nil {
		return "", "", err
	}
	switch {
	case a.conn.Provisioning == "automatic", a.conn.Provisioning == "invite" && i != nil:
	case a.conn.Provisioning == "invite":
		return "", "", fault.New(fault.LoginNotInvited, "%s has no invitation", a.profile.Email)
	default:
		return "", "", fault.New(fault.LoginNotKnown, "%s is not known", a.profile.Email)
	}
	status := broker.StatusPending
	if !a.home.Approval || i != nil {
		if status, err = e.foreseeSeat(ctx, a.home); err != nil {
			return "", "", err
		}
	}
	switch status {
	case broker.StatusPending:
		return WouldCreate, "Nobody has this address yet; the person is made and waits for approval.", nil
	case broker.StatusHeld:
		return WouldCreate, "Nobody has this address yet; the person is made and waits for a seat.", nil
	}
	return WouldCreate, "Nobody has this address yet; the person is made at the first sign-in.", nil
}

// TestRequest begins a test login upstream: the handle that travels and what the provider is asked.
func (e *Engine) TestRequest(loginID string, conn *registry.Connection) (providers.Request, error) {
	h, err := e.Handles.newFor(forTest, loginID, conn)
	if err != nil {
		return providers.Request{}, err
	}
	return e.request(conn, h), nil
}

// Tested is the provider's request again, for the answer to a test login.
func (e *Engine) Tested(conn *registry.Connection, h Handle) providers.Request {
	return e.request(conn, h)
}

// Spend takes the marks of a test login's answer, which no sign-in may use either.
func (e *Engine) Spend(ctx context.Context, conn *registry.Connection, idn providers.Identity) error {
	return e.once(ctx, conn, idn)
}
