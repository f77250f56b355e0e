package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

type operatorSessionRow struct {
	ID, OperatorID, Way, RemoteIP, UserAgent  string
	CreatedAt, LastSeenAt, FreshAt, IdleUntil int64
	ExpiresAt                                 int64
	EndsAt                                    int64
}

func operatorSessionRowOf(v *broker.OperatorSession) *operatorSessionRow {
	r := &operatorSessionRow{
		ID: v.ID, OperatorID: v.OperatorID, Way: v.Way, RemoteIP: v.RemoteIP, UserAgent: engine.Text(v.UserAgent, 512),
		CreatedAt: engine.Micro(v.CreatedAt), LastSeenAt: engine.Micro(v.LastSeenAt), FreshAt: engine.Micro(v.FreshAt),
		IdleUntil: engine.Micro(v.IdleUntil), ExpiresAt: engine.Micro(v.ExpiresAt),
	}
	r.EndsAt = min(r.IdleUntil, r.ExpiresAt)
	return r
}

func (r *operatorSessionRow) session() (*broker.OperatorSession, error) {
	return &broker.OperatorSession{
		ID: r.ID, OperatorID: r.OperatorID, Way: r.Way, RemoteIP: r.RemoteIP, UserAgent: r.UserAgent,
		CreatedAt: engine.Time(r.CreatedAt), LastSeenAt: engine.Time(r.LastSeenAt), FreshAt: engine.Time(r.FreshAt),
		IdleUntil: engine.Time(r.IdleUntil), ExpiresAt: engine.Time(r.ExpiresAt),
	}, nil
}

// CreateSession stores a new session and notes that the operator was seen.
func (s *Operators) CreateSession(ctx context.Context, v *broker.OperatorSession) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if err := insert(ctx, t, "operator_sessions", operatorSessionRowOf(v)); err != nil {
			return err
		}
		return seen(ctx, t, v.OperatorID, v.LastSeenAt)
	})
}

func seen(ctx context.Context, q engine.Q, operatorID string, at time.Time) error {
	_, err := q.Exec(ctx, "UPDATE operators SET last_seen_at = ? WHERE id = ? AND last_seen_at < ?", engine.Micro(at), operatorID, engine.Micro(at))
	return err
}

// Session finds a session, living or not, and its operator.
func (s *Operators) Session(ctx context.Context, id string) (*broker.OperatorSession, *broker.Operator, error) {
	row, err := one[operatorSessionRow](ctx, s.base, "operator_sessions", "id = ?", id)
	if err != nil {
		return nil, nil, err
	}
	o, err := s.Get(ctx, row.OperatorID)
	if err != nil {
		return nil, nil, err
	}
	v, err := row.session()
	return v, o, err
}

// Sessions gives an operator's sessions, the newest first.
func (s *Operators) Sessions(ctx context.Context, operatorID string) ([]*broker.OperatorSession, error) {
	rows, err := find[operatorSessionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("operator_sessions").Where("operator_id = ?", operatorID).Order("created_at DESC").Order("id").Limit(100)
	})
	if err != nil {
		return nil, err
	}
	return things(rows, (*operatorSessionRow).session)
}

// TouchSession notes a use.
func (s *Operators) TouchSession(ctx context.Context, v *broker.OperatorSession) error {
	r := operatorSessionRowOf(v)
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, "UPDATE operator_sessions SET last_seen_at = ?, idle_until = ?, ends_at = ? WHERE id = ? AND last_seen_at < ?", r.LastSeenAt, r.IdleUntil, r.EndsAt, r.ID, r.LastSeenAt); err != nil {
			return err
		}
		return seen(ctx, t, v.OperatorID, v.LastSeenAt)
	})
}

// EndSession signs one browser of an operator out.
func (s *Operators) EndSession(ctx context.Context, operatorID, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM operator_sessions WHERE id = ? AND operator_id = ?", id, operatorID)
	})
}

// EndSessions signs all browsers of an operator out but the one of session except.
func (s *Operators) EndSessions(ctx context.Context, operatorID, except string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "DELETE FROM operator_sessions WHERE operator_id = ? AND id <> ?", operatorID, except)
		return err
	})
}

// PutLink keeps a link; an operator's earlier one becomes worthless.
func (s *Operators) PutLink(ctx context.Context, l broker.OperatorLink) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		var owner any
		if l.OperatorID != "" {
			owner = l.OperatorID
			if err := s.dropLinks(ctx, t, l.OperatorID); err != nil {
				return err
			}
		}
		_, err := t.Exec(ctx, "INSERT INTO operator_links (id, operator_id, expires_at) VALUES (?, ?, ?)", l.Hash, owner, engine.Micro(l.ExpiresAt))
		return err
	})
}

// Link finds a link that is still good.
func (s *Operators) Link(ctx context.Context, hash string) (*broker.OperatorLink, error) {
	return s.link(ctx, "id = ? AND expires_at > ?", hash, engine.Micro(s.db.Clock()))
}

// LinkOf finds an operator's link that is still good.
func (s *Operators) LinkOf(ctx context.Context, operatorID string) (*broker.OperatorLink, error) {
	return s.link(ctx, "operator_id = ? AND expires_at > ?", operatorID, engine.Micro(s.db.Clock()))
}

func (s *Operators) link(ctx context.Context, where string, args ...any) (*broker.OperatorLink, error) {
	var l broker.OperatorLink
	var expires int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT id, COALESCE(operator_id, ''), expires_at FROM operator_links WHERE "+where, args, &l.Hash, &l.OperatorID, &expires)
	})
	if err != nil {
		return nil, err
	}
	l.ExpiresAt = engine.Time(expires)
	return &l, nil
}

// TakeLink uses a link up, once: ErrNotFound for the second. With the first owner's all links of that kind go.
func (s *Operators) TakeLink(ctx context.Context, l *broker.OperatorLink) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if l.OperatorID != "" {
			return remove(ctx, t, "DELETE FROM operator_links WHERE id = ? AND operator_id = ?", l.Hash, l.OperatorID)
		}
		return remove(ctx, t, "DELETE FROM operator_links WHERE operator_id IS NULL")
	})
}

// DropLinks makes an operator's link worthless.
func (s *Operators) DropLinks(ctx context.Context, operatorID string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error { return s.dropLinks(ctx, t, operatorID) })
}

func (s *Operators) dropLinks(ctx context.Context, t *engine.Txn, operatorID string) error {
	_, err := t.Exec(ctx, "DELETE FROM operator_links WHERE operator_id = ?", operatorID)
	return err
}
