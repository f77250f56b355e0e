package store

import (
	"context"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// WizardNotes keeps what people said of connections that are being set up.
type WizardNotes struct{ base }

// Note answers a connection's note, an empty one where there is none.
func (s *WizardNotes) Note(ctx context.Context, slug string) (broker.WizardNote, error) {
	n := broker.WizardNote{Slug: slug}
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.All(ctx, "SELECT realm, copied_at, copied_by FROM wizard_notes WHERE slug = ?", []any{slug}, func(scan func(...any) error) error {
			var at int64
			err := scan(&n.Realm, &at, &n.CopiedBy)
			n.CopiedAt = engine.Time(at)
			return err
		})
	})
	return n, err
}

// Keep stores a note in place of the one before.
func (s *WizardNotes) Keep(ctx context.Context, n broker.WizardNote) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, `INSERT INTO wizard_notes (realm, slug, copied_at, copied_by) VALUES (?, ?, ?, ?)
			ON CONFLICT (realm, slug) DO UPDATE SET copied_at = excluded.copied_at, copied_by = excluded.copied_by`,
			n.Realm, n.Slug, engine.Micro(n.CopiedAt), engine.Text(n.CopiedBy, 512))
		return err
	})
}
