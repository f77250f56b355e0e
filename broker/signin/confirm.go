package signin

import (
	"net/http"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// confirm is the page for the code that was mailed to a person whose address is known here already.
func (f *Front) confirm(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		if c.Request.Method == http.MethodGet {
			f.confirmPage(c, l, http.StatusOK, "")
			return
		}
		if err := c.Request.ParseForm(); err != nil {
			f.Web.FaultOf(c, fault.Wrap(fault.Invalid, err, "form"), l)
			return
		}
		if !f.Web.Limits.Allow("confirm", f.Web.ClientIP(c.Request), 20, 3*second) {
			f.confirmPage(c, l, http.StatusTooManyRequests, templates.EmailTooMany)
			return
		}
		if c.Request.PostForm.Get("again") != "" {
			f.resend(c, l)
			return
		}
		step, err := f.Engine.Confirm(c.Request.Context(), l, c.Request.PostForm.Get("code"))
		if fault.CodeOf(err) == fault.LoginLinkCode {
			f.confirmPage(c, l, http.StatusUnprocessableEntity, templates.CodeWrong)
			return
		}
		f.Web.Step(c, l, step, err)
	})
}

// resend mails another code and shows the page by GET, so that a reload asks for none.
func (f *Front) resend(c *web.Ctx, l *broker.Login) {
	_, err := f.Engine.Resend(c.Request.Context(), l)
	switch {
	case fault.CodeOf(err) == fault.RateLimited:
		f.confirmPage(c, l, http.StatusTooManyRequests, templates.CodeNoMore)
	case err != nil:
		f.Web.Step(c, l, login.Step{}, err)
	default:
		f.Web.Redirect(c, f.Web.LoginURL(l)+"/confirm?sent=1")
	}
}

func (f *Front) confirmPage(c *web.Ctx, l *broker.Login, status int, wrong string) {
	address, conn, err := f.Engine.Confirming(c.Request.Context(), l)
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	realm, err := f.Config.Realm(c.Request.Context(), l.Realm)
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	f.Web.Page(c, status, templates.ConfirmLink{
		Shell: f.Web.Shell(c, realm, l), Email: address, Via: conn.DisplayName, Action: f.Web.LoginURL(l) + "/confirm", Error: wrong,
		Sent: wrong == "" && c.Query("sent") != "",
	})
}
