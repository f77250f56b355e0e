package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

const atSetup = atConnection + "/setup"

func (f *Front) wizardRoutes() []route {
	return []route{
		get("/admin/connections/new", f.page(f.askProvider)), post("/admin/connections/new", f.page(f.begin)),
		get(atRealm+"/connections/new", f.page(f.askProvider)), post(atRealm+"/connections/new", f.page(f.begin)),
		get(atSetup, f.page(f.setup)), post(atSetup, f.page(f.paste)), get(atSetup+"/test", f.page(f.testState)), post(atSetup+"/test", f.page(f.beginTest)),
		post(atSetup+"/copied", f.action(f.copied)), post(atSetup+"/check", f.action(f.checkDraft)), post(atSetup+"/page", f.action(f.pastePage)),
		post(atSetup+"/provider", f.action(f.rechoose)), post(atSetup+"/on", f.action(f.switchOn)), post(atSetup+"/domain", f.action(f.addToConnection)),
	}
}

// askProvider is where a connection begins.
func (f *Front) askProvider(c *web.Ctx, a admin.Actor) error {
	if a.Role == admin.Auditor {
		return fault.New(fault.Forbidden, "an auditor begins no connection")
	}
	return f.showProviders(c, a, http.StatusOK, "")
}

func (f *Front) showProviders(c *web.Ctx, a admin.Actor, status int, wrong string) error {
	realm := c.Param("realm")
	p := templates.ConsoleWizardNew{Action: c.Request.URL.Path, SelfURL: c.Request.URL.Path, Find: c.Query("q"), Realm: realm, Error: wrong, Typed: c.PostForm("realm"), MayMake: a.Role == admin.Owner && len(a.Realms) == 0}
	if realm == "" {
		p.Console = f.frame(c, a, "/admin/connections", templates.Place{Label: "Connections", URL: "/admin/connections"})
		realms, err := f.Admin.ListRealms(c.Request.Context(), a, broker.Page{Limit: 200})
		if err != nil {
			return err
		}
		for _, r := range realms.Items {
			p.Realms = append(p.Realms, templates.Option{Value: r.Name, Label: r.DisplayName})
		}
		if len(p.Realms) == 1 && p.Typed == "" {
			p.Typed = p.Realms[0].Value
		}
	} else {
		if _, err := f.Admin.GetRealm(c.Request.Context(), a, realm); err != nil {
			return err
		}
		p.Console = f.realmFrame(c, a, realm, "connections")
	}
	for _, one := range preset.Search(p.Find) {
		p.Tiles = append(p.Tiles, tile(one))
	}
	f.Web.Page(c, status, p)
	return nil
}

// tile is a provider to choose, with the protocols that it can be connected by.
func tile(p preset.Preset) templates.WizardTile {
	t := templates.WizardTile{Preset: p.Name, Title: p.Title}
	for _, protocol := range p.Protocols {
		t.Protocols = append(t.Protocols, templates.Option{Value: protocol, Label: templates.Wizard{Protocol: protocol}.ProtocolWord()})
	}
	return t
}

// begin makes the draft, and the realm where there is none of the name.
func (f *Front) begin(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	realm, err := f.realmFor(c, a)
	if err != nil {
		if bad := admin.FieldErrors(err); bad != nil {
			return f.showProviders(c, a, http.StatusUnprocessableEntity, "Customer: "+bad[0].Detail+".")
		}
		return err
	}
	chosen, protocol, _ := strings.Cut(c.PostForm("choice"), " ")
	body, err := json.Marshal(admin.NewDraft{Preset: chosen, Protocol: protocol})
	if err != nil {
		return err
	}
	made, err := f.Admin.StartConnection(c.Request.Context(), a, realm, body)
	if bad := admin.FieldErrors(err); bad != nil {
		return f.showProviders(c, a, http.StatusUnprocessableEntity, bad[0].Detail+".")
	}
	if err != nil {
		return err
	}
	f.Web.Redirect(c, realmPath(realm, "connections", made.Slug, "setup"))
	return nil
}

// realmFor is the realm of the address, or of the form: by its name, by what people call it, or a new one.
func (f *Front) realmFor(c *web.Ctx, a admin.Actor) (string, error) {
	if realm := c.Param("realm"); realm != "" {
		return realm, nil
	}
	ctx, typed := c.Request.Context(), strings.TrimSpace(c.PostForm("realm"))
	name := realmName(typed)
	_, err := f.Admin.GetRealm(ctx, a, name)
	if !errors.Is(err, broker.ErrNotFound) || a.Role != admin.Owner || len(a.Realms) > 0 {
		return name, err
	}
	body, err := json.Marshal(map[string]string{"name": name, "display_name": typed})
	if err != nil {
		return "", err
	}
	made, err := f.Admin.CreateRealm(ctx, a, body)
	if err != nil {
		return "", err
	}
	return made.Name, nil
}

// realmName makes a name for a realm out of what a customer is called.
func realmName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '-' }), "-")
}

func setupPath(c *web.Ctx, below ...string) string {
	return connectionPath(c, append([]string{"setup"}, below...)...)
}

// setup is the wizard's page of a connection.
func (f *Front) setup(c *web.Ctx, a admin.Actor) error {
	return f.showSetup(c, a, http.StatusOK, templates.WizardPaste{})
}

