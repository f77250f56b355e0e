package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/oidc"
	"cloakroom/providers/providertest/oidcop"
)

// imitating begins a connection to a provider with a vendor's habits, in which nobody is signed in.
func imitating(t *testing.T, like oidcop.Like, settings m, change ...func(*oidcop.Options)) *party {
	t.Helper()
	preset := string(like)
	if like == "" {
		preset = "generic"
	}
	if like == oidcop.LikeEntra {
		all := m{"tenant": acme}
		for k, v := range settings {
			all[k] = v
		}
		settings = all
	}
	return begin(t, preset, settings, append([]func(*oidcop.Options){func(o *oidcop.Options) {
		o.AutoApprove, o.Like = "", like
		if like == oidcop.LikeEntra {
			o.Issuer += "/" + acme + "/v2.0"
		}
	}}, change...)...)
}

func client(f func(*oidcop.Client)) func(*oidcop.Options) {
	return func(o *oidcop.Options) { f(&o.Clients[0]) }
}

func (x *party) findings() []providers.Finding {
	x.t.Helper()
	begun := time.Now()
	out := x.p.(providers.Preflighter).Preflight(x.t.Context())
	if took := time.Since(begun); took > providers.PreflightLimit {
		x.t.Errorf("the preflight took %s", took)
	}
	for _, f := range out {
		if text := fmt.Sprint(f); strings.Contains(text, secret) {
			x.t.Errorf("%s quotes the secret: %s", f.Check, text)
		}
		if f.Severity != "ok" && (f.Err == nil || fault.Lookup(fault.CodeOf(f.Err)).Cause == fault.Lookup(fault.Internal).Cause) {
			x.t.Errorf("%s: %v is not in the catalogue", f.Check, f.Err)
		}
	}
	return out
}

// finding is the worst of a check.
func (x *party) finding(check string) providers.Finding {
	x.t.Helper()
	var found *providers.Finding
	for _, f := range x.findings() {
		if f.Check == check && (found == nil || found.Severity == "ok") {
			found = &f
		}
	}
	if found == nil {
		x.t.Fatalf("nothing was said of %s", check)
	}
	return *found
}

// verdict is a finding in short: its code, or proved, likely or silent for a passed check.
func verdict(f providers.Finding) string {
	switch {
	case f.Err != nil:
		return string(fault.CodeOf(f.Err)) + " " + f.Severity
	case strings.HasPrefix(f.Detail, "says nothing: ") && f.Confidence == fault.Guess:
		return "silent"
	}
	return string(f.Confidence)
}

