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

const atRealm = "/admin/realms/:realm"

func (f *Front) peopleRoutes() []route {
	showPerson, savePerson := f.edit(f.personEditor())
	showNew, saveNew := f.edit(f.newPersonEditor())
	at := atRealm + "/people"
	return []route{
		get(at, f.page(f.people)), get(at+"/new", showNew), post(at+"/new", saveNew),
		get(at+"/:id", f.page(f.person)), get(at+"/:id/edit", showPerson), post(at+"/:id/edit", savePerson),
		post(at+"/:id/approve", f.action(f.approve)), post(at+"/:id/reject", f.action(f.reject)),
		get(at+"/:id/signout", f.page(f.askSignout)), post(at+"/:id/signout", f.action(f.signout)),
		get(at+"/:id/delete", f.page(f.askDelete)), post(at+"/:id/delete", f.action(f.deletePerson)),
		post(at+"/:id/unlink", f.action(f.unlink)), post(at+"/:id/way", f.action(f.wayIn)),
		get(at+"/:id/merge", f.page(f.askMerge)), post(at+"/:id/merge", f.action(f.merge)),
		post(atRealm+"/merges/:id/undo", f.action(f.undoMerge)),
		get(atRealm+"/duplicates", f.page(f.duplicates)),
	}
}

// standingPill is how a person stands, in words.
func standingPill(u *broker.User) templates.Pill {
	switch {
	case u.Blocked:
		return templates.Pill{Kind: "bad", Word: "Blocked"}
	case u.Status == broker.StatusPending:
		return templates.Pill{Kind: "warn", Word: "Waits for approval"}
	case u.Status == broker.StatusHeld:
		return templates.Pill{Kind: "warn", Word: "Waits for a seat"}
	case u.Status == broker.StatusMerged:
		return templates.Pill{Kind: "quiet", Word: "Merged"}
	}
	return templates.Pill{Kind: "good", Word: "Active"}
}

