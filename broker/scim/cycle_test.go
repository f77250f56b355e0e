package scim_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/providers"
	"cloakroom/store/storetest"
)

const patchOp = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":`

func filtered(endpoint, filter string) string {
	return "/" + endpoint + "?filter=" + url.QueryEscape(filter)
}

// TestEntraCycle does what Entra ID's provisioning does, in its dialect.
func TestEntraCycle(t *testing.T)           { entraCycle(t, newWorld(t)) }
func TestEntraCycleOnPostgres(t *testing.T) { entraCycle(t, worldOn(t, storetest.Postgres(t))) }

const oid = "9e5a1a4c-7c3b-4f0e-9d6a-0123456789ab"

func entraCycle(t *testing.T, w *world) {
	ctx := context.Background()
	e := w.entra()
	// Test Connection: a random user, who is nowhere, is an empty list and not a 404.
	if a := e.want(200, "GET", filtered("Users", `userName eq "11f2a1c5-e1f7-4e5d-8a6b-000000000000"`), ""); a.total() != 0 || len(a.body["Resources"].([]any)) != 0 {
		t.Errorf("test connection: %s", a.text)
	}
	made := e.want(201, "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
		"externalId":"`+oid+`","userName":"Eva.Berg@acme.example","active":true,"displayName":"Eva Berg","emails":[{"primary":true,"type":"work","value":"Eva.Berg@acme.example"}],
		"meta":{"resourceType":"User"},"name":{"formatted":"Eva Berg","familyName":"Berg","givenName":"Eva"},"roles":[],"title":"Engineer",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","manager":"boss"}}`)
	id := made.id()
	if made.Header.Get("Location") != "https://sso.example/scim/v2/acme-entra/Users/"+id || made.Header.Get("ETag") == "" || made.body["userName"] != "Eva.Berg@acme.example" {
		t.Errorf("created: %v %s", made.Header, made.text)
	}
	u := w.person("acme-entra", id)
	if u.Email != "eva.berg@acme.example" || !u.EmailVerified || u.GivenName != "Eva" || u.Realm != "acme" {
		t.Errorf("the person: %+v", u)
	}
	for _, f := range []string{`externalId eq "` + oid + `"`, `userName eq "EVA.BERG@acme.example"`, `emails[type eq "work"].value eq "eva.berg@acme.example"`, `id eq "` + id + `" and active eq "True"`} {
		if a := e.want(200, "GET", filtered("Users", f), ""); a.total() != 1 {
			t.Errorf("%s finds %d", f, a.total())
		}
	}
	// The first sign-in ties by the object id, whatever the address is; a person with another one does not come in.
	conn, err := w.registry.Connection(ctx, "acme-entra")
	must(t, err)
	me := func(oid, address string) providers.Identity {
		return providers.Identity{Issuer: "https://login.microsoftonline.com/" + tenant + "/v2.0", Subject: "s", Attributes: map[string][]string{"tid": {tenant}, "oid": {oid}, "email": {address}}}
	}
	r, err := w.people.Rehearse(ctx, conn, me(oid, "e.berg@acme.example"))
	if err != nil || r.Outcome != login.WouldLink {
		t.Errorf("first sign-in by the object id: %+v, %v", r, err)
	}
	r, err = w.people.Rehearse(ctx, conn, me("00000000-0000-0000-0000-000000000001", "eva.berg@acme.example"))
	if err != nil || fault.CodeOf(r.Person) != fault.EmailAccountReused {
		t.Errorf("a recycled address: %+v, %v", r, err)
	}
	r, err = w.people.Rehearse(ctx, conn, me("00000000-0000-0000-0000-000000000002", "nobody@acme.example"))
	if err != nil || fault.CodeOf(r.Person) != fault.LoginNotKnown {
		t.Errorf("somebody whom the directory has not sent: %+v, %v", r, err)
	}

	// Updates in Entra ID's words.
	a := e.want(200, "PATCH", "/Users/"+id, patchOp+`[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"eva.lind@acme.example"},
		{"op":"Add","path":"name.familyName","value":"Lind"},{"op":"Add","value":{"displayName":"Eva Lind","name.givenName":"Eva-Maria","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"Sales"}},
		{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"chief"},{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+49 1"}]}`)
	if u = w.person("acme-entra", id); u.Email != "eva.lind@acme.example" || u.FamilyName != "Lind" || u.GivenName != "Eva-Maria" || u.Attributes["department"][0] != "Sales" {
		t.Errorf("after updates: %+v, %s", u, a.text)
	}
	if !strings.Contains(a.text, `"manager":{"value":"chief"}`) || !strings.Contains(a.text, `"phoneNumbers":[{"type":"mobile","value":"+49 1"}]`) {
		t.Errorf("after updates: %s", a.text)
	}

	// Groups.
	if a := e.want(200, "GET", filtered("Groups", `displayName eq "Engineering"`)+"&excludedAttributes=members", ""); a.total() != 0 {
		t.Errorf("no group yet: %s", a.text)
	}
	group := e.want(201, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"externalId":"g-1","displayName":"Engineering","meta":{"resourceType":"Group"}}`)
	e.want(204, "PATCH", "/Groups/"+group.id(), patchOp+`[{"op":"Add","path":"members","value":[{"value":"`+id+`"}]}]}`)
	if u = w.person("acme-entra", id); !slices.Equal(u.Groups, []string{"Engineering", "developers"}) {
		t.Errorf("groups: %v", u.Groups)
	}
	if a := e.want(200, "GET", "/Users/"+id, ""); !strings.Contains(a.text, `"display":"Engineering"`) {
		t.Errorf("the user's groups: %s", a.text)
	}
	e.want(204, "PATCH", "/Groups/"+group.id(), patchOp+`[{"op":"Replace","value":{"displayName":"Platform"}}]}`)
	if u = w.person("acme-entra", id); !slices.Equal(u.Groups, []string{"Platform"}) {
		t.Errorf("groups after a renaming: %v", u.Groups)
	}
	if a := e.want(200, "GET", filtered("Groups", `members.value eq "`+id+`"`)+"&attributes=displayName", ""); a.total() != 1 || strings.Contains(a.text, "members") {
		t.Errorf("groups of a member: %s", a.text)
	}
	e.want(204, "PATCH", "/Groups/"+group.id(), patchOp+`[{"op":"Remove","path":"members","value":[{"value":"`+id+`"}]}]}`)
	if u = w.person("acme-entra", id); len(u.Groups) != 0 {
		t.Errorf("groups after removal: %v", u.Groups)
	}

	// Deactivation: everything that came through the connection ends, and nobody comes in again until it is undone.
	w.signedIn(u, "acme-entra")
	w.signedIn(u, "acme-okta")
	a = e.want(200, "PATCH", "/Users/"+id, patchOp+`[{"op":"Replace","path":"active","value":"False"}]}`)
	if a.body["active"] != false || w.sessions(u) != 1 {
		t.Errorf("deactivated: %d sessions, %s", w.sessions(u), a.text)
	}
	if a := e.want(200, "GET", filtered("Users", `userName eq "eva.berg@acme.example"`), ""); a.total() != 1 {
		t.Error("a deactivated user cannot be found, so that creating one would conflict with it")
	}
	r, err = w.people.Rehearse(ctx, conn, me(oid, "eva.lind@acme.example"))
	if err != nil || fault.CodeOf(r.Person) != fault.LoginDirectory {
		t.Errorf("a deactivated person: %+v, %v", r, err)
	}
	if ok, err := w.people.Stands(ctx, "acme", u, "acme-entra", nil); ok || err != nil {
		t.Errorf("a session that was opened meanwhile stands: %v, %v", ok, err)
	}
	if ok, err := w.people.Stands(ctx, "acme", u, "acme-okta", nil); !ok || err != nil {
		t.Errorf("a session of another connection does not stand: %v, %v", ok, err)
	}
	e.want(200, "PATCH", "/Users/"+id, patchOp+`[{"op":"Replace","value":{"active":"True"}}]}`)
	if r, err = w.people.Rehearse(ctx, conn, me(oid, "eva.lind@acme.example")); err != nil || r.Person != nil {
		t.Errorf("reactivated: %+v, %v", r, err)
	}

	// Deletion, and the same person once more.
	e.want(204, "DELETE", "/Users/"+id, "")
	e.refused(404, "", "GET", "/Users/"+id, "")
	r, err = w.people.Rehearse(ctx, conn, me(oid, "eva.lind@acme.example"))
	if err != nil || fault.CodeOf(r.Person) != fault.LoginDirectory {
		t.Errorf("a deleted person: %+v, %v", r, err)
	}
	again := e.want(201, "POST", "/Users", `{"userName":"eva.lind@acme.example","externalId":"`+oid+`","active":true,"emails":[{"type":"work","value":"eva.lind@acme.example"}]}`)
	if back := w.person("acme-entra", again.id()); back.ID != u.ID {
		t.Error("the person who comes back is another one")
	}
	e.want(204, "DELETE", "/Groups/"+group.id(), "")
	st, err := w.store.Requests.State(ctx, "acme", "acme-entra")
	must(t, err)
	if st.Users != 1 || st.UserWrites < 5 || st.GroupWrites < 4 || st.UserReads < 5 {
		t.Errorf("counters: %+v", st)
	}
}

// TestOktaCycle does what Okta's provisioning does: look up, PUT, PATCH without a path, never DELETE.
func TestOktaCycle(t *testing.T) {
	w := newWorld(t)
	o := w.okta()
	if a := o.want(200, "GET", filtered("Users", `userName eq "sam@acme.example"`)+"&startIndex=1&count=100", ""); a.total() != 0 {
		t.Error("somebody is there already")
	}
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"sam@acme.example","name":{"givenName":"Sam","familyName":"Okafor"},
		"emails":[{"primary":true,"value":"sam@acme.example","type":"work"}],"displayName":"Sam Okafor","locale":"en-US","externalId":"00u1abcd","groups":[],"password":"never kept","active":true}`
	made := o.want(201, "POST", "/Users", body)
	id := made.id()
	if strings.Contains(made.text, "never kept") {
		t.Error("a password was kept")
	}
	o.refused(409, "uniqueness", "POST", "/Users", body)
	a := o.want(200, "PUT", "/Users/"+id, strings.Replace(body, "Okafor", "Adeyemi", 1), "If-Match", made.Header.Get("ETag"))
	o.refused(412, "", "PUT", "/Users/"+id, body, "If-Match", made.Header.Get("ETag"))
	if u := w.person("acme-okta", id); u.FamilyName != "Adeyemi" {
		t.Errorf("after PUT: %+v", u)
	}
	o.want(304, "GET", "/Users/"+id, "", "If-None-Match", a.Header.Get("ETag"))
	u := w.person("acme-okta", id)
	w.signedIn(u, "acme-okta")
	o.want(200, "PATCH", "/Users/"+id, patchOp+`[{"op":"replace","value":{"active":false}}]}`)
	if w.sessions(u) != 0 {
		t.Error("the deactivated person is signed in")
	}
	o.want(200, "PUT", "/Users/"+id, body)

	// The OpenID subject of an Okta user is the externalId.
	conn, err := w.registry.Connection(context.Background(), "acme-okta")
	must(t, err)
	r, err := w.people.Rehearse(context.Background(), conn, providers.Identity{Issuer: "https://acme.okta.example", Subject: "00u1abcd", Attributes: map[string][]string{"email": {"s@acme.example"}}})
	if err != nil || r.Outcome != login.WouldLink || !strings.Contains(r.Why, "stable subject") {
		t.Errorf("the first sign-in: %+v, %v", r, err)
	}

	// Push Groups, members in parallel.
	var ids []string
	for i := range 12 {
		ids = append(ids, o.want(201, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d@acme.example","externalId":"x%d"}`, i, i)).id())
	}
	group := o.want(201, "POST", "/Groups", `{"displayName":"Staff","members":[{"value":"`+id+`","display":"sam@acme.example"}]}`)
	var wait sync.WaitGroup
	for _, m := range ids {
		wait.Go(func() {
			if a := o.send("PATCH", "/Groups/"+group.id(), patchOp+`[{"op":"add","path":"members","value":[{"value":"`+m+`"}]}]}`); a.StatusCode != 204 {
				t.Errorf("adding a member: %d %s", a.StatusCode, a.text)
			}
		})
	}
	wait.Wait()
	if g := o.want(200, "GET", "/Groups/"+group.id(), ""); len(g.body["members"].([]any)) != 13 {
		t.Errorf("%d members", len(g.body["members"].([]any)))
	}
	for _, m := range append(ids, id) {
		if u := w.person("acme-okta", m); !slices.Equal(u.Groups, []string{"Staff"}) {
			t.Errorf("groups of %s: %v", u.Email, u.Groups)
		}
	}
	o.want(204, "PATCH", "/Groups/"+group.id(), patchOp+`[{"op":"replace","value":{"id":"`+group.id()+`","displayName":"Everybody"}},{"op":"remove","path":"members[value eq \"`+id+`\"]"}]}`)
	if u := w.person("acme-okta", id); len(u.Groups) != 0 {
		t.Errorf("removed, but in %v", u.Groups)
	}
	if u := w.person("acme-okta", ids[0]); !slices.Equal(u.Groups, []string{"Everybody"}) {
		t.Errorf("after the renaming: %v", u.Groups)
	}
	o.want(200, "PUT", "/Groups/"+group.id(), `{"displayName":"Everybody","members":[{"value":"`+ids[1]+`"}]}`)
	if a, b := w.person("acme-okta", ids[0]), w.person("acme-okta", ids[1]); len(a.Groups) != 0 || len(b.Groups) != 1 {
		t.Errorf("after the replacement: %v, %v", a.Groups, b.Groups)
	}
}

// TestTrust: a directory's word on an address is worth what the connection's is, and ties nobody whom a sign-in would not.
func TestTrust(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	e := w.entra()
	user := func(name string) string { return `{"userName":"` + name + `"}` }
	if a := e.refused(400, "invalidValue", "POST", "/Users", user("eva@globex.example")); !strings.Contains(a.text, "eva@globex.example") {
		t.Errorf("the refusal names no domain: %s", a.text)
	}
	e.refused(400, "invalidValue", "POST", "/Users", user("eva@nobody.example"))
	e.refused(400, "invalidValue", "POST", "/Users", user("just a name"))
	e.refused(400, "invalidValue", "POST", "/Users", `{"userName":"x","emails":[{"value":"a@b@acme.example"}]}`)
	must(t, w.store.Users.Create(ctx, &broker.User{ID: "local", Realm: "acme", Email: "local@acme.example"}))
	must(t, w.store.Users.Create(ctx, &broker.User{ID: "blocked", Realm: "acme", Email: "blocked@acme.example", Blocked: true}))
	must(t, w.store.Users.Create(ctx, &broker.User{ID: "there", Realm: "globex", Email: "eva@acme.example"}))
	if u := w.person("acme-entra", e.want(201, "POST", "/Users", user("local@acme.example")).id()); u.ID != "local" {
		t.Errorf("linking verified_email made %s", u.ID)
	}
	e.refused(409, "uniqueness", "POST", "/Users", user("blocked@acme.example"))
	if u := w.person("acme-entra", e.want(201, "POST", "/Users", user("eva@acme.example")).id()); u.ID == "there" || u.Realm != "acme" {
		t.Error("a person of another realm was tied")
	}
	const leaver, newcomer = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"
	must(t, w.store.Users.Create(ctx, &broker.User{ID: "leaver", Realm: "acme", Email: "recycled@acme.example", EmailVerified: true}))
	must(t, w.store.Links.Claim(ctx, &broker.Link{Connection: "acme-entra", Subject: claims.EntraSubject("99999999-2222-4333-8444-555555555555", leaver), Realm: "acme", UserID: "leaver"}))
	e.refused(409, "uniqueness", "POST", "/Users", `{"userName":"recycled@acme.example","externalId":"`+newcomer+`"}`)
	w.connect("acme", "acme-never", func(c *broker.Connection) { c.Linking = "never" })
	never := client{w, "acme-never", w.newToken("acme", "acme-never", nil)}
	if a := never.refused(409, "uniqueness", "POST", "/Users", user("local@acme.example")); !strings.Contains(a.text, "never") {
		t.Errorf("the refusal: %s", a.text)
	}
	id := e.want(201, "POST", "/Users", user("kim@acme.example")).id()
	e.refused(400, "invalidValue", "PATCH", "/Users/"+id, patchOp+`[{"op":"add","path":"emails","value":[{"value":"kim@globex.example"}]}]}`)
	e.refused(409, "uniqueness", "PATCH", "/Users/"+id, patchOp+`[{"op":"add","path":"emails","value":[{"value":"local@acme.example"}]}]}`)
	if u := w.person("acme-entra", id); u.Email != "kim@acme.example" {
		t.Errorf("a refused address was taken over: %s", u.Email)
	}
}

// TestWall: a token opens its own connection's directory and nothing else, and what is wrong with one stands in the log
// and not in the answer.
func TestWall(t *testing.T) {
	w := newWorld(t)
	e := w.entra()
	id := e.want(201, "POST", "/Users", `{"userName":"eva@acme.example"}`).id()
	revoked := w.newToken("acme", "acme-entra", func(t *broker.SCIMToken) { t.RevokedAt = w.store.Now() })
	expired := w.newToken("acme", "acme-entra", func(t *broker.SCIMToken) { t.ExpiresAt = w.store.Now() })
	globex := w.newToken("globex", "globex-okta", nil)
	for _, c := range []struct {
		header string
		code   fault.Code
	}{
		{"Bearer Bearer " + w.token, fault.SCIMTokenDoubled}, {"", fault.SCIMTokenMissing}, {"Bearer", fault.SCIMTokenMissing},
		{"Bearer " + w.token[:40], fault.SCIMTokenTruncated}, {"Bearer " + w.token + "x", fault.SCIMTokenTruncated},
		{"Bearer " + broker.NewSCIMToken(), fault.SCIMTokenUnknown}, {"Basic eHg6eXk=", fault.SCIMTokenUnknown},
		{"Bearer " + revoked, fault.SCIMTokenRevoked}, {"Bearer " + expired, fault.SCIMTokenExpired}, {"Bearer " + globex, fault.SCIMTokenElsewhere},
	} {
		a := e.refused(401, "", "GET", "/Users/"+id, "", "Authorization", c.header)
		if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") || strings.Contains(a.text, "eva") || strings.Contains(a.text, "globex") {
			t.Errorf("%s: %v %s", c.code, a.Header, a.text)
		}
		log, _, err := w.store.Requests.List(context.Background(), "acme-entra", broker.Page{Limit: 1})
		must(t, err)
		if len(log) != 1 || log[0].Code != string(c.code) || log[0].Status != 401 {
			t.Errorf("%s: the log says %+v", c.code, log)
		}
	}
	e.want(200, "GET", "/Users/"+id, "", "Authorization", w.token) // Okta's header field, without the word
	other := client{w, "globex-okta", globex}
	for _, method := range []string{"GET", "DELETE"} {
		other.refused(404, "", method, "/Users/"+id, "")
	}
	other.refused(404, "", "PUT", "/Users/"+id, `{"userName":"eve@globex.example"}`)
	other.refused(404, "", "PATCH", "/Users/"+id, patchOp+`[{"op":"replace","path":"active","value":false}]}`)
	other.refused(400, "invalidValue", "POST", "/Groups", `{"displayName":"g","members":[{"value":"`+id+`"}]}`)
	if a := other.want(200, "GET", "/Users", ""); a.total() != 0 {
		t.Error("another tenant's people are listed")
	}
	client{w, "nowhere", w.token}.refused(404, "", "GET", "/Users", "")
	w.failures.Store(0)
	e.refused(429, "", "GET", "/Users", "", "Authorization", "Bearer x")
	e.want(200, "GET", "/Users", "")
}