func TestPassiveProbe(t *testing.T) {
	unregistered := client(func(c *oidcop.Client) { c.RedirectURIs = []string{callback + "/"} })
	other := m{"client_id": "another"}
	for _, tt := range []struct {
		name     string
		like     oidcop.Like
		settings m
		change   func(*oidcop.Options)
		want     string
		label    string // that the fix names
	}{
		{"registered", "", nil, nil, "proved", ""},
		{"any redirect URI will do", "", nil, client(func(c *oidcop.Client) { c.RedirectURIs = nil }), "silent", ""},
		{"not registered", "", nil, unregistered, "idp.error_page warning", ""},
		{"unknown client", "", other, nil, "idp.error_page warning", ""},
		{"flow", "", nil, client(func(c *oidcop.Client) { c.NoCodeFlow = true }), "oidc.flow_not_enabled error", ""},
		{"registered, answered by form", "", m{"response_mode": "form_post"}, nil, "proved", ""},

		{"Entra, registered", oidcop.LikeEntra, nil, nil, "proved", ""},
		{"Entra, not registered", oidcop.LikeEntra, nil, unregistered, "idp.reply_url_unknown error", "Redirect URI"},
		{"Entra, unknown client", oidcop.LikeEntra, other, nil, "idp.app_unknown error", "Application (client) ID"},
		{"Entra, switched off", oidcop.LikeEntra, nil, client(func(c *oidcop.Client) { c.Disabled = true }), "idp.app_disabled error", "Enabled for users to sign-in"},
		{"Entra, scope", oidcop.LikeEntra, nil, client(func(c *oidcop.Client) { c.Scopes = []string{"email"} }), "oidc.scope_refused error", "API permissions"},
		{"Okta, registered", oidcop.LikeOkta, nil, nil, "proved", ""},
		{"Okta, not registered", oidcop.LikeOkta, nil, unregistered, "idp.reply_url_unknown error", "Sign-in redirect URIs"},
		{"Okta, flow", oidcop.LikeOkta, nil, client(func(c *oidcop.Client) { c.NoCodeFlow = true }), "oidc.flow_not_enabled error", "Authorization Code"},
		{"Okta, scope", oidcop.LikeOkta, nil, client(func(c *oidcop.Client) { c.Scopes = []string{"email"} }), "oidc.scope_refused error", "Scopes"},
		{"Google, registered", oidcop.LikeGoogle, nil, nil, "proved", ""},
		{"Google, not registered", oidcop.LikeGoogle, nil, unregistered, "idp.reply_url_unknown error", "Authorized redirect URIs"},
		{"Google, unknown client", oidcop.LikeGoogle, other, nil, "idp.app_unknown error", "Client ID"},
		{"AD FS, registered", oidcop.LikeADFS, nil, nil, "likely", ""},
		{"AD FS, not registered", oidcop.LikeADFS, nil, unregistered, "idp.reply_url_unknown error", "Redirect URI"},
		{"AD FS, unknown client", oidcop.LikeADFS, other, nil, "idp.app_unknown error", "Client Identifier"},
		{"AD FS, resource", oidcop.LikeADFS, nil, client(func(c *oidcop.Client) { c.NoResource = true }), "oidc.resource_forbidden error", "Client Permissions"},
		{"Keycloak, registered", oidcop.LikeKeycloak, nil, nil, "proved", ""},
		{"Keycloak, not registered", oidcop.LikeKeycloak, nil, unregistered, "idp.reply_url_unknown error", "Valid redirect URIs"},
		{"Keycloak, unknown client", oidcop.LikeKeycloak, other, nil, "idp.app_unknown error", "Client ID"},
		{"Keycloak, flow", oidcop.LikeKeycloak, nil, client(func(c *oidcop.Client) { c.NoCodeFlow = true }), "oidc.flow_not_enabled error", "Standard flow"},
		{"Keycloak, scope", oidcop.LikeKeycloak, nil, client(func(c *oidcop.Client) { c.Scopes = []string{"email"} }), "oidc.scope_refused error", "Client scopes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*oidcop.Options) {}
			}
			x := imitating(t, tt.like, tt.settings, tt.change)
			f := x.finding("passive")
			if got := verdict(f); got != tt.want {
				t.Fatalf("got %s, want %s: %+v", got, tt.want, f)
			}
			if n := x.op.Requests("authorize"); n != 2 {
				t.Errorf("%d requests, want the probe and its control", n)
			}
			if tt.label != "" {
				known := fault.As(f.Err)
				if text := known.Fix + " " + strings.Join(known.Labels, " "); !strings.Contains(text, tt.label) {
					t.Errorf("%q does not name %s", text, tt.label)
				}
			}
			if strings.HasPrefix(tt.want, "idp.error_page") && len(fault.As(f.Err).Alternatives) != 2 {
				t.Errorf("alternatives %v", fault.As(f.Err).Alternatives)
			}
		})
	}
}

// An app of one directory, asked through the address that all share.
func TestPassiveProbeThroughTheSharedAddress(t *testing.T) {
	for _, single := range []bool{true, false} {
		x := imitating(t, oidcop.LikeEntra, nil, client(func(c *oidcop.Client) { c.SingleTenant = single }))
		x.set.Config, _ = json.Marshal(m{"issuer": strings.Replace(x.op.Issuer(), acme, "organizations", 1), "client_id": clientID, "client_secret": secret})
		x.open()
		want := map[bool]string{true: "oidc.single_tenant_app error", false: "proved"}[single]
		if f := x.finding("passive"); verdict(f) != want {
			t.Errorf("single %v: %+v", single, f)
		}
		if f := x.finding("tenant"); verdict(f) != "oidc.shared_authority warning" {
			t.Errorf("%+v", f)
		}
	}
}

