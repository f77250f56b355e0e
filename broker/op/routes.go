package op

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// Front serves the provider to browsers and applications.
type Front struct {
	Web      *web.Web
	Provider *Provider
}

// Mount adds the routes. It may be called for several groups: a legacy prefix becomes part of the issuer.
func (f *Front) Mount(r gin.IRouter) {
	realm := r.Group("/realms/:realm")
	realm.GET("", f.open(f.realm))
	realm.GET("/.well-known/openid-configuration", f.open(f.discovery))
	realm.GET("/.well-known/oauth-authorization-server", f.open(f.discovery))

	p := realm.Group("/protocol/openid-connect")
	p.GET("/auth", f.authorize)
	p.POST("/auth", f.authorize)
	p.POST("/token", f.token)
	p.OPTIONS("/token", f.preflight)
	p.GET("/userinfo", f.userInfo)
	p.POST("/userinfo", f.userInfo)
	p.OPTIONS("/userinfo", f.preflight)
	p.GET("/certs", f.open(f.certs))
	p.GET("/logout", f.logout)
	p.POST("/logout", f.logout)
	p.GET("/logout/done", f.loggedOut)
	p.POST("/token/introspect", f.introspect)
	p.POST("/revoke", f.revoke)
	p.OPTIONS("/revoke", f.preflight)
	p.POST("/ext/par/request", f.push)
	p.GET("/3p-cookies/step1.html", f.thirdParty)
	p.GET("/3p-cookies/step1.js", f.thirdParty)
}

// door is the realm and the prefix of the route that was asked.
func door(c *gin.Context) Door {
	prefix, _, _ := strings.Cut(c.FullPath(), "/realms/")
	return Door{Realm: c.Param("realm"), Prefix: prefix}
}

// raw is the query of a GET or the form body of a POST.
func raw(c *gin.Context) (string, error) {
	if c.Request.Method != http.MethodPost {
		return c.Request.URL.RawQuery, nil
	}
	if kind, _, _ := strings.Cut(c.GetHeader("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") && c.Request.ContentLength != 0 {
		return "", fault.New(fault.OPRequestMalformed, "the body is not application/x-www-form-urlencoded")
	}
	b, err := io.ReadAll(io.LimitReader(c.Request.Body, maxRequest+1))
	if err != nil {
		return "", fault.Wrap(fault.OPRequestMalformed, err, "the body cannot be read")
	}
	return string(b), nil
}

func (f *Front) call(c *gin.Context) (Call, error) {
	d := door(c)
	body, err := raw(c)
	_, path, _ := strings.Cut(c.FullPath(), "/protocol/openid-connect/")
	return Call{
		Door: d, Endpoint: f.Provider.endpoint(d, path), Authorization: c.GetHeader("Authorization"), Raw: body,
		RemoteIP: f.Web.ClientIP(c.Request), Origin: c.GetHeader("Origin"),
	}, err
}

func (f *Front) authorize(c *gin.Context) {
	body, err := raw(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	step, l, err := f.Provider.Authorize(c.Request.Context(), AuthorizeIn{
		Door: door(c), Raw: body, SessionCookie: func(realm string) string { return f.Web.Cookies.Session(c.Request, realm) },
	})
	if l == nil {
		l = &broker.Login{Realm: c.Param("realm")}
	}
	f.Web.Step(c, l, step, err)
}

func (f *Front) token(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.refuse(c, err)
		return
	}
	t, client, err := f.Provider.Token(c.Request.Context(), in)
	f.answer(c, client, http.StatusOK, t, err)
}

func (f *Front) userInfo(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.refuse(c, err)
		return
	}
	if c.Request.Method == http.MethodGet {
		in.Raw = "" // a token in the query ends up in logs (RFC 6750, section 2.3)
	}
	claims, client, err := f.Provider.UserInfo(c.Request.Context(), in)
	f.answer(c, client, http.StatusOK, claims, err)
}

func (f *Front) introspect(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.refuse(c, err)
		return
	}
	m, err := f.Provider.Introspect(c.Request.Context(), in)
	f.answer(c, nil, http.StatusOK, m, err)
}

func (f *Front) revoke(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.refuse(c, err)
		return
	}
	client, err := f.Provider.Revoke(c.Request.Context(), in)
	f.answer(c, client, http.StatusOK, nil, err)
}

func (f *Front) push(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.refuse(c, err)
		return
	}
	pushed, client, err := f.Provider.Push(c.Request.Context(), in)
	f.answer(c, client, http.StatusCreated, pushed, err)
}

