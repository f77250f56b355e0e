package operator

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// welcomeFor is how long the link that makes the first owner is good.
const welcomeFor = 24 * time.Hour

// Welcome makes a link by which the first owner of the installation enrols; "" where there is an operator already.
func (e *Engine) Welcome(ctx context.Context) (url string, err error) {
	any, err := e.People.Any(ctx)
	if err != nil || any {
		return "", err
	}
	token := broker.RandomToken(32)
	err = e.Links.PutLink(ctx, broker.OperatorLink{Hash: broker.HashToken(token), ExpiresAt: e.Now().Add(welcomeFor)})
	return e.BaseURL + "/admin/welcome/" + token, err
}

// Enrolment is an opened link: who enrols by it. Nothing is stored, and the link is not used up, before they have done so.
type Enrolment struct {
	Link     *broker.OperatorLink
	Operator *broker.Operator // nil for the first owner, until Introduce
}

// First reports whether the enrolment makes the first owner.
func (n *Enrolment) First() bool { return n.Link.OperatorID == "" }

// OpenLink answers whose link a token is. first tells a welcome from an enrolment: neither opens the other's page.
func (e *Engine) OpenLink(ctx context.Context, token string, first bool) (*Enrolment, error) {
	if len(token) != 43 {
		return nil, fault.New(fault.OperatorLinkOver, "not one of ours")
	}
	l, err := e.Links.Link(ctx, broker.HashToken(token))
	if err == nil && (l.OperatorID == "") != first {
		err = broker.ErrNotFound
	}
	if err == nil && first {
		return &Enrolment{Link: l}, nil
	}
	var o *broker.Operator
	if err == nil {
		o, err = e.People.Get(ctx, l.OperatorID)
	}
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return nil, fault.New(fault.OperatorLinkOver, "it is over, or not one of ours")
	case err == nil && o.Disabled:
		return nil, fault.New(fault.OperatorLinkOver, "%s is disabled", o.Email)
	}
	return &Enrolment{Link: l, Operator: o}, err
}

// Introduce says who the first owner is. The ID stays the same from page to page, since a passkey is made for it.
func (n *Enrolment) Introduce(id, name, address string) error {
	a, err := email.Normalise(address)
	if err != nil {
		return err
	}
	if uuid.Validate(id) != nil {
		return fault.New(fault.Invalid, "id")
	}
	o := &broker.Operator{ID: id, Email: a.String(), Name: name, Role: "owner"}
	o.Defaults()
	n.Operator = o
	return o.Validate()
}

// NewID is an operator's ID.
func NewID() string { return uuid.NewString() }

// EnrolPasskey begins making a passkey for an operator: options for the page, state for the browser's sealed cookie.
func (e *Engine) EnrolPasskey(ctx context.Context, o *broker.Operator) (options, state []byte, err error) {
	held, err := e.Credentials.Credentials(ctx, o.ID)
	if err != nil {
		return nil, nil, err
	}
	return e.Passkeys.Enrol(holder(o), held)
}

// passkey checks what the browser answered to EnrolPasskey.
func (e *Engine) passkey(ctx context.Context, o *broker.Operator, state, answer []byte, name string) (*broker.Credential, error) {
	c, err := e.Passkeys.Enrolled(holder(o), state, answer, label(name))
	if err != nil {
		return nil, fault.Wrap(fault.OperatorPasskey, err, "")
	}
	if ok, err := e.Once(ctx, "operator passkey", credential.Challenge(state), e.Now().Add(2*credential.CeremonyFor)); err != nil || !ok {
		return nil, errors.Join(err, fault.New(fault.OperatorPasskey, "its answer was used before"))
	}
	return c, nil
}

// ByNewPasskey enrols with a passkey.
func (e *Engine) ByNewPasskey(ctx context.Context, n *Enrolment, state, answer []byte, name, ip string) error {
	c, err := e.passkey(ctx, n.Operator, state, answer, name)
	if err != nil {
		return err
	}
	return e.enrol(ctx, n, "a passkey", ip, func(ctx context.Context) error { return e.addPasskey(ctx, c) })
}

func (e *Engine) addPasskey(ctx context.Context, c *broker.Credential) error {
	err := e.Credentials.AddCredential(ctx, c, maxPasskeys)
	if errors.Is(err, broker.ErrExists) {
		err = fault.Wrap(fault.OperatorPasskey, err, "it is known already, or there are %d", maxPasskeys)
	}
	return err
}

