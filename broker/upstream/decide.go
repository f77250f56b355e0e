package upstream

import (
	"context"
	"errors"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// What operators decide. Each of these takes part in ctx's transaction, in which the caller keeps its audit line.

// Approve trusts a version that waits, or that was dismissed.
func (k *Keeper) Approve(ctx context.Context, c *broker.Connection, n int64, by string) (*broker.Document, error) {
	p, d, err := k.take(ctx, c, n)
	if err != nil {
		return nil, err
	}
	if err := undecided(d); err != nil {
		return nil, err
	}
	d.Status, d.DecidedBy, d.DecidedAt = broker.DocumentSuperseded, by, k.now()
	if err := k.Documents.Decide(ctx, d); err != nil {
		return nil, err
	}
	return k.settle(ctx, c, p, d, broker.DocumentApproved, by)
}

// Dismiss leaves what is trusted as it is. The same change is not shown again.
func (k *Keeper) Dismiss(ctx context.Context, c *broker.Connection, n int64, by string) (*broker.Document, error) {
	if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
		return nil, err
	}
	d, err := k.Documents.Get(ctx, c.Slug, n)
	if err != nil {
		return nil, err
	}
	if d.Status != broker.DocumentPending {
		return nil, fault.New(fault.DocumentDecided, "version %d is %s", n, d.Status)
	}
	d.Status, d.DecidedBy, d.DecidedAt = broker.DocumentDismissed, by, k.now()
	return d, k.Documents.Decide(ctx, d)
}

// Restore trusts an earlier version and pins it: no fetch changes what is trusted until it is released.
func (k *Keeper) Restore(ctx context.Context, c *broker.Connection, n int64, by string) (*broker.Document, error) {
	p, d, err := k.take(ctx, c, n)
	if err != nil {
		return nil, err
	}
	return k.settle(ctx, c, p, d, broker.DocumentRestored, by)
}

// Release lets a pinned version change again, and has the documents fetched soon.
func (k *Keeper) Release(ctx context.Context, c *broker.Connection, by string) (*broker.Document, error) {
	p, err := k.fetched(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
		return nil, err
	}
	d, err := k.Documents.Trusted(ctx, c.Slug, p.Source())
	if err != nil {
		return nil, err
	}
	if !d.Pinned {
		return nil, fault.New(fault.DocumentDecided, "version %d is not pinned", d.N)
	}
	w, err := k.Watches.Watch(ctx, c.Slug)
	if err != nil {
		return nil, err
	}
	w.CheckAt = k.now()
	if err := k.Watches.Checked(ctx, w); err != nil {
		return nil, err
	}
	return k.settle(ctx, c, p, d, broker.DocumentReleased, by)
}

// Given keeps the version of a document that was given by hand, if it is another than the last.
func (k *Keeper) Given(ctx context.Context, c *broker.Connection, opened providers.Provider, by string) error {
	p, ok := opened.(providers.Published)
	if !ok {
		return nil
	}
	state := p.Given()
	if state == nil {
		return nil
	}
	if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
		return err
	}
	was, err := k.trusted(ctx, c.Slug, p.Source())
	if err != nil || was != nil && sameText(p, was.State, state) {
		return err
	}
	d, err := k.version(c, p, state)
	if err != nil {
		return err
	}
	d.How, d.By = broker.DocumentUploaded, by
	if was != nil {
		d.Changes = Compare(was.Facts, d.Facts)
	}
	return k.Documents.Add(ctx, d)
}

func sameText(p providers.Published, a, b []byte) bool {
	_, x, xerr := p.Text(a)
	_, y, yerr := p.Text(b)
	return xerr == nil && yerr == nil && x == y
}

// Read is one version with its document as text.
func (k *Keeper) Read(ctx context.Context, c *broker.Connection, n int64) (d *broker.Document, mediaType, text string, err error) {
	p, err := k.published(ctx, c)
	if err != nil {
		return nil, "", "", err
	}
	if d, err = k.Documents.Get(ctx, c.Slug, n); err != nil {
		return nil, "", "", err
	}
	mediaType, text, err = p.Text(d.State)
	return d, mediaType, text, err
}

// Known are a connection's versions, the newest first, the one that is trusted now (nil if none is), and how fetching them
// goes (nil where nobody has tried).
func (k *Keeper) Known(ctx context.Context, c *broker.Connection) (list []*broker.Document, trusted *broker.Document, w *broker.DocumentWatch, err error) {
	p, err := k.published(ctx, c)
	if err != nil {
		return nil, nil, nil, err
	}
	if list, err = k.Documents.List(ctx, c.Slug); err != nil {
		return nil, nil, nil, err
	}
	if trusted, err = k.trusted(ctx, c.Slug, p.Source()); err != nil {
		return nil, nil, nil, err
	}
	if w, err = k.Watches.Watch(ctx, c.Slug); errors.Is(err, broker.ErrNotFound) {
		w, err = nil, nil
	}
	return list, trusted, w, err
}

// take finds a version that could be trusted now, under the lock.
func (k *Keeper) take(ctx context.Context, c *broker.Connection, n int64) (providers.Published, *broker.Document, error) {
	p, err := k.fetched(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
		return nil, nil, err
	}
	d, err := k.Documents.Get(ctx, c.Slug, n)
	if err != nil {
		return nil, nil, err
	}
	if d.Source != p.Source() {
		return nil, nil, &fault.Error{Code: fault.DocumentSource, Detail: c.Slug, Observed: d.Source, Expected: p.Source()}
	}
	return p, d, nil
}

// fetched opens a connection whose documents are fetched.
func (k *Keeper) fetched(ctx context.Context, c *broker.Connection) (providers.Published, error) {
	p, err := k.published(ctx, c)
	if err == nil && p.Source() == "" {
		err = fault.New(fault.DocumentNone, "%s", c.Slug)
	}
	return p, err
}

func undecided(d *broker.Document) error {
	if d.Status != broker.DocumentPending && d.Status != broker.DocumentDismissed {
		return fault.New(fault.DocumentDecided, "version %d is %s", d.N, d.Status)
	}
	return nil
}

// settle makes a version's state the trusted one, as a new version.
func (k *Keeper) settle(ctx context.Context, c *broker.Connection, p providers.Published, from *broker.Document, how, by string) (*broker.Document, error) {
	pinned := how == broker.DocumentRestored
	state, err := p.Settle(from.State, pinned)
	if err != nil {
		return nil, err
	}
	d, err := k.version(c, p, state)
	if err != nil {
		return nil, err
	}
	was, err := k.trusted(ctx, c.Slug, p.Source())
	if err != nil {
		return nil, err
	}
	if was != nil {
		d.Changes = Compare(was.Facts, d.Facts)
	}
	d.Pinned, d.How, d.By, d.Of = pinned, how, by, from.N
	return d, k.Documents.Add(ctx, d)
}

func (k *Keeper) now() time.Time { return k.Now().UTC().Truncate(time.Microsecond) }
