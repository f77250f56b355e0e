package admin

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Checks is where the reports of preflights are kept.
type Checks interface {
	// Keep stores a report, in ctx's transaction, and answers the connection's run before it, nil for none.
	Keep(ctx context.Context, run *broker.CheckRun, next time.Time) (before *broker.CheckRun, err error)
	List(ctx context.Context, realm, slug string, p broker.Page) ([]*broker.CheckRun, string, error)
	// Due takes up to n enabled connections whose nightly check is due; until the given time nobody else gets them.
	Due(ctx context.Context, n int, until time.Time) ([]*broker.Connection, error)
}

// CheckReport is a preflight that was made.
type CheckReport struct {
	*broker.CheckRun
	Report Report `json:"report"`
}

// ListChecks answers a connection's last preflights, the newest first.
func (s *Service) ListChecks(ctx context.Context, a Actor, realm, slug string, p broker.Page) (Page[*CheckReport], error) {
	if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
		return Page[*CheckReport]{}, err
	}
	runs, next, err := s.Checks.List(ctx, realm, slug, p)
	if err != nil {
		return Page[*CheckReport]{}, err
	}
	out := make([]*CheckReport, len(runs))
	for i, run := range runs {
		out[i] = &CheckReport{CheckRun: run}
		if err := json.Unmarshal(run.Report, &out[i].Report); err != nil {
			return Page[*CheckReport]{}, fault.Wrap(fault.Internal, err, "report of check %s", run.ID)
		}
	}
	return page(out, next, nil)
}

// Nightly is who the log names where no person asked for a check.
const Nightly = "nightly"

// checkLimit is how long a check may take.
const checkLimit = time.Minute

// CheckConnection is the preflight: what can be known without a person signing in. Its report is kept.
func (s *Service) CheckConnection(ctx context.Context, a Actor, realm, slug string) (Report, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return Report{}, err
	}
	return s.checked(ctx, c, a.Name)
}

// checked makes a preflight and keeps its report.
func (s *Service) checked(ctx context.Context, c *broker.Connection, by string) (Report, error) {
	r := Report{Status: "ok", Findings: []Finding{}, Checks: []Check{}}
	if err := s.checkTrust(ctx, &r, c); err != nil {
		return Report{}, err
	}
	if err := s.checkDocuments(ctx, &r, c); err != nil {
		return Report{}, err
	}
	if err := s.checkDirectory(ctx, &r, c); err != nil {
		return Report{}, err
	}
	limited, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	if by == Nightly {
		var err error
		if limited, err = s.sparing(limited, c); err != nil {
			return Report{}, err
		}
	}
	s.preflight(limited, &r, c)
	if ctx.Err() != nil {
		return Report{}, ctx.Err() // a report of what was not looked at is none
	}
	s.outage(ctx, &r, c)
	return r, s.keepReport(ctx, c, r, by)
}

// sparing keeps a check that nobody asked for from trying an account's password again that was refused at the last one, if
// the connection is still the same: each attempt counts towards the account's lock-out.
func (s *Service) sparing(ctx context.Context, c *broker.Connection) (context.Context, error) {
	runs, _, err := s.Checks.List(ctx, c.Realm, c.Slug, broker.Page{Limit: 1})
	if err != nil || len(runs) == 0 || c.UpdatedAt.After(runs[0].At) {
		return ctx, err
	}
	for _, code := range runs[0].Errors {
		if fault.BindRefused(fault.Code(code)) {
			return providers.Sparing(ctx, fault.Code(code)), nil
		}
	}
	return ctx, nil
}

// keepReport stores a report and tells, by an event, of errors that the check before did not find, and of their end.
func (s *Service) keepReport(ctx context.Context, c *broker.Connection, r Report, by string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "report of %s", c.Slug)
	}
	now := s.Now()
	run := broker.CheckRun{Realm: c.Realm, Connection: c.Slug, At: now, By: by, Status: r.Status, Findings: int64(len(r.Findings)), Errors: r.errors(), Report: b}
	return s.Tx(ctx, func(ctx context.Context) error {
		kept := run
		before, err := s.Checks.Keep(ctx, &kept, broker.NextCheck(c.Slug, now))
		if err != nil {
			return err
		}
		kind, detail := turn(before, &kept)
		if kind == "" {
			return nil
		}
		return s.Events.Append(ctx, broker.Event{
			At: now, Realm: c.Realm, Kind: kind, Actor: by, Subject: "connection:" + c.Slug, Connection: c.Slug, Detail: detail,
		})
	})
}

// errors are the codes of the findings that are errors, each once.
func (r *Report) errors() []string {
	out := []string{}
	for _, f := range r.Findings {
		if f.Severity == "error" && !slices.Contains(out, f.Code) {
			out = append(out, f.Code)
		}
	}
	return out
}

// turn is the kind of event that a check is after the one before it, "" for none.
func turn(before, now *broker.CheckRun) (kind, detail string) {
	var known []string
	if before != nil {
		known = before.Errors
	}
	fresh := slices.DeleteFunc(slices.Clone(now.Errors), func(code string) bool { return slices.Contains(known, code) })
	switch {
	case len(fresh) > 0:
		return "connection.check_failed", "new: " + strings.Join(fresh, ", ")
	case len(now.Errors) == 0 && len(known) > 0:
		return "connection.check_recovered", "gone: " + strings.Join(known, ", ")
	}
	return "", ""
}
