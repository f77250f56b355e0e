package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/storetest"
	"cloakroom/templates"
)

// acme has one domain with two connections, one domain with one, a hidden connection, and a switched-off one.
func acme(t *testing.T) *world {
	w := newWorld(t, storetest.SQLite(t))
	w.realm("acme", func(r *broker.Realm) { r.DefaultClientID = "app" })
	w.client("acme", nil)
	w.domain("acme", "acme.example")
	w.domain("acme", "lab.example")
	w.connection("acme", "acme-okta", []string{"acme.example"}, nil)
	w.connection("acme", "acme-entra", []string{"acme.example", "lab.example"}, func(c *broker.Connection) { c.Alias = "Entra ID" })
	w.connection("acme", "acme-hidden", nil, func(c *broker.Connection) { c.HideOnLogin = true })
	w.connection("acme", "acme-off", []string{"acme.example"}, func(c *broker.Connection) { c.Enabled = false })
	w.realm("globex", func(r *broker.Realm) { r.DefaultClientID = "app" })
	w.client("globex", nil)
	w.domain("globex", "globex.example")
	w.connection("globex", "globex-adfs", []string{"globex.example"}, nil)
	return w
}

// own is the address of the login's page that a request has led to.
func own(p page) string {
	path, _, _ := strings.Cut(p.path, "?")
	return path
}

func TestHints(t *testing.T) {
	w := acme(t)
	w.person("acme", "pinned@elsewhere.example", func(u *broker.User) { u.PinnedConnection = "acme-hidden" })
	w.person("acme", "pinned@acme.example", func(u *broker.User) { u.PinnedConnection = "acme-entra" })
	w.person("acme", "stale@lab.example", func(u *broker.User) { u.PinnedConnection = "acme-off" })
	w.person("acme", "gone@lab.example", func(u *broker.User) { u.PinnedConnection = "no-such" })
	w.person("acme", "foreign@lab.example", func(u *broker.User) { u.PinnedConnection = "globex-adfs" })
	for _, tt := range []struct {
		name  string
		extra []string
		want  string
	}{
		{"none", nil, "OK"},
		{"slug", []string{"kc_idp_hint", "acme-okta"}, "idp acme-okta"},
		{"the other name", []string{"idp_hint", "acme-okta"}, "idp acme-okta"},
		{"alias", []string{"kc_idp_hint", "Entra ID"}, "idp acme-entra"},
		{"hidden", []string{"kc_idp_hint", "acme-hidden"}, "idp acme-hidden"},
		{"unknown", []string{"kc_idp_hint", "nobody"}, "OK"},
		{"unknown beats the address", []string{"kc_idp_hint", "nobody", "login_hint", "ada@lab.example"}, "OK"},
		{"switched off", []string{"kc_idp_hint", "acme-off"}, "OK"},
		{"another realm's", []string{"kc_idp_hint", "globex-adfs"}, "OK"},
		{"empty", []string{"kc_idp_hint", "", "login_hint", "ada@lab.example"}, "OK"},
		{"address", []string{"login_hint", "ada@lab.example"}, "idp acme-entra"},
		{"address in capitals", []string{"login_hint", " Ada@LAB.example "}, "idp acme-entra"},
		{"hint beats address", []string{"kc_idp_hint", "acme-okta", "login_hint", "ada@lab.example"}, "idp acme-okta"},
		{"two connections", []string{"login_hint", "ada@acme.example"}, "OK"},
		{"sub-domain", []string{"login_hint", "ada@mail.lab.example"}, "OK"},
		{"another realm's address", []string{"login_hint", "ada@globex.example"}, "OK"},
		{"no address", []string{"login_hint", "ada"}, "OK"},
		{"domain", []string{"domain_hint", "LAB.example"}, "idp acme-entra"},
		{"no domain", []string{"domain_hint", "lab"}, "OK"},
		{"another realm's domain", []string{"domain_hint", "globex.example"}, "OK"},
		{"own connection", []string{"login_hint", "pinned@acme.example"}, "idp acme-entra"},
		{"own connection, foreign address", []string{"login_hint", "pinned@elsewhere.example"}, "idp acme-hidden"},
		{"own connection is off", []string{"login_hint", "stale@lab.example"}, "idp acme-entra"},
		{"own connection is gone", []string{"login_hint", "gone@lab.example"}, "idp acme-entra"},
		{"own connection is another realm's", []string{"login_hint", "foreign@lab.example"}, "idp acme-entra"},
		{"silent", []string{"prompt", "none"}, "app login_required"},
		{"silent with a hint", []string{"prompt", "none", "kc_idp_hint", "acme-okta"}, "app login_required"},
		{"realm_hint says nothing outside a hub", []string{"realm_hint", "globex", "kc_idp_hint", "acme-okta"}, "idp acme-okta"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantAt(t, w.browser().authorize("acme", tt.extra...), tt.want) })
	}
	wantAt(t, w.browser().authorize("globex"), "idp globex-adfs")
	wantAt(t, w.browser().authorize("globex", "kc_idp_hint", "nobody"), "OK")
}

