package api_test

import (
	"slices"
	"strings"
	"testing"
)

// operation is one operation of the OpenAPI document, at the things of a furnished house.
type operation struct{ method, path, at string }

func (o operation) String() string { return o.method + " " + o.path }

// operations are all that the document lists, so that a verb that is added tomorrow meets the wall too.
func (h *house) operations() (out []operation) {
	h.t.Helper()
	values := strings.NewReplacer("{realm}", "acme", "{delivery}", "none", "{slug}", "idp", "{client_id}", "app", "{domain}", "acme.example", "{id}", userID, "{name}", "staff",
		"{credential}", "none", "{n}", "1", "{ref}", "7KQ2-MX9D")
	for path, item := range h.call("", "GET", "/openapi.json", "").body["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			at := values.Replace(path)
			if method == "delete" && strings.HasSuffix(path, "/links") {
				at += "?connection=idp&subject=s"
			}
			out = append(out, operation{strings.ToUpper(method), path, at})
		}
	}
	if len(out) < 100 {
		h.t.Fatalf("the document lists %d operations", len(out))
	}
	return out
}

// try sends a body that says nothing: whoever has no right hears so before anybody reads it.
func (h *house) try(key string, o operation) int {
	h.t.Helper()
	body := ""
	if o.method != "GET" && o.method != "DELETE" {
		body = "{}"
	}
	return h.call(key, o.method, o.at, body).StatusCode
}

// asking are the POSTs that change nothing: whoever reads may ask.
var asking = []string{"/realms/{realm}/connections/{slug}/enforcement/preview", "/realms/{realm}/connections/{slug}/mapping/preview"}

// ofMyRealms are the verbs outside realms that reach only what an owner of some realms has.
var ofMyRealms = []string{"/key-rollover"}

// TestWall walks every operation as somebody who may not.
func TestWall(t *testing.T) {
	h := furnished(t)
	auditor := h.key("auditor")
	elsewhere := map[string]string{"owner": h.key("owner", "other"), "support": h.key("support", "other"), "auditor": h.key("auditor", "other")}
	support, owner := h.key("support"), h.key("owner", "acme")
	for _, o := range h.operations() {
		inside := strings.HasPrefix(o.path, "/realms/{realm}")
		writes := o.method != "GET" && !slices.Contains(asking, o.path)
		for role, key := range elsewhere {
			if !inside && (!writes || role == "owner" && slices.Contains(ofMyRealms, o.path)) {
				continue
			}
			want := 403
			if inside {
				want = 404
			}
			if got := h.try(key, o); got != want {
				t.Errorf("%s of another realm, %s: %d, want %d", role, o, got, want)
			}
		}
		if !writes {
			continue
		}
		if got := h.try(auditor, o); got != 403 {
			t.Errorf("auditor, %s: %d, want 403", o, got)
		}
	}
	h.want(200, "PATCH", "/realms/acme", `{"operators":true}`)
	for _, o := range h.operations() {
		if o.method == "GET" || slices.Contains(asking, o.path) || !strings.HasPrefix(o.path, "/realms/{realm}") {
			continue
		}
		for role, key := range map[string]string{"support": support, "owner of the realm": owner} {
			if got := h.try(key, o); got != 403 {
				t.Errorf("%s, where operators sign in, %s: %d, want 403", role, o, got)
			}
		}
	}
}
