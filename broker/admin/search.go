package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// searchHits is how many of each kind a search answers; maxSearch bounds what may be searched for.
const (
	searchHits = 8
	maxSearch  = 200
)

// Search looks for realms, connections, domains, people, clients and logins, at most 8 of each. Who looked for a person or
// a login is in the audit log.
func (s *Service) Search(ctx context.Context, a Actor, q string) (*broker.Hits, error) {
	if err := a.allow(toRead); err != nil {
		return nil, err
	}
	q = strings.TrimSpace(q)
	if utf8.RuneCountInString(q) > maxSearch {
		return nil, fault.New(fault.Invalid, "a search has at most %d characters", maxSearch)
	}
	hits, err := s.Overviews.Search(ctx, a.visible(), q, searchHits)
	if err != nil {
		return nil, err
	}
	var seen []string
	for _, p := range hits.People {
		seen = append(seen, p.Realm)
	}
	for _, l := range hits.Logins {
		seen = append(seen, l.Realm)
	}
	return hits, s.lookedIn(ctx, a, "search", seen, "q="+q)
}

// lookedIn notes in the log of each realm that somebody saw something of its people.
func (s *Service) lookedIn(ctx context.Context, a Actor, kind string, realms []string, detail string) error {
	slices.Sort(realms)
	for _, realm := range slices.Compact(realms) {
		if err := s.record(ctx, a, change{kind: kind, realm: realm, subject: "realm:" + realm, detail: detail}); err != nil {
			return err
		}
	}
	return nil
}

// FindLogins answers logins of all realms that the actor sees, the newest first: those of a reference, an address or a
// connection; without any of these, none. Who looked is in the audit log.
func (s *Service) FindLogins(ctx context.Context, a Actor, f broker.TraceFilter, p broker.Page) (Page[broker.Trace], error) {
	none, _ := page([]broker.Trace{}, "", nil)
	if err := a.allow(toRead); err != nil {
		return none, err
	}
	if f.Ref == "" && f.Email == "" && f.Connection == "" {
		return none, nil
	}
	if f.Ref != "" {
		ref, ok := broker.ParseRef(f.Ref)
		if !ok {
			return none, nil
		}
		f.Ref = ref
	}
	realms := a.visible()
	if f.Connection != "" {
		c, err := s.Connections.Get(ctx, f.Connection)
		if errors.Is(err, broker.ErrNotFound) || err == nil && !a.sees(c.Realm) {
			return none, nil
		}
		if err != nil {
			return none, err
		}
		realms = []string{c.Realm}
	}
	items, next, err := s.Traces.Find(ctx, realms, f, p)
	if err != nil {
		return none, err
	}
	var seen []string
	for _, t := range items {
		seen = append(seen, t.Realm)
	}
	if err := s.lookedIn(ctx, a, "logins.listed", seen, "ref="+f.Ref+" email="+f.Email+" connection="+f.Connection); err != nil {
		return none, err
	}
	return page(items, next, nil)
}
