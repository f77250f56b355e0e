package mail

import (
	"context"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// retries are the waits after each try that failed for now; after the last the mail is given up, a day after the first.
func retries() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour}
}

const (
	sweepEvery = 15 * time.Minute
	lastGasp   = 5 * time.Second // that deliveries under way get when the process stops
)

// Run delivers mails and tidies the outbox until ctx ends. Any number of processes may run it on one outbox: each mail
// is claimed by one of them. A mail is delivered twice only if a process dies between the server's yes and the note of
// it; both copies then carry one Message-ID.
func (m *Mailer) Run(ctx context.Context) {
	var busy sync.WaitGroup
	defer busy.Wait()
	slots := make(chan struct{}, m.Workers)
	tick := time.NewTicker(m.Poll)
	defer tick.Stop()
	var swept time.Time
	for {
		if now := m.Now(); now.Sub(swept) >= sweepEvery {
			swept = now
			m.sweep(ctx, now)
		}
		for m.SMTP != nil && m.dispatch(ctx, slots, &busy) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-tick.C:
		}
	}
}

func (m *Mailer) sweep(ctx context.Context, now time.Time) {
	if err := m.Outbox.Sweep(ctx, now.Add(-m.KeepBodies), now.Add(-m.KeepMails)); err != nil && ctx.Err() == nil {
		m.Log.Warn("the outbox could not be tidied", "error", err)
	}
}

// dispatch claims as many mails as there are free slots, after waiting for one, and starts their deliveries; it says
// whether there may be more.
func (m *Mailer) dispatch(ctx context.Context, slots chan struct{}, busy *sync.WaitGroup) bool {
	select {
	case slots <- struct{}{}:
		<-slots
	case <-ctx.Done():
		return false
	}
	free := cap(slots) - len(slots)
	mails, err := m.Outbox.Claim(ctx, broker.RandomToken(9), free, m.Now().Add(m.Timeout+lastGasp+time.Minute))
	if err != nil && ctx.Err() == nil {
		m.Log.Error("the outbox could not be read", "error", err)
	}
	for _, one := range mails {
		slots <- struct{}{}
		busy.Go(func() {
			defer func() { <-slots }()
			m.carry(ctx, one)
		})
	}
	return len(mails) == free
}

// carry tries to deliver a claimed mail and notes what became of it.
func (m *Mailer) carry(ctx context.Context, one *broker.Mail) {
	ctx, cancel := patient(ctx)
	defer cancel()
	m.settle(one, m.attempt(ctx, one))
	log := m.Log.With("mail", one.ID, "kind", one.Kind, "realm", one.Realm, "attempt", one.Attempts, "status", one.Status)
	switch {
	case one.Status == broker.MailSent:
		log.Info("mail sent")
	case one.Status == broker.MailFailed:
		log.Warn("mail given up", "code", one.Code, "detail", one.Detail)
	default:
		log.Warn("mail not delivered yet", "code", one.Code, "detail", one.Detail, "next", one.NextAt)
	}
	if err := m.Outbox.Finish(context.WithoutCancel(ctx), one); err != nil {
		log.Error("what became of a mail could not be noted", "error", err)
	}
}

// patient is ctx, ended a little later, so that stopping the process does not cut a delivery in the middle.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(lastGasp)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-later.Done():
		}
	})
	return later, func() { stop(); cancel() }
}

func (m *Mailer) attempt(ctx context.Context, one *broker.Mail) error {
	switch {
	case one.Text == "":
		return fault.New(fault.Internal, "the body cannot be opened with the master keys given")
	case expired(one, m.Now()):
		return fault.New(fault.MailExpired, "")
	}
	ctx, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	return m.deliver(ctx, one)
}

func expired(one *broker.Mail, at time.Time) bool {
	return !one.ExpiresAt.IsZero() && !at.Before(one.ExpiresAt)
}

// settle writes the outcome of a try into the mail.
func (m *Mailer) settle(one *broker.Mail, err error) {
	now := m.Now()
	one.NextAt = time.Time{}
	if err == nil {
		one.Status, one.SentAt, one.Code, one.Detail = broker.MailSent, now, "", ""
		return
	}
	f := fault.As(err)
	one.Code, one.Detail = string(f.Code), detail(f)
	waits := retries()
	if one.Attempts > len(waits) || !temporary(f.Code) {
		one.Status = broker.MailFailed
		return
	}
	next := now.Add(waits[max(one.Attempts, 1)-1])
	if expired(one, next) {
		one.Status, one.Code = broker.MailFailed, string(fault.MailExpired)
		return
	}
	one.NextAt = next
}

// temporary says whether another try can help, be it after somebody corrected the settings.
func temporary(c fault.Code) bool {
	switch c {
	case fault.MailUnreachable, fault.MailTLS, fault.MailAuth, fault.MailDeferred:
		return true
	}
	return false
}

func detail(f *fault.Error) string {
	if f.Detail == "" && f.Err != nil {
		return f.Err.Error()
	}
	return f.Detail
}

// Check speaks with the mail server as far as signing in, and sends nothing: fault.MailNotConfigured, MailUnreachable,
// MailTLS or MailAuth say what is in the way.
func (m *Mailer) Check(ctx context.Context) error {
	if m.SMTP == nil {
		return fault.New(fault.MailNotConfigured, "")
	}
	ctx, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	return m.session(ctx, func(*gomail.Client, *smtp.Client) error { return nil })
}
