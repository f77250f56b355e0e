package api

import (
	"context"
	"net/url"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// located adds where the new object can be read.
func located[T any](o *object[T], path ...string) *object[T] {
	o.Location = Root
	for _, p := range path {
		o.Location += "/" + url.PathEscape(p)
	}
	return o
}

func realmVersion(r *broker.Realm) int64           { return r.Version }
func connectionVersion(c *broker.Connection) int64 { return c.Version }
func clientVersion(c *ClientAnswer) int64          { return c.Version }
func userVersion(u *broker.User) int64             { return u.Version }
func keyVersion(k *broker.APIKey) int64            { return k.Version }

func (a *API) listRealms(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*broker.Realm]], error) {
	return plain(a.Admin.ListRealms(ctx, who, in.page()))
}

func (a *API) createRealm(ctx context.Context, who admin.Actor, _ *nothing) (*object[*broker.Realm], error) {
	r, err := a.Admin.CreateRealm(ctx, who, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(r, realmVersion, nil)
	return located(o, "realms", r.Name), err
}

func (a *API) getRealm(ctx context.Context, who admin.Actor, in *InRealm) (*object[*broker.Realm], error) {
	r, err := a.Admin.GetRealm(ctx, who, in.Realm)
	return versioned(r, realmVersion, err)
}

func (a *API) updateRealm(ctx context.Context, who admin.Actor, in *changeRealmIn) (*object[*broker.Realm], error) {
	r, err := a.Admin.UpdateRealm(ctx, who, in.Realm, match(in.IfMatch), bodyOf(ctx))
	return versioned(r, realmVersion, err)
}

func (a *API) deleteRealm(ctx context.Context, who admin.Actor, in *changeRealmIn) (*empty, error) {
	return gone(a.Admin.DeleteRealm(ctx, who, in.Realm, match(in.IfMatch)))
}

func (a *API) listConnections(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.Connection]], error) {
	return plain(a.Admin.ListConnections(ctx, who, in.Realm, in.page()))
}

func (a *API) createConnection(ctx context.Context, who admin.Actor, in *InRealm) (*object[*broker.Connection], error) {
	c, err := a.Admin.CreateConnection(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(c, connectionVersion, nil)
	return located(o, "realms", c.Realm, "connections", c.Slug), err
}

func (a *API) getConnection(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*broker.Connection], error) {
	c, err := a.Admin.GetConnection(ctx, who, in.Realm, in.Slug)
	return versioned(c, connectionVersion, err)
}

func (a *API) updateConnection(ctx context.Context, who admin.Actor, in *changeSlugIn) (*object[*broker.Connection], error) {
	c, err := a.Admin.UpdateConnection(ctx, who, in.Realm, in.Slug, match(in.IfMatch), bodyOf(ctx))
	return versioned(c, connectionVersion, err)
}

func (a *API) deleteConnection(ctx context.Context, who admin.Actor, in *changeSlugIn) (*empty, error) {
	return gone(a.Admin.DeleteConnection(ctx, who, in.Realm, in.Slug, match(in.IfMatch)))
}

func (a *API) handover(ctx context.Context, who admin.Actor, in *SlugIn) (*object[admin.Handover], error) {
	return plain(a.Admin.Handover(ctx, who, in.Realm, in.Slug))
}

func (a *API) checkConnection(ctx context.Context, who admin.Actor, in *SlugIn) (*object[admin.Report], error) {
	return plain(a.Admin.CheckConnection(ctx, who, in.Realm, in.Slug))
}

func (a *API) listClients(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.Client]], error) {
	return plain(a.Admin.ListClients(ctx, who, in.Realm, in.page()))
}

func (a *API) createClient(ctx context.Context, who admin.Actor, in *InRealm) (*object[*ClientAnswer], error) {
	c, err := clientOf(a.Admin.CreateClient(ctx, who, in.Realm, bodyOf(ctx)))
	if err != nil {
		return nil, err
	}
	o, err := versioned(c, clientVersion, nil)
	return located(o, "realms", c.Realm, "clients", c.ClientID), err
}

