package scim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/directory"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/scim"
	"cloakroom/broker/web"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/storetest"
)

// world is an installation with two tenants, acme and globex, over a real store: the directory's door, its engine and the
// rules of sign-ins. Identity providers are not needed.
type world struct {
	t        testing.TB
	store    *store.Store
	registry *registry.Registry
	people   *login.Engine
	engine   *directory.Engine
	front    *scim.Front
	url      string
	token    string // of acme-entra
	failures atomic.Int64
	told     atomic.Int64 // grants whose clients were told of a sign-out
}

type obj = map[string]any

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB) *world { return worldOn(t, storetest.SQLite(t)) }

func worldOn(t testing.TB, s *store.Store) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, store: s}
	w.failures.Store(1000)
	w.registry = registry.New(&registry.Registry{Store: configuration{s}, Chooser: s.Connections, BaseURL: "https://sso.example", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	w.people = &login.Engine{
		Config: w.registry, Users: s.Users, Links: s.Links, Events: s.Events, Invites: s.Invites, Seats: s.Seats, Directory: s.Directories, Tx: s.Tx,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	w.engine = &directory.Engine{
		Store: s.Directories, Tokens: s.SCIMTokens, People: w.people, Config: w.registry, Events: s.Events, Requests: s.Requests, Tx: s.Tx,
		End: func(ctx context.Context, userID, connection string) error {
			scope := flow.Scope{UserID: userID, Connection: connection}
			_, err := s.Sessions.End(ctx, scope, func(g []broker.Grant) { w.told.Add(int64(len(g))) })
			if err == nil {
				_, err = s.Grants.RevokeScope(ctx, scope)
			}
			return err
		},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	front := &web.Web{Log: slog.New(slog.DiscardHandler), Now: time.Now, Cookies: &web.Cookies{Now: time.Now}}
	e := front.Engine()
	w.front = &scim.Front{Web: front, Engine: w.engine, ScanLimit: 1000, BaseURL: "https://sso.example", Now: time.Now, AllowFailure: func(string) bool { return w.failures.Add(-1) >= 0 }}
	w.front.Mount(e.Group(""))
	front.Mount(e)
	gin.SetMode(gin.ReleaseMode)
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	w.url = srv.URL
	w.furnish(ctx)
	return w
}

// furnish makes the tenants.
func (w *world) furnish(ctx context.Context) {
	for _, name := range []string{"acme", "globex"} {
		r := &broker.Realm{Name: name}
		r.Defaults()
		must(w.t, w.store.Realms.Create(ctx, r))
		must(w.t, w.store.Domains.Create(ctx, &broker.Domain{Realm: name, Domain: name + ".example", Verified: true}))
	}
	w.connect("acme", "acme-entra", func(c *broker.Connection) {
		c.Preset, c.OIDC.Tenant, c.Provisioning = "entra", tenant, "existing"
		c.GroupRules = []broker.GroupRule{{Match: "equals", Value: "Engineering", Groups: []string{"developers"}}}
	})
	w.connect("acme", "acme-okta", func(c *broker.Connection) { c.Preset, c.OIDC.Issuer = "okta", "https://acme.okta.example" })
	w.connect("globex", "globex-okta", func(c *broker.Connection) { c.Preset = "okta" })
	w.token = w.newToken("acme", "acme-entra", nil)
}

const tenant = "11111111-2222-3333-4444-555555555555"

func (w *world) connect(realm, slug string, f func(c *broker.Connection)) {
	w.t.Helper()
	c := &broker.Connection{Slug: slug, Realm: realm, Protocol: "oidc", Enabled: true, Domains: []string{realm + ".example"}, OIDC: &broker.OIDC{ClientID: "c"}}
	f(c)
	c.Defaults()
	must(w.t, w.store.Connections.Create(context.Background(), c))
}

func (w *world) newToken(realm, slug string, f func(t *broker.SCIMToken)) string {
	w.t.Helper()
	plain := broker.NewSCIMToken()
	tok := &broker.SCIMToken{ID: broker.RandomToken(9), Realm: realm, Connection: slug, Name: "test", Hash: broker.HashToken(plain)}
	if f != nil {
		f(tok)
	}
	must(w.t, w.store.SCIMTokens.Create(context.Background(), tok))
	return plain
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
	body obj
}

// client is a directory with a token.
type client struct {
	w           *world
	slug, token string
}

func (w *world) entra() client { return client{w, "acme-entra", w.token} }
func (w *world) okta() client  { return client{w, "acme-okta", w.newToken("acme", "acme-okta", nil)} }

// send makes a request; header pairs follow.
func (c client) send(method, path, body string, headers ...string) answer {
	c.w.t.Helper()
	req, err := http.NewRequest(method, c.w.url+"/scim/v2/"+c.slug+path, bytes.NewBufferString(body))
	must(c.w.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	must(c.w.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(c.w.t, err)
	a := answer{Response: res, text: string(b)}
	if len(b) > 0 {
		if got := res.Header.Get("Content-Type"); got != "application/scim+json; charset=utf-8" {
			c.w.t.Errorf("%s %s: Content-Type %q", method, path, got)
		}
		must(c.w.t, json.Unmarshal(b, &a.body))
	}
	return a
}

// want holds the status.
func (c client) want(status int, method, path, body string, headers ...string) answer {
	c.w.t.Helper()
	a := c.send(method, path, body, headers...)
	if a.StatusCode != status {
		c.w.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.StatusCode, status, a.text)
	}
	return a
}

// refused holds a refusal in SCIM's dialect.
func (c client) refused(status int, scimType, method, path, body string, headers ...string) answer {
	c.w.t.Helper()
	a := c.want(status, method, path, body, headers...)
	got, _ := a.body["scimType"].(string)
	schemas, _ := a.body["schemas"].([]any)
	if got != scimType || len(schemas) != 1 || schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error" || a.body["detail"] == "" {
		c.w.t.Errorf("%s %s: %s", method, path, a.text)
	}
	return a
}

func (a answer) id() string { s, _ := a.body["id"].(string); return s }

func (a answer) total() int { n, _ := a.body["totalResults"].(float64); return int(n) }

// person is the account behind a user of a directory.
func (w *world) person(slug, id string) *broker.User {
	w.t.Helper()
	d, err := w.store.Directories.User(context.Background(), slug, id)
	must(w.t, err)
	u, err := w.store.Users.Get(context.Background(), d.Realm, d.UserID)
	must(w.t, err)
	return u
}

// signedIn opens a session of a person through a connection, with a grant for offline use.
func (w *world) signedIn(u *broker.User, connection string) {
	w.t.Helper()
	ctx, now := context.Background(), time.Now()
	sid := broker.RandomToken(16)
	must(w.t, w.store.Sessions.Create(ctx, &broker.Session{
		ID: sid, SID: sid, Realm: u.Realm, HomeRealm: u.Realm, UserID: u.ID, Connection: connection, AuthTime: now, CreatedAt: now, LastSeenAt: now,
		ExpiresAt: now.Add(time.Hour), IdleUntil: now.Add(time.Hour),
	}))
}

func (w *world) sessions(u *broker.User) int {
	w.t.Helper()
	list, _, err := w.store.Sessions.OfPerson(context.Background(), u.Realm, u.ID, broker.Page{})
	must(w.t, err)
	return len(list)
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
