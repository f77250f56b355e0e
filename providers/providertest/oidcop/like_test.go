package oidcop_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/providers/providertest/oidcop"
)

// like is a provider with a vendor's habits, at the path that the vendor's issuers have.
func like(t *testing.T, vendor oidcop.Like, path string, change func(*oidcop.Options)) (*oidcop.OP, *http.Client) {
	t.Helper()
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { op.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	o := oidcop.Options{Issuer: srv.URL + path, Now: time.Now, Like: vendor, Algorithm: "ES256", AutoApprove: "ada",
		Clients: []oidcop.Client{{ID: "app", Secret: "s3cret", RedirectURIs: []string{"https://app.example/cb"}}},
		Users:   []oidcop.User{{Username: "ada", Subject: "7", Email: "ada@acme.example", EmailVerified: true}}}
	if change != nil {
		change(&o)
	}
	op = oidcop.New(o)
	c := srv.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return op, c
}

func TestVendorsAuthorize(t *testing.T) {
	app := func(f func(*oidcop.Client)) func(*oidcop.Options) {
		return func(o *oidcop.Options) { f(&o.Clients[0]) }
	}
	const tenant = "/0b1f2c3d-0000-4000-8000-000000000001/v2.0"
	for _, tt := range []struct {
		name   string
		vendor oidcop.Like
		path   string
		change func(*oidcop.Options)
		query  []string
		status int
		says   string // on the page, or in the answer
	}{
		{"assignment at Entra", oidcop.LikeEntra, tenant, app(func(c *oidcop.Client) { c.Assigned = []string{"bob"} }), nil, 200, "AADSTS50105"},
		{"consent at Entra", oidcop.LikeEntra, tenant, app(func(c *oidcop.Client) { c.NeedsConsent = true }), nil, 200, "AADSTS90094"},
		{"policy at Entra", oidcop.LikeEntra, tenant, app(func(c *oidcop.Client) { c.PolicyDenies = true }), nil, 200, "AADSTS53003"},
		{"another's account at Entra", oidcop.LikeEntra, tenant, app(func(c *oidcop.Client) { c.Organisation = "globex.example" }), nil, 200, "AADSTS50020"},
		{"assignment at Okta", oidcop.LikeOkta, "", app(func(c *oidcop.Client) { c.Assigned = []string{"bob"} }), nil, 302, "User is not assigned"},
		{"policy at Okta", oidcop.LikeOkta, "", app(func(c *oidcop.Client) { c.PolicyDenies = true }), nil, 302, "Policy evaluation failed"},
		{"Google's Internal", oidcop.LikeGoogle, "", app(func(c *oidcop.Client) { c.Organisation = "globex.example" }), nil, 403, "org_internal"},
		{"Google's Testing", oidcop.LikeGoogle, "", app(func(c *oidcop.Client) { c.Assigned = []string{} }), nil, 403, "access_denied"},
		{"Google's administrators", oidcop.LikeGoogle, "", app(func(c *oidcop.Client) { c.PolicyDenies = true }), nil, 400, "admin_policy_enforced"},
		{"policy at AD FS", oidcop.LikeADFS, "/adfs", app(func(c *oidcop.Client) { c.PolicyDenies = true }), nil, 403, "MSIS5007"},
		{"Keycloak, switched off", oidcop.LikeKeycloak, "/realms/acme", app(func(c *oidcop.Client) { c.Disabled = true }), nil, 400, "Client disabled"},
		{"GitHub, other callback", oidcop.LikeGitHub, "", nil, []string{"redirect_uri", "https://other.example/cb"}, 302, "redirect_uri_mismatch"},
		{"GitHub, below the callback", oidcop.LikeGitHub, "", nil, []string{"redirect_uri", "https://app.example/cb/deeper"}, 302, "code="},
		{"GitHub, suspended", oidcop.LikeGitHub, "", app(func(c *oidcop.Client) { c.Disabled = true }), nil, 302, "application_suspended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op, c := like(t, tt.vendor, tt.path, tt.change)
			address := authorizeURL(op, tt.query...)
			if tt.vendor == oidcop.LikeGitHub {
				address = strings.Replace(address, "/authorize?", "/login/oauth/authorize?", 1)
			}
			resp, page := get(t, c, address)
			said, _ := url.QueryUnescape(resp.Header.Get("Location"))
			if resp.StatusCode != tt.status || !strings.Contains(page+said, tt.says) {
				t.Errorf("%d %s %s", resp.StatusCode, said, page)
			}
			if tt.name == "GitHub, other callback" && !strings.HasPrefix(said, "https://app.example/cb?") {
				t.Errorf("sent to %s", said)
			}
		})
	}
}

