package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func invite(t *testing.T, s *store.Store, id, email string, uses int) *broker.Invite {
	t.Helper()
	i := &broker.Invite{ID: id, Realm: "acme", Email: email, MaxUses: uses, TokenHash: "hash-" + id, ExpiresAt: s.Now().Add(time.Hour), Groups: []string{}}
	must(t, s.Invites.Create(background(t), i))
	return i
}

func invites(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	i := filled[broker.Invite](t)
	i.Realm = "acme"
	must(t, s.Invites.Create(ctx, i))
	got, err := s.Invites.Get(ctx, "acme", i.ID)
	must(t, err)
	same(t, got, i)
	got, err = s.Invites.ByToken(ctx, i.TokenHash)
	must(t, err)
	same(t, got, i)
	_, err = s.Invites.Get(ctx, "other", i.ID)
	wants(t, err, broker.ErrNotFound)
	_, err = s.Invites.ByToken(ctx, "")
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Invites.Create(ctx, &broker.Invite{ID: "twin", Realm: "acme", TokenHash: i.TokenHash}), broker.ErrExists)
	wants(t, s.Invites.Create(ctx, &broker.Invite{ID: "lost", Realm: "nowhere", TokenHash: "x"}), broker.ErrNotFound)

	stale := *got
	i.Note, i.TokenHash, i.RevokedAt = "changed", "another", time.Time{}
	must(t, s.Invites.Update(ctx, i))
	got, err = s.Invites.Get(ctx, "acme", i.ID)
	must(t, err)
	same(t, got, i)
	wants(t, s.Invites.Update(ctx, &stale), broker.ErrConflict)
	_, err = s.Invites.ByToken(ctx, stale.TokenHash)
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Invites.Delete(ctx, "other", i.ID), broker.ErrNotFound)
	must(t, s.Invites.Delete(ctx, "acme", i.ID))
	wants(t, s.Invites.Delete(ctx, "acme", i.ID), broker.ErrNotFound)
}

func inviteUse(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	for _, id := range []string{"u1", "u2", "u3"} {
		User(t, s, "acme", id, id+"@acme.example")
	}
	i := invite(t, s, "i", "", 2)
	wants(t, s.Invites.Use(ctx, "other", "i", "u1"), broker.ErrNotFound)
	must(t, s.Invites.Use(ctx, "acme", "i", "u1"))
	must(t, s.Invites.Use(ctx, "acme", "i", "u1")) // the same person again counts for nothing
	must(t, s.Invites.Update(ctx, reread(t, s, i)))
	if got := reread(t, s, i); got.Uses != 1 || got.UsedAt.IsZero() {
		t.Errorf("uses %d, used at %s", got.Uses, got.UsedAt)
	}
	must(t, s.Invites.Use(ctx, "acme", "i", "u2"))
	wants(t, s.Invites.Use(ctx, "acme", "i", "u3"), broker.ErrConflict)
	must(t, s.Invites.Use(ctx, "acme", "i", "u2"))
	uses, err := s.Invites.Uses(ctx, "acme", "i")
	must(t, err)
	if len(uses) != 2 || uses[0].UserID != "u1" || uses[1].UserID != "u2" {
		t.Errorf("uses %v", uses)
	}
	if uses, _ := s.Invites.Uses(ctx, "other", "i"); len(uses) != 0 {
		t.Error("another realm reads who came")
	}
	must(t, s.Users.Delete(ctx, "acme", "u1"))
	for name, spoil := range map[string]func(*broker.Invite){
		"expired": func(i *broker.Invite) { i.ExpiresAt = s.Now().Add(-time.Second) },
		"revoked": func(i *broker.Invite) { i.RevokedAt = s.Now() },
	} {
		i := invite(t, s, name, "", 9)
		spoil(i)
		must(t, s.Invites.Update(ctx, i))
		wants(t, s.Invites.Use(ctx, "acme", name, "u3"), broker.ErrConflict)
		if uses, _ := s.Invites.Uses(ctx, "acme", name); len(uses) != 0 {
			t.Errorf("%s: a refused use is kept", name)
		}
	}
}

func reread(t *testing.T, s *store.Store, i *broker.Invite) *broker.Invite {
	t.Helper()
	got, err := s.Invites.Get(background(t), i.Realm, i.ID)
	must(t, err)
	return got
}

