package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func realms(t *testing.T, s *store.Store) {
	ctx := background(t)
	r := filled[broker.Realm](t)
	must(t, s.Realms.Create(ctx, r))
	got, err := s.Realms.Get(ctx, r.Name)
	must(t, err)
	same(t, got, r)
	if r.Version != 1 {
		t.Errorf("version %d at creation", r.Version)
	}
	wants(t, s.Realms.Create(ctx, &broker.Realm{Name: r.Name}), broker.ErrExists)

	stale := *got
	r.DisplayName, r.Hub = "Changed", false
	must(t, s.Realms.Update(ctx, r))
	got, err = s.Realms.Get(ctx, r.Name)
	must(t, err)
	same(t, got, r)
	if r.Version != 2 {
		t.Errorf("version %d after a change", r.Version)
	}
	wants(t, s.Realms.Update(ctx, &stale), broker.ErrConflict)
	if stale.Version != 1 {
		t.Errorf("a refused change raised the version to %d", stale.Version)
	}
	wants(t, s.Realms.Update(ctx, &broker.Realm{Name: "none"}), broker.ErrNotFound)
	wants(t, s.Realms.Delete(ctx, "none"), broker.ErrNotFound)
	must(t, s.Realms.Delete(ctx, r.Name))
	_, err = s.Realms.Get(ctx, r.Name)
	wants(t, err, broker.ErrNotFound)
}

func connections(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	c := filled[broker.Connection](t)
	c.Realm = "acme"
	must(t, s.Connections.Create(ctx, c))
	got, err := s.Connections.Get(ctx, c.Slug)
	must(t, err)
	same(t, got, c)
	got, err = s.Connections.ByAlias(ctx, "acme", c.Alias)
	must(t, err)
	same(t, got, c)
	_, err = s.Connections.ByAlias(ctx, "other", c.Alias)
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Connections.Create(ctx, &broker.Connection{Slug: "second", Realm: "acme", Alias: c.Alias}), broker.ErrExists)
	wants(t, s.Connections.Create(ctx, &broker.Connection{Slug: "third", Realm: "nowhere", Alias: "third"}), broker.ErrNotFound)

	for _, realm := range []string{"", "acme"} {
		found, err := s.Connections.ForDomain(ctx, realm, c.Domains[1])
		must(t, err)
		if len(found) != 1 || found[0].Slug != c.Slug {
			t.Errorf("ForDomain(%q) found %d", realm, len(found))
		}
	}
	c.Domains = []string{"only.example", "only.example"}
	c.OIDC.ClientSecret = "plain-secret-other"
	c.OAuth2, c.Enabled = nil, false
	must(t, s.Connections.Update(ctx, c))
	got, err = s.Connections.Get(ctx, c.Slug)
	must(t, err)
	same(t, got, c)
	if found, _ := s.Connections.ForDomain(ctx, "acme", "Domains-1"); len(found) != 0 {
		t.Error("a domain that was taken off still leads here")
	}
	elsewhere := *c
	elsewhere.Realm = "other"
	wants(t, s.Connections.Update(ctx, &elsewhere), broker.ErrNotFound)

	b, err := s.Connections.Stored(ctx, c.Slug)
	if b != nil || err != nil {
		t.Errorf("Stored before Remember = %q, %v", b, err)
	}
	must(t, s.Connections.Remember(ctx, c.Slug, []byte("metadata")))
	must(t, s.Connections.Remember(ctx, c.Slug, []byte("newer")))
	if b, err = s.Connections.Stored(ctx, c.Slug); string(b) != "newer" || err != nil {
		t.Errorf("Stored = %q, %v", b, err)
	}
	if got, _ := s.Connections.Get(ctx, c.Slug); got.Version != c.Version {
		t.Error("Remember raised the version")
	}
	if s.Connections.Remember(ctx, c.Slug, make([]byte, store.MaxStored+1)) == nil {
		t.Error("too much is remembered")
	}
	wants(t, s.Connections.Remember(ctx, "none", []byte("x")), broker.ErrNotFound)
}

