// Package token makes and reads the tokens of the OpenID provider: codes, refresh tokens, opaque and JWT access tokens,
// ID and logout tokens. It knows their forms, not whether they are still good: that is the grant's to say.
package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// ErrMalformed is the answer to anything that is not a token of ours.
var ErrMalformed = errors.New("not a token of this installation")

// Prefixes let secret scanners know our tokens when they meet them in a repository or a log.
const (
	accessPrefix  = "cr_at_"
	refreshPrefix = "cr_rt_"
)

// MaxLength bounds what is read as a token.
const MaxLength = 8192

var b64 = base64.RawURLEncoding

// Hash is how codes and secrets are kept: SHA-256, base64url.
func Hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64.EncodeToString(sum[:])
}

// Equal compares in constant time.
func Equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// LeftHash is at_hash of OpenID Connect Core, section 3.1.3.6. EdDSA with Ed25519 uses SHA-512.
func LeftHash(alg, s string) string {
	if alg == "EdDSA" {
		return leftHash512(s)
	}
	sum := sha256.Sum256([]byte(s))
	return b64.EncodeToString(sum[:16])
}

// ValidChallenge reports whether s is an S256 code challenge: 43 characters of base64url (RFC 7636, section 4.2).
func ValidChallenge(s string) bool {
	raw, err := b64.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}

// VerifyPKCE checks a code verifier against its S256 challenge (RFC 7636, section 4.6).
func VerifyPKCE(challenge, verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	return Equal(Hash(verifier), challenge)
}

// Signer signs a JWS input; *keys.Signer is one.
type Signer interface {
	Sign(input []byte) ([]byte, error)
}

// Sign makes a compact JWS (RFC 7515, section 7.1) of claims.
func Sign(s Signer, alg, kid, typ string, claims any) (string, error) {
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{alg, kid, typ})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	out := make([]byte, 0, b64.EncodedLen(len(header))+b64.EncodedLen(len(body))+360)
	out = b64.AppendEncode(out, header)
	out = append(out, '.')
	out = b64.AppendEncode(out, body)
	sig, err := s.Sign(out)
	if err != nil {
		return "", err
	}
	out = append(out, '.')
	return string(b64.AppendEncode(out, sig)), nil
}
