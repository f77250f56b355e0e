package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// What requests about people carry.
type (
	usersIn struct {
		ListIn
		Link       string `query:"link" doc:"Only who has this stable upstream subject"`
		Connection string `query:"connection" doc:"Only who is linked to this connection"`
		Group      string `query:"group" doc:"Only who is in this group"`
		Status     string `query:"status" doc:"active, blocked, pending, held or merged"`
	}
	PersonIn struct {
		IDIn
		Paging
	}
	linkIn struct {
		IDIn
		Connection string `query:"connection" required:"true"`
		Subject    string `query:"subject" required:"true"`
	}
	consentIn struct {
		IDIn
		ClientID    string `path:"client_id"`
		ClientRealm string `query:"client_realm" doc:"Realm of the client, a hub for example; the person's own if left out"`
	}
	signoutIn struct {
		IDIn
		Preview bool `query:"preview" doc:"Only tell whom it would hit"`
	}
	signoutAllIn struct {
		SlugIn
		Preview bool `query:"preview" doc:"Only tell whom it would hit"`
	}
	GroupIn struct {
		InRealm
		Name string `path:"name" doc:"Name of the group"`
	}
	membersIn struct {
		GroupIn
		Paging
	}
	changeGroupIn struct {
		GroupIn
		Conditional
	}
)

// persons adds the routes of people beyond their own rows: what they are tied to, where they are signed in, what becomes
// of them.
func (a *API) persons(h huma.API) {
	const users, user = "/realms/{realm}/users", "/realms/{realm}/users/{id}"
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	on(a, h, route{method: post, path: users, id: "create-user", summary: "Make a person by hand", tag: "People", takes: admin.NewUser{}, status: 201}, a.createUser)
	on(a, h, route{method: get, path: users + "/duplicates", id: "list-duplicates", summary: "List people who may be one and the same", tag: "People"}, a.listDuplicates)
	on(a, h, route{method: get, path: user + "/links", id: "list-links", summary: "List a person's upstream accounts", tag: "People"}, a.listLinks)
	on(a, h, route{method: post, path: user + "/links", id: "create-link", summary: "Tie an upstream account to a person", tag: "People", takes: admin.NewLink{}, status: 201}, a.createLink)
	on(a, h, route{method: del, path: user + "/links", id: "delete-link", summary: "Untie an upstream account", tag: "People", status: 204}, a.deleteLink)
	on(a, h, route{method: get, path: user + "/sessions", id: "list-user-sessions", summary: "List where a person is signed in, in hubs too", tag: "People"}, a.listUserSessions)
	on(a, h, route{method: post, path: user + "/signout", id: "signout-user", summary: "Sign a person out everywhere", tag: "People"}, a.signoutUser)
	on(a, h, route{method: post, path: "/realms/{realm}/connections/{slug}/signout", id: "signout-connection", summary: "Sign everybody out who came through a connection", tag: "Connections"}, a.signoutConnection)
	on(a, h, route{method: get, path: user + "/consents", id: "list-consents", summary: "List which applications a person let know what", tag: "People"}, a.listConsents)
	on(a, h, route{method: del, path: user + "/consents/{client_id}", id: "revoke-consent", summary: "End what a person granted to an application", tag: "People", status: 204}, a.revokeConsent)
	on(a, h, route{method: get, path: user + "/export", id: "export-user", summary: "Read everything that is kept about a person", tag: "People"}, a.exportUser)
	on(a, h, route{method: post, path: user + "/erase", id: "erase-user", summary: "Forget a person for good, in the events too", tag: "People", status: 204}, a.eraseUser)
	on(a, h, route{method: post, path: user + "/merge", id: "merge-user", summary: "Make an account a part of another", tag: "People", takes: admin.NewMerge{}, status: 201}, a.mergeUser)
	on(a, h, route{method: get, path: "/realms/{realm}/merges", id: "list-merges", summary: "List merges, newest first", tag: "People"}, a.listMerges)
	on(a, h, route{method: post, path: "/realms/{realm}/merges/{id}/undo", id: "undo-merge", summary: "Part two accounts again", tag: "People"}, a.undoMerge)
	on(a, h, route{method: post, path: "/realms/{realm}/connections/{slug}/mapping/preview", id: "preview-mapping", summary: "Try rules on the last identity that was seen", tag: "Connections", takes: admin.MappingTry{}}, a.previewMapping)
}

func (a *API) groups(h huma.API) {
	const all, one = "/realms/{realm}/groups", "/realms/{realm}/groups/{name}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-groups", summary: "List a realm's groups", tag: "Groups"}, a.listGroups)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-group", summary: "Make a group", tag: "Groups", takes: admin.NewGroup{}, status: 201}, a.createGroup)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-group", summary: "Read a group", tag: "Groups"}, a.getGroup)
	on(a, h, route{method: http.MethodGet, path: one + "/members", id: "list-members", summary: "List who is in a group", tag: "Groups"}, a.listMembers)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-group", summary: "Describe a group", tag: "Groups", takes: admin.NewGroup{}}, a.updateGroup)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-group", summary: "Delete a group and take it from who has it by hand", tag: "Groups", status: 204}, a.deleteGroup)
}

