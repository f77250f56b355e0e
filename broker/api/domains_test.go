package api_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDomainAnswers(t *testing.T) {
	h := furnished(t)
	made := h.want(201, "POST", "/realms/acme/domains", `{"domain":"BÜCHER.example"}`)
	if made.Header.Get("Location") != "/api/v1/realms/acme/domains/xn--bcher-kva.example" {
		t.Errorf("%s", made.Header.Get("Location"))
	}
	record, _ := made.body["record"].(map[string]any)
	if made.body["domain"] != "xn--bcher-kva.example" || made.body["unicode"] != "bücher.example" || made.body["verified"] != false ||
		record["name"] != "_cloakroom.xn--bcher-kva.example" || record["value"] != "cloakroom-verify="+made.body["token"].(string) || record["type"] != "TXT" {
		t.Errorf("%s", made.text)
	}
	one := "/realms/acme/domains/xn--bcher-kva.example"
	if got := h.want(200, "GET", "/realms/acme/domains/b%C3%BCcher.example", ""); got.body["unicode"] != "bücher.example" {
		t.Errorf("%s", got.text)
	}
	for _, d := range h.want(200, "GET", "/realms/acme/domains", "").items() {
		if d["unicode"] == nil || d["record"] == nil {
			t.Errorf("%v", d)
		}
	}
	// What was answered can be sent back.
	whole, _ := json.Marshal(made.body)
	if got := h.want(200, "PATCH", one, string(whole)); got.body["version"] != 1.0 {
		t.Errorf("%s", got.text)
	}
	if got := h.want(200, "PATCH", one, `{"verified":true,"reason":"seen the contract"}`); got.body["verified"] != true {
		t.Errorf("%s", got.text)
	}
	events := h.want(200, "GET", "/realms/acme/events?kind=domain.verified", "")
	if !strings.Contains(events.text, "seen the contract") {
		t.Errorf("%s", events.text)
	}
	a := h.want(422, "POST", "/realms/acme/domains", `{"domain":"gmail.com"}`)
	if a.body["code"] != "domain.public" || len(a.pointers()) != 1 || a.pointers()[0] != "/domain" {
		t.Errorf("%s", a.text)
	}
	a = h.want(422, "POST", "/realms/acme/domains/acme.example/verify", "")
	fix, _ := a.body["fix"].(string)
	if a.body["code"] != "domain.record_missing" || !strings.Contains(fix, "_cloakroom.acme.example") || !strings.Contains(fix, a.body["expected"].(string)) {
		t.Errorf("%s", a.text)
	}
}

func TestHandoverByAPI(t *testing.T) {
	h := furnished(t)
	const give, take = "/realms/acme/domains/acme.example/transfer", "/realms/other/domains/acme.example/accept"
	if a := h.want(409, "POST", give, `{"to":"other"}`); a.body["code"] != "domain.not_verified" {
		t.Errorf("%s", a.text)
	}
	h.want(200, "PATCH", "/realms/acme/domains/acme.example", `{"verified":true}`)
	h.want(201, "POST", "/realms/other/domains", `{"domain":"acme.example"}`)
	taken := h.want(409, "PATCH", "/realms/other/domains/acme.example", `{"verified":true}`)
	if taken.body["code"] != "domain.owned_elsewhere" || strings.Contains(strings.ReplaceAll(taken.text, "acme.example", ""), "acme") {
		t.Errorf("the other realm is named: %s", taken.text)
	}
	if a := h.want(200, "POST", give, `{"to":"other"}`); a.body["transfer_to"] != "other" {
		t.Errorf("%s", a.text)
	}
	h.want(204, "DELETE", give, "")
	h.want(404, "DELETE", give, "")
	if a := h.want(409, "POST", take, ""); a.body["code"] != "domain.not_offered" {
		t.Errorf("%s", a.text)
	}
	h.want(412, "POST", give, `{"to":"other"}`, "If-Match", `"1"`)
	h.want(200, "POST", give, `{"to":"other"}`)

	mine, theirs := h.key("support", "acme"), h.key("support", "other")
	for key, want := range map[string]int{mine: 404, h.key("auditor"): 403, "wrong": 401} {
		if a := h.call(key, "POST", take, ""); a.StatusCode != want {
			t.Errorf("%d, want %d: %s", a.StatusCode, want, a.text)
		}
	}
	if a := h.call(theirs, "POST", give, `{"to":"other"}`); a.StatusCode != 404 {
		t.Errorf("%s", a.text)
	}
	if a := h.call(theirs, "POST", take, ""); a.StatusCode != 200 || a.body["verified"] != true || a.body["realm"] != "other" || a.Header.Get("ETag") == "" {
		t.Errorf("%s", a.text)
	}
	if a := h.call(mine, "GET", "/realms/acme/domains/acme.example", ""); a.body["verified"] != false {
		t.Errorf("%s", a.text)
	}
	sub := h.want(201, "POST", "/realms/acme/domains", `{"domain":"eu.acme.example"}`)
	if w, _ := sub.body["warnings"].([]any); len(w) != 1 {
		t.Errorf("%s", sub.text)
	}
}
