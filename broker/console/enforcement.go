package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) enforcement(c *web.Ctx, a admin.Actor) error {
	v, err := f.Admin.PreviewEnforcement(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), "", paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "enforcement"), Heading: "Enforcement", Purpose: "Where it is on, people of this connection's domains may use no other way in, except those who are excluded.", Pill: onOff(v.Enforced).Pill}
	n := v.Counts
	p.Sections = []templates.Section{{Figures: []templates.Figure{
		{Name: "People of its domains", Value: thousands(n.People)}, {Name: "Come through it already", Value: thousands(n.Keep)}, {Name: "Would lose their way in", Value: thousands(n.Lose)}, {Name: "Excluded", Value: thousands(n.Excluded)}, {Name: "Sessions that would not be renewed", Value: thousands(n.Sessions)},
	}}, {Heading: "What stands in the way", Table: missingTable(v.Missing), Empty: templates.Empty{Text: "Nothing."}}}
	p.Sections = append(p.Sections, concerned(c, p.Console, v), enforceSection(c, a, p.Token, v))
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func missingTable(missing []admin.Missing) templates.Table {
	t := templates.Table{Label: "Missing", Columns: []string{"What", "What to do"}}
	for _, m := range missing {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{{Text: m.Detail, Note: string(m.Code)}, text(m.Fix)}})
	}
	return t
}

func concerned(c *web.Ctx, p templates.Console, v *admin.EnforcementPreview) templates.Section {
	t := templates.Table{Label: "Whom it concerns", Columns: []string{"Person", "Effect", "Comes through today", "Last sign-in"}, Pager: pager(c, v.Next)}
	for _, who := range v.Items {
		effect := templates.Pill{Kind: "warn", Word: "Loses their way in"}
		if who.Effect == admin.EffectExcluded {
			effect = templates.Pill{Kind: "quiet", Word: "Excluded"}
		}
		t.Rows = append(t.Rows, templates.Row{URL: realmPath(c.Param("realm"), "people", who.ID), Cells: []templates.Cell{{Text: who.Email, Note: who.Name}, {Pill: effect}, text(strings.Join(who.Connections, ", ")), {When: p.When(who.LastLoginAt)}}})
	}
	return templates.Section{Heading: "Whom it concerns", Table: t, Empty: templates.Empty{Text: "Nobody but those who come through it already."}}
}

func enforceSection(c *web.Ctx, a admin.Actor, token string, v *admin.EnforcementPreview) templates.Section {
	form := templates.Form{Action: connectionPath(c, "enforcement"), Token: token, Submit: "Switch enforcement off"}
	if v.Enforced {
		return templates.Section{Heading: "Switch it off", Buttons: []templates.Form{form}}
	}
	form.Submit, form.Danger = "Enforce it for "+plural(v.Counts.People, "person", "people"), true
	form.Hidden = []templates.Field{{Name: "enforced", Value: "true"}, {Name: "report", Value: v.Report}}
	if a.Role == admin.Owner {
		form.Inputs = []templates.Input{{Kind: "text", Name: "override", Label: "Why it should be on although something is missing", Hint: "Owners only; for the audit log. Leave it empty where nothing stands in the way."}}
	}
	return templates.Section{Heading: "Switch it on", Form: &form}
}

func (f *Front) enforce(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.EnforcementSwitch{Enforced: c.PostForm("enforced") == "true", Report: c.PostForm("report"), Override: c.PostForm("override")})
	if err != nil {
		return "", "", err
	}
	v, err := f.Admin.SwitchEnforcement(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), nil, body)
	if err != nil {
		return "", "", err
	}
	if v.Enforced {
		return connectionPath(c, "enforcement"), "Enforcement is on.", nil
	}
	return connectionPath(c, "enforcement"), "Enforcement is off.", nil
}

func (f *Front) collisions(c *web.Ctx, a admin.Actor) error {
	v, err := f.Admin.FindCollisions(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "collisions"), Heading: "People this connection would not find", Purpose: fmt.Sprintf("%s people of this realm were looked at.", thousands(int64(v.People)))}
	for _, kind := range v.Findings {
		if kind.Count == 0 {
			continue
		}
		t := templates.Table{Label: collisionWords[kind.Kind], Columns: []string{"Person", "Why"}}
		for _, e := range kind.Examples {
			t.Rows = append(t.Rows, templates.Row{URL: realmPath(c.Param("realm"), "people", e.UserID), Cells: []templates.Cell{text(cmp.Or(e.Email, e.UserID)), text(e.Detail)}})
		}
		p.Sections = append(p.Sections, templates.Section{Heading: fmt.Sprintf("%s: %d", collisionWords[kind.Kind], kind.Count), Table: t})
	}
	if len(p.Sections) == 0 {
		p.Sections = []templates.Section{{Empty: templates.Empty{Text: "Nobody stands in the way."}}}
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

var collisionWords = map[string]string{
	admin.CollisionForm: "Address in another form", admin.CollisionTwin: "One address, two accounts", admin.CollisionOutside: "Outside the connection's domains",
	admin.CollisionGuest: "A directory's name for a guest", admin.CollisionNoEmail: "No address", admin.CollisionLinked: "Comes through another connection today",
}