// Whatever stands where the sign-in page should be, the probe ends soon, goes nowhere it must not, and claims nothing.
func TestPassiveProbeAgainstHostileEndpoints(t *testing.T) {
	var reached atomic.Int32
	ours := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer ours.Close()
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
		want   string
	}{
		{"never answers", hangs, "silent"},
		{"never ends", streams, "silent"},
		{"a redirect loop", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
			return true
		}, "silent"},
		{"redirects to a file", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
			return true
		}, "silent"},
		{"redirects to nowhere", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusFound); return true }, "silent"},
		{"a page against robots", says(403, "text/html", "<html>Attention Required! Solve the captcha"), "silent"},
		{"down", says(502, "text/html", "<html>bad gateway"), "idp.outage warning"},
		{"down without a word", says(500, "text/html", "<html>"), "net.server_error warning"},
		{"a page for anything", says(200, "text/html", "<html><p>Welcome. Access is not assigned, AADSTS is a word."), "silent"},
		{"answers without our state", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?error=login_required&state=x", http.StatusFound)
			return true
		}, "oidc.answer_malformed warning"},
		{"answers a code that nobody asked for", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?code=c&state="+r.URL.Query().Get("state"), http.StatusFound)
			return true
		}, "silent"}, // it comes back to the wrong address, too
		{"an error of its own", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?error=temporarily_unavailable&state="+r.URL.Query().Get("state"), http.StatusFound)
			return true
		}, "oidc.provider_error warning"},
		{"knows no prompt=none", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?error=invalid_request&error_description=prompt+not+supported&state="+r.URL.Query().Get("state"), http.StatusFound)
			return true
		}, "silent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := imitating(t, "", nil)
			x.set.CallbackURL = ours.URL + "/broker/acme/endpoint"
			x.open()
			x.op.Lie(oidcop.Lies{Endpoint: take{"authorize": tt.answer}})
			if f := x.finding("passive"); verdict(f) != tt.want {
				t.Errorf("got %s, want %s: %+v", verdict(f), tt.want, f)
			}
		})
	}
	t.Cleanup(func() {
		if reached.Load() != 0 {
			t.Error("the probe called our own endpoint")
		}
	})
}

