package console

import (
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) clientRoutes() []route {
	showNew, saveNew := f.edit(f.newClientEditor())
	show, save := f.edit(f.clientEditor())
	at := atRealm + "/clients"
	return []route{
		get(at, f.page(f.clients)), get(at+"/new", showNew), post(at+"/new", saveNew),
		get(at+"/:client", f.page(f.client)), get(at+"/:client/edit", show), post(at+"/:client/edit", save),
		post(at+"/:client/secret", f.page(f.newSecret)),
		get(at+"/:client/delete", f.page(f.askDeleteClient)), post(at+"/:client/delete", f.action(f.deleteClient)),
	}
}

func (f *Front) clients(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListClients(c.Request.Context(), a, realm, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "clients"), Heading: "Applications", Purpose: "What people sign in to. An application sends them here and gets back who they are.",
		Actions: []templates.Place{{Label: "Add an application", URL: realmPath(realm, "clients", "new")}}, Filter: templates.Filter{Inputs: []templates.Input{searchBox(c, "Name or client ID")}}}
	table := templates.Table{Label: "Applications", Columns: []string{"Name", "Kind", "Status", "Changed"}, Pager: pager(c, found.Next)}
	for _, v := range found.Items {
		kind := "with a secret"
		if v.Public {
			kind = "public (browser or native)"
		}
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "clients", v.ClientID), Cells: []templates.Cell{{Text: v.DisplayName, Note: v.ClientID}, text(kind), onOff(v.Enabled), {When: p.When(v.UpdatedAt)}}})
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "No application yet. Any OpenID Connect client works: add it with its redirect URI.", Next: templates.Place{Label: "Add an application", URL: realmPath(realm, "clients", "new")}}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) client(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	v, err := f.Admin.GetClient(c.Request.Context(), a, realm, c.Param("client"))
	if err != nil {
		return err
	}
	f.Web.Page(c, http.StatusOK, f.clientPage(c, a, v, ""))
	return nil
}

// clientPage shows a client; made is a secret that was made just now, shown this once.
func (f *Front) clientPage(c *web.Ctx, a admin.Actor, v *broker.Client, made string) templates.ConsolePage {
	issuer, here := f.Web.BaseURL+"/realms/"+v.Realm, realmPath(v.Realm, "clients", v.ClientID)
	p := templates.ConsolePage{Console: f.realmFrame(c, a, v.Realm, "clients", templates.Place{Label: "Applications", URL: realmPath(v.Realm, "clients")}), Heading: v.DisplayName,
		Pill: onOff(v.Enabled).Pill, Actions: []templates.Place{{Label: "Edit this application", URL: here + "/edit"}, {Label: "Delete it", URL: here + "/delete", Danger: true}}}
	tell := templates.Section{Heading: "For the application's developer", Copy: []templates.CopyField{
		{ID: "issuer", Label: "Issuer", Value: issuer}, {ID: "discovery", Label: "Discovery", Value: issuer + "/.well-known/openid-configuration"}, {ID: "client-id", Label: "Client ID", Value: v.ClientID},
	}}
	if made != "" {
		tell.Copy = append(tell.Copy, templates.CopyField{ID: "client-secret", Label: "Client secret", Where: "Shown this once: only its hash is kept.", Value: made})
	}
	if !v.Public {
		tell.Buttons = []templates.Form{{Action: here + "/secret", Token: p.Token, Submit: "Make a new client secret", Danger: true}}
	}
	p.Sections = []templates.Section{tell, {Heading: "Settings", Facts: []templates.Fact{
		fact("Redirect URIs", text(strings.Join(v.RedirectURIs, "\n"))), fact("After sign-out", text(strings.Join(v.PostLogoutRedirectURIs, "\n"))),
		fact("How it proves itself", code(v.TokenEndpointAuthMethod)), fact("Grant types", code(strings.Join(v.GrantTypes, " "))), fact("Scopes", code(strings.Join(v.Scopes, " "))),
		fact("Connections", text(orAll(v.Connections))), fact("ID token algorithm", code(v.IDTokenAlg)), fact("Access tokens", code(v.AccessTokenFormat)),
		fact("Notice of sign-out", text(v.BackchannelLogoutURI)), fact("Changed", templates.Cell{When: p.When(v.UpdatedAt)}),
	}}}
	return p
}

