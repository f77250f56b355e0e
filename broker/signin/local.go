package signin

import (
	"errors"
	"net/http"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// The pages of local ways in. Their answers are the same for every address: whether somebody exists, and may come in this
// way, shows only to who has the code, the key or the password.

func (f *Front) localURL(l *broker.Login) string { return f.Web.LoginURL(l) + "/local" }

// withWays is withLogin for a login that has local ways.
func (f *Front) withWays(c *web.Ctx, use func(l *broker.Login, w login.LocalWays)) {
	f.withLogin(c, func(l *broker.Login) {
		w, err := f.Engine.LocalWays(c.Request.Context(), l)
		if err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		use(l, w)
	})
}

// local shows the ways.
func (f *Front) local(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) { f.localPage(c, l, w, http.StatusOK, l.LoginHint, "", false) })
}

func (f *Front) localPage(c *web.Ctx, l *broker.Login, w login.LocalWays, status int, typed, emailError string, passkeyFailed bool) {
	own := f.localURL(l)
	page := templates.Local{Shell: f.Web.Shell(c, w.Realm, l), App: w.Client.DisplayName, Email: typed, EmailError: emailError, BackURL: f.Web.LoginURL(l) + "?other=1"}
	if w.Has(login.ByCode) {
		page.CodeAction = own + "/code"
	}
	if w.Has(login.ByPassword) {
		page.PasswordAction = own + "/password"
	}
	if w.Has(login.ByPasskey) {
		options, state, err := f.Engine.AskPasskey(c.Request.Context(), l)
		if err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		f.Web.Cookies.Keep(c.Writer, "passkey "+l.ID, state, credential.CeremonyFor)
		page.Passkey = templates.PasskeyForm{Action: own + "/passkey", Options: string(options), Failed: passkeyFailed}
	}
	if w.Has(login.ByPassword) || w.Has(login.ByPasskey) {
		page.ManageURL = f.Web.BaseURL + "/realms/" + w.Realm.Name + "/local"
	}
	f.Web.Page(c, status, page)
}

// post reads a form of these pages; false where it was answered already.
func (f *Front) post(c *web.Ctx, l *broker.Login) bool {
	err := c.Request.ParseForm()
	switch {
	case err != nil:
		f.Web.FaultOf(c, fault.Wrap(fault.Invalid, err, "form"), l)
	case !f.Web.Limits.Allow("local", f.Web.ClientIP(c.Request), 60, second):
		f.Web.FaultOf(c, fault.New(fault.RateLimited, "local ways in"), l)
	default:
		return true
	}
	return false
}

// guesser is who tries, for the guard: this browser has a name of its own where the account has signed in in it before.
func (f *Front) guesser(c *web.Ctx, l *broker.Login, address string) credential.Guesser {
	g := credential.Guesser{IP: f.Web.ClientIP(c.Request)}
	if account, err := f.Engine.LocalAccount(c.Request.Context(), l, address); err == nil {
		g.Device = f.Web.Cookies.Device(c.Request, account)
	}
	return g
}

// entered ends a login that a local way finished. The browser is known from now on.
func (f *Front) entered(c *web.Ctx, l *broker.Login, address string, step login.Step, err error) {
	if err == nil {
		if account, aerr := f.Engine.LocalAccount(c.Request.Context(), l, address); aerr == nil {
			f.Web.Cookies.Remember(c.Writer, c.Request, account)
		}
	}
	f.Web.Step(c, l, step, err)
}

// localCode takes an address, sends a code, and shows the page to enter it by GET, so that a reload sends none.
func (f *Front) localCode(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		if !f.post(c, l) {
			return
		}
		typed := c.Request.PostForm.Get("email")
		if id := f.addressFault(c, typed); id != "" {
			f.localPage(c, l, w, statusOf(id), typed, id, false)
			return
		}
		code, err := f.Engine.SendCode(c.Request.Context(), l, typed, f.guesser(c, l, typed))
		if err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		b, err := code.Bytes()
		if err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		f.Web.Cookies.Keep(c.Writer, "code "+l.ID, b, credential.CodeFor)
		f.Web.Redirect(c, f.localURL(l)+"/enter")
	})
}

