package storetest

import (
	"fmt"
	"testing"

	"cloakroom/broker"
	"cloakroom/store"
)

func setupLinks(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	l := filled[broker.SetupLink](t)
	l.Realm = "acme"
	must(t, s.SetupLinks.Create(ctx, l))
	got, err := s.SetupLinks.Get(ctx, "acme", l.ID)
	must(t, err)
	same(t, got, l)
	got, err = s.SetupLinks.ByToken(ctx, l.TokenHash)
	must(t, err)
	same(t, got, l)
	_, err = s.SetupLinks.Get(ctx, "other", l.ID)
	wants(t, err, broker.ErrNotFound)
	_, err = s.SetupLinks.ByToken(ctx, "")
	wants(t, err, broker.ErrNotFound)
	wants(t, s.SetupLinks.Create(ctx, &broker.SetupLink{ID: "twin", Realm: "acme", TokenHash: l.TokenHash}), broker.ErrExists)
	wants(t, s.SetupLinks.Create(ctx, &broker.SetupLink{ID: "lost", Realm: "nowhere", TokenHash: "x"}), broker.ErrNotFound)

	stale := *got
	l.Note, l.TokenHash, l.Connection = "changed", "another", "acme-okta"
	must(t, s.SetupLinks.Update(ctx, l))
	got, err = s.SetupLinks.Get(ctx, "acme", l.ID)
	must(t, err)
	same(t, got, l)
	wants(t, s.SetupLinks.Update(ctx, &stale), broker.ErrConflict)
	_, err = s.SetupLinks.ByToken(ctx, stale.TokenHash)
	wants(t, err, broker.ErrNotFound)

	for i := range 3 {
		must(t, s.SetupLinks.Create(ctx, &broker.SetupLink{ID: fmt.Sprintf("more-%d", i), Realm: "acme", TokenHash: fmt.Sprint(i)}))
	}
	first, next, err := s.SetupLinks.List(ctx, "acme", "", broker.Page{Limit: 3})
	must(t, err)
	rest, end, err := s.SetupLinks.List(ctx, "acme", "", broker.Page{Limit: 3, Cursor: next})
	must(t, err)
	if len(first) != 3 || len(rest) != 1 || end != "" {
		t.Errorf("pages of %d and %d, then %q", len(first), len(rest), end)
	}
	if of, _, _ := s.SetupLinks.List(ctx, "acme", "acme-okta", broker.Page{}); len(of) != 1 || of[0].ID != l.ID {
		t.Errorf("of the connection: %v", of)
	}
	if of, _, _ := s.SetupLinks.List(ctx, "other", "", broker.Page{}); len(of) != 0 {
		t.Error("another realm reads the links")
	}
	wants(t, s.SetupLinks.Delete(ctx, "other", l.ID), broker.ErrNotFound)
	must(t, s.SetupLinks.Delete(ctx, "acme", l.ID))
	wants(t, s.SetupLinks.Delete(ctx, "acme", l.ID), broker.ErrNotFound)
}
