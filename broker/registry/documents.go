package registry

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/providers"
)

// Documents decides what sign-ins trust of what upstreams publish; upstream.Keeper does.
type Documents interface {
	// Trusted is the state that is trusted of a source, nil if there is none yet.
	Trusted(ctx context.Context, slug, source string) ([]byte, error)
	// Offer takes a fetched document and answers the state that is trusted now.
	Offer(ctx context.Context, c *broker.Connection, p providers.Published, found providers.Found) ([]byte, error)
}

// kept opens a connection's provider with what it remembers and trusts.
func (r *Registry) kept(ctx context.Context, c *broker.Connection) (providers.Provider, error) {
	stored, err := r.Store.Stored(ctx, c.Slug)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		r.Log.WarnContext(ctx, "what a provider remembered is not readable", "connection", c.Slug, "error", err)
	}
	remember := func(s *providers.Settings) {
		s.Stored = stored
		s.Remember = func(ctx context.Context, b []byte) error { return r.Store.Remember(ctx, c.Slug, b) }
	}
	p, err := r.open(c, remember)
	published, ok := p.(providers.Published)
	if err != nil || !ok || r.Documents == nil || published.Source() == "" {
		return p, err
	}
	trusted, err := r.Documents.Trusted(ctx, c.Slug, published.Source())
	if err != nil {
		// The first sign-in asks again; nothing may be trusted meanwhile that was perhaps let go of.
		r.Log.WarnContext(ctx, "the trusted documents are not readable", "connection", c.Slug, "error", err)
		stored = nil
	}
	return r.open(c, func(s *providers.Settings) {
		remember(s)
		s.Trusted = trusted
		s.Offer = func(ctx context.Context, found providers.Found) ([]byte, error) {
			return r.Documents.Offer(ctx, c, published, found)
		}
	})
}
