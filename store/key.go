package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Keys keeps our own key pairs, private halves sealed. Of each owner and algorithm one is active.
type Keys struct{ base }

type keyRow struct {
	owner, id, alg, state                           string
	private, certificate                            []byte
	activatedAt, retiredAt, publishUntil, createdAt int64
}

const keyColumns = "owner, id, alg, state, private, certificate, activated_at, retired_at, publish_until, created_at"

func (r *keyRow) dest() []any {
	return []any{&r.owner, &r.id, &r.alg, &r.state, &r.private, &r.certificate, &r.activatedAt, &r.retiredAt, &r.publishUntil, &r.createdAt}
}

func keyAAD(owner, id string) []byte { return []byte("key:" + owner + "/" + id) }

func (s *Keys) thing(r *keyRow) (*broker.Key, error) {
	private, err := s.seal.Open(r.private, keyAAD(r.owner, r.id))
	if err != nil {
		return nil, fmt.Errorf("key %s of %s: %w", r.id, r.owner, err)
	}
	return &broker.Key{
		ID: r.id, Owner: r.owner, Alg: r.alg, State: r.state, Private: private, Certificate: engine.Bytes(r.certificate),
		ActivatedAt: engine.Time(r.activatedAt), RetiredAt: engine.Time(r.retiredAt), PublishUntil: engine.Time(r.publishUntil), CreatedAt: engine.Time(r.createdAt),
	}, nil
}

func (s *Keys) keys(ctx context.Context, where string, args ...any) ([]*broker.Key, error) {
	var rows []keyRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, "SELECT "+keyColumns+" FROM key_pairs WHERE "+where, args, func(scan func(...any) error) error {
			var r keyRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return things(rows, s.thing)
}

// Active answers the key that signs.
func (s *Keys) Active(ctx context.Context, owner, alg string) (*broker.Key, error) {
	keys, err := s.keys(ctx, "owner = ? AND alg = ? AND state = 'active'", owner, alg)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, broker.ErrNotFound
	}
	return keys[0], nil
}

// List gives what is published: the next, the active, and the retired ones whose time has not run out.
func (s *Keys) List(ctx context.Context, owner string) ([]*broker.Key, error) {
	return s.keys(ctx, "owner = ? AND (state <> 'retired' OR publish_until > ?) ORDER BY alg, state, created_at, id", owner, engine.Micro(s.db.Clock()))
}

// CreateFirst stores k as the active key of its owner and algorithm unless there is one, and answers the one there is.
func (s *Keys) CreateFirst(ctx context.Context, k *broker.Key) (*broker.Key, error) {
	k.State = "active"
	if k.ActivatedAt.IsZero() {
		k.ActivatedAt = s.db.Clock()
	}
	if err := s.add(ctx, k); err != nil && !errors.Is(err, broker.ErrExists) {
		return nil, err
	}
	return s.Active(ctx, k.Owner, k.Alg)
}

// Add stores a key in the state it has; ErrExists if its ID is taken, or it is active and another is too.
func (s *Keys) Add(ctx context.Context, k *broker.Key) error { return s.add(ctx, k) }

func (s *Keys) add(ctx context.Context, k *broker.Key) error {
	if k.CreatedAt.IsZero() {
		k.CreatedAt = s.db.Clock()
	}
	sealed := s.seal.Seal(k.Private, keyAAD(k.Owner, k.ID))
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "INSERT INTO key_pairs ("+keyColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			k.Owner, k.ID, k.Alg, k.State, sealed, engine.Blob(k.Certificate),
			engine.Micro(k.ActivatedAt), engine.Micro(k.RetiredAt), engine.Micro(k.PublishUntil), engine.Micro(k.CreatedAt))
		if err == nil && n == 0 {
			err = broker.ErrExists
		}
		changed(t, k.Owner)
		return err
	})
}

// changed tells of a key by its owner; the realm is known where the realm is the owner.
func changed(t *engine.Txn, owner string) {
	realm, _ := strings.CutPrefix(owner, "realm:")
	if realm == owner {
		realm = ""
	}
	t.Changed("key", realm, owner)
}

// Activate makes the key kid the active one. The one before it is retired and published until publishOldUntil.
func (s *Keys) Activate(ctx context.Context, owner, alg, kid string, publishOldUntil time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		now := engine.Micro(s.db.Clock())
		var state string
		if err := t.Row(ctx, "SELECT state FROM key_pairs WHERE owner = ? AND id = ? AND alg = ?", []any{owner, kid, alg}, &state); err != nil || state == "active" {
			return err
		}
		if _, err := t.Exec(ctx, "UPDATE key_pairs SET state = 'retired', retired_at = ?, publish_until = ? WHERE owner = ? AND alg = ? AND state = 'active'",
			now, engine.Micro(publishOldUntil), owner, alg); err != nil {
			return err
		}
		changed(t, owner)
		return remove(ctx, t, "UPDATE key_pairs SET state = 'active', activated_at = ?, retired_at = 0, publish_until = 0 WHERE owner = ? AND id = ?", now, owner, kid)
	})
}

// DeleteExpired removes retired keys that are no longer published and answers how many.
func (s *Keys) DeleteExpired(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
		n, err = q.Exec(ctx, "DELETE FROM key_pairs WHERE state = 'retired' AND publish_until <= ?", engine.Micro(now))
		return err
	})
	return n, err
}
