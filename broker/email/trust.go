package email

import (
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// Claim is an address that a connection's identity provider asserted, with all that decides whether its word counts.
// Domains are compared whole: who has verified acme.example has not verified mail.acme.example.
type Claim struct {
	Address           Address
	Trust             string   // the connection's email_trust: domains, verified_claim, any
	ConnectionDomains []string // the connection's domains, in normal form
	Realm             string   // the connection's realm
	Owner             string   // the realm that has verified the address's domain, "" if none
	Proved            bool     // the upstream proves this very address (broker.Profile.EmailProved)
	// TowardsHub is true where the sign-in is for a client of a hub, through whichever realm's connection: there people of
	// all realms meet, so an address must not be claimed past its owner.
	TowardsHub bool
}

// Verdict is what a claim that holds is worth.
type Verdict struct {
	// Verified is true where rule 2 of the contract's section 5 held, under each of the three trusts: the email_verified
	// of tokens, and what linking "verified_email" asks for.
	Verified bool
}

// Judge applies the rules of trust (contract, section 5, rules 2 and 3). An error means: signs nobody in, links to nobody.
// A trust it does not know is judged as domains, the strictest.
func Judge(c Claim) (Verdict, error) {
	if c.Address.IsZero() {
		return Verdict{}, fault.New(fault.EmailMissing, "")
	}
	var err error
	switch c.Trust {
	case "verified_claim":
		err = c.byProof()
	case "any":
		err = c.byOperator()
	default:
		err = c.byDomain()
	}
	return Verdict{Verified: err == nil}, err
}

func (c Claim) byDomain() error {
	domain := c.Address.Domain()
	switch {
	case c.Owner != c.Realm || c.Realm == "":
		return c.outside("realm %q has not verified %s", c.Realm, domain)
	case !slices.Contains(c.ConnectionDomains, domain):
		return c.outside("%s is not listed on the connection", domain)
	}
	return nil
}

// outside says which domains the connection speaks for, and where the address's is below one of them.
func (c Claim) outside(format string, args ...any) error {
	f := fault.New(fault.EmailOutside, format, args...)
	f.Observed, f.Expected = c.Address.Domain(), strings.Join(c.ConnectionDomains, ", ")
	for _, d := range c.ConnectionDomains {
		if strings.HasSuffix(f.Observed, "."+d) {
			f.Detail += "; it lies below " + d + ", and each domain is listed for itself"
		}
	}
	return f
}

func (c Claim) byProof() error {
	if !c.Proved {
		return fault.New(fault.EmailUnverified, "%s", c.Address)
	}
	if c.TowardsHub {
		return c.unclaimed()
	}
	return nil
}

func (c Claim) byOperator() error { return c.unclaimed() }

// unclaimed refuses an address whose domain another realm has verified. It does not say which realm: who reads this is
// not that realm's.
func (c Claim) unclaimed() error {
	if c.Owner != "" && c.Owner != c.Realm {
		return fault.New(fault.EmailOtherRealm, "%s", c.Address.Domain())
	}
	return nil
}
