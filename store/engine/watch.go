package engine

import (
	"context"
	"sync"
	"time"

	"cloakroom/broker"
)

const (
	channel   = "cloakroom_changes"
	pollEvery = 2 * time.Second
	keep      = 10_000 // rows of the change log
	pollBatch = 1_000
)

// Changed notes that a stored object changes with this transaction.
func (t *Txn) Changed(kind, realm, key string) {
	t.changes = append(t.changes, broker.Change{Kind: kind, Realm: realm, Key: key})
}

// flush writes the transaction's changes as its last statements. The counter's row stays locked from here to the commit,
// so numbers are committed in their order and a reader who has seen n has missed nothing before n.
func (t *Txn) flush(ctx context.Context) error {
	if len(t.changes) == 0 {
		return nil
	}
	var n int64
	err := t.Row(ctx, "UPDATE change_counter SET n = n + ? WHERE id = 1 RETURNING n", []any{int64(len(t.changes))}, &n)
	if err != nil {
		return err
	}
	first := n - int64(len(t.changes)) + 1
	at := t.db.Now().UnixMicro()
	for i, c := range t.changes {
		if _, err := t.Exec(ctx, "INSERT INTO changes (n, kind, realm, name, origin, at) VALUES (?, ?, ?, ?, ?, ?)", first+int64(i), c.Kind, c.Realm, c.Key, t.db.ID, at); err != nil {
			return err
		}
	}
	if _, err := t.Exec(ctx, "DELETE FROM changes WHERE n <= ?", n-keep); err != nil {
		return err
	}
	if !t.db.Postgres {
		return nil
	}
	_, err = t.Exec(ctx, "SELECT pg_notify('"+channel+"', '')")
	return err
}

// watchers are this process's own ears.
type watchers struct {
	mu   sync.Mutex
	list map[*watcher]struct{}
}

type watcher struct {
	mu sync.Mutex
	fn func(broker.Change)
}

func (w *watcher) tell(c broker.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fn(c)
}

func (ws *watchers) tell(changes []broker.Change) {
	if len(changes) == 0 {
		return
	}
	ws.mu.Lock()
	list := make([]*watcher, 0, len(ws.list))
	for w := range ws.list {
		list = append(list, w)
	}
	ws.mu.Unlock()
	for _, w := range list {
		for _, c := range changes {
			w.tell(c)
		}
	}
}

func (ws *watchers) add(w *watcher) (remove func()) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.list == nil {
		ws.list = map[*watcher]struct{}{}
	}
	ws.list[w] = struct{}{}
	return func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		delete(ws.list, w)
	}
}

// everything says: forget all.
var everything = broker.Change{Kind: "*"}

// Watch calls fn for each change of configuration until ctx ends: this process's own before the writing call returns,
// those of other processes as soon as PostgreSQL says so and within two seconds anyway. It begins with a change of kind
// "*", which means: forget everything; the same comes after a gap. fn is never called twice at once; it must not write.
func (db *DB) Watch(ctx context.Context, fn func(broker.Change)) {
	w := &watcher{fn: fn}
	defer db.watchers.add(w)()
	stop, wake := db.wait(ctx)
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	seen := int64(-1)
	for {
		seen = db.poll(ctx, w, seen)
		select {
		case <-ctx.Done():
			return
		case cut := <-wake:
			if cut {
				seen = -1
			}
		case <-tick.C:
		}
	}
}

// poll tells what came after number seen and answers the newest number; -1 is "anything may have happened".
func (db *DB) poll(ctx context.Context, w *watcher, seen int64) int64 {
	var n int64
	err := db.Read(ctx, func(ctx context.Context, q Q) error {
		return q.Row(ctx, "SELECT n FROM change_counter WHERE id = 1", nil, &n)
	})
	switch {
	case err != nil:
		if ctx.Err() == nil {
			db.Log.Warn("changes cannot be read", "error", err)
		}
		return seen
	case n == seen:
		return seen
	case seen < 0 || n < seen || n-seen > pollBatch:
		w.tell(everything)
		return n
	}
	changes, err := db.changes(ctx, seen, n)
	if err != nil {
		return seen
	}
	if int64(len(changes)) != n-seen {
		w.tell(everything)
		return n
	}
	for _, c := range changes {
		if c.origin != db.ID {
			w.tell(c.Change)
		}
	}
	return n
}

type change struct {
	broker.Change
	origin string
}

func (db *DB) changes(ctx context.Context, after, upTo int64) ([]change, error) {
	var out []change
	err := db.Read(ctx, func(ctx context.Context, q Q) error {
		out = nil
		return q.All(ctx, "SELECT kind, realm, name, origin FROM changes WHERE n > ? AND n <= ? ORDER BY n", []any{after, upTo},
			func(scan func(...any) error) error {
				var c change
				err := scan(&c.Kind, &c.Realm, &c.Key, &c.origin)
				out = append(out, c)
				return err
			})
	})
	return out, err
}
