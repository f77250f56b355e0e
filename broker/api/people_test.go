package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/providers"
)

const users = "/realms/acme/users"

// person makes somebody by hand.
func (h *house) person(email string, more ...string) string {
	h.t.Helper()
	body := `{"email":"` + email + `"`
	for _, m := range more {
		body += "," + m
	}
	return h.want(201, "POST", users, body+"}").body["id"].(string)
}

// texts is a field that holds a list of texts.
func texts(v any) string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return strings.Join(out, " ")
}

func each(items []map[string]any, field string) string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprint(i[field]))
	}
	return strings.Join(out, " ")
}

// signedIn opens a session with a grant.
func (h *house) signedIn(id, user, realm string) {
	h.t.Helper()
	now := time.Now()
	h.must(h.store.Sessions.Create(context.Background(), &broker.Session{
		ID: "id-" + id, SID: id, Realm: realm, HomeRealm: "acme", UserID: user, Connection: "idp", AuthTime: now, CreatedAt: now, LastSeenAt: now,
		ExpiresAt: now.Add(time.Hour), IdleUntil: now.Add(time.Hour),
	}))
	h.must(h.store.Grants.Create(context.Background(), &broker.Grant{
		ID: "g-" + id, LoginID: "l-" + id, Realm: realm, HomeRealm: "acme", ClientID: "app", UserID: user, SessionID: "id-" + id, SID: id, Connection: "idp",
		Secret: []byte("s"), Scopes: []string{"openid", "offline_access"}, ExpiresAt: now.Add(time.Hour), CreatedAt: now,
	}))
}

func TestPeopleByHand(t *testing.T) {
	h := furnished(t)
	made := h.want(201, "POST", users, `{"email":" Zoe@ACME.example ","given_name":"Zoe","family_name":"Bell","groups":["crew"],"manual_groups":["crew","admin"],"excluded":true,"pinned_connection":"idp"}`)
	id := made.body["id"].(string)
	if b := made.body; b["email"] != "zoe@acme.example" || b["email_verified"] != false || b["name"] != "Zoe Bell" || texts(b["groups"]) != "admin crew" || texts(b["manual_groups"]) != "admin crew" ||
		b["excluded"] != true || b["pinned_connection"] != "idp" || made.Header.Get("ETag") != `"1"` || !strings.HasSuffix(made.Header.Get("Location"), id) {
		t.Errorf("%s", made.text)
	}
	h.want(409, "POST", users, `{"email":"zoe@acme.example"}`)
	h.want(201, "POST", "/realms/other/users", `{"email":"zoe@acme.example"}`)
	for body, want := range map[string]string{
		`{}`: "/email", `{"email":"a@b@c"}`: "/email", `{"email":"a@acme.example","pinned_connection":"none"}`: "/pinned_connection", `{"email":"a@acme.example","status":"held"}`: "/status",
		`{"email":"a@acme.example","manual_groups":[" x"]}`: "/manual_groups/0", `{"email":"a@acme.example","id":"x"}`: "/id", `{"email":"a@acme.example","attributes":{}}`: "/attributes",
	} {
		if got := h.want(422, "POST", users, body).pointers(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", body, got)
		}
	}
	one := users + "/" + id
	for _, c := range []struct{ body, groups, manual string }{
		{`{"groups":["crew"]}`, "crew", "crew"},
		{`{"groups":["crew","night"]}`, "crew night", "crew night"},
		{`{"manual_groups":["day"]}`, "day", "day"},
		{`{"manual_groups":null}`, "", ""},
	} {
		a := h.want(200, "PATCH", one, c.body)
		if texts(a.body["groups"]) != c.groups || texts(a.body["manual_groups"]) != c.manual {
			t.Errorf("%s: %s", c.body, a.text)
		}
	}
	a := h.want(200, "PATCH", one, `{"name":"Zoë","excluded":false,"pinned_connection":null,"locale":"fr"}`)
	if a.body["name"] != "Zoë" || a.body["excluded"] != false || a.body["pinned_connection"] != nil || a.body["locale"] != "fr" {
		t.Errorf("%s", a.text)
	}
	for body, want := range map[string]string{
		`{"email":"x@acme.example"}`: "/email", `{"email_verified":true}`: "/email_verified", `{"status":"merged"}`: "/status", `{"attributes":{"a":["b"]}}`: "/attributes/a",
		`{"merged_into":"x"}`: "/merged_into", `{"pinned_connection":"none"}`: "/pinned_connection", `{"realm":"other"}`: "/realm", `{"nonsense":1}`: "/nonsense",
	} {
		if got := h.want(422, "PATCH", one, body).pointers(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", body, got)
		}
	}
	e := h.want(200, "GET", "/realms/acme/events?kind=user.updated&user_id="+id, "").items()
	if len(e) != 5 || e[0]["before"].(map[string]any)["name"] != "Zoe Bell" || e[0]["after"].(map[string]any)["name"] != "Zoë" {
		t.Errorf("%d lines", len(e))
	}
}

