package web

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
	"cloakroom/templates"
)

// Wizard is the setup of a connection as pages show it, in the given language. Whoever shows it adds the form token and
// where the forms lead.
func Wizard(lang string, now time.Time, w *admin.WizardState) templates.Wizard {
	c, clock := w.Connection, clockOf(lang, now)
	out := templates.Wizard{
		Shell: templates.Shell{Lang: lang}, Provider: w.Provider, Other: c.Preset == "generic", Protocol: c.Protocol, Name: c.DisplayName, Slug: c.Slug, Draft: c.Draft, Enabled: c.Enabled,
		Copied: w.Step(admin.StepCopied).State == admin.StepDone, Trust: c.EmailTrust != "domains", Changed: clock(w.ChangedAt), Changer: strings.TrimPrefix(w.ChangedBy, "operator:"),
	}
	out.Guide, out.GuideURL = guide(c.Preset, c.Protocol)
	for _, s := range w.Steps {
		out.Steps = append(out.Steps, templates.WizardStep{ID: s.ID, State: s.State, Here: s.ID == w.Next, Stale: s.Stale})
	}
	for i, g := range w.Give {
		out.Give = append(out.Give, templates.CopyField{ID: fmt.Sprintf("give-%d", i), Label: g.Label, Where: g.Where, Value: g.Value, Long: strings.Contains(g.Value, "\n")})
	}
	for _, t := range w.Take {
		out.Take = append(out.Take, templates.WizardTake{
			Field: t.Field, Label: t.Label, Where: t.Where, Have: t.Have, Value: t.Value, First: t.First,
			Secret: strings.HasSuffix(t.Field, "secret") || strings.HasSuffix(t.Field, "password"),
			Long:   slices.Contains([]string{"/saml/certificates", "/saml/metadata_xml", "/ldap/ca"}, t.Field),
		})
	}
	missing := w.Step(admin.StepTrusted).Missing
	for _, name := range c.Domains {
		out.Domains = append(out.Domains, templates.WizardDomain{Name: name, Verified: !slices.Contains(missing, name)})
	}
	out.Free = w.Free
	wizardSecret(&out, w)
	out.Check, out.Test = wizardCheck(clock, w), wizardTest(clock, w)
	return out
}

// clock says moments.
type clock func(time.Time) templates.When

// clockOf says them as the console does in English, and by the calendar in other languages.
func clockOf(lang string, now time.Time) clock {
	return func(t time.Time) templates.When {
		w := templates.Console{Now: now}.When(t)
		if lang != "en" && !t.IsZero() {
			w.Short = t.UTC().Format("2006-01-02 15:04 UTC")
		}
		return w
	}
}

// guide is the handbook's part on a provider and a protocol.
func guide(preset, protocol string) (templates.Method, string) {
	g, ok := templates.GuideFor(preset)
	if !ok {
		return templates.Method{}, ""
	}
	name := map[string]string{"saml": "SAML", "oidc": "OpenID Connect", "oauth2": "OAuth 2.0", "ldap": "LDAP"}[protocol]
	for _, m := range g.Methods {
		if m.Protocol == name {
			return m, "/help/providers/" + preset
		}
	}
	return templates.Method{}, "/help/providers/" + preset
}

// wizardSecret asks for the end of secrets that have one: Microsoft's.
func wizardSecret(out *templates.Wizard, w *admin.WizardState) {
	o := w.Connection.OIDC
	if o == nil {
		return
	}
	out.SecretEnds = w.Connection.Preset == "entra" || w.Connection.Preset == "microsoft"
	if !o.ClientSecretExpiresAt.IsZero() {
		out.SecretEndsAt = o.ClientSecretExpiresAt.UTC().Format(time.DateOnly)
	}
}

func wizardCheck(clock clock, w *admin.WizardState) templates.WizardCheck {
	ready := w.Step(admin.StepPasted).State == admin.StepDone
	if w.Check == nil {
		return templates.WizardCheck{Due: ready}
	}
	stale := w.Step(admin.StepChecked).Stale
	return templates.WizardCheck{Status: w.Check.Report.Status, Findings: Cards(w.Check.Report.Findings), At: clock(w.Check.At), Stale: stale, Due: ready && stale}
}

func wizardTest(clock clock, w *admin.WizardState) templates.WizardTest {
	d, step := w.Test, w.Step(admin.StepTested)
	if d == nil {
		if step.State == admin.StepDone {
			return templates.WizardTest{Status: "passed", At: clock(step.At), Stale: step.Stale}
		}
		return templates.WizardTest{}
	}
	t := templates.WizardTest{
		Ref: d.Ref, Status: d.Status, Findings: Cards(d.Findings), Email: d.Profile.Email, Subject: d.Profile.Subject, Outcome: d.Outcome, Why: d.Why, Stale: step.Stale,
	}
	if !step.At.IsZero() {
		t.At = clock(step.At)
	}
	for _, m := range d.Mapping {
		t.Mapping = append(t.Mapping, templates.ReportField{Field: m.Field, From: m.From, Values: m.Values})
	}
	return t
}

// WizardPaste is what became of a paste as pages show it; title names a preset.
func WizardPaste(p *admin.Pasted, title func(preset string) string) templates.WizardPaste {
	out := templates.WizardPaste{Tried: true, Saved: p.Saved, Kind: p.Kind, Findings: Cards(p.Findings), OtherPreset: p.OtherPreset, OtherProtocol: p.OtherProtocol}
	if p.OtherPreset != "" {
		out.OtherTitle = title(p.OtherPreset)
	}
	return out
}

// PasteForm hands on what the wizard's form holds: what was pasted, then the day on which a secret ends. Either may come
// alone.
func PasteForm(c *Ctx, paste func(admin.Paste) (*admin.Pasted, error)) (*admin.Pasted, error) {
	in, err := pastedForm(c)
	if err != nil {
		return nil, err
	}
	ends := admin.Paste{Field: c.PostForm("ends_field"), Text: c.PostForm("ends")}
	if ends.Text == "" {
		return paste(in)
	}
	if in.Text != "" {
		if done, err := paste(in); err != nil || !done.Saved {
			return done, err
		}
	}
	return paste(ends)
}

// pastedForm reads the wizard's form for a paste: a text or a file, and the setting that it is for. A file that is no text
// comes as base64, in which the reader finds it.
func pastedForm(c *Ctx) (p admin.Paste, err error) {
	p = admin.Paste{Field: c.PostForm("field"), Text: c.PostForm("text")}
	header, err := c.FormFile("file")
	if err != nil || header.Size == 0 {
		return p, nil // no file is no fault
	}
	if header.Size > paste.MaxText {
		return p, fault.New(fault.PasteTooLarge, "%d bytes", header.Size)
	}
	file, err := header.Open()
	if err != nil {
		return p, fault.Wrap(fault.Malformed, err, "the file")
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, paste.MaxText+1))
	if err != nil {
		return p, fault.Wrap(fault.Malformed, err, "the file")
	}
	p.Text = string(b)
	if !utf8.Valid(b) {
		p.Text = base64.StdEncoding.EncodeToString(b)
	}
	return p, nil
}
