package store

import (
	"context"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Groups keeps what is known of groups beside who is in them. A group that people are in need not have a row.
type Groups struct{ base }

type groupRow struct {
	Realm string
	Name  string
	Doc   string
	Stamp stamp `gorm:"embedded"`
}

func groupRowOf(g *broker.Group) (*groupRow, error) {
	doc, err := engine.Doc(g)
	return &groupRow{Realm: g.Realm, Name: g.Name, Doc: doc, Stamp: stampOf(g.Meta)}, err
}

func (r *groupRow) group() (*broker.Group, error) {
	g := &broker.Group{}
	err := engine.Undoc(r.Doc, g)
	g.Realm, g.Name, g.Meta = r.Realm, r.Name, r.Stamp.meta()
	return g, err
}

// Create stores a new group.
func (s *Groups) Create(ctx context.Context, g *broker.Group) error {
	return s.write(ctx, &g.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&g.Meta)
		row, err := groupRowOf(g)
		if err != nil {
			return err
		}
		return insert(ctx, t, "groups", row)
	})
}

// Get finds a group's row.
func (s *Groups) Get(ctx context.Context, realm, name string) (*broker.Group, error) {
	row, err := one[groupRow](ctx, s.base, "groups", "realm = ? AND name = ?", realm, name)
	if err != nil {
		return nil, err
	}
	return row.group()
}

// Update stores a group if g.Version is still the stored one, and raises it.
func (s *Groups) Update(ctx context.Context, g *broker.Group) error {
	return s.write(ctx, &g.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&g.Meta)
		row, err := groupRowOf(g)
		if err != nil {
			return err
		}
		return update(ctx, t, "groups", was, map[string]any{
			"doc": row.Doc, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "realm = ? AND name = ?", g.Realm, g.Name)
	})
}

// Delete removes a group's row, if it has one. Whoever is in the group stays in it.
func (s *Groups) Delete(ctx context.Context, realm, name string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "DELETE FROM groups WHERE realm = ? AND name = ?", realm, name)
		return err
	})
}

// ByHand gives up to n people who were put into a group by hand.
func (s *Groups) ByHand(ctx context.Context, realm, name string, n int) ([]*broker.User, error) {
	rows, err := (&Users{s.base}).rows(ctx, "SELECT "+userColumns+" FROM user_groups d JOIN users u ON u.realm = d.realm AND u.id = d.user_id"+
		" WHERE d.realm = ? AND d.name = ? AND d.manual ORDER BY d.user_id LIMIT ?", realm, name, int64(n))
	if err != nil {
		return nil, err
	}
	return things(rows, (*userRow).user)
}

// groupNames walks from name to name over user_groups, one look into its index for each, and joins the groups that have a
// row. The database merges the two: only it knows its order of names.
const groupNames = `WITH RECURSIVE n(name) AS (
  SELECT MIN(name) FROM user_groups WHERE realm = ? AND name > ?
  UNION ALL
  SELECT (SELECT MIN(g.name) FROM user_groups g WHERE g.realm = ? AND g.name > n.name) FROM n WHERE n.name IS NOT NULL
)
SELECT name FROM (SELECT name FROM n WHERE name IS NOT NULL LIMIT ?) a
UNION
SELECT name FROM (SELECT name FROM groups WHERE realm = ? AND name > ? ORDER BY name LIMIT ?) b
ORDER BY name LIMIT ?`

// List gives a realm's groups by name with how many people are in them, those without a row included.
func (s *Groups) List(ctx context.Context, realm string, p broker.Page) ([]*broker.GroupCount, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	from := ""
	if after != nil {
		from = after[0]
	}
	n := int64(p.Size() + 1)
	names, err := s.names(ctx, realm, from, n)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(names) > p.Size() {
		names = names[:p.Size()]
		next = engine.Cursor(names[len(names)-1])
	}
	out := make([]*broker.GroupCount, 0, len(names))
	for _, name := range names {
		g, err := s.Count(ctx, realm, name)
		if err != nil {
			return nil, "", err
		}
		out = append(out, g)
	}
	return out, next, nil
}

func (s *Groups) names(ctx context.Context, realm, from string, n int64) (names []string, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		names = nil
		return q.All(ctx, groupNames, []any{realm, from, realm, n, realm, from, n, n}, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		})
	})
	return names, err
}

// Count answers a group with how many people are in it; broker.ErrNotFound if it has neither row nor people.
func (s *Groups) Count(ctx context.Context, realm, name string) (*broker.GroupCount, error) {
	out := &broker.GroupCount{Group: broker.Group{Realm: realm, Name: name}}
	g, err := s.Get(ctx, realm, name)
	known := err == nil
	switch {
	case known:
		out.Group = *g
	case !engine.IsNotFound(err):
		return nil, err
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*), COUNT(CASE WHEN manual THEN 1 END) FROM user_groups WHERE realm = ? AND name = ?", []any{realm, name}, &out.Members, &out.ByHand)
	})
	if err == nil && !known && out.Members == 0 {
		err = broker.ErrNotFound
	}
	return out, err
}
