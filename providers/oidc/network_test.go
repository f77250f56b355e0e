package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
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

type take = map[string]func(http.ResponseWriter, *http.Request) bool

func says(status int, contentType, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
		return true
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) bool {
	_ = r.ParseForm()
	<-r.Context().Done()
	return true
}

func streams(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
			break
		}
	}
	return true
}

func redirects(w http.ResponseWriter, r *http.Request) bool {
	http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	return true
}

func TestTokenEndpoint(t *testing.T) {
	errorJSON := func(code, text string) func(http.ResponseWriter, *http.Request) bool {
		b, _ := json.Marshal(map[string]string{"error": code, "error_description": text})
		return says(http.StatusBadRequest, "application/json", string(b))
	}
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request) bool
		want   fault.Code
	}{
		{"hangs", hangs, fault.FetchTimeout},
		{"streams", streams, fault.OIDCTokenBlocked},
		{"redirects", redirects, fault.FetchRedirect},
		{"a firewall's page", says(403, "text/html", "<html>blocked"), fault.OIDCTokenBlocked},
		{"a captcha with 200", says(200, "text/html", "<html>are you human?"), fault.OIDCTokenBlocked},
		{"down", says(502, "text/html", "<html>bad gateway"), fault.OIDCProvider},
		{"busy", says(429, "text/plain", "slow down"), fault.OIDCProvider},
		{"empty", says(200, "application/json", ""), fault.OIDCTokenBlocked},
		{"wrong secret", errorJSON("invalid_client", "AADSTS7000215: Invalid client secret provided."), fault.OIDCSecretRefused},
		{"expired secret", errorJSON("invalid_client", "AADSTS7000222: The provided client secret keys are expired."), fault.OIDCSecretExpired},
		{"expired secret in words", errorJSON("invalid_client", "The client secret has expired"), fault.OIDCSecretExpired},
		{"missing secret", errorJSON("invalid_client", "AADSTS7000218: must contain client_assertion or client_secret"), fault.OIDCSecretMissing},
		{"public client", errorJSON("invalid_client", "AADSTS700025: Client is public"), fault.OIDCPublicClient},
		{"single-page application", errorJSON("invalid_request", "AADSTS9002327: Tokens issued for the 'Single-Page Application'"), fault.OIDCSPA},
		{"code used", errorJSON("invalid_grant", "AADSTS54005: OAuth2 Authorization code was already redeemed"), fault.OIDCCodeUsed},
		{"code used in words", errorJSON("invalid_grant", "Code already used"), fault.OIDCCodeUsed},
		{"code refused", errorJSON("invalid_grant", ""), fault.OIDCCodeRefused},
		{"redirect", errorJSON("invalid_grant", "Incorrect redirect_uri"), fault.OIDCRedirectURI},
		{"Keycloak's wrong secret", errorJSON("unauthorized_client", "Invalid client or Invalid client credentials"), fault.OIDCSecretRefused},
		{"AD FS's wrong secret", errorJSON("invalid_client", "MSIS9622: Client authentication failed."), fault.OIDCSecretRefused},
		{"grant not enabled", errorJSON("unauthorized_client", "grant not allowed"), fault.OIDCFlow},
		{"unknown application", errorJSON("unauthorized_client", "AADSTS700016: not found"), fault.OIDCClientUnknown},
		{"something new", errorJSON("moon_phase", "wrong"), fault.OIDCProvider},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "entra", nil)
			x.op.Lie(oidcop.Lies{Endpoint: take{"token": tt.answer}})
			f := x.refused(tt.want)
			if tt.want == fault.OIDCSecretRefused && (len(f.Labels) != 1 || !strings.Contains(f.Labels[0], "Certificates & secrets")) {
				t.Errorf("labels %q", f.Labels)
			}
		})
	}
}

