package admin

import (
	"context"
	"errors"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// ListRealms answers the realms that the actor sees.
func (s *Service) ListRealms(ctx context.Context, a Actor, p broker.Page) (Page[*broker.Realm], error) {
	if err := a.allow(toRead); err != nil {
		return Page[*broker.Realm]{}, err
	}
	if len(a.Realms) == 0 {
		return page(s.Realms.List(ctx, p))
	}
	var found []*broker.Realm
	for _, name := range a.Realms {
		if !strings.Contains(name, p.Query) {
			continue
		}
		r, err := s.Realms.Get(ctx, name)
		if errors.Is(err, broker.ErrNotFound) {
			continue
		}
		if err != nil {
			return Page[*broker.Realm]{}, err
		}
		found = append(found, r)
	}
	return pageOf(found, p, func(r *broker.Realm) string { return r.Name }), nil
}

// GetRealm answers one realm.
func (s *Service) GetRealm(ctx context.Context, a Actor, name string) (*broker.Realm, error) {
	return s.enter(ctx, a, name, toRead)
}

// CreateRealm makes a realm.
func (s *Service) CreateRealm(ctx context.Context, a Actor, body []byte) (*broker.Realm, error) {
	if err := a.installation(toOwn); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	r, err := s.buildRealm(doc)
	if err != nil {
		return nil, err
	}
	return r, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.checkDefaultClient(ctx, r); err != nil {
			return err
		}
		return s.createRealm(ctx, a, r)
	})
}

func (s *Service) createRealm(ctx context.Context, a Actor, r *broker.Realm) error {
	if err := s.Realms.Create(ctx, r); err != nil {
		return exists(err, "realm", r.Name)
	}
	return s.record(ctx, a, change{kind: "realm.created", realm: r.Name, subject: "realm:" + r.Name, after: r})
}

// buildRealm reads and checks a whole realm.
func (s *Service) buildRealm(doc map[string]any) (*broker.Realm, error) {
	r := &broker.Realm{}
	if err := decode(doc, r); err != nil {
		return nil, err
	}
	r.Meta = broker.Meta{}
	r.Defaults()
	return r, r.Validate()
}

// checkDefaultClient holds default_client_id to a client that there is.
func (s *Service) checkDefaultClient(ctx context.Context, r *broker.Realm) error {
	if r.DefaultClientID == "" {
		return nil
	}
	_, err := s.Clients.Get(ctx, r.Name, r.DefaultClientID)
	if errors.Is(err, broker.ErrNotFound) {
		var p problems
		p.add("/default_client_id", "the realm has no client %q", r.DefaultClientID)
		return p.err()
	}
	return err
}

// UpdateRealm changes a realm by merge patch.
func (s *Service) UpdateRealm(ctx context.Context, a Actor, name string, m Match, patch []byte) (*broker.Realm, error) {
	return attempt(m, func() (*broker.Realm, error) {
		old, err := s.enter(ctx, a, name, toOwn)
		if err != nil {
			return nil, err
		}
		doc, err := patched(old, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		r, err := s.buildRealm(doc)
		if err != nil {
			return nil, err
		}
		if r.DefaultClientID != old.DefaultClientID {
			if err := s.checkDefaultClient(ctx, r); err != nil {
				return nil, err
			}
		}
		if old.Hub && !r.Hub {
			if err := s.checkNoHub(ctx, name); err != nil {
				return nil, err
			}
		}
		return s.replaceRealm(ctx, a, old, r)
	})
}

// replaceRealm stores r in place of old, if anything differs.
func (s *Service) replaceRealm(ctx context.Context, a Actor, old, r *broker.Realm) (*broker.Realm, error) {
	if err := fixed("/name", "name", r.Name, old.Name); err != nil {
		return nil, err
	}
	// A hub's clients may send people to the connections of other realms, so it is not one realm's own affair.
	if r.Hub != old.Hub && !a.wholeOwner() {
		return nil, fault.New(fault.Forbidden, "%s is limited to some realms, and hub concerns all of them", a.Name)
	}
	if r.Operators != old.Operators && !a.wholeOwner() {
		return nil, fault.New(fault.Forbidden, "%s is limited to some realms, and operators concern all of them", a.Name)
	}
	changed, err := changes(old, r, nil)
	if err != nil || len(changed) == 0 {
		return old, err
	}
	r.Meta = old.Meta
	return r, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Realms.Update(ctx, r); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "realm.updated", realm: r.Name, subject: "realm:" + r.Name, detail: told(changed), before: old, after: r})
	})
}

// DeleteRealm removes a realm with all that it holds.
func (s *Service) DeleteRealm(ctx context.Context, a Actor, name string, m Match) error {
	r, err := s.enter(ctx, a, name, toOwn)
	if err != nil {
		return err
	}
	if err := m.check(r.Version); err != nil {
		return err
	}
	if err := s.checkRealmUnused(ctx, name); err != nil {
		return err
	}
	return s.remove(ctx, a, change{kind: "realm.deleted", realm: name, subject: "realm:" + name, before: r}, func(ctx context.Context) error {
		if err := s.withdrawKeys(ctx, a, name); err != nil {
			return err
		}
		if err := s.withdrawOperators(ctx, a, name); err != nil {
			return err
		}
		return s.Realms.Delete(ctx, name)
	})
}
