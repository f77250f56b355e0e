package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Invites keeps invitations.
type Invites interface {
	Get(ctx context.Context, realm, id string) (*broker.Invite, error)
	ByToken(ctx context.Context, hash string) (*broker.Invite, error)
	// For answers a live invitation that is bound to an address and good for a connection.
	For(ctx context.Context, realm, email, connection string) (*broker.Invite, error)
	// Use counts a person, once; broker.ErrConflict where the invitation is no longer live.
	Use(ctx context.Context, realm, id, userID string) error
}

// Invited answers the invitation of a link, and why it can no longer be used. Looking uses nothing up: programs that
// follow the links of mails do it too.
func (e *Engine) Invited(ctx context.Context, token string) (*broker.Invite, error) {
	if len(token) != 43 {
		return nil, fault.New(fault.InviteUnknown, "the link's token has %d characters", len(token))
	}
	i, err := e.Invites.ByToken(ctx, broker.HashToken(token))
	if errors.Is(err, broker.ErrNotFound) {
		return nil, fault.New(fault.InviteUnknown, "no invitation has this token")
	}
	if err != nil {
		return nil, err
	}
	return i, over(i, e.Now())
}

// over says why an invitation can no longer be used, nil where it can.
func over(i *broker.Invite, now time.Time) error {
	switch i.State(now) {
	case broker.InviteRevoked:
		return fault.New(fault.InviteRevoked, "invitation %s was revoked at %s", i.ID, i.RevokedAt.Format(time.RFC3339))
	case broker.InviteUsed:
		return fault.New(fault.InviteUsed, "invitation %s was used %d times of %d", i.ID, i.Uses, i.MaxUses)
	case broker.InviteExpired:
		return fault.New(fault.InviteExpired, "invitation %s expired at %s", i.ID, i.ExpiresAt.Format(time.RFC3339))
	}
	return nil
}

// brought answers the invitation that the person came by, nil if they came without one. It opens nothing by itself: the
// address has been judged before, as everybody's.
func (e *Engine) brought(ctx context.Context, a *arrival) (*broker.Invite, error) {
	if a.login.Invite == "" || e.Invites == nil {
		return nil, nil
	}
	i, err := e.Invites.Get(ctx, a.conn.Realm, a.login.Invite)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, fault.New(fault.InviteOtherConnection, "realm %q has no invitation %s", a.conn.Realm, a.login.Invite)
	}
	switch {
	case err != nil:
		return nil, err
	case i.Connection != "" && i.Connection != a.conn.Slug:
		return nil, fault.Mismatch(fault.InviteOtherConnection, a.conn.Slug, i.Connection)
	case i.Email != "" && i.Email != a.profile.Email:
		f := fault.New(fault.InviteOtherAddress, "invitation %s", i.ID)
		f.Observed, f.Expected = a.profile.Email, Masked(i.Email)
		return nil, f
	}
	return i, over(i, e.Now())
}

// standing answers a live invitation that is bound to the person's address, which whoever comes without its link has as
// well; nil if there is none.
func (e *Engine) standing(ctx context.Context, a *arrival) (*broker.Invite, error) {
	if e.Invites == nil {
		return nil, nil
	}
	i, err := e.Invites.For(ctx, a.conn.Realm, a.profile.Email, a.conn.Slug)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return i, err
}

// use counts a person towards an invitation, in ctx's transaction.
func (e *Engine) use(ctx context.Context, i *broker.Invite, userID string) error {
	err := e.Invites.Use(ctx, i.Realm, i.ID, userID)
	if !errors.Is(err, broker.ErrConflict) && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	now, gerr := e.Invites.Get(ctx, i.Realm, i.ID)
	if gerr != nil {
		return fault.Wrap(fault.InviteUnknown, gerr, "invitation %s is gone", i.ID)
	}
	if why := over(now, e.Now()); why != nil {
		return why
	}
	return fault.Wrap(fault.InviteUsed, err, "invitation %s", i.ID)
}

// give is what an invitation says of a person. Groups are given by hand, so later sign-ins keep them.
func give(u *broker.User, i *broker.Invite) {
	if i == nil {
		return
	}
	u.ManualGroups, u.Groups = joined(u.ManualGroups, i.Groups), joined(u.Groups, i.Groups)
	u.Excluded = u.Excluded || i.Excluded
	if u.Locale == "" {
		u.Locale = i.Locale
	}
}

func joined(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// Masked shows of an address what tells it to whoever knows it, and not to others: the first letter and the domain.
func Masked(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	for _, r := range local {
		return string(r) + "•••@" + domain
	}
	return "•••@" + domain
}
