// Package webhook tells addresses of events, as Standard Webhooks has it: signed, at least once, more or less in order.
//
// The store queues a delivery with the event that it is about, in its transaction. A worker claims a webhook, not a
// delivery, so that a receiver that hangs costs one worker and no other receiver anything. Where a receiver fails, one
// delivery at a time tries it, after longer and longer waits; each delivery is tried for three days, and a webhook that
// has failed for five is switched off.
package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cloakroom/broker"
)

// Webhooks is where webhooks are kept.
type Webhooks interface {
	// Claim takes up to n webhooks that something is due for, for one worker alone until the given time.
	Claim(ctx context.Context, holder string, n int, until time.Time) ([]*broker.Webhook, error)
	// Settle notes how a claimed webhook has been answering and ends the claim.
	Settle(ctx context.Context, w *broker.Webhook) error
	Update(ctx context.Context, w *broker.Webhook) error
}

// Deliveries is where what is on its way is kept.
type Deliveries interface {
	// Due gives deliveries of a claimed webhook, the oldest first, each with its event.
	Due(ctx context.Context, webhook string, n int) ([]*broker.Delivery, []broker.Event, error)
	Finish(ctx context.Context, d *broker.Delivery) error
	// Sweep gives up what has been queued since before patience and drops what is older than keep.
	Sweep(ctx context.Context, patience, keep time.Time) error
}

// Events is the ledger.
type Events interface {
	Append(ctx context.Context, e broker.Event) error
}

// Sender delivers. Any number of processes may run one each on the same store.
type Sender struct {
	Webhooks   Webhooks
	Deliveries Deliveries
	Events     Events
	// Tx runs f in one transaction of the store.
	Tx func(ctx context.Context, f func(ctx context.Context) error) error
	// HTTP is the guarded client of broker/egress: private addresses and redirects are refused there.
	HTTP *http.Client
	// Disabled queues a mail about a webhook that was switched off, inside the transaction; nil for none.
	Disabled func(ctx context.Context, w *broker.Webhook) error
	Now      func() time.Time
	Log      *slog.Logger
}

const (
	poll       = time.Second
	sweepEvery = 15 * time.Minute
	workers    = 16 // webhooks served at a time
	batch      = 32 // deliveries of one claim
	abreast    = 8  // of them at a time, while the receiver is well
	patience   = 10 * time.Second
	// lease is longer than a batch can take.
	lease = batch/abreast*patience + batch*time.Second + time.Minute
	// giveUp bounds what is queued for a webhook that is on hold or off; keep is how long deliveries can be looked at.
	giveUp = 4 * 24 * time.Hour
	keep   = 30 * 24 * time.Hour
)

// secretBytes and secretPrefix are as the specification has them: 24 to 64 bytes, base64, marked as what they are.
const (
	secretBytes  = 32
	secretPrefix = "whsec_"
)

// NewSecret makes a signing secret.
func NewSecret() broker.Secret {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b)
	return broker.Secret(secretPrefix + base64.StdEncoding.EncodeToString(b))
}

// Run delivers until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	var busy sync.WaitGroup
	defer busy.Wait()
	slots := make(chan struct{}, workers)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var swept time.Time
	for {
		if now := s.Now(); now.Sub(swept) >= sweepEvery {
			swept = now
			s.sweep(ctx, now)
		}
		for s.dispatch(ctx, slots, &busy) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Sender) sweep(ctx context.Context, now time.Time) {
	if err := s.Deliveries.Sweep(ctx, now.Add(-giveUp), now.Add(-keep)); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "deliveries to webhooks could not be tidied", "error", err)
	}
}

// dispatch claims as many webhooks as there are free slots and serves them in the background; it says whether there may
// be more.
func (s *Sender) dispatch(ctx context.Context, slots chan struct{}, busy *sync.WaitGroup) bool {
	select {
	case slots <- struct{}{}:
		<-slots
	case <-ctx.Done():
		return false
	}
	claimed, err := s.claim(ctx, cap(slots)-len(slots))
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "webhooks could not be read", "error", err)
	}
	for _, w := range claimed {
		slots <- struct{}{}
		busy.Go(func() {
			defer func() { <-slots }()
			s.serve(ctx, w)
		})
	}
	return len(claimed) > 0
}

func (s *Sender) claim(ctx context.Context, n int) ([]*broker.Webhook, error) {
	return s.Webhooks.Claim(ctx, broker.RandomToken(9), n, s.Now().Add(lease))
}

// Once serves what is due now, and answers how many webhooks that were.
func (s *Sender) Once(ctx context.Context) (int, error) {
	claimed, err := s.claim(ctx, workers)
	var busy sync.WaitGroup
	for _, w := range claimed {
		busy.Go(func() { s.serve(ctx, w) })
	}
	busy.Wait()
	return len(claimed), err
}

// data is what a message says of an event. It names people as the ledger does, and holds no secret: the ledger has none.
type data struct {
	ID         string          `json:"id"`
	Realm      string          `json:"realm,omitempty"`
	Connection string          `json:"connection,omitempty"`
	Client     string          `json:"client,omitempty"`
	UserID     string          `json:"user_id,omitempty"`
	Email      string          `json:"email,omitempty"`
	Actor      string          `json:"actor,omitempty"`
	Subject    string          `json:"subject,omitempty"`
	Reference  string          `json:"reference,omitempty"`
	Code       string          `json:"code,omitempty"`
	Detail     string          `json:"detail,omitempty"`
	Expiry     json.RawMessage `json:"expiry,omitempty"` // of expiry.warning: a broker.Expiry
}

// maxDetail keeps a message far below 64 KiB, whatever an identity provider wrote into its error.
const maxDetail = 4 << 10

// Payload is the body of an event's message.
func Payload(e broker.Event) ([]byte, error) {
	d := data{
		ID: e.ID, Realm: e.Realm, Connection: e.Connection, Client: e.Client, UserID: e.UserID, Email: e.Email, Actor: e.Actor, Subject: e.Subject,
		Reference: e.Ref, Code: e.Code, Detail: clip(e.Detail, maxDetail),
	}
	if e.Kind == broker.ExpiryWarning && json.Valid(e.After) {
		d.Expiry = e.After
	}
	return json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      data      `json:"data"`
	}{e.Kind, e.At.UTC(), d})
}
