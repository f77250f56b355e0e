package admin

import (
	"context"
	"encoding/json"

	"cloakroom/broker"
)

// Event is a line of the ledger with its documents as JSON.
type Event struct {
	broker.Event
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	broker.Meta
}

// ListEvents answers the ledger, newest first: a realm's, or with no realm the whole installation's.
func (s *Service) ListEvents(ctx context.Context, a Actor, f EventFilter, p broker.Page) (Page[*Event], error) {
	if f.Realm == "" {
		if err := a.installation(toRead); err != nil {
			return Page[*Event]{}, err
		}
	} else if _, err := s.enter(ctx, a, f.Realm, toRead); err != nil {
		return Page[*Event]{}, err
	}
	items, next, err := s.FindEvents(ctx, f, p)
	views := make([]*Event, 0, len(items))
	for _, e := range items {
		views = append(views, &Event{Event: e, Before: e.Before, After: e.After, Meta: broker.Meta{CreatedAt: e.At, UpdatedAt: e.At, Version: 1}})
	}
	return page(views, next, err)
}
