package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Operators is what the verbs about operators need.
type Operators struct {
	People interface {
		Create(ctx context.Context, o *broker.Operator) error
		Get(ctx context.Context, id string) (*broker.Operator, error)
		Update(ctx context.Context, o *broker.Operator) error
		Delete(ctx context.Context, id string) error
		List(ctx context.Context, p broker.Page) ([]*broker.Operator, string, error)
		// Owners are those who may do everything and can sign in; they stay so until the transaction ends.
		Owners(ctx context.Context) ([]string, error)
	}
	Credentials interface {
		Credentials(ctx context.Context, operatorID string) ([]*broker.Credential, error)
		DropCredentials(ctx context.Context, operatorID, kind string) error
	}
	Doors interface {
		EndSessions(ctx context.Context, operatorID, except string) error
		PutLink(ctx context.Context, l broker.OperatorLink) error
		LinkOf(ctx context.Context, operatorID string) (*broker.OperatorLink, error)
		DropLinks(ctx context.Context, operatorID string) error
	}
	// Mail writes an enrolment link to the operator; nil, or MailConfigured false: links are only shown.
	Mail           func(ctx context.Context, l OperatorLetter) error
	MailConfigured bool
}

// OperatorLetter is what the mail with an enrolment link says.
type OperatorLetter struct {
	Operator *broker.Operator
	By       string
	URL      string
	Expires  time.Time
}

// NewOperator is what CreateOperator takes.
type NewOperator struct {
	Email  string   `json:"email"`
	Name   string   `json:"name,omitempty"`
	Role   string   `json:"role" enum:"owner,support,auditor"`
	Realms []string `json:"realms,omitempty" doc:"The realms that the operator sees; none: all"`
	Locale string   `json:"locale,omitempty"`
	Send   *bool    `json:"send,omitempty" doc:"The enrolment link by mail too; true unless said otherwise, where mails are sent"`
}

