package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/templates"
)

// Front is what is mounted on the engine.
type Front interface{ Mount(r gin.IRouter) }

// Mount adds what belongs to no front: static files, the handbook, the front page, and the answer to what is nowhere.
func (w *Web) Mount(e *gin.Engine) {
	e.GET("/static/*name", w.static)
	e.GET("/realms/:realm/logo", w.logo)
	e.GET("/", w.home)
	e.GET("/help", w.help)
	e.GET("/help/faults", w.helpFaults)
	e.GET("/help/faults/:code", w.helpFault)
	e.GET("/help/providers/:preset", w.helpProvider)
	e.GET("/robots.txt", func(c *gin.Context) { c.String(http.StatusOK, "User-agent: *\nDisallow: /\n") })
	e.NoRoute(w.nowhere)
}

func (w *Web) home(c *gin.Context) {
	w.Page(c, http.StatusOK, templates.Home{Shell: w.Shell(c, nil, nil), LoginURL: "/login", DemoURL: w.DemoURL})
}

func (w *Web) help(c *gin.Context) {
	w.Page(c, http.StatusOK, templates.HelpIndex{Shell: w.Shell(c, nil, nil), Find: templates.Clean(c.Query("q"))})
}

func (w *Web) helpFaults(c *gin.Context) {
	w.Page(c, http.StatusOK, templates.HelpFaults{Shell: w.Shell(c, nil, nil)})
}

func (w *Web) helpFault(c *gin.Context) {
	code := fault.Code(c.Param("code"))
	entry, ok := fault.Find(code)
	if !ok {
		w.Fault(c, broker.ErrNotFound)
		return
	}
	w.Page(c, http.StatusOK, templates.HelpFault{Shell: w.Shell(c, nil, nil), Entry: entry})
}

func (w *Web) helpProvider(c *gin.Context) {
	g, ok := templates.GuideFor(c.Param("preset"))
	if !ok {
		w.Fault(c, broker.ErrNotFound)
		return
	}
	w.Page(c, http.StatusOK, templates.HelpProvider{Shell: w.Shell(c, nil, nil), Guide: g})
}

// nowhere answers what has no route. An answer of an identity provider that was sent to a wrong path of this host is told
// so: the reply address in the provider's console is mistyped.
func (w *Web) nowhere(c *gin.Context) {
	if inAPI(c) {
		problem(c, fault.New(fault.NotFound, "there is no such path"))
		return
	}
	if w.scimNowhere(c, http.StatusNotFound, fault.SCIMPath) {
		return
	}
	if w.Astray == nil || !w.Astray(c) {
		w.Fault(c, broker.ErrNotFound)
	}
}

// wrongMethod answers a method that a path does not take.
func (w *Web) wrongMethod(c *gin.Context) {
	err := fault.New(fault.MethodNotAllowed, "%s", c.Request.Method)
	if inAPI(c) {
		problem(c, err)
		return
	}
	if w.scimNowhere(c, http.StatusMethodNotAllowed, fault.MethodNotAllowed) {
		return
	}
	if w.Astray == nil || !w.Astray(c) {
		w.Fault(c, err)
	}
}

func inAPI(c *gin.Context) bool { return strings.HasPrefix(c.Request.URL.Path, "/api/") }

// problem answers a fault as the admin API does (RFC 9457), for requests that reach none of its operations.
func problem(c *gin.Context, f *fault.Error) {
	e := fault.Lookup(f.Code)
	c.Header("Content-Type", "application/problem+json")
	c.JSON(e.Status, gin.H{
		"type": "/help/faults/" + string(f.Code), "title": e.Cause, "status": e.Status, "code": f.Code, "detail": f.Detail, "fix": e.Fix,
	})
}
