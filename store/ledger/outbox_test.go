package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

// both runs a test on SQLite and on PostgreSQL, with a clock that it moves.
func both(t *testing.T, test func(t *testing.T, s *store.Store, pass func(time.Duration), url string)) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			var offset atomic.Int64
			address := url(t)
			s, err := store.Open(context.Background(), store.Options{URL: address, Sealer: storetest.Keyring(t), Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			storetest.Must(t, s.Migrate(context.Background()))
			storetest.Realm(t, s, "acme")
			storetest.Realm(t, s, "globex")
			test(t, s, func(d time.Duration) { offset.Add(int64(d)) }, address)
		})
	}
}

func mailTo(realm, to string) *broker.Mail {
	return &broker.Mail{Realm: realm, To: to, Locale: "pl", Kind: "invitation", Reference: "7KQ2-MX9D", Subject: "Zaproszenie żółw", Text: "needle-text", HTML: "<p>needle-html</p>", Status: broker.MailQueued}
}

func put(t *testing.T, s *store.Store, m *broker.Mail, limits ...broker.MailLimit) *broker.Mail {
	t.Helper()
	storetest.Must(t, s.Outbox.Put(context.Background(), m, limits...))
	return m
}

func reveal(t *testing.T, s *store.Store, m *broker.Mail) *broker.Mail {
	t.Helper()
	got, err := s.Outbox.Reveal(context.Background(), m.Realm, m.ID)
	storetest.Must(t, err)
	return got
}

func TestMailIsKept(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, _ func(time.Duration), _ string) {
		m := mailTo("acme", "nina@acme.example")
		m.NextAt, m.ExpiresAt, m.Secret = time.UnixMicro(1793000000000001).UTC(), time.UnixMicro(4793000000000001).UTC(), true
		put(t, s, m)
		if got := reveal(t, s, m); *got != *m {
			t.Errorf("got %+v\nput %+v", got, m)
		}
		if got, err := s.Outbox.Get(t.Context(), "acme", m.ID); err != nil || got.Text != "" || got.HTML != "" {
			t.Errorf("a secret mail is read: %+v, %v", got, err)
		}
		for _, realm := range []string{"globex", ""} {
			if _, err := s.Outbox.Reveal(t.Context(), realm, m.ID); !errors.Is(err, broker.ErrNotFound) {
				t.Errorf("realm %q reads acme's mail: %v", realm, err)
			}
		}
		own := put(t, s, mailTo("", "root@sso.example"))
		if got := reveal(t, s, own); *got != *own {
			t.Errorf("got %+v\nput %+v", got, own)
		}
		if err := s.Outbox.Put(t.Context(), mailTo("nowhere", "a@b.example")); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("a mail of no realm: %v", err)
		}
	})
}

// Links and codes are not to be read in the database's files.
func TestBodiesAreSealed(t *testing.T) {
	url := storetest.SQLiteURL(t)
	s := storetest.Open(t, url)
	storetest.Realm(t, s, "acme")
	put(t, s, mailTo("acme", "nina@acme.example"))
	storetest.Must(t, s.Close())
	file := strings.TrimPrefix(url, "sqlite:")
	for _, name := range []string{file, file + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "needle") {
			t.Errorf("%s holds the body as it is", name)
		}
		if name == file && !strings.Contains(string(b), "nina@acme.example") {
			t.Error("the test looks in the wrong place")
		}
	}
}

