package ledger

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Traces keeps what became of logins. Log never waits: rows are queued, sealed and written many at a time, so that a login
// is no slower for being traced.
type Traces struct {
	db      *engine.DB
	seal    seal.Sealer
	queue   chan broker.Trace
	dropped atomic.Int64
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

const (
	traceQueue   = 4096
	traceBatch   = 64
	traceColumns = "id, at, ref, realm, connection, client, user_id, email, outcome, code, detail"
	// maxMessage bounds the message of one trace, maxTraceDetail what else is sealed of it.
	maxMessage     = 64 << 10
	maxTraceDetail = 4 << 10
)

// NewTraces is for store.Open.
func NewTraces(db *engine.DB, s seal.Sealer) *Traces {
	t := &Traces{db: db, seal: s, queue: make(chan broker.Trace, traceQueue), stop: make(chan struct{}), stopped: make(chan struct{})}
	go t.run()
	return t
}

// Log queues a trace. When the database has been away for so long that the queue is full, it is dropped and counted.
func (t *Traces) Log(v broker.Trace) {
	if v.At.IsZero() {
		v.At = t.db.Clock()
	}
	if v.ID == "" {
		v.ID = NewID(v.At)
	}
	v.Message, v.Detail = engine.Text(v.Message, maxMessage), engine.Text(v.Detail, maxTraceDetail)
	v.Observed, v.Expected = engine.Text(v.Observed, maxTraceDetail), engine.Text(v.Expected, maxTraceDetail)
	select {
	case <-t.stop:
		t.dropped.Add(1)
		return
	default:
	}
	select {
	case t.queue <- v:
	default:
		t.dropped.Add(1)
	}
}

// Dropped counts the traces that were lost.
func (t *Traces) Dropped() int64 { return t.dropped.Load() }

// Close writes what is queued.
func (t *Traces) Close() error {
	t.once.Do(func() { close(t.stop) })
	<-t.stopped
	return nil
}

func (t *Traces) run() {
	defer close(t.stopped)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var waiting []broker.Trace
	for {
		select {
		case v := <-t.queue:
			if waiting = append(waiting, v); len(waiting) < traceBatch {
				continue
			}
		case <-tick.C:
		case <-t.stop:
			t.drain(waiting)
			return
		}
		t.write(waiting)
		clear(waiting)
		waiting = waiting[:0]
	}
}

func (t *Traces) drain(waiting []broker.Trace) {
	for {
		select {
		case v := <-t.queue:
			waiting = append(waiting, v)
		default:
			t.write(waiting)
			return
		}
	}
}

// write stores traces in statements of 64, 32, 16 … rows, so that few statements are prepared.
func (t *Traces) write(all []broker.Trace) {
	for n := traceBatch; n > 0; n /= 2 {
		for len(all) >= n {
			if err := t.rows(all[:n]); err != nil {
				t.dropped.Add(int64(n))
				t.db.Log.Error("traces of logins were lost", "count", n, "error", err)
			}
			all = all[n:]
		}
	}
}

func (t *Traces) rows(all []broker.Trace) error {
	var args []any
	for i := range all {
		v := &all[i]
		b, err := json.Marshal(v.TraceDetail)
		if err != nil {
			return err
		}
		s := func(text string) string { return engine.Text(text, 512) }
		args = append(args, v.ID, engine.Micro(v.At), s(v.Ref), s(v.Realm), s(v.Connection), s(v.Client), s(v.UserID), s(v.Email), s(v.Outcome), s(v.Code), t.seal.Seal(b, traceAAD(v.ID)))
	}
	row := ", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	query := "INSERT INTO traces (" + traceColumns + ") VALUES " + strings.TrimPrefix(strings.Repeat(row, len(all)), ", ") + " ON CONFLICT DO NOTHING"
	return t.db.Do(context.Background(), func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, query, args...)
		return err
	})
}

func traceAAD(id string) []byte { return []byte("trace:" + id) }

// List gives a realm's traces, the newest first, without their messages.
func (t *Traces) List(ctx context.Context, realm string, f broker.TraceFilter, p broker.Page) ([]broker.Trace, string, error) {
	return t.Find(ctx, []string{realm}, f, p)
}

// Find is List for several realms, nil for all.
func (t *Traces) Find(ctx context.Context, realms []string, f broker.TraceFilter, p broker.Page) ([]broker.Trace, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := engine.In("realm", realms)
	for _, c := range []struct{ column, value string }{{"ref", f.Ref}, {"email", f.Email}, {"connection", f.Connection}, {"outcome", f.Outcome}} {
		if c.value != "" {
			where, args = where+" AND "+c.column+" = ?", append(args, c.value)
		}
	}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	out, err := t.all(ctx, where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1))...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > p.Size() {
		out = out[:p.Size()]
		next = engine.Cursor(out[len(out)-1].ID)
	}
	for i := range out {
		out[i].Message = ""
	}
	return out, next, nil
}

// Of gives the attempts of one reference, the newest first; broker.ErrNotFound where there are none.
func (t *Traces) Of(ctx context.Context, realm, ref string) ([]broker.Trace, error) {
	out, err := t.all(ctx, "realm = ? AND ref = ? ORDER BY id DESC LIMIT 20", realm, ref)
	if err == nil && len(out) == 0 {
		err = broker.ErrNotFound
	}
	return out, err
}

func (t *Traces) all(ctx context.Context, where string, args ...any) (out []broker.Trace, err error) {
	var sealed [][]byte
	err = t.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out, sealed = []broker.Trace{}, nil
		return q.All(ctx, "SELECT "+traceColumns+" FROM traces WHERE "+where, args, func(scan func(...any) error) error {
			var v broker.Trace
			var at int64
			var b []byte
			if err := scan(&v.ID, &at, &v.Ref, &v.Realm, &v.Connection, &v.Client, &v.UserID, &v.Email, &v.Outcome, &v.Code, &b); err != nil {
				return err
			}
			v.At = engine.Time(at)
			out, sealed = append(out, v), append(sealed, b)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		plain, err := t.seal.Open(sealed[i], traceAAD(out[i].ID))
		if err == nil {
			err = json.Unmarshal(plain, &out[i].TraceDetail)
		}
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "trace %s", out[i].ID)
		}
	}
	return out, nil
}

// Forget deletes what is traced of a person.
func (t *Traces) Forget(ctx context.Context, realm, userID, email string) (total int64, err error) {
	for _, by := range []struct{ column, value string }{{"user_id", userID}, {"email", email}} {
		if by.value == "" {
			continue
		}
		n, err := t.delete(ctx, "realm = ? AND "+by.column+" = ?", realm, by.value)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Retain deletes traces older than before and answers how many.
func (t *Traces) Retain(ctx context.Context, before time.Time) (int64, error) {
	if before.IsZero() {
		return 0, fault.New(fault.Internal, "no time to keep traces from")
	}
	return t.delete(ctx, "at < ?", engine.Micro(before))
}

// delete works in small batches, so that logins pass it by.
func (t *Traces) delete(ctx context.Context, where string, args ...any) (total int64, err error) {
	for {
		var n int64
		err := t.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, "DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE "+where+" LIMIT 500)", args...)
			return err
		})
		total += n
		if err != nil || n < 500 {
			return total, err
		}
	}
}
