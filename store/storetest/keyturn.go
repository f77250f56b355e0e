package storetest

import (
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func keyTurns(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	Connection(t, s, "acme", "acme-okta")
	Connection(t, s, "other", "other-okta")
	for _, slug := range []string{"acme-okta", "other-okta"} {
		for state, id := range map[string]string{"active": "a-", "next": "n-"} {
			must(t, s.Keys.Add(ctx, &broker.Key{ID: id + slug, Owner: "connection:" + slug, Alg: "RS256", State: state, Private: []byte("p")}))
		}
	}
	of := func(slug string) *broker.KeyTurn {
		t.Helper()
		found, _, err := s.Keys.Turns(ctx, nil, slug, broker.Page{})
		must(t, err)
		if len(found) != 1 {
			t.Fatalf("%d turns of %s", len(found), slug)
		}
		return found[0]
	}
	if k := of("acme-okta"); k.ActiveKID != "a-acme-okta" || k.NextKID != "n-acme-okta" || k.Fetched != nil || k.Held != nil || k.Ready() {
		t.Errorf("at first: %+v", k)
	}
	must(t, s.Keys.Fetched(ctx, "connection:acme-okta", "Firefox", true))
	if k := of("acme-okta"); k.Fetched == nil || !k.Fetched.ByHand || k.Ready() {
		t.Errorf("read by a person: %+v", k)
	}
	must(t, s.Keys.Fetched(ctx, "connection:acme-okta", "okta", false))
	must(t, s.Keys.Fetched(ctx, "connection:acme-okta", "Firefox", true))
	if k := of("acme-okta"); k.Fetched.ByHand || k.Fetched.Times != 3 || k.Fetched.Agent != "Firefox" || !k.Ready() {
		t.Errorf("read by a program: %+v", k.Fetched)
	}
	if k := of("other-okta"); k.Fetched != nil {
		t.Error("another connection's metadata counts")
	}
	must(t, s.Keys.Hold(ctx, "connection:acme-okta", &broker.KeyHold{At: s.Now(), By: "eva", Reason: "change freeze"}))
	must(t, s.Keys.Hold(ctx, "connection:acme-okta", &broker.KeyHold{At: s.Now(), By: "eva", Reason: "longer"}))
	if k := of("acme-okta"); k.Held == nil || k.Held.Reason != "longer" || k.Ready() {
		t.Errorf("held: %+v", k.Held)
	}
	must(t, s.Keys.Hold(ctx, "connection:acme-okta", nil))
	must(t, s.Keys.Activate(ctx, "connection:acme-okta", "RS256", "n-acme-okta", s.Now().Add(time.Hour)))
	if k := of("acme-okta"); k.ActiveKID != "n-acme-okta" || k.NextKID != "" || k.Former != "a-acme-okta" || k.Held != nil || k.Ready() {
		t.Errorf("turned over: %+v", k)
	}
	must(t, s.Keys.Activate(ctx, "connection:acme-okta", "RS256", "a-acme-okta", s.Now().Add(time.Hour)))
	if k := of("acme-okta"); k.ActiveKID != "a-acme-okta" || k.Former != "n-acme-okta" {
		t.Errorf("gone back: %+v", k)
	}
	first, next, err := s.Keys.Turns(ctx, nil, "", broker.Page{Limit: 1})
	must(t, err)
	rest, end, err := s.Keys.Turns(ctx, nil, "", broker.Page{Limit: 1, Cursor: next})
	must(t, err)
	if len(first) != 1 || len(rest) != 1 || first[0].Connection != "acme-okta" || rest[0].Connection != "other-okta" || end != "" {
		t.Errorf("pages %v, %v, %q", first, rest, end)
	}
	if only, _, _ := s.Keys.Turns(ctx, []string{"other"}, "", broker.Page{}); len(only) != 1 || only[0].Realm != "other" {
		t.Errorf("of one realm: %v", only)
	}
	if none, _, _ := s.Keys.Turns(ctx, []string{}, "", broker.Page{}); len(none) != 0 {
		t.Errorf("of no realm: %v", none)
	}
}
