package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

// Guest is a customer's administrator with a setup link. What they may see and do is Guest's methods, about the link's
// realm, connection and purpose; the link is looked up anew for every request, so that a revoked one ends at once.
type Guest struct {
	Link  *broker.SetupLink
	Realm *broker.Realm

	s     *Service
	actor Actor // never handed out: what bounds it is the methods
}

// OpenSetup answers whose link a token is. That it was opened is noted, and the first time audited.
func (s *Service) OpenSetup(ctx context.Context, token, remoteIP string) (*Guest, error) {
	l, err := s.Setup.Links.ByToken(ctx, broker.HashToken(token))
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return nil, fault.New(fault.SetupUnknown, "")
	case err != nil:
		return nil, err
	case !l.RevokedAt.IsZero():
		return nil, fault.New(fault.SetupRevoked, "link %s", l.ID)
	case !l.Live(s.Now()):
		return nil, fault.New(fault.SetupExpired, "link %s, on %s", l.ID, l.ExpiresAt.UTC().Format(time.DateTime))
	}
	r, err := s.Realms.Get(ctx, l.Realm)
	if err != nil {
		return nil, err
	}
	if l.Connection != "" && l.Purpose != broker.SetupConnection && l.Purpose != broker.SetupDomain {
		if _, err := s.Connections.Get(ctx, l.Connection); errors.Is(err, broker.ErrNotFound) {
			return nil, fault.New(fault.SetupGone, "link %s, connection %s", l.ID, l.Connection)
		}
	}
	g := &Guest{Link: l, Realm: r, s: s, actor: Actor{Name: "setup:" + l.ID, Role: Support, Realms: []string{l.Realm}, RemoteIP: remoteIP}}
	return g, g.seen(ctx)
}

// seen notes that the link was used, once in a while.
func (g *Guest) seen(ctx context.Context) error {
	now := g.s.Now()
	if now.Sub(g.Link.SeenAt) < time.Minute {
		return nil
	}
	return g.note(ctx, func(l *broker.SetupLink) string {
		l.SeenAt = now
		if !l.OpenedAt.IsZero() {
			return ""
		}
		l.OpenedAt = now
		return "setup_link.opened"
	})
}

// note changes what is known of the link; kind is the audit line, "" for none. Two requests at once may both note: the
// second tries again with what the first left.
func (g *Guest) note(ctx context.Context, f func(l *broker.SetupLink) (kind string)) error {
	_, err := attempt(nil, func() (*broker.SetupLink, error) {
		l, err := g.s.Setup.Links.Get(ctx, g.Link.Realm, g.Link.ID)
		if err != nil {
			return nil, err
		}
		err = g.s.Tx(ctx, func(ctx context.Context) error {
			changed := *l
			kind := f(&changed)
			if err := g.s.Setup.Links.Update(ctx, &changed); err != nil {
				return err
			}
			g.Link = &changed
			if kind == "" {
				return nil
			}
			return g.s.record(ctx, g.actor, change{kind: kind, realm: l.Realm, subject: "setup_link:" + l.ID, detail: changed.Connection})
		})
		return l, err
	})
	return err
}

// may refuses what the link is not for.
func (g *Guest) may(purposes ...string) error {
	if slices.Contains(purposes, g.Link.Purpose) {
		return nil
	}
	return fault.New(fault.SetupBeyond, "the link is for %s", g.Link.Purpose)
}

// about is the connection that the link is about.
func (g *Guest) about(purposes ...string) (slug string, err error) {
	if err := g.may(purposes...); err != nil {
		return "", err
	}
	if g.Link.Connection == "" {
		return "", fault.New(fault.SetupBeyond, "no provider is chosen yet")
	}
	return g.Link.Connection, nil
}

// untouched refuses a connection that is in use, or was: what people sign in with is not a new connection any more, also
// while an operator has switched it off.
func (g *Guest) untouched(ctx context.Context, c *broker.Connection) error {
	if c.Enabled {
		return fault.New(fault.SetupInUse, "%s", c.Slug)
	}
	h, err := g.s.Overviews.Health(ctx, c.Realm, c.Slug)
	if err == nil && !h.LastSuccess.IsZero() {
		err = fault.New(fault.SetupInUse, "%s, which is switched off", c.Slug)
	}
	if errors.Is(err, broker.ErrNotFound) { // nothing is known of it
		err = nil
	}
	return err
}

// beginning is about for what changes a new connection: once people sign in through it, nothing does by this link.
func (g *Guest) beginning(ctx context.Context) (*broker.Connection, error) {
	slug, err := g.about(broker.SetupConnection)
	if err != nil {
		return nil, err
	}
	c, err := g.s.connection(ctx, g.actor, g.Link.Realm, slug, toSupport)
	if err == nil {
		err = g.untouched(ctx, c)
	}
	return c, err
}

var ofConnections = []string{broker.SetupConnection, broker.SetupCertificate, broker.SetupSecret}

