package broker

import (
	"slices"
	"time"
)

// ConsoleClientID names the console where operators sign in to it through a connection. No client is called so.
const ConsoleClientID = "cloakroom-console"

// Operator is a person who works in the console. Their address names them in the audit log.
type Operator struct {
	ID       string   `json:"id"`
	Email    string   `json:"email"` // normal form, unique over the installation
	Name     string   `json:"name"`
	Role     string   `json:"role"`   // owner, support, auditor
	Realms   []string `json:"realms"` // the realms they see; empty = all
	Locale   string   `json:"locale"` // of the mails they get
	Disabled bool     `json:"disabled"`
	// Connection and Subject are the upstream account that they sign in with, once they did; both or neither.
	Connection string    `json:"connection,omitempty"`
	Subject    string    `json:"-"`
	LastSeenAt time.Time `json:"last_seen_at,omitzero"`
	Meta
}

// OperatorRoles lists what an operator can be (contract, section 1).
var OperatorRoles = []string{"owner", "support", "auditor"}

// maxOperatorRealms bounds the realms that one operator is limited to.
const maxOperatorRealms = 500

// Defaults fills what was left out.
func (o *Operator) Defaults() {
	if o.Realms == nil {
		o.Realms = []string{}
	}
	if o.Locale == "" {
		o.Locale = Locales[0]
	}
}

// Validate answers every bad field at once. The address's form is for whoever brings it into its normal form.
func (o *Operator) Validate() error {
	var f fields
	checkText(&f, "/name", o.Name, 200)
	oneOf(&f, "/role", o.Role, OperatorRoles)
	oneOf(&f, "/locale", o.Locale, Locales)
	if len(o.Realms) > maxOperatorRealms {
		f.add("/realms", "are more than %d", maxOperatorRealms)
	}
	for i, r := range o.Realms {
		if !ValidName(r) || slices.Contains(o.Realms[:i], r) {
			f.add(ptr("/realms", i), "%q is no realm's name, or is listed twice", r)
		}
	}
	return f.err()
}

// WholeOwner reports whether the operator may do everything: somebody who may must always remain.
func (o *Operator) WholeOwner() bool {
	return o.Role == "owner" && len(o.Realms) == 0 && !o.Disabled
}

// OperatorSession is one browser signed in to the console.
type OperatorSession struct {
	ID         string // SHA-256 of the cookie's value, base64url: what the database knows
	OperatorID string
	Way        string // passkey, password, connection
	RemoteIP   string
	UserAgent  string
	CreatedAt  time.Time
	LastSeenAt time.Time
	FreshAt    time.Time // when the person last proved who they are
	IdleUntil  time.Time
	ExpiresAt  time.Time
}

// Live reports whether the session still counts at the given time.
func (s *OperatorSession) Live(now time.Time) bool {
	return now.Before(s.IdleUntil) && now.Before(s.ExpiresAt)
}

// OperatorLink lets somebody enrol: an operator who was invited or has lost their keys, or, with no OperatorID, the first
// owner of the installation.
type OperatorLink struct {
	Hash       string // of the token in the link's address
	OperatorID string
	ExpiresAt  time.Time
}
