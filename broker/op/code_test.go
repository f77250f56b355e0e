package op_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"cloakroom/broker"
)

// An application written with x/oauth2 and go-oidc signs in, in each signing algorithm.
func TestCodeFlowWithOrdinaryClient(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t)
			w.client("app", func(c *broker.Client) { c.IDTokenAlg = alg })
			ctx := context.Background()
			provider, err := oidc.NewProvider(ctx, w.issuer())
			must(t, err)
			conf := oauth2.Config{ClientID: "app", ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: "https://app.example/cb", Scopes: []string{"openid", "email", "profile", "groups", "offline_access"}}
			pkce := oauth2.GenerateVerifier()
			loc := get(t, w.browser(), conf.AuthCodeURL("state-1", oidc.Nonce("n-1"), oauth2.S256ChallengeOption(pkce))).location(t)
			q := loc.Query()
			if q.Get("state") != "state-1" || q.Get("iss") != w.issuer() || q.Get("session_state") == "" {
				t.Fatalf("answer %v", q)
			}
			tok, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(pkce))
			must(t, err)
			raw, _ := tok.Extra("id_token").(string)
			idt, err := provider.Verifier(&oidc.Config{ClientID: "app", SupportedSigningAlgs: []string{alg}}).Verify(ctx, raw)
			must(t, err)
			must(t, idt.VerifyAccessToken(tok.AccessToken))
			var claims map[string]any
			must(t, idt.Claims(&claims))
			for name, want := range map[string]any{
				"sub": w.user.ID, "nonce": "n-1", "email": "ada@acme.example", "email_verified": true, "name": "Ada Byron", "realm": "acme",
				"connection": "acme-okta", "idp": "acme-okta", "acr": "1", "azp": "app", "sid": q.Get("session_state"),
			} {
				if claims[name] != want {
					t.Errorf("claim %s is %v, want %v", name, claims[name], want)
				}
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tok))
			must(t, err)
			if info.Subject != w.user.ID || info.Email != "ada@acme.example" {
				t.Errorf("userinfo %+v", info)
			}
			// The library refreshes once the token has expired.
			tok.Expiry = time.Now().Add(-time.Minute)
			again, err := conf.TokenSource(ctx, tok).Token()
			must(t, err)
			if again.RefreshToken == tok.RefreshToken || again.AccessToken == tok.AccessToken {
				t.Error("the refresh did not rotate")
			}
		})
	}
}

func TestCodeIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	b := w.browser()
	code := w.code(b, request("app"))
	first := post(t, b, w.endpoint("token"), exchange("app", code))
	if first.status != http.StatusOK || first.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", first.status, first.body)
	}
	if r := w.userinfo(first.json(t)["access_token"]); r.status != http.StatusOK {
		t.Fatalf("userinfo before: %d", r.status)
	}
	wantError(t, post(t, b, w.endpoint("token"), exchange("app", code)), 400, "invalid_grant")
	if r := w.userinfo(first.json(t)["access_token"]); r.status != http.StatusUnauthorized {
		t.Errorf("a code used twice left its access token good: %d", r.status)
	}
	wantError(t, post(t, b, w.endpoint("token"), refreshing("app", first.json(t))), 400, "invalid_grant")
}

