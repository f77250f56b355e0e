package ledger

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Tests keeps test logins with their reports for a day.
type Tests struct {
	db   *engine.DB
	seal seal.Sealer
}

// NewTests is for store.Open.
func NewTests(db *engine.DB, s seal.Sealer) *Tests { return &Tests{db, s} }

const testColumns = "id, ref, realm, connection, actor, token_hash, created_at, open_by, expires_at, opened_at, answered_at, published, report"

func testAAD(id string) []byte { return []byte("test login:" + id) }

// Create keeps a new test and drops those whose time is over.
func (s *Tests) Create(ctx context.Context, t *broker.TestLogin) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		if _, err := q.Exec(ctx, "DELETE FROM test_logins WHERE id IN (SELECT id FROM test_logins WHERE expires_at < ? LIMIT 500)", engine.Micro(s.db.Clock())); err != nil {
			return err
		}
		_, err := q.Exec(ctx, "INSERT INTO test_logins ("+testColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, FALSE, ?) ON CONFLICT DO NOTHING",
			t.ID, t.Ref, t.Realm, t.Connection, engine.Text(t.Actor, 512), t.TokenHash, engine.Micro(t.CreatedAt), engine.Micro(t.OpenBy), engine.Micro(t.ExpiresAt), []byte{})
		return err
	})
}

// Open answers the test of an address, the once that it is opened. used is true where it was opened before.
func (s *Tests) Open(ctx context.Context, tokenHash string, now time.Time) (t *broker.TestLogin, used bool, err error) {
	n := engine.Micro(now)
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		changed, err := q.Exec(ctx, "UPDATE test_logins SET opened_at = ? WHERE token_hash = ? AND (opened_at = 0 OR opened_at = ?) AND open_by > ?", n, tokenHash, n, n)
		used = changed == 0
		return err
	})
	if err == nil {
		t, err = s.one(ctx, "token_hash = ? AND open_by > ?", tokenHash, n)
	}
	return t, used, err
}

// Answer keeps the report of a test, the first that comes; false for a later one. published says that it came to the
// browser that began the test.
func (s *Tests) Answer(ctx context.Context, id string, report []byte, published bool, now time.Time) (first bool, err error) {
	sealed := s.seal.Seal(report, testAAD(id))
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n, err := q.Exec(ctx, "UPDATE test_logins SET answered_at = ?, published = ?, report = ? WHERE id = ? AND (answered_at = 0 OR report = ?)", engine.Micro(now), published, sealed, id, sealed)
		first = n == 1
		return err
	})
	return first, err
}

// Publish says that the browser which began the test has come for its report.
func (s *Tests) Publish(ctx context.Context, id string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "UPDATE test_logins SET published = TRUE WHERE id = ? AND answered_at <> 0", id)
		return err
	})
}

// Get finds a test by the login's ID.
func (s *Tests) Get(ctx context.Context, id string) (*broker.TestLogin, error) {
	return s.one(ctx, "id = ? AND expires_at > ?", id, engine.Micro(s.db.Clock()))
}

// ByRef finds a connection's test by its reference.
func (s *Tests) ByRef(ctx context.Context, realm, connection, ref string) (*broker.TestLogin, error) {
	return s.one(ctx, "realm = ? AND connection = ? AND ref = ? AND expires_at > ?", realm, connection, ref, engine.Micro(s.db.Clock()))
}

func (s *Tests) one(ctx context.Context, where string, args ...any) (*broker.TestLogin, error) {
	t := &broker.TestLogin{}
	var created, openBy, expires, opened, answered int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+testColumns+" FROM test_logins WHERE "+where, args,
			&t.ID, &t.Ref, &t.Realm, &t.Connection, &t.Actor, &t.TokenHash, &created, &openBy, &expires, &opened, &answered, &t.Published, &t.Report)
	})
	if err != nil {
		return nil, err
	}
	t.CreatedAt, t.OpenBy, t.ExpiresAt = engine.Time(created), engine.Time(openBy), engine.Time(expires)
	t.OpenedAt, t.AnsweredAt = engine.Time(opened), engine.Time(answered)
	if t.AnsweredAt.IsZero() {
		t.Report = nil
		return t, nil
	}
	t.Report, err = s.seal.Open(t.Report, testAAD(t.ID))
	return t, err
}
