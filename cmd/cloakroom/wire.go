package main

import (
	"context"
	"log/slog"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/broker/api"
	"cloakroom/broker/console"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/egress"
	"cloakroom/broker/login"
	"cloakroom/broker/op"
	"cloakroom/broker/session"
	"cloakroom/broker/setup"
	"cloakroom/broker/signin"
	"cloakroom/broker/web"
	"cloakroom/config"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/seal"
	"cloakroom/templates"
)

const (
	// loginAge is how long a person may take from the application's request to its answer.
	loginAge = time.Hour
	// sweepEvery and eventsFor are how often what has expired is dropped, and how long events are kept.
	sweepEvery = time.Minute
	eventsFor  = 400 * 24 * time.Hour
)

// wire puts the fronts over the engines over the store: the whole broker as one list. spans may be nil.
func wire(spans *tracing, cfg *config.Config, log *slog.Logger, s *store.Store, ring *seal.Keyring) (*server, error) {
	in := install(cfg, log, s, ring)
	pages, err := templates.New()
	if err != nil {
		return nil, err
	}
	mails, err := newMailer(cfg, log, s)
	if err != nil {
		return nil, err
	}
	letterbox := &post{mails: mails, base: cfg.BaseURL}
	in.admin.Letters = letterbox
	ends := in.newCalendar(letterbox)
	in.admin.Setup.Mail = letterbox.SetupLink
	m := newMetrics()
	sessions := &session.Manager{Store: s.Sessions, Realms: in.registry, Now: time.Now}
	engine := &login.Engine{
		Config: console.Configuration{Config: in.registry}, Sessions: sessions, Users: s.Users, Links: s.Links, Waiting: waiting{s}, Events: s.Events,
		Invites: s.Invites, Seats: s.Seats, Kept: s.Parked, Directory: s.Directories, Post: letterbox, Tx: s.Tx,
		Upstream: s.Sessions, Handles: &login.Handles{Keys: ring.Derive("login handle"), MaxAge: loginAge, Now: time.Now},
		Now: time.Now, Logger: log,
	}
	provider := op.New(op.Config{
		BaseURL: cfg.BaseURL, Prefixes: cfg.LegacyPaths, Registry: in.registry, Login: engine, Grants: s.Grants, Rotator: rotator{s.Grants},
		Sessions: sessions, Users: s.Users, Marks: marks{s.Marks}, Parked: s.Parked, Keys: in.keys, Sealer: ring, Upstream: engine,
		Enabled: in.enabled, Stands: engine.Stands, HTTP: in.http, Log: log, Now: time.Now,
	})
	// The downstream protocols. A new one is a folder of broker/ and a line here.
	engine.Responders = map[string]login.Responder{
		"oidc":          provider,
		signin.Protocol: &signin.Direct{BaseURL: cfg.BaseURL, Spend: marks{s.Marks}},
	}
	engine.Ended, engine.Traces = provider, s.Traces
	in.admin.Diagnosis = in.examiner(engine)
	in.admin.Worded = in.examiner(engine).Worded
	in.admin.End = in.ender(sessions, provider)
	end := in.scopeEnder(provider)
	in.admin.EndUser = func(ctx context.Context, _, userID string) error {
		_, err := end(ctx, flow.Scope{UserID: userID})
		return err
	}
	in.admin.People.End = func(ctx context.Context, f admin.SessionFilter) (int, error) { return end(ctx, flow.Scope(f)) }
	directories := in.directories(engine, end)
	seen := login.NewSeen(login.Seen{Store: s.Identities, Now: time.Now, Log: log})
	engine.Seen, engine.Views = seen, s.Shadows

	later := newErrands()
	if err := in.localWays(engine, letterbox, later); err != nil {
		return nil, err
	}

	desk := in.desk(engine.Local, letterbox)
	consoleSignin := brokered(desk, engine, s, cfg.BaseURL)
	engine.Responders[console.Protocol] = consoleSignin

	w := &web.Web{
		Pages: pages, Cookies: &web.Cookies{Sealer: ring, Secure: cfg.HTTPS(), MaxAge: loginAge, Now: time.Now},
		Realms: in.registry, Shelf: s.Parked, Limits: web.NewLimits(time.Now), Logos: web.NewLogos(in.http, time.Now), BaseURL: cfg.BaseURL,
		TrustedProxies: cfg.TrustedProxies, Log: log, Now: time.Now, Observe: m.observe,
	}
	w.Refused = engine.Refused
	if spans != nil {
		w.Trace = spans.request
		egress.Watch(in.http, spans.fetch)
	}
	tests := &diagnose.Front{Examiner: in.examiner(engine), Web: w}
	engine.Responders[diagnose.Protocol] = tests
	in.admin.AllowLookup = lookups(w.Limits)
	rest := api.New(api.API{
		Admin: in.admin, ClientIP: w.ClientIP, Log: log, Version: version,
		AllowFailure: func(ip string) bool { return w.Limits.Allow("api key", ip, 10, 6*time.Second) },
	})
	doors := &signin.Front{Web: w, Engine: engine, Fetched: in.metadataRead, Config: engine.Config, Tested: tests.Answer, Unasked: tests.Unasked, Directory: s.Overview}
	w.Astray = doors.Astray
	e := w.Engine()
	for _, prefix := range append([]string{""}, cfg.LegacyPaths...) {
		for _, front := range []web.Front{
			doors,
			tests,
			&op.Front{Web: w, Provider: provider},
			in.scim(w, directories),
			&console.Front{Web: w, Admin: in.admin, Operators: desk, Brokered: consoleSignin, Now: time.Now},
		} {
			front.Mount(e.Group(prefix))
		}
	}
	(&setup.Front{Web: w, Admin: in.admin, Now: time.Now}).Mount(e)
	rest.Mount(e)
	w.Mount(e)
	return &server{
		cfg: cfg, log: log, handler: e, metrics: m.handler(), desk: desk,
		health: &health{log: log, checks: []check{{"database", s.Ready}}},
		background: []func(context.Context){
			func(ctx context.Context) { s.Watch(ctx, in.forget) },
			func(ctx context.Context) { s.Watch(ctx, ends.Changed) },
			ends.Run,
			in.webhookSender(letterbox).Run,
			func(ctx context.Context) { s.Sweeper.Run(ctx, sweepEvery) },
			mails.Run,
			func(ctx context.Context) { in.retain(ctx) },
			in.nightly().Run,
			func(ctx context.Context) { seen.Run(ctx) },
			directories.Run,
			func(ctx context.Context) { in.domainChecker(letterbox).Run(ctx) },
			func(ctx context.Context) { in.admin.Documents.Run(ctx) },
			later.finish,
			func(ctx context.Context) {
				<-ctx.Done()
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
				defer cancel()
				provider.Drain(last)
			},
		},
	}, nil
}

// retain drops events that are older than they are kept for.
func (in *installation) retain(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if _, err := in.store.Events.Retain(ctx, now.Add(-eventsFor)); err != nil {
				in.log.WarnContext(ctx, "old events are not dropped", "error", err)
			}
			if _, err := in.store.Shadows.Retain(ctx, now); err != nil {
				in.log.WarnContext(ctx, "former configurations are not dropped", "error", err)
			}
			if _, err := in.store.Traces.Retain(ctx, now); err != nil {
				in.log.WarnContext(ctx, "old traces of logins are not dropped", "error", err)
			}
			if _, err := in.store.Stats.Retain(ctx, now); err != nil {
				in.log.WarnContext(ctx, "old counts of logins are not dropped", "error", err)
			}
			if _, err := in.store.Keys.DeleteExpired(ctx, now); err != nil {
				in.log.WarnContext(ctx, "retired keys are not dropped", "error", err)
			}
		}
	}
}
