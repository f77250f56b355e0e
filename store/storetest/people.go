package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
)

// ids lists people page by page, so that every cursor is used.
func ids(t *testing.T, s *store.Store, realm string, f broker.UserFilter, query string) string {
	t.Helper()
	var out []string
	for page := (broker.Page{Limit: 2, Query: query}); ; {
		part, next, err := s.Users.Find(background(t), realm, f, page)
		must(t, err)
		for _, u := range part {
			out = append(out, u.ID)
		}
		if page.Cursor = next; next == "" {
			return strings.Join(out, " ")
		}
	}
}

func people(t *testing.T, s *store.Store) {
	ctx := background(t)
	for _, realm := range []string{"acme", "other"} {
		Realm(t, s, realm)
		Connection(t, s, realm, realm+"-a")
		Connection(t, s, realm, realm+"-b")
		for i, status := range []string{"", "", broker.StatusPending, broker.StatusHeld, broker.StatusMerged, "", ""} {
			id := fmt.Sprintf("%c%d", realm[0], i)
			u := &broker.User{ID: id, Realm: realm, Email: fmt.Sprintf("user%d@%s.example", i, realm), Status: status, Blocked: i == 5, Groups: []string{"all"}}
			if i%2 == 0 {
				u.Groups, u.ManualGroups = []string{"all", "even"}, []string{"even"}
			}
			must(t, s.Users.Create(ctx, u))
			for _, l := range []string{"-a 1", "-a 2", "-b 1"}[:i%4] {
				must(t, s.Links.Claim(ctx, &broker.Link{Connection: realm + l[:2], Subject: l[3:] + "-" + id, Realm: realm, UserID: id}))
			}
		}
	}
	must(t, s.Links.Claim(ctx, &broker.Link{Connection: "acme-a", Subject: "shared", Realm: "acme", UserID: "a0"}))
	must(t, s.Links.Claim(ctx, &broker.Link{Connection: "acme-b", Subject: "shared", Realm: "acme", UserID: "a0"}))
	must(t, s.Links.Claim(ctx, &broker.Link{Connection: "other-b", Subject: "shared", Realm: "other", UserID: "o0"}))
	for _, c := range []struct {
		f     broker.UserFilter
		query string
		want  string
	}{
		{broker.UserFilter{}, "", "a0 a1 a2 a3 a4 a5 a6"},
		{broker.UserFilter{}, "user", "a0 a1 a2 a3 a4 a5 a6"},
		{broker.UserFilter{}, "USER3@acme.e", "a3"},
		{broker.UserFilter{}, "ser", ""},
		{broker.UserFilter{}, "user_", ""},
		{broker.UserFilter{Status: "active"}, "", "a0 a1 a6"},
		{broker.UserFilter{Status: "active"}, "user1", "a1"},
		{broker.UserFilter{Status: "blocked"}, "", "a5"},
		{broker.UserFilter{Status: "pending"}, "", "a2"},
		{broker.UserFilter{Status: "held"}, "user2", ""},
		{broker.UserFilter{Status: "merged"}, "", "a4"},
		{broker.UserFilter{Group: "all"}, "", "a0 a1 a2 a3 a4 a5 a6"},
		{broker.UserFilter{Group: "even"}, "", "a0 a2 a4 a6"},
		{broker.UserFilter{Group: "even", Status: "active"}, "", "a0 a6"},
		{broker.UserFilter{Group: "even", Connection: "acme-a"}, "", "a0 a2 a6"},
		{broker.UserFilter{Group: "none"}, "", ""},
		{broker.UserFilter{Connection: "acme-a"}, "", "a0 a1 a2 a3 a5 a6"},
		{broker.UserFilter{Connection: "acme-b"}, "", "a0 a3"},
		{broker.UserFilter{Connection: "acme-b"}, "user3", "a3"},
		{broker.UserFilter{Connection: "other-b"}, "", ""},
		{broker.UserFilter{Link: "shared"}, "", "a0"},
		{broker.UserFilter{Link: "1-a3"}, "", "a3"},
		{broker.UserFilter{Link: "shared", Group: "odd"}, "", ""},
		{broker.UserFilter{Link: "shared", Connection: "acme-b", Group: "even"}, "", "a0"},
		{broker.UserFilter{Link: "1-o3"}, "", ""},
	} {
		if got := ids(t, s, "acme", c.f, c.query); got != c.want {
			t.Errorf("%+v %q: %q, want %q", c.f, c.query, got, c.want)
		}
	}
	if got := ids(t, s, "other", broker.UserFilter{Link: "shared"}, ""); got != "o0" {
		t.Errorf("the other realm's: %q", got)
	}
	_, _, err := s.Users.Find(ctx, "acme", broker.UserFilter{Group: "all"}, broker.Page{Cursor: "WyJhIiwiYiJd"})
	if fault.CodeOf(err) != fault.Invalid {
		t.Errorf("another list's cursor: %v", err)
	}

	// A change moves a person between all of these.
	u, err := s.Users.Get(ctx, "acme", "a2")
	must(t, err)
	u.Email, u.Groups, u.ManualGroups, u.Status = "zoe@acme.example", []string{"even", "new"}, nil, ""
	must(t, s.Users.Update(ctx, u))
	for query, want := range map[string]string{"user2": "", "zoe": "a2"} {
		if got := ids(t, s, "acme", broker.UserFilter{}, query); got != want {
			t.Errorf("%s after the change: %q", query, got)
		}
	}
	for group, want := range map[string]string{"all": "a0 a1 a3 a4 a5 a6", "even": "a0 a2 a4 a6", "new": "a2"} {
		if got := ids(t, s, "acme", broker.UserFilter{Group: group}, ""); got != want {
			t.Errorf("group %s after the change: %q", group, got)
		}
	}
}

