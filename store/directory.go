package store

import (
	"context"
	"encoding/json"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Directories keeps what customers' directories push to us: their users, groups and memberships, each directory that of
// one connection.
type Directories struct{ base }

type directoryUserRow struct {
	Connection, ID, Realm, UserID, NameKey, DisplayKey, ExternalID, Email string
	Active, Deleted, Stale                                                bool
	Doc, Given, Resource                                                  string
	Stamp                                                                 stamp `gorm:"embedded"`
}

const directoryUserColumns = "d.connection, d.id, d.realm, d.user_id, d.external_id, d.email, d.active, d.deleted, d.stale, d.doc, d.given, d.resource, d.created_at, d.updated_at, d.version"

func (r *directoryUserRow) dest() []any {
	return []any{
		&r.Connection, &r.ID, &r.Realm, &r.UserID, &r.ExternalID, &r.Email, &r.Active, &r.Deleted, &r.Stale, &r.Doc, &r.Given, &r.Resource,
		&r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version,
	}
}

func directoryUserRowOf(u *broker.DirectoryUser) (*directoryUserRow, error) {
	doc, err := engine.Doc(u)
	if err != nil {
		return nil, err
	}
	given, err := engine.Doc(u.Given)
	return &directoryUserRow{
		Connection: u.Connection, ID: u.ID, Realm: u.Realm, UserID: u.UserID, NameKey: broker.Fold(u.UserName), DisplayKey: broker.Fold(u.DisplayName),
		ExternalID: u.ExternalID, Email: u.Email, Active: u.Active, Deleted: u.Deleted, Stale: u.Stale,
		Doc: doc, Given: given, Resource: string(u.Resource), Stamp: stampOf(u.Meta),
	}, err
}

func (r *directoryUserRow) user() (*broker.DirectoryUser, error) {
	u := &broker.DirectoryUser{}
	if err := engine.Undoc(r.Doc, u); err != nil {
		return nil, err
	}
	u.Given = nil
	err := engine.Undoc(r.Given, &u.Given)
	u.Connection, u.ID, u.Realm, u.UserID, u.ExternalID, u.Email = r.Connection, r.ID, r.Realm, r.UserID, r.ExternalID, r.Email
	u.Active, u.Deleted, u.Stale, u.Resource, u.Meta = r.Active, r.Deleted, r.Stale, json.RawMessage(r.Resource), r.Stamp.meta()
	return u, err
}

// CreateUser stores a new user; broker.ErrExists if the directory has the user name, the external ID or the person. What
// the directory had deleted of this person gives way.
func (s *Directories) CreateUser(ctx context.Context, u *broker.DirectoryUser) error {
	return s.write(ctx, &u.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&u.Meta)
		row, err := directoryUserRowOf(u)
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "DELETE FROM scim_users WHERE connection = ? AND user_id = ? AND deleted", u.Connection, u.UserID); err != nil {
			return err
		}
		if err := insert(ctx, t, "scim_users", row); err != nil {
			return err
		}
		return setEmails(ctx, t, u)
	})
}

// UpdateUser stores a user if u.Version is still the stored one, and raises it. It leaves Given and Stale as they are:
// SetGiven and the memberships write them.
func (s *Directories) UpdateUser(ctx context.Context, u *broker.DirectoryUser) error {
	return s.write(ctx, &u.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&u.Meta)
		row, err := directoryUserRowOf(u)
		if err != nil {
			return err
		}
		err = update(ctx, t, "scim_users", was, map[string]any{
			"name_key": row.NameKey, "display_key": row.DisplayKey, "external_id": row.ExternalID, "email": row.Email, "active": row.Active, "deleted": row.Deleted,
			"doc": row.Doc, "resource": row.Resource, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "connection = ? AND id = ?", u.Connection, u.ID)
		if err != nil {
			return err
		}
		if u.Deleted {
			if _, err := t.Exec(ctx, "DELETE FROM scim_members WHERE connection = ? AND user_id = ?", u.Connection, u.ID); err != nil {
				return err
			}
		}
		return setEmails(ctx, t, u)
	})
}

// setEmails writes the side table that filters on addresses look in.
func setEmails(ctx context.Context, t *engine.Txn, u *broker.DirectoryUser) error {
	if _, err := t.Exec(ctx, "DELETE FROM scim_emails WHERE connection = ? AND id = ?", u.Connection, u.ID); err != nil || u.Deleted {
		return err
	}
	for _, e := range u.Emails {
		if _, err := t.Exec(ctx, "INSERT INTO scim_emails (connection, email_key, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", u.Connection, broker.Fold(e), u.ID); err != nil {
			return err
		}
	}
	return nil
}

// User finds a user of a directory; one that was deleted is not found.
func (s *Directories) User(ctx context.Context, connection, id string) (*broker.DirectoryUser, error) {
	return s.oneUser(ctx, "d.connection = ? AND d.id = ? AND NOT d.deleted", connection, id)
}

