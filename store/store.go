// Package store keeps what lasts: realms, connections, clients, domains, users, links, keys. What expires is in
// store/flow, what only grows in store/ledger; Store gives all three. It runs on SQLite and PostgreSQL.
//
// Every method answers the errors of package broker (ErrNotFound, ErrExists, ErrConflict) or a fault.Unavailable; a
// method that is called inside Tx's function, with its context, takes part in that transaction.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/seal"
)

// Options are how to open a store.
type Options struct {
	URL      string      // sqlite:path, or postgres://… with one or several hosts
	Sealer   seal.Sealer // required
	Now      func() time.Time
	Log      *slog.Logger // nil: silent
	MaxConns int          // 0: 20 on PostgreSQL, 8 readers on SQLite
}

// Store is an open database.
type Store struct {
	Realms      *Realms
	Connections *Connections
	Clients     *Clients
	Domains     *Domains
	Users       *Users
	Links       *Links
	Groups      *Groups
	Merges      *Merges
	Identities  *Identities
	Invites     *Invites
	SetupLinks  *SetupLinks
	Seats       *Seats
	Credentials *Credentials
	Keys        *Keys
	APIKeys     *APIKeys
	Webhooks    *Webhooks
	Expiries    *Expiries
	Documents   *Documents
	Shadows     *Shadows
	Operators   *Operators
	WizardNotes *WizardNotes
	SCIMTokens  *SCIMTokens
	Directories *Directories
	Requests    *DirectoryLog

	Sessions *flow.Sessions
	Grants   *flow.Grants
	Marks    *flow.Marks
	Parked   *flow.Parked
	Sweeper  *flow.Sweeper

	Events *ledger.Events
	Outbox *ledger.Outbox
	Traces *ledger.Traces
	Tests  *ledger.Tests
	Stats  *ledger.Stats

	Overview *Overview
	Checks   *Checks
	// Deliveries are the events on their way to webhooks.
	Deliveries *ledger.Deliveries

	base
}

// base is what every aggregate needs.
type base struct {
	db   *engine.DB
	seal seal.Sealer
}

// Open opens the database and waits for it a few seconds if it is just starting. It does not migrate.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Sealer == nil {
		return nil, errors.New("store: no sealer")
	}
	db, err := engine.Open(ctx, engine.Options{URL: o.URL, Now: o.Now, Log: o.Log, MaxConns: o.MaxConns})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	b := base{db, o.Sealer}
	s := &Store{
		Realms: &Realms{b}, Connections: &Connections{b}, Clients: &Clients{b}, Domains: &Domains{b},
		Users: &Users{b}, Links: &Links{b}, Groups: &Groups{b}, Merges: &Merges{b}, Identities: &Identities{b}, Invites: &Invites{b}, SetupLinks: &SetupLinks{b}, Seats: &Seats{b}, Credentials: &Credentials{b}, Keys: &Keys{b}, APIKeys: &APIKeys{b}, Operators: &Operators{b}, WizardNotes: &WizardNotes{b},
		Sessions: flow.NewSessions(db, o.Sealer), Grants: flow.NewGrants(db, o.Sealer), Marks: flow.NewMarks(db),
		Parked: flow.NewParked(db, o.Sealer), Sweeper: flow.NewSweeper(db), Events: ledger.NewEvents(db),
		Outbox: ledger.NewOutbox(db, o.Sealer), Traces: ledger.NewTraces(db, o.Sealer), Tests: ledger.NewTests(db, o.Sealer), Stats: ledger.NewStats(db),
		Overview: &Overview{b}, Checks: &Checks{b}, base: b,
	}
	s.Webhooks, s.Expiries, s.Deliveries = &Webhooks{b}, &Expiries{b}, ledger.NewDeliveries(db, s.Events)
	s.Documents, s.Shadows = &Documents{b}, &Shadows{b}
	s.SCIMTokens, s.Directories, s.Requests = &SCIMTokens{b}, &Directories{b}, &DirectoryLog{b}
	if err := s.checkMasterKey(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close writes what is queued and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.Events.Close(), s.Traces.Close(), s.db.Close())
}

// Migrate brings the schema up to date. Any number of processes may do so at once.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.db.Migrate(ctx); err != nil {
		return err
	}
	return s.checkMasterKey(ctx)
}

// Pending counts the migrations that have not been applied.
func (s *Store) Pending(ctx context.Context) (int, error) { return s.db.Pending(ctx) }

// Ready answers nil when the database can be reached and its schema is current.
func (s *Store) Ready(ctx context.Context) error {
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		var one int64
		return q.Row(ctx, "SELECT 1", nil, &one)
	})
	if err != nil {
		return err
	}
	current, err := s.db.Current(ctx)
	if err == nil && !current {
		err = fault.New(fault.Unavailable, "migrations are pending: run cloakroom migrate")
	}
	return err
}

// Tx runs fn in one transaction; a Tx inside a Tx joins it. fn must use the context it is given, makes no call to the
// outside, and may be run again from its start when the database asks for it.
func (s *Store) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.db.Tx(ctx, fn)
}

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.db.Clock() }

// Watch tells fn of every change of configuration, on whichever replica, until ctx ends. The first call, and one after
// any gap, has Kind "*": forget everything. fn must not write to the store.
func (s *Store) Watch(ctx context.Context, fn func(broker.Change)) { s.db.Watch(ctx, fn) }

const canary = "master key"

// checkMasterKey keeps a value that only the right master key opens, so that a wrong one is noticed at the start and not
// at the first sign-in.
func (s *Store) checkMasterKey(ctx context.Context) error {
	exists, err := s.db.HasTable(ctx, "installation")
	if err != nil || !exists {
		return err
	}
	sealed, err := s.canary(ctx)
	if errors.Is(err, broker.ErrNotFound) {
		fresh := s.seal.Seal([]byte(canary), []byte("installation"))
		err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
			_, err := q.Exec(ctx, "INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", canary, fresh)
			return err
		})
		if err == nil {
			sealed, err = s.canary(ctx)
		}
	}
	if err != nil {
		return err
	}
	if _, err := s.seal.Open(sealed, []byte("installation")); err != nil {
		return fault.New(fault.Unavailable, "the master key is not the one this database was sealed with")
	}
	return nil
}

func (s *Store) canary(ctx context.Context) (sealed []byte, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT value FROM installation WHERE name = ?", []any{canary}, &sealed)
	})
	return sealed, err
}
