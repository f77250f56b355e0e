package api_test

import (
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
)

func TestOverviewOverHTTP(t *testing.T) {
	h := furnished(t)
	acme, other := h.key("support", "acme"), h.key("auditor", "other")
	h.store.Traces.Log(broker.Trace{Realm: "acme", Ref: "7KQ2-MX9D", Connection: "idp", Client: "app", Email: "eva@acme.example", Outcome: "failed", Code: "oidc.nonce"})
	failed := func() float64 {
		h.t.Helper()
		days := h.want(200, "GET", "/realms/acme/stats?days=7", "").body["days"].([]any)
		if len(days) != 7 {
			t.Fatalf("%d days", len(days))
		}
		return days[6].(map[string]any)["failed"].(float64)
	}
	for end := time.Now().Add(10 * time.Second); failed() != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the failed sign-in is not counted")
		}
	}
	h.want(200, "POST", "/realms/acme/connections/idp/check", "")
	if got := h.want(200, "GET", "/realms/acme/connections/idp/checks", "").items(); len(got) != 1 || got[0]["report"].(map[string]any)["findings"] == nil {
		t.Errorf("checks: %v", got)
	}
	if got := h.want(200, "GET", "/realms/acme/connections/idp/health", "").body; got["why"] != "never_worked" || got["status"] != "error" || got["last_check"] == nil {
		t.Errorf("health: %v", got)
	}
	for _, path := range []string{"/connections?q=IDP.example&status=error&failing=true&never_tested=true", "/logins?ref=7kq2mx9d", "/search?q=idp", "/overview/realms?q=acme", "/overview"} {
		mine, theirs := h.call(acme, "GET", path, ""), h.call(other, "GET", path, "")
		if mine.StatusCode != 200 || theirs.StatusCode != 200 || !strings.Contains(mine.text, "acme") || strings.Contains(theirs.text, "acme") {
			t.Errorf("%s: acme's %d %s, another's %d %s", path, mine.StatusCode, mine.text, theirs.StatusCode, theirs.text)
		}
	}
	for _, path := range []string{"/realms/acme/stats", "/realms/acme/connections/idp/stats", "/realms/acme/connections/idp/health", "/realms/acme/connections/idp/checks"} {
		if got := h.call(other, "GET", path, ""); got.StatusCode != 404 {
			t.Errorf("%s for another realm's auditor: %d", path, got.StatusCode)
		}
	}
	for _, path := range []string{"/connections?status=bad", "/connections?cursor=nonsense", "/realms/acme/stats?days=0", "/realms/acme/stats?days=401"} {
		if got := h.call(acme, "GET", path, ""); got.StatusCode != 422 && got.StatusCode != 400 {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.text)
		}
	}
}
