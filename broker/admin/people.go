package admin

import (
	"context"
	"time"

	"cloakroom/broker"
)

// ListUsers answers a realm's people.
func (s *Service) ListUsers(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.User], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.User]{}, err
	}
	return page(s.Users.List(ctx, realm, p))
}

// GetUser answers one person of the realm.
func (s *Service) GetUser(ctx context.Context, a Actor, realm, id string) (*broker.User, error) {
	return s.user(ctx, a, realm, id, toRead)
}

func (s *Service) user(ctx context.Context, a Actor, realm, id string, r right) (*broker.User, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Users.Get(ctx, realm, id)
}

// UserPatch is what an operator can change of a person.
type UserPatch struct {
	Blocked  bool `json:"blocked"`
	Excluded bool `json:"excluded"`
}

// UpdateUser blocks a person or excludes one from enforcement. Names and addresses are the identity provider's to say.
// Who is blocked is signed out at once.
func (s *Service) UpdateUser(ctx context.Context, a Actor, realm, id string, m Match, patch []byte) (*broker.User, error) {
	return attempt(m, func() (*broker.User, error) {
		old, err := s.user(ctx, a, realm, id, toOwn)
		if err != nil {
			return nil, err
		}
		doc, err := patched(old, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		u := &broker.User{}
		if err := decode(doc, u); err != nil {
			return nil, err
		}
		changed, err := changes(old, u, nil)
		if err != nil || len(changed) == 0 {
			return old, err
		}
		if err := onlyStanding(changed); err != nil {
			return nil, err
		}
		u.Meta = old.Meta
		return u, s.putUser(ctx, a, old, u, told(changed))
	})
}

// onlyStanding lets an operator change what is an operator's to change.
func onlyStanding(changed []FieldChange) error {
	var p problems
	for _, c := range changed {
		if c.Pointer != "/blocked" && c.Pointer != "/excluded" {
			p.add(c.Pointer, "cannot be changed here: only blocked and excluded can")
		}
	}
	return p.err()
}

func (s *Service) putUser(ctx context.Context, a Actor, old, u *broker.User, detail string) error {
	err := s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Users.Update(ctx, u); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "user.updated", realm: u.Realm, subject: "user:" + u.ID, detail: detail, before: old, after: u})
	})
	if err != nil || !u.Blocked || old.Blocked {
		return err
	}
	return s.EndUser(ctx, u.Realm, u.ID)
}

// DeleteUser signs a person out and forgets them.
func (s *Service) DeleteUser(ctx context.Context, a Actor, realm, id string, m Match) error {
	u, err := s.user(ctx, a, realm, id, toOwn)
	if err != nil {
		return err
	}
	if err := m.check(u.Version); err != nil {
		return err
	}
	if err := s.EndUser(ctx, realm, id); err != nil {
		return err
	}
	return s.remove(ctx, a, change{kind: "user.deleted", realm: realm, subject: "user:" + id, before: u},
		func(ctx context.Context) error { return s.Users.Delete(ctx, realm, id) })
}

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
	found, err := s.session(ctx, a, realm, sid, toOwn)
	if err != nil {
		return err
	}
	if err := s.End(ctx, found); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "session.ended", realm: realm, subject: "session:" + sid, before: sessionView(found)})
}
