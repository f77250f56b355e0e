package login

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/maypok86/otter/v2"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Seen keeps the last identities of each connection, so that an operator can try rules on them. No sign-in waits for it:
// what does not fit its queue is left out, and a person is written once an hour at most.
type Seen struct {
	Store interface {
		Keep(ctx context.Context, v broker.SeenIdentity) error
	}
	Now func() time.Time
	Log *slog.Logger

	recent *otter.Cache[string, struct{}]
	queue  chan broker.SeenIdentity
}

const (
	seenEvery = time.Hour
	seenQueue = 256
)

// NewSeen completes a Seen. Run must run.
func NewSeen(s Seen) *Seen {
	s.queue = make(chan broker.SeenIdentity, seenQueue)
	s.recent = otter.Must(&otter.Options[string, struct{}]{MaximumSize: 50_000, ExpiryCalculator: otter.ExpiryWriting[string, struct{}](seenEvery)})
	return &s
}

// Note queues an identity. An identity that differs from the last (another group) is written at once.
func (s *Seen) Note(conn *registry.Connection, userID string, idn providers.Identity) {
	b, err := json.Marshal(claims.See(idn))
	if err != nil {
		return // maps of strings always marshal
	}
	key := conn.Slug + "/" + userID + "/" + broker.HashToken(string(b))
	if _, known := s.recent.GetIfPresent(key); known {
		return
	}
	select {
	case s.queue <- broker.SeenIdentity{Realm: conn.Realm, Connection: conn.Slug, UserID: userID, At: s.Now(), Value: b}:
		s.recent.Set(key, struct{}{})
	default:
	}
}

// Run writes what is queued until ctx ends.
func (s *Seen) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-s.queue:
			// Person or connection may be gone by now.
			if err := s.Store.Keep(ctx, v); err != nil && ctx.Err() == nil {
				s.Log.DebugContext(ctx, "an identity is not kept", "connection", v.Connection, "user", v.UserID, "error", err)
			}
		}
	}
}
