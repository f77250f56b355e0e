// Package operator signs the console's operators in and keeps what they sign in with: passkeys, or a password with
// one-time codes, or an upstream account. Who is an operator, and what one may do, is decided by the verbs of admin.
//
// What a stranger sees is the same for every address, in words and in time: whether somebody is an operator shows only to
// who can sign in as one. Guessing is slowed down and never locked out.
package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Kinds of an operator's credentials, beside credential.Passkey and credential.Password.
const (
	TOTP     = "totp"     // the secret of the one-time codes that go with the password
	Recovery = "recovery" // one recovery code
)

// Ways to sign in, as a session remembers them.
const (
	ByPasskey    = "passkey"
	ByPassword   = "password"
	ByConnection = "connection"
)

// Bounds.
const (
	maxPasskeys  = 20
	maxRecovery  = 10
	passkeyLabel = 100
)

// People is who is an operator.
type People interface {
	Create(ctx context.Context, o *broker.Operator) error
	Get(ctx context.Context, id string) (*broker.Operator, error)
	ByEmail(ctx context.Context, email string) (*broker.Operator, error)
	ByUpstream(ctx context.Context, connection, subject string) (*broker.Operator, error)
	Update(ctx context.Context, o *broker.Operator) error
	Any(ctx context.Context) (bool, error)
	// Realms are those whose connections operators may sign in with.
	Realms(ctx context.Context) ([]string, error)
}

// Credentials is what operators sign in with. A credential's UserID is the operator's.
type Credentials interface {
	Credentials(ctx context.Context, operatorID string) ([]*broker.Credential, error)
	AddCredential(ctx context.Context, c *broker.Credential, limit int) error
	CredentialUsed(ctx context.Context, c *broker.Credential, at time.Time) error
	// DropCredential removes one, once: broker.ErrNotFound for whoever comes second.
	DropCredential(ctx context.Context, operatorID, kind, id string) error
	DropCredentials(ctx context.Context, operatorID, kind string) error
}

// Sessions is where operators are signed in.
type Sessions interface {
	CreateSession(ctx context.Context, s *broker.OperatorSession) error
	Session(ctx context.Context, id string) (*broker.OperatorSession, *broker.Operator, error)
	Sessions(ctx context.Context, operatorID string) ([]*broker.OperatorSession, error)
	TouchSession(ctx context.Context, s *broker.OperatorSession) error
	EndSession(ctx context.Context, operatorID, id string) error
	EndSessions(ctx context.Context, operatorID, except string) error
}

// Links are what operators enrol by.
type Links interface {
	Link(ctx context.Context, hash string) (*broker.OperatorLink, error)
	PutLink(ctx context.Context, l broker.OperatorLink) error
	TakeLink(ctx context.Context, l *broker.OperatorLink) error
	DropLinks(ctx context.Context, operatorID string) error
}

// Engine is the console's door.
type Engine struct {
	People      People
	Credentials Credentials
	Sessions    Sessions
	Links       Links
	Events      interface {
		Append(ctx context.Context, e broker.Event) error
	}
	Passwords *credential.Passwords
	Passkeys  *credential.Passkeys
	Guard     *credential.Guard
	// Once takes a thing of a space that may be seen once until then; false if it was taken before.
	Once    func(ctx context.Context, space, id string, until time.Time) (bool, error)
	Tx      func(ctx context.Context, f func(ctx context.Context) error) error
	BaseURL string
	Now     func() time.Time
}

// Visitor is the browser at the door.
type Visitor struct {
	credential.Guesser
	UserAgent string
}

// Account names the account of an address for the guard and for the browser's memory, whether or not there is one.
func Account(typed string) string {
	a, err := email.Normalise(typed)
	if err != nil {
		return credential.Account("operator", "")
	}
	return credential.Account("operator", a.String())
}

// record writes an audit line about what an operator did with their own account.
func (e *Engine) record(ctx context.Context, o *broker.Operator, kind, detail, ip string) error {
	return e.Events.Append(ctx, broker.Event{
		At: e.Now(), Kind: kind, Actor: Actor(o), Subject: "operator:" + o.ID, Email: o.Email, Detail: detail, RemoteIP: ip,
	})
}

