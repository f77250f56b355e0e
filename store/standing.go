package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
	"cloakroom/store/ledger"
)

// Standings answers how sign-ins and preflights of all realms ended since a time, the newest first, n of each at most.
func (s *Checks) Standings(ctx context.Context, since time.Time, n int) (out []broker.Standing, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		err := q.All(ctx, "SELECT connection, at, code FROM traces WHERE at >= ? AND outcome <> ? ORDER BY at DESC LIMIT ?",
			[]any{engine.Micro(since), broker.TraceStray, int64(n)}, func(scan func(...any) error) error {
				var v broker.Standing
				var at int64
				err := scan(&v.Connection, &at, &v.Code)
				v.At = engine.Time(at)
				out = append(out, v)
				return err
			})
		if err != nil {
			return err
		}
		return q.All(ctx, "SELECT connection, at, errors FROM checks WHERE id >= ? ORDER BY id DESC LIMIT ?",
			[]any{ledger.Oldest(since), int64(n)}, func(scan func(...any) error) error {
				v, err := scanCheck(scan)
				out = append(out, v)
				return err
			})
	})
	slices.SortStableFunc(out, func(a, b broker.Standing) int { return b.At.Compare(a.At) })
	return out, err
}

// scanCheck reads a preflight's end: a trouble that passes before any other error.
func scanCheck(scan func(...any) error) (v broker.Standing, err error) {
	var at int64
	var errs string
	if err := scan(&v.Connection, &at, &errs); err != nil {
		return v, err
	}
	v.At = engine.Time(at)
	var codes []fault.Code
	if err := json.Unmarshal([]byte(errs), &codes); err != nil || len(codes) == 0 {
		return v, err
	}
	v.Code = codes[max(0, slices.IndexFunc(codes, fault.Passing))]
	return v, nil
}
