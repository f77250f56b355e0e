package admin

import (
	"context"
	"time"

	"cloakroom/broker"
)

// Session is what operators see of a session: nothing of it can be used to take it over.
type Session struct {
	ID         string    `json:"id"` // the sid of its tokens
	Realm      string    `json:"realm"`
	HomeRealm  string    `json:"home_realm"`
	UserID     string    `json:"user_id"`
	Connection string    `json:"connection"`
	AuthTime   time.Time `json:"auth_time"`
	ACR        string    `json:"acr"`
	AMR        []string  `json:"amr"`
	UserAgent  string    `json:"user_agent"`
	LastSeenAt time.Time `json:"last_seen_at"`
	IdleUntil  time.Time `json:"idle_until"`
	ExpiresAt  time.Time `json:"expires_at"`
	broker.Meta
}

func sessionView(s *broker.Session) *Session {
	amr := s.AMR
	if amr == nil {
		amr = []string{}
	}
	return &Session{
		ID: s.SID, Realm: s.Realm, HomeRealm: s.HomeRealm, UserID: s.UserID, Connection: s.Connection,
		AuthTime: s.AuthTime, ACR: s.ACR, AMR: amr, UserAgent: s.UserAgent, LastSeenAt: s.LastSeenAt,
		IdleUntil: s.IdleUntil, ExpiresAt: s.ExpiresAt,
		Meta: broker.Meta{CreatedAt: s.CreatedAt, UpdatedAt: s.LastSeenAt, Version: 1},
	}
}

// ListSessions answers who is signed in to a realm's applications.
func (s *Service) ListSessions(ctx context.Context, a Actor, realm string, f SessionFilter, p broker.Page) (Page[*Session], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*Session]{}, err
	}
	items, next, err := s.FindSessions(ctx, realm, f, p)
	views := make([]*Session, 0, len(items))
	for _, item := range items {
		views = append(views, sessionView(item))
	}
	return page(views, next, err)
}

// GetSession answers one session.
func (s *Service) GetSession(ctx context.Context, a Actor, realm, sid string) (*Session, error) {
	found, err := s.session(ctx, a, realm, sid, toRead)
	if err != nil {
		return nil, err
	}
	return sessionView(found), nil
}

func (s *Service) session(ctx context.Context, a Actor, realm, sid string, r right) (*broker.Session, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if sid == "" || len(sid) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Sessions.BySID(ctx, realm, sid)
}

// EndSession signs a person out everywhere that the session reached.
func (s *Service) EndSession(ctx context.Context, a Actor, realm, sid string) error {
	found, err := s.session(ctx, a, realm, sid, toSupport)
	if err != nil {
		return err
	}
	if err := s.End(ctx, found); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "session.ended", realm: realm, subject: "session:" + sid, before: sessionView(found)})
}
