package admin

import (
	"context"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Outages answers the name of a connection's vendor if several of its customers' connections fail right now, "" otherwise;
// outage.Watch does. Whose they are is nobody's business.
type Outages interface {
	Vendor(ctx context.Context, c *broker.Connection) string
}

// Outage puts a vendor's trouble in front of the findings, where one of them is a trouble that passes: those are no errors
// of the connection then.
func Outage(ctx context.Context, o Outages, c *broker.Connection, findings []Finding) []Finding {
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Severity != "ok" && fault.Passing(fault.Code(f.Code)) })
	if o == nil || i < 0 {
		return findings
	}
	vendor := o.Vendor(ctx, c)
	if vendor == "" {
		return findings
	}
	out := FindingOf(&fault.Error{
		Code: fault.IdPOutage, Confidence: fault.Likely, Detail: "other connections to it fail at the same time",
		Alternatives: []fault.Alternative{{Code: fault.Code(findings[i].Code), Question: "Does the vendor's status page report nothing, and does the sign-in still fail in an hour? Then it is this connection."}},
	}, "error")
	out.Cause = vendor + " has problems right now; nothing is wrong with your settings."
	out.Observed = findings[i].Detail
	rest := slices.Clone(findings)
	for j := range rest {
		if fault.Passing(fault.Code(rest[j].Code)) && rest[j].Severity == "error" {
			rest[j].Severity = "warning"
		}
	}
	return append([]Finding{out}, rest...)
}

// outage looks at a preflight's findings.
func (s *Service) outage(ctx context.Context, r *Report, c *broker.Connection) {
	found := Outage(ctx, s.Outages, c, r.Findings)
	if len(found) > len(r.Findings) {
		r.Findings, r.Status = found, "error"
	}
}
