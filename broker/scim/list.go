package scim

import (
	"strconv"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/scim/filter"
)

// Bounds of a list: how many resources one answer holds, how many it holds if nobody says, and how many are read at once
// for a filter that no index answers.
const (
	maxCount     = 200
	defaultCount = 100
	scanPage     = 500
)

// query is what a list asks for (RFC 7644, section 3.4.2).
type query struct {
	find   broker.DirectoryQuery
	rest   filter.Node // what the index does not answer, nil for nothing
	start  int         // from 1
	count  int
	exact  filter.Exact
	nobody bool // the filter can name nobody
	limit  int  // of resources that the rest is tried on
}

func (k kind) query(c *call) (*query, error) {
	q := &query{exact: k.exact}
	var err error
	if q.start, err = whole(c.param("startIndex"), 1); err != nil {
		return nil, err
	}
	if q.count, err = whole(c.param("count"), defaultCount); err != nil {
		return nil, err
	}
	q.start, q.count = max(q.start, 1), min(max(q.count, 0), maxCount)
	text := strings.TrimSpace(c.param("filter"))
	if text == "" {
		return q, nil
	}
	n, err := filter.Parse(text)
	if err != nil {
		return nil, fault.New(fault.SCIMFilter, "%s: %.300s", err, text)
	}
	k.plan(q, n)
	return q, nil
}

func whole(s string, otherwise int) (int, error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > 1<<40 {
		return 0, fault.New(fault.SCIMValue, "%.50q is no number", s)
	}
	return n, nil
}

// plan gives to the index what it answers: comparisons by eq, alone or joined by and.
func (k kind) plan(q *query, n filter.Node) {
	switch n := n.(type) {
	case *filter.And:
		k.plan(q, n.Left)
		k.plan(q, n.Right)
		return
	case *filter.Compare:
		if n.Op == "eq" && k.indexed(q, n.Attr, n.Value) {
			return
		}
	case *filter.Within:
		if value, ok := eqValue(n.X); ok && n.Attr.Sub == "" && k.indexed(q, filter.Attr{Schema: n.Attr.Schema, Name: n.Attr.Name, Sub: "value"}, value) {
			if _, alone := n.X.(*filter.Compare); alone {
				return
			}
		}
	}
	if q.rest == nil {
		q.rest = n
	} else {
		q.rest = &filter.And{Left: q.rest, Right: n}
	}
}

// eqValue is what a filter on elements demands of their value.
func eqValue(n filter.Node) (any, bool) {
	switch n := n.(type) {
	case *filter.And:
		if v, ok := eqValue(n.Left); ok {
			return v, true
		}
		return eqValue(n.Right)
	case *filter.Compare:
		return n.Value, n.Op == "eq" && strings.EqualFold(n.Attr.Name, "value")
	}
	return nil, false
}

// indexed puts a comparison into the query, if there is an index for it and it has none yet.
func (k kind) indexed(q *query, a filter.Attr, value any) bool {
	urn, attr, ok := k.resolve(filter.Attr{Schema: a.Schema, Name: a.Name})
	if !ok || urn != "" {
		return false
	}
	name := attr.Name
	if a.Sub != "" || attr.Name == "emails" || attr.Name == "members" {
		name += "." + strings.ToLower(a.Sub)
	}
	if k.endpoint == "Users" && name == "active" {
		return indexedFlag(q, value)
	}
	to := k.column(q, strings.TrimSuffix(name, "."))
	text, isText := value.(string)
	if to == nil || !isText || *to != "" && *to != text {
		return false
	}
	q.nobody = q.nobody || text == "" || len(text) > maxName || strings.ContainsRune(text, 0)
	*to = text
	return true
}

func indexedFlag(q *query, value any) bool {
	b, err := booleanOf(value, "active")
	active, ok := b.(bool)
	if err != nil || !ok || q.find.Active != nil {
		return false
	}
	q.find.Active = &active
	return true
}

// column is where the query has what an attribute is compared with; nil for attributes without an index.
func (k kind) column(q *query, name string) *string {
	switch k.endpoint + " " + name {
	case "Users userName":
		return &q.find.UserName
	case "Users emails", "Users emails.value":
		return &q.find.Email
	case "Groups members", "Groups members.value":
		return &q.find.Member
	}
	switch name {
	case "id":
		return &q.find.ID
	case "externalId":
		return &q.find.ExternalID
	case "displayName":
		return &q.find.DisplayName
	}
	return nil
}

