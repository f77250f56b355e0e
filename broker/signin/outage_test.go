package signin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store/ledger"
)

// Several people in a row whom their provider sends away with one fault are an event, once; one person's trouble, another
// fault than the last one and what people do wrong themselves are none.
func TestOutageIsAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		health broker.Health
		want   int
	}{
		"everybody":     {broker.Health{PeopleFailing: 3, LastFailure: &broker.FailureSeen{Code: "email.malformed"}}, 1},
		"one person":    {broker.Health{PeopleFailing: 2, LastFailure: &broker.FailureSeen{Code: "email.malformed"}}, 0},
		"another fault": {broker.Health{PeopleFailing: 3, LastFailure: &broker.FailureSeen{Code: "oidc.nonce"}}, 0},
		"nothing known": {broker.Health{PeopleFailing: 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLocals(t)
			l.engine.Health = func(_ context.Context, realm, slug string) (*broker.Health, error) {
				if realm != "acme" || slug != "acme-idp" {
					t.Errorf("asked for %s of %s", slug, realm)
				}
				return &c.health, nil
			}
			for range 3 {
				br := l.browser()
				p := br.authorize("acme", "kc_idp_hint", "acme-idp")
				br.answer(p, identity{Sub: "x", Email: "not an address", Verified: true})
			}
			var found []broker.Event
			for end := time.Now().Add(2 * time.Second); len(found) < max(c.want, 1) && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				var err error
				found, _, err = l.store.Events.List(t.Context(), ledger.Filter{Kind: "connection.broken"}, broker.Page{})
				must(t, err)
				if failed, _, _ := l.store.Events.List(t.Context(), ledger.Filter{Kind: "login.failed"}, broker.Page{}); c.want == 0 && len(failed) == 3 {
					break // written together, or after it
				}
			}
			if len(found) != c.want {
				t.Fatalf("%+v", found)
			}
			if c.want > 0 && (found[0].Connection != "acme-idp" || found[0].Code != "email.malformed" || !strings.Contains(string(found[0].After), `"people":3`)) {
				t.Errorf("%+v", found[0])
			}
		})
	}
}
