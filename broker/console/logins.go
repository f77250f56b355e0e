package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) loginRoutes() []route {
	return []route{get(atRealm+"/logins", f.page(f.logins)), get(atRealm+"/logins/:ref", f.page(f.login))}
}

// traceFilter takes a search as whatever it looks like: an address, a reference, a connection.
func traceFilter(c *web.Ctx) broker.TraceFilter {
	filter := broker.TraceFilter{Outcome: c.Query("outcome"), Connection: c.Query("connection")}
	q := strings.TrimSpace(c.Query("q"))
	switch ref, isRef := broker.ParseRef(q); {
	case strings.Contains(q, "@"):
		filter.Email = q
	case isRef:
		filter.Ref = ref
	case q != "":
		filter.Connection = q
	}
	return filter
}

func traceInputs(c *web.Ctx) templates.Filter {
	return templates.Filter{Inputs: []templates.Input{searchBox(c, "Address, reference or connection"), chosen(c, "outcome", "Outcome", templates.Option{Value: "succeeded", Label: "Signed in"}, templates.Option{Value: "failed", Label: "Failed"})}, Hidden: kept(c, "connection")}
}

func (f *Front) logins(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	page := paging(c)
	page.Query = ""
	found, err := f.Admin.ListLogins(c.Request.Context(), a, realm, traceFilter(c), page)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "logins"), Heading: "Sign-ins", Purpose: "Every attempt, good or bad, with its steps. People read you the reference from their page. Who looks here is in the audit log.", Filter: traceInputs(c)}
	table := traceTable(p.Console, found.Items)
	table.Pager = pager(c, found.Next)
	p.Sections = []templates.Section{{Table: table, Empty: templates.Empty{Text: "Nothing that fits. A sign-in that never came back from the identity provider leaves nothing here: test the connection."}}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func outcomePill(outcome string) templates.Pill {
	switch outcome {
	case "succeeded":
		return templates.Pill{Kind: "good", Word: "Signed in"}
	case "failed":
		return templates.Pill{Kind: "bad", Word: "Failed"}
	}
	return templates.Pill{Kind: "quiet", Word: outcome}
}

func traceTable(p templates.Console, traces []broker.Trace) templates.Table {
	t := templates.Table{Label: "Sign-ins", Columns: []string{"Reference", "When", "Outcome", "Address", "Connection"}}
	for _, v := range traces {
		t.Rows = append(t.Rows, templates.Row{URL: realmPath(v.Realm, "logins", v.Ref), Cells: []templates.Cell{code(v.Ref), {When: p.When(v.At)}, {Pill: outcomePill(v.Outcome), Note: v.Code}, text(v.Email), {Text: v.Connection, Note: v.Client}}})
	}
	return t
}

func (f *Front) login(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	v, err := f.Admin.GetLogin(c.Request.Context(), a, realm, c.Param("ref"))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "logins", templates.Place{Label: "Sign-ins", URL: realmPath(realm, "logins")}), Heading: "Sign-in " + v.Ref, Pill: outcomePill(v.Outcome)}
	if v.Finding != nil {
		p.Sections = append(p.Sections, templates.Section{Heading: "What went wrong", Findings: []templates.FindingCard{web.Card(*v.Finding)}})
	}
	p.Sections = append(p.Sections, templates.Section{Heading: "Steps", Trace: timeLine(p.Console, v.Trace), Empty: templates.Empty{Text: "None is known: it ended before the first."}, Pre: v.Message, Fold: "The identity provider's message, without what could be used again"}, templates.Section{Heading: "About", Facts: []templates.Fact{
		fact("Address", text(cmp.Or(v.Email, "–"))), fact("Person", personCell(realm, v.UserID)), fact("Connection", templates.Cell{Text: v.Connection, URL: realmPath(realm, "connections", v.Connection)}),
		fact("Application", text(cmp.Or(v.Client, "–"))), fact("When", templates.Cell{When: p.When(v.At)}),
	}})
	if len(v.Earlier) > 0 {
		p.Sections = append(p.Sections, templates.Section{Heading: "Earlier attempts of the same sign-in", Table: traceTable(p.Console, v.Earlier)})
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func personCell(realm, id string) templates.Cell {
	if id == "" {
		return text("nobody yet")
	}
	return templates.Cell{Text: id, Code: true, URL: realmPath(realm, "people", id)}
}

// timeLine shows a login's steps with what passed between them; where it failed is the last.
func timeLine(p templates.Console, v broker.Trace) []templates.TraceStep {
	out := make([]templates.TraceStep, 0, len(v.Steps))
	for i, s := range v.Steps {
		step := templates.TraceStep{At: p.When(s.At), Step: s.Step, Detail: s.Detail}
		step.At.Short = s.At.UTC().Format("15:04:05.000")
		if s.At.Nanosecond() == 0 { // known to the second only
			step.At.Short = s.At.UTC().Format(time.TimeOnly)
		} else if i > 0 && s.At.After(v.Steps[i-1].At) {
			step.Took = fmt.Sprintf("+%.3f s", s.At.Sub(v.Steps[i-1].At).Seconds())
		}
		step.Failed = v.Outcome == "failed" && i == len(v.Steps)-1
		out = append(out, step)
	}
	return out
}
