package operator

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
)

// What operators do with their own account. Each verb that touches what somebody signs in with asks for a fresh session.

// Ways is what an operator has to sign in with.
type Ways struct {
	Passkeys []*broker.Credential
	Password *broker.Credential // nil: none
	Recovery int                // codes left
}

// Ways answers what an operator has to sign in with.
func (e *Engine) Ways(ctx context.Context, o *broker.Operator) (Ways, error) {
	held, err := e.of(ctx, o.ID)
	w := Ways{Passkeys: held[credential.Passkey], Recovery: len(held[Recovery])}
	if p := held[credential.Password]; len(p) > 0 {
		w.Password = p[0]
	}
	return w, err
}

// Rename changes an operator's own name and language.
func (e *Engine) Rename(ctx context.Context, o *broker.Operator, name, locale, ip string) error {
	next := *o
	next.Name, next.Locale = strings.TrimSpace(name), locale
	if err := next.Validate(); err != nil {
		return err
	}
	return e.Tx(ctx, func(ctx context.Context) error {
		n := next
		if err := e.People.Update(ctx, &n); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.updated", "name and language, by themselves", ip)
	})
}

// AddPasskey adds one to the operator's.
func (e *Engine) AddPasskey(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, state, answer []byte, name, ip string) error {
	if err := e.Fresh(s); err != nil {
		return err
	}
	c, err := e.passkey(ctx, o, state, answer, name)
	if err != nil {
		return err
	}
	return e.Tx(ctx, func(ctx context.Context) error {
		if err := e.addPasskey(ctx, c); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.passkey_added", c.Name, ip)
	})
}

// DropPasskey takes one away, unless nothing else is left to sign in with.
func (e *Engine) DropPasskey(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, id, ip string) error {
	return e.drop(ctx, s, o, "operator.passkey_removed", ip, func(ctx context.Context) error {
		return e.Credentials.DropCredential(ctx, o.ID, credential.Passkey, id)
	})
}

// DropPassword takes the password away with all that goes with it, unless nothing else is left to sign in with.
func (e *Engine) DropPassword(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, ip string) error {
	return e.drop(ctx, s, o, "operator.password_removed", ip, func(ctx context.Context) error {
		var failed error
		for _, kind := range []string{credential.Password, TOTP, Recovery} {
			failed = errors.Join(failed, e.Credentials.DropCredentials(ctx, o.ID, kind))
		}
		return failed
	})
}

func (e *Engine) drop(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, kind, ip string, del func(ctx context.Context) error) error {
	if err := e.Fresh(s); err != nil {
		return err
	}
	return e.Tx(ctx, func(ctx context.Context) error {
		if err := del(ctx); err != nil {
			return err
		}
		left, err := e.Credentials.Credentials(ctx, o.ID)
		if err != nil {
			return err
		}
		signsIn := func(c *broker.Credential) bool { return c.Kind == credential.Passkey || c.Kind == credential.Password }
		if o.Connection == "" && !slices.ContainsFunc(left, signsIn) {
			return fault.New(fault.OperatorLastWay, "%s", o.Email)
		}
		return e.record(ctx, o, kind, "", ip)
	})
}

// SetPassword sets password and one-time codes anew, and signs the operator's other browsers out. It answers the recovery
// codes, this once.
func (e *Engine) SetPassword(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, chosen Secret, ip string) (recovery []string, err error) {
	if err := e.Fresh(s); err != nil {
		return nil, err
	}
	kept, recovery, err := e.secret(ctx, o, chosen)
	if err != nil {
		return nil, err
	}
	return recovery, e.Tx(ctx, func(ctx context.Context) error {
		if err := e.keepSecret(ctx, o, kept); err != nil {
			return err
		}
		if err := e.Sessions.EndSessions(ctx, o.ID, s.ID); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.password_set", "", ip)
	})
}

// RenewRecovery makes new recovery codes for the password, answered this once; the old ones are worthless.
func (e *Engine) RenewRecovery(ctx context.Context, s *broker.OperatorSession, o *broker.Operator, ip string) ([]string, error) {
	if err := e.Fresh(s); err != nil {
		return nil, err
	}
	w, err := e.Ways(ctx, o)
	if err == nil && w.Password == nil {
		err = fault.New(fault.Invalid, "recovery codes go with a password, and there is none")
	}
	if err != nil {
		return nil, err
	}
	kept, codes := newRecovery(o)
	return codes, e.Tx(ctx, func(ctx context.Context) error {
		if err := e.keepSecret(ctx, o, kept); err != nil {
			return err
		}
		return e.record(ctx, o, "operator.recovery_renewed", "", ip)
	})
}
