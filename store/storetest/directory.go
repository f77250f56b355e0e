package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

func scimTokens(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "okta")
	tok := filled[broker.SCIMToken](t)
	tok.Realm, tok.Connection = "acme", "okta"
	must(t, s.SCIMTokens.Create(ctx, tok))
	for _, find := range []func() (*broker.SCIMToken, error){
		func() (*broker.SCIMToken, error) { return s.SCIMTokens.Get(ctx, "okta", tok.ID) },
		func() (*broker.SCIMToken, error) { return s.SCIMTokens.ByHash(ctx, tok.Hash) },
	} {
		got, err := find()
		must(t, err)
		same(t, got, tok)
	}
	wants(t, s.SCIMTokens.Create(ctx, &broker.SCIMToken{ID: "twin", Realm: "acme", Connection: "okta", Hash: tok.Hash}), broker.ErrExists)
	wants(t, s.SCIMTokens.Create(ctx, &broker.SCIMToken{ID: "lost", Realm: "acme", Connection: "none", Hash: "x"}), broker.ErrNotFound)
	_, err := s.SCIMTokens.Get(ctx, "other", tok.ID)
	wants(t, err, broker.ErrNotFound)
	stale := *tok
	tok.RevokedAt = time.Time{}
	must(t, s.SCIMTokens.Update(ctx, tok))
	wants(t, s.SCIMTokens.Update(ctx, &stale), broker.ErrConflict)
	at := s.Now().Add(time.Hour)
	must(t, s.SCIMTokens.Touch(ctx, tok.ID, at))
	must(t, s.SCIMTokens.Touch(ctx, tok.ID, at.Add(-time.Minute)))
	list, err := s.SCIMTokens.List(ctx, "okta")
	must(t, err)
	if len(list) != 1 || !list[0].LastUsedAt.Equal(at) {
		t.Errorf("the list: %+v", list)
	}
	if ending, err := s.SCIMTokens.Ending(ctx, 10); err != nil || len(ending) != 1 {
		t.Errorf("ending: %v, %v", ending, err)
	}
	must(t, s.SCIMTokens.Delete(ctx, "okta", tok.ID))
	wants(t, s.SCIMTokens.Delete(ctx, "okta", tok.ID), broker.ErrNotFound)
}

// directoryOf furnishes a directory with n users.
func directoryOf(t *testing.T, s *store.Store, n int) (ids []string) {
	t.Helper()
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "okta")
	for i := range n {
		id := fmt.Sprintf("u%02d", i)
		User(t, s, "acme", id, id+"@acme.example")
		must(t, s.Directories.CreateUser(ctx, &broker.DirectoryUser{
			ID: "d" + id, Realm: "acme", Connection: "okta", UserID: id, UserName: "U" + id, ExternalID: "X" + id, DisplayName: "Person", Emails: []string{id + "@acme.example"},
			Active: true, Given: []string{}, Resource: []byte(`{}`),
		}))
		ids = append(ids, "d"+id)
	}
	return ids
}

func directoryUsers(t *testing.T, s *store.Store) {
	ctx := background(t)
	directoryOf(t, s, 3)
	User(t, s, "acme", "more", "more@acme.example")
	u := filled[broker.DirectoryUser](t)
	u.Realm, u.Connection, u.UserID, u.Deleted = "acme", "okta", "more", false
	must(t, s.Directories.CreateUser(ctx, u))
	got, err := s.Directories.User(ctx, "okta", u.ID)
	must(t, err)
	same(t, got, u)
	twin := &broker.DirectoryUser{ID: "twin", Realm: "acme", Connection: "okta", UserID: "u00", UserName: "else"}
	wants(t, s.Directories.CreateUser(ctx, twin), broker.ErrExists)
	for q, want := range map[*broker.DirectoryQuery]int64{
		{}: 4, {UserName: "uU01"}: 1, {ExternalID: "xu01"}: 0, {ExternalID: "Xu01"}: 1, {DisplayName: "PERSON"}: 3, {Email: "U02@acme.example"}: 1, {ID: "du00"}: 1, {Active: new(bool)}: 0,
	} {
		list, total, err := s.Directories.Users(ctx, "okta", *q, 0, 10)
		must(t, err)
		if total != want || int64(len(list)) != want {
			t.Errorf("%+v: %d of %d, want %d", q, len(list), total, want)
		}
	}
	stale := *u
	u.Active, u.Emails = false, []string{"changed@acme.example"}
	must(t, s.Directories.UpdateUser(ctx, u))
	wants(t, s.Directories.UpdateUser(ctx, &stale), broker.ErrConflict)
	st, err := s.Directories.Standing(ctx, "okta", "more")
	must(t, err)
	if !st.Known || st.Active {
		t.Errorf("standing of who is deactivated: %+v", st)
	}
	u.Deleted = true
	must(t, s.Directories.UpdateUser(ctx, u))
	_, err = s.Directories.User(ctx, "okta", u.ID)
	wants(t, err, broker.ErrNotFound)
	_, err = s.Directories.ByExternalID(ctx, "okta", u.ExternalID)
	wants(t, err, broker.ErrNotFound)
	if st, err := s.Directories.Standing(ctx, "okta", "more"); err != nil || !st.Known || st.Active {
		t.Errorf("standing of who is deleted: %+v, %v", st, err)
	}
	again := &broker.DirectoryUser{ID: "again", Realm: "acme", Connection: "okta", UserID: "more", UserName: u.UserName, ExternalID: u.ExternalID, Active: true}
	must(t, s.Directories.CreateUser(ctx, again))
	if of, err := s.Directories.OfPerson(ctx, "acme", "more"); err != nil || len(of) != 1 || of[0].ID != "again" {
		t.Errorf("who comes back: %+v, %v", of, err)
	}
	// An account that was merged into another speaks for it.
	must(t, s.Merges.Create(ctx, &broker.Merge{Realm: "acme", From: "more", Into: "u00", At: s.Now()}))
	if st, err := s.Directories.Standing(ctx, "okta", "u00"); err != nil || len(st.ExternalIDs) != 2 {
		t.Errorf("standing after a merge: %+v, %v", st, err)
	}
	must(t, s.Users.Delete(ctx, "acme", "u01"))
	if _, total, err := s.Directories.Users(ctx, "okta", broker.DirectoryQuery{}, 0, 1); err != nil || total != 3 {
		t.Errorf("%d users after the deletion of one person, %v", total, err)
	}
	must(t, s.Connections.Delete(ctx, "okta"))
	if _, total, err := s.Directories.Users(ctx, "okta", broker.DirectoryQuery{}, 0, 1); err != nil || total != 0 {
		t.Errorf("%d users after the deletion of the connection, %v", total, err)
	}
}

