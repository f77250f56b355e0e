package login

import (
	"context"
	"errors"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// A connection may have a second configuration on trial, for the people of a list. Which configuration a login was begun
// with is in the purpose of its handle's MAC, so an answer can only ever be checked with that one. Who comes in through
// the one on trial must be on the list, must exist already, and leaves no trace: no link, no profile, no seat. What it
// says of people could otherwise be taken for what the connection's own upstream says.

// Views keeps what a configuration on trial says of people; store.Shadows does.
type Views interface {
	See(ctx context.Context, v *broker.ShadowView) error
}

// InConfiguration is a connection in the configuration that a login was begun with.
func InConfiguration(conn *registry.Connection, shadow bool) (*registry.Connection, error) {
	if shadow == conn.OnTrial() {
		return conn, nil
	}
	if !shadow || conn.Trial == nil {
		return nil, fault.New(fault.ShadowNone, "connection %q", conn.Slug)
	}
	return conn.Trial, nil
}

// onTrialFor is the connection's configuration on trial where the login is of somebody on its list. Operators never come
// in through one: what they may do reaches every tenant.
func onTrialFor(conn *registry.Connection, l *broker.Login) *registry.Connection {
	if conn.Trial == nil || l.ClientID == broker.ConsoleClientID {
		return conn
	}
	a, err := email.Normalise(l.LoginHint)
	if err != nil || !slices.Contains(conn.Trial.People, a.String()) {
		return conn
	}
	return conn.Trial
}

// onTrial finds the person behind an identity of the configuration on trial.
func (e *Engine) onTrial(ctx context.Context, a *arrival) (*broker.User, error) {
	if !slices.Contains(a.conn.People, a.profile.Email) {
		return nil, &fault.Error{Code: fault.ShadowOutside, Detail: "connection " + a.conn.Slug, Observed: a.profile.Email}
	}
	u, err := e.tried(ctx, a)
	v := &broker.ShadowView{
		Connection: a.conn.Slug, Realm: a.conn.Realm, Email: a.profile.Email, At: e.Now(),
		ShadowSeen: broker.ShadowSeen{Subject: a.profile.Subject, Groups: a.profile.Groups, Code: string(fault.CodeOf(err))},
	}
	if e.Views != nil {
		if serr := e.Views.See(ctx, v); serr != nil {
			return nil, serr
		}
	}
	return u, err
}

// tried is the person of the address, whom nobody else's subject may stand for.
func (e *Engine) tried(ctx context.Context, a *arrival) (*broker.User, error) {
	u, err := e.Users.ByEmail(ctx, a.conn.Realm, a.profile.Email)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, fault.New(fault.LoginNotKnown, "%s is not known, and a configuration on trial makes nobody", a.profile.Email)
	}
	if err == nil {
		u, err = e.merged(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	_, other, err := e.Links.Find(ctx, a.conn.Slug, a.profile.Subject)
	switch {
	case err == nil && other.ID != u.ID:
		return nil, fault.New(fault.ShadowOther, "subject %q is user %s, the address is user %s", a.profile.Subject, other.ID, u.ID)
	case errors.Is(err, broker.ErrNotFound):
		if err := a.mayTie(u); err != nil {
			return nil, refusal(err)
		}
	case err != nil:
		return nil, err
	}
	if err := e.enforced(ctx, a, u, nil); err != nil {
		return nil, err
	}
	return u, barred(u)
}

// refusal is the fault of a question that a trial does not ask.
func refusal(err error) error {
	var ask *unconfirmed
	if errors.As(err, &ask) {
		return ask.why
	}
	return err
}