func (f *Front) realm(c *gin.Context) ([]byte, error) {
	v, err := f.Provider.Realm(c.Request.Context(), door(c))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (f *Front) discovery(c *gin.Context) ([]byte, error) {
	v, err := f.Provider.Discovery(c.Request.Context(), door(c))
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (f *Front) certs(c *gin.Context) ([]byte, error) {
	return f.Provider.JWKS(c.Request.Context(), door(c))
}

// open serves a document that anybody may read, from any page.
func (f *Front) open(get func(*gin.Context) ([]byte, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		b, err := get(c)
		c.Header("Access-Control-Allow-Origin", "*")
		if err != nil {
			f.refuse(c, err)
			return
		}
		c.Header("Cache-Control", "public, max-age=60")
		c.Data(http.StatusOK, "application/json", b)
	}
}

// preflight lets a browser ask; whether it may read the answer is decided when the client is known.
func (f *Front) preflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", c.GetHeader("Origin"))
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Max-Age", "600")
	h.Add("Vary", "Origin")
	c.Status(http.StatusNoContent)
}

// answer writes JSON for an application, readable by the pages of its own origins.
func (f *Front) answer(c *gin.Context, client *broker.Client, status int, v any, err error) {
	c.Writer.Header().Add("Vary", "Origin")
	if origin := c.GetHeader("Origin"); isOrigin(client, origin) {
		c.Header("Access-Control-Allow-Origin", origin)
		// keycloak.js asks with credentials included, and the browser holds the answer to that. No cookie is read here.
		c.Header("Access-Control-Allow-Credentials", "true")
	}
	if err != nil {
		f.refuse(c, err)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Pragma", "no-cache")
	if v == nil {
		c.Status(status)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		f.refuse(c, err)
		return
	}
	c.Data(status, "application/json", b)
}

// refuse writes an error as RFC 6749, section 5.2 has it, or as RFC 6750, section 3.
func (f *Front) refuse(c *gin.Context, err error) {
	no := asRefusal(err)
	level := slog.LevelInfo
	if no.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	f.Provider.Log.Log(c.Request.Context(), level, "an application's request is refused", "realm", clip(c.Param("realm"), 63), "path", c.FullPath(), "code", no.Code, "error", no.Error())
	c.Header("Cache-Control", "no-store")
	if no.Status == http.StatusTooManyRequests {
		c.Header("Retry-After", "60")
	}
	if no.Scheme != "" {
		c.Header("WWW-Authenticate", challenge(no, f.Provider.issuer(door(c))))
	}
	body := map[string]string{"error": no.Code, "error_description": plain(no.Description)}
	if no.Code == "" {
		c.Status(no.Status)
		c.Writer.WriteHeaderNow()
		return
	}
	c.JSON(no.Status, body)
}

func challenge(no *Refusal, realm string) string {
	s := no.Scheme + ` realm="` + plain(realm) + `"`
	if no.Scheme == "Bearer" && no.Code != "" {
		s += `, error="` + no.Code + `", error_description="` + plain(no.Description) + `"`
	}
	return s
}

func (f *Front) logout(c *gin.Context) {
	in, err := f.call(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	post := c.Request.Method == http.MethodPost
	out, err := f.Provider.Logout(c.Request.Context(), LogoutIn{Call: in, Post: post, SessionCookie: f.Web.Cookies.Session(c.Request, in.Realm)})
	var no *Refusal
	if errors.As(err, &no) {
		f.refuse(c, err)
		return
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.goodbye(c, in.Door, out)
}

func (f *Front) goodbye(c *gin.Context, d Door, out *LogoutOut) {
	if out.Ended {
		f.Web.Cookies.DropSession(c.Writer, d.Realm)
	}
	switch {
	case out.Direct:
		c.Status(http.StatusNoContent)
	case out.Again != "":
		f.Web.Redirect(c, out.Again)
	case out.Confirm != nil:
		f.confirm(c, d, out)
	case out.Leave != nil:
		f.Web.Leave(c, out.Leave, out.Next)
	default:
		f.Web.Redirect(c, out.Next)
	}
}

func (f *Front) confirm(c *gin.Context, d Door, out *LogoutOut) {
	realm, _ := f.Provider.Registry.Realm(c.Request.Context(), d.Realm)
	page := templates.ConfirmLogout{
		Shell: f.Web.Shell(c, realm, &broker.Login{Realm: d.Realm, UILocales: out.Locales}), Action: f.Provider.endpoint(d, "logout"),
		Hidden: []templates.Field{{Name: "confirm_logout", Value: out.Confirm.Token}},
	}
	if client := out.Confirm.Client; client != nil {
		page.App, page.CancelURL = client.DisplayName, client.Home()
	}
	if u, err := f.Provider.Users.Get(c.Request.Context(), out.Confirm.Home, out.Confirm.UserID); err == nil {
		page.Who = u.Email
	}
	f.Web.Page(c, http.StatusOK, page)
}

func (f *Front) loggedOut(c *gin.Context) {
	d := door(c)
	w, err := f.Provider.LoggedOut(d, c.Query("s"))
	switch {
	case err != nil:
		f.Web.Fault(c, err)
	case len(w.Frames) > 0:
		f.progress(c, d, w)
	case w.Next != "":
		f.Web.Redirect(c, w.Next)
	default:
		f.Web.SignedOut(c, d.Realm, w.ClientID)
	}
}

// progress opens the applications' addresses in frames, which the page's policy must name.
func (f *Front) progress(c *gin.Context, d Door, w Farewell) {
	var origins []string
	for _, s := range w.Frames {
		if u, err := url.Parse(s); err == nil && !strings.ContainsAny(u.Host, ";,'") {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	realm, _ := f.Provider.Registry.Realm(c.Request.Context(), d.Realm)
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src "+strings.Join(origins, " "))
	f.Web.Page(c, http.StatusOK, templates.LogoutProgress{Shell: f.Web.Shell(c, realm, nil), Frames: w.Frames, ContinueURL: w.Next})
}

// thirdParty answers keycloak.js, which asks by a frame whether it may see our cookies there. It may not, in no modern
// browser; told so, it goes on without its session frame instead of failing after ten seconds.
func (f *Front) thirdParty(c *gin.Context) {
	h := c.Writer.Header()
	h.Del("X-Frame-Options")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; frame-ancestors *")
	h.Set("Cache-Control", "public, max-age=3600")
	if strings.HasSuffix(c.FullPath(), ".js") {
		c.Data(http.StatusOK, "text/javascript; charset=utf-8", []byte(`parent.postMessage("unsupported", "*");`))
		return
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<!doctype html><title>-</title><script src="step1.js"></script>`))
}
