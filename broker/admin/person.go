package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
)

// ListLinks answers which upstream accounts a person has.
func (s *Service) ListLinks(ctx context.Context, a Actor, realm, id string) (Page[*broker.Link], error) {
	u, err := s.user(ctx, a, realm, id, toRead)
	if err != nil {
		return Page[*broker.Link]{}, err
	}
	links, err := s.People.Links.ByUser(ctx, u.ID)
	return page(links, "", err)
}

// NewLink is an upstream account that an operator ties to a person.
type NewLink struct {
	Connection string `json:"connection"`
	Subject    string `json:"subject" doc:"The stable subject, as a test login shows it"`
}

// CreateLink ties an upstream account to a person.
func (s *Service) CreateLink(ctx context.Context, a Actor, realm, id string, body []byte) (*broker.Link, error) {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return nil, err
	}
	if u.Status == broker.StatusMerged {
		return nil, fault.New(fault.UserMerged, "it is a part of %s", u.MergedInto)
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var n NewLink
	if err := decode(doc, &n); err != nil {
		return nil, err
	}
	if err := s.checkLink(ctx, realm, n); err != nil {
		return nil, err
	}
	l := &broker.Link{Connection: n.Connection, Subject: n.Subject, Realm: realm, UserID: u.ID, CreatedAt: s.Now()}
	return l, s.Tx(ctx, func(ctx context.Context) error {
		err := s.People.Links.Claim(ctx, l)
		if errors.Is(err, broker.ErrExists) {
			return fault.Wrap(fault.Exists, err, "the account %q of connection %q is tied to a person already", n.Subject, n.Connection)
		}
		if err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "link.created", realm: realm, subject: "user:" + u.ID, detail: "connection " + n.Connection, after: l})
	})
}

func (s *Service) checkLink(ctx context.Context, realm string, n NewLink) error {
	var p problems
	c, err := storedOr(func() (*broker.Connection, error) { return s.Connections.Get(ctx, n.Connection) })
	if err != nil {
		return err
	}
	if c == nil || c.Realm != realm {
		p.add("/connection", "the realm has no connection %q", n.Connection)
	}
	if n.Subject == "" || len(n.Subject) > 1024 {
		p.add("/subject", "is 1 to 1024 bytes")
	}
	return p.err()
}

// DeleteLink unties an upstream account and ends the sessions that the person has through its connection.
func (s *Service) DeleteLink(ctx context.Context, a Actor, realm, id, connection, subject string) error {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	l, err := s.People.Links.Get(ctx, realm, connection, subject)
	if err != nil {
		return err
	}
	if l.UserID != u.ID {
		return broker.ErrNotFound
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.People.Links.Delete(ctx, connection, subject); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "link.deleted", realm: realm, subject: "user:" + u.ID, detail: "connection " + connection, before: l})
	})
	if err != nil {
		return err
	}
	_, err = s.People.End(ctx, SessionFilter{UserID: u.ID, Connection: connection})
	return err
}

// UserSessions answers where a person is signed in, the applications of hubs included.
func (s *Service) UserSessions(ctx context.Context, a Actor, realm, id string, p broker.Page) (Page[*Session], error) {
	u, err := s.user(ctx, a, realm, id, toRead)
	if err != nil {
		return Page[*Session]{}, err
	}
	items, next, err := s.People.Sessions.OfPerson(ctx, realm, u.ID, p)
	views := make([]*Session, 0, len(items))
	for _, item := range items {
		views = append(views, sessionView(item))
	}
	return page(views, next, err)
}

// Signout is whom a sign-out hit, or would hit.
type Signout struct {
	Preview  bool           `json:"preview"` // nothing was ended
	Sessions int64          `json:"sessions"`
	People   int64          `json:"people"`
	First    []*broker.User `json:"first"` // the first of them
}

// hitsShown is how many people a Signout names.
const hitsShown = 10

// SignoutUser ends all that a person has open.
func (s *Service) SignoutUser(ctx context.Context, a Actor, realm, id string, preview bool) (Signout, error) {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return Signout{}, err
	}
	return s.signout(ctx, a, realm, SessionFilter{UserID: u.ID}, "user:"+u.ID, preview)
}

// SignoutConnection ends all sessions that came through a connection.
func (s *Service) SignoutConnection(ctx context.Context, a Actor, realm, slug string, preview bool) (Signout, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return Signout{}, err
	}
	return s.signout(ctx, a, realm, SessionFilter{Connection: c.Slug}, "connection:"+c.Slug, preview)
}

