// Package demo is what a newcomer clicks through: an application of its own origin that signs people in with the broker,
// as any OpenID Connect client would, and shows what it was given.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"cloakroom/broker"
	"cloakroom/templates"
)

// SignIn is one way in that the app offers.
type SignIn struct {
	Realm, Label, Note string
	Hint               string // kc_idp_hint, "" lets the broker choose
}

// App is the demo application. It keeps its sessions in memory: it is not what is being shown.
type App struct {
	Pages     *templates.Renderer
	Broker    string // origin of the broker
	Self      string // own origin
	ClientID  string
	Secret    string
	SignIns   []SignIn
	Identity  string // where the identity providers live, as text for the explanation
	Places    []templates.DemoLink
	HTTP      *http.Client
	Now       func() time.Time
	mu        sync.Mutex
	sessions  map[string]*visit
	providers map[string]*oidc.Provider
}

// visit is one browser at the app: a sign-in under way, then what it got.
type visit struct {
	began                  time.Time
	realm                  string
	state, nonce, verifier string
	claims                 map[string]any
	idToken, access, fresh string
	userinfo               string
	failure, detail        string
}

const (
	cookieName = "demo_app"
	maxVisits  = 1000
)

// Handler serves the app.
func (a *App) Handler() http.Handler {
	a.sessions, a.providers = map[string]*visit{}, map[string]*oidc.Provider{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /app", a.show)
	mux.HandleFunc("GET /signin", a.signIn)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /signout", a.signOut)
	mux.HandleFunc("GET /static/{name...}", a.static)
	return mux
}

func (a *App) home(w http.ResponseWriter, r *http.Request) {
	a.page(w, http.StatusOK, templates.DemoHome{
		Shell: a.shell(r), App: a.Self, Broker: a.Broker, IdP: a.Identity, SignIns: a.links(), Places: a.Places,
	})
}

func (a *App) links() []templates.DemoLink {
	var out []templates.DemoLink
	for _, s := range a.SignIns {
		q := url.Values{"realm": {s.Realm}}
		if s.Hint != "" {
			q.Set("hint", s.Hint)
		}
		out = append(out, templates.DemoLink{Label: s.Label, Note: s.Note, URL: "/signin?" + q.Encode()})
	}
	return out
}

func (a *App) shell(r *http.Request) templates.Shell {
	return templates.Shell{Lang: "en", HelpURL: a.Broker + "/help"}
}

func (a *App) page(w http.ResponseWriter, status int, p templates.Page) {
	var b bytes.Buffer
	if err := a.Pages.Render(&b, p); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (a *App) static(w http.ResponseWriter, r *http.Request) {
	f, ok := a.Pages.Static(r.PathValue("name"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.ContentType)
	_, _ = w.Write(f.Data)
}

// provider discovers the broker's issuer of a realm once.
func (a *App) provider(ctx context.Context, realm string) (*oidc.Provider, *oauth2.Config, error) {
	if !slices.ContainsFunc(a.SignIns, func(s SignIn) bool { return s.Realm == realm }) {
		return nil, nil, fmt.Errorf("the demo has no realm %q", realm)
	}
	a.mu.Lock()
	p := a.providers[realm]
	a.mu.Unlock()
	if p == nil {
		var err error
		// The keys are fetched later with the same client, beyond this request.
		if p, err = oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), a.HTTP), a.Broker+"/realms/"+realm); err != nil {
			return nil, nil, err
		}
		a.mu.Lock()
		a.providers[realm] = p
		a.mu.Unlock()
	}
	return p, &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: a.Secret, Endpoint: p.Endpoint(), RedirectURL: a.Self + "/callback",
		Scopes: []string{oidc.ScopeOpenID, "email", "profile", "groups"},
	}, nil
}

func (a *App) signIn(w http.ResponseWriter, r *http.Request) {
	realm := r.URL.Query().Get("realm")
	_, conf, err := a.provider(r.Context(), realm)
	if err != nil {
		a.fail(w, r, "The broker cannot be reached", err.Error())
		return
	}
	v := &visit{began: a.Now(), realm: realm, state: broker.RandomToken(16), nonce: broker.RandomToken(16), verifier: oauth2.GenerateVerifier()}
	a.keep(w, v)
	opts := []oauth2.AuthCodeOption{oidc.Nonce(v.nonce), oauth2.S256ChallengeOption(v.verifier)}
	if hint := r.URL.Query().Get("hint"); hint != "" {
		opts = append(opts, oauth2.SetAuthURLParam("kc_idp_hint", hint))
	}
	http.Redirect(w, r, conf.AuthCodeURL(v.state, opts...), http.StatusFound)
}

