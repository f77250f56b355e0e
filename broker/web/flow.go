package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/templates"
)

// Step turns what the login engine decided into an answer. l is the login it was asked about, for the error page.
func (w *Web) Step(c *gin.Context, l *broker.Login, step login.Step, err error) {
	if err != nil {
		w.FaultOf(c, err, l)
		return
	}
	if s := step.Session; s != nil {
		w.Cookies.SetSession(c.Writer, s.Realm, s.Cookie)
	}
	if step.Done != nil {
		w.Cookies.BuryLogin(c.Writer, step.Done)
	}
	if step.Login != nil {
		if err := w.keep(c, step.Login); err != nil {
			w.FaultOf(c, err, l)
			return
		}
	}
	switch {
	case step.Go != nil && step.Go.Form != nil:
		w.postForm(c, l, *step.Go)
	case step.Go != nil:
		w.Redirect(c, step.Go.URL)
	case step.Page == login.PagePrompt:
		w.Redirect(c, w.LoginURL(step.Login)+"/prompt/"+step.Connection)
	case step.Page == login.PageConfirm:
		w.Redirect(c, w.LoginURL(step.Login)+"/confirm")
	default:
		w.Redirect(c, w.LoginURL(step.Login))
	}
}

// Redirect goes on by GET.
func (w *Web) Redirect(c *gin.Context, to string) {
	status := http.StatusFound
	if c.Request.Method != http.MethodGet {
		status = http.StatusSeeOther
	}
	c.Header("Location", to)
	c.Status(status)
	c.Writer.WriteHeaderNow()
}

// postForm carries a message on by a self-submitting form.
func (w *Web) postForm(c *gin.Context, l *broker.Login, rd login.Redirect) {
	var realm *broker.Realm
	page := templates.PostForm{Action: rd.URL}
	if l != nil {
		realm, _ = w.Realms.Realm(c.Request.Context(), l.Realm)
	}
	for name, values := range rd.Form {
		for _, v := range values {
			page.Fields = append(page.Fields, templates.Field{Name: name, Value: v})
		}
	}
	page.Shell = w.Shell(c, realm, l)
	page.Shell.Languages = nil
	w.Page(c, http.StatusOK, page)
}

// keep puts a login into the browser's cookie; the rare one that is too large goes on the shelf, and the cookie names it.
func (w *Web) keep(c *gin.Context, l *broker.Login) error {
	if w.Cookies.KeepLogin(c.Writer, c.Request, l) {
		return nil
	}
	err := w.Shelf.Put(c.Request.Context(), shelfKey(l.ID), l.Request, l.Begun.Add(w.Cookies.MaxAge))
	if err != nil && !errors.Is(err, broker.ErrExists) {
		return err
	}
	small := *l
	small.Request, small.Shelved = nil, true
	if !w.Cookies.KeepLogin(c.Writer, c.Request, &small) {
		return fault.New(fault.TooLarge, "the application's request does not fit a login")
	}
	return nil
}

func shelfKey(id string) string { return "login/" + id }

// Login answers the login of an ID that this browser began; nil and no error if it has none.
func (w *Web) Login(c *gin.Context, id string) (l *broker.Login, done bool, err error) {
	l, done = w.Cookies.Login(c.Request, id)
	return w.unshelve(c, l, done)
}

// LoginByRef is Login by the reference in the page's address.
func (w *Web) LoginByRef(c *gin.Context, ref string) (l *broker.Login, done bool, err error) {
	l, done = w.Cookies.LoginByRef(c.Request, ref)
	return w.unshelve(c, l, done)
}

func (w *Web) unshelve(c *gin.Context, l *broker.Login, done bool) (*broker.Login, bool, error) {
	if l == nil || done || !l.Shelved {
		return l, done, nil
	}
	b, err := w.Shelf.Get(c.Request.Context(), shelfKey(l.ID))
	if err != nil {
		return nil, false, err
	}
	l.Request, l.Shelved = json.RawMessage(b), false
	return l, done, nil
}