func (s *Service) signout(ctx context.Context, a Actor, realm string, f SessionFilter, subject string, preview bool) (Signout, error) {
	out := Signout{Preview: preview, First: []*broker.User{}}
	var first []string
	var err error
	if out.Sessions, out.People, first, err = s.People.Hits(ctx, f, hitsShown); err != nil {
		return Signout{}, err
	}
	for _, id := range first {
		u, err := storedOr(func() (*broker.User, error) { return s.Users.Get(ctx, realm, id) })
		if err != nil {
			return Signout{}, err
		}
		if u != nil {
			out.First = append(out.First, u)
		}
	}
	if preview {
		return out, nil
	}
	n, err := s.People.End(ctx, f)
	if err != nil {
		return Signout{}, err
	}
	out.Sessions = int64(n)
	return out, s.record(ctx, a, change{kind: "sessions.ended", realm: realm, subject: subject, detail: fmt.Sprintf("%d sessions of %d people", n, out.People)})
}

// ListConsents answers which applications a person's live grants let know what. Applications here are first parties, so
// signing in to one is the consent.
func (s *Service) ListConsents(ctx context.Context, a Actor, realm, id string) (Page[broker.Consent], error) {
	u, err := s.user(ctx, a, realm, id, toRead)
	if err != nil {
		return Page[broker.Consent]{}, err
	}
	list, err := s.People.Grants.Consents(ctx, realm, u.ID)
	return page(list, "", err)
}

// RevokeConsent ends what a person granted to an application. clientRealm is where the application lives, "" for the
// person's own realm; it may be a hub.
func (s *Service) RevokeConsent(ctx context.Context, a Actor, realm, id, clientRealm, clientID string) error {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	if clientRealm == "" {
		clientRealm = realm
	}
	n, err := s.People.Grants.RevokeConsent(ctx, realm, u.ID, clientRealm, clientID)
	if err != nil {
		return err
	}
	if n == 0 {
		return broker.ErrNotFound
	}
	return s.record(ctx, a, change{kind: "consent.revoked", realm: realm, subject: "user:" + u.ID, detail: fmt.Sprintf("client %s of realm %s, %d grants", clientID, clientRealm, n)})
}

// UserExport is everything about a person.
type UserExport struct {
	ExportedAt time.Time        `json:"exported_at"`
	User       *broker.User     `json:"user"`
	Links      []*broker.Link   `json:"links"`
	Sessions   []*Session       `json:"sessions"`
	Consents   []broker.Consent `json:"consents"`
	Invites    []*Invite        `json:"invites"`
	Merges     []*broker.Merge  `json:"merges"`
	Identities []ExportedAnswer `json:"identities"` // what identity providers said last
	Events     []*Event         `json:"events"`
	Truncated  bool             `json:"events_truncated"` // there are more
}

// ExportedAnswer is what an identity provider said of a person at the last sign-in.
type ExportedAnswer struct {
	Connection string      `json:"connection"`
	At         time.Time   `json:"at"`
	Identity   claims.Seen `json:"identity"`
}

// exportedEvents bounds what one export carries.
const exportedEvents = 20_000

// ExportUser answers everything that is kept about a person (GDPR, articles 15 and 20). That it was asked for is audited.
func (s *Service) ExportUser(ctx context.Context, a Actor, realm, id string) (*UserExport, error) {
	u, err := s.user(ctx, a, realm, id, toRead)
	if err != nil {
		return nil, err
	}
	out := &UserExport{ExportedAt: s.Now(), User: u}
	for _, part := range []func(context.Context, *broker.User) error{out.kept(s), out.signedIn(s), out.said(s), out.happened(s)} {
		if err := part(ctx, u); err != nil {
			return nil, err
		}
	}
	return out, s.record(ctx, a, change{kind: "user.exported", realm: realm, subject: "user:" + u.ID})
}

func (e *UserExport) kept(s *Service) func(context.Context, *broker.User) error {
	return func(ctx context.Context, u *broker.User) (err error) {
		if e.Links, err = s.People.Links.ByUser(ctx, u.ID); err != nil {
			return err
		}
		invites, err := s.People.Invites.OfPerson(ctx, u.Realm, u.Email, u.ID)
		if err != nil {
			return err
		}
		for _, i := range invites {
			e.Invites = append(e.Invites, s.inviteView(i))
		}
		e.Merges, err = s.People.Merges.Of(ctx, u.Realm, u.ID)
		e.Links, e.Invites, e.Merges = filledList(e.Links), filledList(e.Invites), filledList(e.Merges)
		return err
	}
}

