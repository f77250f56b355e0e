// Package upstream keeps what identity providers publish about themselves: SAML metadata, discovery, keys. It fetches
// every connection's documents daily, keeps each version, and lets in by itself only what the provider's own Review
// admits; the rest waits for an operator. Sign-ins trust what was accepted and nothing else.
package upstream

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Documents is where versions are kept; store.Documents does.
type Documents interface {
	// Lock makes ctx's transaction the only one that changes a connection's documents.
	Lock(ctx context.Context, realm, slug string) error
	Add(ctx context.Context, d *broker.Document) error
	Refresh(ctx context.Context, d *broker.Document) error
	Decide(ctx context.Context, d *broker.Document) error
	Trusted(ctx context.Context, slug, source string) (*broker.Document, error)
	Pending(ctx context.Context, slug string) (*broker.Document, error)
	Dismissed(ctx context.Context, slug, source, digest string) (bool, error)
	Get(ctx context.Context, slug string, n int64) (*broker.Document, error)
	List(ctx context.Context, slug string) ([]*broker.Document, error)
}

// Watches is where it is kept when documents are fetched and how that goes; store.Documents does.
type Watches interface {
	Enrol(ctx context.Context, n int, at func() time.Time) (int, error)
	Due(ctx context.Context, n int, until time.Time) ([]*broker.DocumentWatch, error)
	Watch(ctx context.Context, slug string) (*broker.DocumentWatch, error)
	Checked(ctx context.Context, w *broker.DocumentWatch) error
}

// Keeper decides what sign-ins trust. Any number of processes may run one each on the same store.
type Keeper struct {
	Documents   Documents
	Watches     Watches
	Connections interface {
		Get(ctx context.Context, slug string) (*broker.Connection, error)
	}
	// Open opens a connection as sign-ins do, with the documents that it trusts.
	Open   func(ctx context.Context, c *broker.Connection) (providers.Provider, error)
	Events interface {
		Append(ctx context.Context, e broker.Event) error
	}
	// Tx runs f in one transaction of the store.
	Tx  func(ctx context.Context, f func(ctx context.Context) error) error
	Now func() time.Time
	Log *slog.Logger
}

// Trusted is the state that a connection trusts of a source, nil if there is none yet.
func (k *Keeper) Trusted(ctx context.Context, slug, source string) ([]byte, error) {
	d, err := k.trusted(ctx, slug, source)
	if d == nil {
		return nil, err
	}
	return d.State, err
}

// trusted is nil where nothing is.
func (k *Keeper) trusted(ctx context.Context, slug, source string) (*broker.Document, error) {
	d, err := k.Documents.Trusted(ctx, slug, source)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return d, err
}

// Offer takes a document that was fetched and answers what is trusted now.
func (k *Keeper) Offer(ctx context.Context, c *broker.Connection, p providers.Published, found providers.Found) ([]byte, error) {
	o := &offer{k: k, c: c, p: p, found: found}
	news, err := o.look(ctx)
	if err != nil || !news {
		return o.review.Trusted, err
	}
	err = k.Tx(ctx, func(ctx context.Context) error {
		if err := k.Documents.Lock(ctx, c.Realm, c.Slug); err != nil {
			return err
		}
		// What was read before the lock may be history.
		if news, err := o.look(ctx); err != nil || !news {
			return err
		}
		return o.keep(ctx)
	})
	return o.review.Trusted, err
}

// offer is a fetched document on its way in.
type offer struct {
	k      *Keeper
	c      *broker.Connection
	p      providers.Published
	found  providers.Found
	was    *broker.Document // trusted; nil if nothing is
	waits  *broker.Document // for an operator, nil if none does
	review providers.Review
	facts  []broker.DocumentFact // of what is trusted now
}

// look holds what was found against what is kept, and reports whether there is anything to keep.
func (o *offer) look(ctx context.Context) (news bool, err error) {
	if o.was, err = o.k.trusted(ctx, o.c.Slug, o.p.Source()); err != nil {
		return false, err
	}
	if o.waits, err = o.k.waiting(ctx, o.c.Slug); err != nil {
		return false, err
	}
	var state []byte
	if o.was != nil {
		state = o.was.State
	}
	if o.review, err = o.p.Review(state, o.found); err != nil {
		return false, err
	}
	if o.facts, err = facts(o.p, o.review.Trusted); err != nil {
		return false, err
	}
	if o.was == nil || !slices.Equal(o.was.Facts, o.facts) {
		return true, nil
	}
	return o.waitingNews(ctx)
}

func (k *Keeper) waiting(ctx context.Context, slug string) (*broker.Document, error) {
	d, err := k.Documents.Pending(ctx, slug)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return d, err
}

