package diagnose

import (
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
	"cloakroom/templates"
)

// A directory's test login asks on the same page as a sign-in, and counts what is tried in the same way: a test must not
// lock anybody's account either. Its answer becomes the report, whatever it is.

// promptURL is where a test's page stands; the configuration on trial has a page of its own.
func promptURL(l *broker.Login, trial bool) string {
	to := reportURL(l) + "/prompt"
	if trial {
		to += "?shadow=1"
	}
	return to
}

// prompt shows the page.
func (f *Front) prompt(c *web.Ctx) {
	if l, conn, ok := f.asked(c); ok {
		f.promptPage(c, l, conn, http.StatusOK, "", "")
	}
}

// asked is the test of the address and its connection, as long as the test has no answer; false where the request was
// answered already.
func (f *Front) asked(c *web.Ctx) (*broker.Login, *registry.Connection, bool) {
	l, t, err := f.mine(c)
	if err == nil && !t.AnsweredAt.IsZero() {
		f.Web.Redirect(c, reportURL(l))
		return nil, nil, false
	}
	var conn *registry.Connection
	if err == nil {
		conn, err = f.tested(c, t)
	}
	if err == nil && conn.Err != nil {
		err = conn.Err
	}
	if err != nil {
		f.Web.Fault(c, unknown(err))
		return nil, nil, false
	}
	return l, conn, true
}

// tested is the connection of a test, in the configuration that the request names.
func (f *Front) tested(c *web.Ctx, t *broker.TestLogin) (*registry.Connection, error) {
	conn, err := f.Connections.Connection(c.Request.Context(), t.Connection)
	if err == nil && conn.Realm != t.Realm {
		err = broker.ErrNotFound
	}
	if err == nil && c.Query("shadow") != "" {
		conn, err = login.InConfiguration(conn, true)
	}
	return conn, err
}

func (f *Front) promptPage(c *web.Ctx, l *broker.Login, conn *registry.Connection, status int, name, wrong string) {
	ctx := c.Request.Context()
	r, err := f.Engine.TestRequest(l.ID, conn)
	var ch providers.Challenge
	if err == nil {
		ch, err = conn.Provider.Start(ctx, r)
	}
	if err == nil && len(ch.Fields) == 0 {
		err = fault.New(fault.LoginNoMessage, "connection %q asks on its own page", conn.Slug)
	}
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	f.Web.Page(c, status, templates.Prompt{
		Shell: f.Web.Shell(c, nil, l), Connection: conn.DisplayName, Action: promptURL(l, conn.OnTrial()), Error: wrong,
		Hidden: []templates.Field{{Name: "state", Value: r.Handle}}, Fields: web.PromptFields(ch.Fields, name),
	})
}

// answered takes what was typed, examines it and leads to the report. A try that has to wait for others is none: the page
// says so, and the test goes on.
func (f *Front) answered(c *web.Ctx) {
	l, conn, ok := f.asked(c)
	if !ok {
		return
	}
	if !f.Web.Limits.Allow("test", f.Web.ClientIP(c.Request), 30, perSecond) {
		f.Web.FaultOf(c, fault.New(fault.RateLimited, "answers to test logins"), l)
		return
	}
	if err := c.Request.ParseForm(); err != nil {
		f.Web.FaultOf(c, fault.Wrap(fault.Invalid, err, "form"), l)
		return
	}
	form := c.Request.PostForm
	name := form.Get("username")
	if strings.TrimSpace(name) == "" || form.Get("password") == "" {
		f.promptPage(c, l, conn, http.StatusUnprocessableEntity, name, templates.PromptEmpty)
		return
	}
	who := credential.Guesser{IP: f.Web.ClientIP(c.Request), Device: f.Web.Cookies.Device(c.Request, login.PromptAccount(conn.Slug, name))}
	try, err := f.Engine.TestTry(l, conn, form.Get("state"), web.Typed(form), who)
	if id, status := web.PromptWrong(err); id != "" {
		f.promptPage(c, l, conn, status, name, id)
		return
	}
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	f.examine(c, l, conn, try)
}

// examine makes the report of a try.
func (f *Front) examine(c *web.Ctx, l *broker.Login, conn *registry.Connection, try *login.Try) {
	ctx := c.Request.Context()
	e := explain(ctx, conn, try.Request, try.Reply)
	try.Settle(firstError(e))
	t, err := f.Tests.Get(ctx, l.ID)
	if err == nil {
		err = f.keep(ctx, conn, t, e, true)
	}
	if err != nil && fault.CodeOf(err) != fault.LoginTaken { // sent twice: the report is the first one's
		f.Web.FaultOf(c, unknown(err), l)
		return
	}
	f.Web.Redirect(c, reportURL(l))
}

// firstError is what a sign-in would have ended with, nil for one that went through.
func firstError(e providers.Explanation) error {
	for _, found := range e.Findings {
		if found.Severity == "error" {
			return found.Err
		}
	}
	return nil
}
