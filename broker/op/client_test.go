package op_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloakroom/broker"
)

// probe calls the token endpoint with a code that does not exist: invalid_grant means that the client was believed.
func probe(t *testing.T, w *world, v url.Values, header ...string) reply {
	t.Helper()
	v.Set("grant_type", "authorization_code")
	v.Set("code", "nobodys")
	return post(t, http.DefaultClient, w.endpoint("token"), v, header...)
}

func TestClientAuthentication(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("urn:my app", nil)
	w.client("poster", func(c *broker.Client) { c.TokenEndpointAuthMethod = "client_secret_post" })
	w.client("spa", func(c *broker.Client) { c.Public, c.SecretHash = true, "" })
	w.client("off", func(c *broker.Client) { c.Enabled = false })
	w.client("keyed", func(c *broker.Client) {
		c.TokenEndpointAuthMethod, c.JWKS = "private_key_jwt", json.RawMessage(`{"keys":[]}`)
	})
	encoded := url.QueryEscape(secret)
	for name, c := range map[string]struct {
		form   url.Values
		header string
		status int
		code   string
	}{
		"basic, encoded":              {header: basic("app", encoded), status: 400, code: "invalid_grant"},
		"basic, encoded id":           {header: basic(url.QueryEscape("urn:my app"), encoded), status: 400, code: "invalid_grant"},
		"basic, not encoded":          {header: basic("app", secret), status: 400, code: "invalid_grant"},
		"basic with client_id":        {header: basic("app", encoded), form: url.Values{"client_id": {"app"}}, status: 400, code: "invalid_grant"},
		"basic with another's id":     {header: basic("app", encoded), form: url.Values{"client_id": {"poster"}}, status: 400, code: "invalid_request"},
		"basic, wrong":                {header: basic("app", "wrong"), status: 401, code: "invalid_client"},
		"basic, unknown client":       {header: basic("nobody", encoded), status: 401, code: "invalid_client"},
		"basic, empty secret":         {header: basic("app", ""), status: 401, code: "invalid_client"},
		"basic, garbage":              {header: "Basic ???", status: 401, code: "invalid_client"},
		"post":                        {form: url.Values{"client_id": {"poster"}, "client_secret": {secret}}, status: 400, code: "invalid_grant"},
		"post where basic is set":     {form: url.Values{"client_id": {"app"}, "client_secret": {secret}}, status: 400, code: "invalid_grant"},
		"post, wrong":                 {form: url.Values{"client_id": {"app"}, "client_secret": {"wrong"}}, status: 401, code: "invalid_client"},
		"post, the hash":              {form: url.Values{"client_id": {"app"}, "client_secret": {hashOf(secret)}}, status: 401, code: "invalid_client"},
		"two ways":                    {header: basic("app", encoded), form: url.Values{"client_id": {"app"}, "client_secret": {secret}}, status: 400, code: "invalid_request"},
		"no secret":                   {form: url.Values{"client_id": {"app"}}, status: 401, code: "invalid_client"},
		"no client":                   {status: 401, code: "invalid_client"},
		"switched off":                {form: url.Values{"client_id": {"off"}, "client_secret": {secret}}, status: 401, code: "invalid_client"},
		"public":                      {form: url.Values{"client_id": {"spa"}}, status: 400, code: "invalid_grant"},
		"public with an empty secret": {form: url.Values{"client_id": {"spa"}, "client_secret": {""}}, status: 400, code: "invalid_grant"},
		"secret where a key is set":   {form: url.Values{"client_id": {"keyed"}, "client_secret": {secret}}, status: 401, code: "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.form == nil {
				c.form = url.Values{}
			}
			var h []string
			if c.header != "" {
				h = []string{"Authorization", c.header}
			}
			r := probe(t, w, c.form, h...)
			wantError(t, r, c.status, c.code)
			if challenged := strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic"); challenged != (c.status == 401 && c.header != "") {
				t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestGuessingIsSlowed(t *testing.T) {
	w := newWorld(t)
	w.client("app", nil)
	w.client("other", nil)
	for range 30 {
		wantError(t, probe(t, w, url.Values{"client_id": {"app"}, "client_secret": {"wrong"}}), 401, "invalid_client")
	}
	wantError(t, probe(t, w, url.Values{"client_id": {"app"}, "client_secret": {"wrong"}}), 429, "slow_down")
	wantError(t, probe(t, w, url.Values{"client_id": {"other"}, "client_secret": {secret}}), 400, "invalid_grant")
}

type signingKey struct {
	kid     string
	private *ecdsa.PrivateKey
}

func newSigningKey(t *testing.T, kid string) signingKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return signingKey{kid, k}
}

func (k signingKey) set() []byte {
	b, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: k.kid, Use: "sig"}}})
	return b
}

func (k signingKey) assertion(t *testing.T, claims map[string]any) url.Values {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.kid}}, nil)
	must(t, err)
	b, err := json.Marshal(claims)
	must(t, err)
	j, err := s.Sign(b)
	must(t, err)
	c, err := j.CompactSerialize()
	must(t, err)
	return url.Values{"client_assertion": {c}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
}

