package op_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

// Until client and redirect URI are known to be good nothing is sent anywhere: the person sees a page.
func TestAuthorizePages(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("two", func(c *broker.Client) { c.RedirectURIs = []string{"https://app.example/a", "https://app.example/b"} })
	w.client("off", func(c *broker.Client) { c.Enabled = false })
	w.realm("umbra", false)
	for name, change := range map[string]func(url.Values){
		"no client":             func(v url.Values) { v.Del("client_id") },
		"unknown client":        func(v url.Values) { v.Set("client_id", "nobody") },
		"switched off":          func(v url.Values) { v.Set("client_id", "off") },
		"two clients":           func(v url.Values) { v.Add("client_id", "app") },
		"two redirects":         func(v url.Values) { v.Add("redirect_uri", "https://app.example/cb") },
		"another path":          func(v url.Values) { v.Set("redirect_uri", "https://app.example/cb/x") },
		"a query more":          func(v url.Values) { v.Set("redirect_uri", "https://app.example/cb?x=1") },
		"a fragment":            func(v url.Values) { v.Set("redirect_uri", "https://app.example/cb#x") },
		"another case":          func(v url.Values) { v.Set("redirect_uri", "https://APP.example/cb") },
		"user info":             func(v url.Values) { v.Set("redirect_uri", "https://app.example@evil.example/cb") },
		"another host":          func(v url.Values) { v.Set("redirect_uri", "https://evil.example/cb") },
		"none of two":           func(v url.Values) { v.Set("client_id", "two"); v.Del("redirect_uri") },
		"not UTF-8":             func(v url.Values) { v.Set("state", "\xff") },
		"too long":              func(v url.Values) { v.Set("state", strings.Repeat("x", 17<<10)) },
		"an unknown pushed one": func(v url.Values) { v.Set("request_uri", "urn:ietf:params:oauth:request_uri:"+strings.Repeat("x", 32)) },
	} {
		t.Run(name, func(t *testing.T) {
			v := request("app")
			change(v)
			for _, r := range []reply{get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode()), post(t, w.browser(), w.endpoint("auth"), v)} {
				if r.header.Get("Location") != "" || r.status < 400 || r.status > 499 || !strings.Contains(r.header.Get("Content-Type"), "text/html") {
					t.Errorf("answered %d to %q", r.status, r.header.Get("Location"))
				}
			}
		})
	}
	if r := get(t, w.browser(), strings.Replace(w.endpoint("auth"), "acme", "umbra", 1)+"?"+request("app").Encode()); r.status != 400 || r.header.Get("Location") != "" {
		t.Errorf("a client of another realm: %d", r.status)
	}
	if r := get(t, w.browser(), strings.Replace(w.endpoint("auth"), "acme", "nowhere", 1)+"?"+request("app").Encode()); r.status != 404 {
		t.Errorf("an unknown realm: %d", r.status)
	}
	if r := get(t, w.browser(), w.endpoint("auth")+"?%zz"); r.status != 400 {
		t.Errorf("a broken query: %d", r.status)
	}
}

