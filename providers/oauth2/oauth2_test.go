package oauth2_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/oauth2"
)

const callback = "https://sso.example/broker/acme/endpoint"

// hub is a GitHub of our own: what it says can be changed, its code checks are real.
type hub struct {
	t         *testing.T
	srv       *httptest.Server
	user      string
	emails    string
	token     http.HandlerFunc
	headers   bool // take the secret in the header only
	status    int  // of /user/emails
	challenge string
	calls     atomic.Int32
}

func begin(t *testing.T, preset string) (*hub, providers.Provider) {
	t.Helper()
	h := &hub{t: t, user: `{"id":583231,"login":"octocat","name":"Ada","email":"public@acme.example"}`, status: 200,
		emails: `[{"email":"other@acme.example","primary":false,"verified":true},{"email":"ada@acme.example","primary":true,"verified":true}]`}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/oauth/access_token", h.redeem)
	bearer := func(body *string, status *int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer tok" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(*status)
			fmt.Fprint(w, *body)
		}
	}
	ok := 200
	mux.HandleFunc("GET /api/v3/user", bearer(&h.user, &ok))
	mux.HandleFunc("GET /api/v3/user/emails", bearer(&h.emails, &h.status))
	h.srv = httptest.NewServer(mux)
	t.Cleanup(h.srv.Close)
	config, _ := json.Marshal(map[string]any{"authorize_url": h.srv.URL + "/login/oauth/authorize", "token_url": h.srv.URL + "/login/oauth/access_token",
		"userinfo_url": h.srv.URL + "/api/v3/user", "client_id": "app", "client_secret": "s3cret"})
	p, err := oauth2.Protocol{}.Open(providers.Settings{Preset: preset, Config: config, HTTP: &http.Client{Timeout: time.Second}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return h, p
}

func (h *hub) redeem(w http.ResponseWriter, r *http.Request) {
	h.calls.Add(1)
	_ = r.ParseForm()
	if h.token != nil {
		h.token(w, r)
		return
	}
	secret := r.PostForm.Get("client_secret")
	if h.headers {
		_, secret, _ = r.BasicAuth()
	}
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded") // as GitHub does unless asked
	switch {
	case secret != "s3cret":
		fmt.Fprint(w, url.Values{"error": {map[bool]string{true: "invalid_client", false: "incorrect_client_credentials"}[h.headers]}}.Encode())
	case r.PostForm.Get("code") != "good" || base64.RawURLEncoding.EncodeToString(sum[:]) != h.challenge:
		fmt.Fprint(w, url.Values{"error": {"bad_verification_code"}}.Encode())
	default:
		fmt.Fprint(w, url.Values{"access_token": {"tok"}, "token_type": {"bearer"}}.Encode())
	}
}

func request() providers.Request {
	return providers.Request{Handle: strings.Repeat("h", 43), Secret: []byte("secret"), CallbackURL: callback}
}

func (h *hub) login(p providers.Provider) (providers.Identity, error) {
	h.t.Helper()
	r := request()
	c, err := p.Start(h.t.Context(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	u, _ := url.Parse(c.URL)
	q := u.Query()
	if q.Get("state") != r.Handle || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != callback || q.Get("response_type") != "code" {
		h.t.Fatalf("sent to %s", c.URL)
	}
	h.challenge = q.Get("code_challenge")
	return p.Finish(h.t.Context(), r, answer("state", r.Handle, "code", "good"))
}

func answer(pairs ...string) providers.Reply {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return providers.Reply{Method: "GET", Query: v}
}

func TestGitHub(t *testing.T) {
	h, p := begin(t, "github")
	idn, err := h.login(p)
	if err != nil {
		t.Fatal(err)
	}
	if idn.Subject != "583231" || idn.Issuer != h.srv.URL || idn.EmailVerified == nil || !*idn.EmailVerified {
		t.Errorf("identity %+v", idn)
	}
	if e := idn.Attributes["email"]; len(e) != 1 || e[0] != "ada@acme.example" || idn.Attributes["login"][0] != "octocat" {
		t.Errorf("attributes %v", idn.Attributes)
	}
}

func TestGitHubEmailsThatProveNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		emails string
		status int
		want   fault.Code
	}{
		"unverified":         {`[{"email":"ada@acme.example","primary":true,"verified":false}]`, 200, fault.OAuth2NoEmail},
		"verified as text":   {`[{"email":"ada@acme.example","primary":true,"verified":"true"}]`, 200, fault.OAuth2NoEmail},
		"only secondary":     {`[{"email":"ada@acme.example","primary":false,"verified":true}]`, 200, fault.OAuth2NoEmail},
		"none":               {`[]`, 200, fault.OAuth2NoEmail},
		"not a list":         {`{}`, 200, fault.OAuth2NoEmail},
		"forbidden":          {`{"message":"Not Found"}`, 404, fault.OAuth2NoEmail},
		"key twice":          {`[{"email":"a@acme.example","email":"b@acme.example","primary":true,"verified":true}]`, 200, fault.OIDCDuplicate},
		"breaks out of it":   {`[]},{"x":1`, 200, fault.OIDCUserInfo},
		"second in brackets": {`[],"emails":[{"email":"eve@acme.example","primary":true,"verified":true}]`, 200, fault.OIDCDuplicate},
	} {
		h, p := begin(t, "github")
		h.emails, h.status = tt.emails, tt.status
		if idn, err := h.login(p); fault.CodeOf(err) != tt.want || idn.Subject != "" {
			t.Errorf("%s: %v %v", name, idn, err)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		preset, user, subject string
		want                  fault.Code
	}{
		{"generic", `{"sub":"abc","email":"a@acme.example","email_verified":true}`, "abc", ""},
		{"generic", `{"id":"x-1"}`, "x-1", ""},
		{"generic", `{"id":12345678901234567890}`, "12345678901234567890", ""},
		{"generic", `{"id":1.5}`, "", fault.OIDCSubject},
		{"generic", `{"id":1e3}`, "", fault.OIDCSubject},
		{"generic", `{"id":-1}`, "", fault.OIDCSubject},
		{"generic", `{"id":true}`, "", fault.OIDCSubject},
		{"generic", `{"id":""}`, "", fault.OIDCSubject},
		{"generic", `{"id":{"a":"b"}}`, "", fault.OIDCSubject},
		{"generic", `{"id":"` + strings.Repeat("x", 256) + `"}`, "", fault.OIDCSubject},
		{"generic", `{"email":"a@acme.example"}`, "", fault.OIDCSubject},
		{"generic", `{"id":1,"id":2}`, "", fault.OIDCDuplicate},
		{"generic", `<html>`, "", fault.OIDCUserInfo},
		{"github", `{"id":"octocat"}`, "", fault.OIDCSubject},
		{"github", `{"sub":"1"}`, "", fault.OIDCSubject},
	} {
		h, p := begin(t, tt.preset)
		h.user = tt.user
		idn, err := h.login(p)
		if fault.CodeOf(err) != tt.want || idn.Subject != tt.subject {
			t.Errorf("%s %s: %q %v", tt.preset, tt.user, idn.Subject, err)
		}
	}
	h, p := begin(t, "generic")
	for claim, want := range map[string]string{"true": "true", "false": "false", `"true"`: "false", "1": "false"} {
		h.user = `{"id":"1","email":"a@acme.example","email_verified":` + claim + `}`
		if idn, err := h.login(p); err != nil || fmt.Sprint(*idn.EmailVerified) != want {
			t.Errorf("%s: %v %v", claim, idn.EmailVerified, err)
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	says := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Code
	}{
		"wrong secret, 200":  {says(200, "application/json", `{"error":"incorrect_client_credentials","error_description":"The client_id and/or client_secret passed are incorrect."}`), fault.OIDCSecretRefused},
		"old code, 200":      {says(200, "application/json", `{"error":"bad_verification_code"}`), fault.OIDCCodeRefused},
		"redirect, 200":      {says(200, "application/json", `{"error":"redirect_uri_mismatch"}`), fault.OIDCRedirectURI},
		"unverified, 200":    {says(200, "application/json", `{"error":"unverified_user_email"}`), fault.OAuth2NoEmail},
		"suspended":          {says(200, "application/json", `{"error":"application_suspended"}`), fault.OIDCAppSuspended},
		"web page":           {says(200, "text/html", `<html>`), fault.OIDCTokenBlocked},
		"firewall":           {says(403, "text/html", `<html>`), fault.OIDCTokenBlocked},
		"no token":           {says(200, "application/json", `{}`), fault.OIDCTokenBlocked},
		"another token type": {says(200, "application/json", `{"access_token":"tok","token_type":"mac"}`), fault.OIDCTokenBlocked},
		"redirects":          {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) }, fault.FetchRedirect},
		"hangs":              {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fault.FetchTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := begin(t, "github")
			h.token = tt.answer
			if _, err := h.login(p); fault.CodeOf(err) != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSecretInTheHeader(t *testing.T) {
	h, p := begin(t, "generic")
	h.headers, h.user = true, `{"id":"1"}`
	for range 2 {
		if _, err := h.login(p); err != nil {
			t.Fatal(err)
		}
	}
	if n := h.calls.Load(); n != 3 {
		t.Errorf("%d calls for two sign-ins, want 3", n)
	}
}

func TestAnswers(t *testing.T) {
	_, p := begin(t, "github")
	r := request()
	for name, tt := range map[string]struct {
		reply providers.Reply
		want  fault.Code
	}{
		"no state":      {answer("code", "good"), fault.LoginUnknown},
		"foreign state": {answer("code", "good", "state", "x"), fault.LoginUnknown},
		"two codes":     {answer("state", r.Handle, "code", "a", "code", "b"), fault.OIDCAnswer},
		"neither":       {answer("state", r.Handle), fault.OIDCAnswer},
		"both":          {answer("state", r.Handle, "code", "a", "error", "b"), fault.OIDCAnswer},
		"cancelled":     {answer("state", r.Handle, "error", "access_denied"), fault.LoginCancelled},
		"suspended":     {answer("state", r.Handle, "error", "application_suspended"), fault.OIDCAppSuspended},
		"foreign code":  {answer("state", r.Handle, "code", "good"), fault.OIDCCodeRefused}, // PKCE: no challenge of ours
	} {
		if idn, err := p.Finish(t.Context(), r, tt.reply); fault.CodeOf(err) != tt.want || idn.Subject != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.Finish(t.Context(), providers.Request{}, answer("state", "", "code", "good")); fault.CodeOf(err) != fault.LoginUnknown {
		t.Errorf("unsolicited: %v", err)
	}
	if got := p.(providers.HandleFinder).Handle(answer("state", "s")); got != "s" {
		t.Errorf("handle %q", got)
	}
}

func TestOpen(t *testing.T) {
	for config, want := range map[string]fault.Code{
		`{"client_id":"a"}`: "",
		`{"client_id":"a","authorize_url":"https://git.acme.example/login/oauth/authorize"}`: "",
		`{}`: fault.OIDCSettings,
		`{`:  fault.OIDCSettings,
		`{"client_id":"a","token_url":"javascript:alert(1)"}`: fault.OIDCSettings,
	} {
		p, err := oauth2.Protocol{}.Open(providers.Settings{Preset: "github", Config: []byte(config), HTTP: &http.Client{}})
		if fault.CodeOf(err) != want {
			t.Errorf("%s: %v", config, err)
		}
		if err == nil {
			if _, err := p.Start(t.Context(), providers.Request{Passive: true}); fault.CodeOf(err) != fault.LoginInteraction {
				t.Errorf("passive at GitHub: %v", err)
			}
		}
	}
	if _, err := (oauth2.Protocol{}).Open(providers.Settings{Preset: "generic", Config: []byte(`{"client_id":"a"}`), HTTP: &http.Client{}}); fault.CodeOf(err) != fault.OIDCSettings {
		t.Errorf("generic without addresses: %v", err)
	}
}
