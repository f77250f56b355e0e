package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

const atSetupLinks = atRealm + "/setup-links"

func (f *Front) setupLinkRoutes() []route {
	show, save := f.edit(f.setupLinkEditor())
	return []route{
		get(atSetupLinks, f.page(f.setupLinks)), get(atSetupLinks+"/new", show), post(atSetupLinks+"/new", save), get(atSetupLinks+"/:id", f.page(f.setupLink)),
		post(atSetupLinks+"/:id/resend", f.action(f.resendSetupLink)), post(atSetupLinks+"/:id/revoke", f.action(f.revokeSetupLink)),
		get(atSetupLinks+"/:id/delete", f.page(f.askDeleteSetupLink)), post(atSetupLinks+"/:id/delete", f.action(f.deleteSetupLink)),
	}
}

func setupLinkPath(realm string, below ...string) string {
	return realmPath(realm, append([]string{"setup-links"}, below...)...)
}

// purposeWords are what a setup link is for, as operators say it.
func purposeWords() map[string]string {
	return map[string]string{
		broker.SetupConnection: "A new connection", broker.SetupCertificate: "Another certificate", broker.SetupSecret: "Another client secret", broker.SetupDomain: "Proving domains",
		broker.SetupSCIM: "Provisioning from the directory",
	}
}

func setupPill(state string) templates.Pill {
	switch state {
	case broker.SetupDone:
		return templates.Pill{Kind: "good", Word: "Done"}
	case broker.SetupOpened:
		return templates.Pill{Kind: "warn", Word: "Under way"}
	case broker.SetupExpired:
		return templates.Pill{Kind: "bad", Word: "Expired"}
	case broker.SetupRevoked:
		return templates.Pill{Kind: "quiet", Word: "Revoked"}
	}
	return templates.Pill{Kind: "quiet", Word: "Not opened yet"}
}

// stepWords are the wizard's steps, as what comes next.
func stepWords(step string) string {
	return map[string]string{
		admin.StepProvider: "choose the provider", admin.StepCopied: "enter our values there", admin.StepPasted: "bring theirs here", admin.StepChecked: "the check",
		admin.StepTested: "a test sign-in", admin.StepTrusted: "prove the domains", admin.StepLive: "switch it on",
		admin.StepToken: "make a token", admin.StepReached: "try the connection in their console", admin.StepSent: "start provisioning there",
	}[step]
}

// stands says where the customer is.
func stands(l *admin.SetupLink) string {
	switch {
	case l.Connection == "" && l.Purpose == broker.SetupConnection:
		return "next: choose the provider"
	case l.Next != "":
		return "next: " + stepWords(l.Next)
	case len(l.Steps) > 0:
		return "every step is done"
	}
	return ""
}

