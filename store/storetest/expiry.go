package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func expiries(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "okta")
	e := filled[broker.Expiry](t)
	e.Realm, e.Connection, e.DaysLeft = "acme", "okta", 0
	must(t, s.Expiries.Put(ctx, e, nil))
	wants(t, s.Expiries.Put(ctx, e, nil), broker.ErrConflict)
	got, err := s.Expiries.Of(ctx, e.Subject, "")
	must(t, err)
	same(t, got, []broker.Expiry{*e})
	e.At, e.Warned = e.At.Add(time.Hour), nil
	must(t, s.Expiries.Put(ctx, e, &got[0]))
	wants(t, s.Expiries.Put(ctx, e, &got[0]), broker.ErrConflict)
	if got, err = s.Expiries.Of(ctx, e.Subject, ""); err != nil || len(got) != 1 || !got[0].At.Equal(e.At) || got[0].Warned != nil {
		t.Errorf("%+v %v", got, err)
	}
	own := &broker.Expiry{Subject: "apikey:1", Kind: broker.ExpiryAPIKey, Name: "ci", At: s.Now().Add(time.Hour)}
	must(t, s.Expiries.Put(ctx, own, nil))
	if got, err := s.Expiries.Of(ctx, "", broker.ExpiryAPIKey); err != nil || len(got) != 1 || got[0].ID != own.ID {
		t.Errorf("%+v %v", got, err)
	}
	must(t, s.Expiries.Drop(ctx, own.ID, "none"))
	if got, err := s.Expiries.Of(ctx, "apikey:1", ""); err != nil || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
	soon := &broker.Expiry{Subject: e.Subject, Realm: "acme", Connection: "okta", Kind: e.Kind, Name: "sooner", At: e.At.Add(-time.Hour)}
	gone := &broker.Expiry{Subject: e.Subject, Realm: "acme", Connection: "okta", Kind: e.Kind, Name: "replaced", At: e.At.Add(-2 * time.Hour), Replaced: true}
	must(t, s.Expiries.Put(ctx, soon, nil))
	must(t, s.Expiries.Put(ctx, gone, nil))
	for _, slugs := range [][]string{nil, {"okta", "none"}} {
		if next, err := s.Expiries.Next(ctx, slugs); err != nil || len(next) != min(len(slugs), 1) || slugs != nil && !next["okta"].Equal(soon.At) {
			t.Errorf("next of %v: %v %v", slugs, next, err)
		}
	}
	must(t, s.Connections.Delete(ctx, "okta"))
	if got, err := s.Expiries.Of(ctx, e.Subject, ""); err != nil || len(got) != 0 {
		t.Errorf("outlives its connection: %+v %v", got, err)
	}
}

func expiryLists(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "globex")
	now := s.Now()
	for i, realm := range []string{"acme", "globex", "acme", "", "acme"} {
		must(t, s.Expiries.Put(ctx, &broker.Expiry{
			Subject: fmt.Sprint("thing:", i), Realm: realm, Kind: broker.ExpiryMetadata, Name: fmt.Sprint(i), At: now.Add(time.Duration(i/2) * time.Hour), Replaced: i == 4,
		}, nil))
	}
	for _, tt := range []struct {
		name   string
		filter broker.ExpiryFilter
		want   int
	}{
		{"all", broker.ExpiryFilter{}, 4},
		{"replaced too", broker.ExpiryFilter{Replaced: true}, 5},
		{"a realm's", broker.ExpiryFilter{Realms: []string{"acme"}}, 2},
		{"two realms'", broker.ExpiryFilter{Realms: []string{"acme", "globex"}}, 3},
		{"soon", broker.ExpiryFilter{Before: now}, 2},
		{"of a kind", broker.ExpiryFilter{Kind: broker.ExpiryAPIKey}, 0},
		{"of a connection", broker.ExpiryFilter{Connection: "none"}, 0},
	} {
		var got []broker.Expiry
		for p := (broker.Page{Limit: 1}); ; {
			page, next, err := s.Expiries.List(ctx, tt.filter, p)
			must(t, err)
			got = append(got, page...)
			if p.Cursor = next; next == "" {
				break
			}
		}
		if len(got) != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, len(got), tt.want)
		}
		for i := 1; i < len(got); i++ {
			if got[i].At.Before(got[i-1].At) {
				t.Errorf("%s: not the soonest first", tt.name)
			}
		}
	}
}

