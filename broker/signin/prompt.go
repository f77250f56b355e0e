package signin

import (
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/login"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// The page that asks for what a directory checks. What was typed is read from the request, handed to the directory and
// forgotten: the password goes into no cookie, log or page.

// promptURL is where a login's page for a connection stands.
func (f *Front) promptURL(l *broker.Login, slug string) string {
	return f.Web.LoginURL(l) + "/prompt/" + slug
}

// prompt shows the page.
func (f *Front) prompt(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) { f.promptPage(c, l, http.StatusOK, promptHint(l), "") })
}

// promptHint is the name that the page begins with.
func promptHint(l *broker.Login) string {
	if l.Select {
		return ""
	}
	return l.LoginHint
}

// promptPage shows the page with a fresh attempt and, after one that failed, what was wrong.
func (f *Front) promptPage(c *web.Ctx, l *broker.Login, status int, name, wrong string) {
	asked, err := f.Engine.Ask(c.Request.Context(), l, c.Param("slug"))
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	f.Web.Page(c, status, templates.Prompt{
		Shell: f.Web.Shell(c, asked.Realm, l), Connection: asked.Connection.DisplayName, Action: f.promptURL(l, asked.Connection.Slug),
		Hidden: []templates.Field{{Name: "state", Value: asked.State}}, Fields: web.PromptFields(asked.Fields, name), Error: wrong,
		OtherURL: f.Web.LoginURL(l) + "?other=1",
	})
}

// answer takes what was typed. Whatever the person can mend is said on the page itself.
func (f *Front) answer(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		if !f.post(c, l) {
			return
		}
		slug, form := c.Param("slug"), c.Request.PostForm
		name := form.Get("username")
		if strings.TrimSpace(name) == "" || form.Get("password") == "" {
			f.promptPage(c, l, http.StatusUnprocessableEntity, name, templates.PromptEmpty)
			return
		}
		account := login.PromptAccount(slug, name)
		who := credential.Guesser{IP: f.Web.ClientIP(c.Request), Device: f.Web.Cookies.Device(c.Request, account)}
		step, err := f.Engine.Answer(c.Request.Context(), l, slug, form.Get("state"), web.Typed(form), who)
		if id, status := web.PromptWrong(err); id != "" {
			f.promptPage(c, l, status, name, id)
			return
		}
		if err == nil {
			f.Web.Cookies.Remember(c.Writer, c.Request, account)
		}
		f.Web.Step(c, l, step, err)
	})
}
