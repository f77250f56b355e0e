package broker

import (
	"encoding/json"
	"strings"
	"time"
)

// SCIMToken lets a customer's directory write the people of one connection. Only the hash of it is kept.
type SCIMToken struct {
	ID         string    `json:"id"` // sorts by time
	Realm      string    `json:"realm"`
	Connection string    `json:"connection"` // slug
	Name       string    `json:"name"`
	Hint       string    `json:"hint"` // its last characters, by which the two consoles are compared
	Hash       string    `json:"-"`    // SHA-256 of the token, base64url
	CreatedBy  string    `json:"created_by"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	Meta
}

// SCIMTokenPrefix lets scanners of leaked secrets recognise a directory's token.
const SCIMTokenPrefix = "cloakroom_scim_"

// SCIMTokenSize is the length of a token: the prefix and 256 bits, base64url.
const SCIMTokenSize = len(SCIMTokenPrefix) + 43

// NewSCIMToken makes a token.
func NewSCIMToken() string { return SCIMTokenPrefix + RandomToken(32) }

// What a directory's token can have become.
const (
	SCIMTokenLive    = "live"
	SCIMTokenExpired = "expired"
	SCIMTokenRevoked = "revoked"
)

// State is what became of a token.
func (t *SCIMToken) State(now time.Time) string {
	switch {
	case !t.RevokedAt.IsZero():
		return SCIMTokenRevoked
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return SCIMTokenExpired
	}
	return SCIMTokenLive
}

// DirectoryUser is a person as the directory of a connection describes them (RFC 7643, section 4.1), tied to the person
// of the connection's realm.
type DirectoryUser struct {
	ID          string   `json:"id"` // the resource's; stays the same for ever
	Realm       string   `json:"realm"`
	Connection  string   `json:"connection"` // slug
	UserID      string   `json:"user_id"`
	UserName    string   `json:"user_name"`   // unique in the directory, without regard to case
	ExternalID  string   `json:"external_id"` // unique in the directory, "" where none is sent
	DisplayName string   `json:"display_name"`
	Email       string   `json:"email"`  // normal form of the address that counts
	Emails      []string `json:"emails"` // all that were sent, as Fold has them
	Active      bool     `json:"active"`
	// Deleted: the directory has deleted the resource. It is kept, out of the directory's sight, so that the person stays
	// locked out of the connection.
	Deleted bool `json:"deleted,omitempty"`
	// Given are the groups of the directory's that the person's account has been given; Stale says that they may differ
	// from those that the person is a member of.
	Given []string `json:"given"`
	Stale bool     `json:"-"`
	// Resource is what was sent, with the names that the schemas have.
	Resource json.RawMessage `json:"-"`
	Meta
}

// DirectoryGroup is a group of a connection's directory (RFC 7643, section 4.2).
type DirectoryGroup struct {
	ID          string `json:"id"`
	Realm       string `json:"realm"`
	Connection  string `json:"connection"` // slug
	DisplayName string `json:"display_name"`
	ExternalID  string `json:"external_id"`
	Members     int64  `json:"members"`
	Meta
}

// DirectoryMember is one member of a group.
type DirectoryMember struct {
	ID      string // the user resource's
	Display string
}

// DirectoryQuery narrows a list of a directory's users or groups; empty fields say nothing. Texts are compared as the
// schemas say: user names, addresses and display names without regard to case.
type DirectoryQuery struct {
	ID, UserName, ExternalID, DisplayName string
	Email                                 string // any of the user's addresses
	Member                                string // ID of a group's member
	Active                                *bool
}

// DirectoryStanding is what a connection's directory says of a person who signs in.
type DirectoryStanding struct {
	Known       bool // the directory has, or had, the person
	Active      bool
	ExternalIDs []string // of all its resources that are this person
	Groups      []string
}

// DirectoryRequest is one request of a customer's directory, as the request log shows it.
type DirectoryRequest struct {
	ID         string    `json:"id"` // sorts by time
	Realm      string    `json:"realm"`
	Connection string    `json:"connection"`
	At         time.Time `json:"at"`
	Method     string    `json:"method"`
	Path       string    `json:"path"` // below the base URL, with the query
	Status     int       `json:"status"`
	Code       string    `json:"code,omitempty"` // of the fault
	Detail     string    `json:"detail,omitempty"`
	Token      string    `json:"token,omitempty"` // name of the token
	RemoteIP   string    `json:"remote_ip,omitempty"`
	UserAgent  string    `json:"user_agent,omitempty"`
}

// DirectoryState is how a connection's directory stands: what it has sent so far.
type DirectoryState struct {
	Realm      string `json:"-"`
	Connection string `json:"-"`
	// Requests counts all, Failures those that were refused, Refused those of them without a valid token.
	Requests, Failures, Refused int64
	// UserReads and GroupReads count queries, UserWrites and GroupWrites changes that were carried out.
	UserReads, UserWrites, GroupReads, GroupWrites int64
	FirstAt, LastAt                                time.Time // of all requests
	LastReadAt, LastUserWriteAt, LastGroupWriteAt  time.Time
	// LastFailure is the last request that was refused; zero if none was.
	LastFailureAt                            time.Time
	LastFailureCode, LastFailureDetail       string
	LastFailureMethod, LastFailurePath       string
	Users, ActiveUsers, Groups, DeletedUsers int64 // at present
}

// Fold is a text in the form in which user names, addresses and display names of a directory are compared.
func Fold(s string) string { return strings.ToLower(s) }
