package login

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// Provision finds or makes the person whom a connection's directory describes; profile.Subject is the directory's own ID,
// "" if it sent none. What holds for a first sign-in holds here: the address must pass the rules of trust, an existing
// person is tied only as the connection's linking allows, a new one needs a seat. It is called in the transaction that
// keeps the directory's entry.
func (e *Engine) Provision(ctx context.Context, conn *registry.Connection, p broker.Profile) (u *broker.User, made bool, err error) {
	a, err := e.pushed(ctx, conn, p)
	if err != nil {
		return nil, false, err
	}
	p = a.profile
	u, tied, err := e.subjectOf(ctx, conn, p.Subject)
	if errors.Is(err, broker.ErrNotFound) {
		u, err = e.Users.ByEmail(ctx, conn.Realm, p.Email)
	}
	if errors.Is(err, broker.ErrNotFound) {
		u, err = e.provisionNew(ctx, a)
		return u, true, err
	}
	if err == nil {
		u, err = e.merged(ctx, u)
	}
	if err != nil {
		return nil, false, err
	}
	if !tied {
		if err := e.mayProvision(ctx, a, u); err != nil {
			return nil, false, err
		}
	}
	u, err = e.refresh(ctx, a, u.ID)
	return u, false, err
}

// Reprovision brings a person to what the connection's directory says now. The address is judged again where it is
// another, or where judge says so.
func (e *Engine) Reprovision(ctx context.Context, conn *registry.Connection, userID string, p broker.Profile, judge bool) (*broker.User, error) {
	u, err := e.Provisioned(ctx, conn, userID)
	if err != nil {
		return nil, err
	}
	if address, err := email.Normalise(p.Email); err == nil {
		p.Email = address.String()
	}
	a := &arrival{conn: conn, profile: p, verdict: email.Verdict{Verified: u.EmailVerified}}
	if judge || u.Email != p.Email {
		if a, err = e.pushed(ctx, conn, p); err != nil {
			return nil, err
		}
	}
	return e.refresh(ctx, a, u.ID)
}

// Regroup gives a person the groups that the connection's directory lists now; given are those that it listed before. They
// pass the connection's rules as those of a sign-in do. A person who came through another connection last has that one's
// groups, and keeps them.
func (e *Engine) Regroup(ctx context.Context, conn *registry.Connection, userID string, given, now []string) error {
	_, err := e.rewrite(ctx, conn, userID, func(ctx context.Context, u *broker.User) (bool, error) {
		if u.GroupsFrom != "" && (u.GroupsFrom != conn.Slug || !conn.Rules.Follows("groups")) {
			return false, nil
		}
		kept := slices.DeleteFunc(slices.Clone(u.UpstreamGroups), func(g string) bool { return slices.Contains(given, g) && !slices.Contains(now, g) })
		upstream := slices.Concat(kept, now)
		slices.Sort(upstream)
		upstream = slices.Compact(upstream)
		groups := conn.Rules.Groups(upstream, u.Attributes, u.ManualGroups)
		changed := !slices.Equal(u.UpstreamGroups, upstream) || !slices.Equal(u.Groups, groups)
		u.UpstreamGroups, u.Groups, u.GroupsFrom = upstream, groups, conn.Slug
		return changed, nil
	})
	return err
}

// Provisioned answers the account of a person whom a directory describes: the one that theirs was merged into, if it was.
func (e *Engine) Provisioned(ctx context.Context, conn *registry.Connection, userID string) (*broker.User, error) {
	u, err := e.Users.Get(ctx, conn.Realm, userID)
	if err != nil {
		return nil, err
	}
	return e.merged(ctx, u)
}

// pushed is a description as an arrival, its address judged. A directory proves no address: where the connection asks for
// proof, only a domain that the realm has verified and the connection lists will do.
func (e *Engine) pushed(ctx context.Context, conn *registry.Connection, p broker.Profile) (*arrival, error) {
	home, err := e.Config.Realm(ctx, conn.Realm)
	if err != nil {
		return nil, err
	}
	if p.Email == "" {
		return nil, fault.New(fault.EmailMissing, "")
	}
	address, err := email.Normalise(p.Email)
	if err != nil {
		return nil, err
	}
	p.Email = address.String()
	owner, err := e.Config.DomainOwner(ctx, address.Domain())
	if err != nil {
		return nil, err
	}
	trust := conn.EmailTrust
	if trust == "verified_claim" {
		trust = "domains"
	}
	v, err := email.Judge(email.Claim{Address: address, Trust: trust, ConnectionDomains: conn.Domains, Owner: owner, Realm: conn.Realm})
	if err != nil {
		return nil, err
	}
	return &arrival{login: &broker.Login{Realm: conn.Realm}, realm: home, client: &broker.Client{DisplayName: conn.DisplayName}, home: home, conn: conn, profile: p, verdict: v}, nil
}

