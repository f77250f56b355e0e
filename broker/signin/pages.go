package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

const second = time.Second

// withLogin finds the browser's login of the page's reference and shows what is wrong where there is none.
func (f *Front) withLogin(c *web.Ctx, use func(l *broker.Login)) {
	l, done, err := f.Web.LoginByRef(c, c.Param("ref"))
	switch {
	case err != nil:
		f.Web.Fault(c, err)
	case l == nil:
		f.Web.Fault(c, fault.New(fault.LoginForeign, "no cookie of login %.9q", c.Param("ref")))
	case l.Realm != c.Param("realm"):
		f.Web.Fault(c, broker.ErrNotFound)
	case done:
		f.Web.FaultOf(c, fault.New(fault.LoginTaken, "page of a finished login"), l)
	default:
		use(l)
	}
}

// choose shows the realm's buttons and the email field.
func (f *Front) choose(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) { f.chooser(c, l, http.StatusOK, l.LoginHint, "") })
}

func (f *Front) chooser(c *web.Ctx, l *broker.Login, status int, typed, emailError string) {
	o, err := f.Engine.Options(c.Request.Context(), l)
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	page := templates.Chooser{App: o.Client.DisplayName, Shell: f.Web.Shell(c, o.Realm, l)}
	for _, conn := range o.Connections {
		page.Buttons = append(page.Buttons, templates.Button{
			Label: conn.DisplayName, URL: f.Web.LoginURL(l) + "/go/" + conn.Slug, Brand: brand(conn),
		})
	}
	if o.ByAddress {
		page.EmailForm = templates.EmailForm{Action: f.Web.LoginURL(l), Email: typed, EmailError: emailError}
	}
	f.Web.Page(c, status, page)
}

func brand(c *broker.Connection) string {
	p, ok := preset.Get(c.Preset)
	if !ok || (c.Protocol != "oidc" && c.Protocol != "oauth2") {
		return ""
	}
	return p.Brand
}

// address takes the email field of a login's page.
func (f *Front) address(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		if err := c.Request.ParseForm(); err != nil {
			f.Web.FaultOf(c, fault.Wrap(fault.Invalid, err, "form"), l)
			return
		}
		typed := c.Request.PostForm.Get("email")
		if id := f.addressFault(c, typed); id != "" {
			f.chooser(c, l, statusOf(id), typed, id)
			return
		}
		step, err := f.Engine.Address(c.Request.Context(), l, typed)
		if errors.Is(err, login.ErrUnknownAddress) {
			f.chooser(c, l, http.StatusOK, typed, templates.EmailUnknown)
			return
		}
		f.Web.Step(c, l, step, err)
	})
}

func statusOf(id string) int {
	if id == templates.EmailTooMany {
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}

// addressFault judges a typed address, the message id of what is wrong or "".
func (f *Front) addressFault(c *web.Ctx, typed string) string {
	if strings.TrimSpace(typed) == "" {
		return templates.EmailEmpty
	}
	if _, err := email.Normalise(typed); err != nil {
		return templates.EmailMalformed
	}
	if !f.Web.Limits.Allow("email", f.Web.ClientIP(c.Request), 30, 2*second) {
		return templates.EmailTooMany
	}
	return ""
}

// pick sends the person to the connection they chose.
func (f *Front) pick(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		step, err := f.Engine.Choose(c.Request.Context(), l, c.Param("slug"))
		f.Web.Step(c, l, step, err)
	})
}

// where is GET and POST /login: an address finds its realm and connection, and the person goes to that realm's default
// application.
func (f *Front) where(c *web.Ctx) {
	page := templates.Where{Shell: f.Web.Shell(c, nil, nil), EmailForm: templates.EmailForm{Action: "/login"}}
	if c.Request.Method == http.MethodGet {
		page.Email = c.Query("login_hint")
		f.Web.Page(c, http.StatusOK, page)
		return
	}
	if err := c.Request.ParseForm(); err != nil {
		f.Web.Fault(c, fault.Wrap(fault.Invalid, err, "form"))
		return
	}
	typed := c.Request.PostForm.Get("email")
	page.Email = typed
	if id := f.addressFault(c, typed); id != "" {
		page.EmailError = id
		f.Web.Page(c, statusOf(id), page)
		return
	}
	to, err := f.route(c.Request.Context(), typed)
	switch {
	case errors.Is(err, login.ErrUnknownAddress):
		page.EmailError = templates.EmailUnknown
		f.Web.Page(c, http.StatusOK, page)
	case err != nil:
		f.Web.Fault(c, err)
	default:
		f.begin(c, to, "", "", strings.TrimSpace(typed))
	}
}

// route finds the realm whose connections serve an address.
func (f *Front) route(ctx context.Context, address string) (realm string, err error) {
	a, err := email.Normalise(address)
	if err != nil {
		return "", err
	}
	owner, err := f.Config.DomainOwner(ctx, a.Domain())
	if err != nil {
		return "", err
	}
	if owner == "" {
		return "", login.ErrUnknownAddress
	}
	cs, err := f.Config.ForDomain(ctx, owner, a.Domain())
	if err != nil {
		return "", err
	}
	if len(cs) == 0 {
		return "", login.ErrUnknownAddress
	}
	return owner, nil
}

// direct is a connection's own link: sign in through it to the realm's default application, or to ?client_id=, landing
// at ?return_to= where that is registered.
func (f *Front) direct(c *web.Ctx, conn *registry.Connection) {
	if !conn.Enabled {
		f.Web.Fault(c, fault.New(fault.LoginDisabled, "connection %q", conn.Slug))
		return
	}
	f.begin(c, conn.Realm, conn.Slug, c.Query("client_id"), c.Query("login_hint"))
}

func (f *Front) begin(c *web.Ctx, realmName, slug, clientID, hint string) {
	ctx := c.Request.Context()
	realm, err := f.Config.Realm(ctx, realmName)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if clientID == "" {
		clientID = realm.DefaultClientID
	}
	if clientID == "" {
		f.Web.Fault(c, fault.New(fault.LoginNoClient, "realm %q", realm.Name))
		return
	}
	client, err := f.Config.Client(ctx, realm.Name, clientID)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	request, err := directRequest(client, c.Query("return_to"))
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	l := &broker.Login{
		ID: broker.NewLoginID(), Realm: realm.Name, ClientID: client.ClientID, Protocol: Protocol, Request: request,
		Begun: f.Web.Now(), IdPHint: slug, LoginHint: hint, MaxAge: -1,
	}
	step, err := f.Engine.Begin(ctx, login.Start{Login: l, SessionCookie: f.Web.Cookies.Session(c.Request, realm.Name)})
	f.Web.Step(c, l, step, err)
}

// metadata is our side of a SAML connection.
func (f *Front) metadata(c *web.Ctx, conn *registry.Connection) {
	mp, ok := conn.Provider.(providers.MetadataPublisher)
	if !ok {
		// A connection that is not complete yet still has our side: that is what the other console asks for first.
		f.Web.Fault(c, broker.ErrNotFound)
		return
	}
	contentType, body, err := mp.Metadata(c.Request.Context())
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Content-Disposition", "inline; filename="+url.PathEscape(conn.Slug)+"-metadata.xml")
	c.Data(http.StatusOK, contentType, body)
}
