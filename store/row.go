package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// stamp is broker.Meta as columns.
type stamp struct {
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UpdatedAt int64 `gorm:"autoUpdateTime:false"`
	Version   int64
}

func stampOf(m broker.Meta) stamp {
	return stamp{engine.Micro(m.CreatedAt), engine.Micro(m.UpdatedAt), m.Version}
}

func (s stamp) meta() broker.Meta {
	return broker.Meta{CreatedAt: engine.Time(s.CreatedAt), UpdatedAt: engine.Time(s.UpdatedAt), Version: s.Version}
}

// write runs fn in a transaction and puts m, which fn changes, back as it was if nothing came of it.
func (b base) write(ctx context.Context, m *broker.Meta, fn func(context.Context, *engine.Txn) error) error {
	return b.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		old := *m
		t.OnRollback(func() { *m = old })
		err := fn(ctx, t)
		if err != nil {
			*m = old
		}
		return err
	})
}

// born stamps a new object.
func (b base) born(m *broker.Meta) {
	m.UpdatedAt, m.Version = b.db.Clock(), 1
	if m.CreatedAt.IsZero() {
		m.CreatedAt = m.UpdatedAt
	}
	m.CreatedAt = engine.Time(engine.Micro(m.CreatedAt))
}

// next stamps a changed object and answers the version it must still have in the database.
func (b base) next(m *broker.Meta) (was int64) {
	was = m.Version
	m.UpdatedAt, m.Version = b.db.Clock(), was+1
	return was
}

// insert answers ErrExists for a taken key without an error of the database, which would end a transaction on PostgreSQL.
func insert(ctx context.Context, q engine.Q, table string, row any) error {
	r := q.Gorm(ctx).Table(table).Clauses(clause.OnConflict{DoNothing: true}).Create(row)
	if r.Error == nil && r.RowsAffected == 0 {
		return fault.New(fault.Exists, "%s: the name is taken", table)
	}
	return r.Error
}

// update changes one row if it still has the version; where says which row it is.
func update(ctx context.Context, q engine.Q, table string, version int64, set map[string]any, where string, args ...any) error {
	r := q.Gorm(ctx).Table(table).Where(where, args...).Where("version = ?", version).Updates(set)
	if r.Error != nil || r.RowsAffected > 0 {
		return r.Error
	}
	var n int64
	if err := q.Gorm(ctx).Table(table).Where(where, args...).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return broker.ErrNotFound
	}
	return broker.ErrConflict
}

// remove deletes one row.
func remove(ctx context.Context, q engine.Q, query string, args ...any) error {
	n, err := q.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return broker.ErrNotFound
	}
	return err
}

// batch is how many rows one statement deletes at most: a big DELETE holds its locks, and SQLite's writer, for seconds.
const batch = 500

// drain deletes rows, batch by batch, each in a transaction of its own. key are the table's key columns.
func (b base) drain(ctx context.Context, table, key, where string, args ...any) error {
	query := "DELETE FROM " + table + " WHERE (" + key + ") IN (SELECT " + key + " FROM " + table + " WHERE " + where + " LIMIT 500)"
	for {
		var n int64
		err := b.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, query, args...)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}

// find reads rows.
func find[R any](ctx context.Context, b base, build func(*gorm.DB) *gorm.DB) (rows []R, err error) {
	err = b.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return build(q.Gorm(ctx)).Find(&rows).Error
	})
	return rows, err
}

// one reads the one row.
func one[R any](ctx context.Context, b base, table, where string, args ...any) (*R, error) {
	rows, err := find[R](ctx, b, func(g *gorm.DB) *gorm.DB { return g.Table(table).Where(where, args...).Limit(1) })
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, broker.ErrNotFound
	}
	return &rows[0], nil
}

// things turns rows into nouns.
func things[R, T any](rows []R, thing func(*R) (*T, error)) ([]*T, error) {
	out := make([]*T, 0, len(rows))
	for i := range rows {
		t, err := thing(&rows[i])
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// list reads one page of a table ordered by the columns keys, which are unique together; next is the cursor of the page
// after it, "" on the last.
func list[R, T any](ctx context.Context, b base, p broker.Page, keys []string, keysOf func(*R) []string, build func(*gorm.DB) *gorm.DB, thing func(*R) (*T, error)) ([]*T, string, error) {
	after, err := engine.Keys(p.Cursor, len(keys))
	if err != nil {
		return nil, "", err
	}
	rows, err := find[R](ctx, b, func(g *gorm.DB) *gorm.DB {
		g = build(g)
		if after != nil {
			g = keyset(g, keys, after)
		}
		for _, k := range keys {
			g = g.Order(k)
		}
		return g.Limit(p.Size() + 1)
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > p.Size() {
		rows = rows[:p.Size()]
		next = engine.Cursor(keysOf(&rows[len(rows)-1])...)
	}
	out, err := things(rows, thing)
	return out, next, err
}

func keyset(g *gorm.DB, keys, after []string) *gorm.DB {
	if len(keys) == 1 {
		return g.Where(keys[0]+" > ?", after[0])
	}
	return g.Where("("+keys[0]+", "+keys[1]+") > (?, ?)", after[0], after[1])
}

// matching narrows a list to the page's search text.
func matching(g *gorm.DB, p broker.Page) *gorm.DB {
	if p.Query == "" {
		return g
	}
	return g.Where("search LIKE ? ESCAPE '!'", "%"+engine.Like(folded(p.Query))+"%")
}