func orAll(list []string) string {
	if len(list) == 0 {
		return "all of the realm"
	}
	return strings.Join(list, ", ")
}

var clientFields = []field{
	{pointer: "/display_name", kind: "text", label: "Name", hint: "As people read it on the sign-in page."},
	{pointer: "/redirect_uris", kind: "lines", label: "Redirect URIs", hint: "One a line, written out in full: they are compared byte for byte."},
	{pointer: "/post_logout_redirect_uris", kind: "lines", label: "Where to go after signing out", hint: "One a line."},
	{pointer: "/client_uri", kind: "text", label: "Front page"},
	{pointer: "/initiate_login_uri", kind: "text", label: "Where the application begins a sign-in", hint: "For sign-ins that start at the identity provider or from a direct link."},
	{pointer: "/backchannel_logout_uri", kind: "text", label: "Back-channel logout URI"},
	{pointer: "/connections", kind: "lines", label: "Connections it may use", hint: "Slugs, one a line; empty: all of the realm."},
	{pointer: "/scopes", kind: "words", label: "Scopes it may ask for", hint: "Empty: openid email profile groups offline_access."},
	{pointer: "/default_scopes", kind: "words", label: "Scopes it gets unasked", hint: "email, profile, groups: for applications that ask for openid alone and expect more, as Keycloak's do."},
	{pointer: "/enabled", kind: "check", label: "On"},
}

func (f *Front) newClientEditor() editor {
	fields := append([]field{
		{pointer: "/client_id", kind: "text", label: "Client ID"},
		{pointer: "/public", kind: "check", label: "Public", hint: "It cannot keep a secret: it runs in a browser or on a device."},
	}, clientFields[:3]...)
	return editor{
		fields: fields, submit: "Add this application", load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			v, made, err := f.Admin.CreateClient(c.Request.Context(), a, c.Param("realm"), doc)
			if err != nil {
				return "", "", err
			}
			told := v.DisplayName + " was added."
			if made != "" {
				told += " Its client secret, shown this once: " + made
			}
			return realmPath(v.Realm, "clients", v.ClientID), told, nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			form.CancelURL = realmPath(realm, "clients")
			return f.formPage(f.realmFrame(c, a, realm, "clients", templates.Place{Label: "Applications", URL: realmPath(realm, "clients")}), "Add an application", form), nil
		},
	}
}

func (f *Front) clientEditor() editor {
	return editor{
		fields: clientFields, submit: "Save this application",
		load: func(c *web.Ctx, a admin.Actor) (any, error) {
			return f.Admin.GetClient(c.Request.Context(), a, c.Param("realm"), c.Param("client"))
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			v, _, err := f.Admin.UpdateClient(c.Request.Context(), a, c.Param("realm"), c.Param("client"), readAt(c), doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(v.Realm, "clients", v.ClientID), v.DisplayName + " was saved.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			form.CancelURL = realmPath(realm, "clients", c.Param("client"))
			return f.formPage(f.realmFrame(c, a, realm, "clients", templates.Place{Label: "Applications", URL: realmPath(realm, "clients")}), "Edit an application", form), nil
		},
	}
}

func (f *Front) newSecret(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	v, made, err := f.Admin.UpdateClient(c.Request.Context(), a, c.Param("realm"), c.Param("client"), nil, []byte(`{"client_secret":null}`))
	if err != nil {
		return err
	}
	f.Web.Page(c, http.StatusOK, f.clientPage(c, a, v, made))
	return nil
}

func (f *Front) askDeleteClient(c *web.Ctx, a admin.Actor) error {
	realm, id := c.Param("realm"), c.Param("client")
	v, err := f.Admin.GetClient(c.Request.Context(), a, realm, id)
	if err != nil {
		return err
	}
	f.confirm(c, f.realmFrame(c, a, realm, "clients"), "Delete "+v.DisplayName+"?", "Delete "+v.DisplayName, realmPath(realm, "clients", id), "Nobody can sign in to it any more, and its tokens are worthless at once.")
	return nil
}

func (f *Front) deleteClient(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	err := f.Admin.DeleteClient(c.Request.Context(), a, realm, c.Param("client"), nil)
	return realmPath(realm, "clients"), "The application was deleted.", err
}
