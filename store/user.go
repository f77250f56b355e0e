package store

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Users keeps the people of the realms.
type Users struct{ base }

type userRow struct {
	ID          string
	Realm       string
	Email       string
	Doc         string
	Standing    string
	Excluded    bool
	LastLoginAt int64
	Stamp       stamp    `gorm:"embedded"`
	Keys        userKeys `gorm:"embedded"`
}

func userRowOf(u *broker.User) (*userRow, error) {
	doc, err := engine.Doc(u)
	return &userRow{
		ID: u.ID, Realm: u.Realm, Email: u.Email, Doc: doc, Standing: standing(u), Excluded: u.Excluded, LastLoginAt: engine.Micro(u.LastLoginAt),
		Stamp: stampOf(u.Meta), Keys: userKeysOf(u),
	}, err
}

func (r *userRow) user() (*broker.User, error) {
	u := &broker.User{}
	err := engine.Undoc(r.Doc, u)
	u.ID, u.Realm, u.Email, u.LastLoginAt, u.Meta = r.ID, r.Realm, r.Email, engine.Time(r.LastLoginAt), r.Stamp.meta()
	u.Defaults()
	return u, err
}

// Get finds a user of a realm.
func (s *Users) Get(ctx context.Context, realm, id string) (*broker.User, error) {
	return s.row(ctx, "realm = ? AND id = ?", realm, id)
}

// ByEmail finds a user of a realm by the address's normal form.
func (s *Users) ByEmail(ctx context.Context, realm, email string) (*broker.User, error) {
	if email == "" {
		return nil, broker.ErrNotFound
	}
	return s.row(ctx, "realm = ? AND email = ?", realm, email)
}

// userColumns are userRow's, in the order of scanUser.
const userColumns = "u.id, u.realm, u.email, u.doc, u.last_login_at, u.created_at, u.updated_at, u.version"

func (r *userRow) dest() []any {
	return []any{&r.ID, &r.Realm, &r.Email, &r.Doc, &r.LastLoginAt, &r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version}
}

func (s *Users) row(ctx context.Context, where string, args ...any) (*broker.User, error) {
	var row userRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+userColumns+" FROM users u WHERE "+where, args, row.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return row.user()
}

// Create stores a new user; ErrExists if the realm has the address already.
func (s *Users) Create(ctx context.Context, u *broker.User) error {
	return s.write(ctx, &u.Meta, func(ctx context.Context, t *engine.Txn) error { return s.insert(ctx, t, u) })
}

func (s *Users) insert(ctx context.Context, t *engine.Txn, u *broker.User) error {
	s.born(&u.Meta)
	u.Defaults()
	row, err := userRowOf(u)
	if err != nil {
		return err
	}
	if err := insert(ctx, t, "users", row); err != nil {
		return err
	}
	return setGroups(ctx, t, u)
}

// Update stores a user if u.Version is still the stored one, and raises it. It leaves the last login as it is.
func (s *Users) Update(ctx context.Context, u *broker.User) error {
	return s.write(ctx, &u.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&u.Meta)
		u.Defaults()
		row, err := userRowOf(u)
		if err != nil {
			return err
		}
		err = update(ctx, t, "users", was, map[string]any{
			"email": row.Email, "doc": row.Doc, "standing": row.Standing, "excluded": row.Excluded, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
			"email_key": row.Keys.EmailKey, "like_address": row.Keys.LikeAddress, "like_name": row.Keys.LikeName,
		}, "realm = ? AND id = ?", u.Realm, u.ID)
		if err != nil {
			return err
		}
		return setGroups(ctx, t, u)
	})
}

// Touch notes a sign-in. It raises no version; a later one is never overwritten by an earlier.
func (s *Users) Touch(ctx context.Context, realm, id string, at time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n := engine.Micro(at)
		_, err := q.Exec(ctx, "UPDATE users SET last_login_at = ? WHERE realm = ? AND id = ? AND last_login_at < ?", n, realm, id, n)
		return err
	})
}

// Delete removes a user with links, sessions and grants.
func (s *Users) Delete(ctx context.Context, realm, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if err := remove(ctx, t, "DELETE FROM users WHERE realm = ? AND id = ?", realm, id); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "DELETE FROM grants WHERE user_id = ?", id); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "DELETE FROM sessions WHERE user_id = ? AND home_realm = ?", id, realm)
		return err
	})
}

// List gives a realm's users by address; Query is the beginning of one.
func (s *Users) List(ctx context.Context, realm string, p broker.Page) ([]*broker.User, string, error) {
	return s.Find(ctx, realm, broker.UserFilter{}, p)
}