// subjectOf finds who has signed in as the person whom a directory's ID names, where the two are of one kind.
func (e *Engine) subjectOf(ctx context.Context, conn *registry.Connection, external string) (*broker.User, bool, error) {
	for _, key := range subjectsOf(conn, external) {
		l, u, err := e.Links.Find(ctx, conn.Slug, key)
		if err == nil && l.Realm == conn.Realm {
			return u, true, nil
		}
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return nil, false, err
		}
	}
	return nil, false, broker.ErrNotFound
}

// subjectsOf are the subjects that a sign-in of the person whom a directory's ID names may have.
func subjectsOf(conn *registry.Connection, external string) []string {
	id, isGUID := claims.GUID(external)
	switch {
	case external == "":
		return nil
	case conn.Preset == "entra" || conn.Preset == "microsoft":
		if conn.OIDC == nil || !isGUID {
			return nil
		}
		return []string{claims.EntraSubject(conn.OIDC.Tenant, id)}
	case conn.OIDC != nil && conn.OIDC.Issuer != "":
		return []string{claims.OIDCSubject(conn.OIDC.Issuer, external)}
	case conn.SAML != nil:
		return []string{claims.PersistentSubject("", "", external)}
	}
	return nil
}

// mayProvision says whether a directory may describe a person who is here already: under the linking of the connection,
// as at a first sign-in, unless the directory described the person before. Somebody who signs in by another ID of the
// directory's is somebody else with a recycled address.
func (e *Engine) mayProvision(ctx context.Context, a *arrival, u *broker.User) error {
	if u.Blocked {
		return fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	links, err := e.Links.ByUser(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Connection == a.conn.Slug && contradicts(a.conn, a.profile.Subject, claims.SubjectValue(l.Subject)) {
			return fault.New(fault.EmailAccountReused, "user %s signs in as %s", u.ID, claims.SubjectValue(l.Subject))
		}
	}
	st, err := e.Directory.Standing(ctx, a.conn.Slug, u.ID)
	if err != nil || st.Known {
		return err
	}
	return a.mayTie(u)
}

// provisionNew makes a person whom nobody knew, in the caller's transaction.
func (e *Engine) provisionNew(ctx context.Context, a *arrival) (*broker.User, error) {
	fresh := broker.User{ID: uuid.NewString(), Realm: a.conn.Realm, Email: a.profile.Email, EmailVerified: a.verdict.Verified}
	made := e.described(a, &fresh)
	if err := made.Validate(); err != nil {
		return nil, err
	}
	var err error
	if made.Status, err = e.firstStatus(ctx, a, nil); err != nil {
		return nil, err
	}
	if err := e.Users.Create(ctx, &made); err != nil {
		return nil, err
	}
	return &made, e.tell(ctx, a, &broker.User{}, &made)
}

// refresh writes what the directory says of a person.
func (e *Engine) refresh(ctx context.Context, a *arrival, userID string) (*broker.User, error) {
	return e.rewrite(ctx, a.conn, userID, func(ctx context.Context, u *broker.User) (bool, error) {
		was := *u
		*u = e.described(a, u)
		moved, err := e.readdress(ctx, u, a.profile.Email, a.verdict)
		if err == nil {
			err = u.Validate()
		}
		return moved || !samePerson(&was, u), err
	})
}

// described is a person as the directory has them. Groups are Regroup's business; attributes follow the directory until a
// sign-in has brought the identity provider's own.
func (e *Engine) described(a *arrival, u *broker.User) broker.User {
	p := a.profile
	if !u.LastLoginAt.IsZero() {
		p.Attributes = u.Attributes
	}
	p.Groups, p.GroupsOmitted = u.UpstreamGroups, u.GroupsFrom == "" && !a.conn.Rules.Follows("groups")
	next, _ := claims.Changed(u, p, a.conn.Rules, e.Now())
	if u.GroupsFrom != "" && u.GroupsFrom != a.conn.Slug {
		next.Groups, next.UpstreamGroups, next.GroupsFrom, next.GroupsOmittedAt = u.Groups, u.UpstreamGroups, u.GroupsFrom, u.GroupsOmittedAt
	}
	return next
}

func samePerson(a, b *broker.User) bool {
	return a.GivenName == b.GivenName && a.FamilyName == b.FamilyName && a.Name == b.Name && a.Locale == b.Locale && a.GroupsFrom == b.GroupsFrom &&
		slices.Equal(a.Groups, b.Groups) && maps.EqualFunc(a.Attributes, b.Attributes, slices.Equal)
}

// rewriteTries bounds how often a person is read again because somebody else wrote at the same time.
const rewriteTries = 8

// rewrite changes a person, the account that theirs was merged into if it was. change reports whether it changed anything.
func (e *Engine) rewrite(ctx context.Context, conn *registry.Connection, userID string, change func(ctx context.Context, u *broker.User) (bool, error)) (*broker.User, error) {
	for try := 0; ; try++ {
		u, err := e.Provisioned(ctx, conn, userID)
		if err != nil {
			return nil, err
		}
		next := *u
		changed, err := change(ctx, &next)
		if err != nil || !changed {
			return &next, err
		}
		err = e.Users.Update(ctx, &next)
		if !errors.Is(err, broker.ErrConflict) || try == rewriteTries {
			return &next, err
		}
	}
}
