package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/storetest"
)

// BenchmarkHot measures what one login asks of the store, a verb each, in wall time and in CPU time of this process
// (that of PostgreSQL's is not in it).
func BenchmarkHot(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) { hot(b, open(b)) })
	}
}

func hot(b *testing.B, s *store.Store) {
	ctx, until := context.Background(), time.Now().Add(time.Hour)
	storetest.Must(b, s.Realms.Create(ctx, &broker.Realm{Name: "acme"}))
	storetest.Must(b, s.Connections.Create(ctx, &broker.Connection{Slug: "op", Realm: "acme", Alias: "op"}))
	user := &broker.User{ID: "u", Realm: "acme", Email: "u@acme.example", Groups: []string{"a", "b"}, Attributes: map[string][]string{"mail": {"u@acme.example"}}}
	storetest.Must(b, s.Links.CreateUserWithLink(ctx, user, &broker.Link{Connection: "op", Subject: "sub", Realm: "acme", UserID: "u"}))
	storetest.Must(b, s.Sessions.Create(ctx, &broker.Session{ID: "s", SID: "sid", Realm: "acme", UserID: "u", ExpiresAt: until, IdleUntil: until}))
	storetest.Must(b, s.Grants.Create(ctx, newGrant("g")))
	var n atomic.Int64
	id := func(p string) string { return fmt.Sprintf("%s%d", p, n.Add(1)) }
	var codes []string
	for _, op := range []struct {
		name string
		run  func() error
	}{
		{"Links.Find", func() error { _, _, err := s.Links.Find(ctx, "op", "sub"); return err }},
		{"Sessions.Get", func() error { _, err := s.Sessions.Get(ctx, "acme", "s"); return err }},
		{"Grants.Get", func() error { _, err := s.Grants.Get(ctx, "acme", "g"); return err }},
		{"Sessions.Create", func() error {
			i := id("s")
			return s.Sessions.Create(ctx, &broker.Session{ID: i, SID: i, Realm: "acme", UserID: "u", Connection: "op", ExpiresAt: until, IdleUntil: until})
		}},
		{"Grants.Create", func() error { i := id("g"); codes = append(codes, i); return s.Grants.Create(ctx, newGrant(i)) }},
		{"Grants.Redeem", func() error {
			if len(codes) == 0 {
				return nil
			}
			_, _, err := s.Grants.Redeem(ctx, "acme", "code-"+codes[0], time.Now())
			codes = codes[1:]
			return err
		}},
		{"Grants.Rotate", func() error {
			g, err := s.Grants.Get(ctx, "acme", "g")
			if err == nil {
				_, _, err = s.Grants.Rotate(ctx, "g", g.Generation, time.Now(), time.Minute, until)
			}
			return err
		}},
		{"Parked.Park", func() error {
			i := id("p")
			_, err := s.Parked.Park(ctx, i, []byte("answer"), until, "op", []flow.Mark{{ID: i, Until: until}})
			return err
		}},
	} {
		b.Run(op.name, func(b *testing.B) {
			before := cpu()
			for b.Loop() {
				if err := op.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
	b.Run("Grants.Create, 64 at once", func(b *testing.B) {
		before := cpu()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := s.Grants.Create(ctx, newGrant(id("p"))); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
	})
}

func cpu() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
