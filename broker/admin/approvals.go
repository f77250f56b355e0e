package admin

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Seats counts a realm's people.
type Seats interface {
	// Free reports whether one of limit seats is free, and keeps it so until the end of ctx's transaction.
	Free(ctx context.Context, realm string, limit int) (bool, error)
	Count(ctx context.Context, realm, standing string) (int, error)
}

// SeatCount is how a realm's seats stand.
type SeatCount struct {
	Limit   int `json:"limit" doc:"0: any number"`
	Taken   int `json:"taken"`
	Held    int `json:"held" doc:"People who wait for a seat"`
	Pending int `json:"pending" doc:"People who wait for approval"`
}

// CountSeats answers how a realm's seats stand.
func (s *Service) CountSeats(ctx context.Context, a Actor, realm string) (SeatCount, error) {
	r, err := s.enter(ctx, a, realm, toRead)
	if err != nil {
		return SeatCount{}, err
	}
	c := SeatCount{Limit: r.SeatLimit}
	for standing, n := range map[string]*int{broker.StatusActive: &c.Taken, broker.StatusHeld: &c.Held, broker.StatusPending: &c.Pending} {
		if *n, err = s.Seats.Count(ctx, realm, standing); err != nil {
			return SeatCount{}, err
		}
	}
	return c, nil
}

// ApproveUser lets a person in who waits for approval, and tells them by mail. Where no seat is free they wait for one,
// and come in by themselves once there is.
func (s *Service) ApproveUser(ctx context.Context, a Actor, realm, id string) (*broker.User, error) {
	return attempt(nil, func() (*broker.User, error) {
		old, err := s.user(ctx, a, realm, id, toSupport)
		if err != nil {
			return nil, err
		}
		if old.Status != broker.StatusPending || old.Blocked {
			return nil, fault.New(fault.NotWaiting, "user %s", id)
		}
		r, err := s.Realms.Get(ctx, realm)
		if err != nil {
			return nil, err
		}
		var u broker.User
		return &u, s.Tx(ctx, func(ctx context.Context) error {
			u = *old
			return s.approve(ctx, a, r, old, &u)
		})
	})
}

func (s *Service) approve(ctx context.Context, a Actor, r *broker.Realm, old, u *broker.User) error {
	u.Status = broker.StatusActive
	if r.SeatLimit > 0 {
		free, err := s.Seats.Free(ctx, r.Name, r.SeatLimit)
		if err != nil {
			return err
		}
		if !free {
			u.Status = broker.StatusHeld
		}
	}
	if err := s.Users.Update(ctx, u); err != nil {
		return err
	}
	if err := s.record(ctx, a, change{kind: "user.approved", realm: r.Name, subject: "user:" + u.ID, before: old, after: u}); err != nil {
		return err
	}
	if u.Status != broker.StatusActive || s.Letters == nil || u.Email == "" {
		return nil
	}
	app, url := s.appOf(ctx, r)
	return s.Letters.ApprovalGranted(ctx, r, u, app, url)
}

// appOf is where a mail sends the people of a realm.
func (s *Service) appOf(ctx context.Context, r *broker.Realm) (name, url string) {
	name, url = r.DisplayName, s.BaseURL+"/login"
	if r.DefaultClientID == "" {
		return name, url
	}
	c, err := s.Clients.Get(ctx, r.Name, r.DefaultClientID)
	if err != nil {
		return name, url
	}
	if home := c.Home(); home != "" {
		url = home
	}
	return c.DisplayName, url
}

// Rejection is what becomes of a person who is not let in.
type Rejection struct {
	Delete bool `json:"delete" doc:"Forget the person, who may then come again and wait again; left out, the person is blocked"`
}

// RejectUser keeps a person out who waits: blocked, or forgotten.
func (s *Service) RejectUser(ctx context.Context, a Actor, realm, id string, body []byte) error {
	var sent Rejection
	if len(strings.TrimSpace(string(body))) > 0 {
		doc, err := parseObjectDoc(body)
		if err != nil {
			return err
		}
		if err := decode(doc, &sent); err != nil {
			return err
		}
	}
	_, err := attempt(nil, func() (*broker.User, error) { return nil, s.reject(ctx, a, realm, id, sent) })
	return err
}

func (s *Service) reject(ctx context.Context, a Actor, realm, id string, sent Rejection) error {
	old, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	if old.Status != broker.StatusPending && old.Status != broker.StatusHeld {
		return fault.New(fault.NotWaiting, "user %s", id)
	}
	c := change{kind: "user.rejected", realm: realm, subject: "user:" + id, before: old}
	if sent.Delete {
		return s.remove(ctx, a, c, func(ctx context.Context) error { return s.Users.Delete(ctx, realm, id) })
	}
	u := *old
	u.Blocked = true
	c.after = &u
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Users.Update(ctx, &u); err != nil {
			return err
		}
		return s.record(ctx, a, c)
	})
}
