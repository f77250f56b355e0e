package scim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// TestRefusals sends what is no SCIM. Each refusal has its code in the request log, and nothing is changed by any.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	e := w.entra()
	id := e.want(201, "POST", "/Users", `{"userName":"eva@acme.example","externalId":"1"}`).id()
	e.want(201, "POST", "/Users", `{"userName":"kim@acme.example","externalId":"2"}`)
	group := e.want(201, "POST", "/Groups", `{"displayName":"Staff"}`).id()
	e.want(201, "POST", "/Groups", `{"displayName":"Other"}`)
	user, at := "/Users/"+id, "/Groups/"+group
	op := func(s string) string { return patchOp + "[" + s + "]}" }
	before := e.want(200, "GET", user, "").text
	for _, c := range []struct {
		method, path, body string
		status             int
		code               fault.Code
	}{
		{"GET", "", "", 404, fault.SCIMPath},
		{"GET", "/Users/none", "", 404, fault.SCIMNotFound},
		{"GET", "/Groups/%00", "", 404, fault.SCIMNotFound},
		{"PATCH", "/Groups/none", op(`{"op":"add","path":"displayName","value":"x"}`), 404, fault.SCIMNotFound},
		{"POST", "/Bulk", `{}`, 501, fault.SCIMUnsupported},
		{"GET", "/Me", "", 501, fault.SCIMUnsupported},
		{"POST", "/Users", `{`, 400, fault.SCIMSyntax},
		{"POST", "/Users", `[]`, 400, fault.SCIMSyntax},
		{"POST", "/Users", `{} {}`, 400, fault.SCIMSyntax},
		{"POST", "/Users", "{\"userName\":\"\xff\"}", 400, fault.SCIMSyntax},
		{"POST", "/Users", `{"userName":"a","userName":"b"}`, 400, fault.SCIMSyntax},
		{"POST", "/Users", `{"userName":"a","USERNAME":"b"}`, 400, fault.SCIMSyntax},
		{"POST", "/Users", strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50), 400, fault.SCIMSyntax},
		{"POST", "/Users", `{"userName":"a\u0000@acme.example"}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":"   "}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":{"a":1}}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":"new@acme.example","active":"perhaps"}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":"` + strings.Repeat("x", 600) + `@acme.example"}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":"new@acme.example","name":{"givenName":"` + strings.Repeat("x", 300) + `"}}`, 400, fault.SCIMValue},
		{"POST", "/Users", `{"userName":"someone"}`, 400, fault.SCIMNoAddress},
		{"POST", "/Users", `{"userName":"new@globex.example"}`, 400, fault.SCIMDomain},
		{"POST", "/Users", `{"userName":"new@acme.example","pad":"` + strings.Repeat("x", 1<<20) + `"}`, 413, fault.TooLarge},
		{"POST", "/Users", `{"userName":"EVA@acme.example"}`, 409, fault.SCIMTaken},
		{"POST", "/Users", `{"userName":"new@acme.example","externalId":"1"}`, 409, fault.SCIMTaken},
		{"POST", "/Users", `{"userName":"other","emails":[{"value":"eva@acme.example"}]}`, 409, fault.SCIMTaken},
		{"PUT", user, `{"userName":"eva@acme.example","emails":[{"value":"kim@acme.example"}]}`, 409, fault.SCIMConflict},
		{"PATCH", user, `{"Operations":[]}`, 400, fault.SCIMSyntax},
		{"PATCH", user, op(`{"op":"move","path":"title"}`), 400, fault.SCIMSyntax},
		{"PATCH", user, op(`{"op":"remove"}`), 400, fault.SCIMTarget},
		{"PATCH", user, op(`{"op":"add","path":"shoeSize","value":1}`), 400, fault.SCIMTarget},
		{"PATCH", user, op(`{"op":"add","path":"emails[","value":1}`), 400, fault.SCIMTarget},
		{"PATCH", user, op(`{"op":"replace","path":"emails[value co \"x\"].type","value":"work"}`), 400, fault.SCIMTarget},
		{"PATCH", user, op(`{"op":"replace","path":"title[value pr]","value":"x"}`), 400, fault.SCIMTarget},
		{"PATCH", user, op(`{"op":"replace","path":"id","value":"x"}`), 400, fault.SCIMFixed},
		{"PATCH", user, op(`{"op":"add","value":"x"}`), 400, fault.SCIMValue},
		{"PATCH", user, op(`{"op":"replace","path":"title","value":"x"},{"op":"remove","path":"userName"}`), 400, fault.SCIMValue},
		{"PATCH", at, op(`{"op":"add","path":"members","value":[{"value":"none"}]}`), 400, fault.SCIMMember},
		{"PATCH", at, op(`{"op":"add","path":"members","value":[{"value":"` + group + `","type":"Group"}]}`), 400, fault.SCIMMember},
		{"PATCH", at, op(`{"op":"replace","path":"members[value eq \"x\"].display","value":"y"}`), 400, fault.SCIMFixed},
		{"PATCH", at, op(`{"op":"remove","path":"displayName"}`), 400, fault.SCIMValue},
		{"POST", "/Groups", `{"displayName":"staff"}`, 409, fault.SCIMTaken},
		{"PUT", at, `{"displayName":"Other"}`, 409, fault.SCIMTaken},
		{"GET", filtered("Users", `userName is "x"`), "", 400, fault.SCIMFilter},
		{"GET", filtered("Users", strings.Repeat("(", 40)+"a pr"), "", 400, fault.SCIMFilter},
		{"GET", filtered("Groups", `members pr`), "", 400, fault.SCIMFilter},
		{"GET", "/Users?count=many", "", 400, fault.SCIMValue},
	} {
		a := e.want(c.status, c.method, c.path, c.body)
		log, _, err := w.store.Requests.List(context.Background(), "acme-entra", broker.Page{Limit: 1})
		must(t, err)
		if log[0].Code != string(c.code) || a.body["detail"] == "" {
			t.Errorf("%s %s %.80s: %s, want %s: %.300s", c.method, c.path, c.body, log[0].Code, c.code, a.text)
		}
	}
	e.refused(412, "", "DELETE", user, "", "If-Match", `W/"9"`)
	if log, _, err := w.store.Requests.List(context.Background(), "acme-entra", broker.Page{Limit: 1}); err != nil || log[0].Code != string(fault.SCIMVersion) {
		t.Errorf("another version: %+v, %v", log, err)
	}
	e.refused(415, "", "POST", "/Users", `{}`, "Content-Type", "text/plain")
	if log, _, err := w.store.Requests.List(context.Background(), "acme-entra", broker.Page{Limit: 1}); err != nil || log[0].Code != string(fault.SCIMMediaType) {
		t.Errorf("another media type: %+v, %v", log, err)
	}
	e.refused(405, "", "PUT", "/Users", `{}`)
	e.refused(404, "", "GET", "/Nothing", "")
	if after := e.want(200, "GET", user, "").text; after != before {
		t.Errorf("refused, and yet changed:\n%s\n%s", before, after)
	}
}