func TestSilentWithSession(t *testing.T) {
	w := acme(t)
	b := w.browser()
	p := b.answer(b.authorize("acme", "kc_idp_hint", "acme-okta"), identity{Sub: "1", Email: "ada@acme.example"})
	wantAt(t, p, "app code")
	wantAt(t, b.authorize("acme", "prompt", "none"), "app code")
	wantAt(t, b.authorize("acme", "prompt", "none", "max_age", "0"), "app login_required")
	wantAt(t, w.browser().authorize("acme", "prompt", "none"), "app login_required")
	wantAt(t, b.authorize("globex", "prompt", "none"), "app login_required")

	u, err := w.store.Users.ByEmail(t.Context(), "acme", "ada@acme.example")
	must(t, err)
	u.Status = broker.StatusHeld
	must(t, w.store.Users.Update(t.Context(), u))
	wantAt(t, b.authorize("acme", "prompt", "none"), "app login_required")
	u.Status, u.Blocked = broker.StatusActive, true
	must(t, w.store.Users.Update(t.Context(), u))
	wantAt(t, b.authorize("acme", "prompt", "none"), "app login_required")
}

func TestChoiceIsRemembered(t *testing.T) {
	w := acme(t)
	b := w.browser()
	p := b.authorize("acme", "login_hint", "ada@acme.example")
	wantButtons(t, p, "acme-entra", "acme-okta")
	if !strings.Contains(p.Body.String(), "?other=1") || strings.Contains(p.Body.String(), `name="email"`) {
		t.Errorf("no way to the others on\n%s", p.Body)
	}
	wantAt(t, b.get(own(p)+"/go/acme-entra"), "idp acme-entra")

	p = b.authorize("acme", "login_hint", "ben@acme.example")
	wantAt(t, p, "idp acme-entra")
	page := own(p)
	p = b.get(page) // Back
	wantButtons(t, p, "acme-entra", "acme-okta")
	p = b.get(page + "?other=1")
	wantButtons(t, p, "acme-okta", "acme-entra") // by name, as the realm's page has them
	if !strings.Contains(p.Body.String(), `name="email"`) {
		t.Errorf("no email field among all ways in:\n%s", p.Body)
	}
	wantAt(t, b.get(page+"/go/acme-okta"), "idp acme-okta")
	wantAt(t, b.authorize("acme", "login_hint", "ben@acme.example"), "idp acme-okta")
	wantAt(t, b.authorize("acme", "login_hint", "ben@acme.example", "prompt", "select_account"), "OK")
	wantAt(t, b.authorize("acme", "login_hint", "ben@acme.example", "kc_idp_hint", ""), "OK")
	wantAt(t, w.browser().authorize("acme", "login_hint", "ben@acme.example"), "OK")

	// A hint, no more: what is remembered must be among what may be used now.
	c, err := w.store.Connections.Get(t.Context(), "acme-okta")
	must(t, err)
	c.Enabled = false
	must(t, w.store.Connections.Update(t.Context(), c))
	w.forget()
	wantAt(t, b.authorize("acme", "login_hint", "ben@acme.example"), "idp acme-entra") // the only one left
	b.jar["cr_way"] = "AAAA" + b.jar["cr_way"][4:]
	wantAt(t, b.authorize("acme", "login_hint", "ben@acme.example"), "idp acme-entra")

	// What is no choice among several is not remembered.
	fresh := w.browser()
	fresh.get(own(fresh.authorize("acme")) + "/go/acme-entra")
	if fresh.jar["cr_way"] != "" {
		t.Error("a choice without an address was remembered")
	}
}

