package calendar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/calendar"
	"cloakroom/broker/fault"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
)

const day = 24 * time.Hour

// house is two replicas' calendars over one database, with a clock that is moved.
type house struct {
	*testing.T
	stores    []*store.Store
	calendars []*calendar.Calendar

	mu      sync.Mutex
	now     time.Time
	things  map[string][]calendar.Thing // of connections by slug, of realms by "realm:" and name
	links   []calendar.Thing
	letters []calendar.Letter
	refuse  error
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), things: map[string][]calendar.Thing{}}
	url := storetest.SQLiteURL(t)
	for range 2 {
		s, err := store.Open(t.Context(), store.Options{URL: url, Sealer: storetest.Keyring(t), Now: h.clock})
		storetest.Must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		storetest.Must(t, s.Migrate(t.Context()))
		h.stores = append(h.stores, s)
		h.calendars = append(h.calendars, h.calendar(s))
	}
	storetest.Realm(t, h.stores[0], "acme")
	h.connection("okta", "it@acme.example")
	return h
}

func (h *house) calendar(s *store.Store) *calendar.Calendar {
	return &calendar.Calendar{
		Store: s.Expiries, Connections: s.Connections, Realms: s.Realms, Events: s.Events, Tx: s.Tx,
		Turn: func(ctx context.Context, name string, until time.Time) (bool, error) {
			return s.Marks.Take(ctx, "calendar", []flow.Mark{{ID: name, Until: until}})
		},
		OfConnection: func(_ context.Context, c *broker.Connection) ([]calendar.Thing, error) { return h.of(c.Slug), nil },
		OfRealm: func(_ context.Context, r *broker.Realm) ([]calendar.Thing, error) {
			return h.of("realm:" + r.Name), nil
		},
		Sources: map[string]func(context.Context) ([]calendar.Thing, error){
			broker.ExpirySetupLink: func(context.Context) ([]calendar.Thing, error) { return h.links, nil },
		},
		Post: func(_ context.Context, l calendar.Letter) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.refuse != nil {
				return h.refuse
			}
			h.letters = append(h.letters, l)
			return nil
		},
		BaseURL: "https://sso.example", Now: h.clock, Log: slog.New(slog.DiscardHandler),
	}
}

func (h *house) clock() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

func (h *house) pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.now = h.now.Add(d) }

func (h *house) of(name string) []calendar.Thing {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.things[name]
}

func (h *house) connection(slug string, contacts ...string) *broker.Connection {
	h.Helper()
	c := &broker.Connection{Slug: slug, Realm: "acme", Protocol: "oidc", Preset: "okta", Enabled: true, OIDC: &broker.OIDC{ClientID: "c"}, Contacts: contacts}
	c.Defaults()
	storetest.Must(h, h.stores[0].Connections.Create(h.Context(), c))
	return c
}

// set says what ends of a connection.
func (h *house) set(slug string, things ...calendar.Thing) {
	h.Helper()
	h.mu.Lock()
	h.things[slug] = things
	h.mu.Unlock()
	for _, c := range h.calendars {
		c.Changed(broker.Change{Kind: "connection", Realm: "acme", Key: slug})
	}
}

func certificate(name string, at time.Time) calendar.Thing {
	return calendar.Thing{Kind: broker.ExpiryIdPCertificate, Name: "CN=" + name, Fingerprint: name, Since: at.Add(-3 * 365 * day), At: at}
}

// work lets both replicas do what is due at the same time.
func (h *house) work() {
	h.Helper()
	var both sync.WaitGroup
	for _, c := range h.calendars {
		both.Go(func() {
			if err := c.Once(h.Context()); err != nil {
				h.Error(err)
			}
		})
	}
	both.Wait()
}

// warnings are the events so far, oldest first, as "subject days left".
func (h *house) warnings() []string {
	h.Helper()
	list, _, err := h.stores[0].Events.List(h.Context(), ledger.Filter{Kind: broker.ExpiryWarning}, broker.Page{Limit: 200})
	storetest.Must(h, err)
	out := []string{}
	for _, e := range slices.Backward(list) {
		left := "?"
		if _, rest, ok := strings.Cut(string(e.After), `"days_left":`); ok {
			left, _, _ = strings.Cut(rest, ",")
		}
		out = append(out, e.Subject+" "+left)
	}
	return out
}

