// Package flow keeps what expires: sessions, grants (codes and refresh tokens), marks against replay, parked answers. Its
// verbs are atomic and mostly one statement each, and each knows its own work again when a connection to PostgreSQL was
// lost and it cannot be told whether the statement happened.
package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Sessions keeps who is signed in where.
type Sessions struct {
	db   *engine.DB
	seal seal.Sealer
}

// NewSessions is for store.Open.
func NewSessions(db *engine.DB, s seal.Sealer) *Sessions { return &Sessions{db, s} }

type sessionRow struct {
	broker.Session
	upstream                                         []byte
	amr                                              string
	authTime, created, lastSeen, expires, idle, ends int64
	upSubject, upIndex                               string
}

const sessionColumns = "id, sid, realm, home_realm, user_id, connection, upstream, auth_time, acr, amr, created_at, last_seen_at, expires_at, idle_until, user_agent"

func (r *sessionRow) dest() []any {
	return []any{&r.ID, &r.SID, &r.Realm, &r.HomeRealm, &r.UserID, &r.Connection, &r.upstream, &r.authTime, &r.ACR, &r.amr, &r.created, &r.lastSeen, &r.expires, &r.idle, &r.UserAgent}
}

func sessionAAD(id string) []byte { return []byte("session:" + id) }

func (s *Sessions) rowOf(v *broker.Session) (*sessionRow, error) {
	up, err := json.Marshal(v.Upstream)
	if err != nil {
		return nil, err
	}
	amr, err := engine.Doc(v.AMR)
	r := &sessionRow{
		Session: *v, upstream: s.seal.Seal(up, sessionAAD(v.ID)), amr: amr,
		authTime: engine.Micro(v.AuthTime), created: engine.Micro(v.CreatedAt), lastSeen: engine.Micro(v.LastSeenAt),
		expires: engine.Micro(v.ExpiresAt), idle: engine.Micro(v.IdleUntil),
		upSubject: upstreamKey(v.Connection, "subject", v.Upstream.Subject), upIndex: upstreamKey(v.Connection, "index", v.Upstream.SessionIndex),
	}
	r.ends = min(r.expires, r.idle)
	return r, err
}

// upstreamKey is what a logout of the upstream finds a session by.
func upstreamKey(connection, what, value string) string {
	if value == "" {
		return ""
	}
	return engine.Digest(connection, what, value)
}

func (s *Sessions) thing(r *sessionRow) (*broker.Session, error) {
	v := &r.Session
	v.AuthTime, v.CreatedAt, v.LastSeenAt = engine.Time(r.authTime), engine.Time(r.created), engine.Time(r.lastSeen)
	v.ExpiresAt, v.IdleUntil = engine.Time(r.expires), engine.Time(r.idle)
	up, err := s.seal.Open(r.upstream, sessionAAD(v.ID))
	if err == nil {
		err = errors.Join(json.Unmarshal(up, &v.Upstream), json.Unmarshal([]byte(r.amr), &v.AMR))
	}
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return v, nil
}

// Create stores a new session.
func (s *Sessions) Create(ctx context.Context, v *broker.Session) error {
	r, err := s.rowOf(v)
	if err != nil {
		return err
	}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		n, err := q.Exec(ctx, "INSERT INTO sessions ("+sessionColumns+", up_subject, up_index, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			r.ID, r.SID, r.Realm, r.HomeRealm, r.UserID, r.Connection, r.upstream, r.authTime, r.ACR, r.amr, r.created, r.lastSeen, r.expires, r.idle, engine.Text(r.UserAgent, 512),
			r.upSubject, r.upIndex, r.ends)
		// The ID is a hash of random bits, so what the second try meets is what the first one wrote.
		if err == nil && n == 0 && !again {
			err = broker.ErrExists
		}
		return err
	})
}

// Get finds a session of a realm, living or not.
func (s *Sessions) Get(ctx context.Context, realm, id string) (*broker.Session, error) {
	return s.one(ctx, "id = ? AND realm = ?", id, realm)
}

// BySID finds a session of a realm by its public name.
func (s *Sessions) BySID(ctx context.Context, realm, sid string) (*broker.Session, error) {
	return s.one(ctx, "sid = ? AND realm = ?", sid, realm)
}

func (s *Sessions) one(ctx context.Context, where string, args ...any) (*broker.Session, error) {
	r := &sessionRow{}
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE "+where, args, r.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return s.thing(r)
}

