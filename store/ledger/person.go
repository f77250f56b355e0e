package ledger

import (
	"context"

	"cloakroom/store/engine"
)

// Pseudonymise takes out of a realm's events what says who a person was: address, detail, the objects before and after
// and where requests came from. The events stay, under the person's ID, which says nothing by itself. Events that name
// only the address lose it too. It works in small batches.
func (e *Events) Pseudonymise(ctx context.Context, realm, userID, email string) (total int64, err error) {
	for _, by := range []struct{ column, value string }{{"user_id", userID}, {"email", email}} {
		if by.value == "" {
			continue
		}
		n, err := e.blank(ctx, realm, by.column, by.value)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (e *Events) blank(ctx context.Context, realm, column, value string) (total int64, err error) {
	none := []byte{}
	query := "UPDATE events SET email = '', detail = '', before = ?, after = ?, remote_ip = '' WHERE id IN (SELECT id FROM events WHERE " + column + " = ? AND realm = ?" +
		" AND (email <> '' OR detail <> '' OR length(before) > 0 OR length(after) > 0 OR remote_ip <> '') LIMIT 500)"
	for {
		var n int64
		err := e.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, query, none, none, value, realm)
			return err
		})
		total += n
		if err != nil || n < 500 {
			return total, err
		}
	}
}
