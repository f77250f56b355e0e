package setup

import (
	"cmp"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

// part is what was tried in a part of the page just now, and what came of it.
type part struct {
	pasted *admin.Pasted
	choice *fault.Error
	domain *fault.Error
	typed  string // for a domain
	finish *fault.Error
	token  string // was made just now
}

// page shows where the link's holders stand.
func (f *Front) page(c *web.Ctx, g *admin.Guest, status int, tried part) error {
	state, err := g.State(c.Request.Context())
	if err != nil {
		return err
	}
	p := templates.Setup{
		Shell: f.shell(c, g), Purpose: g.Link.Purpose, Who: g.Link.InvitedBy, Note: g.Link.Note, Until: day(g.Link.ExpiresAt), Done: day(g.Link.DoneAt),
		Token: f.Web.Cookies.FormToken(c.Writer, c.Request),
	}
	if choosing(c, g, state, tried) {
		p.Choice = choice(c, g, state != nil, tried.choice)
		f.Web.Page(c, status, p)
		return nil
	}
	if state != nil {
		f.wizard(c, g, &p, state, tried.pasted)
	}
	if g.Link.Purpose == broker.SetupConnection || g.Link.Purpose == broker.SetupDomain {
		if p.Domains, err = domains(c, g, tried); err != nil {
			return err
		}
	}
	if g.Link.Purpose == broker.SetupSCIM {
		if p.Directory, err = directory(c, g, p.Shell, tried.token); err != nil {
			return err
		}
	}
	p.Finish = finish(c, g, state, cmp.Or(tried.finish, tried.choice))
	f.Web.Page(c, status, p)
	return nil
}

// shell is the customer's look. The page speaks all languages, whichever their people sign in with.
func (f *Front) shell(c *web.Ctx, g *admin.Guest) templates.Shell {
	r := *g.Realm
	r.Locales = nil
	s := f.Web.Shell(c, &r, hint(g))
	s.Ref = ""
	return s
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// choosing says that a provider is to be chosen: there is none yet, or another one is wanted while that can be.
func choosing(c *web.Ctx, g *admin.Guest, state *admin.WizardState, tried part) bool {
	if g.Link.Purpose != broker.SetupConnection {
		return false
	}
	return state == nil || !state.Connection.Enabled && (c.Query("choose") != "" || tried.choice != nil)
}

func choice(c *web.Ctx, g *admin.Guest, chosen bool, wrong *fault.Error) *templates.SetupChoice {
	out := &templates.SetupChoice{Action: here(c, "provider"), Find: c.Query("q"), Problem: problem(wrong)}
	if len(g.Link.Presets) == 0 {
		out.FindURL = here(c)
	}
	if chosen {
		out.BackURL = here(c)
	}
	for _, one := range preset.Search(out.Find) {
		t := templates.WizardTile{Preset: one.Name, Title: one.Title}
		for _, protocol := range one.Protocols {
			t.Protocols = append(t.Protocols, templates.Option{Value: protocol, Label: templates.Wizard{Protocol: protocol}.ProtocolWord()})
		}
		if g.Offers(one.Name) {
			out.Tiles = append(out.Tiles, t)
		}
	}
	return out
}

func problem(wrong *fault.Error) *templates.FindingCard {
	if wrong == nil {
		return nil
	}
	card := web.Card(admin.FindingOf(wrong, "error"))
	return &card
}

// wizard puts the connection's setup on the page, as far as the link is for it.
func (f *Front) wizard(c *web.Ctx, g *admin.Guest, p *templates.Setup, state *admin.WizardState, pasted *admin.Pasted) {
	w := web.Wizard(p.Lang, f.Now(), state)
	w.Token, w.Changed, w.Changer = p.Token, templates.When{}, ""
	w.Check.At, w.Test.At = plain(w.Check.At), plain(w.Test.At)
	w.Do = templates.WizardActions{Self: here(c), Check: here(c, "check"), Test: here(c, "test"), TestState: here(c, "test")}
	if state.Test != nil && state.Test.Status != "passed" {
		w.Do.Page = here(c, "page") + "?ref=" + state.Test.Ref
	}
	if g.Link.Purpose == broker.SetupConnection {
		w.Do.Copied = here(c, "copied")
		if !state.Connection.Enabled {
			w.Do.Paste, w.Do.Rechoose, p.ChooseURL = here(c), here(c, "provider"), here(c)+"?choose=1"
		}
	} else {
		p.Renew = renewal(c, g, state)
	}
	if pasted != nil {
		w.Paste = web.WizardPaste(pasted, title)
		if !g.Offers(w.Paste.OtherPreset) || g.Link.Purpose != broker.SetupConnection {
			w.Paste.OtherPreset = ""
		}
	}
	w = w.Localised(state.Connection.Preset)
	p.Wizard = &w
}

// plain is a time in figures: how long ago it was would be English.
func plain(t templates.When) templates.When {
	if at, err := time.Parse(time.RFC3339, t.ISO); err == nil {
		t.Short = at.UTC().Format("2006-01-02 15:04 UTC")
		t.Exact = t.Short
	}
	return t
}

func title(name string) string {
	p, _ := preset.Get(name)
	return p.Title
}

func renewal(c *web.Ctx, g *admin.Guest, state *admin.WizardState) *templates.SetupRenewal {
	conn := state.Connection
	out := &templates.SetupRenewal{Action: here(c), Steps: templates.RenewalSteps(conn.Preset, conn.Protocol), Secret: g.Link.Purpose == broker.SetupSecret}
	if out.Secret {
		for pointer := range conn.Secrets() { // a connection has one
			out.Field = pointer
		}
		out.Ends = conn.OIDC != nil
	}
	if conn.SAML != nil && len(conn.SAML.Certificates) == 0 && strings.HasPrefix(conn.SAML.MetadataURL, "http") {
		out.FetchURL = conn.SAML.MetadataURL
	}
	return out
}

func domains(c *web.Ctx, g *admin.Guest, tried part) (*templates.SetupDomains, error) {
	list, err := g.Domains(c.Request.Context())
	if err != nil {
		return nil, err
	}
	out := &templates.SetupDomains{Add: here(c, "domains"), Look: here(c, "domains", "look"), Typed: tried.typed, Problem: problem(tried.domain)}
	for _, d := range list {
		out.Items = append(out.Items, templates.SetupDomain{Name: d.Domain, Shown: d.Unicode, Verified: d.Verified && !d.Suspended, Record: d.Record.Name, Value: d.Record.Value})
	}
	return out, nil
}

func finish(c *web.Ctx, g *admin.Guest, state *admin.WizardState, wrong *fault.Error) templates.SetupFinish {
	out := templates.SetupFinish{Renewal: g.Link.Purpose != broker.SetupConnection, Problem: problem(wrong)}
	if g.Link.DoneAt.IsZero() {
		out.Done = here(c, "done")
	}
	if out.Renewal {
		return out
	}
	out.Enabled = state.Connection.Enabled
	out.Hindered = g.Hindered(state)
	if g.Link.Activate && out.Hindered != admin.HinderedSupport {
		out.On = here(c, "on")
	}
	if out.Enabled {
		out.Done = ""
	}
	return out
}