// enterCode shows the page for the code, and takes it.
func (f *Front) enterCode(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		code := credential.ReadCode(f.Web.Cookies.Kept(c.Request, "code "+l.ID))
		if code.Address == "" {
			f.Web.Redirect(c, f.localURL(l))
			return
		}
		if c.Request.Method == http.MethodGet {
			f.codePage(c, l, w, http.StatusOK, code.Address, "")
			return
		}
		if !f.post(c, l) {
			return
		}
		step, err := f.Engine.EnterCode(c.Request.Context(), l, code, c.Request.PostForm.Get("code"), f.guesser(c, l, code.Address))
		if id, status := localWrong(err, templates.LocalCodeWrong); id != "" {
			f.codePage(c, l, w, status, code.Address, id)
			return
		}
		if err == nil {
			f.Web.Cookies.Drop(c.Writer, "code "+l.ID)
		}
		f.entered(c, l, code.Address, step, err)
	})
}

func (f *Front) codePage(c *web.Ctx, l *broker.Login, w login.LocalWays, status int, address, wrong string) {
	own := f.localURL(l)
	f.Web.Page(c, status, templates.LocalCode{
		Shell: f.Web.Shell(c, w.Realm, l), Email: address, Action: own + "/enter", AgainAction: own + "/code", Error: wrong, BackURL: own,
	})
}

// localWrong is what a page says of a failed try, "" for what ends on an error page.
func localWrong(err error, refused string) (id string, status int) {
	switch code := fault.CodeOf(err); code {
	case fault.LocalRefused:
		return refused, http.StatusUnprocessableEntity
	case fault.LocalCodeOver:
		return templates.LocalCodeOver, http.StatusUnprocessableEntity
	case fault.LocalWait:
		return templates.EmailTooMany, http.StatusTooManyRequests
	}
	return "", 0
}

// localPassword takes an address and, on the page that it shows, the password.
func (f *Front) localPassword(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		if !w.Has(login.ByPassword) {
			f.Web.FaultOf(c, fault.New(fault.LocalNotOffered, "password"), l)
			return
		}
		if !f.post(c, l) {
			return
		}
		typed, password := c.Request.PostForm.Get("email"), c.Request.PostForm.Get("password")
		if _, asked := c.Request.PostForm["password"]; !asked {
			f.passwordPage(c, l, w, http.StatusOK, typed, "")
			return
		}
		if id := f.addressFault(c, typed); id != "" {
			f.passwordPage(c, l, w, statusOf(id), typed, id)
			return
		}
		step, err := f.Engine.EnterPassword(c.Request.Context(), l, typed, password, f.guesser(c, l, typed))
		if id, status := localWrong(err, templates.LocalPasswordWrong); id != "" {
			f.passwordPage(c, l, w, status, typed, id)
			return
		}
		f.entered(c, l, typed, step, err)
	})
}

func (f *Front) passwordPage(c *web.Ctx, l *broker.Login, w login.LocalWays, status int, typed, wrong string) {
	own := f.localURL(l)
	f.Web.Page(c, status, templates.LocalPassword{
		Shell: f.Web.Shell(c, w.Realm, l), Email: typed, Action: own + "/password", LinkAction: own + "/link", Error: wrong, BackURL: own,
	})
}

// localLink mails a link to set a password.
func (f *Front) localLink(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		if !f.post(c, l) {
			return
		}
		typed := c.Request.PostForm.Get("email")
		if id := f.addressFault(c, typed); id != "" {
			f.passwordPage(c, l, w, statusOf(id), typed, id)
			return
		}
		if err := f.Engine.SendLink(c.Request.Context(), l, typed, f.guesser(c, l, typed)); err != nil {
			f.Web.FaultOf(c, err, l)
			return
		}
		f.Web.Redirect(c, f.localURL(l)+"/sent")
	})
}

