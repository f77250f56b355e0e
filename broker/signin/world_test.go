package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/keys"
	"cloakroom/broker/login"
	"cloakroom/broker/op"
	"cloakroom/broker/op/token"
	"cloakroom/broker/registry"
	"cloakroom/broker/session"
	"cloakroom/broker/signin"
	"cloakroom/broker/web"
	"cloakroom/providers"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/storetest"
	"cloakroom/templates"
)

// world is an installation: store, engines, pages and OpenID provider are the real ones. Identity providers alone are
// made up: they believe whatever the test says.
type world struct {
	t        testing.TB
	store    *store.Store
	registry *registry.Registry
	engine   *login.Engine
	handler  http.Handler
	traces   *tracer
}

// tracer keeps traces in hand.
type tracer struct {
	mu  sync.Mutex
	all []broker.Trace
}

func (t *tracer) Log(v broker.Trace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, v)
}

const (
	base   = "http://broker.example"
	secret = "a secret of more than 16 characters"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB, s *store.Store) *world {
	t.Helper()
	ring, log := storetest.Keyring(t), slog.New(slog.NewTextHandler(io.Discard, nil))
	w := &world{t: t, store: s, traces: &tracer{}}
	k := keys.New(s.Keys, time.Now)
	w.registry = registry.New(&registry.Registry{
		Store: configuration{s}, Chooser: s.Connections, Protocols: map[string]providers.Protocol{"oidc": upstream{}, "ldap": directories{}}, BaseURL: base,
		SPKeys: k.ForConnection, Log: log, Now: time.Now,
	})
	go s.Watch(t.Context(), w.registry.Forget)
	sessions := &session.Manager{Store: s.Sessions, Realms: w.registry, Now: time.Now}
	w.engine = &login.Engine{
		Config: w.registry, Sessions: sessions, Users: s.Users, Links: s.Links, Waiting: waiting{s}, Kept: s.Parked, Events: s.Events, Upstream: s.Sessions,
		Handles: &login.Handles{Keys: ring.Derive("login handle"), MaxAge: time.Hour, Now: time.Now}, Now: time.Now, Logger: log,
		Traces: w.traces,
	}
	provider := op.New(op.Config{
		BaseURL: base, Registry: w.registry, Login: w.engine, Grants: s.Grants, Rotator: rotator{s.Grants}, Sessions: sessions, Users: s.Users,
		Marks: marks{s.Marks}, Parked: s.Parked, Keys: k, Sealer: ring, HTTP: http.DefaultClient, Log: log, Now: time.Now,
		Enabled: func(ctx context.Context, slug string) (bool, error) {
			c, err := w.registry.Connection(ctx, slug)
			return err == nil && c.Enabled, nil
		},
	})
	w.engine.Responders = map[string]login.Responder{
		"oidc": provider, signin.Protocol: &signin.Direct{BaseURL: base, Spend: marks{s.Marks}},
	}
	w.engine.Ended = provider
	pages, err := templates.New()
	must(t, err)
	front := &web.Web{
		Pages: pages, Cookies: &web.Cookies{Sealer: ring, MaxAge: time.Hour, Now: time.Now}, Realms: w.registry, Shelf: s.Parked,
		Limits: web.NewLimits(time.Now), BaseURL: base, Log: log, Now: time.Now,
	}
	e := front.Engine()
	doors := &signin.Front{Web: front, Engine: w.engine, Config: w.registry, Directory: s.Overview}
	front.Astray, front.Refused = doors.Astray, w.engine.Refused
	doors.Mount(e)
	(&op.Front{Web: front, Provider: provider}).Mount(e)
	front.Mount(e)
	w.handler = e
	return w
}

// upstream is the protocol of the made-up identity providers: https://SLUG.idp.example.
type upstream struct{}

func (upstream) Name() string { return "oidc" }
func (upstream) Open(s providers.Settings) (providers.Provider, error) {
	return made{s.Slug}, nil
}

type made struct{ slug string }

// identity is what a test says of a person.
type identity struct {
	Sub, Email string
	Verified   bool
	Groups     []string
	Omits      bool // there are more groups
}

func (m made) host() string { return m.slug + ".idp.example" }

func (m made) Start(_ context.Context, r providers.Request) (providers.Challenge, error) {
	q := url.Values{"state": {r.Handle}, "login_hint": {r.LoginHint}}
	return providers.Challenge{URL: "https://" + m.host() + "/authorize?" + q.Encode()}, nil
}

func (made) Handle(reply providers.Reply) string { return reply.Query.Get("state") }

