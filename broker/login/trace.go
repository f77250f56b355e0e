package login

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Tracer keeps what became of logins, without making them wait.
type Tracer interface{ Log(t broker.Trace) }

// trail is a login's steps, collected while it is worked on. It travels in the context, so that whatever ends the login
// finds it; a login that is never answered leaves none.
type trail struct {
	engine  *Engine
	steps   []broker.TraceStep
	email   string
	message string
}

type trailKey struct{}

func trailOf(ctx context.Context) *trail {
	t, _ := ctx.Value(trailKey{}).(*trail)
	return t
}

// tracing begins a trail with an answer that arrived. l is nil where the answer came without the browser's cookie.
func (e *Engine) tracing(ctx context.Context, l *broker.Login, h Handle) context.Context {
	t := &trail{engine: e}
	ctx = context.WithValue(ctx, trailKey{}, t)
	if !h.Issued.IsZero() {
		t.steps = append(t.steps, broker.TraceStep{At: h.Issued, Step: "sent upstream"})
	}
	begun(ctx, l)
	passed(ctx, "answer received", "")
	return ctx
}

// retracing goes on with a trail that was parked together with its answer.
func (e *Engine) retracing(ctx context.Context, steps []broker.TraceStep) context.Context {
	return context.WithValue(ctx, trailKey{}, &trail{engine: e, steps: steps})
}

// begun puts the login's beginning, which its cookie tells, in front of the trail.
func begun(ctx context.Context, l *broker.Login) {
	if t := trailOf(ctx); t != nil && l != nil {
		t.steps = append([]broker.TraceStep{{At: l.Begun, Step: "begun", Detail: l.Protocol}}, t.steps...)
	}
}

// passed adds a step.
func passed(ctx context.Context, step, detail string) {
	if t := trailOf(ctx); t != nil {
		t.steps = append(t.steps, broker.TraceStep{At: t.engine.Now(), Step: step, Detail: detail})
	}
}

// knows notes whose login it is, as soon as that is known.
func knows(ctx context.Context, email string) {
	if t := trailOf(ctx); t != nil {
		t.email = email
	}
}

// heard keeps the message that was refused, without what could be used again.
func heard(ctx context.Context, conn *registry.Connection, reply providers.Reply) {
	t := trailOf(ctx)
	if t == nil || t.engine.Traces == nil {
		return
	}
	if x, ok := conn.Provider.(providers.Explainer); ok {
		t.message = x.Transcript(reply)
	}
}

func stepsOf(ctx context.Context) []broker.TraceStep {
	if t := trailOf(ctx); t != nil {
		return t.steps
	}
	return nil
}

// traced keeps a finished attempt.
func (e *Engine) traced(ctx context.Context, v broker.Trace) {
	if e.Traces == nil || v.Realm == "" {
		return
	}
	if t := trailOf(ctx); t != nil {
		v.Steps, v.Message = t.steps, t.message
		if v.Email == "" {
			v.Email = t.email
		}
	}
	if v.Outcome == "succeeded" {
		v.Message = ""
	}
	v.At = e.Now()
	e.Traces.Log(v)
}

// noted is a failure that the traces know of already.
type noted struct{ error }

func (n *noted) Unwrap() error { return n.error }

// tracedFailure keeps a failed attempt and marks its error as known.
func (e *Engine) tracedFailure(ctx context.Context, ev broker.Event, f *fault.Error, err error) error {
	if e.Traces == nil || ev.Ref == "" {
		return err
	}
	passed(ctx, "failed", string(f.Code))
	e.traced(ctx, broker.Trace{
		Realm: ev.Realm, Ref: ev.Ref, Connection: ev.Connection, Client: ev.Client, Outcome: "failed", Code: string(f.Code),
		TraceDetail: broker.TraceDetail{Detail: f.Error(), Observed: f.Observed, Expected: f.Expected},
	})
	return &noted{err}
}

// Refused is told of every error page that shows a login's reference, so that the reference finds something whatever
// ended the login.
func (e *Engine) Refused(ctx context.Context, l *broker.Login, err error) {
	var known *noted
	if e.Traces == nil || l == nil || errors.As(err, &known) {
		return
	}
	f := fault.As(err)
	t := broker.Trace{
		Realm: l.Realm, Ref: l.Ref(), Client: l.ClientID, Outcome: "failed", Code: string(f.Code),
		TraceDetail: broker.TraceDetail{Detail: f.Error(), Observed: f.Observed, Expected: f.Expected},
	}
	if c, cerr := e.Config.Connection(ctx, l.IdPHint); l.IdPHint != "" && cerr == nil && c.Realm == l.Realm {
		t.Connection = c.Slug
	}
	ctx = context.WithValue(ctx, trailKey{}, &trail{engine: e})
	if !l.Begun.IsZero() {
		begun(ctx, l)
	}
	passed(ctx, "failed", string(f.Code))
	e.traced(ctx, t)
}
