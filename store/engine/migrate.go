package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"cloakroom/store/migrations"
)

// migrator brings the schema up to date. Two processes may do so at once: on PostgreSQL one waits for the other's
// session lock, on SQLite each migration is one transaction and the loser looks again.
type migrator struct {
	owner   *DB
	open    func() (db *sql.DB, done func() error, err error)
	current atomic.Bool
}

func newMigrator(owner *DB, open func() (*sql.DB, func() error, error)) *migrator {
	return &migrator{owner: owner, open: open}
}

func (m *migrator) provider(db *sql.DB) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler))}
	if m.owner.Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, db, migrations.FS, opts...)
}

// Migrate applies what is missing.
func (db *DB) Migrate(ctx context.Context) error {
	var err error
	for range 20 {
		if err = db.migrator.up(ctx); err == nil {
			return nil
		}
		if db.Postgres && fate(err) == final {
			break
		}
		if perr := pause(ctx, ctx, 250*time.Millisecond); perr != nil {
			break
		}
	}
	return fmt.Errorf("migrate: %w", err)
}

func (m *migrator) up(ctx context.Context) error {
	db, done, err := m.open()
	if err != nil {
		return err
	}
	p, err := m.provider(db)
	if err == nil {
		_, err = p.Up(ctx)
	}
	return errors.Join(err, done())
}

// Pending counts the migrations that this program has and the database has not.
func (db *DB) Pending(ctx context.Context) (int, error) {
	versions, err := migrationVersions()
	if err != nil {
		return 0, err
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, v := range versions {
		if !applied[v] {
			n++
		}
	}
	return n, nil
}

// Current reports whether the schema is as this program needs it. A newer one is: migrations only add.
func (db *DB) Current(ctx context.Context) (bool, error) {
	if db.migrator.current.Load() {
		return true, nil
	}
	n, err := db.Pending(ctx)
	if err == nil && n == 0 {
		db.migrator.current.Store(true)
	}
	return err == nil && n == 0, err
}

func (db *DB) applied(ctx context.Context) (map[int64]bool, error) {
	applied := map[int64]bool{}
	exists, err := db.HasTable(ctx, "goose_db_version")
	if err != nil || !exists {
		return applied, err
	}
	err = db.Read(ctx, func(ctx context.Context, q Q) error {
		return q.All(ctx, "SELECT version_id FROM goose_db_version WHERE is_applied", nil, func(scan func(...any) error) error {
			var v int64
			err := scan(&v)
			applied[v] = true
			return err
		})
	})
	return applied, err
}

// HasTable reports whether a table exists.
func (db *DB) HasTable(ctx context.Context, name string) (bool, error) {
	query := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
	if db.Postgres {
		query = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = ?"
	}
	var n int64
	err := db.Read(ctx, func(ctx context.Context, q Q) error { return q.Row(ctx, query, []any{name}, &n) })
	return n > 0, err
}

func migrationVersions() ([]int64, error) {
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, n := range names {
		v, err := goose.NumericComponent(n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
