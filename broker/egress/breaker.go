package egress

import (
	"container/list"
	"context"
	"sync"
	"time"

	"cloakroom/broker/fault"
)

// maxHosts bounds what is remembered. Each host costs about 200 bytes; the least recently used idle one goes first.
const maxHosts = 4096

type outcome int

const (
	unknown outcome = iota // says nothing about the host
	healthy
	failed
)

// hosts keeps, for each host, how many calls are under way and whether it has been failing.
type hosts struct {
	perHost, failures int
	openFor           time.Duration

	mu    sync.Mutex
	known map[string]*list.Element
	order *list.List // of *host, most recently used first
}

// host is a limit and a circuit breaker: closed, open (calls are refused at once), or half-open (one call probes).
type host struct {
	name    string
	slots   chan struct{}
	users   int // calls that hold or wait for a slot; guarded by hosts.mu like all below
	streak  int // failures in a row
	open    bool
	probing bool
}

func newHosts(perHost, failures int, openFor time.Duration) *hosts {
	return &hosts{perHost: perHost, failures: failures, openFor: openFor, known: map[string]*list.Element{}, order: list.New()}
}

// enter takes a slot of the host. The function it answers must be called with the call's outcome.
func (s *hosts) enter(ctx context.Context, name string) (func(outcome), error) {
	h, probe, err := s.admit(name)
	if err != nil {
		return nil, err
	}
	select {
	case h.slots <- struct{}{}:
		return func(o outcome) {
			<-h.slots
			s.leave(h, probe, o)
		}, nil
	case <-ctx.Done():
		s.leave(h, probe, unknown)
		return nil, fault.Wrap(fault.LoginUpstreamBusy, ctx.Err(), "%s: %d calls are under way already", name, s.perHost)
	}
}

func (s *hosts) admit(name string) (h *host, probe bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h = s.find(name)
	tripped := h.streak >= s.failures
	if h.open || tripped && h.probing {
		return nil, false, fault.New(fault.LoginUpstreamBusy, "%s failed %d times in a row", name, h.streak)
	}
	if tripped {
		h.probing, probe = true, true
	}
	h.users++
	return h, probe, nil
}

func (s *hosts) leave(h *host, probe bool, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	if probe {
		h.probing = false
	}
	switch o {
	case healthy:
		h.streak = 0
	case failed:
		h.streak++
		if h.streak >= s.failures && !h.open {
			h.open = true
			time.AfterFunc(s.openFor, func() { s.halfOpen(h) })
		}
	}
}

func (s *hosts) halfOpen(h *host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.open = false
}

// find answers the host's record, made on first sight. A host in use or open is kept, whatever the number.
func (s *hosts) find(name string) *host {
	if e, ok := s.known[name]; ok {
		s.order.MoveToFront(e)
		return e.Value.(*host)
	}
	h := &host{name: name, slots: make(chan struct{}, s.perHost)}
	s.known[name] = s.order.PushFront(h)
	for e := s.order.Back(); e != nil && len(s.known) > maxHosts; {
		old, prev := e.Value.(*host), e.Prev()
		if old.users == 0 && !old.open && old != h {
			s.order.Remove(e)
			delete(s.known, old.name)
		}
		e = prev
	}
	return h
}
