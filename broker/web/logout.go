package web

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/login"
	"cloakroom/providers"
	"cloakroom/templates"
)

const leavePrefix = "cr_o_" // + ID: where a sign-out that went upstream goes on to

// Leave sends the browser to the upstream's sign-out and remembers where it goes on to afterwards.
func (w *Web) Leave(c *gin.Context, leave *login.Leave, onTo string) {
	v := base64.RawURLEncoding.EncodeToString(w.Cookies.Sealer.Seal([]byte(onTo), []byte("leave "+leave.ID)))
	if len(v) <= maxLoginCookie {
		w.Cookies.set(c.Writer, leavePrefix+leave.ID, v, 600)
	}
	w.follow(c, leave.To)
}

// Leaving answers, once, where a sign-out goes on to.
func (c *Cookies) Leaving(w http.ResponseWriter, r *http.Request, id string) (string, bool) {
	if !broker.ValidLoginID(id) {
		return "", false
	}
	ck, err := r.Cookie(c.name(leavePrefix + id))
	if err != nil {
		return "", false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(ck.Value)
	if err != nil {
		return "", false
	}
	to, err := c.Sealer.Open(sealed, []byte("leave "+id))
	if err != nil {
		return "", false
	}
	c.set(w, leavePrefix+id, "", -1)
	return string(to), true
}

// Challenge sends the browser where a provider says.
func (w *Web) Challenge(c *gin.Context, ch providers.Challenge) {
	w.follow(c, login.Redirect{URL: ch.URL, Form: ch.Form})
}

func (w *Web) follow(c *gin.Context, rd login.Redirect) {
	if rd.Form != nil {
		w.postForm(c, nil, rd)
		return
	}
	w.Redirect(c, rd.URL)
}

// SignedOut shows that it is done.
func (w *Web) SignedOut(c *gin.Context, realmName, clientID string) {
	ctx := c.Request.Context()
	var realm *broker.Realm
	if realmName != "" {
		realm, _ = w.Realms.Realm(ctx, realmName)
	}
	page := templates.SignedOut{}
	if realm != nil && clientID != "" {
		if client, err := w.Realms.Client(ctx, realmName, clientID); err == nil {
			page.App, page.BackURL = client.DisplayName, client.Home()
		}
	}
	page.Shell = w.Shell(c, realm, nil)
	w.Page(c, http.StatusOK, page)
}

// static serves the embedded files.
func (w *Web) static(c *gin.Context) {
	name := strings.TrimPrefix(c.Param("name"), "/")
	f, ok := w.Pages.Static(name)
	if !ok {
		w.Fault(c, broker.ErrNotFound)
		return
	}
	h := c.Writer.Header()
	h.Set("Cache-Control", "public, max-age=3600")
	if f.Immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Vary", "Accept-Encoding")
	if f.Gzip != nil && strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		c.Data(http.StatusOK, f.ContentType, f.Gzip)
		return
	}
	c.Data(http.StatusOK, f.ContentType, f.Data)
}