// ByExternalID finds a user by the directory's own ID.
func (s *Directories) ByExternalID(ctx context.Context, connection, id string) (*broker.DirectoryUser, error) {
	if id == "" {
		return nil, broker.ErrNotFound
	}
	return s.oneUser(ctx, "d.connection = ? AND d.external_id = ? AND NOT d.deleted", connection, id)
}

func (s *Directories) oneUser(ctx context.Context, where string, args ...any) (*broker.DirectoryUser, error) {
	found, err := s.users(ctx, " WHERE "+where+" LIMIT 1", args...)
	if err == nil && len(found) == 0 {
		err = broker.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// OfPerson gives what directories say of a person of a realm, deleted resources too.
func (s *Directories) OfPerson(ctx context.Context, realm, userID string) ([]*broker.DirectoryUser, error) {
	return s.users(ctx, " WHERE d.realm = ? AND d.user_id = ? ORDER BY d.connection, d.id LIMIT 200", realm, userID)
}

func (s *Directories) users(ctx context.Context, rest string, args ...any) ([]*broker.DirectoryUser, error) {
	var rows []directoryUserRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+directoryUserColumns+" FROM scim_users d"+rest, args, func(scan func(...any) error) error {
			var r directoryUserRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return things(rows, (*directoryUserRow).user)
}

// userWhere is a query as conditions on scim_users d. Each of them is led by an index of its own.
func userWhere(connection string, q broker.DirectoryQuery) (string, []any) {
	where, args := []string{"d.connection = ?", "NOT d.deleted"}, []any{connection}
	and := func(cond string, v any) { where, args = append(where, cond), append(args, v) }
	if q.ID != "" {
		and("d.id = ?", q.ID)
	}
	if q.UserName != "" {
		and("d.name_key = ?", broker.Fold(q.UserName))
	}
	if q.ExternalID != "" {
		and("d.external_id = ?", q.ExternalID)
	}
	if q.DisplayName != "" {
		and("d.display_key = ?", broker.Fold(q.DisplayName))
	}
	if q.Email != "" {
		where, args = append(where, "d.id IN (SELECT e.id FROM scim_emails e WHERE e.connection = ? AND e.email_key = ?)"), append(args, connection, broker.Fold(q.Email))
	}
	if q.Active != nil {
		and("d.active = ?", *q.Active)
	}
	return strings.Join(where, " AND "), args
}

// Users gives a directory's users by ID, limit of them after the first offset, and how many there are in all.
func (s *Directories) Users(ctx context.Context, connection string, q broker.DirectoryQuery, offset, limit int) (out []*broker.DirectoryUser, total int64, err error) {
	where, args := userWhere(connection, q)
	total, err = s.count(ctx, "SELECT COUNT(*) FROM scim_users d WHERE "+where, args...)
	if err != nil || limit == 0 || int64(offset) >= total {
		return nil, total, err
	}
	out, err = s.users(ctx, " WHERE "+where+" ORDER BY d.id LIMIT ? OFFSET ?", append(args, int64(limit), int64(offset))...)
	return out, total, err
}

// UsersAfter gives a directory's users by ID, the first limit beyond an ID.
func (s *Directories) UsersAfter(ctx context.Context, connection string, q broker.DirectoryQuery, after string, limit int) ([]*broker.DirectoryUser, error) {
	where, args := userWhere(connection, q)
	return s.users(ctx, " WHERE "+where+" AND d.id > ? ORDER BY d.id LIMIT ?", append(args, after, int64(limit))...)
}

func (s *Directories) count(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error { return q.Row(ctx, query, args, &n) })
	return n, err
}

// Standing is what a connection's directory says of a person, the accounts that were merged into theirs included: known
// to it, and active if any of its resources is.
func (s *Directories) Standing(ctx context.Context, connection, userID string) (broker.DirectoryStanding, error) {
	var out broker.DirectoryStanding
	var ids []string
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out, ids = broker.DirectoryStanding{}, nil
		return q.All(ctx, `WITH RECURSIVE person(id) AS (
				SELECT CAST(? AS TEXT) UNION SELECT m.from_id FROM merges m JOIN person p ON m.into_id = p.id WHERE m.undone_at = 0
			) SELECT d.id, d.external_id, d.active, d.deleted FROM scim_users d JOIN person p ON d.user_id = p.id WHERE d.connection = ? ORDER BY d.deleted, d.id`,
			[]any{userID, connection}, func(scan func(...any) error) error {
				var id, external string
				var active, deleted bool
				err := scan(&id, &external, &active, &deleted)
				out.Known, out.Active = true, out.Active || active && !deleted
				if !deleted {
					ids = append(ids, id)
				}
				if external != "" {
					out.ExternalIDs = append(out.ExternalIDs, external)
				}
				return err
			})
	})
	if err != nil || !out.Active {
		return out, err
	}
	for _, id := range ids {
		groups, err := s.GroupsOf(ctx, connection, id)
		if err != nil {
			return out, err
		}
		for _, g := range groups {
			out.Groups = append(out.Groups, g.DisplayName)
		}
	}
	return out, nil
}
