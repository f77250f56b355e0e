package login

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// person finds or makes the user behind a verified identity: the rules of contract, section 5. The user is of the
// connection's own realm, whatever the identity says. realm is the client's, which differs only below a hub.
func (e *Engine) person(ctx context.Context, realm *broker.Realm, conn *registry.Connection, idn providers.Identity) (*broker.User, error) {
	p, err := claims.Normalise(idn, conn.Connection, conn.Recipe)
	if err != nil {
		return nil, err
	}
	verdict, err := e.judge(ctx, realm, conn, p)
	if err != nil {
		return nil, err
	}
	link, u, err := e.Links.Find(ctx, conn.Slug, p.Subject)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return e.firstTime(ctx, conn, p, verdict)
	case err != nil:
		return nil, err
	case link.Realm != conn.Realm || u.Realm != conn.Realm:
		return nil, fault.New(fault.Internal, "link of connection %q leads out of realm %q", conn.Slug, conn.Realm)
	case u.Blocked:
		return nil, fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	return e.known(ctx, conn, u, p, verdict)
}

// judge holds the address to the rules of trust.
func (e *Engine) judge(ctx context.Context, realm *broker.Realm, conn *registry.Connection, p broker.Profile) (email.Verdict, error) {
	a, err := email.Normalise(p.Email)
	if err != nil {
		return email.Verdict{}, err
	}
	owner, err := e.Config.DomainOwner(ctx, a.Domain())
	if err != nil {
		return email.Verdict{}, err
	}
	return email.Judge(email.Claim{
		Address: a, Trust: conn.EmailTrust, ConnectionDomains: conn.Domains,
		Owner: owner, Realm: conn.Realm, Proved: p.EmailProved, TowardsHub: realm.Hub && realm.Name != conn.Realm,
	})
}

// known refreshes a person's profile. An address that changed upstream was judged like any other; it is taken over
// unless somebody else has it already.
func (e *Engine) known(ctx context.Context, conn *registry.Connection, u *broker.User, p broker.Profile, v email.Verdict) (*broker.User, error) {
	next, changed := claims.Changed(u, p, conn.DefaultGroups)
	if next.Email != p.Email {
		if other, err := e.Users.ByEmail(ctx, conn.Realm, p.Email); err == nil && other.ID != u.ID {
			return nil, fault.New(fault.EmailAccountReused, "the address of user %s changed to one that user %s has", u.ID, other.ID)
		} else if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return nil, err
		}
		next.Email, changed = p.Email, true
	}
	if next.EmailVerified != v.Verified {
		next.EmailVerified, changed = v.Verified, true
	}
	if !changed {
		return u, nil
	}
	switch err := e.Users.Update(ctx, &next); {
	case errors.Is(err, broker.ErrConflict):
		// Another login of the same person was quicker with the same news.
		return e.Users.Get(ctx, conn.Realm, u.ID)
	case errors.Is(err, broker.ErrExists):
		return nil, fault.Wrap(fault.EmailAccountReused, err, "the address was taken in the meantime")
	case err != nil:
		return nil, err
	}
	return &next, nil
}

// firstTime is a first sign-in: tie it to the person who has this address, or make a new one, as the connection's
// policies say.
func (e *Engine) firstTime(ctx context.Context, conn *registry.Connection, p broker.Profile, v email.Verdict) (*broker.User, error) {
	link := &broker.Link{Connection: conn.Slug, Subject: p.Subject, Realm: conn.Realm, Mutable: p.Mutable, CreatedAt: e.Now(), LastUsedAt: e.Now()}
	u, err := e.Users.ByEmail(ctx, conn.Realm, p.Email)
	switch {
	case err == nil:
		return e.tie(ctx, conn, u, link, p, v)
	case !errors.Is(err, broker.ErrNotFound):
		return nil, err
	}
	switch conn.Provisioning {
	case "automatic":
	case "invite":
		return nil, fault.New(fault.LoginNotInvited, "%s has no invitation", p.Email)
	default:
		return nil, fault.New(fault.LoginNotKnown, "%s is not known", p.Email)
	}
	fresh := &broker.User{ID: uuid.NewString(), Realm: conn.Realm, Email: p.Email, EmailVerified: v.Verified}
	next, _ := claims.Changed(fresh, p, conn.DefaultGroups)
	link.UserID = next.ID
	err = e.Links.CreateUserWithLink(ctx, &next, link)
	if errors.Is(err, broker.ErrExists) {
		// A second tab made the same person a moment ago.
		if _, u, ferr := e.Links.Find(ctx, conn.Slug, p.Subject); ferr == nil && !u.Blocked {
			return u, nil
		}
		return nil, fault.Wrap(fault.EmailAccountReused, err, "the address was taken in the meantime")
	}
	if err != nil {
		return nil, err
	}
	e.Events.Log(broker.Event{At: e.Now(), Kind: "user.created", Realm: conn.Realm, Connection: conn.Slug, UserID: next.ID, Email: next.Email, Subject: "user:" + next.ID})
	return &next, nil
}

// tie links a first sign-in to the person of the same realm who has this address (contract, section 5.4). A person who
// already has another account at this very connection is somebody else with a recycled address.
func (e *Engine) tie(ctx context.Context, conn *registry.Connection, u *broker.User, link *broker.Link, p broker.Profile, v email.Verdict) (*broker.User, error) {
	if u.Blocked {
		return nil, fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	links, err := e.Links.ByUser(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if l.Connection == conn.Slug {
			return nil, fault.New(fault.EmailAccountReused, "user %s is linked to another subject of connection %q", u.ID, conn.Slug)
		}
	}
	switch conn.Linking {
	case "verified_email":
		if !v.Verified {
			return nil, fault.New(fault.LoginLinkRefused, "the address of user %s is not proved by connection %q", u.ID, conn.Slug)
		}
	case "confirm":
		return nil, fault.New(fault.LoginLinkConfirm, "user %s", u.ID)
	default:
		return nil, fault.New(fault.LoginLinkRefused, "linking is %q, user %s", conn.Linking, u.ID)
	}
	link.UserID = u.ID
	if err := e.Links.Claim(ctx, link); err != nil && !errors.Is(err, broker.ErrExists) {
		return nil, err
	}
	e.Events.Log(broker.Event{At: e.Now(), Kind: "user.linked", Realm: conn.Realm, Connection: conn.Slug, UserID: u.ID, Email: u.Email, Subject: "user:" + u.ID})
	return e.known(ctx, conn, u, p, v)
}
