// Package admin holds the operators' verbs. It is the only writer of configuration: API, console, setup links, command
// line and imports all come through here, so roles, validation and audit are the same for each of them.
//
// A verb takes who asks and a JSON document as it was sent. Documents rather than structs, because only the document
// knows what was left out, misspelt or set to null.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/fault"
	"cloakroom/broker/upstream"
	"cloakroom/providers"
)

// Realms is where realms are kept.
type Realms interface {
	Create(ctx context.Context, r *broker.Realm) error
	Get(ctx context.Context, name string) (*broker.Realm, error)
	// Update stores r if its Version is the stored one, and raises it; broker.ErrConflict otherwise.
	Update(ctx context.Context, r *broker.Realm) error
	Delete(ctx context.Context, name string) error
	List(ctx context.Context, p broker.Page) ([]*broker.Realm, string, error)
}

// Connections is where connections are kept.
type Connections interface {
	Create(ctx context.Context, c *broker.Connection) error
	Get(ctx context.Context, slug string) (*broker.Connection, error)
	Update(ctx context.Context, c *broker.Connection) error
	Delete(ctx context.Context, slug string) error
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Connection, string, error)
}

// Clients is where clients are kept.
type Clients interface {
	Create(ctx context.Context, c *broker.Client) error
	Get(ctx context.Context, realm, id string) (*broker.Client, error)
	Update(ctx context.Context, c *broker.Client) error
	Delete(ctx context.Context, realm, id string) error
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Client, string, error)
}

// Domains is where domain claims are kept. A second realm verifying a domain is refused with broker.ErrExists.
type Domains interface {
	Create(ctx context.Context, d *broker.Domain) error
	Get(ctx context.Context, realm, domain string) (*broker.Domain, error)
	Update(ctx context.Context, d *broker.Domain) error
	Delete(ctx context.Context, realm, domain string) error
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.Domain, string, error)
	// Verified is the claim that holds, of whichever realm.
	Verified(ctx context.Context, domain string) (*broker.Domain, error)
}

// Users is where people are kept.
type Users interface {
	Get(ctx context.Context, realm, id string) (*broker.User, error)
	Update(ctx context.Context, u *broker.User) error
	Delete(ctx context.Context, realm, id string) error
	List(ctx context.Context, realm string, p broker.Page) ([]*broker.User, string, error)
}

// Sessions finds one session by its public name.
type Sessions interface {
	BySID(ctx context.Context, realm, sid string) (*broker.Session, error)
}

// SessionFilter narrows a list of sessions; empty fields say nothing.
type SessionFilter struct {
	UserID     string
	Connection string
}

// EventFilter narrows a list of events; empty fields say nothing.
type EventFilter struct {
	Realm      string
	Kind       string // the beginning of a kind: "login."
	Connection string
	Ref        string
	Email      string
	UserID     string
	Since      time.Time
}

// Keys turns over our own keys.
type Keys interface {
	// Rotate retires the owner's active key of an algorithm, with overlap, and answers the new active one.
	Rotate(ctx context.Context, owner, alg string) (broker.Key, error)
	// GoBack makes a retired key, while it is published, the active one again.
	GoBack(ctx context.Context, owner, alg, kid string) error
	// Ensure makes a realm's first keys.
	Ensure(ctx context.Context, realm string) error
	// ForConnection are the keys of our side of a connection, the active one first, made at first need.
	ForConnection(ctx context.Context, slug string) ([]providers.Key, error)
}

// KeyStore is where keys are kept.
type KeyStore interface {
	List(ctx context.Context, owner string) ([]*broker.Key, error)
}

// APIKeys is where the keys of the admin API are kept.
type APIKeys interface {
	Create(ctx context.Context, k *broker.APIKey) error
	ByHash(ctx context.Context, hash string) (*broker.APIKey, error)
	Delete(ctx context.Context, id string) error
	List(ctx context.Context, p broker.Page) ([]*broker.APIKey, string, error)
	Touch(ctx context.Context, id string, at time.Time) error
}

// Events is the ledger.
type Events interface {
	Append(ctx context.Context, e broker.Event) error
}

// Defaults are what a preset lays under a connection: a document with the contract's field names, nil if it has none.
type Defaults func(preset, protocol string) json.RawMessage

// Label is the name that a provider's console has for one of our values, and where that field is found.
type Label struct {
	Label string `json:"label"`
	Where string `json:"where,omitempty"`
}

