package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
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
	maxColumn      = 512
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
	for _, text := range []*string{&v.Ref, &v.Realm, &v.Connection, &v.Client, &v.UserID, &v.Email, &v.Outcome, &v.Code} {
		*text = engine.Text(*text, maxColumn)
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

// write stores traces with what they count for, 64 in a transaction.
func (t *Traces) write(all []broker.Trace) {
	for part := range slices.Chunk(all, traceBatch) {
		if err := t.keep(part); err != nil {
			t.dropped.Add(int64(len(part)))
			t.db.Log.Error("traces of logins were lost", "count", len(part), "error", err)
		}
	}
}

func (t *Traces) keep(all []broker.Trace) error {
	return t.db.Write(context.Background(), func(ctx context.Context, q *engine.Txn) error {
		policies, err := tracePolicies(ctx, q, all)
		if err != nil {
			return err
		}
		fresh := map[string]bool{}
		rows := make([][]any, len(all))
		for i := range all {
			if rows[i], err = t.row(all[i], policies); err != nil {
				return err
			}
		}
		into := statement{table: "traces", columns: traceColumns, then: "ON CONFLICT DO NOTHING RETURNING id"}
		err = into.all(ctx, q, rows, func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			fresh[id] = true
			return err
		})
		if err != nil {
			return err
		}
		return count(ctx, q, t.db.Postgres, slices.DeleteFunc(slices.Clone(all), func(v broker.Trace) bool {
			first := fresh[v.ID]
			delete(fresh, v.ID)
			return !first
		}))
	})
}

// row is a trace as its realm's policy lets it be kept.
func (t *Traces) row(v broker.Trace, policies map[string]broker.TracePolicy) ([]any, error) {
	policies[v.Realm].Apply(&v)
	b, err := json.Marshal(v.TraceDetail)
	return []any{v.ID, engine.Micro(v.At), v.Ref, v.Realm, v.Connection, v.Client, v.UserID, v.Email, v.Outcome, v.Code, t.seal.Seal(b, traceAAD(v.ID))}, err
}

// tracePolicies are those of the realms that traces are of. A realm that is not there any more has the default.
func tracePolicies(ctx context.Context, q engine.Q, all []broker.Trace) (map[string]broker.TracePolicy, error) {
	out := map[string]broker.TracePolicy{}
	for _, v := range all {
		p := broker.TracePolicy{}
		p.Defaults()
		out[v.Realm] = p
	}
	where, args := engine.In("name", slices.Collect(maps.Keys(out)))
	return out, q.All(ctx, "SELECT name, doc FROM realms WHERE "+where, args, func(scan func(...any) error) error {
		var name, doc string
		var r broker.Realm
		err := errors.Join(scan(&name, &doc), engine.Undoc(doc, &r))
		r.Traces.Defaults()
		out[name] = r.Traces
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
			if c.column == "email" {
				where += " AND email <> ''" // else SQLite does not see that the index serves
			}
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

// Forget deletes what is traced of a person, and that they were among those who failed.
func (t *Traces) Forget(ctx context.Context, realm, userID, email string) (total int64, err error) {
	for _, by := range []struct{ column, value string }{{"user_id", userID}, {"email", email}} {
		if by.value == "" {
			continue
		}
		err := t.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
			_, err := q.Exec(ctx, "DELETE FROM login_failing WHERE realm = ? AND person = ?", realm, digestOf(realm, by.value))
			return err
		})
		if err != nil {
			return total, err
		}
		n, err := t.delete(ctx, "realm = ? AND "+by.column+" = ?", realm, by.value)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Retain deletes the traces that are older than their realm keeps them, and answers how many.
func (t *Traces) Retain(ctx context.Context, now time.Time) (total int64, err error) {
	if now.IsZero() {
		return 0, fault.New(fault.Internal, "no time to keep traces from")
	}
	days, err := t.keepDays(ctx)
	if err != nil {
		return 0, err
	}
	for realm, keep := range days {
		// IDs begin with the time, so that this is a range of the realm's index.
		n, err := t.delete(ctx, "realm = ? AND id < ?", realm, Oldest(now.AddDate(0, 0, -keep)))
		total += n
		if err != nil {
			return total, err
		}
	}
	n, err := t.delete(ctx, "at < ?", engine.Micro(now.AddDate(0, 0, -maxKeepDays))) // of realms that are gone
	return total + n, err
}

// maxKeepDays is the longest that a realm may keep traces.
const maxKeepDays = 400

func (t *Traces) keepDays(ctx context.Context) (days map[string]int, err error) {
	err = t.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		days = map[string]int{}
		return q.All(ctx, "SELECT name, doc FROM realms", nil, func(scan func(...any) error) error {
			var name, doc string
			var r broker.Realm
			err := errors.Join(scan(&name, &doc), engine.Undoc(doc, &r))
			r.Traces.Defaults()
			days[name] = r.Traces.KeepDays
			return err
		})
	})
	return days, err
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
