package broker

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Login is one sign-in under way, from the app's request to the app's answer. It lives sealed in a cookie of the browser
// that began it and nowhere else: a login that never comes back costs the database nothing, and another browser has
// nothing to steal. Its JSON names are short because cookies are.
type Login struct {
	ID       string          `json:"i"`           // 80 random bits, base32; the cookie's name carries it
	Realm    string          `json:"r"`           // of the client
	Protocol string          `json:"p"`           // the downstream that began it: "oidc", …
	ClientID string          `json:"c"`           //
	Request  json.RawMessage `json:"q,omitempty"` // that downstream's own request, compact JSON
	Begun    time.Time       `json:"b"`           //
	IdPHint  string          `json:"h,omitempty"` // slug or alias that the app chose
	// ShowChooser is set by an empty kc_idp_hint: no automatic choice.
	ShowChooser bool     `json:"s,omitempty"`
	LoginHint   string   `json:"l,omitempty"`
	DomainHint  string   `json:"d,omitempty"`
	RealmHint   string   `json:"rh,omitempty"`
	UILocales   []string `json:"u,omitempty"`
	ACR         []string `json:"a,omitempty"`
	Fresh       bool     `json:"f,omitempty"` // prompt=login: an existing session does not count
	Passive     bool     `json:"n,omitempty"` // prompt=none
	// Shelved says that Request was too large for the cookie and is kept on the server.
	Shelved bool `json:"x,omitempty"`
	Select  bool `json:"sa,omitempty"` // prompt=select_account
	// Forwarded says that the choice this browser remembered was taken once, so that Back leads to the page and not away
	// again.
	Forwarded bool          `json:"fw,omitempty"`
	MaxAge    time.Duration `json:"m,omitempty"` // -1: none asked
	Invite    string        `json:"v,omitempty"` // ID of the invitation that the person came by
	Confirm   string        `json:"k,omitempty"` // key of the verified identity that waits for a mailed code
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewLoginID makes the ID of a new login: 16 characters of Crockford base 32.
func NewLoginID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return crockford.EncodeToString(b[:])
}

// ValidLoginID reports whether s has the form of a login ID.
func ValidLoginID(s string) bool {
	if len(s) != 16 {
		return false
	}
	_, err := crockford.DecodeString(s)
	return err == nil
}

// Ref is the short reference people read out: 8 characters of Crockford base 32, e.g. 7KQ2-MX9D. It is the first half of
// the ID, so it proves nothing by itself.
func (l *Login) Ref() string { return RefOf(l.ID) }

// RefOf is the reference of a login ID.
func RefOf(id string) string {
	if len(id) < 8 {
		return ""
	}
	return id[:4] + "-" + id[4:8]
}

// LoginIDBytes decodes an ID into its 10 bytes.
func LoginIDBytes(id string) ([]byte, error) { return crockford.DecodeString(id) }

// LoginIDOf encodes 10 bytes as an ID.
func LoginIDOf(b []byte) string { return crockford.EncodeToString(b) }

// ParseRef reads a reference as a person types it: any case, with or without dash, O for 0, I and L for 1.
func ParseRef(s string) (string, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	s = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(s)
	if len(s) != 8 {
		return "", false
	}
	if _, err := crockford.DecodeString(s); err != nil {
		return "", false
	}
	return s[:4] + "-" + s[4:], true
}

// RandomToken is n random bytes in base64url.
func RandomToken(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
