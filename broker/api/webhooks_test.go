package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
)

// TestWebhooks runs a webhook's life below a realm and for the installation.
func TestWebhooks(t *testing.T) {
	for name, root := range map[string]string{"realm": "/realms/acme/webhooks", "installation": "/webhooks"} {
		t.Run(name, func(t *testing.T) {
			h := furnished(t)
			made := h.want(201, "POST", root, `{"name":"Ops","url":"https://hook.example/in","events":["login.failed","connection.*"]}`)
			secret, _ := made.body["secret"].(string)
			if !strings.HasPrefix(secret, "whsec_") || len(secret) < 40 || made.body["enabled"] != true {
				t.Fatalf("%s", made.text)
			}
			one := strings.TrimPrefix(made.Header.Get("Location"), "/api/v1")
			if got := h.want(200, "GET", one, ""); got.body["secret"] != "********" || strings.Contains(got.text, secret) {
				t.Errorf("%s", got.text)
			}
			if got := h.want(200, "GET", root, "").items(); len(got) != 1 || got[0]["secret"] != "********" {
				t.Errorf("%v", got)
			}
			fresh := h.want(200, "POST", one+"/rotate-secret", "")
			if s := fresh.body["secret"]; s == secret || s == "********" || fresh.body["previous_secret_until"] == nil {
				t.Errorf("%s", fresh.text)
			}
			h.want(412, "PATCH", one, `{"name":"x"}`, "If-Match", `"1"`)
			changed := h.want(200, "PATCH", one, `{"events":["*"]}`, "If-Match", `"2"`)
			if changed.body["secret"] != "********" || changed.body["version"] != 3.0 {
				t.Errorf("%s", changed.text)
			}
			h.want(422, "PATCH", one, `{"events":[]}`)
			h.want(422, "PATCH", one, `{"url":"javascript:alert(1)"}`)
			h.want(422, "PATCH", one, `{"secret":"mine"}`)
			sent := deliveriesOf(h, one)
			h.want(200, "PATCH", one, `{"enabled":false}`)
			if a := h.call(token, "POST", one+"/test", ""); a.StatusCode != 409 || a.body["code"] != "webhook.disabled" {
				t.Errorf("%d %s", a.StatusCode, a.text)
			}
			h.want(409, "POST", one+"/deliveries/"+sent+"/resend", "")
			h.want(204, "DELETE", one, "")
			h.want(404, "GET", one, "")
			h.want(404, "GET", one+"/deliveries", "")
			if log := h.want(200, "GET", "/events?kind=webhook.", "").text; strings.Contains(log, secret) || !strings.Contains(log, "webhook.secret_rotated") || !strings.Contains(log, "webhook.tested") {
				t.Errorf("%s", log)
			}
		})
	}
}

// deliveriesOf sends a test event, finishes its delivery and sends it again; it answers the ID.
func deliveriesOf(h *house, one string) string {
	h.t.Helper()
	tested := h.want(200, "POST", one+"/test", "")
	id, _ := tested.body["id"].(string)
	if tested.body["status"] != "queued" || tested.body["type"] != "webhook.tested" {
		h.t.Errorf("%s", tested.text)
	}
	webhook := one[strings.LastIndexByte(one, '/')+1:]
	h.must(h.store.Deliveries.Finish(context.Background(), &broker.Delivery{ID: id, Webhook: webhook, Status: broker.DeliveryDelivered, Response: 204, FinishedAt: time.Now()}))
	if got := h.want(200, "GET", one+"/deliveries/"+id, ""); got.body["response"] != 204.0 {
		h.t.Errorf("%s", got.text)
	}
	if got := h.want(200, "POST", one+"/deliveries/"+id+"/resend", ""); got.body["status"] != "queued" || got.body["id"] != id {
		h.t.Errorf("%s", got.text)
	}
	h.want(404, "POST", one+"/deliveries/none/resend", "")
	found := false
	for _, d := range h.want(200, "GET", one+"/deliveries", "").items() {
		found = found || d["id"] == id
	}
	if !found {
		h.t.Error("the test is not in the list")
	}
	return id
}

func TestWebhooksAreBehindWalls(t *testing.T) {
	h := furnished(t)
	owner, support, auditor := h.key("owner"), h.key("support"), h.key("auditor")
	limited := h.key("owner", "acme")
	const body = `{"name":"Ops","url":"https://hook.example/in","events":["*"]}`
	ours := h.want(201, "POST", "/webhooks", body).body["id"].(string)
	acme := h.want(201, "POST", "/realms/acme/webhooks", body).body["id"].(string)
	who := []string{owner, support, auditor, limited}
	for _, c := range []struct {
		method, path, body string
		want               [4]int
	}{
		{"GET", "/webhooks", "", [4]int{200, 200, 200, 403}},
		{"GET", "/webhooks/" + ours, "", [4]int{200, 200, 200, 403}},
		{"GET", "/webhooks/" + acme, "", [4]int{404, 404, 404, 403}},
		{"GET", "/realms/acme/webhooks/" + acme, "", [4]int{200, 200, 200, 200}},
		{"GET", "/realms/acme/webhooks/" + ours, "", [4]int{404, 404, 404, 404}},
		{"GET", "/realms/other/webhooks/" + acme, "", [4]int{404, 404, 404, 404}},
		{"GET", "/realms/other/webhooks/" + acme + "/deliveries", "", [4]int{404, 404, 404, 404}},
		{"POST", "/webhooks", `{}`, [4]int{422, 403, 403, 403}},
		{"POST", "/realms/acme/webhooks", `{}`, [4]int{422, 403, 403, 422}},
		{"PATCH", "/realms/acme/webhooks/" + acme, `{}`, [4]int{200, 403, 403, 200}},
		{"POST", "/realms/acme/webhooks/" + acme + "/rotate-secret", ``, [4]int{200, 403, 403, 200}},
		{"POST", "/realms/acme/webhooks/" + acme + "/test", ``, [4]int{200, 200, 403, 200}},
		{"POST", "/webhooks/" + ours + "/test", ``, [4]int{200, 200, 403, 403}},
		{"DELETE", "/realms/other/webhooks/" + acme, ``, [4]int{404, 403, 403, 404}},
	} {
		for i, want := range c.want {
			if a := h.call(who[i], c.method, c.path, c.body); a.StatusCode != want {
				t.Errorf("%s %s by %d: %d, want %d: %s", c.method, c.path, i, a.StatusCode, want, a.text)
			}
		}
	}
}

func TestWebhooksAreBounded(t *testing.T) {
	h := furnished(t)
	const body = `{"name":"Ops","url":"https://hook.example/in","events":["*"]}`
	for range 50 {
		h.want(201, "POST", "/realms/acme/webhooks", body)
	}
	h.want(422, "POST", "/realms/acme/webhooks", body)
	h.want(201, "POST", "/webhooks", body)
}