func TestDirectories(t *testing.T) {
	const id = "0b1f2c3d-0000-4000-8000-000000000001"
	op, c := like(t, oidcop.LikeEntra, "/"+id+"/v2.0", func(o *oidcop.Options) {
		o.Tenants = map[string]string{"acme.example": id, "globex.example": "0b1f2c3d-0000-4000-8000-000000000002"}
	})
	host := strings.TrimSuffix(op.Issuer(), "/"+id+"/v2.0")
	for name, want := range map[string]string{
		id: op.Issuer(), "acme.example": op.Issuer(), "globex.example": host + "/0b1f2c3d-0000-4000-8000-000000000002/v2.0", "common": host + "/{tenantid}/v2.0", "nowhere.example": "",
	} {
		resp, body := get(t, c, host+"/"+name+"/v2.0/.well-known/openid-configuration")
		var doc struct{ Issuer string }
		_ = json.Unmarshal([]byte(body), &doc)
		if doc.Issuer != want || want == "" && (resp.StatusCode != 400 || !strings.Contains(body, "AADSTS90002")) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// A code is refused as never issued before it is redeemed, and as used after.
func TestVendorsTokens(t *testing.T) {
	for _, tt := range []struct {
		vendor      oidcop.Like
		never, used string
		status      int
		codeFirst   bool
	}{
		{oidcop.LikeEntra, "AADSTS9002313", "AADSTS54005", 400, true},
		{oidcop.LikeGoogle, "Malformed auth code", "Bad Request", 400, true},
		{oidcop.LikeOkta, "invalid or has expired", "invalid or has expired", 400, false},
		{oidcop.LikeADFS, "MSIS9247", "invalid_grant", 400, false},
		{oidcop.LikeKeycloak, "Code not valid", "Code not valid", 400, false},
	} {
		path := map[oidcop.Like]string{oidcop.LikeEntra: "/0b1f2c3d-0000-4000-8000-000000000001/v2.0"}[tt.vendor]
		op, c := like(t, tt.vendor, path, nil)
		resp, _ := get(t, c, authorizeURL(op))
		code := location(t, resp).Get("code")
		says := func(want string, status int, change ...string) {
			t.Helper()
			got, doc := redeem(t, op, code, change...)
			b, _ := json.Marshal(doc)
			if got != status || !strings.Contains(string(b), want) {
				t.Errorf("%s: %d %s, want %d %s", tt.vendor, got, b, status, want)
			}
		}
		says(tt.never, tt.status, "code", "never")
		if _, doc := redeem(t, op, code, "code", "never", "client_secret", "wrong"); (doc["error"] == "invalid_grant") != tt.codeFirst {
			t.Errorf("%s looks at the wrong thing first: %v", tt.vendor, doc)
		}
		says("id_token", 200)
		says(tt.used, tt.status)
	}
}

func TestGitHubPaths(t *testing.T) {
	op, c := like(t, oidcop.LikeGitHub, "", nil)
	resp, _ := get(t, c, op.Issuer()+"/api/v3/user")
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", resp.StatusCode)
	}
	resp, err := c.PostForm(op.Issuer()+"/login/oauth/access_token", url.Values{"client_id": {"app"}, "client_secret": {"wrong"}, "code": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}
