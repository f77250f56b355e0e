// Package registry answers the configuration that every request needs (realms, clients, connections with their opened
// providers) from memory. Entries are loaded on first use, bounded in number, and forgotten when a Change says so.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/preset"
)

// Store is what the registry reads.
type Store interface {
	Realm(ctx context.Context, name string) (*broker.Realm, error)
	Client(ctx context.Context, realm, id string) (*broker.Client, error)
	Connection(ctx context.Context, slug string) (*broker.Connection, error)
	ConnectionByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error)
	ConnectionsForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error)
	Buttons(ctx context.Context, realm string, limit int) ([]*broker.Connection, bool, error)
	DomainOwner(ctx context.Context, domain string) (string, error)
	Stored(ctx context.Context, slug string) ([]byte, error)
	Remember(ctx context.Context, slug string, b []byte) error
}

// Chooser finds the connections that a realm's page may show, a bounded number at a time; store.Connections does.
type Chooser interface {
	Visible(ctx context.Context, realm string, only []string, after string, limit int) (list []*broker.Connection, more bool, err error)
	Search(ctx context.Context, realm string, only []string, query string, limit int) (list []*broker.Connection, more bool, err error)
}

// Connection is a connection with its provider opened. Err is why it could not be opened; then Provider is nil.
type Connection struct {
	*broker.Connection
	Provider providers.Provider
	Recipe   claims.Recipe
	Rules    *claims.Rules
	Err      error
	Callback string
	// Trial is the connection in a second configuration, nil where there is none; People are whom that one is for.
	Trial  *Connection
	People []string
	trial  bool
}

// OnTrial says that this is a connection in its second configuration.
func (c *Connection) OnTrial() bool { return c.trial }

// Registry is safe for concurrent use.
type Registry struct {
	Store     Store
	Chooser   Chooser
	Protocols map[string]providers.Protocol
	HTTP      *http.Client
	Dial      func(ctx context.Context, network, address string) (net.Conn, error) // for what is not HTTP
	BaseURL   string
	// LegacyPaths are prefixes under which every public path is served too ("/auth").
	LegacyPaths []string
	SPKeys      func(ctx context.Context, slug string) ([]providers.Key, error)
	// Shadows finds a connection's second configuration; nil: there are none.
	Shadows func(ctx context.Context, slug string) (*broker.Shadow, error)
	// Documents decides which of the upstreams' documents are trusted. Nil: whatever is fetched is.
	Documents Documents
	Log       *slog.Logger
	Now       func() time.Time

	entries *otter.Cache[string, any]
	flight  singleflight.Group
	slots   chan struct{}
}

// size bounds the entries kept; an opened SAML connection weighs some 10 KB.
const size = 20_000

// New completes a Registry.
func New(r *Registry) *Registry {
	r.entries = otter.Must(&otter.Options[string, any]{
		MaximumSize: size,
		// A change reaches every replica by notice and by polling; this is the belt to those braces.
		ExpiryCalculator: otter.ExpiryWriting[string, any](10 * time.Minute),
	})
	r.slots = make(chan struct{}, 32)
	return r
}

// missing is kept for a short time so that guesses at names cost the database little.
type missing struct{ until time.Time }

func load[T any](ctx context.Context, r *Registry, key string, get func(context.Context) (T, error)) (T, error) {
	var zero T
	if v, ok := r.entries.GetIfPresent(key); ok {
		switch v := v.(type) {
		case missing:
			if r.Now().Before(v.until) {
				return zero, broker.ErrNotFound
			}
		case T:
			return v, nil
		}
	}
	ch := r.flight.DoChan(key, func() (any, error) {
		// The first caller going away must not fail the others.
		lctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		v, err := get(lctx)
		switch {
		case err == nil:
			r.entries.Set(key, any(v))
		case errors.Is(err, broker.ErrNotFound):
			r.entries.Set(key, any(missing{r.Now().Add(2 * time.Second)}))
		}
		return v, err
	})
	select {
	case <-ctx.Done():
		return zero, fault.Wrap(fault.Unavailable, ctx.Err(), "loading %s", key)
	case res := <-ch:
		if res.Err != nil {
			return zero, res.Err
		}
		return res.Val.(T), nil
	}
}

// Realm answers a realm by name.
func (r *Registry) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	if !broker.ValidName(name) {
		return nil, broker.ErrNotFound
	}
	return load(ctx, r, "realm/"+name, func(ctx context.Context) (*broker.Realm, error) { return r.Store.Realm(ctx, name) })
}