// Secret is what somebody chooses: a password with the app that makes its one-time codes. TOTP is the secret that the page
// showed, Code what the app made of it.
type Secret struct{ Password, Again, TOTP, Code string }

// ByNewPassword enrols with a password and one-time codes. It answers the recovery codes, this once.
func (e *Engine) ByNewPassword(ctx context.Context, n *Enrolment, s Secret, ip string) (recovery []string, err error) {
	kept, recovery, err := e.secret(ctx, n.Operator, s)
	if err != nil {
		return nil, err
	}
	err = e.enrol(ctx, n, "a password with one-time codes", ip, func(ctx context.Context) error { return e.keepSecret(ctx, n.Operator, kept) })
	return recovery, err
}

// secret checks what was chosen and makes the credentials of it.
func (e *Engine) secret(ctx context.Context, o *broker.Operator, s Secret) (kept []*broker.Credential, recovery []string, err error) {
	if s.Password != s.Again {
		return nil, nil, fault.New(fault.LocalPasswordTwice, "")
	}
	if err := credential.CheckNew(s.Password, o.Email); err != nil {
		return nil, nil, err
	}
	step, ok := credential.CheckTOTP(s.TOTP, s.Code, e.Now())
	if !ok {
		return nil, nil, fault.New(fault.OperatorCode, "")
	}
	if ok, err = e.takeStep(ctx, o.ID, step); err != nil || !ok {
		return nil, nil, errors.Join(err, fault.New(fault.OperatorCode, "it was used before"))
	}
	hash, err := e.Passwords.Hash(ctx, s.Password)
	if err != nil {
		return nil, nil, err
	}
	kept = []*broker.Credential{
		{ID: uuid.NewString(), UserID: o.ID, Kind: credential.Password, Data: hash},
		{ID: uuid.NewString(), UserID: o.ID, Kind: TOTP, Data: []byte(s.TOTP)},
	}
	codes, recovery := newRecovery(o)
	return append(kept, codes...), recovery, nil
}

func newRecovery(o *broker.Operator) (kept []*broker.Credential, codes []string) {
	codes = credential.NewRecovery()
	for _, code := range codes {
		kept = append(kept, &broker.Credential{ID: credential.RecoveryID(o.ID, code), UserID: o.ID, Kind: Recovery})
	}
	return kept, codes
}

// keepSecret stores a password with its one-time codes in place of what there was.
func (e *Engine) keepSecret(ctx context.Context, o *broker.Operator, kept []*broker.Credential) error {
	if err := e.Credentials.DropCredentials(ctx, o.ID, Recovery); err != nil {
		return err
	}
	for _, c := range kept {
		if err := e.Credentials.AddCredential(ctx, c, maxRecovery); err != nil {
			return err
		}
	}
	return nil
}

// enrol uses the link up and stores what the operator signs in with: both or neither. The first owner is made by it.
func (e *Engine) enrol(ctx context.Context, n *Enrolment, with, ip string, add func(ctx context.Context) error) error {
	err := e.Tx(ctx, func(ctx context.Context) error {
		if err := e.Links.TakeLink(ctx, n.Link); err != nil {
			return err
		}
		if n.First() {
			if err := e.crown(ctx, n.Operator, ip); err != nil {
				return err
			}
		}
		if err := add(ctx); err != nil {
			return err
		}
		return e.record(ctx, n.Operator, "operator.enrolled", with, ip)
	})
	if errors.Is(err, broker.ErrNotFound) {
		err = fault.Wrap(fault.OperatorLinkOver, err, "used in the meantime")
	}
	return err
}

// crown makes the first owner, if there is no operator yet.
func (e *Engine) crown(ctx context.Context, o *broker.Operator, ip string) error {
	any, err := e.People.Any(ctx)
	if err != nil {
		return err
	}
	if any {
		return fault.New(fault.OperatorLinkOver, "there is an operator already")
	}
	fresh := *o // a transaction that is run again begins anew
	if err := e.People.Create(ctx, &fresh); err != nil {
		return err
	}
	return e.record(ctx, o, "operator.created", "first owner", ip)
}
