package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// How sign-ins are counted: in the transaction that stores their traces, one statement for many of them, each by adding to
// what is there. So the counts are exact however many replicas write, and a trace that is stored twice counts once. All
// writers take rows in the same order, so that none waits for another in a circle.

const (
	microDay  = int64(24 * time.Hour / time.Microsecond)
	microHour = int64(time.Hour / time.Microsecond)
	// maxFailing bounds how many people are remembered to have failed, by connection and day.
	maxFailing = 500
	// failingDays is how long they are remembered.
	failingDays = 30
)

func dayOf(t time.Time) int64 { return engine.Micro(t) / microDay }

// digestOf is 24 bits for a person of a realm.
func digestOf(realm, person string) string { return engine.Digest("failing", realm, person)[:4] }

// dayKey, hourKey and faultKey are the primary keys of the counters.
type (
	dayKey struct {
		realm, connection, client string
		day                       int64
	}
	hourKey struct {
		connection, realm string
		hour              int64
	}
	faultKey struct {
		realm, connection, code string
		day                     int64
	}
)

// tally is what a batch of traces adds.
type tally struct {
	days   map[dayKey]broker.Rate
	hours  map[hourKey]broker.Rate
	faults map[faultKey]int64
}

func tallied(all []broker.Trace) *tally {
	t := &tally{days: map[dayKey]broker.Rate{}, hours: map[hourKey]broker.Rate{}, faults: map[faultKey]int64{}}
	for i := range all {
		if all[i].Outcome != broker.TraceStray {
			t.add(&all[i])
		}
	}
	return t
}

func (t *tally) add(v *broker.Trace) {
	day, ok := dayOf(v.At), v.Outcome == "succeeded"
	for _, k := range scopes(v, day) {
		t.days[k] = plus(t.days[k], ok)
		if k.client == "" && !ok {
			t.faults[faultKey{k.realm, k.connection, v.Code, day}]++
		}
	}
	if v.Connection != "" {
		k := hourKey{v.Connection, v.Realm, engine.Micro(v.At) / microHour}
		t.hours[k] = plus(t.hours[k], ok)
	}
}

// scopes are the sums that a trace is a part of.
func scopes(v *broker.Trace, day int64) []dayKey {
	out := []dayKey{{"", "", "", day}, {v.Realm, "", "", day}}
	if v.Connection != "" {
		out = append(out, dayKey{v.Realm, v.Connection, "", day})
	}
	if v.Client != "" {
		out = append(out, dayKey{v.Realm, "", v.Client, day})
	}
	return out
}

func plus(r broker.Rate, ok bool) broker.Rate {
	if ok {
		r.OK++
	} else {
		r.Failed++
	}
	return r
}

func (t *tally) write(ctx context.Context, q engine.Q) error {
	add := func(table string) string {
		return "DO UPDATE SET ok = " + table + ".ok + excluded.ok, failed = " + table + ".failed + excluded.failed"
	}
	days := ordered(t.days, func(k dayKey, r broker.Rate) []any {
		return []any{k.realm, k.connection, k.client, k.day, r.OK, r.Failed}
	})
	s := statement{"login_days", "realm, connection, client, day, ok, failed", "ON CONFLICT (realm, connection, client, day) " + add("login_days")}
	if err := s.run(ctx, q, days); err != nil {
		return err
	}
	hours := ordered(t.hours, func(k hourKey, r broker.Rate) []any { return []any{k.connection, k.realm, k.hour, r.OK, r.Failed} })
	s = statement{"login_hours", "connection, realm, hour, ok, failed", "ON CONFLICT (connection, hour, realm) " + add("login_hours")}
	if err := s.run(ctx, q, hours); err != nil {
		return err
	}
	faults := ordered(t.faults, func(k faultKey, n int64) []any { return []any{k.realm, k.connection, k.code, k.day, n} })
	s = statement{"login_faults", "realm, connection, code, day, n", "ON CONFLICT (realm, connection, day, code) DO UPDATE SET n = login_faults.n + excluded.n"}
	return s.run(ctx, q, faults)
}

// ordered are the rows of a map in the order of their keys, whose columns come first.
func ordered[K comparable, V any](m map[K]V, row func(K, V) []any) [][]any {
	out := make([][]any, 0, len(m))
	for k, v := range m {
		out = append(out, row(k, v))
	}
	slices.SortFunc(out, func(a, b []any) int {
		for i := range a {
			if n := compared(a[i], b[i]); n != 0 {
				return n
			}
		}
		return 0
	})
	return out
}

func compared(a, b any) int {
	if s, ok := a.(string); ok {
		return strings.Compare(s, b.(string))
	}
	return cmp.Compare(a.(int64), b.(int64))
}

