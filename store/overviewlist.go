package store

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// narrowed is a list under way: conditions with their arguments, in order.
type narrowed struct {
	where []string
	args  []any
}

func (n *narrowed) and(cond string, args ...any) {
	n.where, n.args = append(n.where, cond), append(n.args, args...)
}

func (n *narrowed) in(column string, values []string) {
	cond, args := engine.In(column, values)
	n.and(cond, args...)
}

func (n *narrowed) text() string { return strings.Join(n.where, " AND ") }

// contains is the pattern of a text that is somewhere in another.
func contains(s string) string { return "%" + engine.Like(folded(s)) + "%" }

// found bounds how many connections an address or a reference may lead to.
const foundConnections = 100

// Connections gives the connections of some realms, nil for all, whom a filter names, by realm and slug.
func (s *Overview) Connections(ctx context.Context, realms []string, f broker.ConnectionFilter, p broker.Page) ([]*broker.ConnectionOverview, string, error) {
	after, err := engine.Keys(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	n, err := s.narrow(ctx, realms, f)
	if err != nil {
		return nil, "", err
	}
	if after != nil {
		n.and("(o.realm, o.slug) > (?, ?)", after[0], after[1])
	}
	keys, err := s.keys(ctx, n, f.Status, p.Size()+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(keys) > p.Size() {
		keys = keys[:p.Size()]
		last := keys[len(keys)-1]
		next = engine.Cursor(last[0], last[1])
	}
	slugs := make([]string, len(keys))
	for i, k := range keys {
		slugs[i] = k[1]
	}
	out, err := s.details(ctx, slugs)
	return out, next, err
}

// keys are realm and slug of the first connections of a list. Only a status asks for the judge.
func (s *Overview) keys(ctx context.Context, n *narrowed, status string, limit int) (out [][2]string, err error) {
	query, args := "SELECT o.realm, o.slug FROM connection_overview o WHERE "+n.text(), n.args
	if status != "" {
		now := s.db.Clock()
		from, fromArgs := judged(now, "1 = 1", nil)
		whys, whyArgs := engine.In(judge, append([]string{}, broker.WhysOf(status)...))
		query, args = "SELECT o.realm, o.slug"+from+" WHERE "+n.text()+" AND "+whys, join(fromArgs, n.args, judgeArgs(now), whyArgs)
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, query+" ORDER BY o.realm, o.slug LIMIT ?", join(args, []any{int64(limit)}), func(scan func(...any) error) error {
			var k [2]string
			err := scan(&k[0], &k[1])
			out = append(out, k)
			return err
		})
	})
	return out, err
}

// narrow turns a filter into conditions on connection_overview.
func (s *Overview) narrow(ctx context.Context, realms []string, f broker.ConnectionFilter) (*narrowed, error) {
	n := &narrowed{}
	n.in("o.realm", realms)
	for _, c := range []struct{ column, value string }{{"o.realm", f.Realm}, {"o.protocol", f.Protocol}, {"o.preset", f.Preset}} {
		if c.value != "" {
			n.and(c.column+" = ?", c.value)
		}
	}
	if f.Expiring {
		n.and("o.next_expiry > 0 AND o.next_expiry <= ?", engine.Micro(s.db.Clock().Add(listed)))
	}
	if f.NeverTested {
		n.and("o.last_test_at = 0")
	}
	if f.Failing {
		n.and("o.failures > 0")
	}
	if f.Query == "" {
		return n, nil
	}
	slugs, err := s.leads(ctx, realms, f.Query)
	if err != nil {
		return nil, err
	}
	in, args := engine.In("o.slug", append([]string{}, slugs...))
	like := contains(f.Query)
	n.and("(o.search LIKE ? ESCAPE '!' OR o.upstream LIKE ? ESCAPE '!' OR o.realm IN (SELECT name FROM realms WHERE search LIKE ? ESCAPE '!') OR "+in+")", join([]any{like, like, like}, args)...)
	return n, nil
}

// leads are the connections that an address or a login's reference leads to: those of the address's domain, those that
// the person is linked to, and those that the login went through.
func (s *Overview) leads(ctx context.Context, realms []string, query string) (slugs []string, err error) {
	query = folded(strings.TrimSpace(query))
	collect := func(q engine.Q, text string, n *narrowed) error {
		return q.All(ctx, text+n.text()+" LIMIT ?", join(n.args, []any{int64(foundConnections)}), func(scan func(...any) error) error {
			var slug string
			err := scan(&slug)
			slugs = append(slugs, slug)
			return err
		})
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		slugs = nil
		if at := strings.LastIndexByte(query, '@'); at > 0 {
			domain, person := &narrowed{}, &narrowed{}
			domain.in("realm", realms)
			domain.and("domain = ?", query[at+1:])
			person.in("u.realm", realms)
			person.and(addressColumn(realms)+" = ?", emailKey(query))
			if err := collect(q, "SELECT slug FROM connection_domains WHERE ", domain); err != nil {
				return err
			}
			if err := collect(q, "SELECT DISTINCT l.connection FROM users u JOIN links l ON l.realm = u.realm AND l.user_id = u.id WHERE ", person); err != nil {
				return err
			}
		}
		ref, ok := broker.ParseRef(query)
		if !ok {
			return nil
		}
		login := &narrowed{}
		login.in("realm", realms)
		login.and("ref = ? AND connection <> ''", ref)
		return collect(q, "SELECT DISTINCT connection FROM traces WHERE ", login)
	})
	return slugs, err
}

