package op_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/login"
)

// signedIn is a browser with a session and the tokens its application got.
func (w *world) signedIn(client string) (*http.Client, map[string]any) {
	w.t.Helper()
	b := w.browser()
	return b, post(w.t, b, w.endpoint("token"), exchange(client, w.code(b, request(client)))).json(w.t)
}

// stillIn reports whether the browser has a session.
func (w *world) stillIn(b *http.Client, client string) bool {
	w.t.Helper()
	v := request(client)
	v.Set("prompt", "none")
	return get(w.t, b, w.endpoint("auth")+"?"+v.Encode()).location(w.t).Query().Get("code") != ""
}

func TestLogoutByHint(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	b, tokens := w.signedIn("app")
	idt, _ := tokens["id_token"].(string)
	w.later(time.Hour) // the hint may have expired
	v := url.Values{"id_token_hint": {idt}, "post_logout_redirect_uri": {"https://app.example/bye"}, "state": {"a b"}}
	u := get(t, b, w.endpoint("logout")+"?"+v.Encode()).location(t)
	if !strings.HasPrefix(u.String(), "https://app.example/bye?") || u.Query().Get("state") != "a b" {
		t.Errorf("sent to %s", u)
	}
	if w.stillIn(b, "app") {
		t.Error("the session is still there")
	}
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", tokens)), 400, "invalid_grant")
	if r := w.userinfo(tokens["access_token"]); r.status != 401 {
		t.Errorf("the access token is still good: %d", r.status)
	}
	// Again, with nobody signed in: on to the application all the same.
	if u := get(t, b, w.endpoint("logout")+"?"+v.Encode()).location(t); u.Host != "app.example" {
		t.Errorf("sent to %s", u)
	}
}

func TestLogoutAsks(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("other", nil)
	token := regexp.MustCompile(`name="confirm_logout" value="([^"]+)"`)
	b, tokens := w.signedIn("app")
	idt, _ := tokens["id_token"].(string)
	for name, v := range map[string]url.Values{
		"nothing":                 {},
		"a client only":           {"client_id": {"app"}, "post_logout_redirect_uri": {"https://app.example/bye"}},
		"a forged hint":           {"id_token_hint": {idt[:len(idt)-6] + "AAAAAA"}, "client_id": {"app"}},
		"an access token as hint": {"id_token_hint": {tokens["access_token"].(string)}},
	} {
		r := get(t, b, w.endpoint("logout")+"?"+v.Encode())
		if r.status != 200 || !token.MatchString(r.body) {
			t.Errorf("%s: %d %q", name, r.status, r.header.Get("Location"))
		}
		if !w.stillIn(b, "app") {
			t.Fatalf("%s signed the person out unasked", name)
		}
	}
	page := get(t, b, w.endpoint("logout")+"?client_id=app&post_logout_redirect_uri="+url.QueryEscape("https://app.example/bye"))
	confirm := html.UnescapeString(token.FindStringSubmatch(page.body)[1])
	stranger, _ := w.signedIn("app")
	if r := post(t, stranger, w.endpoint("logout"), url.Values{"confirm_logout": {confirm}}); r.status != 400 || !w.stillIn(stranger, "app") {
		t.Errorf("one person's confirmation signed another out: %d", r.status)
	}
	if r := post(t, b, w.endpoint("logout"), url.Values{"confirm_logout": {"x" + confirm[1:]}}); r.status != 400 || !w.stillIn(b, "app") {
		t.Errorf("a forged confirmation: %d", r.status)
	}
	if u := post(t, b, w.endpoint("logout"), url.Values{"confirm_logout": {confirm}}).location(t); u.String() != "https://app.example/bye" || w.stillIn(b, "app") {
		t.Errorf("confirmed: %s", u)
	}
}

func TestLogoutRefusals(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("other", nil)
	b, tokens := w.signedIn("app")
	idt, _ := tokens["id_token"].(string)
	for name, v := range map[string]url.Values{
		"unregistered address": {"id_token_hint": {idt}, "post_logout_redirect_uri": {"https://app.example/bye/x"}},
		"another client":       {"id_token_hint": {idt}, "client_id": {"other"}},
		"unknown client":       {"client_id": {"nobody"}},
		"twice":                {"id_token_hint": {idt, idt}},
	} {
		if r := get(t, b, w.endpoint("logout")+"?"+v.Encode()); r.status != 400 || r.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, r.status, r.header.Get("Location"))
		}
	}
	if !w.stillIn(b, "app") {
		t.Error("a refused request signed the person out")
	}
}

