package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// lifeRoutes are the pages about what happens after go-live: what ends, what changed at the providers, who is told.
func (f *Front) lifeRoutes() []route {
	routes := []route{
		get("/admin/expiries", f.page(f.expiries)), get(atRealm+"/expiries", f.page(f.expiries)),
		get(atConnection+"/documents", f.page(f.documents)), post(atConnection+"/documents/refresh", f.action(f.refreshDocuments)), post(atConnection+"/documents/release", f.action(f.releaseDocuments)),
		get(atConnection+"/documents/:n", f.page(f.document)), post(atConnection+"/documents/:n/:verb", f.action(f.decideDocument)),
	}
	for _, at := range []string{"/admin", atRealm} {
		show, save := f.edit(f.webhookEditor())
		routes = append(routes, get(at+"/webhooks", show), post(at+"/webhooks", save), get(at+"/webhooks/:id", f.page(f.webhook)), post(at+"/webhooks/:id/:verb", f.action(f.changeWebhook)))
	}
	return routes
}

func (f *Front) expiries(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListExpiries(c.Request.Context(), a, admin.ExpiryQuery{Realm: realm, Connection: c.Query("connection"), Kind: c.Query("kind"), Within: c.Query("within")}, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/expiries"), Heading: "Expiring", Purpose: "Everything that ends, the soonest first. Contacts are written to 60, 30, 7 and 1 days before, with a link by which they renew it without an account."}
	if realm != "" {
		p.Console = f.realmFrame(c, a, realm, "expiries")
	}
	p.Filter = templates.Filter{Inputs: []templates.Input{chosen(c, "within", "Within", choices("7d", "30d", "60d", "90d")...), {Kind: "text", Name: "connection", Label: "Connection", Value: c.Query("connection")}}}
	table := templates.Table{Label: "Expiring", Columns: []string{"What", "Left", "Ends", "Belongs to"}, Pager: pager(c, found.Next)}
	for _, e := range found.Items {
		left := templates.Cell{Expiry: templates.Expiry{What: e.Name, At: e.At, Days: e.DaysLeft}}
		if e.Replaced {
			left = pill("quiet", "Replaced")
		}
		row := templates.Row{Cells: []templates.Cell{expiring(e), left, {When: p.When(e.At)}, {Text: cmp.Or(e.Connection, e.Realm), Note: e.Realm}}}
		switch {
		case e.Connection != "":
			row.URL = realmPath(e.Realm, "connections", e.Connection)
		case e.Realm != "":
			row.URL = realmPath(e.Realm)
		}
		table.Rows = append(table.Rows, row)
	}
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "Nothing ends in that time."}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

// expiring names what ends, with its kind below where that says more.
func expiring(e *broker.Expiry) templates.Cell {
	kind := strings.ReplaceAll(e.Kind, "_", " ")
	if e.Name == "" || e.Name == kind {
		return text(kind)
	}
	return templates.Cell{Text: e.Name, Note: kind}
}

func documentPill(d admin.DocumentVersion) templates.Pill {
	switch {
	case d.Trusted:
		return templates.Pill{Kind: "good", Word: "Trusted now"}
	case d.Status == broker.DocumentPending:
		return templates.Pill{Kind: "warn", Word: "Waits for you"}
	}
	return templates.Pill{Kind: "quiet", Word: strings.ToUpper(d.Status[:1]) + d.Status[1:]}
}

func (f *Front) documents(c *web.Ctx, a admin.Actor) error {
	v, err := f.Admin.ListDocuments(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "documents"), Heading: "What the provider publishes", Purpose: "Metadata or discovery, fetched every day. What only adds a certificate to what is known goes in by itself; every other change waits here until somebody has looked at it."}
	table := templates.Table{Label: "Versions", Columns: []string{"Version", "Standing", "When", "How", "What changed"}}
	for _, d := range v.Items {
		var what []templates.Change
		for _, ch := range d.Changes {
			what = append(what, templates.Change{Name: ch.Name, Was: shorten(ch.From), Is: cmp.Or(shorten(ch.To), "gone")})
		}
		table.Rows = append(table.Rows, templates.Row{URL: connectionPath(c, "documents", strconv.FormatInt(d.N, 10)), Cells: []templates.Cell{
			text(fmt.Sprintf("Version %d", d.N)), {Pill: documentPill(d)}, {When: p.When(d.At)}, {Text: d.How, Note: d.By}, {Pairs: what},
		}})
	}
	s := templates.Section{Table: table, Empty: templates.Empty{Text: "No version is kept yet: nothing has been fetched, or the settings were entered by hand."}}
	s.Buttons = []templates.Form{{Action: connectionPath(c, "documents", "refresh"), Token: p.Token, Submit: "Fetch it now"}}
	if v.Pinned {
		s.Text = "An earlier version was restored and stays trusted until it is released."
		s.Buttons = append(s.Buttons, templates.Form{Action: connectionPath(c, "documents", "release"), Token: p.Token, Submit: "Release it: follow the provider again"})
	}
	if w := v.Watch; w != nil {
		s.Facts = []templates.Fact{fact("Last fetched", templates.Cell{When: p.When(w.GoodAt)}), fact("Next", templates.Cell{When: p.When(w.CheckAt)})}
		if !w.FailingSince.IsZero() {
			s.Facts = append(s.Facts, fact("Fails since", templates.Cell{When: p.When(w.FailingSince), Note: w.Code + " " + w.Detail}))
		}
	}
	p.Sections = []templates.Section{s}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func versionOf(c *web.Ctx) (int64, error) {
	n, err := strconv.ParseInt(c.Param("n"), 10, 64)
	if err != nil || n < 1 {
		return 0, broker.ErrNotFound
	}
	return n, nil
}

func (f *Front) document(c *web.Ctx, a admin.Actor) error {
	n, err := versionOf(c)
	if err != nil {
		return err
	}
	d, err := f.Admin.GetDocument(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), n)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "documents"), Heading: fmt.Sprintf("Version %d", d.N), Pill: documentPill(d.DocumentVersion), Purpose: "Compare the fingerprints with what the customer's administrator reads to you before you approve: whoever holds the key that is approved can sign in as anybody of this customer."}
	changed := templates.Table{Label: "Changes", Columns: []string{"What", "Change", "Was", "Is"}}
	for _, ch := range d.Changes {
		changed.Rows = append(changed.Rows, templates.Row{Cells: []templates.Cell{text(ch.Name), text(ch.Kind), code(ch.From), code(ch.To)}})
	}
	says := templates.Section{Heading: "What it says"}
	for _, v := range d.Facts {
		says.Facts = append(says.Facts, fact(v.Name, code(v.Value)))
	}
	p.Sections = []templates.Section{{Heading: "What changed", Table: changed, Empty: templates.Empty{Text: "Nothing against what is trusted."}, Buttons: documentButtons(c, p.Token, d)}, says, {Pre: d.Body, Fold: "The document itself"}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func documentButtons(c *web.Ctx, token string, d *admin.DocumentText) []templates.Form {
	button := func(verb, label string) templates.Form {
		return templates.Form{Action: connectionPath(c, "documents", c.Param("n"), verb), Token: token, Submit: label}
	}
	switch {
	case d.Trusted:
		return nil
	case d.Status == broker.DocumentPending:
		return []templates.Form{button("approve", "Approve: trust it from now on"), button("dismiss", "Dismiss it")}
	case d.Status == broker.DocumentDismissed:
		return []templates.Form{button("approve", "Approve it after all")}
	}
	return []templates.Form{button("restore", "Restore this version")}
}

func (f *Front) decideDocument(c *web.Ctx, a admin.Actor) (string, string, error) {
	n, err := versionOf(c)
	if err != nil {
		return "", "", err
	}
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	told := ""
	switch c.Param("verb") {
	case "approve":
		_, err = f.Admin.ApproveDocument(ctx, a, realm, slug, n)
		told = fmt.Sprintf("Version %d is trusted now.", n)
	case "dismiss":
		_, err = f.Admin.DismissDocument(ctx, a, realm, slug, n)
		told = fmt.Sprintf("Version %d was dismissed.", n)
	case "restore":
		_, err = f.Admin.RestoreDocument(ctx, a, realm, slug, n)
		told = fmt.Sprintf("Version %d is trusted again, until it is released.", n)
	default:
		err = broker.ErrNotFound
	}
	return connectionPath(c, "documents"), told, err
}

func (f *Front) refreshDocuments(c *web.Ctx, a admin.Actor) (string, string, error) {
	_, err := f.Admin.RefreshDocuments(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	return connectionPath(c, "documents"), "Fetched.", err
}

func (f *Front) releaseDocuments(c *web.Ctx, a admin.Actor) (string, string, error) {
	_, err := f.Admin.ReleaseDocuments(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	return connectionPath(c, "documents"), "What the provider publishes is followed again.", err
}

// hooks is the address of the realm's webhooks, or of the installation's.
func hooks(c *web.Ctx, below ...string) string {
	if realm := c.Param("realm"); realm != "" {
		return realmPath(realm, append([]string{"webhooks"}, below...)...)
	}
	p := "/admin/webhooks"
	for _, b := range below {
		p += "/" + url.PathEscape(b)
	}
	return p
}

func (f *Front) hookFrame(c *web.Ctx, a admin.Actor) templates.Console {
	if realm := c.Param("realm"); realm != "" {
		return f.realmFrame(c, a, realm, "webhooks")
	}
	return f.frame(c, a, "/admin/webhooks")
}

// webhookEditor is the list with the form to add one below it.
func (f *Front) webhookEditor() editor {
	return editor{
		fields: []field{{pointer: "/name", kind: "text", label: "Name"}, {pointer: "/url", kind: "text", label: "Address"}, {pointer: "/events", kind: "words", label: "Events", hint: "With blanks between: login.failed connection.* expiry.warning, or * for all."}},
		submit: "Add this webhook", load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			w, err := f.Admin.CreateWebhook(c.Request.Context(), a, c.Param("realm"), doc)
			if err != nil {
				return "", "", err
			}
			return hooks(c, w.ID), "Its signing secret, shown this once: " + w.Secret.Reveal(), nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			found, err := f.Admin.ListWebhooks(c.Request.Context(), a, c.Param("realm"), paging(c))
			if err != nil {
				return templates.ConsolePage{}, err
			}
			p := templates.ConsolePage{Console: f.hookFrame(c, a), Heading: "Webhooks", Purpose: "Your own systems are told what happens, signed as the Standard Webhooks specification has it."}
			table := templates.Table{Label: "Webhooks", Columns: []string{"Name", "Standing", "Events", "Last success"}, Pager: pager(c, found.Next)}
			for _, w := range found.Items {
				table.Rows = append(table.Rows, templates.Row{URL: hooks(c, w.ID), Cells: []templates.Cell{{Text: w.Name, Note: w.URL}, {Pill: hookPill(w)}, code(strings.Join(w.Events, " ")), {When: p.When(w.LastSuccessAt)}}})
			}
			p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "None yet."}}, {Heading: "Add a webhook", Form: &form}}
			return p, nil
		},
	}
}

