package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/providers/preset"
)

// Steps of the wizard, in their order.
const (
	StepProvider = "provider" // the provider is chosen
	StepCopied   = "copied"   // our values stand in the provider's console
	StepPasted   = "pasted"   // theirs stand here
	StepChecked  = "checked"  // the preflight
	StepTested   = "tested"   // the test login
	StepTrusted  = "trusted"  // whose addresses are believed
	StepLive     = "live"     // switched on
)

// States of a step.
const (
	StepDone    = "done"
	StepTodo    = "todo"
	StepWarning = "warning" // done, with something to look at
	StepFailed  = "failed"
)

// WizardStep is one step and how it stands; nothing of it is stored, it is told from the facts.
type WizardStep struct {
	ID    string `json:"id" enum:"provider,copied,pasted,checked,tested,trusted,live,token,reached,sent"`
	State string `json:"state" enum:"done,todo,warning,failed"`
	// Missing are the settings that are still missing, by pointer, or the domains that nobody has verified.
	Missing []string  `json:"missing,omitempty"`
	At      time.Time `json:"at,omitzero"`
	By      string    `json:"by,omitempty"`
	// Stale: the connection has been changed since.
	Stale bool `json:"stale,omitempty"`
}

// WizardState is how far a connection's setup is.
type WizardState struct {
	Connection *broker.Connection `json:"connection"`
	Steps      []WizardStep       `json:"steps"`
	Next       string             `json:"next" doc:"The first step that is not done, empty where all are"`
	Provider   string             `json:"provider" doc:"What people call the provider"`
	Handover   Handover           `json:"handover"`
	Give       []GiveValue        `json:"give" doc:"Our values in the order in which the provider's console asks for them"`
	Take       []TakeValue        `json:"take" doc:"The provider's values, the one to ask for first in front"`
	Check      *CheckReport       `json:"check" doc:"The last preflight"`
	Test       *Diagnosed         `json:"test" doc:"The last test login, as long as its report is kept"`
	Free       []string           `json:"free_domains,omitempty" doc:"Up to five verified domains of the realm that no connection in use lists, where this one lists none"`
	ChangedBy  string             `json:"changed_by"`
	ChangedAt  time.Time          `json:"changed_at"`
}

// GiveValue is a value of ours with the place in the provider's console where it goes.
type GiveValue struct {
	Field string `json:"field"`
	Label string `json:"label"`
	Where string `json:"where,omitempty"`
	Value string `json:"value"`
}

// TakeValue is a value of the provider with the place in its console where it stands.
type TakeValue struct {
	Field string `json:"field" doc:"Pointer of the setting"`
	Label string `json:"label"`
	Where string `json:"where,omitempty"`
	First bool   `json:"first" doc:"Enough by itself, or to be asked for first"`
	Have  bool   `json:"have"`
	Value string `json:"value,omitempty" doc:"What stands here; secrets masked"`
}

// Step answers a step by its name.
func (w *WizardState) Step(id string) WizardStep {
	for _, step := range w.Steps {
		if step.ID == id {
			return step
		}
	}
	return WizardStep{}
}

// WizardState answers how far the setup of a connection is. It changes nothing.
func (s *Service) WizardState(ctx context.Context, a Actor, realm, slug string) (*WizardState, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	w := &WizardState{Connection: c}
	if w.Handover, err = s.Handover(ctx, a, realm, slug); err != nil {
		return nil, err
	}
	if w.ChangedBy, w.ChangedAt, err = s.changedBy(ctx, c); err != nil {
		return nil, err
	}
	p, _ := preset.Get(c.Preset)
	w.Provider, w.Give, w.Take = p.Title, give(p, w), take(p, c)
	w.Steps = []WizardStep{{ID: StepProvider, State: StepDone, At: c.CreatedAt}}
	for _, look := range []func(context.Context, Actor, *WizardState) (WizardStep, error){s.stepCopied, s.stepPasted, s.stepChecked, s.stepTested, s.stepTrusted, s.stepLive} {
		step, err := look(ctx, a, w)
		if err != nil {
			return nil, err
		}
		w.Steps = append(w.Steps, step)
	}
	if len(p.Handover(c.Protocol)) == 0 { // nothing of ours goes there
		w.Steps = slices.DeleteFunc(w.Steps, func(step WizardStep) bool { return step.ID == StepCopied })
	}
	w.Next = next(w.Steps)
	return w, nil
}

