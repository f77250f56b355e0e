package store

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
)

// Resealed is what became of the values of one sealed column.
type Resealed struct {
	Table, Column string
	Done          int // sealed by the first master key now
	Lost          int // opened by none of the master keys, and left as they are
}

// resealAtOnce is how many values are held at once: most are some hundred bytes, few are 2 MiB.
const resealAtOnce = 32

// sealedColumns is every sealed column there is. What tells the master key is the last: it follows when all else has.
func sealedColumns() []engine.Sealed {
	id, realm := []string{"id"}, []string{"realm"}
	own := []engine.Sealed{
		{Table: "connections", Column: "secrets", Key: []string{"slug"}, Beside: realm, AAD: func(v []string) []byte { return connectionAAD(v[1], v[0]) }},
		{Table: "key_pairs", Column: "private", Key: []string{"owner", "id"}, AAD: func(v []string) []byte { return keyAAD(v[0], v[1]) }},
		{Table: "shadows", Column: "secrets", Key: []string{"connection", "kind"}, Beside: realm, AAD: func(v []string) []byte { return shadowAAD(v[2], v[0], v[1]) }},
		{Table: "shadow_views", Column: "detail", Key: []string{"connection", "email"}, Beside: realm, AAD: func(v []string) []byte {
			return viewAAD(&broker.ShadowView{Connection: v[0], Email: v[1], Realm: v[2]})
		}},
		{Table: "webhooks", Column: "secrets", Key: id, Beside: realm, AAD: func(v []string) []byte { return webhookAAD(v[1], v[0]) }},
		{Table: "credentials", Column: "data", Key: id, Beside: []string{"realm", "user_id"}, AAD: func(v []string) []byte { return credentialAAD(v[1], v[2], v[0]) }},
		{Table: "operator_credentials", Column: "data", Key: id, Beside: []string{"operator_id"}, AAD: func(v []string) []byte { return operatorCredentialAAD(v[1], v[0]) }},
		{Table: "connection_identities", Column: "value", Key: []string{"connection", "user_id"}, Beside: realm, AAD: func(v []string) []byte {
			return identityAAD(&broker.SeenIdentity{Connection: v[0], UserID: v[1], Realm: v[2]})
		}},
		{Table: "checks", Column: "report", Key: id, AAD: func(v []string) []byte { return checkAAD(v[0]) }},
	}
	own = append(append(own, flow.Sealed()...), ledger.Sealed()...)
	return append(own, engine.Sealed{Table: "installation", Column: "value", Key: []string{"name"}, AAD: func([]string) []byte { return []byte("installation") }})
}

// older is the condition on values that another key than the first has sealed.
func older(c engine.Sealed) string {
	return "length(" + c.Column + ") > 0 AND substr(" + c.Column + ", 1, ?) <> ?"
}

func (s *Store) olderArgs() []any {
	mark := s.seal.Mark()
	return []any{len(mark), mark}
}

// OldSeals counts the values that another key than the first has sealed.
func (s *Store) OldSeals(ctx context.Context) (total int64, err error) {
	for _, c := range sealedColumns() {
		var n int64
		err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
			return q.Row(ctx, "SELECT COUNT(*) FROM "+c.Table+" WHERE "+older(c), s.olderArgs(), &n)
		})
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// Reseal seals with the first master key whatever an older one has sealed, and tells each of every column that had any.
// Others go on reading and writing meanwhile. What it has done stays done: begun again, it goes on.
func (s *Store) Reseal(ctx context.Context, each func(Resealed)) error {
	for _, c := range sealedColumns() {
		r, err := s.resealColumn(ctx, c)
		if r.Done+r.Lost > 0 {
			each(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) resealColumn(ctx context.Context, c engine.Sealed) (Resealed, error) {
	r := Resealed{Table: c.Table, Column: c.Column}
	var after []any // the key of the last row of the batch before: what cannot be opened is passed by
	for {
		batch, err := s.oldValues(ctx, c, after)
		if err != nil || len(batch) == 0 {
			return r, err
		}
		done, lost, err := s.resealBatch(ctx, c, batch)
		if err != nil {
			return r, err
		}
		r.Done, r.Lost = r.Done+done, r.Lost+lost
		after = batch[len(batch)-1].key(c)
	}
}

// sealedValue is a value and the columns of Key and Beside.
type sealedValue struct {
	columns []string
	sealed  []byte
}

func (v sealedValue) key(c engine.Sealed) []any {
	out := make([]any, len(c.Key))
	for i := range out {
		out[i] = v.columns[i]
	}
	return out
}

// oldValues are the next values that another key than the first has sealed, in the order of their keys.
func (s *Store) oldValues(ctx context.Context, c engine.Sealed, after []any) (out []sealedValue, err error) {
	columns := append([]string{}, c.Key...)
	for _, b := range c.Beside {
		columns = append(columns, "COALESCE("+b+", '')")
	}
	key := strings.Join(c.Key, ", ")
	query := "SELECT " + strings.Join(columns, ", ") + ", " + c.Column + " FROM " + c.Table + " WHERE " + older(c)
	args := s.olderArgs()
	if after != nil {
		query += " AND (" + key + ") > (" + strings.TrimSuffix(strings.Repeat("?, ", len(after)), ", ") + ")"
		args = append(args, after...)
	}
	query += " ORDER BY " + key + " LIMIT ?"
	args = append(args, resealAtOnce)
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, query, args, func(scan func(...any) error) error {
			v := sealedValue{columns: make([]string, len(columns))}
			dest := make([]any, 0, len(columns)+1)
			for i := range v.columns {
				dest = append(dest, &v.columns[i])
			}
			err := scan(append(dest, &v.sealed)...)
			out = append(out, v)
			return err
		})
	})
	return out, err
}

// resealBatch writes a batch in one transaction. A value that has changed since it was read was sealed by who changed it.
func (s *Store) resealBatch(ctx context.Context, c engine.Sealed, batch []sealedValue) (done, lost int, err error) {
	query := "UPDATE " + c.Table + " SET " + c.Column + " = ? WHERE " + strings.Join(c.Key, " = ? AND ") + " = ? AND " + c.Column + " = ?"
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		done, lost = 0, 0
		for _, v := range batch {
			fresh, changed, err := s.seal.Rewrap(v.sealed, c.AAD(v.columns))
			if err != nil {
				lost++
				continue
			}
			if !changed {
				continue
			}
			args := append(append([]any{fresh}, v.key(c)...), v.sealed)
			n, err := t.Exec(ctx, query, args...)
			if err != nil {
				return err
			}
			done += int(n)
		}
		return nil
	})
	return done, lost, err
}
