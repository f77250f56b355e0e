package keys_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloakroom/broker"
	"cloakroom/broker/keys"
	"cloakroom/broker/op/token"
	"cloakroom/store"
	"cloakroom/store/seal"
)

type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// counted is the store with its reads and first keys counted.
type counted struct {
	*store.Keys
	lists atomic.Int32
}

func (c *counted) List(ctx context.Context, owner string) ([]*broker.Key, error) {
	c.lists.Add(1)
	return c.Keys.List(ctx, owner)
}

func open(t *testing.T) (*store.Store, *clock) {
	t.Helper()
	c := &clock{}
	ring, err := seal.New([][]byte{make([]byte, seal.KeySize)})
	must(t, err)
	s, err := store.Open(context.Background(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "keys.db"), Sealer: ring, Now: c.now})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Migrate(context.Background()))
	return s, c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, m *keys.Manager, realm string) jose.JSONWebKeySet {
	t.Helper()
	b, err := m.JWKS(context.Background(), realm)
	must(t, err)
	var s jose.JSONWebKeySet
	must(t, json.Unmarshal(b, &s))
	for _, k := range s.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.KeyID == "" {
			t.Fatalf("published %+v", k)
		}
	}
	return s
}

func algs(s jose.JSONWebKeySet) []string {
	var out []string
	for _, k := range s.Keys {
		out = append(out, k.Algorithm)
	}
	return out
}

func verifies(t *testing.T, s jose.JSONWebKeySet, jwt string) bool {
	t.Helper()
	j, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA})
	must(t, err)
	for _, k := range s.Key(j.Signatures[0].Header.KeyID) {
		if _, err := j.Verify(k); err == nil {
			return true
		}
	}
	return false
}

func signed(t *testing.T, m *keys.Manager, realm, alg string) string {
	t.Helper()
	s, err := m.Signer(context.Background(), realm, alg)
	must(t, err)
	jwt, err := token.Sign(s, s.Alg, s.KID, "JWT", map[string]any{"sub": "x"})
	must(t, err)
	return jwt
}

func TestKeysArePublishedBeforeTheySign(t *testing.T) {
	s, c := open(t)
	m := keys.New(s.Keys, c.now)
	if got := algs(set(t, m, "acme")); !slices.Equal(got, []string{"RS256", "ES256"}) {
		t.Fatalf("a fresh realm publishes %v", got)
	}
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		if jwt := signed(t, m, "acme", alg); !verifies(t, set(t, m, "acme"), jwt) {
			t.Errorf("%s: the published set does not verify", alg)
		}
	}
	if _, err := m.Signer(context.Background(), "acme", "pairwise"); err == nil {
		t.Error("a token was to be signed with the pairwise secret")
	}
}

func TestRotationOverlaps(t *testing.T) {
	s, c := open(t)
	m, ctx := keys.New(s.Keys, c.now), context.Background()
	for _, alg := range []string{"RS256", "ES256"} {
		t.Run(alg, func(t *testing.T) {
			old := signed(t, m, "acme", alg)
			must(t, m.Prepare(ctx, "realm:acme", alg))
			must(t, m.Prepare(ctx, "realm:acme", alg)) // does nothing
			ahead := set(t, m, "acme")
			k, err := m.Rotate(ctx, "realm:acme", alg)
			must(t, err)
			fresh := signed(t, m, "acme", alg)
			if !verifies(t, ahead, fresh) {
				t.Error("the new key was not published ahead")
			}
			if s, _ := m.Signer(ctx, "acme", alg); s.KID != k.ID || k.State != "active" {
				t.Errorf("signs with %s, Rotate answered %+v", s.KID, k)
			}
			if !verifies(t, set(t, m, "acme"), old) {
				t.Error("what the old key signed does not verify any more")
			}
			c.ahead.Add(int64(26 * time.Hour))
			if verifies(t, set(t, m, "acme"), old) {
				t.Error("the old key is published for ever")
			}
			if !verifies(t, set(t, m, "acme"), fresh) {
				t.Error("the new key is gone")
			}
		})
	}
}

func TestOneKeyAmongReplicas(t *testing.T) {
	s, c := open(t)
	var all sync.WaitGroup
	var kids sync.Map
	for range 3 {
		m := keys.New(s.Keys, c.now) // a replica each
		for range 5 {
			all.Go(func() {
				k, err := m.Signer(context.Background(), "acme", "ES256")
				if err != nil {
					t.Error(err)
					return
				}
				kids.Store(k.KID, true)
			})
		}
	}
	all.Wait()
	n := 0
	kids.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("the replicas sign with %d keys", n)
	}
}

