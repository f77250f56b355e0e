package broker

import "time"

// Grant is what one authorization gave a client: it begins as an authorization code and lives on as a refresh token.
// One row from code to last refresh: an access token is good as long as its grant is.
//
// Refresh tokens are not stored: generation n is HMAC-SHA256(Secret, n), so that the answer to a repeated refresh is the
// same token again and a leaked database holds none.
type Grant struct {
	ID        string // 128 random bits, base64url
	LoginID   string // the login that made it; unique, so a login finishes once
	Realm     string
	HomeRealm string
	ClientID  string
	UserID    string // "" for client_credentials
	SessionID string // Session.ID
	SID       string

	CodeHash      string // SHA-256 of the code, base64url; "" once there is none
	CodeExpiresAt time.Time
	RedeemedAt    time.Time // zero until the code was redeemed
	RedirectURI   string    // as in the authorization request, "" if it was left out
	CodeChallenge string    // S256
	Nonce         string
	Scopes        []string
	Resources     []string // RFC 8707
	AuthTime      time.Time
	ACR           string
	AMR           []string
	Connection    string
	ClaimsRequest []byte // the OIDC claims parameter, if any

	Secret     []byte // 32 bytes, sealed at rest
	Generation int64  // of the current refresh token; 0: none was given
	RotatedAt  time.Time
	GraceUsed  bool // the predecessor was honoured once already
	ExpiresAt  time.Time
	RevokedAt  time.Time
	CreatedAt  time.Time
}

// Offline reports whether the grant outlives the session (offline_access).
func (g *Grant) Offline() bool {
	for _, s := range g.Scopes {
		if s == "offline_access" {
			return true
		}
	}
	return false
}
