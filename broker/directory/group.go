package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Membership is one step of a change of a group's members, by the IDs of users.
type Membership struct {
	Add, Remove []string
	All         bool // ends all memberships, before Add
}

// Group is a group as the directory describes it after a change, with the steps that its members go through.
type Group struct {
	DisplayName, ExternalID string
	Members                 []Membership
}

// CreateGroup takes a group that the directory did not have.
func (e *Engine) CreateGroup(ctx context.Context, c Caller, in Group) (*broker.DirectoryGroup, error) {
	g := &broker.DirectoryGroup{ID: uuid.NewString(), Realm: c.Conn.Realm, Connection: c.Conn.Slug, DisplayName: in.DisplayName, ExternalID: in.ExternalID}
	touched := map[string]bool{}
	err := e.Tx(ctx, func(ctx context.Context) error {
		clear(touched)
		if err := e.freeGroup(ctx, g); err != nil {
			return err
		}
		fresh := *g
		if err := taken(e.Store.CreateGroup(ctx, &fresh)); err != nil {
			return err
		}
		if err := e.members(ctx, c, &fresh, in.Members, touched); err != nil {
			return err
		}
		fresh.Members = int64(len(touched))
		*g = fresh
		return e.event(ctx, c, "directory.group_created", nil, groupSubject(c, g), fmt.Sprintf("%q with %d members", g.DisplayName, len(touched)))
	})
	if err != nil {
		return nil, err
	}
	return g, e.settle(ctx, c.Conn.Slug, touched)
}

// groupSubject names a group in the audit log.
func groupSubject(c Caller, g *broker.DirectoryGroup) string {
	return "directory:" + c.Conn.Slug + "/" + g.ID
}

// freeGroup refuses names that another group of the directory has.
func (e *Engine) freeGroup(ctx context.Context, g *broker.DirectoryGroup) error {
	for what, q := range map[string]broker.DirectoryQuery{"displayName": {DisplayName: g.DisplayName}, "externalId": {ExternalID: g.ExternalID}} {
		if q == (broker.DirectoryQuery{}) {
			continue
		}
		others, _, err := e.Store.Groups(ctx, g.Connection, q, 0, 1)
		if err != nil {
			return err
		}
		if len(others) > 0 && others[0].ID != g.ID {
			return fault.New(fault.SCIMTaken, "the %s %q is that of group %s already", what, q.DisplayName+q.ExternalID, others[0].ID)
		}
	}
	return nil
}

// members carries out the steps and notes whose memberships changed. The group is locked meanwhile: directories send
// changes of one group in parallel.
func (e *Engine) members(ctx context.Context, c Caller, g *broker.DirectoryGroup, steps []Membership, touched map[string]bool) error {
	note := func(ids []string) {
		for _, id := range ids {
			touched[id] = true
		}
	}
	for _, step := range steps {
		if step.All || len(step.Remove) > 0 {
			remove := step.Remove
			if step.All {
				remove = nil
			}
			removed, err := e.Store.RemoveMembers(ctx, c.Conn.Slug, g.ID, remove)
			if err != nil {
				return err
			}
			note(removed)
		}
		added, err := e.Store.AddMembers(ctx, c.Conn.Slug, g.ID, step.Add)
		if errors.Is(err, broker.ErrNotFound) {
			return fault.Wrap(fault.SCIMMember, err, "the member %q is no user that this directory has sent", fault.As(err).Detail)
		}
		if err != nil {
			return err
		}
		note(added)
	}
	return nil
}

// UpdateGroup changes a group. change gets the group as it is, and answers what it is to be; it may be called again.
func (e *Engine) UpdateGroup(ctx context.Context, c Caller, id string, change func(ctx context.Context, g *broker.DirectoryGroup) (Group, error)) (*broker.DirectoryGroup, error) {
	touched := map[string]bool{}
	var g *broker.DirectoryGroup
	err := e.Tx(ctx, func(ctx context.Context) error {
		clear(touched)
		was, err := e.Store.LockGroup(ctx, c.Conn.Slug, id)
		if err != nil {
			return err
		}
		in, err := change(ctx, was)
		if err != nil {
			return err
		}
		next := *was
		next.DisplayName, next.ExternalID = in.DisplayName, in.ExternalID
		if err := e.freeGroup(ctx, &next); err != nil {
			return err
		}
		if err := e.members(ctx, c, &next, in.Members, touched); err != nil {
			return err
		}
		g = was
		if next == *was && len(touched) == 0 {
			return nil
		}
		renamed := was.DisplayName != next.DisplayName
		if err := taken(e.Store.UpdateGroup(ctx, &next)); err != nil {
			return err
		}
		g = &next
		detail := fmt.Sprintf("%q, %d memberships changed", next.DisplayName, len(touched))
		if renamed {
			detail = fmt.Sprintf("%q renamed from %q, %d memberships changed", next.DisplayName, was.DisplayName, len(touched))
			if err := e.touchAll(ctx, c, id, touched); err != nil {
				return err
			}
		}
		return e.event(ctx, c, "directory.group_updated", nil, groupSubject(c, g), detail)
	})
	if err != nil {
		return nil, err
	}
	return g, e.settle(ctx, c.Conn.Slug, touched)
}

