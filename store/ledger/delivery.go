package ledger

import (
	"context"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Deliveries keeps the events that are on their way to webhooks, and what became of them. Rows come into being with the
// event, in its transaction; what is sent is read from the event.
type Deliveries struct {
	db     *engine.DB
	events *Events
}

// NewDeliveries is for store.Open.
func NewDeliveries(db *engine.DB, e *Events) *Deliveries { return &Deliveries{db, e} }

const deliveryColumns = "webhook, event, kind, status, attempts, response, answer, code, detail, created_at, queued_at, next_at, finished_at"

// announce queues stored events for the webhooks that want to hear of them. A webhook whose patterns match twice gets
// one.
func announce(ctx context.Context, q engine.Q, now int64, ids []any) error {
	args := append([]any{now, now, now}, ids...)
	_, err := q.Exec(ctx, "INSERT INTO deliveries ("+deliveryColumns+") SELECT DISTINCT f.webhook, e.id, e.kind, 'queued', 0, 0, '', '', '', CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), 0"+
		" FROM webhook_events f JOIN events e ON (f.realm = '' OR f.realm = e.realm) AND e.kind LIKE f.pattern ESCAPE '!'"+
		" WHERE e.id IN ("+strings.TrimPrefix(strings.Repeat(", ?", len(ids)), ", ")+") ON CONFLICT DO NOTHING", args...)
	return err
}

// Send stores an event and queues it for one webhook, whatever that listens to.
func (d *Deliveries) Send(ctx context.Context, webhook string, v broker.Event) (*broker.Delivery, error) {
	d.events.complete(&v)
	now := engine.Micro(d.db.Clock())
	err := d.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if err := d.events.Append(ctx, v); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "INSERT INTO deliveries ("+deliveryColumns+") VALUES (?, ?, ?, 'queued', 0, 0, '', '', '', ?, ?, ?, 0) ON CONFLICT DO NOTHING", webhook, v.ID, v.Kind, now, now, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.Get(ctx, webhook, v.ID)
}

// Due gives up to n deliveries of a webhook that are due, the oldest first, each with its event; one whose event is gone
// comes with a zero one. Whoever asks has claimed the webhook.
func (d *Deliveries) Due(ctx context.Context, webhook string, n int) (due []*broker.Delivery, events []broker.Event, err error) {
	now := engine.Micro(d.db.Clock())
	err = d.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		due = nil
		return q.All(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE webhook = ? AND status = 'queued' AND next_at <= ? ORDER BY next_at, event LIMIT ?",
			[]any{webhook, now, int64(n)}, func(scan func(...any) error) error {
				v, err := delivery(scan)
				due = append(due, v)
				return err
			})
	})
	if err != nil || len(due) == 0 {
		return nil, nil, err
	}
	events, err = d.of(ctx, due)
	return due, events, err
}

// of reads the events of deliveries, in their order.
func (d *Deliveries) of(ctx context.Context, due []*broker.Delivery) ([]broker.Event, error) {
	at, ids := map[string]int{}, make([]any, len(due))
	for i, v := range due {
		at[v.ID], ids[i] = i, v.ID
	}
	out := make([]broker.Event, len(due))
	err := d.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.All(ctx, "SELECT "+columns+" FROM events WHERE id IN ("+strings.TrimPrefix(strings.Repeat(", ?", len(ids)), ", ")+")", ids, func(scan func(...any) error) error {
			v, err := event(scan)
			if err == nil {
				out[at[v.ID]] = v
			}
			return err
		})
	})
	return out, err
}

// Finish writes what became of a try.
func (d *Deliveries) Finish(ctx context.Context, v *broker.Delivery) error {
	args := []any{v.Status, int64(v.Attempts), int64(v.Response), engine.Text(v.Answer, 1024), v.Code, engine.Text(v.Detail, 1000), engine.Micro(v.NextAt), engine.Micro(v.FinishedAt), v.Webhook, v.ID}
	return d.change(ctx, "UPDATE deliveries SET status = ?, attempts = ?, response = ?, answer = ?, code = ?, detail = ?, next_at = ?, finished_at = ? WHERE webhook = ? AND event = ? AND status = 'queued'", args...)
}

// Resend queues a delivery anew, whatever became of it.
func (d *Deliveries) Resend(ctx context.Context, webhook, id string) error {
	now := engine.Micro(d.db.Clock())
	return d.change(ctx, "UPDATE deliveries SET status = 'queued', attempts = 0, queued_at = ?, next_at = ?, finished_at = 0 WHERE webhook = ? AND event = ?", now, now, webhook, id)
}

func (d *Deliveries) change(ctx context.Context, query string, args ...any) error {
	return d.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		n, err := q.Exec(ctx, query, args...)
		if err == nil && n == 0 && !again {
			return broker.ErrNotFound
		}
		return err
	})
}

// Get finds a delivery.
func (d *Deliveries) Get(ctx context.Context, webhook, id string) (v *broker.Delivery, err error) {
	err = d.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		v = nil
		return q.All(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE webhook = ? AND event = ?", []any{webhook, id}, func(scan func(...any) error) (err error) {
			v, err = delivery(scan)
			return err
		})
	})
	if err == nil && v == nil {
		err = broker.ErrNotFound
	}
	return v, err
}

// List gives a webhook's deliveries, the newest event first.
func (d *Deliveries) List(ctx context.Context, webhook string, p broker.Page) ([]*broker.Delivery, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "webhook = ?", []any{webhook}
	if after != nil {
		where, args = where+" AND event < ?", append(args, after[0])
	}
	var out []*broker.Delivery
	err = d.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = []*broker.Delivery{}
		return q.All(ctx, "SELECT "+deliveryColumns+" FROM deliveries WHERE "+where+" ORDER BY event DESC LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			v, err := delivery(scan)
			out = append(out, v)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > p.Size() {
		out = out[:p.Size()]
		next = engine.Cursor(out[len(out)-1].ID)
	}
	return out, next, nil
}

func delivery(scan func(...any) error) (*broker.Delivery, error) {
	v := &broker.Delivery{}
	var attempts, response, created, queued, next, finished int64
	err := scan(&v.Webhook, &v.ID, &v.Type, &v.Status, &attempts, &response, &v.Answer, &v.Code, &v.Detail, &created, &queued, &next, &finished)
	v.Attempts, v.Response = int(attempts), int(response)
	v.CreatedAt, v.QueuedAt, v.NextAt, v.FinishedAt = engine.Time(created), engine.Time(queued), engine.Time(next), engine.Time(finished)
	return v, err
}

// Sweep gives up what has been queued since before patience and deletes what is older than keep, in small batches.
func (d *Deliveries) Sweep(ctx context.Context, patience, keep time.Time) error {
	now := engine.Micro(d.db.Clock())
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"UPDATE deliveries SET status = 'failed', code = ?, next_at = 0, finished_at = ? WHERE (webhook, event) IN (SELECT webhook, event FROM deliveries WHERE status = 'queued' AND queued_at < ? LIMIT 500)",
			[]any{string(fault.WebhookGivenUp), now, engine.Micro(patience)}},
		{"DELETE FROM deliveries WHERE (webhook, event) IN (SELECT webhook, event FROM deliveries WHERE created_at < ? AND status <> 'queued' LIMIT 500)", []any{engine.Micro(keep)}},
	} {
		if err := batches(ctx, d.db, s.query, s.args); err != nil {
			return err
		}
	}
	return nil
}