// peoplePaged: each person of a long list comes once, whichever index leads.
func peoplePaged(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	const n = 1000
	for i := range n {
		u := &broker.User{ID: fmt.Sprintf("%04d", i), Realm: "acme", Email: fmt.Sprintf("p%04d@acme.example", i), Groups: []string{"all", fmt.Sprintf("g%d", i%50)}}
		must(t, s.Links.CreateUserWithLink(ctx, u, &broker.Link{Connection: "op", Subject: u.ID, Realm: "acme", UserID: u.ID}))
	}
	for _, f := range []broker.UserFilter{{}, {Group: "all"}, {Connection: "op"}, {Status: "active"}} {
		seen := 0
		for page := (broker.Page{Limit: 200}); ; {
			part, next, err := s.Users.Find(ctx, "acme", f, page)
			must(t, err)
			seen += len(part)
			if page.Cursor = next; next == "" {
				break
			}
		}
		if seen != n {
			t.Errorf("%+v: %d people", f, seen)
		}
	}
	if got := ids(t, s, "acme", broker.UserFilter{}, "p05"); len(strings.Fields(got)) != 100 {
		t.Errorf("prefix: %d", len(strings.Fields(got)))
	}
}

func duplicates(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	for i, u := range []broker.User{
		{Email: "eva.novak@acme.example", Name: "Eva Novak"}, {Email: "evanovak+crm@acme.example"}, {Email: "eva@acme.example", Name: "eva  NOVAK"},
		{Email: "evanovak@other.example"}, {Email: "bob@acme.example", Name: "Bob"}, {Email: "bob@sub.acme.example", Name: "Bob"},
		{Email: "e.v.a@acme.example", Status: broker.StatusMerged}, {Email: "anna@acme.example", GivenName: "Anna", FamilyName: "Bell"}, {Email: "ab@acme.example", Name: "Anna Bell"}, {Email: ""}, {},
	} {
		u.ID, u.Realm = fmt.Sprintf("u%02d", i), "acme"
		must(t, s.Users.Create(ctx, &u))
	}
	User(t, s, "other", "foreign", "eva.novak@acme.example")
	var got []string
	for page := (broker.Page{Limit: 1}); ; {
		part, next, err := s.Users.Duplicates(ctx, "acme", page)
		must(t, err)
		for _, l := range part {
			var who []string
			for _, u := range l.People {
				who = append(who, u.ID)
			}
			slices.Sort(who)
			got = append(got, fmt.Sprintf("%s%d%v", l.Reason, l.Count, who))
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	slices.Sort(got)
	if want := "address2[u00 u01] name2[u00 u02] name2[u07 u08]"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func groups(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	g := filled[broker.Group](t)
	g.Realm, g.Name = "acme", "m-declared"
	must(t, s.Groups.Create(ctx, g))
	got, err := s.Groups.Get(ctx, "acme", g.Name)
	must(t, err)
	same(t, got, g)
	wants(t, s.Groups.Create(ctx, &broker.Group{Realm: "acme", Name: g.Name}), broker.ErrExists)
	_, err = s.Groups.Get(ctx, "other", g.Name)
	wants(t, err, broker.ErrNotFound)
	stale := *g
	g.Description = "changed"
	must(t, s.Groups.Update(ctx, g))
	wants(t, s.Groups.Update(ctx, &stale), broker.ErrConflict)

	must(t, s.Users.Create(ctx, &broker.User{ID: "a", Realm: "acme", Groups: []string{"a-used", "m-declared", "Z used"}, ManualGroups: []string{"m-declared"}}))
	must(t, s.Users.Create(ctx, &broker.User{ID: "b", Realm: "acme", Groups: []string{"a-used", "é"}}))
	must(t, s.Users.Create(ctx, &broker.User{ID: "c", Realm: "other", Groups: []string{"foreign", "a-used"}}))
	must(t, s.Groups.Create(ctx, &broker.Group{Realm: "acme", Name: "b-empty"}))
	counts := map[string]string{}
	for page := (broker.Page{Limit: 1}); ; {
		part, next, err := s.Groups.List(ctx, "acme", page)
		must(t, err)
		for _, g := range part {
			counts[g.Name] += fmt.Sprintf("%d/%d %s", g.Members, g.ByHand, g.Description)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if want := map[string]string{"a-used": "2/0 ", "b-empty": "0/0 ", "m-declared": "1/1 changed", "Z used": "1/0 ", "é": "1/0 "}; fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", counts, want)
	}
	if hand, err := s.Groups.ByHand(ctx, "acme", "m-declared", 5); err != nil || len(hand) != 1 || hand[0].ID != "a" {
		t.Errorf("by hand %v, %v", hand, err)
	}
	_, err = s.Groups.Count(ctx, "acme", "foreign")
	wants(t, err, broker.ErrNotFound)
	must(t, s.Groups.Delete(ctx, "acme", "m-declared"))
	if one, err := s.Groups.Count(ctx, "acme", "m-declared"); err != nil || one.Members != 1 || one.Version != 0 {
		t.Errorf("after the row went: %+v, %v", one, err)
	}
	must(t, s.Users.Delete(ctx, "acme", "a"))
	_, err = s.Groups.Count(ctx, "acme", "m-declared")
	wants(t, err, broker.ErrNotFound)
}

func merges(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	Connection(t, s, "acme", "op")
	for _, id := range []string{"from", "into"} {
		User(t, s, "acme", id, id+"@acme.example")
		for _, n := range []string{"1", "2"} {
			must(t, s.Links.Claim(ctx, &broker.Link{Connection: "op", Subject: id + n, Realm: "acme", UserID: id}))
		}
	}
	before, err := s.Links.ByUser(ctx, "from")
	must(t, err)
	none, err := s.Links.Move(ctx, "other", "from", "into")
	if err != nil || len(none) != 0 {
		t.Errorf("another realm moved %v, %v", none, err)
	}
	moved, err := s.Links.Move(ctx, "acme", "from", "into")
	must(t, err)
	if all, _ := s.Links.ByUser(ctx, "into"); len(moved) != 2 || len(all) != 4 {
		t.Errorf("moved %d, now %d", len(moved), len(all))
	}
	must(t, s.Links.Delete(ctx, "op", "from2"))
	if n, err := s.Links.MoveBack(ctx, moved, "into"); n != 1 || err != nil {
		t.Errorf("moved back %d, %v", n, err)
	}
	if back, _ := s.Links.ByUser(ctx, "from"); len(back) != 1 || *back[0] != *before[0] {
		t.Errorf("%+v, want %+v", back, before[0])
	}

	m := filled[broker.Merge](t)
	m.Realm, m.From, m.Into, m.UndoneAt = "acme", "from", "into", time.Time{}
	must(t, s.Merges.Create(ctx, m))
	got, err := s.Merges.Get(ctx, "acme", m.ID)
	must(t, err)
	same(t, got, m)
	_, err = s.Merges.Get(ctx, "other", m.ID)
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Merges.Create(ctx, &broker.Merge{Realm: "acme", From: "from", Into: "into", At: s.Now()}), broker.ErrExists)
	if live, err := s.Merges.Into(ctx, "acme", "into"); err != nil || len(live) != 1 {
		t.Errorf("live %v, %v", live, err)
	}
	m.UndoneAt, m.GaveManual = epoch.Add(time.Hour), nil
	must(t, s.Merges.Update(ctx, m))
	wants(t, s.Merges.Update(ctx, m), broker.ErrConflict)
	again := &broker.Merge{Realm: "acme", From: "from", Into: "into", At: s.Now()}
	must(t, s.Merges.Create(ctx, again))
	list, next, err := s.Merges.List(ctx, "acme", broker.Page{Limit: 1})
	if err != nil || len(list) != 1 || list[0].ID != again.ID || next == "" {
		t.Errorf("list %v, %q, %v", list, next, err)
	}
	if list, next, err = s.Merges.List(ctx, "acme", broker.Page{Limit: 1, Cursor: next}); err != nil || len(list) != 1 || list[0].ID != m.ID || next != "" {
		t.Errorf("list %v, %q, %v", list, next, err)
	}
	if of, err := s.Merges.Of(ctx, "acme", "into"); err != nil || len(of) != 2 {
		t.Errorf("of %v, %v", of, err)
	}
	must(t, s.Users.Delete(ctx, "acme", "into"))
	if of, err := s.Merges.Of(ctx, "acme", "from"); err != nil || len(of) != 2 {
		t.Errorf("of %v, %v after Into went", of, err)
	}
	must(t, s.Merges.Forget(ctx, "acme", "into"))
	if of, err := s.Merges.Of(ctx, "acme", "from"); err != nil || len(of) != 0 {
		t.Errorf("of %v, %v after they were forgotten", of, err)
	}
}

func identities(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Realm(t, s, "other")
	Connection(t, s, "acme", "op")
	Connection(t, s, "other", "other-op")
	for i := range 25 {
		id := fmt.Sprintf("u%02d", i)
		User(t, s, "acme", id, "")
		v := broker.SeenIdentity{Realm: "acme", Connection: "op", UserID: id, At: epoch.Add(time.Duration(i) * time.Second), Value: []byte("plain-identity-" + id)}
		must(t, s.Identities.Keep(ctx, v))
	}
	must(t, s.Identities.Keep(ctx, broker.SeenIdentity{Realm: "acme", Connection: "op", UserID: "u20", At: epoch.Add(time.Hour), Value: []byte("newer")}))
	got, err := s.Identities.Last(ctx, "acme", "op", "")
	must(t, err)
	if len(got) != 20 || got[0].UserID != "u20" || string(got[0].Value) != "newer" || got[1].UserID != "u24" || got[19].UserID != "u05" {
		t.Errorf("%d kept, the first of %s", len(got), got[0].UserID)
	}
	if one, err := s.Identities.Last(ctx, "acme", "op", "u24"); err != nil || len(one) != 1 || string(one[0].Value) != "plain-identity-u24" {
		t.Errorf("one person's: %v, %v", one, err)
	}
	if none, err := s.Identities.Last(ctx, "other", "op", ""); err != nil || len(none) != 0 {
		t.Errorf("another realm's: %v, %v", none, err)
	}
	for _, v := range []broker.SeenIdentity{
		{Realm: "other", Connection: "other-op", UserID: "u20"}, {Realm: "acme", Connection: "other-op", UserID: "u20"}, {Realm: "acme", Connection: "op", UserID: "nobody"},
		{Realm: "acme", Connection: "op", UserID: "u20", Value: make([]byte, store.MaxIdentity+1)},
	} {
		if s.Identities.Keep(ctx, v) == nil {
			t.Errorf("%+v was kept", v)
		}
	}
	must(t, s.Users.Delete(ctx, "acme", "u24"))
	if of, err := s.Identities.Of(ctx, "acme", "u24"); err != nil || len(of) != 0 {
		t.Errorf("a deleted person's: %v, %v", of, err)
	}
}

func personSessions(t *testing.T, s *store.Store) {
	ctx := background(t)
	for i, realm := range []string{"acme", "hub", "hub"} {
		v := live(s, fmt.Sprint("s", i), realm, "u")
		v.HomeRealm, v.Connection = "acme", fmt.Sprint("op", i/2)
		must(t, s.Sessions.Create(ctx, v))
		g := grant(s, fmt.Sprint("g", i), v.ID)
		g.Connection = v.Connection
		if i == 1 {
			g.Scopes = []string{"offline_access"}
		}
		must(t, s.Grants.Create(ctx, g))
	}
	must(t, s.Sessions.Create(ctx, live(s, "x", "acme", "v")))
	over := live(s, "over", "acme", "u")
	over.IdleUntil = s.Now().Add(-time.Minute)
	must(t, s.Sessions.Create(ctx, over))
	var seen []string
	for page := (broker.Page{Limit: 2}); ; {
		part, next, err := s.Sessions.OfPerson(ctx, "acme", "u", page)
		must(t, err)
		for _, v := range part {
			seen = append(seen, v.ID)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if strings.Join(seen, " ") != "s0 s1 s2" {
		t.Errorf("sessions %v", seen)
	}
	if part, _, err := s.Sessions.OfPerson(ctx, "hub", "u", broker.Page{}); err != nil || len(part) != 0 {
		t.Errorf("the hub's person of that ID: %v, %v", part, err)
	}
	for scope, want := range map[flow.Scope]string{
		{UserID: "u"}: "3 1 [u]", {Connection: "op"}: "1 1 [v]", {UserID: "u", Connection: "op0"}: "2 1 [u]", {UserID: "nobody"}: "0 0 []", {}: "0 0 []",
	} {
		sessions, people, first, err := s.Sessions.Hits(ctx, scope, 5)
		if got := fmt.Sprintln(sessions, people, first); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%+v hits %s, %v", scope, got, err)
		}
	}
	if n, err := s.Sessions.End(ctx, flow.Scope{}, nil); n != 0 || err != nil {
		t.Errorf("nobody's: %d, %v", n, err)
	}
	var told []string
	tell := func(gs []broker.Grant) {
		for _, g := range gs {
			told = append(told, g.ID)
		}
	}
	if n, err := s.Sessions.End(ctx, flow.Scope{UserID: "u", Connection: "op0"}, tell); n != 2 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	slices.Sort(told)
	if strings.Join(told, " ") != "g0 g1" {
		t.Errorf("told of %v", told)
	}
	if n, err := s.Grants.RevokeScope(ctx, flow.Scope{Connection: "op1"}); n != 0 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if n, err := s.Grants.RevokeScope(ctx, flow.Scope{Connection: "op0"}); n != 1 || err != nil {
		t.Errorf("revoked %d offline grants, %v", n, err)
	}
	if n, err := s.Grants.RevokeScope(ctx, flow.Scope{UserID: "u"}); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if n, err := s.Grants.RevokeScope(ctx, flow.Scope{}); n != 0 || err != nil {
		t.Errorf("revoked %d of nobody, %v", n, err)
	}
}

func consents(t *testing.T, s *store.Store) {
	ctx := background(t)
	for i, v := range []struct {
		realm, client string
		scopes        []string
	}{{"acme", "app", []string{"openid"}}, {"acme", "app", []string{"email", "openid"}}, {"hub", "app", []string{"groups"}}, {"acme", "other", nil}} {
		g := grant(s, fmt.Sprint("g", i), "s")
		g.Realm, g.ClientID, g.Scopes, g.CreatedAt = v.realm, v.client, v.scopes, epoch.Add(time.Duration(i)*time.Minute)
		must(t, s.Grants.Create(ctx, g))
	}
	expired := grant(s, "expired", "s")
	expired.ClientID, expired.ExpiresAt = "past", s.Now().Add(-time.Hour)
	must(t, s.Grants.Create(ctx, expired))
	show := func() string {
		list, err := s.Grants.Consents(ctx, "acme", "u")
		must(t, err)
		var out []string
		for _, c := range list {
			out = append(out, fmt.Sprintf("%s/%s%v%s", c.Realm, c.ClientID, c.Scopes, c.At.Sub(epoch)))
		}
		return strings.Join(out, " ")
	}
	if got := show(); got != "acme/app[email openid]1m0s acme/other[]3m0s hub/app[groups]2m0s" {
		t.Error(got)
	}
	if list, err := s.Grants.Consents(ctx, "hub", "u"); err != nil || len(list) != 0 {
		t.Errorf("of another home: %v, %v", list, err)
	}
	for _, wrong := range [][4]string{{"hub", "u", "acme", "app"}, {"acme", "v", "acme", "app"}, {"acme", "", "acme", "app"}} {
		if n, err := s.Grants.RevokeConsent(ctx, wrong[0], wrong[1], wrong[2], wrong[3]); n != 0 || err != nil {
			t.Errorf("%v revoked %d, %v", wrong, n, err)
		}
	}
	if n, err := s.Grants.RevokeConsent(ctx, "acme", "u", "acme", "app"); n != 2 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if got := show(); got != "acme/other[]3m0s hub/app[groups]2m0s" {
		t.Error(got)
	}
}

func pseudonymise(t *testing.T, s *store.Store) {
	ctx := background(t)
	for _, e := range []broker.Event{
		{Realm: "acme", Kind: "a", UserID: "u", Email: "u@acme.example", Detail: "said of u", Before: []byte(`{}`), After: []byte(`{}`), RemoteIP: "192.0.2.1"},
		{Realm: "acme", Kind: "b", Email: "u@acme.example", Detail: "no ID"},
		{Realm: "other", Kind: "c", Email: "u@acme.example", Detail: "elsewhere"},
		{Realm: "acme", Kind: "d", UserID: "v", Email: "v@acme.example", Detail: "of v"},
	} {
		must(t, s.Events.Append(ctx, e))
	}
	if n, err := s.Events.Pseudonymise(ctx, "acme", "u", "u@acme.example"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	all, _, err := s.Events.List(ctx, ledger.Filter{}, broker.Page{})
	must(t, err)
	for _, e := range all {
		blank := e.Email == "" && e.Detail == "" && e.Before == nil && e.After == nil && e.RemoteIP == ""
		if want := e.Kind == "a" || e.Kind == "b"; blank != want {
			t.Errorf("%+v", e)
		}
		if e.Kind == "a" && e.UserID != "u" {
			t.Errorf("the pseudonym went too: %+v", e)
		}
	}
	if n, err := s.Events.Pseudonymise(context.WithoutCancel(ctx), "acme", "", ""); n != 0 || err != nil {
		t.Errorf("nobody: %d, %v", n, err)
	}
}
