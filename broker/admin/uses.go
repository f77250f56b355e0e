package admin

import (
	"context"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// A client's list of connections must never come to mean another realm's connection: if a connection could go while a
// client names it, whoever takes its slug next would stand in its place. So what is named cannot be deleted.

// clientsThat answers the clients of the given realms that a test holds for, as realm/client_id.
func (s *Service) clientsThat(ctx context.Context, realms []string, test func(*broker.Client) bool) ([]string, error) {
	var out []string
	for _, realm := range realms {
		err := each(func(p broker.Page) ([]*broker.Client, string, error) { return s.Clients.List(ctx, realm, p) },
			func(c *broker.Client) error {
				if test(c) {
					out = append(out, realm+"/"+c.ClientID)
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// hubs are the realms whose clients may name what belongs to others.
func (s *Service) hubs(ctx context.Context) ([]string, error) {
	var out []string
	err := each(func(p broker.Page) ([]*broker.Realm, string, error) { return s.Realms.List(ctx, p) },
		func(r *broker.Realm) error {
			if r.Hub {
				out = append(out, r.Name)
			}
			return nil
		})
	return out, err
}

// slugs are a realm's connections.
func (s *Service) slugs(ctx context.Context, realm string) (map[string]bool, error) {
	out := map[string]bool{}
	err := each(func(p broker.Page) ([]*broker.Connection, string, error) { return s.Connections.List(ctx, realm, p) },
		func(c *broker.Connection) error {
			out[c.Slug] = true
			return nil
		})
	return out, err
}

// namers are the clients that name one of some connections of a realm.
func (s *Service) namers(ctx context.Context, realm string, slugs ...string) ([]string, error) {
	realms, err := s.hubs(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(realms, realm) {
		realms = append(realms, realm)
	}
	return s.clientsThat(ctx, realms, func(c *broker.Client) bool {
		return slices.ContainsFunc(c.Connections, func(slug string) bool { return slices.Contains(slugs, slug) })
	})
}

func inUse(clients []string) error {
	if len(clients) == 0 {
		return nil
	}
	return fault.New(fault.InUse, "it is named by %s", strings.Join(clients[:min(len(clients), 5)], ", "))
}

// checkUnused refuses to delete a connection that clients name.
func (s *Service) checkUnused(ctx context.Context, c *broker.Connection) error {
	clients, err := s.namers(ctx, c.Realm, c.Slug)
	if err != nil {
		return err
	}
	return inUse(clients)
}

// checkRealmUnused refuses to delete a realm that the clients of a hub send people to by name.
func (s *Service) checkRealmUnused(ctx context.Context, realm string) error {
	hubs, err := s.hubs(ctx)
	if err != nil {
		return err
	}
	hubs = slices.DeleteFunc(hubs, func(h string) bool { return h == realm })
	if len(hubs) == 0 {
		return nil
	}
	own, err := s.slugs(ctx, realm)
	if err != nil {
		return err
	}
	clients, err := s.clientsThat(ctx, hubs, func(c *broker.Client) bool {
		return c.PinnedRealm == realm || slices.ContainsFunc(c.Connections, func(slug string) bool { return own[slug] })
	})
	if err != nil {
		return err
	}
	return inUse(clients)
}

// checkNoHub refuses to make a realm no hub any more while its clients name what belongs to others.
func (s *Service) checkNoHub(ctx context.Context, realm string) error {
	own, err := s.slugs(ctx, realm)
	if err != nil {
		return err
	}
	clients, err := s.clientsThat(ctx, []string{realm}, func(c *broker.Client) bool {
		return c.PinnedRealm != "" || slices.ContainsFunc(c.Connections, func(slug string) bool { return !own[slug] })
	})
	if err != nil || len(clients) == 0 {
		return err
	}
	var p problems
	p.add("/hub", "cannot be switched off while clients name other realms: %s", strings.Join(clients[:min(len(clients), 5)], ", "))
	return p.err()
}
