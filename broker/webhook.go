package broker

import (
	"regexp"
	"time"
)

// Webhook is an address that is told of events, as Standard Webhooks has it (https://www.standardwebhooks.com).
type Webhook struct {
	ID      string   `json:"id"`
	Realm   string   `json:"realm,omitempty"` // "" for one that hears of the whole installation
	Name    string   `json:"name"`
	URL     string   `json:"url"`
	Events  []string `json:"events"` // kinds: "login.failed", all of an area "connection.*", or all "*"
	Enabled bool     `json:"enabled"`
	Secret  Secret   `json:"secret"` // whsec_ and base64; made here, answered once
	// PreviousSecret signs too until PreviousUntil, so that receivers can change over.
	PreviousSecret Secret    `json:"-"`
	PreviousUntil  time.Time `json:"previous_secret_until,omitzero"`
	// DisabledReason is the code of the fault for which it was switched off by itself.
	DisabledReason string `json:"disabled_reason,omitempty"`
	WebhookHealth
	Meta
}

// WebhookHealth is how an address has been answering. It changes with every delivery and is no part of the version.
type WebhookHealth struct {
	FailingSince  time.Time `json:"failing_since,omitzero"` // of the failures since the last success
	Failures      int       `json:"failures"`               // in a row
	LastSuccessAt time.Time `json:"last_success_at,omitzero"`
	LastFailureAt time.Time `json:"last_failure_at,omitzero"`
	// HoldUntil is when the next try may be made.
	HoldUntil time.Time `json:"hold_until,omitzero"`
	// Holder is the claim under which a worker delivers to it.
	Holder string `json:"-"`
}

// What became of a delivery.
const (
	DeliveryQueued    = "queued"
	DeliveryDelivered = "delivered"
	DeliveryFailed    = "failed" // given up
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID         string    `json:"id"` // the event's, and the message's webhook-id: the same at each try
	Webhook    string    `json:"webhook"`
	Type       string    `json:"type"` // the event's kind
	Status     string    `json:"status"`
	Attempts   int       `json:"attempts"`
	Response   int       `json:"response,omitempty"` // HTTP status of the last answer
	Answer     string    `json:"answer,omitempty"`   // its first KiB
	Code       string    `json:"code,omitempty"`     // fault of the last try
	Detail     string    `json:"detail,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	QueuedAt   time.Time `json:"queued_at"` // later than CreatedAt where it was sent again
	NextAt     time.Time `json:"next_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

var eventFilterRE = regexp.MustCompile(`^(\*|[a-z][a-z_]*(\.[a-z][a-z_]*)*(\.\*)?)$`)

// Bounds of a webhook.
const (
	maxWebhookEvents = 50
	maxEventFilter   = 64
)

// Defaults fills what was left out.
func (w *Webhook) Defaults() {
	if w.Events == nil {
		w.Events = []string{}
	}
}

// Validate answers every bad field at once.
func (w *Webhook) Validate() error {
	var f fields
	if w.Name == "" {
		f.add("/name", "is missing")
	}
	checkText(&f, "/name", w.Name, 200)
	checkURL(&f, "/url", w.URL, "https", "http")
	switch n := len(w.Events); {
	case n == 0:
		f.add("/events", `is missing: list kinds of events like "login.failed" or "connection.*", or "*" for all`)
	case n > maxWebhookEvents:
		f.add("/events", "are more than %d", maxWebhookEvents)
	}
	for i, e := range w.Events {
		if len(e) > maxEventFilter || !eventFilterRE.MatchString(e) {
			f.add(ptr("/events", i), `%.64q is not a kind like "login.failed", "connection.*" or "*"`, e)
		}
	}
	return f.err()
}
