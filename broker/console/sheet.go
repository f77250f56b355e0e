package console

import (
	"net/http"
	"strings"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// sheet is what to hand to the customer's administrator, made to be printed.
func (f *Front) sheet(c *web.Ctx, a admin.Actor) error {
	state, err := f.Admin.WizardState(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return err
	}
	p := templates.ConsoleSheet{Console: f.connectionFrame(c, a, "sheet"), Wizard: web.Wizard("en", f.Now(), state), Made: f.Now().UTC().Format(time.DateOnly)}
	p.Guide, _ = templates.GuideFor(state.Connection.Preset)
	if p.Wizard.GuideURL != "" {
		p.HelpURL = strings.TrimRight(f.Admin.BaseURL, "/") + p.Wizard.GuideURL
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}