func (f *Front) setupLinks(c *web.Ctx, a admin.Actor) error {
	ctx, realm := c.Request.Context(), c.Param("realm")
	found, err := f.Admin.ListSetupLinks(ctx, a, realm, c.Query("connection"), paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "setup-links"), Heading: "Setup links", Purpose: "By a setup link the customer's own administrator connects the identity provider, without an account here."}
	p.Actions = []templates.Place{{Label: "Send a setup link", URL: setupLinkPath(realm, "new")}}
	table := templates.Table{Label: "Setup links", Columns: []string{"For", "To", "State", "Where they stand", "Last opened", "Until"}, Pager: pager(c, found.Next)}
	for _, l := range found.Items {
		if l.State == broker.SetupOpened {
			if l, err = f.Admin.GetSetupLink(ctx, a, realm, l.ID); err != nil {
				return err
			}
		}
		table.Rows = append(table.Rows, templates.Row{URL: setupLinkPath(realm, l.ID), Cells: []templates.Cell{
			{Text: purposeWords()[l.Purpose], Note: l.Connection}, text(cmp.Or(l.Contact, "passed on by hand")), {Pill: setupPill(l.State)},
			text(whileOpen(l)), {When: p.When(l.SeenAt)}, {When: p.When(l.ExpiresAt)},
		}})
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{
		Text: "No setup link yet. Send one, and the customer's administrator is led through the identity provider's console and ours, in their language.",
		Next: templates.Place{Label: "Send a setup link", URL: setupLinkPath(realm, "new")},
	}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func whileOpen(l *admin.SetupLink) string {
	if l.State != broker.SetupOpened {
		return ""
	}
	return stands(l)
}

func (f *Front) setupLink(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	l, err := f.Admin.GetSetupLink(c.Request.Context(), a, realm, c.Param("id"))
	if err != nil {
		return err
	}
	here := setupLinkPath(realm, l.ID)
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "setup-links", templates.Place{Label: "Setup links", URL: setupLinkPath(realm)}), Heading: purposeWords()[l.Purpose], Purpose: l.Contact, Pill: setupPill(l.State)}
	p.Actions = []templates.Place{{Label: "Delete this link", URL: here + "/delete", Danger: true}}
	buttons := []templates.Form{{Action: here + "/resend", Token: p.Token, Submit: "Make a new link" + toContact(l)}}
	if l.State != broker.SetupRevoked && l.State != broker.SetupExpired {
		buttons = append(buttons, templates.Form{Action: here + "/revoke", Token: p.Token, Submit: "Revoke this link", Danger: true})
	}
	p.Sections = []templates.Section{
		{Heading: "Where they stand", Text: cmp.Or(stands(l), "Nothing to follow: this link is about the realm's domains."), Table: f.stepTable(p.Console, l), Links: setupPlaces(realm, l)},
		{Heading: "The link", Text: "A new link takes the place of the old one, which opens nothing from then on. What was entered stays.", Facts: setupFacts(p.Console, l), Buttons: buttons},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func toContact(l *admin.SetupLink) string {
	if l.Contact == "" {
		return ""
	}
	return " and mail it"
}

func (f *Front) stepTable(p templates.Console, l *admin.SetupLink) templates.Table {
	table := templates.Table{Label: "Steps", Columns: []string{"Step", "State", "Since"}}
	for _, s := range l.Steps {
		cell := pill(map[string]string{admin.StepDone: "good", admin.StepWarning: "warn", admin.StepFailed: "bad"}[s.State], cmp.Or(map[string]string{admin.StepTodo: "to do", admin.StepWarning: "look at it"}[s.State], s.State))
		if cell.Pill.Kind == "" {
			cell.Pill.Kind = "quiet"
		}
		since := templates.Cell{}
		if !s.At.IsZero() {
			since.When = p.When(s.At)
		}
		table.Rows = append(table.Rows, templates.Row{Cells: []templates.Cell{text(stepWords(s.ID)), cell, since}})
	}
	return table
}

func setupPlaces(realm string, l *admin.SetupLink) []templates.Place {
	if l.Connection == "" {
		return []templates.Place{{Label: "What was done by setup links", URL: realmPath(realm, "events") + "?kind=setup_link."}}
	}
	if l.Purpose == broker.SetupSCIM {
		return []templates.Place{{Label: "What the directory sends", URL: realmPath(realm, "connections", l.Connection, "provisioning")}}
	}
	return []templates.Place{{Label: "Go on in the console", URL: realmPath(realm, "connections", l.Connection, "setup")},
		{Label: "What was changed, by whom", URL: realmPath(realm, "events") + "?connection=" + url.QueryEscape(l.Connection)}}
}

func setupFacts(p templates.Console, l *admin.SetupLink) []templates.Fact {
	facts := []templates.Fact{
		fact("Connection", text(cmp.Or(l.Connection, "none yet"))), fact("Sent to", text(cmp.Or(l.Contact, "nobody: passed on by hand"))), fact("Sent", templates.Cell{When: p.When(l.SentAt)}),
		fact("First opened", templates.Cell{When: p.When(l.OpenedAt)}), fact("Last opened", templates.Cell{When: p.When(l.SeenAt)}), fact("Until", templates.Cell{When: p.When(l.ExpiresAt)}),
	}
	if !l.DoneAt.IsZero() {
		facts = append(facts, fact("Said to be done", templates.Cell{When: p.When(l.DoneAt)}))
	}
	if l.Purpose == broker.SetupConnection {
		facts = append(facts, fact("May switch it on", onOff(l.Activate)), fact("Providers to choose from", text(cmp.Or(strings.Join(l.Presets, ", "), "any"))))
	}
	return append(facts, fact("Note", text(cmp.Or(l.Note, "–"))), fact("In the name of", text(cmp.Or(l.InvitedBy, "–"))))
}

var setupLinkFields = []field{
	{pointer: "/purpose", kind: "select", label: "What for", options: []templates.Option{
		{Value: broker.SetupConnection, Label: "A new connection"}, {Value: broker.SetupCertificate, Label: "Another certificate of a connection"},
		{Value: broker.SetupSecret, Label: "Another client secret of a connection"}, {Value: broker.SetupDomain, Label: "Proving domains"}, {Value: broker.SetupSCIM, Label: "Provisioning from the directory (SCIM)"},
	}},
	{pointer: "/connection", kind: "text", label: "Connection", hint: "Its slug. Empty for a new one that the customer begins."},
	{pointer: "/contact", kind: "text", label: "Address of the customer's administrator", hint: "Empty: you pass the link on yourself."},
	{pointer: "/by_hand", kind: "check", label: "Mail nothing, I pass the link on myself"},
	{pointer: "/presets", kind: "words", label: "Providers to choose from", hint: "For example: okta entra. Empty: every company's provider."},
	{pointer: "/activate", kind: "check", label: "They may switch the new connection on", hint: "Only after a test sign-in has passed and its domains are proved."},
	{pointer: "/locale", kind: "select", label: "Language", options: append([]templates.Option{{Label: "the realm's"}}, choices(broker.Locales...)...)},
	{pointer: "/invited_by", kind: "text", label: "In whose name", hint: "As the administrator reads it: your company or team."},
	{pointer: "/note", kind: "area", label: "A note for them"},
	{pointer: "/expires_in", kind: "select", label: "Works for", options: []templates.Option{{Value: "336h", Label: "14 days"}, {Value: "168h", Label: "7 days"}, {Value: "720h", Label: "30 days"}, {Value: "2160h", Label: "90 days"}}},
}

func (f *Front) setupLinkEditor() editor {
	return editor{
		fields: setupLinkFields, submit: "Make the link",
		load: func(c *web.Ctx, _ admin.Actor) (any, error) {
			return map[string]string{"purpose": c.Query("purpose"), "connection": c.Query("connection")}, nil
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			body, err := withSending(doc)
			if err != nil {
				return "", "", err
			}
			l, err := f.Admin.CreateSetupLink(c.Request.Context(), a, c.Param("realm"), body)
			if err != nil {
				return "", "", err
			}
			return setupLinkPath(l.Realm, l.ID), linkTold(l), nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "setup-links", templates.Place{Label: "Setup links", URL: setupLinkPath(realm)}), Heading: "Send a setup link"}
			form.CancelURL = setupLinkPath(realm)
			p.Sections = []templates.Section{{Form: &form}}
			_, err := f.Admin.GetRealm(c.Request.Context(), a, realm)
			return p, err
		},
	}
}

