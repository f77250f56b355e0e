package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Connections keeps the upstream identity providers. Their secrets are sealed apart from the rest.
type Connections struct{ base }

type connectionRow struct {
	Slug        string
	Realm       string
	Alias       string
	SortName    string
	Search      string
	Enabled     bool
	HideOnLogin bool
	Doc         string
	Secrets     []byte
	Stamp       stamp `gorm:"embedded"`
}

func (s *Connections) rowOf(c *broker.Connection) (*connectionRow, error) {
	doc, err := engine.Doc(c) // secrets marshal as a mask
	if err != nil {
		return nil, err
	}
	secrets, err := s.sealed(c)
	return &connectionRow{
		Slug: c.Slug, Realm: c.Realm, Alias: c.Alias, SortName: folded(c.DisplayName), Search: searchText(c.Slug, c.Alias, c.DisplayName),
		Enabled: c.Enabled, HideOnLogin: c.HideOnLogin, Doc: doc, Secrets: secrets, Stamp: stampOf(c.Meta),
	}, err
}

func connectionAAD(realm, slug string) []byte { return []byte("connection:" + realm + "/" + slug) }

func (s *Connections) sealed(c *broker.Connection) ([]byte, error) {
	plain := map[string]string{}
	for pointer, secret := range c.Secrets() {
		if *secret != "" {
			plain[pointer] = secret.Reveal()
		}
	}
	if len(plain) == 0 {
		return []byte{}, nil
	}
	b, err := json.Marshal(plain)
	return s.seal.Seal(b, connectionAAD(c.Realm, c.Slug)), err
}

func (s *Connections) thing(r *connectionRow) (*broker.Connection, error) {
	c := &broker.Connection{}
	if err := engine.Undoc(r.Doc, c); err != nil {
		return nil, err
	}
	c.Slug, c.Realm, c.Alias, c.Meta = r.Slug, r.Realm, r.Alias, r.Stamp.meta()
	plain := map[string]string{}
	if len(r.Secrets) > 0 {
		b, err := s.seal.Open(r.Secrets, connectionAAD(r.Realm, r.Slug))
		if err == nil {
			err = json.Unmarshal(b, &plain)
		}
		if err != nil {
			return nil, fmt.Errorf("secrets of connection %s: %w", r.Slug, err)
		}
	}
	for pointer, secret := range c.Secrets() {
		*secret = broker.Secret(plain[pointer])
	}
	return c, nil
}

// Get finds a connection by slug.
func (s *Connections) Get(ctx context.Context, slug string) (*broker.Connection, error) {
	row, err := one[connectionRow](ctx, s.base, "connections", "slug = ?", slug)
	if err != nil {
		return nil, err
	}
	return s.thing(row)
}

// ByAlias finds a connection by its name inside its realm.
func (s *Connections) ByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error) {
	row, err := one[connectionRow](ctx, s.base, "connections", "realm = ? AND alias = ?", realm, alias)
	if err != nil {
		return nil, err
	}
	return s.thing(row)
}

// List gives a realm's connections by slug; those of all realms for "".
func (s *Connections) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Connection, string, error) {
	return list(ctx, s.base, p, []string{"slug"}, func(r *connectionRow) []string { return []string{r.Slug} },
		func(g *gorm.DB) *gorm.DB {
			g = matching(g.Table("connections"), p)
			if realm != "" {
				g = g.Where("realm = ?", realm)
			}
			return g
		}, s.thing)
}

// Buttons gives the connections that a realm's chooser shows, by display name, at most limit; more says there are others.
func (s *Connections) Buttons(ctx context.Context, realm string, limit int) (list []*broker.Connection, more bool, err error) {
	rows, err := find[connectionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("connections").Where("realm = ? AND enabled AND NOT hide_on_login", realm).Order("sort_name, slug").Limit(limit + 1)
	})
	if err != nil {
		return nil, false, err
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	list, err = things(rows, s.thing)
	return list, more, err
}

// ForDomain gives the connections that list an email domain, of one realm or ("") of all, by slug, disabled ones too;
// at most 100.
func (s *Connections) ForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error) {
	rows, err := find[connectionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		if realm == "" {
			return g.Table("connections").Where("slug IN (SELECT slug FROM connection_domains WHERE domain = ? ORDER BY slug LIMIT 100)", domain).Order("slug")
		}
		// The inner limit keeps a planner from walking all of a realm's connections instead.
		return g.Table("connections").Where("slug IN (SELECT slug FROM connection_domains WHERE domain = ? AND realm = ? ORDER BY slug LIMIT 100)", domain, realm).Order("slug")
	})
	if err != nil {
		return nil, err
	}
	return things(rows, s.thing)
}