// State is how far the connection is, nil where no provider is chosen yet. Who did what on our side is left out.
func (g *Guest) State(ctx context.Context) (*WizardState, error) {
	if g.Link.Connection == "" || !slices.Contains(ofConnections, g.Link.Purpose) {
		return nil, nil
	}
	w, err := g.s.WizardState(ctx, g.actor, g.Link.Realm, g.Link.Connection)
	if errors.Is(err, broker.ErrNotFound) && g.Link.Purpose == broker.SetupConnection {
		return nil, nil // deleted here: a provider may be chosen anew
	}
	if err != nil {
		return nil, err
	}
	w.ChangedBy = ""
	for i := range w.Steps {
		w.Steps[i].By = ""
	}
	if w.Check != nil {
		report := g.report(w.Check.Report)
		w.Check = &CheckReport{CheckRun: &broker.CheckRun{Realm: w.Check.Realm, Connection: w.Check.Connection, At: w.Check.At, Status: w.Check.Status}, Report: report}
	}
	w.Test = g.test(w.Test)
	return w, nil
}

// report is a preflight as a guest reads it: without operators' names, which some details hold.
func (g *Guest) report(r Report) Report {
	r.Findings = slices.Clone(r.Findings)
	for i := range r.Findings {
		if r.Findings[i].Code == string(fault.DocumentPinned) {
			r.Findings[i].Detail = ""
		}
	}
	return r
}

// test is a test login as a guest reads it: all of one that was begun by the link, and of others what was wrong, but not
// with whom.
func (g *Guest) test(d *Diagnosed) *Diagnosed {
	if d == nil {
		return nil
	}
	if d.By == g.actor.Name {
		own := *d
		own.Past = ""
		return &own
	}
	out := NewDiagnosed(&broker.Connection{Realm: d.Realm, Slug: d.Connection, Protocol: d.Protocol, Preset: d.Preset}, d.Ref, d.Status)
	for _, f := range d.Findings {
		out.Findings = append(out.Findings, Finding{
			Code: f.Code, Severity: f.Severity, Side: f.Side, Confidence: f.Confidence, Cause: f.Cause, Fix: fault.Lookup(fault.Code(f.Code)).Fix,
			Labels: f.Labels, Help: f.Help, Alternatives: []Alternative{},
		})
	}
	if d.Diagnosis != nil && len(out.Findings) > 0 {
		out.Diagnosis = &out.Findings[0]
	}
	return out
}

// Choose begins the connection with a provider, or chooses another one: {preset, protocol}.
func (g *Guest) Choose(ctx context.Context, body []byte) error {
	if err := g.may(broker.SetupConnection); err != nil {
		return err
	}
	d, err := newDraft(body)
	if err != nil {
		return err
	}
	if !g.Offers(d.Preset) {
		return fault.New(fault.SetupBeyond, "the link is not for the provider %s", d.Preset)
	}
	chosen, err := json.Marshal(map[string]string{"preset": d.Preset, "protocol": d.Protocol})
	if err != nil {
		return err
	}
	if g.Link.Connection != "" {
		err := g.rechoose(ctx, chosen)
		if !errors.Is(err, broker.ErrNotFound) {
			return err
		}
	}
	return g.start(ctx, chosen)
}

// Offers says whether a provider may be chosen: one of those that the link names, or else any that is a company's own. The
// public ones vouch for everybody's addresses, so it takes an operator to think of them.
func (g *Guest) Offers(name string) bool {
	if len(g.Link.Presets) > 0 {
		return slices.Contains(g.Link.Presets, name)
	}
	p, ok := preset.Get(name)
	return ok && p.EmailTrust == ""
}

func (g *Guest) rechoose(ctx context.Context, chosen []byte) error {
	_, err := attempt(nil, func() (*broker.Connection, error) {
		c, err := g.beginning(ctx)
		if err != nil {
			return nil, err
		}
		return g.s.RechooseConnection(ctx, g.actor, g.Link.Realm, c.Slug, Match{c.Version}, chosen)
	})
	return err
}

// start makes the draft. Of two people who choose at once the first has chosen.
func (g *Guest) start(ctx context.Context, chosen []byte) error {
	gone := g.Link.Connection
	c, err := g.s.StartConnection(ctx, g.actor, g.Link.Realm, chosen)
	if err != nil {
		return err
	}
	err = g.note(ctx, func(l *broker.SetupLink) string {
		if l.Connection != gone {
			return ""
		}
		l.Connection = c.Slug
		return "setup_link.provider_chosen"
	})
	if err != nil || g.Link.Connection != c.Slug {
		return errors.Join(err, g.s.deleteConnection(ctx, g.actor, c))
	}
	return nil
}

// takes are the settings that each purpose may write.
func (g *Guest) takes(pointer string) bool {
	switch g.Link.Purpose {
	case broker.SetupConnection:
		return true
	case broker.SetupCertificate:
		return slices.Contains([]string{"/saml/metadata_url", "/saml/metadata_xml", "/saml/certificates"}, pointer)
	case broker.SetupSecret:
		return slices.Contains([]string{"/oidc/client_secret", "/oidc/client_secret_expires_at", "/oauth2/client_secret", "/oauth2/client_secret_expires_at", "/ldap/bind_password"}, pointer)
	}
	return false
}

