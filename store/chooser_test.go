package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

func TestChooser(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) { chooser(t, open(t)) })
	}
}

func chooser(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, r := range []string{"acme", "other"} {
		storetest.Must(t, s.Realms.Create(ctx, &broker.Realm{Name: r}))
	}
	for i, name := range []string{"Zürich Versicherung", "Acme Logistics", "acme Łódź", "Beta 2 Logistics", "Logistics of Beta"} {
		storetest.Must(t, s.Connections.Create(ctx, &broker.Connection{Slug: fmt.Sprintf("c%d", i), Realm: "acme", Alias: fmt.Sprintf("a%d", i), DisplayName: name, Enabled: true}))
	}
	off := &broker.Connection{Slug: "off", Realm: "acme", Alias: "off", DisplayName: "Acme off"}
	storetest.Must(t, s.Connections.Create(ctx, off))
	hidden := &broker.Connection{Slug: "hidden", Realm: "acme", Alias: "hidden", DisplayName: "Acme hidden", Enabled: true}
	storetest.Must(t, s.Connections.Create(ctx, hidden))
	hidden.HideOnLogin = true
	storetest.Must(t, s.Connections.Update(ctx, hidden))
	storetest.Must(t, s.Connections.Create(ctx, &broker.Connection{Slug: "foreign", Realm: "other", Alias: "foreign", DisplayName: "Acme foreign", Enabled: true}))
	slugs := func(list []*broker.Connection, more bool, err error) string {
		t.Helper()
		storetest.Must(t, err)
		var out []string
		for _, c := range list {
			out = append(out, c.Slug)
		}
		return fmt.Sprint(out, more)
	}
	for _, tt := range []struct {
		query string
		only  []string
		limit int
		want  string
	}{
		{"acme", nil, 9, "[c1 c2] false"},
		{"ACME logi", nil, 9, "[c1] false"},
		{"logistics beta", nil, 9, "[c3 c4] false"},
		{"logistics", nil, 2, "[c1 c3] true"},
		{"ŁÓDŹ", nil, 9, "[c2] false"},
		{"zür", nil, 9, "[c0] false"},
		{"a3", nil, 9, "[c3] false"},
		{"2", nil, 9, "[c3] false"},
		{"ogistics", nil, 9, "[] false"},
		{"off", nil, 9, "[] false"},
		{"hidden", nil, 9, "[] false"},
		{"foreign", nil, 9, "[] false"},
		{"logistics", []string{"c4", "foreign", "off", "no"}, 9, "[c4] false"},
		{"%", nil, 9, "[] false"},
		{"", nil, 9, "[] false"},
	} {
		if got := slugs(s.Connections.Search(ctx, "acme", tt.only, tt.query, tt.limit)); got != tt.want {
			t.Errorf("search %q of %v: %s, want %s", tt.query, tt.only, got, tt.want)
		}
	}
	for _, tt := range []struct {
		after string
		only  []string
		limit int
		want  string
	}{
		{"", nil, 2, "[c1 c2] true"},
		{"c2", nil, 2, "[c3 c4] true"},
		{"c4", nil, 2, "[c0] false"},
		{"c0", nil, 2, "[] false"},
		{"off", nil, 9, "[c2 c3 c4 c0] false"}, // a place in the list, though it is not shown
		{"foreign", nil, 9, "[] false"},
		{"no", nil, 9, "[] false"},
		{"", []string{"c4", "c0", "off", "foreign"}, 9, "[c4 c0] false"},
		{"c4", []string{"c4", "c0"}, 9, "[c0] false"},
	} {
		if got := slugs(s.Connections.Visible(ctx, "acme", tt.only, tt.after, tt.limit)); got != tt.want {
			t.Errorf("after %q of %v: %s, want %s", tt.after, tt.only, got, tt.want)
		}
	}
	storetest.Must(t, s.Connections.Delete(ctx, "c1"))
	off.Enabled = true
	storetest.Must(t, s.Connections.Update(ctx, off))
	if got := slugs(s.Connections.Search(ctx, "acme", nil, "acme", 9)); got != "[off c2] false" && got != "[c2 off] false" {
		t.Errorf("after a deletion and a change: %s", got)
	}
}