// Touch notes a use. It only ever moves forward, so late ones do no harm.
func (s *Sessions) Touch(ctx context.Context, id string, lastSeen, idleUntil time.Time) error {
	seen, idle := engine.Micro(lastSeen), engine.Micro(idleUntil)
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "UPDATE sessions SET last_seen_at = ?, idle_until = ?, ends_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END WHERE id = ? AND last_seen_at < ?",
			seen, idle, idle, idle, id, seen)
		return err
	})
}

// Filter narrows a list of sessions.
type Filter struct {
	UserID     string
	Connection string
}

// List gives a realm's sessions that have not ended, by user.
func (s *Sessions) List(ctx context.Context, realm string, f Filter, p broker.Page) ([]*broker.Session, string, error) {
	after, err := engine.Keys(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	where, args := "realm = ? AND ends_at > ?", []any{realm, engine.Micro(s.db.Clock())}
	add := func(cond string, a ...any) { where, args = where+" AND "+cond, append(args, a...) }
	if f.UserID != "" {
		add("user_id = ?", f.UserID)
	}
	if f.Connection != "" {
		add("connection = ?", f.Connection)
	}
	if after != nil {
		add("(user_id, id) > (?, ?)", after[0], after[1])
	}
	var rows []*sessionRow
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE "+where+" ORDER BY user_id, id LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			r := &sessionRow{}
			rows = append(rows, r)
			return scan(r.dest()...)
		})
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > p.Size() {
		rows = rows[:p.Size()]
		next = engine.Cursor(rows[len(rows)-1].UserID, rows[len(rows)-1].ID)
	}
	out := make([]*broker.Session, len(rows))
	for i, r := range rows {
		if out[i], err = s.thing(r); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// Delete ends a session. The grants made in it are revoked, but for those with offline_access; all of them are answered,
// with what logout needs to tell the clients (no secret). A session that is gone already has none.
func (s *Sessions) Delete(ctx context.Context, id string) ([]broker.Grant, error) {
	grants, _, err := s.end(ctx, "id = ?", id)
	return grants, err
}

// DeleteByUpstream ends what an upstream's logout names: the session of an index, of a subject and an index, or all of a
// subject. It answers the grants, as Delete does, and how many sessions there were.
func (s *Sessions) DeleteByUpstream(ctx context.Context, connection, subject, index string) ([]broker.Grant, int, error) {
	where, args := "connection = ?", []any{connection}
	if subject != "" {
		where, args = where+" AND up_subject = ?", append(args, upstreamKey(connection, "subject", subject))
	}
	if index != "" {
		where, args = where+" AND up_index = ?", append(args, upstreamKey(connection, "index", index))
	}
	if len(args) == 1 {
		return nil, 0, nil
	}
	var grants []broker.Grant
	total := 0
	for {
		g, n, err := s.end(ctx, where, args...)
		grants, total = append(grants, g...), total+n
		if err != nil || n < batch {
			return grants, total, err
		}
	}
}

// end deletes up to a batch of sessions and revokes their grants.
func (s *Sessions) end(ctx context.Context, where string, args ...any) (grants []broker.Grant, n int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		grants = nil
		ids, err := deleted(ctx, t, "sessions", where, args...)
		if n = len(ids); n == 0 || err != nil {
			return err
		}
		in := marksOf(len(ids))
		err = t.All(ctx, "SELECT id, realm, home_realm, client_id, user_id, session_id, sid, connection, offline FROM grants WHERE session_id IN ("+in+") AND revoked_at = 0", ids,
			func(scan func(...any) error) error {
				var g broker.Grant
				var offline bool
				err := scan(&g.ID, &g.Realm, &g.HomeRealm, &g.ClientID, &g.UserID, &g.SessionID, &g.SID, &g.Connection, &offline)
				if offline {
					g.Scopes = []string{"offline_access"}
				}
				grants = append(grants, g)
				return err
			})
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "UPDATE grants SET revoked_at = ? WHERE session_id IN ("+in+") AND revoked_at = 0 AND NOT offline", append([]any{engine.Micro(s.db.Clock())}, ids...)...)
		return err
	})
	return grants, n, err
}

// deleted deletes up to a batch of rows and answers their IDs, sized to few lengths so that few statements are prepared.
func deleted(ctx context.Context, q engine.Q, table, where string, args ...any) (ids []any, err error) {
	err = q.All(ctx, "DELETE FROM "+table+" WHERE id IN (SELECT id FROM "+table+" WHERE "+where+" LIMIT 500) RETURNING id", args, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
