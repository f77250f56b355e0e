package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	overviewIn struct {
		Paging
		Realm       string `query:"realm" doc:"Only this realm's"`
		Status      string `query:"status" doc:"Only those that stand so: error, warning, new, ok or off"`
		Protocol    string `query:"protocol" doc:"Only those of this protocol"`
		Preset      string `query:"preset" doc:"Only those of this preset"`
		Expiring    bool   `query:"expiring" doc:"Only those of which something ends within 60 days, or has ended"`
		NeverTested bool   `query:"never_tested" doc:"Only those without a test login"`
		Failing     bool   `query:"failing" doc:"Only those through which nobody has got in since the last failure"`
	}
	searchIn struct {
		Query string `query:"q" doc:"A name or a part of it, a domain, the beginning of an address, an identifier of a provider, a login's reference"`
	}
	Days struct {
		Days int `query:"days" default:"30" doc:"How many days, today the last: 1 to 400"`
	}
	realmDaysIn struct {
		InRealm
		Days
	}
	slugDaysIn struct {
		SlugIn
		Days
	}
	slugListIn struct {
		SlugIn
		Paging
	}
	allLoginsIn struct {
		Paging
		Ref        string `query:"ref" doc:"A login's reference"`
		Email      string `query:"email" doc:"Only this address's"`
		Connection string `query:"connection" doc:"Only those through this connection"`
		Outcome    string `query:"outcome" doc:"Only those that succeeded, or that failed"`
	}
)

// overview registers what looks over all realms, and how connections stand.
func (a *API) overview(h huma.API) {
	const one = "/realms/{realm}/connections/{slug}"
	get := func(path, id, summary string) route {
		return route{method: http.MethodGet, path: path, id: id, summary: summary, tag: "Overview"}
	}
	on(a, h, get("/overview", "overview", "Read the whole at a glance"), a.readOverview)
	on(a, h, get("/overview/realms", "overview-realms", "List realms with their counts"), a.overviewRealms)
	on(a, h, get("/connections", "overview-connections", "List the connections of all realms with how they stand"), a.overviewConnections)
	on(a, h, get("/search", "search", "Search over everything"), a.search)
	on(a, h, get("/logins", "find-logins", "Find logins of all realms by reference, address or connection; without any of these, none"), a.findLogins)
	on(a, h, get("/realms/{realm}/stats", "realm-stats", "Count a realm's sign-ins per day"), a.realmStats)
	on(a, h, get(one+"/stats", "connection-stats", "Count a connection's sign-ins per day"), a.connectionStats)
	on(a, h, get(one+"/health", "connection-health", "Read how a connection stands"), a.connectionHealth)
	on(a, h, get(one+"/checks", "list-checks", "List a connection's last preflights, newest first"), a.listChecks)
}

func (a *API) readOverview(ctx context.Context, who admin.Actor, _ *nothing) (*object[*admin.Overview], error) {
	return plain(a.Admin.ReadOverview(ctx, who))
}

func (a *API) overviewRealms(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*broker.RealmOverview]], error) {
	return plain(a.Admin.ListRealmsOverview(ctx, who, in.page()))
}

func (a *API) overviewConnections(ctx context.Context, who admin.Actor, in *overviewIn) (*object[admin.Page[*broker.ConnectionOverview]], error) {
	f := broker.ConnectionFilter{
		Query: in.Query, Realm: in.Realm, Status: in.Status, Protocol: in.Protocol, Preset: in.Preset,
		Expiring: in.Expiring, NeverTested: in.NeverTested, Failing: in.Failing,
	}
	return plain(a.Admin.ListConnectionsOverview(ctx, who, f, in.page()))
}

func (a *API) search(ctx context.Context, who admin.Actor, in *searchIn) (*object[*broker.Hits], error) {
	return plain(a.Admin.Search(ctx, who, in.Query))
}

func (a *API) findLogins(ctx context.Context, who admin.Actor, in *allLoginsIn) (*object[admin.Page[broker.Trace]], error) {
	f := broker.TraceFilter{Ref: in.Ref, Email: in.Email, Connection: in.Connection, Outcome: in.Outcome}
	return plain(a.Admin.FindLogins(ctx, who, f, in.page()))
}

func (a *API) realmStats(ctx context.Context, who admin.Actor, in *realmDaysIn) (*object[*admin.CountsReport], error) {
	return plain(a.Admin.RealmStats(ctx, who, in.Realm, in.Days.Days))
}

func (a *API) connectionStats(ctx context.Context, who admin.Actor, in *slugDaysIn) (*object[*admin.CountsReport], error) {
	return plain(a.Admin.ConnectionStats(ctx, who, in.Realm, in.Slug, in.Days.Days))
}

func (a *API) connectionHealth(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*broker.Health], error) {
	return plain(a.Admin.ConnectionHealth(ctx, who, in.Realm, in.Slug))
}

func (a *API) listChecks(ctx context.Context, who admin.Actor, in *slugListIn) (*object[admin.Page[*admin.CheckReport]], error) {
	return plain(a.Admin.ListChecks(ctx, who, in.Realm, in.Slug, in.page()))
}
