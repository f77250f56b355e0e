package admin

import (
	"context"

	"cloakroom/broker"
)

// Outbox is where mails wait, and what became of them.
type Outbox interface {
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Mail, string, error)
	Get(ctx context.Context, realm, id string) (*broker.Mail, error)
	Reveal(ctx context.Context, realm, id string) (*broker.Mail, error)
	Copied(ctx context.Context, realm, id string) error
	Retry(ctx context.Context, realm, id string) error
}

// ListMails answers a realm's mails without their bodies, the newest first.
func (s *Service) ListMails(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Mail], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Mail]{}, err
	}
	return page(s.Outbox.List(ctx, realm, p))
}

// ListAllMails answers those of the whole installation.
func (s *Service) ListAllMails(ctx context.Context, a Actor, p broker.Page) (Page[*broker.Mail], error) {
	if err := a.installation(toRead); err != nil {
		return Page[*broker.Mail]{}, err
	}
	return page(s.Outbox.List(ctx, "", p))
}

// GetMail answers one mail, with its text where that opens nobody's account. Texts of others are for who works with them.
func (s *Service) GetMail(ctx context.Context, a Actor, realm, id string) (*broker.Mail, error) {
	m, err := s.mail(ctx, a, realm, id, toRead)
	if err == nil && !a.has(toSupport) {
		m.Text, m.HTML = "", ""
	}
	return m, err
}

func (s *Service) mail(ctx context.Context, a Actor, realm, id string, r right) (*broker.Mail, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Outbox.Get(ctx, realm, id)
}

// RevealMail answers a mail with whatever it says, to an owner. Whoever reads a code or link can sign in as the addressee,
// so it is in the audit log before it is shown.
func (s *Service) RevealMail(ctx context.Context, a Actor, realm, id string) (*broker.Mail, error) {
	m, err := s.mail(ctx, a, realm, id, toOwn)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, a, change{kind: "mail.revealed", realm: realm, subject: "mail:" + id, detail: m.Kind + " to " + m.To}); err != nil {
		return nil, err
	}
	return s.Outbox.Reveal(ctx, realm, id)
}

// MailCopied notes that somebody passed a mail on by hand.
func (s *Service) MailCopied(ctx context.Context, a Actor, realm, id string) (*broker.Mail, error) {
	return s.changeMail(ctx, a, realm, id, "mail.copied", s.Outbox.Copied)
}

// RetryMail has a mail delivered anew.
func (s *Service) RetryMail(ctx context.Context, a Actor, realm, id string) (*broker.Mail, error) {
	return s.changeMail(ctx, a, realm, id, "mail.retried", s.Outbox.Retry)
}

func (s *Service) changeMail(ctx context.Context, a Actor, realm, id, kind string, f func(ctx context.Context, realm, id string) error) (*broker.Mail, error) {
	m, err := s.mail(ctx, a, realm, id, toSupport)
	if err != nil {
		return nil, err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := f(ctx, realm, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: kind, realm: realm, subject: "mail:" + id, detail: m.Kind + " to " + m.To})
	})
	if err != nil {
		return nil, err
	}
	return s.mail(ctx, a, realm, id, toRead)
}
