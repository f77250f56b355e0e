// Package calendar knows what ends and when – certificates, secrets, metadata, proofs, keys, links – and warns of it in
// time: 60, 30, 7 and 1 days before and at the end, each once over all replicas.
//
// What ends is read from where it belongs, again after each change and nightly, and kept in a table, so that a list over
// any number of connections is one query. A thing that something newer already stands in for is listed and not warned of.
// Every warning is an event, which webhooks carry on; who is responsible at the customer gets one mail a day with all of
// them.
package calendar

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cloakroom/broker"
)

// Store is where expiries are kept.
type Store interface {
	// Of gives what is known of a subject, or of a kind over all subjects.
	Of(ctx context.Context, subject, kind string) ([]broker.Expiry, error)
	// Put stores e in the place of old, or anew for nil; broker.ErrConflict where that is no longer what is stored.
	Put(ctx context.Context, e, old *broker.Expiry) error
	Drop(ctx context.Context, ids ...string) error
	// Due gives expiries that a warning is due for, and Warn notes one; false where somebody else has.
	Due(ctx context.Context, n int) ([]broker.Expiry, error)
	Warn(ctx context.Context, e *broker.Expiry, days int, next time.Time) (bool, error)
	// Notify keeps what a contact is to be told of. Contacts gives those who were not written to after since, and Take
	// what one of them is told of now.
	Notify(ctx context.Context, n broker.ExpiryNotice) error
	Contacts(ctx context.Context, since time.Time, n int) ([]broker.ExpiryNotice, error)
	Take(ctx context.Context, realm, contact string, since time.Time) ([]broker.ExpiryNotice, error)
}

// Connections is where connections are kept.
type Connections interface {
	Get(ctx context.Context, slug string) (*broker.Connection, error)
	// List gives those of all realms for "".
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Connection, string, error)
}

// Realms is where realms are kept.
type Realms interface {
	Get(ctx context.Context, name string) (*broker.Realm, error)
	List(ctx context.Context, p broker.Page) ([]*broker.Realm, string, error)
}

// Events is the ledger.
type Events interface {
	Append(ctx context.Context, e broker.Event) error
}

// Thing is something that ends. Of those of one subject with the same Role only the one that ends last matters: the
// others have been replaced.
type Thing struct {
	Subject     string // of a source's things; of connections and realms it is known
	Realm       string
	Kind, Name  string
	Fingerprint string
	Role        string // "" stands for the kind
	Since, At   time.Time
}

// Purposes of a link to renew something.
const (
	RenewCertificate = "certificate"
	RenewSecret      = "secret"
	RenewMetadata    = "metadata"
)

// Letter is what one contact is told on one day.
type Letter struct {
	Realm   *broker.Realm
	Contact string
	Lines   []Line
}

// Line is one thing of a letter.
type Line struct {
	Connection *broker.Connection
	Expiry     broker.Expiry
	URL        string // where it is renewed
}

// Calendar is the engine. Any number of processes may run one each on the same store.
type Calendar struct {
	Store       Store
	Connections Connections
	Realms      Realms
	Events      Events
	// Tx runs f in one transaction of the store.
	Tx func(ctx context.Context, f func(ctx context.Context) error) error
	// Turn takes a task of a name that is remembered until a time; false where another process has taken it.
	Turn func(ctx context.Context, name string, until time.Time) (bool, error)

	// OfConnection and OfRealm read what ends of a connection or realm. They fetch nothing.
	OfConnection func(ctx context.Context, c *broker.Connection) ([]Thing, error)
	OfRealm      func(ctx context.Context, r *broker.Realm) ([]Thing, error)
	// Sources are further things by their kind, each read whole: API keys, setup links.
	Sources map[string]func(ctx context.Context) ([]Thing, error)

	// Renew makes a link by which a contact without an account renews something of a connection, for one of the purposes
	// above. It is called inside a transaction. Nil: letters lead to the handbook's page about the provider.
	Renew func(ctx context.Context, realm, connection, purpose string) (url string, err error)
	// Post queues a letter, inside a transaction; nil for none.
	Post func(ctx context.Context, l Letter) error
	// BaseURL is where the handbook is served.
	BaseURL string
	Now     func() time.Time
	Log     *slog.Logger

	passed string // the day of the last pass; Once's alone
	mu     sync.Mutex
	dirty  map[broker.Change]bool
}

const (
	poll      = 5 * time.Minute
	settling  = time.Second // that changes are gathered for
	dueBatch  = 200
	perLetter = 24 * time.Hour
	// maxDirty bounds what is remembered of changes: beyond it the nightly pass has to do.
	maxDirty = 10_000
)

// Changed notes that something changed that may end now at another time. It never waits.
func (c *Calendar) Changed(change broker.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty == nil {
		c.dirty = map[broker.Change]bool{}
	}
	if len(c.dirty) < maxDirty {
		c.dirty[change] = true
	}
}

func (c *Calendar) changes() map[broker.Change]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.dirty
	c.dirty = nil
	return out
}

// Run keeps the calendar until ctx ends.
func (c *Calendar) Run(ctx context.Context) {
	tick := time.NewTicker(settling)
	defer tick.Stop()
	var last time.Time
	for {
		work := c.warn // what was just entered may end soon
		if now := c.Now(); now.Sub(last) >= poll {
			last, work = now, c.Once
		} else if !c.catchUp(ctx) {
			work = nil
		}
		if work != nil {
			if err := work(ctx); err != nil && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "the expiry calendar is not up to date", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once does all that is due now: the day's pass over everything, warnings, letters. It is not for concurrent use.
func (c *Calendar) Once(ctx context.Context) error {
	c.catchUp(ctx)
	for _, step := range []func(context.Context) error{c.pass, c.sources, c.warn, c.letters} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
