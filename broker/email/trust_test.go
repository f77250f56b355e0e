package email_test

import (
	"fmt"
	"testing"

	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

func address(t *testing.T, s string) email.Address {
	t.Helper()
	a, err := email.Normalise(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The whole of rule 2, for bob@acme.example asserted by a connection of realm acme: every trust, owner, listing, proof
// and direction.
func TestJudge(t *testing.T) {
	bob := address(t, "bob@acme.example")
	for _, trust := range []string{"domains", "verified_claim", "any", "", "nonsense"} {
		for _, owner := range []string{"", "acme", "evil"} {
			for bits := range 8 {
				c := email.Claim{Address: bob, Trust: trust, Realm: "acme", Owner: owner, ConnectionDomains: []string{"other.example"}}
				if bits&1 != 0 {
					c.ConnectionDomains = append(c.ConnectionDomains, "acme.example")
				}
				c.Proved, c.TowardsHub = bits&2 != 0, bits&4 != 0
				want := expected(c)
				name := fmt.Sprintf("%s owner=%s listed=%v proved=%v hub=%v", trust, owner, bits&1 != 0, c.Proved, c.TowardsHub)
				t.Run(name, func(t *testing.T) { judged(t, c, want) })
			}
		}
	}
}

// expected says in other words than the code what the contract asks.
func expected(c email.Claim) fault.Code {
	foreign := c.Owner == "evil"
	switch c.Trust {
	case "any":
		if foreign {
			return fault.EmailOtherRealm
		}
		return ""
	case "verified_claim":
		if !c.Proved {
			return fault.EmailUnverified
		}
		if foreign && c.TowardsHub {
			return fault.EmailOtherRealm
		}
		return ""
	}
	if c.Owner == "acme" && len(c.ConnectionDomains) == 2 {
		return ""
	}
	return fault.EmailOutside
}

func judged(t *testing.T, c email.Claim, want fault.Code) {
	t.Helper()
	v, err := email.Judge(c)
	if fault.CodeOf(err) != want || v.Verified != (want == "") {
		t.Errorf("Judge = %+v, %v; want %q", v, err, want)
	}
}

// Realm evil's identity provider asserts addresses of acme.example, which realm acme has verified, in every disguise that
// the normal form lets through. Evil owns evil.example and lists whatever it likes.
func TestJudgeDisguises(t *testing.T) {
	owners := map[string]string{"acme.example": "acme", "evil.example": "evil"}
	for _, raw := range []string{
		"bob@acme.example", "BOB@ACME.EXAMPLE", "bob+evil@acme.example", "bob@mail.acme.example", "bob@xn--cme-5cd.example", "bob@аcme.example",
		"bob@acme.example.evil.example", "bob@evil.example.acme.example", "bob%acme.example@evil.example.acme.example", "bob@acme-example.example", "bob@xacme.example",
	} {
		a := address(t, raw)
		c := email.Claim{Address: a, Trust: "domains", Realm: "evil", Owner: owners[a.Domain()], ConnectionDomains: []string{"evil.example", "acme.example", a.Domain()}, Proved: true}
		judged(t, c, fault.EmailOutside)
	}
	own := email.Claim{Address: address(t, "bob%acme.example@evil.example"), Trust: "domains", Realm: "evil", Owner: "evil", ConnectionDomains: []string{"evil.example"}}
	judged(t, own, "")
}

func TestJudgeNothing(t *testing.T) {
	for _, trust := range []string{"domains", "verified_claim", "any"} {
		judged(t, email.Claim{Trust: trust, Realm: "acme", Owner: "acme", ConnectionDomains: []string{""}, Proved: true}, fault.EmailMissing)
	}
	// A claim that names no realm is nobody's, even of a domain that nobody owns.
	judged(t, email.Claim{Address: address(t, "bob@acme.example"), Trust: "domains", ConnectionDomains: []string{"acme.example"}}, fault.EmailOutside)
}
