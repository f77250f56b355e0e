package storetest

import (
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

// shadows: one configuration of a kind, secrets and all, and what it said of people.
func shadows(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "idp")
	_, err := s.Shadows.Get(ctx, "idp", broker.ShadowTrial)
	wants(t, err, broker.ErrNotFound)
	v := filled[broker.Shadow](t)
	v.Connection, v.Realm, v.Kind = "idp", "acme", broker.ShadowTrial
	must(t, s.Shadows.Put(ctx, v))
	got, err := s.Shadows.Get(ctx, "idp", broker.ShadowTrial)
	must(t, err)
	same(t, got, v)
	v.People = []string{"jane@acme.example"}
	must(t, s.Shadows.Put(ctx, v))
	if v.Version != 2 {
		t.Errorf("version %d", v.Version)
	}
	wants(t, s.Shadows.Put(ctx, &broker.Shadow{Connection: "none", Realm: "acme", Kind: "shadow", ShadowDoc: broker.ShadowDoc{Config: &broker.Connection{}}}), broker.ErrNotFound)

	view := filled[broker.ShadowView](t)
	view.Connection, view.Realm = "idp", "acme"
	must(t, s.Shadows.See(ctx, view))
	view.Subject = "another"
	must(t, s.Shadows.See(ctx, view))
	views, err := s.Shadows.Views(ctx, "acme", "idp")
	must(t, err)
	same(t, views, []*broker.ShadowView{view})
	must(t, s.Shadows.Forget(ctx, "acme", "nobody@acme.example"))
	must(t, s.Shadows.Delete(ctx, "acme", "idp", broker.ShadowTrial))
	if views, err = s.Shadows.Views(ctx, "acme", "idp"); err != nil || len(views) != 0 {
		t.Errorf("%v %v", views, err)
	}
	wants(t, s.Shadows.Delete(ctx, "acme", "idp", broker.ShadowTrial), broker.ErrNotFound)

	v.Kind, v.Until = broker.ShadowFormer, epoch
	must(t, s.Shadows.Put(ctx, v))
	if n, err := s.Shadows.Retain(ctx, epoch.Add(-time.Second)); n != 0 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := s.Shadows.Retain(ctx, epoch); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
}
