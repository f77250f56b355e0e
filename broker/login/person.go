package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// arrival is a verified identity at the door.
type arrival struct {
	login     *broker.Login
	realm     *broker.Realm // the client's
	client    *broker.Client
	home      *broker.Realm // the connection's, and so the person's; it differs from realm only below a hub
	conn      *registry.Connection
	idn       providers.Identity
	confirmed string // ID of the person whose address was confirmed by mail for this identity
	vouched   string // ID of the person whom the connection's directory knows by the identity's stable subject

	profile broker.Profile
	verdict email.Verdict
}

// person finds or makes the user behind a verified identity: the rules of contract, section 5. The user is of the
// connection's own realm, whatever the identity says. The address is judged before anything else: neither an invitation
// nor a code mends one that fails its rule.
func (e *Engine) person(ctx context.Context, a *arrival) (*broker.User, error) {
	var err error
	if a.profile, err = claims.Normalise(a.idn, a.conn.Connection, a.conn.Recipe); err != nil {
		return nil, err
	}
	knows(ctx, a.profile.Email)
	if a.verdict, err = e.judge(ctx, a.realm, a.conn, a.profile); err != nil {
		return nil, err
	}
	passed(ctx, "email judged", "")
	if err := e.admitted(ctx, a); err != nil {
		return nil, err
	}
	if a.conn.OnTrial() {
		return e.onTrial(ctx, a)
	}
	i, err := e.brought(ctx, a)
	if err != nil {
		return nil, err
	}
	link, u, err := e.Links.Find(ctx, a.conn.Slug, a.profile.Subject)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return e.firstTime(ctx, a, i)
	case err != nil:
		return nil, err
	case link.Realm != a.conn.Realm || u.Realm != a.conn.Realm:
		return nil, fault.New(fault.Internal, "link of connection %q leads out of realm %q", a.conn.Slug, a.conn.Realm)
	case u.Blocked:
		return nil, fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	if err := e.enforced(ctx, a, u, i); err != nil {
		return nil, err
	}
	if err := e.directoryAllows(ctx, a, u); err != nil {
		return nil, err
	}
	if u, err = e.known(ctx, a.conn, u, a.profile, a.verdict); err != nil {
		return nil, err
	}
	return e.enter(ctx, a, u, i)
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
	v, err := email.Judge(email.Claim{
		Address: a, Trust: conn.EmailTrust, ConnectionDomains: conn.Domains,
		Owner: owner, Realm: conn.Realm, Proved: p.EmailProved, TowardsHub: realm.Hub,
	})
	return v, unproved(err, p)
}

// unproved says of an address that the upstream does not vouch for what it said of it.
func unproved(err error, p broker.Profile) error {
	if fault.CodeOf(err) != fault.EmailUnverified {
		return err
	}
	f := *fault.As(err)
	f.Observed, f.Expected = "email_verified is not sent", "email_verified: true"
	if said := p.Attributes["email_verified"]; len(said) > 0 {
		f.Observed = "email_verified: " + strings.Join(said, ", ")
		if said[0] == "true" {
			f.Observed += ", yet as a text, or of another address"
		}
	}
	return &f
}

