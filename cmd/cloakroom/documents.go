package main

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/upstream"
	"cloakroom/providers"
)

// documents keeps what identity providers publish, and decides what sign-ins trust of it.
func (in *installation) documents() *upstream.Keeper {
	s := in.store
	return &upstream.Keeper{
		Documents: s.Documents, Watches: s.Documents, Connections: s.Connections, Events: s.Events, Tx: s.Tx, Now: time.Now, Log: in.log,
		Open: func(ctx context.Context, c *broker.Connection) (providers.Provider, error) {
			opened := in.registry.Open(ctx, c)
			return opened.Provider, opened.Err
		},
	}
}