func inviteLists(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	User(t, s, "acme", "u", "u@acme.example")
	invite(t, s, "1-live", "ann@acme.example", 1)
	invite(t, s, "2-live", "bob@acme.example", 1)
	revoked := invite(t, s, "3-revoked", "ann@acme.example", 1)
	revoked.RevokedAt = s.Now()
	must(t, s.Invites.Update(ctx, revoked))
	expired := invite(t, s, "4-expired", "an_@acme.example", 1)
	expired.ExpiresAt = s.Now().Add(-time.Minute)
	must(t, s.Invites.Update(ctx, expired))
	invite(t, s, "5-used", "ann@acme.example", 1)
	must(t, s.Invites.Use(ctx, "acme", "5-used", "u"))
	bound := invite(t, s, "6-bound", "ann@acme.example", 1)
	bound.Connection = "op"
	must(t, s.Invites.Update(ctx, bound))

	for _, c := range []struct {
		realm, state, query string
		want                []string
	}{
		{"acme", "", "", []string{"6-bound", "5-used", "4-expired", "3-revoked", "2-live", "1-live"}},
		{"acme", broker.InviteLive, "", []string{"6-bound", "2-live", "1-live"}},
		{"acme", broker.InviteLive, "Ann", []string{"6-bound", "1-live"}},
		{"acme", broker.InviteUsed, "", []string{"5-used"}},
		{"acme", broker.InviteExpired, "", []string{"4-expired"}},
		{"acme", broker.InviteRevoked, "", []string{"3-revoked"}},
		{"acme", "", "an_", []string{"4-expired"}},
		{"other", "", "", nil},
	} {
		var got []string
		p := broker.Page{Limit: 2, Query: c.query}
		for {
			items, next, err := s.Invites.List(ctx, c.realm, c.state, p)
			must(t, err)
			for _, i := range items {
				got = append(got, i.ID)
				if c.state != "" && i.State(s.Now()) != c.state {
					t.Errorf("%s is %s, listed as %s", i.ID, i.State(s.Now()), c.state)
				}
			}
			if p.Cursor = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s %q: %v, want %v", c.realm, c.state, c.query, got, c.want)
		}
	}
	for _, c := range []struct{ realm, email, connection, want string }{
		{"acme", "ann@acme.example", "op", "1-live"},
		{"acme", "ann@acme.example", "", "1-live"},
		{"acme", "an_@acme.example", "op", ""},
		{"acme", "eve@acme.example", "op", ""},
		{"acme", "", "op", ""},
		{"other", "ann@acme.example", "op", ""},
	} {
		got, err := s.Invites.For(ctx, c.realm, c.email, c.connection)
		switch {
		case c.want == "":
			wants(t, err, broker.ErrNotFound)
		case err != nil || got.ID != c.want:
			t.Errorf("For(%s, %s, %s): %v, %v", c.realm, c.email, c.connection, got, err)
		}
	}
	first := reread(t, s, &broker.Invite{Realm: "acme", ID: "1-live"})
	first.Connection = "elsewhere"
	must(t, s.Invites.Update(ctx, first))
	if got, err := s.Invites.For(ctx, "acme", "ann@acme.example", "op"); err != nil || got.ID != "6-bound" {
		t.Errorf("For skips what is bound to another connection: %v, %v", got, err)
	}
}

func seats(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	User(t, s, "other", "o", "o@acme.example")
	free := func(limit int, want bool) {
		t.Helper()
		must(t, s.Tx(ctx, func(ctx context.Context) error {
			got, err := s.Seats.Free(ctx, "acme", limit)
			if err == nil && got != want {
				t.Errorf("free of %d: %t", limit, got)
			}
			return err
		}))
	}
	a, b := User(t, s, "acme", "a", "a@acme.example"), User(t, s, "acme", "b", "b@acme.example")
	free(2, false)
	free(3, true)
	b.Status = broker.StatusHeld
	must(t, s.Users.Update(ctx, b))
	free(2, true)
	b.Status = broker.StatusActive
	must(t, s.Users.Update(ctx, b))
	a.Blocked = true
	must(t, s.Users.Update(ctx, a))
	free(2, true)
	free(1, false)
	must(t, s.Users.Delete(ctx, "acme", "b"))
	free(1, true)
	wants(t, s.Tx(ctx, func(ctx context.Context) error {
		_, err := s.Seats.Free(ctx, "nowhere", 1)
		if err == nil {
			return broker.ErrNotFound // SQLite has no row to lock
		}
		return err
	}), broker.ErrNotFound)

	for i, status := range []string{broker.StatusPending, broker.StatusPending, broker.StatusHeld, broker.StatusMerged} {
		id := fmt.Sprintf("w%d", i)
		must(t, s.Users.Create(ctx, &broker.User{ID: id, Realm: "acme", Email: id + "@acme.example", Status: status}))
	}
	for standing, want := range map[string]int{broker.StatusActive: 0, broker.StatusPending: 2, broker.StatusHeld: 1, broker.StatusMerged: 1, broker.StandingBlocked: 1} {
		n, err := s.Seats.Count(ctx, "acme", standing)
		if err != nil || n != want {
			t.Errorf("%q: %d, want %d (%v)", standing, n, want, err)
		}
	}
}

