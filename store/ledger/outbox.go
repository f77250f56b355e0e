package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Outbox keeps the mails that are to be sent and what became of them. Bodies hold links and codes: they are sealed, and
// erased when they have served.
type Outbox struct {
	db   *engine.DB
	seal seal.Sealer
}

// NewOutbox is for store.Open.
func NewOutbox(db *engine.DB, s seal.Sealer) *Outbox { return &Outbox{db, s} }

const mailColumns = "id, COALESCE(realm, ''), recipient, locale, kind, reference, subject, secret, status, attempts, code, detail, holder, created_at, next_at, sent_at, expires_at"

// body is what is sealed of a mail.
type body struct{ Text, HTML string }

func mailAAD(m *broker.Mail) []byte { return []byte("mail:" + m.Realm + "/" + m.ID) }

// Put stores a new mail and gives it its ID, in ctx's transaction where there is one. Where it would exceed a limit it
// answers fault.RateLimited, the mail is not stored, and Detail says when there is room again.
func (o *Outbox) Put(ctx context.Context, m *broker.Mail, limits ...broker.MailLimit) error {
	m.CreatedAt = o.db.Clock()
	m.ID = NewID(m.CreatedAt)
	b, err := json.Marshal(body{m.Text, m.HTML})
	if err != nil {
		return err
	}
	var realm any // NULL for none
	if m.Realm != "" {
		realm = m.Realm
	}
	args := []any{m.ID, realm, m.To, engine.Text(m.Locale, 35), m.Kind, engine.Text(m.Reference, 64), engine.Text(m.Subject, 1000), o.seal.Seal(b, mailAAD(m)),
		m.Secret, m.Status, engine.Micro(m.CreatedAt), engine.Micro(m.NextAt), engine.Micro(m.ExpiresAt)}
	return o.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		for _, l := range limits {
			if err := o.within(ctx, t, l, m.CreatedAt); err != nil {
				return err
			}
		}
		_, err := t.Exec(ctx, "INSERT INTO outbox (id, realm, recipient, locale, kind, reference, subject, body, secret, status, attempts, code, detail, holder, created_at, next_at, sent_at, expires_at)"+
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', '', ?, ?, 0, ?)", args...)
		return err
	})
}

// within counts the mails of a limit. The row of outbox_limits is written first, so that of two who count the same
// things at once the second waits and sees the first one's mail.
func (o *Outbox) within(ctx context.Context, q engine.Q, l broker.MailLimit, now time.Time) error {
	key := engine.Digest(append([]string{"mail", l.To, l.Realm}, l.Kinds...)...)
	_, err := q.Exec(ctx, "INSERT INTO outbox_limits (id, at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at", key, engine.Micro(now))
	if err != nil {
		return err
	}
	where, args := "created_at > ?", []any{engine.Micro(now.Add(-l.Per))}
	if l.To != "" {
		where, args = where+" AND recipient = ?", append(args, l.To)
	}
	if l.Realm != "" {
		where, args = where+" AND realm = ?", append(args, l.Realm)
	}
	if len(l.Kinds) > 0 {
		where += " AND kind IN (" + strings.TrimPrefix(strings.Repeat(", ?", len(l.Kinds)), ", ") + ")"
		for _, k := range l.Kinds {
			args = append(args, k)
		}
	}
	var n, oldest int64
	if err := q.Row(ctx, "SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM outbox WHERE "+where, args, &n, &oldest); err != nil || n < int64(l.Max) {
		return err
	}
	free := engine.Time(oldest).Add(l.Per)
	return fault.New(fault.RateLimited, "%d mails of this kind within %s; the next can be sent in %s", n, l.Per, free.Sub(now).Round(time.Second))
}

