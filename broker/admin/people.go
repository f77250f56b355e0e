package admin

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// People is where what belongs to people is kept, beside Users.
type People struct {
	Users interface {
		Create(ctx context.Context, u *broker.User) error
		Find(ctx context.Context, realm string, f broker.UserFilter, p broker.Page) ([]*broker.User, string, error)
		Duplicates(ctx context.Context, realm string, p broker.Page) ([]*broker.Likeness, string, error)
	}
	Links interface {
		Get(ctx context.Context, realm, connection, subject string) (*broker.Link, error)
		ByUser(ctx context.Context, userID string) ([]*broker.Link, error)
		Claim(ctx context.Context, l *broker.Link) error
		Delete(ctx context.Context, connection, subject string) error
		Move(ctx context.Context, realm, from, into string) ([]broker.Link, error)
		MoveBack(ctx context.Context, links []broker.Link, from string) (int64, error)
	}
	Groups interface {
		Create(ctx context.Context, g *broker.Group) error
		Get(ctx context.Context, realm, name string) (*broker.Group, error)
		Update(ctx context.Context, g *broker.Group) error
		Delete(ctx context.Context, realm, name string) error
		Count(ctx context.Context, realm, name string) (*broker.GroupCount, error)
		ByHand(ctx context.Context, realm, name string, n int) ([]*broker.User, error)
		List(ctx context.Context, realm string, p broker.Page) ([]*broker.GroupCount, string, error)
	}
	Merges interface {
		Create(ctx context.Context, m *broker.Merge) error
		Update(ctx context.Context, m *broker.Merge) error
		Get(ctx context.Context, realm, id string) (*broker.Merge, error)
		Of(ctx context.Context, realm, userID string) ([]*broker.Merge, error)
		Into(ctx context.Context, realm, userID string) ([]*broker.Merge, error)
		List(ctx context.Context, realm string, p broker.Page) ([]*broker.Merge, string, error)
		Forget(ctx context.Context, realm, userID string) error
	}
	Identities interface {
		Last(ctx context.Context, realm, connection, userID string) ([]broker.SeenIdentity, error)
		Of(ctx context.Context, realm, userID string) ([]broker.SeenIdentity, error)
	}
	Invites interface {
		OfPerson(ctx context.Context, realm, email, userID string) ([]*broker.Invite, error)
		Readdress(ctx context.Context, realm, from, to string) ([]string, error)
		ReaddressBack(ctx context.Context, realm string, ids []string, was, is string) error
		Forget(ctx context.Context, realm, email string) error
	}
	Sessions interface {
		OfPerson(ctx context.Context, home, userID string, p broker.Page) ([]*broker.Session, string, error)
	}
	Grants interface {
		Consents(ctx context.Context, home, userID string) ([]broker.Consent, error)
		RevokeConsent(ctx context.Context, home, userID, realm, clientID string) (int64, error)
	}
	Mails interface {
		Forget(ctx context.Context, realm, to string) error
	}
	// Pseudonymise takes out of a realm's events what says who a person was.
	Pseudonymise func(ctx context.Context, realm, userID, email string) (int64, error)
	// End signs people out: all sessions of a person, of a connection, or those that are both, in every realm, with what
	// was granted for offline use. Hits is whom it would hit: sessions, people, and the first n of these.
	End  func(ctx context.Context, f SessionFilter) (int, error)
	Hits func(ctx context.Context, f SessionFilter, n int) (sessions, people int64, first []string, err error)
	// Recipe is how a connection's identities are read.
	Recipe func(c *broker.Connection) claims.Recipe
}

// ListUsers answers a realm's people: those whom the filter names, whose address begins with the page's query.
func (s *Service) ListUsers(ctx context.Context, a Actor, realm string, f broker.UserFilter, p broker.Page) (Page[*broker.User], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.User]{}, err
	}
	if f.Status != "" && !slices.Contains(broker.UserStatuses, f.Status) {
		var bad problems
		bad.add("/status", "%q is not one of %v", f.Status, broker.UserStatuses)
		return Page[*broker.User]{}, bad.err()
	}
	if address, err := email.Normalise(p.Query); err == nil {
		p.Query = address.String() // a whole address, as somebody would write it
	}
	return page(s.People.Users.Find(ctx, realm, f, p))
}

// GetUser answers one person of the realm.
func (s *Service) GetUser(ctx context.Context, a Actor, realm, id string) (*broker.User, error) {
	return s.user(ctx, a, realm, id, toRead)
}

func (s *Service) user(ctx context.Context, a Actor, realm, id string, r right) (*broker.User, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, broker.ErrNotFound
	}
	return s.Users.Get(ctx, realm, id)
}

