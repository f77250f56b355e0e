package web

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

const langCookie = "cr_lang"

func stack() string { return string(debug.Stack()) }

// Lang chooses a page's language: what the person picked here, what the app asked for, what the browser prefers; among
// the realm's languages.
func (w *Web) Lang(c *gin.Context, realm *broker.Realm, l *broker.Login) string {
	var wanted, allowed []string
	if q := c.Query("ui_locales"); q != "" && len(q) < 100 {
		wanted = append(wanted, strings.Fields(q)...)
	}
	if ck, err := c.Request.Cookie(w.Cookies.name(langCookie)); err == nil {
		wanted = append(wanted, ck.Value)
	}
	if l != nil {
		wanted = append(wanted, l.UILocales...)
	}
	if realm != nil {
		allowed = realm.Locales
	}
	return locale.Match(wanted, c.GetHeader("Accept-Language"), allowed)
}

// Shell is the frame of a page. realm and l may be nil.
func (w *Web) Shell(c *gin.Context, realm *broker.Realm, l *broker.Login) templates.Shell {
	s := templates.Shell{Lang: w.Lang(c, realm, l), HelpURL: "/help"}
	var allowed []string
	if realm != nil {
		allowed = realm.Locales
		s.Realm = templates.RealmLook{
			Name: realm.Name, DisplayName: realm.DisplayName, LogoURL: logoURL(realm),
			Colour: realm.Branding.Colour, Texts: realm.Branding.Texts,
		}
	}
	if l != nil {
		s.Ref = l.Ref()
	}
	if c.Request.Method == http.MethodGet {
		w.keepLang(c)
		s.Languages = templates.Languages(s.Lang, allowed, func(code string) string { return langURL(c.Request.URL, code) })
	}
	return s
}

// keepLang remembers a language that was picked by a footer link.
func (w *Web) keepLang(c *gin.Context) {
	if q := c.Query("lang"); slices.Contains(broker.Locales, q) {
		w.Cookies.set(c.Writer, langCookie, q, 365*24*3600)
	}
}

// langURL is the page's own address with another language. A query that carries an answer (code, state) is left out.
func langURL(u *url.URL, code string) string {
	q := url.Values{}
	for _, k := range []string{"q", "cursor", "other", "hub", "client_id", "return_to"} {
		if v := u.Query().Get(k); v != "" {
			q.Set(k, v)
		}
	}
	q.Set("lang", code)
	q.Set("ui_locales", code)
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: q.Encode()}).String()
}

// Page writes a page.
func (w *Web) Page(c *gin.Context, status int, p templates.Page) {
	var b bytes.Buffer
	if err := w.Pages.Render(&b, p); err != nil {
		w.Log.ErrorContext(c.Request.Context(), "page", "name", p.Name(), "error", err)
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("This page could not be made.\n"))
		return
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

// Fault shows an error page for a request that belongs to no login.
func (w *Web) Fault(c *gin.Context, err error) { w.FaultOf(c, err, nil) }

// FaultOf shows an error page: one sentence in the person's language, what to do, the login's reference. What an operator
// needs is in the log under that reference, not on the page.
func (w *Web) FaultOf(c *gin.Context, err error, l *broker.Login) {
	f := fault.As(err)
	entry := fault.Lookup(f.Code)
	ctx := c.Request.Context()
	attrs := []any{"code", f.Code, "path", Logged(c.Request.URL.Path), "error", err.Error()}
	page := templates.Error{Public: entry.Public, Observed: f.Observed, Expected: f.Expected}
	var realm *broker.Realm
	name := c.Param("realm")
	ref := refOf(c, l)
	attrs = append(attrs, "ref", ref)
	if l != nil {
		attrs = append(attrs, "connection", l.IdPHint)
		name = l.Realm
		if w.Refused != nil {
			w.Refused(ctx, l, err)
		}
	}
	if name != "" && !errors.Is(err, broker.ErrNotFound) {
		realm, _ = w.Realms.Realm(ctx, name)
	}
	if l != nil && l.ClientID != "" {
		page.RetryURL = w.LoginURL(l)
		if client, cerr := w.Realms.Client(ctx, l.Realm, l.ClientID); cerr == nil {
			page.App, page.BackURL = client.DisplayName, client.Home()
		}
	}
	page.Shell = w.Shell(c, realm, l)
	page.Shell.Languages, page.Shell.Ref = nil, ref
	switch {
	case entry.Status >= 500:
		w.Log.ErrorContext(ctx, "request failed", attrs...)
	default:
		w.Log.InfoContext(ctx, "request refused", attrs...)
	}
	w.Page(c, entry.Status, page)
}

// refOf is what an error page asks people to read out: the login's reference, the one in the page's address, or a fresh
// one, under which at least the log line is found.
func refOf(c *gin.Context, l *broker.Login) string {
	if l != nil && l.ID != "" {
		return l.Ref()
	}
	if ref, ok := broker.ParseRef(c.Param("ref")); ok {
		return ref
	}
	return broker.RefOf(broker.NewLoginID())
}

// LoginURL is a login's own page.
func (w *Web) LoginURL(l *broker.Login) string {
	return "/realms/" + l.Realm + "/login/" + l.Ref()
}
