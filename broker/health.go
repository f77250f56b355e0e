package broker

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"time"
)

// How a connection stands, the worst first.
const (
	HealthError   = "error"   // people cannot sign in, or something is broken
	HealthWarning = "warning" // works, and somebody should look
	HealthNew     = "new"     // nobody has signed in through it yet
	HealthOK      = "ok"
	HealthOff     = "off" // switched off
)

// HealthStatuses lists them, the worst first.
var HealthStatuses = []string{HealthError, HealthWarning, HealthNew, HealthOK, HealthOff}

// Worse reports whether status a needs looking at before b.
func Worse(a, b string) bool {
	return slices.Index(HealthStatuses, a) < slices.Index(HealthStatuses, b)
}

// Why a connection stands as it does: the first of these that holds.
const (
	WhyOff         = "off"
	WhyExpired     = "expired"      // a certificate, a secret, metadata
	WhyNeverWorked = "never_worked" // people try, and nobody has ever got in
	WhyFailing     = "failing"      // nobody gets in any more
	WhyCheckFailed = "check_failed"
	WhyManyFail    = "many_fail" // half of the last day's sign-ins or more
	WhyNew         = "new"
	WhyExpires     = "expires" // within 30 days
	WhyReview      = "review"  // new metadata waits for an operator
	WhySomeFail    = "some_fail"
	WhyLastFailed  = "last_failed" // more than once, but of one person
	WhyCheckWarned = "check_warned"
	WhyOK          = "ok"
)

// WhysOf are the reasons for a status.
func WhysOf(status string) []string {
	var out []string
	for _, why := range []string{WhyOff, WhyExpired, WhyNeverWorked, WhyFailing, WhyCheckFailed, WhyManyFail, WhyNew, WhyExpires, WhyReview, WhySomeFail, WhyLastFailed, WhyCheckWarned, WhyOK} {
		if statusOf(why) == status {
			out = append(out, why)
		}
	}
	return out
}

func statusOf(why string) string {
	switch why {
	case WhyOff:
		return HealthOff
	case WhyNew:
		return HealthNew
	case WhyOK:
		return HealthOK
	case WhyExpired, WhyNeverWorked, WhyFailing, WhyCheckFailed, WhyManyFail:
		return HealthError
	}
	return HealthWarning
}

// Rate is how sign-ins went in a stretch of time.
type Rate struct {
	OK     int64 `json:"ok"`
	Failed int64 `json:"failed"`
}

// Share is the part that failed, 0 to 1; 0 where nobody tried.
func (r Rate) Share() float64 {
	if r.OK+r.Failed == 0 {
		return 0
	}
	return float64(r.Failed) / float64(r.OK+r.Failed)
}

// FailureSeen is the last sign-in that failed.
type FailureSeen struct {
	Code string    `json:"code"`
	At   time.Time `json:"at"`
}

// TestSeen is the last test login that came to an end.
type TestSeen struct {
	At     time.Time `json:"at"`
	Passed bool      `json:"passed"`
	By     string    `json:"by"`
}

// CheckSeen is the last preflight.
type CheckSeen struct {
	At       time.Time `json:"at"`
	Status   string    `json:"status"` // ok, warning, error
	Findings int64     `json:"findings"`
}

// Health is how a connection stands. One person's failures do not make it an error, unless nobody has ever got in: half of
// all trouble is told apart by whether one person fails or all.
type Health struct {
	Status string `json:"status" enum:"ok,warning,error,new,off"`
	Why    string `json:"why"`
	Reason string `json:"reason"` // Why in words

	LastSuccess  time.Time    `json:"last_success,omitzero"`
	LastFailure  *FailureSeen `json:"last_failure,omitempty"`
	FailingSince time.Time    `json:"failing_since,omitzero"` // the first failure since the last success
	Failures     int64        `json:"failures"`               // since the last success
	// PeopleFailing is how many different people failed since the last success, as far as it was known who they are. It
	// counts to about a thousand and looks a month back.
	PeopleFailing        int64     `json:"people_failing"`
	ChangedAt            time.Time `json:"changed_at"` // of the configuration
	SuccessesSinceChange int64     `json:"successes_since_change"`
	Day                  Rate      `json:"day"`  // the last 24 hours
	Week                 Rate      `json:"week"` // the last 7 days

	NextExpiry     time.Time  `json:"next_expiry,omitzero"`
	PendingReviews int64      `json:"pending_reviews"`
	Tests          Rate       `json:"tests"` // test logins that passed and failed
	LastTest       *TestSeen  `json:"last_test,omitempty"`
	LastCheck      *CheckSeen `json:"last_check,omitempty"`
}

