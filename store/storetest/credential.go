package storetest

import (
	"testing"

	"cloakroom/broker"
	"cloakroom/store"
)

func credentials(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "evil")
	User(t, s, "acme", "u1", "u1@acme.example")
	User(t, s, "evil", "u2", "u2@evil.example")
	c := filled[broker.Credential](t)
	c.Realm, c.UserID, c.Kind = "acme", "u1", "passkey"
	must(t, s.Credentials.Add(ctx, c, 2))
	list, err := s.Credentials.ByUser(ctx, "acme", "u1")
	must(t, err)
	same(t, list, []*broker.Credential{c})
	wants(t, s.Credentials.Add(ctx, c, 2), broker.ErrExists)
	stranger := *c
	stranger.ID, stranger.Realm = "x", "evil"
	if err := s.Credentials.Add(ctx, &stranger, 2); err == nil {
		t.Error("a credential of one realm for a person of another")
	}

	for _, id := range []string{"p1", "p2"} { // the second replaces the first
		must(t, s.Credentials.Add(ctx, &broker.Credential{ID: id, Realm: "acme", UserID: "u1", Kind: "password", Data: []byte(id)}, 1))
	}
	list, err = s.Credentials.OfPerson(ctx, "u1")
	must(t, err)
	if len(list) != 2 || list[1].ID != "p2" || string(list[1].Data) != "p2" {
		t.Errorf("%d credentials", len(list))
	}
	must(t, s.Credentials.Add(ctx, &broker.Credential{ID: "k2", Realm: "acme", UserID: "u1", Kind: "passkey"}, 2))
	wants(t, s.Credentials.Add(ctx, &broker.Credential{ID: "k3", Realm: "acme", UserID: "u1", Kind: "passkey"}, 2), broker.ErrExists)

	c.Data = []byte("moved on")
	must(t, s.Credentials.Used(ctx, c, epoch))
	list, err = s.Credentials.ByUser(ctx, "acme", "u1")
	must(t, err)
	if string(list[0].Data) != "moved on" || !list[0].LastUsedAt.Equal(epoch) {
		t.Errorf("used: %+v", list[0])
	}
	wants(t, s.Credentials.Delete(ctx, "evil", "u2", c.ID), broker.ErrNotFound)
	must(t, s.Credentials.Delete(ctx, "acme", "u1", c.ID))
	wants(t, s.Credentials.Delete(ctx, "acme", "u1", c.ID), broker.ErrNotFound)
	wants(t, s.Credentials.Used(ctx, c, epoch), broker.ErrNotFound)
	must(t, s.Users.Delete(ctx, "acme", "u1"))
	if list, err := s.Credentials.OfPerson(ctx, "u1"); err != nil || len(list) != 0 {
		t.Errorf("a deleted person has %d credentials, %v", len(list), err)
	}
}

func enforcement(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	conn := Connection(t, s, "acme", "main")
	Connection(t, s, "acme", "other")
	conn.Domains = []string{"acme.example", "acme_x.example"}
	link := func(user, slug string) {
		must(t, s.Links.Claim(ctx, &broker.Link{Connection: slug, Realm: "acme", UserID: user, Subject: user}))
	}
	for id, email := range map[string]string{"keeps": "a@acme.example", "else": "b@acme.example", "new": "c@acme_x.example", "out": "d@acme.example.org", "like": "e@acmeyx.example"} {
		User(t, s, "acme", id, email)
	}
	link("keeps", "main")
	link("keeps", "other")
	link("else", "other")
	glass := &broker.User{ID: "glass", Realm: "acme", Email: "g@acme.example", Excluded: true, Attributes: map[string][]string{"excluded": {"true", "\x00"}}}
	must(t, s.Users.Create(ctx, glass))
	must(t, s.Users.Create(ctx, &broker.User{ID: "gone", Realm: "acme", Email: "h@acme.example", Excluded: true, Blocked: true}))
	for user, slug := range map[string]string{"keeps": "main", "else": "other", "glass": ""} {
		v := live(s, "s-"+user, "acme", user)
		v.Connection = slug
		must(t, s.Sessions.Create(ctx, v))
	}
	n, err := s.Users.EnforcementCounts(ctx, conn)
	must(t, err)
	if want := (broker.EnforcementCounts{People: 5, Keep: 1, Lose: 2, Elsewhere: 1, Excluded: 2, Sessions: 1}); n != want {
		t.Errorf("counts %+v, want %+v", n, want)
	}
	var ids []string
	for page := (broker.Page{Limit: 1}); ; {
		part, next, err := s.Users.Concerned(ctx, conn, page)
		must(t, err)
		for _, u := range part {
			ids = append(ids, u.ID)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	same(t, ids, []string{"else", "new", "glass", "gone"})
	excluded, err := s.Users.Excluded(ctx, "acme", 10)
	must(t, err)
	if len(excluded) != 1 || excluded[0].ID != "glass" {
		t.Errorf("%d excluded people could sign in", len(excluded))
	}
	empty := *conn
	empty.Domains = nil
	if n, err := s.Users.EnforcementCounts(ctx, &empty); err != nil || n != (broker.EnforcementCounts{}) {
		t.Errorf("without domains: %+v, %v", n, err)
	}
}
