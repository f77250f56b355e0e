package admin_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// crowd is a realm with random people, for merges.
type crowd struct {
	*house
	ids []string
	r   *rand.Rand
}

func newCrowd(t *testing.T, seed uint64) *crowd {
	c := &crowd{house: newHouse(t), r: rand.New(rand.NewPCG(seed, 1))}
	c.realm(t, "acme")
	c.connection(t, "acme", "one")
	c.connection(t, "acme", "two")
	some := func(names string) []string {
		var out []string
		for n := range strings.FieldsSeq(names) {
			if c.r.IntN(2) == 0 {
				out = append(out, n)
			}
		}
		return out
	}
	for i := range 5 {
		u := &broker.User{ID: fmt.Sprintf("u%d", i), Realm: "acme", Email: fmt.Sprintf("u%d@acme.example", i), ManualGroups: some("a b c"), Excluded: c.r.IntN(3) == 0}
		u.Groups = append(slices.Clone(u.ManualGroups), some("d e")...)
		if u.Groups == nil {
			u.Groups = []string{}
		}
		must(t, c.store.Users.Create(ctx, u))
		c.ids = append(c.ids, u.ID)
		for _, slug := range some("one two") {
			must(t, c.store.Links.Claim(ctx, &broker.Link{Connection: slug, Subject: "s-" + u.ID, Realm: "acme", UserID: u.ID}))
		}
		if c.r.IntN(2) == 0 {
			must(t, c.store.Invites.Create(ctx, &broker.Invite{ID: "i-" + u.ID, Realm: "acme", Email: u.Email, TokenHash: "t" + u.ID, MaxUses: 1, ExpiresAt: c.now.AddDate(0, 0, 7)}))
		}
	}
	return c
}

// picture is all of the realm's people, what is tied to them and who is invited, but for when it changed.
func (c *crowd) picture(t *testing.T) string {
	t.Helper()
	var out []string
	for _, id := range c.ids {
		u, err := c.store.Users.Get(ctx, "acme", id)
		must(t, err)
		u.Meta = broker.Meta{}
		links, err := c.store.Links.ByUser(ctx, id)
		must(t, err)
		b, err := json.Marshal([]any{u, links})
		must(t, err)
		out = append(out, string(b))
	}
	list, _, err := c.store.Invites.List(ctx, "acme", "", broker.Page{})
	must(t, err)
	for _, i := range list {
		out = append(out, i.ID+" "+i.Email)
	}
	return strings.Join(out, "\n")
}

// TestUndoneMergesLeaveNothing merges at random and undoes at random, in any order that is allowed; in the end all is as
// it was.
func TestUndoneMergesLeaveNothing(t *testing.T) {
	for seed := range uint64(20) {
		c := newCrowd(t, seed)
		before := c.picture(t)
		var open []string
		for range 12 {
			if len(open) > 0 && c.r.IntN(3) == 0 {
				open = c.undo(t, open)
				c.holds(t)
				continue
			}
			from, into := c.ids[c.r.IntN(len(c.ids))], c.ids[c.r.IntN(len(c.ids))]
			m, err := c.MergeUser(ctx, owner, "acme", from, []byte(`{"into":"`+into+`"}`))
			switch {
			case err == nil:
				open = append(open, m.ID)
			case from == into && fault.CodeOf(err) == fault.Invalid, fault.CodeOf(err) == fault.UserMerged:
			default:
				t.Fatal(err)
			}
		}
		c.holds(t)
		for len(open) > 0 {
			open = c.undo(t, open)
			c.holds(t)
		}
		if after := c.picture(t); after != before {
			t.Fatalf("seed %d:\n%s\nwas\n%s", seed, after, before)
		}
	}
}

