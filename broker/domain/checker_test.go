package domain_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/domain/dnstest"
	"cloakroom/broker/registry"
	"cloakroom/store"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

const day = 24 * time.Hour

// world is a checker over a real store and a real name server, at a time of its own.
type world struct {
	*domain.Checker
	t     *testing.T
	store *store.Store
	dns   *dnstest.Server
	log   bytes.Buffer

	mu      sync.Mutex
	now     time.Time
	notices []domain.Notice
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{t: t, dns: dnstest.Start(t), now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	w.store = w.open(url)
	storetest.Must(t, w.store.Migrate(context.Background()))
	w.Checker = w.checker(w.store)
	storetest.Realm(t, w.store, "acme")
	storetest.Realm(t, w.store, "rival")
	return w
}

func (w *world) open(url string) *store.Store {
	w.t.Helper()
	s, err := store.Open(context.Background(), store.Options{URL: url, Sealer: storetest.Keyring(w.t), Now: w.clock})
	storetest.Must(w.t, err)
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (w *world) checker(s *store.Store) *domain.Checker {
	return &domain.Checker{
		Claims: s.Domains, Events: s.Events, Tx: s.Tx, TXT: w.dns.Resolver().LookupTXT, Now: w.clock,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Notify: func(_ context.Context, n domain.Notice) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices = append(w.notices, n)
			return nil
		},
	}
}

// proved makes a claim of acme that was proved by DNS now.
func (w *world) proved() {
	w.t.Helper()
	d := claim()
	domain.Prove(d, w.now)
	storetest.Must(w.t, w.store.Domains.Create(context.Background(), d))
	w.publish()
}

func (w *world) publish() { w.dns.Set("_cloakroom.acme.example", dnstest.Txt(proof)) }
func (w *world) gone()    { w.dns.Remove("_cloakroom.acme.example") }

// pass lets time go by in hours and checks in each.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for range int(d / time.Hour) {
		w.mu.Lock()
		w.now = w.now.Add(time.Hour)
		w.mu.Unlock()
		if _, err := w.Once(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) claim() *broker.Domain {
	w.t.Helper()
	d, err := w.store.Domains.Get(context.Background(), "acme", "acme.example")
	storetest.Must(w.t, err)
	return d
}

// told are the kinds of the notices since the last call; the events must be the same.
func (w *world) told() string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var kinds []string
	for _, n := range w.notices {
		if n.Realm != "acme" || n.Domain != "acme.example" {
			w.t.Errorf("notice %+v", n)
		}
		kinds = append(kinds, n.Kind)
	}
	w.notices = nil
	return strings.Join(kinds, " ")
}

func (w *world) events() string {
	w.t.Helper()
	list, _, err := w.store.Events.List(context.Background(), ledger.Filter{Kind: "domain."}, broker.Page{Limit: 200})
	storetest.Must(w.t, err)
	var kinds []string
	for _, e := range slices.Backward(list) {
		if e.Actor != "system" || e.Subject != "domain:acme.example" || e.Realm != "acme" {
			w.t.Errorf("event %+v", e)
		}
		kinds = append(kinds, strings.TrimPrefix(e.Kind, "domain."))
	}
	return strings.Join(kinds, " ")
}

func (w *world) wants(verified bool, notices string) *broker.Domain {
	w.t.Helper()
	d := w.claim()
	if d.Verified != verified {
		w.t.Errorf("at %s: verified %v, want %v: %+v", w.now, d.Verified, verified, d)
	}
	if got := w.told(); got != notices {
		w.t.Errorf("at %s: told %q, want %q", w.now, got, notices)
	}
	return d
}

func TestAProofThatStaysIsLookedForOnceADay(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	before := w.claim()
	w.pass(30 * day)
	d := w.wants(true, "")
	if n := w.dns.Asked("_cloakroom.acme.example"); n < 26 || n > 35 {
		t.Errorf("asked %d times in 30 days", n)
	}
	if d.Version != before.Version || !d.UpdatedAt.Equal(before.UpdatedAt) || d.CheckedAt.Before(w.now.Add(-28*time.Hour)) || w.events() != "" {
		t.Errorf("a check that found all as it was changed something: %+v", d)
	}
}

