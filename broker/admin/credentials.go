package admin

import (
	"context"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
)

// Local is what the verbs about local ways in need.
type Local struct {
	Credentials interface {
		ByUser(ctx context.Context, realm, userID string) ([]*broker.Credential, error)
		Delete(ctx context.Context, realm, userID, id string) error
	}
	// NewLink makes a link for a person to set up a password or passkey; login.Engine does.
	NewLink func(ctx context.Context, u *broker.User, kind, ref string, age time.Duration) (url string, expires time.Time, err error)
	// Mail writes such a link to the person.
	Mail func(ctx context.Context, l CredentialLetter) error
	// MailConfigured reports whether mails arrive without anybody's help.
	MailConfigured bool
}

// CredentialLetter is what the mail with a link says.
type CredentialLetter struct {
	Realm   *broker.Realm
	User    *broker.User
	App     string
	Kind    string
	URL     string
	Expires time.Time
}

// Credential is a local way in as operators see it.
type Credential struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"password,passkey"`
	Name       string    `json:"name"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	broker.Meta
}

func credentialView(c *broker.Credential) *Credential {
	return &Credential{ID: c.ID, Kind: c.Kind, Name: c.Name, LastUsedAt: c.LastUsedAt, Meta: broker.Meta{CreatedAt: c.CreatedAt, UpdatedAt: c.CreatedAt, Version: 1}}
}

// ListCredentials answers a person's passwords and passkeys, without what is secret of them.
func (s *Service) ListCredentials(ctx context.Context, a Actor, realm, userID string, p broker.Page) (Page[*Credential], error) {
	u, err := s.user(ctx, a, realm, userID, toRead)
	if err != nil {
		return Page[*Credential]{}, err
	}
	kept, err := s.Local.Credentials.ByUser(ctx, realm, u.ID)
	if err != nil {
		return Page[*Credential]{}, err
	}
	views := make([]*Credential, len(kept))
	for i, c := range kept {
		views[i] = credentialView(c)
	}
	return pageOf(views, p, func(c *Credential) string { return c.ID }), nil
}

// DeleteCredential takes a password or passkey away.
func (s *Service) DeleteCredential(ctx context.Context, a Actor, realm, userID, id string) error {
	u, err := s.user(ctx, a, realm, userID, toSupport)
	if err != nil {
		return err
	}
	kept, err := s.Local.Credentials.ByUser(ctx, realm, u.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(kept, func(c *broker.Credential) bool { return c.ID == id })
	if i < 0 {
		return broker.ErrNotFound
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		err := s.guardWayBack(ctx, realm, u.ID, func(ctx context.Context) error { return s.Local.Credentials.Delete(ctx, realm, u.ID, id) })
		if err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "credential.deleted", realm: realm, subject: "user:" + u.ID, detail: kept[i].Kind, before: credentialView(kept[i])})
	})
}

// NewCredentialLink asks for a link to set up a way in.
type NewCredentialLink struct {
	Kind string `json:"kind" enum:"password,passkey"`
	Send *bool  `json:"send,omitempty" doc:"By mail to the person; true unless said otherwise, where mails are sent"`
}

// CredentialLink is a link that was made. URL is there where it was not mailed: whoever opens it can sign in as the
// person.
type CredentialLink struct {
	Kind      string    `json:"kind"`
	Sent      bool      `json:"sent"`
	URL       string    `json:"url,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
}

// linkFor is how long a link that an operator made is good for.
const linkFor = 24 * time.Hour

// CreateCredentialLink makes a link for a person to set up a password or passkey. Where mails are sent, support cannot see
// it: only an owner may take it in hand.
func (s *Service) CreateCredentialLink(ctx context.Context, a Actor, realm, userID string, body []byte) (*CredentialLink, error) {
	u, err := s.user(ctx, a, realm, userID, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var sent NewCredentialLink
	if err := decode(doc, &sent); err != nil {
		return nil, err
	}
	var p problems
	if sent.Kind != credential.Password && sent.Kind != credential.Passkey {
		p.add("/kind", "is password or passkey")
	}
	byMail := s.Local.MailConfigured && u.Email != "" && (sent.Send == nil || *sent.Send)
	if !byMail && s.Local.MailConfigured && a.Role != Owner {
		p.add("/send", "must be true: the link opens the person's account, and only an owner may take it in hand")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	r, err := s.Realms.Get(ctx, realm)
	if err != nil {
		return nil, err
	}
	var out *CredentialLink
	err = s.Tx(ctx, func(ctx context.Context) error {
		url, expires, err := s.Local.NewLink(ctx, u, sent.Kind, "", linkFor)
		if err != nil {
			return err
		}
		out = &CredentialLink{Kind: sent.Kind, Sent: byMail, ExpiresAt: expires}
		if !byMail {
			out.URL = url
		} else if err := s.Local.Mail(ctx, CredentialLetter{Realm: r, User: u, App: s.appName(ctx, r), Kind: sent.Kind, URL: url, Expires: expires}); err != nil {
			return err
		}
		detail := sent.Kind + ", shown to the operator"
		if byMail {
			detail = sent.Kind + ", mailed"
		}
		return s.record(ctx, a, change{kind: "credential.link_created", realm: realm, subject: "user:" + u.ID, detail: detail})
	})
	return out, err
}

// appName is what people of a realm sign in to.
func (s *Service) appName(ctx context.Context, r *broker.Realm) string {
	if c, err := s.Clients.Get(ctx, r.Name, r.DefaultClientID); err == nil && c.DisplayName != "" {
		return c.DisplayName
	}
	return r.DisplayName
}
