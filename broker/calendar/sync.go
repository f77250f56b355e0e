package calendar

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
)

// catchUp reads again what changed, and says whether anything did.
func (c *Calendar) catchUp(ctx context.Context) bool {
	changes := c.changes()
	for change := range changes {
		err := c.refresh(ctx, change)
		if err != nil && !errors.Is(err, broker.ErrNotFound) && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "what ends was not read after a change", "kind", change.Kind, "name", change.Key, "error", err)
		}
	}
	return len(changes) > 0
}

func (c *Calendar) refresh(ctx context.Context, change broker.Change) error {
	kind, key := change.Kind, change.Key
	if kind == "key" { // the owner says whose
		kind, key, _ = strings.Cut(change.Key, ":")
	}
	switch kind {
	case "connection":
		return c.RefreshConnection(ctx, key)
	case "domain", "realm":
		r, err := c.Realms.Get(ctx, cmp.Or(change.Realm, key))
		if err != nil {
			return err
		}
		return c.realm(ctx, r)
	}
	return nil
}

// RefreshConnection reads again what ends of a connection.
func (c *Calendar) RefreshConnection(ctx context.Context, slug string) error {
	conn, err := c.Connections.Get(ctx, slug)
	if err != nil {
		return err
	}
	return c.connection(ctx, conn)
}

func (c *Calendar) connection(ctx context.Context, conn *broker.Connection) error {
	things, err := c.OfConnection(ctx, conn)
	if err != nil {
		return err
	}
	subject := "connection:" + conn.Slug
	var want []broker.Expiry
	for _, t := range things {
		want = append(want, broker.Expiry{
			Realm: conn.Realm, Connection: conn.Slug, Kind: t.Kind, Name: t.Name, Fingerprint: t.Fingerprint, Since: t.Since, At: t.At, Muted: !conn.Enabled, Subject: subject,
		})
	}
	return c.store(ctx, subject, "", replaced(want, things))
}

func (c *Calendar) realm(ctx context.Context, r *broker.Realm) error {
	things, err := c.OfRealm(ctx, r)
	if err != nil {
		return err
	}
	subject := "realm:" + r.Name
	var want []broker.Expiry
	for _, t := range things {
		want = append(want, broker.Expiry{Realm: r.Name, Kind: t.Kind, Name: t.Name, Fingerprint: t.Fingerprint, Since: t.Since, At: t.At, Subject: subject})
	}
	return c.store(ctx, subject, "", replaced(want, things))
}

// sources reads what belongs neither to a connection nor to a realm's own settings.
func (c *Calendar) sources(ctx context.Context) error {
	for kind, list := range c.Sources {
		things, err := list(ctx)
		if err != nil {
			return err
		}
		var want []broker.Expiry
		for _, t := range things {
			want = append(want, broker.Expiry{Realm: t.Realm, Kind: kind, Name: t.Name, Fingerprint: t.Fingerprint, Since: t.Since, At: t.At, Subject: t.Subject})
		}
		if err := c.store(ctx, "", kind, want); err != nil {
			return err
		}
	}
	return nil
}

// replaced marks all of a role but the one that ends last.
func replaced(want []broker.Expiry, things []Thing) []broker.Expiry {
	last := map[string]int{}
	for i := range want {
		role := cmp.Or(things[i].Role, want[i].Kind)
		if j, taken := last[role]; !taken || want[i].At.After(want[j].At) {
			last[role] = i
		}
	}
	for i := range want {
		want[i].Replaced = last[cmp.Or(things[i].Role, want[i].Kind)] != i
	}
	return want
}

// key is what an expiry is recognised by when it is read again.
type key struct{ subject, kind, name, fingerprint string }

func keyOf(e *broker.Expiry) key { return key{e.Subject, e.Kind, e.Name, e.Fingerprint} }

// tries bounds how often a subject is read again because another process wrote at the same time.
const tries = 10

// store brings what is kept of a subject, or of a kind, to what is wanted.
func (c *Calendar) store(ctx context.Context, subject, kind string, want []broker.Expiry) (err error) {
	for range tries {
		if err = c.bring(ctx, subject, kind, slices.Clone(want)); !errors.Is(err, broker.ErrConflict) {
			break
		}
	}
	return err
}