func TestLossWarnsFirstAndSuspendsAfterTheGraceTime(t *testing.T) {
	for name, lost := range map[string]func(*world){
		"no such name":    (*world).gone,
		"no record":       func(w *world) { w.dns.Set("_cloakroom.acme.example", dnstest.Zone{}) },
		"another's token": func(w *world) { w.dns.Set("_cloakroom.acme.example", dnstest.Txt("cloakroom-verify=x")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.SQLiteURL(t))
			w.proved()
			lost(w)
			w.pass(28 * time.Hour)
			d := w.wants(true, "proof_lost")
			end := domain.SuspendsAt(d)
			if !end.Equal(d.LostAt.Add(14*day)) || d.LostAt.IsZero() {
				t.Fatalf("%+v", d)
			}
			w.pass(6 * day)
			w.wants(true, "")
			w.pass(end.Sub(w.now).Truncate(time.Hour) - time.Hour)
			w.wants(true, "proof_reminder proof_reminder proof_reminder")
			w.pass(2 * time.Hour)
			d = w.wants(false, "suspended")
			if d.SuspendedAt.Before(end) || d.VerifiedBy != "" || !domain.SuspendsAt(d).IsZero() {
				t.Errorf("%+v", d)
			}
			if got := w.events(); got != "proof_lost proof_reminder proof_reminder proof_reminder suspended" {
				t.Errorf("events %q", got)
			}
			w.pass(20 * day)
			w.wants(false, "")
			w.publish()
			w.pass(28 * time.Hour)
			if d := w.wants(true, "recovered"); d.VerifiedBy != domain.ByDNS || !d.LostAt.IsZero() || !d.SuspendedAt.IsZero() {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestTheRecordComesBackInTime(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	verifiedAt := w.claim().VerifiedAt
	w.gone()
	w.pass(9 * day)
	w.wants(true, "proof_lost proof_reminder")
	w.publish()
	w.pass(7 * time.Hour)
	d := w.wants(true, "proof_found")
	if !d.LostAt.IsZero() || !d.VerifiedAt.Equal(verifiedAt) {
		t.Errorf("%+v", d)
	}
	w.gone()
	w.pass(2 * day)
	w.wants(true, "proof_lost") // the grace time begins anew
	w.pass(8 * day)
	w.wants(true, "proof_reminder")
}

func TestNoAnswerIsNeverALoss(t *testing.T) {
	for name, zone := range map[string]dnstest.Zone{"SERVFAIL": {RCode: dnsmessage.RCodeServerFailure}, "REFUSED": {RCode: dnsmessage.RCodeRefused}, "lame": {Lame: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.SQLiteURL(t))
			w.proved()
			w.dns.Set("_cloakroom.acme.example", zone)
			w.pass(20 * day)
			d := w.wants(true, "")
			if !d.LostAt.IsZero() || w.events() != "" || d.CheckedAt.After(w.now.Add(-18*day)) {
				t.Errorf("%+v", d)
			}
			w.gone()
			w.pass(2 * time.Hour)
			w.wants(true, "proof_lost")
			w.dns.Set("_cloakroom.acme.example", zone)
			w.pass(20 * day)
			w.wants(true, "") // the grace time is over, but nobody has seen the record missing since
			w.gone()
			w.pass(2 * time.Hour)
			w.wants(false, "suspended")
			w.dns.Set("_cloakroom.acme.example", zone)
			w.pass(2 * day)
			w.wants(false, "")
		})
	}
}

func TestSilenceIsNoAnswer(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.dns.Set("_cloakroom.acme.example", dnstest.Zone{Silent: true})
	w.TXT = func(ctx context.Context, name string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		return w.dns.Resolver().LookupTXT(ctx, name)
	}
	w.pass(30 * time.Hour)
	w.wants(true, "")
	if w.dns.Asked("_cloakroom.acme.example") == 0 || !strings.Contains(w.log.String(), "could not be looked up") {
		t.Error("nobody asked")
	}
}

func TestAStoppedCheckDecidesNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.now = w.now.Add(2 * day)
	ctx, stop := context.WithCancel(context.Background())
	w.TXT = func(context.Context, string) ([]string, error) { stop(); return nil, nil }
	_, _ = w.Once(ctx)
	w.wants(true, "")
}

func TestWhatAnOperatorVouchedForIsNotLookedUp(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	d := claim()
	domain.Vouch(d, "operator:eva", w.now)
	d.CheckAt = w.now // as the migration leaves it
	storetest.Must(t, w.store.Domains.Create(context.Background(), d))
	w.pass(30 * day)
	if d := w.wants(true, ""); d.VerifiedBy != "operator:eva" || !d.CheckAt.IsZero() {
		t.Errorf("%+v", d)
	}
	if n := w.dns.Asked("_cloakroom.acme.example"); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

func TestASuspendedDomainComesBackOnlyIfNobodyElseHasIt(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.gone()
	w.pass(17 * day)
	w.wants(false, "proof_lost proof_reminder proof_reminder proof_reminder suspended")
	theirs := &broker.Domain{Domain: "acme.example", Realm: "rival", Token: "t"}
	domain.Vouch(theirs, "operator:eva", w.now)
	storetest.Must(t, w.store.Domains.Create(ctx, theirs))
	w.publish()
	w.pass(3 * day)
	w.wants(false, "")
	if d, err := w.store.Domains.Verified(ctx, "acme.example"); err != nil || d.Realm != "rival" {
		t.Fatalf("%+v %v", d, err)
	}
	storetest.Must(t, w.store.Domains.Delete(ctx, "rival", "acme.example"))
	w.pass(2 * day)
	w.wants(true, "recovered")
}

func TestWhatAnOperatorWithdrewStaysSo(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	d := w.claim()
	domain.Withdraw(d)
	storetest.Must(t, w.store.Domains.Update(context.Background(), d))
	w.pass(5 * day)
	w.wants(false, "")
}

// TestAnOperatorComesBetween: the look takes time, and what was decided meanwhile stands.
func TestAnOperatorComesBetween(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	look := w.TXT
	w.TXT = func(ctx context.Context, name string) ([]string, error) {
		d := w.claim()
		domain.Vouch(d, "operator:eva", w.clock())
		storetest.Must(t, w.store.Domains.Update(ctx, d))
		return look(ctx, name)
	}
	w.gone()
	w.pass(2 * day)
	if d := w.wants(true, ""); d.VerifiedBy != "operator:eva" || !d.LostAt.IsZero() {
		t.Errorf("%+v", d)
	}
}

func TestANoticeThatFailsHoldsNothingUp(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.Notify = func(context.Context, domain.Notice) error { return errors.New("the outbox is full") }
	w.gone()
	w.pass(28 * time.Hour)
	if d := w.claim(); d.LostAt.IsZero() || !strings.Contains(w.log.String(), "the outbox is full") {
		t.Errorf("%+v %s", d, w.log.String())
	}
}

// TestNobodyKeepsWhatWasLost: the replica whose caches are warm and which hears of no change answers the truth at once.
func TestNobodyKeepsWhatWasLost(t *testing.T) {
	ctx := context.Background()
	url := storetest.SQLiteURL(t)
	w := newWorld(t, url)
	w.proved()
	c := &broker.Connection{Slug: "idp", Realm: "acme", Protocol: "oidc", Enabled: true, Domains: []string{"acme.example"}, OIDC: &broker.OIDC{ClientID: "c"}}
	c.Defaults()
	storetest.Must(t, w.store.Connections.Create(ctx, c))
	elsewhere := registry.New(&registry.Registry{Store: reads{w.open(url)}, Log: slog.New(slog.DiscardHandler), Now: w.clock})
	owner := func(want string) {
		t.Helper()
		if cs, err := elsewhere.ForDomain(ctx, "acme", "acme.example"); err != nil || len(cs) != 1 {
			t.Fatalf("%v %v", cs, err)
		}
		if got, err := elsewhere.DomainOwner(ctx, "acme.example"); err != nil || got != want {
			t.Errorf("the owner is %q, want %q (%v)", got, want, err)
		}
	}
	owner("acme")
	w.gone()
	w.pass(17 * day)
	owner("")
	w.publish()
	w.pass(2 * day)
	owner("acme")
	from := w.claim()
	to := &broker.Domain{Domain: "acme.example", Realm: "rival"}
	domain.Hand(from, to, w.now)
	storetest.Must(t, w.store.Tx(ctx, func(ctx context.Context) error {
		return errors.Join(w.store.Domains.Update(ctx, from), w.store.Domains.Create(ctx, to))
	}))
	owner("rival")
}

// reads is what the registry asks of a store, as the program wires it.
type reads struct{ *store.Store }

func (r reads) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return r.Realms.Get(ctx, name)
}
func (r reads) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	return r.Clients.Get(ctx, realm, id)
}
func (r reads) Connection(ctx context.Context, slug string) (*broker.Connection, error) {
	return r.Connections.Get(ctx, slug)
}
func (r reads) ConnectionByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error) {
	return r.Connections.ByAlias(ctx, realm, alias)
}
func (r reads) ConnectionsForDomain(ctx context.Context, realm, name string) ([]*broker.Connection, error) {
	return r.Connections.ForDomain(ctx, realm, name)
}
func (r reads) Buttons(ctx context.Context, realm string, limit int) ([]*broker.Connection, bool, error) {
	return r.Connections.Buttons(ctx, realm, limit)
}
func (r reads) DomainOwner(ctx context.Context, name string) (string, error) {
	d, err := r.Domains.Verified(ctx, name)
	if err != nil {
		return "", err
	}
	return d.Realm, nil
}
func (r reads) Stored(ctx context.Context, slug string) ([]byte, error) {
	return r.Connections.Stored(ctx, slug)
}
func (r reads) Remember(ctx context.Context, slug string, b []byte) error {
	return r.Connections.Remember(ctx, slug, b)
}

