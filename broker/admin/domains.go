package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// DomainPatch is what is written of a domain; all else is found out here.
type DomainPatch struct {
	Domain   string `json:"domain"`
	Verified *bool  `json:"verified"`
}

// decodeDomain reads a document, and refuses other values for what is not the sender's to say.
func decodeDomain(doc map[string]any, realm string, old *broker.Domain) (DomainPatch, error) {
	var sent broker.Domain
	if err := decode(doc, &sent); err != nil {
		return DomainPatch{}, err
	}
	var p problems
	ofRealm(&p, sent.Realm, realm)
	was, err := docOf(old)
	if err != nil {
		return DomainPatch{}, err
	}
	for _, c := range diff(was, doc) {
		field := c.Pointer[1:]
		if !slices.Contains([]string{"domain", "verified", "realm"}, field) && doc[field] != nil {
			p.add(c.Pointer, "cannot be set: it is found out here")
		}
	}
	out := DomainPatch{Domain: sent.Domain}
	if _, written := doc["verified"]; written {
		out.Verified = &sent.Verified
	}
	return out, p.err()
}

// ListDomains answers the domains that a realm claims.
func (s *Service) ListDomains(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Domain], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Domain]{}, err
	}
	return page(s.Domains.List(ctx, realm, p))
}

// GetDomain answers one claim.
func (s *Service) GetDomain(ctx context.Context, a Actor, realm, domain string) (*broker.Domain, error) {
	return s.domain(ctx, a, realm, domain, toRead)
}

func (s *Service) domain(ctx context.Context, a Actor, realm, domain string, r right) (*broker.Domain, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	n, err := email.Domain(domain)
	if err != nil {
		return nil, broker.ErrNotFound
	}
	return s.Domains.Get(ctx, realm, n)
}

// CreateDomain claims a domain for a realm. It counts for nothing until it is verified.
func (s *Service) CreateDomain(ctx context.Context, a Actor, realm string, body []byte) (*broker.Domain, error) {
	if _, err := s.enter(ctx, a, realm, toSupport); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	d, err := s.buildDomain(a, realm, doc)
	if err != nil {
		return nil, err
	}
	return d, s.Tx(ctx, func(ctx context.Context) error { return s.createDomain(ctx, a, d) })
}

// buildDomain reads and checks a new claim.
func (s *Service) buildDomain(a Actor, realm string, doc map[string]any) (*broker.Domain, error) {
	sent, err := decodeDomain(doc, realm, &broker.Domain{})
	if err != nil {
		return nil, err
	}
	var p problems
	d := &broker.Domain{Domain: claimable(&p, sent.Domain), Realm: realm, Token: broker.RandomToken(24)}
	if sent.Verified != nil && *sent.Verified {
		if err := vouch(a); err != nil {
			return nil, err
		}
		d.Verified = true
		s.settleVerified(&broker.Domain{}, d, a.Name)
	}
	return d, p.err()
}

// claimable answers the domain in normal form if a realm can own it.
func claimable(p *problems, domain string) string {
	n, err := email.Domain(domain)
	switch {
	case domain == "":
		p.add("/domain", "is missing")
	case err != nil:
		p.add("/domain", "%s", fault.As(err).Detail)
	case email.PublicSuffix(n):
		p.add("/domain", "%q is a public suffix: anybody can have a domain under it, so nobody owns it here", n)
	case email.FreeMail(n):
		p.add("/domain", "%q gives mailboxes to anybody, so no organisation owns its addresses", n)
	}
	return n
}

// vouch is the right to call a domain verified without proof. It decides between realms, so it takes an owner of the
// whole installation.
func vouch(a Actor) error {
	if a.wholeOwner() {
		return nil
	}
	return fault.New(fault.Forbidden, "only an owner of the whole installation can call a domain verified; publish the TXT record and verify it instead")
}

func (s *Service) createDomain(ctx context.Context, a Actor, d *broker.Domain) error {
	if d.Verified {
		if err := s.checkOwner(ctx, d); err != nil {
			return err
		}
	}
	if err := s.Domains.Create(ctx, d); err != nil {
		return s.domainExists(ctx, d, err)
	}
	return s.record(ctx, a, change{kind: "domain.created", realm: d.Realm, subject: "domain:" + d.Domain, after: d})
}

// checkOwner refuses a domain that another realm has verified. The store refuses too, for two that verify at once.
func (s *Service) checkOwner(ctx context.Context, d *broker.Domain) error {
	holder, err := s.Domains.Verified(ctx, d.Domain)
	if errors.Is(err, broker.ErrNotFound) {
		return nil
	}
	if err == nil && holder.Realm != d.Realm {
		return fault.New(fault.DomainTaken, "%s", d.Domain)
	}
	return err
}

func (s *Service) domainExists(ctx context.Context, d *broker.Domain, err error) error {
	if !errors.Is(err, broker.ErrExists) {
		return err
	}
	if taken := s.checkOwner(ctx, d); d.Verified && fault.CodeOf(taken) == fault.DomainTaken {
		return taken
	}
	return exists(err, "domain", d.Domain)
}

