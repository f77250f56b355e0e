// Package signin is the front of a login: its pages, and the door /broker/<slug>/endpoint through which every answer of
// an identity provider comes in.
package signin

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
)

// Config answers realms, clients and connections; registry.Registry does.
type Config interface {
	Realm(ctx context.Context, name string) (*broker.Realm, error)
	Client(ctx context.Context, realm, id string) (*broker.Client, error)
	Connection(ctx context.Context, slug string) (*registry.Connection, error)
	ByAlias(ctx context.Context, realm, alias string) (*registry.Connection, error)
	ForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error)
	DomainOwner(ctx context.Context, domain string) (string, error)
}

// Front serves the sign-in pages.
type Front struct {
	Web    *web.Web
	Engine *login.Engine
	Config Config
	// Tested takes the answers to test logins, which sign nobody in; wrong is what was wrong with their handle.
	// conn is nil where it came to an address that is no connection's.
	Tested func(c *web.Ctx, conn *registry.Connection, h login.Handle, reply providers.Reply, wrong error)
	// Unasked takes an answer that names no sign-in for a test login that waits; false: it is none.
	Unasked func(c *web.Ctx, conn *registry.Connection, reply providers.Reply) bool
	// Directory finds whom an answer at a wrong address was meant for; nil: nobody is told.
	Directory Directory
	// Fetched notes that our metadata was read, by a person's browser or by a program; nil: nobody notes it.
	Fetched func(ctx context.Context, slug, agent string, byHand bool) error
}

// Mount adds the routes.
func (f *Front) Mount(r gin.IRouter) {
	r.GET("/broker/:slug/endpoint", f.bySlug(f.endpoint))
	r.POST("/broker/:slug/endpoint", f.bySlug(f.endpoint))
	r.GET("/broker/:slug/metadata", f.bySlug(f.metadata))
	r.POST("/broker/:slug/metadata", f.bySlug(f.swapped))
	r.GET("/broker/:slug/login", f.bySlug(f.direct))
	r.GET("/broker/:slug/continue", f.resume)

	r.GET("/realms/:realm/broker/:alias/endpoint", f.byAlias(f.endpoint))
	r.POST("/realms/:realm/broker/:alias/endpoint", f.byAlias(f.endpoint))
	r.GET("/realms/:realm/broker/:alias/endpoint/descriptor", f.byAlias(f.metadata))
	r.GET("/realms/:realm/broker/:alias/endpoint/logout_response", f.byAlias(f.endpoint))
	r.GET("/realms/:realm/broker/:alias/login", f.byAlias(f.direct))

	r.GET("/realms/:realm/login/:ref", f.choose)
	r.POST("/realms/:realm/login/:ref", f.address)
	r.GET("/realms/:realm/login/:ref/go/:slug", f.pick)

	r.GET("/realms/:realm/login/:ref/prompt/:slug", f.prompt)
	r.POST("/realms/:realm/login/:ref/prompt/:slug", f.answer)

	r.GET("/realms/:realm/login/:ref/confirm", f.confirm)
	r.POST("/realms/:realm/login/:ref/confirm", f.confirm)
	r.GET("/invite/:token", f.invite)
	r.POST("/invite/:token", f.invite)

	const local, way = "/realms/:realm/login/:ref/local", "/realms/:realm/local"
	r.GET(local, f.local)
	r.POST(local+"/code", f.localCode)
	r.GET(local+"/enter", f.enterCode)
	r.POST(local+"/enter", f.enterCode)
	r.POST(local+"/password", f.localPassword)
	r.POST(local+"/link", f.localLink)
	r.GET(local+"/sent", f.localSent)
	r.POST(local+"/passkey", f.localPasskey)
	r.GET(way, f.ways)
	r.POST(way+"/password", f.setPassword)
	r.POST(way+"/passkey", f.addPasskey)
	r.POST(way+"/remove", f.removeWay)
	r.GET(way+"/:token", f.ways)
	r.POST(way+"/:token/password", f.setPassword)
	r.POST(way+"/:token/passkey", f.addPasskey)

	r.GET("/login", f.where)
	r.POST("/login", f.where)
}

func (f *Front) bySlug(h func(*gin.Context, *registry.Connection)) gin.HandlerFunc {
	return func(c *gin.Context) {
		conn, err := f.Config.Connection(c.Request.Context(), c.Param("slug"))
		f.with(c, conn, err, h)
	}
}

func (f *Front) byAlias(h func(*gin.Context, *registry.Connection)) gin.HandlerFunc {
	return func(c *gin.Context) {
		conn, err := f.Config.ByAlias(c.Request.Context(), c.Param("realm"), c.Param("alias"))
		f.with(c, conn, err, h)
	}
}

func (f *Front) with(c *gin.Context, conn *registry.Connection, err error, h func(*gin.Context, *registry.Connection)) {
	if errors.Is(err, broker.ErrNotFound) && f.Astray(c) {
		return
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	h(c, conn)
}

// swapped: a SAML response sent to our entity ID instead of the endpoint means that the two were swapped in the
// provider's console.
func (f *Front) swapped(c *gin.Context, conn *registry.Connection) {
	reply, err := readReply(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	a := f.look(c, reply)
	if !a.present {
		f.Web.Fault(c, fault.New(fault.MethodNotAllowed, "POST without an answer"))
		return
	}
	a.swapped = true
	f.lead(c, a, reply, conn.Slug)
}