// From then on the application hears what is wrong, with its state and who says so.
func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("spa", func(c *broker.Client) { c.Public, c.SecretHash = true, "" })
	w.client("par", func(c *broker.Client) { c.RequirePAR = true })
	w.client("job", func(c *broker.Client) { c.GrantTypes = []string{"client_credentials"} })
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"no response_type":    {func(v url.Values) { v.Del("response_type") }, "invalid_request"},
		"implicit":            {func(v url.Values) { v.Set("response_type", "id_token") }, "unsupported_response_type"},
		"hybrid":              {func(v url.Values) { v.Set("response_type", "code id_token") }, "unsupported_response_type"},
		"response_mode":       {func(v url.Values) { v.Set("response_mode", "telepathy") }, "invalid_request"},
		"twice":               {func(v url.Values) { v.Add("nonce", "n-2") }, "invalid_request"},
		"unknown twice":       {func(v url.Values) { v["foo"] = []string{"1", "2"} }, "invalid_request"},
		"plain PKCE":          {func(v url.Values) { v.Set("code_challenge_method", "plain") }, "invalid_request"},
		"PKCE without method": {func(v url.Values) { v.Del("code_challenge_method") }, "invalid_request"},
		"short challenge":     {func(v url.Values) { v.Set("code_challenge", "abc") }, "invalid_request"},
		"public without PKCE": {func(v url.Values) {
			v.Set("client_id", "spa")
			v.Del("code_challenge")
			v.Del("code_challenge_method")
		}, "invalid_request"},
		"prompt none login": {func(v url.Values) { v.Set("prompt", "none login") }, "invalid_request"},
		"prompt unknown":    {func(v url.Values) { v.Set("prompt", "please") }, "invalid_request"},
		"max_age":           {func(v url.Values) { v.Set("max_age", "-1") }, "invalid_request"},
		"request object":    {func(v url.Values) { v.Set("request", "e30.e30.") }, "request_not_supported"},
		"request_uri":       {func(v url.Values) { v.Set("request_uri", "https://app.example/r") }, "request_uri_not_supported"},
		"claims":            {func(v url.Values) { v.Set("claims", "[") }, "invalid_request"},
		"not pushed":        {func(v url.Values) { v.Set("client_id", "par") }, "invalid_request"},
		"no code grant":     {func(v url.Values) { v.Set("client_id", "job") }, "unauthorized_client"},
		"silent, nobody":    {func(v url.Values) { v.Set("prompt", "none") }, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			v := request("app")
			c.change(v)
			u := get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode()).location(t)
			q := u.Query()
			if u.Host != "app.example" || q.Get("error") != c.want || q.Get("state") != "st&te =1" || q.Get("iss") != w.issuer() || q.Get("code") != "" {
				t.Errorf("sent to %s", u)
			}
			for _, r := range q.Get("error_description") {
				if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
					t.Errorf("error_description %q", q.Get("error_description"))
				}
			}
		})
	}
}

func TestResponseModes(t *testing.T) {
	w := newWorld(t)
	w.client("app", func(c *broker.Client) {
		c.RedirectURIs = []string{"https://app.example/cb", "https://app.example/cb?tenant=a+b", "http://localhost:3000/cb"}
	})
	ask := func(mode, redirect string) reply {
		v := request("app")
		v.Set("response_mode", mode)
		if mode == "" {
			v.Del("response_mode")
		}
		v.Set("redirect_uri", redirect)
		return get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode())
	}
	if u := ask("query", "https://app.example/cb?tenant=a+b").location(t); u.Query().Get("tenant") != "a b" || u.Query().Get("code") == "" {
		t.Errorf("query: %s", u)
	}
	u := ask("fragment", "https://app.example/cb").location(t)
	if f, _ := url.ParseQuery(u.EscapedFragment()); f.Get("code") == "" || f.Get("state") != "st&te =1" || f.Get("session_state") == "" || u.RawQuery != "" || strings.Contains(u.String(), "+") {
		t.Errorf("fragment: %s", u)
	}
	r := ask("form_post", "https://app.example/cb")
	if r.status != 200 || !strings.Contains(r.body, `action="https://app.example/cb"`) || !strings.Contains(r.body, `name="code"`) {
		t.Errorf("form_post: %d %s", r.status, r.body)
	}
	if u := ask("", "http://localhost:49152/cb").location(t); u.Host != "localhost:49152" || u.Query().Get("code") == "" {
		t.Errorf("a loopback redirect may differ in port (RFC 8252): %s", u)
	}
	v := request("app")
	if r := post(t, w.browser(), w.endpoint("auth"), v); r.location(t).Query().Get("code") == "" {
		t.Errorf("POST: %d", r.status)
	}
}