// undo tries one of the open merges; one whose other half is itself a part of somebody must wait.
func (c *crowd) undo(t *testing.T, open []string) []string {
	t.Helper()
	i := c.r.IntN(len(open))
	_, err := c.UndoMerge(ctx, owner, "acme", open[i])
	if fault.CodeOf(err) == fault.MergeRefused {
		return open
	}
	must(t, err)
	return slices.Delete(open, i, i+1)
}

// holds checks what must be so at any time: nobody has lost a group given by hand to the account that one is a part of,
// and no link leads to a part.
func (c *crowd) holds(t *testing.T) {
	t.Helper()
	for _, id := range c.ids {
		u, err := c.store.Users.Get(ctx, "acme", id)
		must(t, err)
		if u.Status != broker.StatusMerged {
			continue
		}
		into, err := c.store.Users.Get(ctx, "acme", u.MergedInto)
		must(t, err)
		for _, g := range u.ManualGroups {
			if !slices.Contains(into.ManualGroups, g) || !slices.Contains(into.Groups, g) {
				t.Errorf("%s is a part of %s, which lacks %s", id, into.ID, g)
			}
		}
		if links, _ := c.store.Links.ByUser(ctx, id); len(links) > 0 || u.Excluded && !into.Excluded {
			t.Errorf("%s kept %d links", id, len(links))
		}
	}
}

// What happened between a merge and its undoing stays.
func TestUndoAfterLife(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	h.connection(t, "acme", "one")
	for id, groups := range map[string][]string{"from": {"a", "b", "gone"}, "into": {"x"}} {
		must(t, h.store.Users.Create(ctx, &broker.User{ID: id, Realm: "acme", Email: id + "@acme.example", ManualGroups: groups, Groups: groups}))
		for _, n := range []string{"1", "2"} {
			must(t, h.store.Links.Claim(ctx, &broker.Link{Connection: "one", Subject: id + n, Realm: "acme", UserID: id}))
		}
	}
	m, err := h.MergeUser(ctx, owner, "acme", "from", []byte(`{"into":"into"}`))
	must(t, err)
	must(t, h.DeleteLink(ctx, owner, "acme", "into", "one", "from1"))
	_, err = h.CreateLink(ctx, owner, "acme", "into", []byte(`{"connection":"one","subject":"later"}`))
	must(t, err)
	_, err = h.UpdateUser(ctx, owner, "acme", "into", nil, []byte(`{"manual_groups":["b","gone","x","y"],"name":"Later"}`))
	must(t, err)
	must(t, h.DeleteGroup(ctx, owner, "acme", "gone", nil))
	_, err = h.UndoMerge(ctx, owner, "other", m.ID)
	wantCode(t, err, fault.NotFound)
	_, err = h.UndoMerge(ctx, owner, "acme", m.ID)
	must(t, err)
	show := func(id string) string {
		u, err := h.store.Users.Get(ctx, "acme", id)
		must(t, err)
		links, err := h.store.Links.ByUser(ctx, id)
		must(t, err)
		out := fmt.Sprint(u.Status, u.Name, u.ManualGroups, u.Groups)
		for _, l := range links {
			out += " " + l.Subject
		}
		return out
	}
	if got := show("from"); got != "[a b] [a b] from2" {
		t.Errorf("from: %s", got)
	}
	if got := show("into"); got != "Later[x y] [x y] into1 into2 later" {
		t.Errorf("into: %s", got)
	}
	kinds := map[string]bool{}
	for _, e := range h.events(t) {
		if strings.HasPrefix(e.Kind, "user.") && e.Kind != "user.updated" {
			kinds[e.Kind] = len(e.Before) > 0 && len(e.After) > 0 && e.UserID != "" && e.Actor == "cli"
		}
	}
	if fmt.Sprint(kinds) != "map[user.merge_received:true user.merge_released:true user.merged:true user.unmerged:true]" {
		t.Errorf("audited %v", kinds)
	}
}