func connectionSecrets(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	c := Connection(t, s, "acme", "acme-op")
	got, err := s.Connections.Get(ctx, "acme-op")
	must(t, err)
	if got.OIDC.ClientSecret != "" {
		t.Errorf("a secret that was never set came back as %q", got.OIDC.ClientSecret.Reveal())
	}
	c.OIDC.ClientSecret = "s3cret"
	must(t, s.Connections.Update(ctx, c))
	if got, err = s.Connections.Get(ctx, "acme-op"); err != nil || got.OIDC.ClientSecret.Reveal() != "s3cret" {
		t.Errorf("secret = %q, %v", got.OIDC.ClientSecret.Reveal(), err)
	}
}

func buttons(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	for i, name := range []string{"zebra", "Apple", "mango", "Banana"} {
		c := &broker.Connection{Slug: fmt.Sprintf("c%d", i), Realm: "acme", Alias: name, DisplayName: name, Enabled: true}
		must(t, s.Connections.Create(ctx, c))
	}
	must(t, s.Connections.Create(ctx, &broker.Connection{Slug: "off", Realm: "acme", Alias: "off", DisplayName: "aa"}))
	must(t, s.Connections.Create(ctx, &broker.Connection{Slug: "hidden", Realm: "acme", Alias: "hidden", DisplayName: "aa", Enabled: true, HideOnLogin: true}))
	must(t, s.Connections.Create(ctx, &broker.Connection{Slug: "foreign", Realm: "other", Alias: "foreign", DisplayName: "aa", Enabled: true}))
	got, more, err := s.Connections.Buttons(ctx, "acme", 3)
	must(t, err)
	var names []string
	for _, c := range got {
		names = append(names, c.DisplayName)
	}
	if !slices.Equal(names, []string{"Apple", "Banana", "mango"}) || !more {
		t.Errorf("buttons %v, more %v", names, more)
	}
	if got, more, _ = s.Connections.Buttons(ctx, "acme", 4); len(got) != 4 || more {
		t.Errorf("%d buttons, more %v", len(got), more)
	}
}

func clients(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	c := filled[broker.Client](t)
	c.Realm = "acme"
	must(t, s.Clients.Create(ctx, c))
	want := *c
	want.ClientSecret = "" // only its hash is kept
	got, err := s.Clients.Get(ctx, "acme", c.ClientID)
	must(t, err)
	same(t, got, &want)
	_, err = s.Clients.Get(ctx, "other", c.ClientID)
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Clients.Create(ctx, c), broker.ErrExists)
	got.RedirectURIs, got.SecretHash = []string{"https://new.example"}, "other"
	must(t, s.Clients.Update(ctx, got))
	again, err := s.Clients.Get(ctx, "acme", c.ClientID)
	must(t, err)
	same(t, again, got)
	wants(t, s.Clients.Update(ctx, &want), broker.ErrConflict)
	must(t, s.Clients.Delete(ctx, "acme", c.ClientID))
	wants(t, s.Clients.Delete(ctx, "acme", c.ClientID), broker.ErrNotFound)
}

func domains(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	d := filled[broker.Domain](t)
	d.Realm, d.Verified = "acme", false
	must(t, s.Domains.Create(ctx, d))
	got, err := s.Domains.Get(ctx, "acme", d.Domain)
	must(t, err)
	same(t, got, d)
	_, err = s.Domains.Verified(ctx, d.Domain)
	wants(t, err, broker.ErrNotFound)

	rival := &broker.Domain{Domain: d.Domain, Realm: "other", Verified: true}
	must(t, s.Domains.Create(ctx, rival))
	d.Verified = true
	wants(t, s.Domains.Update(ctx, d), broker.ErrExists)
	if owner, err := s.Domains.Verified(ctx, d.Domain); err != nil || owner.Realm != "other" {
		t.Errorf("the owner is %v, %v", owner, err)
	}
	must(t, s.Domains.Delete(ctx, "other", d.Domain))
	must(t, s.Domains.Update(ctx, d))
	if owner, err := s.Domains.Verified(ctx, d.Domain); err != nil || owner.Realm != "acme" {
		t.Errorf("the owner is %v, %v", owner, err)
	}
	wants(t, s.Domains.Create(ctx, rival), broker.ErrExists)
}