// What the application asks reaches the engine.
func TestAuthorizeBecomesALogin(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	ask := func(pairs ...string) *broker.Login {
		v := request("app")
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode())
		return w.doorman.last
	}
	l := ask("kc_idp_hint", "acme-okta", "login_hint", "ada@acme.example", "domain_hint", "acme.example", "realm_hint", "acme",
		"ui_locales", "fr de", "kc_locale", "pl", "acr_values", "gold", "prompt", "login", "max_age", "60", "claims", `{"id_token":{"acr":{"values":["silver"]}}}`)
	if l.IdPHint != "acme-okta" || l.LoginHint != "ada@acme.example" || l.DomainHint != "acme.example" || l.RealmHint != "acme" ||
		strings.Join(l.UILocales, " ") != "pl fr de" || strings.Join(l.ACR, " ") != "gold silver" || !l.Fresh || l.MaxAge != time.Minute || l.ShowChooser {
		t.Errorf("%+v", l)
	}
	if l := ask(); l.MaxAge != -1 || l.Fresh || l.Passive || l.Select || l.ShowChooser {
		t.Errorf("a plain request: %+v", l)
	}
	if l := ask("idp_hint", "acme-okta"); l.IdPHint != "acme-okta" {
		t.Error("idp_hint is not kc_idp_hint")
	}
	if l := ask("kc_idp_hint", ""); !l.ShowChooser {
		t.Error("an empty kc_idp_hint shows the chooser")
	}
	if l := ask("max_age", "0"); l.MaxAge != 0 {
		t.Error("max_age=0 is not the same as none")
	}
	if l := ask("prompt", "select_account consent"); !l.Select {
		t.Error("select_account is lost")
	}
	if l := ask("login_hint", strings.Repeat("x", 400)); l.LoginHint != "" {
		t.Error("an endless hint is kept")
	}
	if b, err := json.Marshal(ask("state", strings.Repeat("s", 900))); err != nil || len(b) > 2500 {
		t.Errorf("a login of %d bytes does not fit a cookie", len(b))
	}
}

func TestPromptNone(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	b := w.browser()
	first := post(t, b, w.endpoint("token"), exchange("app", w.code(b, request("app")))).json(t)
	v := request("app")
	v.Set("prompt", "none")
	ask := func() string { return get(t, b, w.endpoint("auth")+"?"+v.Encode()).location(t).Query().Get("error") }
	if e := ask(); e != "" {
		t.Fatalf("signed in, and yet %s", e)
	}
	hint, _ := first["id_token"].(string)
	v.Set("id_token_hint", hint)
	if e := ask(); e != "" {
		t.Fatalf("with a hint of this person: %s", e)
	}
	v.Set("id_token_hint", hint[:len(hint)-4]+"AAAA")
	if e := ask(); e != "login_required" {
		t.Errorf("with a forged hint: %q", e)
	}
	v.Del("id_token_hint")
	w.user = w.person("acme", "grace@acme.example")
	other := w.tokens("app", request("app"))
	hint, _ = other["id_token"].(string)
	v.Set("id_token_hint", hint)
	if e := ask(); e != "login_required" {
		t.Errorf("with the hint of somebody else: %q", e)
	}
}

func TestDenials(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	for _, c := range []struct {
		code   fault.Code
		silent bool
		want   string // "" is a page
	}{
		{fault.LoginCancelled, false, "access_denied"}, {fault.Unavailable, false, "temporarily_unavailable"},
		{fault.LoginUpstreamBusy, false, "temporarily_unavailable"}, {fault.LoginInteraction, true, "interaction_required"},
		{fault.LoginBlocked, false, ""}, {fault.LoginBlocked, true, "login_required"}, {fault.EmailOutside, false, ""},
		{fault.LoginTaken, true, ""}, {fault.Internal, false, ""},
	} {
		w.doorman.refuse = fault.New(c.code, "of the test")
		v := request("app")
		if c.silent {
			v.Set("prompt", "none")
		}
		r := get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode())
		if c.want == "" {
			if r.header.Get("Location") != "" {
				t.Errorf("%s went to the application: %s", c.code, r.header.Get("Location"))
			}
			continue
		}
		if q := r.location(t).Query(); q.Get("error") != c.want || q.Get("state") != "st&te =1" {
			t.Errorf("%s: %v", c.code, q)
		}
	}
}