// Create stores a new connection.
func (s *Connections) Create(ctx context.Context, c *broker.Connection) error {
	return s.write(ctx, &c.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&c.Meta)
		row, err := s.rowOf(c)
		if err != nil {
			return err
		}
		if err := insert(ctx, t, "connections", row); err != nil {
			return err
		}
		t.Changed("connection", c.Realm, c.Slug)
		return s.index(ctx, t, c)
	})
}

// setDomains writes the side table that ForDomain looks in.
func setDomains(ctx context.Context, t *engine.Txn, c *broker.Connection) error {
	if _, err := t.Exec(ctx, "DELETE FROM connection_domains WHERE slug = ?", c.Slug); err != nil {
		return err
	}
	for _, d := range slices.Compact(slices.Sorted(slices.Values(c.Domains))) {
		if _, err := t.Exec(ctx, "INSERT INTO connection_domains (domain, slug, realm) VALUES (?, ?, ?)", d, c.Slug, c.Realm); err != nil {
			return err
		}
	}
	return nil
}

// Update stores a connection if c.Version is still the stored one, and raises it. Slug and realm never change.
func (s *Connections) Update(ctx context.Context, c *broker.Connection) error {
	return s.write(ctx, &c.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&c.Meta)
		row, err := s.rowOf(c)
		if err != nil {
			return err
		}
		err = update(ctx, t, "connections", was, map[string]any{
			"alias": row.Alias, "sort_name": row.SortName, "search": row.Search, "enabled": row.Enabled, "hide_on_login": row.HideOnLogin,
			"doc": row.Doc, "secrets": row.Secrets, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "slug = ? AND realm = ?", c.Slug, c.Realm)
		if err != nil {
			return err
		}
		t.Changed("connection", c.Realm, c.Slug)
		return s.index(ctx, t, c)
	})
}

// Delete removes a connection with its links, keys and sessions, so that a later connection of this slug, perhaps of
// another realm, inherits nobody.
func (s *Connections) Delete(ctx context.Context, slug string) error {
	c, err := s.Get(ctx, slug)
	if err != nil {
		return err
	}
	if err := s.drainConnection(ctx, c.Realm, slug); err != nil {
		return err
	}
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, "DELETE FROM key_pairs WHERE owner = ?", "connection:"+slug); err != nil {
			return err
		}
		t.Changed("connection", c.Realm, slug)
		t.Changed("key", c.Realm, "connection:"+slug)
		return remove(ctx, t, "DELETE FROM connections WHERE slug = ?", slug)
	})
	if err != nil {
		return err
	}
	return s.drainConnection(ctx, c.Realm, slug)
}

func (s *Connections) drainConnection(ctx context.Context, realm, slug string) error {
	if err := s.drain(ctx, "grants", "id", "connection = ?", slug); err != nil {
		return err
	}
	if err := s.drain(ctx, "sessions", "id", "connection = ?", slug); err != nil {
		return err
	}
	if err := s.drain(ctx, "scim_users", "connection, id", "connection = ?", slug); err != nil {
		return err
	}
	if err := s.drain(ctx, "links", "connection, subject", "connection = ?", slug); err != nil {
		return err
	}
	return s.drainCounts(ctx, "realm = ? AND connection = ?", realm, slug)
}

// MaxStored is how much a provider may have remembered.
const MaxStored = 2 << 20

// Stored answers what Remember kept last, nil if nothing.
func (s *Connections) Stored(ctx context.Context, slug string) (b []byte, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		b = nil
		return q.All(ctx, "SELECT value FROM connection_stored WHERE slug = ?", []any{slug}, func(scan func(...any) error) error { return scan(&b) })
	})
	return engine.Bytes(b), err
}

// Remember keeps a provider's bytes for later. It neither raises the connection's version nor tells anybody.
func (s *Connections) Remember(ctx context.Context, slug string, b []byte) error {
	if len(b) > MaxStored {
		return fault.New(fault.TooLarge, "a provider may remember %d bytes, not %d", MaxStored, len(b))
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "INSERT INTO connection_stored (slug, at, value) VALUES (?, ?, ?) ON CONFLICT (slug) DO UPDATE SET at = excluded.at, value = excluded.value",
			slug, engine.Micro(s.db.Clock()), engine.Blob(b))
		if err != nil {
			return err
		}
		return s.found(ctx, t, slug, b)
	})
}
