package storetest

import (
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func operators(t *testing.T, s *store.Store) {
	ctx := background(t)
	if any, err := s.Operators.Any(ctx); err != nil || any {
		t.Errorf("an empty store has operators: %v, %v", any, err)
	}
	Realm(t, s, "staff")
	Connection(t, s, "staff", "op")
	o := filled[broker.Operator](t)
	o.Connection, o.Role, o.Realms, o.Disabled = "op", "owner", []string{}, false
	must(t, s.Operators.Create(ctx, o))
	got, err := s.Operators.Get(ctx, o.ID)
	must(t, err)
	same(t, got, o)
	wants(t, s.Operators.Create(ctx, &broker.Operator{ID: "twin", Email: o.Email}), broker.ErrExists)
	for name, find := range map[string]func() (*broker.Operator, error){
		"email":    func() (*broker.Operator, error) { return s.Operators.ByEmail(ctx, o.Email) },
		"upstream": func() (*broker.Operator, error) { return s.Operators.ByUpstream(ctx, "op", o.Subject) },
	} {
		if got, err := find(); err != nil || got.ID != o.ID {
			t.Errorf("by %s: %v, %v", name, got, err)
		}
	}
	must(t, s.Operators.Create(ctx, &broker.Operator{ID: "second", Email: "b@staff.example", Role: "owner"}))
	if any, err := s.Operators.Any(ctx); err != nil || !any {
		t.Errorf("any: %v, %v", any, err)
	}

	owners, err := s.Operators.Owners(ctx)
	must(t, err)
	same(t, owners, []string{o.ID}) // the second has nothing to sign in with
	stale := *o
	o.Name = "Other"
	must(t, s.Operators.Update(ctx, o))
	wants(t, s.Operators.Update(ctx, &stale), broker.ErrConflict)
	second, err := s.Operators.Get(ctx, "second")
	must(t, err)
	second.Connection, second.Subject = o.Connection, o.Subject
	wants(t, s.Operators.Update(ctx, second), broker.ErrExists)
	list, next, err := s.Operators.List(ctx, broker.Page{Query: "STAFF.example"})
	if err != nil || len(list) != 1 || list[0].ID != "second" || next != "" {
		t.Errorf("list %v, %q, %v", list, next, err)
	}

	must(t, s.Connections.Delete(ctx, "op")) // the tie goes with the connection
	Connection(t, s, "staff", "op")
	_, err = s.Operators.ByUpstream(ctx, "op", o.Subject)
	wants(t, err, broker.ErrNotFound)
	if got, err = s.Operators.Get(ctx, o.ID); err != nil || got.Connection != "" || got.Subject != "" {
		t.Errorf("after its connection went: %+v, %v", got, err)
	}
	must(t, s.Operators.Delete(ctx, o.ID))
	wants(t, s.Operators.Delete(ctx, o.ID), broker.ErrNotFound)

	staff, err := s.Realms.Get(ctx, "staff")
	must(t, err)
	if names, err := s.Operators.Realms(ctx); err != nil || len(names) != 0 {
		t.Errorf("realms of operators %v, %v", names, err)
	}
	staff.Operators = true
	must(t, s.Realms.Update(ctx, staff))
	names, err := s.Operators.Realms(ctx)
	must(t, err)
	same(t, names, []string{"staff"})
}

// operator makes and stores one.
func operator(t *testing.T, s *store.Store, id string) *broker.Operator {
	t.Helper()
	o := &broker.Operator{ID: id, Email: id + "@staff.example", Role: "owner"}
	must(t, s.Operators.Create(background(t), o))
	return o
}

func operatorCredentials(t *testing.T, s *store.Store) {
	ctx := background(t)
	operator(t, s, "eva")
	operator(t, s, "max")
	c := filled[broker.Credential](t)
	c.Realm, c.UserID, c.Kind = "", "eva", "passkey"
	must(t, s.Operators.AddCredential(ctx, c, 1))
	list, err := s.Operators.Credentials(ctx, "eva")
	must(t, err)
	same(t, list, []*broker.Credential{c})
	wants(t, s.Operators.AddCredential(ctx, &broker.Credential{ID: "k2", UserID: "eva", Kind: "passkey"}, 1), broker.ErrExists)
	for _, id := range []string{"p1", "p2"} { // the second replaces the first
		must(t, s.Operators.AddCredential(ctx, &broker.Credential{ID: id, UserID: "eva", Kind: "password", Data: []byte(id)}, 1))
	}
	c.Data = []byte("moved on")
	must(t, s.Operators.CredentialUsed(ctx, c, epoch))
	list, err = s.Operators.Credentials(ctx, "eva")
	must(t, err)
	if len(list) != 2 || string(list[0].Data) != "moved on" || !list[0].LastUsedAt.Equal(epoch) || list[1].ID != "p2" {
		t.Errorf("credentials %+v", list)
	}
	if owners, err := s.Operators.Owners(ctx); err != nil || len(owners) != 1 || owners[0] != "eva" {
		t.Errorf("owners %v, %v", owners, err)
	}
	wants(t, s.Operators.DropCredential(ctx, "max", "passkey", c.ID), broker.ErrNotFound)
	wants(t, s.Operators.DropCredential(ctx, "eva", "recovery", c.ID), broker.ErrNotFound)
	must(t, s.Operators.DropCredential(ctx, "eva", "passkey", c.ID))
	wants(t, s.Operators.DropCredential(ctx, "eva", "passkey", c.ID), broker.ErrNotFound)
	must(t, s.Operators.DropCredentials(ctx, "eva", ""))
	if list, err := s.Operators.Credentials(ctx, "eva"); err != nil || len(list) != 0 {
		t.Errorf("%d credentials are left, %v", len(list), err)
	}
}

func operatorSessions(t *testing.T, s *store.Store) {
	ctx := background(t)
	operator(t, s, "eva")
	v := filled[broker.OperatorSession](t)
	v.OperatorID = "eva"
	must(t, s.Operators.CreateSession(ctx, v))
	got, o, err := s.Operators.Session(ctx, v.ID)
	must(t, err)
	same(t, got, v)
	if !o.LastSeenAt.Equal(v.LastSeenAt) || o.Version != 1 {
		t.Errorf("the operator was seen at %s, version %d", o.LastSeenAt, o.Version)
	}
	other := *v
	other.ID, other.CreatedAt = "other", v.CreatedAt.Add(time.Hour)
	must(t, s.Operators.CreateSession(ctx, &other))
	v.LastSeenAt, v.IdleUntil = v.LastSeenAt.Add(time.Hour), v.IdleUntil.Add(time.Hour)
	must(t, s.Operators.TouchSession(ctx, v))
	list, err := s.Operators.Sessions(ctx, "eva")
	must(t, err)
	same(t, list, []*broker.OperatorSession{&other, v})
	wants(t, s.Operators.EndSession(ctx, "max", v.ID), broker.ErrNotFound)
	must(t, s.Operators.EndSessions(ctx, "eva", v.ID))
	_, _, err = s.Operators.Session(ctx, "other")
	wants(t, err, broker.ErrNotFound)
	must(t, s.Operators.EndSession(ctx, "eva", v.ID))
	wants(t, s.Operators.EndSession(ctx, "eva", v.ID), broker.ErrNotFound)
	must(t, s.Operators.CreateSession(ctx, v))
	if n, err := s.Sweeper.Sweep(ctx, v.ExpiresAt.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
}

func operatorLinks(t *testing.T, s *store.Store) {
	ctx := background(t)
	operator(t, s, "eva")
	soon := s.Now().Add(time.Hour)
	first := filled[broker.OperatorLink](t)
	first.OperatorID, first.ExpiresAt = "eva", soon
	must(t, s.Operators.PutLink(ctx, *first))
	got, err := s.Operators.Link(ctx, first.Hash)
	must(t, err)
	same(t, got, first)
	second := broker.OperatorLink{Hash: "second", OperatorID: "eva", ExpiresAt: soon}
	must(t, s.Operators.PutLink(ctx, second))
	_, err = s.Operators.Link(ctx, first.Hash) // replaced
	wants(t, err, broker.ErrNotFound)
	got, err = s.Operators.LinkOf(ctx, "eva")
	must(t, err)
	same(t, got, &second)
	must(t, s.Operators.TakeLink(ctx, &second))
	wants(t, s.Operators.TakeLink(ctx, &second), broker.ErrNotFound)
	must(t, s.Operators.PutLink(ctx, second))
	must(t, s.Operators.DropLinks(ctx, "eva"))
	_, err = s.Operators.LinkOf(ctx, "eva")
	wants(t, err, broker.ErrNotFound)
	must(t, s.Operators.PutLink(ctx, broker.OperatorLink{Hash: "late", OperatorID: "eva", ExpiresAt: s.Now()}))
	_, err = s.Operators.Link(ctx, "late")
	wants(t, err, broker.ErrNotFound)

	for _, hash := range []string{"w1", "w2"} {
		must(t, s.Operators.PutLink(ctx, broker.OperatorLink{Hash: hash, ExpiresAt: soon}))
	}
	must(t, s.Operators.TakeLink(ctx, &broker.OperatorLink{Hash: "w1"}))
	wants(t, s.Operators.TakeLink(ctx, &broker.OperatorLink{Hash: "w2"}), broker.ErrNotFound)
	must(t, s.Operators.PutLink(ctx, second))
	must(t, s.Operators.Delete(ctx, "eva"))
	_, err = s.Operators.Link(ctx, second.Hash)
	wants(t, err, broker.ErrNotFound)
}