func TestSecretProbe(t *testing.T) {
	const id = "5f1c3a77-2d0e-4a63-9a55-0123456789ab"
	wrong := m{"client_secret": "wrong"}
	expired := client(func(c *oidcop.Client) { c.SecretExpires = time.Now().Add(-time.Hour) })
	answers := func(answer func(http.ResponseWriter, *http.Request) bool) oidcop.Lies {
		return oidcop.Lies{Endpoint: take{"token": answer}}
	}
	for _, tt := range []struct {
		name       string
		like       oidcop.Like
		settings   m
		change     func(*oidcop.Options)
		lie        oidcop.Lies
		want       string
		confidence fault.Confidence
		label      string
	}{
		{"right", "", nil, nil, oidcop.Lies{}, "proved", "", ""},
		{"right, posted", "", m{"client_auth": "client_secret_post"}, nil, oidcop.Lies{}, "proved", "", ""},
		{"wrong", "", wrong, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Likely, ""},
		{"sent in the wrong way", oidcop.LikeOkta, m{"client_auth": "client_secret_post"}, client(func(c *oidcop.Client) { c.AuthMethods = []string{"client_secret_basic"} }), oidcop.Lies{}, "oidc.client_auth_mismatch error", fault.Likely, "Client authentication"},
		{"none to show", "", m{"client_auth": "none"}, nil, oidcop.Lies{}, "silent", "", ""},
		{"a JWT by the secret, right", "", m{"client_auth": "client_secret_jwt"}, nil, oidcop.Lies{}, "proved", "", ""},
		{"a JWT by the secret, wrong", "", m{"client_auth": "client_secret_jwt", "client_secret": strings.Repeat("x", 40)}, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Likely, ""},

		{"Entra, right", oidcop.LikeEntra, nil, nil, oidcop.Lies{}, "proved", "", ""},
		{"Entra, wrong", oidcop.LikeEntra, wrong, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Proved, "Certificates & secrets"},
		{"Entra, the secret's ID", oidcop.LikeEntra, m{"client_secret": id}, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Proved, "Secret ID"},
		{"Entra, expired", oidcop.LikeEntra, nil, expired, oidcop.Lies{}, "oidc.client_secret_expired error", fault.Proved, "Certificates & secrets"},
		{"Entra, unknown client", oidcop.LikeEntra, m{"client_id": "another"}, nil, oidcop.Lies{}, "oidc.client_unknown error", fault.Proved, "Application (client) ID"},
		{"Entra, Mobile and desktop", oidcop.LikeEntra, nil, client(func(c *oidcop.Client) { c.Platform = oidcop.Mobile }), oidcop.Lies{}, "oidc.public_client error", fault.Proved, "Redirect URIs"},
		{"Okta, right", oidcop.LikeOkta, nil, nil, oidcop.Lies{}, "proved", "", ""},
		{"Okta, wrong", oidcop.LikeOkta, wrong, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Proved, "Client Credentials"},
		{"Google looks at the code first, right", oidcop.LikeGoogle, nil, nil, oidcop.Lies{}, "silent", "", ""},
		{"Google looks at the code first, wrong", oidcop.LikeGoogle, wrong, nil, oidcop.Lies{}, "silent", "", ""},
		{"AD FS, right", oidcop.LikeADFS, nil, nil, oidcop.Lies{}, "proved", "", ""},
		{"AD FS, wrong", oidcop.LikeADFS, wrong, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Proved, "shared secret"},
		{"Keycloak, right", oidcop.LikeKeycloak, nil, nil, oidcop.Lies{}, "proved", "", ""},
		{"Keycloak, wrong", oidcop.LikeKeycloak, wrong, nil, oidcop.Lies{}, "oidc.client_secret_refused error", fault.Proved, "Credentials > Client Secret"},

		{"a firewall", "", nil, nil, answers(says(403, "text/html", "<html>blocked")), "oidc.token_endpoint_blocked error", fault.Likely, ""},
		{"a captcha", "", nil, nil, answers(says(200, "text/html", "<html>are you human?")), "oidc.token_endpoint_blocked error", fault.Likely, ""},
		{"not there", "", nil, nil, answers(says(404, "text/html", "<html>")), "oidc.token_endpoint_blocked error", fault.Likely, ""},
		{"down", "", nil, nil, answers(says(502, "application/json", "{}")), "net.server_error warning", fault.Likely, ""},
		{"grant not enabled", "", nil, nil, answers(says(400, "application/json", `{"error":"unsupported_grant_type"}`)), "oidc.flow_not_enabled error", fault.Likely, ""},
		{"hangs", "", nil, nil, answers(hangs), "net.timeout error", "", ""},
		{"streams", "", nil, nil, answers(streams), "silent", "", ""},
		{"redirects", "", nil, nil, answers(redirects), "net.redirect error", "", ""},
		{"says the same to everything", "", nil, nil, answers(says(400, "application/json", `{"error":"invalid_grant"}`)), "silent", "", ""},
		{"says something new", "", nil, nil, answers(says(400, "application/json", `{"error":"moon_phase"}`)), "silent", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.change == nil {
				tt.change = func(*oidcop.Options) {}
			}
			x := imitating(t, tt.like, tt.settings, tt.change)
			x.op.Lie(tt.lie)
			f := x.finding("secret")
			if got := verdict(f); got != tt.want {
				t.Fatalf("got %s, want %s: %+v", got, tt.want, f)
			}
			if f.Err != nil && fault.As(f.Err).Confidence != tt.confidence {
				t.Errorf("confidence %q, want %q", fault.As(f.Err).Confidence, tt.confidence)
			}
			if tt.label != "" {
				known := fault.As(f.Err)
				if text := known.Fix + " " + strings.Join(known.Labels, " "); !strings.Contains(text, tt.label) {
					t.Errorf("%q does not name %s", text, tt.label)
				}
			}
		})
	}
}

