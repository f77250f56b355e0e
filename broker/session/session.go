// Package session keeps who is signed in: one session per browser and realm.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"cloakroom/broker"
)

// Store is what sessions need kept.
type Store interface {
	Create(ctx context.Context, s *broker.Session) error
	Get(ctx context.Context, realm, id string) (*broker.Session, error)
	Touch(ctx context.Context, id string, lastSeen, idleUntil time.Time) error
	// Delete ends a session, revokes its grants that do not outlive it, and answers them.
	Delete(ctx context.Context, id string) ([]broker.Grant, error)
}

// Manager opens, finds and ends sessions.
type Manager struct {
	Store  Store
	Realms interface {
		Realm(ctx context.Context, name string) (*broker.Realm, error)
	}
	Now func() time.Time
}

// touchEvery bounds how often using a session costs a write.
const touchEvery = time.Minute

// HashCookie is the session's ID: what the database knows of the cookie.
func HashCookie(value string) string {
	h := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// New makes a session and the cookie value that only the browser keeps. ends, if not zero, is an earlier hard end that
// the upstream set (SessionNotOnOrAfter).
func (m *Manager) New(ctx context.Context, realm *broker.Realm, s *broker.Session, ends time.Time) (cookie string, err error) {
	now := m.Now()
	cookie = broker.RandomToken(32)
	s.ID, s.SID = HashCookie(cookie), broker.RandomToken(16)
	s.Realm, s.CreatedAt, s.LastSeenAt = realm.Name, now, now
	s.ExpiresAt, s.IdleUntil = now.Add(realm.Sessions.Max.D()), now.Add(realm.Sessions.Idle.D())
	if !ends.IsZero() && ends.Before(s.ExpiresAt) {
		s.ExpiresAt = ends
	}
	return cookie, m.Store.Create(ctx, s)
}

// Find answers the live session of a cookie, nil if there is none, and counts it as used.
func (m *Manager) Find(ctx context.Context, realm, cookie string) (*broker.Session, error) {
	if len(cookie) != 43 {
		return nil, nil
	}
	s, err := m.Get(ctx, realm, HashCookie(cookie))
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return s, err
}

// Get answers a live session by its ID and counts it as used: an application that refreshes its tokens keeps the session
// from falling idle, as it does at Keycloak. broker.ErrNotFound where it is over or of another realm.
func (m *Manager) Get(ctx context.Context, realm, id string) (*broker.Session, error) {
	s, err := m.Store.Get(ctx, realm, id)
	if err != nil {
		return nil, err
	}
	now := m.Now()
	if s.Realm != realm || !s.Live(now) {
		return nil, broker.ErrNotFound
	}
	if now.Sub(s.LastSeenAt) < touchEvery {
		return s, nil
	}
	r, err := m.Realms.Realm(ctx, realm)
	if err != nil {
		return nil, err
	}
	s.LastSeenAt, s.IdleUntil = now, now.Add(r.Sessions.Idle.D())
	return s, m.Store.Touch(ctx, s.ID, s.LastSeenAt, s.IdleUntil)
}

// End signs a session out and answers the grants that ended with it, so that their clients can be told.
func (m *Manager) End(ctx context.Context, realm, id string) ([]broker.Grant, error) {
	if _, err := m.Store.Get(ctx, realm, id); err != nil {
		return nil, err
	}
	return m.Store.Delete(ctx, id)
}
