package flow

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Mark is something that may be seen only once: an assertion's ID, a token's jti, with the time until which it must be
// remembered.
type Mark struct {
	ID    string
	Until time.Time
}

// Marks remembers what was seen.
type Marks struct{ db *engine.DB }

// NewMarks is for store.Open.
func NewMarks(db *engine.DB) *Marks { return &Marks{db} }

// maxMarks bounds one call.
const maxMarks = 64

// markKey names a mark of a connection (or another name space) in 43 characters, however long it is.
func markKey(connection, id string) string { return engine.Digest(connection, id) }

// Take takes all the marks or, where any was taken before, none of them, and reports which.
func (s *Marks) Take(ctx context.Context, connection string, marks []Mark) (bool, error) {
	if len(marks) == 0 {
		return true, nil
	}
	query, args, err := markInsert(connection, marks, newCall())
	if err != nil {
		return false, err
	}
	return once(s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		_, err := q.Exec(ctx, query, args...)
		if again && engine.IsExists(err) {
			return s.mine(ctx, q, args, err)
		}
		return err
	}))
}

// once turns the error of a taken key into an answer.
func once(err error) (bool, error) {
	if errors.Is(err, broker.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// markInsert is one INSERT for all: the database does it whole or not at all.
func markInsert(connection string, marks []Mark, taker string) (string, []any, error) {
	if len(marks) > maxMarks {
		return "", nil, fault.New(fault.Invalid, "%d marks at once are more than %d", len(marks), maxMarks)
	}
	seen := map[string]bool{}
	var args []any
	for _, m := range marks {
		key := markKey(connection, m.ID)
		if !seen[key] {
			seen[key] = true
			args = append(args, key, taker, engine.Micro(m.Until))
		}
	}
	return "INSERT INTO marks (id, taker, expires_at) VALUES " + strings.TrimPrefix(strings.Repeat(", (?, ?, ?)", len(seen)), ", "), args, nil
}

// mine forgives a taken key that an earlier try of this same call took.
func (s *Marks) mine(ctx context.Context, q engine.Q, args []any, taken error) error {
	var n int64
	if err := q.Row(ctx, "SELECT COUNT(*) FROM marks WHERE id = ? AND taker = ?", []any{args[0], args[1]}, &n); err != nil {
		return err
	}
	if n == 1 {
		return nil
	}
	return taken
}

// Taken reports whether a mark is taken.
func (s *Marks) Taken(ctx context.Context, connection, id string) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM marks WHERE id = ?", []any{markKey(connection, id)}, &n)
	})
	return n > 0, err
}

// Parked keeps what waits for the browser to come back with its cookie: a verified answer to a cross-site POST. Values
// are sealed at rest and can be taken once.
type Parked struct {
	db   *engine.DB
	seal seal.Sealer
}

// NewParked is for store.Open.
func NewParked(db *engine.DB, s seal.Sealer) *Parked { return &Parked{db, s} }

// MaxParked is how large a parked value may be.
const MaxParked = 2 << 20

func parkedAAD(id string) []byte { return []byte("parked:" + id) }

// Put parks a value; ErrExists if something was parked under the key.
func (s *Parked) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	ok, err := s.Park(ctx, key, value, expires, "", nil)
	if err == nil && !ok {
		err = broker.ErrExists
	}
	return err
}

// Park parks a value and takes a connection's marks, both or neither: false if a mark was taken before, or the key.
func (s *Parked) Park(ctx context.Context, key string, value []byte, expires time.Time, connection string, marks []Mark) (bool, error) {
	if len(value) > MaxParked {
		return false, fault.New(fault.TooLarge, "%d bytes are more than can be parked (%d)", len(value), MaxParked)
	}
	id := engine.Digest(key)
	args := []any{id, s.seal.Seal(value, parkedAAD(id)), engine.Micro(expires)}
	const row = " INTO parked (id, value, taken, expires_at) "
	if len(marks) == 0 {
		return s.park(ctx, "INSERT"+row+"VALUES (?, ?, '', ?)", args)
	}
	query, more, err := markInsert(connection, marks, newCall())
	if err != nil {
		return false, err
	}
	if s.db.Postgres { // one statement, one round trip
		return s.park(ctx, "WITH m AS ("+query+") INSERT"+row+"VALUES (?, ?, '', ?)", append(more, args...))
	}
	return once(s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, query, more...); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "INSERT"+row+"VALUES (?, ?, '', ?)", args...)
		return err
	}))
}

// park runs the statement, whose last arguments are the row's. The sealed value has a random nonce, so a row with this
// very value is this call's own.
func (s *Parked) park(ctx context.Context, query string, args []any) (bool, error) {
	row := args[len(args)-3:]
	return once(s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		_, err := q.Exec(ctx, query, args...)
		if !again || !engine.IsExists(err) {
			return err
		}
		var n int64
		if err := q.Row(ctx, "SELECT COUNT(*) FROM parked WHERE id = ? AND value = ?", row[:2], &n); err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
		return err
	}))
}

// Take takes a value that was parked and has not expired; the second time it is ErrNotFound. The row stays until it
// expires, marked with the call that took it, so that a call whose answer was lost can repeat itself.
func (s *Parked) Take(ctx context.Context, key string) (value []byte, err error) {
	id, call := engine.Digest(key), newCall()
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		return q.Row(ctx, "UPDATE parked SET taken = ? WHERE id = ? AND expires_at > ? AND (taken = '' OR taken = ?) RETURNING value",
			[]any{call, id, engine.Micro(s.db.Clock()), call}, &value)
	})
	if err != nil {
		return nil, err
	}
	return s.seal.Open(value, parkedAAD(id))
}

// Get is Take that leaves the value where it is, for what is read more than once; what was taken is gone for it too.
func (s *Parked) Get(ctx context.Context, key string) (value []byte, err error) {
	id := engine.Digest(key)
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT value FROM parked WHERE id = ? AND expires_at > ? AND taken = ''", []any{id, engine.Micro(s.db.Clock())}, &value)
	})
	if err != nil {
		return nil, err
	}
	return s.seal.Open(value, parkedAAD(id))
}