// waitingNews reports whether what waits for an operator is another than what waited.
func (o *offer) waitingNews(ctx context.Context) (bool, error) {
	if o.review.Waiting == nil {
		return o.waits != nil, nil
	}
	f, err := facts(o.p, o.review.Waiting)
	if err != nil {
		return false, err
	}
	d := digest(f)
	if o.waits != nil && o.waits.Digest == d && o.waits.Source == o.p.Source() {
		return false, nil
	}
	dismissed, err := o.k.Documents.Dismissed(ctx, o.c.Slug, o.p.Source(), d)
	return !dismissed, err
}

// keep stores what is new.
func (o *offer) keep(ctx context.Context) error {
	if err := o.keepTrusted(ctx); err != nil {
		return err
	}
	news, err := o.waitingNews(ctx)
	if err != nil || !news {
		return err
	}
	if o.review.Waiting == nil {
		o.waits.Status = broker.DocumentSuperseded
		return o.k.Documents.Decide(ctx, o.waits)
	}
	d, err := o.k.version(o.c, o.p, o.review.Waiting)
	if err != nil {
		return err
	}
	d.Status, d.How, d.Changes = broker.DocumentPending, broker.DocumentFetched, changes(o.review.Left)
	if err := o.k.Documents.Add(ctx, d); err != nil {
		return err
	}
	return o.k.tell(ctx, o.c, "connection.documents_waiting", fmt.Sprintf("version %d: %s", d.N, Words(d.Changes)))
}

// keepTrusted stores the trusted state: as a version where it says something else, in its place where only dates moved.
func (o *offer) keepTrusted(ctx context.Context) error {
	d, err := o.k.version(o.c, o.p, o.review.Trusted)
	if err != nil {
		return err
	}
	d.Pinned = o.review.Pinned
	switch {
	case o.was == nil:
		d.How = broker.DocumentFirst
		return o.k.Documents.Add(ctx, d)
	case len(o.review.Applied) > 0:
		d.How, d.Changes = broker.DocumentFetched, changes(o.review.Applied)
		if err := o.k.Documents.Add(ctx, d); err != nil {
			return err
		}
		return o.k.tell(ctx, o.c, "connection.documents_changed", fmt.Sprintf("version %d, by itself: %s", d.N, Words(d.Changes)))
	case slices.Equal(o.was.Facts, d.Facts):
		return nil
	}
	d.N, d.DocumentStory = o.was.N, o.was.DocumentStory
	d.Facts = o.facts
	return o.k.Documents.Refresh(ctx, d)
}

// version is a new accepted version with what its state says.
func (k *Keeper) version(c *broker.Connection, p providers.Published, state []byte) (*broker.Document, error) {
	f, err := facts(p, state)
	if err != nil {
		return nil, err
	}
	return &broker.Document{
		Connection: c.Slug, Realm: c.Realm, At: k.Now().UTC().Truncate(time.Microsecond), Source: p.Source(), Status: broker.DocumentAccepted,
		Digest: digest(f), DocumentStory: broker.DocumentStory{Facts: f, Changes: []broker.DocumentChange{}}, State: state,
	}, nil
}

func (k *Keeper) tell(ctx context.Context, c *broker.Connection, kind, detail string) error {
	return k.Events.Append(ctx, broker.Event{At: k.Now(), Realm: c.Realm, Kind: kind, Actor: "system", Subject: "connection:" + c.Slug, Connection: c.Slug, Detail: detail})
}

func facts(p providers.Published, state []byte) ([]broker.DocumentFact, error) {
	found, err := p.Facts(state)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "a kept document cannot be read")
	}
	out := make([]broker.DocumentFact, len(found))
	for i, f := range found {
		out[i] = broker.DocumentFact(f)
	}
	return out, nil
}

func changes(found []providers.Difference) []broker.DocumentChange {
	out := make([]broker.DocumentChange, len(found))
	for i, d := range found {
		out[i] = broker.DocumentChange(d)
	}
	return out
}

// digest names what a document says, in whatever order, without what is quiet.
func digest(list []broker.DocumentFact) string {
	var lines []string
	for _, f := range list {
		if !f.Quiet {
			lines = append(lines, f.Name+"\x00"+f.Value)
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\x01")))
	return hex.EncodeToString(sum[:])
}

// Compare tells two versions apart.
func Compare(was, now []broker.DocumentFact) []broker.DocumentChange {
	return changes(providers.Differences(plain(was), plain(now)))
}

func plain(list []broker.DocumentFact) []providers.Fact {
	out := make([]providers.Fact, len(list))
	for i, f := range list {
		out[i] = providers.Fact(f)
	}
	return out
}

// Words are changes as a person reads them.
func Words(list []broker.DocumentChange) string {
	parts := make([]string, len(list))
	for i, c := range list {
		name := strings.ReplaceAll(c.Name, "_", " ")
		switch c.Kind {
		case providers.Added:
			parts[i] = name + " added: " + c.To
		case providers.Removed:
			parts[i] = name + " removed: " + c.From
		default:
			parts[i] = name + " changed from " + c.From + " to " + c.To
		}
	}
	return strings.Join(parts, "; ")
}
