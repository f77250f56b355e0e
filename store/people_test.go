package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

// What lists of people ask, with the index that must answer it: a page is neither sorted nor looked for in the table.
// They are the statements of Users.Find with their arguments in place.
func peopleQueries() map[string]string {
	const from = "SELECT u.id FROM "
	const join = " d JOIN users u ON u.realm = d.realm AND u.id = d.user_id WHERE d.realm = 'acme' AND "
	key := fmt.Sprintf("%x", "p0001")
	return map[string]string{
		"users_prefix": from + "users u WHERE u.realm = 'acme' AND u.email_key >= '" + key + "' AND u.email_key < '" + key + "g' ORDER BY u.email_key, u.id LIMIT 51",
		"user_groups":  from + "user_groups" + join + "d.name = 'g7' AND d.user_id > '0100' ORDER BY d.user_id LIMIT 51",
		"links_people": from + "links" + join + "d.connection = 'op' AND NOT EXISTS (SELECT 1 FROM links x WHERE x.realm = d.realm AND x.connection = d.connection AND x.user_id = d.user_id AND x.subject < d.subject)" +
			" AND d.user_id > '0100' ORDER BY d.user_id LIMIT 51",
		"links_subject": from + "links" + join + "d.subject = '0100' ORDER BY d.user_id LIMIT 51",
		"users_like":    "SELECT like_address, COUNT(*) FROM users WHERE realm = 'acme' AND like_address <> '' AND like_address > 'x' GROUP BY like_address HAVING COUNT(*) > 1 ORDER BY like_address LIMIT 51",
	}
}

func manyPeople(t *testing.T, s *store.Store) {
	t.Helper()
	storetest.Realm(t, s, "acme")
	storetest.Connection(t, s, "acme", "op")
	storetest.Connection(t, s, "acme", "big")
	storetest.Must(t, s.Tx(context.Background(), func(ctx context.Context) error {
		for i := range 2000 {
			u := &broker.User{ID: fmt.Sprintf("%04d", i), Realm: "acme", Email: fmt.Sprintf("p%04d@acme.example", i), Groups: []string{fmt.Sprintf("g%d", i%20)}}
			if err := s.Links.CreateUserWithLink(ctx, u, &broker.Link{Connection: []string{"big", "big", "big", "op"}[i%4], Subject: u.ID, Realm: "acme", UserID: u.ID}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestListsOfPeopleReadAnIndex(t *testing.T) {
	check := func(t *testing.T, driver, dsn, explain string) {
		for index, query := range peopleQueries() {
			got := plan(t, driver, dsn, explain, query)
			if !strings.Contains(got, index) || strings.Contains(got, "Seq Scan on users") || strings.Contains(got, "SCAN u") || strings.Contains(got, "Sort Key: u.") || strings.Contains(got, "B-TREE") {
				t.Errorf("%s\n%s", query, got)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		url := storetest.SQLiteURL(t)
		manyPeople(t, storetest.Open(t, url))
		check(t, "sqlite", strings.TrimPrefix(url, "sqlite:"), "EXPLAIN QUERY PLAN ")
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Start(t)
		manyPeople(t, storetest.Open(t, url))
		plan(t, "pgx", url, "", "ANALYZE")
		check(t, "pgx", url, "EXPLAIN ")
	})
}