func (a *API) listUsers(ctx context.Context, who admin.Actor, in *usersIn) (*object[admin.Page[*broker.User]], error) {
	f := broker.UserFilter{Link: in.Link, Connection: in.Connection, Group: in.Group, Status: in.Status}
	return plain(a.Admin.ListUsers(ctx, who, in.Realm, f, in.page()))
}

func (a *API) createUser(ctx context.Context, who admin.Actor, in *InRealm) (*object[*broker.User], error) {
	u, err := a.Admin.CreateUser(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(u, userVersion, nil)
	return located(o, "realms", u.Realm, "users", u.ID), err
}

func (a *API) listDuplicates(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.Likeness]], error) {
	return plain(a.Admin.Duplicates(ctx, who, in.Realm, in.page()))
}

func (a *API) listLinks(ctx context.Context, who admin.Actor, in *IDIn) (*object[admin.Page[*broker.Link]], error) {
	return plain(a.Admin.ListLinks(ctx, who, in.Realm, in.ID))
}

func (a *API) createLink(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Link], error) {
	return plain(a.Admin.CreateLink(ctx, who, in.Realm, in.ID, bodyOf(ctx)))
}

func (a *API) deleteLink(ctx context.Context, who admin.Actor, in *linkIn) (*empty, error) {
	return gone(a.Admin.DeleteLink(ctx, who, in.Realm, in.ID, in.Connection, in.Subject))
}

func (a *API) listUserSessions(ctx context.Context, who admin.Actor, in *PersonIn) (*object[admin.Page[*admin.Session]], error) {
	return plain(a.Admin.UserSessions(ctx, who, in.Realm, in.ID, in.page()))
}

func (a *API) signoutUser(ctx context.Context, who admin.Actor, in *signoutIn) (*object[admin.Signout], error) {
	return plain(a.Admin.SignoutUser(ctx, who, in.Realm, in.ID, in.Preview))
}

func (a *API) signoutConnection(ctx context.Context, who admin.Actor, in *signoutAllIn) (*object[admin.Signout], error) {
	return plain(a.Admin.SignoutConnection(ctx, who, in.Realm, in.Slug, in.Preview))
}

func (a *API) listConsents(ctx context.Context, who admin.Actor, in *IDIn) (*object[admin.Page[broker.Consent]], error) {
	return plain(a.Admin.ListConsents(ctx, who, in.Realm, in.ID))
}

func (a *API) revokeConsent(ctx context.Context, who admin.Actor, in *consentIn) (*empty, error) {
	return gone(a.Admin.RevokeConsent(ctx, who, in.Realm, in.ID, in.ClientRealm, in.ClientID))
}

func (a *API) exportUser(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.UserExport], error) {
	return plain(a.Admin.ExportUser(ctx, who, in.Realm, in.ID))
}

func (a *API) eraseUser(ctx context.Context, who admin.Actor, in *IDIn) (*empty, error) {
	return gone(a.Admin.EraseUser(ctx, who, in.Realm, in.ID))
}

func (a *API) mergeUser(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Merge], error) {
	return plain(a.Admin.MergeUser(ctx, who, in.Realm, in.ID, bodyOf(ctx)))
}

func (a *API) listMerges(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.Merge]], error) {
	return plain(a.Admin.ListMerges(ctx, who, in.Realm, in.page()))
}

func (a *API) undoMerge(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Merge], error) {
	return plain(a.Admin.UndoMerge(ctx, who, in.Realm, in.ID))
}

func (a *API) previewMapping(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.MappingPreview], error) {
	return plain(a.Admin.PreviewMapping(ctx, who, in.Realm, in.Slug, bodyOf(ctx)))
}

func groupVersion(g *broker.GroupCount) int64 { return g.Version }

func (a *API) listGroups(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.GroupCount]], error) {
	return plain(a.Admin.ListGroups(ctx, who, in.Realm, in.page()))
}

func (a *API) createGroup(ctx context.Context, who admin.Actor, in *InRealm) (*object[*broker.GroupCount], error) {
	g, err := a.Admin.CreateGroup(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(g, groupVersion, nil)
	return located(o, "realms", g.Realm, "groups", g.Name), err
}

func (a *API) getGroup(ctx context.Context, who admin.Actor, in *GroupIn) (*object[*broker.GroupCount], error) {
	g, err := a.Admin.GetGroup(ctx, who, in.Realm, in.Name)
	return versioned(g, groupVersion, err)
}

func (a *API) listMembers(ctx context.Context, who admin.Actor, in *membersIn) (*object[admin.Page[*broker.User]], error) {
	return plain(a.Admin.GroupMembers(ctx, who, in.Realm, in.Name, in.page()))
}

func (a *API) updateGroup(ctx context.Context, who admin.Actor, in *changeGroupIn) (*object[*broker.GroupCount], error) {
	g, err := a.Admin.UpdateGroup(ctx, who, in.Realm, in.Name, match(in.IfMatch), bodyOf(ctx))
	return versioned(g, groupVersion, err)
}

func (a *API) deleteGroup(ctx context.Context, who admin.Actor, in *changeGroupIn) (*empty, error) {
	return gone(a.Admin.DeleteGroup(ctx, who, in.Realm, in.Name, match(in.IfMatch)))
}