func users(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	u := filled[broker.User](t)
	u.Realm = "acme"
	must(t, s.Users.Create(ctx, u))
	got, err := s.Users.Get(ctx, "acme", u.ID)
	must(t, err)
	same(t, got, u)
	got, err = s.Users.ByEmail(ctx, "acme", u.Email)
	must(t, err)
	same(t, got, u)
	for _, realm := range []string{"other", ""} {
		_, err = s.Users.Get(ctx, realm, u.ID)
		wants(t, err, broker.ErrNotFound)
		_, err = s.Users.ByEmail(ctx, realm, u.Email)
		wants(t, err, broker.ErrNotFound)
	}
	wants(t, s.Users.Create(ctx, &broker.User{ID: "b", Realm: "acme", Email: u.Email}), broker.ErrExists)
	User(t, s, "other", "b", u.Email)
	User(t, s, "acme", "no-mail-1", "")
	User(t, s, "acme", "no-mail-2", "")
	_, err = s.Users.ByEmail(ctx, "acme", "")
	wants(t, err, broker.ErrNotFound)

	at := epoch.Add(time.Hour * 24)
	must(t, s.Users.Touch(ctx, "acme", u.ID, at))
	must(t, s.Users.Touch(ctx, "acme", u.ID, at.Add(-time.Hour)))
	must(t, s.Users.Touch(ctx, "other", u.ID, at.Add(time.Hour)))
	u.Name = "New Name"
	must(t, s.Users.Update(ctx, u))
	got, err = s.Users.Get(ctx, "acme", u.ID)
	must(t, err)
	if !got.LastLoginAt.Equal(at) || got.Name != "New Name" || got.Version != 2 {
		t.Errorf("last login %v, name %q, version %d", got.LastLoginAt, got.Name, got.Version)
	}
	rival := User(t, s, "acme", "rival", "rival@acme.example")
	rival.Email = u.Email
	wants(t, s.Users.Update(ctx, rival), broker.ErrExists)
	must(t, s.Users.Delete(ctx, "acme", u.ID))
	wants(t, s.Users.Delete(ctx, "acme", u.ID), broker.ErrNotFound)
}

func links(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	u := User(t, s, "acme", "u1", "u1@acme.example")
	l := filled[broker.Link](t)
	l.Connection, l.Realm, l.UserID = "op", "acme", "u1"
	must(t, s.Links.Claim(ctx, l))
	got, user, err := s.Links.Find(ctx, "op", l.Subject)
	must(t, err)
	same(t, got, l)
	same(t, user, u)
	wants(t, s.Links.Claim(ctx, l), broker.ErrExists)
	_, _, err = s.Links.Find(ctx, "op", "other")
	wants(t, err, broker.ErrNotFound)
	if all, err := s.Links.ByUser(ctx, "u1"); err != nil || len(all) != 1 || *all[0] != *l {
		t.Errorf("ByUser = %v, %v", all, err)
	}

	// Both or neither.
	taken := &broker.Link{Connection: "op", Subject: l.Subject, Realm: "acme", UserID: "u2"}
	wants(t, s.Links.CreateUserWithLink(ctx, &broker.User{ID: "u2", Realm: "acme", Email: "u2@acme.example"}, taken), broker.ErrExists)
	_, err = s.Users.Get(ctx, "acme", "u2")
	wants(t, err, broker.ErrNotFound)
	free := &broker.Link{Connection: "op", Subject: "s2", Realm: "acme", UserID: "u2"}
	wants(t, s.Links.CreateUserWithLink(ctx, &broker.User{ID: "u2", Realm: "acme", Email: u.Email}, free), broker.ErrExists)
	_, _, err = s.Links.Find(ctx, "op", "s2")
	wants(t, err, broker.ErrNotFound)
	must(t, s.Links.CreateUserWithLink(ctx, &broker.User{ID: "u2", Realm: "acme", Email: "u2@acme.example"}, free))
	_, user, err = s.Links.Find(ctx, "op", "s2")
	if err != nil || user.ID != "u2" {
		t.Errorf("found %v, %v", user, err)
	}
	must(t, s.Links.Delete(ctx, "op", "s2"))
	wants(t, s.Links.Delete(ctx, "op", "s2"), broker.ErrNotFound)
}

