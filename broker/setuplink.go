package broker

import "time"

// SetupLink lets a customer's administrator, who has no account here, do one thing in one realm. Only the hash of its
// token is kept.
type SetupLink struct {
	ID      string `json:"id"`
	Realm   string `json:"realm"`
	Purpose string `json:"purpose"`
	// Connection is the slug that the link is about; for a new connection it is set once the administrator has chosen the
	// provider, unless it was begun here.
	Connection string `json:"connection"`
	// Presets are the providers to choose from; empty: all.
	Presets []string `json:"presets"`
	// Activate lets the administrator switch the new connection on; otherwise that is left to support.
	Activate  bool      `json:"activate"`
	Contact   string    `json:"contact"` // address it was sent to, "" where somebody passes it on
	Locale    string    `json:"locale"`
	Note      string    `json:"note"` // shown to the administrator, as text
	InvitedBy string    `json:"invited_by"`
	TokenHash string    `json:"-"` // SHA-256 of the link's token, base64url
	ExpiresAt time.Time `json:"expires_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	OpenedAt  time.Time `json:"opened_at,omitzero"` // first
	SeenAt    time.Time `json:"seen_at,omitzero"`   // last
	DoneAt    time.Time `json:"done_at,omitzero"`   // when the administrator said so, or all was done
	Meta
}

// What a setup link is for.
const (
	SetupConnection  = "connection"  // a new connection
	SetupCertificate = "certificate" // another certificate or other metadata of a connection
	SetupSecret      = "secret"      // another client secret of a connection
	SetupDomain      = "domain"      // proving domains
	SetupSCIM        = "scim"        // having the directory send its people here
)

// SetupPurposes lists them.
var SetupPurposes = []string{SetupConnection, SetupCertificate, SetupSecret, SetupDomain, SetupSCIM}

// States of a setup link.
const (
	SetupWaiting = "waiting" // nobody has opened it
	SetupOpened  = "opened"
	SetupDone    = "done"
	SetupExpired = "expired"
	SetupRevoked = "revoked"
)

// SetupStates lists them.
var SetupStates = []string{SetupWaiting, SetupOpened, SetupDone, SetupExpired, SetupRevoked}

// State is what became of a link.
func (l *SetupLink) State(now time.Time) string {
	switch {
	case !l.RevokedAt.IsZero():
		return SetupRevoked
	case !l.DoneAt.IsZero():
		return SetupDone
	case !now.Before(l.ExpiresAt):
		return SetupExpired
	case l.OpenedAt.IsZero():
		return SetupWaiting
	}
	return SetupOpened
}

// Live reports whether the link still opens its page. One that is done does until it expires: people look again.
func (l *SetupLink) Live(now time.Time) bool {
	return l.RevokedAt.IsZero() && now.Before(l.ExpiresAt)
}
