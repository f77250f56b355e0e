// Package setup is the pages behind setup links: what a customer's administrator, who has no account here, sees and does.
// Every request presents the link's token anew, in its path: the link can be passed on within the customer's IT, and one
// that was revoked ends at once. The token is written to no log (broker/web) and sent to nobody: pages carry no-referrer,
// and a test login has a token of its own. What a link may do is decided by admin.Guest, not here.
package setup

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
)

// Front serves the pages.
type Front struct {
	Web   *web.Web
	Admin *admin.Service
	Now   func() time.Time
}

// handler answers a request of whoever holds a link.
type handler func(c *web.Ctx, g *admin.Guest) error

const (
	second = time.Second
	// tokenLength is that of a link's token: 32 bytes in base64url.
	tokenLength = 43
)

// guest finds the link's holder. Guessing costs: an address that opens unknown links is soon told to wait.
func (f *Front) guest(h handler) func(*web.Ctx) {
	return func(c *web.Ctx) {
		g, err := f.open(c)
		if err == nil {
			err = h(c, g)
		}
		if err != nil {
			f.Web.Fault(c, err)
		}
	}
}

func (f *Front) open(c *web.Ctx) (*admin.Guest, error) {
	ip := f.Web.ClientIP(c.Request)
	err := error(fault.New(fault.SetupUnknown, "not a token"))
	var g *admin.Guest
	if token := c.Param("token"); len(token) == tokenLength {
		g, err = f.Admin.OpenSetup(c.Request.Context(), token, ip)
	}
	if fault.CodeOf(err) == fault.SetupUnknown && !f.Web.Limits.Allow("setup unknown", ip, 20, 3*second) {
		return nil, fault.New(fault.RateLimited, "setup links that are not there, from one address")
	}
	return g, err
}

// posted is guest for forms: they are sent by a page of ours, and not without measure.
func (f *Front) posted(h handler) func(*web.Ctx) {
	return f.guest(func(c *web.Ctx, g *admin.Guest) error {
		site := c.GetHeader("Sec-Fetch-Site")
		switch {
		case site != "" && site != "same-origin" || !f.Web.Cookies.CheckForm(c.Request, c.PostForm("csrf")):
			return fault.New(fault.Forbidden, "the form is not from a page of this link, or from one that was open for too long")
		case !f.Web.Limits.Allow("setup", g.Link.ID, 60, 2*second):
			return fault.New(fault.RateLimited, "forms of setup link %s", g.Link.ID)
		}
		return h(c, g)
	})
}

// outward bounds what makes us ask others: checks, test logins, DNS.
func (f *Front) outward(g *admin.Guest) error {
	if !f.Web.Limits.Allow("setup outward", g.Link.ID, 15, 10*second) {
		return fault.New(fault.RateLimited, "checks of setup link %s", g.Link.ID)
	}
	return nil
}

// here is an address of the link's.
func here(c *web.Ctx, below ...string) string {
	return strings.Join(append([]string{"/setup", url.PathEscape(c.Param("token"))}, below...), "/")
}

func (f *Front) back(c *web.Ctx, _ *admin.Guest) error {
	f.Web.Redirect(c, here(c))
	return nil
}

func (f *Front) show(c *web.Ctx, g *admin.Guest) error {
	return f.page(c, g, http.StatusOK, part{})
}

// after leads back to the page, or shows there what is wrong with what was tried.
func (f *Front) after(c *web.Ctx, g *admin.Guest, err error, wrong func(f *fault.Error) part) error {
	if err == nil {
		return f.back(c, g)
	}
	if entry := fault.Lookup(fault.CodeOf(err)); entry.Status < http.StatusInternalServerError {
		return f.page(c, g, entry.Status, wrong(fault.As(err)))
	}
	return err
}

// choose takes a provider.
func (f *Front) choose(c *web.Ctx, g *admin.Guest) error {
	preset, protocol, _ := strings.Cut(c.PostForm("choice"), " ")
	if preset == "" {
		preset, protocol = c.PostForm("preset"), c.PostForm("protocol")
	}
	body, err := json.Marshal(admin.NewDraft{Preset: preset, Protocol: protocol})
	if err != nil {
		return err
	}
	return f.after(c, g, g.Choose(c.Request.Context(), body), func(wrong *fault.Error) part { return part{choice: wrong} })
}

