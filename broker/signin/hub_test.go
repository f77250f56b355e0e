package signin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/store/storetest"
)

// market is a hub with two customers and one way in of its own.
func market(t *testing.T) *world {
	w := newWorld(t, storetest.SQLite(t))
	w.realm("market", hub)
	w.client("market", nil)
	w.connection("market", "market-google", nil, func(c *broker.Connection) { c.EmailTrust = "verified_claim" })
	for _, name := range []string{"acme", "globex"} {
		w.realm(name, func(r *broker.Realm) { r.DefaultClientID = "app" })
		w.client(name, nil)
		w.domain(name, name+".example")
		w.connection(name, name+"-okta", []string{name + ".example"}, func(c *broker.Connection) { c.Alias = "okta" })
	}
	return w
}

func TestHubRoutes(t *testing.T) {
	w := market(t)
	w.connection("globex", "globex-old", nil, nil)
	w.person("acme", "contractor@elsewhere.example", func(u *broker.User) { u.PinnedConnection = "acme-okta" })
	for _, tt := range []struct {
		name  string
		extra []string
		want  string
	}{
		{"nothing known", nil, "OK"},
		{"address", []string{"login_hint", "ada@acme.example"}, "idp acme-okta"},
		{"domain", []string{"domain_hint", "globex.example"}, "idp globex-okta"},
		{"slug", []string{"kc_idp_hint", "acme-okta"}, "idp acme-okta"},
		{"alias of no realm in particular", []string{"kc_idp_hint", "okta"}, "OK"},
		{"alias of the hinted realm", []string{"kc_idp_hint", "okta", "realm_hint", "globex"}, "idp globex-okta"},
		{"realm with one connection", []string{"realm_hint", "acme"}, "idp acme-okta"},
		{"realm with two", []string{"realm_hint", "globex"}, "OK"},
		{"realm and its address", []string{"realm_hint", "globex", "login_hint", "ada@globex.example"}, "idp globex-okta"},
		{"realm and another's address", []string{"realm_hint", "globex", "login_hint", "ada@acme.example"}, "OK"},
		{"realm and another's connection", []string{"realm_hint", "globex", "kc_idp_hint", "acme-okta"}, "OK"},
		{"realm's own contractor", []string{"realm_hint", "acme", "login_hint", "contractor@elsewhere.example"}, "idp acme-okta"},
		{"contractor of nobody in particular", []string{"login_hint", "contractor@elsewhere.example"}, "OK"},
		{"unknown realm", []string{"realm_hint", "nobody"}, "Not Found"},
		{"no realm's name", []string{"realm_hint", "../acme"}, "Not Found"},
		{"unknown realm, silent", []string{"realm_hint", "nobody", "prompt", "none"}, "app login_required"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantAt(t, w.browser().authorize("market", tt.extra...), tt.want) })
	}
}

// TestHubListsNoTenants: a stranger learns from a hub's page who its customers are neither by looking nor by searching.
func TestHubListsNoTenants(t *testing.T) {
	w := market(t)
	w.connection("globex", "globex-old", nil, nil)
	b := w.browser()
	p := b.authorize("market")
	wantButtons(t, p, "market-google")
	for _, ask := range []string{"?q=acme", "?q=acme-okta", "?q=okta", "?cursor=acme-okta", "?other=1", "?q=a&other=1"} {
		if got := b.get(own(p) + ask); strings.Contains(got.Body.String(), "/go/acme") || strings.Contains(got.Body.String(), "/go/globex") {
			t.Errorf("%s lists tenants:\n%s", ask, got.Body)
		}
	}
	wantButtons(t, b.authorize("market", "realm_hint", "globex"), "globex-old", "globex-okta")
}

