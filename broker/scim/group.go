package scim

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/directory"
	"cloakroom/broker/fault"
	"cloakroom/broker/scim/filter"
)

// Bounds of a group's members: how many one message may name, and how many an answer shows. Of a larger group they are
// left out, as if the directory had asked for that.
const (
	maxMembers   = 20_000
	membersShown = 20_000
	membersPage  = 1000
)

// groupOf reads a group in normal form. Members that are groups are refused: nobody would be in the group by them.
func groupOf(doc object) (directory.Group, []string, error) {
	g := directory.Group{DisplayName: textIn(doc, "displayName"), ExternalID: textIn(doc, "externalId")}
	switch {
	case strings.TrimSpace(g.DisplayName) == "":
		return g, nil, fault.New(fault.SCIMValue, "displayName is missing")
	case len(g.DisplayName) > 255 || len(g.ExternalID) > maxName:
		return g, nil, fault.New(fault.SCIMValue, "displayName is longer than 255 bytes, or externalId than %d", maxName)
	}
	if err := (&broker.Group{Name: g.DisplayName}).Validate(); err != nil {
		return g, nil, fault.Wrap(fault.SCIMValue, err, "displayName %.100q is no name of a group: it begins or ends with a blank or holds a control character", g.DisplayName)
	}
	ids, err := memberIDs(doc["members"])
	return g, ids, err
}

