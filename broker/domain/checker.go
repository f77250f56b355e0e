package domain

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cloakroom/broker"
)

// Claims is where claims are kept.
type Claims interface {
	// Due takes up to n claims whose check is due; until the given time nobody else gets them.
	Due(ctx context.Context, n int, until time.Time) ([]*broker.Domain, error)
	// Checked notes a check that changed nothing; broker.ErrConflict if d is no longer what is stored.
	Checked(ctx context.Context, d *broker.Domain, at, next time.Time) error
	// Update stores a changed claim; broker.ErrConflict for a stale one, broker.ErrExists if it is verified and another
	// realm's is too.
	Update(ctx context.Context, d *broker.Domain) error
}

// Events is the ledger.
type Events interface {
	Append(ctx context.Context, e broker.Event) error
}

// Kinds of notice, and the events that go with them: "domain." and the kind.
const (
	ProofLost     = "proof_lost"     // the record was seen to be gone; Until is when the claim is suspended
	ProofReminder = "proof_reminder" // it still is
	ProofFound    = "proof_found"    // it came back in time
	Suspended     = "suspended"      // it did not
	Recovered     = "recovered"      // it came back after the suspension, and the claim counts again
)

// Notice is something that a realm's operators should hear of.
type Notice struct {
	Realm, Domain string
	Kind          string
	Until         time.Time // of ProofLost and ProofReminder
}

// Checker looks whether proved claims are still proved. Any number of processes may run one each on the same store.
type Checker struct {
	Claims Claims
	Events Events
	// Tx runs f in one transaction of the store.
	Tx  func(ctx context.Context, f func(ctx context.Context) error) error
	TXT TXT
	// Notify queues a notice; nil for none. It is called inside the transaction of the change that it tells of, so that
	// both happen or neither; it must not speak to the outside. Its failure is logged and holds nothing up.
	Notify func(ctx context.Context, n Notice) error
	Now    func() time.Time
	Log    *slog.Logger
}

const (
	poll    = time.Minute
	batch   = 48
	workers = 8
	// lease is how long a batch is one checker's alone: well beyond the time that it can take.
	lease = batch/workers*patience + 2*time.Minute
)

// reminders are how long before the suspension operators hear again that the record is missing.
func reminders() []time.Duration {
	return []time.Duration{7 * 24 * time.Hour, 3 * 24 * time.Hour, 24 * time.Hour}
}

// Run checks what is due until ctx ends.
func (c *Checker) Run(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for c.once(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *Checker) once(ctx context.Context) (more bool) {
	n, err := c.Once(ctx)
	if err != nil && ctx.Err() == nil {
		c.Log.WarnContext(ctx, "domains are not checked", "error", err)
	}
	return err == nil && n == batch && ctx.Err() == nil
}

// Once checks one batch of claims and answers how many it took.
func (c *Checker) Once(ctx context.Context) (int, error) {
	due, err := c.Claims.Due(ctx, batch, c.Now().Add(lease))
	if err != nil {
		return 0, err
	}
	slots := make(chan struct{}, workers)
	var busy sync.WaitGroup
	for _, d := range due {
		slots <- struct{}{}
		busy.Go(func() {
			defer func() { <-slots }()
			// A claim that was changed meanwhile is left to whoever changed it; it is due again when the lease ends.
			if err := c.check(ctx, d); err != nil && !errors.Is(err, broker.ErrConflict) && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "a domain was not checked", "domain", d.Domain, "realm", d.Realm, "error", err)
			}
		})
	}
	busy.Wait()
	return len(due), nil
}

