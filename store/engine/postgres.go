package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"cloakroom/broker"
)

// pgDB is a pool with two faces: pgx itself for what is hot, database/sql under gorm for the rest.
type pgDB struct {
	db      *DB
	pool    *pgxpool.Pool
	sql     *sql.DB
	gorm    *gorm.DB
	hot     pgQ
	closed  atomic.Bool
	queries sync.Map // ? -> $n
}

// patience is how long a restart or failover of PostgreSQL is waited out.
const patience = 10 * time.Second

func openPostgres(ctx context.Context, db *DB) error {
	cfg, err := pgxpool.ParseConfig(db.URL)
	if err != nil {
		return err // pgx masks the password
	}
	cfg.MaxConns = int32(db.MaxConns)
	if db.MaxConns <= 0 {
		cfg.MaxConns = 20
	}
	cfg.MaxConnIdleTime = 5 * time.Minute
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if _, set := cfg.ConnConfig.RuntimeParams["application_name"]; !set {
		cfg.ConnConfig.RuntimeParams["application_name"] = "cloakroom"
	}
	p := &pgDB{db: db}
	if p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	p.sql = stdlib.OpenDBFromPool(p.pool)
	p.hot = pgQ{p: p, run: p.pool}
	if p.gorm, err = gorm.Open(postgres.New(postgres.Config{Conn: p.sql}), gormConfig(false)); err == nil {
		err = p.read(ctx, func(ctx context.Context, q Q) error {
			_, err := q.Exec(ctx, "SELECT 1")
			return err
		})
	}
	if err != nil {
		return errors.Join(err, p.close())
	}
	p.hot.gorm = p.gorm
	db.backend, db.migrator = p, newMigrator(db, func() (*sql.DB, func() error, error) {
		return p.sql, func() error { return nil }, nil
	})
	return nil
}

func (p *pgDB) read(ctx context.Context, fn func(context.Context, Q) error) error {
	return p.retry(ctx, func(ctx context.Context, _ bool) error { return fn(ctx, p.hot) })
}

func (p *pgDB) do(ctx context.Context, fn func(context.Context, Q, bool) error) error {
	return p.retry(ctx, func(ctx context.Context, again bool) error { return fn(ctx, p.hot, again) })
}

// retry runs fn until it has an outcome. again says that an earlier run may have happened.
func (p *pgDB) retry(outer context.Context, fn func(ctx context.Context, again bool) error) error {
	ctx, cancel, err := bounded(outer)
	if err != nil {
		return err
	}
	defer cancel()
	again, wait, waited := false, 10*time.Millisecond, time.Duration(0)
	for {
		if p.closed.Load() {
			return errClosed
		}
		err := fn(ctx, again)
		if err == nil {
			return nil
		}
		f := fate(err)
		if f == final || waited > patience {
			return err
		}
		again = again || f == unknown
		p.heal(err)
		d := wait + rand.N(wait)
		if werr := pause(outer, ctx, d); werr != nil {
			return errors.Join(err, werr)
		}
		waited += d
		wait = min(2*wait, 500*time.Millisecond)
	}
}

// heal drops the pool's connections where they lead to a server that cannot write any more.
func (p *pgDB) heal(err error) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "25006" {
		p.pool.Reset()
	}
}

func pause(outer, ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-outer.Done():
		return outer.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pgDB) tx(ctx context.Context, fn func(context.Context, *Txn) error) error {
	return p.retry(ctx, func(ctx context.Context, _ bool) error { return p.attempt(ctx, fn) })
}

// attempt runs a transaction once. An error of it that may be retried means that nothing was committed.
func (p *pgDB) attempt(ctx context.Context, fn func(context.Context, *Txn) error) error {
	conn, err := p.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var native *pgx.Conn
	if err := conn.Raw(func(c any) error { native = c.(*stdlib.Conn).Conn(); return nil }); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	committing := false
	defer func() {
		if !committing {
			_ = tx.Rollback()
		}
	}()
	t := &Txn{Q: pgQ{p: p, run: native, gorm: withPool(ctx, p.gorm, tx)}}
	if err := fn(ctx, t); err != nil {
		return err
	}
	w, err := p.sign(ctx, native)
	if err != nil {
		t.rolledBack()
		return err
	}
	committing = true
	if err := tx.Commit(); err != nil {
		if err = p.settle(ctx, w, err); err != nil {
			t.rolledBack()
		}
		return err
	}
	return nil
}

// writing names a transaction that wrote: its number, and a row that stands only if it was committed. The number alone does
// not do: after a crash PostgreSQL may give it to another transaction.
type writing struct{ xid, mark string }

