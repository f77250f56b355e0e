package signin

import (
	"net/http"

	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
)

// logoutMessage handles the messages about signing out that arrive at the endpoint. It reports whether this was one.
func (f *Front) logoutMessage(c *web.Ctx, conn *registry.Connection, reply providers.Reply) bool {
	lr, ok := conn.Provider.(providers.LogoutReceiver)
	if !ok || !lr.IsLogout(reply) {
		return false
	}
	out, err := lr.ReceiveLogout(c.Request.Context(), f.Engine.LogoutRequest(conn, reply), reply)
	switch {
	case err != nil:
		f.Web.Fault(c, err)
	case out.Answered:
		f.goOn(c, conn, out.Handle)
	default:
		f.endSessions(c, conn, out)
	}
	return true
}

// goOn: the browser is back from the upstream's sign-out that we began.
func (f *Front) goOn(c *web.Ctx, conn *registry.Connection, handle string) {
	if h, err := f.Engine.Handles.Read(handle, conn.Slug); err == nil {
		if to, ok := f.Web.Cookies.Leaving(c.Writer, c.Request, h.LoginID); ok {
			f.Web.Redirect(c, to)
			return
		}
	}
	f.Web.Fault(c, fault.New(fault.LoginNoMessage, "the answer to a sign-out that this browser did not begin"))
}

// endSessions: the upstream has ended a session; those that came from it end here too.
func (f *Front) endSessions(c *web.Ctx, conn *registry.Connection, out providers.Logout) {
	if out.Subject == "" && out.SessionIndex == "" {
		f.Web.Fault(c, fault.New(fault.LoginNoMessage, "a logout message that names nobody"))
		return
	}
	if err := f.Engine.UpstreamLogout(c.Request.Context(), conn, out.Subject, out.SessionIndex); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.DropSession(c.Writer, conn.Realm)
	if out.Reply != nil {
		f.Web.Challenge(c, *out.Reply)
		return
	}
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
}