func TestTwoReplicasCheckOnce(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite": func(t *testing.T) string { return storetest.SQLiteURL(t) }, "postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			w := newWorld(t, at)
			other := w.checker(w.open(at))
			const many = 100
			ctx := context.Background()
			for i := range many {
				d := &broker.Domain{Domain: fmt.Sprintf("d%d.example", i), Realm: "acme", Token: token}
				domain.Prove(d, w.now)
				storetest.Must(t, w.store.Domains.Create(ctx, d))
			}
			w.now = w.now.Add(2 * day) // all are due, and all are lost
			var both sync.WaitGroup
			for _, c := range []*domain.Checker{w.Checker, other} {
				both.Go(func() {
					for {
						n, err := c.Once(ctx)
						if err != nil {
							t.Error(err)
						}
						if n == 0 {
							return
						}
					}
				})
			}
			both.Wait()
			for i := range many {
				name := fmt.Sprintf("d%d.example", i)
				if n := w.dns.Asked("_cloakroom." + name); n != 1 {
					t.Errorf("%s was asked about %d times", name, n)
				}
				if d, err := w.store.Domains.Get(ctx, "acme", name); err != nil || d.LostAt.IsZero() {
					t.Errorf("%+v %v", d, err)
				}
			}
			events, _, err := w.store.Events.List(ctx, ledger.Filter{Kind: "domain.proof_lost"}, broker.Page{Limit: 200})
			storetest.Must(t, err)
			if len(events) != many || len(w.notices) != many {
				t.Errorf("%d events, %d notices", len(events), len(w.notices))
			}
		})
	}
}

