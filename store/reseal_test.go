package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/seal"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

// ringOf is a keyring of master keys that are one byte over and over; the one of storetest is 7.
func ringOf(t *testing.T, keys ...byte) *seal.Keyring {
	t.Helper()
	var masters [][]byte
	for _, b := range keys {
		masters = append(masters, bytes.Repeat([]byte{b}, seal.KeySize))
	}
	k, err := seal.New(masters)
	storetest.Must(t, err)
	return k
}

func openWith(t *testing.T, url string, ring *seal.Keyring) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, Sealer: ring, Now: time.Now})
	storetest.Must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestReseal(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testReseal(t, storetest.SQLiteURL(t)) })
	t.Run("postgres", func(t *testing.T) { testReseal(t, pgtest.Start(t)) })
}

// testReseal stores one of everything that is sealed, changes the master key and reseals. That it is everything is read
// off the database itself: every column in which a value of the old key is found, whoever wrote it, and none is found after.
func testReseal(t *testing.T, url string) {
	s := storetest.Open(t, url)
	storetest.Secrets(t, s)
	for i := range 70 { // more than one batch
		storetest.Connection(t, s, "acme", fmt.Sprintf("more%d", i))
	}
	storetest.Must(t, s.Close())
	old := ringOf(t, 7)
	before := sealedBy(t, url, old.Mark())
	s = openWith(t, url, ringOf(t, 8, 7))
	n, err := s.OldSeals(t.Context())
	if total := sum(before); err != nil || n != total {
		t.Errorf("%d old seals are counted, %d found, %v", n, total, err)
	}
	done := map[string]int64{}
	storetest.Must(t, s.Reseal(t.Context(), func(r store.Resealed) {
		done[r.Table+"."+r.Column] = int64(r.Done)
		if r.Lost != 0 {
			t.Errorf("lost: %+v", r)
		}
	}))
	if fmt.Sprint(done) != fmt.Sprint(before) {
		t.Errorf("resealed %v, found %v", done, before)
	}
	if left := sealedBy(t, url, old.Mark()); len(left) != 0 {
		t.Errorf("still sealed by the old key: %v", left)
	}
	storetest.Must(t, s.Reseal(t.Context(), func(r store.Resealed) { t.Errorf("again: %+v", r) }))
	storetest.Must(t, s.Close())
	s = openWith(t, url, ringOf(t, 8))
	if n, err := s.OldSeals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d old seals, %v", n, err)
	}
	readsAll(t, s)
}

// readsAll reads one of each kind of sealed value with what keys the store has.
func readsAll(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for what, err := range map[string]error{
		"connections":           second(s.Connections.Get(ctx, "op")),
		"shadows":               second(s.Shadows.Get(ctx, "op", broker.ShadowTrial)),
		"views":                 second(s.Shadows.Views(ctx, "acme", "op")),
		"webhooks":              third(s.Webhooks.List(ctx, "acme", broker.Page{})),
		"credentials":           second(s.Credentials.ByUser(ctx, "acme", "keyholder")),
		"operators' credential": second(s.Operators.Credentials(ctx, "eva")),
		"identities":            second(s.Identities.Last(ctx, "acme", "op", "")),
		"checks":                third(s.Checks.List(ctx, "acme", "op", broker.Page{})),
		"traces":                second(s.Traces.Of(ctx, "acme", "REF")),
		"tests":                 second(s.Tests.Get(ctx, "test")),
		"pages":                 second(s.Tests.Get(ctx, "paged")),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// sealedBy counts, per column of the whole database, the values that begin with a mark.
func sealedBy(t *testing.T, url string, mark []byte) map[string]int64 {
	t.Helper()
	driver, source, columns := "sqlite", "file:"+strings.TrimPrefix(url, "sqlite:"),
		"SELECT m.name, i.name FROM sqlite_master m JOIN pragma_table_info(m.name) i WHERE m.type = 'table' AND i.type = 'BYTEA'"
	place := "?"
	if strings.HasPrefix(url, "postgres") {
		driver, source, place = "pgx", url, "$1"
		columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false)) AND data_type = 'bytea'"
	}
	db, err := sql.Open(driver, source)
	storetest.Must(t, err)
	defer db.Close()
	out := map[string]int64{}
	for _, c := range pairs(t, db, columns) {
		var n int64
		query := fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE substr(%s, 1, %d) = %s", c[0], c[1], len(mark), place)
		storetest.Must(t, db.QueryRow(query, mark).Scan(&n))
		if n > 0 {
			out[c[0]+"."+c[1]] = n
		}
	}
	if _, found := out["connections.secrets"]; !found && bytes.Equal(mark, ringOf(t, 7).Mark()) && len(out) > 0 {
		t.Errorf("the search misses what there surely is: %v", out)
	}
	return out
}

func pairs(t *testing.T, db *sql.DB, query string) (out [][2]string) {
	t.Helper()
	rows, err := db.Query(query)
	storetest.Must(t, err)
	defer rows.Close()
	for rows.Next() {
		var p [2]string
		storetest.Must(t, rows.Scan(&p[0], &p[1]))
		out = append(out, p)
	}
	storetest.Must(t, rows.Err())
	return out
}

// TestResealGoesOn: what no key opens is passed by and counted, and what is stopped in the middle goes on.
func TestResealGoesOn(t *testing.T) {
	url := storetest.SQLiteURL(t)
	s := storetest.Open(t, url)
	storetest.Realm(t, s, "acme")
	for i := range 100 {
		storetest.Connection(t, s, "acme", fmt.Sprintf("c%03d", i))
	}
	storetest.Must(t, s.Close())
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite:"))
	storetest.Must(t, err)
	for _, slug := range []string{"c000", "c050", "c099"} {
		if _, err := db.Exec("UPDATE connections SET secrets = ? WHERE slug = ?", ringOf(t, 9).Seal([]byte("{}"), []byte("x")), slug); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Must(t, db.Close())
	s = openWith(t, url, ringOf(t, 8, 7))
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Reseal(stopped, func(store.Resealed) {}); err == nil {
		t.Error("went on without a context")
	}
	for range 2 {
		storetest.Must(t, s.Reseal(t.Context(), func(r store.Resealed) {
			if r.Table == "connections" && (r.Lost != 3 || r.Done != 97 && r.Done != 0) {
				t.Errorf("%+v", r)
			}
		}))
	}
	if n, err := s.OldSeals(t.Context()); n != 3 || err != nil {
		t.Errorf("%d old seals are left, %v", n, err)
	}
}
