package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"cloakroom/broker/fault"
)

// sqliteDB is one writing connection, used by one goroutine, and a pool of readers, which WAL lets read on meanwhile.
//
// Writes are queued. The writer takes what is waiting into one transaction, each part under its own savepoint where it
// needs one, and commits once: one fsync answers many callers.
type sqliteDB struct {
	db      *DB
	file    string // with the writer's pragmas
	write   *sql.DB
	readers *sql.DB
	writer  liteQ
	reader  liteQ
	jobs    chan *job
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

const (
	groupSize = 128                   // parts of one commit, at most
	groupTime = 10 * time.Millisecond // how long parts are added to it
)

// job is one caller's part. A single statement of ours is run by the writer; a transaction's function, which is anybody's
// code, is run by its caller while the writer waits, so that a panic in it is the caller's.
type job struct {
	ctx     context.Context
	fn      func(context.Context) error
	partial bool // a transaction's function: needs a savepoint
	state   atomic.Int32
	turn    chan struct{} // the writer says: yours
	ran     chan struct{} // the caller says: done
	done    chan struct{} // the writer says: committed
	err     error
}

const (
	queued = iota
	running
	abandoned
)

func openSQLite(ctx context.Context, db *DB, path string) error {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.ContainsAny(path, "?#") {
		return fmt.Errorf("sqlite:%s does not name a file", path)
	}
	if err := makePrivate(path); err != nil {
		return err
	}
	s := &sqliteDB{db: db, jobs: make(chan *job, groupSize), stop: make(chan struct{}), stopped: make(chan struct{})}
	if err := s.open(ctx, path); err != nil {
		return errors.Join(err, s.closeFiles())
	}
	db.backend = s
	db.migrator = newMigrator(db, func() (*sql.DB, func() error, error) {
		own, err := sql.Open("sqlite", s.file)
		return own, own.Close, err
	})
	go s.run()
	return nil
}

// makePrivate makes the file before SQLite would, with nobody else's eyes on it; -wal and -shm get the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *sqliteDB) open(ctx context.Context, path string) (err error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// A commit that was answered survives a power cut: synchronous=FULL.
	common := "_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)&_pragma=temp_store(MEMORY)"
	file := "file:" + (&url.URL{Path: full}).EscapedPath() + "?" + common
	s.file = file + "&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(67108864)&_txlock=immediate"
	if s.write, err = sql.Open("sqlite", s.file); err != nil {
		return err
	}
	// One connection that never goes: BEGIN and COMMIT are statements of their own. (Not a sql.Conn: what is prepared on
	// one is not given back when it closes, and SQLite then leaves its log unfolded.)
	s.write.SetMaxOpenConns(1)
	if err := s.write.PingContext(ctx); err != nil {
		return err
	}
	if s.readers, err = sql.Open("sqlite", file+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	n := s.db.MaxConns
	if n <= 0 {
		n = 8
	}
	s.readers.SetMaxOpenConns(n)
	s.readers.SetMaxIdleConns(n)
	if s.writer, err = newLiteQ(s.write); err != nil {
		return err
	}
	s.reader, err = newLiteQ(s.readers)
	return err
}

func (s *sqliteDB) read(ctx context.Context, fn func(context.Context, Q) error) error {
	if s.closed() {
		return errClosed
	}
	err := fn(ctx, s.reader)
	if err != nil && s.closed() {
		return errClosed
	}
	return err
}

func (s *sqliteDB) closed() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

func (s *sqliteDB) do(ctx context.Context, fn func(context.Context, Q, bool) error) error {
	return s.submit(ctx, false, func(ctx context.Context) error { return fn(ctx, s.writer, false) })
}

func (s *sqliteDB) tx(ctx context.Context, fn func(context.Context, *Txn) error) error {
	t := &Txn{Q: s.writer}
	err := s.submit(ctx, true, func(ctx context.Context) error { return fn(ctx, t) })
	if err != nil {
		t.rolledBack() // the commit, which others share, may be what failed
	}
	return err
}

// submit queues a part and waits for the commit it is in. A caller that gives up before its part was begun takes it back.
func (s *sqliteDB) submit(ctx context.Context, partial bool, fn func(context.Context) error) error {
	j := &job{ctx: ctx, fn: fn, partial: partial, done: make(chan struct{})}
	if partial {
		j.turn, j.ran = make(chan struct{}), make(chan struct{})
	}
	limit := time.NewTimer(deadline)
	defer limit.Stop()
	if s.closed() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return err // nothing is begun for a caller that has already gone, also when there is room in the queue
	}
	select {
	case s.jobs <- j:
	case <-s.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return context.DeadlineExceeded
	}
	return s.await(j, limit.C)
}