// Actor is what the audit log calls an operator.
func Actor(o *broker.Operator) string { return "operator:" + o.Email }

// of gives an operator's credentials by kind.
func (e *Engine) of(ctx context.Context, operatorID string) (map[string][]*broker.Credential, error) {
	all, err := e.Credentials.Credentials(ctx, operatorID)
	out := map[string][]*broker.Credential{}
	for _, c := range all {
		out[c.Kind] = append(out[c.Kind], c)
	}
	return out, err
}

// first is the data of the first credential of a kind, nil without one.
func first(held []*broker.Credential) []byte {
	if len(held) == 0 {
		return nil
	}
	return held[0].Data
}

// holder is an operator as WebAuthn and the password policy see a person.
func holder(o *broker.Operator) *broker.User {
	return &broker.User{ID: o.ID, Email: o.Email, Name: o.Name}
}

// Try is what was typed at the door.
type Try struct{ Email, Password, Code string }

// ByPassword signs an operator in with password and one-time code, or a recovery code in its place. Any part that is
// wrong, and an address that is nobody's, gets the same answer.
func (e *Engine) ByPassword(ctx context.Context, try Try, who Visitor) (*broker.Operator, error) {
	account := Account(try.Email)
	if wait := e.Guard.Take(account, who.Guesser); wait > 0 {
		return nil, fault.New(fault.OperatorWait, "wait %s", wait.Round(time.Second))
	}
	o, held, err := e.claimed(ctx, try.Email)
	if err != nil {
		return nil, err
	}
	good, err := e.Passwords.Check(ctx, first(held[credential.Password]), try.Password)
	if err != nil {
		return nil, err
	}
	if good = good && !o.Disabled; good {
		good, err = e.code(ctx, o, held, try.Code, who.IP)
	}
	if err != nil {
		return nil, err
	}
	if !good {
		return nil, fault.New(fault.OperatorRefused, "address, password or code")
	}
	e.Guard.Forgive(account, who.Guesser)
	return o, nil
}