func linkedConnections(t *testing.T, s *store.Store) {
	ctx := background(t)
	for _, r := range []string{"acme", "other"} {
		Realm(t, s, r)
		Connection(t, s, r, r+"-1")
		Connection(t, s, r, r+"-2")
		User(t, s, r, r+"-u", "")
	}
	User(t, s, "acme", "acme-v", "")
	for _, l := range []broker.Link{{Connection: "acme-2", UserID: "acme-u"}, {Connection: "acme-1", UserID: "acme-u"}, {Connection: "other-1", UserID: "other-u"}} {
		l.Realm, l.Subject = l.UserID[:len(l.UserID)-2], "s"
		must(t, s.Links.Claim(ctx, &l))
	}
	got, err := s.Links.Connections(ctx, "acme", []string{"acme-u", "acme-v", "other-u"})
	must(t, err)
	if len(got) != 1 || !slices.Equal(got["acme-u"], []string{"acme-1", "acme-2"}) {
		t.Errorf("connections %v", got)
	}
	if got, err := s.Links.Connections(ctx, "acme", nil); err != nil || len(got) != 0 {
		t.Errorf("nobody's connections %v, %v", got, err)
	}
}

// oneInvitation: an open invitation for seven, fifty people.
func oneInvitation(t *testing.T, run contest, s *store.Store) {
	Realm(t, s, "acme")
	for i := range crowd {
		User(t, s, "acme", fmt.Sprintf("u%d", i), "")
	}
	i := invite(t, s, "i", "", 7)
	won := run(func(n int, s *store.Store) bool {
		return verdict(t, s.Invites.Use(context.Background(), "acme", "i", fmt.Sprintf("u%d", n)), broker.ErrConflict)
	})
	if got := reread(t, s, i); won != 7 || got.Uses != 7 {
		t.Errorf("%d came by an invitation for 7, counted were %d", won, got.Uses)
	}
}

// onePersonsInvitation: one person, fifty times at once, counts once.
func onePersonsInvitation(t *testing.T, run contest, s *store.Store) {
	Realm(t, s, "acme")
	User(t, s, "acme", "u", "")
	i := invite(t, s, "i", "", 7)
	won := run(func(_ int, s *store.Store) bool {
		return verdict(t, s.Invites.Use(context.Background(), "acme", "i", "u"), broker.ErrConflict)
	})
	if got := reread(t, s, i); won != crowd || got.Uses != 1 {
		t.Errorf("%d of %d tries were let through and counted %d times", won, crowd, got.Uses)
	}
}

var errNoSeat = errors.New("no seat")

// tenSeats: fifty people, ten seats.
func tenSeats(t *testing.T, run contest, s *store.Store) {
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	won := run(func(i int, s *store.Store) bool {
		id := fmt.Sprintf("u%d", i)
		return verdict(t, s.Tx(context.Background(), func(ctx context.Context) error {
			free, err := s.Seats.Free(ctx, "acme", 10)
			if err != nil || !free {
				return errors.Join(err, errNoSeat)
			}
			return s.Links.CreateUserWithLink(ctx, &broker.User{ID: id, Realm: "acme"}, &broker.Link{Connection: "op", Subject: id, Realm: "acme", UserID: id})
		}), errNoSeat)
	})
	if n, err := s.Seats.Count(background(t), "acme", broker.StatusActive); won != 10 || n != 10 || err != nil {
		t.Errorf("%d people took 10 seats, %d are active, %v", won, n, err)
	}
}
