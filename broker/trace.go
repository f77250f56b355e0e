package broker

import "time"

// TraceStep is one thing that happened at a login.
type TraceStep struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step"`
	Detail string    `json:"detail,omitempty"`
}

// Trace is what became of one attempt to sign in: its steps with their times and, where it failed, why. It holds nothing
// that could be used to sign in.
type Trace struct {
	ID         string    `json:"id"` // sortable by time
	At         time.Time `json:"at"`
	Ref        string    `json:"ref"`
	Realm      string    `json:"realm"`
	Connection string    `json:"connection,omitempty"`
	Client     string    `json:"client,omitempty"`
	UserID     string    `json:"user_id,omitempty"`
	Email      string    `json:"email,omitempty"`
	Outcome    string    `json:"outcome"`        // succeeded, failed, stray
	Code       string    `json:"code,omitempty"` // of the fault
	TraceDetail
}

// TraceStray is the outcome of an answer at a wrong address that, by the name in it, may have been meant for the
// connection. Anybody can write a name, so it counts as nobody's failure.
const TraceStray = "stray"

// TraceDetail is the part of a trace that is sealed at rest.
type TraceDetail struct {
	Steps    []TraceStep `json:"steps"`
	Detail   string      `json:"detail,omitempty"`
	Observed string      `json:"observed,omitempty"`
	Expected string      `json:"expected,omitempty"`
	Message  string      `json:"message,omitempty"` // the upstream's message, redacted, at most 64 KiB; failures only
}

// TraceFilter narrows a list of traces; empty fields say nothing.
type TraceFilter struct {
	Ref, Email, Connection, Outcome string
}

// TestLogin is a test sign-in of an operator. It signs nobody in: it ends on a report.
type TestLogin struct {
	ID         string // the login's ID
	Ref        string
	Realm      string
	Connection string
	Actor      string // who asked for it
	TokenHash  string // of the address's token
	CreatedAt  time.Time
	OpenBy     time.Time // the address works once, until then
	ExpiresAt  time.Time // when all of it is forgotten
	OpenedAt   time.Time
	AnsweredAt time.Time
	// LeftAt is when the browser was sent to the provider, LeftTo the provider's host.
	LeftAt time.Time
	LeftTo string
	// ClosedAt is when the window was seen closed, BackAt when the browser asked for the test's address again.
	ClosedAt time.Time
	BackAt   time.Time
	// Page is what was read off the provider's page, at PageAt: JSON, sealed at rest.
	PageAt time.Time
	Page   []byte
	// Published says that the answer came to the browser that began the test.
	Published bool
	Report    []byte // JSON, sealed at rest
}

// TestFact is something that is seen of a test login under way; only the first time counts.
type TestFact string

const (
	TestLeft   TestFact = "left"
	TestClosed TestFact = "closed"
	TestBack   TestFact = "back"
)
