package admin

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
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