// Client answers a realm's client.
func (r *Registry) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	if id == "" || len(id) > 255 {
		return nil, broker.ErrNotFound
	}
	return load(ctx, r, "client/"+realm+"/"+id, func(ctx context.Context) (*broker.Client, error) { return r.Store.Client(ctx, realm, id) })
}

// Connection answers a connection by its slug, opened.
func (r *Registry) Connection(ctx context.Context, slug string) (*Connection, error) {
	if !broker.ValidName(slug) {
		return nil, broker.ErrNotFound
	}
	return load(ctx, r, "connection/"+slug, func(ctx context.Context) (*Connection, error) {
		c, err := r.Store.Connection(ctx, slug)
		if err != nil {
			return nil, err
		}
		return r.Open(ctx, c), nil
	})
}

// ByAlias answers a connection by realm and alias (Keycloak's name for it).
func (r *Registry) ByAlias(ctx context.Context, realm, alias string) (*Connection, error) {
	if alias == "" || len(alias) > 255 || !broker.ValidName(realm) {
		return nil, broker.ErrNotFound
	}
	slug, err := load(ctx, r, r.index("alias", realm, alias), func(ctx context.Context) (string, error) {
		c, err := r.Store.ConnectionByAlias(ctx, realm, alias)
		if err != nil {
			return "", err
		}
		return c.Slug, nil
	})
	if err != nil {
		return nil, err
	}
	return r.Connection(ctx, slug)
}

// Buttons are the connections that a realm's page shows.
type Buttons struct {
	Connections []*broker.Connection
	More        bool // there are others, found by search or address
}

// buttonLimit is how many connections a page lists before it asks for an address instead.
const buttonLimit = 12

// Buttons answers what a realm's sign-in page shows.
func (r *Registry) Buttons(ctx context.Context, realm string) (Buttons, error) {
	return load(ctx, r, r.index("buttons", realm, ""), func(ctx context.Context) (Buttons, error) {
		cs, more, err := r.Store.Buttons(ctx, realm, buttonLimit)
		return Buttons{cs, more}, err
	})
}

// Visible answers a further page of them, after the connection named after, or the first for a client that is limited to
// the connections of only.
func (r *Registry) Visible(ctx context.Context, realm string, only []string, after string) (Buttons, error) {
	cs, more, err := r.Chooser.Visible(ctx, realm, only, after, buttonLimit)
	return Buttons{cs, more}, err
}

// Search answers those whose names have the words of a query.
func (r *Registry) Search(ctx context.Context, realm string, only []string, query string) (Buttons, error) {
	cs, more, err := r.Chooser.Search(ctx, realm, only, query, buttonLimit)
	return Buttons{cs, more}, err
}

// ForDomain answers the connections that serve an email domain in a realm, disabled ones too.
func (r *Registry) ForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error) {
	return load(ctx, r, r.index("domain", realm, domain), func(ctx context.Context) ([]*broker.Connection, error) {
		return r.Store.ConnectionsForDomain(ctx, realm, domain)
	})
}

// DomainOwner answers the realm that has verified a domain, "" if none has. It is read from the database each time: the
// answer decides whose a person is.
func (r *Registry) DomainOwner(ctx context.Context, domain string) (string, error) {
	owner, err := r.Store.DomainOwner(ctx, domain)
	if errors.Is(err, broker.ErrNotFound) {
		return "", nil
	}
	return owner, err
}

// index is the key of an entry that is made from several of a realm's connections. It names the realm's epoch, so that
// forgetting one entry forgets them all, however many there are, together with whatever was being loaded meanwhile.
func (r *Registry) index(kind, realm, name string) string {
	key := "epoch/" + realm
	epoch, ok := r.entries.GetIfPresent(key)
	if !ok {
		epoch, _ = r.entries.SetIfAbsent(key, any(broker.RandomToken(6)))
	}
	return fmt.Sprintf("%s/%s/%v/%s", kind, realm, epoch, name)
}

// Forget drops what a change made stale.
func (r *Registry) Forget(c broker.Change) {
	switch c.Kind {
	case "realm":
		r.entries.Invalidate("realm/" + c.Key)
		if c.Realm == "" {
			c.Realm = c.Key
		}
		r.entries.Invalidate("epoch/" + c.Realm)
	case "client":
		r.entries.Invalidate("client/" + c.Realm + "/" + c.Key)
	case "key":
		if slug, ok := strings.CutPrefix(c.Key, "connection:"); ok {
			r.entries.Invalidate("connection/" + slug)
		}
	case "connection", "domain":
		// Aliases, domains and places in the list may have changed to anything.
		r.entries.Invalidate("connection/" + c.Key)
		r.entries.Invalidate("epoch/" + c.Realm)
	default:
		r.entries.InvalidateAll()
	}
}

