// Package credential is what local ways in are made of: passwords, passkeys, mailed codes and links, and the guard that
// slows guessing down. Who may use which of them is not decided here.
package credential

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"cloakroom/broker/fault"
)

// Bounds of a password. The longest keeps hashing cheap to bound; it is beyond what anybody types.
const (
	MinPassword = 12 // characters
	MaxPassword = 512
)

// Passwords hashes and checks passwords with argon2id, a few at a time: each takes 19 MiB for a moment.
type Passwords struct {
	params *argon2id.Params
	slots  chan struct{}
	decoy  string
}

// NewPasswords allows n hashes at a time.
func NewPasswords(n int) (*Passwords, error) {
	// OWASP's recommendation of 2025: 19 MiB, two passes, one lane.
	params := &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	decoy, err := argon2id.CreateHash("nobody has this password", params)
	return &Passwords{params: params, slots: make(chan struct{}, n), decoy: decoy}, err
}

func (p *Passwords) slot(ctx context.Context) (free func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "too many passwords are being checked")
	}
}

// Hash is what is kept of a password.
func (p *Passwords) Hash(ctx context.Context, password string) ([]byte, error) {
	free, err := p.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	h, err := argon2id.CreateHash(normal(password), p.params)
	return []byte(h), err
}

// Check compares a password with a hash. Without a hash it takes as long and says no, so that time does not tell whether
// somebody has a password.
func (p *Passwords) Check(ctx context.Context, hash []byte, password string) (bool, error) {
	free, err := p.slot(ctx)
	if err != nil {
		return false, err
	}
	defer free()
	against := string(hash)
	if len(hash) == 0 {
		against = p.decoy
	}
	same, err := argon2id.ComparePasswordAndHash(normal(password), against)
	return same && len(hash) > 0, err
}

// normal makes one text of what keyboards write differently (NIST SP 800-63B, section 3.1.1.2), bounded.
func normal(password string) string {
	if len(password) > MaxPassword {
		password = password[:MaxPassword]
	}
	return norm.NFKC.String(password)
}

// CheckNew holds a new password to the policy: at least twelve characters, and not made of the person's address. Rules
// about kinds of characters make passwords worse (NIST SP 800-63B, appendix A), so there are none.
func CheckNew(password, address string) error {
	n := utf8.RuneCountInString(password)
	local, _, _ := strings.Cut(address, "@")
	lower := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password) || len(password) > MaxPassword:
		return fault.New(fault.LocalPasswordLong, "%d bytes, at most %d are taken", len(password), MaxPassword)
	case n < MinPassword:
		return fault.New(fault.LocalPasswordShort, "%d characters", n)
	case address != "" && strings.Contains(lower, strings.ToLower(address)), repeats(lower, strings.ToLower(local)), repeats(lower, firstRune(lower)):
		return fault.New(fault.LocalPasswordAddress, "it is made of the address or of one character")
	}
	return nil
}

// repeats reports whether s is part over and over.
func repeats(s, part string) bool {
	return part != "" && strings.Trim(strings.ReplaceAll(s, part, ""), " .-_0123456789") == "" && strings.Contains(s, part)
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
