package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestObjectsFromCreationToDeletion(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	for _, c := range []struct{ list, create, id, key, patch, field string }{
		{"/realms", `{"name":"beta"}`, "beta", "name", `{"display_name":"Beta"}`, "display_name"},
		{"/realms/acme/connections", connection, "idp", "slug", `{"display_name":"Idp"}`, "display_name"},
		{"/realms/acme/clients", client, "app", "client_id", `{"display_name":"App"}`, "display_name"},
		{"/realms/acme/clients", `{"client_id":"https://app.example/meta?x","redirect_uris":["https://app.example/cb"]}`, "https:%2F%2Fapp.example%2Fmeta%3Fx", "client_id", `{"display_name":"App"}`, "display_name"},
		{"/realms/acme/domains", `{"domain":"acme.example"}`, "acme.example", "domain", `{"verified":true}`, "verified"},
	} {
		t.Run(c.list+" "+c.id, func(t *testing.T) {
			made := h.want(201, "POST", c.list, c.create)
			one := c.list + "/" + c.id
			loc := strings.TrimPrefix(made.Header.Get("Location"), "/api/v1")
			if got := h.want(200, "GET", loc, ""); got.body[c.key] != made.body[c.key] {
				t.Errorf("Location %s leads to %v", loc, got.body)
			}
			for _, f := range []string{"created_at", "updated_at", "version"} {
				if made.body[f] == nil {
					t.Errorf("no %s: %v", f, made.body)
				}
			}
			if made.Header.Get("ETag") != `"1"` {
				t.Errorf("ETag %s", made.Header.Get("ETag"))
			}
			if a := h.call(token, "POST", c.list, c.create); a.StatusCode != 409 || a.body["code"] != "exists" {
				t.Errorf("twice: %d %s", a.StatusCode, a.text)
			}
			changed := h.want(200, "PATCH", one, c.patch, "If-Match", `"1"`)
			if changed.Header.Get("ETag") != `"2"` || changed.body["version"] != 2.0 || changed.body[c.field] == made.body[c.field] {
				t.Errorf("%v %v", changed.Header, changed.body)
			}
			stale := h.want(412, "PATCH", one, c.patch, "If-Match", `"1"`)
			if stale.body["code"] != "conflict" || stale.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s", stale.text)
			}
			h.want(412, "DELETE", one, "", "If-Match", `"1"`)
			h.want(412, "PATCH", one, c.patch, "If-Match", `"nonsense"`)
			h.want(200, "PATCH", one, c.patch, "If-Match", `"1", W/"2"`)
			h.want(422, "PATCH", one, `{"nonsense":1}`)
			if gone := h.want(204, "DELETE", one, ""); gone.text != "" {
				t.Errorf("%q", gone.text)
			}
			h.want(404, "GET", one, "")
			h.want(404, "DELETE", one, "")
			h.want(404, "PATCH", one, c.patch)
		})
	}
}

func TestProblem(t *testing.T) {
	h := newHouse(t)
	a := h.want(422, "POST", "/realms", `{"name":"A","Locales":["xx"]}`)
	if a.body["code"] != "invalid" || a.body["fix"] == "" || a.body["detail"] == "" || a.body["status"] != 422.0 || a.body["type"] != "/help/faults/invalid" || a.body["title"] == "" {
		t.Errorf("%s", a.text)
	}
	if got := a.pointers(); !slices.Equal(got, []string{"/Locales"}) {
		t.Errorf("%v", got)
	}
	a = h.want(422, "POST", "/realms", `{"name":"A","locales":["xx"],"tokens":{"access":"1s"}}`)
	if got := a.pointers(); !slices.Equal(got, []string{"/name", "/locales/0", "/tokens/access"}) {
		t.Errorf("%v", got)
	}
	if a = h.want(400, "POST", "/realms", `{"name"`); a.body["code"] != "malformed" {
		t.Errorf("%s", a.text)
	}
	a = h.want(422, "GET", "/realms?limit=many", "")
	if a.body["code"] != "invalid" || !slices.Equal(a.pointers(), []string{"/limit"}) || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s", a.text)
	}
	if a = h.want(422, "GET", "/realms?cursor=x", ""); a.body["code"] != "invalid" {
		t.Errorf("%s", a.text)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	big := func(n int) string { return `{"name":"` + strings.Repeat("x", n) + `"}` }
	if a := h.want(413, "POST", "/realms", big(1<<20)); a.body["code"] != "too_large" {
		t.Errorf("%s", a.text)
	}
	h.want(422, "POST", "/realms/acme/connections", big(1<<20))
	h.want(413, "POST", "/realms/acme/connections", big(2<<20))
}

