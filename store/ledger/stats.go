package ledger

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Stats answers how many sign-ins there were; Traces counts them.
type Stats struct{ db *engine.DB }

// NewStats is for store.Open.
func NewStats(db *engine.DB) *Stats { return &Stats{db} }

// How long counters are kept.
const (
	countDays = 400
	hourDays  = 8
)

// Daily gives a count for each day since a time that has any, the oldest first. Of the installation it counts the realms
// given, nil for all.
func (s *Stats) Daily(ctx context.Context, realms []string, of broker.CountScope, since time.Time) (out []broker.DayCount, err error) {
	where, args := scope(realms, of)
	where, args = where+" AND client = ? AND day >= ?", append(args, of.Client, dayOf(since))
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = []broker.DayCount{}
		return q.All(ctx, "SELECT day, CAST(SUM(ok) AS BIGINT), CAST(SUM(failed) AS BIGINT) FROM login_days WHERE "+where+" GROUP BY day ORDER BY day", args, func(scan func(...any) error) error {
			var c broker.DayCount
			var day int64
			err := scan(&day, &c.OK, &c.Failed)
			c.Day = engine.Time(day * microDay).Format(time.DateOnly)
			out = append(out, c)
			return err
		})
	})
	return out, err
}

// Faults gives the n codes that sign-ins failed with most since a time, the most frequent first. Clients have none of
// their own.
func (s *Stats) Faults(ctx context.Context, realms []string, of broker.CountScope, since time.Time, n int) (out []broker.FaultCount, err error) {
	where, args := scope(realms, of)
	where, args = where+" AND day >= ?", append(args, dayOf(since), int64(n))
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = []broker.FaultCount{}
		return q.All(ctx, "SELECT code, CAST(SUM(n) AS BIGINT) AS total FROM login_faults WHERE "+where+" GROUP BY code ORDER BY total DESC, code LIMIT ?", args, func(scan func(...any) error) error {
			var c broker.FaultCount
			err := scan(&c.Code, &c.Count)
			out = append(out, c)
			return err
		})
	})
	return out, err
}

// scope is the condition for whose sums to read.
func scope(realms []string, of broker.CountScope) (string, []any) {
	if of.Realm != "" {
		realms = []string{of.Realm}
	} else if realms == nil {
		realms = []string{""}
	}
	where, args := engine.In("realm", realms)
	return where + " AND connection = ?", append(args, of.Connection)
}

// Retain deletes the counters that are too old and answers how many.
func (s *Stats) Retain(ctx context.Context, now time.Time) (total int64, err error) {
	for _, t := range []struct {
		table, key, column string
		before             int64
	}{
		{"login_days", "realm, connection, client, day", "day", dayOf(now) - countDays},
		{"login_faults", "realm, connection, code, day", "day", dayOf(now) - countDays},
		{"login_hours", "connection, hour, realm", "hour", engine.Micro(now)/microHour - 24*hourDays},
		{"login_failing", "connection, realm, day, person", "day", dayOf(now) - failingDays},
	} {
		query := "DELETE FROM " + t.table + " WHERE (" + t.key + ") IN (SELECT " + t.key + " FROM " + t.table + " WHERE " + t.column + " < ? LIMIT 500)"
		for n := int64(500); n == 500; total += n {
			err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
				n, err = q.Exec(ctx, query, t.before)
				return err
			})
			if err != nil {
				return total, err
			}
		}
	}
	return total, nil
}
