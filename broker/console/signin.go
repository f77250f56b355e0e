package console

import (
	"net/url"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/operator"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// Operators is the console's door.
type Operators = *operator.Engine

// seat is who asks, once it has been looked up for a request.
type seat struct {
	session  *broker.OperatorSession
	operator *broker.Operator
}

const seatKey = "console seat"

// seat answers who asks, the zero seat for nobody. It is looked up once for each request, so whoever was disabled or
// signed out elsewhere is out with the next one.
func (f *Front) seat(c *web.Ctx) seat {
	if v, ok := c.Get(seatKey); ok {
		return v.(seat)
	}
	s, o, err := f.Operators.Find(c.Request.Context(), f.Web.Cookies.Operator(c.Request))
	if err != nil {
		f.Web.Log.ErrorContext(c.Request.Context(), "who asks the console cannot be told", "error", err)
		s, o = nil, nil
	}
	c.Set(seatKey, seat{s, o})
	return seat{s, o}
}

// operator answers the operator who asks.
func (f *Front) operator(c *web.Ctx) (*broker.Operator, bool) {
	o := f.seat(c).operator
	return o, o != nil
}

// actor is the operator who asks, as the verbs know one.
func (f *Front) actor(c *web.Ctx) (admin.Actor, bool) {
	o, ok := f.operator(c)
	if !ok {
		return admin.Actor{}, false
	}
	return admin.Actor{Name: operator.Actor(o), Role: o.Role, Realms: o.Realms, RemoteIP: f.Web.ClientIP(c.Request)}, true
}

// fresh holds that the operator has proved a short while ago who they are: for what opens accounts or hands out keys.
func (f *Front) fresh(c *web.Ctx) error {
	return f.Operators.Fresh(f.seat(c).session)
}

// confirmURL is where an operator proves once more who they are, and comes back from.
func confirmURL(to string) string { return "/admin/signin?again=1&to=" + url.QueryEscape(local(to)) }

// signinRoutes are the doors of the console, and the operator's own account.
func (f *Front) signinRoutes() []route {
	return []route{
		get("/admin/signin", f.signinPage),
		post("/admin/signin", f.outside(f.signinPassword)),
		post("/admin/signin/passkey", f.outside(f.signinPasskey)),
		post("/admin/signin/connection", f.outside(f.signinConnection)),
		get("/admin/signin/done/:ticket", f.signinDone),
		post("/admin/signout", f.leave),

		get("/admin/welcome/:token", f.welcome),
		post("/admin/welcome/:token", f.outside(f.introduce)),
		post("/admin/welcome/:token/passkey", f.outside(f.enrolPasskey)),
		post("/admin/welcome/:token/password", f.outside(f.enrolPassword)),
		get("/admin/enrol/:token", f.enrol),
		post("/admin/enrol/:token/passkey", f.outside(f.enrolPasskey)),
		post("/admin/enrol/:token/password", f.outside(f.enrolPassword)),
		get("/admin/recovery", f.page(f.recoveryCodes)),

		get("/admin/account", f.page(f.account)),
		post("/admin/account", f.action(f.saveProfile)),
		post("/admin/account/passkey", f.page(f.addPasskey)),
		post("/admin/account/passkey/remove", f.action(f.removePasskey)),
		post("/admin/account/password", f.page(f.setPassword)),
		post("/admin/account/password/remove", f.action(f.removePassword)),
		post("/admin/account/recovery", f.action(f.renewRecovery)),
		post("/admin/account/browsers/end", f.action(f.endBrowsers)),
	}
}

// outside is a form of somebody who is not signed in: it must be from a page of ours, and not one of too many.
func (f *Front) outside(take func(c *web.Ctx)) func(*web.Ctx) {
	return func(c *web.Ctx) {
		if err := f.guess(c); err != nil {
			f.Web.Fault(c, err)
			return
		}
		if err := f.own(c); err != nil {
			f.Web.Fault(c, err)
			return
		}
		take(c)
	}
}

// guess takes one from an address's allowance of tries.
func (f *Front) guess(c *web.Ctx) error {
	if !f.Web.Limits.Allow("console", f.Web.ClientIP(c.Request), 60, time.Second) {
		return fault.New(fault.RateLimited, "the console's sign-in")
	}
	return nil
}

// visitor is the browser at the door; it has a name of its own where the account of the address signed in in it before.
func (f *Front) visitor(c *web.Ctx, address string) operator.Visitor {
	v := operator.Visitor{UserAgent: c.GetHeader("User-Agent")}
	v.IP, v.Device = f.Web.ClientIP(c.Request), f.Web.Cookies.Device(c.Request, operator.Account(address))
	return v
}

// enter signs the browser in, in place of whoever was before, and goes on.
func (f *Front) enter(c *web.Ctx, o *broker.Operator, way string, at time.Time, to string) {
	ctx := c.Request.Context()
	if err := f.Operators.SignOut(ctx, f.Web.Cookies.Operator(c.Request), f.Web.ClientIP(c.Request)); err != nil {
		f.Web.Fault(c, err)
		return
	}
	cookie, err := f.Operators.Open(ctx, o, way, at, f.visitor(c, o.Email))
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.SetOperator(c.Writer, cookie)
	f.Web.Cookies.Remember(c.Writer, c.Request, operator.Account(o.Email))
	f.Web.Redirect(c, to)
}

func (f *Front) leave(c *web.Ctx) {
	if err := f.own(c); err != nil {
		f.Web.Fault(c, err)
		return
	}
	if err := f.Operators.SignOut(c.Request.Context(), f.Web.Cookies.Operator(c.Request), f.Web.ClientIP(c.Request)); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.DropOperator(c.Writer)
	f.Web.Redirect(c, "/admin/signin")
}

// english is the frame of a page for operators who are not signed in.
func (f *Front) english(c *web.Ctx) templates.Shell {
	s := f.Web.Shell(c, nil, nil)
	s.Lang, s.Languages = "en", nil
	return s
}

func (f *Front) token(c *web.Ctx) string { return f.Web.Cookies.FormToken(c.Writer, c.Request) }

// csrfField is the form token as a hidden field.
func csrfField(token string) templates.Field { return templates.Field{Name: "csrf", Value: token} }
