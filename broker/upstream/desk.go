package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	poll    = time.Minute
	batch   = 32
	workers = 4
	// patience is how long one connection's documents may take.
	patience = 30 * time.Second
	// lease is how long a batch is one worker's alone: well beyond the time that it can take.
	lease = batch/workers*patience + 2*time.Minute
	day   = 24 * time.Hour
	// Worrying is how long fetching may fail before operators hear of it.
	Worrying = 2 * day
)

// Run fetches what is due until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for k.more(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (k *Keeper) more(ctx context.Context) bool {
	n, err := k.Once(ctx)
	if err != nil && ctx.Err() == nil {
		k.Log.WarnContext(ctx, "identity providers' documents are not fetched", "error", err)
	}
	return err == nil && n == batch && ctx.Err() == nil
}

// Once fetches one batch and answers how many connections it took.
func (k *Keeper) Once(ctx context.Context) (int, error) {
	// New connections get a time of their own within a day, so that the fetches are spread.
	if _, err := k.Watches.Enrol(ctx, 500, func() time.Time { return k.Now().Add(rand.N(day)) }); err != nil { //nolint:gosec // spreads load, keeps nothing secret
		return 0, err
	}
	due, err := k.Watches.Due(ctx, batch, k.Now().Add(lease))
	if err != nil {
		return 0, err
	}
	slots := make(chan struct{}, workers)
	var busy sync.WaitGroup
	for _, w := range due {
		slots <- struct{}{}
		busy.Go(func() {
			defer func() { <-slots }()
			if err := k.check(ctx, w); err != nil && ctx.Err() == nil {
				k.Log.WarnContext(ctx, "an identity provider's documents were not looked at", "connection", w.Connection, "error", err)
			}
		})
	}
	busy.Wait()
	return len(due), nil
}

// check fetches for one connection. What fails at the provider is noted, and no error of ours.
func (k *Keeper) check(ctx context.Context, w *broker.DocumentWatch) error {
	c, err := k.Connections.Get(ctx, w.Connection)
	if errors.Is(err, broker.ErrNotFound) {
		return nil // and the watch is gone with it
	}
	if err != nil {
		return err
	}
	ferr := k.fetch(ctx, c)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping; whoever has the lease next looks again
	}
	return k.note(ctx, c, w, ferr)
}

// Fetch reads a connection's documents now, for an operator who asks.
func (k *Keeper) Fetch(ctx context.Context, c *broker.Connection) error {
	ferr := k.fetch(ctx, c)
	if fault.CodeOf(ferr) == fault.DocumentNone {
		return ferr
	}
	w, err := k.watch(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(ferr, k.note(ctx, c, w, ferr))
}

// watch is the connection's, made where nobody has looked yet.
func (k *Keeper) watch(ctx context.Context, c *broker.Connection) (*broker.DocumentWatch, error) {
	if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
		return nil, err
	}
	return k.Watches.Watch(ctx, c.Slug)
}

func (k *Keeper) fetch(ctx context.Context, c *broker.Connection) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := k.published(ctx, c)
	if err != nil {
		return err
	}
	if p.Source() == "" {
		return fault.New(fault.DocumentNone, "%s", c.Slug)
	}
	found, err := p.Fetch(ctx)
	if err != nil {
		return err
	}
	_, err = k.Offer(ctx, c, p, found)
	return err
}

// published opens a connection whose upstream publishes documents.
func (k *Keeper) published(ctx context.Context, c *broker.Connection) (providers.Published, error) {
	opened, err := k.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	p, ok := opened.(providers.Published)
	if !ok {
		return nil, fault.New(fault.DocumentNone, "%s speaks %s", c.Slug, c.Protocol)
	}
	return p, nil
}

// note keeps how a fetch went, and says so once when it has gone wrong for too long.
func (k *Keeper) note(ctx context.Context, c *broker.Connection, w *broker.DocumentWatch, ferr error) error {
	now := k.Now()
	last := w.CheckedAt
	w.CheckedAt = now
	if ferr == nil || fault.CodeOf(ferr) == fault.DocumentNone {
		w.CheckAt, w.FailingSince, w.Code, w.Detail = now.Add(day-4*time.Hour+rand.N(8*time.Hour)), time.Time{}, "", "" //nolint:gosec // spreads load
		if ferr == nil {
			w.GoodAt = now
		}
		return k.Watches.Checked(ctx, w)
	}
	f := fault.As(ferr)
	w.CheckAt, w.Code, w.Detail = now.Add(30*time.Minute+rand.N(time.Hour)), string(f.Code), f.Error() //nolint:gosec // spreads load
	if w.FailingSince.IsZero() {
		w.FailingSince = now
	}
	worry := w.FailingSince.Add(Worrying)
	if !last.Before(worry) || now.Before(worry) {
		return k.Watches.Checked(ctx, w)
	}
	return k.Tx(ctx, func(ctx context.Context) error {
		if err := k.Watches.Checked(ctx, w); err != nil {
			return err
		}
		return k.tell(ctx, c, "connection.documents_failing", "since "+w.FailingSince.UTC().Format(time.DateTime)+" UTC: "+w.Detail)
	})
}
