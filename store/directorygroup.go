package store

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

type directoryGroupRow struct {
	Connection, ID, Realm, Name, NameKey, ExternalID string
	Stamp                                            stamp `gorm:"embedded"`
}

func directoryGroupRowOf(g *broker.DirectoryGroup) *directoryGroupRow {
	return &directoryGroupRow{
		Connection: g.Connection, ID: g.ID, Realm: g.Realm, Name: g.DisplayName, NameKey: broker.Fold(g.DisplayName), ExternalID: g.ExternalID, Stamp: stampOf(g.Meta),
	}
}

// CreateGroup stores a new group without members; broker.ErrExists if the directory has the name or the external ID.
func (s *Directories) CreateGroup(ctx context.Context, g *broker.DirectoryGroup) error {
	return s.write(ctx, &g.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&g.Meta)
		return insert(ctx, t, "scim_groups", directoryGroupRowOf(g))
	})
}

// UpdateGroup stores a group if g.Version is still the stored one, and raises it. A new name makes its members stale.
func (s *Directories) UpdateGroup(ctx context.Context, g *broker.DirectoryGroup) error {
	return s.write(ctx, &g.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&g.Meta)
		row := directoryGroupRowOf(g)
		_, err := t.Exec(ctx, `UPDATE scim_users SET stale = TRUE WHERE connection = ? AND id IN (
			SELECT m.user_id FROM scim_members m JOIN scim_groups g ON g.connection = m.connection AND g.id = m.group_id WHERE g.connection = ? AND g.id = ? AND g.name <> ?)`,
			g.Connection, g.Connection, g.ID, g.DisplayName)
		if err != nil {
			return err
		}
		return update(ctx, t, "scim_groups", was, map[string]any{
			"name": row.Name, "name_key": row.NameKey, "external_id": row.ExternalID, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "connection = ? AND id = ?", g.Connection, g.ID)
	})
}

// LockGroup keeps others from changing a group until the end of ctx's transaction, and answers it.
func (s *Directories) LockGroup(ctx context.Context, connection, id string) (g *broker.DirectoryGroup, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "UPDATE scim_groups SET name = name WHERE connection = ? AND id = ?", connection, id)
		if err == nil && n == 0 {
			err = broker.ErrNotFound
		}
		if err != nil {
			return err
		}
		g, err = s.Group(ctx, connection, id)
		return err
	})
	return g, err
}

// DeleteGroup removes a group; its members are stale then.
func (s *Directories) DeleteGroup(ctx context.Context, connection, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, "UPDATE scim_users SET stale = TRUE WHERE connection = ? AND id IN (SELECT user_id FROM scim_members WHERE connection = ? AND group_id = ?)", connection, connection, id); err != nil {
			return err
		}
		return remove(ctx, t, "DELETE FROM scim_groups WHERE connection = ? AND id = ?", connection, id)
	})
}

const directoryGroupColumns = `g.connection, g.id, g.realm, g.name, g.external_id, g.created_at, g.updated_at, g.version,
	(SELECT COUNT(*) FROM scim_members m WHERE m.connection = g.connection AND m.group_id = g.id)`

func (s *Directories) groups(ctx context.Context, rest string, args ...any) (out []*broker.DirectoryGroup, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT "+directoryGroupColumns+" FROM scim_groups g"+rest, args, func(scan func(...any) error) error {
			g, st := &broker.DirectoryGroup{}, stamp{}
			err := scan(&g.Connection, &g.ID, &g.Realm, &g.DisplayName, &g.ExternalID, &st.CreatedAt, &st.UpdatedAt, &st.Version, &g.Members)
			g.Meta = st.meta()
			out = append(out, g)
			return err
		})
	})
	return out, err
}