// paste reads what was pasted and shows at once what became of it. For a secret the day on which it ends may come along.
func (f *Front) paste(c *web.Ctx, g *admin.Guest) error {
	done, err := web.PasteForm(c, func(in admin.Paste) (*admin.Pasted, error) { return f.pasted(c, g, in) })
	if err != nil {
		return f.after(c, g, err, refused)
	}
	if done.Saved && !done.Connection.Draft && c.GetHeader("X-Requested-With") == "" && f.outward(g) == nil {
		if _, err := g.Check(c.Request.Context()); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if !done.Saved {
		status = http.StatusUnprocessableEntity
	}
	return f.page(c, g, status, part{pasted: done})
}

func (f *Front) pasted(c *web.Ctx, g *admin.Guest, in admin.Paste) (*admin.Pasted, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	return g.Paste(c.Request.Context(), body)
}

// refused is a paste that the link is not for, as one that was not saved; once people sign in there is nowhere to paste.
func refused(wrong *fault.Error) part {
	if wrong.Code == fault.SetupInUse {
		return part{finish: wrong}
	}
	return part{pasted: &admin.Pasted{Findings: []admin.Finding{admin.FindingOf(wrong, "error")}}}
}

func (f *Front) copied(c *web.Ctx, g *admin.Guest) error {
	if err := g.Copied(c.Request.Context(), c.PostForm("copied") == "true"); err != nil {
		return err
	}
	return f.back(c, g)
}

func (f *Front) check(c *web.Ctx, g *admin.Guest) error {
	if err := f.outward(g); err != nil {
		return err
	}
	if _, err := g.Check(c.Request.Context()); err != nil {
		return err
	}
	return f.back(c, g)
}

// beginTest goes on to a test login, in the window that the form was sent to.
func (f *Front) beginTest(c *web.Ctx, g *admin.Guest) error {
	if err := f.outward(g); err != nil {
		return err
	}
	link, err := g.BeginTest(c.Request.Context())
	if err != nil {
		return err
	}
	f.Web.Redirect(c, link.URL)
	return nil
}

// testState says how the last test login stands, for the page that follows it.
func (f *Front) testState(c *web.Ctx, g *admin.Guest) error {
	state, err := g.State(c.Request.Context())
	if err != nil {
		return err
	}
	out := struct {
		Ref    string `json:"ref"`
		Status string `json:"status"`
	}{}
	if state != nil && state.Test != nil {
		out.Ref, out.Status = state.Test.Ref, state.Test.Status
	}
	c.JSON(http.StatusOK, out)
	return nil
}

// pastePage reads what the provider's page said where a test login did not come back.
func (f *Front) pastePage(c *web.Ctx, g *admin.Guest) error {
	text := c.PostForm("text")
	if strings.TrimSpace(text) == "" {
		return f.back(c, g)
	}
	if _, err := g.PastePage(c.Request.Context(), c.Query("ref"), []byte(text)); err != nil && fault.CodeOf(err) != fault.TestAnswered {
		return err
	}
	return f.back(c, g)
}

func (f *Front) addDomain(c *web.Ctx, g *admin.Guest) error {
	typed := strings.TrimSpace(c.PostForm("domain"))
	_, err := g.AddDomain(c.Request.Context(), typed)
	return f.after(c, g, err, func(wrong *fault.Error) part { return part{domain: wrong, typed: typed} })
}

func (f *Front) look(c *web.Ctx, g *admin.Guest) error {
	err := f.outward(g)
	if err == nil {
		_, err = g.VerifyDomain(c.Request.Context(), c.PostForm("domain"))
	}
	return f.after(c, g, err, func(wrong *fault.Error) part { return part{domain: wrong} })
}

func (f *Front) switchOn(c *web.Ctx, g *admin.Guest) error {
	return f.after(c, g, g.SwitchOn(c.Request.Context()), func(wrong *fault.Error) part { return part{finish: wrong} })
}

func (f *Front) done(c *web.Ctx, g *admin.Guest) error {
	if err := g.Done(c.Request.Context()); err != nil {
		return err
	}
	return f.back(c, g)
}

// hint is the language of the link, for whoever has picked none.
func hint(g *admin.Guest) *broker.Login {
	if g.Link.Locale == "" {
		return nil
	}
	return &broker.Login{UILocales: []string{g.Link.Locale}}
}
