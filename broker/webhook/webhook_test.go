package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
	"cloakroom/broker/webhook"
	"cloakroom/store"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
)

// house is a store with a clock that is moved, a receiver, and two senders on it.
type house struct {
	*testing.T
	store   *store.Store
	senders []*webhook.Sender
	srv     *httptest.Server

	mu       sync.Mutex
	now      time.Time
	answer   http.HandlerFunc
	received []*http.Request
	bodies   [][]byte
	disabled []string
}

func newHouse(t *testing.T, allow ...netip.Prefix) *house {
	t.Helper()
	h := &house{T: t, now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	var err error
	h.store, err = store.Open(t.Context(), store.Options{URL: storetest.SQLiteURL(t), Sealer: storetest.Keyring(t), Now: h.clock})
	storetest.Must(t, err)
	t.Cleanup(func() { _ = h.store.Close() })
	storetest.Must(t, h.store.Migrate(t.Context()))
	storetest.Realm(t, h.store, "acme")
	h.srv = httptest.NewServer(http.HandlerFunc(h.receive))
	t.Cleanup(h.srv.Close)
	for range 2 {
		h.senders = append(h.senders, &webhook.Sender{
			Webhooks: h.store.Webhooks, Deliveries: h.store.Deliveries, Events: h.store.Events, Tx: h.store.Tx,
			HTTP: egress.Client(egress.Options{Allow: allow, Timeout: 500 * time.Millisecond, Failures: 1 << 30}),
			Disabled: func(_ context.Context, w *broker.Webhook) error {
				h.disabled = append(h.disabled, w.ID)
				return nil
			},
			Now: h.clock, Log: slog.New(slog.DiscardHandler),
		})
	}
	return h
}

func loopback() netip.Prefix { return netip.MustParsePrefix("127.0.0.0/8") }

func (h *house) clock() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

func (h *house) pass(d time.Duration) { h.mu.Lock(); defer h.mu.Unlock(); h.now = h.now.Add(d) }

func (h *house) receive(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.received, h.bodies = append(h.received, r), append(h.bodies, b)
	answer := h.answer
	h.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

func (h *house) answers(f http.HandlerFunc) { h.mu.Lock(); defer h.mu.Unlock(); h.answer = f }

func (h *house) hook(id, path string, events ...string) *broker.Webhook {
	h.Helper()
	w := &broker.Webhook{ID: id, Realm: "acme", Name: id, URL: h.srv.URL + path, Events: events, Enabled: true, Secret: webhook.NewSecret()}
	storetest.Must(h, w.Validate())
	storetest.Must(h, h.store.Webhooks.Create(h.Context(), w))
	return w
}

func (h *house) event(kind string) broker.Event {
	h.Helper()
	e := broker.Event{ID: ledger.NewID(h.clock()), At: h.clock(), Realm: "acme", Kind: kind, Connection: "okta", Code: "saml.audience_mismatch", Detail: "d", Email: "nina@acme.example"}
	storetest.Must(h, h.store.Events.Append(h.Context(), e))
	return e
}

// work lets both senders serve what is due at once.
func (h *house) work() (served int) {
	h.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, s := range h.senders {
		wg.Go(func() {
			n, err := s.Once(h.Context())
			if err != nil {
				h.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			served += n
		})
	}
	wg.Wait()
	return served
}

func (h *house) delivery(webhook, id string) *broker.Delivery {
	h.Helper()
	d, err := h.store.Deliveries.Get(h.Context(), webhook, id)
	storetest.Must(h, err)
	return d
}

func (h *house) get(id string) *broker.Webhook {
	h.Helper()
	w, err := h.store.Webhooks.Get(h.Context(), "acme", id)
	storetest.Must(h, err)
	return w
}

// signature is the specification's formula, by hand: base64(HMAC-SHA256(secret, id.timestamp.body)).
func signature(t *testing.T, secret broker.Secret, r *http.Request, body []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 {
		t.Fatalf("a secret of %d bytes, %v", len(key), err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "."))
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

func TestMessage(t *testing.T) {
	h := newHouse(t, loopback())
	w := h.hook("one", "/", "login.failed", "connection.*")
	e := h.event("login.failed")
	h.event("login.succeeded")
	h.work()
	if len(h.received) != 1 {
		t.Fatalf("%d messages", len(h.received))
	}
	r, body := h.received[0], h.bodies[0]
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != e.ID ||
		r.Header.Get("webhook-timestamp") != strconv.FormatInt(h.clock().Unix(), 10) {
		t.Errorf("%s %v", r.Method, r.Header)
	}
	if got := r.Header.Get("webhook-signature"); got != signature(t, w.Secret, r, body) {
		t.Errorf("signature %s", got)
	}
	var m map[string]any
	storetest.Must(t, json.Unmarshal(body, &m))
	data := m["data"].(map[string]any)
	if m["type"] != "login.failed" || m["timestamp"] != "2026-11-21T08:00:00Z" || data["realm"] != "acme" || data["connection"] != "okta" || data["code"] != "saml.audience_mismatch" {
		t.Errorf("%s", body)
	}
	d := h.delivery("one", e.ID)
	if d.Status != broker.DeliveryDelivered || d.Attempts != 1 || d.Response != 200 || d.FinishedAt.IsZero() {
		t.Errorf("%+v", d)
	}
	if got := h.get("one"); !got.LastSuccessAt.Equal(h.clock()) || got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

func TestSecretsChangeOver(t *testing.T) {
	h := newHouse(t, loopback())
	w := h.hook("one", "/", "*")
	old, fresh := w.Secret, webhook.NewSecret()
	w.Secret, w.PreviousSecret, w.PreviousUntil = fresh, old, h.clock().Add(24*time.Hour)
	storetest.Must(t, h.store.Webhooks.Update(t.Context(), w))
	for _, both := range []bool{true, false} {
		h.event("a.b")
		h.work()
		last := len(h.received) - 1
		want := []string{signature(t, fresh, h.received[last], h.bodies[last])}
		if both {
			want = append(want, signature(t, old, h.received[last], h.bodies[last]))
		}
		if got := strings.Fields(h.received[last].Header.Get("webhook-signature")); !slices.Equal(got, want) {
			t.Errorf("signatures %v, want %v", got, want)
		}
		h.pass(25 * time.Hour)
	}
}

func TestReceiversThatFail(t *testing.T) {
	hang := make(chan struct{})
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   fault.Code
		status int
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, strings.Repeat("x", 3000))
		}, fault.WebhookRefused, 500},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault.FetchRedirect, 0},
		{"hanging", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, fault.FetchTimeout, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, loopback())
			h.answers(tt.answer)
			h.hook("one", "/", "*")
			e := h.event("a.b")
			h.work()
			d := h.delivery("one", e.ID)
			if d.Status != broker.DeliveryQueued || d.Code != string(tt.want) || d.Response != tt.status || len(d.Answer) > 1024 || d.Attempts != 1 {
				t.Errorf("%+v", d)
			}
			if n := len(h.received); n != 1 {
				t.Errorf("%d requests", n)
			}
			if w := h.get("one"); w.Failures != 1 || !w.FailingSince.Equal(h.clock()) || !w.HoldUntil.After(h.clock()) {
				t.Errorf("%+v", w)
			}
			if h.work() != 0 {
				t.Error("tried again at once")
			}
			h.answers(nil)
			h.pass(10 * time.Second)
			h.work()
			if d := h.delivery("one", e.ID); d.Status != broker.DeliveryDelivered || d.Attempts != 2 || d.Code != "" {
				t.Errorf("after mending: %+v", d)
			}
			if h.received[0].Header.Get("webhook-id") != h.received[1].Header.Get("webhook-id") {
				t.Error("the second try has another ID")
			}
			if w := h.get("one"); w.Failures != 0 || !w.FailingSince.IsZero() {
				t.Errorf("%+v", w)
			}
		})
	}
	close(hang)
}

