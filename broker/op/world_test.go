package op_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/keys"
	"cloakroom/broker/login"
	"cloakroom/broker/op"
	"cloakroom/broker/op/token"
	"cloakroom/broker/session"
	"cloakroom/broker/web"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/seal"
	"cloakroom/templates"
)

// world is an installation: the real store, keys, sessions, pages and provider behind a real HTTP server. Only the
// identity provider is missing: doorman signs in whom it is told to.
type world struct {
	t        *testing.T
	store    *store.Store
	provider *op.Provider
	keys     *keys.Manager
	server   *httptest.Server
	doorman  *doorman
	ahead    atomic.Int64 // by how much the clock is ahead
	user     *broker.User
}

func (w *world) now() time.Time           { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *world) later(d time.Duration)    { w.ahead.Add(int64(d)) }
func (w *world) issuer() string           { return w.server.URL + "/realms/acme" }
func (w *world) endpoint(p string) string { return w.issuer() + "/protocol/openid-connect/" + p }
func (w *world) must(err error)           { w.t.Helper(); must(w.t, err) }
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const secret = "a secret of more than 16 characters: %+/é"

func newWorld(t *testing.T, prefixes ...string) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t}
	ring, err := seal.New([][]byte{make([]byte, seal.KeySize)})
	must(t, err)
	w.store, err = store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "op.db"), Sealer: ring, Now: w.now})
	must(t, err)
	t.Cleanup(func() { _ = w.store.Close() })
	must(t, w.store.Migrate(ctx))

	mux := http.NewServeMux()
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	reg := registry{w.store}
	sessions := &session.Manager{Store: w.store.Sessions, Realms: reg, Now: w.now}
	w.keys = keys.New(w.store.Keys, w.now)
	go w.store.Watch(t.Context(), w.keys.Forget)
	w.doorman = &doorman{w: w, sessions: sessions}
	w.provider = op.New(op.Config{
		BaseURL: w.server.URL, Registry: reg, Login: w.doorman, Grants: w.store.Grants, Rotator: rotator{w.store.Grants},
		Sessions: sessions, Users: w.store.Users, Marks: marks{w.store.Marks}, Parked: w.store.Parked, Keys: w.keys, Sealer: ring,
		Enabled: func(ctx context.Context, slug string) (bool, error) {
			c, err := w.store.Connections.Get(ctx, slug)
			if err != nil {
				return false, nil
			}
			return c.Enabled, nil
		},
		HTTP: http.DefaultClient, Log: log, Now: w.now, Prefixes: prefixes,
	})
	pages, err := templates.New()
	must(t, err)
	wb := &web.Web{
		Pages: pages, Cookies: &web.Cookies{Sealer: ring, MaxAge: time.Hour, Now: w.now}, Realms: reg, BaseURL: w.server.URL,
		Limits: web.NewLimits(w.now), Log: log, Now: w.now,
	}
	engine := wb.Engine()
	front := &op.Front{Web: wb, Provider: w.provider}
	for _, p := range append([]string{""}, prefixes...) {
		front.Mount(engine.Group(p))
	}
	wb.Mount(engine)
	mux.Handle("/", engine)

	w.realm("acme", false)
	w.connection("acme", "acme-okta")
	w.user = w.person("acme", "ada@acme.example")
	return w
}

func (w *world) realm(name string, hub bool) *broker.Realm {
	w.t.Helper()
	r := &broker.Realm{Name: name, Hub: hub}
	r.Defaults()
	w.must(r.Validate())
	w.must(w.store.Realms.Create(context.Background(), r))
	return r
}

func (w *world) connection(realm, slug string) {
	w.t.Helper()
	c := &broker.Connection{Slug: slug, Realm: realm, Alias: slug, Protocol: "oidc", Preset: "generic", Enabled: true, OIDC: &broker.OIDC{Issuer: "https://idp.example"}}
	w.must(w.store.Connections.Create(context.Background(), c))
}

func (w *world) person(realm, email string) *broker.User {
	w.t.Helper()
	u := &broker.User{
		ID: broker.RandomToken(16), Realm: realm, Email: email, EmailVerified: true, GivenName: "Ada", FamilyName: "Byron",
		Name: "Ada Byron", Groups: []string{"staff"}, Attributes: map[string][]string{},
	}
	w.must(w.store.Users.Create(context.Background(), u))
	return u
}

// client makes a confidential client that change may alter.
func (w *world) client(id string, change func(*broker.Client)) *broker.Client {
	w.t.Helper()
	c := &broker.Client{
		ClientID: id, Realm: "acme", Enabled: true, RedirectURIs: []string{"https://app.example/cb"},
		PostLogoutRedirectURIs: []string{"https://app.example/bye"}, SecretHash: token.Hash(secret),
	}
	if change != nil {
		change(c)
	}
	c.Defaults()
	w.must(c.Validate())
	w.must(w.store.Clients.Create(context.Background(), c))
	return c
}

type registry struct{ s *store.Store }

func (r registry) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return r.s.Realms.Get(ctx, name)
}

