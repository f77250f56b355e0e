package signin

import (
	"context"
	"net/http"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// invite is /invite/{token}. GET shows who invites to what and changes nothing: mail scanners open links, too. POST begins
// the sign-in; the invitation is used when that ends well.
func (f *Front) invite(c *web.Ctx) {
	ctx, path := c.Request.Context(), c.Request.URL.Path
	defer hush(c)
	if !f.Web.Limits.Allow("invite", f.Web.ClientIP(c.Request), 30, 2*second) {
		hush(c)
		f.Web.Fault(c, fault.New(fault.RateLimited, "invitations opened from one address"))
		return
	}
	i, err := f.Engine.Invited(ctx, c.Param("token"))
	if i == nil {
		hush(c)
		f.Web.Fault(c, err)
		return
	}
	realm, client, ferr := f.invitedTo(ctx, i)
	switch {
	case ferr != nil:
		hush(c)
		f.Web.Fault(c, ferr)
	case err != nil:
		f.uninvited(c, i, client, err)
	case c.Request.Method == http.MethodPost:
		f.accept(c, i, client)
	default:
		f.Web.Page(c, http.StatusOK, templates.Invite{
			Shell: f.Web.Shell(c, realm, nil), App: client.DisplayName, Inviter: i.InvitedBy, Email: maskedFor(i), Until: i.ExpiresAt.UTC().Format("2006-01-02"),
			Action: path,
		})
	}
}

// hush takes the link's token out of what is logged of a request.
func hush(c *web.Ctx) { c.Request.URL.Path = "/invite/***" }

// maskedFor is the address as the page shows it: whoever was invited knows it, whoever else holds the link need not learn
// it.
func maskedFor(i *broker.Invite) string {
	if i.Email == "" {
		return ""
	}
	return login.Masked(i.Email)
}

// invitedTo answers the inviting realm and the application that is meant.
func (f *Front) invitedTo(ctx context.Context, i *broker.Invite) (*broker.Realm, *broker.Client, error) {
	realm, err := f.Config.Realm(ctx, i.Realm)
	if err != nil {
		return nil, nil, err
	}
	at := realm
	if i.ClientRealm != "" && i.ClientRealm != i.Realm {
		if at, err = f.Config.Realm(ctx, i.ClientRealm); err != nil {
			return nil, nil, err
		}
	}
	id := i.ClientID
	if id == "" {
		id = at.DefaultClientID
	}
	if id == "" {
		return nil, nil, fault.New(fault.LoginNoClient, "realm %q, invitation %s", at.Name, i.ID)
	}
	client, err := f.Config.Client(ctx, at.Name, id)
	return realm, client, err
}

// uninvited says what to do with an invitation that is over; who used it before finds the way to the application.
func (f *Front) uninvited(c *web.Ctx, i *broker.Invite, client *broker.Client, err error) {
	entry := fault.Lookup(fault.CodeOf(err))
	realm, _ := f.Config.Realm(c.Request.Context(), i.Realm)
	f.Web.Log.InfoContext(c.Request.Context(), "invitation is over", "code", entry.Code, "invite", i.ID, "realm", i.Realm)
	page := templates.Error{Public: entry.Public, App: client.DisplayName, BackURL: client.Home(), Shell: f.Web.Shell(c, realm, nil)}
	page.Shell.Languages = nil
	f.Web.Page(c, entry.Status, page)
}

// accept begins the sign-in that the invitation is for, towards the application that was meant.
func (f *Front) accept(c *web.Ctx, i *broker.Invite, client *broker.Client) {
	l := &broker.Login{
		ID: broker.NewLoginID(), Realm: client.Realm, ClientID: client.ClientID, Protocol: Protocol, Begun: f.Web.Now(), MaxAge: -1,
		IdPHint: i.Connection, LoginHint: i.Email, Invite: i.ID,
	}
	if client.Realm != i.Realm { // a hub
		l.RealmHint = i.Realm
	}
	step, err := f.Engine.Begin(c.Request.Context(), login.Start{Login: l, Connection: i.Connection})
	f.Web.Step(c, l, step, err)
}
