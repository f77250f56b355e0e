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

var ofConnections = []string{broker.SetupConnection, broker.SetupCertificate, broker.SetupSecret}

// State is how far the connection is, nil where no provider is chosen yet. Who did what on our side is left out.
func (g *Guest) State(ctx context.Context) (*WizardState, error) {
	if g.Link.Connection == "" || g.Link.Purpose == broker.SetupDomain {
		return nil, nil
	}
	w, err := g.s.WizardState(ctx, g.actor, g.Link.Realm, g.Link.Connection)
	if err != nil {
		return nil, err
	}
	w.ChangedBy = ""
	for i := range w.Steps {
		w.Steps[i].By = ""
	}
	return w, nil
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
	if len(g.Link.Presets) > 0 && !slices.Contains(g.Link.Presets, d.Preset) {
		return fault.New(fault.SetupBeyond, "the link is for the providers %v", g.Link.Presets)
	}
	chosen, err := json.Marshal(map[string]string{"preset": d.Preset, "protocol": d.Protocol})
	if err != nil {
		return err
	}
	if g.Link.Connection != "" {
		_, err := g.s.RechooseConnection(ctx, g.actor, g.Link.Realm, g.Link.Connection, nil, chosen)
		return err
	}
	c, err := g.s.StartConnection(ctx, g.actor, g.Link.Realm, chosen)
	if err != nil {
		return err
	}
	return g.note(ctx, func(l *broker.SetupLink) string { l.Connection = c.Slug; return "setup_link.provider_chosen" })
}

// takes are the settings that each purpose may write.
func (g *Guest) takes(pointer string) bool {
	switch g.Link.Purpose {
	case broker.SetupConnection:
		return true
	case broker.SetupCertificate:
		return slices.Contains([]string{"/saml/metadata_url", "/saml/metadata_xml", "/saml/certificates"}, pointer)
	case broker.SetupSecret:
		return slices.Contains([]string{"/oidc/client_secret", "/oidc/client_secret_expires_at", "/oauth2/client_secret", "/oauth2/client_secret_expires_at"}, pointer)
	}
	return false
}

// Paste takes a value over into the connection: what PasteInto does, as far as the link's purpose goes.
func (g *Guest) Paste(ctx context.Context, body []byte) (*Pasted, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return nil, err
	}
	return g.s.pasteInto(ctx, g.actor, g.Link.Realm, slug, nil, body, g.takes)
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
	return g.s.CheckConnection(ctx, g.actor, g.Link.Realm, slug)
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
	return g.s.TestReport(ctx, g.actor, g.Link.Realm, slug, ref)
}

// PastePage reads what the provider's page said where a test login did not come back.
func (g *Guest) PastePage(ctx context.Context, ref string, text []byte) (*Diagnosed, error) {
	slug, err := g.about(ofConnections...)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(PastedPage{Text: string(bytes.ToValidUTF8(text, nil))})
	if err != nil {
		return nil, err
	}
	return g.s.PasteTestPage(ctx, g.actor, g.Link.Realm, slug, ref, body)
}

// Domains are the realm's claims: the link's administrator proves them.
func (g *Guest) Domains(ctx context.Context) ([]*broker.Domain, error) {
	if err := g.may(broker.SetupConnection, broker.SetupDomain); err != nil {
		return nil, err
	}
	found, err := g.s.ListDomains(ctx, g.actor, g.Link.Realm, broker.Page{Limit: 200})
	return found.Items, err
}

// AddDomain claims a domain for the realm, and lists it on the connection where the link is about a new one.
func (g *Guest) AddDomain(ctx context.Context, name string) (*broker.Domain, error) {
	if err := g.may(broker.SetupConnection, broker.SetupDomain); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"domain": name})
	if err != nil {
		return nil, err
	}
	d, err := g.s.CreateDomain(ctx, g.actor, g.Link.Realm, body)
	if err != nil || g.Link.Purpose != broker.SetupConnection || g.Link.Connection == "" {
		return d, err
	}
	return d, g.listDomain(ctx, d.Domain)
}

func (g *Guest) listDomain(ctx context.Context, name string) error {
	c, err := g.s.GetConnection(ctx, g.actor, g.Link.Realm, g.Link.Connection)
	if err != nil || slices.Contains(c.Domains, name) {
		return err
	}
	body, err := json.Marshal(map[string][]string{"domains": append(slices.Clone(c.Domains), name)})
	if err != nil {
		return err
	}
	_, err = g.s.UpdateConnection(ctx, g.actor, g.Link.Realm, g.Link.Connection, nil, body)
	return err
}

// VerifyDomain looks for the record that proves a claim.
func (g *Guest) VerifyDomain(ctx context.Context, name string) (*broker.Domain, error) {
	if err := g.may(broker.SetupConnection, broker.SetupDomain); err != nil {
		return nil, err
	}
	return g.s.VerifyDomain(ctx, g.actor, g.Link.Realm, name)
}

// SwitchOn opens the connection to everyone, where the link allows it and the connection is ready: a test login has passed
// since the last change, and addresses count by proved domains. Whose addresses count otherwise is for operators to say.
func (g *Guest) SwitchOn(ctx context.Context) error {
	slug, err := g.about(broker.SetupConnection)
	if err != nil {
		return err
	}
	w, err := g.s.WizardState(ctx, g.actor, g.Link.Realm, slug)
	if err != nil {
		return err
	}
	tested, trusted := w.Step(StepTested), w.Step(StepTrusted)
	switch {
	case !g.Link.Activate:
		return fault.New(fault.SetupNotYet, "switching on is left to support")
	case tested.State != StepDone || tested.Stale:
		return fault.New(fault.SetupNotYet, "no test login has passed since the last change")
	case trusted.State != StepDone:
		return fault.New(fault.SetupNotYet, "the domains are not proved")
	}
	if _, err := g.s.SwitchOn(ctx, g.actor, g.Link.Realm, slug, nil); err != nil {
		return err
	}
	return g.Done(ctx)
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
