package main

import (
	"context"
	"errors"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/op"
	"cloakroom/broker/session"
	"cloakroom/providers"
	"cloakroom/store"
	"cloakroom/store/flow"
)

// The engines declare what they need; the store has it in its own words. These few lines stand between.

// waiting is the store as login.Waiting.
type waiting struct{ s *store.Store }

func (w waiting) Park(ctx context.Context, key string, value []byte, expires time.Time, connection string, once []providers.Once) (bool, error) {
	return w.s.Parked.Park(ctx, key, value, expires, connection, flowMarks(once))
}

func (w waiting) Unpark(ctx context.Context, key string) ([]byte, error) {
	return w.s.Parked.Take(ctx, key)
}

func (w waiting) Once(ctx context.Context, connection string, once []providers.Once) (bool, error) {
	return w.s.Marks.Take(ctx, connection, flowMarks(once))
}

func flowMarks(once []providers.Once) []flow.Mark {
	out := make([]flow.Mark, len(once))
	for i, o := range once {
		out[i] = flow.Mark(o)
	}
	return out
}

// marks is the store's marks, one at a time.
type marks struct{ *flow.Marks }

func (m marks) Take(ctx context.Context, space, id string, until time.Time) (bool, error) {
	return m.Marks.Take(ctx, space, []flow.Mark{{ID: id, Until: until}})
}

// Spend marks a login that ends without a grant as over.
func (m marks) Spend(ctx context.Context, loginID string) (bool, error) {
	return m.Take(ctx, "login", loginID, time.Now().Add(2*loginAge))
}

// rotator is the store's grants with op's word for what became of a refresh token.
type rotator struct{ g *flow.Grants }

func (r rotator) Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, expires time.Time) (*broker.Grant, op.Rotation, error) {
	g, out, err := r.g.Rotate(ctx, id, presented, now, grace, expires)
	return g, op.Rotation(out), err
}

// enabled reports whether a connection still takes people.
func (in *installation) enabled(ctx context.Context, slug string) (bool, error) {
	c, err := in.registry.Connection(ctx, slug)
	if errors.Is(err, broker.ErrNotFound) {
		return false, nil
	}
	return err == nil && c.Enabled, err
}

// notifier tells applications that a session is over.
type notifier interface {
	NotifyLogout(ctx context.Context, grants []broker.Grant)
}

func (in *installation) ender(m *session.Manager, n notifier) func(context.Context, *broker.Session) error {
	return func(ctx context.Context, s *broker.Session) error {
		grants, err := m.End(ctx, s.Realm, s.ID)
		if err == nil {
			n.NotifyLogout(ctx, grants)
		}
		return err
	}
}

// scopeEnder signs people out everywhere, tells the applications, and revokes what was granted for offline use.
func (in *installation) scopeEnder(n notifier) func(context.Context, flow.Scope) (int, error) {
	return func(ctx context.Context, scope flow.Scope) (int, error) {
		ended, err := in.store.Sessions.End(ctx, scope, func(grants []broker.Grant) { n.NotifyLogout(ctx, grants) })
		if err != nil {
			return ended, err
		}
		_, err = in.store.Grants.RevokeScope(ctx, scope)
		return ended, err
	}
}