// Group finds a group of a directory.
func (s *Directories) Group(ctx context.Context, connection, id string) (*broker.DirectoryGroup, error) {
	found, err := s.groups(ctx, " WHERE g.connection = ? AND g.id = ?", connection, id)
	if err == nil && len(found) == 0 {
		err = broker.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// groupWhere is a query as conditions on scim_groups g.
func groupWhere(connection string, q broker.DirectoryQuery) (string, []any) {
	where, args := []string{"g.connection = ?"}, []any{connection}
	and := func(cond string, v any) { where, args = append(where, cond), append(args, v) }
	if q.ID != "" {
		and("g.id = ?", q.ID)
	}
	if q.ExternalID != "" {
		and("g.external_id = ?", q.ExternalID)
	}
	if q.DisplayName != "" {
		and("g.name_key = ?", broker.Fold(q.DisplayName))
	}
	if q.Member != "" {
		where, args = append(where, "g.id IN (SELECT m.group_id FROM scim_members m WHERE m.connection = ? AND m.user_id = ?)"), append(args, connection, q.Member)
	}
	return strings.Join(where, " AND "), args
}

// Groups gives a directory's groups by ID, limit of them after the first offset, and how many there are in all.
func (s *Directories) Groups(ctx context.Context, connection string, q broker.DirectoryQuery, offset, limit int) (out []*broker.DirectoryGroup, total int64, err error) {
	where, args := groupWhere(connection, q)
	total, err = s.count(ctx, "SELECT COUNT(*) FROM scim_groups g WHERE "+where, args...)
	if err != nil || limit == 0 || int64(offset) >= total {
		return nil, total, err
	}
	out, err = s.groups(ctx, " WHERE "+where+" ORDER BY g.id LIMIT ? OFFSET ?", append(args, int64(limit), int64(offset))...)
	return out, total, err
}

// GroupsAfter gives a directory's groups by ID, the first limit beyond an ID.
func (s *Directories) GroupsAfter(ctx context.Context, connection string, q broker.DirectoryQuery, after string, limit int) ([]*broker.DirectoryGroup, error) {
	where, args := groupWhere(connection, q)
	return s.groups(ctx, " WHERE "+where+" AND g.id > ? ORDER BY g.id LIMIT ?", append(args, after, int64(limit))...)
}

// GroupsOf gives the groups that a user of the directory is a member of, by name.
func (s *Directories) GroupsOf(ctx context.Context, connection, userID string) ([]*broker.DirectoryGroup, error) {
	return s.groups(ctx, " JOIN scim_members u ON u.connection = g.connection AND u.group_id = g.id WHERE u.connection = ? AND u.user_id = ? ORDER BY g.name, g.id LIMIT 1000", connection, userID)
}

// Members gives the members of a group by ID, the first limit beyond an ID.
func (s *Directories) Members(ctx context.Context, connection, group, after string, limit int) (out []broker.DirectoryMember, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT "+directoryUserColumns+" FROM scim_members m JOIN scim_users d ON d.connection = m.connection AND d.id = m.user_id WHERE m.connection = ? AND m.group_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?",
			[]any{connection, group, after, int64(limit)}, func(scan func(...any) error) error {
				var r directoryUserRow
				if err := scan(r.dest()...); err != nil {
					return err
				}
				u, err := r.user()
				if err != nil {
					return err
				}
				m := broker.DirectoryMember{ID: u.ID, Display: u.DisplayName}
				if m.Display == "" {
					m.Display = u.UserName
				}
				out = append(out, m)
				return nil
			})
	})
	return out, err
}

// AddMembers makes users members of a group and answers who was not one yet. A user whom the directory does not have is
// refused with fault.NotFound, which names it.
func (s *Directories) AddMembers(ctx context.Context, connection, group string, ids []string) (added []string, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		added = nil
		for _, id := range ids {
			n, err := t.Exec(ctx, "UPDATE scim_users SET stale = TRUE WHERE connection = ? AND id = ? AND NOT deleted AND NOT EXISTS (SELECT 1 FROM scim_members m WHERE m.connection = ? AND m.group_id = ? AND m.user_id = ?)",
				connection, id, connection, group, id)
			if err != nil {
				return err
			}
			if n == 0 {
				if _, err := s.User(ctx, connection, id); err != nil {
					return fault.Wrap(fault.NotFound, err, "%s", id)
				}
				continue
			}
			if _, err := t.Exec(ctx, "INSERT INTO scim_members (connection, group_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", connection, group, id); err != nil {
				return err
			}
			added = append(added, id)
		}
		return nil
	})
	return added, err
}

// RemoveMembers ends memberships and answers whose: those of the users named, or all for nil.
func (s *Directories) RemoveMembers(ctx context.Context, connection, group string, ids []string) (removed []string, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		removed = nil
		if ids == nil {
			ids = []string{}
			err := t.All(ctx, "SELECT user_id FROM scim_members WHERE connection = ? AND group_id = ?", []any{connection, group}, func(scan func(...any) error) error {
				var id string
				err := scan(&id)
				ids = append(ids, id)
				return err
			})
			if err != nil {
				return err
			}
		}
		for _, id := range ids {
			n, err := t.Exec(ctx, "DELETE FROM scim_members WHERE connection = ? AND group_id = ? AND user_id = ?", connection, group, id)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if _, err := t.Exec(ctx, "UPDATE scim_users SET stale = TRUE WHERE connection = ? AND id = ?", connection, id); err != nil {
				return err
			}
			removed = append(removed, id)
		}
		return nil
	})
	return removed, err
}

// Settle brings what a stale user's account has been given to what the user is a member of: give gets the user and the
// names of the groups, and what it changes is written in the same transaction. A user that is not stale is left alone.
func (s *Directories) Settle(ctx context.Context, connection, id string, give func(ctx context.Context, u *broker.DirectoryUser, groups []string) error) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		// The row stays locked until the end, so that two replicas that settle the same user do so one after the other.
		n, err := t.Exec(ctx, "UPDATE scim_users SET stale = FALSE WHERE connection = ? AND id = ? AND stale", connection, id)
		if err != nil || n == 0 {
			return err
		}
		u, err := s.oneUser(ctx, "d.connection = ? AND d.id = ?", connection, id)
		if err != nil {
			return err
		}
		groups, err := s.GroupsOf(ctx, connection, id)
		if err != nil {
			return err
		}
		names := []string{}
		for _, g := range groups {
			names = append(names, g.DisplayName)
		}
		if err := give(ctx, u, names); err != nil {
			return err
		}
		given, err := engine.Doc(names)
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "UPDATE scim_users SET given = ? WHERE connection = ? AND id = ?", given, connection, id)
		return err
	})
}

// Stale names users of any directory, as connection and ID, whose account may not have all of its groups yet.
func (s *Directories) Stale(ctx context.Context, limit int) (out [][2]string, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT connection, id FROM scim_users WHERE stale ORDER BY connection, id LIMIT ?", []any{int64(limit)}, func(scan func(...any) error) error {
			var at [2]string
			err := scan(&at[0], &at[1])
			out = append(out, at)
			return err
		})
	})
	return out, err
}
