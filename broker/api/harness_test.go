package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/api"
	"cloakroom/broker/keys"
	"cloakroom/broker/registry"
	"cloakroom/broker/upstream"
	"cloakroom/providers"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/seal"
)

const token = "fixed-token-of-the-installation"

// house is the API over a real store, reached over HTTP.
type house struct {
	t      *testing.T
	url    string
	store  *store.Store
	engine *gin.Engine
	log    bytes.Buffer
	wrong  int // wrong keys that one address has left
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, wrong: 1000}
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.New([][]byte{master})
	h.must(err)
	h.store, err = store.Open(context.Background(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), Sealer: ring, Now: time.Now})
	h.must(err)
	t.Cleanup(func() { h.must(h.store.Close()) })
	h.must(h.store.Migrate(context.Background()))
	gin.SetMode(gin.ReleaseMode)
	h.engine = gin.New()
	h.engine.UseRawPath, h.engine.UnescapePathValues = true, true
	api.New(api.API{
		Admin: h.verbs(), ClientIP: func(r *http.Request) string { return strings.Split(r.RemoteAddr, ":")[0] },
		AllowFailure: func(string) bool { h.wrong--; return h.wrong > 0 },
		Log:          slog.New(slog.NewTextHandler(&h.log, nil)), Version: "test",
	}).Mount(h.engine)
	srv := httptest.NewServer(h.engine)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

func (h *house) verbs() *admin.Service {
	s := h.store
	own := keys.New(s.Keys, time.Now)
	return &admin.Service{
		Realms: s.Realms, Connections: s.Connections, Clients: s.Clients, Domains: s.Domains,
		Users: s.Users, Sessions: s.Sessions, Keys: own, KeyStore: s.Keys, APIKeys: s.APIKeys, Events: s.Events,
		Invites: s.Invites, Seats: s.Seats, ByEmail: s.Users.ByEmail, Linked: s.Links.Connections,
		Operators:   admin.Operators{People: s.Operators, Credentials: s.Operators, Doors: s.Operators},
		Local:       admin.Local{Credentials: s.Credentials},
		Enforcement: admin.Enforcement{People: s.Users, ForDomain: s.Connections.ForDomain}, Outbox: s.Outbox,
		Webhooks: admin.Webhooks{Store: s.Webhooks, Deliveries: s.Deliveries}, Expiries: s.Expiries,
		Traces: s.Traces, KeyTurns: s.Keys, Wizard: admin.Wizard{Notes: s.WizardNotes, LatestTest: s.Tests.Latest}, Setup: admin.Setup{Links: s.SetupLinks}, Overviews: s.Overview, Stats: s.Stats, Checks: s.Checks,
		Documents: documents(s), Shadows: s.Shadows, SCIM: admin.SCIM{Tokens: s.SCIMTokens, People: s.Directories, Log: s.Requests, NewID: ledger.NewID},
		Tx:   s.Tx,
		Open: func(context.Context, *broker.Connection) (providers.Provider, error) { return nil, nil },
		FindSessions: func(ctx context.Context, realm string, f admin.SessionFilter, p broker.Page) ([]*broker.Session, string, error) {
			return s.Sessions.List(ctx, realm, flow.Filter(f), p)
		},
		FindEvents: func(ctx context.Context, f admin.EventFilter, p broker.Page) ([]broker.Event, string, error) {
			return s.Events.List(ctx, ledger.Filter(f), p)
		},
		End: func(ctx context.Context, v *broker.Session) error {
			_, err := s.Sessions.Delete(ctx, v.ID)
			return err
		},
		EndUser: func(ctx context.Context, _, userID string) error {
			_, err := s.Sessions.End(ctx, flow.Scope{UserID: userID}, nil)
			return err
		},
		People: admin.People{
			Users: s.Users, Links: s.Links, Groups: s.Groups, Merges: s.Merges, Identities: s.Identities, Invites: s.Invites,
			Sessions: s.Sessions, Grants: s.Grants, Mails: s.Outbox, Pseudonymise: s.Events.Pseudonymise,
			End: func(ctx context.Context, f admin.SessionFilter) (int, error) {
				n, err := s.Sessions.End(ctx, flow.Scope(f), nil)
				if err == nil {
					_, err = s.Grants.RevokeScope(ctx, flow.Scope(f))
				}
				return n, err
			},
			Hits: func(ctx context.Context, f admin.SessionFilter, n int) (int64, int64, []string, error) {
				return s.Sessions.Hits(ctx, flow.Scope(f), n)
			},
			Recipe: registry.Recipe,
		},
		TXT:   func(context.Context, string) ([]string, error) { return nil, nil },
		Token: token, BaseURL: "https://sso.example", Now: time.Now,
	}
}

