package admin

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// maxOpenClaims is how many unproved domains a realm may have before a setup link adds no more.
const maxOpenClaims = 20

// GuestDomain is a claim as a customer's administrator sees it: not who vouched for it, nor whom it is offered to.
type GuestDomain struct {
	Domain, Unicode string
	Verified        bool
	Suspended       bool
	Record          DomainRecord
}

func guestDomain(d *broker.Domain) GuestDomain {
	shown := ShowDomain(d)
	return GuestDomain{Domain: d.Domain, Unicode: shown.Unicode, Verified: d.Verified, Suspended: !d.SuspendedAt.IsZero(), Record: shown.Record}
}

// Domains are the claims that the link's administrator proves: the new connection's, or for a link about domains all of
// the realm's.
func (g *Guest) Domains(ctx context.Context) ([]GuestDomain, error) {
	if err := g.may(broker.SetupConnection, broker.SetupDomain); err != nil {
		return nil, err
	}
	c, err := g.listing(ctx)
	if err != nil {
		return nil, err
	}
	var out []GuestDomain
	err = each(func(p broker.Page) ([]*broker.Domain, string, error) { return g.s.Domains.List(ctx, g.Link.Realm, p) }, func(d *broker.Domain) error {
		if g.Link.Purpose == broker.SetupDomain || c != nil && slices.Contains(c.Domains, d.Domain) {
			out = append(out, guestDomain(d))
		}
		return nil
	})
	return out, err
}

// listing is the connection that domains are listed on: the new one, nil where there is none yet.
func (g *Guest) listing(ctx context.Context) (*broker.Connection, error) {
	if g.Link.Purpose != broker.SetupConnection || g.Link.Connection == "" {
		return nil, nil
	}
	c, err := g.s.connection(ctx, g.actor, g.Link.Realm, g.Link.Connection, toSupport)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// AddDomain claims a domain for the realm, and lists it on the connection where the link is about a new one.
func (g *Guest) AddDomain(ctx context.Context, name string) (GuestDomain, error) {
	if err := g.may(broker.SetupConnection, broker.SetupDomain); err != nil {
		return GuestDomain{}, err
	}
	c, err := g.listing(ctx)
	switch {
	case err != nil:
		return GuestDomain{}, err
	case c == nil && g.Link.Purpose == broker.SetupConnection:
		return GuestDomain{}, fault.New(fault.SetupBeyond, "no provider is chosen yet")
	}
	if c != nil {
		if err := g.untouched(ctx, c); err != nil {
			return GuestDomain{}, err
		}
	}
	d, err := g.claim(ctx, name)
	if err != nil || c == nil {
		return guestDomain(d), err
	}
	return guestDomain(d), g.list(ctx, d.Domain)
}

// claim makes the claim, or answers the one that the realm has.
func (g *Guest) claim(ctx context.Context, name string) (*broker.Domain, error) {
	none := &broker.Domain{}
	open := 0
	err := each(func(p broker.Page) ([]*broker.Domain, string, error) { return g.s.Domains.List(ctx, g.Link.Realm, p) }, func(d *broker.Domain) error {
		if !d.Verified {
			open++
		}
		return nil
	})
	if err != nil {
		return none, err
	}
	if open >= maxOpenClaims {
		return none, fault.New(fault.SetupTooMany, "%d domains that nobody has proved", open)
	}
	body, err := json.Marshal(map[string]string{"domain": name})
	if err != nil {
		return none, err
	}
	d, err := g.s.CreateDomain(ctx, g.actor, g.Link.Realm, body)
	if errors.Is(err, broker.ErrExists) {
		d, err = g.s.GetDomain(ctx, g.actor, g.Link.Realm, name)
	}
	if err != nil {
		return none, err
	}
	return d, nil
}

// list adds a domain to the connection, unless another connection of the realm has it: who goes where is for operators to
// say.
func (g *Guest) list(ctx context.Context, name string) error {
	err := each(func(p broker.Page) ([]*broker.Connection, string, error) {
		return g.s.Connections.List(ctx, g.Link.Realm, p)
	}, func(c *broker.Connection) error {
		if c.Slug != g.Link.Connection && slices.Contains(c.Domains, name) {
			return fault.New(fault.SetupBeyond, "another connection of the realm has the domain %s", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = attempt(nil, func() (*broker.Connection, error) {
		c, err := g.beginning(ctx)
		if err != nil || slices.Contains(c.Domains, name) {
			return c, err
		}
		body, err := json.Marshal(map[string][]string{"domains": append(slices.Clone(c.Domains), name)})
		if err != nil {
			return nil, err
		}
		return g.s.UpdateConnection(ctx, g.actor, g.Link.Realm, c.Slug, Match{c.Version}, body)
	})
	return err
}

// VerifyDomain looks for the record that proves one of the claims that Domains lists.
func (g *Guest) VerifyDomain(ctx context.Context, name string) (GuestDomain, error) {
	list, err := g.Domains(ctx)
	if err != nil {
		return GuestDomain{}, err
	}
	n, err := email.Domain(name)
	if err != nil || !slices.ContainsFunc(list, func(d GuestDomain) bool { return d.Domain == n }) {
		return GuestDomain{}, broker.ErrNotFound
	}
	d, err := g.s.VerifyDomain(ctx, g.actor, g.Link.Realm, n)
	if err != nil {
		return GuestDomain{}, err
	}
	return guestDomain(d), nil
}