// A cross-site POST carries no Lax cookie: the browser is asked to come again by GET.
func TestLogoutByCrossSitePost(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	b, tokens := w.signedIn("app")
	idt, _ := tokens["id_token"].(string)
	v := url.Values{"id_token_hint": {idt}, "post_logout_redirect_uri": {"https://app.example/bye"}}
	r := post(t, w.browser(), w.endpoint("logout"), v)
	if r.status != http.StatusSeeOther {
		t.Fatalf("%d", r.status)
	}
	if u := get(t, b, r.location(t).String()).location(t); u.String() != "https://app.example/bye" || w.stillIn(b, "app") {
		t.Errorf("sent to %s", u)
	}
}

// Keycloak's sign-out without a browser.
func TestDirectLogout(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	b, tokens := w.signedIn("app")
	v := refreshing("app", tokens)
	v.Set("client_secret", "wrong")
	wantError(t, post(t, http.DefaultClient, w.endpoint("logout"), v), 401, "invalid_client")
	v.Set("client_secret", secret)
	if r := post(t, http.DefaultClient, w.endpoint("logout"), v); r.status != http.StatusNoContent {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if w.stillIn(b, "app") {
		t.Error("the session is still there")
	}
	wantError(t, post(t, http.DefaultClient, w.endpoint("logout"), v), 400, "invalid_grant")
}

func TestBackChannelLogout(t *testing.T) {
	w := newWorld(t)
	got := make(chan string, 10)
	tries := 0
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			rw.WriteHeader(http.StatusServiceUnavailable) // it is tried again
			return
		}
		got <- r.FormValue("logout_token")
	}))
	defer app.Close()
	w.client("app", func(c *broker.Client) { c.BackchannelLogoutURI = app.URL })
	w.client("front", func(c *broker.Client) { c.FrontchannelLogoutURI = "https://front.example/out?a=1" })
	b, tokens := w.signedIn("app")
	post(t, b, w.endpoint("token"), exchange("app", w.code(b, request("app")))) // a second grant in the session
	w.code(b, request("front"))
	idt, _ := tokens["id_token"].(string)
	u := get(t, b, w.endpoint("logout")+"?"+url.Values{"id_token_hint": {idt}, "post_logout_redirect_uri": {"https://app.example/bye"}}.Encode()).location(t)
	if u.Path != "/realms/acme/protocol/openid-connect/logout/done" {
		t.Fatalf("with a front-channel client to tell, sent to %s", u)
	}
	page := get(t, b, u.String())
	sid, _ := payload(t, idt)["sid"].(string)
	frame := html.EscapeString("https://front.example/out?a=1&iss=" + url.QueryEscape(w.issuer()) + "&sid=" + sid)
	if !strings.Contains(page.body, frame) || !strings.Contains(page.body, "https://app.example/bye") ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "frame-src https://front.example") {
		t.Errorf("%s\n%s", page.header.Get("Content-Security-Policy"), page.body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	w.provider.Drain(ctx)
	if len(got) != 1 {
		t.Fatalf("the client was told %d times", len(got))
	}
	tok := <-got
	p := payload(t, tok)
	events, _ := p["events"].(map[string]any)
	if header(t, tok)["typ"] != "logout+jwt" || p["aud"] != "app" || p["sid"] != sid || p["sub"] != w.user.ID || p["nonce"] != nil || p["jti"] == nil ||
		events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		t.Errorf("%v", p)
	}
	// A logout token is no hint and no access token.
	if r := w.userinfo(tok); r.status != 401 {
		t.Errorf("a logout token at userinfo: %d", r.status)
	}
}

type upstream struct{ asked *broker.Session }

func (u *upstream) StartLogout(_ context.Context, s *broker.Session) (*login.Leave, error) {
	u.asked = s
	return &login.Leave{ID: broker.NewLoginID(), To: login.Redirect{URL: "https://idp.example/logout"}}, nil
}

