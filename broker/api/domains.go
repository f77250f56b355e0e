package api

import (
	"context"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// DomainAnswer is a claim with what people need to know of it.
type DomainAnswer struct {
	broker.Domain
	admin.DomainShown
}

func domainVersion(d *DomainAnswer) int64 { return d.Version }

func domainOf(d *broker.Domain) *DomainAnswer {
	return &DomainAnswer{Domain: *d, DomainShown: admin.ShowDomain(d)}
}

// domain answers one claim, with its warnings.
func (a *API) domain(ctx context.Context, d *broker.Domain, err error) (*object[*DomainAnswer], error) {
	if err != nil {
		return nil, err
	}
	out := domainOf(d)
	out.Warnings, err = a.Admin.DomainWarnings(ctx, d)
	return versioned(out, domainVersion, err)
}

func (a *API) listDomains(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*DomainAnswer]], error) {
	found, err := a.Admin.ListDomains(ctx, who, in.Realm, in.page())
	out := admin.Page[*DomainAnswer]{Items: make([]*DomainAnswer, len(found.Items)), Next: found.Next}
	for i, d := range found.Items {
		out.Items[i] = domainOf(d)
	}
	return plain(out, err)
}

func (a *API) createDomain(ctx context.Context, who admin.Actor, in *InRealm) (*object[*DomainAnswer], error) {
	d, err := a.Admin.CreateDomain(ctx, who, in.Realm, bodyOf(ctx))
	o, err := a.domain(ctx, d, err)
	if err != nil {
		return nil, err
	}
	return located(o, "realms", d.Realm, "domains", d.Domain), nil
}

func (a *API) getDomain(ctx context.Context, who admin.Actor, in *DomainIn) (*object[*DomainAnswer], error) {
	d, err := a.Admin.GetDomain(ctx, who, in.Realm, in.Domain)
	return a.domain(ctx, d, err)
}

func (a *API) updateDomain(ctx context.Context, who admin.Actor, in *changeDomainIn) (*object[*DomainAnswer], error) {
	d, err := a.Admin.UpdateDomain(ctx, who, in.Realm, in.Domain, match(in.IfMatch), bodyOf(ctx))
	return a.domain(ctx, d, err)
}

func (a *API) deleteDomain(ctx context.Context, who admin.Actor, in *changeDomainIn) (*empty, error) {
	return gone(a.Admin.DeleteDomain(ctx, who, in.Realm, in.Domain, match(in.IfMatch)))
}

func (a *API) verifyDomain(ctx context.Context, who admin.Actor, in *DomainIn) (*object[*DomainAnswer], error) {
	d, err := a.Admin.VerifyDomain(ctx, who, in.Realm, in.Domain)
	return a.domain(ctx, d, err)
}

func (a *API) offerDomain(ctx context.Context, who admin.Actor, in *changeDomainIn) (*object[*DomainAnswer], error) {
	d, err := a.Admin.OfferDomain(ctx, who, in.Realm, in.Domain, match(in.IfMatch), bodyOf(ctx))
	return a.domain(ctx, d, err)
}

func (a *API) withdrawOffer(ctx context.Context, who admin.Actor, in *changeDomainIn) (*empty, error) {
	return gone(a.Admin.WithdrawOffer(ctx, who, in.Realm, in.Domain, match(in.IfMatch)))
}

func (a *API) acceptDomain(ctx context.Context, who admin.Actor, in *DomainIn) (*object[*DomainAnswer], error) {
	d, err := a.Admin.AcceptDomain(ctx, who, in.Realm, in.Domain)
	return a.domain(ctx, d, err)
}
