package admin_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/broker/keys"
	"cloakroom/providers"
	"cloakroom/providers/saml"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/seal"
)

var (
	owner = admin.Actor{Name: "cli", Role: admin.Owner}
	ctx   = context.Background()
)

// house is the verbs over a real store.
type house struct {
	*admin.Service
	store *store.Store
	now   time.Time
	dns   map[string][]string

	mu    sync.Mutex
	ended []string
}

// upstream stands in for an OpenID provider's connection: it opens unless its issuer says otherwise.
type upstream struct {
	providers.Provider
	findings []providers.Finding
}

func (u upstream) Preflight(context.Context) []providers.Finding { return u.findings }

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), dns: map[string][]string{}}
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.New([][]byte{master})
	must(t, err)
	clock := func() time.Time { return h.now }
	h.store, err = store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), Sealer: ring, Now: clock})
	must(t, err)
	t.Cleanup(func() { must(t, h.store.Close()) })
	must(t, h.store.Migrate(ctx))
	own := keys.New(h.store.Keys, clock)
	h.Service = &admin.Service{
		Realms: h.store.Realms, Connections: h.store.Connections, Clients: h.store.Clients, Domains: h.store.Domains,
		Users: h.store.Users, Sessions: h.store.Sessions, Keys: own, KeyStore: h.store.Keys, APIKeys: h.store.APIKeys, Events: h.store.Events,
		Operators:   admin.Operators{People: h.store.Operators, Credentials: h.store.Operators, Doors: h.store.Operators},
		Local:       admin.Local{Credentials: h.store.Credentials},
		Enforcement: admin.Enforcement{People: h.store.Users, ForDomain: h.store.Connections.ForDomain}, Outbox: h.store.Outbox,
		KeyTurns: h.store.Keys, Setup: admin.Setup{Links: h.store.SetupLinks}, Overviews: h.store.Overview, Stats: h.store.Stats, Checks: h.store.Checks, Traces: h.store.Traces,
		SCIM: admin.SCIM{Tokens: h.store.SCIMTokens, People: h.store.Directories, Log: h.store.Requests, NewID: ledger.NewID},
		Tx:   h.store.Tx,
		Open: func(_ context.Context, c *broker.Connection) (providers.Provider, error) { return h.open(own, c) },
		FindSessions: func(ctx context.Context, realm string, f admin.SessionFilter, p broker.Page) ([]*broker.Session, string, error) {
			return h.store.Sessions.List(ctx, realm, flow.Filter(f), p)
		},
		FindEvents: func(ctx context.Context, f admin.EventFilter, p broker.Page) ([]broker.Event, string, error) {
			return h.store.Events.List(ctx, ledger.Filter(f), p)
		},
		End: func(ctx context.Context, s *broker.Session) error {
			_, err := h.store.Sessions.Delete(ctx, s.ID)
			return err
		},
		EndUser: func(ctx context.Context, _, userID string) error {
			h.mu.Lock()
			h.ended = append(h.ended, userID)
			h.mu.Unlock()
			_, err := h.store.Sessions.End(ctx, flow.Scope{UserID: userID}, nil)
			return err
		},
		People: admin.People{
			Users: h.store.Users, Links: h.store.Links, Groups: h.store.Groups, Merges: h.store.Merges, Identities: h.store.Identities,
			Invites: h.store.Invites, Sessions: h.store.Sessions, Grants: h.store.Grants, Mails: h.store.Outbox, Pseudonymise: h.store.Events.Pseudonymise,
			End: func(ctx context.Context, f admin.SessionFilter) (int, error) {
				return h.store.Sessions.End(ctx, flow.Scope(f), nil)
			},
			Hits: func(ctx context.Context, f admin.SessionFilter, n int) (int64, int64, []string, error) {
				return h.store.Sessions.Hits(ctx, flow.Scope(f), n)
			},
			Recipe: func(*broker.Connection) claims.Recipe { return claims.Recipe{} },
		},
		Defaults: func(preset, _ string) json.RawMessage {
			if preset == "google" {
				return json.RawMessage(`{"protocol":"oidc","email_trust":"verified_claim","oidc":{"issuer":"https://accounts.google.example"},"mapping":{"email":["email"]}}`)
			}
			return nil
		},
		Labels: func(preset, _ string) map[string]admin.Label {
			if preset == "okta" {
				return map[string]admin.Label{"acs_url": {Label: "Single sign-on URL", Where: "General > SAML settings"}, "redirect_uri": {Label: "not of this protocol"}}
			}
			return nil
		},
		TXT: func(_ context.Context, name string) ([]string, error) {
			if r, ok := h.dns[name]; ok {
				return r, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		},
		Token: "fixed-token-of-the-installation", BaseURL: "https://sso.example", Now: clock,
	}
	return h
}

func (h *house) open(own *keys.Manager, c *broker.Connection) (providers.Provider, error) {
	if c.Protocol == "saml" {
		config, err := c.Config()
		if err != nil {
			return nil, err
		}
		return saml.Protocol{}.Open(providers.Settings{
			Slug: c.Slug, Preset: c.Preset, Config: config, SPEntityID: "https://sso.example/broker/" + c.Slug + "/metadata",
			CallbackURL: "https://sso.example/broker/" + c.Slug + "/endpoint", Now: h.Now,
			Keys: func(ctx context.Context) ([]providers.Key, error) { return own.ForConnection(ctx, c.Slug) },
			Go:   func(func(context.Context)) {},
		})
	}
	if c.OIDC != nil && c.OIDC.Issuer == "https://broken.example" {
		return nil, fault.New(fault.FetchFormat, "issuer: cannot be used")
	}
	u := upstream{}
	if c.OIDC != nil && c.OIDC.Issuer == "https://down.example" {
		u.findings = []providers.Finding{
			{Check: "discovery", Severity: "error", Err: fault.New(fault.FetchTimeout, "no answer in 5 s")},
			{Check: "jwks", Severity: "ok", Detail: "2 keys"},
		}
	}
	return u, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) realm(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		_, err := h.CreateRealm(ctx, owner, []byte(`{"name":"`+n+`"}`))
		must(t, err)
	}
}

func (h *house) connection(t testing.TB, realm, slug string) *broker.Connection {
	t.Helper()
	c, err := h.CreateConnection(ctx, owner, realm, []byte(`{"slug":"`+slug+`","protocol":"oidc","oidc":{"issuer":"https://idp.example","client_id":"c","client_secret":"upstream-secret-1"}}`))
	must(t, err)
	return c
}

// pointers are the bad fields that an error names.
func pointers(err error) []string {
	var f broker.FieldErrors
	if !errors.As(err, &f) {
		return nil
	}
	var out []string
	for _, e := range f {
		out = append(out, e.Pointer)
	}
	slices.Sort(out)
	return out
}

func wantPointers(t *testing.T, err error, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := pointers(err); !slices.Equal(got, want) {
		t.Errorf("bad fields %v, want %v (%v)", got, want, err)
	}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("code %q, want %q (%v)", got, want, err)
	}
}

// events are the ledger's lines, newest first.
func (h *house) events(t testing.TB) []broker.Event {
	t.Helper()
	list, _, err := h.store.Events.List(ctx, ledger.Filter{}, broker.Page{Limit: 200})
	must(t, err)
	return list
}

// lineOf is the one line of a kind.
func (h *house) lineOf(t testing.TB, kind string) broker.Event {
	t.Helper()
	list, _, err := h.store.Events.List(ctx, ledger.Filter{Kind: kind}, broker.Page{})
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%d lines %s", len(list), kind)
	}
	return list[0]
}