// count adds new traces to the counters, and tells the connections' standing from them.
func count(ctx context.Context, q engine.Q, postgres bool, all []broker.Trace) error {
	if err := tallied(all).write(ctx, q); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b broker.Trace) int { return a.At.Compare(b.At) })
	list, err := standings(ctx, q, postgres, all)
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := s.follow(ctx, q, all); err != nil {
			return err
		}
	}
	return nil
}

// standing is how a connection stood before a batch and, row by row of it, stands after.
type standing struct {
	realm, slug            string
	created, changed       int64
	ok, fail, since        int64
	code                   string
	failures, people, good int64
}

const standingColumns = "realm, slug, created_at, changed_at, last_ok_at, last_fail_at, failing_since, last_fail_code, failures, people_failing, oks_since_change"

// standings reads those of the connections that traces are of, and keeps other writers from them.
func standings(ctx context.Context, q engine.Q, postgres bool, all []broker.Trace) (out []*standing, err error) {
	var slugs []string
	for _, v := range all {
		if v.Connection != "" {
			slugs = append(slugs, v.Connection)
		}
	}
	slices.Sort(slugs)
	where, args := engine.In("slug", slices.Compact(append([]string{}, slugs...)))
	query := "SELECT " + standingColumns + " FROM connection_overview WHERE " + where + " ORDER BY slug"
	if postgres { // SQLite has one writer anyhow
		query += " FOR UPDATE"
	}
	return out, q.All(ctx, query, args, func(scan func(...any) error) error {
		s := &standing{}
		out = append(out, s)
		return scan(&s.realm, &s.slug, &s.created, &s.changed, &s.ok, &s.fail, &s.since, &s.code, &s.failures, &s.people, &s.good)
	})
}

// follow goes through the traces of its connection and stores what they come to. Between replicas, whose batches arrive a
// moment apart, a success and a failure of the same second may change places.
func (s *standing) follow(ctx context.Context, q engine.Q, all []broker.Trace) error {
	for i := range all {
		v := &all[i]
		// A trace from before the connection is one of an earlier connection of this name.
		if v.Realm != s.realm || v.Connection != s.slug || engine.Micro(v.At) < s.created || v.Outcome == broker.TraceStray {
			continue
		}
		if v.Outcome == "succeeded" {
			s.succeeded(engine.Micro(v.At))
			continue
		}
		s.failed(engine.Micro(v.At), v.Code)
		if err := s.remember(ctx, q, v); err != nil {
			return err
		}
	}
	return s.store(ctx, q)
}

func (s *standing) succeeded(at int64) {
	if at >= s.changed {
		s.good++
	}
	s.ok = max(s.ok, at)
	if at >= s.fail {
		s.failures, s.since = 0, 0
	}
}

func (s *standing) failed(at int64, code string) {
	if at >= s.fail {
		s.fail, s.code = at, code
	}
	if at <= s.ok {
		return
	}
	s.failures++
	if s.since == 0 || at < s.since {
		s.since = at
	}
}

// remember keeps that a person failed, as far as it is known who it was.
func (s *standing) remember(ctx context.Context, q engine.Q, v *broker.Trace) error {
	who := cmp.Or(v.Email, v.UserID)
	if who == "" {
		return nil
	}
	day := dayOf(v.At)
	_, err := q.Exec(ctx, "INSERT INTO login_failing (connection, realm, day, person, at) SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT)"+
		" WHERE (SELECT COUNT(*) FROM login_failing WHERE connection = ? AND realm = ? AND day = ?) < ?"+
		" ON CONFLICT (connection, realm, day, person) DO UPDATE SET at = CASE WHEN excluded.at > login_failing.at THEN excluded.at ELSE login_failing.at END",
		s.slug, s.realm, day, digestOf(s.realm, who), engine.Micro(v.At), s.slug, s.realm, day, int64(maxFailing))
	return err
}

func (s *standing) store(ctx context.Context, q engine.Q) error {
	s.people = 0
	if s.failures > 0 {
		err := q.Row(ctx, "SELECT COUNT(DISTINCT person) FROM login_failing WHERE connection = ? AND realm = ? AND day >= ? AND at > ?",
			[]any{s.slug, s.realm, s.ok / microDay, s.ok}, &s.people)
		if err != nil {
			return err
		}
	}
	_, err := q.Exec(ctx, "UPDATE connection_overview SET last_ok_at = ?, last_fail_at = ?, failing_since = ?, last_fail_code = ?, failures = ?, people_failing = ?, oks_since_change = ? WHERE realm = ? AND slug = ?",
		s.ok, s.fail, s.since, s.code, s.failures, s.people, s.good, s.realm, s.slug)
	return err
}
