package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// DomainPatch is what is written of a domain; all else is found out here.
type DomainPatch struct {
	Domain   string `json:"domain"`
	Verified *bool  `json:"verified"`
	Reason   string `json:"reason" doc:"Why an owner calls the domain verified, or no longer so; for the audit log"`
}

// maxReason bounds what the audit log keeps of a reason, in bytes.
const maxReason = 1000

// DomainShown are the fields that answers add to a claim: read only, and ignored when they are sent back.
type DomainShown struct {
	Unicode    string       `json:"unicode" doc:"The domain as people write it"`
	Record     DomainRecord `json:"record" doc:"The record that proves the claim"`
	SuspendsAt time.Time    `json:"suspends_at,omitzero" doc:"When the domain is suspended unless its record comes back"`
	Warnings   []string     `json:"warnings,omitempty"`
}

// DomainRecord is what to publish in DNS.
type DomainRecord struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ShowDomain is what people and programs are shown of a claim beside itself.
func ShowDomain(d *broker.Domain) DomainShown {
	name, value := domain.Record(d)
	return DomainShown{Unicode: domain.Unicode(d.Domain), Record: DomainRecord{"TXT", name, value}, SuspendsAt: domain.SuspendsAt(d)}
}

// DomainWarnings are what an operator should know of a claim: that the domain is a part of one that another realm has
// verified.
func (s *Service) DomainWarnings(ctx context.Context, d *broker.Domain) ([]string, error) {
	for _, above := range domain.Parents(d.Domain) {
		holder, err := s.Domains.Verified(ctx, above)
		if errors.Is(err, broker.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if holder.Realm == d.Realm {
			return nil, nil
		}
		return []string{above + ", of which this domain is a part, is verified by another realm: make sure that this part is not theirs too"}, nil
	}
	return nil, nil
}

// decodeDomain reads a document, and refuses other values for what is not the sender's to say.
func decodeDomain(doc map[string]any, realm string, old *broker.Domain) (DomainPatch, error) {
	reason, err := takeReason(doc)
	if err != nil {
		return DomainPatch{}, err
	}
	doc = without(doc, []string{"reason", "unicode", "record", "suspends_at", "warnings"})
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
	out := DomainPatch{Domain: sent.Domain, Reason: reason}
	if _, written := doc["verified"]; written {
		out.Verified = &sent.Verified
	}
	return out, p.err()
}

func takeReason(doc map[string]any) (string, error) {
	var p problems
	reason, ok := doc["reason"].(string)
	switch v := doc["reason"]; {
	case v != nil && !ok:
		p.add("/reason", "is %s where a text is expected", describe(v))
	case len(reason) > maxReason:
		p.add("/reason", "is longer than %d bytes", maxReason)
	}
	return strings.TrimSpace(reason), p.err()
}

// ListDomains answers the domains that a realm claims.
func (s *Service) ListDomains(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Domain], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Domain]{}, err
	}
	return page(s.Domains.List(ctx, realm, p))
}

// GetDomain answers one claim.
func (s *Service) GetDomain(ctx context.Context, a Actor, realm, name string) (*broker.Domain, error) {
	return s.domain(ctx, a, realm, name, toRead)
}

func (s *Service) domain(ctx context.Context, a Actor, realm, name string, r right) (*broker.Domain, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	n, err := email.Domain(name)
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
	d, reason, err := s.buildDomain(a, realm, doc)
	if err != nil {
		return nil, err
	}
	return d, s.Tx(ctx, func(ctx context.Context) error { return s.createDomain(ctx, a, d, reason) })
}

// buildDomain reads and checks a new claim.
func (s *Service) buildDomain(a Actor, realm string, doc map[string]any) (d *broker.Domain, reason string, err error) {
	sent, err := decodeDomain(doc, realm, &broker.Domain{})
	if err != nil {
		return nil, "", err
	}
	n, err := claimable(sent.Domain)
	if err != nil {
		return nil, "", err
	}
	d = &broker.Domain{Domain: n, Realm: realm, Token: domain.NewToken()}
	if sent.Verified != nil && *sent.Verified {
		if err := vouch(a); err != nil {
			return nil, "", err
		}
		domain.Vouch(d, a.Name, s.Now())
	}
	return d, sent.Reason, nil
}

// claimable answers the domain in normal form if a realm can own it, domain.public for one that is everybody's, or what
// is wrong with the field.
func claimable(name string) (string, error) {
	n, err := email.Domain(name)
	var p problems
	code := fault.Invalid
	switch {
	case name == "":
		p.add("/domain", "is missing")
	case err != nil && singleLabel(name):
		code = fault.DomainPublic
		p.add("/domain", "%q has only one label: it is a top-level domain, or a name inside somebody's network", name)
	case err != nil:
		p.add("/domain", "%s", fault.As(err).Detail)
	case email.PublicSuffix(n):
		code = fault.DomainPublic
		p.add("/domain", "%q is a public suffix: anybody can have a domain under it, so nobody owns it here", n)
	case email.FreeMail(n):
		code = fault.DomainPublic
		p.add("/domain", "%q gives mailboxes to anybody, so no organisation owns its addresses", n)
	case !domain.Provable(n):
		p.add("/domain", "is too long: the name of its TXT record would not fit into DNS")
	default:
		return n, nil
	}
	return n, fault.Wrap(code, p.list, "%s", p.list[0].Detail)
}