func hookPill(w *broker.Webhook) templates.Pill {
	switch {
	case w.DisabledReason != "":
		return templates.Pill{Kind: "bad", Word: "Switched off by itself"}
	case !w.Enabled:
		return templates.Pill{Kind: "quiet", Word: "Off"}
	case !w.FailingSince.IsZero():
		return templates.Pill{Kind: "warn", Word: "Failing"}
	}
	return templates.Pill{Kind: "good", Word: "On"}
}

func (f *Front) webhook(c *web.Ctx, a admin.Actor) error {
	ctx, realm, id := c.Request.Context(), c.Param("realm"), c.Param("id")
	w, err := f.Admin.GetWebhook(ctx, a, realm, id)
	if err != nil {
		return err
	}
	sent, err := f.Admin.ListDeliveries(ctx, a, realm, id, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.hookFrame(c, a), Heading: w.Name, Purpose: w.URL, Pill: hookPill(w)}
	table := templates.Table{Label: "Deliveries", Columns: []string{"When", "Event", "Status", "Answer", ""}, Pager: pager(c, sent.Next)}
	for _, d := range sent.Items {
		table.Rows = append(table.Rows, templates.Row{Cells: []templates.Cell{{When: p.When(d.CreatedAt)}, code(d.Type), {Text: d.Status, Note: plural(int64(d.Attempts), "try", "tries")}, {Text: strings.TrimPrefix(fmt.Sprint(d.Response), "0"), Note: cmp.Or(d.Detail, shorten(d.Answer))},
			{Button: &templates.Form{Action: hooks(c, id, "resend"), Token: p.Token, Submit: "Send again", Hidden: []templates.Field{{Name: "delivery", Value: d.ID}}}}}})
	}
	button := func(verb, label string, danger bool) templates.Form {
		return templates.Form{Action: hooks(c, id, verb), Token: p.Token, Submit: label, Danger: danger}
	}
	toggle := button("enable", "Switch it on", false)
	if w.Enabled {
		toggle = button("disable", "Switch it off", false)
	}
	p.Sections = []templates.Section{{Facts: []templates.Fact{fact("Events", code(strings.Join(w.Events, " "))), fact("Failing since", templates.Cell{When: p.When(w.FailingSince)}), fact("Old secret signs until", templates.Cell{When: p.When(w.PreviousUntil)})},
		Buttons: []templates.Form{button("test", "Send a test event", false), toggle, button("secret", "Make a new secret", false), button("delete", "Delete this webhook", true)}},
		{Heading: "Deliveries", Table: table, Empty: templates.Empty{Text: "Nothing was sent yet."}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) changeWebhook(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm, id := c.Request.Context(), c.Param("realm"), c.Param("id")
	here := hooks(c, id)
	switch verb := c.Param("verb"); verb {
	case "test":
		_, err := f.Admin.TestWebhook(ctx, a, realm, id)
		return here, "A test event is on its way.", err
	case "enable", "disable":
		_, err := f.Admin.UpdateWebhook(ctx, a, realm, id, nil, []byte(`{"enabled":`+strconv.FormatBool(verb == "enable")+`}`))
		return here, "Saved.", err
	case "secret":
		w, err := f.Admin.RotateWebhookSecret(ctx, a, realm, id)
		if err != nil {
			return "", "", err
		}
		return here, "The new signing secret, shown this once; the old one signs too for a day: " + w.Secret.Reveal(), nil
	case "resend":
		_, err := f.Admin.Resend(ctx, a, realm, id, c.PostForm("delivery"))
		return here, "It is sent again.", err
	case "delete":
		return hooks(c), "The webhook was deleted.", f.Admin.DeleteWebhook(ctx, a, realm, id, nil)
	}
	return "", "", fault.New(fault.NotFound, "")
}
