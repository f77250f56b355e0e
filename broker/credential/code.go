package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"cloakroom/broker"
)

// Bounds of a mailed code.
const (
	CodeFor    = 10 * time.Minute
	CodeTries  = 5
	codeDigits = 6
)

// Code is a mailed code as the browser that asked for it keeps it, sealed: no other browser can use it. Tries are counted
// on the server, by Serial.
type Code struct {
	Serial  string    `json:"s"`
	LoginID string    `json:"l"`
	Address string    `json:"a"` // in normal form
	Hash    string    `json:"h"`
	Expires time.Time `json:"e"`
}

// NewCode makes a code for a login and an address, and what the browser keeps of it.
func NewCode(loginID, address string, now time.Time) (digits string, c Code) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil { // crypto/rand does not fail (its documentation, since Go 1.24)
		n = new(big.Int)
	}
	digits = fmt.Sprintf("%0*d", codeDigits, n.Int64())
	c = Code{Serial: broker.RandomToken(16), LoginID: loginID, Address: address, Expires: now.Add(CodeFor).Truncate(time.Second)}
	c.Hash = c.hash(digits)
	return digits, c
}

func (c Code) hash(digits string) string {
	s := sha256.Sum256([]byte(c.Serial + "\x00" + c.LoginID + "\x00" + c.Address + "\x00" + digits))
	return base64.RawURLEncoding.EncodeToString(s[:])
}

// Is compares what somebody typed with the code. Blanks and dashes are how people group digits.
func (c Code) Is(typed string) bool {
	typed = ungroup(typed)
	return subtle.ConstantTimeCompare([]byte(c.hash(typed)), []byte(c.Hash)) == 1
}

// Live reports whether the code can still be used for a login.
func (c Code) Live(loginID string, now time.Time) bool {
	return c.Serial != "" && c.LoginID == loginID && now.Before(c.Expires)
}

// Bytes is the form for the browser's sealed cookie; ReadCode is its inverse.
func (c Code) Bytes() ([]byte, error) { return json.Marshal(c) }

// ReadCode answers the zero Code, which is never live, for what Bytes did not write.
func ReadCode(b []byte) Code {
	var c Code
	if json.Unmarshal(b, &c) != nil {
		return Code{}
	}
	return c
}