func memberIDs(v any) ([]string, error) {
	a, _ := find(groupAttributes().attrs, "members")
	typed, err := a.typed(v, "members")
	if err != nil {
		return nil, err
	}
	list, _ := typed.([]any)
	if len(list) > maxMembers {
		return nil, fault.New(fault.SCIMValue, "members has more than %d values", maxMembers)
	}
	ids := make([]string, 0, len(list))
	for _, m := range list {
		o, _ := m.(object)
		id := textIn(o, "value")
		switch {
		case id == "":
			return nil, fault.New(fault.SCIMValue, "a member has no value")
		case strings.EqualFold(textIn(o, "type"), "Group"):
			return nil, fault.New(fault.SCIMMember, "the member %.100q is a group: groups in groups are not taken, assign their people", id)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (f *Front) createGroup(c *call) (*reply, error) {
	doc, err := f.sent(c, groups())
	if err != nil {
		return nil, err
	}
	in, ids, err := groupOf(doc)
	if err != nil {
		return nil, err
	}
	in.Members = []directory.Membership{{Add: ids}}
	g, err := f.Engine.CreateGroup(c.ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	return f.groupReply(c, 201, g)
}

func (f *Front) groupReply(c *call, status int, g *broker.DirectoryGroup) (*reply, error) {
	doc, _, err := f.showGroup(c, g, membersShown)
	if err != nil {
		return nil, err
	}
	return c.resource(status, doc, g.Version), nil
}

// showGroup is a group as the directory reads it, with its members if they are at most limit; n is how many it shows.
func (f *Front) showGroup(c *call, g *broker.DirectoryGroup, limit int) (doc object, n int, err error) {
	doc = object{"schemas": []string{groupSchema}, "id": g.ID, "displayName": g.DisplayName, "meta": f.meta(c, "Group", "Groups", g.ID, g.Meta)}
	if g.ExternalID != "" {
		doc["externalId"] = g.ExternalID
	}
	if !c.wants("members") || g.Members > int64(limit) {
		return doc, 0, nil
	}
	members := []any{}
	for after := ""; ; {
		list, err := f.Engine.Store.Members(c.ctx, g.Connection, g.ID, after, membersPage)
		if err != nil {
			return nil, 0, err
		}
		for _, m := range list {
			members = append(members, object{"value": m.ID, "display": m.Display, "type": "User", "$ref": f.location(c, "Users", m.ID)})
			after = m.ID
		}
		if len(list) < membersPage || len(members) > limit {
			break
		}
	}
	doc["members"] = members
	return doc, len(members), nil
}

func (f *Front) getGroup(c *call) (*reply, error) {
	g, err := f.Engine.Store.Group(c.ctx, c.caller.Conn.Slug, c.id)
	if err != nil {
		return nil, notFound(err, "group", c.id)
	}
	return f.groupReply(c, 200, g)
}

func (f *Front) replaceGroup(c *call) (*reply, error) {
	doc, err := f.sent(c, groups())
	if err != nil {
		return nil, err
	}
	in, ids, err := groupOf(doc)
	if err != nil {
		return nil, err
	}
	g, err := f.Engine.UpdateGroup(c.ctx, c.caller, c.id, func(ctx context.Context, g *broker.DirectoryGroup) (directory.Group, error) {
		gone, err := f.others(ctx, g, ids)
		in.Members = []directory.Membership{{Remove: gone, Add: ids}}
		if err == nil {
			err = c.match(g.Version)
		}
		return in, err
	})
	if err != nil {
		return nil, notFound(err, "group", c.id)
	}
	return f.groupReply(c, 200, g)
}

// others are a group's members who are not among ids: those that a replacement removes. Who stays is left alone.
func (f *Front) others(ctx context.Context, g *broker.DirectoryGroup, ids []string) ([]string, error) {
	stay := map[string]bool{}
	for _, id := range ids {
		stay[id] = true
	}
	var gone []string
	err := f.eachMember(ctx, g, func(m broker.DirectoryMember) {
		if !stay[m.ID] {
			gone = append(gone, m.ID)
		}
	})
	return gone, err
}

func (f *Front) eachMember(ctx context.Context, g *broker.DirectoryGroup, each func(m broker.DirectoryMember)) error {
	for after := ""; ; {
		list, err := f.Engine.Store.Members(ctx, g.Connection, g.ID, after, membersPage)
		if err != nil {
			return err
		}
		for _, m := range list {
			each(m)
			after = m.ID
		}
		if len(list) < membersPage {
			return nil
		}
	}
}

// patchGroup answers 204: a large group need not be read again for each member that is added (RFC 7644, section 3.5.2).
func (f *Front) patchGroup(c *call) (*reply, error) {
	ops, err := f.patch(c)
	if err != nil {
		return nil, err
	}
	_, err = f.Engine.UpdateGroup(c.ctx, c.caller, c.id, func(ctx context.Context, g *broker.DirectoryGroup) (directory.Group, error) {
		if err := c.match(g.Version); err != nil {
			return directory.Group{}, err
		}
		return f.patched(ctx, g, ops)
	})
	if err != nil {
		return nil, notFound(err, "group", c.id)
	}
	return &reply{status: 204}, nil
}

// patched is a group after the operations. Those on members become steps, so that the members need not be read.
func (f *Front) patched(ctx context.Context, g *broker.DirectoryGroup, ops []operation) (directory.Group, error) {
	doc := object{"displayName": g.DisplayName, "externalId": g.ExternalID}
	var steps []directory.Membership
	for _, op := range ops {
		rest, members, err := apart(op)
		if err != nil {
			return directory.Group{}, err
		}
		for _, m := range members {
			step, err := f.membership(ctx, g, m)
			if err != nil {
				return directory.Group{}, err
			}
			steps = append(steps, step)
		}
		if rest == nil {
			continue
		}
		if err := groups().step(doc, *rest); err != nil {
			return directory.Group{}, err
		}
	}
	next, err := groups().normalise(doc)
	if err != nil {
		return directory.Group{}, err
	}
	out, _, err := groupOf(next)
	out.Members = steps
	return out, err
}

// memberChange is an operation on members.
type memberChange struct {
	op     string
	filter filter.Node
	value  any
}

// apart takes what an operation does to members out of it; rest is nil where that is all.
func apart(op operation) (rest *operation, members []memberChange, err error) {
	if op.path != "" {
		return apartByPath(op)
	}
	value, ok := op.value.(object)
	if !ok {
		return &op, nil, nil
	}
	left := object{}
	for key, v := range value {
		one, inside, err := apartByPath(operation{op: op.op, path: key, value: v})
		if err != nil {
			return nil, nil, err
		}
		members = append(members, inside...)
		if one != nil {
			left[key] = v
		}
	}
	return &operation{op: op.op, value: left}, members, nil
}

func apartByPath(op operation) (*operation, []memberChange, error) {
	p, err := filter.ParsePath(op.path)
	if err != nil {
		return nil, nil, fault.New(fault.SCIMTarget, "the path %.200q: %s", op.path, err)
	}
	if _, a, ok := groups().resolve(p.Attr); !ok || a.Name != "members" {
		return &op, nil, nil
	}
	if p.Sub != "" {
		if p.Filter != nil || !strings.EqualFold(p.Sub, "value") {
			return nil, nil, fault.New(fault.SCIMFixed, "%.200q: members are added and removed, not changed", op.path)
		}
	}
	return nil, []memberChange{{op: op.op, filter: p.Filter, value: op.value}}, nil
}

// membership is an operation on members as a step.
func (f *Front) membership(ctx context.Context, g *broker.DirectoryGroup, m memberChange) (directory.Membership, error) {
	if m.filter != nil {
		if m.op != "remove" {
			return directory.Membership{}, fault.New(fault.SCIMFixed, "members are added and removed, not changed")
		}
		ids, err := f.chosenMembers(ctx, g, m.filter)
		return directory.Membership{Remove: ids}, err
	}
	ids, err := memberIDs(m.value)
	switch {
	case err != nil:
		return directory.Membership{}, err
	case m.op == "add":
		return directory.Membership{Add: ids}, nil
	case m.op == "remove" && m.value == nil:
		return directory.Membership{All: true}, nil
	case m.op == "remove":
		return directory.Membership{Remove: ids}, nil
	}
	gone, err := f.others(ctx, g, ids)
	return directory.Membership{Remove: gone, Add: ids}, err
}

// chosenMembers are the members whom a filter chooses. The usual one names a value, for which nobody has to be read.
func (f *Front) chosenMembers(ctx context.Context, g *broker.DirectoryGroup, n filter.Node) ([]string, error) {
	if c, ok := n.(*filter.Compare); ok && c.Op == "eq" && strings.EqualFold(c.Attr.Name, "value") {
		if id, ok := c.Value.(string); ok {
			return []string{id}, nil
		}
	}
	ids := []string{}
	err := f.eachMember(ctx, g, func(m broker.DirectoryMember) {
		if filter.Match(n, object{"value": m.ID, "display": m.Display, "type": "User"}, func(a filter.Attr) bool { return a.Name == "value" }) {
			ids = append(ids, m.ID)
		}
	})
	return ids, err
}

func (f *Front) deleteGroup(c *call) (*reply, error) {
	err := f.Engine.DeleteGroup(c.ctx, c.caller, c.id, func(g *broker.DirectoryGroup) error { return c.match(g.Version) })
	if err != nil {
		return nil, notFound(err, "group", c.id)
	}
	return &reply{status: 204}, nil
}
