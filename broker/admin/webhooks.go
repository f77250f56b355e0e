package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/webhook"
)

// WebhookStore is where webhooks are kept. A realm of "" means the installation's own.
type WebhookStore interface {
	Create(ctx context.Context, w *broker.Webhook) error
	Get(ctx context.Context, realm, id string) (*broker.Webhook, error)
	Update(ctx context.Context, w *broker.Webhook) error
	Delete(ctx context.Context, realm, id string) error
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Webhook, string, error)
	// Release forgets a webhook's failures, so that the next try is made at once.
	Release(ctx context.Context, id string) error
}

// Deliveries is where events on their way to webhooks are kept.
type Deliveries interface {
	List(ctx context.Context, webhook string, p broker.Page) ([]*broker.Delivery, string, error)
	Get(ctx context.Context, webhook, id string) (*broker.Delivery, error)
	Resend(ctx context.Context, webhook, id string) error
	// Send stores an event and queues it for one webhook, whatever that listens to.
	Send(ctx context.Context, webhook string, e broker.Event) (*broker.Delivery, error)
}

// Webhooks is what the verbs of webhooks need.
type Webhooks struct {
	Store      WebhookStore
	Deliveries Deliveries
}

// WebhookPatch is what operators say of a webhook. The verbs take "" for a realm where the installation is meant.
type WebhookPatch struct {
	Name    string   `json:"name"`
	URL     string   `json:"url"`
	Events  []string `json:"events" doc:"Kinds of events like login.failed, all of an area like connection.*, or *"`
	Enabled bool     `json:"enabled"`
}

const (
	// maxWebhooks bounds what each event is compared with.
	maxWebhooks = 50
	// bothSecrets is how long the secret before the current one signs too.
	bothSecrets = 24 * time.Hour
)

// within is the wall around what a realm, or with "" the installation, owns.
func (s *Service) within(ctx context.Context, a Actor, realm string, r right) error {
	if realm == "" {
		return a.installation(r)
	}
	_, err := s.enter(ctx, a, realm, r)
	return err
}

// ListWebhooks answers webhooks by name.
func (s *Service) ListWebhooks(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Webhook], error) {
	if err := s.within(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Webhook]{}, err
	}
	return page(s.Webhooks.Store.List(ctx, realm, p))
}

// GetWebhook answers one webhook.
func (s *Service) GetWebhook(ctx context.Context, a Actor, realm, id string) (*broker.Webhook, error) {
	return s.webhook(ctx, a, realm, id, toRead)
}

func (s *Service) webhook(ctx context.Context, a Actor, realm, id string, r right) (*broker.Webhook, error) {
	if err := s.within(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Webhooks.Store.Get(ctx, realm, id)
}

// CreateWebhook makes a webhook with a secret, which is answered this once.
func (s *Service) CreateWebhook(ctx context.Context, a Actor, realm string, body []byte) (*broker.Webhook, error) {
	if err := s.within(ctx, a, realm, toOwn); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	w := &broker.Webhook{ID: uuid.NewString(), Realm: realm, Secret: webhook.NewSecret()}
	if err := fillWebhook(w, under(doc, map[string]any{"enabled": true})); err != nil {
		return nil, err
	}
	if err := s.roomForWebhook(ctx, realm); err != nil {
		return nil, err
	}
	return w, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Webhooks.Store.Create(ctx, w); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "webhook.created", realm: realm, subject: "webhook:" + w.ID, after: w})
	})
}

// fillWebhook reads and checks what operators say.
func fillWebhook(w *broker.Webhook, doc map[string]any) error {
	var sent WebhookPatch
	if err := decode(doc, &sent); err != nil {
		return err
	}
	w.Name, w.URL, w.Events, w.Enabled = sent.Name, sent.URL, sent.Events, sent.Enabled
	w.Defaults()
	return w.Validate()
}

func (s *Service) roomForWebhook(ctx context.Context, realm string) error {
	_, next, err := s.Webhooks.Store.List(ctx, realm, broker.Page{Limit: maxWebhooks - 1})
	if err == nil && next != "" {
		var p problems
		p.add("", "there are %d webhooks already, and no more are kept", maxWebhooks)
		err = p.err()
	}
	return err
}

