package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/session"
	"cloakroom/store"
	"cloakroom/store/storetest"
)

type realms struct{ s *store.Store }

func (r realms) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return r.s.Realms.Get(ctx, name)
}

func TestManager(t *testing.T) {
	s := storetest.Open(t, storetest.SQLiteURL(t))
	ctx := context.Background()
	realm := &broker.Realm{Name: "acme"}
	realm.Defaults()
	realm.Sessions = broker.SessionPolicy{Idle: broker.Duration(10 * time.Minute), Max: broker.Duration(time.Hour)}
	if err := s.Realms.Create(ctx, realm); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	m := &session.Manager{Store: s.Sessions, Realms: realms{s}, Now: func() time.Time { return now }}
	open := func(ends time.Time) (string, *broker.Session) {
		t.Helper()
		v := &broker.Session{HomeRealm: "acme", UserID: "u", Connection: "c", AuthTime: now}
		cookie, err := m.New(ctx, realm, v, ends)
		if err != nil {
			t.Fatal(err)
		}
		return cookie, v
	}
	cookie, _ := open(time.Time{})
	live := func(want bool) {
		t.Helper()
		got, err := m.Find(ctx, "acme", cookie)
		if err != nil || (got != nil) != want {
			t.Errorf("at %s: %v, %v; want a session: %v", now, got, err, want)
		}
	}
	live(true)
	if got, err := m.Find(ctx, "globex", cookie); got != nil || err != nil {
		t.Errorf("found in another realm: %v, %v", got, err)
	}
	if got, _ := m.Find(ctx, "acme", cookie[:42]+"x"); got != nil {
		t.Error("found by another cookie")
	}
	// Use keeps it from falling idle; the hard end comes all the same.
	for range 11 {
		now = now.Add(5 * time.Minute)
		live(true)
	}
	now = now.Add(6 * time.Minute)
	live(false)

	cookie, _ = open(time.Time{})
	now = now.Add(11 * time.Minute)
	live(false)

	cookie, _ = open(now.Add(2 * time.Minute)) // SessionNotOnOrAfter
	live(true)
	now = now.Add(3 * time.Minute)
	live(false)

	cookie, v := open(time.Time{})
	if _, err := m.End(ctx, "globex", v.ID); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("ended from another realm: %v", err)
	}
	live(true)
	if _, err := m.End(ctx, "acme", v.ID); err != nil {
		t.Fatal(err)
	}
	live(false)
}
