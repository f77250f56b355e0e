package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

// Every sign-in asks who owns a domain, and every minute each replica asks which checks are due: neither may read the
// table.
const (
	ownerQuery = "SELECT * FROM domains WHERE domain = 'd77.example' AND verified LIMIT 1"
	dueQuery   = "SELECT realm, domain FROM domains WHERE check_at > 0 AND check_at <= 1000 ORDER BY check_at LIMIT 48"
)

func manyDomains(t *testing.T, s *store.Store) {
	t.Helper()
	storetest.Realm(t, s, "acme")
	storetest.Must(t, s.Tx(context.Background(), func(ctx context.Context) error {
		for i := range 3000 {
			d := &broker.Domain{Domain: fmt.Sprintf("d%d.example", i), Realm: "acme", Verified: i%2 == 1, CheckAt: time.Now().Add(time.Hour)}
			if err := s.Domains.Create(ctx, d); err != nil {
				return err
			}
		}
		return nil
	}))
}

func plan(t *testing.T, driver, dsn, explain, query string) string {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	storetest.Must(t, err)
	defer db.Close()
	if driver == "pgx" {
		_, err = db.Exec("ANALYZE domains")
		storetest.Must(t, err)
	}
	rows, err := db.Query(explain + query)
	storetest.Must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	storetest.Must(t, err)
	var out []string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(sql.NullString)
		}
		storetest.Must(t, rows.Scan(cells...))
		out = append(out, cells[len(cells)-1].(*sql.NullString).String)
	}
	storetest.Must(t, rows.Err())
	return strings.Join(out, "\n")
}

func TestADomainsOwnerIsOneIndexedRead(t *testing.T) {
	check := func(t *testing.T, driver, dsn, explain string) {
		for query, index := range map[string]string{ownerQuery: "domains_verified", dueQuery: "domains_check"} {
			got := plan(t, driver, dsn, explain, query)
			if !strings.Contains(got, index) || strings.Contains(got, "Seq Scan") || strings.Contains(got, "SCAN") || strings.Contains(got, "B-TREE") {
				t.Errorf("%s\n%s", query, got)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		url := storetest.SQLiteURL(t)
		s := storetest.Open(t, url)
		manyDomains(t, s)
		check(t, "sqlite", strings.TrimPrefix(url, "sqlite:"), "EXPLAIN QUERY PLAN ")
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Start(t)
		s := storetest.Open(t, url)
		manyDomains(t, s)
		check(t, "pgx", url, "EXPLAIN ")
	})
}