func TestClaim(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, pass func(time.Duration), _ string) {
		now := time.Now()
		for i := range 5 {
			put(t, s, mailTo("acme", fmt.Sprintf("n%d@acme.example", i)))
		}
		later := mailTo("acme", "later@acme.example")
		later.NextAt = now.Add(time.Hour)
		put(t, s, later)
		copied := mailTo("acme", "copy@acme.example")
		copied.Status = broker.MailCopy
		put(t, s, copied)

		first, err := s.Outbox.Claim(t.Context(), "one", 3, now.Add(time.Minute))
		if err != nil || len(first) != 3 || first[0].Text != "needle-text" || first[0].Attempts != 1 || first[0].Holder != "one" {
			t.Fatalf("%+v, %v", first, err)
		}
		second, err := s.Outbox.Claim(t.Context(), "two", 10, now.Add(time.Minute))
		if err != nil || len(second) != 2 {
			t.Fatalf("%+v, %v", second, err)
		}
		done := first[0]
		done.Status, done.SentAt, done.NextAt = broker.MailSent, now, time.Time{}
		storetest.Must(t, s.Outbox.Finish(t.Context(), done))
		if err := s.Outbox.Finish(t.Context(), done); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("finished twice: %v", err)
		}
		pass(2 * time.Minute) // both workers died
		again, err := s.Outbox.Claim(t.Context(), "three", 10, now.Add(time.Hour))
		if err != nil || len(again) != 4 || again[0].Attempts != 2 {
			t.Errorf("%d mails, %v", len(again), err)
		}
		first[1].Status = broker.MailFailed
		if err := s.Outbox.Finish(t.Context(), first[1]); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("a claim that ended still writes: %v", err)
		}
		if n, since, err := s.Outbox.Backlog(t.Context()); err != nil || n != 5 || since.IsZero() {
			t.Errorf("backlog %d since %v, %v", n, since, err)
		}
	})
}

// Of many who claim at once nobody gets another's mail.
func TestClaimsAreApart(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, _ func(time.Duration), url string) {
		const n = 80
		for i := range n {
			put(t, s, mailTo("acme", fmt.Sprintf("n%d@acme.example", i)))
		}
		other := storetest.Open(t, url)
		var seen sync.Map
		var taken atomic.Int64
		var all sync.WaitGroup
		for w := range 8 {
			box := s.Outbox
			if w%2 == 1 {
				box = other.Outbox
			}
			all.Go(func() {
				for {
					got, err := box.Claim(context.Background(), fmt.Sprint(w), 3, time.Now().Add(time.Hour))
					if err != nil || len(got) == 0 {
						if err != nil {
							t.Error(err)
						}
						return
					}
					for _, m := range got {
						taken.Add(1)
						if _, twice := seen.LoadOrStore(m.ID, true); twice {
							t.Errorf("mail %s was claimed twice", m.ID)
						}
					}
				}
			})
		}
		all.Wait()
		// A worker that skipped the others' rows may have gone home early: what is left is still there.
		rest, err := s.Outbox.Claim(t.Context(), "last", n, time.Now().Add(time.Hour))
		if err != nil || taken.Load()+int64(len(rest)) != n {
			t.Errorf("%d claimed and %d left of %d, %v", taken.Load(), len(rest), n, err)
		}
	})
}

// Fifty at once do not get more through than the limit lets.
func TestLimitHoldsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, pass func(time.Duration), _ string) {
		limit := broker.MailLimit{To: "nina@acme.example", Kinds: []string{"invitation", "other"}, Max: 5, Per: time.Hour}
		var ok, limited atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				switch err := s.Outbox.Put(context.Background(), mailTo("acme", "nina@acme.example"), limit); fault.CodeOf(err) {
				case "":
					ok.Add(1)
				case fault.RateLimited:
					limited.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if ok.Load() != 5 || limited.Load() != 45 {
			t.Errorf("%d taken, %d refused", ok.Load(), limited.Load())
		}
		put(t, s, mailTo("acme", "otto@acme.example"), broker.MailLimit{To: "otto@acme.example", Max: 1, Per: time.Hour})
		realm := broker.MailLimit{Realm: "acme", Max: 6, Per: time.Hour}
		if err := s.Outbox.Put(t.Context(), mailTo("acme", "x@acme.example"), realm); fault.CodeOf(err) != fault.RateLimited {
			t.Errorf("the realm's limit: %v", err)
		}
		realm.Realm = "globex"
		put(t, s, mailTo("globex", "x@acme.example"), realm)
		pass(time.Hour)
		put(t, s, mailTo("acme", "nina@acme.example"), limit)
	})
}

