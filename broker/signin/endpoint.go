package signin

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
)

// endpoint is the one door for every answer of an identity provider: OIDC and OAuth 2.0 redirects, SAML responses,
// logout messages.
func (f *Front) endpoint(c *web.Ctx, conn *registry.Connection) {
	reply, err := readReply(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if conn.Prompts() { // a page of ours asks, and nobody else has an answer
		f.Web.Fault(c, fault.New(fault.LoginNoMessage, "connection %q", conn.Slug))
		return
	}
	if done := f.logoutMessage(c, conn, reply); done {
		return
	}
	if reply.Query.Get("code") == "" && reply.Query.Get("error") == "" && len(reply.Form) == 0 && reply.Query.Get("SAMLResponse") == "" {
		f.Web.Fault(c, fault.New(fault.LoginNoMessage, "connection %q", conn.Slug))
		return
	}
	h, asked, err := f.Engine.ReadHandle(conn, reply)
	if fault.CodeOf(err) == fault.LoginMisrouted && !h.Test {
		f.lead(c, f.look(c, reply), reply, "")
		return
	}
	if h.Test && f.Tested != nil {
		f.Tested(c, conn, h, reply, err)
		return
	}
	if (err != nil && h.LoginID == "" || !asked) && f.Unasked != nil && f.Unasked(c, conn, reply) {
		return
	}
	if err != nil {
		f.stray(c, conn, h, err)
		return
	}
	if !asked {
		f.arrived(c, conn, login.Handle{}, reply)
		return
	}
	l, done, err := f.Web.Login(c, h.LoginID)
	switch {
	case err != nil:
		f.Web.Fault(c, err)
	case done:
		f.Web.FaultOf(c, fault.New(fault.LoginTaken, "connection %q", conn.Slug), l)
	case l != nil:
		step, err := f.Engine.Receive(c.Request.Context(), l, conn, h, reply)
		f.Web.Step(c, l, step, err)
	case reply.Method == http.MethodPost:
		f.arrived(c, conn, h, reply)
	default:
		f.stray(c, conn, h, fault.New(fault.LoginForeign, "no cookie of login %s", broker.RefOf(h.LoginID)))
	}
}

// arrived is an answer by cross-site POST, which carries no cookie: it is checked, kept, and the browser is sent on to a
// GET of ours that carries the cookie. Only that can make a session.
func (f *Front) arrived(c *web.Ctx, conn *registry.Connection, h login.Handle, reply providers.Reply) {
	if !f.Web.Limits.Allow("arrive", f.Web.ClientIP(c.Request), 60, 0) && !f.Web.Limits.Allow("arrive-slow", f.Web.ClientIP(c.Request), 20, second) {
		f.Web.Fault(c, fault.New(fault.RateLimited, "answers of one address"))
		return
	}
	key, err := f.Engine.Park(c.Request.Context(), conn, h, reply)
	if err != nil {
		f.Web.FaultOf(c, err, f.ofNobody(conn, h))
		return
	}
	f.Web.Redirect(c, "/broker/"+conn.Slug+"/continue?k="+key)
}

// ofNobody is strangersLogin also for an answer that nobody asked for: a reference of its own, so that an operator finds
// what the person saw. Anybody can send such answers, so only some of them are written down.
func (f *Front) ofNobody(conn *registry.Connection, h login.Handle) *broker.Login {
	if h.LoginID == "" && f.Web.Limits.Allow("unasked", conn.Slug, 10, 10*second) {
		return &broker.Login{ID: broker.NewLoginID(), Realm: conn.Realm, IdPHint: conn.Slug}
	}
	return f.strangersLogin(conn, h)
}

// strangersLogin is the little known of a login whose cookie is not here, for the error page's reference.
func (f *Front) strangersLogin(conn *registry.Connection, h login.Handle) *broker.Login {
	if h.LoginID == "" {
		return nil
	}
	return &broker.Login{ID: h.LoginID, Realm: conn.Realm}
}

// stray is an answer that fits no login: a page that says what to do, and a log line that says what came.
func (f *Front) stray(c *web.Ctx, conn *registry.Connection, h login.Handle, err error) {
	l, _, _ := f.Web.Login(c, h.LoginID)
	if l == nil {
		l = f.strangersLogin(conn, h)
	}
	f.Web.FaultOf(c, err, l)
}

// resume is the GET that a parked answer waits for.
func (f *Front) resume(c *web.Ctx) {
	var mine *broker.Login
	step, err := f.Engine.Resume(c.Request.Context(), c.Query("k"), func(id string) (*broker.Login, bool) {
		l, done, lerr := f.Web.Login(c, id)
		if mine = l; l == nil {
			mine = &broker.Login{ID: id} // for the error page's reference
		}
		if lerr != nil {
			return nil, false
		}
		return l, done
	})
	f.Web.Step(c, mine, step, err)
}

// readReply reads what the browser brought, bounded.
func readReply(c *web.Ctx) (providers.Reply, error) {
	r := c.Request
	if len(r.URL.RawQuery) > 64<<10 {
		return providers.Reply{}, fault.New(fault.TooLarge, "the query is longer than 64 KiB")
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return providers.Reply{}, fault.Wrap(fault.LoginNoMessage, err, "the query is not readable")
	}
	reply := providers.Reply{Method: r.Method, URL: r.URL, Query: q}
	if r.Method != http.MethodPost {
		return reply, nil
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return providers.Reply{}, fault.New(fault.LoginNoMessage, "a POST here is a form (application/x-www-form-urlencoded)")
	}
	// A base64 message of 1 MiB, percent-encoded, is at most this long.
	r.Body = http.MaxBytesReader(c.Writer, r.Body, 2*web.MaxBody)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return providers.Reply{}, fault.New(fault.TooLarge, "the message is larger than 1 MiB")
		}
		return providers.Reply{}, fault.Wrap(fault.LoginNoMessage, err, "the form is not readable")
	}
	reply.Form = r.PostForm
	return reply, nil
}