// Open makes a connection ready for use. What is wrong with it stands in Err, so that a broken connection is a page with
// its fault and not a missing one.
func (r *Registry) Open(ctx context.Context, c *broker.Connection) *Connection {
	out := &Connection{Connection: c, Recipe: recipe(c), Rules: claims.NewRules(c), Callback: r.callback(c)}
	out.Provider, out.Err = r.kept(ctx, c)
	out.Trial = r.onTrial(ctx, c)
	return out
}

// Provider opens a connection's provider without keeping it, nor anything that it fetches.
func (r *Registry) Provider(c *broker.Connection, stored []byte) (providers.Provider, error) {
	return r.open(c, func(s *providers.Settings) { s.Stored = stored })
}

func (r *Registry) open(c *broker.Connection, complete func(*providers.Settings)) (providers.Provider, error) {
	p, ok := r.Protocols[c.Protocol]
	if !ok {
		return nil, fault.New(fault.Invalid, "protocol %q is not part of this build", c.Protocol)
	}
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	base := r.BaseURL + "/broker/" + c.Slug
	s := providers.Settings{
		Slug: c.Slug, Preset: c.Preset, Config: config,
		SPEntityID:  base + "/metadata",
		CallbackURL: base + "/endpoint", LogoutURL: base + "/endpoint", MetadataURL: base + "/metadata",
		Aliases: r.aliases(c),
		Keys:    func(ctx context.Context) ([]providers.Key, error) { return r.SPKeys(ctx, c.Slug) },
		HTTP:    r.HTTP,
		OneHop:  r.oneHop(),
		Dial:    r.Dial,
		Domains: c.Domains,
		Now:     r.Now,
		Go:      r.background,
	}
	if c.SAML != nil && c.SAML.SPEntityID != "" {
		s.SPEntityID = c.SAML.SPEntityID
	}
	complete(&s)
	return p.Open(s)
}

func (r *Registry) oneHop() *http.Client {
	if r.HTTP == nil {
		return nil
	}
	return egress.WithoutRedirects(r.HTTP)
}

// aliases are the other addresses of the same door (contract, section 3).
func (r *Registry) aliases(c *broker.Connection) []string {
	out := []string{fmt.Sprintf("%s/realms/%s/broker/%s/endpoint", r.BaseURL, c.Realm, c.Alias)}
	for _, prefix := range r.LegacyPaths {
		out = append(out,
			fmt.Sprintf("%s%s/broker/%s/endpoint", r.BaseURL, prefix, c.Slug),
			fmt.Sprintf("%s%s/realms/%s/broker/%s/endpoint", r.BaseURL, prefix, c.Realm, c.Alias))
	}
	return out
}

// background runs a provider's refresh, a bounded number at a time; when all places are taken the refresh is left to the
// next use.
func (r *Registry) background(f func(ctx context.Context)) {
	select {
	case r.slots <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() {
			<-r.slots
			if p := recover(); p != nil {
				r.Log.Error("background refresh failed", "panic", p)
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		f(ctx)
	}()
}

// recipe joins the preset's way of reading identities with the protocol's.
func recipe(c *broker.Connection) claims.Recipe {
	out := claims.DefaultRecipe(c.Protocol)
	p, ok := preset.Get(c.Preset)
	if !ok || !p.Speaks(c.Protocol) {
		return out
	}
	out.Subject = nil
	for _, s := range p.Subjects(c.Protocol) {
		out.Subject = append(out.Subject, ways(s)...)
	}
	for field, names := range p.Attributes() {
		for i := len(names) - 1; i >= 0; i-- {
			if !slices.Contains(out.Mapping[field], names[i]) {
				out.Mapping[field] = slices.Insert(out.Mapping[field], 0, names[i])
			}
		}
	}
	return out
}

// ways is a preset's way to tell people apart in the words of a recipe. What the connection itself maps to the subject
// stands before the address, which can change.
func ways(s preset.Subject) []string {
	switch s.Kind {
	case "nameid":
		return []string{"nameid:persistent"}
	case "attribute", "id":
		var out []string
		for _, a := range s.Attributes {
			out = append(out, "attribute:"+a)
		}
		if s.Kind == "id" {
			out = append(out, "mapped")
		}
		return out
	case "email":
		return []string{"mapped", "email"}
	}
	return []string{s.Kind}
}