// check looks once and draws the consequence.
func (c *Checker) check(ctx context.Context, d *broker.Domain) error {
	if !watched(d) {
		return c.Claims.Checked(ctx, d, d.CheckedAt, time.Time{})
	}
	seen := Look(ctx, c.TXT, d)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping; whoever has the lease next looks again
	}
	now := c.Now()
	switch seen.Answer {
	case NoAnswer:
		c.Log.InfoContext(ctx, "a domain's record could not be looked up", "domain", d.Domain, "realm", d.Realm, "error", seen.Err)
		return c.Claims.Checked(ctx, d, d.CheckedAt, now.Add(Unknown))
	case Found:
		return c.found(ctx, d, now)
	}
	return c.missing(ctx, d, now)
}

func (c *Checker) found(ctx context.Context, d *broker.Domain, now time.Time) error {
	next := *d
	Prove(&next, now)
	switch {
	case !d.Verified:
		err := c.change(ctx, d, &next, Notice{Kind: Recovered})
		if errors.Is(err, broker.ErrExists) { // another realm's by now
			return c.Claims.Checked(ctx, d, now, spread(now))
		}
		return err
	case !d.LostAt.IsZero():
		return c.change(ctx, d, &next, Notice{Kind: ProofFound})
	}
	return c.Claims.Checked(ctx, d, now, next.CheckAt)
}

func (c *Checker) missing(ctx context.Context, d *broker.Domain, now time.Time) error {
	next := *d
	end := d.LostAt.Add(Grace)
	switch {
	case !d.Verified:
		return c.Claims.Checked(ctx, d, now, spread(now))
	case d.LostAt.IsZero():
		miss(&next, now)
		return c.change(ctx, d, &next, Notice{Kind: ProofLost, Until: SuspendsAt(&next)})
	case !now.Before(end):
		suspend(&next, now)
		return c.change(ctx, d, &next, Notice{Kind: Suspended})
	}
	return c.Tx(ctx, func(ctx context.Context) error {
		at := now.Add(WhileLost)
		if at.After(end) {
			at = end
		}
		if err := c.Claims.Checked(ctx, d, now, at); err != nil || !remind(d.CheckedAt, now, end) {
			return err
		}
		n := Notice{Kind: ProofReminder, Until: end}
		if err := c.record(ctx, d, nil, n); err != nil {
			return err
		}
		c.notify(ctx, d, n)
		return nil
	})
}

// remind reports whether one of the reminders fell due since the last answer.
func remind(last, now, end time.Time) bool {
	for _, before := range reminders() {
		if at := end.Add(-before); at.After(last) && !at.After(now) {
			return true
		}
	}
	return false
}

// change stores a claim's new state with its event and its notice.
func (c *Checker) change(ctx context.Context, old, next *broker.Domain, n Notice) error {
	stored := *next
	return c.Tx(ctx, func(ctx context.Context) error {
		*next = stored // a transaction may be run again
		if err := c.Claims.Update(ctx, next); err != nil {
			return err
		}
		if err := c.record(ctx, old, next, n); err != nil {
			return err
		}
		c.notify(ctx, next, n)
		return nil
	})
}

func (c *Checker) record(ctx context.Context, old, next *broker.Domain, n Notice) error {
	e := broker.Event{At: c.Now(), Realm: old.Realm, Kind: "domain." + n.Kind, Actor: "system", Subject: "domain:" + old.Domain}
	if !n.Until.IsZero() {
		e.Detail = "suspended on " + n.Until.UTC().Format(time.DateTime) + " UTC unless the TXT record comes back"
	}
	var err error
	if next != nil {
		if e.Before, err = json.Marshal(old); err != nil {
			return err
		}
		if e.After, err = json.Marshal(next); err != nil {
			return err
		}
	}
	return c.Events.Append(ctx, e)
}

func (c *Checker) notify(ctx context.Context, d *broker.Domain, n Notice) {
	if c.Notify == nil {
		return
	}
	n.Realm, n.Domain = d.Realm, d.Domain
	if err := c.Notify(ctx, n); err != nil {
		c.Log.ErrorContext(ctx, "nobody is told about a domain", "domain", d.Domain, "realm", d.Realm, "kind", n.Kind, "error", err)
	}
}
