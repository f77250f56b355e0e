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

// ListEvents answers the whole installation's ledger, newest first.
func (s *Service) ListEvents(ctx context.Context, a Actor, f EventFilter, p broker.Page) (Page[*Event], error) {
	if err := a.installation(toRead); err != nil {
		return Page[*Event]{}, err
	}
	return s.events(ctx, f, p)
}

// ListRealmEvents answers a realm's ledger, newest first.
func (s *Service) ListRealmEvents(ctx context.Context, a Actor, realm string, f EventFilter, p broker.Page) (Page[*Event], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*Event]{}, err
	}
	f.Realm = realm
	return s.events(ctx, f, p)
}

func (s *Service) events(ctx context.Context, f EventFilter, p broker.Page) (Page[*Event], error) {
	items, next, err := s.FindEvents(ctx, f, p)
	views := make([]*Event, 0, len(items))
	for _, e := range items {
		views = append(views, eventView(e))
	}
	return page(views, next, err)
}

func eventView(e broker.Event) *Event {
	return &Event{Event: e, Before: e.Before, After: e.After, Meta: broker.Meta{CreatedAt: e.At, UpdatedAt: e.At, Version: 1}}
}