func (s *sqliteDB) await(j *job, limit <-chan time.Time) error {
	var gaveUp error
	select {
	case <-j.done:
		return j.err
	case <-j.turn:
		j.run()
		<-j.done
		return j.err
	case <-s.stopped:
		gaveUp = errClosed
	case <-j.ctx.Done():
		gaveUp = j.ctx.Err()
	case <-limit:
		gaveUp = context.DeadlineExceeded
	}
	if j.state.CompareAndSwap(queued, abandoned) {
		return gaveUp
	}
	if j.partial {
		<-j.turn
		j.run()
	}
	<-j.done
	return j.err
}

func (s *sqliteDB) run() {
	defer close(s.stopped)
	for {
		select {
		case j := <-s.jobs:
			s.group(j)
		case <-s.stop:
			for {
				select {
				case j := <-s.jobs:
					s.group(j)
				default:
					return
				}
			}
		}
	}
}

// group runs a part and what else is waiting in one transaction.
func (s *sqliteDB) group(first *job) {
	ctx := context.Background()
	began := s.db.Now()
	_, failed := s.writer.Exec(ctx, "BEGIN IMMEDIATE")
	var ran []*job
	for j := first; j != nil; j = s.next(len(ran), began) {
		if !j.state.CompareAndSwap(queued, running) {
			continue
		}
		ran = append(ran, j)
		if failed == nil {
			failed = s.part(j)
		}
	}
	if failed == nil {
		_, failed = s.writer.Exec(ctx, "COMMIT")
	}
	if failed != nil {
		_, _ = s.writer.Exec(ctx, "ROLLBACK")
	}
	for _, j := range ran {
		if failed != nil && j.err == nil {
			j.err = failed
		}
		close(j.done)
	}
}

func (s *sqliteDB) next(n int, began time.Time) *job {
	if n >= groupSize || s.db.Now().Sub(began) > groupTime {
		return nil
	}
	select {
	case j := <-s.jobs:
		return j
	default:
		return nil
	}
}

// part runs one part. Its own failure is its caller's; what it answers is a failure of the whole transaction.
func (s *sqliteDB) part(j *job) error {
	// SQLite undoes a whole transaction when a statement in it is interrupted, so no caller's context gets that far.
	ctx := context.WithoutCancel(j.ctx)
	if !j.partial {
		j.err = j.fn(ctx)
		return s.alive(j)
	}
	if _, err := s.writer.Exec(ctx, "SAVEPOINT part"); err != nil {
		return err
	}
	j.turn <- struct{}{}
	if <-j.ran; j.err != nil {
		if _, err := s.writer.Exec(ctx, "ROLLBACK TO SAVEPOINT part"); err != nil {
			return err
		}
	}
	_, err := s.writer.Exec(ctx, "RELEASE SAVEPOINT part")
	return err
}

// alive finds out, after an error that can do so (disk full, I/O), whether SQLite has undone the whole transaction.
func (s *sqliteDB) alive(j *job) error {
	if j.err == nil {
		return nil
	}
	if code, known := meaning(j.err); !known || code != fault.Unavailable {
		return nil
	}
	return j.err
}

// run runs a transaction's function in its caller's goroutine. A panic, or a test that ends in it, undoes it.
func (j *job) run() {
	err := errors.New("the transaction's function did not return")
	defer func() { j.err = err; close(j.ran) }()
	err = j.fn(context.WithoutCancel(j.ctx))
}

func (s *sqliteDB) close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		<-s.stopped
		err = s.closeFiles()
	})
	return err
}

func (s *sqliteDB) closeFiles() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(errs...)
}

// wait: another process on the same file is noticed by polling alone.
func (s *sqliteDB) wait(context.Context) (func(), <-chan bool) { return func() {}, nil }

// liteQ runs statements that were prepared once.
type liteQ struct {
	pool  gorm.ConnPool
	stmts *sync.Map // query -> *sql.Stmt
	gorm  *gorm.DB
}

func newLiteQ(pool gorm.ConnPool) (liteQ, error) {
	g, err := gorm.Open(&sqlite.Dialector{DriverName: "sqlite", Conn: pool}, gormConfig(true))
	return liteQ{pool: pool, stmts: &sync.Map{}, gorm: g}, err
}

// gormConfig: PostgreSQL's driver prepares and keeps statements by itself, SQLite's leaves that to gorm.
func gormConfig(prepare bool) *gorm.Config {
	return &gorm.Config{SkipDefaultTransaction: true, PrepareStmt: prepare, DisableAutomaticPing: true, Logger: logger.Discard}
}

func (q liteQ) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := q.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := q.pool.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	if other, loaded := q.stmts.LoadOrStore(query, s); loaded {
		_ = s.Close()
		return other.(*sql.Stmt), nil
	}
	return s, nil
}

func (q liteQ) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := q.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (q liteQ) Row(ctx context.Context, query string, args []any, dest ...any) error {
	s, err := q.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(dest...)
}

func (q liteQ) All(ctx context.Context, query string, args []any, each func(func(...any) error) error) error {
	s, err := q.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
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

func (q liteQ) Gorm(ctx context.Context) *gorm.DB { return q.gorm.WithContext(ctx) }