func (a *API) getClient(ctx context.Context, who admin.Actor, in *ClientIn) (*object[*ClientAnswer], error) {
	found, err := a.Admin.GetClient(ctx, who, in.Realm, in.ClientID)
	c, err := clientOf(found, "", err)
	return versioned(c, clientVersion, err)
}

func (a *API) updateClient(ctx context.Context, who admin.Actor, in *changeClientIn) (*object[*ClientAnswer], error) {
	c, err := clientOf(a.Admin.UpdateClient(ctx, who, in.Realm, in.ClientID, match(in.IfMatch), bodyOf(ctx)))
	return versioned(c, clientVersion, err)
}

func (a *API) deleteClient(ctx context.Context, who admin.Actor, in *changeClientIn) (*empty, error) {
	return gone(a.Admin.DeleteClient(ctx, who, in.Realm, in.ClientID, match(in.IfMatch)))
}

func (a *API) getUser(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.User], error) {
	u, err := a.Admin.GetUser(ctx, who, in.Realm, in.ID)
	return versioned(u, userVersion, err)
}

func (a *API) updateUser(ctx context.Context, who admin.Actor, in *changeIDIn) (*object[*broker.User], error) {
	u, err := a.Admin.UpdateUser(ctx, who, in.Realm, in.ID, match(in.IfMatch), bodyOf(ctx))
	return versioned(u, userVersion, err)
}

func (a *API) deleteUser(ctx context.Context, who admin.Actor, in *changeIDIn) (*empty, error) {
	return gone(a.Admin.DeleteUser(ctx, who, in.Realm, in.ID, match(in.IfMatch)))
}

func (a *API) listSessions(ctx context.Context, who admin.Actor, in *sessionsIn) (*object[admin.Page[*admin.Session]], error) {
	f := admin.SessionFilter{UserID: in.UserID, Connection: in.Connection}
	return plain(a.Admin.ListSessions(ctx, who, in.Realm, f, in.page()))
}

func (a *API) getSession(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.Session], error) {
	return plain(a.Admin.GetSession(ctx, who, in.Realm, in.ID))
}

func (a *API) endSession(ctx context.Context, who admin.Actor, in *IDIn) (*empty, error) {
	return gone(a.Admin.EndSession(ctx, who, in.Realm, in.ID))
}

func (a *API) listKeys(ctx context.Context, who admin.Actor, in *keysIn) (*object[admin.Page[*admin.Key]], error) {
	return plain(a.Admin.ListKeys(ctx, who, in.Realm, in.Connection, in.page()))
}

func (a *API) rotateKey(ctx context.Context, who admin.Actor, in *InRealm) (*object[*admin.Key], error) {
	return plain(a.Admin.RotateKey(ctx, who, in.Realm, bodyOf(ctx)))
}

func (a *API) listRealmEvents(ctx context.Context, who admin.Actor, in *realmEventsIn) (*object[admin.Page[*admin.Event]], error) {
	return plain(a.Admin.ListRealmEvents(ctx, who, in.Realm, in.filter(), in.page()))
}

func (a *API) listEvents(ctx context.Context, who admin.Actor, in *eventsIn) (*object[admin.Page[*admin.Event]], error) {
	return plain(a.Admin.ListEvents(ctx, who, in.filter(), in.page()))
}

func (a *API) listAPIKeys(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*broker.APIKey]], error) {
	return plain(a.Admin.ListAPIKeys(ctx, who, in.page()))
}

func (a *API) getAPIKey(ctx context.Context, who admin.Actor, in *keyIn) (*object[*broker.APIKey], error) {
	k, err := a.Admin.GetAPIKey(ctx, who, in.ID)
	return versioned(k, keyVersion, err)
}

func (a *API) createAPIKey(ctx context.Context, who admin.Actor, _ *nothing) (*object[*NewKey], error) {
	k, key, err := a.Admin.CreateAPIKey(ctx, who, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := plain(&NewKey{APIKey: *k, Key: key}, nil)
	return located(o, "apikeys", k.ID), err
}

func (a *API) deleteAPIKey(ctx context.Context, who admin.Actor, in *keyIn) (*empty, error) {
	return gone(a.Admin.DeleteAPIKey(ctx, who, in.ID))
}
