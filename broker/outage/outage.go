// Package outage tells an identity provider's trouble from a customer's: where several connections to one vendor fail
// within minutes, nothing is wrong with the settings of any of them.
//
// The evidence is counted over all realms, and nothing of it is told: an answer is the vendor's name or nothing.
package outage

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

const (
	// within is how long ago a failure may lie to count.
	within = 10 * time.Minute
	// enough connections must fail together, the one that is asked about among them.
	enough = 3
	// maxStandings bounds what is read of all realms, maxFailing how many connections are looked up.
	maxStandings = 2000
	maxFailing   = 100
)

// Store answers how connections of all realms did lately.
type Store interface {
	// Standings gives the last sign-ins and preflights since a time, the newest first, n of each at most.
	Standings(ctx context.Context, since time.Time, n int) ([]broker.Standing, error)
}

// Connections answers a connection by its slug.
type Connections func(ctx context.Context, slug string) (*broker.Connection, error)

// Watch knows which vendors are in trouble.
type Watch struct {
	Store       Store
	Connections Connections
	Title       func(preset string) string // what people call a preset's provider
	Now         func() time.Time
}

// Vendor is the name of a connection's provider if several connections to it fail right now, that one counted as one; ""
// otherwise, and where the evidence cannot be read: a diagnosis is made without it rather than not at all.
func (w *Watch) Vendor(ctx context.Context, c *broker.Connection) string {
	home := homeOf(c)
	if home == "" {
		return ""
	}
	all, err := w.Store.Standings(ctx, w.Now().Add(-within), maxStandings)
	if err != nil {
		return ""
	}
	failing := 1
	for _, slug := range failed(all) {
		if slug == c.Slug {
			continue
		}
		if other, err := w.Connections(ctx, slug); err == nil && homeOf(other) == home {
			failing++
		}
		if failing >= enough {
			return w.name(c, home)
		}
	}
	return ""
}

// failed are the connections whose last sign-in or preflight failed by a trouble that passes.
func failed(all []broker.Standing) (slugs []string) {
	seen := map[string]bool{}
	for _, s := range all {
		if s.Connection == "" || seen[s.Connection] {
			continue
		}
		seen[s.Connection] = true
		if fault.Passing(s.Code) && len(slugs) < maxFailing {
			slugs = append(slugs, s.Connection)
		}
	}
	return slugs
}

func (w *Watch) name(c *broker.Connection, home string) string {
	if hosted(c.Preset) {
		return w.Title(c.Preset)
	}
	return home
}

// hosted says that a preset's provider is one service for all its customers.
func hosted(preset string) bool {
	switch preset {
	case "okta", "entra", "microsoft", "google", "onelogin", "pingone", "jumpcloud", "github", "apple":
		return true
	}
	return false
}

// homeOf is what connections to one vendor have in common: the domain that its address lies in, the address itself where
// it is a bare IP; the preset where none is entered and the vendor is one service.
func homeOf(c *broker.Connection) string {
	u, err := url.Parse(addressOf(c))
	if err != nil || u.Hostname() == "" {
		if hosted(c.Preset) {
			return c.Preset
		}
		return ""
	}
	host := strings.ToLower(u.Hostname())
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || net.ParseIP(host) != nil {
		return u.Host
	}
	return domain
}

func addressOf(c *broker.Connection) string {
	switch {
	case c.SAML != nil:
		return cmp.Or(c.SAML.MetadataURL, c.SAML.SSOURL)
	case c.OIDC != nil:
		return c.OIDC.Issuer
	case c.OAuth2 != nil:
		return cmp.Or(c.OAuth2.TokenURL, c.OAuth2.AuthorizeURL)
	case c.LDAP != nil:
		return c.LDAP.URL
	}
	return ""
}
