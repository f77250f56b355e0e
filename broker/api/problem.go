package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Problem is an error answer (RFC 9457).
type Problem struct {
	Type     string              `json:"type" doc:"Address of the handbook's page on this fault"`
	Title    string              `json:"title" doc:"What happened, one sentence, always the same for a code"`
	Status   int                 `json:"status"`
	Code     string              `json:"code" doc:"Stable code of the fault"`
	Detail   string              `json:"detail" doc:"What happened this time"`
	Fix      string              `json:"fix" doc:"What to do about it"`
	Observed string              `json:"observed,omitempty"`
	Expected string              `json:"expected,omitempty"`
	Errors   []broker.FieldError `json:"errors,omitempty" doc:"Every bad field, by JSON pointer"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is what huma asks an error for, as GetHeaders and ContentType are.
func (p *Problem) GetStatus() int { return p.Status }

func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="cloakroom admin API"`)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(int(banFor.Seconds())))
	}
	return h
}

func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problemOf is an error as its answer. What is not a fault stays in the log.
func problemOf(err error) *Problem {
	f := fault.As(err)
	e := fault.Lookup(f.Code)
	p := &Problem{
		Type: "/help/faults/" + string(f.Code), Title: e.Cause, Status: e.Status, Code: string(f.Code),
		Detail: f.Detail, Fix: e.Fix, Observed: f.Observed, Expected: f.Expected,
	}
	var fields broker.FieldErrors
	if errors.As(err, &fields) {
		p.Errors = fields
	}
	if p.Detail == "" || e.Status >= 500 {
		p.Detail = e.Cause
	}
	if f.Fix != "" {
		p.Fix = f.Fix
	}
	return p
}

// problem logs what is our own fault and answers what is to be sent.
func (a *API) problem(c huma.Context, err error) *Problem {
	p := problemOf(err)
	if p.Status >= 500 {
		a.Log.ErrorContext(c.Context(), "admin API", "code", p.Code, "operation", c.Operation().OperationID, "error", err)
	}
	return p
}

// refuse answers a problem from a middleware.
func (a *API) refuse(c huma.Context, err error) {
	p := a.problem(c, err)
	for k, v := range p.GetHeaders() {
		c.SetHeader(k, v[0])
	}
	c.SetHeader("Content-Type", "application/problem+json")
	c.SetStatus(p.Status)
	_ = json.NewEncoder(c.BodyWriter()).Encode(p) // the caller went away
}

// ours turns the errors that huma itself finds (a limit that is no number) into problems.
func (a *API) ours(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := fault.Lookup(fault.Invalid)
	p := &Problem{Type: "/help/faults/" + string(fault.Invalid), Title: e.Cause, Status: m.Status, Code: string(fault.Invalid), Detail: m.Detail, Fix: e.Fix}
	for _, d := range m.Errors {
		_, name, _ := strings.Cut(d.Location, ".")
		p.Errors = append(p.Errors, broker.FieldError{Pointer: "/" + name, Detail: d.Message})
	}
	if m.Status >= 500 {
		e = fault.Lookup(fault.Internal)
		p.Code, p.Title, p.Fix, p.Detail, p.Errors = string(fault.Internal), e.Cause, e.Fix, e.Cause, nil
	}
	return p, nil
}
