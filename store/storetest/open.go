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
	k, err := seal.New([][]byte{bytes.Repeat([]byte{7}, seal.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	return k
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

// migrated is the file of an empty, migrated store. It is made once a process.
func migrated(t testing.TB) []byte {
	t.Helper()
	emptySQLite.once.Do(func() {
		file := filepath.Join(t.TempDir(), "empty.db")
		migrate(t, "sqlite:"+file)
		emptySQLite.content, _ = os.ReadFile(file)
	})
	return emptySQLite.content
}

var emptySQLite struct {
	once    sync.Once
	content []byte
}

// migrate fills a fresh database and leaves it closed.
func migrate(t testing.TB, url string) {
	t.Helper()
	s := OpenRaw(t, url)
	if err := errors.Join(s.Migrate(context.Background()), s.Close()); err != nil {
		t.Fatal(err)
	}
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
	return pgtest.Filled(t, func(url string) { migrate(t, url) })
}
