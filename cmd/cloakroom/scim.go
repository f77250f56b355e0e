package main

import (
	"context"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/calendar"
	pushed "cloakroom/broker/directory"
	"cloakroom/broker/login"
	"cloakroom/broker/scim"
	"cloakroom/broker/web"
	"cloakroom/store/flow"
)

// directories carries out what customers' directories push.
func (in *installation) directories(people *login.Engine, end func(context.Context, flow.Scope) (int, error)) *pushed.Engine {
	s := in.store
	return &pushed.Engine{
		Store: s.Directories, Tokens: s.SCIMTokens, People: people, Config: in.registry, Events: s.Events, Requests: s.Requests, Tx: s.Tx,
		End: func(ctx context.Context, userID, connection string) error {
			_, err := end(ctx, flow.Scope{UserID: userID, Connection: connection})
			return err
		},
		Now: time.Now, Log: in.log,
	}
}

// scim is the door of directories. Requests without a valid token are few unless somebody guesses.
func (in *installation) scim(w *web.Web, e *pushed.Engine) *scim.Front {
	return &scim.Front{
		Web: w, Engine: e, ScanLimit: 20_000, BaseURL: in.cfg.BaseURL, Now: time.Now,
		AllowFailure: func(ip string) bool { return w.Limits.Allow("scim token", ip, 30, 2*time.Second) },
	}
}

// endingTokens bounds how many tokens of directories the calendar reads.
const endingTokens = 5000

// endsOfSCIMTokens are the tokens of directories that end.
func (in *installation) endsOfSCIMTokens(ctx context.Context) ([]calendar.Thing, error) {
	list, err := in.store.SCIMTokens.Ending(ctx, endingTokens)
	out := make([]calendar.Thing, 0, len(list))
	for _, t := range list {
		out = append(out, calendar.Thing{
			Kind: broker.ExpirySCIMToken, Name: t.Name, Fingerprint: t.ID, Since: t.CreatedAt, At: t.ExpiresAt, Realm: t.Realm, Subject: "connection:" + t.Connection,
		})
	}
	return out, err
}
