package store

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// What a realm's sign-in page shows: enabled connections that are not hidden. A realm may have ten thousand, so each
// question reads a bounded stretch of an index and no more.

const (
	visible = "enabled AND NOT hide_on_login"
	// candidates bounds how many connections one search looks at, and how many slugs an allow-list may name.
	candidates = 100
	maxWords   = 24 // of one connection
	maxWord    = 64 // bytes
	maxAsked   = 5  // words of one search
)

// Visible gives the connections that a realm's page shows, by display name, after the one named after ("" for the first).
// A non-empty only is the list of slugs to which a client is limited; its first 100 count.
func (s *Connections) Visible(ctx context.Context, realm string, only []string, after string, limit int) (list []*broker.Connection, more bool, err error) {
	rows, err := find[connectionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		g = g.Table("connections").Where("realm = ? AND "+visible, realm)
		if len(only) > 0 {
			g = g.Where("slug IN ?", only[:min(len(only), candidates)])
		}
		if after != "" {
			g = g.Where("(sort_name, slug) > (SELECT sort_name, slug FROM connections WHERE realm = ? AND slug = ?)", realm, after)
		}
		return g.Order("sort_name, slug").Limit(limit + 1)
	})
	return s.cut(rows, limit, err)
}

func (s *Connections) cut(rows []connectionRow, limit int, err error) ([]*broker.Connection, bool, error) {
	if err != nil {
		return nil, false, err
	}
	more := len(rows) > limit
	list, err := things(rows[:min(len(rows), limit)], s.thing)
	return list, more, err
}

// Search gives the visible connections of a realm whose name, alias or slug has a word that begins with each word of the
// query, by display name. more says that the query is too short to show them all.
func (s *Connections) Search(ctx context.Context, realm string, only []string, query string, limit int) (list []*broker.Connection, more bool, err error) {
	asked := words(query, maxAsked)
	if len(asked) == 0 {
		return nil, false, nil
	}
	slugs, over := only[:min(len(only), candidates)], false
	if len(only) == 0 {
		if slugs, over, err = s.fewest(ctx, realm, asked); err != nil || len(slugs) == 0 {
			return nil, false, err
		}
	}
	found, err := s.matching(ctx, realm, slugs, asked)
	if err != nil || len(found) == 0 {
		return nil, over, err
	}
	more = over || len(found) > limit
	rows, err := find[connectionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("connections").Where("slug IN ?", found[:min(len(found), limit)]).Order("sort_name, slug")
	})
	list, _, err = s.cut(rows, limit, err)
	return list, more, err
}

// matching answers which of a few connections are visible and have all the words, by name. It reads names alone: the
// documents of a hundred connections are megabytes.
func (s *Connections) matching(ctx context.Context, realm string, slugs, asked []string) (found []string, err error) {
	type name struct{ Slug, Search string }
	rows, err := find[name](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("connections").Select("slug", "search").Where("slug IN ? AND realm = ? AND "+visible, slugs, realm).Order("sort_name, slug")
	})
	for _, r := range rows {
		has := words(r.Search, maxWords)
		if !slices.ContainsFunc(asked, func(w string) bool {
			return !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) })
		}) {
			found = append(found, r.Slug)
		}
	}
	return found, err
}

// fewest answers the slugs that the rarest of the words finds, and whether there are more of them than are looked at.
func (s *Connections) fewest(ctx context.Context, realm string, asked []string) (best []string, over bool, err error) {
	for i, w := range asked {
		slugs, full, err := s.withWord(ctx, realm, w)
		if err != nil {
			return nil, false, err
		}
		if i == 0 || over && !full || over == full && len(slugs) < len(best) {
			best, over = slugs, full
		}
	}
	return best, over, nil
}

func (s *Connections) withWord(ctx context.Context, realm, prefix string) (slugs []string, full bool, err error) {
	const query = "SELECT slug FROM connection_words WHERE realm = ? AND word >= ? AND word < ? ORDER BY word, slug LIMIT ?"
	n := 0
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		slugs, n = nil, 0
		return q.All(ctx, query, []any{realm, []byte(prefix), after(prefix), int64(candidates)}, func(scan func(...any) error) error {
			var slug string
			err := scan(&slug)
			slugs, n = append(slugs, slug), n+1
			return err
		})
	})
	slices.Sort(slugs)
	return slices.Compact(slugs), n == candidates, err
}

// after is the end of the range of a prefix: no UTF-8 text holds the byte 0xff.
func after(prefix string) []byte { return append([]byte(prefix), 0xff) }

// words are a text's words in lower case, the first n different ones.
func words(text string, n int) []string {
	var out []string
	split := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }
	for _, w := range strings.FieldsFunc(folded(strings.ToValidUTF8(text, "")), split) {
		if len(w) > maxWord {
			w = strings.ToValidUTF8(w[:maxWord], "")
		}
		if len(out) < n && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// index writes the side tables that ForDomain and Search look in.
func (s *Connections) index(ctx context.Context, t *engine.Txn, c *broker.Connection) error {
	if err := setDomains(ctx, t, c); err != nil {
		return err
	}
	if err := s.describe(ctx, t, c); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, "DELETE FROM connection_words WHERE slug = ?", c.Slug); err != nil {
		return err
	}
	if !c.Enabled || c.HideOnLogin {
		return nil
	}
	for _, w := range words(searchText(c.Slug, c.Alias, c.DisplayName), maxWords) {
		if _, err := t.Exec(ctx, "INSERT INTO connection_words (realm, word, slug) VALUES (?, ?, ?)", c.Realm, []byte(w), c.Slug); err != nil {
			return err
		}
	}
	return nil
}