func TestKeysAndRoles(t *testing.T) {
	h := furnished(t)
	owner, support, auditor := h.key("owner"), h.key("support"), h.key("auditor")
	limited, limitedOwner := h.key("support", "acme"), h.key("owner", "acme")
	who := []string{owner, support, auditor, limited, limitedOwner, "wrong", ""}
	const none = 401
	for _, c := range []struct {
		method, path, body                                     string
		owner, support, auditor, limitedSupport, limitedOwner_ int
	}{
		{"GET", "/realms/acme", "", 200, 200, 200, 200, 200},
		{"GET", "/realms/other", "", 200, 200, 200, 404, 404},
		{"GET", "/realms/other/connections", "", 200, 200, 200, 404, 404},
		{"PATCH", "/realms/other", `{"hub":false}`, 200, 403, 403, 404, 404},
		{"PATCH", "/realms/acme", `{"hub":false}`, 200, 403, 403, 403, 200},
		{"PATCH", "/realms/acme", `{"hub":true}`, 200, 403, 403, 403, 200}, // the owner has set it before
		{"PATCH", "/realms/acme", `{"hub":false}`, 200, 403, 403, 403, 200},
		{"POST", "/realms", `{"name":"-"}`, 422, 403, 403, 403, 403},
		{"POST", "/realms/acme/connections", `{}`, 422, 422, 403, 422, 422},
		{"PATCH", "/realms/acme/connections/idp", `{}`, 200, 200, 403, 200, 200},
		{"POST", "/realms/acme/connections/idp/check", ``, 200, 200, 403, 200, 200},
		{"GET", "/realms/acme/connections/idp/handover", ``, 200, 200, 200, 200, 200},
		{"POST", "/realms/acme/domains", `{}`, 422, 422, 403, 422, 422},
		{"PATCH", "/realms/acme/domains/acme.example", `{}`, 200, 200, 403, 200, 200},
		{"PATCH", "/realms/other/domains/acme.example", `{}`, 404, 404, 403, 404, 404},
		{"POST", "/realms/acme/clients", `{}`, 422, 403, 403, 403, 422},
		{"PATCH", "/realms/acme/clients/app", `{}`, 200, 403, 403, 403, 200},
		{"PATCH", "/realms/acme/users/" + userID, `{}`, 200, 200, 403, 200, 200},
		{"DELETE", "/realms/acme/sessions/none", ``, 404, 404, 403, 404, 404},
		{"POST", "/realms/acme/keys/rotate", `{"alg":"x"}`, 422, 403, 403, 403, 422},
		{"GET", "/realms/acme/events", ``, 200, 200, 200, 200, 200},
		{"GET", "/events", ``, 200, 200, 200, 403, 403},
		{"GET", "/apikeys", ``, 200, 403, 200, 403, 403},
		{"POST", "/apikeys", `{"name":"x","role":"owner","realms":["none"]}`, 422, 403, 403, 403, 403},
		{"DELETE", "/apikeys/none", ``, 404, 403, 403, 403, 403},
	} {
		for i, want := range []int{c.owner, c.support, c.auditor, c.limitedSupport, c.limitedOwner_, none, none} {
			a := h.call(who[i], c.method, c.path, c.body)
			if a.StatusCode != want {
				t.Errorf("%s %s %s by %d: %d, want %d: %s", c.method, c.path, c.body, i, a.StatusCode, want, a.text)
			}
			if a.StatusCode == 401 && a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("401 without a challenge")
			}
		}
	}
	if a := h.call(limitedOwner, "PATCH", "/realms/acme", `{"hub":true}`); a.StatusCode != 403 {
		t.Errorf("an owner of one realm made it a hub: %s", a.text)
	}
	if got := h.call(limited, "GET", "/realms", "").items(); len(got) != 1 || got[0]["name"] != "acme" {
		t.Errorf("%v", got)
	}
}