// bring writes the differences, in one transaction.
func (c *Calendar) bring(ctx context.Context, subject, kind string, want []broker.Expiry) error {
	have, err := c.Store.Of(ctx, subject, kind)
	if err != nil {
		return err
	}
	known := map[key]*broker.Expiry{}
	for i := range have {
		known[keyOf(&have[i])] = &have[i]
	}
	var puts []put
	for i := range want {
		e, old := &want[i], known[keyOf(&want[i])]
		delete(known, keyOf(e))
		e.Since, e.At = e.Since.UTC().Truncate(time.Microsecond), e.At.UTC().Truncate(time.Microsecond)
		if inherit(e, old); old == nil || !same(e, old) {
			puts = append(puts, put{e, old})
		}
	}
	var drops []string
	for _, e := range known {
		drops = append(drops, e.ID)
	}
	return c.write(ctx, puts, drops)
}

// put is a change of one expiry.
type put struct{ e, old *broker.Expiry }

// inherit takes over what is known of an expiry whose time is the same still.
func inherit(e, old *broker.Expiry) {
	if old != nil && old.At.Equal(e.At) {
		e.ID, e.Warned = old.ID, old.Warned
		if !old.Since.IsZero() {
			e.Since = old.Since
		}
	}
	e.WarnAt = next(e)
}

func same(a, b *broker.Expiry) bool {
	return a.At.Equal(b.At) && a.Since.Equal(b.Since) && a.Replaced == b.Replaced && a.Muted == b.Muted && a.WarnAt.Equal(b.WarnAt) && a.Realm == b.Realm
}

func (c *Calendar) write(ctx context.Context, puts []put, drops []string) error {
	if len(puts) == 0 && len(drops) == 0 {
		return nil
	}
	return c.Tx(ctx, func(ctx context.Context) error {
		for _, p := range puts {
			if err := c.Store.Put(ctx, p.e, p.old); err != nil {
				return err
			}
		}
		return c.Store.Drop(ctx, drops...)
	})
}

// pass reads everything once a day. Processes share it, page by page; a page whose reader dies is read the next day.
func (c *Calendar) pass(ctx context.Context) error {
	day := c.Now().UTC().Format(time.DateOnly)
	if c.passed == day {
		return nil
	}
	err := eachPage(ctx, c, day+" connections", func(p broker.Page) ([]*broker.Connection, string, error) { return c.Connections.List(ctx, "", p) }, c.connection)
	if err == nil {
		err = eachPage(ctx, c, day+" realms", func(p broker.Page) ([]*broker.Realm, string, error) { return c.Realms.List(ctx, p) }, c.realm)
	}
	if err == nil {
		c.passed = day
	}
	return err
}

// remembered is how long the turns of a day are known.
const remembered = 48 * time.Hour

// eachPage walks a list and reads the pages whose turn is this process's. What cannot be read keeps nothing else from
// being read.
func eachPage[T any](ctx context.Context, c *Calendar, name string, list func(broker.Page) ([]*T, string, error), read func(context.Context, *T) error) error {
	p := broker.Page{Limit: 200}
	for ctx.Err() == nil {
		items, next, err := list(p)
		if err != nil {
			return err
		}
		mine, err := c.Turn(ctx, name+" "+p.Cursor, c.Now().Add(remembered))
		if err != nil {
			return err
		}
		if mine {
			readAll(ctx, c, items, read)
		}
		if p.Cursor = next; next == "" {
			return nil
		}
	}
	return ctx.Err()
}

func readAll[T any](ctx context.Context, c *Calendar, items []*T, read func(context.Context, *T) error) {
	for _, item := range items {
		if err := read(ctx, item); err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "what ends was not read", "error", err)
		}
	}
}

// thresholds are the days before the end on which a warning is due, the last at the end itself.
func thresholds() []int { return []int{60, 30, 7, 1, 0} }

// applies reports whether a threshold counts for something: not before half of its life is over, or short-lived things
// would warn from their first day.
func applies(e *broker.Expiry, days int) bool {
	return e.Since.IsZero() || 2*time.Duration(days)*24*time.Hour <= e.At.Sub(e.Since)
}

// next is when the next warning is due, zero if none will be.
func next(e *broker.Expiry) time.Time {
	if e.Replaced || e.Muted {
		return time.Time{}
	}
	for _, days := range thresholds() {
		if applies(e, days) && (e.Warned == nil || days < *e.Warned) {
			return e.At.Add(-time.Duration(days) * 24 * time.Hour)
		}
	}
	return time.Time{}
}

// crossed is the threshold that is to be warned of now: the nearest to the end of those that are due.
func crossed(e *broker.Expiry, now time.Time) (days int, ok bool) {
	due := slices.DeleteFunc(thresholds(), func(days int) bool {
		return !applies(e, days) || e.Warned != nil && days >= *e.Warned || e.At.Add(-time.Duration(days)*24*time.Hour).After(now)
	})
	if len(due) == 0 {
		return 0, false
	}
	return due[len(due)-1], true
}