// TestChooserReadsLittle: in a realm of 10,000 connections, half of them hidden, no question of a sign-in page reads more
// than a few hundred rows. PostgreSQL counts them.
func TestChooserReadsLittle(t *testing.T) {
	ctx, address := context.Background(), pgtest.Start(t)
	s := storetest.Open(t, address)
	storetest.Must(t, s.Realms.Create(ctx, &broker.Realm{Name: "acme"}))
	db, err := pgx.Connect(ctx, address)
	storetest.Must(t, err)
	defer func() { _ = db.Close(ctx) }()
	for _, statement := range []string{
		`INSERT INTO connections SELECT 'c' || i, 'acme', 'c' || i, 'company ' || i, 'c' || i || E'\ncompany ' || i, true, i % 2 = 0,
		   '{"display_name":"Company ' || i || '","enabled":true,"saml":{"metadata_xml":"' || (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 50) j) || '"}}', '', 1, 1, 1 FROM generate_series(10001, 20000) i`,
		`INSERT INTO connection_words SELECT 'acme', convert_to(w, 'UTF8'), 'c' || i FROM generate_series(10001, 20000, 2) i, LATERAL (VALUES ('company'), (i::text), ('c' || i)) v(w)`,
		`INSERT INTO connection_domains SELECT 'd' || i || '.example', 'c' || i, 'acme' FROM generate_series(10001, 20000) i`,
		`INSERT INTO connection_domains SELECT 'big.example', 'c' || i, 'acme' FROM generate_series(10001, 15000) i`,
		"ANALYZE",
	} {
		_, err := db.Exec(ctx, statement)
		storetest.Must(t, err)
	}
	read := func() (n int64) {
		// What this connection itself did while filling the tables may not be counted yet; PostgreSQL 15 can be told to.
		_, _ = db.Exec(ctx, "SELECT pg_stat_force_next_flush()")
		storetest.Must(t, db.QueryRow(ctx, "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname LIKE 'connection%') FROM pg_stat_user_tables WHERE relname LIKE 'connection%'").Scan(&n))
		return n
	}
	// What a connection of the database counted is told when it ends.
	done := func(s *store.Store) {
		storetest.Must(t, s.Close())
		for n := 1; n > 0; time.Sleep(5 * time.Millisecond) {
			storetest.Must(t, db.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&n))
		}
	}
	done(s)
	var allowed []string
	for i := range 4000 {
		allowed = append(allowed, fmt.Sprintf("c%d", 10001+2*i))
	}
	for name, ask := range map[string]func(s *store.Store) (int, error){
		"first page": func(s *store.Store) (int, error) {
			l, _, err := s.Connections.Buttons(ctx, "acme", 12)
			return len(l), err
		},
		"further page": func(s *store.Store) (int, error) {
			l, _, err := s.Connections.Visible(ctx, "acme", nil, "c15001", 12)
			return len(l), err
		},
		"an allow-list": func(s *store.Store) (int, error) {
			l, _, err := s.Connections.Visible(ctx, "acme", allowed, "", 12)
			return len(l), err
		},
		"a word of all": func(s *store.Store) (int, error) {
			l, more, err := s.Connections.Search(ctx, "acme", nil, "company", 12)
			if !more {
				t.Error("a search that finds all says that these are all")
			}
			return len(l), err
		},
		"a rare word beside it": func(s *store.Store) (int, error) {
			l, _, err := s.Connections.Search(ctx, "acme", nil, "company 15003", 12)
			return len(l), err
		},
		"a word of none": func(s *store.Store) (int, error) {
			l, _, err := s.Connections.Search(ctx, "acme", nil, "nobody", 12)
			return len(l) + 1, err
		},
		"a domain": func(s *store.Store) (int, error) {
			l, err := s.Connections.ForDomain(ctx, "acme", "d15003.example")
			return len(l), err
		},
		"a domain of thousands": func(s *store.Store) (int, error) {
			l, err := s.Connections.ForDomain(ctx, "acme", "big.example")
			return len(l), err
		},
	} {
		before := read()
		s := storetest.OpenRaw(t, address)
		if n, err := ask(s); err != nil || n == 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		done(s)
		n := read() - before
		t.Logf("%s: %d rows and index entries", name, n)
		if n > 1000 || n == 0 && name != "a word of none" {
			t.Errorf("%s read %d rows and index entries", name, n)
		}
	}
}
