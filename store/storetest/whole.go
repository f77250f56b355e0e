package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
)

func events(t *testing.T, s *store.Store) {
	ctx := background(t)
	v := filled[broker.Event](t)
	must(t, s.Events.Append(ctx, *v))
	got, next, err := s.Events.List(ctx, ledger.Filter{Realm: v.Realm}, broker.Page{})
	must(t, err)
	same(t, got, []broker.Event{*v})
	if next != "" {
		t.Error("one event has a second page")
	}
	now := s.Now()
	for i := range 300 {
		s.Events.Log(broker.Event{At: now.Add(time.Duration(i) * time.Millisecond), Realm: "acme", Kind: "login.succeeded", Ref: fmt.Sprintf("R%03d", i), Email: "u@acme.example", UserID: "u", Connection: "op"})
	}
	s.Events.Log(broker.Event{Realm: "acme", Kind: "login_failed\x00\xff", Detail: "\x00"})
	waitFor(t, "the queue is written", func() bool {
		all, _, err := s.Events.List(ctx, ledger.Filter{Realm: "acme", Kind: "login_"}, broker.Page{})
		return err == nil && len(all) == 1
	})
	seen, last := map[string]bool{}, ""
	for page := (broker.Page{Limit: 100}); ; {
		part, next, err := s.Events.List(ctx, ledger.Filter{Realm: "acme", Kind: "login.", Email: "u@acme.example", UserID: "u", Connection: "op", Since: now.Add(-time.Hour)}, page)
		must(t, err)
		for _, e := range part {
			if last != "" && e.ID >= last {
				t.Error("not the newest first")
			}
			seen[e.Ref], last = true, e.ID
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 300 || s.Events.Dropped() != 0 {
		t.Errorf("%d of 300 events, %d dropped", len(seen), s.Events.Dropped())
	}
	if one, _, err := s.Events.List(ctx, ledger.Filter{Ref: "R007"}, broker.Page{}); err != nil || len(one) != 1 {
		t.Errorf("by reference: %d, %v", len(one), err)
	}
	if n, err := s.Events.Retain(ctx, now.Add(time.Hour)); err != nil || n < 301 {
		t.Errorf("retention deleted %d, %v", n, err)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func transactions(t *testing.T, s *store.Store) {
	ctx := background(t)
	boom := errors.New("boom")
	r := &broker.Realm{Name: "acme"}
	err := s.Tx(ctx, func(ctx context.Context) error {
		must(t, s.Realms.Create(ctx, r))
		must(t, s.Events.Append(ctx, broker.Event{Kind: "realm.created", Realm: "acme"}))
		if _, err := s.Realms.Get(ctx, "acme"); err != nil {
			t.Errorf("a transaction does not see its own writes: %v", err)
		}
		return boom
	})
	wants(t, err, boom)
	if r.Version != 0 || !r.UpdatedAt.IsZero() {
		t.Errorf("an undone creation left version %d", r.Version)
	}
	_, err = s.Realms.Get(ctx, "acme")
	wants(t, err, broker.ErrNotFound)

	must(t, s.Tx(ctx, func(ctx context.Context) error {
		must(t, s.Realms.Create(ctx, r))
		// A part that fails leaves the rest usable.
		wants(t, s.Realms.Create(ctx, &broker.Realm{Name: "acme"}), broker.ErrExists)
		err := s.Tx(ctx, func(ctx context.Context) error {
			must(t, s.Realms.Create(ctx, &broker.Realm{Name: "half"}))
			return boom
		})
		wants(t, err, boom)
		a, b := &broker.User{ID: "a", Realm: "acme", Email: "a@acme.example"}, &broker.User{ID: "b", Realm: "acme", Email: "b@acme.example"}
		must(t, errors.Join(s.Users.Create(ctx, a), s.Users.Create(ctx, b)))
		b.Email = a.Email
		wants(t, s.Users.Update(ctx, b), broker.ErrExists)
		return s.Users.Touch(ctx, "acme", "b", epoch)
	}))
	if _, err := s.Realms.Get(ctx, "acme"); err != nil {
		t.Error(err)
	}
	_, err = s.Realms.Get(ctx, "half")
	wants(t, err, broker.ErrNotFound)
	if u, err := s.Users.Get(ctx, "acme", "b"); err != nil || !u.LastLoginAt.Equal(epoch) || u.Email != "b@acme.example" {
		t.Errorf("user %+v, %v", u, err)
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Realms.Create(cancelled, &broker.Realm{Name: "late"}); !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a cancelled context: %v", err)
	}
}

func lists(t *testing.T, s *store.Store) {
	ctx := background(t)
	for i := range 7 {
		Realm(t, s, fmt.Sprintf("realm-%d", i))
		User(t, s, "realm-0", fmt.Sprintf("u%d", i), fmt.Sprintf("%c_x@acme.example", 'a'+i%2*20+i))
		User(t, s, "realm-0", fmt.Sprintf("n%d", i), "")
	}
	var names []string
	for page := (broker.Page{Limit: 3}); ; {
		part, next, err := s.Realms.List(ctx, page)
		must(t, err)
		for _, r := range part {
			names = append(names, r.Name)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "realm-0 realm-1 realm-2 realm-3 realm-4 realm-5 realm-6" {
		t.Errorf("pages give %s", got)
	}
	seen := map[string]int{}
	for page := (broker.Page{Limit: 4}); ; {
		part, next, err := s.Users.List(ctx, "realm-0", page)
		must(t, err)
		for _, u := range part {
			seen[u.ID]++
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 14 {
		t.Errorf("pages give %d of 14 users", len(seen))
	}
	if part, _, err := s.Realms.List(ctx, broker.Page{Query: "LM-3"}); err != nil || len(part) != 1 {
		t.Errorf("search found %d, %v", len(part), err)
	}
	if part, _, err := s.Users.List(ctx, "realm-0", broker.Page{Query: "a_"}); err != nil || len(part) != 1 {
		t.Errorf("prefix found %d, %v", len(part), err)
	}
	if part, _, err := s.Users.List(ctx, "realm-0", broker.Page{Query: "%"}); err != nil || len(part) != 0 {
		t.Errorf("a wildcard found %d, %v", len(part), err)
	}
	for _, cursor := range []string{"x", "bm9uc2Vuc2U", "WyJhIiwiYiJd", strings.Repeat("A", 10_000)} {
		_, _, err := s.Realms.List(ctx, broker.Page{Cursor: cursor})
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("cursor %.20q: %v", cursor, err)
		}
	}
	var ids []string
	for i := range 5 {
		must(t, s.Sessions.Create(ctx, live(s, fmt.Sprintf("s%d", i), "realm-0", fmt.Sprintf("u%d", i%2))))
	}
	for page := (broker.Page{Limit: 2}); ; {
		part, next, err := s.Sessions.List(ctx, "realm-0", flow.Filter{}, page)
		must(t, err)
		for _, v := range part {
			ids = append(ids, v.ID)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "s0 s2 s4 s1 s3" {
		t.Errorf("sessions by user: %s", got)
	}
	if part, _, err := s.Sessions.List(ctx, "realm-0", flow.Filter{UserID: "u1"}, broker.Page{}); err != nil || len(part) != 2 {
		t.Errorf("one user's sessions: %d, %v", len(part), err)
	}
}

// deletion: a later object of the same name inherits nothing.
func deletion(t *testing.T, s *store.Store) {
	ctx := background(t)
	build := func() {
		Realm(t, s, "acme")
		Connection(t, s, "acme", "op")
		_, err := s.Keys.CreateFirst(ctx, &broker.Key{ID: "k", Owner: "connection:op", Alg: "RS256", Private: []byte("p")})
		must(t, err)
	}
	for name, remove := range map[string]func() error{
		"realm":      func() error { return s.Realms.Delete(ctx, "acme") },
		"connection": func() error { return errors.Join(s.Connections.Delete(ctx, "op"), s.Realms.Delete(ctx, "acme")) },
	} {
		build()
		must(t, s.Connections.Remember(ctx, "op", []byte("old metadata")))
		must(t, s.Links.CreateUserWithLink(ctx, &broker.User{ID: "u-" + name, Realm: "acme", Email: "u@acme.example"}, &broker.Link{Connection: "op", Subject: "s", Realm: "acme", UserID: "u-" + name}))
		must(t, s.Sessions.Create(ctx, live(s, "s-"+name, "acme", "u-"+name)))
		must(t, s.Grants.Create(ctx, grant(s, "g-"+name, "s-"+name)))
		must(t, s.Clients.Create(ctx, &broker.Client{ClientID: "app", Realm: "acme"}))
		must(t, s.Domains.Create(ctx, &broker.Domain{Domain: "acme.example", Realm: "acme", Verified: true}))
		must(t, remove())
		build()
		_, _, err := s.Links.Find(ctx, "op", "s")
		wants(t, err, broker.ErrNotFound)
		_, err = s.Users.ByEmail(ctx, "acme", "u@acme.example")
		wants(t, err, broker.ErrNotFound)
		_, err = s.Sessions.Get(ctx, "acme", "s-"+name)
		wants(t, err, broker.ErrNotFound)
		_, err = s.Grants.Get(ctx, "acme", "g-"+name)
		wants(t, err, broker.ErrNotFound)
		_, err = s.Clients.Get(ctx, "acme", "app")
		wants(t, err, broker.ErrNotFound)
		_, err = s.Domains.Verified(ctx, "acme.example")
		wants(t, err, broker.ErrNotFound)
		if b, _ := s.Connections.Stored(ctx, "op"); b != nil {
			t.Errorf("after deleting the %s the new connection inherits metadata", name)
		}
		must(t, s.Realms.Delete(ctx, "acme"))
	}
}

// strangeText: what nobody could have stored is not found, on either database, and no error of ours.
func strangeText(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	for _, text := range []string{"a\x00b", "\xff\xfe", "' OR 1=1 --", "%", strings.Repeat("x", 100_000)} {
		_, err := s.Realms.Get(ctx, text)
		wants(t, err, broker.ErrNotFound)
		_, err = s.Clients.Get(ctx, "acme", text)
		wants(t, err, broker.ErrNotFound)
		_, _, err = s.Links.Find(ctx, "op", text)
		wants(t, err, broker.ErrNotFound)
		_, _, err = s.Grants.Redeem(ctx, "acme", text, s.Now())
		wants(t, err, broker.ErrNotFound)
		v := live(s, "s"+fmt.Sprint(len(text)), "acme", "u")
		v.UserAgent = text
		if err := s.Sessions.Create(ctx, v); err != nil && !errors.Is(err, broker.ErrExists) {
			t.Errorf("user agent %.20q: %v", text, err)
		}
	}
}

func ready(t *testing.T, s *store.Store) {
	ctx := background(t)
	must(t, s.Ready(ctx))
	if n, err := s.Pending(ctx); n != 0 || err != nil {
		t.Errorf("pending %d, %v", n, err)
	}
	must(t, s.Migrate(ctx))
	must(t, s.Close())
	if err := s.Ready(ctx); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a closed store is ready: %v", err)
	}
	if err := s.Realms.Create(ctx, &broker.Realm{Name: "late"}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a closed store takes writes: %v", err)
	}
}
