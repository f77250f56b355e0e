package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Expiries keeps what ends and when, so that a list over many connections is one query, and remembers what was warned of.
type Expiries struct{ base }

const expiryColumns = "id, subject, COALESCE(realm, ''), COALESCE(connection, ''), kind, name, fingerprint, since, at, replaced, muted, warned, warn_at"

// noWarning is how a nil Warned is stored.
const noWarning = -1

func expiry(scan func(...any) error, more ...any) (e broker.Expiry, err error) {
	var since, at, warned, warnAt int64
	err = scan(append([]any{&e.ID, &e.Subject, &e.Realm, &e.Connection, &e.Kind, &e.Name, &e.Fingerprint, &since, &at, &e.Replaced, &e.Muted, &warned, &warnAt}, more...)...)
	e.Since, e.At, e.WarnAt = engine.Time(since), engine.Time(at), engine.Time(warnAt)
	if warned != noWarning {
		n := int(warned)
		e.Warned = &n
	}
	return e, err
}

func warned(e *broker.Expiry) int64 {
	if e.Warned == nil {
		return noWarning
	}
	return int64(*e.Warned)
}

// ExpiryID names an expiry: it stays while only its time changes.
func ExpiryID(e *broker.Expiry) string {
	return engine.Digest(e.Subject, e.Kind, e.Name, e.Fingerprint)
}

// Of gives all that ends of a subject or, with none, all of a kind that belongs to no connection.
func (s *Expiries) Of(ctx context.Context, subject, kind string) ([]broker.Expiry, error) {
	if subject == "" {
		return s.all(ctx, "kind = ? AND connection IS NULL ORDER BY id", kind)
	}
	return s.all(ctx, "subject = ? ORDER BY id", subject)
}

func (s *Expiries) all(ctx context.Context, where string, args ...any) (out []broker.Expiry, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT "+expiryColumns+" FROM expiries WHERE "+where, args, func(scan func(...any) error) error {
			e, err := expiry(scan)
			out = append(out, e)
			return err
		})
	})
	return out, err
}

// Put stores e in the place of old, as Of gave it, or anew for nil; broker.ErrConflict where that is no longer what is
// stored.
func (s *Expiries) Put(ctx context.Context, e, old *broker.Expiry) error {
	e.ID = ExpiryID(e)
	query, args := "INSERT INTO expiries (id, subject, realm, connection, kind, name, fingerprint, since, at, replaced, muted, warned, warn_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		[]any{e.ID, e.Subject, null(e.Realm), null(e.Connection), e.Kind, e.Name, e.Fingerprint, engine.Micro(e.Since), engine.Micro(e.At), e.Replaced, e.Muted, warned(e), engine.Micro(e.WarnAt)}
	if old != nil {
		query, args = "UPDATE expiries SET realm = ?, since = ?, at = ?, replaced = ?, muted = ?, warned = ?, warn_at = ? WHERE id = ? AND "+unchanged,
			append([]any{null(e.Realm), engine.Micro(e.Since), engine.Micro(e.At), e.Replaced, e.Muted, warned(e), engine.Micro(e.WarnAt)}, state(old)...)
	}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n, err := q.Exec(ctx, query, args...)
		if err == nil && n == 0 {
			err = broker.ErrConflict
		}
		return err
	})
}

// unchanged says that a row is as state's expiry was read.
const unchanged = "at = ? AND warn_at = ? AND warned = ?"

func state(e *broker.Expiry) []any {
	return []any{e.ID, engine.Micro(e.At), engine.Micro(e.WarnAt), warned(e)}
}

