package login

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Bounds of the watch for outages.
const (
	outagePeople = 3              // different ones, since anybody came in last
	outageLook   = time.Minute    // between two looks at one connection
	outageAgain  = 24 * time.Hour // before the same fault is told anew
	outageKind   = "connection.broken"
)

// outageSeen is what the event says beside the fault.
type outageSeen struct {
	People       int64     `json:"people"`
	Failures     int64     `json:"failures"`
	FailingSince time.Time `json:"failing_since"`
	LastSuccess  time.Time `json:"last_success,omitzero"`
}

// watchOutage notes, as an event that webhooks carry on, that a connection lets nobody in: several people in a row failed at
// their identity provider, the last two of them with one code. A single person's trouble says nothing about a connection.
func (e *Engine) watchOutage(ctx context.Context, conn *broker.Connection, cause *fault.Error) {
	if e.Health == nil || e.Local == nil || !conn.Enabled || fault.Lookup(cause.Code).Side != fault.IdP {
		return
	}
	e.Local.Go(ctx, func(ctx context.Context) {
		if err := e.lookForOutage(ctx, conn, cause); err != nil {
			e.Logger.WarnContext(ctx, "a connection could not be watched", "connection", conn.Slug, "error", err)
		}
	})
}

func (e *Engine) lookForOutage(ctx context.Context, conn *broker.Connection, cause *fault.Error) error {
	now := e.Now()
	slot := now.Truncate(outageLook)
	turn, err := e.Waiting.Once(ctx, "outage look", []providers.Once{{ID: conn.Slug + " " + slot.Format(time.RFC3339), Until: slot.Add(2 * outageLook)}})
	if err != nil || !turn {
		return err
	}
	h, err := e.Health(ctx, conn.Realm, conn.Slug)
	if err != nil || h.PeopleFailing < outagePeople || h.LastFailure == nil || h.LastFailure.Code != string(cause.Code) {
		return err
	}
	first, err := e.Waiting.Once(ctx, outageKind, []providers.Once{{ID: conn.Slug + " " + string(cause.Code), Until: now.Add(outageAgain)}})
	if err != nil || !first {
		return err
	}
	after, err := json.Marshal(outageSeen{h.PeopleFailing, h.Failures, h.FailingSince, h.LastSuccess})
	if err != nil {
		return err
	}
	e.Events.Log(broker.Event{
		At: now, Kind: outageKind, Realm: conn.Realm, Connection: conn.Slug, Subject: "connection:" + conn.Slug, Code: string(cause.Code), Detail: h.Reason, After: after,
	})
	return nil
}
