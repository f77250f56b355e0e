package admin

import (
	"context"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Roles of operators and API keys (contract, section 1).
const (
	Owner   = "owner"
	Support = "support"
	Auditor = "auditor"
)

// Roles lists them.
var Roles = []string{Owner, Support, Auditor}

// Actor is who asks: an API key, an operator, the command line.
type Actor struct {
	Name     string   // as the audit log shows it: "apikey:ci", "operator:eva@example.org", "cli"
	Role     string   // owner, support, auditor
	Realms   []string // the realms it sees; empty = all
	RemoteIP string
}

// right is what a verb needs.
type right int

const (
	toRead    right = iota // every role
	toSupport              // connections, domains, diagnosis: support and owner
	toOwn                  // owner
)

func (a Actor) sees(realm string) bool { return len(a.Realms) == 0 || slices.Contains(a.Realms, realm) }

func (a Actor) has(r right) bool {
	switch a.Role {
	case Owner:
		return true
	case Support:
		return r == toRead || r == toSupport
	case Auditor:
		return r == toRead
	}
	return false
}

// installation is the right to what belongs to no realm. Who is given some realms only has none: it could reach the
// others through it.
func (a Actor) installation(r right) error {
	if len(a.Realms) > 0 {
		return fault.New(fault.Forbidden, "%s is limited to some realms, and this belongs to the installation", a.Name)
	}
	return a.allow(r)
}

func (a Actor) allow(r right) error {
	if a.has(r) {
		return nil
	}
	return fault.New(fault.Forbidden, "%s has the role %q", a.Name, a.Role)
}

// wholeOwner is an owner of the installation, not of some realms only.
func (a Actor) wholeOwner() bool { return a.Role == Owner && len(a.Realms) == 0 }

// enter is the wall: it answers the realm, or not_found for one that does not exist or that the actor does not see, and
// forbidden only where the actor sees it.
func (s *Service) enter(ctx context.Context, a Actor, realm string, r right) (*broker.Realm, error) {
	if !a.sees(realm) || !broker.ValidName(realm) {
		return nil, broker.ErrNotFound
	}
	found, err := s.Realms.Get(ctx, realm)
	if err != nil {
		return nil, err
	}
	// Whoever can change where operators sign in can sign in as any of them.
	if found.Operators && r != toRead && !a.wholeOwner() {
		return nil, fault.New(fault.Forbidden, "operators sign in through the realm %q, so only an owner of the whole installation changes what is in it", realm)
	}
	return found, a.allow(r)
}

// Match is an If-Match header: the versions that the change may start from. Nil matches any.
type Match []int64

func (m Match) check(version int64) error {
	if m == nil || slices.Contains(m, version) {
		return nil
	}
	return fault.New(fault.Conflict, "the stored version is %d", version)
}
