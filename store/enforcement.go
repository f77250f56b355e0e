package store

import (
	"context"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// ofDomains is the condition that a user u of a realm has an address in one of the domains.
func ofDomains(realm string, domains []string) (where string, args []any) {
	likes := make([]string, len(domains))
	args = []any{realm, broker.StatusMerged}
	for i, d := range domains {
		likes[i] = "u.email LIKE ? ESCAPE '!'"
		args = append(args, "%@"+engine.Like(d))
	}
	return "u.realm = ? AND u.standing <> ? AND (" + strings.Join(slices.Concat(likes, []string{"1 = 0"}), " OR ") + ")", args
}

const linkedHere = "EXISTS (SELECT 1 FROM links l WHERE l.realm = u.realm AND l.connection = ? AND l.user_id = u.id)"

// EnforcementCounts counts whom the enforcement of a connection would concern.
func (s *Users) EnforcementCounts(ctx context.Context, c *broker.Connection) (n broker.EnforcementCounts, err error) {
	where, args := ofDomains(c.Realm, c.Domains)
	people := "SELECT COUNT(*), COUNT(CASE WHEN u.excluded THEN 1 END)," +
		" COUNT(CASE WHEN NOT u.excluded AND " + linkedHere + " THEN 1 END)," +
		" COUNT(CASE WHEN NOT u.excluded AND NOT " + linkedHere + " AND EXISTS (SELECT 1 FROM links l WHERE l.realm = u.realm AND l.user_id = u.id) THEN 1 END)" +
		" FROM users u WHERE " + where
	sessions := "SELECT COUNT(*) FROM sessions s JOIN users u ON u.realm = s.home_realm AND u.id = s.user_id WHERE s.connection <> ? AND s.ends_at > ? AND NOT u.excluded AND " + where
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		if err := q.Row(ctx, people, append([]any{c.Slug, c.Slug}, args...), &n.People, &n.Excluded, &n.Keep, &n.Elsewhere); err != nil {
			return err
		}
		return q.Row(ctx, sessions, append([]any{c.Slug, engine.Micro(s.db.Clock())}, args...), &n.Sessions)
	})
	n.Lose = n.People - n.Excluded - n.Keep
	return n, err
}

// Concerned lists, by address, the people of a connection's domains who do not come through it: those who would lose
// their way in, and those who are excluded.
func (s *Users) Concerned(ctx context.Context, c *broker.Connection, p broker.Page) ([]*broker.User, string, error) {
	where, args := ofDomains(c.Realm, c.Domains)
	where, args = where+" AND NOT "+linkedHere, append(args, c.Slug)
	after, err := engine.Keys(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		where, args = where+" AND (u.email_key, u.id) > (?, ?)", append(args, after[0], after[1])
	}
	rows, err := s.rows(ctx, "SELECT "+userColumns+" FROM users u WHERE "+where+" ORDER BY u.email_key, u.id LIMIT ?", append(args, int64(p.Size()+1))...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > p.Size() {
		rows = rows[:p.Size()]
		last := rows[len(rows)-1]
		next = engine.Cursor(emailKey(last.Email), last.ID)
	}
	out, err := things(rows, (*userRow).user)
	return out, next, err
}

// Excluded lists up to n people of a realm who are excluded from enforcement and may sign in.
func (s *Users) Excluded(ctx context.Context, realm string, n int) ([]*broker.User, error) {
	rows, err := s.rows(ctx, "SELECT "+userColumns+" FROM users u WHERE u.realm = ? AND u.excluded ORDER BY u.email_key, u.id LIMIT ?", realm, int64(n))
	if err != nil {
		return nil, err
	}
	all, err := things(rows, (*userRow).user)
	out := all[:0]
	for _, u := range all {
		if standing(u) == broker.StatusActive {
			out = append(out, u)
		}
	}
	return out, err
}
