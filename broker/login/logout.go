package login

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Ended is told which grants ended with a session, so that their clients can be told (back-channel logout).
type Ended interface {
	NotifyLogout(ctx context.Context, grants []broker.Grant)
}

// UpstreamSessions ends the sessions that came from one upstream session.
type UpstreamSessions interface {
	DeleteByUpstream(ctx context.Context, connection, subject, sessionIndex string) (grants []broker.Grant, n int, err error)
}

// Leave is the way out of an upstream: where the browser goes, and the ID under which it comes back.
type Leave struct {
	ID string
	To Redirect
}

// StartLogout answers how to sign the session's person out upstream; nil where that upstream has no logout, or none that
// works now: signing out here must not depend on it.
func (e *Engine) StartLogout(ctx context.Context, s *broker.Session) (*Leave, error) {
	if s.Upstream.Trial { // the connection's own upstream knows nothing of the session
		return nil, nil
	}
	conn, err := e.Config.Connection(ctx, s.Connection)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	starter, ok := conn.Provider.(providers.LogoutStarter)
	if !ok || conn.Err != nil {
		return nil, nil
	}
	id := broker.NewLoginID()
	h, err := e.Handles.New(id, conn.Slug)
	if err != nil {
		return nil, err
	}
	up := s.Upstream
	ch, ok, err := starter.StartLogout(ctx, e.request(conn, h), providers.Identity{
		Issuer: up.Issuer, Subject: up.Subject, SubjectFormat: up.SubjectFormat, NameQualifier: up.NameQualifier,
		SPNameQualifier: up.SPNameQualifier, SessionIndex: up.SessionIndex, IDToken: up.IDToken,
	}, conn.Callback)
	if err != nil {
		e.Logger.WarnContext(ctx, "logout upstream not possible", "connection", conn.Slug, "error", err)
		return nil, nil
	}
	if !ok {
		return nil, nil
	}
	return &Leave{ID: id, To: Redirect{URL: ch.URL, Form: ch.Form}}, nil
}

// LogoutRequest is what a provider is told when a logout message arrives: of our own request that the message answers,
// if it does.
func (e *Engine) LogoutRequest(conn *registry.Connection, reply providers.Reply) providers.Request {
	if h, ok, err := e.ReadHandle(conn, reply); ok && err == nil {
		return e.request(conn, h)
	}
	return providers.Request{CallbackURL: conn.Callback}
}

// UpstreamLogout ends the sessions here that came from a session which the upstream has ended.
func (e *Engine) UpstreamLogout(ctx context.Context, conn *registry.Connection, subject, sessionIndex string) error {
	grants, _, err := e.Upstream.DeleteByUpstream(ctx, conn.Slug, subject, sessionIndex)
	if err != nil {
		return err
	}
	if len(grants) > 0 {
		e.Ended.NotifyLogout(ctx, grants)
	}
	e.Events.Log(broker.Event{At: e.Now(), Kind: "session.ended_upstream", Realm: conn.Realm, Connection: conn.Slug})
	return nil
}
