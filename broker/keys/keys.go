// Package keys is the engine of our own key pairs: what signs a realm's tokens and what stands for us at a connection's
// identity provider. Keys are made at first need, published before they sign, and stay published after they retire until
// nothing they signed can be valid any more.
package keys

import (
	"context"
	"crypto"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Store keeps the keys. Every change it commits is announced as a broker.Change of kind "key" and reaches Forget.
type Store interface {
	// List answers the keys of an owner that are served; retired ones whose time has run out may be left out.
	List(ctx context.Context, owner string) ([]*broker.Key, error)
	// CreateFirst stores k as the active key of its owner and algorithm, unless there is one already; it answers the
	// one that is active then, so that two replicas that race agree.
	CreateFirst(ctx context.Context, k *broker.Key) (*broker.Key, error)
	// Add stores a further key in state next.
	Add(ctx context.Context, k *broker.Key) error
	// Activate makes a next key the active one of its owner and algorithm; the active one before retires and stays
	// published until the given time.
	Activate(ctx context.Context, owner, alg, kid string, publishUntil time.Time) error
}

// How long a retired key is still served. A realm's tokens live 24 hours at most; an identity provider's administrator
// needs longer to pick up a connection's new certificate.
const (
	realmOverlap      = 25 * time.Hour
	connectionOverlap = 90 * 24 * time.Hour
)

const (
	cacheSize = 8192             // owners
	cacheFor  = 10 * time.Minute // bound on staleness should an announcement get lost
	makeLimit = 30 * time.Second // for generating and storing one key
	pairwise  = "pairwise"       // the algorithm name of a realm's secret for pairwise subjects
)

// published are the algorithms of a realm's key set, in the order it lists them.
var published = []string{"RS256", "ES256", "EdDSA"}

// Manager hands out parsed keys. It is safe for concurrent use.
type Manager struct {
	store  Store
	now    func() time.Time
	rings  *otter.Cache[string, *ring]
	flight singleflight.Group
	epoch  atomic.Uint64 // counts Forgets, so that a load begun before one is not cached after it
}

// New makes a manager over a store.
func New(store Store, now func() time.Time) *Manager {
	return &Manager{store: store, now: now, rings: otter.Must(&otter.Options[string, *ring]{MaximumSize: cacheSize})}
}

func realmOwner(realm string) string     { return "realm:" + realm }
func connectionOwner(slug string) string { return "connection:" + slug }

// Signer is the realm's active key of an algorithm (RS256, ES256, EdDSA), made now if there was none.
func (m *Manager) Signer(ctx context.Context, realm, alg string) (*Signer, error) {
	if !slices.Contains(published, alg) {
		return nil, fault.New(fault.Internal, "tokens are not signed with %q", alg)
	}
	e, err := m.active(ctx, realmOwner(realm), alg)
	if err != nil {
		return nil, err
	}
	return e.signer, nil
}

// Ensure makes the realm's RS256 and ES256 keys if there are none, so that they are published before they sign. EdDSA is
// made when the first client asks for it: few do, and relying parties fetch the set again for a key they do not know.
func (m *Manager) Ensure(ctx context.Context, realm string) error {
	for _, alg := range []string{"RS256", "ES256"} {
		if _, err := m.active(ctx, realmOwner(realm), alg); err != nil {
			return err
		}
	}
	return nil
}

// JWKS is the realm's published key set (RFC 7517): active, next and lately retired keys, public halves only.
func (m *Manager) JWKS(ctx context.Context, realm string) ([]byte, error) {
	if err := m.Ensure(ctx, realm); err != nil {
		return nil, err
	}
	r, err := m.ring(ctx, realmOwner(realm))
	if err != nil {
		return nil, err
	}
	return r.jwks, nil
}

// Public finds the public half of one of the realm's published keys.
func (m *Manager) Public(ctx context.Context, realm, kid string) (key crypto.PublicKey, alg string, err error) {
	r, err := m.ring(ctx, realmOwner(realm))
	if err != nil {
		return nil, "", err
	}
	for _, e := range r.entries {
		if e.ID == kid && e.signer != nil {
			return e.signer.key.Public(), e.Alg, nil
		}
	}
	return nil, "", broker.ErrNotFound
}

// PairwiseSecret is the realm's key for pairwise subject identifiers. It is stored, not derived from the master key, so
// that subjects outlive a rotation of that.
func (m *Manager) PairwiseSecret(ctx context.Context, realm string) ([]byte, error) {
	e, err := m.active(ctx, realmOwner(realm), pairwise)
	if err != nil {
		return nil, err
	}
	return e.Private, nil
}

// ForConnection are our key pairs towards one identity provider, each with a self-signed certificate: the active one
// first, then the next one, published ahead, then retired ones that an identity provider may still encrypt to.
func (m *Manager) ForConnection(ctx context.Context, slug string) ([]providers.Key, error) {
	owner := connectionOwner(slug)
	if _, err := m.active(ctx, owner, "RS256"); err != nil {
		return nil, err
	}
	r, err := m.ring(ctx, owner)
	if err != nil {
		return nil, err
	}
	if r.next["RS256"] == nil {
		if err := m.Prepare(ctx, owner, "RS256"); err != nil {
			return nil, err
		}
		if r, err = m.ring(ctx, owner); err != nil {
			return nil, err
		}
	}
	return r.providerKeys("RS256"), nil
}

// Prepare publishes the key that the next Rotate will make active. It does nothing where one is published already.
func (m *Manager) Prepare(ctx context.Context, owner, alg string) error {
	return m.once(ctx, "next "+alg+" "+owner, func(ctx context.Context) error {
		r, err := m.load(ctx, owner)
		if err != nil || r.next[alg] != nil {
			return err
		}
		k, err := m.generate(owner, alg)
		if err != nil {
			return err
		}
		k.State = "next"
		defer m.forget(owner)
		return m.store.Add(ctx, k)
	})
}

// Rotate makes the owner's next key of an algorithm the active one, making it first if none was prepared. What the key
// before it signed stays verifiable.
func (m *Manager) Rotate(ctx context.Context, owner, alg string) (broker.Key, error) {
	if _, err := m.active(ctx, owner, alg); err != nil {
		return broker.Key{}, err
	}
	if err := m.Prepare(ctx, owner, alg); err != nil {
		return broker.Key{}, err
	}
	r, err := m.load(ctx, owner)
	if err != nil {
		return broker.Key{}, err
	}
	next := r.next[alg]
	if next == nil {
		return broker.Key{}, broker.ErrConflict // another replica rotated between the two reads
	}
	defer m.forget(owner)
	now := m.now()
	if err := m.store.Activate(ctx, owner, alg, next.ID, now.Add(overlapOf(owner))); err != nil {
		return broker.Key{}, err
	}
	k := next.Key
	k.State, k.ActivatedAt = "active", now
	return k, nil
}

// GoBack makes a retired key, while it is published, the active one again; the one that it takes the place of retires.
func (m *Manager) GoBack(ctx context.Context, owner, alg, kid string) error {
	defer m.forget(owner)
	return m.store.Activate(ctx, owner, alg, kid, m.now().Add(overlapOf(owner)))
}

func overlapOf(owner string) time.Duration {
	if strings.HasPrefix(owner, "connection:") {
		return connectionOverlap
	}
	return realmOverlap
}

// Forget drops what a change made stale. Key "*", or an empty one, means every owner.
func (m *Manager) Forget(c broker.Change) {
	if c.Kind != "key" && c.Kind != "*" {
		return
	}
	if c.Key == "" || c.Key == "*" {
		m.epoch.Add(1)
		m.rings.InvalidateAll()
		return
	}
	m.forget(c.Key)
}

func (m *Manager) forget(owner string) {
	m.epoch.Add(1)
	m.flight.Forget("load " + owner)
	m.rings.Invalidate(owner)
}

// active is the owner's active key of an algorithm, made if there is none.
func (m *Manager) active(ctx context.Context, owner, alg string) (*entry, error) {
	r, err := m.ring(ctx, owner)
	if err != nil {
		return nil, err
	}
	if e := r.active[alg]; e != nil {
		return e, nil
	}
	if err := m.once(ctx, "first "+alg+" "+owner, func(ctx context.Context) error { return m.first(ctx, owner, alg) }); err != nil {
		return nil, err
	}
	if r, err = m.ring(ctx, owner); err != nil {
		return nil, err
	}
	if e := r.active[alg]; e != nil {
		return e, nil
	}
	return nil, fault.New(fault.Internal, "no %s key of %s after making one", alg, owner)
}

func (m *Manager) first(ctx context.Context, owner, alg string) error {
	k, err := m.generate(owner, alg)
	if err != nil {
		return err
	}
	k.State, k.ActivatedAt = "active", k.CreatedAt
	defer m.forget(owner)
	_, err = m.store.CreateFirst(ctx, k)
	return err
}

// once lets one caller of a name work while the others wait for it. The work outlives its caller's context: a browser
// that goes away must not fail the others.
func (m *Manager) once(ctx context.Context, name string, work func(context.Context) error) error {
	done := m.flight.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeLimit)
		defer cancel()
		return nil, work(ctx)
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case res := <-done:
		return res.Err
	}
}

// ring is the cached key ring of an owner.
func (m *Manager) ring(ctx context.Context, owner string) (*ring, error) {
	if r, ok := m.rings.GetIfPresent(owner); ok && m.now().Before(r.until) {
		return r, nil
	}
	var fresh *ring
	done := m.flight.DoChan("load "+owner, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeLimit)
		defer cancel()
		epoch := m.epoch.Load()
		r, err := m.load(ctx, owner)
		if err == nil && epoch == m.epoch.Load() {
			m.rings.Set(owner, r)
		}
		return r, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case res := <-done:
		if res.Err != nil {
			return nil, res.Err
		}
		fresh, _ = res.Val.(*ring)
		return fresh, nil
	}
}

func (m *Manager) load(ctx context.Context, owner string) (*ring, error) {
	list, err := m.store.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	return newRing(list, m.now())
}
