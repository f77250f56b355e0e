package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// ListGroups answers a realm's groups with how many people are in them: those that were made here and those that people
// have from their identity providers.
func (s *Service) ListGroups(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.GroupCount], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.GroupCount]{}, err
	}
	return page(s.People.Groups.List(ctx, realm, p))
}

// GetGroup answers one group.
func (s *Service) GetGroup(ctx context.Context, a Actor, realm, name string) (*broker.GroupCount, error) {
	return s.group(ctx, a, realm, name, toRead)
}

func (s *Service) group(ctx context.Context, a Actor, realm, name string, r right) (*broker.GroupCount, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if name == "" || len(name) > 255 {
		return nil, broker.ErrNotFound
	}
	return s.People.Groups.Count(ctx, realm, name)
}

// GroupMembers answers who is in a group.
func (s *Service) GroupMembers(ctx context.Context, a Actor, realm, name string, p broker.Page) (Page[*broker.User], error) {
	if _, err := s.group(ctx, a, realm, name, toRead); err != nil {
		return Page[*broker.User]{}, err
	}
	return page(s.People.Users.Find(ctx, realm, broker.UserFilter{Group: name}, p))
}

// NewGroup is what a group says of itself.
type NewGroup struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// CreateGroup makes a group, which stays when nobody is in it.
func (s *Service) CreateGroup(ctx context.Context, a Actor, realm string, body []byte) (*broker.GroupCount, error) {
	if _, err := s.enter(ctx, a, realm, toSupport); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	g, err := buildGroup(realm, doc)
	if err != nil {
		return nil, err
	}
	if err := s.Tx(ctx, func(ctx context.Context) error { return s.createGroup(ctx, a, g) }); err != nil {
		return nil, err
	}
	return s.People.Groups.Count(ctx, realm, g.Name)
}

func buildGroup(realm string, doc map[string]any) (*broker.Group, error) {
	var n NewGroup
	if err := decode(doc, &n); err != nil {
		return nil, err
	}
	g := &broker.Group{Realm: realm, Name: n.Name, Description: n.Description}
	return g, g.Validate()
}

func (s *Service) createGroup(ctx context.Context, a Actor, g *broker.Group) error {
	if err := s.People.Groups.Create(ctx, g); err != nil {
		return exists(err, "group", g.Name)
	}
	return s.record(ctx, a, change{kind: "group.created", realm: g.Realm, subject: "group:" + g.Name, after: g})
}

// UpdateGroup changes a group's description. A group that only identity providers named so far is one of ours from then.
func (s *Service) UpdateGroup(ctx context.Context, a Actor, realm, name string, m Match, patch []byte) (*broker.GroupCount, error) {
	return attempt(m, func() (*broker.GroupCount, error) {
		old, err := s.group(ctx, a, realm, name, toSupport)
		if err != nil {
			return nil, err
		}
		doc, err := patched(NewGroup{old.Name, old.Description}, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		g, err := buildGroup(realm, doc)
		if err != nil {
			return nil, err
		}
		if err := s.replaceGroup(ctx, a, &old.Group, g); err != nil {
			return nil, err
		}
		return s.People.Groups.Count(ctx, realm, name)
	})
}

func (s *Service) replaceGroup(ctx context.Context, a Actor, old, g *broker.Group) error {
	if err := fixed("/name", "name", g.Name, old.Name); err != nil {
		return err
	}
	if old.Version > 0 && g.Description == old.Description {
		return nil
	}
	g.Meta = old.Meta
	return s.Tx(ctx, func(ctx context.Context) error {
		if old.Version == 0 {
			return s.createGroup(ctx, a, g)
		}
		if err := s.People.Groups.Update(ctx, g); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "group.updated", realm: g.Realm, subject: "group:" + g.Name, before: old, after: g})
	})
}

// DeleteGroup removes a group and takes it from the people who were given it by hand. Whom an identity provider lists in
// it stays in it: that is said there.
func (s *Service) DeleteGroup(ctx context.Context, a Actor, realm, name string, m Match) error {
	g, err := s.group(ctx, a, realm, name, toSupport)
	if err != nil {
		return err
	}
	if err := m.check(g.Version); err != nil {
		return err
	}
	if err := s.checkGroupUnused(ctx, realm, name); err != nil {
		return err
	}
	return s.deleteGroup(ctx, a, g)
}

func (s *Service) deleteGroup(ctx context.Context, a Actor, g *broker.GroupCount) error {
	c := change{kind: "group.deleted", realm: g.Realm, subject: "group:" + g.Name, detail: fmt.Sprintf("taken from %d people", g.ByHand), before: g}
	return s.remove(ctx, a, c, func(ctx context.Context) error {
		if err := s.emptyGroup(ctx, g.Realm, g.Name); err != nil {
			return err
		}
		return s.People.Groups.Delete(ctx, g.Realm, g.Name)
	})
}

// emptyGroup takes a group from those who have it by hand, some at a time.
func (s *Service) emptyGroup(ctx context.Context, realm, name string) error {
	for {
		people, err := s.People.Groups.ByHand(ctx, realm, name, 100)
		if err != nil || len(people) == 0 {
			return err
		}
		for _, u := range people {
			if err := s.takeGroup(ctx, u, name); err != nil {
				return err
			}
		}
	}
}

// takeGroup takes a group from one person. Who signs in at this moment is read again.
func (s *Service) takeGroup(ctx context.Context, u *broker.User, name string) error {
	_, err := attempt(nil, func() (*broker.User, error) {
		u, err := s.Users.Get(ctx, u.Realm, u.ID)
		if err != nil {
			return nil, err
		}
		kept, err := s.upstreamGroups(ctx, u)
		if err != nil {
			return nil, err
		}
		u.ManualGroups = lacking(u.ManualGroups, []string{name})
		u.Groups = joined(kept, u.ManualGroups)
		return u, s.Users.Update(ctx, u)
	})
	if errors.Is(err, broker.ErrNotFound) {
		return nil // the person is gone
	}
	return err
}

// checkGroupUnused refuses to delete a group that a connection gives: it would be back at the next sign-in.
func (s *Service) checkGroupUnused(ctx context.Context, realm, name string) error {
	var by []string
	err := each(func(p broker.Page) ([]*broker.Connection, string, error) { return s.Connections.List(ctx, realm, p) },
		func(c *broker.Connection) error {
			gives := func(r broker.GroupRule) bool { return slices.Contains(r.Groups, name) }
			if slices.Contains(c.DefaultGroups, name) || slices.ContainsFunc(c.GroupRules, gives) {
				by = append(by, c.Slug)
			}
			return nil
		})
	if err != nil || len(by) == 0 {
		return err
	}
	return fault.New(fault.InUse, "it is given by the connections %s", strings.Join(by[:min(len(by), 5)], ", "))
}
