package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Webhooks keeps the addresses that are told of events, secrets sealed.
type Webhooks struct{ base }

type webhookRow struct {
	ID            string
	Realm         *string
	Name          string
	Enabled       bool
	Doc           string
	Secrets       []byte
	Stamp         stamp `gorm:"embedded"`
	Holder        string
	LeaseUntil    int64
	HoldUntil     int64
	FailingSince  int64
	Failures      int64
	LastSuccessAt int64
	LastFailureAt int64
}

// webhookSecrets is what is sealed.
type webhookSecrets struct{ Secret, Previous string }

func webhookAAD(realm, id string) []byte { return []byte("webhook:" + realm + "/" + id) }

func (s *Webhooks) rowOf(w *broker.Webhook) (*webhookRow, error) {
	doc, err := engine.Doc(w) // secrets marshal as a mask
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(webhookSecrets{w.Secret.Reveal(), w.PreviousSecret.Reveal()})
	if err != nil {
		return nil, err
	}
	row := &webhookRow{
		ID: w.ID, Name: w.Name, Enabled: w.Enabled, Doc: doc, Secrets: s.seal.Seal(plain, webhookAAD(w.Realm, w.ID)), Stamp: stampOf(w.Meta),
		Holder: w.Holder, HoldUntil: engine.Micro(w.HoldUntil), FailingSince: engine.Micro(w.FailingSince), Failures: int64(w.Failures),
		LastSuccessAt: engine.Micro(w.LastSuccessAt), LastFailureAt: engine.Micro(w.LastFailureAt),
	}
	if w.Realm != "" {
		row.Realm = &w.Realm
	}
	return row, nil
}

func (s *Webhooks) thing(r *webhookRow) (*broker.Webhook, error) {
	w := &broker.Webhook{}
	if err := engine.Undoc(r.Doc, w); err != nil {
		return nil, err
	}
	w.ID, w.Realm, w.Meta = r.ID, "", r.Stamp.meta()
	if r.Realm != nil {
		w.Realm = *r.Realm
	}
	w.WebhookHealth = broker.WebhookHealth{
		FailingSince: engine.Time(r.FailingSince), Failures: int(r.Failures), LastSuccessAt: engine.Time(r.LastSuccessAt), LastFailureAt: engine.Time(r.LastFailureAt),
		HoldUntil: engine.Time(r.HoldUntil), Holder: r.Holder,
	}
	var secrets webhookSecrets
	b, err := s.seal.Open(r.Secrets, webhookAAD(w.Realm, w.ID))
	if err == nil {
		err = json.Unmarshal(b, &secrets)
	}
	if err != nil {
		return nil, fmt.Errorf("secrets of webhook %s: %w", r.ID, err)
	}
	w.Secret, w.PreviousSecret = broker.Secret(secrets.Secret), broker.Secret(secrets.Previous)
	return w, nil
}

// ofRealm narrows to a realm's webhooks, or with "" to the installation's.
func ofRealm(g *gorm.DB, realm string) *gorm.DB {
	if realm == "" {
		return g.Where("realm IS NULL")
	}
	return g.Where("realm = ?", realm)
}

// Get finds a webhook of a realm, or with "" of the installation.
func (s *Webhooks) Get(ctx context.Context, realm, id string) (*broker.Webhook, error) {
	rows, err := find[webhookRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return ofRealm(g.Table("webhooks").Where("id = ?", id), realm).Limit(1)
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, broker.ErrNotFound
	}
	return s.thing(&rows[0])
}

// List gives a realm's webhooks by name, or with "" the installation's.
func (s *Webhooks) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Webhook, string, error) {
	return list(ctx, s.base, p, []string{"name", "id"}, func(r *webhookRow) []string { return []string{r.Name, r.ID} },
		func(g *gorm.DB) *gorm.DB { return ofRealm(g.Table("webhooks"), realm) }, s.thing)
}

// Create stores a new webhook.
func (s *Webhooks) Create(ctx context.Context, w *broker.Webhook) error {
	return s.write(ctx, &w.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&w.Meta)
		row, err := s.rowOf(w)
		if err != nil {
			return err
		}
		if err := insert(ctx, t, "webhooks", row); err != nil {
			return err
		}
		return listens(ctx, t, w)
	})
}

