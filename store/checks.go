package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/ledger"
)

// Checks keeps the reports of preflights, the last 30 of each connection.
type Checks struct{ base }

const (
	keptChecks   = 30
	checkColumns = "id, realm, connection, at, actor, status, findings, errors, report"
)

func checkAAD(id string) []byte { return []byte("check:" + id) }

// Keep stores a report and when the next nightly check is due, and answers the connection's run before this one, nil for
// none. A connection that was deleted meanwhile is not found.
func (s *Checks) Keep(ctx context.Context, run *broker.CheckRun, next time.Time) (before *broker.CheckRun, err error) {
	if run.ID == "" {
		run.ID = ledger.NewID(run.At)
	}
	errs, err := json.Marshal(run.Errors)
	if err != nil {
		return nil, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		// First, so that two checks that end at once follow one another.
		n, err := t.Exec(ctx, "UPDATE connection_overview SET check_at = ?, check_status = ?, check_findings = ?, check_due = ? WHERE realm = ? AND slug = ?",
			engine.Micro(run.At), run.Status, run.Findings, engine.Micro(next), run.Realm, run.Connection)
		if err != nil {
			return err
		}
		if n == 0 {
			return broker.ErrNotFound
		}
		last, err := s.some(ctx, t, "realm = ? AND connection = ? ORDER BY id DESC LIMIT 1", run.Realm, run.Connection)
		if err != nil {
			return err
		}
		before = nil
		if len(last) > 0 {
			before = last[0]
		}
		_, err = t.Exec(ctx, "INSERT INTO checks ("+checkColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			run.ID, run.Realm, run.Connection, engine.Micro(run.At), engine.Text(run.By, 512), run.Status, run.Findings, string(errs), s.seal.Seal(run.Report, checkAAD(run.ID)))
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "DELETE FROM checks WHERE realm = ? AND connection = ? AND id NOT IN (SELECT id FROM checks WHERE realm = ? AND connection = ? ORDER BY id DESC LIMIT ?)",
			run.Realm, run.Connection, run.Realm, run.Connection, int64(keptChecks))
		return err
	})
	return before, err
}

// List gives a connection's runs, the newest first.
func (s *Checks) List(ctx context.Context, realm, slug string, p broker.Page) (out []*broker.CheckRun, next string, err error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	n := &narrowed{}
	n.and("realm = ? AND connection = ?", realm, slug)
	if after != nil {
		n.and("id < ?", after[0])
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) (err error) {
		out, err = s.some(ctx, q, n.text()+" ORDER BY id DESC LIMIT ?", join(n.args, []any{int64(p.Size() + 1)})...)
		return err
	})
	if err == nil && len(out) > p.Size() {
		out = out[:p.Size()]
		next = engine.Cursor(out[len(out)-1].ID)
	}
	return out, next, err
}

func (s *Checks) some(ctx context.Context, q engine.Q, where string, args ...any) (out []*broker.CheckRun, err error) {
	out = []*broker.CheckRun{}
	err = q.All(ctx, "SELECT "+checkColumns+" FROM checks WHERE "+where, args, func(scan func(...any) error) error {
		r := &broker.CheckRun{}
		var at int64
		var errs string
		if err := scan(&r.ID, &r.Realm, &r.Connection, &at, &r.By, &r.Status, &r.Findings, &errs, &r.Report); err != nil {
			return err
		}
		r.At = engine.Time(at)
		out = append(out, r)
		return json.Unmarshal([]byte(errs), &r.Errors)
	})
	for _, r := range out {
		if err == nil {
			r.Report, err = s.seal.Open(r.Report, checkAAD(r.ID))
		}
	}
	return out, err
}

// Due takes up to n enabled connections whose nightly check is due; until the given time nobody else gets them.
func (s *Checks) Due(ctx context.Context, n int, until time.Time) ([]*broker.Connection, error) {
	now := engine.Micro(s.db.Clock())
	const due = "enabled AND check_due > 0 AND check_due <= ?"
	var slugs []string
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error { // where nothing is due, readers alone pay
		slugs = nil
		return q.All(ctx, "SELECT slug FROM connection_overview WHERE "+due+" LIMIT 1", []any{now}, func(scan func(...any) error) error {
			slugs = append(slugs, "")
			return scan(&slugs[0])
		})
	})
	if err != nil || len(slugs) == 0 {
		return nil, err
	}
	lock := ""
	if s.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	query := "UPDATE connection_overview SET check_due = ? WHERE " + due + " AND slug IN (SELECT slug FROM connection_overview WHERE " + due + " ORDER BY check_due LIMIT ?" + lock + ") RETURNING slug"
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		slugs = nil
		return q.All(ctx, query, []any{engine.Micro(until), now, now, int64(n)}, func(scan func(...any) error) error {
			var slug string
			err := scan(&slug)
			slugs = append(slugs, slug)
			return err
		})
	})
	if err != nil || len(slugs) == 0 {
		return nil, err
	}
	where, args := engine.In("slug", slugs)
	rows, err := find[connectionRow](ctx, s.base, func(g *gorm.DB) *gorm.DB { return g.Table("connections").Where(where, args...).Order("slug") })
	if err != nil {
		return nil, err
	}
	return things(rows, (&Connections{s.base}).thing)
}