func (f *Front) localSent(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		f.Web.Notice(c, http.StatusOK, templates.Notice{About: templates.NoticeLinkSent}, w.Realm, l)
	})
}

// localPasskey takes what the browser answered.
func (f *Front) localPasskey(c *web.Ctx) {
	f.withWays(c, func(l *broker.Login, w login.LocalWays) {
		if !f.post(c, l) {
			return
		}
		who := credential.Guesser{IP: f.Web.ClientIP(c.Request)}
		state := f.Web.Cookies.Kept(c.Request, "passkey "+l.ID)
		step, u, err := f.Engine.EnterPasskey(c.Request.Context(), l, state, []byte(c.Request.PostForm.Get("answer")), who)
		switch code := fault.CodeOf(err); {
		case err == nil:
			f.Web.Cookies.Drop(c.Writer, "passkey "+l.ID)
			f.entered(c, l, u.Email, step, nil)
		case code == fault.LocalPasskey, code == fault.LocalRefused:
			f.localPage(c, l, w, http.StatusUnprocessableEntity, l.LoginHint, "", true)
		default:
			f.Web.Step(c, l, step, err)
		}
	})
}

// ways are what a person can set up: by a link, whose token stands in the path, or after a sign-in.
func (f *Front) ways(c *web.Ctx) {
	f.withSetup(c, func(s *login.Setup) { f.waysPage(c, s, http.StatusOK, "", false) })
}