func (h *house) wantWarnings(want ...string) {
	h.Helper()
	if got := h.warnings(); !slices.Equal(got, want) {
		h.Errorf("warnings %q\nwant %q", got, want)
	}
}

// Day by day through two months: five warnings, and as many letters, whichever replica is first.
func TestEachThresholdOnce(t *testing.T) {
	h := newHouse(t)
	end := h.clock().Add(65 * day)
	h.set("okta", certificate("one", end))
	for range 70 {
		h.work()
		h.work()
		h.pass(day)
	}
	h.wantWarnings("connection:okta 60", "connection:okta 30", "connection:okta 7", "connection:okta 1", "connection:okta 0")
	if len(h.letters) != 5 {
		t.Fatalf("%d letters", len(h.letters))
	}
	for i, left := range []int{60, 30, 7, 1, 0} {
		l := h.letters[i]
		if l.Contact != "it@acme.example" || l.Realm.Name != "acme" || len(l.Lines) != 1 || l.Lines[0].Expiry.DaysLeft != left ||
			l.Lines[0].URL != "https://sso.example/help/providers/okta" || l.Lines[0].Connection.Slug != "okta" {
			t.Errorf("letter %d: %+v", i, l)
		}
	}
}

// What is found late is warned of once, for the nearest threshold, and not for those before it.
func TestFoundLate(t *testing.T) {
	h := newHouse(t)
	h.set("okta", certificate("one", h.clock().Add(20*day)))
	h.work()
	h.wantWarnings("connection:okta 20")
	h.pass(13 * day)
	h.work()
	h.wantWarnings("connection:okta 20", "connection:okta 7")
}

func TestReplacedIsSilent(t *testing.T) {
	h := newHouse(t)
	old := certificate("old", h.clock().Add(40*day))
	h.set("okta", old)
	h.work()
	h.set("okta", old, certificate("new", h.clock().Add(700*day)))
	for range 50 {
		h.work()
		h.pass(day)
	}
	h.wantWarnings("connection:okta 40")
	list, _, err := h.stores[1].Expiries.List(t.Context(), broker.ExpiryFilter{Replaced: true}, broker.Page{})
	if err != nil || len(list) != 2 || !list[0].Replaced || list[1].Replaced {
		t.Errorf("%+v %v", list, err)
	}
}

// The last one counts again when its successor is taken away, and a renewed one from its new end.
func TestSuccessorTakenAway(t *testing.T) {
	h := newHouse(t)
	end := h.clock().Add(50 * day)
	h.set("okta", certificate("old", end), certificate("new", end.Add(700*day)))
	h.work()
	h.wantWarnings()
	h.set("okta", certificate("old", end))
	h.work()
	h.wantWarnings("connection:okta 50")
	h.pass(time.Minute)
	h.set("okta", certificate("old", end.Add(5*day)))
	h.work()
	h.wantWarnings("connection:okta 50", "connection:okta 55")
	h.set("okta")
	h.work()
	if list, _, err := h.stores[0].Expiries.List(t.Context(), broker.ExpiryFilter{}, broker.Page{}); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// A letter was due, and the thing was replaced before it was written.
func TestReplacedBeforeTheLetter(t *testing.T) {
	h := newHouse(t)
	h.set("okta", certificate("a", h.clock().Add(50*day)))
	h.work()
	h.connection("entra", "it@acme.example")
	old := certificate("b", h.clock().Add(50*day))
	h.set("entra", old)
	h.work() // the contact has had today's letter: this waits
	h.set("entra", old, certificate("c", h.clock().Add(500*day)))
	h.pass(day)
	h.work()
	if len(h.letters) != 1 {
		t.Errorf("%+v", h.letters)
	}
}

// Ten things on one day are one letter, and of the rest of the day the next day's.
func TestOneLetterADay(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		slug := fmt.Sprintf("c%d", i)
		h.connection(slug, "it@acme.example", "boss@acme.example")
		h.set(slug, certificate(slug, h.clock().Add(time.Duration(50+i)*day)))
	}
	h.work()
	h.connection("late", "it@acme.example")
	h.set("late", calendar.Thing{Kind: broker.ExpiryClientSecret, Name: "client secret", At: h.clock().Add(5 * day)})
	h.pass(time.Hour)
	h.work()
	if len(h.letters) != 2 || len(h.letters[0].Lines) != 10 || h.letters[0].Lines[0].Expiry.DaysLeft != 50 || h.letters[0].Contact == h.letters[1].Contact {
		t.Fatalf("%d letters: %+v", len(h.letters), h.letters)
	}
	h.pass(23 * time.Hour)
	h.work()
	if len(h.letters) != 3 || len(h.letters[2].Lines) != 1 || h.letters[2].Contact != "it@acme.example" {
		t.Errorf("the next day: %+v", h.letters)
	}
}