func TestLogoutGoesUpstream(t *testing.T) {
	w := newWorld(t)
	up := &upstream{}
	w.provider.Upstream = up
	w.client("app", nil)
	b, tokens := w.signedIn("app")
	idt, _ := tokens["id_token"].(string)
	u := get(t, b, w.endpoint("logout")+"?id_token_hint="+idt).location(t)
	if u.String() != "https://idp.example/logout" || up.asked == nil || up.asked.Connection != "acme-okta" || w.stillIn(b, "app") {
		t.Errorf("sent to %s", u)
	}
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("jwt", func(c *broker.Client) { c.AccessTokenFormat = "jwt" })
	w.client("api", nil)
	w.client("spa", func(c *broker.Client) { c.Public, c.SecretHash = true, "" })
	ask := func(client string, tok any) reply {
		s, _ := tok.(string)
		return post(t, http.DefaultClient, w.endpoint("token/introspect"), url.Values{"token": {s}}, "Authorization", basic(client, url.QueryEscape(secret)))
	}
	opaque, jwt := w.tokens("app", request("app")), w.tokens("jwt", request("jwt"))
	for _, tok := range []any{opaque["access_token"], jwt["access_token"]} {
		m := ask("api", tok).json(t)
		if m["active"] != true || m["sub"] != w.user.ID || m["iss"] != w.issuer() || m["username"] != "ada@acme.example" || m["scope"] != "openid email profile groups" || m["exp"] == nil {
			t.Errorf("%v", m)
		}
	}
	if m := ask("app", opaque["refresh_token"]).json(t); m["active"] != true {
		t.Errorf("its own refresh token: %v", m)
	}
	for name, tok := range map[string]any{"another's refresh token": opaque["refresh_token"], "an ID token": opaque["id_token"], "garbage": "garbage"} {
		if m := ask("api", tok).json(t); m["active"] != false || len(m) != 1 {
			t.Errorf("%s: %v", name, m)
		}
	}
	wantError(t, post(t, http.DefaultClient, w.endpoint("token/introspect"), url.Values{"token": {"x"}, "client_id": {"spa"}}), 401, "invalid_client")
	w.realm("umbra", false)
	if r := do(t, http.DefaultClient, bearerAt(t, strings.Replace(w.endpoint("userinfo"), "acme", "umbra", 1), opaque["access_token"])); r.status != 401 {
		t.Errorf("a token of another realm at userinfo: %d", r.status)
	}
	w.later(6 * time.Minute)
	for _, tok := range []any{opaque["access_token"], jwt["access_token"]} {
		if m := ask("api", tok).json(t); m["active"] != false {
			t.Errorf("expired: %v", m)
		}
	}
}

func bearerAt(t *testing.T, u string, tok any) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, u, nil)
	must(t, err)
	s, _ := tok.(string)
	req.Header.Set("Authorization", "Bearer "+s)
	return req
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("other", nil)
	take := func(client string, tok any) reply {
		s, _ := tok.(string)
		return post(t, http.DefaultClient, w.endpoint("revoke"), url.Values{"token": {s}, "client_id": {client}, "client_secret": {secret}})
	}
	tokens := w.tokens("app", request("app"))
	if r := take("other", tokens["refresh_token"]); r.status != 200 {
		t.Errorf("%d", r.status)
	}
	wantError(t, take("other", tokens["access_token"]), 400, "unauthorized_client")
	if r := w.userinfo(tokens["access_token"]); r.status != 200 {
		t.Fatalf("another client took it back: %d", r.status)
	}
	if r := take("app", tokens["access_token"]); r.status != 200 || r.body != "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.userinfo(tokens["access_token"]); r.status != 401 {
		t.Errorf("revoked: %d", r.status)
	}
	next := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", tokens)).json(t)
	if r := w.userinfo(next["access_token"]); r.status != 200 {
		t.Errorf("revoking one access token took the grant with it: %d", r.status)
	}
	if r := take("app", next["refresh_token"]); r.status != 200 {
		t.Errorf("%d", r.status)
	}
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", next)), 400, "invalid_grant")
	if r := w.userinfo(next["access_token"]); r.status != 401 {
		t.Errorf("after the refresh token was revoked: %d", r.status)
	}
	if r := take("app", "garbage"); r.status != 200 {
		t.Errorf("garbage: %d", r.status)
	}
}

func TestUserInfoRefusals(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	tokens := w.tokens("app", request("app"))
	access, _ := tokens["access_token"].(string)
	r := get(t, http.DefaultClient, w.endpoint("userinfo"))
	if r.status != 401 || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer realm=") || strings.Contains(r.header.Get("WWW-Authenticate"), "error") {
		t.Errorf("without a token: %d %q", r.status, r.header.Get("WWW-Authenticate"))
	}
	if r := w.userinfo("garbage"); r.status != 401 || !strings.Contains(r.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("garbage: %d %q", r.status, r.header.Get("WWW-Authenticate"))
	}
	if r := get(t, http.DefaultClient, w.endpoint("userinfo")+"?access_token="+access); r.status != 401 {
		t.Errorf("a token in the query: %d", r.status)
	}
	if r := post(t, http.DefaultClient, w.endpoint("userinfo"), url.Values{"access_token": {access}}); r.status != 200 {
		t.Errorf("a token in the body: %d", r.status)
	}
	if r := post(t, http.DefaultClient, w.endpoint("userinfo"), url.Values{"access_token": {access}}, "Authorization", "Bearer "+access); r.status != 400 {
		t.Errorf("a token twice: %d", r.status)
	}
	w.user.Blocked = true
	must(t, w.store.Users.Update(context.Background(), w.user))
	if r := w.userinfo(access); r.status != 401 {
		t.Errorf("of a blocked person: %d", r.status)
	}
}
