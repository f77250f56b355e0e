package console

import (
	"net/http"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/operator"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// signinPage shows the ways in. Who is signed in goes on, unless they are to confirm that it is them.
func (f *Front) signinPage(c *web.Ctx) {
	o, in := f.operator(c)
	if in && c.Query("again") == "" {
		f.Web.Redirect(c, local(c.Query("to")))
		return
	}
	p := templates.ConsoleSignin{To: local(c.Query("to")), Again: in}
	if in {
		p.Email = o.Email
	}
	f.showSignin(c, http.StatusOK, p)
}

// signinCeremony names the passkey ceremony of the sign-in page in the browser's keep.
const signinCeremony = "console passkey"

func (f *Front) showSignin(c *web.Ctx, status int, p templates.ConsoleSignin) {
	options, state, err := f.Operators.AskPasskey()
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.Keep(c.Writer, signinCeremony, state, credential.CeremonyFor)
	p.Shell, p.Token = f.english(c), f.token(c)
	p.Passkey = templates.PasskeyForm{Action: "/admin/signin/passkey", Options: string(options), Conditional: !p.Again && p.Error == "", Hidden: append(goOn(p), csrfField(p.Token))}
	if p.Connections, err = f.doors(c); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Page(c, status, p)
}

// goOn are the fields that say where a sign-in leads.
func goOn(p templates.ConsoleSignin) []templates.Field {
	out := []templates.Field{{Name: "to", Value: p.To}}
	if p.Again {
		out = append(out, templates.Field{Name: "again", Value: "1"})
	}
	return out
}

// typedSignin is what a form of the sign-in page sent along.
func typedSignin(c *web.Ctx) templates.ConsoleSignin {
	return templates.ConsoleSignin{To: local(c.PostForm("to")), Again: c.PostForm("again") == "1", Email: templates.Clean(c.PostForm("email"))}
}

func (f *Front) signinPassword(c *web.Ctx) {
	p := typedSignin(c)
	try := operator.Try{Email: c.PostForm("email"), Password: c.PostForm("password"), Code: c.PostForm("code")}
	o, err := f.Operators.ByPassword(c.Request.Context(), try, f.visitor(c, try.Email))
	f.arrived(c, p, o, operator.ByPassword, err)
}

func (f *Front) signinPasskey(c *web.Ctx) {
	state := f.Web.Cookies.Kept(c.Request, signinCeremony)
	o, err := f.Operators.ByPasskey(c.Request.Context(), state, []byte(c.PostForm("answer")))
	f.arrived(c, typedSignin(c), o, operator.ByPasskey, err)
}

// arrived signs in, or shows the page again with what was wrong. What a refusal says is the same for everybody.
func (f *Front) arrived(c *web.Ctx, p templates.ConsoleSignin, o *broker.Operator, way string, err error) {
	status := http.StatusForbidden
	switch fault.CodeOf(err) {
	case "":
		f.Web.Cookies.Drop(c.Writer, signinCeremony)
		f.enter(c, o, way, f.Now(), p.To)
		return
	case fault.OperatorRefused:
		p.Error = "That is not right, or may not sign in here. Try again; each one-time code counts once."
	case fault.OperatorWait:
		p.Error, status = "There were many failed attempts. Wait a little, then try again.", http.StatusTooManyRequests
	default:
		f.Web.Fault(c, err)
		return
	}
	f.Web.Log.InfoContext(c.Request.Context(), "console sign-in refused", "way", way, "error", err, "ip", f.Web.ClientIP(c.Request))
	f.showSignin(c, status, p)
}

// recoveryKept names the codes that wait to be shown, in the browser's keep.
const recoveryKept = "console recovery"

// recoveryCodes shows the recovery codes that were just made, once.
func (f *Front) recoveryCodes(c *web.Ctx, _ admin.Actor) error {
	codes := f.Web.Cookies.Kept(c.Request, recoveryKept)
	if codes == nil {
		return fault.New(fault.NotFound, "recovery codes are shown once; make new ones under Your account")
	}
	f.Web.Cookies.Drop(c.Writer, recoveryKept)
	f.Web.Page(c, http.StatusOK, templates.ConsoleRecovery{Shell: f.english(c), Codes: codeLines(codes), OnTo: "/admin"})
	return nil
}
