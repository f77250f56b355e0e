package console

import (
	"fmt"
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) inviteRoutes() []route {
	at := atRealm + "/invites"
	show, save := f.edit(f.inviteEditor())
	return []route{
		get(at, show), post(at, save), get(at+"/list", f.page(f.askList)), post(at+"/list", f.page(f.inviteList)),
		post(at+"/:id/resend", f.action(f.resend)), post(at+"/:id/revoke", f.action(f.revokeInvite)),
		get(atRealm+"/groups", f.page(f.groups)), post(atRealm+"/groups", f.action(f.addGroup)), post(atRealm+"/groups/:group/delete", f.action(f.deleteGroup)),
	}
}

var inviteFields = []field{
	{pointer: "/email", kind: "text", label: "Address", hint: "Leave it out for a link that several people may use."},
	{pointer: "/max_uses", kind: "number", label: "How many people may use it", hint: "Only without an address."},
	{pointer: "/connection", kind: "text", label: "Connection they must come through", hint: "Its slug; empty: any."},
	{pointer: "/client_id", kind: "text", label: "Application to land in", hint: "Its client ID; empty: the realm's default."},
	{pointer: "/groups", kind: "lines", label: "Groups to give", hint: "One a line."},
	{pointer: "/locale", kind: "select", label: "Language of the mail", options: append([]templates.Option{{Label: "the realm's"}}, choices(broker.Locales...)...)},
	{pointer: "/note", kind: "text", label: "A line of your own for the mail"},
}

// inviteEditor is the list with the form to invite below it.
func (f *Front) inviteEditor() editor {
	return editor{
		fields: inviteFields, submit: "Invite", load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			i, err := f.Admin.CreateInvite(c.Request.Context(), a, c.Param("realm"), doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(c.Param("realm"), "invites"), invited(i), nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			return f.invites(c, a, form)
		},
	}
}

func invited(i *admin.Invite) string {
	if i.URL != "" {
		return "The invitation's link, shown this once: " + i.URL
	}
	return i.Email + " was invited by mail."
}

func (f *Front) invites(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
	realm := c.Param("realm")
	found, err := f.Admin.ListInvites(c.Request.Context(), a, realm, c.Query("state"), bigPaging(c))
	if err != nil {
		return templates.ConsolePage{}, err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "invites"), Heading: "Invitations", Actions: []templates.Place{{Label: "Invite a list", URL: realmPath(realm, "invites", "list")}},
		Filter: templates.Filter{Inputs: []templates.Input{searchBox(c, "Address begins with"), chosen(c, "state", "State", choices(broker.InviteStates...)...)}}}
	table := templates.Table{Label: "Invitations", Columns: []string{"For", "State", "Used", "Until", "", ""}, Pager: pager(c, found.Next)}
	for _, i := range found.Items {
		who := i.Email
		if who == "" {
			who = "anybody with the link"
		}
		row := templates.Row{Cells: []templates.Cell{{Text: who, Note: i.Note}, pill(map[string]string{broker.InviteLive: "good", broker.InviteUsed: "quiet"}[i.State], i.State), text(fmt.Sprintf("%d of %d", i.Uses, i.MaxUses)), {When: p.When(i.ExpiresAt)}, {}, {}}}
		if row.Cells[1].Pill.Kind == "" {
			row.Cells[1].Pill.Kind = "warn"
		}
		if i.State != broker.InviteUsed {
			row.Cells[4].Button = &templates.Form{Action: realmPath(realm, "invites", i.ID, "resend"), Token: p.Token, Submit: "Send again"}
		}
		if i.State == broker.InviteLive {
			row.Cells[5].Button = &templates.Form{Action: realmPath(realm, "invites", i.ID, "revoke"), Token: p.Token, Submit: "Revoke it", Danger: true}
		}
		table.Rows = append(table.Rows, row)
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "Nobody was invited yet."}}, {ID: "invite", Heading: "Invite somebody", Form: &form}}
	return p, nil
}

func (f *Front) resend(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	i, err := f.Admin.ResendInvite(c.Request.Context(), a, realm, c.Param("id"), []byte("{}"))
	if err != nil {
		return "", "", err
	}
	return realmPath(realm, "invites"), invited(i), nil
}