// Claim takes up to n mails that are due, for one worker alone until the given time; then whoever asks may have them, as
// the worker must have died. Each claim counts as an attempt. A mail whose body cannot be opened comes without it.
func (o *Outbox) Claim(ctx context.Context, holder string, n int, until time.Time) (mails []*broker.Mail, err error) {
	now := engine.Micro(o.db.Clock())
	if due, err := o.due(ctx, now); err != nil || !due {
		return nil, err
	}
	lock := ""
	if o.db.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	// PostgreSQL may run a subquery with LIMIT once for each outer row; a materialized one it runs once.
	query := "WITH due AS MATERIALIZED (SELECT id FROM outbox WHERE status = 'queued' AND next_at <= ? ORDER BY next_at LIMIT ?" + lock + ")" +
		" UPDATE outbox SET holder = ?, next_at = ?, attempts = attempts + 1 WHERE status = 'queued' AND next_at <= ? AND id IN (SELECT id FROM due) RETURNING " + mailColumns + ", body"
	err = o.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		mails = nil
		return q.All(ctx, query, []any{now, int64(n), holder, engine.Micro(until), now}, func(scan func(...any) error) error {
			m, sealed, err := mailRow(scan, true)
			if err == nil {
				_ = o.open(m, sealed) // a body that cannot be opened stays empty: one bad row must not hold up the others
				mails = append(mails, m)
			}
			return err
		})
	})
	slices.SortFunc(mails, func(a, b *broker.Mail) int { return strings.Compare(a.ID, b.ID) })
	return mails, err
}

// due looks before Claim writes: an empty outbox costs readers only.
func (o *Outbox) due(ctx context.Context, now int64) (bool, error) {
	var n int64
	err := o.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE status = 'queued' AND next_at <= ? LIMIT 1) x", []any{now}, &n)
	})
	return n > 0, err
}

// Finish writes what became of a claimed mail and ends the claim; broker.ErrNotFound if it was not ours any more. The
// body of a secret mail is gone as soon as nothing is left to try.
func (o *Outbox) Finish(ctx context.Context, m *broker.Mail) error {
	erase := ""
	if m.Secret && m.Status != broker.MailQueued {
		erase = ", body = ?"
	}
	args := []any{m.Status, m.Code, engine.Text(m.Detail, 1000), engine.Micro(m.NextAt), engine.Micro(m.SentAt)}
	if erase != "" {
		args = append(args, []byte{})
	}
	return o.change(ctx, "UPDATE outbox SET status = ?, code = ?, detail = ?, next_at = ?, sent_at = ?, holder = ''"+erase+" WHERE id = ? AND holder = ?",
		append(args, m.ID, m.Holder)...)
}

// Copied notes that somebody passed a mail on by hand.
func (o *Outbox) Copied(ctx context.Context, realm, id string) error {
	return o.change(ctx, "UPDATE outbox SET status = ?, sent_at = ? WHERE id = ? AND COALESCE(realm, '') = ? AND status = ?",
		broker.MailCopied, engine.Micro(o.db.Clock()), id, realm, broker.MailCopy)
}

// Retry queues a failed mail, or one that was to be copied, anew; broker.ErrNotFound where its body is gone or what is in
// it has run out.
func (o *Outbox) Retry(ctx context.Context, realm, id string) error {
	now := engine.Micro(o.db.Clock())
	return o.change(ctx, "UPDATE outbox SET status = 'queued', attempts = 0, next_at = ? WHERE id = ? AND COALESCE(realm, '') = ? AND status IN ('failed', 'copy', 'copied')"+
		" AND length(body) > 0 AND (expires_at = 0 OR expires_at > ?)", now, id, realm, now)
}

// Forget deletes what a realm sent to an address, for a person who is to be erased.
func (o *Outbox) Forget(ctx context.Context, realm, to string) error {
	return o.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "DELETE FROM outbox WHERE recipient = ? AND COALESCE(realm, '') = ?", to, realm)
		return err
	})
}

func (o *Outbox) change(ctx context.Context, query string, args ...any) error {
	return o.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		n, err := q.Exec(ctx, query, args...)
		if err == nil && n == 0 && !again {
			return broker.ErrNotFound
		}
		return err
	})
}

// Get gives a mail of a realm ("" for the installation's own) with its body, or without where the mail is secret.
func (o *Outbox) Get(ctx context.Context, realm, id string) (*broker.Mail, error) {
	m, err := o.Reveal(ctx, realm, id)
	if err == nil && m.Secret {
		m.Text, m.HTML = "", ""
	}
	return m, err
}

// Reveal is Get for secret mails too: whoever reads one can sign in as its addressee, so callers ask for the owner's
// role and audit it.
func (o *Outbox) Reveal(ctx context.Context, realm, id string) (m *broker.Mail, err error) {
	err = o.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		m = nil
		return q.All(ctx, "SELECT "+mailColumns+", body FROM outbox WHERE id = ? AND COALESCE(realm, '') = ?", []any{id, realm}, func(scan func(...any) error) error {
			var sealed []byte
			if m, sealed, err = mailRow(scan, true); err != nil {
				return err
			}
			return o.open(m, sealed)
		})
	})
	if err == nil && m == nil {
		err = broker.ErrNotFound
	}
	return m, err
}