// The real secret is shown once in a run, with one control beside it, by somebody who says who they are.
func TestProbesAreFewAndNamed(t *testing.T) {
	x := imitating(t, oidcop.LikeOkta, m{"client_secret": "wrong but ours"})
	var mu sync.Mutex
	shown := map[string]int{}
	agents := map[string]bool{}
	note := func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		agents[r.UserAgent()] = true
		if _, password, ok := r.BasicAuth(); ok {
			password, _ = url.QueryUnescape(password)
			shown[password]++
		}
		return false
	}
	x.op.Lie(oidcop.Lies{Endpoint: take{"token": note, "authorize": note}})
	x.findings()
	if shown["wrong but ours"] != 1 || len(shown) != 2 || x.op.Requests("token") != 2 || x.op.Requests("authorize") != 2 {
		t.Errorf("secrets shown %v, %d token and %d authorize requests", shown, x.op.Requests("token"), x.op.Requests("authorize"))
	}
	if len(agents) != 1 || !agents["Cloakroom-Preflight (connection acme; +https://sso.example/)"] {
		t.Errorf("named %v", agents)
	}
	x.p.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context()))
	if x.op.Requests("token") != 2 || x.op.Requests("authorize") != 2 {
		t.Error("the quick check sends probes")
	}
}

func TestPublishedDocuments(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	short := jose.JSONWebKey{Key: weak.Public(), KeyID: "short", Use: "sig"}
	nameless := func(keys []any) []any {
		second := oidcop.NewKey(jose.ES256).Public()
		second.KeyID = ""
		return append(keys, second)
	}
	set := func(values m) oidcop.Lies { return oidcop.Lies{Discovery: oidcop.Set(values)} }
	for _, tt := range []struct {
		name, check string
		settings    m
		lie         oidcop.Lies
		want        string
	}{
		{"all well", "jwks", nil, oidcop.Lies{}, ""},
		{"a short key beside a good one", "jwks", nil, oidcop.Lies{Keys: func(k []any) []any { return append(k, short) }}, "oidc.key_weak warning"},
		{"only a short key", "jwks", nil, oidcop.Lies{Keys: func([]any) []any { return []any{short} }}, "oidc.key_weak error"},
		{"no key", "jwks", nil, oidcop.Lies{Keys: func([]any) []any { return nil }}, "oidc.keys_unusable error"},
		{"a key without a name", "jwks", nil, oidcop.Lies{Keys: nameless}, "oidc.key_id_missing warning"},
		{"a key set behind a firewall", "jwks", nil, oidcop.Lies{Endpoint: take{"jwks": says(403, "text/html", "<html>Request blocked")}}, "net.firewall_page error"},
		{"a key set that fails", "jwks", nil, oidcop.Lies{Endpoint: take{"jwks": says(503, "text/plain", "busy")}}, "net.server_error error"},
		{"PKCE without S256", "pkce", nil, set(m{"code_challenge_methods_supported": []string{"plain"}}), "oidc.pkce_unlisted warning"},
		{"no code flow", "flow", nil, set(m{"response_types_supported": []string{"id_token"}}), "oidc.flow_not_enabled error"},
		{"no code grant", "flow", nil, set(m{"grant_types_supported": []string{"implicit"}}), "oidc.flow_not_enabled error"},
		{"other client authentication", "client_auth", m{"client_auth": "client_secret_post"}, set(m{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}}), "oidc.client_auth_mismatch warning"},
		{"symmetric only", "algorithms", nil, set(m{"id_token_signing_alg_values_supported": []string{"HS256"}}), "oidc.algorithm_refused error"},
		{"scope", "scopes", m{"scopes": []string{"openid", "moon"}}, oidcop.Lies{}, "oidc.scope_refused warning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := imitating(t, "", tt.settings)
			x.op.Lie(tt.lie)
			if f := x.finding(tt.check); verdict(f) != tt.want {
				t.Errorf("got %s, want %s: %+v", verdict(f), tt.want, f)
			}
		})
	}
	inner := hosted443("https://sso.acme.example")
	inner.Lie(set(m{"token_endpoint": "https://10.0.0.7/token"}))
	x := at(t, "keycloak", m{"issuer": "https://sso.acme.example"}, cast{"sso.acme.example": inner})
	if f := x.finding("endpoints"); fault.CodeOf(f.Err) != fault.OIDCInternal || !strings.Contains(f.Detail, "token_endpoint is https://10.0.0.7/token") {
		t.Errorf("%+v", f)
	}
	x = at(t, "generic", m{"issuer": "https://old.example"}, cast{"old.example": http.RedirectHandler("https://new.example/.well-known/openid-configuration", http.StatusFound),
		"new.example": hosted443("https://old.example")})
	if f := fault.As(x.finding("discovery").Err); f == nil || f.Code != fault.FetchRedirect || f.Observed != "new.example" {
		t.Errorf("%+v", f)
	}
}

