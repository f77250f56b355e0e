package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) testReport(c *web.Ctx, a admin.Actor) error {
	d, err := f.Admin.TestReport(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), c.Param("ref"))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, ""), Heading: "Test login " + d.Ref, Pill: testPill(d.Status), Live: d.Status == "waiting"}
	p.Sections = diagnosed(p.Console, d)
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func testPill(status string) templates.Pill {
	switch status {
	case "passed":
		return templates.Pill{Kind: "good", Word: "Passed"}
	case "failed":
		return templates.Pill{Kind: "bad", Word: "Failed"}
	case "abandoned":
		return templates.Pill{Kind: "warn", Word: "Never came back"}
	}
	return templates.Pill{Kind: "quiet", Word: "Waiting"}
}

// diagnosed shows a report of a test login or an explanation.
func diagnosed(p templates.Console, d *admin.Diagnosed) []templates.Section {
	out := []templates.Section{{Heading: "What is wrong", Findings: web.Cards(d.Findings), Empty: templates.Empty{Text: "Nothing."}, Pre: d.ForTheirIT, Fold: "A text to send to their IT"}}
	if d.Status == "waiting" {
		out[0].Empty.Text = "No answer yet. This page follows the test."
	}
	if len(d.Steps) > 0 {
		out = append(out, templates.Section{Heading: "Steps", Trace: timeLine(p, broker.Trace{TraceDetail: broker.TraceDetail{Steps: d.Steps}})})
	}
	if len(d.Checks) > 0 {
		out = append(out, templates.Section{Heading: "Checks", Table: checkTable(d.Checks)})
	}
	if d.Outcome != "" {
		out = append(out, templates.Section{Heading: "What would become of the person", Text: d.Why, Facts: []templates.Fact{
			fact("Outcome", text(outcomes[d.Outcome])), fact("Address", text(cmp.Or(d.Profile.Email, "–"))), fact("Subject", templates.Cell{Text: d.Profile.Subject, Code: true, Note: d.Profile.SubjectKind}),
			fact("Name", text(cmp.Or(d.Profile.Name, d.Profile.GivenName+" "+d.Profile.FamilyName))), fact("Groups", text(cmp.Or(strings.Join(d.Profile.Groups, ", "), "–"))),
		}})
	}
	if len(d.Mapping) > 0 {
		out = append(out, templates.Section{Heading: "Mapping", Table: mappingTable(d)})
	}
	if d.Message != "" {
		out = append(out, templates.Section{Pre: d.Message, Fold: "The message, without what could be used again"})
	}
	return out
}

var outcomes = map[string]string{"create": "a new account would be made", "link": "would be tied to the account that has this address", "sign_in": "would be signed in", "refuse": "would be refused"}

func mappingTable(d *admin.Diagnosed) templates.Table {
	t := templates.Table{Label: "Mapping", Columns: []string{"Field", "Read from", "What was found"}}
	for _, v := range d.Mapping {
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{text(v.Field), code(v.From), text(shorten(strings.Join(v.Values, ", ")))}})
	}
	return t
}

func explainForm(c *web.Ctx, token, typed string) *templates.Form {
	return &templates.Form{Action: connectionPath(c, "explain"), Token: token, Submit: "Explain it", Files: true, Reads: true, Inputs: []templates.Input{
		{Kind: "textarea", Name: "text", Label: "What came back", Hint: "A SAMLResponse (as it was posted, or its XML), metadata, an ID token, or the text of the page that the identity provider showed.", Value: typed},
		{Kind: "file", Name: "file", Label: "or a file", Hint: "Also a HAR file: a browser's network log."},
	}}
}

func (f *Front) askExplain(c *web.Ctx, a admin.Actor) error {
	if _, err := f.Admin.GetConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug")); err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "explain"), Heading: "Explain a message", Purpose: "The report of a test login for something that you have at hand. Nobody is signed in, and nothing is used up."}
	p.Sections = []templates.Section{{Form: explainForm(c, p.Token, "")}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) explain(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	what, err := given(c)
	if err != nil {
		return err
	}
	d, err := f.Admin.Explain(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), explainable(what))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, "explain"), Heading: "Explain a message", Pill: testPill(d.Status)}
	p.Sections = append(diagnosed(p.Console, d), templates.Section{Heading: "Another one", Form: explainForm(c, p.Token, "")})
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

// given is what was typed or, where a file came, the file.
func given(c *web.Ctx) ([]byte, error) {
	file, _, err := c.Request.FormFile("file")
	if err != nil {
		return []byte(strings.TrimSpace(c.PostForm("text"))), nil
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the file could not be read")
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return []byte(strings.TrimSpace(c.PostForm("text"))), nil
	}
	return b, nil
}

// explainable is the request that a text is for, by what it looks like.
func explainable(b []byte) []byte {
	s := strings.TrimSpace(string(b))
	doc := map[string]any{}
	switch {
	case strings.HasPrefix(s, "{") && json.Valid(b):
		doc["har"] = json.RawMessage(b)
	case strings.HasPrefix(s, "<") && strings.Contains(s, "EntityDescriptor"), strings.HasPrefix(s, "<") && strings.Contains(s, "EntitiesDescriptor"):
		doc["metadata"] = s
	case strings.Count(s, ".") == 2 && strings.HasPrefix(s, "eyJ"):
		doc["id_token"] = s
	case looksLikePage(s):
		doc["page"] = s
	default:
		doc["saml_response"] = strings.TrimPrefix(s, "SAMLResponse=")
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return []byte("{}")
	}
	return out
}

// looksLikePage tells the words of an error page from a message.
func looksLikePage(s string) bool {
	low := strings.ToLower(s)
	return strings.HasPrefix(low, "<!doctype html") || strings.HasPrefix(low, "<html") || !strings.HasPrefix(s, "<") && strings.ContainsAny(s, " \n") && !strings.HasPrefix(s, "SAMLResponse=")
}
