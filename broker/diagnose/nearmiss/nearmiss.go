// Package nearmiss compares an identifier with the one that was expected and says in what they differ, if it is little:
// most wrong entity IDs and addresses are the right one with a slip of the hand. It is pure.
package nearmiss

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Kind is in what two identifiers differ.
type Kind string

// The kinds, from the least difference to the greatest.
const (
	Same        Kind = "same"
	Blanks      Kind = "blanks"      // white space or invisible characters
	Case        Kind = "case"        // upper and lower case
	Slash       Kind = "slash"       // a slash at the end
	Scheme      Kind = "scheme"      // http and https
	Escaping    Kind = "escaping"    // %-encoding, HTML entities
	Port        Kind = "port"        // the port
	WWW         Kind = "www"         // a www. in front
	Host        Kind = "host"        // the host name in letters or in xn-- form
	Wrapped     Kind = "wrapped"     // quotes, brackets or a label around it
	Swapped     Kind = "swapped"     // it is another of our own values
	Environment Kind = "environment" // the same path at another stage's host: dev, test, staging
	Query       Kind = "query"       // the part after ?
	Path        Kind = "path"        // the same host, another path
	Slip        Kind = "slip"        // a letter or two
	Other       Kind = "other"       // something else
)

// Part is a stretch of the marked difference: equal in both, or only in one of them.
type Part struct {
	Text string `json:"text"`
	In   string `json:"in"` // "both", "observed", "expected"
}

// Result is a comparison.
type Result struct {
	Kind Kind
	// As names the value that was put in the place of the expected one, where Kind is Swapped.
	As    string
	Parts []Part
}

// Near says that the two mean the same thing, but for a slip.
func (r Result) Near() bool { return r.Kind != Same && r.Kind != Other && r.Kind != Path }

// maxCompared bounds what is compared letter by letter.
const maxCompared = 500

// Compare says in what observed differs from expected. others are values of ours that may have been swapped with the
// expected one, by name.
func Compare(observed, expected string, others map[string]string) Result {
	r := Result{Kind: Other}
	for name, value := range others {
		if value != "" && value != expected && fold(value) == fold(observed) && (r.As == "" || name < r.As) {
			r.Kind, r.As = Swapped, name
		}
	}
	if r.Kind != Swapped {
		r.Kind = kind(observed, expected)
	}
	r.Parts = mark(observed, expected)
	return r
}

func kind(a, b string) Kind {
	if a == b {
		return Same
	}
	if visible(a) == visible(b) {
		return Blanks
	}
	a, b = visible(a), visible(b)
	switch {
	case strings.EqualFold(a, b):
		return Case
	case strings.TrimRight(a, "/") == strings.TrimRight(b, "/"):
		return Slash
	case plain(a) == plain(b):
		return Escaping
	}
	if wrapped(a, b) {
		return Wrapped
	}
	return address(strings.ToLower(plain(a)), strings.ToLower(plain(b)))
}

// wrapped says that a is b with something around it that is no part of an address: quotes, brackets, a label and its colon.
func wrapped(a, b string) bool {
	front, back, ok := strings.Cut(a, b)
	if !ok || len(b) < 8 {
		return false
	}
	letter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	return (front == "" || !letter(rune(front[len(front)-1]))) && !strings.ContainsFunc(back, letter) && !strings.ContainsAny(back, "/?#")
}

// address compares two identifiers that may be URLs. Slips that do not matter any more are let pass together.
func address(a, b string) Kind {
	if bare(a) == bare(b) {
		return Scheme
	}
	ua, ea := url.Parse(a)
	ub, eb := url.Parse(b)
	if ea != nil || eb != nil || ua.Host == "" || ub.Host == "" {
		return slip(a, b)
	}
	path := strings.TrimRight(ua.Path, "/") == strings.TrimRight(ub.Path, "/")
	same := path && ua.RawQuery == ub.RawQuery
	switch {
	case same && ua.Hostname() == ub.Hostname():
		return Port
	case same && strings.TrimPrefix(ua.Hostname(), "www.") == strings.TrimPrefix(ub.Hostname(), "www."):
		return WWW
	case same && ascii(ua.Hostname()) == ascii(ub.Hostname()):
		return Host
	case path && ua.Host == ub.Host:
		return Query
	case path && unstaged(ua.Hostname()) == unstaged(ub.Hostname()):
		return Environment
	case slip(a, b) == Slip:
		return Slip
	case ua.Host == ub.Host:
		return Path
	}
	return Other
}