// give lists our values as the provider's console asks for them; those that are there for programs only are left out.
func give(p preset.Preset, w *WizardState) []GiveValue {
	h := w.Handover
	values := map[string]string{
		"acs_url": h.ACSURL, "entity_id": h.EntityID, "metadata_url": h.MetadataURL, "redirect_uri": h.RedirectURI,
		"logout_url": h.LogoutURL, "certificate": h.Certificate, "login_url": h.LoginURL, "open_port": h.OpenPort,
	}
	out := []GiveValue{}
	for _, g := range p.Handover(w.Connection.Protocol) {
		if values[g.Field] != "" {
			out = append(out, GiveValue{g.Field, g.Label, g.Path, values[g.Field]})
		}
	}
	if h.JWKSURI != "" {
		out = append(out, GiveValue{Field: "jwks_uri", Label: "JWKS URI", Value: h.JWKSURI})
	}
	return out
}

// take lists the provider's values.
func take(p preset.Preset, c *broker.Connection) []TakeValue {
	out := []TakeValue{}
	for _, t := range p.Take(c.Protocol) {
		value := held(c, t.Field)
		out = append(out, TakeValue{Field: "/" + c.Protocol + "/" + t.Field, Label: t.Label, Where: t.Path, First: t.First, Have: value != "", Value: value})
	}
	return out
}

// held is what stands in a setting; secrets are masked.
func held(c *broker.Connection, field string) string {
	switch {
	case c.SAML != nil:
		return map[string]string{
			"metadata_url": c.SAML.MetadataURL, "metadata_xml": c.SAML.MetadataXML, "entity_id": c.SAML.EntityID, "sso_url": c.SAML.SSOURL,
			"slo_url": c.SAML.SLOURL, "certificates": strings.Join(c.SAML.Certificates, "\n"),
		}[field]
	case c.OIDC != nil:
		return map[string]string{"issuer": c.OIDC.Issuer, "tenant": c.OIDC.Tenant, "client_id": c.OIDC.ClientID, "client_secret": c.OIDC.ClientSecret.String()}[field]
	case c.OAuth2 != nil:
		return map[string]string{
			"client_id": c.OAuth2.ClientID, "client_secret": c.OAuth2.ClientSecret.String(), "authorize_url": c.OAuth2.AuthorizeURL,
			"token_url": c.OAuth2.TokenURL, "userinfo_url": c.OAuth2.UserInfoURL,
		}[field]
	case c.LDAP != nil:
		return map[string]string{
			"url": c.LDAP.URL, "ca": c.LDAP.CA, "bind_dn": c.LDAP.BindDN, "bind_password": c.LDAP.BindPassword.String(), "user_base": c.LDAP.UserBase,
			"user_filter": c.LDAP.UserFilter, "group_base": c.LDAP.GroupBase, "group_filter": c.LDAP.GroupFilter, "subject_attribute": c.LDAP.SubjectAttribute,
		}[field]
	}
	return ""
}

func next(steps []WizardStep) string {
	for _, step := range steps {
		if step.State == StepTodo || step.State == StepFailed {
			return step.ID
		}
	}
	return ""
}

func (s *Service) stepCopied(ctx context.Context, _ Actor, w *WizardState) (WizardStep, error) {
	step := WizardStep{ID: StepCopied, State: StepTodo}
	n, err := s.Wizard.Notes.Note(ctx, w.Connection.Slug)
	if err == nil && !n.CopiedAt.IsZero() {
		step.State, step.At, step.By = StepDone, n.CopiedAt, n.CopiedBy
	}
	return step, err
}

