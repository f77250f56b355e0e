package op_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"cloakroom/broker"
)

// Every endpoint that discovery lists is there, and what it lists as supported is.
func TestDiscoveryIsTrue(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	r := get(t, http.DefaultClient, w.issuer()+"/.well-known/openid-configuration")
	m := r.json(t)
	if m["issuer"] != w.issuer() || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Errorf("%v %v", m["issuer"], r.header)
	}
	n := 0
	for name, v := range m {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		n++
		u, _ := v.(string)
		if !strings.HasPrefix(u, w.endpoint("")) {
			t.Errorf("%s is %s", name, u)
		}
		got, sent := get(t, w.browser(), u), post(t, w.browser(), u, url.Values{})
		if (got.status == 404 || got.status == 405) && (sent.status == 404 || sent.status == 405) {
			t.Errorf("%s answers %d and %d", name, got.status, sent.status)
		}
		if got.status >= 500 || sent.status >= 500 {
			t.Errorf("%s: %d, %d", name, got.status, sent.status)
		}
	}
	if n != 8 {
		t.Errorf("%d endpoints", n)
	}
	v := request("app")
	v.Set("claims", `{"userinfo":{"email":null}}`)
	tokens := w.tokens("app", v)
	known := strings.Join(texts(m["claims_supported"]), " ") + " typ jti "
	for _, doc := range []map[string]any{payload(t, tokens["id_token"]), w.userinfo(tokens["access_token"]).json(t)} {
		for claim := range doc {
			if !strings.Contains(" "+known, " "+claim+" ") {
				t.Errorf("claim %s is given but not listed", claim)
			}
		}
	}
	for _, mode := range texts(m["response_modes_supported"]) {
		v.Set("response_mode", mode)
		if r := get(t, w.browser(), w.endpoint("auth")+"?"+v.Encode()); strings.Contains(r.header.Get("Location"), "error=") || r.status > 303 {
			t.Errorf("response_mode %s: %d %s", mode, r.status, r.header.Get("Location"))
		}
	}
	if r := get(t, http.DefaultClient, w.issuer()+"/.well-known/oauth-authorization-server"); r.json(t)["issuer"] != w.issuer() {
		t.Error("RFC 8414 metadata")
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/protocol/openid-connect/certs", ""} {
		if r := get(t, http.DefaultClient, w.server.URL+"/realms/nowhere"+path); r.status != 404 {
			t.Errorf("an unknown realm's %s: %d", path, r.status)
		}
	}
}

func TestRealmInfo(t *testing.T) {
	w := newWorld(t)
	m := get(t, http.DefaultClient, w.issuer()).json(t)
	der, err := base64.StdEncoding.DecodeString(m["public_key"].(string))
	must(t, err)
	_, err = x509.ParsePKIXPublicKey(der)
	must(t, err)
	if m["realm"] != "acme" || m["token-service"] != w.issuer()+"/protocol/openid-connect" || m["tokens-not-before"] != 0.0 {
		t.Errorf("%v", m)
	}
}

// Relying parties with a cached key set live through a rotation.
func TestRotationUnderUse(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	ctx := context.Background()
	must(t, w.keys.Ensure(ctx, "acme"))
	must(t, w.keys.Prepare(ctx, "realm:acme", "RS256"))
	provider, err := oidc.NewProvider(ctx, w.issuer())
	must(t, err)
	verifier := provider.Verifier(&oidc.Config{ClientID: "app"})
	check := func(tokens map[string]any) string {
		t.Helper()
		raw, _ := tokens["id_token"].(string)
		_, err := verifier.Verify(ctx, raw)
		must(t, err)
		return header(t, raw)["kid"].(string)
	}
	before := w.tokens("app", request("app"))
	old := check(before)
	_, err = w.keys.Rotate(ctx, "realm:acme", "RS256")
	must(t, err)
	if fresh := check(w.tokens("app", request("app"))); fresh == old {
		t.Error("still signed with the old key")
	}
	if check(before) != old {
		t.Error("unreachable")
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	must(t, json.Unmarshal([]byte(get(t, http.DefaultClient, w.endpoint("certs")).body), &set))
	for _, k := range set.Keys {
		for _, secret := range []string{"d", "p", "q", "k"} {
			if k[secret] != nil {
				t.Errorf("a private part is published: %v", k["kid"])
			}
		}
	}
	if len(set.Keys) != 3 {
		t.Errorf("%d keys are published, want RS256 twice and ES256", len(set.Keys))
	}
}

// An application configured for Keycloak's old prefix reads that issuer wherever it looks.
func TestLegacyPrefixIsPartOfTheIssuer(t *testing.T) {
	w := newWorld(t, "/auth")
	w.client("app", func(c *broker.Client) { c.AccessTokenFormat = "jwt" })
	issuer := w.server.URL + "/auth/realms/acme"
	provider, err := oidc.NewProvider(context.Background(), issuer)
	must(t, err)
	b := w.browser()
	q := get(t, b, provider.Endpoint().AuthURL+"?"+request("app").Encode()).location(t).Query()
	if q.Get("iss") != issuer {
		t.Errorf("iss %s", q.Get("iss"))
	}
	tokens := post(t, b, provider.Endpoint().TokenURL, exchange("app", q.Get("code"))).json(t)
	raw, _ := tokens["id_token"].(string)
	_, err = provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(context.Background(), raw)
	must(t, err)
	if r := do(t, b, bearerAt(t, strings.Replace(w.endpoint("userinfo"), "/realms", "/auth/realms", 1), tokens["access_token"])); r.status != 200 {
		t.Errorf("userinfo: %d", r.status)
	}
	if u := get(t, b, issuer+"/protocol/openid-connect/logout?post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&id_token_hint="+raw).location(t); u.String() != "https://app.example/bye" {
		t.Errorf("logout: %s", u)
	}
}

// keycloak.js learns at once that it cannot see our cookies from its page.
func TestThirdPartyCookieCheck(t *testing.T) {
	w := newWorld(t)
	page := get(t, http.DefaultClient, w.endpoint("3p-cookies/step1.html"))
	script := get(t, http.DefaultClient, w.endpoint("3p-cookies/step1.js"))
	if !strings.Contains(page.body, "step1.js") || page.header.Get("X-Frame-Options") != "" || !strings.Contains(script.body, "unsupported") ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "frame-ancestors *") {
		t.Errorf("%v %s %s", page.header, page.body, script.body)
	}
}