// List gives a realm's mails ("" for all) without their bodies, the newest first; Query is the beginning of an address.
func (o *Outbox) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Mail, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "1 = 1", []any{}
	if realm != "" {
		where, args = where+" AND realm = ?", append(args, realm)
	}
	if p.Query != "" {
		where, args = where+" AND recipient LIKE ? ESCAPE '!'", append(args, engine.Like(strings.ToLower(engine.Text(p.Query, 320)))+"%")
	}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	var out []*broker.Mail
	err = o.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = []*broker.Mail{}
		return q.All(ctx, "SELECT "+mailColumns+" FROM outbox WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			m, _, err := mailRow(scan, false)
			out = append(out, m)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(out) > p.Size() {
		out = out[:p.Size()]
		next = engine.Cursor(out[len(out)-1].ID)
	}
	return out, next, nil
}

// mailRow reads a row of mailColumns and, where it was asked for, of body.
func mailRow(scan func(...any) error, withBody bool) (m *broker.Mail, sealed []byte, err error) {
	m = &broker.Mail{}
	var attempts, created, next, sent, expires int64
	dest := []any{&m.ID, &m.Realm, &m.To, &m.Locale, &m.Kind, &m.Reference, &m.Subject, &m.Secret, &m.Status, &attempts, &m.Code, &m.Detail, &m.Holder, &created, &next, &sent, &expires}
	if withBody {
		dest = append(dest, &sealed)
	}
	err = scan(dest...)
	m.Attempts = int(attempts)
	m.CreatedAt, m.NextAt, m.SentAt, m.ExpiresAt = engine.Time(created), engine.Time(next), engine.Time(sent), engine.Time(expires)
	return m, sealed, err
}

// open puts the sealed body into m; one that was erased stays empty.
func (o *Outbox) open(m *broker.Mail, sealed []byte) error {
	if len(sealed) == 0 {
		return nil
	}
	var b body
	plain, err := o.seal.Open(sealed, mailAAD(m))
	if err == nil {
		err = json.Unmarshal(plain, &b)
	}
	if err != nil {
		return fmt.Errorf("body of mail %s: %w", m.ID, err)
	}
	m.Text, m.HTML = b.Text, b.HTML
	return nil
}

// Backlog counts what is queued and says since when the oldest of it is.
func (o *Outbox) Backlog(ctx context.Context) (n int64, since time.Time, err error) {
	var oldest int64
	err = o.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM outbox WHERE status = 'queued'", nil, &n, &oldest)
	})
	return n, engine.Time(oldest), err
}

// Sweep ends the mails whose link or code has run out, erases the bodies of what was done with before bodies and deletes
// what is older than rows, in small batches.
func (o *Outbox) Sweep(ctx context.Context, bodies, rows time.Time) error {
	now, nothing := engine.Micro(o.db.Clock()), []byte{}
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"UPDATE outbox SET status = 'failed', code = ?, body = ?, holder = '' WHERE id IN (SELECT id FROM outbox WHERE expires_at > 0 AND status IN ('queued', 'copy')" +
			" AND expires_at <= ? AND (holder = '' OR next_at <= ?) LIMIT 500)", []any{string(fault.MailExpired), nothing, now, now}},
		{"UPDATE outbox SET body = ? WHERE id IN (SELECT id FROM outbox WHERE length(body) > 0 AND status <> 'queued' AND created_at < ? LIMIT 500)", []any{nothing, engine.Micro(bodies)}},
		{"DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_at < ? AND status <> 'queued' LIMIT 500)", []any{engine.Micro(rows)}},
		{"DELETE FROM outbox_limits WHERE id IN (SELECT id FROM outbox_limits WHERE at < ? LIMIT 500)", []any{engine.Micro(rows)}},
	} {
		if err := batches(ctx, o.db, s.query, s.args); err != nil {
			return err
		}
	}
	return nil
}

// batches runs a statement that touches at most 500 rows until nothing is left for it.
func batches(ctx context.Context, db *engine.DB, query string, args []any) error {
	for {
		var n int64
		err := db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, query, args...)
			return err
		})
		if err != nil || n < 500 {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