// tenantsApart: whatever the code above asks for, no link leads from one realm's connection to another's user.
func tenantsApart(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "evil")
	Connection(t, s, "acme", "acme-op")
	Connection(t, s, "evil", "evil-op")
	User(t, s, "acme", "victim", "v@acme.example")
	for _, l := range []broker.Link{
		{Connection: "evil-op", Realm: "evil", UserID: "victim", Subject: "s"},
		{Connection: "evil-op", Realm: "acme", UserID: "victim", Subject: "s"},
		{Connection: "acme-op", Realm: "evil", UserID: "victim", Subject: "s"},
	} {
		if err := s.Links.Claim(ctx, &l); err == nil {
			t.Errorf("%+v was taken", l)
		}
		if _, _, err := s.Links.Find(ctx, l.Connection, "s"); err == nil {
			t.Errorf("%+v is found", l)
		}
	}
	err := s.Links.CreateUserWithLink(ctx, &broker.User{ID: "new", Realm: "evil"}, &broker.Link{Connection: "acme-op", Realm: "evil", UserID: "new", Subject: "s"})
	if err == nil {
		t.Error("a user of evil was tied to a connection of acme")
	}
	_, err = s.Users.Get(ctx, "evil", "new")
	wants(t, err, broker.ErrNotFound)
}

func keys(t *testing.T, s *store.Store) {
	ctx := background(t)
	k := filled[broker.Key](t)
	k.Owner, k.Alg, k.State = "realm:acme", "ES256", "next"
	must(t, s.Keys.Add(ctx, k))
	wants(t, s.Keys.Add(ctx, k), broker.ErrExists)
	_, err := s.Keys.Active(ctx, "realm:acme", "ES256")
	wants(t, err, broker.ErrNotFound)
	list, err := s.Keys.List(ctx, "realm:acme")
	must(t, err)
	same(t, list, []*broker.Key{k})

	first := &broker.Key{ID: "first", Owner: "realm:acme", Alg: "ES256", Private: []byte("one")}
	second := &broker.Key{ID: "second", Owner: "realm:acme", Alg: "ES256", Private: []byte("two")}
	for _, try := range []*broker.Key{first, second, first} {
		got, err := s.Keys.CreateFirst(ctx, try)
		must(t, err)
		if got.ID != "first" || string(got.Private) != "one" {
			t.Errorf("the first key is %s", got.ID)
		}
	}
	rsa, err := s.Keys.CreateFirst(ctx, &broker.Key{ID: "rsa", Owner: "realm:acme", Alg: "RS256", Private: []byte("r")})
	if err != nil || rsa.ID != "rsa" {
		t.Errorf("another algorithm's first key: %v, %v", rsa, err)
	}
	until := s.Now().Add(time.Hour)
	must(t, s.Keys.Activate(ctx, "realm:acme", "ES256", k.ID, until))
	active, err := s.Keys.Active(ctx, "realm:acme", "ES256")
	if err != nil || active.ID != k.ID {
		t.Errorf("active %v, %v", active, err)
	}
	wants(t, s.Keys.Activate(ctx, "realm:acme", "ES256", "none", until), broker.ErrNotFound)
	wants(t, s.Keys.Activate(ctx, "realm:other", "ES256", k.ID, until), broker.ErrNotFound)
	if list, _ = s.Keys.List(ctx, "realm:acme"); len(list) != 3 {
		t.Errorf("%d keys are published, want next, retired and the other algorithm's", len(list))
	}
	n, err := s.Keys.DeleteExpired(ctx, until.Add(time.Second))
	if err != nil || n != 1 {
		t.Errorf("deleted %d, %v", n, err)
	}
	if list, _ = s.Keys.List(ctx, "realm:acme"); len(list) != 2 {
		t.Errorf("%d keys are left", len(list))
	}
}

func apiKeys(t *testing.T, s *store.Store) {
	ctx := background(t)
	k := filled[broker.APIKey](t)
	must(t, s.APIKeys.Create(ctx, k))
	got, err := s.APIKeys.ByHash(ctx, k.Hash)
	must(t, err)
	same(t, got, k)
	_, err = s.APIKeys.ByHash(ctx, "none")
	wants(t, err, broker.ErrNotFound)
	must(t, s.APIKeys.Touch(ctx, k.ID, epoch))
	list, next, err := s.APIKeys.List(ctx, broker.Page{})
	if err != nil || len(list) != 1 || next != "" || !list[0].LastUsedAt.Equal(epoch) {
		t.Errorf("list %v, %q, %v", list, next, err)
	}
	must(t, s.APIKeys.Delete(ctx, k.ID))
	wants(t, s.APIKeys.Delete(ctx, k.ID), broker.ErrNotFound)
}