// OperatorPatch is what UpdateOperator takes.
type OperatorPatch struct {
	Name     string   `json:"name,omitempty"`
	Role     string   `json:"role,omitempty" enum:"owner,support,auditor"`
	Realms   []string `json:"realms,omitempty"`
	Locale   string   `json:"locale,omitempty"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Operator is an operator with what is known of how they sign in.
type Operator struct {
	broker.Operator
	Passkeys    int       `json:"passkeys"`
	Password    bool      `json:"password" doc:"Has a password with one-time codes"`
	EnrolExpiry time.Time `json:"enrolment_expires_at,omitzero" doc:"When the enrolment link runs out that was not used yet"`
}

// Enrolled reports whether the operator can sign in.
func (o *Operator) Enrolled() bool { return o.Passkeys > 0 || o.Password || o.Connection != "" }

// OperatorLink is an operator with a link to enrol by. Whoever opens it becomes that operator.
type OperatorLink struct {
	Operator
	URL       string    `json:"enrolment_url"`
	ExpiresAt time.Time `json:"enrolment_link_expires_at"`
	Sent      bool      `json:"sent"`
}

// enrolFor is how long an enrolment link is good.
const enrolFor = 7 * 24 * time.Hour

// CreateOperator adds an operator and makes the link that they enrol by.
func (s *Service) CreateOperator(ctx context.Context, a Actor, body []byte) (*OperatorLink, error) {
	if err := a.installation(toOwn); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var sent NewOperator
	if err := decode(doc, &sent); err != nil {
		return nil, err
	}
	o := &broker.Operator{ID: uuid.NewString(), Name: strings.TrimSpace(sent.Name), Role: sent.Role, Realms: sent.Realms, Locale: sent.Locale}
	o.Defaults()
	if err := s.checkOperator(ctx, o, sent.Email); err != nil {
		return nil, err
	}
	var out *OperatorLink
	return out, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Operators.People.Create(ctx, o); err != nil {
			return exists(err, "operator", o.Email)
		}
		if err := s.record(ctx, a, change{kind: "operator.created", subject: "operator:" + o.ID, detail: o.Email, after: o}); err != nil {
			return err
		}
		out, err = s.enrolment(ctx, a, o, sent.Send)
		return err
	})
}

// checkOperator brings the address into its normal form and holds the realms to those there are.
func (s *Service) checkOperator(ctx context.Context, o *broker.Operator, address string) error {
	var p problems
	if address != "" {
		a, err := email.Normalise(address)
		if err != nil {
			p.add("/email", "%q is not an email address", address)
		}
		o.Email = a.String()
	} else if o.Email == "" {
		p.add("/email", "is missing")
	}
	for i, name := range o.Realms {
		_, err := s.Realms.Get(ctx, name)
		if errors.Is(err, broker.ErrNotFound) {
			p.add(fmt.Sprintf("/realms/%d", i), "there is no realm %q", name)
		} else if err != nil {
			return err
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	return o.Validate()
}

// enrolment makes the link that an operator enrols by; an earlier one is worthless from now on.
func (s *Service) enrolment(ctx context.Context, a Actor, o *broker.Operator, send *bool) (*OperatorLink, error) {
	token := broker.RandomToken(32)
	link := broker.OperatorLink{Hash: broker.HashToken(token), OperatorID: o.ID, ExpiresAt: s.Now().Add(enrolFor)}
	if err := s.Operators.Doors.PutLink(ctx, link); err != nil {
		return nil, err
	}
	out := &OperatorLink{URL: s.BaseURL + "/admin/enrol/" + token, ExpiresAt: link.ExpiresAt}
	view, err := s.operatorView(ctx, o)
	if err != nil {
		return nil, err
	}
	out.Operator = *view
	if s.Operators.Mail == nil || !s.Operators.MailConfigured || send != nil && !*send {
		return out, nil
	}
	out.Sent = true
	return out, s.Operators.Mail(ctx, OperatorLetter{Operator: o, By: strings.TrimPrefix(a.Name, "operator:"), URL: out.URL, Expires: out.ExpiresAt})
}

// operatorView adds what is known of how an operator signs in.
func (s *Service) operatorView(ctx context.Context, o *broker.Operator) (*Operator, error) {
	held, err := s.Operators.Credentials.Credentials(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	v := &Operator{Operator: *o}
	for _, c := range held {
		switch c.Kind {
		case "passkey":
			v.Passkeys++
		case "password":
			v.Password = true
		}
	}
	l, err := s.Operators.Doors.LinkOf(ctx, o.ID)
	if errors.Is(err, broker.ErrNotFound) {
		return v, nil
	}
	if err == nil {
		v.EnrolExpiry = l.ExpiresAt
	}
	return v, err
}

// ListOperators answers the operators by address.
func (s *Service) ListOperators(ctx context.Context, a Actor, p broker.Page) (Page[*Operator], error) {
	if err := a.mayReadKeys(); err != nil {
		return Page[*Operator]{}, err
	}
	found, next, err := s.Operators.People.List(ctx, p)
	if err != nil {
		return Page[*Operator]{}, err
	}
	views := make([]*Operator, len(found))
	for i, o := range found {
		if views[i], err = s.operatorView(ctx, o); err != nil {
			return Page[*Operator]{}, err
		}
	}
	return page(views, next, nil)
}

// GetOperator answers one operator.
func (s *Service) GetOperator(ctx context.Context, a Actor, id string) (*Operator, error) {
	if err := a.mayReadKeys(); err != nil {
		return nil, err
	}
	o, err := s.Operators.People.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.operatorView(ctx, o)
}

// UpdateOperator changes an operator by merge patch. It counts from their next request on; who is disabled is out.
func (s *Service) UpdateOperator(ctx context.Context, a Actor, id string, m Match, patch []byte) (*Operator, error) {
	if err := a.installation(toOwn); err != nil {
		return nil, err
	}
	return attempt(m, func() (*Operator, error) {
		old, err := s.Operators.People.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		o, err := s.patchedOperator(ctx, old, m, patch)
		if err != nil {
			return nil, err
		}
		changed, err := changes(old, o, nil)
		if err != nil {
			return nil, err
		}
		if len(changed) > 0 {
			if err := s.replaceOperator(ctx, a, old, o, told(changed)); err != nil {
				return nil, err
			}
		}
		return s.operatorView(ctx, o)
	})
}

func (s *Service) patchedOperator(ctx context.Context, old *broker.Operator, m Match, patch []byte) (*broker.Operator, error) {
	doc, err := patched(old, old.Version, m, patch)
	if err != nil {
		return nil, err
	}
	o := &broker.Operator{}
	if err := decode(doc, o); err != nil {
		return nil, err
	}
	for _, f := range []struct{ name, got, want string }{
		{"id", o.ID, old.ID}, {"email", o.Email, old.Email}, {"connection", o.Connection, old.Connection},
	} {
		if err := fixed("/"+f.name, f.name, f.got, f.want); err != nil {
			return nil, err
		}
	}
	o.Subject, o.LastSeenAt, o.Meta = old.Subject, old.LastSeenAt, old.Meta
	o.Defaults()
	return o, s.checkOperator(ctx, o, "")
}

func (s *Service) replaceOperator(ctx context.Context, a Actor, old, o *broker.Operator, detail string) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		if old.WholeOwner() && !o.WholeOwner() {
			if err := s.keepAnOwner(ctx, o.ID); err != nil {
				return err
			}
		}
		if err := s.Operators.People.Update(ctx, o); err != nil {
			return err
		}
		if o.Disabled {
			if err := s.shutOut(ctx, o.ID); err != nil {
				return err
			}
		}
		return s.record(ctx, a, change{kind: "operator.updated", subject: "operator:" + o.ID, detail: detail, before: old, after: o})
	})
}

// shutOut ends an operator's sessions and makes their link worthless.
func (s *Service) shutOut(ctx context.Context, id string) error {
	return errors.Join(s.Operators.Doors.EndSessions(ctx, id, ""), s.Operators.Doors.DropLinks(ctx, id))
}

// keepAnOwner refuses to take the last operator away who may do everything and can sign in.
func (s *Service) keepAnOwner(ctx context.Context, id string) error {
	owners, err := s.Operators.People.Owners(ctx)
	if err == nil && len(owners) == 1 && owners[0] == id {
		err = fault.New(fault.OperatorLastOwner, "operator %s", id)
	}
	return err
}

// DeleteOperator removes an operator; what they did stays in the audit log.
func (s *Service) DeleteOperator(ctx context.Context, a Actor, id string, m Match) error {
	if err := a.installation(toOwn); err != nil {
		return err
	}
	o, err := s.Operators.People.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := m.check(o.Version); err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.keepAnOwner(ctx, id); err != nil {
			return err
		}
		if err := s.Operators.People.Delete(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "operator.deleted", subject: "operator:" + id, detail: o.Email, before: o})
	})
}

// OperatorReset is what ResetOperator takes.
type OperatorReset struct {
	Send *bool `json:"send,omitempty" doc:"The new link by mail too; true unless said otherwise, where mails are sent"`
}

// ResetOperator takes away all that an operator signs in with, signs them out, and makes a new link to enrol by.
func (s *Service) ResetOperator(ctx context.Context, a Actor, id string, body []byte) (*OperatorLink, error) {
	if err := a.installation(toOwn); err != nil {
		return nil, err
	}
	var sent OperatorReset
	if len(body) > 0 {
		doc, err := parseObjectDoc(body)
		if err != nil {
			return nil, err
		}
		if err := decode(doc, &sent); err != nil {
			return nil, err
		}
	}
	return attempt(nil, func() (out *OperatorLink, err error) {
		return out, s.Tx(ctx, func(ctx context.Context) error {
			out, err = s.resetOperator(ctx, a, id, sent.Send)
			return err
		})
	})
}

func (s *Service) resetOperator(ctx context.Context, a Actor, id string, send *bool) (*OperatorLink, error) {
	o, err := s.Operators.People.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.Disabled {
		return nil, fault.New(fault.InUse, "%s is disabled: enable the operator first", o.Email)
	}
	if o.Connection != "" {
		o.Connection, o.Subject = "", ""
		if err := s.Operators.People.Update(ctx, o); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.Operators.Credentials.DropCredentials(ctx, id, ""), s.shutOut(ctx, id)); err != nil {
		return nil, err
	}
	if err := s.record(ctx, a, change{kind: "operator.reset", subject: "operator:" + id, detail: o.Email}); err != nil {
		return nil, err
	}
	return s.enrolment(ctx, a, o, send)
}

// withdrawOperators takes a realm that goes away from the operators who are limited to it. One who has no other is
// disabled: none left would mean all.
func (s *Service) withdrawOperators(ctx context.Context, a Actor, realm string) error {
	var limited []*broker.Operator
	err := each(func(p broker.Page) ([]*broker.Operator, string, error) { return s.Operators.People.List(ctx, p) },
		func(o *broker.Operator) error {
			if slices.Contains(o.Realms, realm) {
				limited = append(limited, o)
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, old := range limited {
		o := *old
		o.Realms = slices.DeleteFunc(slices.Clone(old.Realms), func(r string) bool { return r == realm })
		if len(o.Realms) == 0 {
			o.Disabled, o.Realms = true, old.Realms
		}
		if err := s.replaceOperator(ctx, a, old, &o, "the realm "+realm+" was deleted"); err != nil {
			return err
		}
	}
	return nil
}
