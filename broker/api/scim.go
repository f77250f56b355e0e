package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	scimTokenIn struct {
		SlugIn
		ID string `path:"id" doc:"ID of the token"`
	}
	scimRequestsIn struct {
		SlugIn
		Paging
	}
)

// scim registers what customers' directories push to us.
func (a *API) scim(h huma.API) {
	const one, tag = "/realms/{realm}/connections/{slug}/scim", "Provisioning"
	on(a, h, route{method: http.MethodGet, path: one, id: "get-scim", summary: "Read how the directory of a connection stands", tag: tag}, a.getSCIM)
	on(a, h, route{method: http.MethodGet, path: one + "/tokens", id: "list-scim-tokens", summary: "List the tokens of a connection's directory, newest first", tag: tag}, a.listSCIMTokens)
	on(a, h, route{method: http.MethodPost, path: one + "/tokens", id: "create-scim-token", summary: "Make a token for a connection's directory, answered this once", tag: tag, takes: admin.NewSCIMToken{}, status: 201}, a.createSCIMToken)
	on(a, h, route{method: http.MethodDelete, path: one + "/tokens/{id}", id: "revoke-scim-token", summary: "Make a token of a connection's directory worthless", tag: tag, status: 204}, a.revokeSCIMToken)
	on(a, h, route{method: http.MethodGet, path: one + "/requests", id: "list-scim-requests", summary: "List the last requests of a connection's directory, newest first", tag: tag}, a.listSCIMRequests)
	on(a, h, route{method: http.MethodGet, path: "/realms/{realm}/users/{id}/directories", id: "list-user-directories", summary: "Read what customers' directories say of a person", tag: tag}, a.userDirectories)
}

func (a *API) getSCIM(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.SCIMState], error) {
	return plain(a.Admin.GetSCIM(ctx, who, in.Realm, in.Slug))
}

func (a *API) listSCIMTokens(ctx context.Context, who admin.Actor, in *SlugIn) (*object[admin.Page[*admin.SCIMToken]], error) {
	list, err := a.Admin.ListSCIMTokens(ctx, who, in.Realm, in.Slug)
	return plain(admin.Page[*admin.SCIMToken]{Items: list}, err)
}

func (a *API) createSCIMToken(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.SCIMToken], error) {
	t, err := a.Admin.CreateSCIMToken(ctx, who, in.Realm, in.Slug, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := plain(t, nil)
	return located(o, "realms", in.Realm, "connections", in.Slug, "scim", "tokens", t.ID), err
}

func (a *API) revokeSCIMToken(ctx context.Context, who admin.Actor, in *scimTokenIn) (*empty, error) {
	return gone(a.Admin.RevokeSCIMToken(ctx, who, in.Realm, in.Slug, in.ID))
}

func (a *API) listSCIMRequests(ctx context.Context, who admin.Actor, in *scimRequestsIn) (*object[admin.Page[broker.DirectoryRequest]], error) {
	return plain(a.Admin.ListSCIMRequests(ctx, who, in.Realm, in.Slug, in.page()))
}

func (a *API) userDirectories(ctx context.Context, who admin.Actor, in *IDIn) (*object[admin.Page[*broker.DirectoryUser]], error) {
	return plain(a.Admin.UserDirectories(ctx, who, in.Realm, in.ID))
}
