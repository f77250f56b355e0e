package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// Links are sign-ins that no application asked for: /login, and a connection's own link. Both take
//
//	hub        the hub realm whose application is meant; without it the application is one of the person's own realm
//	client_id  the application, instead of that realm's default one
//	return_to  a registered address of that application
type link struct {
	hub, clientID, returnTo string
}

// linkOf reads a link's parameters: from the query, or from the form that carried them on.
func linkOf(c *web.Ctx) link {
	get := c.Query
	if c.Request.Method == http.MethodPost {
		get = c.Request.PostForm.Get
	}
	return link{get("hub"), get("client_id"), get("return_to")}
}

func (k link) hidden() []templates.Field {
	var out []templates.Field
	for _, f := range []templates.Field{{Name: "hub", Value: k.hub}, {Name: "client_id", Value: k.clientID}, {Name: "return_to", Value: k.returnTo}} {
		if f.Value != "" && len(f.Value) <= 2000 {
			out = append(out, f)
		}
	}
	return out
}

// hub answers the realm that a link names as its hub, nil if it names none.
func (f *Front) hub(ctx context.Context, k link) (*broker.Realm, error) {
	if k.hub == "" {
		return nil, nil
	}
	r, err := f.Config.Realm(ctx, k.hub)
	if errors.Is(err, broker.ErrNotFound) || err == nil && !r.Hub {
		return nil, fault.New(fault.LoginNoHub, "hub %.64q", k.hub)
	}
	return r, err
}

// where is GET and POST /login: an address finds its realm and connection, and the person goes to the application.
func (f *Front) where(c *web.Ctx) {
	if c.Request.Method == http.MethodPost {
		if err := c.Request.ParseForm(); err != nil {
			f.Web.Fault(c, fault.Wrap(fault.Invalid, err, "form"))
			return
		}
	}
	k := linkOf(c)
	hub, err := f.hub(c.Request.Context(), k)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	page := templates.Where{Shell: f.Web.Shell(c, hub, nil), EmailForm: templates.EmailForm{Action: "/login", Hidden: k.hidden()}}
	if c.Request.Method == http.MethodGet {
		page.Email = c.Query("login_hint")
		f.Web.Page(c, http.StatusOK, page)
		return
	}
	page.Email = c.Request.PostForm.Get("email")
	if page.EmailError = f.addressFault(c, page.Email); page.EmailError != "" {
		f.Web.Page(c, statusOf(page.EmailError), page)
		return
	}
	l, step, err := f.sendOff(c, k, hub, strings.TrimSpace(page.Email))
	if errors.Is(err, login.ErrUnknownAddress) {
		page.EmailError = templates.EmailUnknown
		f.Web.Page(c, http.StatusOK, page)
		return
	}
	f.Web.Step(c, l, step, err)
}

// sendOff begins the login of a typed address, at the hub or in the realm that has verified its domain.
func (f *Front) sendOff(c *web.Ctx, k link, hub *broker.Realm, typed string) (*broker.Login, login.Step, error) {
	if hub != nil {
		return f.begin(c, hub.Name, k, begun{address: typed})
	}
	a, err := email.Normalise(typed)
	if err != nil {
		return nil, login.Step{}, err
	}
	owner, err := f.Config.DomainOwner(c.Request.Context(), a.Domain())
	if err == nil && owner == "" {
		err = login.ErrUnknownAddress
	}
	if err != nil {
		return nil, login.Step{}, err
	}
	return f.begin(c, owner, k, begun{address: typed})
}

// direct is a connection's own link: sign in through it to an application.
func (f *Front) direct(c *web.Ctx, conn *registry.Connection) {
	if err := conn.Off(); err != nil {
		f.Web.Fault(c, err)
		return
	}
	k := linkOf(c)
	hub, err := f.hub(c.Request.Context(), k)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	b := begun{connection: conn.Slug, hint: c.Query("login_hint")}
	realm := conn.Realm
	if hub != nil {
		realm, b.home = hub.Name, conn.Realm
	}
	l, step, err := f.begin(c, realm, k, b)
	f.Web.Step(c, l, step, err)
}

// begun is how a link's login starts: with an address that was typed, or through a connection.
type begun struct {
	address, connection string
	hint                string
	home                string // whose people: realm_hint
}

func (f *Front) begin(c *web.Ctx, realmName string, k link, b begun) (*broker.Login, login.Step, error) {
	ctx := c.Request.Context()
	realm, err := f.Config.Realm(ctx, realmName)
	if err != nil {
		return nil, login.Step{}, err
	}
	if k.clientID == "" {
		k.clientID = realm.DefaultClientID
	}
	if k.clientID == "" {
		return nil, login.Step{}, fault.New(fault.LoginNoClient, "realm %q", realm.Name)
	}
	client, err := f.Config.Client(ctx, realm.Name, k.clientID)
	if err != nil {
		return nil, login.Step{}, err
	}
	request, err := directRequest(client, k.returnTo)
	if err != nil {
		return nil, login.Step{}, err
	}
	l := &broker.Login{
		ID: broker.NewLoginID(), Realm: realm.Name, ClientID: client.ClientID, Protocol: Protocol, Request: request,
		Begun: f.Web.Now(), IdPHint: b.connection, LoginHint: b.hint, RealmHint: b.home, MaxAge: -1,
	}
	step, err := f.Engine.Begin(ctx, login.Start{
		Login: l, SessionCookie: f.Web.Cookies.Session(c.Request, realm.Name), Connection: b.connection, Address: b.address,
	})
	return l, step, err
}