// Paste takes a value over into the connection: what PasteInto does, as far as the link's purpose goes. A certificate for a
// connection that people sign in through stands beside the ones it has; see renewal.
func (g *Guest) Paste(ctx context.Context, body []byte) (*Pasted, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return nil, err
	}
	return attempt(nil, func() (*Pasted, error) {
		c, err := g.s.connection(ctx, g.actor, g.Link.Realm, slug, toSupport)
		if err == nil && g.Link.Purpose == broker.SetupConnection {
			err = g.untouched(ctx, c)
		}
		switch {
		case err != nil:
			return nil, err
		case g.Link.Purpose == broker.SetupCertificate && !c.Draft:
			return g.s.renew(ctx, g.actor, c, body)
		}
		return g.s.pasteInto(ctx, g.actor, g.Link.Realm, slug, Match{c.Version}, body, g.takes)
	})
}

// Copied notes that our values stand in the provider's console.
func (g *Guest) Copied(ctx context.Context, copied bool) error {
	slug, err := g.about(broker.SetupConnection)
	if err != nil {
		return err
	}
	body, err := json.Marshal(CopiedTick{Copied: copied})
	if err != nil {
		return err
	}
	_, err = g.s.ConnectionCopied(ctx, g.actor, g.Link.Realm, slug, body)
	return err
}

// Check is the preflight.
func (g *Guest) Check(ctx context.Context) (Report, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return Report{}, err
	}
	r, err := g.s.CheckConnection(ctx, g.actor, g.Link.Realm, slug)
	return g.report(r), err
}

// BeginTest makes a test login.
func (g *Guest) BeginTest(ctx context.Context) (TestLink, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return TestLink{}, err
	}
	return g.s.BeginTest(ctx, g.actor, g.Link.Realm, slug)
}

// TestReport answers what became of a test login of the connection.
func (g *Guest) TestReport(ctx context.Context, ref string) (*Diagnosed, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return nil, err
	}
	d, err := g.s.TestReport(ctx, g.actor, g.Link.Realm, slug, ref)
	return g.test(d), err
}

// PastePage reads what the provider's page said where a test login of the link's own did not come back.
func (g *Guest) PastePage(ctx context.Context, ref string, text []byte) (*Diagnosed, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(PastedPage{Text: string(bytes.ToValidUTF8(text, nil))})
	if err != nil {
		return nil, err
	}
	d, err := g.s.TestReport(ctx, g.actor, g.Link.Realm, slug, ref)
	if err != nil {
		return nil, err
	}
	if d.By != g.actor.Name {
		return nil, fault.New(fault.SetupBeyond, "the test login %s was not begun by the link", d.Ref)
	}
	if _, err := g.s.PasteTestPage(ctx, g.actor, g.Link.Realm, slug, ref, body); err != nil {
		return nil, err
	}
	return g.TestReport(ctx, ref)
}

// SwitchOn opens the connection to everyone, where the link allows it and nothing hinders it.
func (g *Guest) SwitchOn(ctx context.Context) error {
	slug, err := g.about(broker.SetupConnection)
	if err != nil {
		return err
	}
	w, err := g.s.WizardState(ctx, g.actor, g.Link.Realm, slug)
	if err != nil {
		return err
	}
	if why := g.Hindered(w); why != "" {
		return fault.New(fault.SetupNotYet, "%s", why)
	}
	if w.Connection.Enabled {
		return g.Done(ctx)
	}
	if err := g.untouched(ctx, w.Connection); err != nil {
		return err
	}
	if _, err := g.s.SwitchOn(ctx, g.actor, g.Link.Realm, slug, Match{w.Connection.Version}); err != nil {
		return err
	}
	return g.Done(ctx)
}

// What hinders a guest from switching a connection on.
const (
	HinderedSupport = "support" // it is left to support
	HinderedTest    = "test"    // no test login has passed since the last change
	HinderedDomains = "domains" // the domains are not proved
)

// Hindered says why the connection cannot be switched on by the link, "" where it can: a test login has passed since the
// last change, and addresses count by proved domains. Whose addresses count otherwise is for operators to say.
func (g *Guest) Hindered(w *WizardState) string {
	tested, trusted := w.Step(StepTested), w.Step(StepTrusted)
	switch {
	case !g.Link.Activate || w.Connection.EmailTrust != "domains":
		return HinderedSupport
	case trusted.State != StepDone:
		return HinderedDomains
	case tested.State != StepDone || tested.Stale:
		return HinderedTest
	}
	return ""
}

// Done notes that the administrator is through.
func (g *Guest) Done(ctx context.Context) error {
	return g.note(ctx, func(l *broker.SetupLink) string {
		if !l.DoneAt.IsZero() {
			return ""
		}
		l.DoneAt = g.s.Now()
		return "setup_link.done"
	})
}
