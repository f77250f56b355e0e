package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func webhooks(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	w := filled[broker.Webhook](t)
	w.Realm = "acme"
	must(t, s.Webhooks.Create(ctx, w))
	got, err := s.Webhooks.Get(ctx, "acme", w.ID)
	must(t, err)
	same(t, got, w)
	for _, realm := range []string{"", "other"} {
		_, err = s.Webhooks.Get(ctx, realm, w.ID)
		wants(t, err, broker.ErrNotFound)
	}
	got.Name, got.Secret, got.Failures = "another", "plain-secret-of-a-webhook", 99
	must(t, s.Webhooks.Update(ctx, got))
	again, err := s.Webhooks.Get(ctx, "acme", w.ID)
	must(t, err)
	if again.Name != "another" || again.Secret != got.Secret || again.Version != w.Version+1 || again.Failures != w.Failures {
		t.Errorf("%+v", again)
	}
	wants(t, s.Webhooks.Update(ctx, w), broker.ErrConflict)

	all := &broker.Webhook{ID: "all", Name: "installation", URL: "https://x.example", Events: []string{"*"}, Enabled: true, Secret: "s"}
	must(t, s.Webhooks.Create(ctx, all))
	for realm, want := range map[string]string{"": "all", "acme": w.ID} {
		list, _, err := s.Webhooks.List(ctx, realm, broker.Page{})
		if err != nil || len(list) != 1 || list[0].ID != want {
			t.Errorf("webhooks of %q: %v %v", realm, list, err)
		}
	}
	wants(t, s.Webhooks.Delete(ctx, "", w.ID), broker.ErrNotFound)
	must(t, s.Webhooks.Delete(ctx, "acme", w.ID))
	_, err = s.Webhooks.Get(ctx, "acme", w.ID)
	wants(t, err, broker.ErrNotFound)
}

// listener makes and stores a webhook.
func listener(t *testing.T, s *store.Store, realm, id string, events ...string) *broker.Webhook {
	t.Helper()
	w := &broker.Webhook{ID: id, Realm: realm, Name: id, URL: "https://hook.example/" + id, Events: events, Enabled: true, Secret: "s"}
	must(t, s.Webhooks.Create(background(t), w))
	return w
}

// deliveries: events reach those who listen, in their transaction, whichever way they come into the ledger.
func deliveries(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "globex")
	listener(t, s, "acme", "exact", "login.failed", "login.*") // matches twice, hears once
	listener(t, s, "acme", "area", "connection.*")
	listener(t, s, "", "all", "*")
	off := listener(t, s, "acme", "off", "*")
	off.Enabled = false
	must(t, s.Webhooks.Update(ctx, off))

	must(t, s.Events.Append(ctx, broker.Event{ID: "e1", Realm: "acme", Kind: "connection.updated"}))
	must(t, s.Events.Append(ctx, broker.Event{ID: "e2", Realm: "globex", Kind: "connection.updated"}))
	must(t, s.Events.Append(ctx, broker.Event{ID: "e3", Realm: "acme", Kind: "connectionXupdated"}))
	s.Events.Log(broker.Event{ID: "e4", Realm: "acme", Kind: "login.failed"})
	_ = s.Tx(ctx, func(ctx context.Context) error {
		must(t, s.Events.Append(ctx, broker.Event{ID: "undone", Realm: "acme", Kind: "connection.updated"}))
		return broker.ErrConflict
	})
	heard := func(webhook string) string {
		list, _, err := s.Deliveries.List(ctx, webhook, broker.Page{})
		must(t, err)
		out := ""
		for _, d := range list {
			if d.Status != broker.DeliveryQueued || d.CreatedAt.IsZero() {
				t.Errorf("%+v", d)
			}
			out += d.ID + " "
		}
		return out
	}
	waitFor(t, "the logged event is there", func() bool { return heard("exact") != "" })
	for webhook, want := range map[string]string{"exact": "e4 ", "area": "e1 ", "all": "e4 e3 e2 e1 ", "off": ""} {
		if got := heard(webhook); got != want {
			t.Errorf("%s hears of %q, want %q", webhook, got, want)
		}
	}
	first, next, err := s.Deliveries.List(ctx, "all", broker.Page{Limit: 3})
	must(t, err)
	rest, _, err := s.Deliveries.List(ctx, "all", broker.Page{Limit: 3, Cursor: next})
	if err != nil || len(first) != 3 || len(rest) != 1 || rest[0].ID != "e1" {
		t.Errorf("pages: %v %v %v", first, rest, err)
	}
	deliveryLife(t, s)
}