func TestAKeyEnds(t *testing.T) {
	h := newHouse(t)
	made := h.want(201, "POST", "/apikeys", `{"name":"ci","role":"auditor"}`)
	key, id := made.body["key"].(string), made.body["id"].(string)
	if a := h.call(key, "GET", "/realms", ""); a.StatusCode != 200 {
		t.Fatal(a.text)
	}
	if got := h.want(200, "GET", "/apikeys/"+id, ""); got.body["last_used_at"] == nil || strings.Contains(got.text, key) {
		t.Errorf("%s", got.text)
	}
	h.want(204, "DELETE", "/apikeys/"+id, "")
	if a := h.call(key, "GET", "/realms", ""); a.StatusCode != 401 {
		t.Errorf("%d", a.StatusCode)
	}
	h.want(422, "POST", "/apikeys", `{"name":"ci","role":"auditor","expires_at":"2020-01-01T00:00:00Z"}`)
}

func TestWrongKeysAreCounted(t *testing.T) {
	h := newHouse(t)
	h.wrong = 3
	var got []int
	for range 4 {
		got = append(got, h.call("guess", "GET", "/realms", "").StatusCode)
	}
	if !slices.Equal(got, []int{401, 401, 401, 429}) {
		t.Errorf("%v", got)
	}
	a := h.call(token, "GET", "/realms", "")
	if a.StatusCode != 429 || a.Header.Get("Retry-After") != "60" || a.body["code"] != "rate_limited" {
		t.Errorf("the right key must not be told from a wrong one: %d %s", a.StatusCode, a.text)
	}
}

func TestRealmsAreWalls(t *testing.T) {
	h := furnished(t)
	for _, path := range []string{"connections/idp", "connections/idp/handover", "clients/app", "domains/acme.example", "users/" + userID, "sessions/sid1"} {
		h.want(200, "GET", "/realms/acme/"+path, "")
		h.want(404, "GET", "/realms/other/"+path, "")
		h.want(404, "GET", "/realms/none/"+path, "")
		if !strings.HasSuffix(path, "handover") && !strings.HasPrefix(path, "sessions") {
			h.want(404, "PATCH", "/realms/other/"+path, "{}")
			h.want(404, "DELETE", "/realms/other/"+path, "")
		}
	}
	h.want(404, "POST", "/realms/other/connections/idp/check", "")
	h.want(404, "POST", "/realms/other/domains/acme.example/verify", "")
	h.want(404, "DELETE", "/realms/other/sessions/sid1", "")
	for _, list := range []string{"connections", "clients", "domains", "users", "sessions", "keys", "events"} {
		h.want(404, "GET", "/realms/none/"+list, "")
		if list == "keys" || list == "events" {
			continue
		}
		if got := h.want(200, "GET", "/realms/other/"+list, "").items(); len(got) != 0 {
			t.Errorf("%s of another realm: %v", list, got)
		}
	}
	if got := h.want(409, "POST", "/realms/other/connections", connection); got.body["code"] != "exists" {
		t.Errorf("%s", got.text)
	}
}