// The account that another became a part of may be gone: then that one comes back without the links that went along.
func TestUndoWithoutTheOther(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	for _, id := range []string{"from", "into"} {
		must(t, h.store.Users.Create(ctx, &broker.User{ID: id, Realm: "acme", Status: map[string]string{"from": broker.StatusPending}[id]}))
	}
	m, err := h.MergeUser(ctx, owner, "acme", "from", []byte(`{"into":"into"}`))
	must(t, err)
	must(t, h.DeleteUser(ctx, owner, "acme", "into", nil))
	_, err = h.UndoMerge(ctx, owner, "acme", m.ID)
	must(t, err)
	if u, err := h.GetUser(ctx, owner, "acme", "from"); err != nil || u.Status != broker.StatusPending || u.MergedInto != "" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestManifestOfGroups(t *testing.T) {
	h := newHouse(t)
	const file = `realms:
  - name: acme
    connections:
      - slug: op
        protocol: oidc
        oidc: {issuer: https://idp.example, client_id: c}
        group_names: {"1": Admins}
        only_mapped_groups: true
        update_profile: {locale: once}
        group_rules:
          - {match: equals, value: Admins, groups: [admin]}
          - {attribute: dept, match: regex, value: "R&D|IT", groups: [tech, staff]}
    groups:
      - {name: admin, description: "May do all"}
      - name: staff
`
	apply := func(file string, o admin.ApplyOptions) string {
		t.Helper()
		d, err := h.Apply(ctx, owner, strings.NewReader(file), o)
		must(t, err)
		var b strings.Builder
		_, err = d.WriteTo(&b)
		must(t, err)
		return b.String()
	}
	if got := apply(file, admin.ApplyOptions{}); !strings.Contains(got, "+ group admin (realm acme)") || !strings.Contains(got, "+ group staff") {
		t.Error(got)
	}
	if got := apply(file, admin.ApplyOptions{Prune: true}); got != "Nothing changes.\n" {
		t.Error(got)
	}
	var exported strings.Builder
	must(t, h.Export(ctx, owner, "acme", &exported, false))
	for _, part := range []string{"description: May do all", "value: R&D|IT", `"1": Admins`, "only_mapped_groups: true", "locale: once", "- name: staff"} {
		if !strings.Contains(exported.String(), part) {
			t.Errorf("the export lacks %s:\n%s", part, exported.String())
		}
	}
	if got := apply(exported.String(), admin.ApplyOptions{Prune: true}); got != "Nothing changes.\n" {
		t.Error(got)
	}
	must(t, h.store.Users.Create(ctx, &broker.User{ID: "u", Realm: "acme", ManualGroups: []string{"staff"}, Groups: []string{"from-idp", "staff"}}))
	if got := apply(strings.ReplaceAll(file, "May do all", "All"), admin.ApplyOptions{}); !strings.Contains(got, `/description: "May do all" -> "All"`) {
		t.Error(got)
	}
	_, err := h.Apply(ctx, owner, strings.NewReader(strings.ReplaceAll(file, "      - name: staff\n", "")), admin.ApplyOptions{Prune: true})
	wantCode(t, err, fault.InUse)
	pruned := strings.ReplaceAll(strings.ReplaceAll(file, "      - name: staff\n", ""), ", staff]", "]")
	if got := apply(pruned, admin.ApplyOptions{Prune: true}); !strings.Contains(got, "- group staff (realm acme)") || strings.Contains(got, "from-idp") {
		t.Error(got)
	}
	if u, err := h.store.Users.Get(ctx, "acme", "u"); err != nil || !slices.Equal(u.Groups, []string{"from-idp"}) || len(u.ManualGroups) > 0 {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = h.Apply(ctx, owner, strings.NewReader("realms:\n  - name: acme\n    groups:\n      - {name: x, colour: red}\n      - {name: y}\n      - {name: y}\n"), admin.ApplyOptions{})
	wantPointers(t, err, "/realms/0/groups/0/colour", "/realms/0/groups/2")
}
