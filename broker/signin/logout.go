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
	if conn.Provider == nil {
		return false
	}
	if lr, ok := conn.Provider.(providers.LogoutReceiver); ok && lr.IsLogout(reply) {
		f.receiveLogout(c, conn, lr, reply)
		return true
	}
	q := reply.Query
	if q.Get("code") != "" || q.Get("error") != "" || len(reply.Form) > 0 {
		return false
	}
	// The browser is back from an upstream's end_session_endpoint.
	if s := q.Get("state"); s != "" {
		if h, err := f.Engine.Handles.Read(s, conn.Slug); err == nil {
			if to, ok := f.Web.Cookies.Leaving(c.Writer, c.Request, h.LoginID); ok {
				f.Web.Redirect(c, to)
				return true
			}
		}
	}
	// OpenID Connect Front-Channel Logout 1.0: the upstream opens this address in a frame.
	if sid := q.Get("sid"); sid != "" && len(sid) <= 255 && reply.Method == http.MethodGet {
		if err := f.Engine.UpstreamLogout(c.Request.Context(), conn, "", sid); err != nil {
			f.Web.Fault(c, err)
			return true
		}
		c.Status(http.StatusNoContent)
		return true
	}
	return false
}

// receiveLogout: the answer to our own request sends the browser on; a request of the upstream ends its sessions here.
func (f *Front) receiveLogout(c *web.Ctx, conn *registry.Connection, lr providers.LogoutReceiver, reply providers.Reply) {
	ctx := c.Request.Context()
	out, err := lr.ReceiveLogout(ctx, f.Engine.LogoutRequest(conn), reply)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if out.Answered {
		to := "/"
		if h, err := f.Engine.Handles.Read(out.Handle, conn.Slug); err == nil {
			if next, ok := f.Web.Cookies.Leaving(c.Writer, c.Request, h.LoginID); ok {
				to = next
			}
		}
		f.Web.Redirect(c, to)
		return
	}
	if out.Subject == "" {
		f.Web.Fault(c, fault.New(fault.LoginNoMessage, "a logout message without a subject"))
		return
	}
	if err := f.Engine.UpstreamLogout(ctx, conn, out.Subject, out.SessionIndex); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.DropSession(c.Writer, conn.Realm)
	if out.Reply != nil {
		f.Web.Challenge(c, *out.Reply)
		return
	}
	f.Web.SignedOut(c, conn.Realm, "")
}