func (s *Service) stepPasted(_ context.Context, _ Actor, w *WizardState) (WizardStep, error) {
	step := WizardStep{ID: StepPasted, State: StepDone, Missing: missing(w.Connection)}
	if len(step.Missing) > 0 {
		step.State = StepTodo
	}
	return step, nil
}

func (s *Service) stepChecked(ctx context.Context, a Actor, w *WizardState) (WizardStep, error) {
	step := WizardStep{ID: StepChecked, State: StepTodo}
	if s.Checks == nil {
		return step, nil
	}
	runs, err := s.ListChecks(ctx, a, w.Connection.Realm, w.Connection.Slug, broker.Page{Limit: 1})
	if err != nil || len(runs.Items) == 0 {
		return step, err
	}
	w.Check = runs.Items[0]
	step.State = map[string]string{"ok": StepDone, "warning": StepWarning}[w.Check.Report.Status]
	if step.State == "" {
		step.State = StepFailed
	}
	step.At, step.By = w.Check.At, w.Check.By
	step.Stale = w.Check.At.Before(w.Connection.UpdatedAt)
	return step, nil
}

func (s *Service) stepTested(ctx context.Context, a Actor, w *WizardState) (WizardStep, error) {
	step, c := WizardStep{ID: StepTested, State: StepTodo}, w.Connection
	ref, err := s.Wizard.LatestTest(ctx, c.Realm, c.Slug)
	if err != nil {
		return step, err
	}
	if ref != "" {
		if w.Test, err = s.TestReport(ctx, a, c.Realm, c.Slug, ref); err != nil {
			return step, err
		}
		if w.Test.Trial { // of another configuration than the one that is being set up
			w.Test = nil
		}
	}
	if w.Test != nil {
		switch w.Test.Status {
		case "passed":
			step.State = StepDone
		case "failed", "abandoned":
			step.State = StepFailed
		}
	}
	if s.Overviews == nil {
		return step, nil
	}
	h, err := s.Overviews.Health(ctx, c.Realm, c.Slug)
	if err != nil || h == nil || h.LastTest == nil {
		return step, err
	}
	if w.Test == nil && h.LastTest.Passed { // the report is gone, that it passed is not
		step.State = StepDone
	}
	step.At, step.By = h.LastTest.At, h.LastTest.By
	step.Stale = step.State == StepDone && h.LastTest.At.Before(c.UpdatedAt)
	return step, nil
}

// maxOffered bounds how many domains a connection without one is offered.
const maxOffered = 5

// stepTrusted is done where somebody who signs in would be believed: a listed domain is verified, or another trust chosen.
func (s *Service) stepTrusted(ctx context.Context, _ Actor, w *WizardState) (WizardStep, error) {
	step, c := WizardStep{ID: StepTrusted, State: StepTodo}, w.Connection
	r := Report{Status: "ok"}
	if err := s.checkTrust(ctx, &r, c); err != nil {
		return step, err
	}
	for _, name := range c.Domains {
		if !slices.ContainsFunc(r.Checks, func(ch Check) bool { return ch.Name == "domain" && ch.Detail == name }) {
			step.Missing = append(step.Missing, name)
		}
	}
	if len(c.Domains) == 0 && c.EmailTrust == "domains" {
		var err error
		if w.Free, err = s.freeDomains(ctx, c.Realm); err != nil {
			return step, err
		}
		w.Free = w.Free[:min(len(w.Free), maxOffered)]
	}
	switch {
	case c.EmailTrust != "domains", len(c.Domains) > 0 && len(step.Missing) == 0:
		step.State = StepDone
	case len(step.Missing) < len(c.Domains):
		step.State = StepWarning
	}
	return step, nil
}

func (s *Service) stepLive(_ context.Context, _ Actor, w *WizardState) (WizardStep, error) {
	if w.Connection.Enabled {
		return WizardStep{ID: StepLive, State: StepDone}, nil
	}
	return WizardStep{ID: StepLive, State: StepTodo}, nil
}
