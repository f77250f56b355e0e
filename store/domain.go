package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Domains keeps the realms' claims on email domains. Many realms may claim one; at most one has it verified.
type Domains struct{ base }

type domainRow struct {
	Realm     string
	Domain    string
	Verified  bool
	Doc       string
	CheckAt   int64
	CheckedAt int64
	Stamp     stamp `gorm:"embedded"`
}

func domainRowOf(d *broker.Domain) (*domainRow, error) {
	doc, err := engine.Doc(d)
	return &domainRow{
		Realm: d.Realm, Domain: d.Domain, Verified: d.Verified, Doc: doc,
		CheckAt: engine.Micro(d.CheckAt), CheckedAt: engine.Micro(d.CheckedAt), Stamp: stampOf(d.Meta),
	}, err
}

func (r *domainRow) domain() (*broker.Domain, error) {
	d := &broker.Domain{}
	err := engine.Undoc(r.Doc, d)
	d.Realm, d.Domain, d.Verified, d.Meta = r.Realm, r.Domain, r.Verified, r.Stamp.meta()
	d.CheckAt, d.CheckedAt = engine.Time(r.CheckAt), engine.Time(r.CheckedAt)
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
			"verified": row.Verified, "doc": row.Doc, "check_at": row.CheckAt, "checked_at": row.CheckedAt, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
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

// Due takes up to n claims whose check is due, for one worker alone: until the given time they are due for nobody else.
// Then whoever asks may have them, as the worker must have died.
func (s *Domains) Due(ctx context.Context, n int, until time.Time) (due []*broker.Domain, err error) {
	now := engine.Micro(s.db.Clock())
	if some, err := s.anyDue(ctx, now); err != nil || !some {
		return nil, err
	}
	lock := ""
	if s.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	query := "UPDATE domains SET check_at = ? WHERE check_at > 0 AND check_at <= ? AND (realm, domain) IN" +
		" (SELECT realm, domain FROM domains WHERE check_at > 0 AND check_at <= ? ORDER BY check_at LIMIT ?" + lock + ")" +
		" RETURNING realm, domain, verified, doc, check_at, checked_at, created_at, updated_at, version"
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		due = nil
		return q.All(ctx, query, []any{engine.Micro(until), now, now, int64(n)}, func(scan func(...any) error) error {
			var r domainRow
			if err := scan(&r.Realm, &r.Domain, &r.Verified, &r.Doc, &r.CheckAt, &r.CheckedAt, &r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.Version); err != nil {
				return err
			}
			d, err := r.domain()
			due = append(due, d)
			return err
		})
	})
	return due, err
}

// anyDue looks before Due writes: where nothing is due, readers alone pay.
func (s *Domains) anyDue(ctx context.Context, now int64) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM domains WHERE check_at > 0 AND check_at <= ? LIMIT 1) x", []any{now}, &n)
	})
	return n > 0, err
}

// Checked notes a check that found the claim as it was, and when the next is due. Version and UpdatedAt stay, and no
// cache forgets anything. ErrConflict if the claim, or the time of its last check, is no longer what d says.
func (s *Domains) Checked(ctx context.Context, d *broker.Domain, at, next time.Time) error {
	args := []any{engine.Micro(at), engine.Micro(next), d.Realm, d.Domain, d.Version, engine.Micro(d.CheckedAt)}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "UPDATE domains SET checked_at = ?, check_at = ? WHERE realm = ? AND domain = ? AND version = ? AND checked_at = ?", args...)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		return err
	})
}
