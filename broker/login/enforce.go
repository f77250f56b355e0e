package login

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// An enforced connection is the only way in for people whose address lies in its domains, but for those who are excluded.

// mustUse answers the slugs of the enforced connections that an address of a realm has to come through; empty where it
// may come as it likes. Whether the domain is still verified does not matter here: a lost DNS record must not open a
// door.
func (e *Engine) mustUse(ctx context.Context, realm, address string) ([]string, error) {
	_, domain, ok := strings.Cut(address, "@")
	if !ok {
		return nil, nil
	}
	cs, err := e.Config.ForDomain(ctx, realm, domain)
	var out []string
	for _, c := range cs {
		if c.Enforced && c.Enabled && c.Realm == realm {
			out = append(out, c.Slug)
		}
	}
	return out, err
}

// enforced refuses an arrival whose address, asserted or known, has to come through another connection. u is nil for
// somebody new; an invitation may exclude whom it lets in.
func (e *Engine) enforced(ctx context.Context, a *arrival, u *broker.User, i *broker.Invite) error {
	if u != nil && u.Excluded || i != nil && i.Excluded {
		return nil
	}
	addresses := []string{a.profile.Email}
	if u != nil && u.Email != a.profile.Email {
		addresses = append(addresses, u.Email)
	}
	for _, address := range addresses {
		only, err := e.mustUse(ctx, a.conn.Realm, address)
		if err != nil {
			return err
		}
		if len(only) > 0 && !slices.Contains(only, a.conn.Slug) {
			return fault.New(fault.LoginEnforced, "%s has to use %s, not %s", address, strings.Join(only, " or "), a.conn.Slug)
		}
	}
	return nil
}

// Stands says whether the way that somebody signed in is still one they may use: a session or refresh token from before
// enforcement, or from a local way that the realm no longer allows, does not. connection is "" for a local way, which amr
// names. At a hub (realm is the clients') an address must still lie in a domain that nobody but the person's own realm has
// verified: another may have verified it since (contract, section 5.2).
func (e *Engine) Stands(ctx context.Context, realm string, u *broker.User, connection string, amr []string) (bool, error) {
	at, err := e.Config.Realm(ctx, realm)
	if err != nil {
		return false, err
	}
	if at.Hub && (connection != "" || u.Realm != realm) {
		if ok, err := e.ownDomain(ctx, u); err != nil || !ok {
			return false, err
		}
	}
	if connection == "" {
		return e.localStands(ctx, u, amr)
	}
	if ok, err := e.directoryKeeps(ctx, u, connection); err != nil || !ok {
		return false, err
	}
	if u.Excluded {
		return true, nil
	}
	only, err := e.mustUse(ctx, u.Realm, u.Email)
	return err == nil && (len(only) == 0 || slices.Contains(only, connection)), err
}

// Broken is told when an enforced connection lets nobody in any more.
type Broken interface {
	// LastSuccess answers when somebody came in through a connection last, zero if nobody has since the given time, and
	// how many were refused since for reasons that are not the person's own.
	LastSuccess(ctx context.Context, connection string, since time.Time) (success time.Time, failures int, err error)
	// ConnectionBroken writes to the realm's contacts.
	ConnectionBroken(ctx context.Context, realm *broker.Realm, conn *broker.Connection, failures int, code fault.Code) error
}

// Bounds of the watch over enforced connections.
const (
	brokenAfter    = 24 * time.Hour // without anybody coming in
	brokenFailures = 3
	brokenAgain    = 24 * time.Hour // before the contacts are told anew
	brokenLook     = 10 * time.Minute
)

// watch tells a realm's contacts when an enforced connection has let nobody in for a day and refuses people for what is
// not their own doing. It looks after a failure, a few times an hour at most.
func (e *Engine) watch(ctx context.Context, conn *broker.Connection, cause *fault.Error) {
	e.watchOutage(ctx, conn, cause)
	if e.Broken == nil || e.Local == nil || !conn.Enforced || !conn.Enabled || fault.Lookup(cause.Code).Side == fault.User {
		return
	}
	e.Local.Go(ctx, func(ctx context.Context) {
		if err := e.lookAt(ctx, conn, cause); err != nil {
			e.Logger.WarnContext(ctx, "an enforced connection could not be watched", "connection", conn.Slug, "error", err)
		}
	})
}

func (e *Engine) lookAt(ctx context.Context, conn *broker.Connection, cause *fault.Error) error {
	now := e.Now()
	slot := now.Truncate(brokenLook)
	turn, err := e.Waiting.Once(ctx, "enforcement look", []providers.Once{{ID: conn.Slug + " " + slot.Format(time.RFC3339), Until: slot.Add(2 * brokenLook)}})
	if err != nil || !turn {
		return err
	}
	success, failures, err := e.Broken.LastSuccess(ctx, conn.Slug, now.Add(-brokenAfter))
	if err != nil || !success.IsZero() || failures < brokenFailures {
		return err
	}
	realm, err := e.Config.Realm(ctx, conn.Realm)
	if errors.Is(err, broker.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	first, err := e.Waiting.Once(ctx, "enforcement broken", []providers.Once{{ID: conn.Slug, Until: now.Add(brokenAgain)}})
	if err != nil || !first {
		return err
	}
	e.Events.Log(broker.Event{At: now, Kind: "enforcement.broken", Realm: conn.Realm, Connection: conn.Slug, Code: string(cause.Code), Subject: "connection:" + conn.Slug})
	return e.Broken.ConnectionBroken(ctx, realm, conn, failures, cause.Code)
}