func (m made) Finish(_ context.Context, _ providers.Request, reply providers.Reply) (providers.Identity, error) {
	var i identity
	b, err := base64.RawURLEncoding.DecodeString(reply.Query.Get("code"))
	if err == nil {
		err = json.Unmarshal(b, &i)
	}
	if err != nil {
		return providers.Identity{}, err
	}
	return providers.Identity{Issuer: "https://" + m.host(), Subject: i.Sub, EmailVerified: &i.Verified, GroupsOmitted: i.Omits, Attributes: map[string][]string{"email": {i.Email}, "groups": i.Groups}}, nil
}

type configuration struct{ s *store.Store }

func (c configuration) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return c.s.Realms.Get(ctx, name)
}
func (c configuration) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	return c.s.Clients.Get(ctx, realm, id)
}
func (c configuration) Connection(ctx context.Context, slug string) (*broker.Connection, error) {
	return c.s.Connections.Get(ctx, slug)
}
func (c configuration) ConnectionByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error) {
	return c.s.Connections.ByAlias(ctx, realm, alias)
}
func (c configuration) ConnectionsForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error) {
	return c.s.Connections.ForDomain(ctx, realm, domain)
}
func (c configuration) Buttons(ctx context.Context, realm string, limit int) ([]*broker.Connection, bool, error) {
	return c.s.Connections.Buttons(ctx, realm, limit)
}
func (c configuration) DomainOwner(ctx context.Context, domain string) (string, error) {
	d, err := c.s.Domains.Verified(ctx, domain)
	if err != nil {
		return "", err
	}
	return d.Realm, nil
}
func (c configuration) Stored(ctx context.Context, slug string) ([]byte, error) {
	return c.s.Connections.Stored(ctx, slug)
}
func (c configuration) Remember(ctx context.Context, slug string, b []byte) error {
	return c.s.Connections.Remember(ctx, slug, b)
}

type waiting struct{ s *store.Store }

func (w waiting) Park(ctx context.Context, key string, value []byte, expires time.Time, connection string, _ []providers.Once) (bool, error) {
	return w.s.Parked.Park(ctx, key, value, expires, connection, nil)
}
func (w waiting) Unpark(ctx context.Context, key string) ([]byte, error) {
	return w.s.Parked.Take(ctx, key)
}
func (w waiting) Once(ctx context.Context, connection string, once []providers.Once) (bool, error) {
	return w.s.Marks.Take(ctx, connection, []flow.Mark{flow.Mark(once[0])})
}

type marks struct{ *flow.Marks }

func (m marks) Take(ctx context.Context, space, id string, until time.Time) (bool, error) {
	return m.Marks.Take(ctx, space, []flow.Mark{{ID: id, Until: until}})
}
func (m marks) Spend(ctx context.Context, loginID string) (bool, error) {
	return m.Take(ctx, "login", loginID, time.Now().Add(2*time.Hour))
}

type rotator struct{ g *flow.Grants }

func (r rotator) Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, expires time.Time) (*broker.Grant, op.Rotation, error) {
	g, what, err := r.g.Rotate(ctx, id, presented, now, grace, expires)
	return g, op.Rotation(what), err
}

// The installation's objects.

func (w *world) realm(name string, change func(*broker.Realm)) {
	w.t.Helper()
	r := &broker.Realm{Name: name, DisplayName: "The " + name + " company"}
	if change != nil {
		change(r)
	}
	r.Defaults()
	must(w.t, r.Validate())
	must(w.t, w.store.Realms.Create(w.t.Context(), r))
}

func hub(r *broker.Realm) { r.Hub, r.DefaultClientID = true, "app" }

func (w *world) domain(realm, domain string) {
	w.t.Helper()
	must(w.t, w.store.Domains.Create(w.t.Context(), &broker.Domain{Realm: realm, Domain: domain, Verified: true}))
}

func (w *world) connection(realm, slug string, domains []string, change func(*broker.Connection)) {
	w.t.Helper()
	c := &broker.Connection{Slug: slug, Realm: realm, Protocol: "oidc", Enabled: true, Domains: domains, OIDC: &broker.OIDC{Issuer: "https://" + slug + ".idp.example", ClientID: "broker"}}
	if change != nil {
		change(c)
	}
	c.Defaults()
	must(w.t, c.Validate())
	must(w.t, w.store.Connections.Create(w.t.Context(), c))
}

func (w *world) client(realm string, change func(*broker.Client)) {
	w.t.Helper()
	c := &broker.Client{
		ClientID: "app", Realm: realm, DisplayName: "Parcels", Enabled: true, RedirectURIs: []string{"https://app.example/cb"}, SecretHash: token.Hash(secret),
	}
	if change != nil {
		change(c)
	}
	c.Defaults()
	must(w.t, c.Validate())
	must(w.t, w.store.Clients.Create(w.t.Context(), c))
}

func (w *world) person(realm, email string, change func(*broker.User)) *broker.User {
	w.t.Helper()
	u := &broker.User{ID: broker.RandomToken(16), Realm: realm, Email: email}
	if change != nil {
		change(u)
	}
	must(w.t, w.store.Users.Create(w.t.Context(), u))
	return u
}

