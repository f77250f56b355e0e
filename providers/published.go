package providers

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Published is a provider whose upstream publishes documents that say whom to believe: SAML metadata, or discovery and
// JWKS. What a login trusts is a state: opaque bytes in which the provider keeps an accepted document. A fetch changes it
// by Review alone.
type Published interface {
	// Source names where the documents come from: states of another source count for nothing. "" where no document is
	// fetched.
	Source() string
	// Fetch reads what is published now, past every copy, and keeps nothing.
	Fetch(ctx context.Context) (Found, error)
	// Review holds what was found against what is trusted, nil if nothing is yet.
	Review(trusted []byte, found Found) (Review, error)
	// Settle makes a kept state one to be trusted from now on. Pinned, no fetch changes it until it is settled anew.
	Settle(state []byte, pinned bool) ([]byte, error)
	// Facts are what a state says.
	Facts(state []byte) ([]Fact, error)
	// Text is the document in a state, to be read.
	Text(state []byte) (mediaType, text string, err error)
	// Given is the state of a document that was given by hand, nil if there is none.
	Given() []byte
}

// Found is what was fetched.
type Found struct {
	Body []byte // as Review of the same protocol reads it
	// Proved says that the pinned address itself answered, over TLS.
	Proved bool
}

// Review is what becomes of a fetched document.
type Review struct {
	First   bool         // nothing of this source was trusted before
	Trusted []byte       // what a login may trust now
	Applied []Difference // what that is more or less than before; it needed nobody's word
	Waiting []byte       // the whole document found, as a state, where something of it needs an operator's word
	Left    []Difference // what that is
	Pinned  bool         // the trusted state is pinned
}

// Fact is one thing that a document says.
type Fact struct {
	Name  string `json:"name"` // "entity_id", "certificate"
	Value string `json:"value"`
	// Quiet facts change without anybody's notice: a date of validity.
	Quiet bool `json:"quiet,omitempty"`
	// Many says that a document may have several of the name: one in place of another is one added and one removed.
	Many bool `json:"many,omitempty"`
}

// How a fact differs.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Difference is one fact that is another in two documents.
type Difference struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // added, removed, changed
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Differences tells two documents apart, by the names' order in now, what is gone last.
func Differences(was, now []Fact) []Difference {
	var out []Difference
	many := map[string]bool{}
	for _, f := range slices.Concat(was, now) {
		many[f.Name] = f.Many
	}
	for _, name := range factNames(now, was) {
		before, after := values(was, name), values(now, name)
		if !many[name] && len(before) == 1 && len(after) == 1 && before[0] != after[0] {
			out = append(out, Difference{Name: name, Kind: Changed, From: before[0], To: after[0]})
			continue
		}
		out = append(out, cameAndWent(name, before, after)...)
	}
	return out
}

func cameAndWent(name string, was, now []string) (out []Difference) {
	for _, v := range now {
		if !slices.Contains(was, v) {
			out = append(out, Difference{Name: name, Kind: Added, To: v})
		}
	}
	for _, v := range was {
		if !slices.Contains(now, v) {
			out = append(out, Difference{Name: name, Kind: Removed, From: v})
		}
	}
	return out
}

func factNames(lists ...[]Fact) (names []string) {
	for _, list := range lists {
		for _, f := range list {
			if !f.Quiet && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

func values(facts []Fact, name string) (out []string) {
	for _, f := range facts {
		if f.Name == name && !slices.Contains(out, f.Value) {
			out = append(out, f.Value)
		}
	}
	return out
}

// ProvedBy reports whether an answer is the pinned address's own: no redirect led by another host, and nobody on the way
// could have changed it. An address of this very machine needs no TLS for that.
func ProvedBy(pinned string, res *http.Response) bool {
	want, err := url.Parse(pinned)
	if err != nil || !private(want) {
		return false
	}
	for res != nil && res.Request != nil {
		if got := res.Request.URL; !strings.EqualFold(got.Host, want.Host) || !private(got) {
			return false
		}
		if res.Request.Response == nil {
			return true
		}
		res = res.Request.Response // the redirect that led there
	}
	return false
}

func private(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