func TestCodeOnceAmongMany(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	code := w.code(w.browser(), request("app"))
	var mu sync.Mutex
	good := 0
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if r := post(t, http.DefaultClient, w.endpoint("token"), exchange("app", code)); r.status == http.StatusOK {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if good > 1 {
		t.Errorf("the code was redeemed %d times", good)
	}
}

func TestCodeIsBound(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("other", nil)
	for name, c := range map[string]struct {
		change func(url.Values)
		wait   time.Duration
		code   string
	}{
		"another client":     {change: func(v url.Values) { v.Set("client_id", "other") }},
		"another redirect":   {change: func(v url.Values) { v.Set("redirect_uri", "https://app.example/cb2") }},
		"no redirect":        {change: func(v url.Values) { v.Del("redirect_uri") }},
		"wrong verifier":     {change: func(v url.Values) { v.Set("code_verifier", strings.Repeat("x", 43)) }},
		"no verifier":        {change: func(v url.Values) { v.Del("code_verifier") }},
		"too late":           {wait: 61 * time.Second},
		"a code of nobody's": {change: func(v url.Values) { v.Set("code", "nobodys") }},
	} {
		t.Run(name, func(t *testing.T) {
			v := exchange("app", w.code(w.browser(), request("app")))
			if c.change != nil {
				c.change(v)
			}
			w.later(c.wait)
			wantError(t, post(t, http.DefaultClient, w.endpoint("token"), v), 400, "invalid_grant")
		})
	}
	t.Run("verifier without challenge", func(t *testing.T) {
		v := request("app")
		v.Del("code_challenge")
		v.Del("code_challenge_method")
		wantError(t, post(t, http.DefaultClient, w.endpoint("token"), exchange("app", w.code(w.browser(), v))), 400, "invalid_grant")
	})
	t.Run("at another realm", func(t *testing.T) {
		w.realm("umbra", false)
		c := &broker.Client{ClientID: "app", Realm: "umbra", Enabled: true, RedirectURIs: []string{"https://app.example/cb"}, SecretHash: hashOf(secret)}
		c.Defaults()
		must(t, w.store.Clients.Create(context.Background(), c))
		v := exchange("app", w.code(w.browser(), request("app")))
		wantError(t, post(t, http.DefaultClient, strings.Replace(w.endpoint("token"), "acme", "umbra", 1), v), 400, "invalid_grant")
	})
}

func TestRefreshRotates(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	first := w.tokens("app", request("app"))
	second := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first)).json(t)
	if second["refresh_token"] == nil || second["refresh_token"] == first["refresh_token"] {
		t.Fatal("the refresh token did not rotate")
	}
	// The answer was lost: the predecessor gives the same successor again, once.
	lost := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first)).json(t)
	if lost["refresh_token"] != second["refresh_token"] {
		t.Fatalf("a repeated refresh gave %v, want the same token again", lost["refresh_token"])
	}
	third := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", second)).json(t)
	if third["access_token"] == nil {
		t.Fatal("the successor is not good")
	}
	// The first one is now older than the predecessor: somebody else has it.
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first)), 400, "invalid_grant")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", third)), 400, "invalid_grant")
	if r := w.userinfo(third["access_token"]); r.status != http.StatusUnauthorized {
		t.Errorf("after reuse the access token is still good: %d", r.status)
	}
}

func TestRefreshGraceEnds(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	first := w.tokens("app", request("app"))
	second := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first)).json(t)
	w.later(2 * time.Minute)
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first)), 400, "invalid_grant")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", second)), 400, "invalid_grant")
}

func TestRefreshAmongMany(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	first := w.tokens("app", request("app"))
	var mu sync.Mutex
	seen := map[any]int{}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			r := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", first))
			mu.Lock()
			defer mu.Unlock()
			if r.status == http.StatusOK {
				seen[r.json(t)["refresh_token"]]++
			}
		})
	}
	all.Wait()
	if len(seen) > 1 {
		t.Errorf("one refresh token gave %d different ones", len(seen))
	}
	for _, n := range seen {
		if n > 2 {
			t.Errorf("one refresh token was honoured %d times, want at most 2", n)
		}
	}
}

func TestRefreshRefused(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		scope  string
		change func(*world, url.Values)
		code   string
	}{
		"another client's": {change: func(_ *world, v url.Values) { v.Set("client_id", "other") }, code: "invalid_grant"},
		"tampered": {change: func(_ *world, v url.Values) {
			s := v.Get("refresh_token")
			v.Set("refresh_token", s[:len(s)-1]+string('A'+(s[len(s)-1]+1)%2))
		}, code: "invalid_grant"},
		"more scope": {scope: "openid", change: func(_ *world, v url.Values) { v.Set("scope", "openid email") }, code: "invalid_scope"},
		"session over": {change: func(w *world, _ url.Values) {
			page, _, err := w.store.Sessions.List(ctx, "acme", sessionsOf(w), broker.Page{})
			w.must(err)
			for _, s := range page {
				_, err := w.store.Sessions.Delete(ctx, s.ID)
				w.must(err)
			}
		}, code: "invalid_grant"},
		"session idle":           {change: func(w *world, _ url.Values) { w.later(9 * time.Hour) }, code: "invalid_grant"},
		"offline, idle too long": {scope: "openid offline_access", change: func(w *world, _ url.Values) { w.later(15 * 24 * time.Hour) }, code: "invalid_grant"},
		"person blocked": {change: func(w *world, _ url.Values) {
			w.user.Blocked = true
			w.must(w.store.Users.Update(ctx, w.user))
		}, code: "invalid_grant"},
		"connection off": {change: func(w *world, _ url.Values) {
			c, err := w.store.Connections.Get(ctx, "acme-okta")
			w.must(err)
			c.Enabled = false
			w.must(w.store.Connections.Update(ctx, c))
		}, code: "invalid_grant"},
		"missing": {change: func(_ *world, v url.Values) { v.Del("refresh_token") }, code: "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.client("app", nil)
			w.client("other", nil)
			v := request("app")
			if c.scope != "" {
				v.Set("scope", c.scope)
			}
			r := refreshing("app", w.tokens("app", v))
			c.change(w, r)
			wantError(t, post(t, http.DefaultClient, w.endpoint("token"), r), 400, c.code)
		})
	}
}

