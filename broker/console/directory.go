package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

const atDirectory = atConnection + "/provisioning"

func (f *Front) directoryRoutes() []route {
	show, save := f.edit(f.tokenEditor())
	return []route{
		get(atDirectory, show), post(atDirectory, save), post(atDirectory+"/:id/roll", f.action(f.rollToken)),
		get(atDirectory+"/:id/revoke", f.page(f.askRevokeToken)), post(atDirectory+"/:id/revoke", f.action(f.revokeToken)),
	}
}

// stagePill is how a directory stands.
func stagePill(stage string) templates.Pill {
	switch stage {
	case admin.DirectoryRefused:
		return templates.Pill{Kind: "bad", Word: "Refused"}
	case admin.DirectoryTested:
		return templates.Pill{Kind: "warn", Word: "Tested, nobody sent"}
	case admin.DirectoryProvisioning:
		return templates.Pill{Kind: "good", Word: "Provisioning"}
	case admin.DirectorySilent:
		return templates.Pill{Kind: "warn", Word: "Silent"}
	}
	return templates.Pill{Kind: "quiet", Word: "Never called"}
}

var tokenFields = []field{
	{pointer: "/name", kind: "text", label: "Name", hint: "By which you know it again, for example where it was entered."},
	{pointer: "/ends", kind: "select", label: "Works for", options: []templates.Option{{Value: "365", Label: "a year"}, {Value: "730", Label: "two years"}, {Value: "90", Label: "90 days"}, {Label: "ever"}}},
}

// tokenEditor is the page about a connection's directory, with the form that makes a token on it.
func (f *Front) tokenEditor() editor {
	return editor{
		fields: tokenFields, submit: "Make a token",
		load: func(*web.Ctx, admin.Actor) (any, error) { return map[string]string{"ends": "365"}, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			body, err := f.withEnd(doc)
			if err != nil {
				return "", "", err
			}
			t, err := f.Admin.CreateSCIMToken(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), body)
			if err != nil {
				return "", "", err
			}
			return connectionPath(c, "provisioning"), tokenTold(t), nil
		},
		draw: f.directory,
	}
}

func tokenTold(t *admin.SCIMToken) string { return "The token, shown this once: " + t.Token }

// withEnd says of a new token when it ends: the form says for how many days it works.
func (f *Front) withEnd(doc []byte) ([]byte, error) {
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil {
		return nil, err
	}
	days := map[any]int{"90": 90, "365": 365, "730": 730}[m["ends"]]
	delete(m, "ends")
	if days > 0 {
		m["expires_at"] = f.Now().AddDate(0, 0, days).UTC().Format(time.RFC3339)
	}
	return json.Marshal(m)
}

func (f *Front) directory(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	v, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return templates.ConsolePage{}, err
	}
	state, err := f.Admin.GetSCIM(ctx, a, realm, slug)
	if err != nil {
		return templates.ConsolePage{}, err
	}
	requests, err := f.Admin.ListSCIMRequests(ctx, a, realm, slug, paging(c))
	if err != nil {
		return templates.ConsolePage{}, err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "provisioning"), Heading: "Provisioning", Pill: stagePill(state.Stage),
		Purpose: "The customer's directory creates, changes and deactivates its people here by SCIM 2.0.", Live: state.Stage != admin.DirectoryNone || len(state.Tokens) > 0}
	p.Actions = []templates.Place{{Label: "Send a setup link", URL: setupLinkPath(realm, "new") + "?" + url.Values{"purpose": {broker.SetupSCIM}, "connection": {slug}}.Encode()}}
	p.Sections = []templates.Section{
		{Findings: web.Cards(state.Findings), Figures: directoryFigures(p.Console, state)},
		theirConsole(v, state), f.tokenSection(c, p.Console, state.Tokens, form), requestSection(p.Console, requests),
	}
	return p, nil
}

