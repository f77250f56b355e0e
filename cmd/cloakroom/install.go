package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/egress"
	"cloakroom/broker/keys"
	"cloakroom/broker/outage"
	"cloakroom/broker/registry"
	"cloakroom/config"
	"cloakroom/providers"
	"cloakroom/providers/preset"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/seal"
)

// installation is what every command stands on: the open database and the engines over it that need no visitor.
type installation struct {
	cfg      *config.Config
	log      *slog.Logger
	store    *store.Store
	ring     *seal.Keyring
	http     *http.Client // for everything fetched
	keys     *keys.Manager
	registry *registry.Registry
	admin    *admin.Service
}

// install puts the engines over an open store.
func install(cfg *config.Config, log *slog.Logger, s *store.Store, ring *seal.Keyring) *installation {
	in := &installation{cfg: cfg, log: log, store: s, ring: ring}
	out := egress.Options{Allow: cfg.EgressAllow, UserAgent: "Cloakroom/" + version}
	in.http = egress.Client(out)
	in.keys = keys.New(s.Keys, time.Now)
	in.registry = registry.New(&registry.Registry{
		Store: configuration{s}, Chooser: s.Connections, Protocols: upstreams(), HTTP: in.http, Dial: egress.Dialer(out),
		BaseURL: cfg.BaseURL, LegacyPaths: cfg.LegacyPaths, SPKeys: in.keys.ForConnection, Log: log, Now: time.Now,
	})
	kept := in.documents()
	in.registry.Documents = kept
	in.registry.Shadows = func(ctx context.Context, slug string) (*broker.Shadow, error) {
		return s.Shadows.Get(ctx, slug, broker.ShadowTrial)
	}
	in.admin = &admin.Service{
		Realms: s.Realms, Connections: s.Connections, Clients: s.Clients, Domains: s.Domains, Users: s.Users,
		Sessions: s.Sessions, Keys: in.keys, KeyStore: s.Keys, APIKeys: s.APIKeys, Events: s.Events, Tx: s.Tx,
		Invites: s.Invites, Setup: admin.Setup{Links: s.SetupLinks}, Seats: s.Seats, ByEmail: s.Users.ByEmail, Linked: s.Links.Connections,
		People: people(s),
		Open: func(_ context.Context, c *broker.Connection) (providers.Provider, error) {
			return in.registry.Provider(c, nil)
		},
		FindSessions: func(ctx context.Context, realm string, f admin.SessionFilter, p broker.Page) ([]*broker.Session, string, error) {
			return s.Sessions.List(ctx, realm, flow.Filter(f), p)
		},
		FindEvents: func(ctx context.Context, f admin.EventFilter, p broker.Page) ([]broker.Event, string, error) {
			return s.Events.List(ctx, ledger.Filter(f), p)
		},
		Enforcement: admin.Enforcement{People: s.Users, ForDomain: s.Connections.ForDomain}, Local: admin.Local{Credentials: s.Credentials}, Outbox: s.Outbox,
		Operators: admin.Operators{People: s.Operators, Credentials: s.Operators, Doors: s.Operators},
		Defaults:  presetDefaults, Labels: presetLabels,
		Wizard:   admin.Wizard{Notes: s.WizardNotes, LatestTest: s.Tests.Latest},
		TXT:      resolver(cfg.DNSResolver).LookupTXT,
		KeyTurns: s.Keys, Overviews: s.Overview, Stats: s.Stats, Checks: s.Checks, NextExpiry: s.Expiries.Next, PendingReviews: s.Documents.Waiting,
		Webhooks: admin.Webhooks{Store: s.Webhooks, Deliveries: s.Deliveries}, Expiries: s.Expiries,
		SCIM:   admin.SCIM{Tokens: s.SCIMTokens, People: s.Directories, Log: s.Requests, NewID: ledger.NewID},
		Traces: s.Traces, Token: cfg.AdminToken, BaseURL: cfg.BaseURL, Now: time.Now,
	}
	in.admin.Outages = &outage.Watch{Store: s.Checks, Connections: s.Connections.Get, Title: presetTitle, Now: time.Now}
	in.admin.People.Pseudonymise = in.forgetPerson
	in.admin.Documents, in.admin.Shadows = kept, s.Shadows
	return in
}

// people is where the verbs find what belongs to people. End is wired with the applications that it tells.
func people(s *store.Store) admin.People {
	return admin.People{
		Users: s.Users, Links: s.Links, Groups: s.Groups, Merges: s.Merges, Identities: s.Identities, Invites: s.Invites,
		Sessions: s.Sessions, Grants: s.Grants, Mails: s.Outbox, Recipe: registry.Recipe,
		Hits: func(ctx context.Context, f admin.SessionFilter, n int) (int64, int64, []string, error) {
			return s.Sessions.Hits(ctx, flow.Scope(f), n)
		},
	}
}

// forget drops what caches know of a change, wherever it was made.
func (in *installation) forget(c broker.Change) {
	in.registry.Forget(c)
	in.keys.Forget(c)
}

// resolver asks the DNS server at address, or the system's for "".
func resolver(address string) *net.Resolver {
	if address == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
}

// commandLine is who the audit log says did what a command does.
func commandLine() admin.Actor { return admin.Actor{Name: "cli", Role: admin.Owner} }

func owner(d *broker.Domain, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return d.Realm, nil
}

// configuration answers the store's configuration as the registry asks for it.
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
	return owner(c.s.Domains.Verified(ctx, domain))
}

func (c configuration) Stored(ctx context.Context, slug string) ([]byte, error) {
	return c.s.Connections.Stored(ctx, slug)
}

func (c configuration) Remember(ctx context.Context, slug string, b []byte) error {
	return c.s.Connections.Remember(ctx, slug, b)
}

// closing closes a store at the end of a command and keeps the first error.
func closing(s *store.Store, err *error) { *err = errors.Join(*err, s.Close()) }

// withStore runs a command's work on the open, migrated database.
func (p *program) withStore(cmd *cobra.Command, work func(context.Context, *installation) error) (err error) {
	cfg, err := p.settings(cmd)
	if err != nil {
		return err
	}
	log := p.logger(cfg)
	s, ring, err := openStore(cmd.Context(), cfg, log)
	if err != nil {
		return err
	}
	defer closing(s, &err)
	return work(cmd.Context(), install(cfg, log, s, ring))
}

// presetDefaults is what a preset lays under a connection. Which attributes hold what is not among it: the registry reads
// that from the preset, so that what stands in a connection's mapping is the operator's own choice.
func presetDefaults(name, protocol string) json.RawMessage {
	p, ok := preset.Get(name)
	if !ok || !p.Speaks(protocol) {
		return nil
	}
	b, err := json.Marshal(p.Defaults(protocol))
	if err != nil {
		return nil
	}
	return b
}

// presetLabels is what a provider's console calls our values.
// presetTitle is what people call a preset's provider.
func presetTitle(name string) string {
	if p, ok := preset.Get(name); ok {
		return p.Title
	}
	return name
}

func presetLabels(name, protocol string) map[string]admin.Label {
	p, ok := preset.Get(name)
	if !ok {
		return nil
	}
	out := map[string]admin.Label{}
	for _, h := range p.Handover(protocol) {
		if _, taken := out[h.Field]; !taken {
			out[h.Field] = admin.Label{Label: h.Label, Where: h.Path}
		}
	}
	return out
}
