package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) rolloverRoutes() []route {
	return []route{
		get("/admin/rollover", f.page(f.keyTurns)), post("/admin/rollover", f.action(f.rollOver)),
		post(atConnection+"/keys/hold", f.action(f.holdKey)), post(atConnection+"/keys/rollback", f.action(f.rollBackKey)),
	}
}

// readPill says whether the identity provider has read our next certificate.
func readPill(k *admin.KeyTurn) templates.Pill {
	switch {
	case k.NextKID == "":
		return templates.Pill{Kind: "quiet", Word: "No next key"}
	case k.Held != nil:
		return templates.Pill{Kind: "warn", Word: "Held back"}
	case k.Fetched == nil:
		return templates.Pill{Kind: "quiet", Word: "Not read yet"}
	case k.Fetched.ByHand:
		return templates.Pill{Kind: "warn", Word: "Read by a person"}
	}
	return templates.Pill{Kind: "good", Word: "Read"}
}

func (f *Front) keyTurns(c *web.Ctx, a admin.Actor) error {
	ctx := c.Request.Context()
	found, err := f.Admin.ListKeyTurns(ctx, a, "", paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, "/admin/rollover"), Heading: "Our keys at identity providers",
		Purpose: "The next certificate stands in our metadata beside the one that is used. Keys are turned over where a program at the identity provider has read it; the former key stays published for 90 days and can be gone back to."}
	table := templates.Table{Label: "Keys", Columns: []string{"Connection", "Next certificate", "Read", "By", "Used since"}, Pager: pager(c, found.Next)}
	for _, k := range found.Items {
		read := [2]templates.Cell{{When: p.When(k.NextSince), Note: "published, and not read"}, {}}
		if k.Fetched != nil {
			read = [2]templates.Cell{{When: p.When(k.Fetched.LastAt), Note: fmt.Sprintf("%d times", k.Fetched.Times)}, text(shorten(k.Fetched.Agent))}
		}
		row := templates.Row{URL: realmPath(k.Realm, "connections", k.Connection, "keys"), Cells: []templates.Cell{{Text: k.Connection, Note: k.Realm}, {Pill: readPill(k)}, read[0], read[1], {When: p.When(k.ActiveFrom)}}}
		if k.Held != nil {
			row.Cells[1].Note = k.Held.Reason
		}
		table.Rows = append(table.Rows, row)
	}
	s := templates.Section{Table: table, Empty: templates.Empty{Text: "No connection has needed a key of ours yet."}}
	p.Sections = []templates.Section{s}
	if a.Role == admin.Owner {
		dry, err := f.Admin.RollOverKeys(ctx, a, []byte(`{"dry_run":true}`))
		if err != nil {
			return err
		}
		p.Sections = []templates.Section{rollOverSection(p.Token, dry), s}
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func rollOverSection(token string, dry *admin.RolledOver) templates.Section {
	s := templates.Section{Figures: []templates.Figure{
		{Name: "Read it: ready", Value: thousands(int64(len(dry.Turned)))}, {Name: "Have not read it", Value: thousands(int64(len(dry.Waiting)))},
		{Name: "Read by a person", Value: thousands(int64(len(dry.ByHand)))}, {Name: "Held back", Value: thousands(int64(len(dry.Held)))},
	}}
	if len(dry.Turned) > 0 {
		s.Buttons = []templates.Form{{Action: "/admin/rollover", Token: token, Submit: "Turn over " + plural(int64(len(dry.Turned)), "key", "keys"), Danger: true}}
	}
	return s
}

func (f *Front) rollOver(c *web.Ctx, a admin.Actor) (string, string, error) {
	done, err := f.Admin.RollOverKeys(c.Request.Context(), a, []byte("{}"))
	if err != nil {
		return "", "", err
	}
	return "/admin/rollover", plural(int64(len(done.Turned)), "key was", "keys were") + " turned over.", nil
}

func (f *Front) connectionKeys(c *web.Ctx, a admin.Actor) error {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	found, err := f.Admin.ListKeys(ctx, a, realm, slug, broker.Page{Limit: perPage})
	if err != nil {
		return err
	}
	turn, err := f.Admin.GetKeyTurn(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "keys"), Heading: "Our keys", Purpose: "What we sign requests to this identity provider with, and decrypt its answers. The next certificate stands in our metadata before it is used."}
	s := templates.Section{Table: keyTable(p.Console, found.Items), Empty: templates.Empty{Text: "No keys yet: they are made when they are first needed."}}
	for i, k := range found.Items {
		if k.Certificate != "" {
			s.Copy = append(s.Copy, templates.CopyField{ID: fmt.Sprintf("certificate-%d", i), Label: "Certificate " + k.ID + " (" + k.State + ")", Value: k.Certificate, Long: true})
		}
	}
	p.Sections = []templates.Section{turnSection(c, p.Console, turn), s}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func turnSection(c *web.Ctx, p templates.Console, k *admin.KeyTurn) templates.Section {
	s := templates.Section{Heading: "Turning over", Facts: []templates.Fact{fact("Next certificate", templates.Cell{Pill: readPill(k)})}}
	if k.Fetched != nil {
		s.Facts = append(s.Facts, fact("Last read", templates.Cell{When: p.When(k.Fetched.LastAt), Note: shorten(k.Fetched.Agent)}))
	}
	button := func(verb, label string, danger bool, hidden ...templates.Field) templates.Form {
		return templates.Form{Action: connectionPath(c, "keys", verb), Token: p.Token, Submit: label, Danger: danger, Hidden: hidden}
	}
	if k.Held != nil {
		s.Facts = append(s.Facts, fact("Held back", templates.Cell{Text: k.Held.Reason, Note: "by " + k.Held.By}))
		s.Buttons = append(s.Buttons, button("hold", "Let it go", false, templates.Field{Name: "hold", Value: "false"}))
	} else {
		s.Buttons = append(s.Buttons, button("rotate", "Use the next key now", k.Fetched == nil || k.Fetched.ByHand))
		s.Folded = &templates.FoldedForm{Summary: "Hold this key back", Form: templates.Form{Action: connectionPath(c, "keys", "hold"), Token: p.Token, Submit: "Hold it back", Hidden: []templates.Field{{Name: "hold", Value: "true"}},
			Inputs: []templates.Input{{Kind: "text", Name: "reason", Label: "Why", Hint: "For whoever turns the keys over: \"their change freeze lasts until January\".", Required: true}}}}
	}
	if k.Former != "" {
		s.Buttons = append(s.Buttons, button("rollback", "Go back to "+k.Former, true))
	}
	return s
}

func (f *Front) holdKey(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.KeyHolding{Hold: c.PostForm("hold") == "true", Reason: strings.TrimSpace(c.PostForm("reason"))})
	if err != nil {
		return "", "", err
	}
	k, err := f.Admin.HoldKey(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), body)
	if err != nil {
		return "", "", err
	}
	if k.Held != nil {
		return connectionPath(c, "keys"), "The key stays what it is when keys are turned over.", nil
	}
	return connectionPath(c, "keys"), "The key goes with the others again.", nil
}

func (f *Front) rollBackKey(c *web.Ctx, a admin.Actor) (string, string, error) {
	k, err := f.Admin.RollBackKey(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return "", "", err
	}
	return connectionPath(c, "keys"), "The key " + k.ActiveKID + " is used again.", nil
}
