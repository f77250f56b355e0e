package admin

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"cloakroom/broker"
	"cloakroom/broker/email"
)

// What can stand in the way of a realm's people when a connection goes live.
const (
	CollisionForm     = "address_form"     // not in the form that sign-ins are compared in
	CollisionTwin     = "same_address"     // one address but for case or form, twice
	CollisionOutside  = "outside_domains"  // the connection does not speak for the domain
	CollisionGuest    = "guest"            // a directory's own name of somebody else's person
	CollisionNoEmail  = "no_address"       // nothing to find the person by
	CollisionLinked   = "other_connection" // comes through another connection today
	collisionExamples = 200
	// maxSurveyed bounds the walk over a realm's people.
	maxSurveyed = 500_000
)

// CollisionKinds lists them, in the order of a report.
var CollisionKinds = []string{CollisionTwin, CollisionForm, CollisionGuest, CollisionOutside, CollisionNoEmail, CollisionLinked}

// Collisions is what an operator reads before a connection goes live.
type Collisions struct {
	Connection string      `json:"connection"`
	People     int         `json:"people" doc:"How many were looked at"`
	Truncated  bool        `json:"truncated" doc:"The realm has more people than are looked at"`
	Findings   []Collision `json:"findings"`
}

// Collision is one sort of obstacle.
type Collision struct {
	Kind     string             `json:"kind" enum:"same_address,address_form,guest,outside_domains,no_address,other_connection"`
	Count    int                `json:"count"`
	Examples []CollisionExample `json:"examples" doc:"The first 200"`
}

// CollisionExample is a person whom it concerns.
type CollisionExample struct {
	UserID string `json:"user_id"`
	Email  string `json:"email"`
	// Detail is the other half: who has the same address, the form it should have, the connections there are.
	Detail string `json:"detail,omitempty"`
}

// FindCollisions looks at all people of the realm, page by page, for those whom the connection would not find, or find
// wrongly.
func (s *Service) FindCollisions(ctx context.Context, a Actor, realm, slug string) (*Collisions, error) {
	conn, err := s.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return nil, err
	}
	v := &survey{s: s, conn: conn, owned: map[string]bool{}, seen: map[string]string{}, found: map[string]*Collision{}}
	for _, k := range CollisionKinds {
		v.found[k] = &Collision{Kind: k, Examples: []CollisionExample{}}
	}
	if err := v.walk(ctx); err != nil {
		return nil, err
	}
	out := &Collisions{Connection: slug, People: v.people, Truncated: v.truncated}
	for _, k := range CollisionKinds {
		out.Findings = append(out.Findings, *v.found[k])
	}
	return out, nil
}

// survey is one walk under way.
type survey struct {
	s         *Service
	conn      *broker.Connection
	owned     map[string]bool   // domain: verified by the realm
	seen      map[string]string // likeness of an address: who has it
	found     map[string]*Collision
	people    int
	truncated bool
}

func (v *survey) walk(ctx context.Context) error {
	p := broker.Page{Limit: 200}
	for {
		users, next, err := v.s.Users.List(ctx, v.conn.Realm, p)
		if err != nil {
			return err
		}
		if err := v.page(ctx, users); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		if v.people >= maxSurveyed {
			v.truncated = true
			return nil
		}
		p.Cursor = next
	}
}

func (v *survey) page(ctx context.Context, users []*broker.User) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	links, err := v.s.Linked(ctx, v.conn.Realm, ids)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Status == broker.StatusMerged {
			continue // is looked at as the account it is now a part of
		}
		v.people++
		if err := v.one(ctx, u, links[u.ID]); err != nil {
			return err
		}
	}
	return nil
}

func (v *survey) one(ctx context.Context, u *broker.User, linked []string) error {
	if others := slices.DeleteFunc(slices.Clone(linked), func(c string) bool { return c == v.conn.Slug }); len(others) > 0 {
		v.add(CollisionLinked, u, strings.Join(slices.Compact(others), ", "))
	}
	if u.Email == "" {
		v.add(CollisionNoEmail, u, "")
		return nil
	}
	if real, guest := guestOf(u.Email); guest {
		v.add(CollisionGuest, u, real)
	}
	v.likeness(u)
	a, err := email.Normalise(u.Email)
	if err != nil || a.String() != u.Email {
		v.add(CollisionForm, u, a.String())
	}
	ok, err := v.inside(ctx, a)
	if err == nil && !ok {
		v.add(CollisionOutside, u, a.Domain())
	}
	return err
}

// likeness finds people of one address who differ in case or in the way a letter is written.
func (v *survey) likeness(u *broker.User) {
	key := strings.ToLower(norm.NFKC.String(strings.TrimSpace(u.Email)))
	if real, guest := guestOf(key); guest && real != "" {
		key = real
	}
	if other, twice := v.seen[key]; twice {
		v.add(CollisionTwin, u, other)
		return
	}
	v.seen[key] = u.ID
}

// inside says whether the connection speaks for the address: its domain is listed and the realm's own.
func (v *survey) inside(ctx context.Context, a email.Address) (bool, error) {
	d := a.Domain()
	if !slices.Contains(v.conn.Domains, d) {
		return false, nil
	}
	owned, known := v.owned[d]
	if !known {
		holder, err := v.s.Domains.Verified(ctx, d)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return false, err
		}
		owned = err == nil && holder.Realm == v.conn.Realm
		v.owned[d] = owned
	}
	return owned, nil
}

func (v *survey) add(kind string, u *broker.User, detail string) {
	c := v.found[kind]
	c.Count++
	if len(c.Examples) < collisionExamples {
		c.Examples = append(c.Examples, CollisionExample{UserID: u.ID, Email: u.Email, Detail: detail})
	}
}

// guestOf reads a Microsoft Entra guest's name, ann_partner.example#EXT#@acme.onmicrosoft.com: which address it stands
// for, where that can be told.
func guestOf(address string) (real string, guest bool) {
	i := strings.Index(strings.ToUpper(address), "#EXT#@")
	if i < 0 {
		return "", false
	}
	name := address[:i]
	j := strings.LastIndexByte(name, '_')
	if j < 1 {
		return "", true
	}
	a, err := email.Normalise(name[:j] + "@" + name[j+1:])
	if err != nil {
		return "", true
	}
	return a.String(), true
}
