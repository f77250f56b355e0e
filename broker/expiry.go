package broker

import "time"

// ExpiryWarning is the event that something ends soon, or has ended.
const ExpiryWarning = "expiry.warning"

// Kinds of things that end.
const (
	ExpiryIdPCertificate = "idp_certificate" // an identity provider signs with it
	ExpirySPCertificate  = "sp_certificate"  // our own towards an identity provider
	ExpiryRealmKey       = "realm_key"       // a realm's key with a certificate
	ExpiryClientSecret   = "client_secret"   // ours at an identity provider
	ExpiryMetadata       = "metadata"        // validUntil
	ExpiryDomainProof    = "domain_proof"    // the day on which a domain is suspended
	ExpiryAPIKey         = "api_key"
	ExpirySetupLink      = "setup_link"
	ExpirySCIMToken      = "scim_token"
)

// Expiry is one thing that ends, and when.
type Expiry struct {
	ID         string `json:"id"`
	Realm      string `json:"realm,omitempty"`      // "" for what belongs to the installation
	Connection string `json:"connection,omitempty"` // slug, where it belongs to one
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	// Fingerprint tells things of one kind and name apart: of a certificate its SHA-256, in hexadecimal.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Since is when its life began, zero if not known. Nobody is warned before half of it is over.
	Since time.Time `json:"since,omitzero"`
	At    time.Time `json:"expires_at"`
	// Replaced: another of its kind that ends later is in place already, so that its end matters to nobody. Muted: what it
	// belongs to is switched off. Nobody is warned of either.
	Replaced bool `json:"replaced"`
	Muted    bool `json:"muted,omitempty"`
	// Warned is the threshold, in days, that was warned of last; nil: none yet.
	Warned *int `json:"warned,omitempty"`
	// WarnAt is when the next warning is due, zero if none will be.
	WarnAt time.Time `json:"warn_at,omitzero"`
	// DaysLeft is filled for whoever looks at it.
	DaysLeft int `json:"days_left"`
	// Subject is what it belongs to, as events name it: "connection:acme-okta".
	Subject string `json:"subject"`
}

// ExpirySpan is what an expiry bar shows in full.
const ExpirySpan = 90 * 24 * time.Hour

// Days counts the whole days until it ends, a begun one as one; 0 once it has ended.
func (e *Expiry) Days(now time.Time) int {
	left := e.At.Sub(now)
	if left <= 0 {
		return 0
	}
	return int((left + 24*time.Hour - 1) / (24 * time.Hour))
}

// Percent is how much of the last ExpirySpan is left, 0 to 100.
func (e *Expiry) Percent(now time.Time) int {
	left := min(max(e.At.Sub(now), 0), ExpirySpan)
	return int(left * 100 / ExpirySpan)
}

// ExpiryFilter narrows a list of expiries; empty fields say nothing.
type ExpiryFilter struct {
	Realms     []string
	Connection string
	Before     time.Time
	Kind       string
	// Replaced: also those that something newer stands in for.
	Replaced bool
}

// ExpiryNotice is what a contact is to be told of, with the next mail that goes there.
type ExpiryNotice struct {
	Realm, Contact string
	Expiry         Expiry
	Days           int // the threshold that was crossed
	At             time.Time
}
