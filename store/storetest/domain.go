package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

// domainChecks: a due check is given out once until its lease ends, and noting it changes nothing else.
func domainChecks(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	now := s.Now()
	for name, at := range map[string]time.Time{
		"first.example": now.Add(-time.Hour), "second.example": now.Add(-time.Minute), "later.example": now.Add(time.Hour), "never.example": {},
	} {
		must(t, s.Domains.Create(ctx, &broker.Domain{Domain: name, Realm: "acme", Token: "t", CheckAt: at}))
	}
	lease := now.Add(10 * time.Minute)
	due, err := s.Domains.Due(ctx, 1, lease)
	must(t, err)
	if len(due) != 1 || due[0].Domain != "first.example" || !due[0].CheckAt.Equal(lease) {
		t.Fatalf("due: %v", due)
	}
	stored, err := s.Domains.Get(ctx, "acme", "first.example")
	must(t, err)
	same(t, due[0], stored)
	if due, err = s.Domains.Due(ctx, 10, lease); err != nil || len(due) != 1 || due[0].Domain != "second.example" {
		t.Fatalf("due: %v %v", due, err)
	}
	if due, err := s.Domains.Due(ctx, 10, lease); err != nil || len(due) != 0 {
		t.Fatalf("twice: %v %v", due, err)
	}

	d := due[0]
	at, next := now.Add(time.Second), now.Add(24*time.Hour)
	must(t, s.Domains.Checked(ctx, d, at, next))
	stored, err = s.Domains.Get(ctx, "acme", d.Domain)
	must(t, err)
	if !stored.CheckedAt.Equal(at) || !stored.CheckAt.Equal(next) || stored.Version != d.Version || !stored.UpdatedAt.Equal(d.UpdatedAt) {
		t.Errorf("%+v", stored)
	}
	wants(t, s.Domains.Checked(ctx, d, at, next), broker.ErrConflict) // somebody noted a check already
	must(t, s.Domains.Update(ctx, stored))
	was := *stored
	was.Version--
	wants(t, s.Domains.Checked(ctx, &was, at, next), broker.ErrConflict) // somebody changed the claim
}

// dueOnce: of fifty that ask for what is due at one moment, each claim goes to one.
func dueOnce(t *testing.T, run contest, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	for i := range 20 {
		must(t, s.Domains.Create(ctx, &broker.Domain{Domain: fmt.Sprintf("d%d.example", i), Realm: "acme", Token: "t", CheckAt: s.Now().Add(-time.Hour)}))
	}
	given := make(chan string, crowd*20)
	run(func(_ int, s *store.Store) bool {
		due, err := s.Domains.Due(context.Background(), 3, s.Now().Add(time.Hour))
		if err != nil {
			t.Error(err)
		}
		for _, d := range due {
			given <- d.Domain
		}
		return len(due) > 0
	})
	close(given)
	times := map[string]int{}
	for name := range given {
		times[name]++
	}
	for name, n := range times {
		if n != 1 {
			t.Errorf("%s was given out %d times", name, n)
		}
	}
	if len(times) == 0 {
		t.Error("nothing was given out")
	}
}

// oneHandover: of fifty that move a verified domain from one claim to another at once, one does, and at the end there is
// one owner.
func oneHandover(t *testing.T, run contest, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "giver")
	must(t, s.Domains.Create(ctx, &broker.Domain{Domain: "acme.example", Realm: "giver", Verified: true}))
	for i := range crowd {
		Realm(t, s, fmt.Sprintf("r%d", i))
	}
	held, err := s.Domains.Verified(ctx, "acme.example")
	must(t, err)
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		return verdict(t, s.Tx(context.Background(), func(ctx context.Context) error {
			from := *held
			from.Verified = false
			if err := s.Domains.Update(ctx, &from); err != nil {
				return err
			}
			return s.Domains.Create(ctx, &broker.Domain{Domain: "acme.example", Realm: fmt.Sprintf("r%d", i), Verified: true})
		}), broker.ErrConflict)
	}))
	if d, err := s.Domains.Verified(ctx, "acme.example"); err != nil || d.Realm == "giver" {
		t.Errorf("%+v %v", d, err)
	}
}