// filledList is a list that shows as [] and not as null.
func filledList[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (e *UserExport) signedIn(s *Service) func(context.Context, *broker.User) error {
	return func(ctx context.Context, u *broker.User) (err error) {
		e.Sessions = []*Session{}
		err = each(func(p broker.Page) ([]*broker.Session, string, error) {
			return s.People.Sessions.OfPerson(ctx, u.Realm, u.ID, p)
		}, func(v *broker.Session) error {
			e.Sessions = append(e.Sessions, sessionView(v))
			return nil
		})
		if err != nil {
			return err
		}
		e.Consents, err = s.People.Grants.Consents(ctx, u.Realm, u.ID)
		e.Consents = filledList(e.Consents)
		return err
	}
}

func (e *UserExport) said(s *Service) func(context.Context, *broker.User) error {
	return func(ctx context.Context, u *broker.User) error {
		e.Identities = []ExportedAnswer{}
		list, err := s.People.Identities.Of(ctx, u.Realm, u.ID)
		if err != nil {
			return err
		}
		for _, v := range list {
			seen := ExportedAnswer{Connection: v.Connection, At: v.At}
			if err := json.Unmarshal(v.Value, &seen.Identity); err != nil {
				return err
			}
			e.Identities = append(e.Identities, seen)
		}
		return nil
	}
}

func (e *UserExport) happened(s *Service) func(context.Context, *broker.User) error {
	return func(ctx context.Context, u *broker.User) error {
		e.Events = []*Event{}
		known := map[string]bool{}
		enough := errors.New("enough")
		for _, f := range []EventFilter{{Realm: u.Realm, UserID: u.ID}, {Realm: u.Realm, Email: u.Email}} {
			if f.UserID+f.Email == "" {
				continue
			}
			err := each(func(p broker.Page) ([]broker.Event, string, error) { return s.FindEvents(ctx, f, p) }, func(v broker.Event) error {
				if len(e.Events) == exportedEvents {
					return enough
				}
				if !known[v.ID] {
					known[v.ID] = true
					e.Events = append(e.Events, eventView(v))
				}
				return nil
			})
			if e.Truncated = errors.Is(err, enough); err != nil && !e.Truncated {
				return err
			}
		}
		slices.SortFunc(e.Events, func(a, b *Event) int { return b.At.Compare(a.At) })
		return nil
	}
}

// EraseUser forgets a person for good (GDPR, article 17), with the accounts that were merged into theirs: what is kept of
// them is deleted, and the ledger keeps what happened without saying to whom. It can be repeated until it succeeds.
func (s *Service) EraseUser(ctx context.Context, a Actor, realm, id string) error {
	u, err := s.user(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	if err := s.mayGo(ctx, u); err != nil {
		return err
	}
	merged, err := s.People.Merges.Into(ctx, realm, u.ID)
	if err != nil {
		return err
	}
	for _, m := range merged {
		if err := s.EraseUser(ctx, a, realm, m.From); err != nil && !errors.Is(err, broker.ErrNotFound) {
			return err
		}
	}
	if err := s.EndUser(ctx, realm, u.ID); err != nil {
		return err
	}
	if err := s.forget(ctx, u); err != nil {
		return err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.People.Merges.Forget(ctx, realm, u.ID); err != nil {
			return err
		}
		if err := s.Users.Delete(ctx, realm, u.ID); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "user.erased", realm: realm, subject: "user:" + u.ID})
	})
	if err != nil {
		return err
	}
	// What was on its way into the ledger meanwhile.
	_, err = s.People.Pseudonymise(ctx, realm, u.ID, u.Email)
	return err
}

// forget drops what names a person's address rather than the person.
func (s *Service) forget(ctx context.Context, u *broker.User) error {
	if u.Email != "" {
		if err := s.People.Mails.Forget(ctx, u.Realm, u.Email); err != nil {
			return err
		}
		if err := s.People.Invites.Forget(ctx, u.Realm, u.Email); err != nil {
			return err
		}
	}
	_, err := s.People.Pseudonymise(ctx, u.Realm, u.ID, u.Email)
	return err
}
