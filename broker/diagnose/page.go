package diagnose

import (
	"context"
	"encoding/json"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// paged is what was read off a page, as it is kept with a test.
type paged struct {
	Seen     admin.PageSeen  `json:"seen"`
	Findings []admin.Finding `json:"findings"`
}

// read reads a page. Where it says nothing that we know, what is likely of this connection is all there is to say, besides
// the page's own words.
func (x *Examiner) read(c *broker.Connection, text string, r record) paged {
	reading := fault.ReadPageFor(c.Preset, c.Protocol, text)
	out := paged{Seen: admin.PageSeen{Codes: reading.Codes, Trace: reading.Trace}}
	if out.Seen.Codes == nil {
		out.Seen.Codes = []string{}
	}
	for i, f := range reading.Faults {
		severity := "error"
		if i > 0 { // what it may be as well, or besides
			severity = "warning"
		}
		out.Findings = append(out.Findings, x.finding(c, f, severity))
	}
	if len(out.Findings) == 0 {
		two, _ := suspect(c, r, x.Now())
		unknown := x.finding(c, &fault.Error{Code: fault.IdPPage, Detail: "the page holds no code or sentence that we know", Confidence: fault.Guess}, "error")
		unknown.Alternatives = []admin.Alternative{asks(two[0]), asks(two[1])}
		out.Findings = []admin.Finding{unknown}
	}
	return out
}

// Pasted reads what the provider's page said where a test login ended without an answer, and keeps it with the test.
func (x *Examiner) Pasted(ctx context.Context, c *broker.Connection, ref, text string) (*admin.Diagnosed, error) {
	t, err := x.Tests.ByRef(ctx, c.Realm, c.Slug, ref)
	if err != nil {
		return nil, err
	}
	return x.pasted(ctx, c, t, text)
}

func (x *Examiner) pasted(ctx context.Context, c *broker.Connection, t *broker.TestLogin, text string) (*admin.Diagnosed, error) {
	b, err := json.Marshal(x.read(c, text, x.recordOf(ctx, c)))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "page of test %s", t.Ref)
	}
	now := x.Now()
	kept, err := x.Tests.Page(ctx, t.ID, b, now)
	switch {
	case err != nil:
		return nil, err
	case !kept:
		return nil, fault.New(fault.TestAnswered, "test %s", t.Ref)
	}
	t.Page, t.PageAt = b, now
	return x.standing(ctx, t, c)
}

// byPage is the report of a test whose page was read.
func (x *Examiner) byPage(ctx context.Context, t *broker.TestLogin, c *broker.Connection) (*admin.Diagnosed, error) {
	var p paged
	if err := json.Unmarshal(t.Page, &p); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "page of test %s", t.Ref)
	}
	d := x.unfinished(t, c, "failed")
	x.conclude(d, p, x.recordOf(ctx, c))
	return d, nil
}

// conclude puts a page's reading into a report.
func (x *Examiner) conclude(d *admin.Diagnosed, p paged, r record) {
	d.Status, d.Findings, d.Page = "failed", p.Findings, &p.Seen
	d.Diagnosis = &d.Findings[0]
	x.remember(r, d)
	d.ForTheirIT = x.Letter(d, "en")
}

// explainPage examines a page that somebody brings without a test.
func (x *Examiner) explainPage(ctx context.Context, c *broker.Connection, text string) *admin.Diagnosed {
	d, r := admin.NewDiagnosed(c, "", "failed"), x.recordOf(ctx, c)
	x.conclude(d, x.read(c, text, r), r)
	d.Checks = append(d.Checks, admin.Check{Name: "page", Status: "failed", Detail: d.Diagnosis.Detail})
	return d
}