// Realms gives some realms, nil for all, by name; the page's Query is a part of a name.
func (s *Overview) Realms(ctx context.Context, realms []string, p broker.Page) ([]*broker.RealmOverview, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	n := &narrowed{}
	n.in("name", realms)
	if p.Query != "" {
		n.and("search LIKE ? ESCAPE '!'", contains(p.Query))
	}
	if after != nil {
		n.and("name > ?", after[0])
	}
	var out []*broker.RealmOverview
	next := ""
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out, next = nil, ""
		err := q.All(ctx, "SELECT name, doc FROM realms WHERE "+n.text()+" ORDER BY name LIMIT ?", join(n.args, []any{int64(p.Size() + 1)}), func(scan func(...any) error) error {
			r, err := scanRealm(scan)
			out = append(out, &broker.RealmOverview{Name: r.Name, DisplayName: r.DisplayName, Hub: r.Hub})
			return err
		})
		if err != nil {
			return err
		}
		if len(out) > p.Size() {
			out = out[:p.Size()]
			next = engine.Cursor(out[len(out)-1].Name)
		}
		return s.countRealms(ctx, q, out)
	})
	return out, next, err
}

// countRealms fills the counts of a page of realms.
func (s *Overview) countRealms(ctx context.Context, q engine.Q, list []*broker.RealmOverview) error {
	by, names := map[string]*broker.RealmOverview{}, make([]string, len(list))
	for i, r := range list {
		by[r.Name], names[i] = r, r.Name
	}
	in, args := engine.In("realm", names)
	counts := func(query string, args []any, set func(r *broker.RealmOverview, a, b int64)) error {
		return q.All(ctx, query, args, func(scan func(...any) error) error {
			var realm string
			var a, b int64
			err := scan(&realm, &a, &b)
			if r := by[realm]; r != nil {
				set(r, a, b)
			}
			return err
		})
	}
	if err := counts("SELECT realm, COUNT(*), 0 FROM domains WHERE "+in+" GROUP BY realm", args, func(r *broker.RealmOverview, n, _ int64) { r.Domains = n }); err != nil {
		return err
	}
	inNames, _ := engine.In("r.name", names)
	people := "SELECT r.name, (SELECT COUNT(*) FROM (SELECT 1 FROM users u WHERE u.realm = r.name LIMIT ?) x), 0 FROM realms r WHERE " + inNames
	if err := counts(people, join([]any{int64(broker.PeopleCounted)}, args), func(r *broker.RealmOverview, n, _ int64) { r.People = n }); err != nil {
		return err
	}
	since := s.db.Clock().Unix()/86400 - 6
	rates := "SELECT realm, CAST(SUM(ok) AS BIGINT), CAST(SUM(failed) AS BIGINT) FROM login_days WHERE " + in + " AND connection = '' AND client = '' AND day >= ? GROUP BY realm"
	if err := counts(rates, join(args, []any{since}), func(r *broker.RealmOverview, ok, failed int64) { r.Week = broker.Rate{OK: ok, Failed: failed} }); err != nil {
		return err
	}
	return s.worst(ctx, q, by, names)
}

// worst counts the connections of some realms and notes the status of the one that stands worst.
func (s *Overview) worst(ctx context.Context, q engine.Q, by map[string]*broker.RealmOverview, names []string) error {
	now := s.db.Clock()
	inDay, dayArgs := engine.In("realm", names)
	from, fromArgs := judged(now, inDay, dayArgs)
	in, args := engine.In("o.realm", names)
	query := "SELECT realm, why, COUNT(*) FROM (SELECT o.realm AS realm, " + judge + " AS why" + from + " WHERE " + in + ") x GROUP BY realm, why"
	return q.All(ctx, query, join(judgeArgs(now), fromArgs, args), func(scan func(...any) error) error {
		var realm, why string
		var n int64
		err := scan(&realm, &why, &n)
		if r := by[realm]; r != nil {
			var h broker.Health
			h.Judge(why)
			r.Connections += n
			if r.Status == "" || broker.Worse(h.Status, r.Status) {
				r.Status = h.Status
			}
		}
		return err
	})
}