func (f *Front) revokeInvite(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	_, err := f.Admin.RevokeInvite(c.Request.Context(), a, realm, c.Param("id"))
	return realmPath(realm, "invites"), "The invitation is worthless now.", err
}

func (f *Front) listForm(c *web.Ctx, token, typed, wrong string) *templates.Form {
	return &templates.Form{Action: c.Request.URL.Path, Token: token, Submit: "Invite everybody on the list", Error: wrong, CancelURL: realmPath(c.Param("realm"), "invites"), Inputs: []templates.Input{
		{Kind: "textarea", Name: "list", Label: "The list", Hint: "CSV with a header line: email, and if you like connection, client_id, groups, locale, note.", Value: typed, Required: true},
		{Kind: "checkbox", Name: "partial", Label: "Take the good lines where some are wrong"},
	}}
}

func (f *Front) askList(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "invites", templates.Place{Label: "Invitations", URL: realmPath(realm, "invites")}), Heading: "Invite a list"}
	p.Sections = []templates.Section{{Form: f.listForm(c, p.Token, "email\n", "")}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) inviteList(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	realm, list := c.Param("realm"), c.PostForm("list")
	done, err := f.Admin.CreateInvites(c.Request.Context(), a, realm, []byte(list), c.PostForm("partial") == "true")
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "invites", templates.Place{Label: "Invitations", URL: realmPath(realm, "invites")}), Heading: "Invite a list"}
	made := templates.Table{Label: "Invited", Columns: []string{"Address", "Link"}}
	for _, i := range done.Created {
		made.Rows = append(made.Rows, templates.Row{Cells: []templates.Cell{text(i.Email), code(i.URL)}})
	}
	failed := templates.Table{Label: "Not invited", Columns: []string{"Line", "Address", "What is wrong"}}
	for _, l := range done.Failed {
		var why []string
		for _, e := range l.Errors {
			why = append(why, e.Pointer+" "+e.Detail)
		}
		failed.Rows = append(failed.Rows, templates.Row{Cells: []templates.Cell{count(l.Line), text(l.Email), text(strings.Join(why, "; "))}})
	}
	p.Sections = []templates.Section{{Heading: "Invited", Table: made, Empty: templates.Empty{Text: "Nobody."}}, {Heading: "Not invited", Table: failed, Empty: templates.Empty{Text: "Nobody was left out."}}}
	if len(done.Created) == 0 {
		p.Sections = append(p.Sections, templates.Section{Heading: "Once more", Form: f.listForm(c, p.Token, list, "")})
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) groups(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListGroups(c.Request.Context(), a, realm, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "groups"), Heading: "Groups", Purpose: "What applications are told a person belongs to: from the identity provider, by rules, or by hand."}
	table := templates.Table{Label: "Groups", Columns: []string{"Group", "People", "By hand", ""}, Pager: pager(c, found.Next)}
	for _, g := range found.Items {
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "people") + "?group=" + queryEscape(g.Name), Cells: []templates.Cell{{Text: g.Name, Note: g.Description}, count(g.Members), count(g.ByHand),
			{Button: &templates.Form{Action: realmPath(realm, "groups", g.Name, "delete"), Token: p.Token, Submit: "Delete this group", Danger: true}}}})
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "No groups yet."}},
		{Heading: "Add a group", Form: &templates.Form{Action: realmPath(realm, "groups"), Token: p.Token, Submit: "Add this group", Inputs: []templates.Input{{Kind: "text", Name: "name", Label: "Name", Required: true}, {Kind: "text", Name: "description", Label: "What it is for"}}}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) addGroup(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	doc := patch([]field{{pointer: "/name", kind: "text"}, {pointer: "/description", kind: "text"}}, c.Request.PostForm)
	g, err := f.Admin.CreateGroup(c.Request.Context(), a, realm, doc)
	if err != nil {
		return "", "", err
	}
	return realmPath(realm, "groups"), g.Name + " was added.", nil
}

func (f *Front) deleteGroup(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	return realmPath(realm, "groups"), "The group was deleted; whom an identity provider lists in it stays in it.", f.Admin.DeleteGroup(c.Request.Context(), a, realm, c.Param("group"), nil)
}
