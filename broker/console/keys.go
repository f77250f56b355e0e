package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func queryEscape(s string) string { return url.QueryEscape(s) }

func (f *Front) keyRoutes() []route {
	show, save := f.edit(f.realmEditor())
	return []route{
		get(atRealm+"/keys", f.page(f.keys)), post(atRealm+"/keys/rotate", f.action(f.rotate)),
		get("/admin/apikeys", f.page(f.apiKeys)), post("/admin/apikeys", f.sure("/admin/apikeys", f.page(f.makeAPIKey))), post("/admin/apikeys/:id/delete", f.sure("/admin/apikeys", f.action(f.deleteAPIKey))),
		get(atRealm+"/settings", show), post(atRealm+"/settings", save),
		get(atRealm+"/delete", f.page(f.askDeleteRealm)), post(atRealm+"/delete", f.action(f.deleteRealm)),
	}
}

func keyTable(p templates.Console, keys []*admin.Key) templates.Table {
	t := templates.Table{Label: "Keys", Columns: []string{"Key ID", "Algorithm", "State", "Since", "Published until"}}
	for _, k := range keys {
		kind := map[string]string{"active": "good", "next": "quiet"}[k.State]
		if kind == "" {
			kind = "warn"
		}
		until := templates.Cell{}
		if !k.PublishUntil.IsZero() {
			until.When = p.When(k.PublishUntil)
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{code(k.ID), text(k.Alg), pill(kind, k.State), {When: p.When(k.CreatedAt)}, until}})
	}
	return t
}

