package console

import (
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) ledgerRoutes() []route {
	return []route{
		get("/admin/events", f.page(f.allEvents)), get(atRealm+"/events", f.page(f.realmEvents)),
		get(atRealm+"/sessions", f.page(f.sessions)), post(atRealm+"/sessions/:sid/end", f.action(f.endSession)),
		get("/admin/mails", f.page(f.mails)), get(atRealm+"/mails", f.page(f.mails)), get(atRealm+"/mails/:id", f.page(f.mail)),
		post(atRealm+"/mails/:id/retry", f.action(f.retryMail)), post(atRealm+"/mails/:id/copied", f.action(f.mailCopied)), post(atRealm+"/mails/:id/reveal", f.sure("/admin/mails", f.page(f.revealMail))),
	}
}

func eventFilter(c *web.Ctx) admin.EventFilter {
	return admin.EventFilter{Kind: c.Query("kind"), Connection: c.Query("connection"), Ref: c.Query("ref"), Email: c.Query("email"), UserID: c.Query("user")}
}

func eventInputs(c *web.Ctx) templates.Filter {
	return templates.Filter{Inputs: []templates.Input{
		{Kind: "text", Name: "kind", Label: "Kind begins with", Value: c.Query("kind"), Placeholder: "connection."},
		{Kind: "text", Name: "connection", Label: "Connection", Value: c.Query("connection")},
		{Kind: "text", Name: "email", Label: "Address", Value: c.Query("email")},
		{Kind: "text", Name: "ref", Label: "Reference", Value: c.Query("ref"), Placeholder: "7KQ2-MX9D"},
	}, Hidden: kept(c, "user")}
}

func (f *Front) allEvents(c *web.Ctx, a admin.Actor) error {
	found, err := f.Admin.ListEvents(c.Request.Context(), a, eventFilter(c), bigPaging(c))
	if err != nil {
		return err
	}
	f.events(c, f.frame(c, a, "/admin/events"), found)
	return nil
}

func (f *Front) realmEvents(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListRealmEvents(c.Request.Context(), a, realm, eventFilter(c), bigPaging(c))
	if err != nil {
		return err
	}
	f.events(c, f.realmFrame(c, a, realm, "events"), found)
	return nil
}

func (f *Front) events(c *web.Ctx, frame templates.Console, found admin.Page[*admin.Event]) {
	table := f.eventTable(frame, found.Items)
	table.Pager = pager(c, found.Next)
	f.Web.Page(c, http.StatusOK, templates.ConsolePage{Console: frame, Heading: "Audit", Purpose: "Who changed or looked at what, and what happened by itself. Secrets are masked.", Filter: eventInputs(c),
		Sections: []templates.Section{{Table: table, Empty: templates.Empty{Text: "Nothing that fits."}}}})
}

func (f *Front) eventTable(p templates.Console, events []*admin.Event) templates.Table {
	t := templates.Table{Label: "Events", Columns: []string{"When", "What", "Who", "About", "Change"}}
	for _, e := range events {
		about := text(e.Subject)
		if e.Ref != "" && e.Realm != "" {
			about = templates.Cell{Text: e.Ref, Code: true, URL: realmPath(e.Realm, "logins", e.Ref), Note: e.Subject}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{
			{When: p.When(e.At), Note: e.Realm}, {Text: e.Kind, Code: true, Note: e.Code}, {Text: e.Actor, Note: e.RemoteIP}, about, {Pairs: changes(e.Before, e.After), Note: e.Detail},
		}})
	}
	return t
}

func (f *Front) sessions(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListSessions(c.Request.Context(), a, realm, admin.SessionFilter{Connection: c.Query("connection"), UserID: c.Query("user")}, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "sessions"), Heading: "Sessions", Purpose: "Who is signed in to this customer's applications.",
		Filter: templates.Filter{Inputs: []templates.Input{{Kind: "text", Name: "connection", Label: "Connection", Value: c.Query("connection")}}, Hidden: kept(c, "user")}}
	table := f.sessionTable(p.Console, found.Items)
	table.Pager = pager(c, found.Next)
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "Nobody is signed in."}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) sessionTable(p templates.Console, sessions []*admin.Session) templates.Table {
	t := templates.Table{Label: "Sessions", Columns: []string{"Person", "Through", "Signed in", "Last seen", "Until", ""}}
	for _, s := range sessions {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{
			{Text: s.UserID, Code: true, URL: realmPath(s.HomeRealm, "people", s.UserID), Note: browserName(s.UserAgent)}, {Text: s.Connection, URL: realmPath(s.HomeRealm, "connections", s.Connection)},
			{When: p.When(s.AuthTime)}, {When: p.When(s.LastSeenAt)}, {When: p.When(s.ExpiresAt)},
			{Button: &templates.Form{Action: realmPath(s.Realm, "sessions", s.ID, "end"), Token: p.Token, Submit: "End this session"}},
		}})
	}
	return t
}