func TestPrivateAddressesAreNotCalled(t *testing.T) {
	h := newHouse(t)
	h.hook("one", "/", "*")
	e := h.event("a.b")
	h.work()
	if d := h.delivery("one", e.ID); d.Code != string(fault.FetchBlocked) || d.Response != 0 || d.Answer != "" {
		t.Errorf("%+v", d)
	}
	if len(h.received) != 0 {
		t.Error("the local service was reached")
	}
}

// A receiver that hangs holds up nobody else, and is asked once at a time.
func TestOneBadReceiver(t *testing.T) {
	h := newHouse(t, loopback())
	h.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(503)
		}
	})
	h.hook("bad", "/bad", "*")
	h.hook("good", "/good", "*")
	for range 40 {
		h.event("a.b")
		h.pass(time.Millisecond)
	}
	for h.work() > 0 {
		continue
	}
	calls := map[string]int{}
	for _, r := range h.received {
		calls[r.URL.Path]++
	}
	if calls["/good"] != 40 || calls["/bad"] > 8 {
		t.Errorf("%v", calls)
	}
	for range 3 {
		before := len(h.received)
		h.pass(10 * time.Minute)
		h.work()
		if n := len(h.received) - before; n != 1 {
			t.Errorf("a failing receiver is asked %d times at once", n)
		}
	}
}

// Each delivery is tried for three days, and five days of failures switch the webhook off, once.
func TestGivingUp(t *testing.T) {
	h := newHouse(t, loopback())
	h.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	h.hook("one", "/", "a.*")
	first, begun := h.event("a.b"), h.clock()
	var last time.Duration
	for h.delivery("one", first.ID).Status == broker.DeliveryQueued {
		h.pass(5 * time.Minute)
		if h.work() > 0 {
			last = h.clock().Sub(begun)
		}
		if h.clock().Sub(begun) > 5*24*time.Hour {
			t.Fatal("it is tried for ever")
		}
	}
	if d := h.delivery("one", first.ID); d.Status != broker.DeliveryFailed || d.Attempts != 10 || last < 60*time.Hour || last > 96*time.Hour {
		t.Errorf("%+v after %s", d, last)
	}
	for range 3 {
		h.pass(24 * time.Hour)
		h.event("a.b")
		h.work()
	}
	w := h.get("one")
	if w.Enabled || w.DisabledReason != string(fault.WebhookFailing) || len(h.disabled) != 1 {
		t.Errorf("%+v, told %v", w, h.disabled)
	}
	told, _, err := h.store.Events.List(t.Context(), ledger.Filter{Kind: "webhook.disabled"}, broker.Page{})
	if err != nil || len(told) != 1 || told[0].Subject != "webhook:one" {
		t.Errorf("%v %v", told, err)
	}
	h.event("a.b")
	if h.work() != 0 {
		t.Error("what is switched off is served")
	}
}