// expiryWarnings: a warning is one worker's, and a contact's mail too.
func expiryWarnings(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	now := s.Now()
	e := &broker.Expiry{Subject: "connection:x", Realm: "acme", Kind: broker.ExpiryMetadata, Name: "m", At: now.Add(50 * 24 * time.Hour), WarnAt: now.Add(-time.Hour)}
	must(t, s.Expiries.Put(ctx, e, nil))
	must(t, s.Expiries.Put(ctx, &broker.Expiry{Subject: "connection:x", Realm: "acme", Kind: broker.ExpiryMetadata, Name: "later", At: e.At, WarnAt: now.Add(time.Hour)}, nil))
	due, err := s.Expiries.Due(ctx, 10)
	if err != nil || len(due) != 1 || due[0].Name != "m" {
		t.Fatalf("%+v %v", due, err)
	}
	for i, want := range []bool{true, false} {
		if got, err := s.Expiries.Warn(ctx, &due[0], 60, now.Add(20*24*time.Hour)); err != nil || got != want {
			t.Errorf("warned %d: %v %v", i, got, err)
		}
	}
	notice := broker.ExpiryNotice{Realm: "acme", Contact: "it@acme.example", Expiry: due[0], Days: 60, At: now}
	must(t, s.Expiries.Notify(ctx, notice))
	notice.Days = 30
	must(t, s.Expiries.Notify(ctx, notice))
	day := now.Add(-24 * time.Hour)
	if who, err := s.Expiries.Contacts(ctx, day, 10); err != nil || len(who) != 1 || who[0].Contact != notice.Contact || who[0].Realm != "acme" {
		t.Fatalf("%+v %v", who, err)
	}
	got, err := s.Expiries.Take(ctx, "acme", notice.Contact, day)
	if err != nil || len(got) != 1 || got[0].Days != 30 || got[0].Expiry.Name != "m" || *got[0].Expiry.Warned != 60 {
		t.Fatalf("%+v %v", got, err)
	}
	must(t, s.Expiries.Notify(ctx, notice))
	if got, err := s.Expiries.Take(ctx, "acme", notice.Contact, day); err != nil || len(got) != 0 {
		t.Errorf("twice a day: %+v %v", got, err)
	}
	if who, err := s.Expiries.Contacts(ctx, day, 10); err != nil || len(who) != 0 {
		t.Errorf("%+v %v", who, err)
	}
	e.Replaced = true
	had, err := s.Expiries.Of(ctx, e.Subject, "")
	must(t, err)
	for i := range had {
		if had[i].ID == e.ID {
			must(t, s.Expiries.Put(ctx, e, &had[i]))
		}
	}
	if got, err := s.Expiries.Take(ctx, "acme", notice.Contact, s.Now().Add(time.Second)); err != nil || len(got) != 0 {
		t.Errorf("replaced meanwhile: %+v %v", got, err)
	}
}

// warnedOnce: of fifty that warn of one thing, one does.
func warnedOnce(t *testing.T, run contest, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	must(t, s.Expiries.Put(ctx, &broker.Expiry{Subject: "connection:x", Realm: "acme", Kind: broker.ExpiryMetadata, Name: "m", At: s.Now(), WarnAt: s.Now()}, nil))
	due, err := s.Expiries.Due(ctx, 1)
	must(t, err)
	exactlyOne(t, run(func(_ int, s *store.Store) bool {
		ok, err := s.Expiries.Warn(context.Background(), &due[0], 0, time.Time{})
		if err != nil {
			t.Error(err)
		}
		return ok
	}))
}