func TestPrivateKeyJWT(t *testing.T) {
	w := newWorld(t)
	key, stranger := newSigningKey(t, "k1"), newSigningKey(t, "k1")
	w.client("keyed", func(c *broker.Client) { c.TokenEndpointAuthMethod, c.JWKS = "private_key_jwt", key.set() })
	w.client("app", nil)
	n := 0
	good := func() map[string]any {
		n++
		return map[string]any{"iss": "keyed", "sub": "keyed", "aud": w.issuer(), "exp": w.now().Add(time.Minute).Unix(), "iat": w.now().Unix(), "jti": fmt.Sprint("j", n)}
	}
	for name, c := range map[string]struct {
		change func(map[string]any)
		key    *signingKey
		ok     bool
	}{
		"good":                  {ok: true},
		"aud token endpoint":    {change: func(m map[string]any) { m["aud"] = []string{w.endpoint("token")} }, ok: true},
		"aud elsewhere":         {change: func(m map[string]any) { m["aud"] = "https://other.example" }},
		"aud of another realm":  {change: func(m map[string]any) { m["aud"] = w.server.URL + "/realms/umbra" }},
		"expired":               {change: func(m map[string]any) { m["exp"] = w.now().Add(-time.Minute).Unix() }},
		"without exp":           {change: func(m map[string]any) { delete(m, "exp") }},
		"good for an hour":      {change: func(m map[string]any) { m["exp"] = w.now().Add(time.Hour).Unix() }},
		"absurd exp":            {change: func(m map[string]any) { m["exp"] = 1e300 }},
		"not yet":               {change: func(m map[string]any) { m["nbf"] = w.now().Add(5 * time.Minute).Unix() }},
		"without jti":           {change: func(m map[string]any) { delete(m, "jti") }},
		"another's name":        {change: func(m map[string]any) { m["sub"] = "app" }},
		"a stranger's key":      {key: &stranger},
		"a claim of wrong type": {change: func(m map[string]any) { m["exp"] = "soon" }},
	} {
		t.Run(name, func(t *testing.T) {
			m, k := good(), key
			if c.change != nil {
				c.change(m)
			}
			if c.key != nil {
				k = *c.key
			}
			r := probe(t, w, k.assertion(t, m))
			if c.ok {
				wantError(t, r, 400, "invalid_grant")
			} else {
				wantError(t, r, 401, "invalid_client")
			}
		})
	}
	t.Run("replayed", func(t *testing.T) {
		v := key.assertion(t, good())
		wantError(t, probe(t, w, v), 400, "invalid_grant")
		wantError(t, probe(t, w, v), 401, "invalid_client")
	})
	t.Run("for a client with a secret", func(t *testing.T) {
		m := good()
		m["iss"], m["sub"] = "app", "app"
		wantError(t, probe(t, w, key.assertion(t, m)), 401, "invalid_client")
	})
	t.Run("with a secret too", func(t *testing.T) {
		v := key.assertion(t, good())
		v.Set("client_id", "keyed")
		v.Set("client_secret", secret)
		wantError(t, probe(t, w, v), 400, "invalid_request")
	})
}

// A client's jwks_uri is read once, again for a key that is not known, and not at a stranger's pace.
func TestJWKSURI(t *testing.T) {
	w := newWorld(t)
	key := newSigningKey(t, "old")
	var served atomic.Pointer[signingKey]
	var fetched atomic.Int32
	served.Store(&key)
	uri := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = rw.Write(served.Load().set())
	}))
	defer uri.Close()
	w.client("keyed", func(c *broker.Client) { c.TokenEndpointAuthMethod, c.JWKSURI = "private_key_jwt", uri.URL })
	try := func(k signingKey) reply {
		return probe(t, w, k.assertion(t, map[string]any{
			"iss": "keyed", "sub": "keyed", "aud": w.issuer(), "exp": w.now().Add(time.Minute).Unix(), "jti": broker.RandomToken(8),
		}))
	}
	for range 3 {
		wantError(t, try(key), 400, "invalid_grant")
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times for one key", n)
	}
	fresh := newSigningKey(t, "new")
	served.Store(&fresh)
	w.later(2 * time.Minute)
	wantError(t, try(fresh), 400, "invalid_grant")
	unknown := newSigningKey(t, "unknown")
	for range 5 {
		wantError(t, try(unknown), 401, "invalid_client")
	}
	if n := fetched.Load(); n != 2 {
		t.Errorf("fetched %d times, want 2: a stranger's keys must not make us fetch", n)
	}
}

func TestOriginsOfPublicClients(t *testing.T) {
	w := newWorld(t)
	w.client("spa", func(c *broker.Client) { c.Public, c.SecretHash = true, "" })
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "", "null": "", "https://app.example.evil.example": ""} {
		r := probe(t, w, url.Values{"client_id": {"spa"}}, "Origin", origin)
		if got := r.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %s: allowed %q", origin, got)
		}
		// keycloak.js asks for tokens with credentials included, and a browser then hides an answer that does not allow them.
		if got, allowed := r.header.Get("Access-Control-Allow-Credentials"), want != ""; (got == "true") != allowed {
			t.Errorf("origin %s: credentials %q", origin, got)
		}
	}
	for _, open := range []string{w.issuer() + "/.well-known/openid-configuration", w.endpoint("certs")} {
		h := get(t, http.DefaultClient, open).header
		if got := h.Get("Access-Control-Allow-Origin"); got != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %q", open, h)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodOptions, w.endpoint("token"), nil)
	must(t, err)
	req.Header.Set("Origin", "https://app.example")
	req.Header.Set("Access-Control-Request-Method", "POST")
	if r := do(t, http.DefaultClient, req); r.status != http.StatusNoContent || r.header.Get("Access-Control-Allow-Origin") != "https://app.example" || r.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("preflight: %d %v", r.status, r.header)
	}
}
