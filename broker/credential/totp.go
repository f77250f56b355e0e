package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // what authenticator apps speak (RFC 6238); HMAC does not rest on collisions
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// One-time codes as authenticator apps make them (RFC 6238): SHA-1, six digits, thirty seconds. Apps ignore other
// parameters, or worse, half of them.
const (
	totpStep   = 30
	totpDigits = 6
	totpBytes  = 20
)

var base32Secret = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewTOTP makes the secret that a person's app and we share, in the base 32 that apps take.
func NewTOTP() string {
	var b [totpBytes]byte
	_, _ = rand.Read(b[:])
	return base32Secret.EncodeToString(b[:])
}

// TOTPURL is the address that an app reads from a QR code.
func TOTPURL(issuer, account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// CheckTOTP answers the time step whose code was typed: the present one or a neighbour (RFC 6238, section 5.2). Whoever
// calls takes each step once.
func CheckTOTP(secret, typed string, now time.Time) (step int64, ok bool) {
	key, err := base32Secret.DecodeString(secret)
	typed = ungroup(typed)
	if err != nil || len(key) < totpBytes || len(typed) != totpDigits {
		return 0, false
	}
	at := now.Unix() / totpStep
	for _, s := range []int64{at, at - 1, at + 1} {
		if subtle.ConstantTimeCompare([]byte(totpAt(key, s)), []byte(typed)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// TOTPUntil is when a step can no longer be taken for the present one.
func TOTPUntil(step int64) time.Time { return time.Unix((step+3)*totpStep, 0) }

// totpAt is the code of a step: HOTP (RFC 4226, section 5.3).
func totpAt(key []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) // steps are positive until the year 292 billion
	h := hmac.New(sha1.New, key)
	h.Write(counter[:])
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// ungroup takes the blanks and dashes out that people group digits with.
func ungroup(typed string) string {
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "").Replace(typed)
}
