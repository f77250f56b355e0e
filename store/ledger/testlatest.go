package ledger

import (
	"context"

	"cloakroom/store/engine"
)

// Latest answers the reference of a connection's last test login that is kept, "" if there is none.
func (s *Tests) Latest(ctx context.Context, realm, connection string) (ref string, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.All(ctx, "SELECT ref FROM test_logins WHERE realm = ? AND connection = ? AND expires_at > ? ORDER BY created_at DESC, id DESC LIMIT 1",
			[]any{realm, connection, engine.Micro(s.db.Clock())}, func(scan func(...any) error) error { return scan(&ref) })
	})
	return ref, err
}