// UserPatch is what an operator can change of a person.
type UserPatch struct {
	GivenName        string   `json:"given_name"`
	FamilyName       string   `json:"family_name"`
	Name             string   `json:"name"`
	Locale           string   `json:"locale"`
	Groups           []string `json:"groups" doc:"Groups that are new are given by hand, groups given by hand can be left out; those of the identity provider stay"`
	ManualGroups     []string `json:"manual_groups" doc:"Groups given by hand, kept at every sign-in"`
	Blocked          bool     `json:"blocked"`
	Excluded         bool     `json:"excluded" doc:"From enforcement"`
	Status           string   `json:"status" doc:"active lets a person in who is pending or held"`
	PinnedConnection string   `json:"pinned_connection" doc:"Slug of the connection this person goes to, whatever the domain says"`
}

// NewUser is a person that an operator makes, who then signs in through a connection whose provisioning is existing.
type NewUser struct {
	Email string `json:"email"`
	UserPatch
}

// CreateUser makes a person by hand. The address is nobody's word yet: the first sign-in is held to the rules of trust as
// any other.
func (s *Service) CreateUser(ctx context.Context, a Actor, realm string, body []byte) (*broker.User, error) {
	r, err := s.enter(ctx, a, realm, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var n NewUser
	if err := decode(doc, &n); err != nil {
		return nil, err
	}
	u, err := s.newUser(ctx, realm, n)
	if err != nil {
		return nil, err
	}
	return u, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.takeSeat(ctx, r, &broker.User{Blocked: true}, u); err != nil {
			return err
		}
		if err := s.People.Users.Create(ctx, u); err != nil {
			return exists(err, "person", u.Email)
		}
		return s.record(ctx, a, change{kind: "user.created", realm: realm, subject: "user:" + u.ID, after: u})
	})
}

func (s *Service) newUser(ctx context.Context, realm string, n NewUser) (*broker.User, error) {
	var p problems
	address, err := email.Normalise(n.Email)
	if err != nil {
		p.add("/email", "%s", fault.As(err).Detail)
	}
	if n.Status != "" && n.Status != broker.StandingActive {
		p.add("/status", "is not for a person who is made by hand")
	}
	u := &broker.User{
		ID: uuid.NewString(), Realm: realm, Email: address.String(), GivenName: n.GivenName, FamilyName: n.FamilyName, Name: n.Name, Locale: n.Locale,
		Blocked: n.Blocked, Excluded: n.Excluded, PinnedConnection: n.PinnedConnection, Attributes: map[string][]string{},
		ManualGroups: joined(n.ManualGroups, n.Groups),
	}
	u.Groups = joined([]string{}, u.ManualGroups)
	if u.Name == "" {
		u.Name = strings.TrimSpace(u.GivenName + " " + u.FamilyName)
	}
	if err := p.take(u.Validate()); err != nil {
		return nil, err
	}
	if err := s.checkPin(ctx, &p, u); err != nil {
		return nil, err
	}
	return u, p.err()
}

