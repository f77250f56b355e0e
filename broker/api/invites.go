package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	invitesIn struct {
		ListIn
		State string `query:"state" doc:"Only these: live, used, expired, revoked"`
	}
	inviteListIn struct {
		InRealm
		Partial bool `query:"partial" doc:"Invite those on the good lines even if others are wrong"`
	}
)

func inviteVersion(i *admin.Invite) int64 { return i.Version }

// invites registers who may come: invitations, people who wait, seats, and what stands in a new connection's way.
func (a *API) invites(h huma.API) {
	const all, one = "/realms/{realm}/invites", "/realms/{realm}/invites/{id}"
	const user = "/realms/{realm}/users/{id}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-invites", summary: "List a realm's invitations, newest first", tag: "Invitations"}, a.listInvites)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-invite", summary: "Invite somebody; the link is answered this once", tag: "Invitations", takes: admin.NewInvite{}, status: 201}, a.createInvite)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-invite", summary: "Read an invitation", tag: "Invitations"}, a.getInvite)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-invite", summary: "Change an invitation", tag: "Invitations", takes: admin.Invite{}}, a.updateInvite)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-invite", summary: "Forget an invitation", tag: "Invitations", status: 204}, a.deleteInvite)
	on(a, h, route{method: http.MethodPost, path: one + "/resend", id: "resend-invite", summary: "Make a new link and mail it; the old one is worthless", tag: "Invitations", takes: admin.Resending{}}, a.resendInvite)
	on(a, h, route{method: http.MethodPost, path: one + "/revoke", id: "revoke-invite", summary: "Make an invitation worthless", tag: "Invitations"}, a.revokeInvite)

	bulk := route{method: http.MethodPost, path: all + "/bulk", id: "create-invites", summary: "Invite everybody on a list (CSV)", tag: "Invitations", takes: "", status: 201}
	on(a, h, bulk, a.createInvites)
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: inviteListForm}}
	h.OpenAPI().Paths[bulk.path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": text}}

	on(a, h, route{method: http.MethodPost, path: user + "/approve", id: "approve-user", summary: "Let a person in who waits for approval", tag: "People"}, a.approveUser)
	on(a, h, route{method: http.MethodPost, path: user + "/reject", id: "reject-user", summary: "Keep a person out who waits: blocked, or forgotten", tag: "People", takes: admin.Rejection{}, status: 204}, a.rejectUser)
	on(a, h, route{method: http.MethodGet, path: "/realms/{realm}/seats", id: "get-seats", summary: "Read how a realm's seats stand", tag: "People"}, a.countSeats)
	on(a, h, route{method: http.MethodGet, path: "/realms/{realm}/connections/{slug}/collisions", id: "find-collisions", summary: "Find people whom the connection would not find, or find wrongly", tag: "Connections"}, a.findCollisions)
}

const inviteListForm = `The first line names the columns: email, and any of groups (separated by ; or |), connection, client_id, client_realm, locale,
excluded, note, invited_by, send, expires_in, expires_at. At most 1,000 lines.`

func (a *API) listInvites(ctx context.Context, who admin.Actor, in *invitesIn) (*object[admin.Page[*admin.Invite]], error) {
	return plain(a.Admin.ListInvites(ctx, who, in.Realm, in.State, in.page()))
}

func (a *API) createInvite(ctx context.Context, who admin.Actor, in *InRealm) (*object[*admin.Invite], error) {
	i, err := a.Admin.CreateInvite(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(i, inviteVersion, nil)
	return located(o, "realms", i.Realm, "invites", i.ID), err
}

func (a *API) createInvites(ctx context.Context, who admin.Actor, in *inviteListIn) (*object[admin.InviteList], error) {
	return plain(a.Admin.CreateInvites(ctx, who, in.Realm, bodyOf(ctx), in.Partial))
}

func (a *API) getInvite(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.Invite], error) {
	i, err := a.Admin.GetInvite(ctx, who, in.Realm, in.ID)
	return versioned(i, inviteVersion, err)
}

func (a *API) updateInvite(ctx context.Context, who admin.Actor, in *changeIDIn) (*object[*admin.Invite], error) {
	i, err := a.Admin.UpdateInvite(ctx, who, in.Realm, in.ID, match(in.IfMatch), bodyOf(ctx))
	return versioned(i, inviteVersion, err)
}

func (a *API) deleteInvite(ctx context.Context, who admin.Actor, in *changeIDIn) (*empty, error) {
	return gone(a.Admin.DeleteInvite(ctx, who, in.Realm, in.ID, match(in.IfMatch)))
}

func (a *API) resendInvite(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.Invite], error) {
	i, err := a.Admin.ResendInvite(ctx, who, in.Realm, in.ID, bodyOf(ctx))
	return versioned(i, inviteVersion, err)
}

func (a *API) revokeInvite(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.Invite], error) {
	i, err := a.Admin.RevokeInvite(ctx, who, in.Realm, in.ID)
	return versioned(i, inviteVersion, err)
}

func (a *API) approveUser(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.User], error) {
	u, err := a.Admin.ApproveUser(ctx, who, in.Realm, in.ID)
	return versioned(u, userVersion, err)
}

func (a *API) rejectUser(ctx context.Context, who admin.Actor, in *IDIn) (*empty, error) {
	return gone(a.Admin.RejectUser(ctx, who, in.Realm, in.ID, bodyOf(ctx)))
}

func (a *API) countSeats(ctx context.Context, who admin.Actor, in *InRealm) (*object[admin.SeatCount], error) {
	return plain(a.Admin.CountSeats(ctx, who, in.Realm))
}

func (a *API) findCollisions(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.Collisions], error) {
	return plain(a.Admin.FindCollisions(ctx, who, in.Realm, in.Slug))
}
