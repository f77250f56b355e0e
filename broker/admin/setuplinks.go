package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// SetupLinks is where setup links are kept.
type SetupLinks interface {
	Create(ctx context.Context, l *broker.SetupLink) error
	Get(ctx context.Context, realm, id string) (*broker.SetupLink, error)
	ByToken(ctx context.Context, hash string) (*broker.SetupLink, error)
	Update(ctx context.Context, l *broker.SetupLink) error
	Delete(ctx context.Context, realm, id string) error
	List(ctx context.Context, realm, connection string, p broker.Page) ([]*broker.SetupLink, string, error)
}

// Setup is what the verbs about setup links need beside the rest.
type Setup struct {
	Links SetupLinks
	// Mail writes a link to its contact, into the outbox and so in ctx's transaction; nil: no mails.
	Mail func(ctx context.Context, l SetupLetter) error
}

// SetupLetter is what the mail with a setup link says.
type SetupLetter struct {
	Realm *broker.Realm
	Link  *broker.SetupLink
	App   string // what the sign-in is for
	URL   string
}

const (
	setupFor    = 14 * 24 * time.Hour
	setupAtMost = 90 * 24 * time.Hour
)

// NewSetupLink is what an operator writes of a setup link.
type NewSetupLink struct {
	Purpose    string          `json:"purpose,omitempty" enum:"connection,certificate,secret,domain,scim" doc:"connection (a new one) if left out"`
	Connection string          `json:"connection,omitempty" doc:"Slug; needed for certificate, secret and scim, and for a connection that was begun here"`
	Presets    []string        `json:"presets,omitempty" doc:"The providers to choose from; all if left out"`
	Activate   bool            `json:"activate,omitempty" doc:"The administrator may switch the new connection on"`
	Contact    string          `json:"contact,omitempty" doc:"The administrator's address"`
	Locale     string          `json:"locale,omitempty"`
	Note       string          `json:"note,omitempty" doc:"Shown on the page and in the mail"`
	InvitedBy  string          `json:"invited_by,omitempty" doc:"Who asks for it, as the administrator reads it"`
	ExpiresAt  time.Time       `json:"expires_at,omitzero"`
	ExpiresIn  broker.Duration `json:"expires_in,omitzero" doc:"14 days if left out, 90 at most"`
	Send       *bool           `json:"send,omitempty" doc:"By mail; true unless said otherwise, where there is an address"`
}

// SetupLink is a setup link as operators see it. URL is there in the answer that made it and never again.
type SetupLink struct {
	broker.SetupLink
	State string `json:"state" enum:"waiting,opened,done,expired,revoked"`
	// Steps and Next are where the administrator stands.
	Steps []WizardStep `json:"steps,omitempty"`
	Next  string       `json:"next,omitempty"`
	URL   string       `json:"url,omitempty"`
}

func (s *Service) setupView(l *broker.SetupLink) *SetupLink {
	return &SetupLink{SetupLink: *l, State: l.State(s.Now())}
}

// ListSetupLinks answers a realm's setup links, or those of one of its connections.
func (s *Service) ListSetupLinks(ctx context.Context, a Actor, realm, connection string, p broker.Page) (Page[*SetupLink], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*SetupLink]{}, err
	}
	items, next, err := s.Setup.Links.List(ctx, realm, connection, p)
	views := make([]*SetupLink, 0, len(items))
	for _, l := range items {
		views = append(views, s.setupView(l))
	}
	return page(views, next, err)
}