func TestSecretsAreNeverAnswered(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	var seen strings.Builder
	note := func(a answer) answer { seen.WriteString(a.text); return a }
	made := note(h.want(201, "POST", "/realms/acme/connections", connection))
	if got := made.body["oidc"].(map[string]any)["client_secret"]; got != "********" {
		t.Errorf("%v", got)
	}
	note(h.want(201, "POST", "/realms/acme/clients", `{"client_id":"chosen","client_secret":"secret-of-the-client","redirect_uris":["https://app.example/cb"]}`))
	note(h.want(200, "PATCH", "/realms/acme/clients/chosen", `{"client_secret":"secret-of-the-client-2"}`))
	note(h.want(200, "PATCH", "/realms/acme/connections/idp", `{"oidc":{"client_secret":"secret-of-the-upstream-2"}}`))
	once := h.want(201, "POST", "/realms/acme/clients", client).body["client_secret"].(string)
	if len(once) != 43 {
		t.Fatalf("%q", once)
	}
	if again := note(h.want(200, "GET", "/realms/acme/clients/app", "")); again.body["client_secret"] != "********" {
		t.Errorf("%s", again.text)
	}
	key := h.key("auditor")
	for _, path := range []string{"/realms/acme/connections", "/realms/acme/clients", "/apikeys", "/events?limit=200", "/realms/acme/events?limit=200", "/realms/acme/connections/idp"} {
		note(h.want(200, "GET", path, ""))
	}
	for _, secret := range []string{"secret-of-", once, key} {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("%q was answered", secret)
		}
	}
	if strings.Contains(h.log.String(), "secret-of-") {
		t.Error("the log has a secret")
	}
}