func directoryFigures(p templates.Console, s *admin.SCIMState) []templates.Figure {
	return []templates.Figure{
		{Name: "People sent", Value: thousands(s.Users)}, {Name: "Deactivated there", Value: thousands(s.Users - s.ActiveUsers)}, {Name: "Deleted there", Value: thousands(s.DeletedUsers)},
		{Name: "Groups sent", Value: thousands(s.Groups)}, {Name: "Last request", Value: p.When(s.LastRequestAt).Short}, {Name: "Last change of a person", Value: p.When(s.LastUserWriteAt).Short},
		{Name: "Requests", Value: thousands(s.Requests)}, {Name: "Refused", Value: thousands(s.Failures)},
	}
}

// theirConsole is what goes where, in the words of the provider's console.
func theirConsole(v *broker.Connection, s *admin.SCIMState) templates.Section {
	p, ok := preset.Get(v.Preset)
	if !ok {
		p, _ = preset.Get("generic")
	}
	how, own := p.Directory()
	out := templates.Section{Heading: "In " + p.Title, Text: "Copy each value into the field of the same name; the token goes into " + how.Token + ".", Links: []templates.Place{{Label: "Every step, in the handbook", URL: "/help/providers/" + url.PathEscape(p.Name) + "#provisioning"}}}
	if how.Bearer {
		out.Text += " The word Bearer stands there already."
	}
	if !own {
		out.Text = p.Title + " cannot send people by itself. A program that does it in its place needs these values and a token."
	}
	out.Copy = []templates.CopyField{{ID: "directory-url", Label: how.URL, Where: how.Path, Value: s.BaseURL}}
	for i, also := range how.Also {
		out.Copy = append(out.Copy, templates.CopyField{ID: fmt.Sprintf("directory-%d", i), Label: also.Label, Value: also.Value})
	}
	return out
}

func tokenPill(state string) templates.Pill {
	switch state {
	case broker.SCIMTokenLive:
		return templates.Pill{Kind: "good", Word: "Works"}
	case broker.SCIMTokenExpired:
		return templates.Pill{Kind: "bad", Word: "Expired"}
	}
	return templates.Pill{Kind: "quiet", Word: "Revoked"}
}

func (f *Front) tokenSection(c *web.Ctx, p templates.Console, tokens []*admin.SCIMToken, form templates.Form) templates.Section {
	table := templates.Table{Label: "Tokens", Columns: []string{"Token", "State", "Made by", "Last used", "Ends", "", ""}}
	for _, t := range tokens {
		ends := templates.Cell{Text: "never"}
		if !t.ExpiresAt.IsZero() {
			ends = templates.Cell{When: p.When(t.ExpiresAt)}
		}
		cells := []templates.Cell{{Text: t.Name, Note: "ends in " + t.Hint}, {Pill: tokenPill(t.State)}, {Text: t.CreatedBy, When: p.When(t.CreatedAt)}, {When: p.When(t.LastUsedAt)}, ends, {}, {}}
		if t.State == broker.SCIMTokenLive {
			here := connectionPath(c, "provisioning", t.ID)
			cells[5].Button = &templates.Form{Action: here + "/roll", Token: p.Token, Submit: "Make its successor"}
			cells[6] = templates.Cell{Text: "Revoke", URL: here + "/revoke"}
			if p.Role == string(admin.Auditor) {
				cells[6] = templates.Cell{}
			}
		}
		table.Rows = append(table.Rows, templates.Row{Cells: cells})
	}
	return templates.Section{ID: "tokens", Heading: "Tokens", Text: "A token lets the directory write people of this connection, and nothing else. Several work side by side, so that one can be exchanged without a gap.",
		Table: table, Empty: templates.Empty{Text: "No token yet, so nothing is taken from anybody."}, Folded: &templates.FoldedForm{Summary: "Make a token", Form: form, Open: len(tokens) == 0 || hasErrors(form)}}
}

func hasErrors(form templates.Form) bool {
	return slices.ContainsFunc(form.Inputs, func(i templates.Input) bool { return i.Error != "" })
}

