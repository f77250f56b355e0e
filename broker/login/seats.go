package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Seats counts a realm's people.
type Seats interface {
	// Free reports whether one of limit seats is free, and keeps it so until the end of ctx's transaction.
	Free(ctx context.Context, realm string, limit int) (bool, error)
	Count(ctx context.Context, realm, standing string) (int, error)
}

// Post writes the mails that sign-ins cause. Those to a tenant go to the realm's contacts.
type Post interface {
	// Configured reports whether mails arrive without anybody's help.
	Configured() bool
	ConfirmLink(ctx context.Context, c Confirmation) error
	ApprovalRequested(ctx context.Context, realm *broker.Realm, app string, u *broker.User) error
	SeatLimitReached(ctx context.Context, realm *broker.Realm, u *broker.User, waiting int) error
}

// atomically runs f in one transaction.
func (e *Engine) atomically(ctx context.Context, f func(ctx context.Context) error) error {
	if e.Tx == nil {
		return f(ctx)
	}
	return e.Tx(ctx, f)
}

// seat answers the status that a person gets who is to come in: active, or held where no seat of the realm is free. In a
// transaction, so that of two who want the last seat one gets it.
func (e *Engine) seat(ctx context.Context, home *broker.Realm) (string, error) {
	if home.SeatLimit == 0 {
		return broker.StatusActive, nil
	}
	free, err := e.Seats.Free(ctx, home.Name, home.SeatLimit)
	if err != nil || free {
		return broker.StatusActive, err
	}
	return broker.StatusHeld, nil
}

// barred says what keeps a person out who has a status; nil for the active.
func barred(u *broker.User) error {
	switch {
	case u.Blocked:
		return fault.New(fault.LoginBlocked, "user %s", u.ID)
	case u.Status == broker.StatusPending:
		return fault.New(fault.LoginApproval, "user %s", u.ID)
	case u.Status == broker.StatusHeld:
		return fault.New(fault.LoginSeatsTaken, "user %s", u.ID)
	case u.Status != broker.StatusActive:
		return fault.New(fault.LoginBlocked, "user %s is %s", u.ID, u.Status)
	}
	return nil
}

// enter lets a person in who is known: whoever was held gets a seat if one is free, whoever waits for approval comes in by
// an invitation or once the realm asks for none. An invitation that was brought is used.
func (e *Engine) enter(ctx context.Context, a *arrival, u *broker.User, i *broker.Invite) (*broker.User, error) {
	if i == nil && u.Status == broker.StatusPending {
		var err error
		if i, err = e.standing(ctx, a); err != nil {
			return nil, err
		}
	}
	if i == nil && (u.Status == broker.StatusActive || u.Status == broker.StatusPending && a.home.Approval) || u.Blocked || u.Status == broker.StatusMerged {
		return u, barred(u)
	}
	for try := 0; ; try++ {
		next, err := e.change(ctx, a, u, i)
		if errors.Is(err, broker.ErrConflict) && try < 3 {
			continue // another login of the same person was quicker
		}
		if err != nil {
			return nil, err
		}
		return next, barred(next)
	}
}

// change is one try of enter.
func (e *Engine) change(ctx context.Context, a *arrival, u *broker.User, i *broker.Invite) (*broker.User, error) {
	var was, next broker.User
	err := e.atomically(ctx, func(ctx context.Context) error {
		// The seat comes first: it makes a second tab of the same person wait, which then reads that the first got it.
		status := broker.StatusActive
		if u.Status != broker.StatusActive {
			var err error
			if status, err = e.seat(ctx, a.home); err != nil {
				return err
			}
		}
		stored, err := e.Users.Get(ctx, u.Realm, u.ID)
		if err != nil {
			return err
		}
		was, next = *stored, *stored
		if next.Blocked || next.Status == broker.StatusMerged {
			return nil
		}
		give(&next, i)
		if u.Status != broker.StatusActive && next.Status != broker.StatusActive {
			next.Status = status
		}
		if !sameStanding(&was, &next) {
			if err := e.Users.Update(ctx, &next); err != nil {
				return err
			}
		}
		if i != nil {
			if err := e.use(ctx, i, u.ID); err != nil {
				return err
			}
		}
		return e.tell(ctx, a, &was, &next)
	})
	if err != nil {
		return nil, err
	}
	e.note(a, &was, &next, i)
	return &next, nil
}

func sameStanding(a, b *broker.User) bool {
	return a.Status == b.Status && a.Excluded == b.Excluded && a.Locale == b.Locale && slices.Equal(a.ManualGroups, b.ManualGroups) && slices.Equal(a.Groups, b.Groups)
}

// note logs what became of a person at the door. was is the zero User for a new one.
func (e *Engine) note(a *arrival, was, now *broker.User, i *broker.Invite) {
	ev := broker.Event{
		At: e.Now(), Realm: now.Realm, Connection: a.conn.Slug, Client: a.login.ClientID, Ref: a.login.Ref(), UserID: now.ID, Email: now.Email,
		Subject: "user:" + now.ID,
	}
	if was.ID == "" {
		ev.Kind = "user.created"
		e.Events.Log(ev)
	}
	if i != nil {
		used := ev
		used.Kind, used.Subject = "invite.used", "invite:"+i.ID
		e.Events.Log(used)
	}
	if was.Status == now.Status {
		return
	}
	switch now.Status {
	case broker.StatusPending:
		ev.Kind = "user.pending"
	case broker.StatusHeld:
		ev.Kind = "user.held"
	default:
		ev.Kind = "user.admitted"
	}
	e.Events.Log(ev)
}

// tellAgain is how long a tenant is left alone after it was told that its seats are taken.
const tellAgain = 24 * time.Hour

// tell writes to the tenant's contacts when somebody begins to wait, in ctx's transaction. A mail that cannot be written
// keeps nobody's sign-in from ending as it must.
func (e *Engine) tell(ctx context.Context, a *arrival, was, now *broker.User) error {
	if e.Post == nil || now.Status == was.Status && was.ID != "" {
		return nil
	}
	var err error
	switch now.Status {
	case broker.StatusPending:
		err = e.Post.ApprovalRequested(ctx, a.home, a.client.DisplayName, now)
	case broker.StatusHeld:
		err = e.tellSeats(ctx, a, now)
	}
	if fault.CodeOf(err) == fault.Unavailable {
		return err
	}
	if err != nil {
		e.Logger.WarnContext(ctx, "the tenant was not told", "realm", a.home.Name, "status", now.Status, "error", err)
	}
	return nil
}

// tellSeats writes at most once a day, however many people come.
func (e *Engine) tellSeats(ctx context.Context, a *arrival, u *broker.User) error {
	first, err := e.Waiting.Once(ctx, "seats", []providers.Once{{ID: a.home.Name, Until: e.Now().Add(tellAgain)}})
	if err != nil || !first {
		return err
	}
	waiting, err := e.Seats.Count(ctx, a.home.Name, broker.StatusHeld)
	if err != nil {
		return err
	}
	return e.Post.SeatLimitReached(ctx, a.home, u, max(waiting, 1))
}
