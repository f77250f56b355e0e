package broker

import "time"

// How a version of an upstream's documents came to be kept.
const (
	DocumentFirst    = "first"    // the first of its address
	DocumentFetched  = "fetched"  // changed there
	DocumentUploaded = "uploaded" // given by hand
	DocumentApproved = "approved" // let in by an operator
	DocumentRestored = "restored" // an earlier one, put back and pinned
	DocumentReleased = "released" // no longer pinned
)

// What a version is.
const (
	DocumentAccepted   = "accepted"   // trusted, now or earlier
	DocumentPending    = "pending"    // waits for an operator
	DocumentSuperseded = "superseded" // waited, and something newer came
	DocumentDismissed  = "dismissed"  // an operator did not want it
)

// DocumentFact is one thing that a document says.
type DocumentFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Quiet bool   `json:"quiet,omitempty"` // changes without anybody's notice
	Many  bool   `json:"many,omitempty"`  // there may be several of the name
}

// DocumentChange is one fact that is another in two documents.
type DocumentChange struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"added,removed,changed"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Document is one version of what a connection's upstream publishes about itself: SAML metadata, or discovery and keys.
type Document struct {
	Connection string    `json:"connection"`
	Realm      string    `json:"realm"`
	N          int64     `json:"n"` // counts within the connection
	At         time.Time `json:"at"`
	Source     string    `json:"source"` // where from, "" for one given by hand
	Status     string    `json:"status" enum:"accepted,pending,superseded,dismissed"`
	Digest     string    `json:"digest"` // of what it says
	Pinned     bool      `json:"pinned"`
	DocumentStory
	State []byte `json:"-"` // the provider's bytes
}

// DocumentStory is what is told of a version.
type DocumentStory struct {
	How       string           `json:"how" enum:"first,fetched,uploaded,approved,restored,released"`
	By        string           `json:"by,omitempty"` // who let it in, "" where nobody had to
	Of        int64            `json:"of,omitempty"` // the version that was approved or restored
	Facts     []DocumentFact   `json:"facts"`        // what it says
	Changes   []DocumentChange `json:"changes"`      // against what was trusted before
	DecidedBy string           `json:"decided_by,omitempty"`
	DecidedAt time.Time        `json:"decided_at,omitzero"`
}

// DocumentWatch is how fetching a connection's documents goes.
type DocumentWatch struct {
	Connection   string    `json:"connection"`
	Realm        string    `json:"realm"`
	CheckAt      time.Time `json:"check_at,omitzero"` // the next fetch
	CheckedAt    time.Time `json:"checked_at,omitzero"`
	GoodAt       time.Time `json:"good_at,omitzero"`       // the last that succeeded
	FailingSince time.Time `json:"failing_since,omitzero"` // zero while all is well
	Code         string    `json:"code,omitempty"`         // why it fails
	Detail       string    `json:"detail,omitempty"`
}