// claimed finds whose address was typed, with their credentials; for one that is nobody's it looks as long.
func (e *Engine) claimed(ctx context.Context, typed string) (*broker.Operator, map[string][]*broker.Credential, error) {
	address := "" // nobody's
	if a, err := email.Normalise(typed); err == nil {
		address = a.String()
	}
	o, err := e.People.ByEmail(ctx, address)
	if errors.Is(err, broker.ErrNotFound) {
		o, err = &broker.Operator{Disabled: true}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	held, err := e.of(ctx, o.ID)
	return o, held, err
}

// code takes a one-time code of the operator's, or a recovery code. Each counts once, on every replica.
func (e *Engine) code(ctx context.Context, o *broker.Operator, held map[string][]*broker.Credential, typed, ip string) (bool, error) {
	if step, ok := credential.CheckTOTP(string(first(held[TOTP])), typed, e.Now()); ok {
		return e.takeStep(ctx, o.ID, step)
	}
	id := credential.RecoveryID(o.ID, typed)
	if id == "" {
		return false, nil
	}
	err := e.Credentials.DropCredential(ctx, o.ID, Recovery, id)
	if errors.Is(err, broker.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = e.record(ctx, o, "operator.recovery_used", "", ip)
	}
	return err == nil, err
}

func (e *Engine) takeStep(ctx context.Context, operatorID string, step int64) (bool, error) {
	until := credential.TOTPUntil(step)
	return e.Once(ctx, "operator totp", operatorID+"/"+until.UTC().Format(time.RFC3339), until)
}

// AskPasskey begins a sign-in with a passkey: options for the page, state for the browser's sealed cookie.
func (e *Engine) AskPasskey() (options, state []byte, err error) { return e.Passkeys.Ask() }

// ByPasskey signs an operator in with what the browser answered to AskPasskey.
func (e *Engine) ByPasskey(ctx context.Context, state, answer []byte) (*broker.Operator, error) {
	var o *broker.Operator
	_, used, err := e.Passkeys.Check(state, answer, func(id string) (*broker.User, []*broker.Credential, error) {
		var err error
		if o, err = e.People.Get(ctx, id); errors.Is(err, broker.ErrNotFound) || err == nil && o.Disabled {
			return nil, nil, fault.New(fault.OperatorRefused, "the passkey is no operator's who may sign in")
		}
		if err != nil {
			return nil, nil, err
		}
		held, err := e.Credentials.Credentials(ctx, id)
		return holder(o), held, err
	})
	if fault.CodeOf(err) == fault.LocalPasskey {
		err = fault.Wrap(fault.OperatorRefused, err, "passkey")
	}
	if err != nil {
		return nil, err
	}
	if err := e.ceremony(ctx, state); err != nil {
		return nil, err
	}
	return o, e.Credentials.CredentialUsed(ctx, used, e.Now())
}

// ceremony takes the answer to one asking once.
func (e *Engine) ceremony(ctx context.Context, state []byte) error {
	ok, err := e.Once(ctx, "operator passkey", credential.Challenge(state), e.Now().Add(2*credential.CeremonyFor))
	if err == nil && !ok {
		err = fault.New(fault.OperatorRefused, "the passkey's answer was used before")
	}
	return err
}

// Upstream is what a brokered sign-in proved.
type Upstream struct {
	Connection, Subject string
	Mutable             bool   // the subject may become somebody else's
	Email               string // normal form
	Verified            bool   // the rules of trust held for it
}

// ByUpstream finds the operator of an upstream account. The first time, the account is tied to the operator whose address
// it proved; from then on only the subject counts, unless it is one that may become somebody else's (an address): then the
// address must be proved each time. Nobody becomes an operator by signing in.
func (e *Engine) ByUpstream(ctx context.Context, u Upstream, ip string) (*broker.Operator, error) {
	o, err := e.People.ByUpstream(ctx, u.Connection, u.Subject)
	if errors.Is(err, broker.ErrNotFound) {
		o, err = e.tie(ctx, u, ip)
	}
	switch {
	case err != nil:
		return nil, err
	case o.Disabled:
		return nil, fault.New(fault.OperatorRefused, "%s is disabled", o.Email)
	case u.Mutable && (!u.Verified || u.Email != o.Email):
		return nil, fault.New(fault.OperatorUnproved, "the subject that connection %q gives may become somebody else's, so %s must be proved each time", u.Connection, o.Email)
	}
	return o, nil
}

func (e *Engine) tie(ctx context.Context, u Upstream, ip string) (*broker.Operator, error) {
	switch {
	case u.Subject == "":
		return nil, fault.New(fault.OperatorUnproved, "connection %q gives no subject of %s", u.Connection, u.Email)
	case !u.Verified:
		return nil, fault.New(fault.OperatorUnproved, "connection %q does not vouch for %s", u.Connection, u.Email)
	}
	o, err := e.People.ByEmail(ctx, u.Email)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return nil, fault.New(fault.OperatorNotInvited, "%s", u.Email)
	case err != nil:
		return nil, err
	case o.Disabled:
		return nil, fault.New(fault.OperatorRefused, "%s is disabled", o.Email)
	case o.Connection != "":
		return nil, fault.New(fault.OperatorUnproved, "%s signs in with another account, of connection %q; an owner resets the operator to change that", o.Email, o.Connection)
	}
	o.Connection, o.Subject = u.Connection, u.Subject
	return o, e.Tx(ctx, func(ctx context.Context) error {
		if err := e.People.Update(ctx, o); err != nil {
			return err
		}
		if err := e.Links.DropLinks(ctx, o.ID); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.bound", "connection "+u.Connection, ip)
	})
}

// label is what a person calls a passkey, bounded.
func label(typed string) string {
	typed = strings.ToValidUTF8(strings.TrimSpace(typed), "")
	if r := []rune(typed); len(r) > passkeyLabel {
		typed = string(r[:passkeyLabel])
	}
	return typed
}
