package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

const atOperators = "/admin/operators"

func (f *Front) operatorRoutes() []route {
	showNew, saveNew := f.edit(f.newOperatorEditor())
	show, save := f.edit(f.operatorEditor())
	return []route{
		get(atOperators, f.page(f.operators)), get(atOperators+"/new", f.sure(atOperators+"/new", showNew)), post(atOperators+"/new", f.sure(atOperators+"/new", saveNew)),
		get(atOperators+"/:id", f.sure("", show)), post(atOperators+"/:id", f.sure("", save)),
		post(atOperators+"/:id/reset", f.sure(atOperators, f.action(f.resetOperator))), get(atOperators+"/:id/delete", f.sure("", f.page(f.askDeleteOperator))), post(atOperators+"/:id/delete", f.sure("", f.action(f.deleteOperator))),
	}
}

// sure lets through who has proved a short while ago who they are; others do so first and come back to a page, "" for the
// one that was asked for.
func (f *Front) sure(to string, handle func(*web.Ctx)) func(*web.Ctx) {
	return func(c *web.Ctx) {
		if _, ok := f.actor(c); ok && f.fresh(c) != nil {
			f.Web.Redirect(c, confirmURL(cmp.Or(to, c.Request.URL.Path)))
			return
		}
		handle(c)
	}
}

func (f *Front) operators(c *web.Ctx, a admin.Actor) error {
	found, err := f.Admin.ListOperators(c.Request.Context(), a, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.frame(c, a, atOperators), Heading: "Operators", Purpose: "Who works in this console. Owners may do everything; support connects and repairs and never reads a secret; auditors read.",
		Actions: []templates.Place{{Label: "Add an operator", URL: atOperators + "/new"}}}
	table := templates.Table{Label: "Operators", Columns: []string{"Operator", "Role", "Realms", "Signs in by", "Last seen", ""}, Pager: pager(c, found.Next)}
	for _, o := range found.Items {
		here := atOperators + "/" + url.PathEscape(o.ID)
		table.Rows = append(table.Rows, templates.Row{URL: here, Cells: []templates.Cell{
			{Text: o.Email, Note: o.Name}, text(o.Role), text(orAllRealms(o.Realms)), waysOf(o), {When: p.When(o.LastSeenAt)},
			{Button: &templates.Form{Action: here + "/reset", Token: p.Token, Submit: "New enrolment link"}},
		}})
	}
	p.Sections = []templates.Section{{Table: table}}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func waysOf(o *admin.Operator) templates.Cell {
	var ways []string
	if o.Passkeys > 0 {
		ways = append(ways, "passkey")
	}
	if o.Password {
		ways = append(ways, "password and one-time code")
	}
	if o.Connection != "" {
		ways = append(ways, o.Connection)
	}
	switch {
	case o.Disabled:
		return pill("bad", "Disabled")
	case len(ways) == 0:
		return pill("warn", "Not enrolled yet")
	}
	return text(strings.Join(ways, ", "))
}

var operatorFields = []field{
	{pointer: "/name", kind: "text", label: "Name"}, {pointer: "/role", kind: "select", label: "Role", options: choices(admin.Support, admin.Auditor, admin.Owner)},
	{pointer: "/realms", kind: "words", label: "Realms", hint: "Names with blanks between; empty: all."},
	{pointer: "/locale", kind: "select", label: "Language of their mails", options: append([]templates.Option{{Label: "English"}}, choices(broker.Locales...)...)},
}

func (f *Front) newOperatorEditor() editor {
	return editor{
		fields: append([]field{{pointer: "/email", kind: "text", label: "Address"}}, operatorFields...), submit: "Add this operator",
		load: func(*web.Ctx, admin.Actor) (any, error) { return nil, nil },
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			o, err := f.Admin.CreateOperator(c.Request.Context(), a, doc)
			if err != nil {
				return "", "", err
			}
			return atOperators, enrolment(o), nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			form.CancelURL = atOperators
			return f.formPage(f.frame(c, a, atOperators, templates.Place{Label: "Operators", URL: atOperators}), "Add an operator", form), nil
		},
	}
}

// enrolment tells of a link that makes whoever opens it that operator.
func enrolment(o *admin.OperatorLink) string {
	if o.Sent {
		return o.Email + " has got a link to enrol by mail."
	}
	return "Give this link to " + o.Email + " and to nobody else; it is shown this once: " + o.URL
}

func (f *Front) operatorEditor() editor {
	return editor{
		fields: append(append([]field{}, operatorFields...), field{pointer: "/disabled", kind: "check", label: "Disabled", hint: "Signed out at once, and kept out."}), submit: "Save this operator",
		load: func(c *web.Ctx, a admin.Actor) (any, error) {
			return f.Admin.GetOperator(c.Request.Context(), a, c.Param("id"))
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			o, err := f.Admin.UpdateOperator(c.Request.Context(), a, c.Param("id"), readAt(c), doc)
			if err != nil {
				return "", "", err
			}
			return atOperators, o.Email + " was saved.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			form.CancelURL = atOperators
			p := f.formPage(f.frame(c, a, atOperators, templates.Place{Label: "Operators", URL: atOperators}), "Edit an operator", form)
			p.Sections = append(p.Sections, templates.Section{Offers: []templates.Place{{Label: "Delete this operator", URL: c.Request.URL.Path + "/delete"}}})
			return p, nil
		},
	}
}

func (f *Front) resetOperator(c *web.Ctx, a admin.Actor) (string, string, error) {
	o, err := f.Admin.ResetOperator(c.Request.Context(), a, c.Param("id"), []byte("{}"))
	if err != nil {
		return "", "", err
	}
	return atOperators, enrolment(o), nil
}

func (f *Front) askDeleteOperator(c *web.Ctx, a admin.Actor) error {
	o, err := f.Admin.GetOperator(c.Request.Context(), a, c.Param("id"))
	if err != nil {
		return err
	}
	f.confirm(c, f.frame(c, a, atOperators, templates.Place{Label: "Operators", URL: atOperators}), "Delete the operator "+o.Email+"?", "Delete "+o.Email, atOperators,
		"They are signed out at once and cannot come back. What they did stays in the audit log.")
	return nil
}

func (f *Front) deleteOperator(c *web.Ctx, a admin.Actor) (string, string, error) {
	return atOperators, "The operator was deleted and signed out.", f.Admin.DeleteOperator(c.Request.Context(), a, c.Param("id"), nil)
}
