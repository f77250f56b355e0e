package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Documents keeps what upstreams publish about themselves, version by version, and when each is fetched next.
type Documents struct{ base }

const (
	// keptDocuments is how many versions of a connection are kept, beside the one that is trusted.
	keptDocuments = 20
	// maxDocument bounds a version's state compressed, and maxState what comes out of it.
	maxDocument = 1 << 20
	maxState    = 16 << 20
)

const documentColumns = "connection, n, realm, at, source, status, digest, pinned, doc"

// Lock makes ctx's transaction the only one that changes a connection's documents. It answers ErrNotFound where there is
// no such connection.
func (s *Documents) Lock(ctx context.Context, realm, slug string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "UPDATE document_watches SET revision = revision + 1 WHERE connection = ? AND realm = ?", slug, realm)
		if err != nil || n > 0 {
			return err
		}
		_, err = t.Exec(ctx, "INSERT INTO document_watches (connection, realm, check_at, checked_at, good_at, failing_since, code, detail, revision)"+
			" SELECT slug, realm, 0, 0, 0, 0, '', '', 0 FROM connections WHERE slug = ? AND realm = ? ON CONFLICT (connection) DO UPDATE SET revision = document_watches.revision + 1", slug, realm)
		return err
	})
}

// Add keeps a version and gives it its number. One that waits takes the place of an earlier one that waits; an accepted one
// tells every replica. Old versions go, but never the one that is trusted of a source.
func (s *Documents) Add(ctx context.Context, d *broker.Document) error {
	packed, err := pack(d.State)
	if err != nil {
		return err
	}
	doc, err := engine.Doc(d.DocumentStory)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if err := t.Row(ctx, "SELECT COALESCE(MAX(n), 0) + 1 FROM documents WHERE connection = ?", []any{d.Connection}, &d.N); err != nil {
			return err
		}
		if err := s.supersede(ctx, t, d); err != nil {
			return err
		}
		n, err := t.Exec(ctx, "INSERT INTO documents ("+documentColumns+", state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			d.Connection, d.N, d.Realm, engine.Micro(d.At), d.Source, d.Status, d.Digest, d.Pinned, doc, packed)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		if err != nil {
			return err
		}
		return s.prune(ctx, t, d)
	})
}

func (s *Documents) supersede(ctx context.Context, t *engine.Txn, d *broker.Document) error {
	if d.Status == broker.DocumentAccepted {
		t.Changed("connection", d.Realm, d.Connection)
		return nil
	}
	_, err := t.Exec(ctx, "UPDATE documents SET status = ? WHERE connection = ? AND status = ?", broker.DocumentSuperseded, d.Connection, broker.DocumentPending)
	return err
}

func (s *Documents) prune(ctx context.Context, t *engine.Txn, d *broker.Document) error {
	_, err := t.Exec(ctx, "DELETE FROM documents WHERE connection = ? AND n <= ? AND status <> ? AND n NOT IN (SELECT MAX(n) FROM documents WHERE connection = ? AND status = ? AND n > ? GROUP BY source)",
		d.Connection, d.N-keptDocuments, broker.DocumentPending, d.Connection, broker.DocumentAccepted, d.N-10*keptDocuments)
	return err
}

// Refresh puts another state in the place of an accepted version's: one that says the same, or lacked what it says now.
// No cache forgets anything.
func (s *Documents) Refresh(ctx context.Context, d *broker.Document) error {
	packed, err := pack(d.State)
	if err != nil {
		return err
	}
	doc, err := engine.Doc(d.DocumentStory)
	if err != nil {
		return err
	}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		return remove(ctx, q, "UPDATE documents SET state = ?, doc = ?, digest = ? WHERE connection = ? AND n = ? AND status = ?",
			packed, doc, d.Digest, d.Connection, d.N, broker.DocumentAccepted)
	})
}

