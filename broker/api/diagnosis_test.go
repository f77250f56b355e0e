package api_test

import (
	"testing"
	"time"

	"cloakroom/broker"
)

func TestTracesOfLogins(t *testing.T) {
	h := furnished(t)
	now := time.Now()
	h.store.Traces.Log(broker.Trace{At: now.Add(-time.Minute), Ref: "7KQ2-MX9D", Realm: "acme", Connection: "idp", Outcome: "failed", Code: "saml.audience_mismatch",
		TraceDetail: broker.TraceDetail{Observed: "http://x", Expected: "https://x", Message: "<Response/>", Steps: []broker.TraceStep{{At: now, Step: "answer received"}}}})
	h.store.Traces.Log(broker.Trace{At: now, Ref: "7KQ2-MX9D", Realm: "acme", Connection: "idp", Email: "eva@acme.example", UserID: userID, Outcome: "succeeded"})
	h.store.Traces.Log(broker.Trace{At: now, Ref: "AAAA-AAAA", Realm: "other", Outcome: "failed", Code: "login.expired"})
	for range 40 {
		if len(h.want(200, "GET", "/realms/acme/logins", "").items()) == 2 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	auditor := h.key("auditor", "acme")
	one := h.call(auditor, "GET", "/realms/acme/logins/7kq2mx9d", "")
	if one.StatusCode != 200 || one.body["outcome"] != "succeeded" || len(one.body["earlier"].([]any)) != 1 {
		t.Errorf("the reference as people type it: %d %s", one.StatusCode, one.text)
	}
	for path, want := range map[string]int{
		"?email=eva@acme.example": 1, "?connection=idp": 2, "?outcome=failed": 1, "?ref=7KQ2-MX9D": 2, "?ref=AAAA-AAAA": 0, "?ref=nonsense": 0,
	} {
		if items := h.want(200, "GET", "/realms/acme/logins"+path, "").items(); len(items) != want {
			t.Errorf("%s: %d logins, want %d", path, len(items), want)
		}
	}
	for _, path := range []string{"/realms/acme/logins/AAAA-AAAA", "/realms/acme/logins/x", "/realms/nowhere/logins"} {
		h.want(404, "GET", path, "")
	}
	if a := h.call(auditor, "GET", "/realms/other/logins", ""); a.StatusCode != 404 {
		t.Errorf("another realm's logins: %d", a.StatusCode)
	}
	if a := h.call(auditor, "POST", "/realms/acme/connections/idp/test", ""); a.StatusCode != 403 {
		t.Errorf("an auditor tests: %d", a.StatusCode)
	}
	if a := h.call(auditor, "POST", "/realms/acme/connections/idp/explain", `{"id_token":"x"}`); a.StatusCode != 403 {
		t.Errorf("an auditor explains: %d", a.StatusCode)
	}
	for body, want := range map[string]int{`{}`: 422, `{"id_token":"x","metadata":"y"}`: 422, `{"token":"x"}`: 422, `{"id_token":12}`: 422, `[`: 400} {
		h.want(want, "POST", "/realms/acme/connections/idp/explain", body)
	}
	looked := h.want(200, "GET", "/realms/acme/events?kind=login", "").items()
	if len(looked) < 2 || looked[0]["actor"] == "" {
		t.Errorf("nobody knows who looked: %v", looked)
	}
	if _, err := h.store.Traces.Forget(t.Context(), "acme", userID, "eva@acme.example"); err != nil {
		t.Fatal(err)
	}
	if items := h.want(200, "GET", "/realms/acme/logins?email=eva@acme.example", "").items(); len(items) != 0 {
		t.Errorf("a forgotten person: %v", items)
	}
	if n, err := h.store.Traces.Retain(t.Context(), now.AddDate(0, 0, 31)); err != nil || n != 2 {
		t.Errorf("retention deleted %d, %v", n, err)
	}
}
