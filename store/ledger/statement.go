package ledger

import (
	"context"
	"strings"

	"cloakroom/store/engine"
)

// statement is an INSERT of any number of rows.
type statement struct {
	table   string
	columns string // with commas
	then    string // what follows the values
}

// maxRows is how many rows one statement takes.
const maxRows = 64

// run inserts rows in statements of 64, 32, 16 … rows, so that few statements are prepared.
func (s statement) run(ctx context.Context, q engine.Q, rows [][]any) error {
	return s.parts(rows, func(query string, args []any) error {
		_, err := q.Exec(ctx, query, args...)
		return err
	})
}

// all is run for a statement that returns rows.
func (s statement) all(ctx context.Context, q engine.Q, rows [][]any, each func(scan func(...any) error) error) error {
	return s.parts(rows, func(query string, args []any) error { return q.All(ctx, query, args, each) })
}

func (s statement) parts(rows [][]any, run func(query string, args []any) error) error {
	for n := maxRows; n > 0; n /= 2 {
		for len(rows) >= n {
			var args []any
			for _, r := range rows[:n] {
				args = append(args, r...)
			}
			if err := run(s.text(n, len(rows[0])), args); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

func (s statement) text(rows, columns int) string {
	row := ", (" + engine.Marks(columns) + ")"
	return "INSERT INTO " + s.table + " (" + s.columns + ") VALUES " + strings.TrimPrefix(strings.Repeat(row, rows), ", ") + " " + s.then
}
