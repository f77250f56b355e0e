package login

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// Directory is what customers' directories push to us, each about the people of one connection.
type Directory interface {
	// Standing is what a connection's directory says of a person.
	Standing(ctx context.Context, connection, userID string) (broker.DirectoryStanding, error)
	// ByExternalID finds a person of a connection's directory by the directory's own ID.
	ByExternalID(ctx context.Context, connection, id string) (*broker.DirectoryUser, error)
}

// here finds who a first sign-in may be of the people that are known: whom the connection's directory names by the
// identity's stable subject, else who has the address.
func (e *Engine) here(ctx context.Context, a *arrival) (*broker.User, error) {
	id := directoryID(a.conn, a.profile)
	if e.Directory == nil || id == "" {
		return e.Users.ByEmail(ctx, a.conn.Realm, a.profile.Email)
	}
	entry, err := e.Directory.ByExternalID(ctx, a.conn.Slug, id)
	if errors.Is(err, broker.ErrNotFound) {
		return e.Users.ByEmail(ctx, a.conn.Realm, a.profile.Email)
	}
	if err != nil {
		return nil, err
	}
	u, err := e.Users.Get(ctx, a.conn.Realm, entry.UserID)
	if err == nil {
		u, err = e.merged(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	a.vouched = u.ID
	return u, nil
}

// directoryAllows holds a person who signs in to what the connection's directory says of them: whom it has deactivated
// stays out, and whom it knows by another stable subject is somebody else with a recycled address. The groups that it
// lists are joined to those of the sign-in.
func (e *Engine) directoryAllows(ctx context.Context, a *arrival, u *broker.User) error {
	if e.Directory == nil {
		return nil
	}
	st, err := e.Directory.Standing(ctx, a.conn.Slug, u.ID)
	switch {
	case err != nil || !st.Known:
		return err
	case !st.Active:
		return fault.New(fault.LoginDirectory, "user %s, connection %q", u.ID, a.conn.Slug)
	}
	id := directoryID(a.conn, a.profile)
	if len(st.ExternalIDs) > 0 && !slices.ContainsFunc(st.ExternalIDs, func(known string) bool { return !contradicts(a.conn, known, id) }) {
		return &fault.Error{Code: fault.EmailAccountReused, Detail: "the directory knows user " + u.ID + " by another ID", Observed: id, Expected: strings.Join(st.ExternalIDs, ", ")}
	}
	if len(st.Groups) > 0 {
		a.profile.Groups = slices.Concat(a.profile.Groups, st.Groups)
		slices.Sort(a.profile.Groups)
		a.profile.Groups = slices.Compact(a.profile.Groups)
	}
	return nil
}

// directoryKeeps reports whether the connection's directory still wants a person signed in.
func (e *Engine) directoryKeeps(ctx context.Context, u *broker.User, connection string) (bool, error) {
	if e.Directory == nil {
		return true, nil
	}
	st, err := e.Directory.Standing(ctx, connection, u.ID)
	return err == nil && (!st.Known || st.Active), err
}

// directoryID is what the connection's directory would call the person of an identity; "" where that cannot be told, or
// where another organisation than the directory's could answer for the connection.
func directoryID(conn *registry.Connection, p broker.Profile) string {
	if p.SubjectKind == "tid+oid" && !oneTenant(conn.Connection) {
		return ""
	}
	return claims.DirectoryID(p)
}

// oneTenant reports whether a Microsoft connection takes the accounts of one organisation only.
func oneTenant(c *broker.Connection) bool {
	if c.OIDC == nil {
		return true
	}
	shared := func(s string) bool { return s == "common" || s == "organizations" || s == "consumers" }
	if c.OIDC.Tenant != "" {
		return !shared(strings.ToLower(strings.TrimSpace(c.OIDC.Tenant)))
	}
	return c.OIDC.Issuer != "" && !slices.ContainsFunc(strings.Split(c.OIDC.Issuer, "/"), shared)
}

// contradicts reports whether a directory's ID of a person and the one of an identity, or of a link, cannot be the same
// person's. Only Microsoft's are known to be comparable: elsewhere externalId may be anything that the customer mapped.
func contradicts(conn *registry.Connection, external, id string) bool {
	if conn.Preset != "entra" && conn.Preset != "microsoft" {
		return false
	}
	a, ok := claims.GUID(external)
	b, also := claims.GUID(id)
	return ok && also && a != b
}