// TestAReplicaThatDiesLeavesItsShare: a claim taken and not checked is due again when the lease has run out.
func TestAReplicaThatDiesLeavesItsShare(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.now = w.now.Add(2 * day)
	dead, stop := context.WithCancel(ctx)
	w.TXT = func(context.Context, string) ([]string, error) { stop(); return nil, context.Canceled }
	if n, err := w.Once(dead); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.TXT = w.dns.Resolver().LookupTXT
	if n, _ := w.Once(ctx); n != 0 {
		t.Error("the lease did not hold")
	}
	w.pass(time.Hour)
	if d := w.wants(true, ""); !d.CheckedAt.Equal(w.now) {
		t.Errorf("%+v", d)
	}
}

func TestRunEnds(t *testing.T) {
	w := newWorld(t, storetest.SQLiteURL(t))
	w.proved()
	w.gone()
	w.now = w.now.Add(2 * day)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	for i := 0; w.dns.Asked("_cloakroom.acme.example") == 0 && i < 500; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	for i := 0; w.claim().LostAt.IsZero() && i < 500; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-ended
	w.wants(true, "proof_lost")
}

// FuzzRecords: what strangers publish proves nothing unless it is the token, and is always fit to be told.
func FuzzRecords(f *testing.F) {
	f.Add(proof)
	f.Add("cloakroom-verify=\xff\x00\u202e")
	f.Add(`"` + strings.ToUpper(proof) + " ")
	f.Fuzz(func(t *testing.T, record string) {
		ctx := context.Background()
		txt := func(_ context.Context, name string) ([]string, error) { return []string{record, record}, nil }
		seen := domain.Look(ctx, txt, claim())
		plain := strings.Trim(record, " \t\r\n\"")
		if (seen.Answer == domain.Found) != (len(plain) == len(proof) && strings.EqualFold(plain, proof)) && !strings.ContainsFunc(plain, func(r rune) bool { return r > 0x7f }) {
			t.Errorf("%q: %d", record, seen.Answer)
		}
		if err := domain.Explain(ctx, txt, claim(), seen); (err == nil) != (seen.Answer == domain.Found) {
			t.Errorf("%q: %v", record, err)
		}
		if told := strings.Join(seen.Records, ""); strings.ContainsAny(told, "\x00\x1b\u202e\n") || len(told) > 2000 {
			t.Errorf("told %q", told)
		}
	})
}
