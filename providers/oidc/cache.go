package oidc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	fresh      = time.Hour        // up to this age a copy is used as it is
	stale      = 24 * time.Hour   // up to this age it is used while a new one is fetched behind; beyond, it only bridges an outage
	retry      = 2 * time.Second  // between attempts while there is no copy at all
	retryAgain = time.Minute      // between attempts to replace one
	fetchLimit = 15 * time.Second // of one attempt, whoever waits for it
)

// cache keeps the last good copy of one document. It is fetched by one caller at a time, for all; waiting is bounded by
// each caller's own context, and no lock is held meanwhile.
type cache[T any] struct {
	fetch func(ctx context.Context) (T, error)
	now   func() time.Time
	run   func(func(ctx context.Context))

	good atomic.Pointer[dated[T]]

	mu     sync.Mutex
	flight *flight[T]
	tried  time.Time // when the last attempt began
	failed error     // what became of it
	asked  time.Time // when a refresh was last put into the background
}

type dated[T any] struct {
	value T
	at    time.Time
}

type flight[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func newCache[T any](fetch func(context.Context) (T, error), s providers.Settings) *cache[T] {
	c := &cache[T]{fetch: fetch, now: s.Now, run: s.Go}
	if c.run == nil {
		c.run = func(f func(context.Context)) { go f(context.Background()) }
	}
	return c
}

// get answers a copy, from memory if it can.
func (c *cache[T]) get(ctx context.Context) (T, error) {
	got := c.good.Load()
	if got == nil {
		return c.fetchNow(ctx, retry)
	}
	switch age := c.now().Sub(got.at); {
	case age < fresh:
	case age < stale:
		c.refreshBehind()
	default:
		if v, err := c.fetchNow(ctx, retryAgain); err == nil {
			return v, nil
		}
	}
	return got.value, nil
}

// fetchNow joins the attempt under way or begins one, unless the last began less than pause ago.
func (c *cache[T]) fetchNow(ctx context.Context, pause time.Duration) (T, error) {
	c.mu.Lock()
	f := c.flight
	if f == nil {
		if c.failed != nil && c.now().Sub(c.tried) < pause {
			defer c.mu.Unlock()
			var none T
			return none, c.failed
		}
		f = &flight[T]{done: make(chan struct{})}
		c.flight, c.tried = f, c.now()
		go c.fly(context.WithoutCancel(ctx), f)
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, fault.Wrap(fault.FetchTimeout, ctx.Err(), "waiting for the provider's documents")
	}
}

func (c *cache[T]) fly(ctx context.Context, f *flight[T]) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	f.err = fault.New(fault.Internal, "fetching broke off")
	defer func() {
		_ = recover() // f.err says so already
		c.mu.Lock()
		c.flight, c.failed = nil, f.err
		c.mu.Unlock()
		close(f.done)
	}()
	v, err := c.fetch(ctx)
	if err == nil {
		f.value = v
		c.put(v, c.now())
	}
	f.err = err
}

func (c *cache[T]) put(v T, at time.Time) { c.good.Store(&dated[T]{v, at}) }

// refreshBehind replaces the copy without anybody waiting for it.
func (c *cache[T]) refreshBehind() {
	c.mu.Lock()
	due := c.now().Sub(c.asked) >= retryAgain
	if due {
		c.asked = c.now()
	}
	c.mu.Unlock()
	if due {
		c.run(func(ctx context.Context) { _, _ = c.fetchNow(ctx, retryAgain) })
	}
}