// joined is both lists sorted, each name once; it is never nil.
func joined(a, b []string) []string {
	out := append(append([]string{}, a...), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// checkPin holds a pinned connection to one of the realm's.
func (s *Service) checkPin(ctx context.Context, p *problems, u *broker.User) error {
	if u.PinnedConnection == "" {
		return nil
	}
	c, err := storedOr(func() (*broker.Connection, error) { return s.Connections.Get(ctx, u.PinnedConnection) })
	if err == nil && (c == nil || c.Realm != u.Realm) {
		p.add("/pinned_connection", "the realm has no connection %q", u.PinnedConnection)
	}
	return err
}

// UpdateUser changes what is an operator's to change of a person. A name that the connection takes at every sign-in is
// taken again at the next. Who is blocked is signed out at once.
func (s *Service) UpdateUser(ctx context.Context, a Actor, realm, id string, m Match, patch []byte) (*broker.User, error) {
	return attempt(m, func() (*broker.User, error) {
		old, err := s.user(ctx, a, realm, id, toSupport)
		if err != nil {
			return nil, err
		}
		u, err := s.patchedUser(ctx, old, m, patch)
		if err != nil {
			return nil, err
		}
		changed, err := changes(old, u, nil)
		if err != nil || len(changed) == 0 {
			return old, err
		}
		if old.Status == broker.StatusMerged {
			return nil, fault.New(fault.UserMerged, "it is a part of %s", old.MergedInto)
		}
		u.Meta, u.LastLoginAt = old.Meta, old.LastLoginAt
		return u, s.putUser(ctx, a, old, u, told(changed))
	})
}

func (s *Service) patchedUser(ctx context.Context, old *broker.User, m Match, patch []byte) (*broker.User, error) {
	doc, err := patched(old, old.Version, m, patch)
	if err != nil {
		return nil, err
	}
	if doc["status"] == broker.StandingActive {
		doc["status"] = broker.StatusActive
	}
	u := &broker.User{}
	if err := decode(doc, u); err != nil {
		return nil, err
	}
	changed, err := changes(old, u, nil)
	if err != nil {
		return nil, err
	}
	var p problems
	onlyStanding(&p, old, u, changed)
	if err := s.settleGroups(ctx, &p, old, u); err != nil {
		return nil, err
	}
	if err := p.take(u.Validate()); err != nil {
		return nil, err
	}
	if u.PinnedConnection != old.PinnedConnection {
		if err := s.checkPin(ctx, &p, u); err != nil {
			return nil, err
		}
	}
	return u, p.err()
}

// onlyStanding lets an operator change what is an operator's to change.
func onlyStanding(p *problems, old, u *broker.User, changed []FieldChange) {
	fields := fieldsOf(reflect.TypeFor[UserPatch]())
	for _, c := range changed {
		name := strings.TrimPrefix(c.Pointer, "/")
		if _, ok := fields[name]; !ok {
			p.add(c.Pointer, "cannot be changed here: only %s can", strings.Join(sortedKeys(fields), ", "))
		}
	}
	if waits := old.Status == broker.StatusPending || old.Status == broker.StatusHeld; u.Status != old.Status && (u.Status != broker.StatusActive || !waits) {
		p.add("/status", "can be changed from pending or held to active, and in no other way")
	}
}

// settleGroups turns new groups into groups given by hand. Groups that come from the identity provider or a connection's
// rules cannot be taken away here: they would be back at the next sign-in.
func (s *Service) settleGroups(ctx context.Context, p *problems, old, u *broker.User) error {
	sent := joined(u.Groups, nil)
	if !slices.Equal(sent, joined(old.Groups, nil)) {
		gone := func(g string) bool { return !slices.Contains(sent, g) }
		u.ManualGroups = slices.DeleteFunc(slices.Clone(u.ManualGroups), gone)
		for _, g := range sent {
			if !slices.Contains(old.Groups, g) {
				u.ManualGroups = append(u.ManualGroups, g)
			}
		}
	}
	u.ManualGroups = joined(u.ManualGroups, nil)
	kept, err := s.upstreamGroups(ctx, old)
	if err != nil {
		return err
	}
	for _, g := range kept {
		if !slices.Contains(sent, g) && !slices.Contains(u.ManualGroups, g) && slices.Contains(old.Groups, g) {
			p.add("/groups", "%q comes from the identity provider or a rule of its connection", g)
		}
	}
	if slices.Equal(u.ManualGroups, joined(old.ManualGroups, nil)) {
		u.Groups, u.ManualGroups = old.Groups, old.ManualGroups // nothing of it changed but the order
		return nil
	}
	u.Groups = joined(kept, u.ManualGroups)
	return nil
}

// upstreamGroups are the groups that a person has whatever is given by hand.
func (s *Service) upstreamGroups(ctx context.Context, u *broker.User) ([]string, error) {
	if u.GroupsFrom != "" {
		c, err := storedOr(func() (*broker.Connection, error) { return s.Connections.Get(ctx, u.GroupsFrom) })
		if err != nil {
			return nil, err
		}
		if c != nil && c.Realm == u.Realm && claims.NewRules(c).Follows("groups") {
			return claims.NewRules(c).Groups(u.UpstreamGroups, u.Attributes, nil), nil
		}
	}
	byHand := func(g string) bool { return slices.Contains(u.ManualGroups, g) }
	return slices.DeleteFunc(slices.Clone(u.Groups), byHand), nil
}

func (s *Service) putUser(ctx context.Context, a Actor, old, u *broker.User, detail string) error {
	r, err := s.Realms.Get(ctx, u.Realm)
	if err != nil {
		return err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.takeSeat(ctx, r, old, u); err != nil {
			return err
		}
		err := s.keepWayBack(ctx, old, u, func(ctx context.Context) error { return s.Users.Update(ctx, u) })
		if err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "user.updated", realm: u.Realm, subject: "user:" + u.ID, detail: detail, before: old, after: u})
	})
	if err != nil || !u.Blocked || old.Blocked {
		return err
	}
	return s.EndUser(ctx, u.Realm, u.ID)
}

// takeSeat refuses to make somebody active for whom the realm has no seat. It is called in the transaction of the change.
func (s *Service) takeSeat(ctx context.Context, r *broker.Realm, old, u *broker.User) error {
	seated := func(u *broker.User) bool { return !u.Blocked && u.Status == broker.StatusActive }
	if r.SeatLimit == 0 || seated(old) || !seated(u) {
		return nil
	}
	free, err := s.Seats.Free(ctx, r.Name, r.SeatLimit)
	if err == nil && !free {
		err = fault.New(fault.LoginSeatsTaken, "all %d seats of realm %q are taken", r.SeatLimit, r.Name)
	}
	return err
}

// DeleteUser signs a person out and forgets them. The ledger keeps who it was; EraseUser does not.
func (s *Service) DeleteUser(ctx context.Context, a Actor, realm, id string, m Match) error {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	if err := m.check(u.Version); err != nil {
		return err
	}
	if err := s.mayGo(ctx, u); err != nil {
		return err
	}
	if err := s.EndUser(ctx, realm, id); err != nil {
		return err
	}
	return s.remove(ctx, a, change{kind: "user.deleted", realm: realm, subject: "user:" + id, before: u},
		func(ctx context.Context) error { return s.Users.Delete(ctx, realm, id) })
}
