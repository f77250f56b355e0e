package store

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// judge says why a connection stands as it does, a broker.Why…: the first condition that holds. It is SQL because lists of
// ten thousand connections are narrowed by it; there is no second judge. Failures from before the last change of the
// configuration do not count against it. o is connection_overview, d its last 24 hours as
// lastDay gives them.
const judge = `CASE
 WHEN NOT o.enabled THEN 'off'
 WHEN o.next_expiry > 0 AND o.next_expiry <= ? AND o.last_ok_at < o.next_expiry THEN 'expired'
 WHEN o.failures > 0 AND o.last_ok_at = 0 AND o.last_fail_at > ? THEN 'never_worked'
 WHEN o.failures >= 3 AND o.people_failing <> 1 AND o.last_fail_at > ? THEN 'failing'
 WHEN o.check_status = 'error' THEN 'check_failed'
 WHEN COALESCE(d.failed, 0) >= 5 AND d.failed >= d.ok AND o.last_fail_at > o.changed_at THEN 'many_fail'
 WHEN o.last_ok_at = 0 THEN 'new'
 WHEN o.next_expiry > 0 AND o.next_expiry <= ? THEN 'expires'
 WHEN o.reviews > 0 THEN 'review'
 WHEN COALESCE(d.failed, 0) >= 5 AND d.failed * 10 >= d.ok + d.failed AND o.last_fail_at > o.changed_at THEN 'some_fail'
 WHEN o.failures > 1 AND o.last_fail_at > ? THEN 'last_failed'
 WHEN o.check_status = 'warning' THEN 'check_warned'
 ELSE 'ok' END`

const (
	week = 7 * 24 * time.Hour
	// soon is how long before something ends its connection stands at warning; listed is how long before it is among the
	// expiring ones.
	soon   = 30 * 24 * time.Hour
	listed = 60 * 24 * time.Hour
)

func judgeArgs(now time.Time) []any {
	weekAgo := engine.Micro(now.Add(-week))
	return []any{engine.Micro(now), weekAgo, weekAgo, engine.Micro(now.Add(soon)), weekAgo}
}

// lastDay is the sign-ins of the last 24 hours, where enough failed to matter to the judge; an index knows which these are.
// where narrows the connections.
func lastDay(now time.Time, where string, args []any) (string, []any) {
	since := hoursAgo(now, 24)
	return "(SELECT f.connection, f.realm, f.failed, (SELECT SUM(k.ok) FROM login_hours k WHERE k.connection = f.connection AND k.hour > ? AND k.realm = f.realm) AS ok" +
		" FROM (SELECT connection, realm, SUM(failed) AS failed FROM login_hours WHERE failed > 0 AND hour > ? AND " + where +
		" GROUP BY connection, realm HAVING SUM(failed) >= 5) f)", join([]any{since, since}, args)
}

// hoursAgo is the hour since which sign-ins count: the one under way and those before it.
func hoursAgo(now time.Time, hours int64) int64 {
	return now.Unix()/3600 - hours
}

// judged is "FROM connection_overview o" with what the judge needs, for the connections of a condition on d.
func judged(now time.Time, where string, args []any) (string, []any) {
	d, dayArgs := lastDay(now, where, args)
	return " FROM connection_overview o LEFT JOIN " + d + " d ON d.connection = o.slug AND d.realm = o.realm", dayArgs
}

// Health answers how a connection stands.
func (s *Overview) Health(ctx context.Context, realm, slug string) (*broker.Health, error) {
	list, err := s.details(ctx, []string{slug})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Realm != realm {
		return nil, broker.ErrNotFound
	}
	return &list[0].Health, nil
}

// Statuses counts the connections of some realms, nil for all, by their status.
func (s *Overview) Statuses(ctx context.Context, realms []string) (map[string]int64, error) {
	now := s.db.Clock()
	inDay, dayArgs := engine.In("realm", realms)
	from, fromArgs := judged(now, inDay, dayArgs)
	where, args := engine.In("o.realm", realms)
	var out map[string]int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = map[string]int64{}
		for _, status := range broker.HealthStatuses {
			out[status] = 0
		}
		return q.All(ctx, "SELECT why, COUNT(*) FROM (SELECT "+judge+" AS why"+from+" WHERE "+where+") x GROUP BY why", join(judgeArgs(now), fromArgs, args), func(scan func(...any) error) error {
			var h broker.Health
			var why string
			var n int64
			err := scan(&why, &n)
			h.Judge(why)
			out[h.Status] += n
			return err
		})
	})
	return out, err
}

// overviewColumns are what details scans, before the judge's word.
const overviewColumns = "o.realm, o.slug, o.enabled, o.alias, o.display_name, o.protocol, o.preset, o.changed_at, o.last_ok_at, o.last_fail_at, o.last_fail_code, o.failing_since, o.failures," +
	" o.people_failing, o.oks_since_change, o.next_expiry, o.reviews, o.tests_ok, o.tests_failed, o.last_test_at, o.last_test_passed, o.last_test_by, o.check_at, o.check_status, o.check_findings"

// overviewRow is a row of them.
type overviewRow struct {
	broker.ConnectionOverview
	changed, ok, fail, since, expiry, tested, checked int64
	failure                                           broker.FailureSeen
	test                                              broker.TestSeen
	check                                             broker.CheckSeen
	why                                               string
}