func TestWhoIsTold(t *testing.T) {
	h := newHouse(t)
	r, err := h.stores[0].Realms.Get(t.Context(), "acme")
	storetest.Must(t, err)
	r.Contacts = []string{"tenant@acme.example"}
	storetest.Must(t, h.stores[0].Realms.Update(t.Context(), r))
	h.connection("nobody")
	h.set("nobody", certificate("x", h.clock().Add(50*day)))
	h.set("okta", calendar.Thing{Kind: broker.ExpirySPCertificate, Name: "ours", At: h.clock().Add(50 * day)})
	h.work()
	if len(h.letters) != 1 || h.letters[0].Contact != "tenant@acme.example" {
		t.Errorf("%+v", h.letters)
	}
	if got := h.warnings(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// A letter leads to a link of its own where such are made, and a failure to make one keeps it for later.
func TestRenew(t *testing.T) {
	h := newHouse(t)
	down := true
	for _, c := range h.calendars {
		c.Renew = func(_ context.Context, realm, connection, purpose string) (string, error) {
			if down {
				return "", fault.New(fault.Unavailable, "")
			}
			return "https://sso.example/setup/" + realm + "-" + connection + "-" + purpose, nil
		}
	}
	h.set("okta", certificate("x", h.clock().Add(50*day)))
	if err := h.calendars[0].Once(t.Context()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
	down = false
	h.work()
	if len(h.letters) != 1 || h.letters[0].Lines[0].URL != "https://sso.example/setup/acme-okta-certificate" {
		t.Errorf("%+v", h.letters)
	}
	h.wantWarnings("connection:okta 50")
	for _, c := range h.calendars {
		c.Renew = func(context.Context, string, string, string) (string, error) { return "", fault.New(fault.Invalid, "") }
	}
	h.pass(20 * day)
	h.work()
	if len(h.letters) != 2 || h.letters[1].Lines[0].URL != "https://sso.example/help/providers/okta" {
		t.Errorf("where no link can be made: %+v", h.letters)
	}
}

func TestAnAddressThatTakesNone(t *testing.T) {
	h := newHouse(t)
	h.refuse = fault.New(fault.MailAddress, "")
	h.set("okta", certificate("x", h.clock().Add(50*day)))
	h.work()
	h.refuse = nil
	h.pass(2 * day)
	h.work()
	if len(h.letters) != 0 {
		t.Errorf("%+v", h.letters)
	}
}

// Short-lived things do not warn from their first day.
func TestShortLives(t *testing.T) {
	h := newHouse(t)
	now := h.clock()
	h.links = []calendar.Thing{{Subject: "setup-link:1", Realm: "acme", Name: "for Acme", Since: now, At: now.Add(7 * day)}}
	// Metadata that are renewed daily for a fortnight: each time another end, and the same beginning.
	h.connection("federation")
	for i := range 8 {
		h.set("federation", calendar.Thing{Kind: broker.ExpiryMetadata, Name: "m", Since: h.clock(), At: h.clock().Add(14 * day)})
		if i == 7 {
			h.links = nil
		}
		h.work()
		h.pass(day)
	}
	h.wantWarnings("setup-link:1 1")
	// The publisher stops: the same end is read day by day, each time as if just fetched.
	at := h.clock().Add(13 * day)
	for range 20 {
		h.set("federation", calendar.Thing{Kind: broker.ExpiryMetadata, Name: "m", Since: h.clock().Add(-day), At: at})
		h.work()
		h.pass(day)
	}
	h.wantWarnings("setup-link:1 1", "connection:federation 7", "connection:federation 1", "connection:federation 0")
}

func TestSwitchedOffIsSilent(t *testing.T) {
	h := newHouse(t)
	c, err := h.stores[0].Connections.Get(t.Context(), "okta")
	storetest.Must(t, err)
	c.Enabled = false
	storetest.Must(t, h.stores[0].Connections.Update(t.Context(), c))
	h.set("okta", certificate("x", h.clock().Add(50*day)))
	h.work()
	h.wantWarnings()
	c.Enabled = true
	storetest.Must(t, h.stores[0].Connections.Update(t.Context(), c))
	h.set("okta", certificate("x", h.clock().Add(50*day)))
	h.work()
	h.wantWarnings("connection:okta 50")
}

// Without a change the nightly pass finds what came by itself, each connection by one of the replicas.
func TestNightlyPass(t *testing.T) {
	h := newHouse(t)
	for i := range 450 {
		slug := fmt.Sprintf("c%03d", i)
		h.connection(slug)
		h.mu.Lock()
		h.things[slug] = []calendar.Thing{certificate(slug, h.now.Add(400*day))}
		h.mu.Unlock()
	}
	h.mu.Lock()
	h.things["realm:acme"] = []calendar.Thing{
		{Kind: broker.ExpiryDomainProof, Role: "a", Name: "a.example", At: h.now.Add(13 * day)},
		{Kind: broker.ExpiryDomainProof, Role: "b", Name: "b.example", At: h.now.Add(90 * day)},
	}
	h.mu.Unlock()
	h.work()
	total := 0
	for p := (broker.Page{Limit: 200}); ; {
		list, next, err := h.stores[1].Expiries.List(t.Context(), broker.ExpiryFilter{Realms: []string{"acme"}}, p)
		storetest.Must(t, err)
		total += len(list)
		if p.Cursor = next; next == "" {
			break
		}
	}
	if total != 452 {
		t.Errorf("%d things are known", total)
	}
	h.wantWarnings("realm:acme 13")
	h.mu.Lock()
	h.things["c000"] = nil
	h.mu.Unlock()
	h.work()
	if got, err := h.stores[0].Expiries.Of(t.Context(), "connection:c000", ""); err != nil || len(got) != 1 {
		t.Errorf("read twice a day: %v %v", got, err)
	}
	h.pass(day)
	h.work()
	if got, err := h.stores[0].Expiries.Of(t.Context(), "connection:c000", ""); err != nil || len(got) != 0 {
		t.Errorf("not read the next day: %v %v", got, err)
	}
}

func TestChangesOfWhatIsGone(t *testing.T) {
	h := newHouse(t)
	for _, change := range []broker.Change{{Kind: "*"}, {Kind: "connection", Key: "none"}, {Kind: "key", Key: "connection:none"}, {Kind: "key", Realm: "none", Key: "realm:none"}, {Kind: "domain", Realm: "none"}, {Kind: "client"}} {
		h.calendars[0].Changed(change)
	}
	storetest.Must(t, h.calendars[0].Once(t.Context()))
}

func TestRunEnds(t *testing.T) {
	h := newHouse(t)
	h.set("okta", certificate("x", h.clock().Add(50*day)))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.calendars[0].Run(ctx); close(done) }()
	for end := time.Now().Add(10 * time.Second); len(h.warnings()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is warned of")
		}
	}
	stop()
	<-done
	if errors.Is(ctx.Err(), nil) {
		t.Error("it was not stopped")
	}
}

func TestBar(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		left          time.Duration
		days, percent int
	}{{200 * day, 200, 100}, {90 * day, 90, 100}, {45 * day, 45, 50}, {time.Hour, 1, 0}, {25 * time.Hour, 2, 1}, {0, 0, 0}, {-day, 0, 0}} {
		e := broker.Expiry{At: now.Add(tt.left)}
		if e.Days(now) != tt.days || e.Percent(now) != tt.percent {
			t.Errorf("%s: %d days, %d %%", tt.left, e.Days(now), e.Percent(now))
		}
	}
}
