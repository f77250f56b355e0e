package admin

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// KeyTurns is where is kept how far the turn-over of our keys at connections is.
type KeyTurns interface {
	// Turns answers one connection's, or those of some realms (nil: all), by slug.
	Turns(ctx context.Context, realms []string, slug string, p broker.Page) ([]*broker.KeyTurn, string, error)
	// Hold keeps a key what it is; a nil hold lets go.
	Hold(ctx context.Context, owner string, h *broker.KeyHold) error
}

// KeyTurn is how far the turn-over of our key at a connection is.
type KeyTurn struct {
	*broker.KeyTurn
	Ready bool `json:"ready" doc:"A program has read our metadata with the next key in it, which most likely is the identity provider but can be anybody's, and nobody holds it back"`
}

// ListKeyTurns answers how far the turn-over of our keys is at the connections of a realm, or of all that the actor sees
// (realm ""): which key is used, which is published beside it, and whether their identity provider has read it.
func (s *Service) ListKeyTurns(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*KeyTurn], error) {
	realms := a.visible()
	if realm != "" {
		if _, err := s.enter(ctx, a, realm, toRead); err != nil {
			return Page[*KeyTurn]{}, err
		}
		realms = []string{realm}
	} else if err := a.allow(toRead); err != nil {
		return Page[*KeyTurn]{}, err
	}
	found, next, err := s.KeyTurns.Turns(ctx, realms, "", p)
	out := make([]*KeyTurn, len(found))
	for i, k := range found {
		out[i] = &KeyTurn{k, k.Ready()}
	}
	return page(out, next, err)
}

// GetKeyTurn answers that of one connection.
func (s *Service) GetKeyTurn(ctx context.Context, a Actor, realm, slug string) (*KeyTurn, error) {
	if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
		return nil, err
	}
	found, _, err := s.KeyTurns.Turns(ctx, []string{realm}, slug, broker.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 { // no key of ours was needed there yet
		found = append(found, &broker.KeyTurn{Realm: realm, Connection: slug})
	}
	return &KeyTurn{found[0], found[0].Ready()}, nil
}

// RollOver is which connections' keys are turned over.
type RollOver struct {
	Realm string `json:"realm,omitempty" doc:"Only this realm's connections; left out: all that you see"`
	// DryRun says what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// RolledOver is what a roll-over did.
type RolledOver struct {
	Turned  []string `json:"turned" doc:"Slugs of the connections whose next key is the active one now"`
	Waiting []string `json:"waiting" doc:"Nobody has read our metadata with the next key in it"`
	ByHand  []string `json:"by_hand" doc:"Only a person's browser has read it: ask whether the certificate was handed over, then turn this one over by itself"`
	Held    []string `json:"held"`
}

// RollOverKeys makes the next key the active one at every connection whose identity provider has read it and that nobody
// holds back. The former keys stay published for 90 days, decrypt, and can be gone back to.
func (s *Service) RollOverKeys(ctx context.Context, a Actor, body []byte) (*RolledOver, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var r RollOver
	if err := decode(doc, &r); err != nil {
		return nil, err
	}
	if err := a.allow(toOwn); err != nil {
		return nil, err
	}
	out := &RolledOver{Turned: []string{}, Waiting: []string{}, ByHand: []string{}, Held: []string{}}
	list := func(p broker.Page) ([]*KeyTurn, string, error) {
		found, err := s.ListKeyTurns(ctx, a, r.Realm, p)
		return found.Items, found.Next, err
	}
	return out, each(list, func(k *KeyTurn) error { return s.rollOver(ctx, a, k, r.DryRun, out) })
}

func (s *Service) rollOver(ctx context.Context, a Actor, k *KeyTurn, dry bool, out *RolledOver) error {
	switch {
	case k.Held != nil:
		out.Held = append(out.Held, k.Connection)
	case s.closed(ctx, a, k.Realm):
		out.Held = append(out.Held, k.Connection)
	case k.Fetched == nil:
		out.Waiting = append(out.Waiting, k.Connection)
	case k.Fetched.ByHand:
		out.ByHand = append(out.ByHand, k.Connection)
	case dry:
		out.Turned = append(out.Turned, k.Connection)
	default:
		if _, err := s.turnConnection(ctx, a, k.Realm, k.Connection); err != nil {
			return err
		}
		out.Turned = append(out.Turned, k.Connection)
	}
	return nil
}

// closed says that the actor may look into a realm and change nothing there: operators sign in through it.
func (s *Service) closed(ctx context.Context, a Actor, realm string) bool {
	_, err := s.enter(ctx, a, realm, toOwn)
	return fault.CodeOf(err) == fault.Forbidden
}

// turnConnection makes a connection's next key the active one.
func (s *Service) turnConnection(ctx context.Context, a Actor, realm, slug string) (*Key, error) {
	owner := "connection:" + slug
	k, err := s.Keys.Rotate(ctx, owner, "RS256")
	if err != nil {
		return nil, err
	}
	return keyView(k), s.record(ctx, a, change{kind: "key.rotated", realm: realm, subject: "key:" + k.ID, detail: owner, after: keyView(k)})
}

// KeyHolding holds a connection's key back, or lets it go.
type KeyHolding struct {
	Hold   bool   `json:"hold"`
	Reason string `json:"reason,omitempty"`
}

// HoldKey keeps our key at a connection what it is when keys are turned over, or no longer so.
func (s *Service) HoldKey(ctx context.Context, a Actor, realm, slug string, body []byte) (*KeyTurn, error) {
	if _, err := s.connection(ctx, a, realm, slug, toSupport); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var h KeyHolding
	if err := decode(doc, &h); err != nil {
		return nil, err
	}
	var p problems
	text(&p, "/reason", h.Reason, 400)
	if h.Hold && strings.TrimSpace(h.Reason) == "" {
		p.add("/reason", "says why, for whoever turns the keys over")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	var hold *broker.KeyHold
	kind := "key.released"
	if h.Hold {
		hold, kind = &broker.KeyHold{At: s.Now(), By: a.Name, Reason: h.Reason}, "key.held"
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.KeyTurns.Hold(ctx, "connection:"+slug, hold); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: kind, realm: realm, subject: "connection:" + slug, detail: h.Reason})
	})
	if err != nil {
		return nil, err
	}
	return s.GetKeyTurn(ctx, a, realm, slug)
}

// RollBackKey goes back to the key that our side of a connection used before, as long as it is still published. The one
// that it takes the place of stays published and can be turned to again.
func (s *Service) RollBackKey(ctx context.Context, a Actor, realm, slug string) (*KeyTurn, error) {
	if _, err := s.connection(ctx, a, realm, slug, toOwn); err != nil {
		return nil, err
	}
	k, err := s.GetKeyTurn(ctx, a, realm, slug)
	if err != nil {
		return nil, err
	}
	if k.Former == "" {
		return nil, fault.New(fault.KeyNoFormer, "connection %s", slug)
	}
	if err := s.Keys.GoBack(ctx, "connection:"+slug, "RS256", k.Former); err != nil {
		return nil, err
	}
	if err := s.record(ctx, a, change{kind: "key.rolled_back", realm: realm, subject: "connection:" + slug, detail: k.ActiveKID + " to " + k.Former}); err != nil {
		return nil, err
	}
	return s.GetKeyTurn(ctx, a, realm, slug)
}
