package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) overviewRoutes() []route {
	showNew, saveNew := f.edit(f.newRealmEditor())
	return []route{
		get("/admin", f.page(f.home)), get("/admin/search", f.page(f.search)), get("/admin/connections", f.page(f.connections)),
		get("/admin/logins", f.page(f.findLogins)), get("/admin/realms", f.page(f.realms)), get("/admin/realms/new", showNew), post("/admin/realms/new", saveNew),
		get(atRealm, f.page(f.realm)), get(atRealm+"/connections", f.page(f.connections)),
	}
}

// healthPill is how a connection stands, in words.
func healthPill(status string) templates.Pill {
	switch status {
	case broker.HealthError:
		return templates.Pill{Kind: "bad", Word: "Needs you"}
	case broker.HealthWarning:
		return templates.Pill{Kind: "warn", Word: "Look at it"}
	case broker.HealthNew:
		return templates.Pill{Kind: "quiet", Word: "New"}
	case broker.HealthOK:
		return templates.Pill{Kind: "good", Word: "Working"}
	case broker.HealthOff:
		return templates.Pill{Kind: "quiet", Word: "Off"}
	}
	return templates.Pill{}
}

func (f *Front) home(c *web.Ctx, a admin.Actor) error {
	o, err := f.Admin.ReadOverview(c.Request.Context(), a)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin"), Heading: "Overview", Live: true, Actions: []templates.Place{{Label: "Connect an identity provider", URL: "/admin/connections/new"}, {Label: "Add a realm", URL: "/admin/realms/new"}}}
	at := templates.Section{Charts: []templates.Chart{chart("Sign-ins, last 30 days", o.Days)}}
	for _, status := range broker.HealthStatuses {
		at.Figures = append(at.Figures, templates.Figure{Name: healthPill(status).Word, Value: thousands(o.Statuses[status]), URL: "/admin/connections?status=" + status})
	}
	p.Sections = []templates.Section{at,
		{Heading: "Connections that need you", Table: f.connectionTable(p.Console, o.Worst), Empty: templates.Empty{Text: "None. Every connection that people use lets them in."}},
		{Heading: "What sign-ins failed with, last 7 days", Table: faultTable(o.Faults), Empty: templates.Empty{Text: "Nothing failed."}},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func chart(title string, days []broker.DayCount) templates.Chart {
	out := templates.Chart{Title: title}
	for _, d := range days {
		out.Bars = append(out.Bars, templates.Bar{Day: d.Day, Good: int(d.OK), Bad: int(d.Failed)})
	}
	return out
}

func faultTable(faults []broker.FaultCount) templates.Table {
	t := templates.Table{Label: "Faults", Columns: []string{"Fault", "How often"}}
	for _, v := range faults {
		t.Rows = append(t.Rows, templates.Row{URL: "/help/faults/" + v.Code, Cells: []templates.Cell{{Text: fault.Lookup(fault.Code(v.Code)).Cause, Note: v.Code}, count(v.Count)}})
	}
	return t
}

func (f *Front) connectionTable(p templates.Console, found []*broker.ConnectionOverview) templates.Table {
	t := templates.Table{Label: "Connections", Columns: []string{"Connection", "Customer", "Standing", "Last sign-in", "Failed, 7 days", "Next expiry"}}
	for _, v := range found {
		expiry := templates.Cell{Text: "–"}
		if !v.Health.NextExpiry.IsZero() {
			expiry = templates.Cell{Expiry: f.expiry("Next expiry", v.Health.NextExpiry)}
		}
		t.Rows = append(t.Rows, templates.Row{URL: realmPath(v.Realm, "connections", v.Slug), Cells: []templates.Cell{
			{Text: v.DisplayName, Note: v.Slug + " · " + v.Preset}, {Text: cmp.Or(v.RealmName, v.Realm), URL: realmPath(v.Realm), Note: strings.Join(v.Domains, ", ")},
			{Pill: healthPill(v.Health.Status), Note: v.Health.Reason}, {When: p.When(v.Health.LastSuccess)}, text(rate(v.Health.Week)), expiry,
		}})
	}
	return t
}

func (f *Front) expiry(what string, at time.Time) templates.Expiry {
	return templates.Expiry{What: what, At: at, Days: (&broker.Expiry{At: at}).Days(f.Now())}
}

// rate says how many of how many failed.
func rate(r broker.Rate) string {
	if r.OK+r.Failed == 0 {
		return "nobody tried"
	}
	return fmt.Sprintf("%s of %s (%.0f %%)", thousands(r.Failed), thousands(r.OK+r.Failed), r.Share()*100)
}

// connections lists those of all realms, or of the one in the address.
func (f *Front) connections(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	filter := broker.ConnectionFilter{
		Query: strings.TrimSpace(c.Query("q")), Realm: realm, Status: c.Query("status"), Protocol: c.Query("protocol"), Preset: c.Query("preset"),
		Expiring: c.Query("only") == "expiring", NeverTested: c.Query("only") == "never_tested", Failing: c.Query("only") == "failing",
	}
	page := paging(c)
	page.Query = ""
	found, err := f.Admin.ListConnectionsOverview(c.Request.Context(), a, filter, page)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/connections"), Heading: "Connections", Purpose: "Customers' identity providers, and how each stands."}
	add := "/admin/connections/new"
	if realm != "" {
		p.Console, add = f.realmFrame(c, a, realm, "connections"), realmPath(realm, "connections", "new")
	}
	p.Actions = []templates.Place{{Label: "Connect an identity provider", URL: add}}
	p.Filter = templates.Filter{Inputs: []templates.Input{
		{Kind: "text", Name: "q", Label: "Customer, domain, address, reference", Value: c.Query("q")}, chosen(c, "status", "Standing", statuses()...),
		chosen(c, "only", "Only", choices("failing", "expiring", "never_tested")...), chosen(c, "preset", "Provider", choices(broker.Presets...)...),
	}}
	table := f.connectionTable(p.Console, found.Items)
	table.Pager = pager(c, found.Next)
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "No connection fits. A connection is a customer's identity provider: setting one up takes minutes.", Next: templates.Place{Label: "Connect an identity provider", URL: add}}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func statuses() []templates.Option {
	var out []templates.Option
	for _, s := range broker.HealthStatuses {
		out = append(out, templates.Option{Value: s, Label: healthPill(s).Word})
	}
	return out
}

func (f *Front) realms(c *web.Ctx, a admin.Actor) error {
	found, err := f.Admin.ListRealmsOverview(c.Request.Context(), a, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/realms"), Heading: "Realms", Purpose: "One for each customer: a wall around its connections, people, applications and keys.",
		Actions: []templates.Place{{Label: "Add a realm", URL: "/admin/realms/new"}}, Filter: templates.Filter{Inputs: []templates.Input{searchBox(c, "Name")}}}
	table := templates.Table{Label: "Realms", Columns: []string{"Realm", "Standing", "Connections", "People", "Domains", "Failed, 7 days"}, Pager: pager(c, found.Next)}
	for _, v := range found.Items {
		people := count(v.People)
		if v.People >= broker.PeopleCounted {
			people.Text = "more than " + thousands(broker.PeopleCounted-1)
		}
		row := templates.Row{URL: realmPath(v.Name), Cells: []templates.Cell{{Text: cmp.Or(v.DisplayName, v.Name), Note: v.Name}, {Pill: healthPill(v.Status)}, count(v.Connections), people, count(v.Domains), text(rate(v.Week))}}
		if v.Hub {
			row.Cells[0].Note += " · hub"
		}
		table.Rows = append(table.Rows, row)
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "No realm yet. Make one for your first customer, or connect an identity provider and the realm is made with it.", Next: templates.Place{Label: "Connect an identity provider", URL: "/admin/connections/new"}}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) newRealmEditor() editor {
	return editor{
		fields: []field{{pointer: "/name", kind: "text", label: "Name", hint: "Lower-case letters, digits and hyphens. It stands in addresses and never changes."}, {pointer: "/display_name", kind: "text", label: "What people call the customer"}, {pointer: "/hub", kind: "check", label: "Hub", hint: "Its applications may send people to the connections of other realms."}},
		submit: "Add this realm", load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			r, err := f.Admin.CreateRealm(c.Request.Context(), a, doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(r.Name), "The realm was added.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			form.CancelURL = "/admin/realms"
			return f.formPage(f.frame(c, a, "/admin/realms", templates.Place{Label: "Realms", URL: "/admin/realms"}), "Add a realm", form), nil
		},
	}
}

func (f *Front) realm(c *web.Ctx, a admin.Actor) error {
	ctx, name := c.Request.Context(), c.Param("realm")
	r, err := f.Admin.GetRealm(ctx, a, name)
	if err != nil {
		return err
	}
	stats, err := f.Admin.RealmStats(ctx, a, name, 30)
	if err != nil {
		return err
	}
	found, err := f.Admin.ListConnectionsOverview(ctx, a, broker.ConnectionFilter{Realm: name}, broker.Page{Limit: 10})
	if err != nil {
		return err
	}
	seats, err := f.Admin.CountSeats(ctx, a, name)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, name, ""), Heading: cmp.Or(r.DisplayName, r.Name), Actions: []templates.Place{{Label: "Connect an identity provider", URL: realmPath(name, "connections", "new")}, {Label: "Invite people", URL: realmPath(name, "invites")}}}
	glance := seatFigures(name, seats)
	glance.Charts = []templates.Chart{chart("Sign-ins, last 30 days", stats.Days)}
	p.Sections = []templates.Section{glance,
		{Heading: "Connections", Table: f.connectionTable(p.Console, found.Items), Empty: templates.Empty{Text: "No connection yet: nobody of this customer can sign in.", Next: templates.Place{Label: "Connect an identity provider", URL: realmPath(name, "connections", "new")}}},
		{Heading: "What sign-ins failed with, last 30 days", Table: faultTable(stats.Faults), Empty: templates.Empty{Text: "Nothing failed."}},
		{Heading: "For applications", Copy: []templates.CopyField{{ID: "issuer", Label: "Issuer", Value: f.Web.BaseURL + "/realms/" + name}, {ID: "discovery", Label: "Discovery", Value: f.Web.BaseURL + "/realms/" + name + "/.well-known/openid-configuration"}}},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

// findLogins looks for sign-ins over all realms.
func (f *Front) findLogins(c *web.Ctx, a admin.Actor) error {
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/logins"), Heading: "Sign-ins", Purpose: "Find a sign-in by the reference that people read from their page, by their address, or by the connection. Who looks is in the audit log.", Filter: traceInputs(c)}
	filter := traceFilter(c)
	empty := "Type a reference like 7KQ2-MX9D, an address or a connection's slug."
	var found admin.Page[broker.Trace]
	if filter.Ref+filter.Email+filter.Connection != "" {
		page := paging(c)
		page.Query = ""
		var err error
		if found, err = f.Admin.FindLogins(c.Request.Context(), a, filter, page); err != nil {
			return err
		}
		empty = "Nothing that fits. A sign-in that never came back from the identity provider leaves nothing here."
	}
	table := traceTable(p.Console, found.Items)
	table.Pager = pager(c, found.Next)
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: empty}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) search(c *web.Ctx, a admin.Actor) error {
	q := strings.TrimSpace(c.Query("q"))
	hits, err := f.Admin.Search(c.Request.Context(), a, q)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, ""), Heading: "Search"}
	p.Query = q
	p.Sections = hitSections(p.Console, hits)
	if len(p.Sections) == 0 {
		p.Sections = []templates.Section{{Empty: templates.Empty{Text: "Nothing found. Search takes names, domains, addresses, references, client IDs, issuers and entity IDs, from their beginning."}}}
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func hitSections(p templates.Console, hits *broker.Hits) []templates.Section {
	var out []templates.Section
	add := func(heading string, rows []templates.Row) {
		if len(rows) > 0 {
			out = append(out, templates.Section{Heading: heading, Table: templates.Table{Label: heading, Columns: []string{"Found", "Where"}, Rows: rows}})
		}
	}
	row := func(url, what, note, where string) templates.Row {
		return templates.Row{URL: url, Cells: []templates.Cell{{Text: what, Note: note}, text(where)}}
	}
	var rows [6][]templates.Row
	for _, h := range hits.Realms {
		rows[0] = append(rows[0], row(realmPath(h.Name), cmp.Or(h.DisplayName, h.Name), h.Name, ""))
	}
	for _, h := range hits.Connections {
		rows[1] = append(rows[1], row(realmPath(h.Realm, "connections", h.Slug), cmp.Or(h.DisplayName, h.Slug), h.Slug, h.Realm))
	}
	for _, h := range hits.Domains {
		rows[2] = append(rows[2], row(realmPath(h.Realm, "domains", h.Domain), h.Domain, "", h.Realm))
	}
	for _, h := range hits.People {
		rows[3] = append(rows[3], row(realmPath(h.Realm, "people", h.ID), h.Email, h.Name, h.Realm))
	}
	for _, h := range hits.Clients {
		rows[4] = append(rows[4], row(realmPath(h.Realm, "clients", h.ClientID), cmp.Or(h.DisplayName, h.ClientID), h.ClientID, h.Realm))
	}
	for _, h := range hits.Logins {
		rows[5] = append(rows[5], row(realmPath(h.Realm, "logins", h.Ref), h.Ref, p.When(h.At).Short, h.Realm))
	}
	for i, heading := range []string{"Realms", "Connections", "Domains", "People", "Applications", "Sign-ins"} {
		add(heading, rows[i])
	}
	return out
}
