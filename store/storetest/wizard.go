package storetest

import (
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

// wizardNotes are kept one per connection, and go with it.
func wizardNotes(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "acme-okta")
	n, err := s.WizardNotes.Note(ctx, "acme-okta")
	must(t, err)
	if !n.CopiedAt.IsZero() || n.CopiedBy != "" {
		t.Errorf("a note that nobody made: %+v", n)
	}
	want := broker.WizardNote{Slug: "acme-okta", Realm: "acme", CopiedAt: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), CopiedBy: "operator:eva"}
	must(t, s.WizardNotes.Keep(ctx, broker.WizardNote{Slug: "acme-okta", Realm: "acme"}))
	must(t, s.WizardNotes.Keep(ctx, want))
	if n, err = s.WizardNotes.Note(ctx, "acme-okta"); err != nil || !n.CopiedAt.Equal(want.CopiedAt) || n.CopiedBy != want.CopiedBy || n.Realm != "acme" {
		t.Errorf("kept %+v, want %+v (%v)", n, want, err)
	}
	must(t, s.Connections.Delete(ctx, "acme-okta"))
	Connection(t, s, "acme", "acme-okta")
	if n, err = s.WizardNotes.Note(ctx, "acme-okta"); err != nil || !n.CopiedAt.IsZero() {
		t.Errorf("a later connection of the name inherited %+v (%v)", n, err)
	}
}

// testLatest is the newest of a connection's own test logins.
func testLatest(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "acme-okta")
	Connection(t, s, "acme", "acme-entra")
	ref, err := s.Tests.Latest(ctx, "acme", "acme-okta")
	if must(t, err); ref != "" {
		t.Errorf("a test that nobody made: %q", ref)
	}
	now := time.Now()
	for i, slug := range []string{"acme-okta", "acme-okta", "acme-entra"} {
		id := broker.NewLoginID()
		must(t, s.Tests.Create(ctx, &broker.TestLogin{
			ID: id, Ref: broker.RefOf(id), Realm: "acme", Connection: slug, TokenHash: broker.HashToken(id),
			CreatedAt: now.Add(time.Duration(i) * time.Second), OpenBy: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour),
		}))
		if i == 1 {
			ref = broker.RefOf(id)
		}
	}
	if got, err := s.Tests.Latest(ctx, "acme", "acme-okta"); err != nil || got != ref {
		t.Errorf("latest is %q, want %q (%v)", got, ref, err)
	}
}
