package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker"
)

// Expiries is where is kept what ends.
type Expiries interface {
	List(ctx context.Context, f broker.ExpiryFilter, p broker.Page) ([]broker.Expiry, string, error)
}

// ExpiryQuery narrows the calendar; empty fields say nothing.
type ExpiryQuery struct {
	Realm      string
	Connection string
	Kind       string
	Within     string // "60d", or a duration like "36h"; "" for any time
	Replaced   bool   // also what something newer stands in for
}

// longestWithin bounds how far one may look ahead.
const longestWithin = 100 * 365 * 24 * time.Hour

// ListExpiries answers what ends, the soonest first: of one realm, or of all that the actor sees. What belongs to the
// installation is for whoever sees all of it.
func (s *Service) ListExpiries(ctx context.Context, a Actor, q ExpiryQuery, p broker.Page) (Page[*broker.Expiry], error) {
	f := broker.ExpiryFilter{Realms: slices.Clone(a.Realms), Connection: q.Connection, Kind: q.Kind, Replaced: q.Replaced}
	if q.Realm != "" {
		if _, err := s.enter(ctx, a, q.Realm, toRead); err != nil {
			return Page[*broker.Expiry]{}, err
		}
		f.Realms = []string{q.Realm}
	} else if err := a.allow(toRead); err != nil {
		return Page[*broker.Expiry]{}, err
	}
	now := s.Now()
	if q.Within != "" {
		within, err := withinOf(q.Within)
		if err != nil {
			return Page[*broker.Expiry]{}, err
		}
		f.Before = now.Add(within)
	}
	found, next, err := s.Expiries.List(ctx, f, p)
	items := make([]*broker.Expiry, len(found))
	for i := range found {
		found[i].DaysLeft = found[i].Days(now)
		items[i] = &found[i]
	}
	return page(items, next, err)
}

// withinOf reads days, "60d", or a duration.
func withinOf(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(max(n, -1), 1<<16)) * 24 * time.Hour
	}
	if err != nil || d < 0 || d > longestWithin {
		var p problems
		p.add("/within", `%.32q is not a time like "60d" or "36h"`, s)
		return 0, p.err()
	}
	return d, nil
}

// datedSecret forgets when a secret ends where a patch replaced it without saying when the new one does: a date that
// belongs to the old secret would warn of nothing, or too late.
func datedSecret(c *broker.Connection, replaced []string, patch []byte) error {
	doc, err := parseObjectDoc(patch)
	if err != nil {
		return err
	}
	said := func(section string) bool {
		s, _ := doc[section].(map[string]any)
		_, ok := s["client_secret_expires_at"]
		return ok
	}
	if c.OIDC != nil && slices.Contains(replaced, "/oidc/client_secret") && !said("oidc") {
		c.OIDC.ClientSecretExpiresAt = time.Time{}
	}
	if c.OAuth2 != nil && slices.Contains(replaced, "/oauth2/client_secret") && !said("oauth2") {
		c.OAuth2.ClientSecretExpiresAt = time.Time{}
	}
	return nil
}
