package console

import (
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// account shows the operator's own account.
func (f *Front) account(c *web.Ctx, a admin.Actor) error {
	return f.showAccount(c, a, http.StatusOK, "", false)
}

func (f *Front) showAccount(c *web.Ctx, a admin.Actor, status int, wrong string, keyFailed bool) error {
	seat, ctx := f.seat(c), c.Request.Context()
	o := seat.operator
	w, err := f.Operators.Ways(ctx, o)
	if err != nil {
		return err
	}
	p := templates.ConsoleAccount{
		Console: f.frame(c, a, "/admin/account"), Fresh: f.fresh(c) == nil, ConfirmURL: confirmURL("/admin/account"), Connection: o.Connection, Recovery: w.Recovery,
	}
	p.Profile = profileForm(o, p.Token)
	for _, k := range w.Passkeys {
		p.Keys = append(p.Keys, templates.ConsoleKey{ID: k.ID, Label: k.Name, Added: k.CreatedAt, Used: k.LastUsedAt})
	}
	if w.Password != nil {
		p.PasswordAt = w.Password.CreatedAt
	}
	if p.Fresh {
		if p.Passkey, err = f.passkeyForm(c, o, "/admin/account/passkey", p.Token, keyFailed); err != nil {
			return err
		}
		if p.Password, err = f.passwordForm(c, o, "/admin/account/password", p.Token, wrong); err != nil {
			return err
		}
	}
	if p.Browsers, err = f.browsers(c, seat); err != nil {
		return err
	}
	f.Web.Page(c, status, p)
	return nil
}

func profileForm(o *broker.Operator, token string) templates.Form {
	var languages []templates.Option
	for _, l := range templates.Languages(o.Locale, nil, func(string) string { return "" }) {
		languages = append(languages, templates.Option{Value: l.Code, Label: l.Name})
	}
	return templates.Form{Action: "/admin/account", Token: token, Submit: "Save", Inputs: []templates.Input{
		{Kind: "text", Name: "name", Label: "Your name", Value: o.Name},
		{Kind: "select", Name: "locale", Label: "Language of mails to you", Value: o.Locale, Options: languages},
	}}
}

func (f *Front) browsers(c *web.Ctx, at seat) ([]templates.ConsoleBrowser, error) {
	all, err := f.Operators.Browsers(c.Request.Context(), at.operator)
	out := make([]templates.ConsoleBrowser, len(all))
	for i, s := range all {
		out[i] = templates.ConsoleBrowser{ID: s.ID, Agent: browserName(s.UserAgent), Address: s.RemoteIP, Way: s.Way, Began: s.CreatedAt, Seen: s.LastSeenAt, This: s.ID == at.session.ID}
	}
	return out, err
}

const accountPage = "/admin/account"

func (f *Front) saveProfile(c *web.Ctx, _ admin.Actor) (to, told string, err error) {
	err = f.Operators.Rename(c.Request.Context(), f.seat(c).operator, c.PostForm("name"), c.PostForm("locale"), f.Web.ClientIP(c.Request))
	return accountPage, "Saved.", err
}

// addPasskey takes a new passkey; one that cannot be taken is said beside its form.
func (f *Front) addPasskey(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	at := f.seat(c)
	state := f.Web.Cookies.Kept(c.Request, enrolCeremony(at.operator))
	err := f.Operators.AddPasskey(c.Request.Context(), at.session, at.operator, state, []byte(c.PostForm("answer")), templates.Clean(c.PostForm("name")), f.Web.ClientIP(c.Request))
	if fault.CodeOf(err) == fault.OperatorPasskey {
		return f.showAccount(c, a, http.StatusUnprocessableEntity, "", true)
	}
	if err == nil {
		f.Web.Cookies.Drop(c.Writer, enrolCeremony(at.operator))
		f.tell(c, "The passkey was added.")
		f.Web.Redirect(c, accountPage)
	}
	return err
}

func (f *Front) removePasskey(c *web.Ctx, _ admin.Actor) (to, told string, err error) {
	at := f.seat(c)
	err = f.Operators.DropPasskey(c.Request.Context(), at.session, at.operator, c.PostForm("id"), f.Web.ClientIP(c.Request))
	return accountPage, "The passkey was removed. Delete it from your device too.", err
}

// setPassword takes a new password with one-time codes and shows the recovery codes.
func (f *Front) setPassword(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	at := f.seat(c)
	codes, err := f.Operators.SetPassword(c.Request.Context(), at.session, at.operator, f.chosen(c, at.operator), f.Web.ClientIP(c.Request))
	if wrong := secretFault(err); wrong != "" {
		return f.showAccount(c, a, http.StatusUnprocessableEntity, wrong, false)
	}
	if err == nil {
		f.Web.Cookies.Drop(c.Writer, secretKept(at.operator))
		f.keepCodes(c, codes)
		f.Web.Redirect(c, "/admin/recovery")
	}
	return err
}

func (f *Front) removePassword(c *web.Ctx, _ admin.Actor) (to, told string, err error) {
	at := f.seat(c)
	err = f.Operators.DropPassword(c.Request.Context(), at.session, at.operator, f.Web.ClientIP(c.Request))
	return accountPage, "The password was removed, with its one-time and recovery codes.", err
}

func (f *Front) renewRecovery(c *web.Ctx, _ admin.Actor) (to, told string, err error) {
	at := f.seat(c)
	codes, err := f.Operators.RenewRecovery(c.Request.Context(), at.session, at.operator, f.Web.ClientIP(c.Request))
	if err == nil {
		f.keepCodes(c, codes)
	}
	return "/admin/recovery", "", err
}

// endBrowsers signs one of the operator's browsers out, or all but this.
func (f *Front) endBrowsers(c *web.Ctx, _ admin.Actor) (to, told string, err error) {
	at, ip := f.seat(c), f.Web.ClientIP(c.Request)
	if id := strings.TrimSpace(c.PostForm("id")); id != "" {
		return accountPage, "Signed out there.", f.Operators.End(c.Request.Context(), at.operator, id, ip)
	}
	return accountPage, "Signed out everywhere else.", f.Operators.EndOthers(c.Request.Context(), at.operator, at.session, ip)
}
