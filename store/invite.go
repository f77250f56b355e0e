package store

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Invites keeps invitations. The token of an invitation's link is never stored, only its hash.
type Invites struct{ base }

type inviteRow struct {
	ID, Realm, Email, Connection, TokenHash, Doc string
	MaxUses, Uses                                int64
	ExpiresAt, RevokedAt, SentAt, UsedAt         int64
	Stamp                                        stamp `gorm:"embedded"`
}

const inviteColumns = "id, realm, email, connection, token_hash, doc, max_uses, uses, expires_at, revoked_at, sent_at, used_at, created_at, updated_at, version"

func (r *inviteRow) dest() []any {
	return []any{&r.ID, &r.Realm, &r.Email, &r.Connection, &r.TokenHash, &r.Doc, &r.MaxUses, &r.Uses, &r.ExpiresAt, &r.RevokedAt, &r.SentAt, &r.UsedAt,
		&r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version}
}

func inviteRowOf(i *broker.Invite) (*inviteRow, error) {
	doc, err := engine.Doc(i)
	return &inviteRow{
		ID: i.ID, Realm: i.Realm, Email: i.Email, Connection: i.Connection, TokenHash: i.TokenHash, Doc: doc,
		MaxUses: int64(i.MaxUses), Uses: int64(i.Uses), ExpiresAt: engine.Micro(i.ExpiresAt), RevokedAt: engine.Micro(i.RevokedAt),
		SentAt: engine.Micro(i.SentAt), UsedAt: engine.Micro(i.UsedAt), Stamp: stampOf(i.Meta),
	}, err
}

func (r *inviteRow) invite() (*broker.Invite, error) {
	i := &broker.Invite{}
	err := engine.Undoc(r.Doc, i)
	i.ID, i.Realm, i.Email, i.Connection, i.TokenHash = r.ID, r.Realm, r.Email, r.Connection, r.TokenHash
	i.MaxUses, i.Uses = int(r.MaxUses), int(r.Uses)
	i.ExpiresAt, i.RevokedAt, i.SentAt, i.UsedAt = engine.Time(r.ExpiresAt), engine.Time(r.RevokedAt), engine.Time(r.SentAt), engine.Time(r.UsedAt)
	i.Meta = r.Stamp.meta()
	return i, err
}

// Create stores a new invitation.
func (s *Invites) Create(ctx context.Context, i *broker.Invite) error {
	return s.write(ctx, &i.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&i.Meta)
		row, err := inviteRowOf(i)
		if err != nil {
			return err
		}
		return insert(ctx, t, "invites", row)
	})
}

// Update stores an invitation if i.Version is still the stored one, and raises it. How often it was used stays what it
// is: only Use counts.
func (s *Invites) Update(ctx context.Context, i *broker.Invite) error {
	return s.write(ctx, &i.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&i.Meta)
		row, err := inviteRowOf(i)
		if err != nil {
			return err
		}
		return update(ctx, t, "invites", was, map[string]any{
			"email": row.Email, "connection": row.Connection, "token_hash": row.TokenHash, "doc": row.Doc, "max_uses": row.MaxUses,
			"expires_at": row.ExpiresAt, "revoked_at": row.RevokedAt, "sent_at": row.SentAt,
			"updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "realm = ? AND id = ?", i.Realm, i.ID)
	})
}

// Delete removes an invitation. Who came by it stays.
func (s *Invites) Delete(ctx context.Context, realm, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM invites WHERE realm = ? AND id = ?", realm, id)
	})
}

// Get finds an invitation of a realm.
func (s *Invites) Get(ctx context.Context, realm, id string) (*broker.Invite, error) {
	return s.row(ctx, "realm = ? AND id = ?", realm, id)
}

// ByToken finds an invitation by the hash of its link's token.
func (s *Invites) ByToken(ctx context.Context, hash string) (*broker.Invite, error) {
	if hash == "" {
		return nil, broker.ErrNotFound
	}
	return s.row(ctx, "token_hash = ?", hash)
}

const liveInvite = "revoked_at = 0 AND expires_at > ? AND uses < max_uses"