// GetSetupLink answers one setup link and where its administrator stands.
func (s *Service) GetSetupLink(ctx context.Context, a Actor, realm, id string) (*SetupLink, error) {
	_, l, err := s.setupLink(ctx, a, realm, id, toRead)
	if err != nil {
		return nil, err
	}
	v := s.setupView(l)
	if l.Connection == "" {
		return v, nil
	}
	if l.Purpose == broker.SetupSCIM {
		c, err := s.connection(ctx, a, realm, l.Connection, toRead)
		if err == nil {
			v.Steps, v.Next, err = s.directorySteps(ctx, c)
		}
		if fault.CodeOf(err) == fault.NotFound { // deleted since
			err = nil
		}
		return v, err
	}
	w, err := s.WizardState(ctx, a, realm, l.Connection)
	if errors.Is(err, broker.ErrNotFound) { // deleted since
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.Steps, v.Next = w.Steps, w.Next
	return v, nil
}

func (s *Service) setupLink(ctx context.Context, a Actor, realm, id string, r right) (*broker.Realm, *broker.SetupLink, error) {
	found, err := s.enter(ctx, a, realm, r)
	if err != nil {
		return nil, nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, nil, broker.ErrNotFound
	}
	l, err := s.Setup.Links.Get(ctx, realm, id)
	return found, l, err
}

// CreateSetupLink makes a setup link and mails it where there is an address; the answer holds it, this once.
func (s *Service) CreateSetupLink(ctx context.Context, a Actor, realm string, body []byte) (*SetupLink, error) {
	r, err := s.enter(ctx, a, realm, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var n NewSetupLink
	if err := decode(doc, &n); err != nil {
		return nil, err
	}
	l, err := s.buildSetupLink(ctx, a, r, n)
	if err != nil {
		return nil, err
	}
	mail := l.Contact != "" && (n.Send == nil || *n.Send)
	var made *SetupLink
	err = s.Tx(ctx, func(ctx context.Context) error {
		fresh := *l
		url, err := s.issueSetup(ctx, r, &fresh, mail)
		if err != nil {
			return err
		}
		if err := s.Setup.Links.Create(ctx, &fresh); err != nil {
			return err
		}
		made = s.setupView(&fresh)
		err = s.record(ctx, a, change{kind: "setup_link.created", realm: realm, subject: "setup_link:" + l.ID, after: made})
		made.URL = url
		return err
	})
	return made, err
}

// RenewLink makes a setup link by which a contact renews something of a connection: what expiry notices lead to.
func (s *Service) RenewLink(ctx context.Context, realm, connection, purpose string) (url string, err error) {
	r, err := s.Realms.Get(ctx, realm)
	if err != nil {
		return "", err
	}
	system := Actor{Name: "system", Role: Owner}
	if purpose != broker.SetupSecret && purpose != broker.SetupSCIM {
		purpose = broker.SetupCertificate
	}
	l, err := s.buildSetupLink(ctx, system, r, NewSetupLink{Purpose: purpose, Connection: connection, ExpiresIn: broker.Duration(setupAtMost)})
	if err != nil {
		return "", err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		fresh := *l
		if url, err = s.issueSetup(ctx, r, &fresh, false); err != nil {
			return err
		}
		if err := s.Setup.Links.Create(ctx, &fresh); err != nil {
			return err
		}
		return s.record(ctx, system, change{kind: "setup_link.created", realm: realm, subject: "setup_link:" + l.ID, after: s.setupView(&fresh)})
	})
	return url, err
}

// issueSetup makes a link's token anew and mails it. Older tokens of it are worthless from then on.
func (s *Service) issueSetup(ctx context.Context, r *broker.Realm, l *broker.SetupLink, mail bool) (url string, err error) {
	token := broker.RandomToken(32)
	l.TokenHash = broker.HashToken(token)
	url = s.BaseURL + "/setup/" + token
	if !mail || s.Setup.Mail == nil {
		return url, nil
	}
	l.SentAt = s.Now()
	return url, s.Setup.Mail(ctx, SetupLetter{Realm: r, Link: l, App: s.appName(ctx, r), URL: url})
}

func (s *Service) buildSetupLink(ctx context.Context, a Actor, r *broker.Realm, n NewSetupLink) (*broker.SetupLink, error) {
	id, err := uuid.NewV7() // sorts by time
	if err != nil {
		return nil, err
	}
	var p problems
	l := &broker.SetupLink{
		ID: id.String(), Realm: r.Name, Purpose: n.Purpose, Connection: n.Connection, Presets: append([]string{}, n.Presets...), Activate: n.Activate, Locale: n.Locale, Note: n.Note,
		InvitedBy: n.InvitedBy, ExpiresAt: s.setupExpiry(&p, n.ExpiresAt, n.ExpiresIn),
	}
	if l.Purpose == "" {
		l.Purpose = broker.SetupConnection
	}
	if n.Contact != "" {
		address, err := email.Normalise(n.Contact)
		if err != nil {
			p.add("/contact", "%s", fault.As(err).Detail)
		}
		l.Contact = address.String()
	}
	if n.Send != nil && *n.Send && n.Contact == "" {
		p.add("/send", "there is no address to mail it to")
	}
	checkSetup(&p, l)
	if err := s.checkSetupConnection(ctx, a, &p, l); err != nil {
		return nil, err
	}
	return l, p.err()
}

func (s *Service) setupExpiry(p *problems, at time.Time, in broker.Duration) time.Time {
	now := s.Now().UTC().Truncate(time.Second)
	switch {
	case in != 0 && !at.IsZero():
		p.add("/expires_in", "is said beside expires_at: one is enough")
	case in != 0:
		at = now.Add(min(in.D(), setupAtMost+time.Second))
	case at.IsZero():
		at = now.Add(setupFor)
	}
	if !at.After(now) || at.After(now.Add(setupAtMost)) {
		p.add("/expires_at", "is between now and in 90 days")
	}
	return at
}

func checkSetup(p *problems, l *broker.SetupLink) {
	if !slices.Contains(broker.SetupPurposes, l.Purpose) {
		p.add("/purpose", "%q is not one of %v", l.Purpose, broker.SetupPurposes)
	}
	for _, name := range l.Presets {
		if !slices.Contains(broker.Presets, name) {
			p.add("/presets", "%q is not one of %v", name, broker.Presets)
		}
	}
	if l.Locale != "" && !slices.Contains(broker.Locales, l.Locale) {
		p.add("/locale", "%q is not one of %v", l.Locale, broker.Locales)
	}
	if l.Activate && l.Purpose != broker.SetupConnection {
		p.add("/activate", "is only for a new connection")
	}
	text(p, "/note", l.Note, 800)
	text(p, "/invited_by", l.InvitedBy, 200)
}

// checkSetupConnection holds a link to a connection that its purpose fits.
func (s *Service) checkSetupConnection(ctx context.Context, a Actor, p *problems, l *broker.SetupLink) error {
	if l.Connection == "" {
		if slices.Contains([]string{broker.SetupCertificate, broker.SetupSecret, broker.SetupSCIM}, l.Purpose) {
			p.add("/connection", "is needed: which connection's %s is it", l.Purpose)
		}
		return nil
	}
	c, err := s.connection(ctx, a, l.Realm, l.Connection, toSupport)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		p.add("/connection", "the realm has no connection %q", l.Connection)
		return nil
	case err != nil:
		return err
	case l.Purpose == broker.SetupConnection && !c.Draft && c.Enabled:
		p.add("/connection", "is in use already: choose the purpose certificate or secret")
	case l.Purpose == broker.SetupCertificate && c.Protocol != "saml":
		p.add("/purpose", "a connection by %s has no certificate of the provider to renew", c.Protocol)
	case l.Purpose == broker.SetupSecret && len(c.Secrets()) == 0:
		p.add("/purpose", "a connection by %s has no secret", c.Protocol)
	}
	return nil
}