// Decide changes what a version that waits, or was dismissed, is. ErrConflict if it is neither any more.
func (s *Documents) Decide(ctx context.Context, d *broker.Document) error {
	doc, err := engine.Doc(d.DocumentStory)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		n, err := t.Exec(ctx, "UPDATE documents SET status = ?, doc = ? WHERE connection = ? AND n = ? AND status IN (?, ?)",
			d.Status, doc, d.Connection, d.N, broker.DocumentPending, broker.DocumentDismissed)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		return err
	})
}

// Trusted is the version that sign-ins trust of a source, ErrNotFound if there is none.
func (s *Documents) Trusted(ctx context.Context, slug, source string) (*broker.Document, error) {
	return s.one(ctx, "connection = ? AND source = ? AND status = ? ORDER BY n DESC LIMIT 1", slug, source, broker.DocumentAccepted)
}

// Pending is the version that waits for an operator, ErrNotFound if none does.
func (s *Documents) Pending(ctx context.Context, slug string) (*broker.Document, error) {
	return s.one(ctx, "connection = ? AND status = ? ORDER BY n DESC LIMIT 1", slug, broker.DocumentPending)
}

// Waiting counts, for some connections, the versions that wait for an operator.
func (s *Documents) Waiting(ctx context.Context, slugs []string) (out map[string]int, err error) {
	where, args := engine.In("connection", append([]string{}, slugs...))
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = map[string]int{}
		return q.All(ctx, "SELECT connection, COUNT(*) FROM documents WHERE "+where+" AND status = ? GROUP BY connection", append(args, broker.DocumentPending), func(scan func(...any) error) error {
			var slug string
			var n int64
			err := scan(&slug, &n)
			out[slug] = int(n)
			return err
		})
	})
	return out, err
}

// Dismissed reports whether an operator did not want a document that says this.
func (s *Documents) Dismissed(ctx context.Context, slug, source, digest string) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM documents WHERE connection = ? AND source = ? AND digest = ? AND status = ?", []any{slug, source, digest, broker.DocumentDismissed}, &n)
	})
	return n > 0, err
}

// Get is one version.
func (s *Documents) Get(ctx context.Context, slug string, n int64) (*broker.Document, error) {
	return s.one(ctx, "connection = ? AND n = ?", slug, n)
}

func (s *Documents) one(ctx context.Context, where string, args ...any) (*broker.Document, error) {
	list, err := s.read(ctx, documentColumns+", state", where, args...)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, broker.ErrNotFound
	}
	return list[0], nil
}

// List gives the versions of a connection without their states, the newest first.
func (s *Documents) List(ctx context.Context, slug string) ([]*broker.Document, error) {
	return s.read(ctx, documentColumns, "connection = ? ORDER BY n DESC LIMIT 100", slug)
}

func (s *Documents) read(ctx context.Context, columns, where string, args ...any) (list []*broker.Document, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		list = nil
		return q.All(ctx, "SELECT "+columns+" FROM documents WHERE "+where, args, func(scan func(...any) error) error {
			d, err := documentOf(scan, columns != documentColumns)
			list = append(list, d)
			return err
		})
	})
	return list, err
}

func documentOf(scan func(...any) error, whole bool) (*broker.Document, error) {
	d := &broker.Document{}
	var at int64
	var doc string
	var packed []byte
	dest := []any{&d.Connection, &d.N, &d.Realm, &at, &d.Source, &d.Status, &d.Digest, &d.Pinned, &doc}
	if whole {
		dest = append(dest, &packed)
	}
	if err := scan(dest...); err != nil {
		return nil, err
	}
	d.At = engine.Time(at)
	if err := engine.Undoc(doc, &d.DocumentStory); err != nil || !whole {
		return d, err
	}
	var err error
	d.State, err = unpack(packed)
	return d, err
}

func pack(state []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(state)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	if b.Len() > maxDocument || len(state) > maxState {
		return nil, fault.New(fault.TooLarge, "the documents are %d bytes, compressed; at most %d are kept", b.Len(), maxDocument)
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxState))
}

const watchColumns = "connection, realm, check_at, checked_at, good_at, failing_since, code, detail"