// Judge sets Status and Reason by Why.
func (h *Health) Judge(why string) {
	h.Why, h.Status, h.Reason = why, statusOf(why), h.words(why)
}

func (h *Health) words(why string) string {
	switch why {
	case WhyOff:
		return "Switched off."
	case WhyExpired:
		return fmt.Sprintf("Something of it expired on %s.", day(h.NextExpiry))
	case WhyNeverWorked:
		return fmt.Sprintf("Nobody has ever got in: %s since %s.", h.tries(), day(h.FailingSince))
	case WhyFailing:
		return fmt.Sprintf("Nobody has got in since %s: %s.", day(h.FailingSince), h.tries())
	case WhyCheckFailed:
		return fmt.Sprintf("The check of %s found an error.", day(h.checkedAt()))
	case WhyManyFail, WhySomeFail:
		return fmt.Sprintf("%d of %d sign-ins failed in the last 24 hours.", h.Day.Failed, h.Day.OK+h.Day.Failed)
	case WhyNew:
		return "Nobody has signed in through it yet; " + h.tested()
	case WhyExpires:
		return fmt.Sprintf("Something of it expires on %s.", day(h.NextExpiry))
	case WhyReview:
		return "A change at the identity provider waits for your review."
	case WhyLastFailed:
		return fmt.Sprintf("The last sign-ins failed (%s), all of one person.", h.lastCode())
	case WhyCheckWarned:
		return fmt.Sprintf("The check of %s found something to look at.", day(h.checkedAt()))
	}
	return "People get in."
}

func (h *Health) tries() string {
	s := counted(h.Failures, "failed sign-in", "failed sign-ins")
	if h.PeopleFailing > 0 {
		s += " of " + counted(h.PeopleFailing, "person", "people")
	}
	return s
}