// ResendSetupLink makes a new link, so that the old one is worthless, gives it its time anew and mails it. What was entered
// through the old one is there.
func (s *Service) ResendSetupLink(ctx context.Context, a Actor, realm, id string, body []byte) (*SetupLink, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var how Resending
	if err := decode(doc, &how); err != nil {
		return nil, err
	}
	return s.changeSetupLink(ctx, a, realm, id, "setup_link.resent", func(ctx context.Context, r *broker.Realm, l *broker.SetupLink) (string, error) {
		var p problems
		l.ExpiresAt, l.RevokedAt, l.DoneAt = s.setupExpiry(&p, how.ExpiresAt, how.ExpiresIn), time.Time{}, time.Time{}
		if err := p.err(); err != nil {
			return "", err
		}
		return s.issueSetup(ctx, r, l, l.Contact != "" && (how.Send == nil || *how.Send))
	})
}

// RevokeSetupLink makes a setup link worthless. What was entered through it stays.
func (s *Service) RevokeSetupLink(ctx context.Context, a Actor, realm, id string) (*SetupLink, error) {
	return s.changeSetupLink(ctx, a, realm, id, "setup_link.revoked", func(_ context.Context, _ *broker.Realm, l *broker.SetupLink) (string, error) {
		if l.RevokedAt.IsZero() {
			l.RevokedAt = s.Now()
		}
		return "", nil
	})
}

func (s *Service) changeSetupLink(ctx context.Context, a Actor, realm, id, kind string, f func(context.Context, *broker.Realm, *broker.SetupLink) (url string, err error)) (*SetupLink, error) {
	var made *SetupLink
	err := s.Tx(ctx, func(ctx context.Context) error {
		r, l, err := s.setupLink(ctx, a, realm, id, toSupport)
		if err != nil {
			return err
		}
		before := *l
		url, err := f(ctx, r, l)
		if err != nil {
			return err
		}
		if err := s.Setup.Links.Update(ctx, l); err != nil {
			return err
		}
		made = s.setupView(l)
		err = s.record(ctx, a, change{kind: kind, realm: realm, subject: "setup_link:" + id, before: s.setupView(&before), after: made})
		made.URL = url
		return err
	})
	return made, err
}

// DeleteSetupLink forgets a setup link.
func (s *Service) DeleteSetupLink(ctx context.Context, a Actor, realm, id string) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		_, l, err := s.setupLink(ctx, a, realm, id, toSupport)
		if err != nil {
			return err
		}
		if err := s.Setup.Links.Delete(ctx, realm, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "setup_link.deleted", realm: realm, subject: "setup_link:" + id, before: s.setupView(l)})
	})
}