// listOf answers a list. page reads from the index, after reads on beyond an ID, show gives a resource its outward form,
// and id its ID.
func listOf[T any](c *call, q *query, page func(offset, limit int) ([]T, int64, error), after func(id string, limit int) ([]T, error), show func(T) (object, error), id func(T) string) (*reply, error) {
	if q.nobody {
		return c.list(q, 0, nil), nil
	}
	if q.rest == nil {
		found, total, err := page(q.start-1, q.count)
		if err != nil {
			return nil, err
		}
		out := make([]object, 0, len(found))
		for _, v := range found {
			o, err := show(v)
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		return c.list(q, total, out), nil
	}
	return scan(c, q, after, show, id)
}

// scan tries the rest of a filter on what the index answers.
func scan[T any](c *call, q *query, after func(id string, limit int) ([]T, error), show func(T) (object, error), id func(T) string) (*reply, error) {
	var out []object
	total, seen, page := 0, 0, min(scanPage, q.limit+1)
	for last := ""; ; {
		found, err := after(last, page)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			o, err := show(v)
			if err != nil {
				return nil, err
			}
			if last = id(v); !filter.Match(q.rest, o, q.exact) {
				continue
			}
			if total++; total >= q.start && len(out) < q.count {
				out = append(out, o)
			}
		}
		if len(found) < page {
			return c.list(q, int64(total), out), nil
		}
		if seen += len(found); seen > q.limit {
			return nil, fault.New(fault.SCIMTooMany, "the filter has no index, and there are more than %d resources", q.limit)
		}
	}
}

func (f *Front) listUsers(c *call) (*reply, error) {
	q, err := users().query(c)
	if err != nil {
		return nil, err
	}
	q.limit = f.ScanLimit
	slug, store := c.caller.Conn.Slug, f.Engine.Store
	show := func(u *broker.DirectoryUser) (object, error) { return f.showUser(c, u, nil) }
	if c.wanted("groups") || mentions(q.rest, "groups") {
		show = func(u *broker.DirectoryUser) (object, error) { return f.withGroups(c, u) }
	}
	return listOf(c, q,
		func(offset, limit int) ([]*broker.DirectoryUser, int64, error) {
			return store.Users(c.ctx, slug, q.find, offset, limit)
		},
		func(id string, limit int) ([]*broker.DirectoryUser, error) {
			return store.UsersAfter(c.ctx, slug, q.find, id, limit)
		},
		show, func(u *broker.DirectoryUser) string { return u.ID })
}

func (f *Front) listGroups(c *call) (*reply, error) {
	q, err := groups().query(c)
	if err != nil {
		return nil, err
	}
	q.limit = f.ScanLimit
	slug, store, left := c.caller.Conn.Slug, f.Engine.Store, membersShown
	show := func(g *broker.DirectoryGroup) (object, error) {
		o, n, err := f.showGroup(c, g, left)
		left -= n
		return o, err
	}
	if mentions(q.rest, "members") {
		return nil, fault.New(fault.SCIMFilter, "groups are found by members.value eq, which may be joined to others by and")
	}
	if q.rest != nil {
		show = func(g *broker.DirectoryGroup) (object, error) {
			o, _, err := f.showGroup(c, g, -1)
			return o, err
		}
	}
	return listOf(c, q,
		func(offset, limit int) ([]*broker.DirectoryGroup, int64, error) {
			return store.Groups(c.ctx, slug, q.find, offset, limit)
		},
		func(id string, limit int) ([]*broker.DirectoryGroup, error) {
			return store.GroupsAfter(c.ctx, slug, q.find, id, limit)
		},
		show, func(g *broker.DirectoryGroup) string { return g.ID })
}

// mentions reports whether a filter looks at an attribute.
func mentions(n filter.Node, name string) bool {
	switch n := n.(type) {
	case *filter.And:
		return mentions(n.Left, name) || mentions(n.Right, name)
	case *filter.Or:
		return mentions(n.Left, name) || mentions(n.Right, name)
	case *filter.Not:
		return mentions(n.X, name)
	case *filter.Within:
		return strings.EqualFold(n.Attr.Name, name)
	case *filter.Compare:
		return strings.EqualFold(n.Attr.Name, name)
	}
	return false
}

// search is a list whose query is a body (RFC 7644, section 3.4.3).
func (f *Front) search(list func(c *call) (*reply, error)) func(c *call) (*reply, error) {
	return func(c *call) (*reply, error) {
		body, err := parse(c.body)
		if err != nil {
			return nil, err
		}
		c.search = body
		return list(c)
	}
}