func TestOfflineOutlivesTheSession(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	v := request("app")
	v.Set("scope", "openid offline_access")
	tokens := w.tokens("app", v)
	w.later(10 * 24 * time.Hour)
	got := post(t, http.DefaultClient, w.endpoint("token"), refreshing("app", tokens))
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if r := w.userinfo(got.json(t)["access_token"]); r.status != http.StatusOK {
		t.Errorf("userinfo %d", r.status)
	}
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("narrow", func(c *broker.Client) { c.Scopes = []string{"openid", "email"} })
	w.client("given", func(c *broker.Client) { c.DefaultScopes = []string{"email", "profile"} })
	for name, c := range map[string]struct {
		client, ask, refresh, want string
		claims                     []string // of the ID token; nil: there is none
		absent                     []string
	}{
		"unknown ones are ignored": {client: "app", ask: "openid roles email", want: "openid email", claims: []string{"email"}, absent: []string{"name", "groups"}},
		"bounded by the client":    {client: "narrow", ask: "openid email profile groups", want: "openid email", claims: []string{"email"}, absent: []string{"name", "groups"}},
		"without openid":           {client: "app", ask: "email", want: "email"},
		"given unasked":            {client: "given", ask: "openid", want: "openid email profile", claims: []string{"email", "name"}, absent: []string{"groups"}},
		"asked and given":          {client: "given", ask: "openid profile groups", want: "openid profile groups email", claims: []string{"email", "name"}},
		"given with openid only":   {client: "given", ask: "email", want: "email"},
		"narrowed at refresh":      {client: "app", ask: "openid email profile", refresh: "openid profile", want: "openid profile", claims: []string{"name"}, absent: []string{"email"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := request(c.client)
			v.Set("scope", c.ask)
			tokens := w.tokens(c.client, v)
			if c.refresh != "" {
				r := refreshing(c.client, tokens)
				r.Set("scope", c.refresh)
				tokens = post(t, http.DefaultClient, w.endpoint("token"), r).json(t)
			}
			if tokens["scope"] != c.want {
				t.Errorf("scope %q, want %q", tokens["scope"], c.want)
			}
			if c.claims == nil {
				if tokens["id_token"] != nil {
					t.Error("an ID token without openid")
				}
				if r := w.userinfo(tokens["access_token"]); r.status != http.StatusForbidden {
					t.Errorf("userinfo without openid: %d", r.status)
				}
				return
			}
			for _, doc := range []map[string]any{payload(t, tokens["id_token"]), w.userinfo(tokens["access_token"]).json(t)} {
				for _, k := range c.claims {
					if doc[k] == nil {
						t.Errorf("%s is missing", k)
					}
				}
				for _, k := range c.absent {
					if doc[k] != nil {
						t.Errorf("%s is there", k)
					}
				}
			}
		})
	}
}

func TestClaimsParameter(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("narrow", func(c *broker.Client) { c.Scopes = []string{"openid", "email"} })
	v := request("app")
	v.Set("scope", "openid")
	v.Set("claims", `{"id_token":{"email":{"essential":true},"unheard_of":null},"userinfo":{"groups":null}}`)
	tokens := w.tokens("app", v)
	if p := payload(t, tokens["id_token"]); p["email"] != "ada@acme.example" || p["groups"] != nil || p["name"] != nil {
		t.Errorf("ID token %v", p)
	}
	if p := w.userinfo(tokens["access_token"]).json(t); p["groups"] == nil || p["email"] != nil {
		t.Errorf("userinfo %v", p)
	}
	v.Set("client_id", "narrow")
	v.Set("claims", `{"id_token":{"groups":null}}`)
	if p := payload(t, w.tokens("narrow", v)["id_token"]); p["groups"] != nil {
		t.Error("the claims parameter gave more than the client's scopes allow")
	}
	v = request("app")
	v.Set("claims", `{"id_token":{"sub":{"value":"somebody-else"}}}`)
	q := get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode()).location(t).Query()
	if q.Get("error") != "login_required" {
		t.Errorf("a request for another subject was answered %v", q)
	}
}