func TestEmailField(t *testing.T) {
	w := acme(t)
	w.person("acme", "known@lab.example", nil)
	for _, tt := range []struct{ name, email, want, says string }{
		{"one connection", "known@lab.example", "idp acme-entra", ""},
		{"nobody of that name", "unknown@lab.example", "idp acme-entra", ""},
		{"several", "ada@acme.example", "OK", "/go/acme-okta"},
		{"another realm's", "ada@globex.example", "OK", "We know no sign-in page"},
		{"nobody's", "ada@nobody.example", "OK", "We know no sign-in page"},
		{"malformed", "ada@@lab.example", "Unprocessable Entity", "name@company.com"},
		{"none", "  ", "Unprocessable Entity", "Enter your work email"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := w.browser()
			p := b.authorize("acme")
			got := b.post(own(p), url.Values{"email": {tt.email}})
			wantAt(t, got, tt.want)
			if !strings.Contains(got.Body.String(), tt.says) {
				t.Errorf("no %q in\n%s", tt.says, got.Body)
			}
		})
	}
}

// TestEnumeration: what is answered to an address does not tell whether somebody has it.
func TestEnumeration(t *testing.T) {
	w := acme(t)
	w.realm("hub", hub)
	w.client("hub", nil)
	for _, domain := range []string{"acme.example", "lab.example", "nobody.example"} {
		w.person("acme", "known@"+domain, func(u *broker.User) { u.Status = broker.StatusPending })
	}
	ask := func(start func(*browser) (string, url.Values), address string) string {
		b := w.browser()
		to, form := start(b)
		form.Set("email", address)
		p := b.do(http.MethodPost, to, form)
		body, location := p.Body.String(), p.Header().Get("Location")
		if u, err := url.Parse(location); err == nil && u.Host != "" {
			q := u.Query()
			q.Del("state")
			u.RawQuery = q.Encode()
			location = u.String()
		} else if location != "" {
			body += b.get(location).Body.String()
		}
		all := fmt.Sprint(p.Code, location, body)
		for _, ref := range refs(all) {
			all = strings.ReplaceAll(all, ref, "REF")
		}
		return strings.NewReplacer(address, "ADDRESS", url.QueryEscape(address), "ADDRESS").Replace(all)
	}
	for name, start := range map[string]func(*browser) (string, url.Values){
		"realm": func(b *browser) (string, url.Values) { return own(b.authorize("acme")), url.Values{} },
		"hub":   func(b *browser) (string, url.Values) { return own(b.authorize("hub")), url.Values{} },
		"hub, hinted": func(b *browser) (string, url.Values) {
			return own(b.authorize("hub", "realm_hint", "acme")), url.Values{}
		},
		"/login":      func(*browser) (string, url.Values) { return "/login", url.Values{} },
		"/login?hub=": func(*browser) (string, url.Values) { return "/login", url.Values{"hub": {"hub"}} },
	} {
		for _, domain := range []string{"acme.example", "lab.example", "nobody.example"} {
			t.Run(name+" "+domain, func(t *testing.T) {
				known, unknown := ask(start, "known@"+domain), ask(start, "nope@"+domain)
				if known != unknown {
					t.Errorf("the answers differ:\n%s\n%s", known, unknown)
				}
			})
		}
	}
}

// refs finds the references of logins in a page.
func refs(s string) []string {
	var out []string
	for _, part := range strings.Split(s, "/login/")[1:] {
		if len(part) >= 9 && part[4] == '-' {
			out = append(out, part[:9])
		}
	}
	return out
}

