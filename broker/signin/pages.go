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

// choose shows the realm's buttons and the email field, or where the address has several connections, those. One that
// this browser took last time is taken again, once: from there Back leads to the page.
func (f *Front) choose(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		ask := askOf(c)
		if ask.Query != "" && !f.Web.Limits.Allow("search", f.Web.ClientIP(c.Request), 60, second) {
			f.Web.FaultOf(c, fault.New(fault.RateLimited, "searches of one address"), l)
			return
		}
		o, err := f.Engine.Options(c.Request.Context(), l, ask)
		if err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		if slug := f.remembered(c, l, ask, o); slug != "" {
			l.Forwarded = true
			step, err := f.Engine.Choose(c.Request.Context(), l, slug)
			f.Web.Step(c, l, step, err)
			return
		}
		f.chooser(c, l, o, ask, http.StatusOK, templates.EmailForm{Email: l.LoginHint})
	})
}

// remembered is the connection to take without asking, "" if there is none: it must be among those that the page would
// offer now.
func (f *Front) remembered(c *web.Ctx, l *broker.Login, ask login.Ask, o login.Options) string {
	if o.Key == "" || l.Forwarded || l.Select || ask != (login.Ask{}) {
		return ""
	}
	slug := f.Web.Cookies.Choice(c.Request, o.Key)
	for _, conn := range o.Connections {
		if conn.Slug == slug {
			return slug
		}
	}
	return ""
}

// askOf reads what of the list is asked for. A page's text that is too long to be a name is cut.
func askOf(c *web.Ctx) login.Ask {
	ask := login.Ask{Query: strings.TrimSpace(strings.ToValidUTF8(c.Query("q"), "")), After: c.Query("cursor"), All: c.Query("other") != ""}
	if r := []rune(ask.Query); len(r) > maxQuery {
		ask.Query = string(r[:maxQuery])
	}
	if ask.Query != "" || !broker.ValidName(ask.After) {
		ask.After = ""
	}
	return ask
}

const maxQuery = 100 // characters, as the field has it

func (f *Front) chooser(c *web.Ctx, l *broker.Login, o login.Options, ask login.Ask, status int, form templates.EmailForm) {
	own := f.Web.LoginURL(l)
	page := templates.Chooser{App: o.Client.DisplayName, Shell: f.Web.Shell(c, o.Realm, l), Query: ask.Query, More: o.More}
	for _, conn := range o.Connections {
		page.Buttons = append(page.Buttons, templates.Button{Label: conn.DisplayName, URL: own + "/go/" + conn.Slug, Brand: brand(conn)})
	}
	if o.More || ask.Query != "" || ask.After != "" {
		page.SearchURL = own
	}
	if n := len(o.Connections); o.More && ask.Query == "" && n > 0 {
		page.NextURL = own + "?cursor=" + o.Connections[n-1].Slug
		if ask.All {
			page.NextURL += "&other=1"
		}
	}
	if o.Key != "" {
		page.OtherURL = own + "?other=1"
	} else {
		page.EmailForm, page.Action = form, own
	}
	if o.Local {
		page.LocalURL = own + "/local"
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
			f.again(c, l, statusOf(id), templates.EmailForm{Email: typed, EmailError: id})
			return
		}
		step, err := f.Engine.Address(c.Request.Context(), l, typed)
		if errors.Is(err, login.ErrUnknownAddress) {
			f.again(c, l, http.StatusOK, templates.EmailForm{Email: typed, EmailError: templates.EmailUnknown})
			return
		}
		f.Web.Step(c, l, step, err)
	})
}

// again shows the page with what was wrong with the address, and all other ways in.
func (f *Front) again(c *web.Ctx, l *broker.Login, status int, form templates.EmailForm) {
	ask := login.Ask{All: true}
	o, err := f.Engine.Options(c.Request.Context(), l, ask)
	if err != nil {
		f.Web.FaultOf(c, err, l)
		return
	}
	f.chooser(c, l, o, ask, status, form)
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

// pick sends the person to the connection they chose. A choice among several of one domain is remembered.
func (f *Front) pick(c *web.Ctx) {
	f.withLogin(c, func(l *broker.Login) {
		slug := c.Param("slug")
		step, err := f.Engine.Choose(c.Request.Context(), l, slug)
		if err == nil {
			key, serr := f.Engine.Several(c.Request.Context(), l, slug)
			if err = serr; key != "" {
				f.Web.Cookies.KeepChoice(c.Writer, c.Request, key, slug)
			}
		}
		f.Web.Step(c, l, step, err)
	})
}

// noteFetch tells that somebody has read our metadata, at most once a minute for a connection: a roll-over waits until the
// identity provider has. A person's browser says of itself that it navigates (Fetch Metadata, W3C); programs do not.
func (f *Front) noteFetch(c *web.Ctx, slug string) {
	if f.Fetched == nil || !f.Web.Limits.Allow("metadata read", slug, 2, time.Minute) {
		return
	}
	agent := []rune(c.GetHeader("User-Agent"))
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*second) // a slow database keeps nobody from our metadata
	defer cancel()
	err := f.Fetched(ctx, slug, string(agent[:min(len(agent), 200)]), c.GetHeader("Sec-Fetch-Mode") == "navigate")
	if err != nil {
		f.Web.Log.WarnContext(c.Request.Context(), "that our metadata was read is not noted", "connection", slug, "error", err)
	}
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
	f.noteFetch(c, conn.Slug)
	c.Header("Cache-Control", "public, max-age=300")
	c.Header("Content-Disposition", "inline; filename="+url.PathEscape(conn.Slug)+"-metadata.xml")
	c.Data(http.StatusOK, contentType, body)
}
