package scim

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
)

// Mount adds the routes.
func (f *Front) Mount(r gin.IRouter) {
	g := r.Group("/scim/v2/:slug")
	g.GET("/ServiceProviderConfig", f.on("", f.config))
	g.GET("/ResourceTypes", f.on("", f.types))
	g.GET("/ResourceTypes/:id", f.on("", f.oneType))
	g.GET("/Schemas", f.on("", f.schemas))
	g.GET("/Schemas/:id", f.on("", f.oneSchema))

	g.GET("/Users", f.on("Users", f.listUsers))
	g.POST("/Users", f.on("Users", f.createUser))
	g.POST("/Users/.search", f.on("Users", f.search(f.listUsers)))
	g.GET("/Users/:id", f.on("Users", f.getUser))
	g.PUT("/Users/:id", f.on("Users", f.replaceUser))
	g.PATCH("/Users/:id", f.on("Users", f.patchUser))
	g.DELETE("/Users/:id", f.on("Users", f.deleteUser))

	g.GET("/Groups", f.on("Groups", f.listGroups))
	g.POST("/Groups", f.on("Groups", f.createGroup))
	g.POST("/Groups/.search", f.on("Groups", f.search(f.listGroups)))
	g.GET("/Groups/:id", f.on("Groups", f.getGroup))
	g.PUT("/Groups/:id", f.on("Groups", f.replaceGroup))
	g.PATCH("/Groups/:id", f.on("Groups", f.patchGroup))
	g.DELETE("/Groups/:id", f.on("Groups", f.deleteGroup))

	g.POST("/Bulk", f.on("", f.unsupported))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		g.Handle(method, "/Me", f.on("", f.unsupported))
	}
	g.GET("", f.on("", f.nothing))
	g.GET("/", f.on("", f.nothing))
}

// nothing answers the base URL itself, which is no resource.
func (f *Front) nothing(c *call) (*reply, error) { return nil, astray(c) }

// astray names the right base URL to whoever has shown a token of the connection's.
func astray(c *call) error {
	return fault.New(fault.SCIMPath, "the base URL is %s, without anything after it", c.base)
}

// on adapts a handler: token, body, answer, request log. kind is what the request is about.
func (f *Front) on(kind string, h func(c *call) (*reply, error)) gin.HandlerFunc {
	return func(g *gin.Context) {
		ip := f.Web.ClientIP(g.Request)
		c := &call{ctx: g.Request.Context(), id: g.Param("id"), query: g.Request.URL.Query(), ifMatch: g.GetHeader("If-Match")}
		c.base = f.BaseURL + "/scim/v2/" + g.Param("slug")
		var err error
		c.caller, err = f.Engine.Authenticate(c.ctx, g.Param("slug"), g.GetHeader("Authorization"))
		c.caller.RemoteIP = ip
		if err != nil && (tokenFault(fault.CodeOf(err)) || fault.CodeOf(err) == fault.SCIMPath) && !f.AllowFailure(ip) {
			g.Header("Retry-After", "60")
			web.SCIM(g, http.StatusTooManyRequests, problem(fault.New(fault.RateLimited, "requests without a valid token from %s", ip)))
			return
		}
		if err == nil && (c.id == "Users" || c.id == "Groups") { // the base URL was pasted with a resource behind it
			err = astray(c)
		}
		var out *reply
		if err == nil {
			c.body, err = readBody(g.Request)
		}
		if err == nil {
			out, err = h(c)
		}
		f.answer(g, c, kind, out, err)
	}
}

// readBody takes the body of a request that has one.
func readBody(r *http.Request) ([]byte, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/scim+json" && media != "application/json" {
		return nil, fault.New(fault.SCIMMediaType, "it was sent as %.100q", r.Header.Get("Content-Type"))
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case len(b) > maxBody, errors.As(err, &tooLarge):
		return nil, fault.New(fault.TooLarge, "at most %d KiB are taken here", maxBody>>10)
	case err != nil:
		return nil, fault.Wrap(fault.SCIMSyntax, err, "the body could not be read")
	}
	return b, nil
}

// answer writes what became of a request, after the line for the log, so that whoever has the answer finds the line.
func (f *Front) answer(g *gin.Context, c *call, kind string, out *reply, err error) {
	r := broker.DirectoryRequest{At: f.Now(), Method: g.Request.Method, Path: pathOf(g), UserAgent: g.Request.UserAgent()}
	if g.Request.Method == http.MethodPost && strings.HasSuffix(g.Request.URL.Path, "/.search") {
		r.Method = http.MethodGet // as which it counts
	}
	if err != nil {
		fe := fault.As(err)
		e := fault.Lookup(fe.Code)
		if e.Status >= 500 && fe.Code != fault.SCIMUnsupported {
			f.Web.Log.ErrorContext(c.ctx, "scim", "code", fe.Code, "path", g.Request.URL.Path, "error", err)
		}
		r.Status, r.Code, r.Detail = e.Status, string(fe.Code), fe.Detail
		f.record(c, r, kind)
		if tokenFault(fe.Code) {
			g.Header("WWW-Authenticate", `Bearer realm="scim"`)
		}
		web.SCIM(g, e.Status, problem(fe))
		return
	}
	r.Status = out.status
	if out.etag != "" && g.Request.Method == http.MethodGet && g.GetHeader("If-None-Match") == out.etag {
		r.Status, out.body = http.StatusNotModified, nil
	}
	f.record(c, r, kind)
	for name, v := range map[string]string{"Location": out.location, "ETag": out.etag} {
		if v != "" {
			g.Header(name, v)
		}
	}
	web.SCIM(g, r.Status, out.body)
}

func (f *Front) record(c *call, r broker.DirectoryRequest, kind string) {
	if c.caller.Conn != nil {
		f.Engine.Record(c.ctx, c.caller, r, kind)
	}
}

// pathOf is the path below the base URL, with the query.
func pathOf(g *gin.Context) string {
	_, rest, _ := strings.Cut(g.Request.URL.EscapedPath(), "/scim/v2/")
	_, rest, _ = strings.Cut(rest, "/")
	if q := g.Request.URL.RawQuery; q != "" {
		rest += "?" + q
	}
	return "/" + rest
}
