package broker

import "time"

// Profile is an identity normalised (claims.Normalise): what the broker believes of a person. Tokens are made from a
// User, users from Profiles, Profiles from verified identities, and from nothing else.
type Profile struct {
	Subject       string              `json:"subject"`      // stable within the connection
	SubjectKind   string              `json:"subject_kind"` // how it was found: "sub", "tid+oid", "nameid", "attribute:<name>", "email"
	Mutable       bool                `json:"subject_mutable"`
	Email         string              `json:"email"`          // normal form of contract section 5, "" if none
	EmailProved   bool                `json:"email_verified"` // the upstream itself proves it (email_verified true, xms_edov, hd, pinned tenant)
	GivenName     string              `json:"given_name"`
	FamilyName    string              `json:"family_name"`
	Name          string              `json:"name"`
	Locale        string              `json:"locale"`
	Groups        []string            `json:"groups"`
	GroupsOmitted bool                `json:"groups_omitted"`
	Attributes    map[string][]string `json:"attributes"` // raw, as the upstream sent them
}

// User is a person in a realm.
type User struct {
	ID            string              `json:"id"` // UUID; the sub of tokens
	Realm         string              `json:"realm"`
	Email         string              `json:"email"`
	EmailVerified bool                `json:"email_verified"`
	GivenName     string              `json:"given_name"`
	FamilyName    string              `json:"family_name"`
	Name          string              `json:"name"`
	Locale        string              `json:"locale"`
	Groups        []string            `json:"groups"`
	Attributes    map[string][]string `json:"attributes"`
	Blocked       bool                `json:"blocked"`
	Status        string              `json:"status"` // StatusActive, StatusPending, StatusHeld, StatusMerged
	MergedInto    string              `json:"merged_into,omitempty"`
	ManualGroups  []string            `json:"manual_groups,omitempty"` // given by hand or invitation; part of Groups whatever the upstream says
	// UpstreamGroups are what the connection GroupsFrom listed last, before its rules; GroupsOmittedAt is since when it
	// leaves them out, zero while it lists them (claims.Rules).
	UpstreamGroups  []string  `json:"upstream_groups,omitempty"`
	GroupsFrom      string    `json:"groups_from,omitempty"`
	GroupsOmittedAt time.Time `json:"groups_omitted_at,omitzero"`
	// PinnedConnection is the slug this person goes to, whatever the domain says.
	PinnedConnection string    `json:"pinned_connection,omitempty"`
	Excluded         bool      `json:"excluded"` // from enforcement: may use the realm's local ways in
	LastLoginAt      time.Time `json:"last_login_at,omitzero"`
	Meta
}

// Defaults fills what was left out: a person in no group has an empty list of them.
func (u *User) Defaults() {
	if u.Groups == nil {
		u.Groups = []string{}
	}
}

// Link ties (connection, stable upstream subject) to a user.
type Link struct {
	Connection string    `json:"connection"` // slug
	Subject    string    `json:"subject"`
	Realm      string    `json:"realm"`
	UserID     string    `json:"user_id"`
	Mutable    bool      `json:"subject_mutable"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// Session is one browser signed in to a realm's applications.
type Session struct {
	ID         string // SHA-256 of the cookie's value, base64url: what the database knows
	SID        string // public name of it: the sid claim
	Realm      string // where the clients live: the cookie's realm
	HomeRealm  string // the user's own realm; differs from Realm only below a hub
	UserID     string
	Connection string // slug it came through
	Upstream   UpstreamSession
	AuthTime   time.Time
	ACR        string
	AMR        []string
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time // hard end: max of the realm, SessionNotOnOrAfter
	IdleUntil  time.Time
	UserAgent  string
}

// UpstreamSession is what logout upstream needs; stored sealed.
type UpstreamSession struct {
	Issuer          string `json:"issuer,omitempty"`
	Subject         string `json:"subject,omitempty"`
	SubjectFormat   string `json:"subject_format,omitempty"`
	NameQualifier   string `json:"name_qualifier,omitempty"`
	SPNameQualifier string `json:"sp_name_qualifier,omitempty"`
	SessionIndex    string `json:"session_index,omitempty"`
	IDToken         string `json:"id_token,omitempty"`
	// Trial says that the connection's configuration on trial made the session: nothing of it was held against the
	// accounts that the connection's own upstream knows.
	Trial bool `json:"trial,omitempty"`
}

// Live reports whether the session still counts at the given time.
func (s *Session) Live(now time.Time) bool {
	return now.Before(s.ExpiresAt) && now.Before(s.IdleUntil)
}
