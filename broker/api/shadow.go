package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// shadow registers second configurations of connections.
func (a *API) shadow(h huma.API) {
	const one = "/realms/{realm}/connections/{slug}/shadow"
	on(a, h, route{method: http.MethodGet, path: one, id: "get-shadow", summary: "Read the configuration on trial and the one that can be put back", tag: "Shadow"}, a.getShadow)
	on(a, h, route{method: http.MethodPut, path: one, id: "put-shadow", summary: "Put a second configuration on trial for some people", tag: "Shadow", takes: admin.NewShadow{}, limit: maxConnectionBody}, a.putShadow)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-shadow", summary: "Discard the configuration on trial", tag: "Shadow", status: 204}, a.deleteShadow)
	on(a, h, route{method: http.MethodGet, path: one + "/comparison", id: "compare-shadow", summary: "Read what both configurations say of the people who tried", tag: "Shadow"}, a.compareShadow)
	on(a, h, route{method: http.MethodPost, path: one + "/switch", id: "switch-shadow", summary: "Make the configuration on trial the connection's own", tag: "Shadow", takes: admin.ShadowSwitch{}}, a.switchShadow)
	on(a, h, route{method: http.MethodPost, path: one + "/revert", id: "revert-shadow", summary: "Put the configuration before the switch back", tag: "Shadow"}, a.revertShadow)
	on(a, h, route{method: http.MethodPost, path: one + "/test", id: "test-shadow", summary: "Begin a test login with the configuration on trial", tag: "Shadow"}, a.testShadow)
}

func (a *API) getShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.ShadowState], error) {
	return plain(a.Admin.GetShadow(ctx, who, in.Realm, in.Slug))
}

func (a *API) putShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.ShadowState], error) {
	return plain(a.Admin.PutShadow(ctx, who, in.Realm, in.Slug, bodyOf(ctx)))
}

func (a *API) deleteShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*empty, error) {
	return gone(a.Admin.DeleteShadow(ctx, who, in.Realm, in.Slug))
}

func (a *API) compareShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.ShadowComparison], error) {
	return plain(a.Admin.CompareShadow(ctx, who, in.Realm, in.Slug))
}

func (a *API) switchShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*broker.Connection], error) {
	return plain(a.Admin.SwitchShadow(ctx, who, in.Realm, in.Slug, bodyOf(ctx)))
}

func (a *API) revertShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*broker.Connection], error) {
	return plain(a.Admin.RevertShadow(ctx, who, in.Realm, in.Slug))
}

func (a *API) testShadow(ctx context.Context, who admin.Actor, in *SlugIn) (*object[admin.TestLink], error) {
	return plain(a.Admin.TestShadow(ctx, who, in.Realm, in.Slug))
}