func (f *Front) endSession(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	err := f.Admin.EndSession(c.Request.Context(), a, realm, c.Param("sid"))
	return realmPath(realm, "sessions"), "The session was ended.", err
}

func (f *Front) mails(c *web.Ctx, a admin.Actor) error {
	ctx, realm := c.Request.Context(), c.Param("realm")
	frame, list := f.frame(c, a, "/admin/mails"), f.Admin.ListAllMails
	if realm != "" {
		frame = f.realmFrame(c, a, realm, "mails")
		found, err := f.Admin.ListMails(ctx, a, realm, paging(c))
		if err != nil {
			return err
		}
		f.mailList(c, frame, found)
		return nil
	}
	found, err := list(ctx, a, paging(c))
	if err != nil {
		return err
	}
	f.mailList(c, frame, found)
	return nil
}

func (f *Front) mailList(c *web.Ctx, frame templates.Console, found admin.Page[*broker.Mail]) {
	table := templates.Table{Label: "Mails", Columns: []string{"When", "To", "Subject", "Status"}, Pager: pager(c, found.Next)}
	for _, m := range found.Items {
		row := templates.Row{Cells: []templates.Cell{{When: frame.When(m.CreatedAt), Note: m.Realm}, text(m.To), {Text: m.Subject, Note: strings.ReplaceAll(m.Kind, "_", " ")}, {Pill: mailPill(m), Note: m.Detail}}}
		if m.Realm != "" {
			row.URL = realmPath(m.Realm, "mails", m.ID)
		}
		table.Rows = append(table.Rows, row)
	}
	f.Web.Page(c, http.StatusOK, templates.ConsolePage{Console: frame, Heading: "Mails", Purpose: "What was written to people, and whether it arrived. Without a mail server each can be copied and passed on by hand.",
		Sections: []templates.Section{{Table: table, Empty: templates.Empty{Text: "No mails yet."}}}})
}

var mailWords = map[string]string{
	broker.MailQueued: "On its way", broker.MailSent: "Sent", broker.MailFailed: "Failed", broker.MailCopy: "To be passed on", broker.MailCopied: "Passed on",
}

func mailPill(m *broker.Mail) templates.Pill {
	kind := map[string]string{"sent": "good", "copied": "good", "failed": "bad"}[m.Status]
	if kind == "" {
		kind = "quiet"
	}
	return templates.Pill{Kind: kind, Word: mailWords[m.Status]}
}

func (f *Front) mail(c *web.Ctx, a admin.Actor) error {
	m, err := f.Admin.GetMail(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return err
	}
	f.showMail(c, a, m)
	return nil
}

// revealMail shows a mail whose text opens somebody's account; it is in the audit log before it is shown.
func (f *Front) revealMail(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	m, err := f.Admin.RevealMail(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return err
	}
	f.showMail(c, a, m)
	return nil
}

func (f *Front) showMail(c *web.Ctx, a admin.Actor, m *broker.Mail) {
	p := templates.ConsolePage{Console: f.realmFrame(c, a, m.Realm, "mails", templates.Place{Label: "Mails", URL: realmPath(m.Realm, "mails")}), Heading: m.Subject, Pill: mailPill(m)}
	here := realmPath(m.Realm, "mails", m.ID)
	s := templates.Section{Facts: []templates.Fact{
		fact("To", text(m.To)), fact("Written", templates.Cell{When: p.When(m.CreatedAt)}), fact("Sent", templates.Cell{When: p.When(m.SentAt)}), fact("Last answer", text(m.Detail)),
	}, Pre: m.Text, Buttons: []templates.Form{{Action: here + "/retry", Token: p.Token, Submit: "Send again"}, {Action: here + "/copied", Token: p.Token, Submit: "I passed it on"}}}
	if m.Text == "" && m.Secret {
		s.Text = "Whoever reads this mail can sign in as its addressee. Showing it is in the audit log."
		s.Buttons = append(s.Buttons, templates.Form{Action: here + "/reveal", Token: p.Token, Submit: "Show it all the same", Danger: true})
	}
	p.Sections = []templates.Section{s}
	f.Web.Page(c, http.StatusOK, p)
}

func (f *Front) retryMail(c *web.Ctx, a admin.Actor) (string, string, error) {
	m, err := f.Admin.RetryMail(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return "", "", err
	}
	return realmPath(m.Realm, "mails", m.ID), "It will be delivered again.", nil
}

func (f *Front) mailCopied(c *web.Ctx, a admin.Actor) (string, string, error) {
	m, err := f.Admin.MailCopied(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return "", "", err
	}
	return realmPath(m.Realm, "mails", m.ID), "Noted.", nil
}