// UpdateDomain changes a claim by merge patch: an owner can call it verified, or no longer so.
func (s *Service) UpdateDomain(ctx context.Context, a Actor, realm, domain string, m Match, patch []byte) (*broker.Domain, error) {
	return attempt(m, func() (*broker.Domain, error) {
		old, err := s.domain(ctx, a, realm, domain, toSupport)
		if err != nil {
			return nil, err
		}
		doc, err := patched(old, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		sent, err := decodeDomain(doc, realm, old)
		if err != nil {
			return nil, err
		}
		if err := fixed("/domain", "domain", sent.Domain, old.Domain); err != nil {
			return nil, err
		}
		return s.setVerified(ctx, a, old, sent.Verified)
	})
}

// setVerified is an operator's own word on a domain; nil leaves it as it is.
func (s *Service) setVerified(ctx context.Context, a Actor, old *broker.Domain, verified *bool) (*broker.Domain, error) {
	if verified == nil || *verified == old.Verified {
		return old, nil
	}
	if !*verified {
		return s.putDomain(ctx, a, old, "")
	}
	if err := vouch(a); err != nil {
		return nil, err
	}
	return s.putDomain(ctx, a, old, a.Name)
}

// putDomain stores a claim as verified by somebody, or by nobody ("").
func (s *Service) putDomain(ctx context.Context, a Actor, old *broker.Domain, by string) (*broker.Domain, error) {
	d := *old
	d.Verified = by != ""
	s.settleVerified(old, &d, by)
	return &d, s.storeDomain(ctx, a, old, &d)
}

// replaceDomain stores an operator's changes to a claim.
func (s *Service) replaceDomain(ctx context.Context, a Actor, old, d *broker.Domain) error {
	s.settleVerified(old, d, a.Name)
	return s.storeDomain(ctx, a, old, d)
}

// settleVerified fills in what follows from a claim being verified, or no longer.
func (s *Service) settleVerified(old, d *broker.Domain, by string) {
	switch {
	case d.Verified && !old.Verified:
		d.VerifiedAt, d.VerifiedBy, d.CheckedAt = s.Now(), by, s.Now()
		d.LostAt, d.SuspendedAt = time.Time{}, time.Time{}
	case !d.Verified:
		d.VerifiedAt, d.VerifiedBy = time.Time{}, ""
	}
}

func (s *Service) storeDomain(ctx context.Context, a Actor, old, d *broker.Domain) error {
	kind := "domain.updated"
	switch {
	case d.Verified && !old.Verified:
		kind = "domain.verified"
	case !d.Verified && old.Verified:
		kind = "domain.unverified"
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if d.Verified {
			if err := s.checkOwner(ctx, d); err != nil {
				return err
			}
		}
		if err := s.Domains.Update(ctx, d); err != nil {
			return s.domainExists(ctx, d, err)
		}
		return s.record(ctx, a, change{kind: kind, realm: d.Realm, subject: "domain:" + d.Domain, before: old, after: d})
	})
}

// VerifyDomain looks for the TXT record that proves a claim.
func (s *Service) VerifyDomain(ctx context.Context, a Actor, realm, domain string) (*broker.Domain, error) {
	return attempt(nil, func() (*broker.Domain, error) {
		d, err := s.domain(ctx, a, realm, domain, toSupport)
		if err != nil || d.Verified {
			return d, err
		}
		if err := s.checkOwner(ctx, d); err != nil {
			return nil, err
		}
		if err := s.lookUp(ctx, d); err != nil {
			return nil, err
		}
		return s.putDomain(ctx, a, d, "dns")
	})
}

// lookUpLimit bounds how long a name server may keep an operator waiting.
const lookUpLimit = 10 * time.Second

// lookUp asks DNS. It is called outside any transaction.
func (s *Service) lookUp(ctx context.Context, d *broker.Domain) error {
	name, want := "_cloakroom."+d.Domain, "cloakroom-verify="+d.Token
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	found, err := s.TXT(ctx, name+".")
	if slices.ContainsFunc(found, func(r string) bool { return strings.TrimSpace(r) == want }) {
		return nil
	}
	f := fault.Wrap(fault.DomainUnproved, err, "%s must have the TXT record %s", name, want)
	f.Expected = want
	if len(found) > 0 {
		f.Observed = strings.Join(found[:min(len(found), 5)], " | ")
	}
	return f
}

// DeleteDomain gives a claim up.
func (s *Service) DeleteDomain(ctx context.Context, a Actor, realm, domain string, m Match) error {
	d, err := s.domain(ctx, a, realm, domain, toSupport)
	if err != nil {
		return err
	}
	if err := m.check(d.Version); err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error { return s.deleteDomain(ctx, a, d) })
}

func (s *Service) deleteDomain(ctx context.Context, a Actor, d *broker.Domain) error {
	if err := s.Domains.Delete(ctx, d.Realm, d.Domain); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "domain.deleted", realm: d.Realm, subject: "domain:" + d.Domain, before: d})
}