// touchAll notes all members of a group.
func (e *Engine) touchAll(ctx context.Context, c Caller, id string, touched map[string]bool) error {
	after := ""
	for {
		list, err := e.Store.Members(ctx, c.Conn.Slug, id, after, settleAtOnce)
		if err != nil {
			return err
		}
		for _, m := range list {
			touched[m.ID], after = true, m.ID
		}
		if len(list) < settleAtOnce || len(touched) >= settleInline {
			return nil
		}
	}
}

// DeleteGroup removes a group.
func (e *Engine) DeleteGroup(ctx context.Context, c Caller, id string, check func(g *broker.DirectoryGroup) error) error {
	touched := map[string]bool{}
	err := e.Tx(ctx, func(ctx context.Context) error {
		clear(touched)
		g, err := e.Store.LockGroup(ctx, c.Conn.Slug, id)
		if err != nil {
			return err
		}
		if err := check(g); err != nil {
			return err
		}
		if err := e.touchAll(ctx, c, id, touched); err != nil {
			return err
		}
		if err := e.Store.DeleteGroup(ctx, c.Conn.Slug, id); err != nil {
			return err
		}
		return e.event(ctx, c, "directory.group_deleted", nil, groupSubject(c, g), fmt.Sprintf("%q with %d members", g.DisplayName, g.Members))
	})
	if err != nil {
		return err
	}
	return e.settle(ctx, c.Conn.Slug, touched)
}

// Memberships change in one transaction, which marks whose they are; the accounts follow one by one, so that a large group
// holds nobody up. What one request may settle itself is bounded: Run does the rest within seconds, as it does what a
// process that was stopped left behind.
const (
	settleInline = 2000
	settleAtOnce = 200
	settleEvery  = 5 * time.Second
)

// settle brings the accounts of users whose memberships changed to what they are members of now.
func (e *Engine) settle(ctx context.Context, slug string, touched map[string]bool) error {
	ctx = context.WithoutCancel(ctx)
	n := 0
	for id := range touched {
		if n++; n > settleInline {
			return nil
		}
		if err := e.settleOne(ctx, slug, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) settleOne(ctx context.Context, slug, id string) error {
	conn, err := e.Config.Connection(ctx, slug)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		err = e.Store.Settle(ctx, slug, id, func(ctx context.Context, u *broker.DirectoryUser, groups []string) error {
			return e.People.Regroup(ctx, conn, u.UserID, u.Given, groups)
		})
		if errors.Is(err, broker.ErrNotFound) {
			return nil // gone in the meantime
		}
		if !errors.Is(err, broker.ErrConflict) || try == updateTries {
			return err
		}
	}
}

// Run settles what requests left, until ctx ends. Any number of processes may do so at once.
func (e *Engine) Run(ctx context.Context) {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := e.SettleAll(ctx); err != nil && ctx.Err() == nil {
				e.Log.WarnContext(ctx, "memberships of directories are not settled", "error", err)
			}
		}
	}
}

// settleRounds bounds one call of SettleAll.
const settleRounds = 100

// SettleAll settles what is to be settled.
func (e *Engine) SettleAll(ctx context.Context) error {
	for range settleRounds {
		stale, err := e.Store.Stale(ctx, settleAtOnce)
		if err != nil {
			return err
		}
		for _, at := range stale {
			if err := e.settleOne(ctx, at[0], at[1]); err != nil {
				return fmt.Errorf("user %s of connection %q: %w", at[1], at[0], err)
			}
		}
		if len(stale) < settleAtOnce {
			break
		}
	}
	return nil
}
