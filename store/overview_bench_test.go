package store_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/storetest"
)

var overviewTraces = flag.Int("traces", 100_000, "how many traces BenchmarkOverview fills in first; a million takes ten minutes")

// BenchmarkOverview measures the console's lists and search over 2,000 realms, 10,000 connections and -traces traces:
//
//	go test ./store -run '^$' -bench Overview -traces 1000000
func BenchmarkOverview(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			estate(b, s, 2000, *overviewTraces)
			overviews(b, s)
		})
	}
}

// estate fills a store: five connections, a domain, a client and five people to a realm.
func estate(b *testing.B, s *store.Store, realms, traces int) {
	ctx := context.Background()
	for i := 0; i < realms; i += 100 {
		storetest.Must(b, s.Tx(ctx, func(ctx context.Context) error {
			for j := i; j < i+100; j++ {
				if err := tenant(ctx, s, j); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	now := time.Now()
	for i := range traces {
		realm := i % realms
		t := broker.Trace{
			At: now.Add(-time.Duration(i%(30*24*60)) * time.Minute), Realm: fmt.Sprintf("customer-%d", realm), Ref: fmt.Sprintf("%04d-%04d", i/10000, i%10000),
			Connection: fmt.Sprintf("c%d-%d", realm, i/realms%5), Client: "app", Email: fmt.Sprintf("person%d@customer-%d.example", i%5, realm), Outcome: "succeeded",
		}
		if i%11 == 0 {
			t.Outcome, t.Code = "failed", "saml.audience_mismatch"
		}
		s.Traces.Log(t)
		if i%2048 == 0 { // the queue holds twice as many
			settled(b, s, int64(i+1))
		}
	}
	settled(b, s, int64(traces))
}

func tenant(ctx context.Context, s *store.Store, i int) error {
	realm := fmt.Sprintf("customer-%d", i)
	if err := s.Realms.Create(ctx, &broker.Realm{Name: realm, DisplayName: fmt.Sprintf("Customer %d Ltd", i)}); err != nil {
		return err
	}
	for j := range 5 {
		c := &broker.Connection{Slug: fmt.Sprintf("c%d-%d", i, j), Realm: realm, Protocol: "oidc", Enabled: true, Domains: []string{fmt.Sprintf("d%d.%s.example", j, realm)},
			OIDC: &broker.OIDC{Issuer: fmt.Sprintf("https://idp%d.example/%d", i, j), ClientID: fmt.Sprintf("client-%d-%d", i, j)}}
		c.Defaults()
		if err := s.Connections.Create(ctx, c); err != nil {
			return err
		}
		u := &broker.User{ID: fmt.Sprintf("u%d-%d", i, j), Realm: realm, Email: fmt.Sprintf("person%d@%s.example", j, realm)}
		if err := s.Links.CreateUserWithLink(ctx, u, &broker.Link{Connection: c.Slug, Subject: "s", Realm: realm, UserID: u.ID}); err != nil {
			return err
		}
	}
	if err := s.Domains.Create(ctx, &broker.Domain{Realm: realm, Domain: realm + ".example"}); err != nil {
		return err
	}
	return s.Clients.Create(ctx, &broker.Client{Realm: realm, ClientID: "app", DisplayName: fmt.Sprintf("Portal of %d", i)})
}

// settled waits until so many traces are counted.
func settled(b *testing.B, s *store.Store, want int64) {
	for {
		days, err := s.Stats.Daily(context.Background(), nil, broker.CountScope{}, time.Now().AddDate(0, 0, -40))
		storetest.Must(b, err)
		var n int64
		for _, d := range days {
			n += d.OK + d.Failed
		}
		if n >= want || s.Traces.Dropped() > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := s.Traces.Dropped(); n > 0 {
		b.Fatalf("%d traces were dropped", n)
	}
}

func overviews(b *testing.B, s *store.Store) {
	ctx := context.Background()
	list := func(f broker.ConnectionFilter) func() error {
		return func() error {
			_, _, err := s.Overview.Connections(ctx, nil, f, broker.Page{})
			return err
		}
	}
	search := func(q string) func() error {
		return func() error { _, err := s.Overview.Search(ctx, nil, q, 8); return err }
	}
	for _, op := range []struct {
		name string
		run  func() error
	}{
		{"connections", list(broker.ConnectionFilter{})},
		{"connections in error", list(broker.ConnectionFilter{Status: broker.HealthError})},
		{"connections that are off", list(broker.ConnectionFilter{Status: broker.HealthOff})},
		{"connections by nothing there", list(broker.ConnectionFilter{Query: "nothing of this name"})},
		{"connections by address", list(broker.ConnectionFilter{Query: "person3@customer-150.example"})},
		{"connections by reference", list(broker.ConnectionFilter{Query: "0007-0123"})},
		{"realms", func() error { _, _, err := s.Overview.Realms(ctx, nil, broker.Page{}); return err }},
		{"statuses", func() error { _, err := s.Overview.Statuses(ctx, nil); return err }},
		{"search, nothing there", search("nothing of this name")},
		{"search, a customer", search("customer-150")},
		{"search, a reference", search("0007-0123")},
		{"daily", func() error {
			_, err := s.Stats.Daily(ctx, nil, broker.CountScope{}, time.Now().AddDate(0, 0, -30))
			return err
		}},
	} {
		b.Run(op.name, func(b *testing.B) {
			for b.Loop() {
				if err := op.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
