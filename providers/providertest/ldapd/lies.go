package ldapd

import "time"

// Result is how an operation ends (RFC 4511, section 4.1.9).
type Result struct {
	Code      int
	MatchedDN string
	Message   string
}

// Entry is one entry as it is sent.
type Entry struct {
	DN         string
	Attributes map[string][]string
}

// The names of operations, for Lies.
const (
	Connect  = "connect"
	StartTLS = "starttls"
	Bind     = "bind"
	Search   = "search"
)

// Lies are the ways to break the server. The zero value of each leaves things as they are.
type Lies struct {
	// Bind takes a bind over; it answers whether it did.
	Bind func(name, password string) (Result, bool)
	// Search takes a search over; it answers whether it did.
	Search func(base, filter string) ([]Entry, Result, bool)
	// References are sent with every search that found what it could: the server has not the whole tree.
	References []string
	// MaxEntries are sent for a search that asks for no pages, then the size limit is exceeded.
	MaxEntries int
	// NoPaging ignores the control for pages.
	NoPaging bool
	// RequireTLS refuses binds over connections in clear.
	RequireTLS bool
	// NoStartTLS: the server has no certificate.
	NoStartTLS bool
	// Delay is waited before each answer.
	Delay time.Duration
	// Close ends the connection in place of an answer to the operation, or right after it began (Connect).
	Close string
	// Raw gives the bytes that are sent in place of an operation's answer, by the operation; nil: the answer.
	Raw func(operation string, id int64) []byte
	// Hide leaves attributes out of all answers: the service account may not read them.
	Hide []string
	// NoRoot leaves the root entry empty.
	NoRoot bool
}