// Update stores a webhook if w.Version is still the stored one. How it has been answering is not changed by it.
func (s *Webhooks) Update(ctx context.Context, w *broker.Webhook) error {
	return s.write(ctx, &w.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&w.Meta)
		row, err := s.rowOf(w)
		if err != nil {
			return err
		}
		err = update(ctx, t, "webhooks", was, map[string]any{
			"name": row.Name, "enabled": row.Enabled, "doc": row.Doc, "secrets": row.Secrets, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "id = ?", w.ID)
		if err != nil {
			return err
		}
		return listens(ctx, t, w)
	})
}

// listens writes the side table that events are matched with. One that is switched off hears of nothing.
func listens(ctx context.Context, t *engine.Txn, w *broker.Webhook) error {
	if _, err := t.Exec(ctx, "DELETE FROM webhook_events WHERE webhook = ?", w.ID); err != nil || !w.Enabled {
		return err
	}
	for _, e := range w.Events {
		pattern := engine.Like(strings.TrimSuffix(e, "*"))
		if strings.HasSuffix(e, "*") {
			pattern += "%"
		}
		if _, err := t.Exec(ctx, "INSERT INTO webhook_events (webhook, realm, pattern) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", w.ID, w.Realm, pattern); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a webhook with what was on its way to it.
func (s *Webhooks) Delete(ctx context.Context, realm, id string) error {
	if _, err := s.Get(ctx, realm, id); err != nil {
		return err
	}
	if err := s.drain(ctx, "deliveries", "webhook, event", "webhook = ?", id); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM webhooks WHERE id = ?", id)
	})
}

// due is what Claim looks for: enabled, held by nobody, and something is due.
const webhookDue = "enabled AND lease_until <= ? AND hold_until <= ? AND EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id AND d.status = 'queued' AND d.next_at <= ?)"

// Claim takes up to n webhooks that something is due for, for one worker alone until the given time; then whoever asks
// may have them, as the worker must have died.
func (s *Webhooks) Claim(ctx context.Context, holder string, n int, until time.Time) ([]*broker.Webhook, error) {
	now := engine.Micro(s.db.Clock())
	if some, err := s.anyDue(ctx, now); err != nil || !some {
		return nil, err
	}
	lock := ""
	if s.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	query := "WITH due AS MATERIALIZED (SELECT id FROM webhooks w WHERE " + webhookDue + " ORDER BY lease_until LIMIT ?" + lock + ")" +
		" UPDATE webhooks SET holder = ?, lease_until = ? WHERE lease_until <= ? AND id IN (SELECT id FROM due) RETURNING id"
	var ids []string
	err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		ids = nil
		return q.All(ctx, query, []any{now, now, now, int64(n), holder, engine.Micro(until), now}, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	rows, err := find[webhookRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("webhooks").Where("id IN ? AND holder = ?", ids, holder)
	})
	if err != nil {
		return nil, err
	}
	return things(rows, s.thing)
}

// anyDue looks before Claim writes: where nothing is due, readers alone pay.
func (s *Webhooks) anyDue(ctx context.Context, now int64) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM webhooks w WHERE "+webhookDue+" LIMIT 1) x", []any{now, now, now}, &n)
	})
	return n > 0, err
}

// Settle notes how a claimed webhook has been answering and ends the claim; broker.ErrNotFound if it was not ours any
// more. The version stays.
func (s *Webhooks) Settle(ctx context.Context, w *broker.Webhook) error {
	h := w.WebhookHealth
	args := []any{engine.Micro(h.HoldUntil), engine.Micro(h.FailingSince), int64(h.Failures), engine.Micro(h.LastSuccessAt), engine.Micro(h.LastFailureAt), w.ID, h.Holder}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		n, err := q.Exec(ctx, "UPDATE webhooks SET hold_until = ?, failing_since = ?, failures = ?, last_success_at = ?, last_failure_at = ?, holder = '', lease_until = 0 WHERE id = ? AND holder = ?", args...)
		if err == nil && n == 0 && !again {
			return broker.ErrNotFound
		}
		return err
	})
}

// Release forgets a webhook's failures, so that the next try is made at once.
func (s *Webhooks) Release(ctx context.Context, id string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "UPDATE webhooks SET hold_until = 0, failing_since = 0, failures = 0 WHERE id = ?", id)
		return err
	})
}
