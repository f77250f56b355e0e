package credential

import (
	"strings"

	"cloakroom/broker"
)

// recoveryCodes is how many a person gets.
const recoveryCodes = 10

// NewRecovery makes recovery codes: each stands once for a one-time code. They carry 80 random bits, so a plain hash
// keeps them.
func NewRecovery() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		id := broker.NewLoginID()
		codes[i] = id[:4] + "-" + id[4:8] + "-" + id[8:12] + "-" + id[12:]
	}
	return codes
}

// RecoveryID is what is kept of a person's recovery code, and names it; "" for what has not the form of one. O is taken
// for 0, I and L for 1, any case.
func RecoveryID(person, typed string) string {
	typed = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(ungroup(typed)))
	if !broker.ValidLoginID(typed) {
		return ""
	}
	return broker.HashToken("recovery\x00" + person + "\x00" + typed)
}