// singleLabel reports whether all that is wrong with a domain is that nothing stands above it.
func singleLabel(name string) bool {
	_, err := email.Domain(strings.TrimSpace(name) + ".example")
	return err == nil && !strings.Contains(name, ".")
}

// vouch is the right to call a domain verified without proof. It decides between realms, so it takes an owner of the
// whole installation.
func vouch(a Actor) error {
	if a.wholeOwner() {
		return nil
	}
	return fault.New(fault.Forbidden, "only an owner of the whole installation can call a domain verified; publish the TXT record and verify it instead")
}

func (s *Service) createDomain(ctx context.Context, a Actor, d *broker.Domain, reason string) error {
	if d.Verified {
		if err := s.checkOwner(ctx, d); err != nil {
			return err
		}
	}
	if err := s.Domains.Create(ctx, d); err != nil {
		return s.domainExists(ctx, d, err)
	}
	detail, err := s.domainDetail(ctx, d, reason)
	if err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "domain.created", realm: d.Realm, subject: "domain:" + d.Domain, detail: detail, after: d})
}

// domainDetail is the audit line's text: why, and what should have been thought of.
func (s *Service) domainDetail(ctx context.Context, d *broker.Domain, reason string) (string, error) {
	if !d.Verified || d.VerifiedBy == domain.ByDNS {
		return reason, nil
	}
	warnings, err := s.DomainWarnings(ctx, d)
	if reason != "" {
		warnings = append([]string{reason}, warnings...)
	}
	return strings.Join(warnings, "; "), err
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
func (s *Service) UpdateDomain(ctx context.Context, a Actor, realm, name string, m Match, patch []byte) (*broker.Domain, error) {
	return attempt(m, func() (*broker.Domain, error) {
		old, err := s.domain(ctx, a, realm, name, toSupport)
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
		return s.setVerified(ctx, a, old, sent)
	})
}

// setVerified is an operator's own word on a domain.
func (s *Service) setVerified(ctx context.Context, a Actor, old *broker.Domain, sent DomainPatch) (*broker.Domain, error) {
	if sent.Verified == nil || *sent.Verified == old.Verified {
		return old, nil
	}
	d := *old
	if *sent.Verified {
		if err := vouch(a); err != nil {
			return nil, err
		}
		domain.Vouch(&d, a.Name, s.Now())
	} else {
		domain.Withdraw(&d)
	}
	return &d, s.storeDomain(ctx, a, old, &d, sent.Reason)
}

// storeDomain stores a changed claim and its audit line.
func (s *Service) storeDomain(ctx context.Context, a Actor, old, d *broker.Domain, reason string) error {
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
		detail, err := s.domainDetail(ctx, d, reason)
		if err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: kind, realm: d.Realm, subject: "domain:" + d.Domain, detail: detail, before: old, after: d})
	})
}

// VerifyDomain looks for the TXT record that proves a claim. A claim that an operator vouched for stays verified if there
// is none, and is proved by DNS from now on if there is.
func (s *Service) VerifyDomain(ctx context.Context, a Actor, realm, name string) (*broker.Domain, error) {
	return attempt(nil, func() (*broker.Domain, error) {
		old, err := s.domain(ctx, a, realm, name, toSupport)
		if err != nil || old.Verified && old.VerifiedBy == domain.ByDNS && old.LostAt.IsZero() {
			return old, err
		}
		// Who else is a customer here is for those to know who see all realms; others learn it once they have proved the domain.
		if len(a.Realms) == 0 {
			err = s.checkOwner(ctx, old)
		}
		if err != nil {
			return nil, err
		}
		if err := s.lookUp(ctx, old); err != nil {
			if old.Verified && old.LostAt.IsZero() {
				return old, nil
			}
			return nil, err
		}
		if err := s.checkOwner(ctx, old); err != nil {
			return nil, err
		}
		d := *old
		domain.Prove(&d, s.Now())
		return &d, s.storeDomain(ctx, a, old, &d, "")
	})
}

// lookUp asks DNS. It is called outside any transaction.
func (s *Service) lookUp(ctx context.Context, d *broker.Domain) error {
	if s.AllowLookup != nil && !s.AllowLookup(d.Realm) {
		return fault.New(fault.RateLimited, "the domains of realm %s were looked up too often within a minute", d.Realm)
	}
	return domain.Explain(ctx, s.TXT, d, domain.Look(ctx, s.TXT, d))
}

// DeleteDomain gives a claim up.
func (s *Service) DeleteDomain(ctx context.Context, a Actor, realm, name string, m Match) error {
	d, err := s.domain(ctx, a, realm, name, toSupport)
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
