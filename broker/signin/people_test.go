package signin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/login"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
)

// twins is a realm where one person has two accounts, one at each connection.
func twins(t *testing.T) (w *world, old, now *broker.User) {
	w = newWorld(t, storetest.SQLite(t))
	w.realm("acme", nil)
	w.client("acme", nil)
	w.domain("acme", "acme.example")
	for _, slug := range []string{"acme-old", "acme-new"} {
		w.connection("acme", slug, []string{"acme.example"}, func(c *broker.Connection) {
			c.GroupRules = []broker.GroupRule{{Match: "regex", Value: "app-.*", Groups: []string{"apps"}}}
			c.OnlyMapped = true
		})
	}
	w.in("acme-old", identity{Sub: "o", Email: "a.smith@acme.example", Groups: []string{"app-crm", "x"}})
	w.in("acme-new", identity{Sub: "n", Email: "ann@acme.example"})
	return w, w.of("a.smith@acme.example"), w.of("ann@acme.example")
}

func (w *world) in(slug string, i identity) page {
	w.t.Helper()
	b := w.browser()
	return b.answer(b.authorize("acme", "kc_idp_hint", slug), i)
}

func (w *world) of(email string) *broker.User {
	w.t.Helper()
	u, err := w.store.Users.ByEmail(w.t.Context(), "acme", email)
	must(w.t, err)
	return u
}

// merge does to the store what the verb does.
func (w *world) merge(from, into *broker.User) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.store.Links.Move(ctx, "acme", from.ID, into.ID)
	must(w.t, err)
	from.Status, from.MergedInto = broker.StatusMerged, into.ID
	must(w.t, w.store.Users.Update(ctx, from))
}

// Both of a merged person's identity providers lead to the one account, which keeps its own address: otherwise it would
// change with each sign-in.
func TestMergedAccounts(t *testing.T) {
	w, old, now := twins(t)
	if !slices.Equal(old.Groups, []string{"apps"}) {
		t.Fatalf("groups %q", old.Groups)
	}
	w.merge(old, now)
	wantAt(t, w.in("acme-old", identity{Sub: "o", Email: "a.smith@acme.example", Groups: []string{"app-crm"}}), "app code")
	wantAt(t, w.in("acme-new", identity{Sub: "n", Email: "ann@acme.example"}), "app code")
	wantAt(t, w.in("acme-old", identity{Sub: "o", Email: "a.smith@acme.example", Groups: []string{"app-erp"}}), "app code")
	u := w.of("ann@acme.example")
	if u.ID != now.ID || !slices.Equal(u.Groups, []string{"apps"}) {
		t.Errorf("%+v", u)
	}
	if part := w.of("a.smith@acme.example"); part.ID != old.ID || part.Status != broker.StatusMerged {
		t.Errorf("the address went over: %+v", part)
	}
	// An address of somebody else is still refused.
	w.person("acme", "ben@acme.example", nil)
	wantAt(t, w.in("acme-old", identity{Sub: "o", Email: "ben@acme.example"}), "Forbidden")
	// A link that was left behind lets nobody in.
	must(t, w.store.Links.Claim(t.Context(), &broker.Link{Connection: "acme-new", Subject: "left", Realm: "acme", UserID: old.ID}))
	wantAt(t, w.in("acme-new", identity{Sub: "left", Email: "a.smith@acme.example"}), "Forbidden")
}

func TestGroupsLeftOutAreTold(t *testing.T) {
	w, old, _ := twins(t)
	wantAt(t, w.in("acme-old", identity{Sub: "o", Email: "a.smith@acme.example", Omits: true}), "app code")
	if u := w.of("a.smith@acme.example"); !slices.Equal(u.Groups, []string{"apps"}) || u.GroupsOmittedAt.IsZero() {
		t.Errorf("%+v", u)
	}
	wantAt(t, w.in("acme-new", identity{Sub: "fresh", Email: "new@acme.example", Omits: true}), "app code")
	var told []broker.Event
	for end := time.Now().Add(5 * time.Second); len(told) < 2 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var err error
		told, _, err = w.store.Events.List(t.Context(), ledger.Filter{Kind: "login.groups_omitted"}, broker.Page{})
		must(t, err)
	}
	if len(told) != 2 || told[1].UserID != old.ID || told[1].Connection != "acme-old" || !strings.HasPrefix(told[1].Detail, "1 groups hold, those listed before until ") || told[0].Code != "login.groups_omitted" {
		t.Errorf("%+v", told)
	}
}

// What an identity provider said last is kept for the preview of rules, once for each person and change.
func TestIdentitiesAreKept(t *testing.T) {
	w, old, _ := twins(t)
	seen := login.NewSeen(login.Seen{Store: w.store.Identities, Now: time.Now, Log: w.engine.Logger})
	w.engine.Seen = seen
	go seen.Run(t.Context())
	says := func(groups ...string) string {
		w.in("acme-old", identity{Sub: "o", Email: "a.smith@acme.example", Groups: groups})
		var got []broker.SeenIdentity
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			var err error
			got, err = w.store.Identities.Last(t.Context(), "acme", "acme-old", old.ID)
			must(t, err)
			if len(got) == 1 && strings.Contains(string(got[0].Value), groups[0]) {
				return got[0].At.String()
			}
		}
		t.Fatalf("kept %v", got)
		return ""
	}
	first := says("app-crm")
	if again := says("app-crm"); again != first {
		t.Error("the same identity was written twice")
	}
	if changed := says("app-erp"); changed == first {
		t.Error("a changed identity was not written")
	}
}