// Enrol makes up to n connections that nobody watches yet watched; at answers when each is due. It answers how many.
func (s *Documents) Enrol(ctx context.Context, n int, at func() time.Time) (int, error) {
	var slugs []string
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		slugs = nil
		return q.All(ctx, "SELECT slug FROM connections WHERE NOT EXISTS (SELECT 1 FROM document_watches w WHERE w.connection = connections.slug) LIMIT ?", []any{int64(n)},
			func(scan func(...any) error) error {
				var slug string
				err := scan(&slug)
				slugs = append(slugs, slug)
				return err
			})
	})
	if err != nil || len(slugs) == 0 {
		return 0, err
	}
	return len(slugs), s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		for _, slug := range slugs {
			_, err := t.Exec(ctx, "INSERT INTO document_watches (connection, realm, check_at, checked_at, good_at, failing_since, code, detail, revision)"+
				" SELECT slug, realm, ?, 0, 0, 0, '', '', 0 FROM connections WHERE slug = ? ON CONFLICT DO NOTHING", engine.Micro(at()), slug)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Due takes up to n connections whose documents are due, for one worker alone: until the given time they are due for
// nobody else.
func (s *Documents) Due(ctx context.Context, n int, until time.Time) (due []*broker.DocumentWatch, err error) {
	now := engine.Micro(s.db.Clock())
	if some, err := s.anyDue(ctx, now); err != nil || !some {
		return nil, err
	}
	lock := ""
	if s.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	// A materialized subquery with LIMIT runs once on PostgreSQL too.
	query := "WITH due AS MATERIALIZED (SELECT connection FROM document_watches WHERE check_at <= ? ORDER BY check_at LIMIT ?" + lock + ")" +
		" UPDATE document_watches SET check_at = ? WHERE check_at <= ? AND connection IN (SELECT connection FROM due) RETURNING " + watchColumns
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		due = nil
		return q.All(ctx, query, []any{now, int64(n), engine.Micro(until), now}, func(scan func(...any) error) error {
			w, err := watchOf(scan)
			due = append(due, w)
			return err
		})
	})
	return due, err
}

// anyDue looks before Due writes: where nothing is due, readers alone pay.
func (s *Documents) anyDue(ctx context.Context, now int64) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM document_watches WHERE check_at <= ? LIMIT 1) x", []any{now}, &n)
	})
	return n > 0, err
}

func watchOf(scan func(...any) error) (*broker.DocumentWatch, error) {
	w := &broker.DocumentWatch{}
	var check, checked, good, failing int64
	err := scan(&w.Connection, &w.Realm, &check, &checked, &good, &failing, &w.Code, &w.Detail)
	w.CheckAt, w.CheckedAt, w.GoodAt, w.FailingSince = engine.Time(check), engine.Time(checked), engine.Time(good), engine.Time(failing)
	return w, err
}

// Watch answers how fetching a connection's documents goes, ErrNotFound where nobody has tried.
func (s *Documents) Watch(ctx context.Context, slug string) (*broker.DocumentWatch, error) {
	var w *broker.DocumentWatch
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		w = nil
		return q.All(ctx, "SELECT "+watchColumns+" FROM document_watches WHERE connection = ?", []any{slug}, func(scan func(...any) error) (err error) {
			w, err = watchOf(scan)
			return err
		})
	})
	if err == nil && w == nil {
		err = broker.ErrNotFound
	}
	return w, err
}

// Checked notes how a fetch went, and when the next is due.
func (s *Documents) Checked(ctx context.Context, w *broker.DocumentWatch) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		return remove(ctx, q, "UPDATE document_watches SET check_at = ?, checked_at = ?, good_at = ?, failing_since = ?, code = ?, detail = ? WHERE connection = ? AND realm = ?",
			engine.Micro(w.CheckAt), engine.Micro(w.CheckedAt), engine.Micro(w.GoodAt), engine.Micro(w.FailingSince), w.Code, engine.Text(w.Detail, 1000), w.Connection, w.Realm)
	})
}
