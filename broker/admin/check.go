package admin

import (
	"context"
	"errors"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Finding is one result of a diagnosis, wherever it appears (contract, section 4).
type Finding struct {
	Code         string        `json:"code"`
	Severity     string        `json:"severity"` // error, warning
	Side         string        `json:"side"`
	Confidence   string        `json:"confidence"`
	Cause        string        `json:"cause"`
	Fix          string        `json:"fix"`
	Labels       []string      `json:"labels"`
	Detail       string        `json:"detail,omitempty"`
	Observed     string        `json:"observed"`
	Expected     string        `json:"expected"`
	Help         string        `json:"help"`
	Alternatives []Alternative `json:"alternatives"`
	// Difference marks in what observed differs from expected, where it is little.
	Difference []Part `json:"difference,omitempty"`
	// Said is what the texts are made of where they hold values: pages say them in other languages.
	Said fault.Said `json:"said,omitempty"`
}

// Part is a stretch of a marked difference: in "both", or only in what was "observed" or "expected".
type Part struct {
	Text string `json:"text"`
	In   string `json:"in" enum:"both,observed,expected"`
}

// Alternative is another fault that would look the same, with the question that tells them apart.
type Alternative struct {
	Code     string `json:"code"`
	Question string `json:"question"`
}

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // passed, failed, not_reached
	Detail string `json:"detail"`
}

// Report is what a preflight found.
type Report struct {
	Status   string    `json:"status"` // ok, warning, error
	Findings []Finding `json:"findings"`
	Checks   []Check   `json:"checks"`
}

// FindingOf is a fault with what the catalogue knows of it.
func FindingOf(err error, severity string) Finding {
	f := fault.As(err)
	e := fault.Lookup(f.Code)
	out := Finding{
		Code: string(f.Code), Severity: severity, Side: string(e.Side), Confidence: string(f.Confidence), Cause: e.Cause, Fix: e.Fix,
		Labels: f.Labels, Detail: f.Detail, Observed: f.Observed, Expected: f.Expected,
		Help: "/help/faults/" + string(f.Code), Alternatives: []Alternative{}, Said: f.Said,
	}
	if f.Fix != "" {
		out.Fix = f.Fix
	}
	if out.Confidence == "" {
		out.Confidence = string(fault.Proved)
	}
	if out.Labels == nil {
		out.Labels = []string{}
	}
	others := f.Alternatives
	if len(others) == 0 && out.Confidence != string(fault.Proved) {
		others = fault.Doubts(f.Code)
	}
	for _, a := range others {
		out.Alternatives = append(out.Alternatives, Alternative{Code: string(a.Code), Question: a.Question})
	}
	return out
}

func (r *Report) add(err error, severity string) {
	r.Findings = append(r.Findings, FindingOf(err, severity))
	if severity == "error" || r.Status == "ok" {
		r.Status = severity
	}
}

// checkTrust tells a connection that nobody can sign in through.
func (s *Service) checkTrust(ctx context.Context, r *Report, c *broker.Connection) error {
	if c.EmailTrust == "domains" && len(c.Domains) == 0 {
		r.add(fault.New(fault.ConnectionNoDomain, ""), "warning")
	}
	for _, name := range c.Domains {
		d, err := s.Domains.Get(ctx, c.Realm, name)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return err
		}
		if f := standing(name, d); f != nil {
			r.add(f, "warning")
			continue
		}
		r.Checks = append(r.Checks, Check{"domain", "passed", name})
	}
	return nil
}

// standing is what is wrong with a connection's domain: that it does not count, or soon will not. The claim is nil where
// there is none.
func standing(name string, d *broker.Domain) error {
	f := fault.New(fault.DomainUnverified, "%s", name)
	f.Observed = name
	switch {
	case d != nil && !d.SuspendedAt.IsZero():
		f.Code = fault.DomainSuspended
	case d != nil && d.Verified && d.LostAt.IsZero():
		return nil
	case d != nil && d.Verified:
		f = domain.Unproved(d)
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("the domain is suspended on %s UTC unless the record comes back", domain.SuspendsAt(d).UTC().Format(time.DateTime)))
	}
	return f
}

// preflight asks the provider. It holds no transaction while it fetches.
func (s *Service) preflight(ctx context.Context, r *Report, c *broker.Connection) {
	p, err := s.Open(ctx, c)
	if err != nil {
		r.Checks = append(r.Checks, Check{"settings", "failed", ""})
		r.add(opened(err), "error")
		return
	}
	r.Checks = append(r.Checks, Check{"settings", "passed", ""})
	flight, ok := p.(providers.Preflighter)
	if !ok {
		return
	}
	for _, f := range flight.Preflight(ctx) {
		if f.Err == nil || f.Severity == "ok" {
			r.Checks = append(r.Checks, Check{f.Check, "passed", f.Detail})
			continue
		}
		if f.Severity == "error" {
			r.Checks = append(r.Checks, Check{f.Check, "failed", f.Detail})
		}
		r.add(f.Err, f.Severity)
	}
}

// opened gives an error of Open that carries no diagnosis of its own one.
func opened(err error) error {
	if c := fault.CodeOf(err); c != fault.Internal && c != fault.Invalid {
		return err
	}
	return fault.Wrap(fault.ConnectionUnready, err, "%s", err)
}