func (f *Front) keys(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListKeys(c.Request.Context(), a, realm, "", broker.Page{Limit: perPage})
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "keys"), Heading: "Keys", Purpose: "What this realm's tokens are signed with. Connections have keys of their own, on their page. A key that was turned over stays published until what it signed has expired."}
	p.Sections = []templates.Section{{Table: keyTable(p.Console, found.Items), Empty: templates.Empty{Text: "No keys yet: they are made at the first sign-in."},
		Form: &templates.Form{Action: realmPath(realm, "keys", "rotate"), Token: p.Token, Submit: "Turn the key over", Inputs: []templates.Input{{Kind: "select", Name: "alg", Label: "Algorithm", Options: choices(broker.SigningAlgs...)}}}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) rotate(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	body, err := json.Marshal(admin.Rotation{Alg: c.PostForm("alg")})
	if err != nil {
		return "", "", err
	}
	k, err := f.Admin.RotateKey(c.Request.Context(), a, realm, body)
	if err != nil {
		return "", "", err
	}
	return realmPath(realm, "keys"), "New tokens are signed with " + k.ID + ". Old ones stay good.", nil
}

func (f *Front) apiKeys(c *web.Ctx, a admin.Actor) error { return f.showAPIKeys(c, a, "") }

// showAPIKeys lists the keys; made is one that was made just now, shown this once.
func (f *Front) showAPIKeys(c *web.Ctx, a admin.Actor, made string) error {
	found, err := f.Admin.ListAPIKeys(c.Request.Context(), a, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/apikeys"), Heading: "API keys", Purpose: "For programs that use the admin API."}
	if made != "" {
		p.Sections = append(p.Sections, templates.Section{Heading: "The new key", Copy: []templates.CopyField{{ID: "key", Label: "API key", Where: "Shown this once: only its hash is kept.", Value: made}}})
	}
	table := templates.Table{Label: "API keys", Columns: []string{"Name", "Role", "Realms", "Last used", "Until", ""}, Pager: pager(c, found.Next)}
	for _, k := range found.Items {
		until := templates.Cell{Text: "no end"}
		if !k.ExpiresAt.IsZero() {
			until = templates.Cell{When: p.When(k.ExpiresAt)}
		}
		table.Rows = append(table.Rows, templates.Row{Cells: []templates.Cell{text(k.Name), text(k.Role), text(orAllRealms(k.Realms)), {When: p.When(k.LastUsedAt)}, until,
			{Button: &templates.Form{Action: "/admin/apikeys/" + url.PathEscape(k.ID) + "/delete", Token: p.Token, Submit: "Delete this key", Danger: true}}}})
	}
	p.Sections = append(p.Sections, templates.Section{Table: table, Empty: templates.Empty{Text: "No keys yet."}}, templates.Section{Heading: "Make a key", Form: &templates.Form{
		Action: "/admin/apikeys", Token: p.Token, Submit: "Make this key", Inputs: []templates.Input{
			{Kind: "text", Name: "name", Label: "Name", Required: true}, {Kind: "select", Name: "role", Label: "Role", Value: admin.Support, Options: choices(admin.Roles...)},
			{Kind: "text", Name: "realms", Label: "Realms", Hint: "Names with blanks between; empty: all."}, {Kind: "date", Name: "until", Label: "Until"},
		}}})
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func orAllRealms(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

func (f *Front) makeAPIKey(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	doc := map[string]any{"name": c.PostForm("name"), "role": c.PostForm("role"), "realms": strings.Fields(c.PostForm("realms"))}
	if until := c.PostForm("until"); until != "" {
		doc["expires_at"] = until + "T00:00:00Z"
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, key, err := f.Admin.CreateAPIKey(c.Request.Context(), a, body)
	if err != nil {
		return err
	}
	return f.showAPIKeys(c, a, key)
}

func (f *Front) deleteAPIKey(c *web.Ctx, a admin.Actor) (string, string, error) {
	return "/admin/apikeys", "The key is worthless now.", f.Admin.DeleteAPIKey(c.Request.Context(), a, c.Param("id"))
}

var realmFields = []field{
	{pointer: "/display_name", kind: "text", label: "Name", hint: "As people read it."},
	{pointer: "/default_client_id", kind: "text", label: "Default application", hint: "The client ID that direct links and invitations lead to."},
	{pointer: "/locales", kind: "words", label: "Languages", hint: "Of the sign-in pages, with blanks between: en fr pl ru de es. Empty: all."},
	{pointer: "/branding/logo_url", kind: "text", label: "Logo"}, {pointer: "/branding/colour", kind: "text", label: "Colour", hint: "#rrggbb; contrast is corrected where it does not suffice."},
	{pointer: "/branding/texts", kind: "pairs", label: "Own wording", hint: "One a line: title: …, help: …, title.fr: …"},
	{pointer: "/sessions/idle", kind: "text", label: "A session ends after being unused for", hint: "Hours and minutes, as 8h or 90m; so are the next four."}, {pointer: "/sessions/max", kind: "text", label: "and at the latest after"},
	{pointer: "/tokens/access", kind: "text", label: "Access tokens last"}, {pointer: "/tokens/id", kind: "text", label: "ID tokens last"}, {pointer: "/tokens/refresh", kind: "text", label: "Refresh tokens last when unused"},
	{pointer: "/local_login", kind: "words", label: "Ways in for people who are excluded from enforced sign-in", hint: "email_code, passkey, password; empty: none."},
	{pointer: "/seat_limit", kind: "number", label: "Seats", hint: "How many people may be active; 0: any number."},
	{pointer: "/approval", kind: "check", label: "New people wait until an operator lets them in"},
	{pointer: "/traces/keep_days", kind: "number", label: "Days that traces of sign-ins are kept", hint: "1 to 400."},
	{pointer: "/traces/redact", kind: "select", label: "What is left out of them", options: []templates.Option{{Value: broker.RedactNone, Label: "nothing"}, {Value: broker.RedactAddresses, Label: "whose address it was"}, {Value: broker.RedactAll, Label: "all but what failed, where and when"}}},
	{pointer: "/contacts", kind: "lines", label: "Contacts", hint: "Addresses that are told of seats, lost domain proofs and expiries, one a line."},
}

func (f *Front) realmEditor() editor {
	return editor{
		fields: realmFields, submit: "Save this realm",
		load: func(c *web.Ctx, a admin.Actor) (any, error) {
			return f.Admin.GetRealm(c.Request.Context(), a, c.Param("realm"))
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			r, err := f.Admin.UpdateRealm(c.Request.Context(), a, c.Param("realm"), readAt(c), doc)
			if err != nil {
				return "", "", err
			}
			return realmPath(r.Name, "settings"), "The realm was saved.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			realm := c.Param("realm")
			p := f.formPage(f.realmFrame(c, a, realm, "settings"), "Settings", form)
			p.Sections = append(p.Sections, templates.Section{Offers: []templates.Place{{Label: "Delete this realm", URL: realmPath(realm, "delete")}}})
			return p, nil
		},
	}
}

func (f *Front) askDeleteRealm(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	if _, err := f.Admin.GetRealm(c.Request.Context(), a, realm); err != nil {
		return err
	}
	frame := f.realmFrame(c, a, realm, "settings")
	f.Web.Page(c, http.StatusOK, templates.ConsoleConfirm{Console: frame, Heading: "Delete the realm " + realm + "?", Text: []string{"Its connections, people, applications and keys are deleted with it. Nobody of this customer can sign in any more. There is no way back but a backup."},
		Form: templates.Form{Action: c.Request.URL.Path, Token: frame.Token, Submit: "Delete " + realm + " and all that is in it", Danger: true, CancelURL: realmPath(realm, "settings"),
			Inputs: []templates.Input{{Kind: "text", Name: "name", Label: "Type the realm's name", Required: true}}}})
	return nil
}

func (f *Front) deleteRealm(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	if strings.TrimSpace(c.PostForm("name")) != realm {
		return realmPath(realm, "delete"), "The name that was typed is another one; nothing was deleted.", nil
	}
	return "/admin/realms", "The realm " + realm + " was deleted.", f.Admin.DeleteRealm(c.Request.Context(), a, realm, nil)
}
