package flow

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Scope names sessions: all of a person, in whichever realm, all that came through a connection, or those that are both.
// The empty Scope names none.
type Scope struct{ UserID, Connection string }

// where is the scope as conditions.
func (s Scope) where() (string, []any) {
	var conds []string
	var args []any
	for _, c := range []struct{ cond, value string }{{"user_id = ?", s.UserID}, {"connection = ?", s.Connection}} {
		if c.value != "" {
			conds, args = append(conds, c.cond), append(args, c.value)
		}
	}
	return strings.Join(conds, " AND "), args
}

// End ends the sessions of a scope and answers how many there were. tell, if not nil, gets the grants that were made in
// them, as Delete answers them, some hundred at a time: those with offline_access live on until RevokeScope.
func (s *Sessions) End(ctx context.Context, scope Scope, tell func([]broker.Grant)) (total int, err error) {
	where, args := scope.where()
	if where == "" {
		return 0, nil
	}
	for {
		grants, n, err := s.end(ctx, where, args...)
		if tell != nil && len(grants) > 0 {
			tell(grants)
		}
		total += n
		if err != nil || n < batch {
			return total, err
		}
	}
}

// Hits is whom End would hit now: how many live sessions, of how many people, and the first of these by ID.
func (s *Sessions) Hits(ctx context.Context, scope Scope, n int) (sessions, people int64, first []string, err error) {
	where, args := scope.where()
	if where == "" {
		return 0, 0, nil, nil
	}
	where, args = where+" AND ends_at > ?", append(args, engine.Micro(s.db.Clock()))
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		first = nil
		if err := q.Row(ctx, "SELECT COUNT(*), COUNT(DISTINCT user_id) FROM sessions WHERE "+where, args, &sessions, &people); err != nil {
			return err
		}
		return q.All(ctx, "SELECT DISTINCT user_id FROM sessions WHERE "+where+" ORDER BY user_id LIMIT ?", append(args, int64(n)), func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			first = append(first, id)
			return err
		})
	})
	return sessions, people, first, err
}

// OfPerson gives the live sessions of a person of a home realm, those below hubs included.
func (s *Sessions) OfPerson(ctx context.Context, home, userID string, p broker.Page) ([]*broker.Session, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "user_id = ? AND home_realm = ? AND ends_at > ?", []any{userID, home, engine.Micro(s.db.Clock())}
	if after != nil {
		where, args = where+" AND id > ?", append(args, after[0])
	}
	var rows []*sessionRow
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE "+where+" ORDER BY id LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
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
		next = engine.Cursor(rows[len(rows)-1].ID)
	}
	out := make([]*broker.Session, len(rows))
	for i, r := range rows {
		if out[i], err = s.thing(r); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// RevokeScope ends the grants of a scope, those with offline_access too, whose sessions have ended, and answers how many.
// Of a scope without a person it ends only those with offline_access: the others end with their sessions.
func (s *Grants) RevokeScope(ctx context.Context, scope Scope) (int64, error) {
	where, args := scope.where()
	if where == "" {
		return 0, nil
	}
	if scope.UserID == "" {
		where += " AND offline"
	}
	return s.revoke(ctx, where, args...)
}

// Consents is what a person's live grants let clients know, one entry for each client, by realm and client. home is the
// person's own realm; the clients may be a hub's.
func (s *Grants) Consents(ctx context.Context, home, userID string) ([]broker.Consent, error) {
	if userID == "" {
		return nil, nil
	}
	byClient := map[string]*broker.Consent{}
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		clear(byClient)
		return q.All(ctx, "SELECT realm, client_id, created_at, doc FROM grants WHERE user_id = ? AND home_realm = ? AND revoked_at = 0 AND expires_at > ? ORDER BY created_at DESC LIMIT 5000",
			[]any{userID, home, engine.Micro(s.db.Clock())}, func(scan func(...any) error) error {
				var realm, client, doc string
				var at int64
				if err := scan(&realm, &client, &at, &doc); err != nil {
					return err
				}
				var d grantDoc
				if err := engine.Undoc(doc, &d); err != nil {
					return err
				}
				c := byClient[realm+"/"+client]
				if c == nil {
					c = &broker.Consent{Realm: realm, UserID: userID, ClientID: client, At: engine.Time(at)} // the newest comes first
					byClient[realm+"/"+client] = c
				}
				c.Scopes = append(c.Scopes, d.Scopes...)
				return nil
			})
	})
	if err != nil {
		return nil, err
	}
	out := make([]broker.Consent, 0, len(byClient))
	for _, key := range slices.Sorted(maps.Keys(byClient)) {
		c := *byClient[key]
		slices.Sort(c.Scopes)
		c.Scopes = slices.Compact(c.Scopes)
		out = append(out, c)
	}
	return out, nil
}

// RevokeConsent ends what a person of a home realm granted to one client and answers how many grants those were.
func (s *Grants) RevokeConsent(ctx context.Context, home, userID, realm, clientID string) (int64, error) {
	if userID == "" {
		return 0, nil
	}
	return s.revoke(ctx, "user_id = ? AND home_realm = ? AND realm = ? AND client_id = ?", userID, home, realm, clientID)
}