// documents are kept of connections that publish none: those of this house open to nothing.
func documents(s *store.Store) *upstream.Keeper {
	return &upstream.Keeper{
		Documents: s.Documents, Watches: s.Documents, Connections: s.Connections, Events: s.Events, Tx: s.Tx, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context, *broker.Connection) (providers.Provider, error) { return nil, nil },
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
	body map[string]any
}

// call sends a request with a key; header pairs follow.
func (h *house) call(key, method, path, body string, headers ...string) answer {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url+"/api/v1"+path, strings.NewReader(body))
	h.must(err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	h.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	h.must(err)
	a := answer{Response: res, text: string(b)}
	if strings.Contains(res.Header.Get("Content-Type"), "json") && len(b) > 0 {
		h.must(json.Unmarshal(b, &a.body))
	}
	return a
}

// want calls as the owner and holds the status.
func (h *house) want(status int, method, path, body string, headers ...string) answer {
	h.t.Helper()
	a := h.call(token, method, path, body, headers...)
	if a.StatusCode != status {
		h.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.StatusCode, status, a.text)
	}
	return a
}

// key makes an API key.
func (h *house) key(role string, realms ...string) string {
	h.t.Helper()
	b, _ := json.Marshal(map[string]any{"name": role, "role": role, "realms": realms})
	return h.want(201, "POST", "/apikeys", string(b)).body["key"].(string)
}

func (a answer) pointers() []string {
	var out []string
	list, _ := a.body["errors"].([]any)
	for _, e := range list {
		out = append(out, e.(map[string]any)["pointer"].(string))
	}
	return out
}

func (a answer) items() []map[string]any {
	var out []map[string]any
	list, _ := a.body["items"].([]any)
	for _, e := range list {
		out = append(out, e.(map[string]any))
	}
	return out
}

const (
	connection = `{"slug":"idp","protocol":"oidc","oidc":{"issuer":"https://idp.example","client_id":"c","client_secret":"secret-of-the-upstream"}}`
	client     = `{"client_id":"app","redirect_uris":["https://app.example/cb"]}`
)

// furnished is a house with two realms and one of each thing in acme.
func furnished(t *testing.T) *house {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	h.want(201, "POST", "/realms", `{"name":"other"}`)
	h.want(201, "POST", "/realms/acme/connections", connection)
	h.want(201, "POST", "/realms/acme/clients", client)
	h.want(201, "POST", "/realms/acme/domains", `{"domain":"acme.example"}`)
	ctx := context.Background()
	h.want(201, "POST", "/realms/acme/groups", `{"name":"staff"}`)
	u := &broker.User{ID: userID, Realm: "acme", Email: "eva@acme.example"}
	h.must(h.store.Users.Create(ctx, u))
	now := time.Now()
	h.must(h.store.Sessions.Create(ctx, &broker.Session{
		ID: "id-of-the-session", SID: "sid1", Realm: "acme", HomeRealm: "acme", UserID: userID, Connection: "idp", AuthTime: now,
		CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour), IdleUntil: now.Add(time.Hour),
		Upstream: broker.UpstreamSession{Subject: "subject-upstream", IDToken: "token-of-the-upstream"},
	}))
	return h
}

const userID = "5b0c3d8e-0000-4000-8000-000000000001"
