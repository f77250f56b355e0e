package registry_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/registry"
)

// rows is a store of which only the connections for a domain and the buttons are asked.
type rows struct {
	registry.Store
	mu    sync.Mutex
	asked int
	now   []*broker.Connection
	slow  chan struct{} // if set, a read answers what it saw only once this is closed
}

func (s *rows) read() []*broker.Connection {
	s.mu.Lock()
	s.asked++
	seen, slow := s.now, s.slow
	s.mu.Unlock()
	if slow != nil {
		<-slow
	}
	return seen
}

func (s *rows) set(cs []*broker.Connection, slow chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.slow = cs, slow
}

func (s *rows) ConnectionsForDomain(context.Context, string, string) ([]*broker.Connection, error) {
	return s.read(), nil
}

func (s *rows) Buttons(context.Context, string, int) ([]*broker.Connection, bool, error) {
	return s.read(), false, nil
}

func open(s *rows) *registry.Registry {
	return registry.New(&registry.Registry{Store: s, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

func TestForget(t *testing.T) {
	one, two := []*broker.Connection{{Slug: "one"}}, []*broker.Connection{{Slug: "two"}}
	for _, change := range []broker.Change{
		{Kind: "connection", Realm: "acme", Key: "one"}, {Kind: "domain", Realm: "acme", Key: "acme.example"}, {Kind: "realm", Key: "acme"}, {Kind: "*"},
	} {
		t.Run(change.Kind, func(t *testing.T) {
			s := &rows{now: one}
			r := open(s)
			want := func(asked int, slug string) {
				t.Helper()
				cs, err := r.ForDomain(t.Context(), "acme", "acme.example")
				b, berr := r.Buttons(t.Context(), "acme")
				if err != nil || berr != nil || cs[0].Slug != slug || b.Connections[0].Slug != slug || s.asked != asked {
					t.Fatalf("%v, %v, %v, %v after %d questions, want %s after %d", cs, err, b, berr, s.asked, slug, asked)
				}
			}
			want(2, "one")
			want(2, "one")
			s.set(two, nil)
			r.Forget(broker.Change{Kind: "connection", Realm: "other", Key: "x"})
			want(2, "one")
			r.Forget(change)
			want(4, "two")
			want(4, "two")
		})
	}
}

// TestForgetWhileLoading: what was read before a change and arrives after it is not kept.
func TestForgetWhileLoading(t *testing.T) {
	slow := make(chan struct{})
	s := &rows{now: []*broker.Connection{{Slug: "old"}}, slow: slow}
	r := open(s)
	done := make(chan error)
	go func() {
		_, err := r.ForDomain(t.Context(), "acme", "acme.example")
		done <- err
	}()
	for asked := 0; asked == 0; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		asked = s.asked
		s.mu.Unlock()
	}
	s.set([]*broker.Connection{{Slug: "new"}}, nil)
	r.Forget(broker.Change{Kind: "connection", Realm: "acme", Key: "old"})
	close(slow)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	cs, err := r.ForDomain(t.Context(), "acme", "acme.example")
	if err != nil || cs[0].Slug != "new" {
		t.Errorf("%v, %v", cs[0], err)
	}
}