// What the identity provider or a rule gives stays with the person, whatever is written here.
func TestGroupsFromUpstreamStay(t *testing.T) {
	h := furnished(t)
	h.want(200, "PATCH", "/realms/acme/connections/idp", `{"group_rules":[{"match":"equals","value":"adm","groups":["admin"]}],"default_groups":["member"]}`)
	u, err := h.store.Users.Get(context.Background(), "acme", userID)
	h.must(err)
	u.Groups, u.UpstreamGroups, u.GroupsFrom, u.ManualGroups = []string{"adm", "admin", "crew", "member"}, []string{"adm"}, "idp", []string{"adm", "crew"}
	h.must(h.store.Users.Update(context.Background(), u))
	one := users + "/" + userID
	if a := h.want(422, "PATCH", one, `{"groups":["adm","member","crew"]}`); !slices.Equal(a.pointers(), []string{"/groups"}) || !strings.Contains(a.text, "admin") {
		t.Errorf("%s", a.text)
	}
	a := h.want(200, "PATCH", one, `{"manual_groups":["new"]}`)
	if texts(a.body["groups"]) != "adm admin member new" || texts(a.body["manual_groups"]) != "new" {
		t.Errorf("%s", a.text)
	}
}

func TestPeopleAreFound(t *testing.T) {
	h := furnished(t)
	zoe, bob := h.person("zoe@acme.example", `"manual_groups":["crew"]`), h.person("bob@acme.example", `"blocked":true`)
	h.want(201, "POST", users+"/"+zoe+"/links", `{"connection":"idp","subject":"https://idp.example|1/2 3"}`)
	for query, want := range map[string]string{
		"":                      bob + " " + userID + " " + zoe,
		"q=ZO":                  zoe,
		"q=acme":                "",
		"q=%20Zoe@ACME.example": zoe,
		"group=crew":            zoe, "status=blocked": bob, "status=active&q=bob": "", "connection=idp": zoe, "connection=none": "",
		"link=https://idp.example%7C1/2%203": zoe, "link=nobody": "",
	} {
		if got := each(h.want(200, "GET", users+"?"+query, "").items(), "id"); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if got := each(h.want(200, "GET", "/realms/other/users?link=https://idp.example%7C1/2%203", "").items(), "id"); got != "" {
		t.Errorf("the other realm finds %q", got)
	}
	if got := h.want(422, "GET", users+"?status=nonsense", "").pointers(); !slices.Equal(got, []string{"/status"}) {
		t.Errorf("%v", got)
	}
	h.person("z.o.e@acme.example")
	if got := h.want(200, "GET", users+"/duplicates", "").items(); len(got) != 1 || got[0]["reason"] != "address" || got[0]["count"] != 2.0 {
		t.Errorf("%v", got)
	}
}

func TestLinks(t *testing.T) {
	h := furnished(t)
	h.want(201, "POST", "/realms/other/connections", `{"slug":"foreign","protocol":"oidc","oidc":{"client_id":"c"}}`)
	zoe := h.person("zoe@acme.example")
	links := users + "/" + zoe + "/links"
	h.want(201, "POST", links, `{"connection":"idp","subject":"s/1"}`)
	if a := h.want(409, "POST", users+"/"+userID+"/links", `{"connection":"idp","subject":"s/1"}`); a.body["code"] != "exists" {
		t.Errorf("%s", a.text)
	}
	for body, want := range map[string]string{`{"connection":"foreign","subject":"s"}`: "/connection", `{"connection":"idp","subject":""}`: "/subject", `{"connection":"idp","subject":"s","user_id":"x"}`: "/user_id"} {
		if got := h.want(422, "POST", links, body).pointers(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", body, got)
		}
	}
	h.signedIn("z1", zoe, "acme")
	h.want(404, "DELETE", users+"/"+userID+"/links?connection=idp&subject=s/1", "")
	h.want(404, "DELETE", links+"?connection=idp&subject=none", "")
	h.want(422, "DELETE", links, "")
	if got := h.want(200, "GET", links, "").items(); len(got) != 1 || got[0]["subject"] != "s/1" {
		t.Errorf("%v", got)
	}
	h.want(204, "DELETE", links+"?connection=idp&subject=s/1", "")
	if got := h.want(200, "GET", users+"/"+zoe+"/sessions", "").items(); len(got) != 0 {
		t.Errorf("the account that was untied is still signed in: %v", got)
	}
	if got := each(h.want(200, "GET", "/realms/acme/events?kind=link.", "").items(), "kind"); got != "link.deleted link.created" {
		t.Error(got)
	}
}

func TestSignout(t *testing.T) {
	h := furnished(t)
	zoe := h.person("zoe@acme.example")
	h.signedIn("z1", zoe, "acme")
	h.signedIn("z2", zoe, "other")
	if got := each(h.want(200, "GET", users+"/"+zoe+"/sessions", "").items(), "realm"); got != "acme other" {
		t.Errorf("sessions in %q", got)
	}
	for path, want := range map[string][2]float64{"/users/" + zoe: {2, 1}, "/connections/idp": {3, 2}} {
		a := h.want(200, "POST", "/realms/acme"+path+"/signout?preview=true", "")
		if a.body["preview"] != true || a.body["sessions"] != want[0] || a.body["people"] != want[1] || len(a.body["first"].([]any)) != int(want[1]) {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	if got := h.want(200, "GET", users+"/"+zoe+"/sessions", "").items(); len(got) != 2 {
		t.Errorf("a preview ended sessions: %v", got)
	}
	if a := h.want(200, "POST", users+"/"+zoe+"/signout", ""); a.body["preview"] != false || a.body["sessions"] != 2.0 {
		t.Errorf("%s", a.text)
	}
	if g, err := h.store.Grants.Get(context.Background(), "other", "g-z2"); err != nil || g.RevokedAt.IsZero() {
		t.Errorf("the offline grant lives: %v", err)
	}
	if a := h.want(200, "POST", "/realms/acme/connections/idp/signout", ""); a.body["sessions"] != 1.0 {
		t.Errorf("%s", a.text)
	}
	if got := each(h.want(200, "GET", "/realms/acme/events?kind=sessions.ended", "").items(), "subject"); got != "connection:idp user:"+zoe {
		t.Error(got)
	}
	h.signedIn("z3", zoe, "acme")
	h.want(200, "PATCH", users+"/"+zoe, `{"blocked":true}`)
	if got := h.want(200, "GET", users+"/"+zoe+"/sessions", "").items(); len(got) != 0 {
		t.Errorf("a blocked person is signed in: %v", got)
	}
}

func TestConsents(t *testing.T) {
	h := furnished(t)
	h.signedIn("e1", userID, "acme")
	h.signedIn("e2", userID, "other")
	got := h.want(200, "GET", users+"/"+userID+"/consents", "").items()
	if each(got, "realm") != "acme other" || texts(got[0]["scopes"]) != "offline_access openid" {
		t.Fatalf("%v", got)
	}
	h.want(404, "DELETE", users+"/"+userID+"/consents/none", "")
	h.want(204, "DELETE", users+"/"+userID+"/consents/app?client_realm=other", "")
	h.want(404, "DELETE", users+"/"+userID+"/consents/app?client_realm=other", "")
	if got := h.want(200, "GET", users+"/"+userID+"/consents", "").items(); each(got, "realm") != "acme" {
		t.Errorf("%v", got)
	}
}

func TestExportAndErase(t *testing.T) {
	h := furnished(t)
	ctx := context.Background()
	zoe := h.person("zoe@acme.example", `"name":"Zoe Bell"`, `"manual_groups":["crew"]`)
	old := h.person("old-zoe@acme.example", `"name":"Zoe Maiden"`)
	h.want(201, "POST", users+"/"+zoe+"/links", `{"connection":"idp","subject":"zoes-subject"}`)
	h.want(201, "POST", users+"/"+old+"/merge", `{"into":"`+zoe+`"}`)
	h.signedIn("z1", zoe, "acme")
	value, _ := json.Marshal(claims.See(providers.Identity{Subject: "zoes-subject", Attributes: map[string][]string{"phone": {"555-0100"}}}))
	h.must(h.store.Identities.Keep(ctx, broker.SeenIdentity{Realm: "acme", Connection: "idp", UserID: zoe, At: time.Now(), Value: value}))
	h.must(h.store.Events.Append(ctx, broker.Event{Realm: "acme", Kind: "login.failed", Email: "zoe@acme.example", Detail: "zoe@acme.example is not known", RemoteIP: "192.0.2.7"}))
	h.must(h.store.Invites.Create(ctx, &broker.Invite{ID: "inv1", Realm: "acme", Email: "zoe@acme.example", MaxUses: 1, TokenHash: "th", ExpiresAt: time.Now().Add(time.Hour)}))

	a := h.want(200, "GET", users+"/"+zoe+"/export", "")
	for _, part := range []string{"Zoe Bell", "zoes-subject", `"z1"`, `"app"`, "555-0100", "login.failed", "user.created", "inv1", "Zoe Maiden", "link.created"} {
		if !strings.Contains(a.text, part) {
			t.Errorf("the export lacks %s", part)
		}
	}
	if strings.Contains(a.text, `"id-z1"`) || strings.Contains(a.text, `"th"`) || a.body["events_truncated"] != false {
		t.Error("the export has what is no part of a person")
	}
	if got := h.want(200, "GET", "/realms/acme/events?kind=user.exported", "").items(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	h.want(204, "POST", users+"/"+zoe+"/erase", "")
	h.want(404, "GET", users+"/"+zoe, "")
	h.want(404, "GET", users+"/"+old, "")
	h.want(404, "POST", users+"/"+zoe+"/erase", "")
	rest := h.want(200, "GET", "/realms/acme/events?limit=200", "").text + h.want(200, "GET", "/realms/acme/merges", "").text + h.want(200, "GET", users, "").text +
		h.want(200, "GET", "/realms/acme/sessions", "").text + h.want(200, "GET", "/realms/acme/invites", "").text
	for _, part := range []string{"zoe@", "Zoe", "zoes-subject", "192.0.2.7", "555-0100"} {
		if strings.Contains(rest, part) {
			t.Errorf("%q is still known", part)
		}
	}
	if !strings.Contains(rest, `"user.erased"`) || !strings.Contains(rest, zoe) || !strings.Contains(rest, "eva@acme.example") {
		t.Error("too much is forgotten")
	}
	if _, _, err := h.store.Links.Find(ctx, "idp", "zoes-subject"); err == nil {
		t.Error("the link is still there")
	}
}

func TestGroups(t *testing.T) {
	h := furnished(t)
	const all = "/realms/acme/groups"
	zoe := h.person("zoe@acme.example", `"manual_groups":["crew/α 1","staff"]`)
	if a := h.want(200, "GET", all+"/crew%2F%CE%B1%201", ""); a.body["members"] != 1.0 || a.body["by_hand"] != 1.0 || a.body["version"] != 0.0 {
		t.Errorf("%s", a.text)
	}
	if a := h.want(200, "PATCH", all+"/crew%2F%CE%B1%201", `{"description":"The crew"}`); a.body["description"] != "The crew" || a.body["version"] != 1.0 || a.Header.Get("ETag") != `"1"` {
		t.Errorf("%s", a.text)
	}
	h.want(412, "PATCH", all+"/staff", `{"description":"x"}`, "If-Match", `"7"`)
	h.want(422, "PATCH", all+"/staff", `{"name":"other"}`)
	h.want(409, "POST", all, `{"name":"staff"}`)
	h.want(422, "POST", all, `{"name":" staff"}`)
	h.want(404, "GET", all+"/none", "")
	if got := each(h.want(200, "GET", all, "").items(), "members"); got != "1 1" {
		t.Errorf("members %s", got)
	}
	if got := each(h.want(200, "GET", all+"/staff/members", "").items(), "id"); got != zoe {
		t.Errorf("members %s", got)
	}
	h.want(200, "PATCH", "/realms/acme/connections/idp", `{"group_rules":[{"match":"always","groups":["staff"]}]}`)
	if a := h.want(409, "DELETE", all+"/staff", ""); a.body["code"] != "in_use" {
		t.Errorf("%s", a.text)
	}
	h.want(200, "PATCH", "/realms/acme/connections/idp", `{"group_rules":null}`)
	h.want(204, "DELETE", all+"/staff", "")
	h.want(404, "GET", all+"/staff", "")
	if a := h.want(200, "GET", users+"/"+zoe, ""); texts(a.body["groups"]) != "crew/α 1" || texts(a.body["manual_groups"]) != "crew/α 1" {
		t.Errorf("%s", a.text)
	}
	if got := each(h.want(200, "GET", "/realms/acme/events?kind=group.", "").items(), "kind"); got != "group.deleted group.created group.created" {
		t.Error(got)
	}
}

func TestMergeAndUndo(t *testing.T) {
	h := furnished(t)
	zoe, old := h.person("zoe@acme.example", `"manual_groups":["a"]`), h.person("old@acme.example", `"manual_groups":["a","b"]`)
	h.want(201, "POST", users+"/"+old+"/links", `{"connection":"idp","subject":"old"}`)
	h.signedIn("o1", old, "acme")
	m := h.want(201, "POST", users+"/"+old+"/merge", `{"into":"`+zoe+`"}`)
	merge := "/realms/acme/merges/" + m.body["id"].(string) + "/undo"
	if a := h.want(200, "GET", users+"/"+zoe, ""); texts(a.body["groups"]) != "a b" || texts(a.body["manual_groups"]) != "a b" {
		t.Errorf("%s", a.text)
	}
	if a := h.want(200, "GET", users+"/"+old, ""); a.body["status"] != "merged" || a.body["merged_into"] != zoe {
		t.Errorf("%s", a.text)
	}
	if got := h.want(200, "GET", users+"/"+old+"/sessions", "").items(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if _, u, err := h.store.Links.Find(context.Background(), "idp", "old"); err != nil || u.ID != zoe {
		t.Errorf("the link leads to %v, %v", u, err)
	}
	for path, body := range map[string]string{"PATCH " + users + "/" + old: `{"blocked":true}`, "POST " + users + "/" + old + "/links": `{"connection":"idp","subject":"x"}`,
		"POST " + users + "/" + old + "/merge": `{"into":"` + userID + `"}`, "POST " + users + "/" + userID + "/merge": `{"into":"` + old + `"}`} {
		method, path, _ := strings.Cut(path, " ")
		if a := h.want(409, method, path, body); a.body["code"] != "user.merged" {
			t.Errorf("%s %s: %s", method, path, a.text)
		}
	}
	foreign := h.want(201, "POST", "/realms/other/users", `{"email":"zoe@acme.example"}`).body["id"].(string)
	for _, into := range []string{foreign, userID + "0", "", zoe} {
		h.want(422, "POST", users+"/"+zoe+"/merge", `{"into":"`+into+`"}`)
	}
	h.want(404, "POST", strings.Replace(merge, "acme", "other", 1), "")
	h.signedIn("z1", zoe, "acme")
	h.want(200, "POST", merge, "")
	if a := h.want(409, "POST", merge, ""); a.body["code"] != "merge.undone" {
		t.Errorf("%s", a.text)
	}
	if a := h.want(200, "GET", users+"/"+zoe, ""); texts(a.body["groups"]) != "a" {
		t.Errorf("%s", a.text)
	}
	if a := h.want(200, "GET", users+"/"+old, ""); a.body["status"] != "" || a.body["merged_into"] != nil || texts(a.body["groups"]) != "a b" {
		t.Errorf("%s", a.text)
	}
	if got := h.want(200, "GET", users+"/"+zoe+"/sessions", "").items(); len(got) != 0 {
		t.Errorf("sessions through the returned link live on: %v", got)
	}
	if got := h.want(200, "GET", "/realms/acme/merges", "").items(); len(got) != 1 || got[0]["undone_at"] == nil || got[0]["by"] == "" {
		t.Errorf("%v", got)
	}
	h.want(200, "PATCH", users+"/"+old, `{"blocked":true}`)
	if a := h.want(409, "POST", users+"/"+old+"/merge", `{"into":"`+zoe+`"}`); a.body["code"] != "merge.refused" {
		t.Errorf("%s", a.text)
	}
}

func TestPreviewOfRules(t *testing.T) {
	h := furnished(t)
	const path = "/realms/acme/connections/idp/mapping/preview"
	if a := h.want(409, "POST", path, `{}`); a.body["code"] != "mapping.no_identity" {
		t.Errorf("%s", a.text)
	}
	idn := providers.Identity{Issuer: "https://idp.example", Subject: "s1", Attributes: map[string][]string{"email": {"eva@acme.example"}, "groups": {"1", "2"}}}
	value, _ := json.Marshal(claims.See(idn))
	h.must(h.store.Identities.Keep(context.Background(), broker.SeenIdentity{Realm: "acme", Connection: "idp", UserID: userID, At: time.Now(), Value: value}))
	a := h.want(200, "POST", path, `{"group_names":{"1":"Admins"},"group_rules":[{"match":"equals","value":"Admins","groups":["admin"]}],"only_mapped_groups":true,"default_groups":["member"]}`)
	groups := a.body["groups"].([]any)
	var got []string
	for _, g := range groups {
		one := g.(map[string]any)
		got = append(got, fmt.Sprint(one["group"], "/", one["because"], "/", one["rule"]))
	}
	unmapped := a.body["unmapped"].([]any)
	if strings.Join(got, " ") != "admin/rule/0 member/default/<nil>" || len(unmapped) != 1 || a.body["user_id"] != userID || a.body["problem"] != nil ||
		a.body["profile"].(map[string]any)["email"] != "eva@acme.example" {
		t.Errorf("%v: %s", got, a.text)
	}
	if c := h.want(200, "GET", "/realms/acme/connections/idp", ""); c.body["group_rules"] != nil || c.body["version"] != 1.0 {
		t.Errorf("a preview saved its rules: %s", c.text)
	}
	if got := h.want(422, "POST", path, `{"group_rules":[{"match":"regex","value":"(","groups":["x"]},{"match":"sometimes","groups":[]}]}`).pointers(); !slices.Equal(got, []string{"/group_rules/0/value", "/group_rules/1/match", "/group_rules/1/groups"}) {
		t.Errorf("%v", got)
	}
	if a := h.want(200, "POST", path, `{"identity":{"subject":"","attributes":{"groups":["x"]}}}`); a.body["problem"] == nil || a.body["user_id"] != "" || len(a.body["groups"].([]any)) != 1 {
		t.Errorf("%s", a.text)
	}
	h.want(409, "POST", path, `{"user_id":"nobody"}`)
}

// What belongs to a person is not there for another realm, and not for a key that is not let see it.
func TestPeopleBehindWalls(t *testing.T) {
	h := furnished(t)
	h.want(201, "POST", "/realms/other/users", `{"email":"x@other.example"}`)
	zoe := h.person("zoe@acme.example")
	m := h.want(201, "POST", users+"/"+zoe+"/merge", `{"into":"`+userID+`"}`).body["id"].(string)
	auditor, foreign := h.key("auditor"), h.key("owner", "other")
	for _, c := range []struct{ method, path, body string }{
		{"GET", "users/" + userID + "/links", ""}, {"POST", "users/" + userID + "/links", `{}`}, {"DELETE", "users/" + userID + "/links?connection=idp&subject=s", ""},
		{"GET", "users/" + userID + "/sessions", ""}, {"POST", "users/" + userID + "/signout", ""}, {"POST", "users/" + userID + "/signout?preview=true", ""},
		{"GET", "users/" + userID + "/consents", ""}, {"DELETE", "users/" + userID + "/consents/app", ""}, {"GET", "users/" + userID + "/export", ""},
		{"POST", "users/" + userID + "/erase", ""}, {"POST", "users/" + userID + "/merge", `{"into":"` + zoe + `"}`}, {"POST", "merges/" + m + "/undo", ""},
		{"POST", "connections/idp/signout", ""}, {"POST", "connections/idp/mapping/preview", `{}`},
		{"GET", "groups/staff", ""}, {"GET", "groups/staff/members", ""}, {"PATCH", "groups/staff", `{}`}, {"DELETE", "groups/staff", ""},
	} {
		h.want(404, c.method, "/realms/other/"+c.path, c.body)
		if a := h.call(foreign, c.method, "/realms/acme/"+c.path, c.body); a.StatusCode != 404 {
			t.Errorf("%s %s by another realm's owner: %d", c.method, c.path, a.StatusCode)
		}
		reads := c.method == "GET" || strings.HasSuffix(c.path, "/mapping/preview")
		if a := h.call(auditor, c.method, "/realms/acme/"+c.path, c.body); (a.StatusCode == 403) == reads {
			t.Errorf("%s %s by an auditor: %d", c.method, c.path, a.StatusCode)
		}
	}
	for _, list := range []string{"merges", "groups", "users/duplicates"} {
		if got := h.want(200, "GET", "/realms/other/"+list, "").items(); len(got) != 0 {
			t.Errorf("%s of another realm: %v", list, got)
		}
		if a := h.call(foreign, "GET", "/realms/acme/"+list, ""); a.StatusCode != 404 {
			t.Errorf("%s by another realm's owner: %d", list, a.StatusCode)
		}
	}
	support := h.key("support", "acme")
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "users", `{"email":"new@acme.example"}`, 201}, {"PATCH", "users/" + userID, `{"excluded":true}`, 200}, {"POST", "merges/" + m + "/undo", "", 200},
		{"POST", "groups", `{"name":"new"}`, 201}, {"POST", "users/" + zoe + "/erase", "", 204}, {"POST", "users/" + userID + "/signout", "", 200},
	} {
		if a := h.call(support, c.method, "/realms/acme/"+c.path, c.body); a.StatusCode != c.want {
			t.Errorf("%s %s by support: %d %s", c.method, c.path, a.StatusCode, a.text)
		}
	}
}
