package store_test

import (
	"testing"

	"cloakroom/store"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.SQLite(t) })
}

func TestPostgres(t *testing.T) {
	pgtest.Start(t)
	storetest.Run(t, func(t *testing.T) *store.Store { return storetest.Postgres(t) })
}

func TestSQLiteConcurrent(t *testing.T) {
	storetest.RunConcurrent(t, func(t *testing.T) (a, b *store.Store) {
		url := storetest.SQLiteURL(t)
		return storetest.Open(t, url), storetest.Open(t, url)
	})
}

func TestPostgresConcurrent(t *testing.T) {
	pgtest.Start(t)
	storetest.RunConcurrent(t, func(t *testing.T) (a, b *store.Store) {
		url := storetest.PostgresURL(t)
		return storetest.Open(t, url), storetest.Open(t, url)
	})
}
