package oidcop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/providers/providertest/oidcop"
)

const redirect = "https://app.example/cb"

func begin(t *testing.T, path, auto string) (*oidcop.OP, *http.Client) {
	t.Helper()
	var op *oidcop.OP
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { op.ServeHTTP(w, r) }))
	op = oidcop.New(oidcop.Options{Issuer: "http://" + srv.Listener.Addr().String() + path, Now: time.Now, AutoApprove: auto, Algorithm: "ES256", NamesIssuer: true,
		Clients: []oidcop.Client{{ID: "app", Secret: "s3cret", RedirectURIs: []string{redirect}}},
		Users:   []oidcop.User{{Username: "ada", Name: "Ada <Byron>", Email: "ada@acme.example"}, {Username: "bob", Email: "bob@acme.example"}}})
	srv.Start()
	t.Cleanup(srv.Close)
	jar, _ := cookiejar.New(nil)
	return op, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func authorizeURL(op *oidcop.OP, extra ...string) string {
	sum := sha256.Sum256([]byte("verifier"))
	v := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {redirect}, "scope": {"openid"}, "state": {"st"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(extra); i += 2 {
		v.Set(extra[i], extra[i+1])
	}
	return op.Issuer() + "/authorize?" + v.Encode()
}

func get(t *testing.T, c *http.Client, address string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

func location(t *testing.T, resp *http.Response) url.Values {
	t.Helper()
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return u.Query()
}

var requestField = regexp.MustCompile(`name="request" value="([^"]*)"`)

func press(t *testing.T, op *oidcop.OP, c *http.Client, page string, button ...string) *http.Response {
	t.Helper()
	found := requestField.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form in %s", page)
	}
	resp, err := c.PostForm(op.Issuer()+"/sign-in", url.Values{"request": {html.UnescapeString(found[1])}, button[0]: {button[1]}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp
}

func redeem(t *testing.T, op *oidcop.OP, code string, change ...string) (int, map[string]any) {
	t.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "client_id": {"app"}, "client_secret": {"s3cret"}, "code_verifier": {"verifier"}}
	for i := 0; i < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	resp, err := http.PostForm(op.Issuer()+"/token", v)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&doc)
	return resp.StatusCode, doc
}

func TestSignInPage(t *testing.T) {
	for _, path := range []string{"", "/idp/acme"} {
		op, c := begin(t, path, "")
		resp, page := get(t, c, authorizeURL(op))
		if resp.StatusCode != 200 || !strings.Contains(page, "Ada &lt;Byron&gt;") || !strings.Contains(page, `lang="en"`) {
			t.Fatalf("%d %s", resp.StatusCode, page)
		}
		if q := location(t, press(t, op, c, page, "cancel", "1")); q.Get("error") != "access_denied" || q.Get("state") != "st" {
			t.Errorf("cancel: %v", q)
		}
		if resp, _ := get(t, c, authorizeURL(op, "prompt", "none")); location(t, resp).Get("error") != "login_required" {
			t.Error("prompt=none signs somebody in")
		}
		q := location(t, press(t, op, c, page, "user", "bob"))
		if q.Get("code") == "" || q.Get("state") != "st" || q.Get("iss") != op.Issuer() {
			t.Fatalf("answer %v", q)
		}
		status, doc := redeem(t, op, q.Get("code"))
		if status != 200 || doc["id_token"] == nil {
			t.Fatalf("%d %v", status, doc)
		}
		resp, _ = get(t, c, authorizeURL(op, "prompt", "none"))
		if location(t, resp).Get("code") == "" {
			t.Error("the session is not known")
		}
		if resp, _ = get(t, c, authorizeURL(op, "prompt", "login")); resp.StatusCode != 200 {
			t.Error("prompt=login shows no page")
		}
		resp, _ = get(t, c, op.Issuer()+"/end-session?state=x&post_logout_redirect_uri="+url.QueryEscape("https://app.example/bye"))
		if location(t, resp).Get("state") != "x" {
			t.Error("logout does not come back")
		}
		if resp, _ = get(t, c, authorizeURL(op, "prompt", "none")); location(t, resp).Get("error") != "login_required" {
			t.Error("still signed in after logout")
		}
		if resp := press(t, op, c, page, "user", "eve"); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("an unknown user: %d", resp.StatusCode)
		}
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	op, c := begin(t, "", "ada")
	for _, bad := range [][]string{{"client_id", "other"}, {"redirect_uri", "https://evil.example/cb"}, {"redirect_uri", ""}} {
		if resp, _ := get(t, c, authorizeURL(op, bad...)); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%v: %d", bad, resp.StatusCode)
		}
	}
	for _, bad := range [][]string{{"response_type", "token"}, {"scope", "email"}, {"code_challenge_method", "plain"}} {
		if resp, _ := get(t, c, authorizeURL(op, bad...)); location(t, resp).Get("error") == "" {
			t.Errorf("%v: no error", bad)
		}
	}
	if resp, page := get(t, c, authorizeURL(op, "response_mode", "form_post")); resp.StatusCode != 200 || !strings.Contains(page, `name="code"`) {
		t.Errorf("form_post: %s", page)
	}
}

func TestCodesAreGoodOnce(t *testing.T) {
	op, c := begin(t, "", "ada")
	code := func() string {
		resp, _ := get(t, c, authorizeURL(op))
		return location(t, resp).Get("code")
	}
	for _, bad := range [][]string{{"code_verifier", "other"}, {"redirect_uri", "https://app.example/other"}, {"client_secret", "wrong"}, {"client_id", "other"}, {"grant_type", "password"}, {"code", "never"}} {
		if status, doc := redeem(t, op, code(), bad...); status < 400 || doc["id_token"] != nil {
			t.Errorf("%v: %d %v", bad, status, doc)
		}
	}
	one := code()
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 20 {
		wg.Go(func() {
			if status, _ := redeem(t, op, one); status == 200 {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if good != 1 {
		t.Errorf("one code was redeemed %d times", good)
	}
}