func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	v, q := a.visit(r), r.URL.Query()
	switch {
	case v == nil || v.state == "" || q.Get("state") != v.state:
		a.fail(w, r, "state", "This answer belongs to no sign-in that this browser began here.")
		return
	case q.Get("error") != "":
		v.failure, v.detail = q.Get("error"), q.Get("error_description")
	default:
		if err := a.redeem(r.Context(), v, q.Get("code")); err != nil {
			v.failure, v.detail = "The answer was refused", err.Error()
		}
	}
	v.state = ""
	http.Redirect(w, r, "/app", http.StatusFound)
}

// redeem swaps the code for tokens and checks what came, as OpenID Connect Core, section 3.1.3 asks.
func (a *App) redeem(ctx context.Context, v *visit, code string) error {
	ctx = oidc.ClientContext(ctx, a.HTTP)
	p, conf, err := a.provider(ctx, v.realm)
	if err != nil {
		return err
	}
	t, err := conf.Exchange(ctx, code, oauth2.VerifierOption(v.verifier))
	if err != nil {
		return err
	}
	raw, _ := t.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: a.ClientID, Now: a.Now, SupportedSigningAlgs: []string{"RS256", "ES256", "EdDSA"}}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if id.Nonce != v.nonce {
		return fmt.Errorf("the ID token's nonce is not the one that was sent")
	}
	if err := id.Claims(&v.claims); err != nil {
		return err
	}
	v.idToken, v.access, v.fresh = raw, t.AccessToken, t.RefreshToken
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(t))
	if err != nil {
		return err
	}
	var claims json.RawMessage
	if err := info.Claims(&claims); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, claims, "", "  "); err != nil {
		return err
	}
	v.userinfo = b.String()
	return nil
}

// notes explain the claims that a newcomer may not know.
func note(claim string) string {
	switch claim {
	case "sub":
		return "the person, stable for this realm"
	case "realm":
		return "whose person this is"
	case "connection", "idp":
		return "through which connection the person came"
	case "email_verified":
		return "whether the broker trusts the address"
	case "auth_time":
		return "when the person was last asked to sign in"
	case "sid":
		return "the session at the broker"
	case "iss":
		return "the broker, as this realm's issuer"
	}
	return ""
}

func (a *App) show(w http.ResponseWriter, r *http.Request) {
	page := templates.DemoApp{Shell: a.shell(r), SignOutURL: "/signout", SignIns: a.links()}
	if v := a.visit(r); v != nil {
		page.Failure, page.FailureDetail = v.failure, v.detail
		page.SignedIn = v.claims != nil
		page.Person, page.Email = text(v.claims["name"]), text(v.claims["email"])
		for _, name := range slices.Sorted(maps.Keys(v.claims)) {
			page.Claims = append(page.Claims, templates.Claim{Name: name, Value: text(v.claims[name]), Note: note(name)})
		}
		page.IDToken, page.AccessToken, page.RefreshToken, page.UserInfo = v.idToken, v.access, v.fresh, v.userinfo
	}
	a.page(w, http.StatusOK, page)
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// signOut forgets the visit and signs the person out at the broker (OpenID Connect RP-Initiated Logout).
func (a *App) signOut(w http.ResponseWriter, r *http.Request) {
	v := a.visit(r)
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && origin != a.Self {
		http.Error(w, "sign out from the app's own page", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1})
	if v == nil || v.idToken == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	q := url.Values{"id_token_hint": {v.idToken}, "post_logout_redirect_uri": {a.Self + "/"}, "client_id": {a.ClientID}}
	http.Redirect(w, r, a.Broker+"/realms/"+v.realm+"/protocol/openid-connect/logout?"+q.Encode(), http.StatusSeeOther)
}

func (a *App) fail(w http.ResponseWriter, r *http.Request, what, detail string) {
	a.page(w, http.StatusBadRequest, templates.DemoApp{Shell: a.shell(r), SignIns: a.links(), Failure: what, FailureDetail: detail})
}

func (a *App) keep(w http.ResponseWriter, v *visit) {
	id := broker.RandomToken(24)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) >= maxVisits {
		clear(a.sessions)
	}
	a.sessions[id] = v
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(a.Self, "https://")})
}

func (a *App) visit(r *http.Request) *visit {
	ck, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sessions[ck.Value]
}
