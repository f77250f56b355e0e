// Package engine is the layer between the aggregates of store and the two databases. It knows how each of them wants to
// be written to: SQLite by one goroutine that commits for many callers at once, PostgreSQL by a pool whose broken
// connections cost a retry and not a login.
//
// Statements are written once, with ? for arguments, and run on both.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
)

// Options are how to open a database.
type Options struct {
	URL      string // sqlite:path or postgres://…
	Now      func() time.Time
	Log      *slog.Logger
	MaxConns int // 0: 20 on PostgreSQL, 8 readers on SQLite
}

// Q runs statements, inside a transaction or outside of one. Close what Rows gives before the next statement: All does.
type Q interface {
	// Exec answers how many rows it touched.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Row scans the one row of a query; without one it answers broker.ErrNotFound.
	Row(ctx context.Context, query string, args []any, dest ...any) error
	// All calls each for every row.
	All(ctx context.Context, query string, args []any, each func(scan func(...any) error) error) error
	// Gorm is the same connection for what is not hot.
	Gorm(ctx context.Context) *gorm.DB
}

// Backend is one of the two databases.
type backend interface {
	read(ctx context.Context, fn func(context.Context, Q) error) error
	do(ctx context.Context, fn func(context.Context, Q, bool) error) error
	tx(ctx context.Context, fn func(context.Context, *Txn) error) error
	wait(ctx context.Context) (stop func(), wake <-chan bool)
	close() error
}

// DB is an open database.
type DB struct {
	backend
	Options
	Postgres bool
	// ID names this process's store among the replicas.
	ID       string
	migrator *migrator
	watchers watchers
}

// Open opens the database of the URL. It does not migrate.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Now == nil {
		return nil, errors.New("store: no clock")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db := &DB{Options: o, ID: broker.RandomToken(9)}
	scheme, rest, _ := strings.Cut(o.URL, ":")
	var err error
	switch scheme {
	case "sqlite":
		err = openSQLite(ctx, db, rest)
	case "postgres", "postgresql":
		db.Postgres = true
		err = openPostgres(ctx, db)
	default:
		err = fmt.Errorf("the database URL begins with %q, not with sqlite: or postgres://", scheme)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// Close finishes what is queued and closes the database.
func (db *DB) Close() error { return db.close() }

// Txn is a transaction under way.
type Txn struct {
	Q
	db      *DB
	changes []broker.Change
	undo    []func()
	depth   int
}

type txnKey struct{ db *DB }

func (db *DB) txn(ctx context.Context) *Txn {
	t, _ := ctx.Value(txnKey{db}).(*Txn)
	return t
}

// Read runs fn on a connection for reading, or in ctx's transaction. It may run fn again after a lost connection.
func (db *DB) Read(ctx context.Context, fn func(context.Context, Q) error) error {
	if t := db.txn(ctx); t != nil {
		return translate(fn(ctx, t))
	}
	return translate(db.read(ctx, fn))
}

// Do runs one writing statement by itself: no BEGIN, no COMMIT. (fn may read after it.) fn is called anew with again=true
// when the connection was lost and the first try may have happened: then it must recognise its own work.
func (db *DB) Do(ctx context.Context, fn func(ctx context.Context, q Q, again bool) error) error {
	if t := db.txn(ctx); t != nil {
		return translate(t.savepoint(ctx, func() error { return fn(ctx, t, false) }))
	}
	return translate(db.do(ctx, fn))
}

// Tx runs fn in a transaction, or as a part of ctx's own. fn is run again from its start after a serialization failure, a
// deadlock or a connection lost before the commit, so beside the database it may only set what it sets anew each time.
func (db *DB) Tx(ctx context.Context, fn func(context.Context) error) error {
	return db.Write(ctx, func(ctx context.Context, _ *Txn) error { return fn(ctx) })
}

// Write is Tx for the aggregates.
func (db *DB) Write(ctx context.Context, fn func(context.Context, *Txn) error) error {
	if t := db.txn(ctx); t != nil {
		return translate(t.savepoint(ctx, func() error { return fn(ctx, t) }))
	}
	var done []broker.Change
	err := db.tx(ctx, func(ctx context.Context, t *Txn) (err error) {
		defer func() {
			if err != nil {
				t.rolledBack()
			}
		}()
		t.db = db
		if err := fn(context.WithValue(ctx, txnKey{db}, t), t); err != nil {
			return err
		}
		done = t.changes
		return t.flush(ctx)
	})
	if err == nil {
		db.watchers.tell(done)
	}
	return translate(err)
}

// savepoint runs a part of a transaction so that its failure leaves the rest usable, as PostgreSQL alone would not.
func (t *Txn) savepoint(ctx context.Context, fn func() error) error {
	t.depth++
	defer func() { t.depth-- }()
	name := fmt.Sprintf("p%d", t.depth)
	if _, err := t.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	changes := len(t.changes)
	if err := fn(); err != nil {
		t.changes = t.changes[:changes]
		if _, rerr := t.Exec(ctx, "ROLLBACK TO SAVEPOINT "+name); rerr != nil {
			return errors.Join(err, rerr)
		}
		_, _ = t.Exec(ctx, "RELEASE SAVEPOINT "+name)
		return err
	}
	_, err := t.Exec(ctx, "RELEASE SAVEPOINT "+name)
	return err
}

// OnRollback keeps what puts a caller's object back as it was: Version and UpdatedAt are set before the commit.
func (t *Txn) OnRollback(fn func()) { t.undo = append(t.undo, fn) }

func (t *Txn) rolledBack() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	t.undo, t.changes = nil, nil
}

// deadline is how long a call without a deadline of its own may take.
const deadline = 15 * time.Second

// bounded keeps ctx's deadline (or sets one) but not its cancellation: a browser that goes away in the middle of a
// statement would otherwise cost the pool a connection and leave the outcome unknown.
func bounded(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	end, ok := ctx.Deadline()
	if !ok {
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
		return c, cancel, nil
	}
	c, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	return c, cancel, nil
}