// What waited too long for a receiver that was on hold is given up, and can be sent again.
func TestWaitedTooLong(t *testing.T) {
	h := newHouse(t, loopback())
	h.hook("one", "/", "*")
	e := h.event("a.b")
	h.pass(4*24*time.Hour + time.Minute)
	storetest.Must(t, h.store.Deliveries.Sweep(t.Context(), h.clock().Add(-4*24*time.Hour), h.clock().Add(-30*24*time.Hour)))
	if d := h.delivery("one", e.ID); d.Status != broker.DeliveryFailed || d.Code != string(fault.WebhookGivenUp) {
		t.Errorf("%+v", d)
	}
	storetest.Must(t, h.store.Deliveries.Resend(t.Context(), "one", e.ID))
	h.work()
	if d := h.delivery("one", e.ID); d.Status != broker.DeliveryDelivered {
		t.Errorf("sent again: %+v", d)
	}
}

func TestGone(t *testing.T) {
	h := newHouse(t, loopback())
	h.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) })
	h.hook("one", "/", "*")
	h.event("a.b")
	h.work()
	if w := h.get("one"); w.Enabled || w.DisabledReason != string(fault.WebhookGone) {
		t.Errorf("%+v", w)
	}
}

func TestResend(t *testing.T) {
	h := newHouse(t, loopback())
	h.hook("one", "/", "*")
	e := h.event("a.b")
	h.work()
	storetest.Must(t, h.store.Deliveries.Resend(t.Context(), "one", e.ID))
	h.work()
	if len(h.received) != 2 || h.received[0].Header.Get("webhook-id") != h.received[1].Header.Get("webhook-id") || string(h.bodies[0]) != string(h.bodies[1]) {
		t.Errorf("%d messages", len(h.received))
	}
}

// What is erased from the ledger is not sent any more.
func TestErasedEvents(t *testing.T) {
	h := newHouse(t, loopback())
	h.hook("one", "/", "*")
	e := h.event("a.b")
	_, err := h.store.Events.Retain(t.Context(), h.clock().Add(time.Hour))
	storetest.Must(t, err)
	h.work()
	if d := h.delivery("one", e.ID); d.Status != broker.DeliveryFailed || d.Code != string(fault.WebhookEvent) || len(h.received) != 0 {
		t.Errorf("%+v", d)
	}
	if w := h.get("one"); w.Failures != 0 {
		t.Errorf("the receiver is blamed: %+v", w)
	}
}

func TestPayloadIsBounded(t *testing.T) {
	b, err := webhook.Payload(broker.Event{ID: "e", Kind: "a.b", Detail: strings.Repeat("é", 100_000), Subject: strings.Repeat("s", 4096)})
	if err != nil || len(b) > 64<<10 || !json.Valid(b) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	b, err = webhook.Payload(broker.Event{ID: "e", Kind: broker.ExpiryWarning, After: []byte(`{"kind":"metadata"}`)})
	if err != nil || !strings.Contains(string(b), `"expiry":{"kind":"metadata"}`) {
		t.Errorf("%s %v", b, err)
	}
	b, err = webhook.Payload(broker.Event{ID: "e", Kind: "connection.updated", After: []byte(`{"kind":"metadata"}`)})
	if err != nil || strings.Contains(string(b), "metadata") {
		t.Errorf("%s %v", b, err)
	}
}

func TestRunEnds(t *testing.T) {
	h := newHouse(t, loopback())
	h.hook("one", "/", "*")
	e := h.event("a.b")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.senders[0].Run(ctx); close(done) }()
	for end := time.Now().Add(10 * time.Second); h.delivery("one", e.ID).Status != broker.DeliveryDelivered; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is delivered")
		}
	}
	stop()
	<-done
}

func TestFilters(t *testing.T) {
	for filter, ok := range map[string]bool{
		"*": true, "login.failed": true, "connection.*": true, "login.groups_omitted": true, "": false, "Login.failed": false, "login.": false,
		"lo*": false, "*.failed": false, "login.failed ": false, "a.%": false, strings.Repeat("a", 65): false,
	} {
		w := &broker.Webhook{Name: "n", URL: "https://x.example", Events: []string{filter}}
		if err := w.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", filter, err)
		}
	}
	for _, url := range []string{"", "ftp://x.example", "https://u:p@x.example/", "x"} {
		w := &broker.Webhook{Name: "n", URL: url, Events: []string{"*"}}
		if w.Validate() == nil {
			t.Errorf("%q is taken", url)
		}
	}
}
