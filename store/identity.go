package store

import (
	"context"
	"fmt"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Identities keeps what each connection asserted of the people who signed in last.
type Identities struct{ base }

// Bounds of what is kept of a connection.
const (
	identitiesKept = 20
	MaxIdentity    = 128 << 10 // bytes of one
)

func identityAAD(v *broker.SeenIdentity) []byte {
	return []byte("identity:" + v.Realm + "/" + v.Connection + "/" + v.UserID)
}

// Keep stores the last identity of a person at a connection and drops those of people who signed in longest ago.
func (s *Identities) Keep(ctx context.Context, v broker.SeenIdentity) error {
	if len(v.Value) > MaxIdentity {
		return fault.New(fault.TooLarge, "an identity of %d bytes is not kept", len(v.Value))
	}
	sealed := s.seal.Seal(v.Value, identityAAD(&v))
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "INSERT INTO connection_identities (connection, user_id, realm, at, value) VALUES (?, ?, ?, ?, ?)"+
			" ON CONFLICT (connection, user_id) DO UPDATE SET at = excluded.at, value = excluded.value", v.Connection, v.UserID, v.Realm, engine.Micro(v.At), sealed)
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "DELETE FROM connection_identities WHERE connection = ? AND at < (SELECT MIN(at) FROM (SELECT at FROM connection_identities WHERE connection = ? ORDER BY at DESC LIMIT ?) x)",
			v.Connection, v.Connection, int64(identitiesKept))
		return err
	})
}

// Last gives the identities kept of a connection, the newest first; of one person where userID is not "".
func (s *Identities) Last(ctx context.Context, realm, connection, userID string) ([]broker.SeenIdentity, error) {
	where, args := "realm = ? AND connection = ?", []any{realm, connection}
	if userID != "" {
		where, args = where+" AND user_id = ?", append(args, userID)
	}
	return s.all(ctx, where+" ORDER BY at DESC, user_id LIMIT 20", args...)
}

// Of gives what is kept of a person, for an export.
func (s *Identities) Of(ctx context.Context, realm, userID string) ([]broker.SeenIdentity, error) {
	return s.all(ctx, "realm = ? AND user_id = ? ORDER BY connection", realm, userID)
}

func (s *Identities) all(ctx context.Context, where string, args ...any) (out []broker.SeenIdentity, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT realm, connection, user_id, at, value FROM connection_identities WHERE "+where, args, func(scan func(...any) error) error {
			var v broker.SeenIdentity
			var at int64
			if err := scan(&v.Realm, &v.Connection, &v.UserID, &at, &v.Value); err != nil {
				return err
			}
			v.At = engine.Time(at)
			out = append(out, v)
			return nil
		})
	})
	for i := range out {
		if out[i].Value, err = s.seal.Open(out[i].Value, identityAAD(&out[i])); err != nil {
			return nil, fmt.Errorf("identity of user %s: %w", out[i].UserID, err)
		}
	}
	return out, err
}
