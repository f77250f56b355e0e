package store

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Links keeps who a stable upstream subject is. Connection, user and link lie in one realm: the database refuses others.
type Links struct{ base }

type linkRow struct {
	Connection, Subject, Realm, UserID string
	Mutable                            bool
	LastUsedAt, CreatedAt              int64
}

const linkColumns = "l.connection, l.subject, l.realm, l.user_id, l.mutable, l.last_used_at, l.created_at"

func (r *linkRow) dest() []any {
	return []any{&r.Connection, &r.Subject, &r.Realm, &r.UserID, &r.Mutable, &r.LastUsedAt, &r.CreatedAt}
}

func (r *linkRow) link() *broker.Link {
	return &broker.Link{
		Connection: r.Connection, Subject: r.Subject, Realm: r.Realm, UserID: r.UserID, Mutable: r.Mutable,
		LastUsedAt: engine.Time(r.LastUsedAt), CreatedAt: engine.Time(r.CreatedAt),
	}
}

// MaxSubject is the longest subject that can be linked, in bytes.
const MaxSubject = 1024

// Find answers the link of a subject and its user.
func (s *Links) Find(ctx context.Context, connection, subject string) (*broker.Link, *broker.User, error) {
	var link linkRow
	var user userRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+linkColumns+", "+userColumns+" FROM links l JOIN users u ON u.realm = l.realm AND u.id = l.user_id WHERE l.connection = ? AND l.subject = ?",
			[]any{connection, subject}, append(link.dest(), user.dest()...)...)
	})
	if err != nil {
		return nil, nil, err
	}
	u, err := user.user()
	return link.link(), u, err
}

// Claim ties a subject to a user; ErrExists if it is tied already, to whomever.
func (s *Links) Claim(ctx context.Context, l *broker.Link) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error { return s.claim(ctx, t, l) })
}

func (s *Links) claim(ctx context.Context, t *engine.Txn, l *broker.Link) error {
	if len(l.Subject) > MaxSubject || l.Subject == "" {
		return fault.New(fault.Invalid, "a subject has 1 to %d bytes, not %d", MaxSubject, len(l.Subject))
	}
	if l.CreatedAt.IsZero() {
		l.CreatedAt = s.db.Clock()
	}
	n, err := t.Exec(ctx, "INSERT INTO links (connection, subject, realm, user_id, mutable, last_used_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		l.Connection, l.Subject, l.Realm, l.UserID, l.Mutable, engine.Micro(l.LastUsedAt), engine.Micro(l.CreatedAt))
	if err == nil && n == 0 {
		err = broker.ErrExists
	}
	return err
}

// CreateUserWithLink makes a user and ties the subject to it, both or neither: ErrExists if the realm has the address or
// the subject is tied already.
func (s *Links) CreateUserWithLink(ctx context.Context, u *broker.User, l *broker.Link) error {
	if u.Realm != l.Realm || u.ID != l.UserID {
		return errors.New("store: the link is not the user's")
	}
	users := &Users{s.base}
	return s.write(ctx, &u.Meta, func(ctx context.Context, t *engine.Txn) error {
		if err := users.insert(ctx, t, u); err != nil {
			return err
		}
		return s.claim(ctx, t, l)
	})
}

// Delete unties a subject.
func (s *Links) Delete(ctx context.Context, connection, subject string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		err := remove(ctx, q, "DELETE FROM links WHERE connection = ? AND subject = ?", connection, subject)
		if again && errors.Is(err, broker.ErrNotFound) {
			return nil
		}
		return err
	})
}

// ByUser lists what is tied to a user.
func (s *Links) ByUser(ctx context.Context, userID string) (out []*broker.Link, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT "+linkColumns+" FROM links l JOIN users u ON u.realm = l.realm AND u.id = l.user_id WHERE u.id = ? ORDER BY l.connection, l.subject LIMIT 200",
			[]any{userID}, func(scan func(...any) error) error {
				var r linkRow
				err := scan(r.dest()...)
				out = append(out, r.link())
				return err
			})
	})
	return out, err
}
