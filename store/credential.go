package store

import (
	"context"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Credentials keeps the local ways in: passwords (their hashes) and passkeys. What is secret of them is sealed, tied to
// its row: put into another person's row it opens nothing.
type Credentials struct{ base }

type credentialRow struct {
	ID, Realm, UserID, Kind, Name string
	Data                          []byte
	CreatedAt, LastUsedAt         int64
}

const credentialColumns = "id, realm, user_id, kind, name, data, created_at, last_used_at"

func (r *credentialRow) dest() []any {
	return []any{&r.ID, &r.Realm, &r.UserID, &r.Kind, &r.Name, &r.Data, &r.CreatedAt, &r.LastUsedAt}
}

func credentialAAD(realm, userID, id string) []byte {
	return []byte("credential:" + realm + "/" + userID + "/" + id)
}

func (s *Credentials) rowOf(c *broker.Credential) *credentialRow {
	return &credentialRow{
		ID: c.ID, Realm: c.Realm, UserID: c.UserID, Kind: c.Kind, Name: engine.Text(c.Name, 200),
		Data: s.seal.Seal(c.Data, credentialAAD(c.Realm, c.UserID, c.ID)), CreatedAt: engine.Micro(c.CreatedAt), LastUsedAt: engine.Micro(c.LastUsedAt),
	}
}

func (s *Credentials) thing(r *credentialRow) (*broker.Credential, error) {
	data, err := s.seal.Open(r.Data, credentialAAD(r.Realm, r.UserID, r.ID))
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", r.ID, err)
	}
	return &broker.Credential{
		ID: r.ID, Realm: r.Realm, UserID: r.UserID, Kind: r.Kind, Name: r.Name, Data: data,
		CreatedAt: engine.Time(r.CreatedAt), LastUsedAt: engine.Time(r.LastUsedAt),
	}, nil
}

// Add stores a new credential, if the person has fewer than limit of its kind (fault.Exists otherwise). A password
// replaces the one there was.
func (s *Credentials) Add(ctx context.Context, c *broker.Credential, limit int) error {
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.db.Clock()
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if c.Kind == "password" {
			if _, err := t.Exec(ctx, "DELETE FROM credentials WHERE user_id = ? AND kind = 'password'", c.UserID); err != nil {
				return err
			}
		}
		var n int64
		if err := t.Row(ctx, "SELECT COUNT(*) FROM credentials WHERE realm = ? AND user_id = ? AND kind = ?", []any{c.Realm, c.UserID, c.Kind}, &n); err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.New(fault.Exists, "the person has %d of kind %s already", n, c.Kind)
		}
		return insert(ctx, t, "credentials", s.rowOf(c))
	})
}

// ByUser gives a person's credentials, the oldest first.
func (s *Credentials) ByUser(ctx context.Context, realm, userID string) ([]*broker.Credential, error) {
	return s.rows(ctx, "realm = ? AND user_id = ? ORDER BY created_at, id", realm, userID)
}

// OfPerson is ByUser by the person's ID alone, which is unique over the realms: a passkey names no realm. Callers hold the
// realm that they find to the one they serve.
func (s *Credentials) OfPerson(ctx context.Context, userID string) ([]*broker.Credential, error) {
	return s.rows(ctx, "user_id = ? ORDER BY created_at, id", userID)
}

func (s *Credentials) rows(ctx context.Context, where string, args ...any) ([]*broker.Credential, error) {
	var rows []credentialRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+credentialColumns+" FROM credentials WHERE "+where, args, func(scan func(...any) error) error {
			var r credentialRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return things(rows, s.thing)
}

// Used notes a use and what changed by it (a passkey's counter).
func (s *Credentials) Used(ctx context.Context, c *broker.Credential, at time.Time) error {
	c.LastUsedAt = at
	row := s.rowOf(c)
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		return remove(ctx, q, "UPDATE credentials SET data = ?, last_used_at = ? WHERE id = ? AND realm = ? AND user_id = ?", row.Data, row.LastUsedAt, c.ID, c.Realm, c.UserID)
	})
}

// Delete removes one of a person's credentials.
func (s *Credentials) Delete(ctx context.Context, realm, userID, id string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		err := remove(ctx, q, "DELETE FROM credentials WHERE id = ? AND realm = ? AND user_id = ?", id, realm, userID)
		if again && engine.IsNotFound(err) {
			return nil
		}
		return err
	})
}