func TestDiscovery(t *testing.T) {
	for _, tt := range []struct {
		name string
		lie  oidcop.Lies
		want fault.Code
	}{
		{"hangs", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": hangs}}, fault.FetchTimeout},
		{"streams", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": streams}}, fault.FetchTooLarge},
		{"not there", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": says(404, "text/html", "<html>")}}, fault.OIDCDiscovery},
		{"a page", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": says(200, "text/html", "<html>")}}, fault.OIDCDiscovery},
		{"not JSON", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": says(200, "application/json", "{")}}, fault.OIDCDiscovery},
		{"unknown tenant", oidcop.Lies{Endpoint: take{".well-known/openid-configuration": says(400, "application/json", `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found"}`)}}, fault.OIDCTenantUnknown},
		{"issuer of another", oidcop.Lies{Discovery: oidcop.Set(m{"issuer": "https://evil.example"})}, fault.OIDCIssuer},
		{"no token endpoint", oidcop.Lies{Discovery: oidcop.Set(m{"token_endpoint": nil})}, fault.OIDCDiscovery},
		{"token endpoint of a file", oidcop.Lies{Discovery: oidcop.Set(m{"token_endpoint": "file:///etc/passwd"})}, fault.OIDCDiscovery},
		{"script in the authorization endpoint", oidcop.Lies{Discovery: oidcop.Set(m{"authorization_endpoint": "javascript:alert(1)"})}, fault.OIDCDiscovery},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", nil)
			x.op.Lie(tt.lie)
			c, err := x.p.Start(t.Context(), x.request())
			wantFault(t, providers.Identity{}, err, tt.want)
			if c.URL != "" {
				t.Errorf("sent to %s", c.URL)
			}
			findings := x.p.(providers.Preflighter).Preflight(t.Context())
			if fault.CodeOf(findings[0].Err) != tt.want || len(findings) > 1 && findings[1].Err != nil {
				t.Errorf("preflight says %v", findings)
			}
		})
	}
}

func TestIssuerSpellings(t *testing.T) {
	for _, suffix := range []string{"/", "/.well-known/openid-configuration", ""} {
		x := begin(t, "generic", nil)
		config, _ := json.Marshal(m{"issuer": x.op.Issuer() + suffix, "client_id": clientID, "client_secret": secret})
		x.set.Config = config
		x.open()
		x.mustLogin()
	}
}

func TestAHangingProviderIsFetchedOnceForAll(t *testing.T) {
	x := begin(t, "generic", nil)
	release := make(chan struct{})
	x.op.Lie(oidcop.Lies{Endpoint: take{".well-known/openid-configuration": func(http.ResponseWriter, *http.Request) bool { <-release; return false }}})
	var wg sync.WaitGroup
	var failed atomic.Int32
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	wg.Go(func() {
		if _, err := x.p.Start(impatient, x.request()); fault.CodeOf(err) != fault.FetchTimeout {
			t.Errorf("impatient: %v", err)
		}
		close(release)
	})
	for range 20 {
		wg.Go(func() {
			if _, err := x.p.Start(t.Context(), x.request()); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if n := x.op.Requests(".well-known/openid-configuration"); n != 1 || failed.Load() != 0 {
		t.Errorf("%d fetches, %d failed", n, failed.Load())
	}
}

func TestLastGoodCopyBridgesAnOutage(t *testing.T) {
	x := begin(t, "generic", nil)
	x.mustLogin()
	down := oidcop.Lies{Endpoint: take{".well-known/openid-configuration": says(503, "text/html", "down"), "jwks": says(503, "text/html", "down")}}
	x.op.Lie(down)
	for _, later := range []time.Duration{2 * time.Hour, 48 * time.Hour} {
		x.clock.forward(later)
		x.mustLogin()
	}
	if x.memory == nil {
		t.Fatal("nothing was remembered")
	}
	x.set.Stored = x.memory
	x.open() // a restart during the outage
	x.mustLogin()
	x.set.Config, _ = json.Marshal(m{"issuer": x.op.Issuer() + "/other", "client_id": clientID})
	x.open() // what was remembered of another issuer is worthless
	if _, err := x.p.Start(t.Context(), x.request()); fault.CodeOf(err) != fault.OIDCDiscovery {
		t.Errorf("another issuer: %v", err)
	}
	for _, garbage := range []string{"", "{", `{"issuer":7}`, `null`} {
		x.set.Stored = []byte(garbage)
		x.open()
	}
}

func TestDocumentsAreRefreshedInTheBackground(t *testing.T) {
	x := begin(t, "generic", nil)
	queued := make(chan func(context.Context), 10)
	x.set.Go = func(f func(context.Context)) { queued <- f }
	x.open()
	x.mustLogin()
	x.clock.forward(2 * time.Hour)
	x.mustLogin()
	x.mustLogin()
	if x.op.Requests("jwks") != 1 || len(queued) != 2 { // one for discovery, one for keys
		t.Fatalf("%d fetches while signing in, %d in the background", x.op.Requests("jwks"), len(queued))
	}
	(<-queued)(t.Context())
	(<-queued)(t.Context())
	if x.op.Requests("jwks") != 2 || x.op.Requests(".well-known/openid-configuration") != 2 {
		t.Error("the background fetched nothing")
	}
}

func TestClientAuthentication(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(context.Context) ([]providers.Key, error) {
		return []providers.Key{{ID: "k1", Private: key, Certificate: []byte("der")}}, nil
	}
	set := &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}
	only := func(methods ...string) func(*oidcop.Options) {
		return func(o *oidcop.Options) {
			c := oidcop.Client{ID: clientID, Secret: secret, AuthMethods: methods, Keys: set}
			if methods[0] == "none" {
				c.Secret, c.Keys = "", nil
			}
			o.Clients = []oidcop.Client{c}
		}
	}
	for _, tt := range []struct {
		configured string
		allowed    []string
		listed     []string
		secret     string
		want       fault.Code
		calls      int64
	}{
		{"client_secret_basic", []string{"client_secret_basic"}, nil, secret, "", 1},
		{"client_secret_post", []string{"client_secret_post"}, nil, secret, "", 1},
		{"client_secret_jwt", []string{"client_secret_jwt"}, nil, secret, "", 1},
		{"private_key_jwt", []string{"private_key_jwt"}, nil, "", "", 1},
		{"none", []string{"none"}, nil, "", "", 1},
		{"auto", []string{"client_secret_basic"}, []string{"client_secret_post", "client_secret_basic"}, secret, "", 1},
		{"auto", []string{"client_secret_post"}, []string{"client_secret_post"}, secret, "", 1},
		{"auto", []string{"client_secret_jwt"}, []string{"client_secret_jwt"}, secret, "", 1},
		{"auto", []string{"private_key_jwt"}, []string{"private_key_jwt"}, "", "", 1},
		{"auto", []string{"none"}, nil, "", "", 1},
		{"auto", []string{"client_secret_basic"}, nil, "wrong", fault.OIDCSecretRefused, 2},
		{"client_secret_post", []string{"client_secret_basic"}, nil, secret, fault.OIDCSecretRefused, 1},
		{"client_secret_basic", []string{"client_secret_basic"}, nil, "wrong", fault.OIDCSecretRefused, 1},
		{"private_key_jwt", []string{"client_secret_basic"}, nil, "", fault.OIDCAssertion, 1},
		{"none", []string{"client_secret_basic"}, nil, "", fault.OIDCSecretMissing, 1},
	} {
		t.Run(tt.configured+"/"+strings.Join(tt.allowed, "+"), func(t *testing.T) {
			x := begin(t, "generic", m{"client_auth": tt.configured, "client_secret": tt.secret}, only(tt.allowed...))
			x.set.Keys = keys
			x.open()
			if tt.listed != nil {
				x.op.Lie(oidcop.Lies{Discovery: oidcop.Set(m{"token_endpoint_auth_methods_supported": tt.listed})})
			}
			if tt.want != "" {
				x.refused(tt.want)
			} else {
				x.mustLogin()
			}
			if n := x.op.Requests("token"); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
		})
	}
	t.Run("auto finds post and remembers it", func(t *testing.T) {
		x := begin(t, "generic", m{"client_auth": "auto"}, only("client_secret_post"))
		x.mustLogin()
		x.mustLogin()
		if n := x.op.Requests("token"); n != 3 {
			t.Errorf("%d calls for two sign-ins, want 3", n)
		}
		x.set.Stored = x.memory
		x.open()
		x.mustLogin()
		if n := x.op.Requests("token"); n != 4 {
			t.Errorf("%d calls after a restart, want 4", n)
		}
	})
	t.Run("no key", func(t *testing.T) {
		x := begin(t, "generic", m{"client_auth": "private_key_jwt"})
		x.refused(fault.OIDCClientKeyFault)
	})
}

// vendor opens a connection of a preset whose fixed issuer is played by an OP on loopback.
func vendor(t *testing.T, preset, issuer string, config m, discovered string) *party {
	t.Helper()
	x := begin(t, "generic", nil)
	x.set.Preset = preset
	host := strings.TrimPrefix(x.op.Issuer(), "http://")
	config["client_id"] = clientID
	if config["client_secret"] == nil {
		config["client_secret"] = secret
	}
	if issuer != "" {
		config["issuer"] = issuer
	}
	x.set.Config, _ = json.Marshal(config)
	x.set.HTTP = &http.Client{Transport: reroute{host}}
	x.op.Lie(oidcop.Lies{Discovery: hosted(discovered)})
	x.open()
	return x
}

// hosted is a discovery document under another name, with https endpoints as that name demands.
func hosted(issuer string) func(m) {
	return func(doc m) {
		for k, v := range doc {
			if address, ok := v.(string); ok && k != "issuer" {
				doc[k] = strings.Replace(address, "http://", "https://", 1)
			}
		}
		doc["issuer"] = issuer
	}
}

// reroute sends every call to one host, without the path before the endpoint's name.
type reroute struct{ host string }

// RoundTrip calls the one host.
func (r reroute) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host, out.Host = "http", r.host, r.host
	if i := strings.Index(out.URL.Path, "/.well-known/"); i > 0 {
		out.URL.Path = out.URL.Path[i:]
	}
	return http.DefaultTransport.RoundTrip(out)
}

const (
	acme     = "0b1f2c3d-0000-4000-8000-000000000001"
	globex   = "0b1f2c3d-0000-4000-8000-000000000002"
	personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	cloud    = "https://login.microsoftonline.com/"
	template = cloud + "{tenantid}/v2.0"
)

func TestEntra(t *testing.T) {
	iss := func(tid string) m { return m{"iss": cloud + tid + "/v2.0", "tid": tid, "oid": "o-1", "xms_edov": true} }
	for _, tt := range []struct {
		name, preset, issuer, tenant, discovered string
		claims                                   m
		want                                     fault.Code
	}{
		{"one tenant", "entra", "", acme, cloud + acme + "/v2.0", iss(acme), ""},
		{"one tenant, in capitals", "entra", "", strings.ToUpper(acme), cloud + acme + "/v2.0", iss(acme), ""},
		{"one tenant, token of another", "entra", "", acme, cloud + acme + "/v2.0", iss(globex), fault.OIDCIssuer},
		{"one tenant, foreign tid", "entra", "", acme, cloud + acme + "/v2.0", m{"iss": cloud + acme + "/v2.0", "tid": globex}, fault.OIDCTenant},
		{"one tenant, no tid", "entra", "", acme, cloud + acme + "/v2.0", m{"iss": cloud + acme + "/v2.0"}, fault.OIDCTenant},
		{"a domain", "entra", "", "acme.example", cloud + acme + "/v2.0", iss(acme), ""},
		{"a domain, token of another", "entra", "", "acme.example", cloud + acme + "/v2.0", iss(globex), fault.OIDCIssuer},
		{"a domain, foreign tid", "entra", "", "acme.example", cloud + acme + "/v2.0", m{"iss": cloud + acme + "/v2.0", "tid": globex}, fault.OIDCTenant},
		{"organizations", "entra", "", "", template, iss(globex), ""},
		{"organizations, personal account", "entra", "", "", template, iss(personal), fault.OIDCPersonal},
		{"organizations, tid and iss differ", "entra", "", "", template, m{"iss": cloud + acme + "/v2.0", "tid": globex}, fault.OIDCIssuer},
		{"organizations, tid is no id", "entra", "", "", template, m{"iss": cloud + "x/v2.0", "tid": "x"}, fault.OIDCTenant},
		{"organizations, literal template", "entra", "", "", template, m{"iss": template, "tid": "{tenantid}"}, fault.OIDCTenant},
		{"common, pinned", "entra", cloud + "common/v2.0", acme, template, iss(acme), ""},
		{"common, pinned, another", "entra", cloud + "common/v2.0", acme, template, iss(globex), fault.OIDCTenant},
		{"several", "entra", "", acme + ", " + globex, template, iss(globex), ""},
		{"several, another", "entra", "", acme + "," + globex, template, iss("0b1f2c3d-0000-4000-8000-000000000003"), fault.OIDCTenant},
		{"everybody", "microsoft", "", "", template, iss(personal), ""},
		{"national cloud", "entra", "https://login.microsoftonline.us/" + acme + "/v2.0", "", "https://login.microsoftonline.us/" + acme + "/v2.0", m{"iss": "https://login.microsoftonline.us/" + acme + "/v2.0", "tid": acme}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := vendor(t, tt.preset, tt.issuer, m{"tenant": tt.tenant}, tt.discovered)
			x.op.Lie(oidcop.Lies{Discovery: hosted(tt.discovered), Claims: oidcop.Set(tt.claims)})
			if tt.want != "" {
				x.refused(tt.want)
				return
			}
			idn := x.mustLogin()
			if idn.Issuer != tt.claims["iss"] || idn.Attributes["tid"][0] != tt.claims["tid"] {
				t.Errorf("identity %+v", idn)
			}
			if tt.claims["oid"] != nil && (idn.Attributes["oid"] == nil || idn.Attributes["xms_edov"][0] != "true") {
				t.Errorf("attributes %v", idn.Attributes)
			}
		})
	}
	for name, discovered := range map[string]string{"another tenant": cloud + globex + "/v2.0", "another host": "https://evil.example/{tenantid}/v2.0", "template for one": template + "x"} {
		x := vendor(t, "entra", "", m{"tenant": acme}, discovered)
		if _, err := x.p.Start(t.Context(), x.request()); fault.CodeOf(err) != fault.OIDCIssuer {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := begin(t, "generic", nil) // the template means nothing elsewhere
	x.op.Lie(oidcop.Lies{Discovery: oidcop.Set(m{"issuer": x.op.Issuer() + "/{tenantid}/v2.0"})})
	if _, err := x.p.Start(t.Context(), x.request()); fault.CodeOf(err) != fault.OIDCIssuer {
		t.Errorf("generic: %v", err)
	}
}

func TestEntraKeysAreBoundToTheirIssuer(t *testing.T) {
	for issuer, want := range map[string]fault.Code{template: "", cloud + acme + "/v2.0": "", cloud + globex + "/v2.0": fault.OIDCKeyUnknown} {
		x := vendor(t, "entra", "", m{}, template)
		x.op.Lie(oidcop.Lies{
			Discovery: hosted(template), Claims: oidcop.Set(m{"iss": cloud + acme + "/v2.0", "tid": acme}),
			Keys: func(keys []any) []any {
				b, _ := json.Marshal(keys[0])
				var k m
				_ = json.Unmarshal(b, &k)
				k["issuer"] = issuer
				return []any{k}
			},
		})
		if want != "" {
			x.refused(want)
		} else {
			x.mustLogin()
		}
	}
}

func TestGoogle(t *testing.T) {
	const google = "https://accounts.google.com"
	for _, tt := range []struct {
		name, tenant string
		claims       m
		want         fault.Code
	}{
		{"open", "", m{"iss": google}, ""},
		{"without scheme", "", m{"iss": "accounts.google.com"}, ""},
		{"pinned", "acme.example", m{"iss": google, "hd": "acme.example"}, ""},
		{"pinned, another", "acme.example", m{"iss": google, "hd": "globex.example"}, fault.OIDCTenant},
		{"pinned, private account", "acme.example", m{"iss": google}, fault.OIDCTenant},
		{"pinned, hd of another type", "acme.example", m{"iss": google, "hd": []string{"acme.example"}}, fault.OIDCTenant},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := vendor(t, "google", "", m{"tenant": tt.tenant}, google)
			x.op.Lie(oidcop.Lies{Discovery: hosted(google), Claims: oidcop.Set(tt.claims)})
			c, err := x.p.Start(t.Context(), x.request())
			if err != nil || strings.Contains(c.URL, "hd=acme.example") != (tt.tenant != "") {
				t.Errorf("%s %v", c.URL, err)
			}
			if tt.want != "" {
				x.refused(tt.want)
				return
			}
			if idn := x.mustLogin(); idn.Issuer != google || idn.Attributes["iss"][0] != google {
				t.Errorf("issuer %q", idn.Issuer)
			}
		})
	}
}

func TestApple(t *testing.T) {
	const apple = "https://appleid.apple.com"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKCS8PrivateKey(key)
	p8 := "-----BEGIN PRIVATE KEY----- " + base64.StdEncoding.EncodeToString(der) + " -----END PRIVATE KEY-----"
	x := vendor(t, "apple", "", m{"client_secret": p8, "authorization_params": m{"team_id": "TEAM", "key_id": "KEY"}}, apple)
	var sent string
	x.op.Lie(oidcop.Lies{
		Discovery: hosted(apple), Claims: oidcop.Set(m{"iss": apple, "email_verified": "true", "name": nil, "given_name": nil, "family_name": nil}),
		Endpoint: take{"token": func(_ http.ResponseWriter, r *http.Request) bool {
			_ = r.ParseForm()
			sent = r.PostForm.Get("client_secret")
			r.PostForm.Set("client_secret", secret)
			return false
		}},
	})
	r := x.request()
	c, err := x.p.Start(t.Context(), r)
	if err != nil || !strings.Contains(c.URL, "response_mode=form_post") || strings.Contains(c.URL, "TEAM") {
		t.Fatal(c.URL, err)
	}
	for user, given := range map[string]string{
		`{"name":{"firstName":"Ada","lastName":"Byron"},"email":"eve@acme.example"}`: "Ada",
		`{"name":{"firstName":7},"given_name":"Eve"}`:                                "",
		`{"name":"Eve"`: "",
		"":              "",
	} {
		form := x.postedForm(c.URL)
		form.Set("user", user)
		idn, err := x.p.Finish(t.Context(), r, providers.Reply{Method: "POST", Form: form})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(idn.Attributes["given_name"], " "); got != given || idn.Attributes["email"][0] != "ada@acme.example" || !*idn.EmailVerified {
			t.Errorf("identity %+v", idn)
		}
	}
	jws, err := jose.ParseSignedCompact(sent, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(&key.PublicKey)
	var made m
	_ = json.Unmarshal(payload, &made)
	if err != nil || made["iss"] != "TEAM" || made["sub"] != clientID || made["aud"] != apple || jws.Signatures[0].Header.KeyID != "KEY" {
		t.Errorf("client secret %v %v", made, err)
	}
	for name, config := range map[string]string{
		"no team":     `{"client_id":"a","client_secret":"` + p8 + `"}`,
		"not a key":   `{"client_id":"a","client_secret":"abc","authorization_params":{"team_id":"T","key_id":"K"}}`,
		"not PKCS #8": `{"client_id":"a","client_secret":"YWJj","authorization_params":{"team_id":"T","key_id":"K"}}`,
	} {
		s := x.set
		s.Config = []byte(config)
		if _, err := (oidc.Protocol{}).Open(s); fault.CodeOf(err) != fault.OIDCClientKeyFault {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var hidden = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// postedForm is what the browser would post from the OP's form_post page.
func (x *party) postedForm(address string) url.Values {
	t := x.t
	t.Helper()
	resp, err := x.browser().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	form := url.Values{}
	for _, f := range hidden.FindAllStringSubmatch(string(page), -1) {
		form.Set(f[1], html.UnescapeString(f[2]))
	}
	if form.Get("code") == "" {
		t.Fatalf("no code in %s", page)
	}
	return form
}

func TestPreflight(t *testing.T) {
	x := begin(t, "entra", m{"scopes": []string{"openid", "offline_access"}, "client_auth": "client_secret_basic", "client_secret": acme, "response_mode": "form_post"})
	x.op.Lie(oidcop.Lies{Discovery: oidcop.Set(m{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}, "response_modes_supported": []string{"query"}, "response_types_supported": []string{"id_token"}})})
	got := map[string]string{}
	for _, f := range x.p.(providers.Preflighter).Preflight(t.Context()) {
		got[f.Check] = f.Severity
		if (f.Err == nil) != (f.Severity == "ok") {
			t.Errorf("%+v", f)
		}
	}
	for check, want := range map[string]string{"discovery": "ok", "jwks": "ok", "scopes": "warning", "client_auth": "warning", "response_mode": "warning", "flow": "error", "client_secret": "warning"} {
		if got[check] != want {
			t.Errorf("%s: %q, want %q", check, got[check], want)
		}
	}
	healthy := begin(t, "generic", nil)
	for _, f := range healthy.p.(providers.Preflighter).Preflight(t.Context()) {
		if f.Severity != "ok" {
			t.Errorf("a healthy provider: %+v", f)
		}
	}
}
