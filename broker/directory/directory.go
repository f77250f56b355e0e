// Package directory carries out what customers' directories push to us (SCIM 2.0): their users become people of the
// connection's realm by the rules that hold for a first sign-in, their groups become the people's groups, and whom they
// deactivate is signed out at once. It knows nothing of the protocol, which is broker/scim's.
package directory

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// Store keeps directories.
type Store interface {
	CreateUser(ctx context.Context, u *broker.DirectoryUser) error
	UpdateUser(ctx context.Context, u *broker.DirectoryUser) error
	User(ctx context.Context, connection, id string) (*broker.DirectoryUser, error)
	ByExternalID(ctx context.Context, connection, id string) (*broker.DirectoryUser, error)
	OfPerson(ctx context.Context, realm, userID string) ([]*broker.DirectoryUser, error)
	Users(ctx context.Context, connection string, q broker.DirectoryQuery, offset, limit int) ([]*broker.DirectoryUser, int64, error)
	UsersAfter(ctx context.Context, connection string, q broker.DirectoryQuery, after string, limit int) ([]*broker.DirectoryUser, error)

	CreateGroup(ctx context.Context, g *broker.DirectoryGroup) error
	UpdateGroup(ctx context.Context, g *broker.DirectoryGroup) error
	DeleteGroup(ctx context.Context, connection, id string) error
	LockGroup(ctx context.Context, connection, id string) (*broker.DirectoryGroup, error)
	Group(ctx context.Context, connection, id string) (*broker.DirectoryGroup, error)
	Groups(ctx context.Context, connection string, q broker.DirectoryQuery, offset, limit int) ([]*broker.DirectoryGroup, int64, error)
	GroupsAfter(ctx context.Context, connection string, q broker.DirectoryQuery, after string, limit int) ([]*broker.DirectoryGroup, error)
	GroupsOf(ctx context.Context, connection, userID string) ([]*broker.DirectoryGroup, error)
	Members(ctx context.Context, connection, group, after string, limit int) ([]broker.DirectoryMember, error)
	AddMembers(ctx context.Context, connection, group string, ids []string) (added []string, err error)
	RemoveMembers(ctx context.Context, connection, group string, ids []string) (removed []string, err error)

	Settle(ctx context.Context, connection, id string, give func(ctx context.Context, u *broker.DirectoryUser, groups []string) error) error
	Stale(ctx context.Context, limit int) ([][2]string, error)
}

// Tokens finds the tokens of directories.
type Tokens interface {
	ByHash(ctx context.Context, hash string) (*broker.SCIMToken, error)
	Touch(ctx context.Context, id string, at time.Time) error
}

// People is the realm's people under the rules of sign-ins; login.Engine is.
type People interface {
	Provision(ctx context.Context, conn *registry.Connection, p broker.Profile) (u *broker.User, made bool, err error)
	Reprovision(ctx context.Context, conn *registry.Connection, userID string, p broker.Profile, judge bool) (*broker.User, error)
	Regroup(ctx context.Context, conn *registry.Connection, userID string, given, now []string) error
	Provisioned(ctx context.Context, conn *registry.Connection, userID string) (*broker.User, error)
}

// Engine carries out what directories push.
type Engine struct {
	Store  Store
	Tokens Tokens
	People People
	Config interface {
		Connection(ctx context.Context, slug string) (*registry.Connection, error)
	}
	Events interface {
		Append(ctx context.Context, e broker.Event) error
	}
	Requests interface {
		Add(ctx context.Context, r broker.DirectoryRequest, kind string) error
	}
	// Tx runs f in one transaction of the store; f may be run again from its start.
	Tx func(ctx context.Context, f func(ctx context.Context) error) error
	// End signs a person out of all that came through a connection, and revokes what was granted for offline use.
	End func(ctx context.Context, userID, connection string) error
	Now func() time.Time
	Log *slog.Logger
}

// Caller is a connection's directory that has shown a valid token.
type Caller struct {
	Conn     *registry.Connection
	Token    *broker.SCIMToken
	RemoteIP string
}

// Person is a user as a directory describes them.
type Person struct {
	UserName, ExternalID, DisplayName string
	Emails                            []string // all addresses, as they were sent
	Active                            bool
	// Profile is the same for the realm's people: Email is the address that counts, as it was sent.
	Profile  broker.Profile
	Resource json.RawMessage
}

// event writes the audit line of a change, in the change's transaction.
func (e *Engine) event(ctx context.Context, c Caller, kind string, u *broker.User, subject, detail string) error {
	ev := broker.Event{
		At: e.Now(), Realm: c.Conn.Realm, Kind: kind, Actor: "scim:" + c.Token.Name, Subject: subject, Connection: c.Conn.Slug, Detail: detail, RemoteIP: c.RemoteIP,
	}
	if u != nil {
		ev.UserID, ev.Email, ev.Subject = u.ID, u.Email, "user:"+u.ID
	}
	return e.Events.Append(ctx, ev)
}

// refused says in the directory's terms why the realm's people do not take a user.
func refused(c Caller, p Person, err error) error {
	f := fault.As(err)
	address := p.Profile.Email
	switch f.Code {
	case fault.EmailMissing:
		return fault.New(fault.SCIMNoAddress, "user %q has no email address: send one as emails[type eq \"work\"].value", p.UserName)
	case fault.EmailMalformed, fault.EmailAmbiguous:
		return fault.Wrap(fault.SCIMValue, err, "%q is not an email address: %s", address, f.Detail)
	case fault.EmailOutside, fault.EmailOtherRealm, fault.EmailUnverified:
		return fault.Wrap(fault.SCIMDomain, err, "the connection %q may not speak for %s: verify the domain of this address here and list it on the connection", c.Conn.Slug, address)
	case fault.LoginLinkRefused, fault.LoginLinkConfirm:
		return fault.Wrap(fault.SCIMConflict, err, "%s already exists here, and the connection's linking is %q: link the account here, rename or remove it", address, c.Conn.Linking)
	case fault.EmailAccountReused, fault.Exists:
		return fault.Wrap(fault.SCIMConflict, err, "%s already exists here as somebody else's account: rename or remove it", address)
	case fault.LoginBlocked:
		return fault.Wrap(fault.SCIMConflict, err, "the account of %s is blocked here", address)
	case fault.Invalid:
		var bad broker.FieldErrors
		if errors.As(err, &bad) {
			return fault.Wrap(fault.SCIMValue, err, "%s", bad.Error())
		}
		return fault.Wrap(fault.SCIMValue, err, "%s", f.Detail)
	}
	return err
}
