package ledger

import (
	"context"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
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

const (
	testBegun   = "id, ref, realm, connection, actor, token_hash, created_at, open_by, expires_at, opened_at, answered_at, published, report"
	testColumns = testBegun + ", left_at, left_to, closed_at, back_at, page_at, page"
)

func testAAD(id string) []byte { return []byte("test login:" + id) }

func testPageAAD(id string) []byte { return []byte("test login's page:" + id) }

// Create keeps a new test and drops those whose time is over.
func (s *Tests) Create(ctx context.Context, t *broker.TestLogin) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		if _, err := q.Exec(ctx, "DELETE FROM test_logins WHERE id IN (SELECT id FROM test_logins WHERE expires_at < ? LIMIT 500)", engine.Micro(s.db.Clock())); err != nil {
			return err
		}
		_, err := q.Exec(ctx, "INSERT INTO test_logins ("+testBegun+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, FALSE, ?) ON CONFLICT DO NOTHING",
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

// testFacts are the columns of what is seen of a test.
var testFacts = map[broker.TestFact]string{broker.TestLeft: "left_at", broker.TestClosed: "closed_at", broker.TestBack: "back_at"}

// Note keeps when something was first seen of a test that has no answer yet; detail is the provider's host where the browser
// left to it.
func (s *Tests) Note(ctx context.Context, id string, what broker.TestFact, detail string, now time.Time) error {
	column, n := testFacts[what], engine.Micro(now)
	if column == "" {
		return fault.New(fault.Internal, "a test login knows no %q", what)
	}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		set, args := column+" = ?", []any{n}
		if what == broker.TestLeft {
			set, args = set+", left_to = ?", append(args, engine.Text(detail, 255))
		}
		_, err := q.Exec(ctx, "UPDATE test_logins SET "+set+" WHERE id = ? AND "+column+" = 0 AND answered_at = 0 AND opened_at <> 0", append(args, id)...)
		return err
	})
}

// Page keeps what was read off the provider's page, the last of several; false where the answer has come meanwhile.
func (s *Tests) Page(ctx context.Context, id string, page []byte, now time.Time) (ok bool, err error) {
	sealed := s.seal.Seal(page, testPageAAD(id))
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n, err := q.Exec(ctx, "UPDATE test_logins SET page_at = ?, page = ? WHERE id = ? AND answered_at = 0", engine.Micro(now), sealed, id)
		ok = n == 1
		return err
	})
	return ok, err
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

// Waiting finds the test of a connection that was opened since a time and has no answer; more than one is none.
func (s *Tests) Waiting(ctx context.Context, realm, connection string, since time.Time) (*broker.TestLogin, error) {
	const waits = "realm = ? AND connection = ? AND opened_at >= ? AND answered_at = 0"
	args := []any{realm, connection, engine.Micro(since)}
	return s.one(ctx, waits+" AND (SELECT COUNT(*) FROM test_logins WHERE "+waits+") = 1", slices.Concat(args, args)...)
}

func (s *Tests) one(ctx context.Context, where string, args ...any) (*broker.TestLogin, error) {
	t := &broker.TestLogin{}
	var created, openBy, expires, opened, answered, left, closed, back, paged int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+testColumns+" FROM test_logins WHERE "+where, args,
			&t.ID, &t.Ref, &t.Realm, &t.Connection, &t.Actor, &t.TokenHash, &created, &openBy, &expires, &opened, &answered, &t.Published, &t.Report,
			&left, &t.LeftTo, &closed, &back, &paged, &t.Page)
	})
	if err != nil {
		return nil, err
	}
	t.CreatedAt, t.OpenBy, t.ExpiresAt = engine.Time(created), engine.Time(openBy), engine.Time(expires)
	t.OpenedAt, t.AnsweredAt, t.LeftAt = engine.Time(opened), engine.Time(answered), engine.Time(left)
	t.ClosedAt, t.BackAt, t.PageAt = engine.Time(closed), engine.Time(back), engine.Time(paged)
	return t, s.unseal(t)
}

func (s *Tests) unseal(t *broker.TestLogin) (err error) {
	page, report := t.Page, t.Report
	t.Page, t.Report = nil, nil
	if !t.PageAt.IsZero() {
		if t.Page, err = s.seal.Open(page, testPageAAD(t.ID)); err != nil {
			return err
		}
	}
	if !t.AnsweredAt.IsZero() {
		t.Report, err = s.seal.Open(report, testAAD(t.ID))
	}
	return err
}