// known refreshes a person's profile. An address that changed upstream was judged like any other; it is taken over
// unless somebody else has it already.
func (e *Engine) known(ctx context.Context, conn *registry.Connection, u *broker.User, p broker.Profile, v email.Verdict) (*broker.User, error) {
	next, changed := claims.Changed(u, p, conn.Rules, e.Now())
	e.omitted(conn, p, &next)
	moved, err := e.readdress(ctx, &next, p.Email, v)
	if err != nil {
		return nil, err
	}
	if !changed && !moved {
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

// readdress gives a person an address that was judged, and reports whether that is news.
func (e *Engine) readdress(ctx context.Context, u *broker.User, address string, v email.Verdict) (bool, error) {
	own, err := e.addressOf(ctx, u, address)
	if err != nil {
		return false, err
	}
	changed := !own || u.EmailVerified != v.Verified
	if !own {
		u.Email = address
	}
	u.EmailVerified = v.Verified
	return changed, nil
}

// addressOf reports whether an address is a person's already: their own, or that of an account which was merged into
// theirs. The latter stays with that account, so that the merge can be undone and the two identity providers do not
// change the address to and fro. An address of somebody else is refused.
func (e *Engine) addressOf(ctx context.Context, u *broker.User, address string) (bool, error) {
	if u.Email == address {
		return true, nil
	}
	other, err := e.Users.ByEmail(ctx, u.Realm, address)
	if errors.Is(err, broker.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		other, err = e.merged(ctx, other)
	}
	if err == nil && other.ID != u.ID {
		err = fault.New(fault.EmailAccountReused, "the address of user %s changed to one that user %s has", u.ID, other.ID)
	}
	return err == nil, err
}

// omitted tells the tenant that an identity provider left groups out, which nobody would notice otherwise.
func (e *Engine) omitted(conn *registry.Connection, p broker.Profile, u *broker.User) {
	if !p.GroupsOmitted {
		return
	}
	detail := fmt.Sprintf("%d groups hold", len(u.Groups))
	if !u.GroupsOmittedAt.IsZero() {
		detail += ", those listed before until " + u.GroupsOmittedAt.Add(claims.OmittedGrace).UTC().Format(time.RFC3339)
	}
	e.Events.Log(broker.Event{
		At: e.Now(), Kind: "login.groups_omitted", Code: string(fault.LoginGroupsOmitted), Realm: conn.Realm, Connection: conn.Slug,
		UserID: u.ID, Email: u.Email, Subject: "user:" + u.ID, Detail: detail,
	})
}

// firstTime is a first sign-in: tie it to the person who has this address, or make a new one, as the connection's
// policies and the invitation say. An invitation that is bound to the address counts without its link too.
func (e *Engine) firstTime(ctx context.Context, a *arrival, i *broker.Invite) (*broker.User, error) {
	if i == nil {
		var err error
		if i, err = e.standing(ctx, a); err != nil {
			return nil, err
		}
	}
	u, err := e.here(ctx, a)
	switch {
	case err == nil:
		if err := e.enforced(ctx, a, u, i); err != nil {
			return nil, err
		}
		if u, err = e.tie(ctx, a, u); err != nil {
			return nil, err
		}
		return e.enter(ctx, a, u, i)
	case !errors.Is(err, broker.ErrNotFound):
		return nil, err
	}
	if err := e.enforced(ctx, a, nil, i); err != nil {
		return nil, err
	}
	switch {
	case a.conn.Provisioning == "automatic", a.conn.Provisioning == "invite" && i != nil:
		return e.create(ctx, a, i)
	case a.conn.Provisioning == "invite":
		return nil, fault.New(fault.LoginNotInvited, "%s has no invitation", a.profile.Email)
	}
	return nil, fault.New(fault.LoginNotKnown, "%s is not known", a.profile.Email)
}

// create makes a new person: user, link, seat and the use of the invitation are there together or not at all.
func (e *Engine) create(ctx context.Context, a *arrival, i *broker.Invite) (*broker.User, error) {
	var made broker.User
	id := uuid.NewString()
	err := e.atomically(ctx, func(ctx context.Context) error {
		fresh := broker.User{ID: id, Realm: a.conn.Realm, Email: a.profile.Email, EmailVerified: a.verdict.Verified}
		give(&fresh, i)
		made, _ = claims.Changed(&fresh, a.profile, a.conn.Rules, e.Now())
		give(&made, i)
		var err error
		if made.Status, err = e.firstStatus(ctx, a, i); err != nil {
			return err
		}
		if err := e.Links.CreateUserWithLink(ctx, &made, e.linkTo(a, id)); err != nil {
			return err
		}
		if i != nil {
			if err := e.use(ctx, i, id); err != nil {
				return err
			}
		}
		return e.tell(ctx, a, &broker.User{}, &made)
	})
	if errors.Is(err, broker.ErrExists) {
		return e.twin(ctx, a, i, err)
	}
	if err != nil {
		return nil, err
	}
	passed(ctx, "person made", "")
	e.note(a, &broker.User{}, &made, i)
	e.omitted(a.conn, a.profile, &made)
	return &made, barred(&made)
}

// firstStatus is what a new person begins with. Who was invited needs no approval, but a seat.
func (e *Engine) firstStatus(ctx context.Context, a *arrival, i *broker.Invite) (string, error) {
	if a.home.Approval && i == nil {
		return broker.StatusPending, nil
	}
	return e.seat(ctx, a.home)
}

// twin: the same person was made a moment ago, in a second tab.
func (e *Engine) twin(ctx context.Context, a *arrival, i *broker.Invite, taken error) (*broker.User, error) {
	_, u, err := e.Links.Find(ctx, a.conn.Slug, a.profile.Subject)
	if err != nil {
		return nil, fault.Wrap(fault.EmailAccountReused, taken, "the address was taken in the meantime")
	}
	return e.enter(ctx, a, u, i)
}

func (e *Engine) linkTo(a *arrival, userID string) *broker.Link {
	return &broker.Link{
		Connection: a.conn.Slug, Subject: a.profile.Subject, Realm: a.conn.Realm, UserID: userID, Mutable: a.profile.Mutable,
		CreatedAt: e.Now(), LastUsedAt: e.Now(),
	}
}

// tie links a first sign-in to the person of the same realm who has this address (contract, section 5.4). A person who
// already has another account at this very connection is somebody else with a recycled address.
func (e *Engine) tie(ctx context.Context, a *arrival, u *broker.User) (*broker.User, error) {
	u, err := e.merged(ctx, u)
	if err != nil {
		return nil, err
	}
	if u.Blocked {
		return nil, fault.New(fault.LoginBlocked, "user %s", u.ID)
	}
	tied, err := e.freeOf(ctx, a.conn, u, a.profile.Subject)
	if err != nil {
		return nil, err
	}
	if err := e.directoryAllows(ctx, a, u); err != nil {
		return nil, err
	}
	if tied {
		return e.known(ctx, a.conn, u, a.profile, a.verdict)
	}
	if err := a.mayTie(u); err != nil {
		return nil, err
	}
	link := e.linkTo(a, u.ID)
	if err := e.claim(ctx, link); err != nil {
		return nil, err
	}
	e.Events.Log(broker.Event{At: e.Now(), Kind: "user.linked", Realm: a.conn.Realm, Connection: a.conn.Slug, UserID: u.ID, Email: u.Email, Subject: "user:" + u.ID, Ref: a.login.Ref()})
	return e.known(ctx, a.conn, u, a.profile, a.verdict)
}

// merged answers the account that an address leads to: the one that its owner's was merged into, if it was.
func (e *Engine) merged(ctx context.Context, u *broker.User) (*broker.User, error) {
	for range 8 {
		if u.Status != broker.StatusMerged {
			return u, nil
		}
		next, err := e.Users.Get(ctx, u.Realm, u.MergedInto)
		if err != nil {
			return nil, fault.Wrap(fault.EmailAccountReused, err, "user %s was merged into %q", u.ID, u.MergedInto)
		}
		u = next
	}
	return nil, fault.New(fault.Internal, "merges of user %s go round", u.ID)
}

// freeOf holds that a person has no other account at the connection. It reports whether this very account has been tied to
// them a moment ago, in a second tab.
func (e *Engine) freeOf(ctx context.Context, conn *registry.Connection, u *broker.User, subject string) (tied bool, err error) {
	links, err := e.Links.ByUser(ctx, u.ID)
	if err != nil {
		return false, err
	}
	for _, l := range links {
		if l.Connection != conn.Slug {
			continue
		}
		if l.Subject == subject {
			return true, nil
		}
		err = fault.New(fault.EmailAccountReused, "user %s is linked to another subject of connection %q", u.ID, conn.Slug)
	}
	return false, err
}

// mayTie is the connection's linking policy. Whom the connection's own directory names by the stable subject is no matter
// of addresses, and so none of this policy's.
func (a *arrival) mayTie(u *broker.User) error {
	if a.vouched == u.ID {
		return nil
	}
	switch a.conn.Linking {
	case "verified_email":
		if !a.verdict.Verified {
			return fault.New(fault.LoginLinkRefused, "the address of user %s is not proved by connection %q", u.ID, a.conn.Slug)
		}
	case "confirm":
		if a.confirmed != u.ID {
			return &unconfirmed{why: fault.New(fault.LoginLinkConfirm, "user %s, subject %q of connection %q", u.ID, a.profile.Subject, a.conn.Slug), user: u}
		}
	default:
		return fault.New(fault.LoginLinkRefused, "linking is %q, user %s", a.conn.Linking, u.ID)
	}
	return nil
}

// claim makes the link. Taken already, it must have been by this very person in a second tab.
func (e *Engine) claim(ctx context.Context, link *broker.Link) error {
	err := e.Links.Claim(ctx, link)
	if !errors.Is(err, broker.ErrExists) {
		return err
	}
	l, _, ferr := e.Links.Find(ctx, link.Connection, link.Subject)
	if ferr != nil || l.UserID != link.UserID {
		return fault.Wrap(fault.EmailAccountReused, errors.Join(err, ferr), "the subject was linked to somebody else in the meantime")
	}
	return nil
}
