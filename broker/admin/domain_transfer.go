package admin

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Offer is the giver's side of handing a domain over.
type Offer struct {
	To string `json:"to" doc:"Name of the realm that may accept the domain"`
}

// OfferDomain offers a verified domain to another realm. Nothing changes until that realm accepts; another offer takes
// the place of this one.
func (s *Service) OfferDomain(ctx context.Context, a Actor, realm, name string, m Match, body []byte) (*broker.Domain, error) {
	return attempt(m, func() (*broker.Domain, error) {
		old, err := s.domain(ctx, a, realm, name, toSupport)
		if err != nil {
			return nil, err
		}
		if err := m.check(old.Version); err != nil {
			return nil, err
		}
		to, err := s.offeredTo(ctx, a, realm, body)
		if err != nil {
			return nil, err
		}
		if !old.Verified {
			return nil, fault.New(fault.DomainNotVerified, "%s", old.Domain)
		}
		if old.TransferTo == to {
			return old, nil
		}
		return s.offer(ctx, a, old, to)
	})
}

// offeredTo reads an offer. Whether a realm exists that the actor does not see is not told: an offer to nobody is never
// accepted.
func (s *Service) offeredTo(ctx context.Context, a Actor, realm string, body []byte) (string, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return "", err
	}
	var o Offer
	if err := decode(doc, &o); err != nil {
		return "", err
	}
	var p problems
	switch {
	case o.To == "":
		p.add("/to", "is missing")
	case !broker.ValidName(o.To):
		p.add("/to", "is not the name of a realm")
	case o.To == realm:
		p.add("/to", "is the realm that has the domain")
	case a.sees(o.To):
		if _, err := s.Realms.Get(ctx, o.To); errors.Is(err, broker.ErrNotFound) {
			p.add("/to", "there is no realm %q", o.To)
		} else if err != nil {
			return "", err
		}
	}
	return o.To, p.err()
}

// offer stores an offer, or with "" that there is none.
func (s *Service) offer(ctx context.Context, a Actor, old *broker.Domain, to string) (*broker.Domain, error) {
	d := *old
	d.TransferTo = to
	kind, detail := "domain.offered", "to realm "+to
	if to == "" {
		kind, detail = "domain.offer_withdrawn", "to realm "+old.TransferTo
	}
	return &d, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Domains.Update(ctx, &d); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: kind, realm: d.Realm, subject: "domain:" + d.Domain, detail: detail, before: old, after: &d})
	})
}

// WithdrawOffer takes an offer back, if it was not accepted yet; not_found where there is none.
func (s *Service) WithdrawOffer(ctx context.Context, a Actor, realm, name string, m Match) error {
	_, err := attempt(m, func() (*broker.Domain, error) {
		old, err := s.domain(ctx, a, realm, name, toSupport)
		if err != nil {
			return nil, err
		}
		if err := m.check(old.Version); err != nil {
			return nil, err
		}
		if old.TransferTo == "" {
			return nil, broker.ErrNotFound
		}
		return s.offer(ctx, a, old, "")
	})
	return err
}

// AcceptDomain completes an offer: in one transaction the giver's claim is no longer verified and the taker's is. The
// record in DNS goes on proving it. People, links, connections and sessions stay where they are.
func (s *Service) AcceptDomain(ctx context.Context, a Actor, realm, name string) (*broker.Domain, error) {
	if _, err := s.enter(ctx, a, realm, toSupport); err != nil {
		return nil, err
	}
	n, err := email.Domain(name)
	if err != nil {
		return nil, broker.ErrNotFound
	}
	return attempt(nil, func() (got *broker.Domain, err error) {
		err = s.Tx(ctx, func(ctx context.Context) error {
			held, err := s.Domains.Verified(ctx, n)
			if errors.Is(err, broker.ErrNotFound) || err == nil && held.TransferTo != realm {
				return fault.New(fault.DomainNotOffered, "%s", n)
			}
			if err == nil {
				got, err = s.takeOver(ctx, a, held, realm)
			}
			return err
		})
		return got, err
	})
}

// takeOver moves a domain. The giver gives up first: the store takes one verified claim at a time.
func (s *Service) takeOver(ctx context.Context, a Actor, held *broker.Domain, realm string) (*broker.Domain, error) {
	before, err := storedOr(func() (*broker.Domain, error) { return s.Domains.Get(ctx, realm, held.Domain) })
	if err != nil {
		return nil, err
	}
	from, to, put := *held, &broker.Domain{Domain: held.Domain, Realm: realm}, s.Domains.Create
	if before != nil {
		claim := *before
		to, put = &claim, s.Domains.Update
	}
	domain.Hand(&from, to, s.Now())
	if err := s.Domains.Update(ctx, &from); err != nil {
		return nil, err
	}
	if err := put(ctx, to); err != nil {
		return nil, err
	}
	given := change{kind: "domain.handed_over", realm: from.Realm, subject: "domain:" + from.Domain, detail: "to realm " + realm, before: held, after: &from}
	taken := change{kind: "domain.taken_over", realm: realm, subject: "domain:" + to.Domain, detail: "from realm " + from.Realm, after: to}
	if before != nil {
		taken.before = before
	}
	return to, errors.Join(s.record(ctx, a, given), s.record(ctx, a, taken))
}