// withSending says whether to mail the link: where there is an address, unless the operator passes it on.
func withSending(doc []byte) ([]byte, error) {
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil {
		return nil, err
	}
	m["send"] = m["by_hand"] != true && m["contact"] != ""
	delete(m, "by_hand")
	return json.Marshal(m)
}

// linkTold names the link this once, and says whether it was mailed.
func linkTold(l *admin.SetupLink) string {
	if !l.SentAt.IsZero() {
		return "It was mailed to " + l.Contact + ". The link, shown this once: " + l.URL
	}
	return "The link, shown this once: " + l.URL
}

func (f *Front) resendSetupLink(c *web.Ctx, a admin.Actor) (string, string, error) {
	l, err := f.Admin.ResendSetupLink(c.Request.Context(), a, c.Param("realm"), c.Param("id"), []byte("{}"))
	if err != nil {
		return "", "", err
	}
	return setupLinkPath(l.Realm, l.ID), linkTold(l), nil
}

func (f *Front) revokeSetupLink(c *web.Ctx, a admin.Actor) (string, string, error) {
	l, err := f.Admin.RevokeSetupLink(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return "", "", err
	}
	return setupLinkPath(l.Realm, l.ID), "The link opens nothing any more. What was entered through it stays.", nil
}

func (f *Front) askDeleteSetupLink(c *web.Ctx, a admin.Actor) error {
	realm, id := c.Param("realm"), c.Param("id")
	if _, err := f.Admin.GetSetupLink(c.Request.Context(), a, realm, id); err != nil {
		return err
	}
	f.confirm(c, f.realmFrame(c, a, realm, "setup-links"), "Forget this setup link?", "Forget this setup link", setupLinkPath(realm, id), "It opens nothing any more. What was entered through it stays.")
	return nil
}

func (f *Front) deleteSetupLink(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	return setupLinkPath(realm), "The setup link was forgotten.", f.Admin.DeleteSetupLink(c.Request.Context(), a, realm, c.Param("id"))
}

// renewBy is where to make a setup link that fits a connection as it is.
func renewBy(v *broker.Connection) templates.Place {
	purpose := broker.SetupConnection
	switch {
	case v.Enabled && v.SAML != nil:
		purpose = broker.SetupCertificate
	case v.Enabled:
		purpose = broker.SetupSecret
	}
	return templates.Place{Label: "Send a setup link", URL: setupLinkPath(v.Realm, "new") + "?" + url.Values{"purpose": {purpose}, "connection": {v.Slug}}.Encode()}
}
