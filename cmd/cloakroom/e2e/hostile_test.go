package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// upstream is an identity provider that says of itself what is good and then does what is bad.
func upstream(t *testing.T, bad http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/bad","jwks_uri":"%[1]s/jwks","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, srv.URL)
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) })
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"x"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/bad", bad)
	return srv.URL
}

// An identity provider that hangs, streams without end or redirects in circles costs its own people one page that says
// so, and nobody else anything: healthy sign-ins go on beside it, on a pool of few database connections.
func TestHostileUpstreams(t *testing.T) {
	w := newWorld(t, start(t, nil))
	stop := make(chan struct{})
	for slug, bad := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		},
		"streams": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"`)
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat([]byte("a"), 64<<10)); err != nil {
					return
				}
			}
		},
		"circles": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/bad", http.StatusTemporaryRedirect)
		},
		"errors": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>down</html>", http.StatusBadGateway)
		},
	} {
		w.api("POST", "/realms", obj{"name": slug}, 201, nil)
		w.api("POST", "/realms/"+slug+"/clients", obj{"client_id": "app", "protocol": "oidc", "enabled": true, "redirect_uris": []string{appURL}, "client_uri": "http://app.example/"}, 201, nil)
		w.api("POST", "/realms/"+slug+"/connections", obj{"slug": slug, "protocol": "oidc", "enabled": true,
			"oidc": obj{"issuer": upstream(t, bad), "client_id": "c", "client_secret": "0123456789abcdef"}}, 201, nil)
	}
	t.Cleanup(func() { close(stop) })
	var sick, healthy sync.WaitGroup
	var pages atomic.Int64
	for _, slug := range []string{"hangs", "streams", "circles", "errors"} {
		for range 20 {
			sick.Go(func() {
				p, err := newVisitor().get(w.URL + "/broker/" + slug + "/login?client_id=app")
				if err != nil {
					t.Errorf("%s: %v", slug, err)
					return
				}
				if p.Status < 400 || p.Status > 499 || !strings.Contains(p.Body, "<h1") {
					t.Errorf("%s: %s", slug, p)
				}
				pages.Add(1)
			})
		}
	}
	for range 3 {
		healthy.Go(func() {
			for range 5 {
				b := w.app.begin()
				p, err := signInSAML(newVisitor(), b, "ada")
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := b.finish(p.URL); err != nil {
					t.Errorf("%v at %s", err, p)
				}
			}
		})
	}
	healthy.Wait()
	if n := pages.Load(); n == 80 {
		t.Error("nothing was hanging while the healthy signed in: the test proves nothing")
	}
	sick.Wait()
}

// Whatever a stranger sends to the doors, the answer is a page with a status below 500.
func TestHostileVisitors(t *testing.T) {
	w := newWorld(t, start(t, nil))
	endpoint := w.URL + "/broker/acme-saml/endpoint"
	big := strings.Repeat("A", 10<<20)
	for name, send := range map[string]func() (*http.Response, error){
		"10 MB of SAML": func() (*http.Response, error) { return http.PostForm(endpoint, url.Values{"SAMLResponse": {big}}) },
		"not base64":    func() (*http.Response, error) { return http.PostForm(endpoint, url.Values{"SAMLResponse": {"%%%"}}) },
		"not a form": func() (*http.Response, error) {
			return http.Post(endpoint, "application/json", strings.NewReader("{}"))
		},
		"multipart": func() (*http.Response, error) {
			return http.Post(endpoint, "multipart/form-data; boundary=x", strings.NewReader("--x"))
		},
		"nothing":        func() (*http.Response, error) { return http.Get(endpoint) },
		"a forged state": func() (*http.Response, error) { return http.Get(endpoint + "?code=x&state=" + strings.Repeat("A", 43)) },
		"unknown slug":   func() (*http.Response, error) { return http.Get(w.URL + "/broker/nobody/endpoint?code=x") },
		"odd slug":       func() (*http.Response, error) { return http.Get(w.URL + "/broker/%00%ff/endpoint") },
		"odd realm": func() (*http.Response, error) {
			return http.Get(w.URL + "/realms/..%2f..%2f/protocol/openid-connect/auth")
		},
		"wrong path": func() (*http.Response, error) {
			return http.PostForm(w.URL+"/saml/acs", url.Values{"SAMLResponse": {"PHg+"}})
		},
		"entity ID": func() (*http.Response, error) {
			return http.PostForm(w.URL+"/broker/acme-saml/metadata", url.Values{"SAMLResponse": {"PHg+"}})
		},
		"long query":        func() (*http.Response, error) { return http.Get(endpoint + "?x=" + strings.Repeat("a", 60<<10)) },
		"resume of nothing": func() (*http.Response, error) { return http.Get(w.URL + "/broker/acme-saml/continue?k=x") },
		"token without body": func() (*http.Response, error) {
			return http.Post(w.URL+"/realms/acme/protocol/openid-connect/token", "", nil)
		},
		"token, a big one": func() (*http.Response, error) {
			return http.PostForm(w.URL+"/realms/acme/protocol/openid-connect/token", url.Values{"code": {big}})
		},
		"api without a key": func() (*http.Response, error) { return http.Get(w.URL + "/api/v1/realms") },
		"no such method":    func() (*http.Response, error) { return http.PostForm(w.URL+"/help", nil) },
	} {
		res, err := send()
		if err != nil {
			// A server may close on a body that is far too large before it was read.
			if !strings.Contains(name, "big") && !strings.Contains(name, "MB") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode < 400 || res.StatusCode >= 500 || len(body) == 0 {
			t.Errorf("%s: %d, %d bytes", name, res.StatusCode, len(body))
		}
	}
	if s := w.log.String(); strings.Contains(s, `"panic"`) {
		t.Errorf("a panic: %s", tail(s, 2000))
	}
}

// A realm's objects do not exist for another realm, by API and by URL.
func TestWallBetweenRealms(t *testing.T) {
	w := newWorld(t, start(t, nil))
	w.api("POST", "/realms", obj{"name": "globex"}, 201, nil)
	w.api("POST", "/realms/globex/domains", obj{"domain": "globex.example", "verified": true}, 201, nil)
	w.addSAML(t, "globex", "globex-saml", "globex.example")
	other := newApp(t, w.instance, "globex", obj{"client_id": "app"})

	for _, path := range []string{"/realms/globex/connections/acme-saml", "/realms/globex/domains/acme.example", "/realms/globex/connections/acme-saml/handover"} {
		if status, body := w.try("GET", path, nil); status != 404 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	// A session of one realm is none in the other.
	v := newVisitor()
	b := w.app.begin()
	p, err := signInSAML(v, b, "ada")
	if err != nil {
		t.Fatal(err)
	}
	tok, _, err := b.finish(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = v.get(other.begin().URL, appURL); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(p.URL.String(), appURL) {
		t.Errorf("a session of acme signed in at globex: %s", p)
	}
	// A hint cannot reach over the wall.
	if p, err = newVisitor().get(other.begin().URL+"&kc_idp_hint=acme-saml", appURL); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.URL.String(), "SAMLRequest") && strings.Contains(p.Body, "acme.example") {
		t.Errorf("globex's app reached acme's identity provider: %s", p)
	}
	// A token of one realm is nothing in the other.
	req, _ := http.NewRequest(http.MethodGet, w.URL+"/realms/globex/protocol/openid-connect/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+tok.AccessToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("acme's token at globex: %d", res.StatusCode)
	}
	if _, err := refresh(&app{ctx: other.ctx, conf: other.conf}, tok.RefreshToken); err == nil {
		t.Error("acme's refresh token at globex")
	}
}