// forget makes the caches forget at once what the watcher would tell them in a moment.
func (w *world) forget() { w.registry.Forget(broker.Change{Kind: "*"}) }

// browser is one person's browser.
type browser struct {
	w    *world
	jar  map[string]string
	from string
}

func (w *world) browser() *browser {
	return &browser{w: w, jar: map[string]string{}, from: "192.0.2.1:4000"}
}

type page struct {
	*httptest.ResponseRecorder
	path string
}

func (b *browser) do(method, target string, form url.Values) page {
	req := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	req.RemoteAddr = b.from
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.jar {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, req)
	for _, c := range rec.Result().Cookies() {
		b.jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	return page{rec, target}
}

// get follows redirects inside the house.
func (b *browser) get(target string) page { return b.follow(b.do(http.MethodGet, target, nil)) }

func (b *browser) post(target string, form url.Values) page {
	return b.follow(b.do(http.MethodPost, target, form))
}

func (b *browser) follow(p page) page {
	for range 8 {
		to := p.Header().Get("Location")
		if !strings.HasPrefix(to, "/") {
			break
		}
		p = b.do(http.MethodGet, to, nil)
	}
	return p
}

// authorize is an application's request; extra are pairs of further parameters.
func (b *browser) authorize(realm string, extra ...string) page {
	q := url.Values{"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid email"}, "state": {"s"}}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	return b.get("/realms/" + realm + "/protocol/openid-connect/auth?" + q.Encode())
}

// at says where a page has led: "idp SLUG", "app" with the answer's error or code, or the status of a page of ours.
func (p page) at() string {
	u, _ := url.Parse(p.Header().Get("Location"))
	switch slug, idp := strings.CutSuffix(u.Host, ".idp.example"); {
	case idp:
		return "idp " + slug
	case u.Query().Get("error") != "":
		return "app " + u.Query().Get("error")
	case u.Query().Get("code") != "":
		return "app code"
	case u.Host != "":
		return "app " + u.String()
	}
	return http.StatusText(p.Code)
}

func (p page) query(name string) string {
	u, _ := url.Parse(p.Header().Get("Location"))
	return u.Query().Get(name)
}

// answer lets the identity provider at which p has arrived say who it is.
func (b *browser) answer(p page, i identity) page {
	b.w.t.Helper()
	slug, ok := strings.CutPrefix(p.at(), "idp ")
	if !ok {
		b.w.t.Fatalf("not at an identity provider but at %s: %s", p.at(), p.Body)
	}
	return b.get("/broker/" + slug + "/endpoint?" + url.Values{"state": {p.query("state")}, "code": {codeOf(i)}}.Encode())
}

func codeOf(i identity) string {
	j, _ := json.Marshal(i)
	return base64.RawURLEncoding.EncodeToString(j)
}

// token calls the token endpoint.
func (b *browser) token(realm string, form url.Values) (int, map[string]any) {
	form.Set("client_id", "app")
	form.Set("client_secret", secret)
	p := b.do(http.MethodPost, "/realms/"+realm+"/protocol/openid-connect/token", form)
	var m map[string]any
	must(b.w.t, json.Unmarshal(p.Body.Bytes(), &m))
	return p.Code, m
}

// redeem exchanges the code that p carries and answers the tokens and the ID token's claims.
func (b *browser) redeem(realm string, p page) (tokens, claims map[string]any) {
	b.w.t.Helper()
	status, tokens := b.token(realm, url.Values{"grant_type": {"authorization_code"}, "code": {p.query("code")}, "redirect_uri": {"https://app.example/cb"}})
	if status != http.StatusOK {
		b.w.t.Fatalf("at %s, token endpoint: %d %v: %s", p.at(), status, tokens, p.Body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens["id_token"].(string), ".")[1])
	must(b.w.t, err)
	must(b.w.t, json.Unmarshal(payload, &claims))
	return tokens, claims
}

// buttons are the connections that a page offers.
func (p page) buttons() []string {
	var out []string
	for _, part := range strings.Split(p.Body.String(), "/go/")[1:] {
		slug, _, _ := strings.Cut(part, `"`)
		out = append(out, slug)
	}
	return out
}

func wantAt(t testing.TB, p page, want string) {
	t.Helper()
	if p.at() != want {
		t.Fatalf("%s led to %q, want %q\n%s", p.path, p.at(), want, p.Body)
	}
}

func wantButtons(t testing.TB, p page, want ...string) {
	t.Helper()
	if got := p.buttons(); !slices.Equal(got, want) {
		t.Fatalf("%s offers %v, want %v\n%s", p.path, got, want, p.Body)
	}
}