func TestCacheAndForget(t *testing.T) {
	s, c := open(t)
	store := &counted{Keys: s.Keys}
	one, two := keys.New(store, c.now), keys.New(s.Keys, c.now)
	set(t, one, "acme")
	before := store.lists.Load()
	for range 10 {
		set(t, one, "acme")
		signed(t, one, "acme", "ES256")
	}
	if got := store.lists.Load(); got != before {
		t.Errorf("%d reads for what is cached", got-before)
	}
	k, err := two.Rotate(context.Background(), "realm:acme", "ES256")
	must(t, err)
	for _, change := range []broker.Change{{Kind: "realm", Key: "realm:acme"}, {Kind: "key", Key: "realm:other"}} {
		one.Forget(change)
	}
	if s, _ := one.Signer(context.Background(), "acme", "ES256"); s.KID == k.ID {
		t.Error("a foreign change dropped the cache")
	}
	one.Forget(broker.Change{Kind: "key", Realm: "acme", Key: "realm:acme"})
	if s, _ := one.Signer(context.Background(), "acme", "ES256"); s.KID != k.ID {
		t.Error("the rotation of another replica was not seen")
	}
	_, err = two.Rotate(context.Background(), "realm:acme", "ES256")
	must(t, err)
	one.Forget(broker.Change{Kind: "*", Key: "*"})
	if s, _ := one.Signer(context.Background(), "acme", "ES256"); s.KID == k.ID {
		t.Error("forgetting everything forgot nothing")
	}
}

func TestForConnection(t *testing.T) {
	s, c := open(t)
	m, ctx := keys.New(s.Keys, c.now), context.Background()
	pair, err := m.ForConnection(ctx, "acme-okta")
	must(t, err)
	if len(pair) != 2 || pair[0].ID == pair[1].ID {
		t.Fatalf("%d keys, want the active and the next", len(pair))
	}
	for _, k := range pair {
		cert, err := x509.ParseCertificate(k.Certificate)
		must(t, err)
		private, ok := k.Private.(*rsa.PrivateKey)
		if !ok || private.N.BitLen() != 2048 || !private.PublicKey.Equal(cert.PublicKey) {
			t.Error("the certificate is not of this key")
		}
		if cert.Subject.CommonName != "acme-okta" || cert.NotAfter.Before(c.now().AddDate(9, 11, 0)) {
			t.Errorf("certificate of %s until %s", cert.Subject.CommonName, cert.NotAfter)
		}
		must(t, cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature))
	}
	_, err = m.Rotate(ctx, "connection:acme-okta", "RS256")
	must(t, err)
	after, err := m.ForConnection(ctx, "acme-okta")
	must(t, err)
	if len(after) != 3 || after[0].ID != pair[1].ID || after[2].ID != pair[0].ID {
		t.Errorf("after a rotation: %d keys, the prepared one must be first and the old one last", len(after))
	}
}

func TestPairwiseSecretLasts(t *testing.T) {
	s, c := open(t)
	one, err := keys.New(s.Keys, c.now).PairwiseSecret(context.Background(), "acme")
	must(t, err)
	two, err := keys.New(s.Keys, c.now).PairwiseSecret(context.Background(), "acme")
	must(t, err)
	other, err := keys.New(s.Keys, c.now).PairwiseSecret(context.Background(), "umbra")
	must(t, err)
	if len(one) != 32 || !slices.Equal(one, two) || slices.Equal(one, other) {
		t.Error("the secret is one per realm, and stays")
	}
}

// A slow key of one realm holds up no other.
func TestOtherRealmsDoNotWait(t *testing.T) {
	s, c := open(t)
	slow := &slowStore{Keys: s.Keys, held: make(chan struct{})}
	m := keys.New(slow, c.now)
	done := make(chan error, 1)
	go func() {
		_, err := m.Signer(context.Background(), "slow", "ES256")
		done <- err
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := m.Signer(ctx, "quick", "ES256")
	must(t, err)
	short, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if _, err := m.Signer(short, "slow", "ES256"); err == nil {
		t.Error("a caller that gave up got a key")
	}
	close(slow.held)
	must(t, <-done)
}

type slowStore struct {
	*store.Keys
	held chan struct{}
}

func (s *slowStore) CreateFirst(ctx context.Context, k *broker.Key) (*broker.Key, error) {
	if k.Owner == "realm:slow" {
		<-s.held
	}
	return s.Keys.CreateFirst(ctx, k)
}
