package admin

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cloakroom/broker"
)

// NightlyChecks makes the preflight of every enabled connection once a night, and brings what the calendar and the reviews
// know to where lists are made from. Any number of processes may run one each on the same store: each connection is
// checked by one of them.
type NightlyChecks struct {
	Admin *Service
	Facts Facts
	Log   *slog.Logger
}

// Facts is where lists over all realms get what they show; store.Overview is.
type Facts interface {
	// Catch describes up to n connections anew that an earlier version changed, and answers how many there were.
	Catch(ctx context.Context, n int) (int, error)
	// Slugs gives slugs of the installation's connections beyond one, in order.
	Slugs(ctx context.Context, after string, n int) ([]string, error)
}

const (
	nightPoll    = time.Minute
	nightBatch   = 16
	nightWorkers = 4
	// nightLease is how long a batch is one process's alone.
	nightLease = nightBatch/nightWorkers*checkLimit + 5*time.Minute
	// noteEvery is how often what is known from elsewhere is brought over, by the hundred.
	noteEvery = 5 * time.Minute
	noteBatch = 200
)

// Run works until ctx ends.
func (n *NightlyChecks) Run(ctx context.Context) {
	tick := time.NewTicker(nightPoll)
	defer tick.Stop()
	var noted time.Time
	for ctx.Err() == nil {
		if now := n.Admin.Now(); now.Sub(noted) >= noteEvery {
			noted = now
			n.warn(ctx, "what lists show is not brought up to date", n.Note(ctx))
		}
		done, err := n.Once(ctx)
		n.warn(ctx, "connections are not checked", err)
		if done == nightBatch && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (n *NightlyChecks) warn(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		n.Log.WarnContext(ctx, what, "error", err)
	}
}

// Once checks a batch of the connections that are due and answers how many.
func (n *NightlyChecks) Once(ctx context.Context) (int, error) {
	due, err := n.Admin.Checks.Due(ctx, nightBatch, n.Admin.Now().Add(nightLease))
	if err != nil {
		return 0, err
	}
	slots := make(chan struct{}, nightWorkers)
	var busy sync.WaitGroup
	for _, c := range due {
		slots <- struct{}{}
		busy.Go(func() {
			defer func() { <-slots }()
			n.check(ctx, c)
		})
	}
	busy.Wait()
	return len(due), nil
}

func (n *NightlyChecks) check(ctx context.Context, c *broker.Connection) {
	_, err := n.Admin.checked(ctx, c, Nightly)
	if err != nil && !errors.Is(err, broker.ErrNotFound) && !errors.Is(err, context.Canceled) {
		n.Log.WarnContext(ctx, "a connection was not checked", "connection", c.Slug, "realm", c.Realm, "error", err)
	}
}

// Note brings lists up to date with what is known elsewhere of every connection.
func (n *NightlyChecks) Note(ctx context.Context) error {
	for {
		done, err := n.Facts.Catch(ctx, noteBatch)
		if err != nil {
			return err
		}
		if done < noteBatch {
			break
		}
	}
	for after := ""; ; {
		slugs, err := n.Facts.Slugs(ctx, after, noteBatch)
		if err != nil || len(slugs) == 0 {
			return err
		}
		if err := n.Admin.noteElsewhere(ctx, slugs); err != nil {
			return err
		}
		after = slugs[len(slugs)-1]
	}
}