func TestWhere(t *testing.T) {
	w := acme(t)
	w.person("acme", "pinned@lab.example", func(u *broker.User) { u.PinnedConnection = "acme-hidden" })
	w.realm("quiet", nil)
	w.domain("quiet", "quiet.example")
	w.connection("quiet", "quiet-okta", []string{"quiet.example"}, nil)
	w.realm("hub", hub)
	w.client("hub", nil)
	for _, tt := range []struct{ name, hub, email, want, says string }{
		{"found", "", "ada@lab.example", "idp acme-entra", ""},
		{"pinned", "", "pinned@lab.example", "idp acme-hidden", ""},
		{"several", "", "ada@acme.example", "OK", "/go/acme-okta"},
		{"unknown", "", "ada@nobody.example", "OK", "We know no sign-in page"},
		{"no application", "", "ada@quiet.example", "Not Found", ""},
		{"the hub has one", "hub", "ada@quiet.example", "idp quiet-okta", ""},
		{"unknown at the hub", "hub", "ada@nobody.example", "OK", "We know no sign-in page"},
		{"no hub", "acme", "ada@lab.example", "Not Found", ""},
		{"no realm", "nowhere", "ada@lab.example", "Not Found", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := w.browser().post("/login", url.Values{"email": {tt.email}, "hub": {tt.hub}})
			wantAt(t, p, tt.want)
			if !strings.Contains(p.Body.String(), tt.says) {
				t.Errorf("no %q in\n%s", tt.says, p.Body)
			}
		})
	}
	p := w.browser().get("/login?hub=hub&login_hint=ada@x.example&return_to=https://app.example/cb")
	for _, want := range []string{`name="hub" value="hub"`, `name="return_to" value="https://app.example/cb"`, `value="ada@x.example"`, "The hub company"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, p.Body)
		}
	}
}

// TestSomebodyElseTyped: /login does not take the person who types an address for the one who was here before.
func TestSomebodyElseTyped(t *testing.T) {
	w := acme(t)
	b := w.browser()
	b.answer(b.authorize("acme", "kc_idp_hint", "acme-entra"), identity{Sub: "1", Email: "ada@lab.example"})
	wantAt(t, b.post("/login", url.Values{"email": {"Ada@lab.example"}}), "app https://app.example/")
	wantAt(t, b.post("/login", url.Values{"email": {"ben@lab.example"}}), "idp acme-entra")
}

func TestDirectLink(t *testing.T) {
	w := acme(t)
	w.realm("hub", hub)
	w.client("hub", nil)
	// An alias of the realm that is another connection's slug leads nobody astray.
	w.connection("acme", "acme-last", nil, func(c *broker.Connection) { c.Alias = "acme-okta-2" })
	w.connection("acme", "acme-okta-2", nil, func(c *broker.Connection) { c.Alias = "second" })
	w.connection("hub", "hub-google", nil, func(c *broker.Connection) { c.Alias = "globex-adfs" })
	for target, want := range map[string]string{
		"/broker/acme-okta-2/login":                                          "idp acme-okta-2",
		"/broker/acme-okta/login?login_hint=ada@lab.example":                 "idp acme-okta",
		"/broker/acme-off/login":                                             "Forbidden",
		"/broker/globex-adfs/login?hub=hub":                                  "idp globex-adfs",
		"/broker/globex-adfs/login?hub=acme":                                 "Not Found",
		"/broker/globex-adfs/login?hub=hub&client_id=none":                   "Not Found",
		"/broker/globex-adfs/login?hub=hub&return_to=https://evil.example/":  "Bad Request",
		"/broker/globex-adfs/login?hub=hub&return_to=https://app.example/cb": "idp globex-adfs",
	} {
		wantAt(t, w.browser().get(target), want)
	}
	b := w.browser()
	p := b.answer(b.get("/broker/globex-adfs/login?hub=hub"), identity{Sub: "1", Email: "ada@globex.example"})
	wantAt(t, p, "app https://app.example/")
	_, claims := b.redeem("hub", b.authorize("hub", "prompt", "none"))
	if claims["realm"] != "globex" {
		t.Errorf("realm %v", claims["realm"])
	}
}

