package store

import (
	"context"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Domains keeps the realms' claims on email domains. Many realms may claim one; at most one has it verified.
type Domains struct{ base }

type domainRow struct {
	Realm    string
	Domain   string
	Verified bool
	Doc      string
	Stamp    stamp `gorm:"embedded"`
}

func domainRowOf(d *broker.Domain) (*domainRow, error) {
	doc, err := engine.Doc(d)
	return &domainRow{Realm: d.Realm, Domain: d.Domain, Verified: d.Verified, Doc: doc, Stamp: stampOf(d.Meta)}, err
}

func (r *domainRow) domain() (*broker.Domain, error) {
	d := &broker.Domain{}
	err := engine.Undoc(r.Doc, d)
	d.Realm, d.Domain, d.Verified, d.Meta = r.Realm, r.Domain, r.Verified, r.Stamp.meta()
	return d, err
}

// Get finds a realm's claim on a domain.
func (s *Domains) Get(ctx context.Context, realm, domain string) (*broker.Domain, error) {
	row, err := one[domainRow](ctx, s.base, "domains", "realm = ? AND domain = ?", realm, domain)
	if err != nil {
		return nil, err
	}
	return row.domain()
}

// Verified finds the one claim on a domain that was verified.
func (s *Domains) Verified(ctx context.Context, domain string) (*broker.Domain, error) {
	row, err := one[domainRow](ctx, s.base, "domains", "domain = ? AND verified", domain)
	if err != nil {
		return nil, err
	}
	return row.domain()
}

// Create stores a new claim; ErrExists too if it is verified and another realm's is.
func (s *Domains) Create(ctx context.Context, d *broker.Domain) error {
	return s.write(ctx, &d.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&d.Meta)
		row, err := domainRowOf(d)
		if err != nil {
			return err
		}
		t.Changed("domain", d.Realm, d.Domain)
		return insert(ctx, t, "domains", row)
	})
}

// Update stores a claim if d.Version is still the stored one; ErrExists if it is now verified and another realm's is.
func (s *Domains) Update(ctx context.Context, d *broker.Domain) error {
	return s.write(ctx, &d.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&d.Meta)
		row, err := domainRowOf(d)
		if err != nil {
			return err
		}
		t.Changed("domain", d.Realm, d.Domain)
		return update(ctx, t, "domains", was, map[string]any{
			"verified": row.Verified, "doc": row.Doc, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "realm = ? AND domain = ?", d.Realm, d.Domain)
	})
}

// Delete removes a claim.
func (s *Domains) Delete(ctx context.Context, realm, domain string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		t.Changed("domain", realm, domain)
		return remove(ctx, t, "DELETE FROM domains WHERE realm = ? AND domain = ?", realm, domain)
	})
}

// List gives a realm's claims by domain.
func (s *Domains) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Domain, string, error) {
	return list(ctx, s.base, p, []string{"domain"}, func(r *domainRow) []string { return []string{r.Domain} },
		func(g *gorm.DB) *gorm.DB {
			g = g.Table("domains").Where("realm = ?", realm)
			if p.Query != "" {
				g = g.Where("domain LIKE ? ESCAPE '!'", "%"+engine.Like(folded(p.Query))+"%")
			}
			return g
		}, (*domainRow).domain)
}