// sign leaves the row, among what may be seen only once and is swept away with it; nil where nothing was written.
func (p *pgDB) sign(ctx context.Context, conn *pgx.Conn) (*writing, error) {
	w := &writing{mark: "commit:" + broker.RandomToken(18)}
	err := conn.QueryRow(ctx, "INSERT INTO marks (id, taker, expires_at) SELECT $1, '', $2 WHERE pg_current_xact_id_if_assigned() IS NOT NULL "+
		"RETURNING pg_current_xact_id_if_assigned()::text", w.mark, Micro(p.db.Clock().Add(10*patience))).Scan(&w.xid)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return w, err
}

// withPool is gorm on one connection.
func withPool(ctx context.Context, g *gorm.DB, pool gorm.ConnPool) *gorm.DB {
	s := g.Session(&gorm.Session{NewDB: true, Context: ctx}) // with a context it clones the statement
	s.Statement.ConnPool = pool
	return s
}

// errUncommitted marks a transaction that is known not to have been committed.
type errUncommitted struct{ error }

func (e errUncommitted) Unwrap() error     { return e.error }
func (e errUncommitted) SafeToRetry() bool { return true }

// settle finds out what became of a transaction whose COMMIT was not answered.
func (p *pgDB) settle(ctx context.Context, w *writing, cause error) error {
	if fate(cause) == final && ctx.Err() == nil {
		return cause
	}
	if w == nil { // it wrote nothing
		return errUncommitted{cause}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for {
		var status *string
		var stands bool
		err := p.retry(ctx, func(ctx context.Context, _ bool) error {
			return p.pool.QueryRow(ctx, "SELECT pg_xact_status($1::text::xid8), EXISTS (SELECT 1 FROM marks WHERE id = $2)", w.xid, w.mark).Scan(&status, &stands)
		})
		switch {
		case err != nil:
			return unsettled{errors.Join(cause, err)}
		case stands:
			return nil
		case status == nil || *status != "in progress":
			// The snapshot may be older than the status: what was committed between the two stands now.
			return p.stands(ctx, w, cause)
		}
		if err := pause(ctx, ctx, 20*time.Millisecond); err != nil {
			return unsettled{errors.Join(cause, err)}
		}
	}
}

// stands is the last look, when the transaction is over.
func (p *pgDB) stands(ctx context.Context, w *writing, cause error) error {
	var stands bool
	err := p.retry(ctx, func(ctx context.Context, _ bool) error {
		return p.pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM marks WHERE id = $1)", w.mark).Scan(&stands)
	})
	switch {
	case err != nil:
		return unsettled{errors.Join(cause, err)}
	case stands:
		return nil
	}
	return errUncommitted{cause}
}

// unsettled hides its cause from fate: a transaction that may have been committed is not begun anew.
type unsettled struct{ cause error }

func (e unsettled) Error() string {
	return "the outcome of a transaction is not known: " + e.cause.Error()
}
func (e unsettled) Is(t error) bool { return t == context.DeadlineExceeded }

func (p *pgDB) close() error {
	if p.closed.Swap(true) {
		return nil
	}
	err := p.sql.Close()
	p.pool.Close()
	return err
}

// pgRunner is what a pool and a connection have in common.
type pgRunner interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type pgQ struct {
	p    *pgDB
	run  pgRunner
	gorm *gorm.DB
}

// numbered writes ? as $1, $2 …; no statement of ours has a ? in a literal.
func (p *pgDB) numbered(query string) string {
	if s, ok := p.queries.Load(query); ok {
		return s.(string)
	}
	parts := strings.Split(query, "?")
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	p.queries.Store(query, b.String())
	return b.String()
}

func (q pgQ) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.run.Exec(ctx, q.p.numbered(query), args...)
	return tag.RowsAffected(), err
}

func (q pgQ) Row(ctx context.Context, query string, args []any, dest ...any) error {
	return q.run.QueryRow(ctx, q.p.numbered(query), args...).Scan(dest...)
}

func (q pgQ) All(ctx context.Context, query string, args []any, each func(func(...any) error) error) error {
	rows, err := q.run.Query(ctx, q.p.numbered(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (q pgQ) Gorm(ctx context.Context) *gorm.DB { return q.gorm.WithContext(ctx) }

// wait listens on a connection of its own. wake gets false for "something changed" and true for "the line was cut
// meanwhile".
func (p *pgDB) wait(ctx context.Context) (func(), <-chan bool) {
	ctx, cancel := context.WithCancel(ctx)
	wake, done := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(done)
		for lost := false; ctx.Err() == nil; lost = true {
			err := p.listen(ctx, lost, wake)
			if ctx.Err() == nil {
				p.db.Log.Warn("listening for changes was interrupted", "error", err)
				_ = pause(ctx, ctx, time.Second)
			}
		}
	}()
	return func() { cancel(); <-done }, wake
}

func (p *pgDB) listen(ctx context.Context, lost bool, wake chan<- bool) error {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	if lost {
		select {
		case wake <- true:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		select {
		case wake <- false:
		default: // a poll is on its way already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
