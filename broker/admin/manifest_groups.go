package admin

import (
	"context"
	"reflect"

	"go.yaml.in/yaml/v3"

	"cloakroom/broker"
)

// Groups in a manifest are those that were made here. Who is in them is not configuration, and people are in no file.

type wantGroup struct {
	pointer string
	g       *broker.Group
}

func (r *reader) group(w *wantRealm, pointer string, doc map[string]any) error {
	if doc == nil {
		return nil
	}
	g, err := buildGroup(w.realm.Name, doc)
	if err != nil {
		return r.under(pointer, err)
	}
	w.groups = append(w.groups, wantGroup{pointer, g})
	return nil
}

func (p *applier) groups(ctx context.Context, w *wantRealm) error {
	for _, want := range w.groups {
		if err := p.group(ctx, want); err != nil {
			return p.fail(want.pointer, "group "+want.g.Name, err)
		}
	}
	return nil
}

func (p *applier) group(ctx context.Context, want wantGroup) error {
	g := *want.g
	old, err := storedOr(func() (*broker.Group, error) { return p.s.People.Groups.Get(ctx, g.Realm, g.Name) })
	if err != nil {
		return err
	}
	if old == nil {
		p.note("created", g.Realm, "group", g.Name, nil)
		return p.s.createGroup(ctx, p.a, &g)
	}
	changed, err := changes(old, &g, nil)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.note("changed", g.Realm, "group", g.Name, changed)
	return p.s.replaceGroup(ctx, p.a, old, &g)
}

// pruneGroups deletes the groups made here that the file does not have, and takes them from who has them by hand. Groups
// that only identity providers name are not ours to delete.
func (p *applier) pruneGroups(ctx context.Context, w *wantRealm) error {
	keep := map[string]bool{}
	for _, g := range w.groups {
		keep["group "+g.g.Name] = true
	}
	realm := w.realm.Name
	return pruneKind(p, realm, "group", keep, func(pg broker.Page) ([]*broker.GroupCount, string, error) { return p.s.declared(ctx, realm, pg) },
		func(g *broker.GroupCount) string { return g.Name }, func(g *broker.GroupCount) error {
			if err := p.s.checkGroupUnused(ctx, realm, g.Name); err != nil {
				return p.fail(w.pointer, "group "+g.Name, err)
			}
			return p.s.deleteGroup(ctx, p.a, g)
		})
}

// declared is a page of groups without those that have no row.
func (s *Service) declared(ctx context.Context, realm string, p broker.Page) ([]*broker.GroupCount, string, error) {
	list, next, err := s.People.Groups.List(ctx, realm, p)
	out := make([]*broker.GroupCount, 0, len(list))
	for _, g := range list {
		if g.Version > 0 {
			out = append(out, g)
		}
	}
	return out, next, err
}

func (s *Service) exportGroups(ctx context.Context, n *yaml.Node, realm string) error {
	return exportList(n, "groups", func(p broker.Page) ([]*broker.GroupCount, string, error) { return s.declared(ctx, realm, p) },
		func(g *broker.GroupCount) (*yaml.Node, error) {
			out := map[string]any{"name": g.Name}
			if g.Description != "" {
				out["description"] = g.Description
			}
			return node(out, reflect.TypeFor[NewGroup]()), nil
		})
}
