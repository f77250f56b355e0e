package store

import (
	"context"
	"encoding/xml"
	"errors"
	"regexp"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Overview is what lists over all realms show. Of each connection it keeps a small row beside the connection itself, whose
// document may be a megabyte: names and identifiers to search, and how it stands. Traces of logins, test logins, checks
// and expiries write there what they know.
type Overview struct{ base }

// describe writes what the row takes from the connection. A change of it begins a new count of successes.
func (b base) describe(ctx context.Context, t *engine.Txn, c *broker.Connection) error {
	changed := engine.Micro(c.UpdatedAt)
	_, err := t.Exec(ctx, "INSERT INTO connection_overview (realm, slug, of_version, enabled, alias, display_name, protocol, preset, search, upstream, created_at, changed_at, check_due)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT (realm, slug) DO UPDATE SET of_version = excluded.of_version, enabled = excluded.enabled, alias = excluded.alias,"+
		" display_name = excluded.display_name, protocol = excluded.protocol, preset = excluded.preset, search = excluded.search, changed_at = excluded.changed_at, oks_since_change = 0,"+
		" check_due = CASE WHEN connection_overview.check_due = 0 THEN excluded.check_due ELSE connection_overview.check_due END",
		c.Realm, c.Slug, c.Version, c.Enabled, c.Alias, c.DisplayName, c.Protocol, c.Preset, identifiers(c), engine.Micro(c.CreatedAt), changed,
		engine.Micro(broker.NextCheck(c.Slug, b.db.Clock())))
	return err
}

// maxSearched bounds the text that a connection is searched in.
const maxSearched = 8 << 10

// identifiers is all that a connection is known by, here and at its provider.
func identifiers(c *broker.Connection) string {
	parts := append([]string{c.Slug, c.Alias, c.DisplayName}, c.Domains...)
	if s := c.SAML; s != nil {
		parts = append(parts, s.EntityID, s.MetadataURL, s.SSOURL, s.SPEntityID, entityOf(s.MetadataXML))
	}
	if o := c.OIDC; o != nil {
		parts = append(parts, o.Issuer, o.ClientID, o.Tenant)
	}
	if o := c.OAuth2; o != nil {
		parts = append(parts, o.ClientID, o.AuthorizeURL)
	}
	if l := c.LDAP; l != nil {
		parts = append(parts, l.URL, l.UserBase)
	}
	return engine.Text(searchText(parts...), maxSearched)
}

// entityOf is the entity ID on the first element of a metadata document, "" where there is none.
func entityOf(doc string) string {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		first, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range first.Attr {
			if a.Name.Local == "entityID" {
				return a.Value
			}
		}
		return ""
	}
}

// entityRE finds the first entity ID in metadata, also inside a JSON text.
var entityRE = regexp.MustCompile(`entityID=\\?["']([^"'\\<>]{1,1000})`)

// found notes the identifier that a provider's remembered metadata begins with.
func (b base) found(ctx context.Context, q engine.Q, slug string, stored []byte) error {
	upstream := ""
	if m := entityRE.FindSubmatch(stored); m != nil {
		upstream = engine.Text(folded(string(m[1])), maxSearched)
	}
	_, err := q.Exec(ctx, "UPDATE connection_overview SET upstream = ? WHERE slug = ? AND upstream <> ?", upstream, slug, upstream)
	return err
}

// drainCounts deletes what was counted of a connection or a realm.
func (b base) drainCounts(ctx context.Context, where string, args ...any) error {
	for _, t := range []struct{ name, key string }{
		{"login_days", "realm, connection, client, day"},
		{"login_hours", "connection, hour, realm"},
		{"login_faults", "realm, connection, code, day"},
		{"login_failing", "connection, realm, day, person"},
	} {
		if err := b.drain(ctx, t.name, t.key, where, args...); err != nil {
			return err
		}
	}
	return nil
}

// Catch describes up to n connections anew that were changed by an earlier version of this program, and answers how many
// there were.
func (s *Overview) Catch(ctx context.Context, n int) (int, error) {
	var behind []string
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		behind = nil
		return q.All(ctx, "SELECT c.slug FROM connections c LEFT JOIN connection_overview o ON o.realm = c.realm AND o.slug = c.slug WHERE o.slug IS NULL OR o.of_version <> c.version OR o.check_due = 0 LIMIT ?",
			[]any{int64(n)}, func(scan func(...any) error) error {
				var slug string
				err := scan(&slug)
				behind = append(behind, slug)
				return err
			})
	})
	for _, slug := range behind {
		if err == nil {
			err = s.catch(ctx, slug)
		}
	}
	return len(behind), err
}

func (s *Overview) catch(ctx context.Context, slug string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		c, err := (&Connections{s.base}).Get(ctx, slug)
		if errors.Is(err, broker.ErrNotFound) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return s.describe(ctx, t, c)
	})
}

// Tested counts a test login that came to an end.
func (s *Overview) Tested(ctx context.Context, realm, slug, by string, passed bool, at time.Time) error {
	rate := broker.Rate{Failed: 1}
	if passed {
		rate = broker.Rate{OK: 1}
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, "UPDATE connection_overview SET tests_ok = tests_ok + ?, tests_failed = tests_failed + ? WHERE realm = ? AND slug = ?", rate.OK, rate.Failed, realm, slug)
		if err != nil {
			return err
		}
		n := engine.Micro(at)
		_, err = t.Exec(ctx, "UPDATE connection_overview SET last_test_at = ?, last_test_passed = ?, last_test_by = ? WHERE realm = ? AND slug = ? AND last_test_at <= ?", n, passed, engine.Text(by, 512), realm, slug, n)
		return err
	})
}

// Note keeps what is known from elsewhere of some connections: when the first thing of each expires, and how many changes
// wait for review. A connection that a map leaves out has none.
func (s *Overview) Note(ctx context.Context, slugs []string, expiries map[string]time.Time, reviews map[string]int) error {
	type known struct{ expiry, reviews int64 }
	stored := map[string]known{}
	where, args := engine.In("slug", append([]string{}, slugs...))
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.All(ctx, "SELECT slug, next_expiry, reviews FROM connection_overview WHERE "+where, args, func(scan func(...any) error) error {
			var slug string
			var k known
			err := scan(&slug, &k.expiry, &k.reviews)
			stored[slug] = k
			return err
		})
	})
	for _, slug := range slugs {
		now := known{engine.Micro(expiries[slug]), int64(reviews[slug])}
		if was, ok := stored[slug]; err != nil || !ok || was == now {
			continue
		}
		err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
			_, err := q.Exec(ctx, "UPDATE connection_overview SET next_expiry = ?, reviews = ? WHERE slug = ?", now.expiry, now.reviews, slug)
			return err
		})
	}
	return err
}

// Slugs gives slugs of the installation's connections beyond one, in order.
func (s *Overview) Slugs(ctx context.Context, after string, n int) (out []string, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT slug FROM connection_overview WHERE slug > ? ORDER BY slug LIMIT ?", []any{after, int64(n)}, func(scan func(...any) error) error {
			var slug string
			err := scan(&slug)
			out = append(out, slug)
			return err
		})
	})
	return out, err
}