func (r *overviewRow) dest() []any {
	h := &r.Health
	return []any{
		&r.Realm, &r.Slug, &r.Enabled, &r.Alias, &r.DisplayName, &r.Protocol, &r.Preset, &r.changed, &r.ok, &r.fail, &r.failure.Code, &r.since, &h.Failures,
		&h.PeopleFailing, &h.SuccessesSinceChange, &r.expiry, &h.PendingReviews, &h.Tests.OK, &h.Tests.Failed, &r.tested, &r.test.Passed, &r.test.By,
		&r.checked, &r.check.Status, &r.check.Findings, &r.why,
	}
}

func (r *overviewRow) overview() *broker.ConnectionOverview {
	h := &r.Health
	h.ChangedAt, h.LastSuccess, h.FailingSince, h.NextExpiry = engine.Time(r.changed), engine.Time(r.ok), engine.Time(r.since), engine.Time(r.expiry)
	if r.fail > 0 {
		r.failure.At, h.LastFailure = engine.Time(r.fail), &r.failure
	}
	if r.tested > 0 {
		r.test.At, h.LastTest = engine.Time(r.tested), &r.test
	}
	if r.checked > 0 {
		r.check.At, h.LastCheck = engine.Time(r.checked), &r.check
	}
	r.Domains = []string{}
	return &r.ConnectionOverview
}

// shownDomains is how many of a connection's domains a list shows.
const shownDomains = 5

// details reads what lists show of some connections, by realm and slug.
func (s *Overview) details(ctx context.Context, slugs []string) ([]*broker.ConnectionOverview, error) {
	now := s.db.Clock()
	inDay, dayArgs := engine.In("connection", append([]string{}, slugs...))
	from, fromArgs := judged(now, inDay, dayArgs)
	where, args := engine.In("o.slug", append([]string{}, slugs...))
	var rows []*overviewRow
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		by := map[string]*overviewRow{}
		err := q.All(ctx, "SELECT "+overviewColumns+", "+judge+from+" WHERE "+where+" ORDER BY o.realm, o.slug", join(judgeArgs(now), fromArgs, args), func(scan func(...any) error) error {
			r := &overviewRow{}
			err := scan(r.dest()...)
			r.overview()
			rows, by[r.Slug] = append(rows, r), r
			return err
		})
		if err == nil {
			err = rates(ctx, q, now, by, inDay, dayArgs)
		}
		if err == nil {
			err = beside(ctx, q, by, where, args)
		}
		return err
	})
	out := make([]*broker.ConnectionOverview, len(rows))
	for i, r := range rows {
		r.Health.Judge(r.why)
		out[i] = &r.ConnectionOverview
	}
	return out, err
}

// rates reads the last day's and week's sign-ins.
func rates(ctx context.Context, q engine.Q, now time.Time, by map[string]*overviewRow, where string, args []any) error {
	day := hoursAgo(now, 24)
	query := "SELECT connection, realm, CAST(SUM(ok) AS BIGINT), CAST(SUM(failed) AS BIGINT), CAST(SUM(CASE WHEN hour > ? THEN ok ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN hour > ? THEN failed ELSE 0 END) AS BIGINT)" +
		" FROM login_hours WHERE +hour > ? AND " + where + " GROUP BY connection, realm" // +: a few connections lead, not the hours of all
	return q.All(ctx, query, join([]any{day, day, hoursAgo(now, 7*24)}, args), func(scan func(...any) error) error {
		var slug, realm string
		var last7, last1 broker.Rate
		err := scan(&slug, &realm, &last7.OK, &last7.Failed, &last1.OK, &last1.Failed)
		if r := by[slug]; r != nil && r.Realm == realm {
			r.Health.Week, r.Health.Day = last7, last1
		}
		return err
	})
}

// beside reads what stands in other tables: the realm's name and the domains.
func beside(ctx context.Context, q engine.Q, by map[string]*overviewRow, where string, args []any) error {
	names := map[string]string{}
	err := q.All(ctx, "SELECT r.name, r.doc FROM realms r WHERE r.name IN (SELECT o.realm FROM connection_overview o WHERE "+where+")", args, func(scan func(...any) error) error {
		r, err := scanRealm(scan)
		names[r.Name] = r.DisplayName
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range by {
		r.RealmName = names[r.Realm]
	}
	return q.All(ctx, "SELECT o.slug, o.domain FROM connection_domains o WHERE "+where+" ORDER BY o.slug, o.domain", args, func(scan func(...any) error) error {
		var slug, domain string
		err := scan(&slug, &domain)
		if r := by[slug]; r != nil && len(r.Domains) < shownDomains {
			r.Domains = append(r.Domains, domain)
		}
		return err
	})
}

// scanRealm reads a realm's name and document.
func scanRealm(scan func(...any) error) (*broker.Realm, error) {
	r := &broker.Realm{}
	var name, doc string
	if err := scan(&name, &doc); err != nil {
		return r, err
	}
	err := engine.Undoc(doc, r)
	r.Name = name
	return r, err
}

func join(lists ...[]any) []any {
	var out []any
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