func counted[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (h *Health) tested() string {
	switch {
	case h.LastTest == nil:
		return "never tested."
	case h.LastTest.Passed:
		return "its last test login passed."
	}
	return "its last test login failed."
}

func (h *Health) lastCode() string {
	if h.LastFailure == nil {
		return ""
	}
	return h.LastFailure.Code
}

func (h *Health) checkedAt() time.Time {
	if h.LastCheck == nil {
		return time.Time{}
	}
	return h.LastCheck.At
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// ConnectionOverview is a connection as a list over all realms shows it.
type ConnectionOverview struct {
	Realm       string   `json:"realm"`
	RealmName   string   `json:"realm_name"` // what people call the realm
	Slug        string   `json:"slug"`
	Alias       string   `json:"alias"`
	DisplayName string   `json:"display_name"`
	Protocol    string   `json:"protocol"`
	Preset      string   `json:"preset"`
	Enabled     bool     `json:"enabled"`
	Domains     []string `json:"domains"` // the first few
	Health      Health   `json:"health"`
}

// ConnectionFilter narrows a list of connections; empty fields say nothing.
type ConnectionFilter struct {
	// Query is the beginning or middle of a name of the realm or connection, of a domain, entity ID, issuer or client ID; a
	// whole address, which finds what its domain and the person use; or a login's reference, which finds what it went
	// through.
	Query    string
	Realm    string
	Status   string // of Health
	Protocol string
	Preset   string

	Expiring    bool // within 60 days, or expired
	NeverTested bool
	Failing     bool // nobody has got in since the last failure
}

// RealmOverview is a realm as a list shows it. The counts of a week are of the last 7 days, today included.
type RealmOverview struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Hub         bool   `json:"hub"`
	Connections int64  `json:"connections"`
	People      int64  `json:"people"` // at most PeopleCounted: then there are more
	Domains     int64  `json:"domains"`
	Week        Rate   `json:"week"`
	// Status is that of the connection that stands worst, "" where there is none.
	Status string `json:"status"`
}

// PeopleCounted is how far a list counts the people of one realm.
const PeopleCounted = 10_001

// DayCount is how sign-ins went on one day (UTC).
type DayCount struct {
	Day    string `json:"day"` // 2026-11-21
	OK     int64  `json:"ok"`
	Failed int64  `json:"failed"`
}

// FaultCount is how often sign-ins failed with a code.
type FaultCount struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// CountScope says whose sign-ins are counted: those of the installation, of a realm, or of one of its connections or
// clients.
type CountScope struct {
	Realm      string
	Connection string
	Client     string
}

// CheckRun is a preflight that was made, with its report.
type CheckRun struct {
	ID         string    `json:"id"` // sortable by time
	Realm      string    `json:"realm"`
	Connection string    `json:"connection"`
	At         time.Time `json:"at"`
	By         string    `json:"by"` // who asked; "nightly" for nobody
	Status     string    `json:"status"`
	Findings   int64     `json:"findings"`
	Errors     []string  `json:"errors"` // codes of the findings that are errors
	Report     []byte    `json:"-"`      // JSON, sealed at rest
}

// TracePolicy is how long a realm's traces of logins are kept, and how much of them.
type TracePolicy struct {
	KeepDays int    `json:"keep_days"` // 1 to 400
	Redact   string `json:"redact"`    // none, addresses, all
}

// What TracePolicy.Redact takes: nothing is left out; whose address it was is; all is but what failed, where and when.
const (
	RedactNone      = "none"
	RedactAddresses = "addresses"
	RedactAll       = "all"
)

// Redactions lists them.
var Redactions = []string{RedactNone, RedactAddresses, RedactAll}

// Defaults fills what was left out.
func (p *TracePolicy) Defaults() {
	if p.KeepDays == 0 {
		p.KeepDays = 30
	}
	setDefault(&p.Redact, RedactNone)
}

func (p *TracePolicy) validate(f *fields) {
	if p.KeepDays < 1 || p.KeepDays > 400 {
		f.add("/traces/keep_days", "is 1 to 400")
	}
	oneOf(f, "/traces/redact", p.Redact, Redactions)
}

// Apply takes out of a trace what the policy keeps nothing of. An unknown policy keeps the least.
func (p TracePolicy) Apply(t *Trace) {
	switch p.Redact {
	case RedactNone:
	case RedactAddresses:
		t.Email = ""
		t.Detail, t.Observed, t.Expected, t.Message = hideAddresses(t.Detail), hideAddresses(t.Observed), hideAddresses(t.Expected), hideAddresses(t.Message)
		t.Steps = redactedSteps(t.Steps, hideAddresses)
	default:
		t.Email, t.UserID = "", ""
		t.TraceDetail = TraceDetail{Steps: redactedSteps(t.Steps, func(string) string { return "" })}
	}
}

func redactedSteps(steps []TraceStep, redact func(string) string) []TraceStep {
	out := slices.Clone(steps)
	for i := range out {
		out[i].Detail = redact(out[i].Detail)
	}
	return out
}

// addressRE finds the part before the @ of what may be an address, in text, XML, JSON and URLs.
var addressRE = regexp.MustCompile(`[^\s"'<>()\[\],;:=&?/|@…]+(@|%40)`)

// hideAddresses leaves of each address its domain, which says whose console to look in.
func hideAddresses(s string) string { return addressRE.ReplaceAllString(s, "…$1") }

// Hits are what a search over everything found, a few of each kind.
type Hits struct {
	Realms      []RealmHit      `json:"realms"`
	Connections []ConnectionHit `json:"connections"`
	Domains     []DomainHit     `json:"domains"`
	People      []PersonHit     `json:"people"`
	Clients     []ClientHit     `json:"clients"`
	Logins      []LoginHit      `json:"logins"`
}

// RealmHit is a realm that was found.
type RealmHit struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
}

// ConnectionHit is a connection that was found.
type ConnectionHit struct {
	Realm       string `json:"realm"`
	Slug        string `json:"slug"`
	DisplayName string `json:"display_name"`
	Protocol    string `json:"protocol"`
	Preset      string `json:"preset"`
}

// DomainHit is a domain that was found.
type DomainHit struct {
	Realm    string `json:"realm"`
	Domain   string `json:"domain"`
	Verified bool   `json:"verified"`
}

// PersonHit is a person who was found.
type PersonHit struct {
	Realm string `json:"realm"`
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

// ClientHit is a client that was found.
type ClientHit struct {
	Realm       string `json:"realm"`
	ClientID    string `json:"client_id"`
	DisplayName string `json:"display_name"`
}

// LoginHit is a login that was found.
type LoginHit struct {
	Realm      string    `json:"realm"`
	Ref        string    `json:"ref"`
	At         time.Time `json:"at"`
	Connection string    `json:"connection,omitempty"`
	Outcome    string    `json:"outcome"`
	Code       string    `json:"code,omitempty"`
}

// The nightly check of a connection comes once a night, at the connection's own moment of it, so that they are spread, and
// not within 20 hours of another check.
const (
	nightBegins = time.Hour // UTC
	nightLasts  = 4 * time.Hour
	checkRests  = 20 * time.Hour
)

// NextCheck is when a connection is checked next by night, after a check (or its making) at a time.
func NextCheck(slug string, after time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(slug))
	moment := nightBegins + time.Duration(h.Sum32())*time.Second%nightLasts
	earliest := after.UTC().Add(checkRests)
	at := earliest.Truncate(24 * time.Hour).Add(moment)
	if at.Before(earliest) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}