func TestClockOfTheProvider(t *testing.T) {
	x := imitating(t, "", nil)
	if f := x.finding("clock"); f.Err != nil || f.Severity != "ok" {
		t.Errorf("%+v", f)
	}
	x.clock.forward(5 * time.Minute)
	x.open()
	f := x.finding("clock")
	if known := fault.As(f.Err); known.Code != fault.ClockTheirs || known.Confidence != fault.Likely || !strings.Contains(known.Observed, "5m") || !strings.HasSuffix(known.Observed, "slow") {
		t.Errorf("%+v", f)
	}
}

func TestAppleSecrets(t *testing.T) {
	jwt := func(claims m) string {
		b, _ := json.Marshal(claims)
		return "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(b) + ".c2ln"
	}
	until := func(d time.Duration, change ...m) string {
		claims := m{"iss": "TEAM", "sub": clientID, "aud": "https://appleid.apple.com", "exp": time.Now().Add(d).Unix()}
		for _, c := range change {
			for k, v := range c {
				claims[k] = v
			}
		}
		return jwt(claims)
	}
	const day = 24 * time.Hour
	for _, tt := range []struct{ name, secret, want string }{
		{"good", until(100 * day), ""},
		{"ends soon", until(20 * day), "oidc.client_secret_expired warning"},
		{"ended", until(-day), "oidc.client_secret_expired error"},
		{"too long", until(300 * day), "oidc.client_key_unusable error"},
		{"for another Services ID", until(100*day, m{"sub": "com.other"}), "oidc.client_key_unusable error"},
		{"for another audience", until(100*day, m{"aud": "https://example.com"}), "oidc.client_key_unusable error"},
		{"without an end", jwt(m{"sub": clientID, "aud": "https://appleid.apple.com"}), "oidc.client_key_unusable error"},
		{"cut off", "eyJhbGciOiJFUzI1NiJ9.eyJ", "oidc.client_key_unusable error"},
		{"not JSON", "eyJhbGciOiJFUzI1NiJ9.AAAA.c2ln", "oidc.client_key_unusable error"},
	} {
		x := at(t, "apple", m{"client_secret": tt.secret}, cast{"appleid.apple.com": hosted443("https://appleid.apple.com")})
		got := ""
		for _, f := range x.findings() {
			if f.Check == "client_secret" {
				got = verdict(f)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := (oidc.Protocol{}).Open(providers.Settings{Preset: "apple", Config: []byte(`{"client_id":"c","client_secret":"-----BEGIN PRIVATE KEY-----"}`), HTTP: http.DefaultClient, Now: time.Now}); fault.CodeOf(err) != fault.OIDCClientKeyFault {
		t.Errorf("a key without team: %v", err)
	}
}