func (f *Front) people(c *web.Ctx, a admin.Actor) error {
	ctx, realm := c.Request.Context(), c.Param("realm")
	filter := broker.UserFilter{Status: c.Query("status"), Connection: c.Query("connection"), Group: c.Query("group"), Link: c.Query("link")}
	found, err := f.Admin.ListUsers(ctx, a, realm, filter, paging(c))
	if err != nil {
		return err
	}
	seats, err := f.Admin.CountSeats(ctx, a, realm)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "people"), Heading: "People", Purpose: "Everybody who has signed in to this customer's applications, or may."}
	p.Actions = []templates.Place{{Label: "Invite people", URL: realmPath(realm, "invites") + "#invite"}, {Label: "Add a person", URL: realmPath(realm, "people", "new")}, {Label: "Likely duplicates", URL: realmPath(realm, "duplicates")}}
	p.Filter = templates.Filter{Inputs: []templates.Input{searchBox(c, "Address begins with"), chosen(c, "status", "Standing", choices(broker.UserStatuses...)...)}, Hidden: kept(c, "connection", "group")}
	table := templates.Table{Label: "People", Columns: []string{"Person", "Standing", "Groups", "Last sign-in"}, Pager: pager(c, found.Next)}
	for _, u := range found.Items {
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "people", u.ID), Cells: []templates.Cell{
			{Text: u.Email, Note: nameOf(u)}, {Pill: standingPill(u)}, text(shorten(strings.Join(u.Groups, ", "))), {When: p.When(u.LastLoginAt)},
		}})
	}
	p.Sections = []templates.Section{seatFigures(realm, seats), {Table: table, Empty: templates.Empty{
		Text: "Nobody here yet. People appear when they sign in for the first time, are invited or come from a directory.",
		Next: templates.Place{Label: "Invite people", URL: realmPath(realm, "invites")},
	}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

// kept carries filters of the address that have no input of their own.
func kept(c *web.Ctx, names ...string) []templates.Field {
	var out []templates.Field
	for _, n := range names {
		if v := c.Query(n); v != "" {
			out = append(out, templates.Field{Name: n, Value: v})
		}
	}
	return out
}

func seatFigures(realm string, s admin.SeatCount) templates.Section {
	taken := thousands(int64(s.Taken))
	if s.Limit > 0 {
		taken += " of " + thousands(int64(s.Limit))
	}
	with := func(status string) string { return realmPath(realm, "people") + "?status=" + status }
	return templates.Section{Figures: []templates.Figure{
		{Name: "Active", Value: taken, URL: with(broker.StandingActive)},
		{Name: "Wait for approval", Value: thousands(int64(s.Pending)), URL: with(broker.StatusPending)},
		{Name: "Wait for a seat", Value: thousands(int64(s.Held)), URL: with(broker.StatusHeld)},
	}}
}

func nameOf(u *broker.User) string {
	return cmp.Or(u.Name, strings.TrimSpace(u.GivenName+" "+u.FamilyName))
}

func (f *Front) person(c *web.Ctx, a admin.Actor) error {
	ctx, realm, id := c.Request.Context(), c.Param("realm"), c.Param("id")
	u, err := f.Admin.GetUser(ctx, a, realm, id)
	if err != nil {
		return err
	}
	links, err := f.Admin.ListLinks(ctx, a, realm, id)
	if err != nil {
		return err
	}
	sessions, err := f.Admin.UserSessions(ctx, a, realm, id, broker.Page{Limit: 20})
	if err != nil {
		return err
	}
	directories, err := f.Admin.UserDirectories(ctx, a, realm, id)
	if err != nil {
		return err
	}
	events, err := f.Admin.ListRealmEvents(ctx, a, realm, admin.EventFilter{UserID: id}, broker.Page{Limit: 15})
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "people", templates.Place{Label: "People", URL: realmPath(realm, "people")}), Heading: u.Email, Purpose: nameOf(u), Pill: standingPill(u)}
	here := realmPath(realm, "people", id)
	p.Actions = []templates.Place{{Label: "Edit this person", URL: here + "/edit"}, {Label: "Sign them out", URL: here + "/signout"}, {Label: "Merge accounts", URL: here + "/merge"}, {Label: "Delete them", URL: here + "/delete", Danger: true}}
	p.Sections = []templates.Section{
		f.standing(c, p.Console, u), {Heading: "About", Facts: personFacts(p.Console, u)}, f.links(p.Console, realm, u, links.Items), f.directories(p.Console, realm, directories.Items), f.ways(p.Console, realm, u),
		{Heading: "Signed in at", Table: f.sessionTable(p.Console, sessions.Items), Empty: templates.Empty{Text: "Not signed in anywhere."}},
		{Heading: "What happened", Table: f.eventTable(p.Console, events.Items), Empty: templates.Empty{Text: "Nothing yet."}, Links: []templates.Place{{Label: "All of it", URL: realmPath(realm, "events") + "?user=" + url.QueryEscape(id)}, {Label: "Sign-ins of this address", URL: realmPath(realm, "logins") + "?q=" + url.QueryEscape(u.Email)}}},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

// standing offers what an operator may do for a person who waits.
func (f *Front) standing(_ *web.Ctx, p templates.Console, u *broker.User) templates.Section {
	if u.Status != broker.StatusPending && u.Status != broker.StatusHeld {
		return templates.Section{}
	}
	here := realmPath(u.Realm, "people", u.ID)
	return templates.Section{Heading: "Waiting to be let in", Text: "This person has signed in and waits. They come in by themselves at their next try once you let them.", Buttons: []templates.Form{
		{Action: here + "/approve", Token: p.Token, Submit: "Let this person in"}, {Action: here + "/reject", Token: p.Token, Submit: "Keep this person out", Danger: true},
	}}
}

func personFacts(p templates.Console, u *broker.User) []templates.Fact {
	proof := "not proved"
	if u.EmailVerified {
		proof = "proved"
	}
	facts := []templates.Fact{
		fact("Address", templates.Cell{Text: u.Email, Note: proof}), fact("Name", text(cmp.Or(nameOf(u), "–"))), fact("Language", text(cmp.Or(u.Locale, "–"))),
		fact("Groups", text(cmp.Or(strings.Join(u.Groups, ", "), "–"))), fact("Groups given by hand", text(cmp.Or(strings.Join(u.ManualGroups, ", "), "–"))),
		fact("Excluded from enforced sign-in", onOff(u.Excluded)), fact("Goes to", text(cmp.Or(u.PinnedConnection, "what the domain says"))),
		fact("Last sign-in", templates.Cell{When: p.When(u.LastLoginAt)}), fact("Since", templates.Cell{When: p.When(u.CreatedAt)}), fact("ID (sub)", code(u.ID)),
	}
	if u.MergedInto != "" {
		facts = append(facts, fact("Merged into", templates.Cell{Text: u.MergedInto, URL: realmPath(u.Realm, "people", u.MergedInto)}))
	}
	return facts
}

func (f *Front) links(p templates.Console, realm string, u *broker.User, links []*broker.Link) templates.Section {
	table := templates.Table{Label: "Accounts at identity providers", Columns: []string{"Connection", "Subject there", "Since", ""}}
	for _, l := range links {
		subject := code(l.Subject)
		if l.Mutable {
			subject.Note = "may change there: map a stable attribute"
		}
		table.Rows = append(table.Rows, templates.Row{Cells: []templates.Cell{
			{Text: l.Connection, URL: realmPath(realm, "connections", l.Connection)}, subject, {When: p.When(l.CreatedAt)},
			{Button: &templates.Form{Action: realmPath(realm, "people", u.ID) + "/unlink", Token: p.Token, Submit: "Untie", Hidden: []templates.Field{{Name: "connection", Value: l.Connection}, {Name: "subject", Value: l.Subject}}}},
		}})
	}
	return templates.Section{Heading: "Accounts at identity providers", Table: table, Empty: templates.Empty{Text: "None: this person has not signed in through a connection yet."}}
}

func (f *Front) ways(p templates.Console, realm string, u *broker.User) templates.Section {
	here := realmPath(realm, "people", u.ID) + "/way"
	offer := func(kind, label string) templates.Form {
		return templates.Form{Action: here, Token: p.Token, Submit: label, Hidden: []templates.Field{{Name: "kind", Value: kind}}}
	}
	return templates.Section{Heading: "Ways in without a company's sign-in page", Text: "For people who are excluded from enforced sign-in, where the realm allows it.",
		Buttons: []templates.Form{offer("passkey", "Send a link to add a passkey"), offer("password", "Send a link to set a password")}}
}

var personFields = []field{
	{pointer: "/given_name", kind: "text", label: "Given name"}, {pointer: "/family_name", kind: "text", label: "Family name"}, {pointer: "/name", kind: "text", label: "Whole name"},
	{pointer: "/locale", kind: "select", label: "Language", options: append([]templates.Option{{Label: "as the browser says"}}, choices(broker.Locales...)...)},
	{pointer: "/manual_groups", kind: "lines", label: "Groups given by hand", hint: "One a line. Groups from the identity provider stay as they are."},
	{pointer: "/pinned_connection", kind: "text", label: "Connection this person goes to", hint: "Its slug; empty: what the address's domain says."},
	{pointer: "/excluded", kind: "check", label: "Excluded from enforced sign-in", hint: "May use the realm's own ways in: a way back when the identity provider fails."},
	{pointer: "/blocked", kind: "check", label: "Blocked", hint: "Signed out at once, and kept out."},
}

func (f *Front) personEditor() editor {
	return editor{
		fields: personFields, submit: "Save this person",
		load: func(c *web.Ctx, a admin.Actor) (any, error) {
			return f.Admin.GetUser(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			u, err := f.Admin.UpdateUser(c.Request.Context(), a, c.Param("realm"), c.Param("id"), readAt(c), doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(u.Realm, "people", u.ID), u.Email + " was saved.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			form.CancelURL = realmPath(realm, "people", c.Param("id"))
			return f.formPage(f.realmFrame(c, a, realm, "people", templates.Place{Label: "People", URL: realmPath(realm, "people")}), "Edit a person", form), nil
		},
	}
}

func (f *Front) formPage(frame templates.Console, heading string, form templates.Form) templates.ConsolePage {
	return templates.ConsolePage{Console: frame, Heading: heading, Sections: []templates.Section{{Form: &form}}}
}

func (f *Front) newPersonEditor() editor {
	return editor{
		fields: append([]field{{pointer: "/email", kind: "text", label: "Address"}}, personFields[:5]...), submit: "Add this person",
		load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			u, err := f.Admin.CreateUser(c.Request.Context(), a, c.Param("realm"), doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(u.Realm, "people", u.ID), u.Email + " was added.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			form.CancelURL = realmPath(realm, "people")
			p := f.formPage(f.realmFrame(c, a, realm, "people", templates.Place{Label: "People", URL: realmPath(realm, "people")}), "Add a person", form)
			p.Purpose = "For connections that let in only people who are already known. Their first sign-in is held to the same rules as anybody's."
			return p, nil
		},
	}
}

func (f *Front) approve(c *web.Ctx, a admin.Actor) (string, string, error) {
	u, err := f.Admin.ApproveUser(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return "", "", err
	}
	told := u.Email + " may come in."
	if u.Status == broker.StatusHeld {
		told = "All seats are taken: " + u.Email + " comes in once one is free."
	}
	return realmPath(u.Realm, "people", u.ID), told, nil
}

func (f *Front) reject(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm, id := c.Param("realm"), c.Param("id")
	err := f.Admin.RejectUser(c.Request.Context(), a, realm, id, []byte("{}"))
	return realmPath(realm, "people", id), "The person is kept out.", err
}

func (f *Front) askSignout(c *web.Ctx, a admin.Actor) error {
	realm, id := c.Param("realm"), c.Param("id")
	hit, err := f.Admin.SignoutUser(c.Request.Context(), a, realm, id, true)
	if err != nil {
		return err
	}
	f.confirm(c, f.realmFrame(c, a, realm, "people"), "Sign this person out?", "Sign out of "+plural(hit.Sessions, "session", "sessions"), realmPath(realm, "people", id),
		"Signed in "+plural(hit.Sessions, "time", "times")+", over all applications and browsers. What was granted for use without the person is revoked too.")
	return nil
}

// confirm asks before something dangerous; the form posts to the page's own address.
func (f *Front) confirm(c *web.Ctx, frame templates.Console, heading, submit, cancel string, lines ...string) {
	f.Web.Page(c, http.StatusOK, templates.ConsoleConfirm{Console: frame, Heading: heading, Text: lines, Form: templates.Form{
		Action: c.Request.URL.Path, Token: frame.Token, Submit: submit, Danger: true, CancelURL: cancel,
	}})
}

func (f *Front) signout(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm, id := c.Param("realm"), c.Param("id")
	hit, err := f.Admin.SignoutUser(c.Request.Context(), a, realm, id, false)
	return realmPath(realm, "people", id), plural(hit.Sessions, "session was", "sessions were") + " ended.", err
}

func (f *Front) askDelete(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	u, err := f.Admin.GetUser(c.Request.Context(), a, realm, c.Param("id"))
	if err != nil {
		return err
	}
	f.confirm(c, f.realmFrame(c, a, realm, "people"), "Delete "+u.Email+"?", "Delete "+u.Email, realmPath(realm, "people", u.ID),
		"The person is signed out and forgotten. If they sign in again they are somebody new, with a new ID. The audit log keeps who it was; erasing for good is a request of the admin API.")
	return nil
}

func (f *Front) deletePerson(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	err := f.Admin.DeleteUser(c.Request.Context(), a, realm, c.Param("id"), nil)
	return realmPath(realm, "people"), "The person was deleted.", err
}

func (f *Front) unlink(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm, id := c.Param("realm"), c.Param("id")
	err := f.Admin.DeleteLink(c.Request.Context(), a, realm, id, c.PostForm("connection"), c.PostForm("subject"))
	return realmPath(realm, "people", id), "The account there is no longer tied to this person; their sessions through it have ended.", err
}

// wayIn makes a link that opens a person's account: it takes a proof of who asks, as reading a mail does.
func (f *Front) wayIn(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm, id := c.Param("realm"), c.Param("id")
	if f.fresh(c) != nil {
		return confirmURL(realmPath(realm, "people", id)), "It was you. Make the link now.", nil
	}
	body, err := json.Marshal(admin.NewCredentialLink{Kind: c.PostForm("kind")})
	if err != nil {
		return "", "", err
	}
	link, err := f.Admin.CreateCredentialLink(c.Request.Context(), a, realm, id, body)
	if err != nil {
		return "", "", err
	}
	told := "The link is on its way by mail."
	if link.URL != "" {
		told = "Give this link to the person and to nobody else: " + link.URL
	}
	return realmPath(realm, "people", id), told, nil
}

func (f *Front) askMerge(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	u, err := f.Admin.GetUser(c.Request.Context(), a, realm, c.Param("id"))
	if err != nil {
		return err
	}
	frame := f.realmFrame(c, a, realm, "people", templates.Place{Label: "People", URL: realmPath(realm, "people")}, templates.Place{Label: u.Email, URL: realmPath(realm, "people", u.ID)})
	f.Web.Page(c, http.StatusOK, templates.ConsoleConfirm{Console: frame, Heading: "Merge " + u.Email + " into another account", Text: []string{
		"The accounts at identity providers lead to the other person from then on. It can be undone.",
	}, Form: templates.Form{Action: c.Request.URL.Path, Token: frame.Token, Submit: "Merge " + u.Email, CancelURL: realmPath(realm, "people", u.ID), Inputs: []templates.Input{
		{Kind: "text", Name: "into", Label: "Address or ID of the account that stays", Required: true},
	}}})
	return nil
}

func (f *Front) merge(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm := c.Request.Context(), c.Param("realm")
	into := strings.TrimSpace(c.PostForm("into"))
	if strings.Contains(into, "@") {
		found, err := f.Admin.ListUsers(ctx, a, realm, broker.UserFilter{}, broker.Page{Limit: 1, Query: into})
		if err != nil {
			return "", "", err
		}
		for _, u := range found.Items {
			if strings.EqualFold(u.Email, into) {
				into = u.ID
			}
		}
	}
	body, err := json.Marshal(admin.NewMerge{Into: into})
	if err != nil {
		return "", "", err
	}
	m, err := f.Admin.MergeUser(ctx, a, realm, c.Param("id"), body)
	if err != nil {
		return "", "", err
	}
	return realmPath(realm, "people", m.Into), "The accounts are one. It can be undone under \"Likely duplicates\".", nil
}

func (f *Front) undoMerge(c *web.Ctx, a admin.Actor) (string, string, error) {
	m, err := f.Admin.UndoMerge(c.Request.Context(), a, c.Param("realm"), c.Param("id"))
	if err != nil {
		return "", "", err
	}
	return realmPath(m.Realm, "people", m.From), "The accounts are two again.", nil
}

func (f *Front) duplicates(c *web.Ctx, a admin.Actor) error {
	ctx, realm := c.Request.Context(), c.Param("realm")
	found, err := f.Admin.Duplicates(ctx, a, realm, broker.Page{Limit: perPage, Cursor: c.Query("cursor")})
	if err != nil {
		return err
	}
	merges, err := f.Admin.ListMerges(ctx, a, realm, broker.Page{Limit: perPage})
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "people", templates.Place{Label: "People", URL: realmPath(realm, "people")}), Heading: "Likely duplicates", Purpose: "Accounts that may belong to one person. Nothing is merged by itself: judge each."}
	table := templates.Table{Label: "Likely duplicates", Columns: []string{"Alike in", "Accounts"}, Pager: pager(c, found.Next)}
	for _, l := range found.Items {
		var who []templates.Change
		for _, u := range l.People {
			who = append(who, templates.Change{Name: u.Email, Is: nameOf(u)})
		}
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "people") + "?q=" + url.QueryEscape(l.People[0].Email), Cells: []templates.Cell{text(l.Reason), {Pairs: who}}})
	}
	done := templates.Table{Label: "Merged", Columns: []string{"Account", "Into", "When", ""}}
	for _, m := range merges.Items {
		row := templates.Row{Cells: []templates.Cell{{Text: m.Before.Email, URL: realmPath(realm, "people", m.From)}, {Text: m.Into, URL: realmPath(realm, "people", m.Into)}, {When: p.When(m.At), Note: "by " + m.By}, pill("quiet", "Undone")}}
		if m.UndoneAt.IsZero() {
			row.Cells[3] = templates.Cell{Button: &templates.Form{Action: realmPath(realm, "merges", m.ID, "undo"), Token: p.Token, Submit: "Undo"}}
		}
		done.Rows = append(done.Rows, row)
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "No two accounts look alike."}}, {Heading: "Merged", Table: done, Empty: templates.Empty{Text: "Nothing was merged."}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}