// bare is an identifier without what people leave out: scheme, slash at the end.
func bare(s string) string {
	for _, scheme := range []string{"https://", "http://"} {
		s = strings.TrimPrefix(s, scheme)
	}
	return strings.TrimRight(s, "/")
}

// ascii is a host name as DNS has it; one that cannot be is left as it is.
func ascii(host string) string {
	if a, err := idna.Lookup.ToASCII(host); err == nil {
		return a
	}
	return host
}

func fold(s string) string { return bare(strings.ToLower(plain(visible(s)))) }

// visible is s without white space and without what cannot be seen.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return r
	}, s)
}

// plain undoes %-encoding and the one HTML entity that addresses have.
func plain(s string) string {
	s = strings.ReplaceAll(s, "&amp;", "&")
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// unstaged is a host name without the words that say which stage it is of.
func unstaged(host string) string {
	labels := strings.FieldsFunc(host, func(r rune) bool { return r == '.' || r == '-' || r == '_' })
	var out []string
	for _, l := range labels {
		if !stage(strings.TrimRight(l, "0123456789")) {
			out = append(out, l)
		}
	}
	return strings.Join(out, ".")
}

func stage(label string) bool {
	switch label {
	case "dev", "devel", "development", "test", "testing", "tst", "qa", "uat", "int", "integration", "staging", "stage", "stg", "preprod", "pre", "prod", "production", "prd", "live", "sandbox", "demo", "preview", "oktapreview":
		return true
	}
	return false
}

// slip is Slip where at most two letters differ, and not more than a tenth of them.
func slip(a, b string) Kind {
	if len(a) > maxCompared || len(b) > maxCompared {
		return Other
	}
	if d := distance([]rune(a), []rune(b)); d <= 2 && d*10 <= max(len(a), len(b)) {
		return Slip
	}
	return Other
}

// distance is how many letters have to be put in, taken out, changed or exchanged with their neighbour.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// mark shows the difference: what both begin and end with, and what stands between.
func mark(observed, expected string) []Part {
	a, b := []rune(observed[:min(len(observed), 4*maxCompared)]), []rune(expected[:min(len(expected), 4*maxCompared)])
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []Part
	for _, p := range []Part{
		{string(a[:head]), "both"}, {string(a[head : len(a)-tail]), "observed"}, {string(b[head : len(b)-tail]), "expected"}, {string(a[len(a)-tail:]), "both"},
	} {
		if p.Text != "" {
			out = append(out, p)
		}
	}
	return out
}

// Sentence says the difference in plain words, "" where there is none to name.
func (r Result) Sentence() string {
	switch r.Kind {
	case Blanks:
		return "They differ only in blanks or invisible characters."
	case Case:
		return "They differ only in upper and lower case."
	case Slash:
		return "They differ only in the slash at the end."
	case Scheme:
		return "They differ only in http and https."
	case Escaping:
		return "They differ only in how special characters are written (percent-encoding)."
	case Port:
		return "They differ only in the port."
	case WWW:
		return "They differ only in www. in front of the host."
	case Host:
		return "They differ only in how the host name is written: its letters, or their xn-- form."
	case Wrapped:
		return "It is the right value with something around it that does not belong to it: quotes, brackets or a label."
	case Query:
		return "They differ only in what follows the question mark."
	case Environment:
		return "It is the same address of another environment (test, staging, production)."
	case Slip:
		return "They differ in a letter or two: a typing error."
	case Path:
		return "The host is the same, the path is another."
	case Swapped:
		return "It is our " + r.As + ": two fields are swapped."
	}
	return ""
}
