package main

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/login"
	"cloakroom/store"
)

// examiner is what makes reports of test logins and of messages.
func (in *installation) examiner(engine *login.Engine) *diagnose.Examiner {
	return &diagnose.Examiner{Connections: in.registry, Engine: engine, Tests: countedTests{in.store.Tests, in.store.Overview}, Labels: presetLabels, BaseURL: in.cfg.BaseURL, Now: time.Now,
		Past: in.store.Overview, Verdicts: verdicts{in.store.Checks}, Outages: in.admin.Outages}
}

// verdicts answers the last preflight of a connection.
type verdicts struct{ checks *store.Checks }

// LastCheck answers nil where there was none.
func (v verdicts) LastCheck(ctx context.Context, realm, slug string) (*admin.Report, error) {
	runs, _, err := v.checks.List(ctx, realm, slug, broker.Page{Limit: 1})
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	var r admin.Report
	return &r, json.Unmarshal(runs[0].Report, &r)
}

// offline is a login engine that can say what would become of somebody, for commands that serve nobody.
func (in *installation) offline() *login.Engine {
	s := in.store
	return &login.Engine{
		Config: in.registry, Users: s.Users, Links: s.Links, Invites: s.Invites, Seats: s.Seats, Events: s.Events, Tx: s.Tx,
		Handles: &login.Handles{Keys: in.ring.Derive("login handle"), MaxAge: loginAge, Now: time.Now}, Now: time.Now, Logger: in.log,
	}
}

// forgetPerson takes what says who a person was out of events and traces.
func (in *installation) forgetPerson(ctx context.Context, realm, userID, email string) (int64, error) {
	n, err := in.store.Traces.Forget(ctx, realm, userID, email)
	if err != nil {
		return n, err
	}
	if err := in.store.Shadows.Forget(ctx, realm, email); err != nil {
		return n, err
	}
	more, err := in.store.Events.Pseudonymise(ctx, realm, userID, email)
	return n + more, err
}
