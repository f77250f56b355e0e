package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker/admin"
)

type setupLinksIn struct {
	ListIn
	Connection string `query:"connection" doc:"Only those of this connection"`
}

func setupLinkVersion(l *admin.SetupLink) int64 { return l.Version }

// setupLinks registers the links by which customers' administrators set things up.
func (a *API) setupLinks(h huma.API) {
	const all, one, tag = "/realms/{realm}/setup-links", "/realms/{realm}/setup-links/{id}", "Setup links"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-setup-links", summary: "List a realm's setup links, newest first", tag: tag}, a.listSetupLinks)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-setup-link", summary: "Make a link for a customer's administrator; it is answered this once", tag: tag, takes: admin.NewSetupLink{}, status: 201}, a.createSetupLink)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-setup-link", summary: "Read a setup link and where its administrator stands", tag: tag}, a.getSetupLink)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-setup-link", summary: "Forget a setup link", tag: tag, status: 204}, a.deleteSetupLink)
	on(a, h, route{method: http.MethodPost, path: one + "/resend", id: "resend-setup-link", summary: "Make a new link and mail it; the old one is worthless", tag: tag, takes: admin.Resending{}}, a.resendSetupLink)
	on(a, h, route{method: http.MethodPost, path: one + "/revoke", id: "revoke-setup-link", summary: "Make a setup link worthless", tag: tag}, a.revokeSetupLink)
}

func (a *API) listSetupLinks(ctx context.Context, who admin.Actor, in *setupLinksIn) (*object[admin.Page[*admin.SetupLink]], error) {
	return plain(a.Admin.ListSetupLinks(ctx, who, in.Realm, in.Connection, in.page()))
}

func (a *API) createSetupLink(ctx context.Context, who admin.Actor, in *InRealm) (*object[*admin.SetupLink], error) {
	l, err := a.Admin.CreateSetupLink(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(l, setupLinkVersion, nil)
	return located(o, "realms", l.Realm, "setup-links", l.ID), err
}

func (a *API) getSetupLink(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.SetupLink], error) {
	l, err := a.Admin.GetSetupLink(ctx, who, in.Realm, in.ID)
	return versioned(l, setupLinkVersion, err)
}

func (a *API) deleteSetupLink(ctx context.Context, who admin.Actor, in *IDIn) (*empty, error) {
	return gone(a.Admin.DeleteSetupLink(ctx, who, in.Realm, in.ID))
}

func (a *API) resendSetupLink(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.SetupLink], error) {
	l, err := a.Admin.ResendSetupLink(ctx, who, in.Realm, in.ID, bodyOf(ctx))
	return versioned(l, setupLinkVersion, err)
}

func (a *API) revokeSetupLink(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.SetupLink], error) {
	l, err := a.Admin.RevokeSetupLink(ctx, who, in.Realm, in.ID)
	return versioned(l, setupLinkVersion, err)
}
