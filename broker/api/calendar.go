package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	// ExpiryQuery narrows the calendar.
	ExpiryQuery struct {
		Connection string `query:"connection" doc:"Only what ends of this connection"`
		Kind       string `query:"kind" doc:"idp_certificate, sp_certificate, realm_key, client_secret, metadata, domain_proof, api_key or setup_link"`
		Within     string `query:"within" doc:"Only what ends within this time, like 60d"`
		Replaced   bool   `query:"replaced" doc:"Also what something newer stands in for"`
	}
	expiriesIn struct {
		Paging
		ExpiryQuery
		Realm string `query:"realm" doc:"Only what ends of this realm"`
	}
	realmExpiriesIn struct {
		ListIn
		ExpiryQuery
	}
)

func (q ExpiryQuery) of(realm string) admin.ExpiryQuery {
	return admin.ExpiryQuery{Realm: realm, Connection: q.Connection, Kind: q.Kind, Within: q.Within, Replaced: q.Replaced}
}

// calendar are the routes of what ends.
func (a *API) calendar(h huma.API) {
	on(a, h, route{method: http.MethodGet, path: "/expiries", id: "list-expiries", summary: "List what ends in the realms that the key sees, soonest first", tag: "Calendar"}, a.listExpiries)
	on(a, h, route{method: http.MethodGet, path: "/realms/{realm}/expiries", id: "list-realm-expiries", summary: "List what ends in a realm, soonest first", tag: "Calendar"}, a.listRealmExpiries)
}

func (a *API) listExpiries(ctx context.Context, who admin.Actor, in *expiriesIn) (*object[admin.Page[*broker.Expiry]], error) {
	return plain(a.Admin.ListExpiries(ctx, who, in.of(in.Realm), in.page()))
}

func (a *API) listRealmExpiries(ctx context.Context, who admin.Actor, in *realmExpiriesIn) (*object[admin.Page[*broker.Expiry]], error) {
	return plain(a.Admin.ListExpiries(ctx, who, in.of(in.Realm), in.page()))
}
