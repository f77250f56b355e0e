package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/mail"
	"cloakroom/config"
	"cloakroom/store"
	"cloakroom/templates/locale"
	letters "cloakroom/templates/mail"
)

// newMailer opens the outbox towards the mail server of the settings, if there is one.
func newMailer(cfg *config.Config, log *slog.Logger, s *store.Store) (*mail.Mailer, error) {
	o := mail.Options{Outbox: s.Outbox, From: sender(cfg), Now: time.Now, Log: log}
	if cfg.SMTPURL != "" {
		server, err := mail.ParseURL(cfg.SMTPURL)
		if err != nil {
			return nil, hinted{err, fault.Lookup(fault.MailSettings).Fix}
		}
		o.SMTP = server
	}
	return mail.New(o)
}

// sender is who mails come from: as the settings say, else an address of the host that people sign in at.
func sender(cfg *config.Config) string {
	if cfg.MailFrom != "" {
		return cfg.MailFrom
	}
	host := "localhost"
	if u, err := url.Parse(cfg.BaseURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return "Cloakroom <no-reply@" + host + ">"
}

// post turns what the engines have to say into mails of the outbox.
type post struct {
	mails *mail.Mailer
	base  string
}

// Configured reports whether mails arrive without anybody's help.
func (p *post) Configured() bool { return p.mails.Configured() }

// send renders one mail and puts it into the outbox.
func (p *post) send(ctx context.Context, realm string, to string, m letters.Mail, with mail.Message) error {
	c, err := letters.Render(m)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a mail could not be written")
	}
	with.Realm, with.To, with.Kind, with.Locale, with.Subject, with.Text, with.HTML = realm, to, m.Kind(), c.Locale, c.Subject, c.Text, c.HTML
	_, err = p.mails.Send(ctx, with)
	return err
}

func head(r *broker.Realm, locales ...string) letters.Head {
	return letters.Head{Locale: locale.Match(locales, "", r.Locales), Name: r.DisplayName, Colour: r.Branding.Colour}
}

// tenant writes to a realm's contacts. One address that cannot be written to keeps the others from nothing.
func (p *post) tenant(ctx context.Context, r *broker.Realm, m letters.Mail) error {
	var failed error
	for _, to := range r.Contacts {
		failed = errors.Join(failed, p.send(ctx, r.Name, to, m, mail.Message{}))
	}
	return failed
}

func (p *post) console(r *broker.Realm) string { return p.base + "/admin/realms/" + r.Name + "/people" }

// Invitation asks a person in.
func (p *post) Invitation(ctx context.Context, l admin.InvitationLetter) error {
	return p.send(ctx, l.Realm.Name, l.Invite.Email, letters.Invitation{
		Head: head(l.Realm, l.Invite.Locale), App: l.App, Inviter: l.Invite.InvitedBy, Note: l.Invite.Note, URL: l.URL, Expires: l.Invite.ExpiresAt,
	}, mail.Message{ExpiresAt: l.Invite.ExpiresAt})
}

// SetupLink asks a customer's administrator to set something up.
func (p *post) SetupLink(ctx context.Context, l admin.SetupLetter) error {
	return p.send(ctx, l.Realm.Name, l.Link.Contact, letters.SetupLink{
		Head: head(l.Realm, l.Link.Locale), App: l.App, Inviter: l.Link.InvitedBy, Note: l.Link.Note, URL: l.URL, Expires: l.Link.ExpiresAt,
	}, mail.Message{Secret: true, ExpiresAt: l.Link.ExpiresAt})
}

// ApprovalGranted tells a person that the door is open.
func (p *post) ApprovalGranted(ctx context.Context, r *broker.Realm, u *broker.User, app, url string) error {
	return p.send(ctx, r.Name, u.Email, letters.ApprovalGranted{Head: head(r, u.Locale), App: app, URL: url}, mail.Message{})
}

// ConfirmLink mails the code that ties a new way to sign in to a person who is here already.
func (p *post) ConfirmLink(ctx context.Context, c login.Confirmation) error {
	h := head(c.Realm, c.Locales...)
	h.Reference = c.Reference
	return p.send(ctx, c.Realm.Name, c.To, letters.ConfirmLink{Head: h, App: c.App, Via: c.Via, Code: c.Code, Minutes: c.Minutes},
		mail.Message{Secret: true, Reference: c.Reference, ExpiresAt: c.ExpiresAt})
}

// ApprovalRequested tells a tenant that somebody waits to be let in.
func (p *post) ApprovalRequested(ctx context.Context, r *broker.Realm, app string, u *broker.User) error {
	return p.tenant(ctx, r, letters.ApprovalRequested{Head: head(r), App: app, Person: u.Name, Email: u.Email, URL: p.console(r) + "?status=pending"})
}

// SeatLimitReached tells a tenant that people wait because no seat is free.
func (p *post) SeatLimitReached(ctx context.Context, r *broker.Realm, u *broker.User, waiting int) error {
	person := u.Name
	if person == "" {
		person = u.Email
	}
	return p.tenant(ctx, r, letters.SeatLimitReached{Head: head(r), Person: person, Limit: r.SeatLimit, Waiting: waiting, URL: p.console(r) + "?status=held"})
}