// UpdateWebhook changes a webhook by merge patch. One that is switched on starts with a clean record.
func (s *Service) UpdateWebhook(ctx context.Context, a Actor, realm, id string, m Match, patch []byte) (*broker.Webhook, error) {
	return attempt(m, func() (*broker.Webhook, error) {
		old, err := s.webhook(ctx, a, realm, id, toOwn)
		if err != nil {
			return nil, err
		}
		doc, err := patched(WebhookPatch{old.Name, old.URL, old.Events, old.Enabled}, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		w := *old
		if err := fillWebhook(&w, doc); err != nil {
			return nil, err
		}
		return &w, s.replaceWebhook(ctx, a, old, &w)
	})
}

func (s *Service) replaceWebhook(ctx context.Context, a Actor, old, w *broker.Webhook) error {
	if w.Enabled {
		w.DisabledReason = ""
	}
	changed, err := changes(old, w, nil)
	if err != nil || len(changed) == 0 {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Webhooks.Store.Update(ctx, w); err != nil {
			return err
		}
		if w.Enabled && (!old.Enabled || w.URL != old.URL) {
			if err := s.Webhooks.Store.Release(ctx, w.ID); err != nil {
				return err
			}
			w.WebhookHealth = broker.WebhookHealth{LastSuccessAt: old.LastSuccessAt, LastFailureAt: old.LastFailureAt}
		}
		return s.record(ctx, a, change{kind: "webhook.updated", realm: w.Realm, subject: "webhook:" + w.ID, detail: told(changed), before: old, after: w})
	})
}

// DeleteWebhook removes a webhook with what was on its way to it.
func (s *Service) DeleteWebhook(ctx context.Context, a Actor, realm, id string, m Match) error {
	w, err := s.webhook(ctx, a, realm, id, toOwn)
	if err != nil {
		return err
	}
	if err := m.check(w.Version); err != nil {
		return err
	}
	return s.remove(ctx, a, change{kind: "webhook.deleted", realm: realm, subject: "webhook:" + id, before: w},
		func(ctx context.Context) error { return s.Webhooks.Store.Delete(ctx, realm, id) })
}

// RotateWebhookSecret makes a new secret, answered this once. The one before it signs too for a day.
func (s *Service) RotateWebhookSecret(ctx context.Context, a Actor, realm, id string) (*broker.Webhook, error) {
	return attempt(nil, func() (*broker.Webhook, error) {
		w, err := s.webhook(ctx, a, realm, id, toOwn)
		if err != nil {
			return nil, err
		}
		w.PreviousSecret, w.PreviousUntil, w.Secret = w.Secret, s.Now().Add(bothSecrets), webhook.NewSecret()
		return w, s.Tx(ctx, func(ctx context.Context) error {
			if err := s.Webhooks.Store.Update(ctx, w); err != nil {
				return err
			}
			detail := fmt.Sprintf("the secret before it signs too until %s UTC", w.PreviousUntil.UTC().Format(time.DateTime))
			return s.record(ctx, a, change{kind: "webhook.secret_rotated", realm: realm, subject: "webhook:" + id, detail: detail})
		})
	})
}

// ListDeliveries answers what was and is on its way to a webhook, the newest event first.
func (s *Service) ListDeliveries(ctx context.Context, a Actor, realm, id string, p broker.Page) (Page[*broker.Delivery], error) {
	if _, err := s.webhook(ctx, a, realm, id, toRead); err != nil {
		return Page[*broker.Delivery]{}, err
	}
	return page(s.Webhooks.Deliveries.List(ctx, id, p))
}

// GetDelivery answers one of them.
func (s *Service) GetDelivery(ctx context.Context, a Actor, realm, id, delivery string) (*broker.Delivery, error) {
	if _, err := s.webhook(ctx, a, realm, id, toRead); err != nil {
		return nil, err
	}
	if delivery == "" || len(delivery) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Webhooks.Deliveries.Get(ctx, id, delivery)
}

// Resend queues a delivery anew, whatever became of it. Receivers know it by the ID that it had.
func (s *Service) Resend(ctx context.Context, a Actor, realm, id, delivery string) (*broker.Delivery, error) {
	if err := s.listening(ctx, a, realm, id); err != nil {
		return nil, err
	}
	err := s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Webhooks.Deliveries.Resend(ctx, id, delivery); err != nil {
			return err
		}
		if err := s.Webhooks.Store.Release(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "webhook.resent", realm: realm, subject: "webhook:" + id, detail: "event " + delivery})
	})
	if err != nil {
		return nil, err
	}
	return s.GetDelivery(ctx, a, realm, id, delivery)
}

// listening is the wall around sending something to a webhook.
func (s *Service) listening(ctx context.Context, a Actor, realm, id string) error {
	w, err := s.webhook(ctx, a, realm, id, toSupport)
	if err == nil && !w.Enabled {
		err = fault.New(fault.WebhookDisabled, "%s", w.Name)
	}
	return err
}

// TestWebhook sends a webhook an event of kind webhook.tested, which is its line in the audit log too.
func (s *Service) TestWebhook(ctx context.Context, a Actor, realm, id string) (d *broker.Delivery, err error) {
	if err := s.listening(ctx, a, realm, id); err != nil {
		return nil, err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Webhooks.Store.Release(ctx, id); err != nil {
			return err
		}
		d, err = s.Webhooks.Deliveries.Send(ctx, id, broker.Event{
			At: s.Now(), Realm: realm, Kind: "webhook.tested", Actor: a.Name, Subject: "webhook:" + id, RemoteIP: a.RemoteIP,
		})
		return err
	})
	return d, err
}
