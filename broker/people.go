package broker

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Group is a named set of people of a realm. Membership stands in User.Groups; a Group row gives it a description and
// keeps it when nobody is in it.
type Group struct {
	Name        string `json:"name"`
	Realm       string `json:"realm"`
	Description string `json:"description"`
	Meta
}

// GroupRule maps upstream values to groups of ours.
type GroupRule struct {
	Attribute string   `json:"attribute"` // upstream attribute; "" is what the mapping calls groups
	Match     string   `json:"match"`     // equals, regex (RE2, whole value), always
	Value     string   `json:"value"`
	Groups    []string `json:"groups"`
}

// GroupMatches are the ways a rule may match.
var GroupMatches = []string{"equals", "regex", "always"}

// Invite lets somebody in. Bound to an address it is good for that address once; open, it has a count.
type Invite struct {
	ID         string `json:"id"`
	Realm      string `json:"realm"`
	Email      string `json:"email"` // normal form, "" for an open invitation
	MaxUses    int    `json:"max_uses"`
	Uses       int    `json:"uses"`
	Connection string `json:"connection"` // slug the person must come through, "" for any
	ClientID   string `json:"client_id"`  // application to land in, "" for the realm's default
	// ClientRealm is the hub that the application is a client of, "" for the realm itself.
	ClientRealm string    `json:"client_realm,omitempty"`
	Groups      []string  `json:"groups"`   // given to the person by hand, so kept at later sign-ins
	Excluded    bool      `json:"excluded"` // from enforcement: a contractor
	Locale      string    `json:"locale"`
	Note        string    `json:"note"` // shown in the mail, as text
	InvitedBy   string    `json:"invited_by"`
	TokenHash   string    `json:"-"` // SHA-256 of the link's token, base64url
	ExpiresAt   time.Time `json:"expires_at"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	SentAt      time.Time `json:"sent_at,omitzero"`
	UsedAt      time.Time `json:"used_at,omitzero"` // last
	Meta
}

// What can have become of an invitation.
const (
	InviteLive    = "live"
	InviteUsed    = "used"
	InviteExpired = "expired"
	InviteRevoked = "revoked"
)

// InviteStates lists them.
var InviteStates = []string{InviteLive, InviteUsed, InviteExpired, InviteRevoked}

// State is what became of an invitation.
func (i *Invite) State(now time.Time) string {
	switch {
	case !i.RevokedAt.IsZero():
		return InviteRevoked
	case i.Uses >= i.MaxUses:
		return InviteUsed
	case !now.Before(i.ExpiresAt):
		return InviteExpired
	}
	return InviteLive
}

// Live reports whether an invitation can still be used.
func (i *Invite) Live(now time.Time) bool { return i.State(now) == InviteLive }

// HashToken is what is kept of a token that only its holder knows: SHA-256, base64url. Tokens carry 256 random bits, so
// nothing slower is needed.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Credential is a local way in of a person who is excluded from single sign-on.
type Credential struct {
	ID         string    `json:"id"`
	Realm      string    `json:"realm"`
	UserID     string    `json:"user_id"`
	Kind       string    `json:"kind"` // password, passkey
	Name       string    `json:"name"` // what the person calls it
	Data       []byte    `json:"-"`    // argon2id hash, or the WebAuthn credential record; sealed at rest
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// What keeps a person out for now. Blocked is an operator's decision and stands in User.Blocked.
const (
	StatusActive  = ""        // may sign in
	StatusPending = "pending" // waits for approval
	StatusHeld    = "held"    // came when all seats were taken
	StatusMerged  = "merged"  // is now somebody else's account: User.MergedInto

	// StandingBlocked stands beside the statuses where people are counted and listed.
	StandingBlocked = "blocked"
)

// Merge is an explicit, reversible act: From became a part of Into.
type Merge struct {
	ID     string `json:"id"`
	Realm  string `json:"realm"`
	From   string `json:"from"`
	Into   string `json:"into"`
	Links  []Link `json:"links"` // those that moved
	Before User   `json:"before"`
	// Gave* is what Into got by the merge and loses when it is undone: what it had already is not among it.
	GaveManual   []string  `json:"gave_manual"`
	GaveGroups   []string  `json:"gave_groups"`
	GaveExcluded bool      `json:"gave_excluded"`
	GaveInvites  []string  `json:"gave_invites"` // IDs of the invitations that now name Into's address
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	UndoneAt     time.Time `json:"undone_at,omitzero"`
}

// UserFilter narrows a list of people; empty fields say nothing.
type UserFilter struct {
	Link       string // a stable upstream subject
	Connection string // slug of a connection that the person is linked to
	Group      string
	Status     string // active, blocked, pending, held, merged
}

// StandingActive is what UserFilter calls StatusActive.
const StandingActive = "active"

// UserStatuses are what UserFilter.Status takes.
var UserStatuses = []string{StandingActive, StandingBlocked, StatusPending, StatusHeld, StatusMerged}

// GroupCount is a group with how many people are in it, of them how many by hand.
type GroupCount struct {
	Group
	Members int64 `json:"members"`
	ByHand  int64 `json:"by_hand"`
}

// Likeness is a set of people of a realm who may be one and the same.
type Likeness struct {
	Reason string  `json:"reason"` // address: the same but for case, dots or what follows a plus; name: the same name
	Count  int64   `json:"count"`
	People []*User `json:"people"` // the first of them
}

// SeenIdentity is what a connection asserted of a person at the last sign-in.
type SeenIdentity struct {
	Realm      string
	Connection string
	UserID     string
	At         time.Time
	Value      []byte // claims.Redacted as JSON; sealed at rest
}

// Consent is what a person let an application know.
type Consent struct {
	Realm    string    `json:"realm"`
	UserID   string    `json:"user_id"`
	ClientID string    `json:"client_id"`
	Scopes   []string  `json:"scopes"`
	At       time.Time `json:"at"`
}

// Bounds of a connection's mapping.
const (
	maxGroupRules = 100
	maxRuleGroups = 50
	maxGroupNames = 5000
)

// checkGroup holds a group's name to what can be stored, shown and put in a token.
func checkGroup(f *fields, pointer, name string) {
	checkText(f, pointer, name, 255)
	if strings.TrimSpace(name) != name || name == "" {
		f.add(pointer, "is empty, or begins or ends with a blank")
	}
}

// Validate answers every bad field of a group.
func (g *Group) Validate() error {
	var f fields
	checkGroup(&f, "/name", g.Name)
	checkText(&f, "/description", g.Description, 1000)
	return f.err()
}

// maxManualGroups bounds what is given to one person by hand.
const maxManualGroups = 200

// Validate answers every bad field of a person that an operator wrote.
func (u *User) Validate() error {
	var f fields
	checkText(&f, "/given_name", u.GivenName, 200)
	checkText(&f, "/family_name", u.FamilyName, 200)
	checkText(&f, "/name", u.Name, 200)
	checkText(&f, "/locale", u.Locale, 35)
	if len(u.ManualGroups) > maxManualGroups {
		f.add("/manual_groups", "has more than %d groups", maxManualGroups)
	}
	for i, g := range u.ManualGroups {
		checkGroup(&f, ptr("/manual_groups", i), g)
	}
	return f.err()
}

// UpdatePolicies say when a profile field is taken from upstream.
var UpdatePolicies = []string{"once", "always"}

// validateMapping checks a connection's rules for groups and profile updates.
func (c *Connection) validateMapping(f *fields) {
	// Every rule looks at every value of every sign-in: 100 rules over 1,000 groups stay below 50 ms.
	if len(c.GroupRules) > maxGroupRules {
		f.add("/group_rules", "has more than %d rules", maxGroupRules)
	}
	if len(c.GroupNames) > maxGroupNames {
		f.add("/group_names", "has more than %d names", maxGroupNames)
	}
	for i, r := range c.GroupRules {
		at := ptr("/group_rules", i)
		oneOf(f, at+"/match", r.Match, GroupMatches)
		checkText(f, at+"/attribute", r.Attribute, 255)
		checkText(f, at+"/value", r.Value, 255)
		if r.Match == "regex" {
			if _, err := regexp.Compile(r.Value); err != nil {
				f.add(at+"/value", "is not a regular expression (RE2)")
			}
		}
		if r.Match == "always" && (r.Value != "" || r.Attribute != "") {
			f.add(at+"/match", "always looks at no attribute and no value")
		}
		if r.Match == "equals" && r.Value == "" {
			f.add(at+"/value", "is missing")
		}
		if len(r.Groups) == 0 || len(r.Groups) > maxRuleGroups {
			f.add(at+"/groups", "names 1 to %d groups", maxRuleGroups)
		}
		for j, g := range r.Groups {
			checkGroup(f, ptr(at+"/groups", j), g)
		}
	}
	for id, name := range c.GroupNames {
		checkText(f, "/group_names/"+id, id, 255)
		checkGroup(f, "/group_names/"+id, name)
	}
	for field, policy := range c.UpdateProfile {
		if !slices.Contains([]string{"given_name", "family_name", "name", "locale", "groups"}, field) {
			f.add("/update_profile/"+field, "is not one of given_name, family_name, name, locale, groups")
		}
		oneOf(f, "/update_profile/"+field, policy, UpdatePolicies)
	}
}
