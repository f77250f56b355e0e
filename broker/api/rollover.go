package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker/admin"
)

type turnsIn struct {
	Paging
	Realm string `query:"realm" doc:"Only this realm's connections"`
}

// rollover registers the turn-over of our keys at customers' identity providers.
func (a *API) rollover(h huma.API) {
	const one, tag = "/realms/{realm}/connections/{slug}/keys", "Keys"
	on(a, h, route{method: http.MethodGet, path: "/key-rollover", id: "list-key-turns", summary: "See which identity providers have read our next certificates", tag: tag}, a.listKeyTurns)
	on(a, h, route{method: http.MethodPost, path: "/key-rollover", id: "roll-over-keys", summary: "Turn over our keys wherever the next certificate has been read", tag: tag, takes: admin.RollOver{}}, a.rollOverKeys)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-key-turn", summary: "Read how far the turn-over of our key at a connection is", tag: tag}, a.getKeyTurn)
	on(a, h, route{method: http.MethodPost, path: one + "/hold", id: "hold-key", summary: "Hold our key at a connection back, or let it go", tag: tag, takes: admin.KeyHolding{}}, a.holdKey)
	on(a, h, route{method: http.MethodPost, path: one + "/rollback", id: "roll-back-key", summary: "Go back to the key before, as long as it is published", tag: tag}, a.rollBackKey)
}

func (a *API) listKeyTurns(ctx context.Context, who admin.Actor, in *turnsIn) (*object[admin.Page[*admin.KeyTurn]], error) {
	return plain(a.Admin.ListKeyTurns(ctx, who, in.Realm, in.page()))
}

func (a *API) rollOverKeys(ctx context.Context, who admin.Actor, _ *struct{}) (*object[*admin.RolledOver], error) {
	return plain(a.Admin.RollOverKeys(ctx, who, bodyOf(ctx)))
}

func (a *API) getKeyTurn(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.KeyTurn], error) {
	return plain(a.Admin.GetKeyTurn(ctx, who, in.Realm, in.Slug))
}

func (a *API) holdKey(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.KeyTurn], error) {
	return plain(a.Admin.HoldKey(ctx, who, in.Realm, in.Slug, bodyOf(ctx)))
}

func (a *API) rollBackKey(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.KeyTurn], error) {
	return plain(a.Admin.RollBackKey(ctx, who, in.Realm, in.Slug))
}
