package store

import (
	"context"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/ledger"
)

// Merges keeps which accounts became a part of others, and what it takes to undo that.
type Merges struct{ base }

const mergeColumns = "doc, id, realm, from_id, into_id, undone_at"

func scanMerge(scan func(...any) error) (*broker.Merge, error) {
	m, doc := &broker.Merge{}, ""
	var id, realm, from, into string
	var undone int64
	if err := scan(&doc, &id, &realm, &from, &into, &undone); err != nil {
		return nil, err
	}
	err := engine.Undoc(doc, m)
	m.ID, m.Realm, m.From, m.Into, m.UndoneAt = id, realm, from, into, engine.Time(undone)
	return m, err
}

// Create stores a new merge and gives it its ID; broker.ErrExists if From is a part of another account already.
func (s *Merges) Create(ctx context.Context, m *broker.Merge) error {
	m.ID = ledger.NewID(m.At)
	doc, err := engine.Doc(m)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "INSERT INTO merges (id, realm, from_id, into_id, undone_at, doc) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			m.ID, m.Realm, m.From, m.Into, engine.Micro(m.UndoneAt), doc)
		if err == nil && n == 0 {
			err = broker.ErrExists
		}
		return err
	})
}

// Update stores what a merge gave and when it was undone; broker.ErrConflict if it has been undone in the meantime.
func (s *Merges) Update(ctx context.Context, m *broker.Merge) error {
	doc, err := engine.Doc(m)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "UPDATE merges SET doc = ?, undone_at = ? WHERE id = ? AND realm = ? AND undone_at = 0", doc, engine.Micro(m.UndoneAt), m.ID, m.Realm)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		return err
	})
}

// Get finds a merge of a realm.
func (s *Merges) Get(ctx context.Context, realm, id string) (*broker.Merge, error) {
	found, err := s.all(ctx, "realm = ? AND id = ?", realm, id)
	if err == nil && len(found) == 0 {
		err = broker.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Of gives the merges that an account took part in, undone ones too, the newest first.
func (s *Merges) Of(ctx context.Context, realm, userID string) ([]*broker.Merge, error) {
	return s.all(ctx, "realm = ? AND (from_id = ? OR into_id = ?) ORDER BY id DESC LIMIT 200", realm, userID, userID)
}

// Into gives the accounts that are a part of this one.
func (s *Merges) Into(ctx context.Context, realm, userID string) ([]*broker.Merge, error) {
	return s.all(ctx, "realm = ? AND into_id = ? AND undone_at = 0 ORDER BY id LIMIT 200", realm, userID)
}

// List gives a realm's merges, the newest first.
func (s *Merges) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Merge, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "realm = ?", []any{realm}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	out, err := s.all(ctx, where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1))...)
	if err != nil || len(out) <= p.Size() {
		return out, "", err
	}
	out = out[:p.Size()]
	return out, engine.Cursor(out[len(out)-1].ID), nil
}

func (s *Merges) all(ctx context.Context, where string, args ...any) (out []*broker.Merge, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT "+mergeColumns+" FROM merges WHERE "+where, args, func(scan func(...any) error) error {
			m, err := scanMerge(scan)
			out = append(out, m)
			return err
		})
	})
	return out, err
}

// Forget deletes what is known of merges that an account took part in, for a person who is to be erased.
func (s *Merges) Forget(ctx context.Context, realm, userID string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "DELETE FROM merges WHERE realm = ? AND (from_id = ? OR into_id = ?)", realm, userID, userID)
		return err
	})
}

// Get finds a link of a realm.
func (s *Links) Get(ctx context.Context, realm, connection, subject string) (*broker.Link, error) {
	var r linkRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+linkColumns+" FROM links l WHERE l.connection = ? AND l.subject = ? AND l.realm = ?", []any{connection, subject, realm}, r.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return r.link(), nil
}

// Move ties all that is tied to one user of a realm to another, and answers what that was.
func (s *Links) Move(ctx context.Context, realm, from, into string) (moved []broker.Link, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		moved = nil
		return t.All(ctx, "UPDATE links SET user_id = ? WHERE realm = ? AND user_id = ? RETURNING connection, subject, realm, user_id, mutable, last_used_at, created_at",
			[]any{into, realm, from}, func(scan func(...any) error) error {
				var r linkRow
				err := scan(r.dest()...)
				l := r.link()
				l.UserID = from
				moved = append(moved, *l)
				return err
			})
	})
	return moved, err
}

// MoveBack ties links to the user they had, as far as they are still tied to the one they were moved to, and answers how
// many those were.
func (s *Links) MoveBack(ctx context.Context, links []broker.Link, from string) (n int64, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n = 0
		for _, l := range links {
			moved, err := t.Exec(ctx, "UPDATE links SET user_id = ? WHERE realm = ? AND connection = ? AND subject = ? AND user_id = ?", l.UserID, l.Realm, l.Connection, l.Subject, from)
			if err != nil {
				return err
			}
			n += moved
		}
		return nil
	})
	return n, err
}

// Readdress binds the live invitations of one address of a realm to another, and answers which those were.
func (s *Invites) Readdress(ctx context.Context, realm, from, to string) (ids []string, err error) {
	if from == "" || to == "" || from == to {
		return nil, nil
	}
	now := engine.Micro(s.db.Clock())
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		ids = nil
		return t.All(ctx, "UPDATE invites SET email = ?, updated_at = ?, version = version + 1 WHERE realm = ? AND email = ? AND email <> '' AND "+liveInvite+" RETURNING id",
			[]any{to, now, realm, from, now}, func(scan func(...any) error) error {
				var id string
				err := scan(&id)
				ids = append(ids, id)
				return err
			})
	})
	return ids, err
}

// ReaddressBack gives invitations the address they had, as far as they have still the one that Readdress gave them.
func (s *Invites) ReaddressBack(ctx context.Context, realm string, ids []string, was, is string) error {
	now := engine.Micro(s.db.Clock())
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		for _, id := range ids {
			if _, err := t.Exec(ctx, "UPDATE invites SET email = ?, updated_at = ?, version = version + 1 WHERE realm = ? AND id = ? AND email = ?", was, now, realm, id, is); err != nil {
				return err
			}
		}
		return nil
	})
}

// OfPerson gives the invitations that name an address or that a person came by.
func (s *Invites) OfPerson(ctx context.Context, realm, email, userID string) (out []*broker.Invite, err error) {
	var rows []inviteRow
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+inviteColumns+" FROM invites WHERE realm = ? AND (email <> '' AND email = ? OR id IN (SELECT invite FROM invite_uses WHERE user_id = ?)) ORDER BY id LIMIT 1000",
			[]any{realm, email, userID}, func(scan func(...any) error) error {
				var r inviteRow
				err := scan(r.dest()...)
				rows = append(rows, r)
				return err
			})
	})
	if err != nil {
		return nil, err
	}
	return things(rows, (*inviteRow).invite)
}

// Forget deletes the invitations that name an address, for a person who is to be erased.
func (s *Invites) Forget(ctx context.Context, realm, email string) error {
	if email == "" {
		return nil
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "DELETE FROM invites WHERE realm = ? AND email = ? AND email <> ''", realm, email)
		return err
	})
}
