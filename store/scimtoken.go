package store

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// SCIMTokens keeps the tokens of customers' directories, as hashes. Revoked and expired ones stay for a while, so that
// whoever still sends one can be told which it is.
type SCIMTokens struct{ base }

type scimTokenRow struct {
	ID, Realm, Connection, Hash, Doc string
	ExpiresAt, RevokedAt, LastUsedAt int64
	Stamp                            stamp `gorm:"embedded"`
}

func (s *SCIMTokens) rowOf(t *broker.SCIMToken) (*scimTokenRow, error) {
	doc, err := engine.Doc(t)
	return &scimTokenRow{
		ID: t.ID, Realm: t.Realm, Connection: t.Connection, Hash: t.Hash, Doc: doc,
		ExpiresAt: engine.Micro(t.ExpiresAt), RevokedAt: engine.Micro(t.RevokedAt), LastUsedAt: engine.Micro(t.LastUsedAt), Stamp: stampOf(t.Meta),
	}, err
}

func (r *scimTokenRow) token() (*broker.SCIMToken, error) {
	t := &broker.SCIMToken{}
	err := engine.Undoc(r.Doc, t)
	t.ID, t.Realm, t.Connection, t.Hash, t.Meta = r.ID, r.Realm, r.Connection, r.Hash, r.Stamp.meta()
	t.ExpiresAt, t.RevokedAt, t.LastUsedAt = engine.Time(r.ExpiresAt), engine.Time(r.RevokedAt), engine.Time(r.LastUsedAt)
	return t, err
}

// Create stores a new token.
func (s *SCIMTokens) Create(ctx context.Context, t *broker.SCIMToken) error {
	return s.write(ctx, &t.Meta, func(ctx context.Context, tx *engine.Txn) error {
		s.born(&t.Meta)
		row, err := s.rowOf(t)
		if err != nil {
			return err
		}
		return insert(ctx, tx, "scim_tokens", row)
	})
}

// Update stores a token if t.Version is still the stored one, and raises it. It leaves the last use as it is.
func (s *SCIMTokens) Update(ctx context.Context, t *broker.SCIMToken) error {
	return s.write(ctx, &t.Meta, func(ctx context.Context, tx *engine.Txn) error {
		was := s.next(&t.Meta)
		row, err := s.rowOf(t)
		if err != nil {
			return err
		}
		return update(ctx, tx, "scim_tokens", was, map[string]any{
			"hash": row.Hash, "doc": row.Doc, "expires_at": row.ExpiresAt, "revoked_at": row.RevokedAt, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "connection = ? AND id = ?", t.Connection, t.ID)
	})
}

// Touch notes a use. It raises no version; a later one is never overwritten by an earlier.
func (s *SCIMTokens) Touch(ctx context.Context, id string, at time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n := engine.Micro(at)
		_, err := q.Exec(ctx, "UPDATE scim_tokens SET last_used_at = ? WHERE id = ? AND last_used_at < ?", n, id, n)
		return err
	})
}

// Delete forgets a token.
func (s *SCIMTokens) Delete(ctx context.Context, connection, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *engine.Txn) error {
		return remove(ctx, tx, "DELETE FROM scim_tokens WHERE connection = ? AND id = ?", connection, id)
	})
}

// ByHash finds a token by the hash of what was presented, of whichever connection, a revoked or expired one too.
func (s *SCIMTokens) ByHash(ctx context.Context, hash string) (*broker.SCIMToken, error) {
	row, err := one[scimTokenRow](ctx, s.base, "scim_tokens", "hash = ?", hash)
	if err != nil {
		return nil, err
	}
	return row.token()
}

// Get finds a token of a connection.
func (s *SCIMTokens) Get(ctx context.Context, connection, id string) (*broker.SCIMToken, error) {
	row, err := one[scimTokenRow](ctx, s.base, "scim_tokens", "connection = ? AND id = ?", connection, id)
	if err != nil {
		return nil, err
	}
	return row.token()
}

// List gives a connection's tokens, the newest first: they are few.
func (s *SCIMTokens) List(ctx context.Context, connection string) ([]*broker.SCIMToken, error) {
	return s.all(ctx, "connection = ? ORDER BY id DESC LIMIT 1000", connection)
}

// Ending gives the live tokens of all connections that end some day, the first to end first.
func (s *SCIMTokens) Ending(ctx context.Context, limit int) ([]*broker.SCIMToken, error) {
	return s.all(ctx, "revoked_at = 0 AND expires_at > 0 ORDER BY expires_at LIMIT ?", limit)
}

func (s *SCIMTokens) all(ctx context.Context, where string, args ...any) ([]*broker.SCIMToken, error) {
	var rows []scimTokenRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT id, realm, connection, hash, doc, expires_at, revoked_at, last_used_at, created_at, updated_at, version FROM scim_tokens WHERE "+where, args, func(scan func(...any) error) error {
			var r scimTokenRow
			err := scan(&r.ID, &r.Realm, &r.Connection, &r.Hash, &r.Doc, &r.ExpiresAt, &r.RevokedAt, &r.LastUsedAt, &r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return things(rows, (*scimTokenRow).token)
}
