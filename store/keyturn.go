package store

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Fetched notes that our metadata was read with all keys in it that an owner publishes.
func (s *Keys) Fetched(ctx context.Context, owner, agent string, byHand bool) error {
	now := engine.Micro(s.db.Clock())
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, `INSERT INTO key_fetches (owner, kid, first_at, last_at, times, agent, by_hand)
			SELECT owner, id, ?, ?, 1, ?, ? FROM key_pairs WHERE owner = ? AND (state <> 'retired' OR publish_until > ?)
			ON CONFLICT (owner, kid) DO UPDATE SET last_at = excluded.last_at, times = key_fetches.times + 1, agent = excluded.agent, by_hand = key_fetches.by_hand AND excluded.by_hand`,
			now, now, agent, byHand, owner, now)
		return err
	})
}

// Hold keeps an owner's key what it is when keys are turned over; a nil hold lets go.
func (s *Keys) Hold(ctx context.Context, owner string, h *broker.KeyHold) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, "DELETE FROM key_holds WHERE owner = ?", owner); err != nil || h == nil {
			return err
		}
		_, err := t.Exec(ctx, "INSERT INTO key_holds (owner, at, holder, reason) VALUES (?, ?, ?, ?)", owner, engine.Micro(h.At), h.By, h.Reason)
		return err
	})
}

const turns = `SELECT c.realm, c.slug, a.id, a.activated_at, COALESCE(n.id, ''), COALESCE(n.created_at, 0),
	COALESCE(f.first_at, 0), COALESCE(f.last_at, 0), COALESCE(f.times, 0), COALESCE(f.agent, ''), COALESCE(f.by_hand, FALSE),
	COALESCE(h.at, 0), COALESCE(h.holder, ''), COALESCE(h.reason, ''),
	COALESCE((SELECT id FROM key_pairs r WHERE r.owner = a.owner AND r.alg = a.alg AND r.state = 'retired' AND r.publish_until > ? ORDER BY r.retired_at DESC, r.id LIMIT 1), '')
	FROM connections c
	JOIN key_pairs a ON a.owner = 'connection:' || c.slug AND a.alg = 'RS256' AND a.state = 'active'
	LEFT JOIN key_pairs n ON n.owner = a.owner AND n.alg = a.alg AND n.state = 'next'
	LEFT JOIN key_fetches f ON f.owner = a.owner AND f.kid = n.id
	LEFT JOIN key_holds h ON h.owner = a.owner`

// Turns answers how far the turn-over of our keys at connections is: of one connection, or of those of some realms (nil:
// all) that have keys, by slug.
func (s *Keys) Turns(ctx context.Context, realms []string, slug string, p broker.Page) ([]*broker.KeyTurn, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := " WHERE TRUE", []any{engine.Micro(s.db.Clock())}
	if realms != nil {
		where += " AND c.realm IN (''" + strings.Repeat(", ?", len(realms)) + ")"
		for _, r := range realms {
			args = append(args, r)
		}
	}
	if slug != "" {
		where, args = where+" AND c.slug = ?", append(args, slug)
	}
	if after != nil {
		where, args = where+" AND c.slug > ?", append(args, after[0])
	}
	var out []*broker.KeyTurn
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, turns+where+" ORDER BY c.slug LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			k, err := turn(scan)
			out = append(out, k)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > p.Size() {
		out = out[:p.Size()]
		next = engine.Cursor(out[len(out)-1].Connection)
	}
	return out, next, nil
}

func turn(scan func(...any) error) (*broker.KeyTurn, error) {
	var k broker.KeyTurn
	var f broker.KeyFetch
	var h broker.KeyHold
	var active, since, first, last, held int64
	err := scan(&k.Realm, &k.Connection, &k.ActiveKID, &active, &k.NextKID, &since, &first, &last, &f.Times, &f.Agent, &f.ByHand, &held, &h.By, &h.Reason, &k.Former)
	k.ActiveFrom, k.NextSince = engine.Time(active), engine.Time(since)
	if f.Times > 0 {
		f.FirstAt, f.LastAt = engine.Time(first), engine.Time(last)
		k.Fetched = &f
	}
	if held > 0 {
		h.At = engine.Time(held)
		k.Held = &h
	}
	return &k, err
}
