package main

import (
	"context"
	"sync"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/credential"
	"cloakroom/broker/domain"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/mail"
	"cloakroom/store/ledger"
	letters "cloakroom/templates/mail"
)

const (
	passwordsAtOnce = 4
	errandsAtOnce   = 32
)

// localWays gives the login engine its local ways, and the operators' verbs what they need of them.
func (in *installation) localWays(engine *login.Engine, letterbox *post, w *errands) error {
	passwords, err := credential.NewPasswords(passwordsAtOnce)
	if err != nil {
		return err
	}
	passkeys, err := credential.NewPasskeys(in.cfg.BaseURL)
	if err != nil {
		return err
	}
	engine.Local = &login.Local{
		Credentials: in.store.Credentials, Passwords: passwords, Passkeys: passkeys, Guard: credential.NewGuard(time.Now),
		Post: letterbox, BaseURL: in.cfg.BaseURL, EndUser: in.admin.EndUser, Go: w.Go,
	}
	engine.Guesses = credential.NewDirectoryGuard(time.Now)
	engine.Broken, engine.Health = broken{in.store.Events, letterbox}, in.store.Overview.Health
	in.admin.Local = admin.Local{
		Credentials: in.store.Credentials, NewLink: engine.NewLink, Mail: letterbox.operatorLink, MailConfigured: letterbox.Configured(),
	}
	return nil
}

// errands are what is done after an answer, a bounded number at a time.
type errands struct {
	slots chan struct{}
	busy  sync.WaitGroup
}

func newErrands() *errands { return &errands{slots: make(chan struct{}, errandsAtOnce)} }

// Go runs f soon, whether or not ctx ends meanwhile. It waits where too many are running, for everybody alike.
func (e *errands) Go(ctx context.Context, f func(ctx context.Context)) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	e.busy.Go(func() {
		defer func() { <-e.slots }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		f(ctx)
	})
}

// finish waits, when the process stops, for what is running.
func (e *errands) finish(ctx context.Context) {
	<-ctx.Done()
	e.busy.Wait()
}

// broken is what the watch over enforced connections knows and does.
type broken struct {
	events *ledger.Events
	*post
}

// maxFailures is how many refused sign-ins are looked at.
const maxFailures = 200

// LastSuccess reads the ledger.
func (b broken) LastSuccess(ctx context.Context, connection string, since time.Time) (time.Time, int, error) {
	good, _, err := b.events.List(ctx, ledger.Filter{Connection: connection, Kind: "login.succeeded", Since: since}, broker.Page{Limit: 1})
	if err != nil {
		return time.Time{}, 0, err
	}
	if len(good) > 0 {
		return good[0].At, 0, nil
	}
	bad, _, err := b.events.List(ctx, ledger.Filter{Connection: connection, Kind: "login.failed", Since: since}, broker.Page{Limit: maxFailures})
	n := 0
	for _, e := range bad {
		if fault.Lookup(fault.Code(e.Code)).Side != fault.User {
			n++
		}
	}
	return time.Time{}, n, err
}

// ConnectionBroken writes to the realm's contacts.
func (b broken) ConnectionBroken(ctx context.Context, r *broker.Realm, c *broker.Connection, failures int, code fault.Code) error {
	return b.tenant(ctx, r, letters.ConnectionBroken{Head: head(r), Connection: c.DisplayName, Failures: failures, URL: b.base + "/help/faults/" + string(code)})
}

// EmailCode mails a code to sign in with.
func (p *post) EmailCode(ctx context.Context, m login.LocalMail) error {
	h := head(m.Realm, m.Locales...)
	h.Reference = m.Reference
	return p.send(ctx, m.Realm.Name, m.User.Email, letters.EmailCode{Head: h, App: m.App, Code: m.Code, Minutes: int(credential.CodeFor.Minutes())},
		mail.Message{Secret: true, Reference: m.Reference, ExpiresAt: m.ExpiresAt, Known: m.Known})
}

// CredentialLink mails a link to set up a password or passkey.
func (p *post) CredentialLink(ctx context.Context, m login.LocalMail) error {
	h := head(m.Realm, m.Locales...)
	h.Reference = m.Reference
	return p.send(ctx, m.Realm.Name, m.User.Email, letters.CredentialLink{Head: h, App: m.App, Passkey: m.Kind == credential.Passkey, URL: m.URL, Expires: m.ExpiresAt},
		mail.Message{Secret: true, Reference: m.Reference, ExpiresAt: m.ExpiresAt, Known: m.Known})
}

// operatorLink mails the same on an operator's behalf.
func (p *post) operatorLink(ctx context.Context, l admin.CredentialLetter) error {
	return p.CredentialLink(ctx, login.LocalMail{Realm: l.Realm, User: l.User, Locales: []string{l.User.Locale}, App: l.App, Kind: l.Kind, URL: l.URL, ExpiresAt: l.Expires})
}

// domainNotice tells a realm's contacts what became of a domain's proof.
func (in *installation) domainNotice(p *post) func(ctx context.Context, n domain.Notice) error {
	return func(ctx context.Context, n domain.Notice) error {
		r, err := in.store.Realms.Get(ctx, n.Realm)
		if err != nil || len(r.Contacts) == 0 {
			return err
		}
		at := p.base + "/admin/realms/" + r.Name + "/domains"
		switch n.Kind {
		case domain.Recovered:
			return p.tenant(ctx, r, letters.DomainVerified{Head: head(r), Domain: domain.Unicode(n.Domain), URL: at})
		case domain.ProofLost, domain.ProofReminder, domain.Suspended:
			d, err := in.store.Domains.Get(ctx, n.Realm, n.Domain)
			if err != nil {
				return err
			}
			name, value := domain.Record(d)
			return p.tenant(ctx, r, letters.DomainWarning{Head: head(r), Domain: domain.Unicode(n.Domain), Days: daysUntil(n.Until), RecordName: name, RecordValue: value, URL: at})
		}
		return nil
	}
}

// daysUntil counts a begun day as one; none are left of a time that is past, or of none.
func daysUntil(at time.Time) int {
	left := time.Until(at)
	if at.IsZero() || left <= 0 {
		return 0
	}
	return int((left + 24*time.Hour - 1) / (24 * time.Hour))
}