func TestListOfMails(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, _ func(time.Duration), _ string) {
		var want []string
		for i := range 7 {
			m := put(t, s, mailTo("acme", fmt.Sprintf("n_%d@acme.example", i)))
			want = append([]string{m.ID}, want...)
			time.Sleep(2 * time.Millisecond)
		}
		put(t, s, mailTo("globex", "n_1@globex.example"))
		var got []string
		p := broker.Page{Limit: 3}
		for {
			page, next, err := s.Outbox.List(t.Context(), "acme", p)
			storetest.Must(t, err)
			for _, m := range page {
				got = append(got, m.ID)
				if m.Text != "" || m.HTML != "" || m.Realm != "acme" {
					t.Errorf("%+v", m)
				}
			}
			if p.Cursor = next; next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %v\nwant %v", got, want)
		}
		for query, n := range map[string]int{"N_1@": 2, "n%": 0, "n_1@acme": 1, "": 8, "x\x00y": 0} {
			page, _, err := s.Outbox.List(t.Context(), "", broker.Page{Query: query})
			if err != nil || len(page) != n {
				t.Errorf("query %q: %d mails, %v", query, len(page), err)
			}
		}
		storetest.Must(t, s.Outbox.Forget(t.Context(), "acme", "n_1@acme.example"))
		if page, _, _ := s.Outbox.List(t.Context(), "acme", broker.Page{}); len(page) != 6 {
			t.Errorf("%d mails after forgetting one", len(page))
		}
		storetest.Must(t, s.Realms.Delete(t.Context(), "acme"))
		if page, _, _ := s.Outbox.List(t.Context(), "", broker.Page{}); len(page) != 1 {
			t.Errorf("%d mails outlive their realm", len(page)-1)
		}
	})
}

func TestSweepOfMails(t *testing.T) {
	both(t, func(t *testing.T, s *store.Store, pass func(time.Duration), _ string) {
		now := time.Now()
		short := mailTo("acme", "short@acme.example")
		short.ExpiresAt, short.Status = now.Add(time.Minute), broker.MailCopy
		waiting := mailTo("acme", "waiting@acme.example")
		waiting.ExpiresAt, waiting.NextAt = now.Add(time.Minute), now.Add(time.Hour)
		queued, done := mailTo("acme", "queued@acme.example"), mailTo("acme", "done@acme.example")
		for _, m := range []*broker.Mail{short, waiting, queued, done} {
			put(t, s, m)
		}
		claimed, err := s.Outbox.Claim(t.Context(), "w", 10, now.Add(time.Minute))
		storetest.Must(t, err)
		for _, m := range claimed {
			if m.To == done.To {
				m.Status, m.SentAt = broker.MailSent, now
			}
			storetest.Must(t, s.Outbox.Finish(t.Context(), m))
		}
		pass(2 * time.Minute)
		storetest.Must(t, s.Outbox.Sweep(t.Context(), now.Add(-time.Hour), now.Add(-time.Hour)))
		for _, m := range []*broker.Mail{short, waiting} {
			if got := reveal(t, s, m); got.Status != broker.MailFailed || got.Code != string(fault.MailExpired) || got.Text != "" {
				t.Errorf("%+v", got)
			}
			if err := s.Outbox.Retry(t.Context(), "acme", m.ID); !errors.Is(err, broker.ErrNotFound) {
				t.Errorf("an expired mail is tried again: %v", err)
			}
		}
		if got := reveal(t, s, done); got.Text == "" {
			t.Error("a body was erased too early")
		}
		storetest.Must(t, s.Outbox.Sweep(t.Context(), now.Add(time.Hour), now.Add(-time.Hour)))
		if a, b := reveal(t, s, done), reveal(t, s, queued); a.Text != "" || a.Subject == "" || b.Text == "" {
			t.Errorf("done %+v, queued %+v", a, b)
		}
		storetest.Must(t, s.Outbox.Sweep(t.Context(), now.Add(time.Hour), now.Add(time.Hour)))
		if page, _, _ := s.Outbox.List(t.Context(), "acme", broker.Page{}); len(page) != 1 || page[0].ID != queued.ID {
			t.Errorf("%d mails are left", len(page))
		}
	})
}