// TestLists pages, filters and reduces.
func TestLists(t *testing.T) {
	w := newWorld(t)
	e := w.entra()
	for i := range 7 {
		e.want(201, "POST", "/Users", fmt.Sprintf(`{"userName":"u%d@acme.example","externalId":"%d","active":%v,"title":"T%d","emails":[{"value":"u%d@acme.example","type":"work"},{"value":"home%d@any.example","type":"home"}]}`, i, i, i%2 == 0, i%3, i, i))
	}
	seen := map[string]bool{}
	for start := 1; start <= 7; start += 3 {
		a := e.want(200, "GET", fmt.Sprintf("/Users?startIndex=%d&count=3", start), "")
		if a.total() != 7 || a.body["startIndex"] != float64(start) {
			t.Errorf("page at %d: %s", start, a.text)
		}
		for _, r := range a.body["Resources"].([]any) {
			seen[r.(obj)["id"].(string)] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d of 7 on three pages", len(seen))
	}
	for f, want := range map[string]int{
		`active eq true`: 4, `active eq "False" and title eq "t0"`: 1, `emails.value eq "HOME3@any.example"`: 1, `emails[type eq "work" and value eq "home3@any.example"]`: 0,
		`emails[type eq "home"].value eq "home3@any.example"`: 1, `userName sw "u"`: 7, `title eq "T1" or title eq "T2"`: 4, `not (active eq true)`: 3, `externalId eq ""`: 0,
		`userName eq "u1@acme.example" and userName eq "u2@acme.example"`: 0, `meta.lastModified gt "2020-01-01T00:00:00Z"`: 7, `urn:ietf:params:scim:schemas:core:2.0:User:userName eq "u5@acme.example"`: 1,
	} {
		if a := e.want(200, "GET", filtered("Users", f), ""); a.total() != want {
			t.Errorf("%s: %d, want %d", f, a.total(), want)
		}
	}
	if a := e.want(200, "GET", "/Users?count=0", ""); a.total() != 7 || len(a.body["Resources"].([]any)) != 0 {
		t.Errorf("count=0: %s", a.text)
	}
	a := e.want(200, "POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"u1@acme.example\"","attributes":["userName","emails.value"],"startIndex":1,"count":5}`)
	r := a.body["Resources"].([]any)[0].(obj)
	if len(r) != 4 || strings.Contains(a.text, `"type"`) || r["userName"] != "u1@acme.example" {
		t.Errorf("attributes: %s", a.text)
	}
	if a := e.want(200, "GET", filtered("Users", `externalId eq "1"`)+"&excludedAttributes=emails,title", ""); strings.Contains(a.text, "emails") || !strings.Contains(a.text, "userName") {
		t.Errorf("excludedAttributes: %s", a.text)
	}
	for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group"} {
		if a := e.want(200, "GET", path, ""); a.body["schemas"] == nil {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	w.front.ScanLimit = 6
	e.refused(400, "tooMany", "GET", filtered("Users", `userName sw "u"`), "")
	if log, _, err := w.store.Requests.List(context.Background(), "acme-entra", broker.Page{Limit: 1}); err != nil || log[0].Code != string(fault.SCIMTooMany) {
		t.Errorf("a filter without an index: %+v, %v", log, err)
	}
	w.front.ScanLimit = 7
	e.want(200, "GET", filtered("Users", `userName sw "u"`), "")
	if a := e.want(200, "GET", "/ServiceProviderConfig", ""); a.body["bulk"].(obj)["supported"] != false || a.body["patch"].(obj)["supported"] != true {
		t.Errorf("what is offered: %s", a.text)
	}
}

// FuzzBodies holds that whatever a directory sends is answered, and never by a fault of ours.
func FuzzBodies(f *testing.F) {
	w := newWorld(f)
	e := w.entra()
	id := e.want(201, "POST", "/Users", `{"userName":"eva@acme.example","emails":[{"value":"eva@acme.example","type":"work"}]}`).id()
	group := e.want(201, "POST", "/Groups", `{"displayName":"Staff","members":[{"value":"`+id+`"}]}`).id()
	for _, seed := range []string{
		`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"e@acme.example"}`, `{"op":"add","value":{"name.givenName":"x","urn:a:b":{}}}`,
		`{"op":"remove","path":"members","value":[{"value":"x"}]}`, `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":null}}`,
		`{"op":"replace","path":"addresses","value":[1,"a",{"type":[]}]}`, `{"op":"add","path":"x509Certificates[a pr].b","value":{}}`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, op string, person bool) {
		w.t = t
		path := "/Groups/" + group
		if person {
			path = "/Users/" + id
		}
		if a := e.send("PATCH", path, patchOp+"["+op+"]}"); a.StatusCode >= 500 {
			t.Errorf("PATCH: %d %s", a.StatusCode, a.text)
		}
		if a := e.send("PUT", path, op); a.StatusCode >= 500 {
			t.Errorf("PUT: %d %s", a.StatusCode, a.text)
		}
	})
}