func TestHubTokens(t *testing.T) {
	w := market(t)
	// One address, two home realms: in globex an operator vouches for it.
	w.connection("globex", "globex-any", nil, func(c *broker.Connection) { c.EmailTrust = "any" })
	a, g := w.browser(), w.browser()
	ada := identity{Sub: "1", Email: "ada@free.example"}
	w.connection("acme", "acme-any", nil, func(c *broker.Connection) { c.EmailTrust = "any" })
	ta, ca := a.redeem("market", a.answer(a.authorize("market", "kc_idp_hint", "acme-any"), ada))
	_, cg := g.redeem("market", g.answer(g.authorize("market", "kc_idp_hint", "globex-any"), ada))
	if ca["realm"] != "acme" || cg["realm"] != "globex" || ca["email"] != cg["email"] {
		t.Errorf("claims %v and %v", ca, cg)
	}
	if ca["sub"] == cg["sub"] || ca["sub"] == "" {
		t.Errorf("one subject for two people: %v", ca["sub"])
	}
	if ca["iss"] != base+"/realms/market" || cg["iss"] != ca["iss"] {
		t.Errorf("issuers %v and %v", ca["iss"], cg["iss"])
	}
	if a.jar["cr_s_market"] == "" || a.jar["cr_s_acme"] != "" {
		t.Errorf("the session is the hub's: %v", a.jar)
	}
	// The hub's session is none in the person's own realm.
	wantAt(t, a.authorize("acme", "prompt", "none"), "app login_required")

	access, _ := ta["access_token"].(string)
	if got := userinfo(w, "market", access); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"realm":"acme"`) {
		t.Errorf("userinfo: %d %s", got.Code, got.Body)
	}
	if got := userinfo(w, "acme", access); got.Code == http.StatusOK {
		t.Errorf("the hub's token is good in acme: %s", got.Body)
	}

	refresh := func(tokens map[string]any) (int, map[string]any) {
		rt, _ := tokens["refresh_token"].(string)
		return a.token("market", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {rt}})
	}
	status, ta := refresh(ta)
	if status != http.StatusOK {
		t.Fatalf("refresh: %d %v", status, ta)
	}
	u, err := w.store.Users.ByEmail(t.Context(), "acme", "ada@free.example")
	must(t, err)
	u.Blocked = true
	must(t, w.store.Users.Update(t.Context(), u))
	if status, m := refresh(ta); status != http.StatusBadRequest || m["error"] != "invalid_grant" {
		t.Errorf("a blocked person's refresh: %d %v", status, m)
	}
	if got := userinfo(w, "market", access); got.Code != http.StatusUnauthorized {
		t.Errorf("a blocked person's userinfo: %d %s", got.Code, got.Body)
	}
	wantAt(t, a.authorize("market", "prompt", "none"), "app login_required")
}

func userinfo(w *world, realm, access string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, "/realms/"+realm+"/protocol/openid-connect/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+access)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	return rec
}

func TestHomeRealmIsGone(t *testing.T) {
	w := market(t)
	b := w.browser()
	tokens, _ := b.redeem("market", b.answer(b.authorize("market", "kc_idp_hint", "acme-okta"), identity{Sub: "1", Email: "ada@acme.example"}))
	must(t, w.store.Realms.Delete(t.Context(), "acme"))
	w.forget()
	rt, _ := tokens["refresh_token"].(string)
	if status, m := b.token("market", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {rt}}); status != http.StatusBadRequest {
		t.Errorf("refresh: %d %v", status, m)
	}
	access, _ := tokens["access_token"].(string)
	if got := userinfo(w, "market", access); got.Code != http.StatusUnauthorized {
		t.Errorf("userinfo: %d %s", got.Code, got.Body)
	}
	wantAt(t, b.authorize("market", "prompt", "none"), "app login_required")
}

// TestHubSessionOfOneRealm: the session of one realm's person stands for no other realm's.
func TestHubSessionOfOneRealm(t *testing.T) {
	w := market(t)
	w.client("market", func(c *broker.Client) { c.ClientID, c.PinnedRealm = "globex-only", "globex" })
	b := w.browser()
	b.answer(b.authorize("market", "kc_idp_hint", "acme-okta"), identity{Sub: "1", Email: "ada@acme.example"})
	for _, tt := range []struct {
		name  string
		extra []string
		want  string
	}{
		{"anybody", nil, "app code"},
		{"anybody, silent", []string{"prompt", "none"}, "app code"},
		{"own realm", []string{"realm_hint", "acme"}, "app code"},
		{"other realm", []string{"realm_hint", "globex"}, "idp globex-okta"},
		{"other realm, silent", []string{"realm_hint", "globex", "prompt", "none"}, "app login_required"},
		{"other realm's connection", []string{"kc_idp_hint", "globex-okta"}, "idp globex-okta"},
		{"other realm's connection, silent", []string{"kc_idp_hint", "globex-okta", "prompt", "none"}, "app login_required"},
		{"pinned client", []string{"client_id", "globex-only"}, "idp globex-okta"},
		{"pinned client, silent", []string{"client_id", "globex-only", "prompt", "none"}, "app login_required"},
		{"pinned client, other hint", []string{"client_id", "globex-only", "realm_hint", "acme"}, "Forbidden"},
		{"pinned client, other connection", []string{"client_id", "globex-only", "kc_idp_hint", "acme-okta"}, "OK"},
		{"pinned client, other address", []string{"client_id", "globex-only", "login_hint", "ada@acme.example"}, "idp globex-okta"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantAt(t, b.authorize("market", tt.extra...), tt.want) })
	}

	// A realm that is no hub any more keeps nobody else's person signed in.
	r, err := w.store.Realms.Get(t.Context(), "market")
	must(t, err)
	r.Hub = false
	must(t, w.store.Realms.Update(t.Context(), r))
	w.forget()
	wantAt(t, b.authorize("market", "prompt", "none"), "app login_required")
	wantAt(t, b.authorize("market", "kc_idp_hint", "acme-okta"), "OK")
}

// TestHubAttacks: no realm's connection makes a session at the hub for another realm's person. Each case is an identity
// provider that says what it likes; nothing may come of it, and nobody may be made.
func TestHubAttacks(t *testing.T) {
	w := market(t)
	w.connection("globex", "globex-social", nil, func(c *broker.Connection) { c.EmailTrust = "verified_claim" })
	w.connection("globex", "globex-any", nil, func(c *broker.Connection) { c.EmailTrust = "any" })
	w.connection("globex", "globex-listed", []string{"acme.example"}, nil)
	victim := w.person("acme", "ada@acme.example", nil)
	for _, tt := range []struct {
		name, connection string
		says             identity
	}{
		{"own domain's connection", "globex-okta", identity{Sub: "1", Email: "ada@acme.example"}},
		{"capitals", "globex-okta", identity{Sub: "2", Email: "ADA@ACME.EXAMPLE"}},
		{"claimed as verified", "globex-okta", identity{Sub: "3", Email: "ada@acme.example", Verified: true}},
		{"proved elsewhere", "globex-social", identity{Sub: "4", Email: "ada@acme.example", Verified: true}},
		{"not proved", "globex-social", identity{Sub: "5", Email: "ada@free.example"}},
		{"vouched for", "globex-any", identity{Sub: "6", Email: "ada@acme.example", Verified: true}},
		{"domain listed, not verified", "globex-listed", identity{Sub: "7", Email: "ada@acme.example", Verified: true}},
		{"the hub's own connection", "market-google", identity{Sub: "8", Email: "ada@acme.example", Verified: true}},
		{"trailing dot", "globex-any", identity{Sub: "9", Email: "ada@acme.example."}},
		{"full width", "globex-any", identity{Sub: "10", Email: "ada@ａcme.example"}},
		{"two", "globex-any", identity{Sub: "11", Email: "ben@globex.example, ada@acme.example"}},
		{"none", "globex-any", identity{Sub: "12"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := w.browser()
			p := b.answer(b.authorize("market", "kc_idp_hint", tt.connection), tt.says)
			if p.Code < 400 || p.Code >= 500 || b.jar["cr_s_market"] != "" {
				t.Fatalf("led to %s, jar %v", p.at(), b.jar)
			}
		})
	}
	for _, realm := range []string{"market", "globex"} {
		if us, _, err := w.store.Users.List(t.Context(), realm, broker.Page{}); err != nil || len(us) > 0 {
			t.Errorf("%s has %d people: %v", realm, len(us), err)
		}
	}
	if ls, err := w.store.Links.ByUser(t.Context(), victim.ID); err != nil || len(ls) > 0 {
		t.Errorf("the victim has links: %v %v", ls, err)
	}
	// Towards globex's own application the proved address is good (contract, section 5.2), and is globex's person.
	b := w.browser()
	_, claims := b.redeem("globex", b.answer(b.authorize("globex", "kc_idp_hint", "globex-social"), identity{Sub: "4", Email: "ada@acme.example", Verified: true}))
	if claims["realm"] != "globex" || claims["sub"] == victim.ID {
		t.Errorf("claims %v", claims)
	}
	// Known by now, it is still no way into the hub.
	wantAt(t, b.answer(b.authorize("market", "kc_idp_hint", "globex-social"), identity{Sub: "4", Email: "ada@acme.example", Verified: true}), "Forbidden")
}

// TestAnswerOfAnotherConnection: what one customer's identity provider answers is nothing at another's endpoint, below
// the hub too.
func TestAnswerOfAnotherConnection(t *testing.T) {
	w := market(t)
	b := w.browser()
	p := b.authorize("market", "kc_idp_hint", "globex-okta")
	q := url.Values{"state": {p.query("state")}, "code": {codeOf(identity{Sub: "1", Email: "ada@acme.example"})}}
	wantAt(t, b.get("/broker/acme-okta/endpoint?"+q.Encode()), "Bad Request")

	// Nor does picking another realm's connection help where one realm was asked for.
	w.connection("globex", "globex-old", nil, nil)
	w.forget()
	p = b.authorize("market", "realm_hint", "globex")
	wantAt(t, b.get(own(p)+"/go/acme-okta"), "Forbidden")
	wantAt(t, b.post(own(p), url.Values{"email": {"ada@acme.example"}}), "OK")
	wantAt(t, b.get(own(p)+"/go/nobody"), "Not Found")
}
