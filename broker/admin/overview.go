package admin

import (
	"context"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Overviews answers lists over all realms. realms are those to look in, nil for all of them; an empty list that is not nil
// finds nothing.
type Overviews interface {
	Connections(ctx context.Context, realms []string, f broker.ConnectionFilter, p broker.Page) ([]*broker.ConnectionOverview, string, error)
	Realms(ctx context.Context, realms []string, p broker.Page) ([]*broker.RealmOverview, string, error)
	Health(ctx context.Context, realm, slug string) (*broker.Health, error)
	// Statuses counts connections by broker.Health.Status.
	Statuses(ctx context.Context, realms []string) (map[string]int64, error)
	Search(ctx context.Context, realms []string, q string, n int) (*broker.Hits, error)
	// Note keeps what is known from elsewhere of some connections of the installation: when something of each expires, and
	// how many changes wait for review.
	Note(ctx context.Context, slugs []string, expiries map[string]time.Time, reviews map[string]int) error
}

// Stats answers how many sign-ins there were.
type Stats interface {
	// Daily answers one count per day of those that have any, the oldest first. realms is as in Overviews and looked at
	// where the scope is the installation.
	Daily(ctx context.Context, realms []string, s broker.CountScope, since time.Time) ([]broker.DayCount, error)
	// Faults are the codes that sign-ins failed with most.
	Faults(ctx context.Context, realms []string, s broker.CountScope, since time.Time, n int) ([]broker.FaultCount, error)
}

// maxDays is how long counts are kept.
const maxDays = 400

// visible are the realms that the actor sees, as Overviews takes them.
func (a Actor) visible() []string {
	if len(a.Realms) == 0 {
		return nil
	}
	return slices.Clone(a.Realms)
}

// ListConnectionsOverview answers the connections of all realms that the actor sees, by realm and slug, with how they
// stand.
func (s *Service) ListConnectionsOverview(ctx context.Context, a Actor, f broker.ConnectionFilter, p broker.Page) (Page[*broker.ConnectionOverview], error) {
	if err := a.allow(toRead); err != nil {
		return Page[*broker.ConnectionOverview]{}, err
	}
	var bad problems
	oneOf(&bad, "/status", f.Status, broker.HealthStatuses)
	oneOf(&bad, "/protocol", f.Protocol, broker.Protocols)
	if err := bad.err(); err != nil {
		return Page[*broker.ConnectionOverview]{}, err
	}
	if f.Realm != "" && !a.sees(f.Realm) {
		return page[*broker.ConnectionOverview](nil, "", nil)
	}
	return page(s.Overviews.Connections(ctx, a.visible(), f, p))
}

// oneOf refuses a filter that would find nothing because it is misspelt.
func oneOf(p *problems, pointer, got string, allowed []string) {
	if got != "" && !slices.Contains(allowed, got) {
		p.add(pointer, "%q is not one of %v", got, allowed)
	}
}

// ListRealmsOverview answers the realms that the actor sees, with their counts.
func (s *Service) ListRealmsOverview(ctx context.Context, a Actor, p broker.Page) (Page[*broker.RealmOverview], error) {
	if err := a.allow(toRead); err != nil {
		return Page[*broker.RealmOverview]{}, err
	}
	return page(s.Overviews.Realms(ctx, a.visible(), p))
}

// Overview is the whole at a glance, as far as the actor sees it.
type Overview struct {
	Statuses map[string]int64             `json:"statuses" doc:"How many connections are ok, warning, error, new, off"`
	Days     []broker.DayCount            `json:"days" doc:"The last 30 days"`
	Faults   []broker.FaultCount          `json:"faults" doc:"What sign-ins failed with most in the last 7 days"`
	Worst    []*broker.ConnectionOverview `json:"worst" doc:"The first of the connections that are in error"`
}

// ReadOverview answers the whole at a glance.
func (s *Service) ReadOverview(ctx context.Context, a Actor) (*Overview, error) {
	if err := a.allow(toRead); err != nil {
		return nil, err
	}
	statuses, err := s.Overviews.Statuses(ctx, a.visible())
	if err != nil {
		return nil, err
	}
	counts, err := s.stats(ctx, a, broker.CountScope{}, 30, 7)
	if err != nil {
		return nil, err
	}
	worst, err := s.ListConnectionsOverview(ctx, a, broker.ConnectionFilter{Status: broker.HealthError}, broker.Page{Limit: 10})
	return &Overview{Statuses: statuses, Days: counts.Days, Faults: counts.Faults, Worst: worst.Items}, err
}

// CountsReport are sign-ins per day, with what failed most.
type CountsReport struct {
	Days   []broker.DayCount   `json:"days" doc:"One for each day (UTC), the oldest first, today last"`
	Faults []broker.FaultCount `json:"faults" doc:"What sign-ins failed with most in these days"`
}

// RealmStats answers how a realm's sign-ins went in the last days.
func (s *Service) RealmStats(ctx context.Context, a Actor, realm string, days int) (*CountsReport, error) {
	return s.counts(ctx, a, broker.CountScope{Realm: realm}, days)
}

// ConnectionStats answers how a connection's sign-ins went in the last days.
func (s *Service) ConnectionStats(ctx context.Context, a Actor, realm, slug string, days int) (*CountsReport, error) {
	return s.counts(ctx, a, broker.CountScope{Realm: realm, Connection: slug}, days)
}

// DailyCounts answers sign-ins per day for a chart, days without any among them: those of a connection, of a realm
// (connection ""), or of all realms that the actor sees (realm "").
func (s *Service) DailyCounts(ctx context.Context, a Actor, realm, connection string, days int) ([]broker.DayCount, error) {
	r, err := s.counts(ctx, a, broker.CountScope{Realm: realm, Connection: connection}, days)
	if err != nil {
		return nil, err
	}
	return r.Days, nil
}

// ClientCounts is DailyCounts for a client.
func (s *Service) ClientCounts(ctx context.Context, a Actor, realm, client string, days int) ([]broker.DayCount, error) {
	r, err := s.counts(ctx, a, broker.CountScope{Realm: realm, Client: client}, days)
	if err != nil {
		return nil, err
	}
	return r.Days, nil
}

// counts is the wall before stats.
func (s *Service) counts(ctx context.Context, a Actor, scope broker.CountScope, days int) (*CountsReport, error) {
	if days < 1 || days > maxDays {
		return nil, fault.New(fault.Invalid, "days is 1 to %d", maxDays)
	}
	if scope.Realm == "" {
		scope = broker.CountScope{}
	}
	if err := s.countable(ctx, a, scope); err != nil {
		return nil, err
	}
	return s.stats(ctx, a, scope, days, days)
}

func (s *Service) countable(ctx context.Context, a Actor, scope broker.CountScope) error {
	switch {
	case scope.Realm == "":
		return a.allow(toRead)
	case scope.Connection != "":
		_, err := s.connection(ctx, a, scope.Realm, scope.Connection, toRead)
		return err
	}
	_, err := s.enter(ctx, a, scope.Realm, toRead)
	return err
}

func (s *Service) stats(ctx context.Context, a Actor, scope broker.CountScope, days, faultDays int) (*CountsReport, error) {
	today := s.Now().UTC().Truncate(24 * time.Hour)
	since := today.AddDate(0, 0, 1-days)
	found, err := s.Stats.Daily(ctx, a.visible(), scope, since)
	if err != nil {
		return nil, err
	}
	faults, err := s.Stats.Faults(ctx, a.visible(), scope, today.AddDate(0, 0, 1-faultDays), 10)
	return &CountsReport{Days: everyDay(found, since, days), Faults: faults}, err
}

// everyDay puts the days in between where nobody signed in.
func everyDay(found []broker.DayCount, since time.Time, days int) []broker.DayCount {
	out := make([]broker.DayCount, days)
	at := map[string]broker.DayCount{}
	for _, d := range found {
		at[d.Day] = d
	}
	for i := range out {
		day := since.AddDate(0, 0, i).Format(time.DateOnly)
		out[i] = at[day]
		out[i].Day = day
	}
	return out
}

// ConnectionHealth answers how a connection stands.
func (s *Service) ConnectionHealth(ctx context.Context, a Actor, realm, slug string) (*broker.Health, error) {
	if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
		return nil, err
	}
	if err := s.noteElsewhere(ctx, []string{slug}); err != nil {
		return nil, err
	}
	return s.Overviews.Health(ctx, realm, slug)
}

// noteElsewhere brings what the calendar and the reviews know of some connections to where lists are made from.
func (s *Service) noteElsewhere(ctx context.Context, slugs []string) error {
	expiries, reviews := map[string]time.Time{}, map[string]int{}
	var err error
	if s.NextExpiry != nil {
		if expiries, err = s.NextExpiry(ctx, slugs); err != nil {
			return err
		}
	}
	if s.PendingReviews != nil {
		if reviews, err = s.PendingReviews(ctx, slugs); err != nil {
			return err
		}
	}
	return s.Overviews.Note(ctx, slugs, expiries, reviews)
}