// deliveryLife: what is due comes with its event, is finished, sent again and given up.
func deliveryLife(t *testing.T, s *store.Store) {
	ctx := background(t)
	due, events, err := s.Deliveries.Due(ctx, "all", 2)
	must(t, err)
	if len(due) != 2 || len(events) != 2 || due[0].ID != "e1" || events[0].Kind != "connection.updated" || events[1].Realm != "globex" {
		t.Fatalf("due: %+v %+v", due, events)
	}
	d := due[0]
	d.Status, d.Attempts, d.Response, d.Answer, d.Code, d.Detail = broker.DeliveryDelivered, 2, 204, "fine", "c", "d"
	d.FinishedAt, d.NextAt = s.Now(), time.Time{}
	must(t, s.Deliveries.Finish(ctx, d))
	stored, err := s.Deliveries.Get(ctx, "all", "e1")
	must(t, err)
	same(t, stored, d)
	wants(t, s.Deliveries.Finish(ctx, d), broker.ErrNotFound)
	must(t, s.Deliveries.Resend(ctx, "all", "e1"))
	wants(t, s.Deliveries.Resend(ctx, "area", "e2"), broker.ErrNotFound)
	if stored, err = s.Deliveries.Get(ctx, "all", "e1"); err != nil || stored.Status != broker.DeliveryQueued || stored.Attempts != 0 {
		t.Errorf("sent again: %+v %v", stored, err)
	}

	test, err := s.Deliveries.Send(ctx, "area", broker.Event{Kind: "webhook.tested", Realm: "acme"})
	must(t, err)
	if test.Type != "webhook.tested" || test.Status != broker.DeliveryQueued {
		t.Errorf("%+v", test)
	}
	later := s.Now().Add(time.Hour)
	must(t, s.Deliveries.Sweep(ctx, later, time.Time{}))
	if stored, err = s.Deliveries.Get(ctx, "area", test.ID); err != nil || stored.Status != broker.DeliveryFailed || stored.Code == "" {
		t.Errorf("given up: %+v %v", stored, err)
	}
	must(t, s.Deliveries.Sweep(ctx, later, later))
	if list, _, err := s.Deliveries.List(ctx, "all", broker.Page{}); err != nil || len(list) != 0 {
		t.Errorf("old ones stay: %v %v", list, err)
	}
	_, err = s.Deliveries.Get(ctx, "all", "e1")
	wants(t, err, broker.ErrNotFound)
}

// webhookClaims: what is due is one worker's until it settles or its lease ends.
func webhookClaims(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	listener(t, s, "acme", "one", "*")
	listener(t, s, "", "two", "*")
	claim := func(holder string, until time.Duration) []*broker.Webhook {
		got, err := s.Webhooks.Claim(ctx, holder, 10, s.Now().Add(until))
		must(t, err)
		return got
	}
	if got := claim("a", time.Hour); len(got) != 0 {
		t.Errorf("nothing is due: %v", got)
	}
	must(t, s.Events.Append(ctx, broker.Event{ID: "e", Realm: "acme", Kind: "x.y"}))
	got := claim("a", time.Hour)
	if len(got) != 2 || got[0].Holder != "a" || got[0].Secret != "s" {
		t.Fatalf("%v", got)
	}
	if got := claim("b", time.Hour); len(got) != 0 {
		t.Errorf("twice: %v", got)
	}
	w := got[0]
	w.Failures, w.FailingSince, w.LastFailureAt, w.LastSuccessAt, w.HoldUntil = 3, s.Now(), s.Now(), s.Now(), s.Now().Add(time.Hour)
	must(t, s.Webhooks.Settle(ctx, w))
	wants(t, s.Webhooks.Settle(ctx, w), broker.ErrNotFound)
	stored, err := s.Webhooks.Get(ctx, w.Realm, w.ID)
	must(t, err)
	w.Holder = ""
	same(t, stored, w)
	if got := claim("b", time.Hour); len(got) != 0 {
		t.Errorf("held: %v", got)
	}
	must(t, s.Webhooks.Release(ctx, w.ID))
	if got := claim("b", -time.Second); len(got) != 1 || got[0].ID != w.ID {
		t.Errorf("released: %v", got)
	}
	if got := claim("c", time.Hour); len(got) != 1 || got[0].ID != w.ID {
		t.Errorf("after the lease: %v", got)
	}
}

// claimedOnce: of fifty that claim at one moment each webhook goes to one.
func claimedOnce(t *testing.T, run contest, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	for i := range 20 {
		listener(t, s, "acme", fmt.Sprintf("w%d", i), "*")
	}
	must(t, s.Events.Append(ctx, broker.Event{ID: "e", Realm: "acme", Kind: "x.y"}))
	given := make(chan string, crowd*20)
	run(func(i int, s *store.Store) bool {
		got, err := s.Webhooks.Claim(context.Background(), fmt.Sprint("holder", i), 3, s.Now().Add(time.Hour))
		if err != nil {
			t.Error(err)
		}
		for _, w := range got {
			given <- w.ID
		}
		return len(got) > 0
	})
	close(given)
	times := map[string]int{}
	for id := range given {
		if times[id]++; times[id] > 1 {
			t.Errorf("%s was given out twice", id)
		}
	}
	if len(times) == 0 {
		t.Error("nothing was given out")
	}
}