func (r registry) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	return r.s.Clients.Get(ctx, realm, id)
}

type rotator struct{ g *flow.Grants }

func (r rotator) Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, expires time.Time) (*broker.Grant, op.Rotation, error) {
	g, what, err := r.g.Rotate(ctx, id, presented, now, grace, expires)
	return g, op.Rotation(what), err
}

type marks struct{ m *flow.Marks }

func (m marks) Take(ctx context.Context, space, id string, until time.Time) (bool, error) {
	return m.m.Take(ctx, space, []flow.Mark{{ID: id, Until: until}})
}

func (m marks) Taken(ctx context.Context, space, id string) (bool, error) {
	return m.m.Taken(ctx, space, id)
}

// doorman stands where login.Engine does: it signs in the world's user at once, unless the request forbids.
type doorman struct {
	w        *world
	sessions *session.Manager
	last     *broker.Login
	refuse   error
}

func (d *doorman) Begin(ctx context.Context, s login.Start) (login.Step, error) {
	l := s.Login
	d.last = l
	if d.refuse != nil {
		return login.Step{}, d.refuse
	}
	r := login.Result{Login: l, User: d.w.user}
	var err error
	if r.Realm, err = d.w.store.Realms.Get(ctx, l.Realm); err != nil {
		return login.Step{}, err
	}
	if r.Client, err = d.w.store.Clients.Get(ctx, l.Realm, l.ClientID); err != nil {
		return login.Step{}, err
	}
	if r.Session, err = d.sessions.Find(ctx, l.Realm, s.SessionCookie); err != nil {
		return login.Step{}, err
	}
	var opened *login.NewSession
	if r.Session == nil || l.Fresh {
		if l.Passive {
			return login.Step{}, fault.New(fault.LoginRequired, "")
		}
		r.Session = &broker.Session{HomeRealm: d.w.user.Realm, UserID: d.w.user.ID, Connection: "acme-okta", AuthTime: d.w.now(), ACR: "1", AMR: []string{"pwd"}}
		cookie, err := d.sessions.New(ctx, r.Realm, r.Session, time.Time{})
		if err != nil {
			return login.Step{}, err
		}
		opened = &login.NewSession{Session: r.Session, Cookie: cookie}
	}
	rd, err := d.w.provider.Respond(ctx, r)
	return login.Step{Go: &rd, Done: l, Session: opened}, err
}

// browser keeps cookies and follows no redirect.
func (w *world) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	w.must(err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return m
}

func (r reply) location(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(r.header.Get("Location"))
	must(t, err)
	if u.String() == "" {
		t.Fatalf("no redirect: %d %s", r.status, r.body)
	}
	return u
}

func do(t testing.TB, b *http.Client, req *http.Request) reply {
	t.Helper()
	res, err := b.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	return reply{res.StatusCode, res.Header, string(body)}
}

func get(t testing.TB, b *http.Client, u string) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, u, nil)
	must(t, err)
	return do(t, b, req)
}

// post sends a form; header pairs may follow.
func post(t testing.TB, b *http.Client, u string, v url.Values, header ...string) reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, u, strings.NewReader(v.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(t, b, req)
}

const verifier = "a-code-verifier-of-at-least-43-characters-0123456789"

// request is a good authorization request of a client.
func request(client string) url.Values {
	return url.Values{
		"client_id": {client}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid email profile groups"},
		"state": {"st&te =1"}, "nonce": {"n-1"}, "code_challenge": {token.Hash(verifier)}, "code_challenge_method": {"S256"},
	}
}

// code signs in and answers the code.
func (w *world) code(b *http.Client, v url.Values) string {
	w.t.Helper()
	q := get(w.t, b, w.endpoint("auth")+"?"+v.Encode()).location(w.t).Query()
	if q.Get("code") == "" {
		w.t.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

func exchange(client, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://app.example/cb"}, "code_verifier": {verifier},
		"client_id": {client}, "client_secret": {secret},
	}
}

func refreshing(client string, tokens map[string]any) url.Values {
	rt, _ := tokens["refresh_token"].(string)
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {rt}, "client_id": {client}, "client_secret": {secret}}
}

// tokens signs in and exchanges the code.
func (w *world) tokens(client string, v url.Values) map[string]any {
	w.t.Helper()
	b := w.browser()
	r := post(w.t, b, w.endpoint("token"), exchange(client, w.code(b, v)))
	if r.status != http.StatusOK {
		w.t.Fatalf("token endpoint: %d %s", r.status, r.body)
	}
	return r.json(w.t)
}

func (w *world) userinfo(access any) reply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.endpoint("userinfo"), nil)
	w.must(err)
	s, _ := access.(string)
	req.Header.Set("Authorization", "Bearer "+s)
	return do(w.t, http.DefaultClient, req)
}

func wantError(t testing.TB, r reply, status int, code string) {
	t.Helper()
	if r.status != status || r.json(t)["error"] != code {
		t.Fatalf("answered %d %s, want %d %s", r.status, r.body, status, code)
	}
}
