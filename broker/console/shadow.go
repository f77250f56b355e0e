package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) shadowRoutes() []route {
	at := atConnection + "/shadow"
	return []route{get(at, f.page(f.shadow)), post(at, f.action(f.putShadow)), post(at+"/:verb", f.action(f.changeShadow))}
}

// trialFields are what a configuration on trial may have of its own, by protocol; the mapping is everybody's.
func trialFields(protocol string) []field {
	out := []field{{pointer: "/people", kind: "lines", label: "Who signs in with it", hint: "Addresses of people of this connection, one a line."}}
	for _, v := range protocolFields[protocol] {
		out = append(out, field{pointer: "/config" + v.pointer, kind: v.kind, label: v.label, hint: v.hint, options: v.options})
	}
	return append(out, field{pointer: "/config/mapping", kind: "pairs", label: "Mapping"})
}

func (f *Front) shadow(c *web.Ctx, a admin.Actor) error {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	conn, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	v, err := f.Admin.GetShadow(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "shadow"), Heading: "Trial configuration", Purpose: "A second configuration of this connection, for chosen people: when a customer changes provider, certificate or mapping, see what becomes of them before everybody changes over."}
	if v.Former != nil {
		s := templates.Section{Heading: "The configuration before the switch", Buttons: []templates.Form{{Action: connectionPath(c, "shadow", "revert"), Token: p.Token, Submit: "Put it back", Danger: true}}}
		if v.Former.Until != nil {
			s.Facts = []templates.Fact{fact("Kept until", templates.Cell{When: p.When(*v.Former.Until)})}
		}
		p.Sections = append(p.Sections, s)
	}
	object := any(map[string]any{"config": conn})
	if v.Shadow != nil {
		compared, err := f.comparison(c, a, p.Console)
		if err != nil {
			return err
		}
		p.Sections = append(p.Sections, compared...)
		object = v.Shadow
	}
	p.Sections = append(p.Sections, templates.Section{Heading: "Configuration", Form: &templates.Form{
		Action: connectionPath(c, "shadow"), Token: p.Token, Submit: "Put it on trial", Inputs: inputs(trialFields(conn.Protocol), object, nil, nil),
	}})
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

var verdicts = map[string]templates.Pill{
	admin.ShadowSame: {Kind: "good", Word: "The same person"}, admin.ShadowDiffers: {Kind: "bad", Word: "Would look new"}, admin.ShadowNew: {Kind: "quiet", Word: "Never came before"},
	admin.ShadowUnknown: {Kind: "warn", Word: "Nobody we know"}, admin.ShadowNotYet: {Kind: "quiet", Word: "Not tried yet"},
}

// comparison is what both configurations say of the people on trial, and what can be done then.
func (f *Front) comparison(c *web.Ctx, a admin.Actor, p templates.Console) ([]templates.Section, error) {
	v, err := f.Admin.CompareShadow(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return nil, err
	}
	t := templates.Table{Label: "People on trial", Columns: []string{"Person", "Verdict", "Subject today", "Subject on trial", "Groups"}}
	for _, who := range v.People {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{text(who.Email), {Pill: verdicts[who.Verdict], Note: who.Code}, code(strings.Join(who.Subjects, ", ")), code(who.Subject),
			{Pairs: []templates.Change{{Name: "groups", Was: cmp.Or(strings.Join(who.Groups, ", "), "–"), Is: cmp.Or(strings.Join(who.GroupsSaid, ", "), "–")}}}}})
	}
	button := func(verb, label string, danger bool, hidden ...templates.Field) templates.Form {
		return templates.Form{Action: connectionPath(c, "shadow", verb), Token: p.Token, Submit: label, Danger: danger, Hidden: hidden}
	}
	do := []templates.Form{button("test", "Test it", false), button("switch", "Switch everybody over", true), button("discard", "Discard it", false)}
	if v.Tried == 0 || v.Differ > 0 {
		do[1] = button("switch", "Switch over although people may look new", true, templates.Field{Name: "force", Value: "true"})
	}
	return []templates.Section{{Heading: "How they fare", Findings: web.Cards(v.Findings), Table: t, Empty: templates.Empty{Text: "Nobody is on the list."}, Buttons: do}}, nil
}

func (f *Front) putShadow(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	conn, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return "", "", err
	}
	_, err = f.Admin.PutShadow(ctx, a, realm, slug, patch(trialFields(conn.Protocol), c.Request.PostForm))
	return connectionPath(c, "shadow"), "It is on trial: the people on the list sign in with it from now on.", err
}

func (f *Front) changeShadow(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm, slug, here := c.Request.Context(), c.Param("realm"), c.Param("slug"), connectionPath(c, "shadow")
	switch c.Param("verb") {
	case "discard":
		return here, "It was discarded.", f.Admin.DeleteShadow(ctx, a, realm, slug)
	case "revert":
		_, err := f.Admin.RevertShadow(ctx, a, realm, slug)
		return here, "The configuration of before is back.", err
	case "switch":
		body, err := json.Marshal(admin.ShadowSwitch{Force: c.PostForm("force") == "true"})
		if err != nil {
			return "", "", err
		}
		_, err = f.Admin.SwitchShadow(ctx, a, realm, slug, body)
		return here, "Everybody signs in with it now; the one before is kept for 14 days.", err
	case "test":
		link, err := f.Admin.TestShadow(ctx, a, realm, slug)
		if err != nil {
			return "", "", err
		}
		return connectionPath(c, "tests", link.Ref), "Open the test login and come back: " + link.URL, nil
	}
	return "", "", fault.Wrap(fault.NotFound, broker.ErrNotFound, "%s", url.PathEscape(c.Param("verb")))
}
