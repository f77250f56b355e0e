package oauth2_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/oauth2"
	"cloakroom/providers/providertest/oidcop"
)

const clientSecret = "a secret of the hub"

// connect opens a connection to a provider of OAuth 2.0 with a vendor's habits.
func connect(t *testing.T, preset string, like oidcop.Like, settings map[string]any, change func(*oidcop.Client)) (*oidcop.OP, providers.Provider) {
	t.Helper()
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { op.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	app := oidcop.Client{ID: "app", Secret: clientSecret, RedirectURIs: []string{callback}, Scopes: []string{"read:user", "user:email"}}
	if change != nil {
		change(&app)
	}
	op = oidcop.New(oidcop.Options{Issuer: srv.URL, Now: time.Now, Like: like, Algorithm: "ES256", Clients: []oidcop.Client{app},
		Users: []oidcop.User{{Username: "ada", Subject: "583231", Email: "ada@acme.example", EmailVerified: true}}})
	config := map[string]any{"client_id": "app", "client_secret": clientSecret, "scopes": []string{"read:user", "user:email"}}
	if preset == "github" {
		config["authorize_url"] = srv.URL + "/login/oauth/authorize"
	} else {
		config["authorize_url"], config["token_url"], config["userinfo_url"] = srv.URL+"/authorize", srv.URL+"/token", srv.URL+"/userinfo"
		config["scopes"] = []string{"openid", "email"}
	}
	for k, v := range settings {
		config[k] = v
	}
	b, _ := json.Marshal(config)
	p, err := oauth2.Protocol{}.Open(providers.Settings{Slug: "acme", Preset: preset, Config: b, CallbackURL: callback, HTTP: &http.Client{Timeout: time.Second}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return op, p
}

// verdicts are a preflight's findings in short, by their check.
func verdicts(t *testing.T, p providers.Provider) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range p.(providers.Preflighter).Preflight(t.Context()) {
		switch {
		case f.Err != nil:
			out[f.Check] = string(fault.CodeOf(f.Err))
		case strings.HasPrefix(f.Detail, "says nothing"):
			out[f.Check] = "silent"
		default:
			out[f.Check] = "ok"
		}
		if strings.Contains(fmt.Sprint(f), clientSecret) {
			t.Errorf("the secret is quoted: %v", f)
		}
	}
	return out
}

func TestPreflight(t *testing.T) {
	wrong := map[string]any{"client_secret": "wrong"}
	page := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	for _, tt := range []struct {
		name, preset string
		like         oidcop.Like
		settings     map[string]any
		change       func(*oidcop.Client)
		lie          map[string]func(http.ResponseWriter, *http.Request) bool
		check, want  string
	}{
		{"GitHub, secret right", "github", oidcop.LikeGitHub, nil, nil, nil, "secret", "ok"},
		{"GitHub, secret wrong", "github", oidcop.LikeGitHub, wrong, nil, nil, "secret", "oidc.client_secret_refused"},
		{"GitHub, no secret", "github", oidcop.LikeGitHub, map[string]any{"client_secret": ""}, nil, nil, "client_secret", "oidc.client_secret_missing"},
		{"GitHub has no prompt=none", "github", oidcop.LikeGitHub, nil, nil, nil, "passive", "silent"},
		{"GitHub, userinfo", "github", oidcop.LikeGitHub, nil, nil, nil, "userinfo", "ok"},
		{"GitHub, scope", "github", oidcop.LikeGitHub, map[string]any{"scopes": []string{"read:user"}}, nil, nil, "scopes", "oidc.scope_refused"},
		{"GitHub, clock", "github", oidcop.LikeGitHub, nil, nil, nil, "clock", "ok"},
		{"another, secret right", "generic", "", nil, nil, nil, "secret", "ok"},
		{"another, secret wrong", "generic", "", wrong, nil, nil, "secret", "oidc.client_secret_refused"},
		{"another, registered", "generic", "", map[string]any{"scopes": []string{"openid"}}, nil, nil, "passive", "ok"},
		{"another, not registered", "generic", "", nil, func(c *oidcop.Client) { c.RedirectURIs = []string{"https://other.example/"} }, nil, "passive", "idp.error_page"},
		{"another, flow", "generic", "", nil, func(c *oidcop.Client) { c.NoCodeFlow = true }, nil, "passive", "oidc.flow_not_enabled"},
		{"another, userinfo", "generic", "", nil, nil, nil, "userinfo", "ok"},
		{"userinfo elsewhere", "generic", "", nil, nil, map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": page(404, "<html>")}, "userinfo", "oidc.userinfo_refused"},
		{"userinfo behind a firewall", "generic", "", nil, nil, map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": page(403, "<html>")}, "userinfo", "net.firewall_page"},
		{"userinfo down", "generic", "", nil, nil, map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": page(503, "<html>")}, "userinfo", "net.server_error"},
		{"userinfo for anybody", "generic", "", nil, nil, map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": page(200, "<html>hello")}, "userinfo", "silent"},
		{"token endpoint behind a firewall", "generic", "", nil, nil, map[string]func(http.ResponseWriter, *http.Request) bool{"token": page(403, "<html>")}, "secret", "oidc.token_endpoint_blocked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			op, p := connect(t, tt.preset, tt.like, tt.settings, tt.change)
			op.Lie(oidcop.Lies{Endpoint: tt.lie})
			if got := verdicts(t, p)[tt.check]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if n := op.Requests("token"); n > 2 {
				t.Errorf("%d token requests", n)
			}
		})
	}
	op, p := connect(t, "github", oidcop.LikeGitHub, nil, nil)
	if got := p.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context())); len(got) != 1 || got[0].Err != nil || op.Requests("token") != 0 {
		t.Errorf("the quick check: %v", got)
	}
}

func TestGitHubLabels(t *testing.T) {
	_, p := connect(t, "github", oidcop.LikeGitHub, map[string]any{"client_secret": "wrong"}, nil)
	for _, f := range p.(providers.Preflighter).Preflight(t.Context()) {
		if f.Check == "secret" && (!strings.Contains(fault.As(f.Err).Fix, "Generate a new client secret") || fault.As(f.Err).Confidence != fault.Proved) {
			t.Errorf("%+v", fault.As(f.Err))
		}
	}
	r := request()
	for code, label := range map[string]string{"redirect_uri_mismatch": "Authorization callback URL", "application_suspended": "OAuth Apps"} {
		_, err := p.Finish(t.Context(), r, answer("state", r.Handle, "error", code))
		if f := fault.As(err); len(f.Labels) == 0 || !strings.Contains(f.Labels[0], label) {
			t.Errorf("%s: %+v", code, f)
		}
	}
}

// A report lists what was checked in order, and hides what could be used again.
func TestExplain(t *testing.T) {
	h, p := begin(t, "github")
	x := p.(providers.Explainer)
	r := request()
	for _, tt := range []struct {
		name   string
		reply  providers.Reply
		emails string
		want   fault.Code
		failed string
	}{
		{"another sign-in's", answer("state", "x", "code", "good"), "", fault.LoginUnknown, "state"},
		{"refused", answer("state", r.Handle, "error", "access_denied"), "", fault.LoginCancelled, "answer"},
		{"a code never issued", answer("state", r.Handle, "code", "bad"), "", fault.OIDCCodeRefused, "token"},
		{"no verified address", answer("state", r.Handle, "code", "good"), `[{"email":"a@acme.example","primary":true,"verified":false}]`, fault.OAuth2NoEmail, "email"},
		{"good", answer("state", r.Handle, "code", "good"), "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := h.emails
			if tt.emails != "" {
				h.emails = tt.emails
			}
			defer func() { h.emails = before }()
			if _, err := h.login(p); err != nil && tt.emails == "" { // sets the challenge that the hub expects
				t.Fatal(err)
			}
			got := x.Explain(t.Context(), r, tt.reply)
			if strings.Contains(got.Message, r.Handle) || strings.Contains(got.Message, "good") {
				t.Errorf("message %q", got.Message)
			}
			if tt.want == "" {
				if !got.OK() || got.Identity == nil || got.Identity.Subject != "583231" {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got.Findings) != 1 || fault.CodeOf(got.Findings[0].Err) != tt.want || got.Identity != nil {
				t.Fatalf("%+v", got)
			}
			for i, c := range got.Checks {
				if c.Name == tt.failed && c.Status != providers.Failed || c.Status == providers.Failed && c.Name != tt.failed || i > 0 && got.Checks[i-1].Status == providers.Failed && c.Status != providers.NotReached {
					t.Errorf("%+v", got.Checks)
				}
			}
		})
	}
	if got := x.Inspect(t.Context(), providers.Sample{IDToken: "e30.e30.e30"}); got.OK() || fault.CodeOf(got.Findings[0].Err) != fault.ExplainKind {
		t.Errorf("%+v", got)
	}
	if names := x.Names(); len(names) != 1 || names[0] != h.srv.URL {
		t.Errorf("%v", names)
	}
}
