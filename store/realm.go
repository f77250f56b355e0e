package store

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Realms keeps the tenants.
type Realms struct{ base }

type realmRow struct {
	Name      string
	Search    string
	Operators bool
	Doc       string
	Stamp     stamp `gorm:"embedded"`
}

func realmRowOf(r *broker.Realm) (*realmRow, error) {
	doc, err := engine.Doc(r)
	return &realmRow{Name: r.Name, Search: searchText(r.Name, r.DisplayName), Operators: r.Operators, Doc: doc, Stamp: stampOf(r.Meta)}, err
}

func (r *realmRow) realm() (*broker.Realm, error) {
	out := &broker.Realm{}
	err := engine.Undoc(r.Doc, out)
	out.Name, out.Meta = r.Name, r.Stamp.meta()
	return out, err
}

// searchText is what a list's search looks through.
func searchText(parts ...string) string { return folded(strings.Join(parts, "\n")) }

func folded(s string) string { return strings.ToLower(s) }

// Get finds a realm by name.
func (s *Realms) Get(ctx context.Context, name string) (*broker.Realm, error) {
	row, err := one[realmRow](ctx, s.base, "realms", "name = ?", name)
	if err != nil {
		return nil, err
	}
	return row.realm()
}

// Create stores a new realm.
func (s *Realms) Create(ctx context.Context, r *broker.Realm) error {
	return s.write(ctx, &r.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&r.Meta)
		row, err := realmRowOf(r)
		if err != nil {
			return err
		}
		t.Changed("realm", r.Name, r.Name)
		return insert(ctx, t, "realms", row)
	})
}

// Update stores a realm if r.Version is still the stored one, and raises it.
func (s *Realms) Update(ctx context.Context, r *broker.Realm) error {
	return s.write(ctx, &r.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&r.Meta)
		row, err := realmRowOf(r)
		if err != nil {
			return err
		}
		t.Changed("realm", r.Name, r.Name)
		return update(ctx, t, "realms", was, map[string]any{
			"search": row.Search, "operators": row.Operators, "doc": row.Doc, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "name = ?", r.Name)
	})
}

// Delete removes a realm with all that is in it; the ledger keeps its lines. What may be many goes first and in small
// batches, so a deletion that was interrupted leaves the realm to be deleted again, and never anything of it to a later
// realm of the same name.
func (s *Realms) Delete(ctx context.Context, name string) error {
	if _, err := s.Get(ctx, name); err != nil {
		return err
	}
	if err := s.drainRealm(ctx, name); err != nil {
		return err
	}
	if err := s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error { return s.erase(ctx, t, name) }); err != nil {
		return err
	}
	return s.drainRealm(ctx, name) // what signed in meanwhile
}

func (s *Realms) drainRealm(ctx context.Context, name string) error {
	for _, table := range []struct{ name, key, where string }{
		{"grants", "id", "realm = ?"},
		{"grants", "id", "home_realm = ?"}, // below a hub
		{"sessions", "id", "realm = ?"},
		{"sessions", "id", "home_realm = ?"},
		{"links", "connection, subject", "realm = ?"},
		{"users", "id", "realm = ?"},
		{"deliveries", "webhook, event", "webhook IN (SELECT id FROM webhooks WHERE realm = ?)"},
	} {
		if err := s.drain(ctx, table.name, table.key, table.where, name); err != nil {
			return err
		}
	}
	if err := s.drain(ctx, "traces", "id", "realm = ?", name); err != nil {
		return err
	}
	return s.drainCounts(ctx, "realm = ?", name)
}

// erase deletes the realm's row; the rest follows by foreign keys. Caches are told of each object.
func (s *Realms) erase(ctx context.Context, t *engine.Txn, name string) error {
	for _, kind := range []struct{ kind, query string }{
		{"connection", "SELECT slug FROM connections WHERE realm = ?"},
		{"client", "SELECT client_id FROM clients WHERE realm = ?"},
		{"domain", "SELECT domain FROM domains WHERE realm = ?"},
	} {
		err := t.All(ctx, kind.query, []any{name}, func(scan func(...any) error) error {
			var key string
			err := scan(&key)
			t.Changed(kind.kind, name, key)
			return err
		})
		if err != nil {
			return err
		}
	}
	if _, err := t.Exec(ctx, "DELETE FROM key_pairs WHERE owner = ? OR owner IN (SELECT 'connection:' || slug FROM connections WHERE realm = ?)", "realm:"+name, name); err != nil {
		return err
	}
	t.Changed("key", name, "realm:"+name)
	t.Changed("realm", name, name)
	return remove(ctx, t, "DELETE FROM realms WHERE name = ?", name)
}

// List gives realms by name.
func (s *Realms) List(ctx context.Context, p broker.Page) ([]*broker.Realm, string, error) {
	return list(ctx, s.base, p, []string{"name"}, func(r *realmRow) []string { return []string{r.Name} },
		func(g *gorm.DB) *gorm.DB { return matching(g.Table("realms"), p) }, (*realmRow).realm)
}
