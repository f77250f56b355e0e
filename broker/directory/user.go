package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// CreateUser takes a user whom the directory did not have.
func (e *Engine) CreateUser(ctx context.Context, c Caller, p Person) (*broker.DirectoryUser, error) {
	u := &broker.DirectoryUser{ID: uuid.NewString(), Realm: c.Conn.Realm, Connection: c.Conn.Slug, Given: []string{}}
	p.write(u)
	err := e.Tx(ctx, func(ctx context.Context) error {
		if err := e.free(ctx, u); err != nil {
			return err
		}
		person, made, err := e.People.Provision(ctx, c.Conn, p.Profile)
		if err != nil {
			return refused(c, p, err)
		}
		fresh := *u
		fresh.UserID, fresh.Email = person.ID, person.Email
		if err := e.insert(ctx, &fresh); err != nil {
			return err
		}
		*u = fresh
		kind := "user.linked"
		if made {
			kind = "user.created"
		}
		return e.event(ctx, c, kind, person, "", activity(p.Active))
	})
	if err != nil {
		return nil, err
	}
	return u, e.signOut(ctx, c, u)
}

func activity(active bool) string {
	if active {
		return "by the directory"
	}
	return "by the directory, deactivated"
}

// write puts what the directory says into its entry.
func (p *Person) write(u *broker.DirectoryUser) {
	u.UserName, u.ExternalID, u.DisplayName, u.Active, u.Resource = p.UserName, p.ExternalID, p.DisplayName, p.Active, p.Resource
	u.Emails = u.Emails[:0:0]
	for _, a := range p.Emails {
		u.Emails = append(u.Emails, broker.Fold(a))
	}
}

func (e *Engine) insert(ctx context.Context, u *broker.DirectoryUser) error {
	of, err := e.Store.OfPerson(ctx, u.Realm, u.UserID)
	if err != nil {
		return err
	}
	for _, o := range of {
		if o.Connection == u.Connection && !o.Deleted {
			return fault.New(fault.SCIMTaken, "the address %s is that of user %q already", u.Email, o.UserName)
		}
	}
	return taken(e.Store.CreateUser(ctx, u))
}

// taken is for what a second request took in the meantime.
func taken(err error) error {
	if errors.Is(err, broker.ErrExists) {
		return fault.Wrap(fault.SCIMTaken, err, "another request has just taken one of its unique attributes")
	}
	return err
}

// free refuses names that another user of the directory has.
func (e *Engine) free(ctx context.Context, u *broker.DirectoryUser) error {
	others, _, err := e.Store.Users(ctx, u.Connection, broker.DirectoryQuery{UserName: u.UserName}, 0, 1)
	if err != nil {
		return err
	}
	if len(others) > 0 && others[0].ID != u.ID {
		return fault.New(fault.SCIMTaken, "the userName %q is that of user %s already", u.UserName, others[0].ID)
	}
	other, err := e.Store.ByExternalID(ctx, u.Connection, u.ExternalID)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		return nil
	case err == nil && other.ID != u.ID:
		return fault.New(fault.SCIMTaken, "the externalId %q is that of user %q already", u.ExternalID, other.UserName)
	}
	return err
}

// updateTries bounds how often a change is made anew because another request was quicker.
const updateTries = 6

// UpdateUser changes a user. change gets the entry as it is now and answers how the directory describes the user after the
// change; it may be called again.
func (e *Engine) UpdateUser(ctx context.Context, c Caller, id string, change func(u *broker.DirectoryUser) (Person, error)) (*broker.DirectoryUser, error) {
	for try := 0; ; try++ {
		var u *broker.DirectoryUser
		err := e.Tx(ctx, func(ctx context.Context) error {
			stored, err := e.Store.User(ctx, c.Conn.Slug, id)
			if err != nil {
				return err
			}
			p, err := change(stored)
			if err != nil {
				return err
			}
			u, err = e.update(ctx, c, stored, p)
			return err
		})
		if errors.Is(err, broker.ErrConflict) && try < updateTries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return u, e.signOut(ctx, c, u)
	}
}

func (e *Engine) update(ctx context.Context, c Caller, was *broker.DirectoryUser, p Person) (*broker.DirectoryUser, error) {
	next := *was
	p.write(&next)
	if err := e.free(ctx, &next); err != nil {
		return nil, err
	}
	person, err := e.described(ctx, c, was, p)
	if err != nil {
		return nil, refused(c, p, err)
	}
	if next.Active || was.Active {
		next.Email = person.Email
	}
	if unchanged(was, &next) {
		return was, nil
	}
	if err := taken(e.Store.UpdateUser(ctx, &next)); err != nil {
		return nil, err
	}
	kind := "directory.user_updated"
	switch {
	case was.Active && !next.Active:
		kind = "directory.user_deactivated"
	case !was.Active && next.Active:
		kind = "directory.user_reactivated"
	}
	return &next, e.event(ctx, c, kind, person, "", fmt.Sprintf("user name %q", next.UserName))
}

// described brings the person to what the directory says now. Whoever is deactivated keeps what they had: a directory may
// deactivate people of a domain that it may speak for no more.
func (e *Engine) described(ctx context.Context, c Caller, was *broker.DirectoryUser, p Person) (*broker.User, error) {
	if !p.Active {
		return e.People.Provisioned(ctx, c.Conn, was.UserID)
	}
	return e.People.Reprovision(ctx, c.Conn, was.UserID, p.Profile, !was.Active)
}

func unchanged(a, b *broker.DirectoryUser) bool {
	return a.UserName == b.UserName && a.ExternalID == b.ExternalID && a.DisplayName == b.DisplayName && a.Active == b.Active && a.Email == b.Email &&
		slices.Equal(a.Emails, b.Emails) && string(a.Resource) == string(b.Resource)
}

// DeleteUser takes a user out of the directory's sight. The person's account stays, and stays locked out of the
// connection, until the directory sends the person again.
func (e *Engine) DeleteUser(ctx context.Context, c Caller, id string, check func(u *broker.DirectoryUser) error) error {
	var gone broker.DirectoryUser
	err := e.Tx(ctx, func(ctx context.Context) error {
		u, err := e.Store.User(ctx, c.Conn.Slug, id)
		if err != nil {
			return err
		}
		if err := check(u); err != nil {
			return err
		}
		person, err := e.People.Provisioned(ctx, c.Conn, u.UserID)
		if err != nil {
			return err
		}
		if err := e.People.Regroup(ctx, c.Conn, u.UserID, u.Given, nil); err != nil {
			return err
		}
		gone = *u
		gone.Active, gone.Deleted = false, true
		if err := e.Store.UpdateUser(ctx, &gone); err != nil {
			return err
		}
		return e.event(ctx, c, "directory.user_deleted", person, "", fmt.Sprintf("user name %q", u.UserName))
	})
	if err != nil {
		return err
	}
	return e.signOut(ctx, c, &gone)
}

// signOut ends what a person has open through the connection if the directory has deactivated them. It comes after the
// change, so that nobody signs in again in between, and is done anew for a change that is sent again.
func (e *Engine) signOut(ctx context.Context, c Caller, u *broker.DirectoryUser) error {
	if u.Active {
		return nil
	}
	person, err := e.People.Provisioned(ctx, c.Conn, u.UserID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.End(ctx, person.ID, c.Conn.Slug)
}

// User finds a user of the caller's directory.
func (e *Engine) User(ctx context.Context, c Caller, id string) (*broker.DirectoryUser, error) {
	return e.Store.User(ctx, c.Conn.Slug, id)
}
