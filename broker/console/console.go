// Package console is the operators' pages at /admin: server-rendered, in English, complete without script. It decides
// nothing: every read and every change is a verb of broker/admin, asked in the name of the operator who is signed in, so
// that roles and audit are the same as for the admin API.
package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// Front serves the console.
type Front struct {
	Web       *web.Web
	Admin     *admin.Service
	Operators Operators
	Brokered  *Brokered
	Now       func() time.Time
}

// route is one address of the console.
type route struct {
	method, path string
	handle       func(*web.Ctx)
}

func get(path string, h func(*web.Ctx)) route  { return route{http.MethodGet, path, h} }
func post(path string, h func(*web.Ctx)) route { return route{http.MethodPost, path, h} }

// page is a page for operators: whoever is not signed in signs in first and comes back.
func (f *Front) page(show func(c *web.Ctx, a admin.Actor) error) func(*web.Ctx) {
	return func(c *web.Ctx) {
		a, ok := f.actor(c)
		if !ok {
			f.Web.Redirect(c, "/admin/signin?to="+url.QueryEscape(local(c.Request.URL.RequestURI())))
			return
		}
		c.Header("Referrer-Policy", "same-origin") // our own pages may know where their visitor came from, to lead back
		err := f.wall(c, a)
		if fault.CodeOf(err) == fault.OperatorStale {
			f.Web.Redirect(c, confirmURL(back(c)))
			return
		}
		if err == nil {
			err = show(c, a)
		}
		if err != nil {
			f.refuse(c, a, err)
		}
	}
}

// wall keeps whoever does not see the realm in the address from every page of it, also from one that reads nothing. Whoever
// changes where operators sign in can sign in as any of them, so that takes a proof of who they are as making one does.
func (f *Front) wall(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	if realm == "" {
		return nil
	}
	r, err := f.Admin.GetRealm(c.Request.Context(), a, realm)
	if err == nil && r.Operators && c.Request.Method == http.MethodPost {
		err = f.fresh(c)
	}
	return err
}

// action is a change that an operator posts. It answers where to go on and what to tell there.
func (f *Front) action(change func(c *web.Ctx, a admin.Actor) (to, told string, err error)) func(*web.Ctx) {
	return f.page(func(c *web.Ctx, a admin.Actor) error {
		if err := f.own(c); err != nil {
			return err
		}
		to, told, err := change(c, a)
		if err != nil {
			return err
		}
		f.tell(c, told)
		f.Web.Redirect(c, local(to))
		return nil
	})
}

// own refuses a form that no page of ours sent: its token is the browser's, and browsers say where a request is from.
func (f *Front) own(c *web.Ctx) error {
	site := c.GetHeader("Sec-Fetch-Site")
	if site != "" && site != "same-origin" || !f.Web.Cookies.CheckForm(c.Request, c.PostForm("csrf")) {
		return fault.New(fault.Forbidden, "the form is not from a page of this console, or from one that was open for too long; open the page again")
	}
	return nil
}

// local is a path of this console, whatever was asked for.
func local(to string) string {
	if strings.HasPrefix(to, "/admin") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\r\n") {
		return to
	}
	return "/admin"
}

const flash = "console flash"

// tell keeps a sentence for the next page.
func (f *Front) tell(c *web.Ctx, told string) {
	if told != "" {
		f.Web.Cookies.Keep(c.Writer, flash, []byte(told), time.Minute)
	}
}

// frame is what a page has around its content. place is the path of its entry in the navigation.
func (f *Front) frame(c *web.Ctx, a admin.Actor, place string, crumbs ...templates.Place) templates.Console {
	p := templates.Console{
		Shell: f.Web.Shell(c, nil, nil), Now: f.Now(), Who: strings.TrimPrefix(a.Name, "operator:"), Role: a.Role,
		Token: f.Web.Cookies.FormToken(c.Writer, c.Request), Crumbs: crumbs, Places: places(a, place),
	}
	p.Lang, p.Languages = "en", nil
	if told := f.Web.Cookies.Kept(c.Request, flash); told != nil {
		f.Web.Cookies.Drop(c.Writer, flash)
		p.Flash = templates.Flash{Kind: "good", Text: string(told)}
	}
	return p
}

// places is the navigation as the operator's role has it.
func places(a admin.Actor, current string) []templates.Place {
	all := []templates.Place{
		{Label: "Overview", URL: "/admin"}, {Label: "Realms", URL: "/admin/realms"}, {Label: "Connections", URL: "/admin/connections"},
		{Label: "Sign-ins", URL: "/admin/logins"}, {Label: "Expiring", URL: "/admin/expiries"}, {Label: "Our keys", URL: "/admin/rollover"},
	}
	if len(a.Realms) == 0 {
		all = append(all, templates.Place{Label: "Audit", URL: "/admin/events"})
	}
	if len(a.Realms) == 0 && a.Role != admin.Support {
		all = append(all, templates.Place{Label: "Mails", URL: "/admin/mails"}, templates.Place{Label: "API keys", URL: "/admin/apikeys"},
			templates.Place{Label: "Webhooks", URL: "/admin/webhooks"}, templates.Place{Label: "Operators", URL: "/admin/operators"})
	}
	for i := range all {
		all[i].Current = all[i].URL == current
	}
	return all
}

// refuse shows a fault with what the catalogue knows of it; nothing that was typed is lost by going back.
func (f *Front) refuse(c *web.Ctx, a admin.Actor, err error) {
	entry := fault.Lookup(fault.CodeOf(err))
	if entry.Status >= http.StatusInternalServerError {
		f.Web.Log.ErrorContext(c.Request.Context(), "console", "path", c.Request.URL.Path, "error", err)
	}
	p := templates.ConsoleFault{Console: f.frame(c, a, ""), Finding: web.Card(admin.FindingOf(err, "error")), BackURL: back(c)}
	for _, e := range admin.FieldErrors(err) {
		p.Errors = append(p.Errors, templates.Field{Name: e.Pointer, Value: e.Detail})
	}
	f.Web.Page(c, entry.Status, p)
}

// back is the page of this console that the request came from.
func back(c *web.Ctx) string {
	u, err := url.Parse(c.GetHeader("Referer"))
	if err != nil || u.Host != c.Request.Host {
		return "/admin"
	}
	return local(u.RequestURI())
}