// Rule above all: no answer unless login, client, session and person belong together.
func TestRespondKeepsRealmsApart(t *testing.T) {
	w := newWorld(t)
	c := w.client("app", nil)
	w.client("picky", func(c *broker.Client) { c.Connections = []string{"acme-adfs"} })
	realm, err := w.store.Realms.Get(context.Background(), "acme")
	must(t, err)
	get(t, w.browser(), w.endpoint("auth")+"?"+request("app").Encode())
	seen := *w.doorman.last
	result := func() login.Result {
		l, cl, r, u := seen, *c, *realm, *w.user
		l.ID = broker.NewLoginID()
		return login.Result{Login: &l, Client: &cl, Realm: &r, User: &u, Session: &broker.Session{
			ID: "s", SID: "sid", Realm: "acme", HomeRealm: "acme", UserID: u.ID, Connection: "acme-okta", ExpiresAt: w.now().Add(time.Hour),
		}}
	}
	for name, c := range map[string]struct {
		change func(*login.Result)
		ok     bool
	}{
		"as it should be":                    {func(*login.Result) {}, true},
		"a hub's own person":                 {func(r *login.Result) { r.Realm.Hub = true }, true},
		"a person of another realm at a hub": {func(r *login.Result) { r.Realm.Hub, r.User.Realm, r.Session.HomeRealm = true, "umbra", "umbra" }, true},
		"a person of another realm":          {func(r *login.Result) { r.User.Realm, r.Session.HomeRealm = "umbra", "umbra" }, false},
		"a session of another realm":         {func(r *login.Result) { r.Session.Realm = "umbra" }, false},
		"another person's session":           {func(r *login.Result) { r.Session.UserID = "x" }, false},
		"a home that is not the person's":    {func(r *login.Result) { r.Session.HomeRealm = "umbra" }, false},
		"another client":                     {func(r *login.Result) { r.Client.ClientID = "other" }, false},
		"a client of another realm":          {func(r *login.Result) { r.Client.Realm = "umbra" }, false},
		"a login of another realm":           {func(r *login.Result) { r.Login.Realm = "umbra" }, false},
		"a login of another protocol":        {func(r *login.Result) { r.Login.Protocol = "saml" }, false},
		"a connection not allowed":           {func(r *login.Result) { r.Client.Connections = []string{"acme-adfs"} }, false},
		"a redirect not registered any more": {func(r *login.Result) { r.Client.RedirectURIs = []string{"https://else.example/"} }, false},
		"a request that is none":             {func(r *login.Result) { r.Login.Request = []byte(`{}`) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := result()
			c.change(&r)
			rd, err := w.provider.Respond(context.Background(), r)
			if c.ok != (err == nil) || c.ok != strings.Contains(rd.URL, "code=") {
				t.Errorf("%q, %v", rd.URL, err)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		r := result()
		_, err := w.provider.Respond(context.Background(), r)
		must(t, err)
		if _, err = w.provider.Respond(context.Background(), r); fault.CodeOf(err) != fault.LoginTaken {
			t.Errorf("a login was answered twice: %v", err)
		}
	})
}

func TestPushedRequests(t *testing.T) {
	w := newWorld(t)
	w.client("app", func(c *broker.Client) { c.RequirePAR = true })
	w.client("other", nil)
	push := func(change func(url.Values)) reply {
		v := request("app")
		v.Set("client_secret", secret)
		if change != nil {
			change(v)
		}
		return post(t, http.DefaultClient, w.endpoint("ext/par/request"), v)
	}
	visit := func(client, uri string) reply {
		return get(t, w.browser(), w.endpoint("auth")+"?"+url.Values{"client_id": {client}, "request_uri": {uri}}.Encode())
	}
	r := push(nil)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	uri, _ := r.json(t)["request_uri"].(string)
	q := visit("app", uri).location(t).Query()
	if q.Get("code") == "" || q.Get("state") != "st&te =1" {
		t.Fatalf("%v", q)
	}
	if got := post(t, http.DefaultClient, w.endpoint("token"), exchange("app", q.Get("code"))); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := visit("app", uri); r.header.Get("Location") != "" || r.status != 400 {
		t.Errorf("used twice: %d", r.status)
	}
	uri, _ = push(nil).json(t)["request_uri"].(string)
	if r := visit("other", uri); r.header.Get("Location") != "" {
		t.Error("another client used it")
	}
	uri, _ = push(nil).json(t)["request_uri"].(string)
	w.later(2 * time.Minute)
	if r := visit("app", uri); r.header.Get("Location") != "" {
		t.Error("it lasts longer than it says")
	}
	wantError(t, push(func(v url.Values) { v.Set("client_secret", "wrong") }), 401, "invalid_client")
	wantError(t, push(func(v url.Values) { v.Set("redirect_uri", "https://evil.example/") }), 400, "invalid_request")
	wantError(t, push(func(v url.Values) { v.Set("response_type", "token") }), 400, "unsupported_response_type")
	wantError(t, push(func(v url.Values) { v.Set("request_uri", uri) }), 400, "invalid_request")
}
