// Package domain decides whose an email domain is: how a claim is proved by DNS, what follows when the proof goes away,
// and the daily look whether it is still there.
//
// A claim proves itself by the TXT record cloakroom-verify=<token> at _cloakroom.<domain>. Each name is a domain of its
// own: who has proved example.com has said nothing about eu.example.com.
//
// A record that is seen to be gone warns first; after the grace time the claim is suspended, and when the record comes
// back it counts again, unless another realm has verified the domain meanwhile. A name server that does not answer has
// said nothing: that is never a loss. What an operator vouched for is not looked up.
package domain

import (
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"cloakroom/broker"
	"cloakroom/broker/email"
)

// ByDNS is who verified a claim whose record was found.
const ByDNS = "dns"

// How often a proof is looked for, and how long one may be missing.
const (
	Grace     = 14 * 24 * time.Hour
	Every     = 24 * time.Hour
	WhileLost = 6 * time.Hour // the sooner the record's return is seen, the better
	Unknown   = time.Hour     // after no answer
)

// label and prefix are the two fixed parts of a proof.
const (
	label  = "_cloakroom."
	prefix = "cloakroom-verify="
)

// Record is the TXT record that proves a claim.
func Record(d *broker.Domain) (name, value string) { return label + d.Domain, prefix + d.Token }

// Provable reports whether the record's name fits into DNS (RFC 1035, section 2.3.4).
func Provable(name string) bool { return len(label)+len(name) <= 253 }

// Unicode is a domain as people write it; the domain itself where that cannot be told.
func Unicode(name string) string {
	u, err := idna.Display.ToUnicode(name)
	if err != nil {
		return name
	}
	return u
}

// Parents are the domains above one, nearest first, up to the one that somebody registered.
func Parents(name string) []string {
	var out []string
	for {
		_, above, ok := strings.Cut(name, ".")
		if !ok || !strings.Contains(above, ".") || email.PublicSuffix(above) {
			return out
		}
		out, name = append(out, above), above
	}
}

// SuspendsAt is when a claim whose record is missing is suspended, zero for all others.
func SuspendsAt(d *broker.Domain) time.Time {
	if !d.Verified || d.LostAt.IsZero() {
		return time.Time{}
	}
	return d.LostAt.Add(Grace)
}

// watched reports whether a claim's record is looked for on a schedule.
func watched(d *broker.Domain) bool {
	return d.Verified && d.VerifiedBy == ByDNS || !d.Verified && !d.SuspendedAt.IsZero()
}

// Prove marks a claim as proved by its record, seen now.
func Prove(d *broker.Domain, now time.Time) {
	if !d.Verified || d.VerifiedBy != ByDNS {
		d.VerifiedAt = now
	}
	d.Verified, d.VerifiedBy = true, ByDNS
	d.LostAt, d.SuspendedAt = time.Time{}, time.Time{}
	d.CheckedAt, d.CheckAt = now, spread(now)
}

// Vouch marks a claim as verified by an operator's word. It is not looked up any more.
func Vouch(d *broker.Domain, by string, now time.Time) {
	d.Verified, d.VerifiedBy, d.VerifiedAt = true, by, now
	d.LostAt, d.SuspendedAt, d.CheckAt = time.Time{}, time.Time{}, time.Time{}
}

// Withdraw marks a claim as no longer verified. An offer to another realm ends with it, and nothing brings it back but
// a new proof.
func Withdraw(d *broker.Domain) {
	d.Verified, d.VerifiedBy, d.VerifiedAt = false, "", time.Time{}
	d.LostAt, d.SuspendedAt, d.CheckAt = time.Time{}, time.Time{}, time.Time{}
	d.TransferTo = ""
}

// miss notes that the record of a proved claim is gone.
func miss(d *broker.Domain, now time.Time) {
	d.LostAt, d.CheckedAt, d.CheckAt = now, now, now.Add(WhileLost)
}

// suspend ends a claim whose record stayed away. LostAt stays, and the record's return is still looked for.
func suspend(d *broker.Domain, now time.Time) {
	lost := d.LostAt
	Withdraw(d)
	d.LostAt, d.SuspendedAt, d.CheckedAt, d.CheckAt = lost, now, now, spread(now)
}

// Hand moves what a verified claim is worth to another realm's claim on the same domain. The token goes along, so that
// the record in DNS goes on proving it; the giver gets a new one, which that record does not prove.
func Hand(from, to *broker.Domain, now time.Time) {
	to.Token, to.Verified, to.VerifiedBy, to.VerifiedAt = from.Token, true, from.VerifiedBy, now
	to.LostAt, to.CheckedAt, to.CheckAt = from.LostAt, from.CheckedAt, from.CheckAt
	to.SuspendedAt, to.TransferTo = time.Time{}, ""
	Withdraw(from)
	from.Token = NewToken()
}

// NewToken makes the token of a new claim.
func NewToken() string { return broker.RandomToken(24) }

// spread is a day later, an eighth more or less: what was verified together does not stay together.
func spread(now time.Time) time.Time {
	return now.Add(Every - Every/8 + rand.N(Every/4)).Truncate(time.Second)
}