func (f *Front) showSetup(c *web.Ctx, a admin.Actor, status int, pasted templates.WizardPaste) error {
	state, err := f.Admin.WizardState(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	p := templates.ConsoleWizard{Console: f.connectionFrame(c, a, "setup"), Wizard: web.Wizard("en", f.Now(), state)}
	p.Wizard.Token, p.Wizard.Paste, p.Wizard.Do = p.Token, pasted, setupActions(c, state)
	if a.Role == admin.Auditor { // sees where it stands, and is offered nothing that would be refused
		p.Wizard.Do = templates.WizardActions{Self: setupPath(c), TestState: setupPath(c, "test")}
	}
	f.Web.Page(c, status, p)
	return nil
}

func setupActions(c *web.Ctx, state *admin.WizardState) templates.WizardActions {
	do := templates.WizardActions{
		Paste: setupPath(c), Self: setupPath(c), Copied: setupPath(c, "copied"), Check: setupPath(c, "check"), Test: setupPath(c, "test"), TestState: setupPath(c, "test"),
		SwitchOn: setupPath(c, "on"), Domains: realmPath(c.Param("realm"), "domains"), AddDomain: setupPath(c, "domain"),
	}
	if !state.Connection.Enabled {
		do.Rechoose = setupPath(c, "provider")
	}
	if state.Test != nil {
		do.Page = setupPath(c, "page") + "?ref=" + state.Test.Ref
	}
	return do
}

// paste reads what was pasted and shows at once what became of it. The check follows by itself: a script asks for it, and
// without one it is made here.
func (f *Front) paste(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	done, err := web.PasteForm(c, func(in admin.Paste) (*admin.Pasted, error) {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		return f.Admin.PasteInto(ctx, a, realm, slug, nil, body)
	})
	if err != nil {
		return err
	}
	if done.Saved && !done.Connection.Draft && c.GetHeader("X-Requested-With") == "" {
		if _, err := f.Admin.CheckConnection(ctx, a, realm, slug); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if !done.Saved {
		status = http.StatusUnprocessableEntity
	}
	return f.showSetup(c, a, status, web.WizardPaste(done, presetTitle))
}

func presetTitle(name string) string {
	p, _ := preset.Get(name)
	return p.Title
}

func (f *Front) copied(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.CopiedTick{Copied: c.PostForm("copied") == "true"})
	if err != nil {
		return "", "", err
	}
	_, err = f.Admin.ConnectionCopied(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), body)
	return setupPath(c), "", err
}

func (f *Front) checkDraft(c *web.Ctx, a admin.Actor) (string, string, error) {
	_, err := f.Admin.CheckConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	return setupPath(c), "", err
}

// rechoose takes another provider for the connection; what was entered for the old one goes.
func (f *Front) rechoose(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.NewDraft{Preset: c.PostForm("preset"), Protocol: c.PostForm("protocol")})
	if err != nil {
		return "", "", err
	}
	_, err = f.Admin.RechooseConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), nil, body)
	return setupPath(c), "", err
}

// beginTest goes on to a test login, in the window that the form was sent to.
func (f *Front) beginTest(c *web.Ctx, a admin.Actor) error {
	if err := f.own(c); err != nil {
		return err
	}
	link, err := f.Admin.BeginTest(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	f.Web.Redirect(c, link.URL)
	return nil
}

// testState says how the last test login stands, for the page that follows it.
func (f *Front) testState(c *web.Ctx, a admin.Actor) error {
	state, err := f.Admin.WizardState(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	out := struct {
		Ref    string `json:"ref"`
		Status string `json:"status"`
	}{}
	if state.Test != nil {
		out.Ref, out.Status = state.Test.Ref, state.Test.Status
	}
	c.JSON(http.StatusOK, out)
	return nil
}

// pastePage reads what the provider's page said where a test login did not come back.
func (f *Front) pastePage(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.PastedPage{Text: c.PostForm("text")})
	if err != nil {
		return "", "", err
	}
	_, err = f.Admin.PasteTestPage(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), c.Query("ref"), body)
	return setupPath(c), "", err
}

// addToConnection lists a domain on the connection, and claims it for the realm where nobody has yet.
func (f *Front) addToConnection(c *web.Ctx, a admin.Actor) (string, string, error) {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	v, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return "", "", err
	}
	name := strings.ToLower(strings.TrimSpace(c.PostForm("domain")))
	if !slices.Contains(v.Domains, name) {
		body, err := json.Marshal(map[string][]string{"domains": append(slices.Clone(v.Domains), name)})
		if err != nil {
			return "", "", err
		}
		if _, err := f.Admin.UpdateConnection(ctx, a, realm, slug, nil, body); err != nil {
			return "", "", err
		}
	}
	claim, err := json.Marshal(map[string]string{"domain": name})
	if err != nil {
		return "", "", err
	}
	if _, err := f.Admin.CreateDomain(ctx, a, realm, claim); err != nil && !errors.Is(err, broker.ErrExists) {
		return "", "", err
	}
	return setupPath(c), "", nil
}

func (f *Front) switchOn(c *web.Ctx, a admin.Actor) (string, string, error) {
	v, err := f.Admin.SwitchOn(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), nil)
	if err != nil {
		return "", "", err
	}
	return setupPath(c), v.DisplayName + " is on: people can sign in through it.", nil
}
