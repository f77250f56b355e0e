package broker

import (
	"regexp"
	"slices"
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
	ID         string    `json:"id"`
	Realm      string    `json:"realm"`
	Email      string    `json:"email"` // normal form, "" for an open invitation
	MaxUses    int       `json:"max_uses"`
	Uses       int       `json:"uses"`
	Connection string    `json:"connection"` // slug the person must come through, "" for any
	ClientID   string    `json:"client_id"`  // application to land in, "" for the realm's default
	Groups     []string  `json:"groups"`     // given to the person by hand, so kept at later sign-ins
	Excluded   bool      `json:"excluded"`   // from enforcement: a contractor
	Locale     string    `json:"locale"`
	Note       string    `json:"note"` // shown in the mail, as text
	InvitedBy  string    `json:"invited_by"`
	TokenHash  string    `json:"-"` // SHA-256 of the link's token, base64url
	ExpiresAt  time.Time `json:"expires_at"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	UsedAt     time.Time `json:"used_at,omitzero"` // last
	Meta
}

// Live reports whether an invitation can still be used.
func (i *Invite) Live(now time.Time) bool {
	return i.RevokedAt.IsZero() && now.Before(i.ExpiresAt) && i.Uses < i.MaxUses
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
)

// Merge is an explicit, reversible act: From became a part of Into.
type Merge struct {
	ID       string    `json:"id"`
	Realm    string    `json:"realm"`
	From     string    `json:"from"`
	Into     string    `json:"into"`
	Links    []Link    `json:"links"` // those that moved
	Before   User      `json:"before"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	UndoneAt time.Time `json:"undone_at,omitzero"`
}

// Consent is what a person let an application know.
type Consent struct {
	Realm    string    `json:"realm"`
	UserID   string    `json:"user_id"`
	ClientID string    `json:"client_id"`
	Scopes   []string  `json:"scopes"`
	At       time.Time `json:"at"`
}

// UpdatePolicies say when a profile field is taken from upstream.
var UpdatePolicies = []string{"once", "always"}

// validateMapping checks a connection's rules for groups and profile updates.
func (c *Connection) validateMapping(f *fields) {
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
		if len(r.Groups) == 0 {
			f.add(at+"/groups", "names no group")
		}
		for j, g := range r.Groups {
			checkText(f, ptr(at+"/groups", j), g, 255)
		}
	}
	for id, name := range c.GroupNames {
		checkText(f, "/group_names/"+id, name, 255)
	}
	for field, policy := range c.UpdateProfile {
		if !slices.Contains([]string{"given_name", "family_name", "name", "locale", "groups"}, field) {
			f.add("/update_profile/"+field, "is not one of given_name, family_name, name, locale, groups")
		}
		oneOf(f, "/update_profile/"+field, policy, UpdatePolicies)
	}
}
