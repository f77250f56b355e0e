package storetest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cloakroom/store"
	"cloakroom/store/seal"
	"cloakroom/store/storetest/pgtest"
)

// Open opens and migrates a store that is closed with the test.
func Open(t testing.TB, url string) *store.Store {
	t.Helper()
	s := OpenRaw(t, url)
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// OpenRaw opens a store without migrating it.
func OpenRaw(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{URL: url, Sealer: Keyring(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Keyring is the sealer of the tests.
func Keyring(t testing.TB) *seal.Keyring {
	t.Helper()
	k, err := keyring()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keyring() (*seal.Keyring, error) {
	return seal.New([][]byte{bytes.Repeat([]byte{7}, seal.KeySize)})
}

// SQLite opens a fresh, migrated store on SQLite.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cloakroom.db")
	if err := os.WriteFile(file, migrated(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(t, "sqlite:"+file)
}

// migrated is the file of an empty, migrated store.
func migrated(t testing.TB) []byte {
	t.Helper()
	content, err := emptySQLite()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// emptySQLite is made once a process.
var emptySQLite = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "cloakroom-empty")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.db")
	if err := migrate("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// migrate fills a fresh database and leaves it closed.
func migrate(url string) error {
	k, err := keyring()
	if err != nil {
		return err
	}
	s, err := store.Open(context.Background(), store.Options{URL: url, Sealer: k, Now: time.Now})
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(context.Background()), s.Close())
}

// SQLiteURL names a file that does not exist yet.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "cloakroom.db")
}

// Postgres opens a fresh, migrated store on PostgreSQL, or skips the test where there is none.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, PostgresURL(t))
}

// PostgresURL names a fresh, migrated database on PostgreSQL.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return pgtest.Filled(t, migrate)
}