// TestManyConnections: a realm's page lists twelve, the rest by search and page by page.
func TestManyConnections(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.realm("many", nil)
	w.client("many", nil)
	for i := range 40 {
		w.connection("many", fmt.Sprintf("c%02d", i), nil, func(c *broker.Connection) { c.DisplayName = fmt.Sprintf("Company %02d Łódź-Süd", i) })
	}
	w.connection("many", "secret", nil, func(c *broker.Connection) { c.DisplayName, c.HideOnLogin = "Company hidden", true })
	w.connection("many", "off", nil, func(c *broker.Connection) { c.DisplayName, c.Enabled = "Company off", false })
	w.realm("other", nil)
	w.connection("other", "foreign", nil, func(c *broker.Connection) { c.DisplayName = "Company foreign" })
	b := w.browser()
	p := b.authorize("many")
	page := own(p)
	seen := map[string]bool{}
	for range 4 {
		for _, slug := range p.buttons() {
			if seen[slug] {
				t.Errorf("%s twice", slug)
			}
			seen[slug] = true
		}
		if !strings.Contains(p.Body.String(), `role="search"`) {
			t.Fatalf("no search on\n%s", p.Body)
		}
		p = b.get(page + "?cursor=" + p.buttons()[len(p.buttons())-1])
		if len(seen) == 40 {
			break
		}
	}
	if len(seen) != 40 || seen["secret"] || seen["off"] || seen["foreign"] {
		t.Errorf("%d seen: %v", len(seen), seen)
	}
	for q, want := range map[string][]string{
		"company 07": {"c07"}, "07": {"c07"}, "ŁÓD 11": {"c11"}, "C03": {"c03"}, "süd-12": {"c12"},
		"hidden": nil, "off": nil, "foreign": nil, "ompany 07": nil, "%": nil, "7' OR '1'='1": nil, "\x00\xff": nil, "  ": {"c00", "c01", "c02", "c03", "c04", "c05", "c06", "c07", "c08", "c09", "c10", "c11"},
	} {
		wantButtons(t, b.get(page+"?q="+url.QueryEscape(q)), want...)
	}
	if got := b.get(page + "?q=company").buttons(); len(got) != 12 {
		t.Errorf("%d found", len(got))
	}
	wantButtons(t, b.get(page+"?cursor=nowhere"))
	wantAt(t, b.get(page+"?cursor=%27&q="+strings.Repeat("x", 5000)), "OK")

	// A client that takes few of them offers those few.
	w.realm("few", nil)
	for i := range 30 {
		w.connection("few", fmt.Sprintf("f%02d", i), nil, nil)
	}
	w.client("few", func(c *broker.Client) { c.Connections = []string{"f25", "f29", "secret"} })
	p = w.browser().authorize("few")
	wantButtons(t, p, "f25", "f29")
}

func TestLocalLink(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.realm("acme", func(r *broker.Realm) { r.LocalLogin = []string{"email_code"} })
	w.client("acme", nil)
	w.connection("acme", "acme-okta", nil, nil)
	p := w.browser().authorize("acme")
	wantAt(t, p, "OK")
	if !strings.Contains(p.Body.String(), own(p)+`/local"`) {
		t.Errorf("no link to the local ways in:\n%s", p.Body)
	}
	w.client("acme", func(c *broker.Client) { c.ClientID, c.Connections = "narrow", []string{"acme-okta"} })
	wantAt(t, w.browser().authorize("acme", "client_id", "narrow"), "idp acme-okta")
	if p := acme(t).browser().authorize("acme"); strings.Contains(p.Body.String(), `/local"`) {
		t.Error("a link to ways in that the realm does not have")
	}
}

// TestEnforcedRoutes: addresses of a domain with an enforced connection are sent nowhere else.
func TestEnforcedRoutes(t *testing.T) {
	w := acme(t)
	w.connection("acme", "acme-only", []string{"acme.example"}, func(c *broker.Connection) { c.Enforced = true })
	w.person("acme", "bound@acme.example", func(u *broker.User) { u.PinnedConnection = "acme-okta" })
	w.person("acme", "free@acme.example", func(u *broker.User) { u.PinnedConnection, u.Excluded = "acme-okta", true })
	for address, want := range map[string]string{
		"ada@acme.example": "idp acme-only", "bound@acme.example": "idp acme-only", "free@acme.example": "idp acme-okta", "ada@lab.example": "idp acme-entra",
	} {
		wantAt(t, w.browser().authorize("acme", "login_hint", address), want)
	}
}

func TestEmailFieldIsLimited(t *testing.T) {
	w := acme(t)
	b := w.browser()
	last := page{}
	for range 31 {
		last = b.post("/login", url.Values{"email": {"ada@nobody.example"}})
	}
	wantAt(t, last, "Too Many Requests")
	if fault.Lookup(fault.RateLimited).Status != http.StatusTooManyRequests || !strings.Contains(last.Body.String(), "too many attempts") {
		t.Errorf("%s says\n%s", templates.EmailTooMany, last.Body)
	}
}