func TestSessions(t *testing.T) {
	h := furnished(t)
	a := h.want(200, "GET", "/realms/acme/sessions?user_id="+userID, "")
	if got := a.items(); len(got) != 1 || got[0]["id"] != "sid1" || got[0]["connection"] != "idp" || got[0]["created_at"] == nil || got[0]["version"] == nil {
		t.Errorf("%s", a.text)
	}
	for _, private := range []string{"id-of-the-session", "token-of-the-upstream", "subject-upstream"} {
		if strings.Contains(a.text, private) {
			t.Errorf("%q was answered", private)
		}
	}
	if got := h.want(200, "GET", "/realms/acme/sessions?connection=none", "").items(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	h.want(204, "DELETE", "/realms/acme/sessions/sid1", "")
	h.want(404, "GET", "/realms/acme/sessions/sid1", "")
	e := h.want(200, "GET", "/realms/acme/events?kind=session.", "").items()
	if len(e) != 1 || e[0]["kind"] != "session.ended" || e[0]["before"].(map[string]any)["user_id"] != userID {
		t.Errorf("%v", e)
	}
}

func TestListsArePaged(t *testing.T) {
	h := newHouse(t)
	for i := range 7 {
		h.want(201, "POST", "/realms", fmt.Sprintf(`{"name":"r%d"}`, i))
	}
	limited := h.key("auditor", "r0", "r2", "r4", "r6")
	for key, want := range map[string]string{token: "r0 r1 r2 r3 r4 r5 r6", limited: "r0 r2 r4 r6"} {
		var got []string
		pages, cursor := 0, ""
		for {
			a := h.call(key, "GET", "/realms?limit=3&cursor="+cursor, "")
			for _, r := range a.items() {
				got = append(got, r["name"].(string))
			}
			pages++
			if cursor = a.body["next"].(string); cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != want || pages != (len(got)+2)/3 {
			t.Errorf("%v in %d pages", got, pages)
		}
	}
	if a := h.want(200, "GET", "/realms?limit=100000&q=r3", ""); len(a.items()) != 1 {
		t.Errorf("%s", a.text)
	}
	h.want(201, "POST", "/realms/r0/clients", client)
	if a := h.want(200, "GET", "/realms/r1/clients", ""); a.text != "{\"items\":[],\"next\":\"\"}\n" {
		t.Errorf("%q", a.text)
	}
}

func TestEventsTellWhoWhatBeforeAndAfter(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	h.want(200, "PATCH", "/realms/acme", `{"display_name":"Acme"}`)
	h.want(204, "DELETE", "/realms/acme", "")
	e := h.want(200, "GET", "/events?kind=realm.", "").items()
	byKind := map[any]map[string]any{}
	for _, line := range e {
		byKind[line["kind"]] = line
	}
	u := byKind["realm.updated"]
	if len(e) != 3 || byKind["realm.created"]["before"] != nil || byKind["realm.deleted"]["after"] != nil || byKind["realm.deleted"]["before"] == nil || u == nil {
		t.Fatalf("%v", e)
	}
	if u["actor"] != "apikey:CLOAKROOM_ADMIN_TOKEN" || u["remote_ip"] != "127.0.0.1" || u["subject"] != "realm:acme" ||
		u["before"].(map[string]any)["display_name"] != "acme" || u["after"].(map[string]any)["display_name"] != "Acme" || u["at"] == nil || u["created_at"] == nil {
		t.Errorf("%v", u)
	}
}

func TestMergePatchNull(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme","display_name":"Acme","tokens":{"access":"10m","id":"1h"},"branding":{"texts":{"title":"T","help":"H"}}}`)
	a := h.want(200, "PATCH", "/realms/acme", `{"display_name":null,"tokens":{"access":null},"branding":{"texts":{"title":null}}}`)
	tokens, texts := a.body["tokens"].(map[string]any), a.body["branding"].(map[string]any)["texts"].(map[string]any)
	if a.body["display_name"] != "acme" || tokens["access"] != "5m" || tokens["id"] != "1h" || len(texts) != 1 || texts["help"] != "H" {
		t.Errorf("%s", a.text)
	}
	if got := h.want(422, "PATCH", "/realms/acme", `{"name":null}`).pointers(); !slices.Equal(got, []string{"/name"}) {
		t.Errorf("%v", got)
	}
}

// bodiless are the verbs that need no more than their address.
var bodiless = map[string]bool{"check": true, "verify": true, "accept": true, "signout": true, "erase": true, "undo": true, "approve": true, "revoke": true, "test": true,
	"reveal": true, "retry": true, "copied": true, "refresh": true, "release": true, "revert": true, "dismiss": true, "restore": true, "rotate-secret": true, "rollback": true, "enforcement/preview": true}

// TestDescription holds the OpenAPI document to the routes and the routes to the document.
func TestDescription(t *testing.T) {
	h := furnished(t)
	a := h.call("", "GET", "/openapi.json", "")
	if a.StatusCode != 200 || a.body["openapi"] != "3.1.0" {
		t.Fatalf("%d %.200s", a.StatusCode, a.text)
	}
	documented := map[string]bool{}
	param := regexp.MustCompile(`\{([a-z_]+)\}`)
	values := strings.NewReplacer("{realm}", "acme", "{delivery}", "none", "{slug}", "idp", "{client_id}", "app", "{domain}", "acme.example", "{id}", userID, "{name}", "staff", "{credential}", "none", "{n}", "1")
	for path, item := range a.body["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			method = strings.ToUpper(method)
			documented[method+" /api/v1"+param.ReplaceAllString(path, ":$1")] = true
			o := op.(map[string]any)
			if o["summary"] == nil || o["operationId"] == nil || o["security"] == nil {
				t.Errorf("%s %s is not described", method, path)
			}
			if _, ok := o["responses"].(map[string]any)["default"]; !ok {
				t.Errorf("%s %s does not describe its problems", method, path)
			}
			takes := o["requestBody"] != nil
			if takes != (method == "PATCH" || method == "PUT" || method == "POST" && !strings.Contains(path, "/deliveries/") && !bodiless[path[strings.LastIndexByte(path, '/')+1:]] && !bodiless[strings.TrimPrefix(path, "/realms/{realm}/connections/{slug}/")]) {
				t.Errorf("%s %s: request body %v", method, path, takes)
			}
			if method == "GET" && !strings.Contains(path, "sessions/{id}") && !strings.Contains(path, "apikeys/{id}") && !strings.Contains(path, "invites/{id}") && !strings.Contains(path, "mails/{id}") && !strings.Contains(path, "webhooks/{id}") && !strings.Contains(path, "setup-links/{id}") && !strings.Contains(path, "operators/{id}") && !strings.Contains(path, "{ref}") && !strings.Contains(path, "{n}") {
				h.want(200, "GET", values.Replace(path), "")
			}
			if got := h.call("", method, values.Replace(path), ""); got.StatusCode != 401 {
				t.Errorf("%s %s without a key: %d", method, path, got.StatusCode)
			}
		}
	}
	for _, r := range h.engine.Routes() {
		if strings.Contains(r.Path, "/openapi") {
			continue
		}
		if !documented[r.Method+" "+r.Path] {
			t.Errorf("%s %s is not in the document", r.Method, r.Path)
		}
		delete(documented, r.Method+" "+r.Path)
	}
	for left := range documented {
		t.Errorf("%s is documented and not served", left)
	}
}

// TestSchemas holds what is answered to what the document says of it, field by field.
func TestSchemas(t *testing.T) {
	h := furnished(t)
	doc := h.call("", "GET", "/openapi.json", "").body
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for path, op := range map[string]string{
		"/realms/acme": "/realms/{realm}", "/realms/acme/connections/idp": "/realms/{realm}/connections/{slug}",
		"/realms/acme/clients/app": "/realms/{realm}/clients/{client_id}", "/realms/acme/domains/acme.example": "/realms/{realm}/domains/{domain}",
		"/realms/acme/users/" + userID: "/realms/{realm}/users/{id}", "/realms/acme/sessions/sid1": "/realms/{realm}/sessions/{id}",
		"/realms/acme/keys": "/realms/{realm}/keys", "/realms/acme/events": "/realms/{realm}/events", "/realms/acme/connections/idp/handover": "/realms/{realm}/connections/{slug}/handover",
	} {
		got := h.want(200, "GET", path, "")
		get := doc["paths"].(map[string]any)[op].(map[string]any)["get"].(map[string]any)
		content := get["responses"].(map[string]any)["200"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
		conforms(t, schemas, path, got.body, content["schema"].(map[string]any))
	}
}

// conforms checks fields and types; it is no whole JSON Schema.
func conforms(t *testing.T, schemas map[string]any, at string, v any, schema map[string]any) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		schema, ok = schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any)
		if !ok {
			t.Errorf("%s: %s leads nowhere", at, ref)
			return
		}
	}
	kinds := fmt.Sprint(schema["type"])
	switch v := v.(type) {
	case map[string]any:
		props, _ := schema["properties"].(map[string]any)
		for k, e := range v {
			p, known := props[k].(map[string]any)
			if !known {
				p, known = schema["additionalProperties"].(map[string]any)
			}
			if !known && len(schema) > 0 {
				t.Errorf("%s/%s is not described", at, k)
				continue
			}
			conforms(t, schemas, at+"/"+k, e, p)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, e := range v {
			conforms(t, schemas, fmt.Sprint(at, "/", i), e, items)
		}
	case string:
		holds(t, at, schema, kinds, "string")
	case bool:
		holds(t, at, schema, kinds, "boolean")
	case float64:
		holds(t, at, schema, kinds, "integer")
	}
}

func holds(t *testing.T, at string, schema map[string]any, kinds, kind string) {
	t.Helper()
	if len(schema) > 0 && !strings.Contains(kinds, kind) {
		b, _ := json.Marshal(schema)
		t.Errorf("%s is a %s, described as %s", at, kind, b)
	}
}

func TestOtherMethods(t *testing.T) {
	h := furnished(t)
	if a := h.call(token, http.MethodPut, "/realms/acme", "{}"); a.StatusCode != 404 && a.StatusCode != 405 {
		t.Errorf("%d", a.StatusCode)
	}
}
