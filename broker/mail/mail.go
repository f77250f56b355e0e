// Package mail takes mails and delivers them: each is put into the outbox first, together with whatever made it
// necessary, and carried to the mail server by a worker that tries again for a day. Where no server is set, mails wait in
// the outbox to be copied by hand. What a mail says is not this package's business.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Kinds of mail.
const (
	Invitation        = "invitation"
	EmailCode         = "email_code"
	ConfirmLink       = "confirm_link"
	DomainWarning     = "domain_warning"
	DomainVerified    = "domain_verified"
	DomainTransfer    = "domain_transfer"
	ExpiryNotice      = "expiry_notice"
	ExpiryDigest      = "expiry_digest"
	WebhookDisabled   = "webhook_disabled"
	SeatLimitReached  = "seat_limit"
	ApprovalRequested = "approval_requested"
	ApprovalGranted   = "approval_granted"
	CredentialLink    = "credential_link"
	ConnectionBroken  = "connection_broken"
)

// known ends the kind of a mail that was asked for in a browser in which the addressee has signed in before.
const known = "_known"

// Message is a mail to be sent, its texts rendered.
type Message struct {
	Realm     string // "" for the installation's own
	To        string // an address, nothing else
	Locale    string
	Kind      string
	Subject   string
	Text      string
	HTML      string
	Reference string    // of the login it belongs to
	Secret    bool      // whoever reads it can sign in as the addressee: operators do not see it, and it is erased once sent
	ExpiresAt time.Time // of the link or code in it; zero: never
	// Known: it was asked for in a browser in which the addressee has signed in before. Such mails have an allowance of
	// their own: whatever strangers have sent to an address, its owner gets a code.
	Known bool
}

// Outbox is where mails wait: store/ledger.Outbox.
type Outbox interface {
	Put(ctx context.Context, m *broker.Mail, limits ...broker.MailLimit) error
	Claim(ctx context.Context, holder string, n int, until time.Time) ([]*broker.Mail, error)
	Finish(ctx context.Context, m *broker.Mail) error
	Sweep(ctx context.Context, bodies, rows time.Time) error
}

// Options are how a Mailer works.
type Options struct {
	Outbox Outbox
	SMTP   *Server // nil: mails wait to be copied
	From   string  // Name <address>, or an address alone
	Now    func() time.Time
	Log    *slog.Logger // nil: silent

	Workers    int            // deliveries at a time; 0: 4
	Timeout    time.Duration  // of one delivery, whole; 0: one minute
	Poll       time.Duration  // how often the outbox is looked at; 0: each second
	KeepBodies time.Duration  // of what is done with; 0: a week
	KeepMails  time.Duration  // without bodies; 0: 90 days
	Roots      *x509.CertPool // who may vouch for the mail server; nil: the system's
}

// Mailer takes mails and delivers them. It is safe for concurrent use.
type Mailer struct {
	Options
	from *netmail.Address
	wake chan struct{}
}

// New makes a Mailer; a fault.MailSettings says what is wrong with From.
func New(o Options) (*Mailer, error) {
	if o.Outbox == nil || o.Now == nil {
		return nil, errors.New("mail: no outbox or no clock")
	}
	from, err := netmail.ParseAddress(o.From)
	if err != nil || !asciiAddress(from.Address) {
		return nil, fault.New(fault.MailSettings, "the sender %q is not written as Name <address>", o.From)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	or(&o.Workers, 4)
	or(&o.Timeout, time.Minute)
	or(&o.Poll, time.Second)
	or(&o.KeepBodies, 7*24*time.Hour)
	or(&o.KeepMails, 90*24*time.Hour)
	return &Mailer{Options: o, from: from, wake: make(chan struct{}, 1)}, nil
}

func or[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Configured says whether there is a server, that is: whether mails arrive without anybody's help.
func (m *Mailer) Configured() bool { return m.SMTP != nil }

// strangers are the kinds that somebody who is not signed in can cause. Of these an address gets few, whoever asks for
// them and in whatever realm: a mailbox is not to be flooded through us.
func strangers() []string { return []string{EmailCode, ConfirmLink, CredentialLink} }

func limits(realm, to, kind string) []broker.MailLimit {
	if strings.HasSuffix(kind, known) {
		return []broker.MailLimit{{To: to, Kinds: []string{kind}, Max: 20, Per: 24 * time.Hour}}
	}
	all := []broker.MailLimit{{To: to, Max: 50, Per: 24 * time.Hour}}
	if !slices.Contains(strangers(), kind) {
		return all
	}
	few := broker.MailLimit{To: to, Kinds: strangers(), Max: 5, Per: time.Hour}
	if realm == "" {
		return append(all, few)
	}
	return append(all, few, broker.MailLimit{Realm: realm, Kinds: strangers(), Max: 1000, Per: time.Hour})
}

// Send puts a mail into the outbox, in ctx's transaction where there is one, and answers its ID. It is delivered later,
// and not at all when the transaction is rolled back. fault.MailAddress: the address cannot be one;
// fault.RateLimited: the address, or the realm, has had too many.
func (m *Mailer) Send(ctx context.Context, msg Message) (string, error) {
	to, err := email.Normalise(msg.To)
	if err != nil {
		return "", fault.Wrap(fault.MailAddress, err, "")
	}
	row := &broker.Mail{
		Realm: msg.Realm, To: to.String(), Locale: msg.Locale, Kind: msg.Kind, Reference: msg.Reference, Subject: line(msg.Subject), Text: msg.Text, HTML: msg.HTML,
		Secret: msg.Secret, Status: broker.MailQueued, NextAt: m.Now(), ExpiresAt: msg.ExpiresAt,
	}
	if msg.Known {
		row.Kind += known
	}
	if row.Text == "" || row.Subject == "" {
		return "", errors.New("mail: no subject or no text")
	}
	if m.SMTP == nil {
		row.Status = broker.MailCopy
	}
	if err := m.Outbox.Put(ctx, row, limits(row.Realm, row.To, row.Kind)...); err != nil {
		return "", err
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return row.ID, nil
}

// line makes one line of a subject: what comes after a line break would otherwise be a header of its own.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(strings.TrimSpace(s)); len(r) > 200 {
		return string(r[:199]) + "…"
	}
	return strings.TrimSpace(s)
}

func asciiAddress(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return strings.Contains(s, "@")
}