// null is NULL for a column that refers to something, where there is nothing.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Drop deletes expiries by ID.
func (s *Expiries) Drop(ctx context.Context, ids ...string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		for _, id := range ids {
			if _, err := t.Exec(ctx, "DELETE FROM expiries WHERE id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Due gives up to n expiries that a warning is due for, the most urgent first.
func (s *Expiries) Due(ctx context.Context, n int) ([]broker.Expiry, error) {
	return s.all(ctx, "warn_at > 0 AND warn_at <= ? ORDER BY warn_at, id LIMIT ?", engine.Micro(s.db.Clock()), int64(n))
}

// Warn notes that of e, as Due gave it, is warned now with the threshold days, and when the next warning is due. It
// answers false where somebody else has done so, or something changed.
func (s *Expiries) Warn(ctx context.Context, e *broker.Expiry, days int, next time.Time) (bool, error) {
	var n int64
	err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
		n, err = q.Exec(ctx, "UPDATE expiries SET warned = ?, warn_at = ? WHERE id = ? AND "+unchanged,
			append([]any{int64(days), engine.Micro(next)}, state(e)...)...)
		return err
	})
	return n == 1, err
}

// List gives what ends, the soonest first.
func (s *Expiries) List(ctx context.Context, f broker.ExpiryFilter, p broker.Page) ([]broker.Expiry, string, error) {
	after, err := engine.Keys(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	where, args := expiriesWhere(f)
	if after != nil {
		at, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil {
			return nil, "", fault.New(fault.Invalid, "the cursor is not one that a list answered")
		}
		where, args = where+" AND (at, id) > (?, ?)", append(args, at, after[1])
	}
	out, err := s.all(ctx, where+" ORDER BY at, id LIMIT ?", append(args, int64(p.Size()+1))...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > p.Size() {
		out = out[:p.Size()]
		last := out[len(out)-1]
		next = engine.Cursor(strconv.FormatInt(engine.Micro(last.At), 10), last.ID)
	}
	return out, next, nil
}

func expiriesWhere(f broker.ExpiryFilter) (string, []any) {
	conds, args := []string{"1 = 1"}, []any{}
	if len(f.Realms) > 0 {
		conds = append(conds, "realm IN ("+strings.TrimPrefix(strings.Repeat(", ?", len(f.Realms)), ", ")+")")
		for _, r := range f.Realms {
			args = append(args, r)
		}
	}
	for _, c := range []struct{ cond, value string }{{"connection = ?", f.Connection}, {"kind = ?", f.Kind}} {
		if c.value != "" {
			conds, args = append(conds, c.cond), append(args, c.value)
		}
	}
	if !f.Before.IsZero() {
		conds, args = append(conds, "at <= ?"), append(args, engine.Micro(f.Before))
	}
	if !f.Replaced {
		conds = append(conds, "NOT replaced")
	}
	return strings.Join(conds, " AND "), args
}

// Next gives when the first thing of each connection ends; those of which nothing does are left out.
func (s *Expiries) Next(ctx context.Context, slugs []string) (out map[string]time.Time, err error) {
	if len(slugs) == 0 {
		return map[string]time.Time{}, nil
	}
	args := make([]any, len(slugs))
	for i, slug := range slugs {
		args[i] = slug
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = map[string]time.Time{}
		return q.All(ctx, "SELECT connection, MIN(at) FROM expiries WHERE NOT replaced AND connection IN ("+strings.TrimPrefix(strings.Repeat(", ?", len(slugs)), ", ")+") GROUP BY connection", args,
			func(scan func(...any) error) error {
				var slug string
				var at int64
				err := scan(&slug, &at)
				out[slug] = engine.Time(at)
				return err
			})
	})
	return out, err
}

// Notify keeps for a contact what the next mail has to say. Of one expiry the latest counts.
func (s *Expiries) Notify(ctx context.Context, n broker.ExpiryNotice) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "INSERT INTO expiry_notices (realm, contact, expiry, days, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (realm, contact, expiry) DO UPDATE SET days = excluded.days, at = excluded.at",
			n.Realm, n.Contact, n.Expiry.ID, int64(n.Days), engine.Micro(n.At))
		return err
	})
}

// Contacts gives up to n contacts for whom notices wait and who were not written to after since, as notices of realm and
// contact alone.
func (s *Expiries) Contacts(ctx context.Context, since time.Time, n int) (out []broker.ExpiryNotice, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT DISTINCT n.realm, n.contact FROM expiry_notices n LEFT JOIN expiry_contacts c ON c.realm = n.realm AND c.contact = n.contact"+
			" WHERE c.sent_at IS NULL OR c.sent_at <= ? ORDER BY n.realm, n.contact LIMIT ?", []any{engine.Micro(since), int64(n)}, func(scan func(...any) error) error {
			var v broker.ExpiryNotice
			err := scan(&v.Realm, &v.Contact)
			out = append(out, v)
			return err
		})
	})
	return out, err
}

// Take takes what waits for a contact, the soonest end first, and notes that it is written to now; nothing where that has
// been done after since. It belongs into the transaction of the mail.
func (s *Expiries) Take(ctx context.Context, realm, contact string, since time.Time) (out []broker.ExpiryNotice, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		out = nil
		first, err := t.Exec(ctx, "INSERT INTO expiry_contacts (realm, contact, sent_at) VALUES (?, ?, ?) ON CONFLICT (realm, contact) DO UPDATE SET sent_at = excluded.sent_at WHERE expiry_contacts.sent_at <= ?",
			realm, contact, engine.Micro(s.db.Clock()), engine.Micro(since))
		if err != nil || first == 0 {
			return err
		}
		err = t.All(ctx, "SELECT "+expiryColumns+", days, noticed FROM expiries JOIN (SELECT expiry, days, at AS noticed FROM expiry_notices WHERE realm = ? AND contact = ?) n ON expiry = id"+
			" WHERE NOT replaced AND NOT muted ORDER BY at, id", []any{realm, contact}, func(scan func(...any) error) error {
			var days, at int64
			e, err := expiry(scan, &days, &at)
			out = append(out, broker.ExpiryNotice{Realm: realm, Contact: contact, Expiry: e, Days: int(days), At: engine.Time(at)})
			return err
		})
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, "DELETE FROM expiry_notices WHERE realm = ? AND contact = ?", realm, contact)
		return err
	})
	return out, err
}
