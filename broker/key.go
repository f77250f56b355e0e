package broker

import "time"

// Key is one of our own key pairs. Owner is "realm:<name>" for what signs tokens and assertions, "connection:<slug>" for
// a connection's SAML and private_key_jwt side.
type Key struct {
	ID          string    `json:"kid"`
	Owner       string    `json:"owner"`
	Alg         string    `json:"alg"`   // RS256, ES256, EdDSA
	State       string    `json:"state"` // next, active, retired
	Private     []byte    `json:"-"`     // PKCS #8, sealed at rest
	Certificate []byte    `json:"-"`     // DER, self-signed; empty for keys that only sign JWTs
	ActivatedAt time.Time `json:"activated_at,omitzero"`
	RetiredAt   time.Time `json:"retired_at,omitzero"` // still published until PublishUntil
	// PublishUntil is the time until which a retired key is still served, so that what it signed can be verified.
	PublishUntil time.Time `json:"publish_until,omitzero"`
	CreatedAt    time.Time `json:"created_at"`
}

// Domain is a claim of a realm on an email domain.
type Domain struct {
	Domain     string    `json:"domain"` // IDNA A-label form
	Realm      string    `json:"realm"`
	Token      string    `json:"token"` // for the TXT record cloakroom-verify=<token> at _cloakroom.<domain>
	Verified   bool      `json:"verified"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	VerifiedBy string    `json:"verified_by"`         // "dns", or the operator who vouched
	CheckedAt  time.Time `json:"checked_at,omitzero"` // when DNS last gave an answer
	// CheckAt is when the record is looked for next; zero: never, as for a claim that was not proved by DNS.
	CheckAt time.Time `json:"check_at,omitzero"`
	// LostAt is when a proof that had been found was first missed; after the grace time the domain is suspended: Verified
	// becomes false and SuspendedAt is set.
	LostAt      time.Time `json:"lost_at,omitzero"`
	SuspendedAt time.Time `json:"suspended_at,omitzero"`
	// TransferTo is the realm that the owner offers the domain to; that realm's acceptance completes the act.
	TransferTo string `json:"transfer_to,omitempty"`
	Meta
}

// APIKey is a key of the admin API. Only its hash is kept.
type APIKey struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`   // owner, support, auditor
	Realms     []string  `json:"realms"` // empty = all
	Hash       string    `json:"-"`      // SHA-256 of the key, base64url
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	Meta
}

// Event is one line of the ledger: an audited change ("connection.updated") or something that happened at a login
// ("login.succeeded", "login.failed").
type Event struct {
	ID         string    `json:"id"` // sortable by time
	At         time.Time `json:"at"`
	Realm      string    `json:"realm,omitempty"`
	Kind       string    `json:"kind"`
	Actor      string    `json:"actor,omitempty"`   // "apikey:<name>", "operator:<email>", "system", "cli"
	Subject    string    `json:"subject,omitempty"` // what it is about: "connection:acme-okta", "user:<id>"
	Ref        string    `json:"ref,omitempty"`     // a login's reference
	Connection string    `json:"connection,omitempty"`
	Client     string    `json:"client,omitempty"`
	UserID     string    `json:"user_id,omitempty"`
	Email      string    `json:"email,omitempty"`
	Code       string    `json:"code,omitempty"` // fault code
	Detail     string    `json:"detail,omitempty"`
	Before     []byte    `json:"before,omitempty"` // JSON, secrets masked
	After      []byte    `json:"after,omitempty"`
	RemoteIP   string    `json:"remote_ip,omitempty"`
}

// Change says that a stored object changed, so that caches on every replica forget it.
type Change struct {
	Kind  string // realm, connection, client, domain, key
	Realm string
	Key   string // name, slug, client_id, domain, owner
}

// Page asks for one page of a list.
type Page struct {
	Limit  int    // 1 to 200; 0 means 50
	Cursor string // as answered by the page before
	Query  string // search text, matched against names
}

// Size is the limit with its default and bound.
func (p Page) Size() int {
	switch {
	case p.Limit <= 0:
		return 50
	case p.Limit > 200:
		return 200
	}
	return p.Limit
}
