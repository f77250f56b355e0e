package signin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"cloakroom/broker"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

const people = 20 // in each realm

// BenchmarkRouting measures what a sign-in costs an installation of 5,000 realms with two connections each and 100,000
// people, on PostgreSQL, and what it costs one of a single realm. Times are the server's, from the request to the end of
// its answer, of which the median and the 99th percentile are told.
//
//	route  POST /login with anybody's address, mostly of a realm that no cache knows yet
//	login  from the application's request to its code, by somebody known, in one of the realms in use (200, or the one)
func BenchmarkRouting(b *testing.B) {
	for _, realms := range []int{1, 5000} {
		w := crowd(b, realms)
		b.Run(fmt.Sprintf("route/realms=%d", realms), func(b *testing.B) {
			w.timed(b, func(n int) time.Duration { return w.route(b, n, 1+rand.IntN(realms)) })
		})
		busy := min(realms, 200)
		for i := range busy {
			w.login(b, i, 1+i)
		}
		b.Run(fmt.Sprintf("login/realms=%d", realms), func(b *testing.B) {
			w.timed(b, func(n int) time.Duration { return w.login(b, 1000+n, 1+rand.IntN(busy)) })
		})
	}
}

// timed runs one step b.N times and reports how long it took.
func (w *world) timed(b *testing.B, step func(n int) time.Duration) {
	var took []time.Duration
	for b.Loop() {
		took = append(took, step(len(took)))
	}
	slices.Sort(took)
	ms := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1e3 }
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}

// visitor comes from an address of its own, so that nobody's limit is reached.
func (w *world) visitor(n int) *browser {
	v := w.browser()
	v.from = fmt.Sprintf("10.%d.%d.%d:4000", n>>16&255, n>>8&255, n&255)
	return v
}

func (w *world) route(b *testing.B, n, realm int) time.Duration {
	v, form := w.visitor(n), url.Values{"email": {fmt.Sprintf("u%d@r%d.example", 1+rand.IntN(people), realm)}}
	began := time.Now()
	p := v.do(http.MethodPost, "/login", form)
	took := time.Since(began)
	wantAt(b, p, fmt.Sprintf("idp r%d-a", realm))
	return took
}

func (w *world) login(b *testing.B, n, realm int) time.Duration {
	who := 1 + rand.IntN(people)
	address := fmt.Sprintf("u%d@r%d.example", who, realm)
	v := w.visitor(n)
	began := time.Now()
	p := v.answer(v.authorize(fmt.Sprintf("r%d", realm), "login_hint", address), identity{Sub: fmt.Sprintf("s%d", who), Email: address})
	took := time.Since(began)
	wantAt(b, p, "app code")
	return took
}

// crowd is an installation of n realms. The first is made as any; the others are copies of its rows.
func crowd(b *testing.B, n int) *world {
	b.Helper()
	address := pgtest.Start(b)
	w := newWorld(b, storetest.Open(b, address))
	w.realm("r1", func(r *broker.Realm) { r.DefaultClientID = "app" })
	w.client("r1", nil)
	w.domain("r1", "r1.example")
	w.connection("r1", "r1-a", []string{"r1.example"}, nil)
	w.connection("r1", "r1-b", []string{"lab.r1.example"}, nil)
	for k := 1; k <= people; k++ {
		id := fmt.Sprintf("user-%d-r1", k)
		must(b, w.store.Links.CreateUserWithLink(b.Context(),
			&broker.User{ID: id, Realm: "r1", Email: fmt.Sprintf("u%d@r1.example", k), EmailVerified: true, Groups: []string{}, Attributes: map[string][]string{}},
			&broker.Link{Connection: "r1-a", Subject: fmt.Sprintf("https://r1-a.idp.example|s%d", k), Realm: "r1", UserID: id}))
	}
	copyRealm(b, address, n)
	return w
}

// copyRealm makes realms 2 to n out of realm r1. Whatever text has r1 in it gets the copy's name instead.
func copyRealm(b *testing.B, address string, n int) {
	b.Helper()
	db, err := pgx.Connect(b.Context(), address)
	must(b, err)
	defer func() { _ = db.Close(b.Context()) }()
	for _, table := range []string{"realms", "clients", "domains", "connections", "connection_domains", "connection_words", "users", "links"} {
		var columns []string
		rows, err := db.Query(b.Context(), `SELECT CASE
			WHEN data_type = 'text' THEN format('regexp_replace(%1$I, ''\mr1\M'', ''r'' || i, ''g'')', column_name)
			WHEN table_name = 'connection_words' AND column_name = 'word' THEN 'convert_to(regexp_replace(convert_from(word, ''UTF8''), ''\mr1\M'', ''r'' || i, ''g''), ''UTF8'')'
			ELSE quote_ident(column_name) END FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`, table)
		must(b, err)
		columns, err = pgx.CollectRows(rows, pgx.RowTo[string])
		must(b, err)
		list := ""
		for i, c := range columns {
			if list += c; i < len(columns)-1 {
				list += ", "
			}
		}
		_, err = db.Exec(b.Context(), fmt.Sprintf("INSERT INTO %s SELECT %s FROM %s, generate_series(2, %d) i", table, list, table, n))
		must(b, err)
	}
	_, err = db.Exec(b.Context(), "ANALYZE")
	must(b, err)
}
