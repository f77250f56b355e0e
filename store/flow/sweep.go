package flow

import (
	"context"
	"strings"
	"time"

	"cloakroom/store/engine"
)

// batch is how many rows one statement ends or deletes at most.
const batch = 500

func marksOf(n int) string { return strings.TrimPrefix(strings.Repeat(", ?", n), ", ") }

// Sweeper deletes what has expired.
type Sweeper struct{ db *engine.DB }

// NewSweeper is for store.Open.
func NewSweeper(db *engine.DB) *Sweeper { return &Sweeper{db} }

// afterlife is how long what has expired is still kept: a code that is presented again late is still recognised.
const afterlife = 10 * time.Minute

// Sweep deletes what has expired at the given time and answers how many rows that was. It works in small batches with a
// rest after each, so that logins pass it by; of two replicas that sweep at once each takes rows the other leaves.
func (s *Sweeper) Sweep(ctx context.Context, now time.Time) (total int64, err error) {
	for _, t := range []struct {
		table, column string
		before        time.Time
	}{
		{"parked", "expires_at", now},
		{"marks", "expires_at", now},
		{"grants", "expires_at", now.Add(-afterlife)},
		{"sessions", "ends_at", now.Add(-afterlife)},
		{"operator_sessions", "ends_at", now},
		{"operator_links", "expires_at", now},
	} {
		n, err := s.table(ctx, t.table, t.column, engine.Micro(t.before))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *Sweeper) table(ctx context.Context, table, column string, before int64) (total int64, err error) {
	lock := ""
	if s.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	query := "DELETE FROM " + table + " WHERE id IN (SELECT id FROM " + table + " WHERE " + column + " < ? ORDER BY " + column + " LIMIT 500" + lock + ")"
	for {
		var n int64
		err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, query, before)
			return err
		})
		total += n
		if err != nil || n < batch {
			return total, err
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return total, err
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Run sweeps at every interval until ctx ends.
func (s *Sweeper) Run(ctx context.Context, interval time.Duration) {
	for rest(ctx, interval) == nil {
		if _, err := s.Sweep(ctx, s.db.Clock()); err != nil && ctx.Err() == nil {
			s.db.Log.Warn("the sweep was interrupted", "error", err)
		}
	}
}