func requestSection(p templates.Console, requests admin.Page[broker.DirectoryRequest]) templates.Section {
	table := templates.Table{Label: "Last requests", Columns: []string{"When", "Request", "Answer", "Why", "By"}, Pager: templates.Pager{}}
	for _, r := range requests.Items {
		answer := templates.Cell{Pill: templates.Pill{Kind: "good", Word: fmt.Sprint(r.Status)}}
		why := templates.Cell{}
		if r.Code != "" {
			answer.Pill.Kind = "bad"
			why = templates.Cell{Text: cmp.Or(r.Detail, r.Code), Note: r.Code, URL: "/help/faults/" + url.PathEscape(r.Code)}
		}
		table.Rows = append(table.Rows, templates.Row{Cells: []templates.Cell{{When: p.When(r.At)}, code(r.Method + " " + r.Path), answer, why, {Text: r.Token, Note: r.RemoteIP}}})
	}
	return templates.Section{Heading: "Last requests", Table: table, Empty: templates.Empty{Text: "Nothing has arrived yet. Each request stands here a moment after it was made."}}
}

// rollToken makes a token beside the one that it is to take the place of.
func (f *Front) rollToken(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	old, err := f.tokenOf(c, a)
	if err != nil {
		return "", "", err
	}
	next := admin.NewSCIMToken{Name: old.Name}
	if !old.ExpiresAt.IsZero() {
		next.ExpiresAt = f.Now().Add(old.ExpiresAt.Sub(old.CreatedAt)).UTC().Truncate(time.Second)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return "", "", err
	}
	t, err := f.Admin.CreateSCIMToken(ctx, a, realm, slug, body)
	if err != nil {
		return "", "", err
	}
	return connectionPath(c, "provisioning"), "Revoke the old one when the directory uses this one. " + tokenTold(t), nil
}

func (f *Front) tokenOf(c *web.Ctx, a admin.Actor) (*admin.SCIMToken, error) {
	list, err := f.Admin.ListSCIMTokens(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.ID == c.Param("id") {
			return t, nil
		}
	}
	return nil, broker.ErrNotFound
}

func (f *Front) askRevokeToken(c *web.Ctx, a admin.Actor) error {
	t, err := f.tokenOf(c, a)
	if err != nil {
		return err
	}
	lines := []string{"The token “" + t.Name + "” that ends in " + t.Hint + " is worthless at once: a directory that still sends it is refused, and stops sending people."}
	if t.LastUsedAt.After(f.Now().Add(-24 * time.Hour)) {
		lines = append(lines, "It was used within the last day.")
	}
	f.confirm(c, f.connectionFrame(c, a, "provisioning"), "Revoke this token?", "Revoke this token", connectionPath(c, "provisioning"), lines...)
	return nil
}

func (f *Front) revokeToken(c *web.Ctx, a admin.Actor) (string, string, error) {
	return connectionPath(c, "provisioning"), "The token was revoked.", f.Admin.RevokeSCIMToken(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), c.Param("id"))
}

// directories says of a person which customers' directories have sent them.
func (f *Front) directories(p templates.Console, realm string, list []*broker.DirectoryUser) templates.Section {
	if len(list) == 0 {
		return templates.Section{}
	}
	table := templates.Table{Label: "Directories", Columns: []string{"Connection", "User name there", "External ID", "State", "Last change"}}
	for _, u := range list {
		pill := templates.Pill{Kind: "good", Word: "Active"}
		switch {
		case u.Deleted:
			pill = templates.Pill{Kind: "bad", Word: "Deleted there"}
		case !u.Active:
			pill = templates.Pill{Kind: "bad", Word: "Deactivated there"}
		}
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "connections", u.Connection, "provisioning"), Cells: []templates.Cell{text(u.Connection), text(u.UserName), code(u.ExternalID), {Pill: pill}, {When: p.When(u.UpdatedAt)}}})
	}
	return templates.Section{Heading: "Sent by a directory", Text: "What the directory sends of this person is written over what is changed by hand.", Table: table}
}
