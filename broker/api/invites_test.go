package api_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// inviting is a furnished house whose realm has an application to invite to. It sends no mails.
func inviting(t *testing.T) *house {
	h := furnished(t)
	h.want(200, "PATCH", "/realms/acme", `{"default_client_id":"app","seat_limit":5}`)
	return h
}

func TestInvites(t *testing.T) {
	h := inviting(t)
	made := h.want(201, "POST", "/realms/acme/invites", `{"email":"ann@acme.example","groups":["a"]}`)
	id, url := made.body["id"].(string), made.body["url"].(string)
	if !strings.HasPrefix(url, "https://sso.example/invite/") || made.Header.Get("Location") != "/api/v1/realms/acme/invites/"+id || made.Header.Get("ETag") != `"1"` {
		t.Errorf("%v %s", made.Header, made.text)
	}
	one := "/realms/acme/invites/" + id
	if got := h.want(200, "GET", one, ""); got.body["url"] != nil || got.body["state"] != "live" || strings.Contains(got.text, "token") {
		t.Errorf("read: %s", got.text)
	}
	h.want(412, "PATCH", one, `{"note":"x"}`, "If-Match", `"7"`)
	if got := h.want(200, "PATCH", one, `{"note":"x"}`, "If-Match", `"1"`); got.body["note"] != "x" {
		t.Errorf("changed: %s", got.text)
	}
	if got := h.want(200, "POST", one+"/resend", ""); got.body["url"] == url || got.body["url"] == nil {
		t.Errorf("sent again: %s", got.text)
	}
	h.want(200, "POST", one+"/resend", `{"expires_in":"24h"}`)
	if got := h.want(422, "POST", "/realms/acme/invites", `{"email":"x","locale":"tlh"}`); !slices.Equal(got.pointers(), []string{"/email", "/locale"}) {
		t.Errorf("bad fields %v", got.pointers())
	}
	h.want(201, "POST", "/realms/acme/invites", `{"max_uses":3}`)
	if got := h.want(200, "GET", "/realms/acme/invites?state=live&limit=1", ""); len(got.items()) != 1 || got.body["next"] == "" {
		t.Errorf("list: %s", got.text)
	}
	if got := h.want(200, "GET", "/realms/acme/invites?q=ann", ""); len(got.items()) != 1 || got.items()[0]["id"] != id {
		t.Errorf("search: %s", got.text)
	}
	h.want(422, "GET", "/realms/acme/invites?state=lost", "")
	if got := h.want(200, "POST", one+"/revoke", ""); got.body["state"] != "revoked" {
		t.Errorf("revoked: %s", got.text)
	}
	h.want(410, "POST", one+"/resend", "")
	h.want(204, "DELETE", one, "")
	h.want(404, "GET", one, "")
	if got := h.call(h.key(admin.Auditor), "POST", "/realms/acme/invites", `{"max_uses":3}`); got.StatusCode != 403 {
		t.Errorf("an auditor invites: %d", got.StatusCode)
	}
	if got := h.call(h.key(admin.Owner, "other"), "GET", "/realms/acme/invites", ""); got.StatusCode != 404 {
		t.Errorf("another realm's key reads: %d", got.StatusCode)
	}
}

func TestInviteListOverHTTP(t *testing.T) {
	h := inviting(t)
	const list = "email,groups\nann@acme.example,a;b\nnobody\n"
	got := h.want(422, "POST", "/realms/acme/invites/bulk", list, "Content-Type", "text/csv")
	if !slices.Equal(got.pointers(), []string{"/3/email"}) {
		t.Errorf("%v: %s", got.pointers(), got.text)
	}
	got = h.want(201, "POST", "/realms/acme/invites/bulk?partial=true", list, "Content-Type", "text/csv; charset=utf-8")
	if len(got.body["created"].([]any)) != 1 || len(got.body["failed"].([]any)) != 1 {
		t.Errorf("partial: %s", got.text)
	}
	h.want(400, "POST", "/realms/acme/invites/bulk", "", "Content-Type", "text/csv")
	h.want(413, "POST", "/realms/acme/invites/bulk", strings.Repeat("x", 1<<20+1), "Content-Type", "text/csv")
}

func TestWaiting(t *testing.T) {
	h := inviting(t)
	for _, id := range []string{"p1", "p2"} {
		h.must(h.store.Users.Create(context.Background(), &broker.User{ID: id, Realm: "acme", Email: id + "@acme.example", Status: broker.StatusPending}))
	}
	if got := h.want(200, "POST", "/realms/acme/users/p1/approve", ""); got.body["status"] != "" || got.Header.Get("ETag") != `"2"` {
		t.Errorf("approved: %s", got.text)
	}
	h.want(409, "POST", "/realms/acme/users/p1/approve", "")
	h.want(204, "POST", "/realms/acme/users/p2/reject", `{"delete":true}`)
	h.want(404, "POST", "/realms/acme/users/p2/reject", "")
	if got := h.want(200, "GET", "/realms/acme/seats", ""); got.body["limit"] != 5.0 || got.body["taken"] != 2.0 || got.body["pending"] != 0.0 {
		t.Errorf("seats: %s", got.text)
	}
	got := h.want(200, "GET", "/realms/acme/connections/idp/collisions", "")
	if got.body["people"] != 2.0 || len(got.body["findings"].([]any)) != len(admin.CollisionKinds) {
		t.Errorf("collisions: %s", got.text)
	}
	h.want(404, "GET", "/realms/other/connections/idp/collisions", "")
}
