// Package fault is the error that carries its diagnosis: a stable code whose catalogue entry says whose side it is on,
// what caused it and what to click. Every error that can reach a person is, or wraps, a *fault.Error.
package fault

import (
	"errors"
	"fmt"
)

// Side says who can mend a fault (contract, section 4: "side").
type Side string

const (
	Ours    Side = "ours"    // the broker, or those who run it
	IdP     Side = "idp"     // the customer's administrator at the identity provider
	User    Side = "user"    // the person signing in
	Network Side = "network" // what lies between
	App     Side = "app"     // the downstream application
)

// Confidence grades a diagnosis.
type Confidence string

const (
	Proved Confidence = "proved"
	Likely Confidence = "likely"
	Guess  Confidence = "guess"
)

// Code names a fault, e.g. "saml.audience_mismatch". Codes are part of the contract: they keep their meaning.
type Code string

// Entry is what the catalogue knows of a code.
type Entry struct {
	Code Code
	// Status is the HTTP status where this fault ends a request. 5xx is ours alone: what a tenant's identity provider
	// answers is 403, that it does not answer is 424, so that a broken one does not look like an outage of the broker.
	Status int
	Side   Side   // who can mend it
	Cause  string // one sentence for an operator or the customer's administrator
	Fix    string // one or two sentences: what to click
	// Public chooses the sentence an end user reads: the message id "fault.<Public>" of the locale files. It says
	// nothing about the tenant's configuration. One of: retry, expired, stray, idp_refused, idp_misconfigured,
	// not_allowed, no_email, unavailable, ours, app, cookie, too_many, unknown_address, pending, held, link_ask, link_tries,
	// invite_unknown, invite_expired, invite_revoked, invite_used, invite_other_address, invite_other_connection, setup_unknown,
	// setup_expired, password_change.
	Public string
}

// Error is a fault that happened. Detail is for operators: it may quote identifiers, never secrets. Observed and
// Expected are the two values of a comparison, where there was one.
type Error struct {
	Code               Code
	Detail             string
	Observed, Expected string
	Labels             []string // fields of the provider's console that the fix names
	Fix                string   // says the catalogue's fix with this case's own values; "" for the catalogue's
	Said               Said     // what Detail and Fix are made of, where they hold values
	Confidence         Confidence
	// Alternatives are the faults that look just like this one, where what was observed leaves that open.
	Alternatives []Alternative
	Err          error
}

// Alternative is another fault that would look the same, with the question that tells it apart.
type Alternative struct {
	Code     Code
	Question string
}

func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Observed != "" || e.Expected != "" {
		s += fmt.Sprintf(" (observed %q, expected %q)", e.Observed, e.Expected)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is a fault with the same code, so that errors.Is(err, fault.New(code, "")) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// New makes a fault with a formatted detail.
func New(code Code, format string, args ...any) *Error {
	return Wrap(code, nil, format, args...)
}

// Wrap makes a fault around a cause.
func Wrap(code Code, err error, format string, args ...any) *Error {
	return (&Error{Code: code, Err: err}).Telling(format, args...)
}

// Telling gives the fault a detail.
func (e *Error) Telling(format string, args ...any) *Error {
	e.Detail = e.Said.Tell(format, args...)
	return e
}

// Mismatch makes a fault out of two values that should have been equal.
func Mismatch(code Code, observed, expected string) *Error {
	return &Error{Code: code, Observed: observed, Expected: expected}
}

// As returns the first fault in err's chain; an error without one becomes "internal", so that nothing unknown is ever
// shown as known.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Code: Internal, Err: err}
}

// CodeOf is the code of the first fault in err's chain, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return As(err).Code
}

// Lookup finds a code's entry; an unknown code answers the entry of Internal.
func Lookup(c Code) Entry {
	for _, part := range catalogue {
		if e, ok := part[c]; ok {
			e.Code = c
			return e
		}
	}
	e := general[Internal]
	e.Code = c
	return e
}

// Find is Lookup for a code that may not exist.
func Find(c Code) (Entry, bool) {
	for _, part := range catalogue {
		if e, ok := part[c]; ok {
			e.Code = c
			return e, true
		}
	}
	return Entry{}, false
}

// All lists the whole catalogue, unordered.
func All() []Entry {
	var out []Entry
	for _, part := range catalogue {
		for c, e := range part {
			e.Code = c
			out = append(out, e)
		}
	}
	return out
}

// catalogue joins the parts, one file per area.
var catalogue = []map[Code]Entry{general, documentFaults, shadowFaults, loginFaults, emailFaults, samlFaults, oidcFaults, opFaults, fetchFaults, adminFaults, domainFaults, mailFaults, inviteFaults, routingFaults, localFaults, operatorFaults, peopleFaults, calendarFaults, diagnoseFaults, idpFaults, pasteFaults, setupFaults, ldapFaults, scimFaults, scimSigns}
