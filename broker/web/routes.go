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
	if strings.HasPrefix(c.Request.URL.Path, "/api/") {
		c.JSON(http.StatusNotFound, gin.H{"status": 404, "code": fault.NotFound, "title": "Not Found", "detail": "no such path", "fix": fault.Lookup(fault.NotFound).Fix})
		return
	}
	if w.Astray == nil || !w.Astray(c) {
		w.Fault(c, broker.ErrNotFound)
	}
}
