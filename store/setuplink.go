package store

import (
	"context"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// SetupLinks keeps setup links. The token of a link is never stored, only its hash.
type SetupLinks struct{ base }

type setupLinkRow struct {
	ID, Realm, Connection, TokenHash, Doc string
	ExpiresAt, RevokedAt                  int64
	Stamp                                 stamp `gorm:"embedded"`
}

const setupLinkColumns = "id, realm, connection, token_hash, doc, expires_at, revoked_at, created_at, updated_at, version"

func (r *setupLinkRow) dest() []any {
	return []any{&r.ID, &r.Realm, &r.Connection, &r.TokenHash, &r.Doc, &r.ExpiresAt, &r.RevokedAt, &r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version}
}

func setupLinkRowOf(l *broker.SetupLink) (*setupLinkRow, error) {
	doc, err := engine.Doc(l)
	return &setupLinkRow{
		ID: l.ID, Realm: l.Realm, Connection: l.Connection, TokenHash: l.TokenHash, Doc: doc,
		ExpiresAt: engine.Micro(l.ExpiresAt), RevokedAt: engine.Micro(l.RevokedAt), Stamp: stampOf(l.Meta),
	}, err
}

func (r *setupLinkRow) link() (*broker.SetupLink, error) {
	l := &broker.SetupLink{}
	err := engine.Undoc(r.Doc, l)
	l.ID, l.Realm, l.Connection, l.TokenHash = r.ID, r.Realm, r.Connection, r.TokenHash
	l.ExpiresAt, l.RevokedAt, l.Meta = engine.Time(r.ExpiresAt), engine.Time(r.RevokedAt), r.Stamp.meta()
	return l, err
}

// Create stores a new link.
func (s *SetupLinks) Create(ctx context.Context, l *broker.SetupLink) error {
	return s.write(ctx, &l.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&l.Meta)
		row, err := setupLinkRowOf(l)
		if err != nil {
			return err
		}
		return insert(ctx, t, "setup_links", row)
	})
}

// Update stores a link if l.Version is still the stored one, and raises it.
func (s *SetupLinks) Update(ctx context.Context, l *broker.SetupLink) error {
	return s.write(ctx, &l.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&l.Meta)
		row, err := setupLinkRowOf(l)
		if err != nil {
			return err
		}
		return update(ctx, t, "setup_links", was, map[string]any{
			"connection": row.Connection, "token_hash": row.TokenHash, "doc": row.Doc, "expires_at": row.ExpiresAt, "revoked_at": row.RevokedAt,
			"updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "realm = ? AND id = ?", l.Realm, l.ID)
	})
}

// Delete removes a link.
func (s *SetupLinks) Delete(ctx context.Context, realm, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM setup_links WHERE realm = ? AND id = ?", realm, id)
	})
}

// Get finds a link of a realm.
func (s *SetupLinks) Get(ctx context.Context, realm, id string) (*broker.SetupLink, error) {
	return s.row(ctx, "realm = ? AND id = ?", realm, id)
}

// ByToken finds a link by the hash of its token.
func (s *SetupLinks) ByToken(ctx context.Context, hash string) (*broker.SetupLink, error) {
	if hash == "" {
		return nil, broker.ErrNotFound
	}
	return s.row(ctx, "token_hash = ?", hash)
}

func (s *SetupLinks) row(ctx context.Context, where string, args ...any) (*broker.SetupLink, error) {
	var row setupLinkRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+setupLinkColumns+" FROM setup_links WHERE "+where, args, row.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return row.link()
}

// List gives a realm's links, the newest first; connection "" gives those of all.
func (s *SetupLinks) List(ctx context.Context, realm, connection string, p broker.Page) ([]*broker.SetupLink, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "realm = ?", []any{realm}
	if connection != "" {
		where, args = where+" AND connection = ?", append(args, connection)
	}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	var rows []setupLinkRow
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+setupLinkColumns+" FROM setup_links WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			var r setupLinkRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
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
	out, err := things(rows, (*setupLinkRow).link)
	return out, next, err
}
