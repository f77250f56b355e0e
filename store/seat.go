package store

import (
	"context"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Seats counts the people of a realm who may sign in. A seat belongs to whoever is active and not blocked; it is free
// again with the person's deletion, block or merge, without anything to keep in step.
type Seats struct{ base }

// standing is what a person's seat depends on.
func standing(u *broker.User) string {
	if u.Blocked {
		return broker.StandingBlocked
	}
	return u.Status
}

// Free reports whether one of limit seats is free, and keeps anybody else from taking it until the end of ctx's
// transaction, which there must be. Only people who come for the first time to a realm with a limit wait for each other.
func (s *Seats) Free(ctx context.Context, realm string, limit int) (bool, error) {
	var taken int64
	err := s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if s.db.Postgres { // SQLite has one writer anyhow
			var name string
			if err := t.Row(ctx, "SELECT name FROM realms WHERE name = ? FOR NO KEY UPDATE", []any{realm}, &name); err != nil {
				return err
			}
		}
		return t.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM users WHERE realm = ? AND standing = '' LIMIT ?) x", []any{realm, int64(limit)}, &taken)
	})
	return taken < int64(limit), err
}

// Count counts the people of a standing: broker.StatusActive, StatusPending, StatusHeld, StatusMerged, StandingBlocked.
func (s *Seats) Count(ctx context.Context, realm, standing string) (n int, err error) {
	var count int64
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM users WHERE realm = ? AND standing = ?", []any{realm, standing}, &count)
	})
	return int(count), err
}

// Connections lists, for some people of a realm, the connections they are linked to.
func (s *Links) Connections(ctx context.Context, realm string, userIDs []string) (map[string][]string, error) {
	rows, err := find[linkRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("links").Where("realm = ? AND user_id IN ?", realm, userIDs).Order("connection")
	})
	out := map[string][]string{}
	for _, r := range rows {
		out[r.UserID] = append(out[r.UserID], r.Connection)
	}
	return out, err
}