func (f *Front) withSetup(c *web.Ctx, use func(s *login.Setup)) {
	if !f.Web.Limits.Allow("local setup", f.Web.ClientIP(c.Request), 60, second) {
		f.Web.Fault(c, fault.New(fault.RateLimited, "setting up ways in"))
		return
	}
	s, err := f.setup(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if c.Request.Method == http.MethodPost {
		if err := c.Request.ParseForm(); err != nil {
			f.Web.Fault(c, fault.Wrap(fault.Invalid, err, "form"))
			return
		}
		if !f.Web.Cookies.CheckForm(c.Request, c.Request.PostForm.Get("form")) {
			f.waysPage(c, s, http.StatusForbidden, "", false)
			return
		}
	}
	use(s)
}

func (f *Front) setup(c *web.Ctx) (*login.Setup, error) {
	realm := c.Param("realm")
	if token := c.Param("token"); token != "" {
		return f.Engine.OpenLink(c.Request.Context(), realm, token)
	}
	if !broker.ValidName(realm) {
		return nil, broker.ErrNotFound
	}
	return f.Engine.OpenSession(c.Request.Context(), realm, f.Web.Cookies.Session(c.Request, realm))
}

// setupURL is the page's own address: with the link's token, or without.
func setupURL(c *web.Ctx) string {
	at := "/realms/" + c.Param("realm") + "/local"
	if token := c.Param("token"); token != "" {
		at += "/" + token
	}
	return at
}

func (f *Front) waysPage(c *web.Ctx, s *login.Setup, status int, passwordError string, passkeyFailed bool) {
	own := setupURL(c)
	hidden := []templates.Field{{Name: "form", Value: f.Web.Cookies.FormToken(c.Writer, c.Request)}}
	page := templates.LocalWays{Shell: f.Web.Shell(c, s.Realm, nil), Who: s.User.Email, Hidden: hidden, PasswordError: passwordError}
	if s.Session != nil {
		kept, err := f.Engine.Ways(c.Request.Context(), s)
		if err != nil {
			f.Web.Fault(c, err)
			return
		}
		page.Listed, page.RemoveAction = true, own+"/remove"
		for _, k := range kept {
			page.Ways = append(page.Ways, templates.LocalWay{ID: k.ID, Name: k.Name, Passkey: k.Kind == credential.Passkey, Added: k.CreatedAt, Used: k.LastUsedAt})
		}
	}
	if s.May(credential.Password) {
		page.PasswordAction = own + "/password"
	}
	if s.May(credential.Passkey) {
		options, state, err := f.Engine.EnrolPasskey(c.Request.Context(), s)
		if err != nil {
			f.Web.Fault(c, err)
			return
		}
		f.Web.Cookies.Keep(c.Writer, "enrol "+s.User.ID, state, credential.CeremonyFor)
		page.Passkey = templates.PasskeyForm{Action: own + "/passkey", Make: true, Named: true, Options: string(options), Hidden: hidden, Failed: passkeyFailed}
	}
	f.Web.Page(c, status, page)
}

// setPassword takes a new password.
func (f *Front) setPassword(c *web.Ctx) {
	f.withSetup(c, func(s *login.Setup) {
		form := c.Request.PostForm
		ns, err := f.Engine.SetPassword(c.Request.Context(), s, form.Get("password"), form.Get("again"))
		if id := newPasswordFault(err); id != "" {
			f.waysPage(c, s, http.StatusUnprocessableEntity, id, false)
			return
		}
		if ns != nil {
			f.Web.Cookies.SetSession(c.Writer, ns.Realm, ns.Cookie)
		}
		f.setUp(c, s, templates.NoticePasswordSet, err)
	})
}

func newPasswordFault(err error) string {
	return map[fault.Code]string{
		fault.LocalPasswordShort: templates.LocalShort, fault.LocalPasswordLong: templates.LocalLong,
		fault.LocalPasswordAddress: templates.LocalGuessable, fault.LocalPasswordTwice: templates.LocalDiffer,
	}[fault.CodeOf(err)]
}

// addPasskey takes a new passkey.
func (f *Front) addPasskey(c *web.Ctx) {
	f.withSetup(c, func(s *login.Setup) {
		form := c.Request.PostForm
		state := f.Web.Cookies.Kept(c.Request, "enrol "+s.User.ID)
		err := f.Engine.AddPasskey(c.Request.Context(), s, state, []byte(form.Get("answer")), templates.Clean(form.Get("name")))
		if code := fault.CodeOf(err); code == fault.LocalPasskey || code == fault.Exists {
			f.Web.Log.InfoContext(c.Request.Context(), "passkey refused", "error", err, "user", s.User.ID)
			f.waysPage(c, s, http.StatusUnprocessableEntity, "", true)
			return
		}
		f.Web.Cookies.Drop(c.Writer, "enrol "+s.User.ID)
		f.setUp(c, s, templates.NoticePasskeyAdded, err)
	})
}

// removeWay takes one away.
func (f *Front) removeWay(c *web.Ctx) {
	f.withSetup(c, func(s *login.Setup) {
		err := f.Engine.DropWay(c.Request.Context(), s, c.Request.PostForm.Get("id"))
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			f.Web.Fault(c, err)
			return
		}
		f.Web.Redirect(c, setupURL(c))
	})
}

// setUp says that it is done and leads on: to the sign-in that the link was asked for in, where this browser began it,
// else to the realm's application.
func (f *Front) setUp(c *web.Ctx, s *login.Setup, about string, err error) {
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if s.Session == nil { // the link came by mail, or from an operator to this person: this browser is theirs
		if a, aerr := email.Normalise(s.User.Email); aerr == nil {
			f.Web.Cookies.Remember(c.Writer, c.Request, credential.Account(s.Realm.Name, a.String()))
		}
	}
	n := templates.Notice{About: about}
	if l, done, lerr := f.Web.LoginByRef(c, s.Ref); lerr == nil && l != nil && !done {
		n.BackURL, n.GoOn = f.localURL(l), true
	} else if client, cerr := f.Config.Client(c.Request.Context(), s.Realm.Name, s.Realm.DefaultClientID); cerr == nil {
		n.App, n.BackURL = client.DisplayName, client.Home()
	}
	if s.Session != nil && about == templates.NoticePasskeyAdded {
		f.Web.Redirect(c, setupURL(c))
		return
	}
	f.Web.Notice(c, http.StatusOK, n, s.Realm, nil)
}