func TestPairwise(t *testing.T) {
	w := newWorld(t)
	pairwise := func(host string) func(*broker.Client) {
		return func(c *broker.Client) {
			c.SubjectType, c.RedirectURIs = "pairwise", []string{"https://" + host + "/cb"}
		}
	}
	w.client("one", pairwise("a.example"))
	w.client("two", pairwise("a.example"))
	w.client("three", pairwise("b.example"))
	subs := map[string]any{}
	for _, c := range []struct{ id, host string }{{"one", "a.example"}, {"two", "a.example"}, {"three", "b.example"}} {
		v := request(c.id)
		v.Set("redirect_uri", "https://"+c.host+"/cb")
		b := w.browser()
		x := exchange(c.id, w.code(b, v))
		x.Set("redirect_uri", "https://"+c.host+"/cb")
		tokens := post(t, b, w.endpoint("token"), x).json(t)
		subs[c.id] = payload(t, tokens["id_token"])["sub"]
		if got := w.userinfo(tokens["access_token"]).json(t)["sub"]; got != subs[c.id] {
			t.Errorf("userinfo says %v, the ID token %v", got, subs[c.id])
		}
	}
	if subs["one"] != subs["two"] || subs["one"] == subs["three"] || subs["one"] == w.user.ID {
		t.Errorf("subjects %v of user %s", subs, w.user.ID)
	}
}

func TestAccessTokenJWT(t *testing.T) {
	w := newWorld(t)
	w.client("api", func(c *broker.Client) { c.AccessTokenFormat = "jwt" })
	w.client("app", func(c *broker.Client) { c.Audiences = []string{"https://api.example/", "https://two.example/"} })
	tokens := w.tokens("api", request("api"))
	head, p := header(t, tokens["access_token"]), payload(t, tokens["access_token"])
	if head["typ"] != "at+jwt" || p["client_id"] != "api" || p["iss"] != w.issuer() || p["sub"] != w.user.ID || p["scope"] != "openid email profile groups" {
		t.Errorf("%v %v", head, p)
	}
	if r := w.userinfo(tokens["access_token"]); r.status != http.StatusOK {
		t.Errorf("userinfo with a JWT: %d %s", r.status, r.body)
	}
	if r := w.userinfo(tokens["id_token"]); r.status != http.StatusUnauthorized {
		t.Errorf("an ID token passed for an access token: %d", r.status)
	}
	v := request("app")
	v["resource"] = []string{"https://api.example/"}
	if p := payload(t, w.tokens("app", v)["access_token"]); !slices.Equal(texts(p["aud"]), []string{"https://api.example/"}) {
		t.Errorf("aud %v", p["aud"])
	}
	v["resource"] = []string{"https://stranger.example/"}
	if q := get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode()).location(t).Query(); q.Get("error") != "invalid_target" {
		t.Errorf("a stranger's resource: %v", q)
	}
	v["resource"] = []string{"https://api.example/"}
	b := w.browser()
	x := exchange("app", w.code(b, v))
	x.Set("resource", "https://two.example/")
	wantError(t, post(t, b, w.endpoint("token"), x), 400, "invalid_target")
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t)
	w.client("job", func(c *broker.Client) {
		c.GrantTypes, c.Scopes, c.Audiences = []string{"client_credentials"}, []string{"reports.read", "openid"}, []string{"https://api.example/"}
		c.RedirectURIs = nil
	})
	w.client("app", nil)
	v := url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {secret}, "scope": {"reports.read openid reports.write"}}
	tokens := post(t, http.DefaultClient, w.endpoint("token"), v).json(t)
	if tokens["access_token"] == nil || tokens["scope"] != "reports.read" || tokens["refresh_token"] != nil || tokens["id_token"] != nil {
		t.Fatalf("%v", tokens)
	}
	if r := w.userinfo(tokens["access_token"]); r.status != http.StatusForbidden {
		t.Errorf("a client's own token at userinfo: %d", r.status)
	}
	v.Set("resource", "https://api.example/")
	p := payload(t, post(t, http.DefaultClient, w.endpoint("token"), v).json(t)["access_token"])
	if p["sub"] != "job" || !slices.Equal(texts(p["aud"]), []string{"https://api.example/"}) {
		t.Errorf("%v", p)
	}
	v.Set("client_id", "app")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), v), 400, "unauthorized_client")
}

func TestTokenEndpointRefusals(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	auth := url.Values{"client_id": {"app"}, "client_secret": {secret}}
	with := func(k, v string) url.Values {
		out := url.Values{k: {v}}
		for k, v := range auth {
			out[k] = v
		}
		return out
	}
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), auth), 400, "invalid_request")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), with("grant_type", "password")), 400, "unsupported_grant_type")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), with("grant_type", "authorization_code")), 400, "invalid_request")
	twice := with("grant_type", "authorization_code")
	twice["code"] = []string{"a", "b"}
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), twice), 400, "invalid_request")
	wantError(t, post(t, http.DefaultClient, strings.Replace(w.endpoint("token"), "acme", "nowhere", 1), auth), 404, "invalid_request")
	wantError(t, post(t, http.DefaultClient, w.endpoint("token"), url.Values{"grant_type": {strings.Repeat("x", 17<<10)}}), 400, "invalid_request")
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}