// Service is the verbs.
type Service struct {
	Realms      Realms
	Connections Connections
	Clients     Clients
	Domains     Domains
	Users       Users
	Sessions    Sessions
	Keys        Keys
	KeyStore    KeyStore
	APIKeys     APIKeys
	Events      Events
	Invites     Invites
	Seats       Seats
	Letters     Letters // nil: no mails
	People      People
	Diagnosis   Diagnosis
	// Worded is a fault of a connection as a finding, in the words of its provider's console; nil: in the catalogue's.
	Worded      func(ctx context.Context, realm, slug string, err error) Finding
	Traces      Traces
	Local       Local
	Enforcement Enforcement
	Outbox      Outbox
	Webhooks    Webhooks
	Expiries    Expiries
	Operators   Operators
	Documents   *upstream.Keeper // nil: none are kept
	Shadows     Shadows          // nil: connections have no second configuration
	Overviews   Overviews
	Stats       Stats
	Checks      Checks
	Wizard      Wizard
	KeyTurns    KeyTurns
	Setup       Setup
	SCIM        SCIM

	// Outages may be nil: then a vendor's trouble looks like each connection's own.
	Outages Outages
	// NextExpiry answers when the first thing of each connection ends, PendingReviews how many changes of its metadata
	// wait for an operator; connections without any are left out. nil: nothing is known.
	NextExpiry     func(ctx context.Context, slugs []string) (map[string]time.Time, error)
	PendingReviews func(ctx context.Context, slugs []string) (map[string]int, error)

	// ByEmail finds a person of a realm by address. Linked lists, for some people of a realm, the connections they are
	// linked to.
	ByEmail func(ctx context.Context, realm, email string) (*broker.User, error)
	Linked  func(ctx context.Context, realm string, userIDs []string) (map[string][]string, error)

	// Tx runs f in one transaction of the store: a change and its audit line are kept together or not at all. A Tx
	// inside another joins it.
	Tx func(ctx context.Context, f func(ctx context.Context) error) error
	// Open reads a connection's settings as its protocol does, without touching the network: whoever saves bad metadata
	// or a bad certificate learns it at once.
	Open func(ctx context.Context, c *broker.Connection) (providers.Provider, error)
	// FindSessions and FindEvents list; cmd hands the store's filters through.
	FindSessions func(ctx context.Context, realm string, f SessionFilter, p broker.Page) ([]*broker.Session, string, error)
	FindEvents   func(ctx context.Context, f EventFilter, p broker.Page) ([]broker.Event, string, error)
	// End signs a session out, here and at its applications. EndUser does so with all that a person has open, in every
	// realm, and revokes what was granted for offline use too.
	End     func(ctx context.Context, s *broker.Session) error
	EndUser func(ctx context.Context, realm, userID string) error
	// Defaults and Labels are the presets'.
	Defaults Defaults
	Labels   func(preset, protocol string) map[string]Label
	// TXT looks up a name's TXT records. AllowLookup takes one from a realm's allowance of lookups; nil allows all.
	TXT         domain.TXT
	AllowLookup func(realm string) bool
	// Token, if not "", is a fixed API key with the role owner.
	Token   string
	BaseURL string
	Now     func() time.Time
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"` // the cursor of the next page, "" at the end
}

func page[T any](items []T, next string, err error) (Page[T], error) {
	if items == nil {
		items = []T{}
	}
	return Page[T]{items, next}, err
}

// pageOf makes a page out of a list held in memory.
func pageOf[T any](all []T, p broker.Page, key func(T) string) Page[T] {
	items, next := cut(all, p, key)
	out, _ := page(items, next, nil)
	return out
}

// change is one entry of the audit log under way.
type change struct {
	kind    string // "connection.updated"
	realm   string // "" for what belongs to the installation
	subject string // "connection:acme-okta"
	detail  string
	before  any // nil for a creation
	after   any // nil for a deletion
}

// remove deletes what may be much, which the store does in small transactions. The audit line comes first: a deletion that
// is interrupted must not be one that nobody knows of.
func (s *Service) remove(ctx context.Context, a Actor, c change, del func(ctx context.Context) error) error {
	if err := s.record(ctx, a, c); err != nil {
		return err
	}
	err := del(ctx)
	if err == nil {
		return nil
	}
	failed := change{kind: c.kind + "_failed", realm: c.realm, subject: c.subject, detail: string(fault.CodeOf(err))}
	return errors.Join(err, s.record(ctx, a, failed))
}

// record writes the audit line. Secrets are masked by the nouns' own JSON.
func (s *Service) record(ctx context.Context, a Actor, c change) error {
	e := broker.Event{At: s.Now(), Realm: c.realm, Kind: c.kind, Actor: a.Name, Subject: c.subject, Detail: c.detail, RemoteIP: a.RemoteIP}
	e.UserID, _ = strings.CutPrefix(c.subject, "user:") // what is known of a person is found, and erased, by it
	if e.UserID == c.subject {
		e.UserID = ""
	}
	var before, after map[string]any
	var err error
	if c.before != nil {
		if before, err = docOf(c.before); err != nil {
			return err
		}
	}
	if c.after != nil {
		if after, err = docOf(c.after); err != nil {
			return err
		}
	}
	e.Before, e.After = ledger(before), ledger(after)
	return s.Events.Append(ctx, e)
}
