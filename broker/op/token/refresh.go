package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"cloakroom/broker"
)

// A refresh token is the grant's ID, the generation and a MAC over both with the grant's own secret. It is computed,
// never stored: repeating a refresh gives the same token again, and a stolen database holds none.
const (
	grantIDSize = 16
	macSize     = 32
	refreshSize = grantIDSize + 8 + macSize

	// refreshTail is an empty JSON object where a JWT has its claims. It says nothing and is for Keycloak's JavaScript
	// adapter alone, which takes a refresh token for a JWT and signs nobody in when it cannot read one.
	refreshTail = ".e30"
)

// Refresh is a parsed refresh token, not yet verified.
type Refresh struct {
	GrantID    string
	Generation int64
	mac        []byte
}

// NewRefresh computes the refresh token of a grant's current generation.
func NewRefresh(g *broker.Grant) (string, error) {
	raw, err := refreshHead(g.ID, g.Generation)
	if err != nil {
		return "", err
	}
	return refreshPrefix + b64.EncodeToString(append(raw, refreshMAC(g.Secret, raw)...)) + refreshTail, nil
}

func refreshHead(grantID string, generation int64) ([]byte, error) {
	id, err := b64.DecodeString(grantID)
	if err != nil || len(id) != grantIDSize || generation < 1 {
		return nil, ErrMalformed
	}
	return binary.BigEndian.AppendUint64(id, uint64(generation)), nil
}

func refreshMAC(secret, head []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("refresh"))
	m.Write(head)
	return m.Sum(nil)
}

// ParseRefresh reads the form of a refresh token.
func ParseRefresh(s string) (Refresh, error) {
	body, ok := strings.CutPrefix(s, refreshPrefix)
	body, ended := strings.CutSuffix(body, refreshTail)
	if !ok || !ended || len(body) != b64.EncodedLen(refreshSize) {
		return Refresh{}, ErrMalformed
	}
	raw, err := b64.DecodeString(body)
	if err != nil {
		return Refresh{}, ErrMalformed
	}
	n := binary.BigEndian.Uint64(raw[grantIDSize : grantIDSize+8])
	if n == 0 || n > 1<<62 {
		return Refresh{}, ErrMalformed
	}
	return Refresh{GrantID: b64.EncodeToString(raw[:grantIDSize]), Generation: int64(n), mac: raw[grantIDSize+8:]}, nil
}

// Of reports, in constant time, whether the token was made from this grant.
func (r Refresh) Of(g *broker.Grant) bool {
	head, err := refreshHead(r.GrantID, r.Generation)
	return err == nil && r.GrantID == g.ID && len(g.Secret) > 0 && hmac.Equal(refreshMAC(g.Secret, head), r.mac)
}

// Sealer encrypts and authenticates; seal.Keyring is one.
type Sealer interface {
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Access is what an access token says, whatever its form.
type Access struct {
	ID        string   `json:"j"`           // jti
	GrantID   string   `json:"g,omitempty"` // "" for client_credentials
	Realm     string   `json:"r"`
	ClientID  string   `json:"c"`
	UserID    string   `json:"u,omitempty"`
	SID       string   `json:"s,omitempty"`
	Scopes    []string `json:"p,omitempty"`
	Audience  []string `json:"a,omitempty"` // only in JWTs
	IssuedAt  int64    `json:"i"`
	ExpiresAt int64    `json:"e"`
}

// Expires is the end of the token's life.
func (a *Access) Expires() time.Time { return time.Unix(a.ExpiresAt, 0) }

var accessAAD = []byte("op access token")

// SealAccess makes an opaque access token: only this installation can read it, and nothing of it is stored.
func SealAccess(s Sealer, a *Access) (string, error) {
	plain, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	return accessPrefix + b64.EncodeToString(s.Seal(plain, accessAAD)), nil
}

// IsOpaque reports whether s has the form of an opaque access token.
func IsOpaque(s string) bool { return strings.HasPrefix(s, accessPrefix) }

// OpenAccess reads an opaque access token.
func OpenAccess(s Sealer, tok string) (*Access, error) {
	body, ok := strings.CutPrefix(tok, accessPrefix)
	if !ok || len(tok) > MaxLength {
		return nil, ErrMalformed
	}
	sealed, err := b64.DecodeString(body)
	if err != nil {
		return nil, ErrMalformed
	}
	plain, err := s.Open(sealed, accessAAD)
	if err != nil {
		return nil, ErrMalformed
	}
	var a Access
	if err := json.Unmarshal(plain, &a); err != nil {
		return nil, ErrMalformed
	}
	return &a, nil
}

// Pairwise is the subject a client of one sector sees (OpenID Connect Core, section 8.1).
func Pairwise(secret []byte, sector, userID string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(sector))
	m.Write([]byte{0})
	m.Write([]byte(userID))
	return b64.EncodeToString(m.Sum(nil))
}

func leftHash512(s string) string {
	sum := sha512.Sum512([]byte(s))
	return b64.EncodeToString(sum[:32])
}
