package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// How long a sign-in lasts.
const (
	idleFor  = 12 * time.Hour
	lastsFor = 7 * 24 * time.Hour
	freshFor = 15 * time.Minute
	// touchEvery bounds how often using a session costs a write.
	touchEvery = time.Minute
)

// Open signs an operator in: a session and the cookie value that only the browser keeps. at is when the person proved who
// they are.
func (e *Engine) Open(ctx context.Context, o *broker.Operator, way string, at time.Time, who Visitor) (cookie string, err error) {
	now := e.Now()
	if at.After(now) {
		at = now
	}
	cookie = broker.RandomToken(32)
	s := &broker.OperatorSession{
		ID: broker.HashToken(cookie), OperatorID: o.ID, Way: way, RemoteIP: who.IP, UserAgent: strings.ToValidUTF8(who.UserAgent, ""),
		CreatedAt: now, LastSeenAt: now, FreshAt: at, IdleUntil: now.Add(idleFor), ExpiresAt: now.Add(lastsFor),
	}
	return cookie, e.Tx(ctx, func(ctx context.Context) error {
		if err := e.Sessions.CreateSession(ctx, s); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.signed_in", way, who.IP)
	})
}

// Find answers the live session of a cookie with its operator as they are now, nil where there is none, and counts it as
// used. A disabled operator has none.
func (e *Engine) Find(ctx context.Context, cookie string) (*broker.OperatorSession, *broker.Operator, error) {
	if len(cookie) != 43 {
		return nil, nil, nil
	}
	s, o, err := e.Sessions.Session(ctx, broker.HashToken(cookie))
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil, nil
	}
	now := e.Now()
	if err != nil || o.Disabled || !s.Live(now) {
		return nil, nil, err
	}
	if now.Sub(s.LastSeenAt) < touchEvery {
		return s, o, nil
	}
	s.LastSeenAt, s.IdleUntil = now, now.Add(idleFor)
	return s, o, e.Sessions.TouchSession(ctx, s)
}

// Fresh holds that the person proved who they are a short while ago.
func (e *Engine) Fresh(s *broker.OperatorSession) error {
	if e.Now().Sub(s.FreshAt) < freshFor {
		return nil
	}
	return fault.New(fault.OperatorStale, "last confirmed at %s", s.FreshAt.UTC().Format(time.RFC3339))
}

// SignOut ends the session of a cookie, if it has one.
func (e *Engine) SignOut(ctx context.Context, cookie, ip string) error {
	s, o, err := e.Find(ctx, cookie)
	if err != nil || s == nil {
		return err
	}
	return e.End(ctx, o, s.ID, ip)
}

// Browsers lists where an operator is signed in, the newest first.
func (e *Engine) Browsers(ctx context.Context, o *broker.Operator) ([]*broker.OperatorSession, error) {
	all, err := e.Sessions.Sessions(ctx, o.ID)
	var live []*broker.OperatorSession
	for _, s := range all {
		if s.Live(e.Now()) {
			live = append(live, s)
		}
	}
	return live, err
}

// End signs one of an operator's browsers out.
func (e *Engine) End(ctx context.Context, o *broker.Operator, id, ip string) error {
	return e.Tx(ctx, func(ctx context.Context) error {
		err := e.Sessions.EndSession(ctx, o.ID, id)
		if errors.Is(err, broker.ErrNotFound) {
			return nil // it is over, which is all that was asked
		}
		if err != nil {
			return err
		}
		return e.record(ctx, o, "operator.signed_out", "", ip)
	})
}

// EndOthers signs all of an operator's browsers out but that of a session.
func (e *Engine) EndOthers(ctx context.Context, o *broker.Operator, s *broker.OperatorSession, ip string) error {
	return e.Tx(ctx, func(ctx context.Context) error {
		if err := e.Sessions.EndSessions(ctx, o.ID, s.ID); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.signed_out", "all other browsers", ip)
	})
}
