package keys

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// ring is an owner's keys, parsed.
type ring struct {
	entries []*entry // that are served: active, next, retired ones still published
	active  map[string]*entry
	next    map[string]*entry
	jwks    []byte
	until   time.Time // when this view must be made again
}

type entry struct {
	broker.Key
	signer *Signer // nil for a pairwise secret
}

func newRing(list []*broker.Key, now time.Time) (*ring, error) {
	r := &ring{active: map[string]*entry{}, next: map[string]*entry{}, until: now.Add(cacheFor)}
	slices.SortStableFunc(list, func(a, b *broker.Key) int {
		return cmp.Or(rank(a.State)-rank(b.State), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for _, k := range list {
		if err := r.take(*k, now); err != nil {
			return nil, err
		}
	}
	var err error
	r.jwks, err = r.keySet()
	return r, err
}

func rank(state string) int { return slices.Index([]string{"active", "next", "retired"}, state) }

func (r *ring) take(k broker.Key, now time.Time) error {
	if k.State == "retired" {
		if !now.Before(k.PublishUntil) {
			return nil
		}
		if k.PublishUntil.Before(r.until) {
			r.until = k.PublishUntil
		}
	}
	e, err := parse(k)
	if err != nil {
		return err
	}
	r.entries = append(r.entries, e)
	switch {
	case k.State == "active" && r.active[k.Alg] == nil:
		r.active[k.Alg] = e
	case k.State == "next" && r.next[k.Alg] == nil:
		r.next[k.Alg] = e
	}
	return nil
}

func parse(k broker.Key) (*entry, error) {
	if k.Alg == pairwise {
		return &entry{Key: k}, nil
	}
	private, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "key %s of %s cannot be read", k.ID, k.Owner)
	}
	s, ok := private.(crypto.Signer)
	if !ok {
		return nil, fault.New(fault.Internal, "key %s of %s cannot sign", k.ID, k.Owner)
	}
	return &entry{Key: k, signer: &Signer{KID: k.ID, Alg: k.Alg, key: s}}, nil
}

// keySet writes the public halves, by algorithm in the order of published: some old relying parties take the first key
// they understand.
func (r *ring) keySet() ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, alg := range published {
		for _, e := range r.entries {
			if e.Alg == alg {
				set.Keys = append(set.Keys, jose.JSONWebKey{Key: e.signer.key.Public(), KeyID: e.ID, Algorithm: alg, Use: "sig"})
			}
		}
	}
	return json.Marshal(set)
}

func (r *ring) providerKeys(alg string) []providers.Key {
	var out []providers.Key
	for _, e := range r.entries {
		if e.Alg == alg {
			out = append(out, providers.Key{ID: e.ID, Private: e.signer.key, Certificate: e.Certificate})
		}
	}
	return out
}
