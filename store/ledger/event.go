// Package ledger keeps what only grows: the audit log and what happened at logins.
package ledger

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Events is the ledger. Append writes at once and takes part in a transaction: an audited change and its line are there
// together or not at all. Log never waits: what happens at logins is queued and written many at a time.
type Events struct {
	db      *engine.DB
	queue   chan broker.Event
	dropped atomic.Int64
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

const (
	queueSize  = 8192
	batchSize  = 128 // a power of two: rests are written as powers of two, so few statements are prepared
	flushEvery = 250 * time.Millisecond
)

// NewEvents is for store.Open.
func NewEvents(db *engine.DB) *Events {
	e := &Events{db: db, queue: make(chan broker.Event, queueSize), stop: make(chan struct{}), stopped: make(chan struct{})}
	go e.run()
	return e
}

const columns = "id, at, realm, kind, actor, subject, ref, connection, client, user_id, email, code, detail, before, after, remote_ip"

const columnCount = 16

func args(v *broker.Event) []any {
	t := func(s string) string { return engine.Text(s, 4096) }
	return []any{v.ID, engine.Micro(v.At), t(v.Realm), t(v.Kind), t(v.Actor), t(v.Subject), t(v.Ref), t(v.Connection), t(v.Client), t(v.UserID), engine.Text(v.Email, 320),
		t(v.Code), engine.Text(v.Detail, 16<<10), engine.Blob(v.Before), engine.Blob(v.After), t(v.RemoteIP)}
}

// insert is the statement for n events.
func insert(n int) string {
	row := ", (" + strings.TrimPrefix(strings.Repeat(", ?", columnCount), ", ") + ")"
	return "INSERT INTO events (" + columns + ") VALUES " + strings.TrimPrefix(strings.Repeat(row, n), ", ") + " ON CONFLICT DO NOTHING"
}

// complete gives an event its time and ID.
func (e *Events) complete(v *broker.Event) {
	if v.At.IsZero() {
		v.At = e.db.Clock()
	}
	if v.ID == "" {
		v.ID = NewID(v.At)
	}
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewID makes an ID that sorts by time: 48 bits of milliseconds, 80 random ones, Crockford base 32.
func NewID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	_, _ = rand.Read(b[6:])
	return crockford.EncodeToString(b[:])
}

// Oldest is what no ID made at a time or later sorts before.
func Oldest(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(at.UnixMilli())<<16)
	return crockford.EncodeToString(b[:])
}

// Append writes an event now, in ctx's transaction where there is one, and queues it for the webhooks that listen.
func (e *Events) Append(ctx context.Context, v broker.Event) error {
	e.complete(&v)
	return e.store(ctx, []broker.Event{v})
}

// Log queues an event. It never waits: when the database has been away for so long that the queue is full, the event is
// dropped and counted.
func (e *Events) Log(v broker.Event) {
	e.complete(&v)
	select {
	case <-e.stop:
		e.dropped.Add(1)
		return
	default:
	}
	select {
	case e.queue <- v:
	default:
		e.dropped.Add(1)
	}
}

// Dropped counts the events that were lost.
func (e *Events) Dropped() int64 { return e.dropped.Load() }

// Close writes what is queued.
func (e *Events) Close() error {
	e.once.Do(func() { close(e.stop) })
	<-e.stopped
	return nil
}

func (e *Events) run() {
	defer close(e.stopped)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var waiting []broker.Event
	for {
		select {
		case v := <-e.queue:
			if waiting = append(waiting, v); len(waiting) < batchSize {
				continue
			}
		case <-tick.C:
		case <-e.stop:
			e.drain(waiting)
			return
		}
		e.write(waiting)
		waiting = waiting[:0]
	}
}

func (e *Events) drain(waiting []broker.Event) {
	for {
		select {
		case v := <-e.queue:
			waiting = append(waiting, v)
		default:
			e.write(waiting)
			return
		}
	}
}

// write stores events in statements of 128, 64, 32 … rows.
func (e *Events) write(events []broker.Event) {
	for n := batchSize; n > 0; n /= 2 {
		for len(events) >= n {
			if err := e.store(context.Background(), events[:n]); err != nil {
				e.dropped.Add(int64(n))
				e.db.Log.Error("events were lost", "count", n, "error", err)
			}
			events = events[n:]
		}
	}
}

// store writes events together with what becomes of them: deliveries to webhooks.
func (e *Events) store(ctx context.Context, events []broker.Event) error {
	a, ids := make([]any, 0, len(events)*columnCount), make([]any, len(events))
	for i := range events {
		a = append(a, args(&events[i])...)
		ids[i] = events[i].ID
	}
	query, now := insert(len(events)), engine.Micro(e.db.Clock())
	return e.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if _, err := t.Exec(ctx, query, a...); err != nil {
			return err
		}
		return announce(ctx, t, now, ids)
	})
}

// Filter narrows a list; empty fields say nothing.
type Filter struct {
	Realm      string
	Kind       string // the beginning of a kind: "login."
	Connection string
	Ref        string
	Email      string
	UserID     string
	Since      time.Time
}

// List gives events, the newest first.
func (e *Events) List(ctx context.Context, f Filter, p broker.Page) ([]broker.Event, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, a := f.where()
	if after != nil {
		where, a = where+" AND id < ?", append(a, after[0])
	}
	var out []broker.Event
	err = e.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = []broker.Event{}
		return q.All(ctx, "SELECT "+columns+" FROM events WHERE "+where+" ORDER BY id DESC LIMIT ?", append(a, int64(p.Size()+1)), func(scan func(...any) error) error {
			v, err := event(scan)
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

func (f Filter) where() (string, []any) {
	conds, a := []string{"1 = 1"}, []any{}
	for _, c := range []struct{ cond, value string }{
		{"realm = ?", f.Realm}, {"connection = ?", f.Connection}, {"ref = ?", f.Ref}, {"email = ?", f.Email}, {"user_id = ?", f.UserID},
	} {
		if c.value != "" {
			conds, a = append(conds, c.cond), append(a, c.value)
		}
	}
	if f.Kind != "" {
		conds, a = append(conds, "kind LIKE ? ESCAPE '!'"), append(a, engine.Like(f.Kind)+"%")
	}
	if !f.Since.IsZero() {
		conds, a = append(conds, "at >= ?"), append(a, engine.Micro(f.Since))
	}
	return strings.Join(conds, " AND "), a
}

func event(scan func(...any) error) (v broker.Event, err error) {
	var at int64
	err = scan(&v.ID, &at, &v.Realm, &v.Kind, &v.Actor, &v.Subject, &v.Ref, &v.Connection, &v.Client, &v.UserID, &v.Email, &v.Code, &v.Detail, &v.Before, &v.After, &v.RemoteIP)
	v.At, v.Before, v.After = engine.Time(at), engine.Bytes(v.Before), engine.Bytes(v.After)
	return v, err
}

// Retain deletes events older than before, in small batches, and answers how many.
func (e *Events) Retain(ctx context.Context, before time.Time) (total int64, err error) {
	if before.IsZero() {
		return 0, errors.New("ledger: no time to keep events from")
	}
	for {
		var n int64
		err := e.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT 500)", engine.Micro(before))
			return err
		})
		total += n
		if err != nil || n < 500 {
			return total, err
		}
		if ctx.Err() != nil {
			return total, fault.Wrap(fault.Unavailable, ctx.Err(), "")
		}
	}
}