func directoryGroups(t *testing.T, s *store.Store) {
	ctx := background(t)
	ids := directoryOf(t, s, 20)
	g := filled[broker.DirectoryGroup](t)
	g.Realm, g.Connection, g.Members = "acme", "okta", 0
	must(t, s.Directories.CreateGroup(ctx, g))
	got, err := s.Directories.Group(ctx, "okta", g.ID)
	must(t, err)
	same(t, got, g)
	wants(t, s.Directories.CreateGroup(ctx, &broker.DirectoryGroup{ID: "twin", Realm: "acme", Connection: "okta", DisplayName: g.DisplayName}), broker.ErrExists)

	// Members come from all sides at once.
	var wait sync.WaitGroup
	for _, id := range ids {
		wait.Go(func() {
			err := s.Tx(ctx, func(ctx context.Context) error {
				if _, err := s.Directories.LockGroup(ctx, "okta", g.ID); err != nil {
					return err
				}
				_, err := s.Directories.AddMembers(ctx, "okta", g.ID, []string{id})
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got, err = s.Directories.Group(ctx, "okta", g.ID); err != nil || got.Members != 20 {
		t.Errorf("%+v, %v", got, err)
	}
	if stale, err := s.Directories.Stale(ctx, 100); err != nil || len(stale) != 20 {
		t.Errorf("%d stale, %v", len(stale), err)
	}
	given := 0
	for range 2 {
		must(t, s.Directories.Settle(ctx, "okta", ids[0], func(_ context.Context, u *broker.DirectoryUser, groups []string) error {
			given++
			if len(u.Given) != 0 || !slices.Equal(groups, []string{g.DisplayName}) {
				t.Errorf("settling %v to %v", u.Given, groups)
			}
			return nil
		}))
	}
	if given != 1 {
		t.Errorf("settled %d times", given)
	}
	_, err = s.Directories.AddMembers(ctx, "okta", g.ID, []string{ids[0], "none"})
	wants(t, err, broker.ErrNotFound)
	removed, err := s.Directories.RemoveMembers(ctx, "okta", g.ID, []string{ids[0], ids[0], "none"})
	if err != nil || !slices.Equal(removed, ids[:1]) {
		t.Errorf("removed %v, %v", removed, err)
	}
	got.DisplayName = "Renamed"
	must(t, s.Directories.UpdateGroup(ctx, got))
	if groups, err := s.Directories.GroupsOf(ctx, "okta", ids[1]); err != nil || len(groups) != 1 || groups[0].DisplayName != "Renamed" {
		t.Errorf("groups of a member: %+v, %v", groups, err)
	}
	members, err := s.Directories.Members(ctx, "okta", g.ID, ids[17], 10)
	if err != nil || len(members) != 2 || members[0].ID != ids[18] {
		t.Errorf("members: %+v, %v", members, err)
	}
	must(t, s.Directories.DeleteGroup(ctx, "okta", g.ID))
	wants(t, s.Directories.DeleteGroup(ctx, "okta", g.ID), broker.ErrNotFound)
}

func directoryRequests(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "okta")
	if st, err := s.Requests.State(ctx, "acme", "okta"); err != nil || st.Requests != 0 {
		t.Errorf("before: %+v, %v", st, err)
	}
	for i := range 230 {
		r := broker.DirectoryRequest{Realm: "acme", Connection: "okta", At: epoch.Add(time.Duration(i) * time.Second), Method: "GET", Path: fmt.Sprint("/Users?", i), Status: 200}
		kind := "Users"
		switch i {
		case 10:
			r.Status, r.Code = 401, "scim.token_unknown"
		case 11:
			r.Method, kind = "PATCH", "Groups"
		}
		must(t, s.Requests.Add(ctx, r, kind))
	}
	st, err := s.Requests.State(ctx, "acme", "okta")
	must(t, err)
	if st.Requests != 230 || st.Refused != 1 || st.UserReads != 228 || st.GroupWrites != 1 || st.LastFailureCode != "scim.token_unknown" || !st.LastGroupWriteAt.Equal(epoch.Add(11*time.Second)) {
		t.Errorf("%+v", st)
	}
	list, next, err := s.Requests.List(ctx, "okta", broker.Page{Limit: 150})
	must(t, err)
	rest, end, err := s.Requests.List(ctx, "okta", broker.Page{Limit: 150, Cursor: next})
	must(t, err)
	if len(list) != 150 || len(rest) != 50 || end != "" || list[0].Path != "/Users?229" || rest[49].Path != "/Users?30" {
		t.Errorf("%d and %d requests, the last page ends %q", len(list), len(rest), end)
	}
}