// For finds the oldest live invitation that is bound to an address and good for a connection; connection "" asks for any.
func (s *Invites) For(ctx context.Context, realm, email, connection string) (*broker.Invite, error) {
	if email == "" {
		return nil, broker.ErrNotFound
	}
	where, args := "realm = ? AND email = ? AND email <> '' AND "+liveInvite, []any{realm, email, engine.Micro(s.db.Clock())}
	if connection != "" {
		where, args = where+" AND connection IN ('', ?)", append(args, connection)
	}
	return s.row(ctx, where+" ORDER BY id LIMIT 1", args...)
}

func (s *Invites) row(ctx context.Context, where string, args ...any) (*broker.Invite, error) {
	var row inviteRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+inviteColumns+" FROM invites WHERE "+where, args, row.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return row.invite()
}

// Use counts that a person came by an invitation, if it is still live: broker.ErrConflict if it is not. A person who
// came by it before is not counted again. It decides between any number of people who want the last use at once.
func (s *Invites) Use(ctx context.Context, realm, id, userID string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		now := engine.Micro(s.db.Clock())
		n, err := t.Exec(ctx, "INSERT INTO invite_uses (invite, user_id, at) SELECT id, ?, ? FROM invites WHERE realm = ? AND id = ? ON CONFLICT DO NOTHING", userID, now, realm, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.cameBefore(ctx, t, realm, id, userID)
		}
		n, err = t.Exec(ctx, "UPDATE invites SET uses = uses + 1, used_at = ?, updated_at = ?, version = version + 1 WHERE realm = ? AND id = ? AND "+liveInvite,
			now, now, realm, id, now)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		return err
	})
}

// cameBefore tells a person who used the invitation already from one who names none of this realm.
func (s *Invites) cameBefore(ctx context.Context, q engine.Q, realm, id, userID string) error {
	var n int64
	err := q.Row(ctx, "SELECT COUNT(*) FROM invite_uses u JOIN invites i ON i.id = u.invite WHERE i.realm = ? AND i.id = ? AND u.user_id = ?", []any{realm, id, userID}, &n)
	if err == nil && n == 0 {
		err = broker.ErrNotFound
	}
	return err
}

// InviteUse is who came by an invitation.
type InviteUse struct {
	UserID string
	At     time.Time
}

// Uses lists who came by an invitation, the first 200.
func (s *Invites) Uses(ctx context.Context, realm, id string) (out []InviteUse, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT u.user_id, u.at FROM invite_uses u JOIN invites i ON i.id = u.invite WHERE i.realm = ? AND i.id = ? ORDER BY u.at, u.user_id LIMIT 200",
			[]any{realm, id}, func(scan func(...any) error) error {
				var v InviteUse
				var at int64
				err := scan(&v.UserID, &at)
				v.At = engine.Time(at)
				out = append(out, v)
				return err
			})
	})
	return out, err
}

// inviteStates are what a list can be narrowed to, as conditions that take the present.
func inviteState(state string) (where string, now bool) {
	switch state {
	case broker.InviteLive:
		return liveInvite, true
	case broker.InviteUsed:
		return "revoked_at = 0 AND uses >= max_uses", false
	case broker.InviteExpired:
		return "revoked_at = 0 AND uses < max_uses AND expires_at <= ?", true
	case broker.InviteRevoked:
		return "revoked_at > 0", false
	}
	return "", false
}

// List gives a realm's invitations, the newest first: all, or those in a state; Query is the beginning of an address.
func (s *Invites) List(ctx context.Context, realm, state string, p broker.Page) ([]*broker.Invite, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "realm = ?", []any{realm}
	if cond, now := inviteState(state); cond != "" {
		where += " AND " + cond
		if now {
			args = append(args, engine.Micro(s.db.Clock()))
		}
	}
	if p.Query != "" {
		where, args = where+" AND email LIKE ? ESCAPE '!'", append(args, engine.Like(folded(p.Query))+"%")
	}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	var rows []inviteRow
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+inviteColumns+" FROM invites WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			var r inviteRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > p.Size() {
		rows = rows[:p.Size()]
		next = engine.Cursor(rows[len(rows)-1].ID)
	}
	out, err := things(rows, (*inviteRow).invite)
	return out, next, err
}
