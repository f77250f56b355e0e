package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"cloakroom/providers/providertest/samlidp"
)

// world is a broker with what stands around it: a realm "acme" with a SAML identity provider and an application.
type world struct {
	*instance
	idp *samlidp.IdP
	app *app
}

func newWorld(tb testing.TB, i *instance) *world {
	tb.Helper()
	w := &world{instance: i}
	i.api("POST", "/realms", obj{"name": "acme", "display_name": "Acme"}, 201, nil)
	i.api("POST", "/realms/acme/domains", obj{"domain": "acme.example", "verified": true}, 201, nil)
	w.idp = w.addSAML(tb, "acme", "acme-saml", "acme.example")
	w.app = newApp(tb, i, "acme", obj{})
	return w
}

// addSAML starts a SAML identity provider and connects it.
func (w *world) addSAML(tb testing.TB, realm, slug, domain string) *samlidp.IdP {
	tb.Helper()
	var idp *samlidp.IdP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { idp.Handler().ServeHTTP(rw, r) }))
	tb.Cleanup(srv.Close)
	imported := sync.OnceValues(func() (samlidp.ServiceProvider, error) {
		res, err := http.Get("http://" + w.addr + "/broker/" + slug + "/metadata")
		if err != nil {
			return samlidp.ServiceProvider{}, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return samlidp.ServiceProvider{}, err
		}
		return samlidp.ParseServiceProvider(b)
	})
	idp = samlidp.New(samlidp.Options{
		BaseURL: srv.URL, Now: time.Now,
		Users: []samlidp.User{
			{ID: "ada", Email: "ada@" + domain, GivenName: "Ada", FamilyName: "Byron", Groups: []string{"engineering"}},
			{ID: "bob", Email: "bob@" + domain, GivenName: "Bob", FamilyName: "Boole"},
		},
		// It reads our metadata once, as an administrator would.
		ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) {
			sp, err := imported()
			if err != nil {
				tb.Error(err)
			}
			return sp, err == nil && id == sp.EntityID
		},
	})
	w.api("POST", "/realms/"+realm+"/connections", obj{
		"slug": slug, "protocol": "saml", "enabled": true, "domains": []string{domain},
		"saml": obj{"metadata_url": srv.URL + "/metadata"},
	}, 201, nil)
	return idp
}

// app is a downstream application: golang.org/x/oauth2 and go-oidc, which know nothing of us.
type app struct {
	tb       testing.TB
	provider *oidc.Provider
	conf     oauth2.Config
	verifier *oidc.IDTokenVerifier
	ctx      context.Context
}

const appURL = "http://app.example/callback"

func newApp(tb testing.TB, i *instance, realm string, extra obj) *app {
	tb.Helper()
	body := obj{"client_id": "app", "protocol": "oidc", "display_name": "The App", "enabled": true, "redirect_uris": []string{appURL}, "post_logout_redirect_uris": []string{"http://app.example/"}}
	for k, v := range extra {
		body[k] = v
	}
	var made struct {
		ClientSecret string `json:"client_secret"`
	}
	i.api("POST", "/realms/"+realm+"/clients", body, 201, &made)
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 20 * time.Second})
	p, err := oidc.NewProvider(ctx, i.URL+"/realms/"+realm)
	if err != nil {
		tb.Fatal(err)
	}
	return &app{
		tb: tb, provider: p, ctx: ctx,
		verifier: p.Verifier(&oidc.Config{ClientID: "app", SupportedSigningAlgs: []string{"RS256", "ES256", "EdDSA"}}),
		conf:     oauth2.Config{ClientID: "app", ClientSecret: made.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: appURL, Scopes: []string{"openid", "email", "profile", "groups", "offline_access"}},
	}
}

// begun is a sign-in that the app has begun.
type begun struct {
	app                    *app
	URL                    string
	state, nonce, verifier string
}

func (a *app) begin(opts ...oauth2.AuthCodeOption) *begun {
	b := &begun{app: a, state: "s" + oauth2.GenerateVerifier()[:20], nonce: "n" + oauth2.GenerateVerifier()[:20], verifier: oauth2.GenerateVerifier()}
	opts = append(opts, oidc.Nonce(b.nonce), oauth2.S256ChallengeOption(b.verifier))
	b.URL = a.conf.AuthCodeURL(b.state, opts...)
	return b
}

// finish takes the answer at the app's redirect URI and checks all of it.
func (b *begun) finish(u *url.URL) (*oauth2.Token, map[string]any, error) {
	q := u.Query()
	if !strings.HasPrefix(u.String(), appURL) {
		return nil, nil, fmt.Errorf("not at the app: %s", u)
	}
	if q.Get("error") != "" {
		return nil, nil, fmt.Errorf("%s: %s", q.Get("error"), q.Get("error_description"))
	}
	if q.Get("state") != b.state {
		return nil, nil, fmt.Errorf("state %q, sent %q", q.Get("state"), b.state)
	}
	t, err := b.app.conf.Exchange(b.app.ctx, q.Get("code"), oauth2.VerifierOption(b.verifier))
	if err != nil {
		return nil, nil, err
	}
	raw, _ := t.Extra("id_token").(string)
	id, err := b.app.verifier.Verify(b.app.ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	if id.Nonce != b.nonce {
		return nil, nil, fmt.Errorf("nonce %q", id.Nonce)
	}
	claims := map[string]any{}
	return t, claims, id.Claims(&claims)
}

// signInSAML goes the whole way through the SAML identity provider's pages.
func signInSAML(v *visitor, b *begun, user string) (*page, error) {
	p, err := v.get(b.URL, appURL)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(p.URL.String(), appURL) {
		return p, nil
	}
	return answerSAML(v, p, user)
}

func answerSAML(v *visitor, p *page, user string) (*page, error) {
	// The IdP's picker, then its self-posting form.
	var err error
	for range 3 {
		if form := find(p.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == "SAMLResponse" }); form != nil {
			return v.submit(p, nil, nil, appURL)
		}
		button := find(p.doc, func(n *html.Node) bool { return n.Data == "button" && attr(n, "value") == user })
		if button == nil {
			return nil, fmt.Errorf("no button for %q on %s", user, p)
		}
		if p, err = v.submit(p, nil, url.Values{attr(button, "name"): {user}}, appURL); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no SAML answer on %s", p)
}
