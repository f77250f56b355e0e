package login_test

import (
	"maps"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

// Rules 3, 4 and 5: who a person is, once somebody is there already. Every row has its own people.

// scene is a row of a table whose beginning has to be played first.
type scene struct {
	rule, name string
	// play does what was before and answers the attack: a page and the browser that got there. In its own words: the
	// tenant that lies is acme, the other one globex.
	play func(f *battlefield) (*visitor, func() view)
	want fault.Code
}

func (f *battlefield) played(s scene) {
	v, attack := s.play(f)
	before := f.rows()
	f.codes.take()
	v.refused(attack(), s.want, before)
}

// enter is an honest sign-in of acme's, or globex's, person in a browser of their own.
func (f *battlefield) enter(realm, by string, s said, email string) (id string) {
	f.t.Helper()
	v := f.visitor()
	slug := realm + "-" + by
	return v.signedIn(v.answer(v.through(realm, slug), realm, slug, s), realm, realm, email)
}

// says is an attack: acme's identity provider says something at acme's connection, to the application of a realm.
func (f *battlefield) says(at, by string, s said) (*visitor, func() view) {
	v := f.visitor()
	return v, func() view { return v.answer(v.through(at, "acme-"+by), "acme", "acme-"+by, s) }
}

func verified(email, sub string) said {
	return said{email: email, sub: sub, claims: obj{"email_verified": true}}
}

var people = []scene{
	{"3", "address changed to one of the other tenant's domain", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "p1@acme.example", sub: "p1"}, "p1@acme.example")
		return f.says("acme", "oidc", said{email: "bob@globex.example", sub: "p1"})
	}, fault.EmailOutside},
	{"3", "address changed to one of the other tenant's, vouched for", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "any", said{email: "p2@acme.example", sub: "p2"}, "p2@acme.example")
		return f.says("acme", "any", said{email: "bob@globex.example", sub: "p2"})
	}, fault.EmailOtherRealm},
	{"3", "address changed to one of the other tenant's, at the hub", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "social", verified("p3@acme.example", "p3"), "p3@acme.example")
		return f.says("market", "social", verified("bob@globex.example", "p3"))
	}, fault.EmailOtherRealm},
	{"3", "address changed, unproved", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "social", verified("p4@acme.example", "p4"), "p4@acme.example")
		return f.says("acme", "social", said{email: "p4b@acme.example", sub: "p4"})
	}, fault.EmailUnverified},
	{"3", "address gone", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "p5@acme.example", sub: "p5"}, "p5@acme.example")
		return f.says("acme", "oidc", said{sub: "p5"})
	}, fault.EmailMissing},
	{"3", "proved at home, then taken to the hub", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "social", verified("p6@globex.example", "p6"), "p6@globex.example")
		return f.says("market", "social", verified("p6@globex.example", "p6"))
	}, fault.EmailOtherRealm},
	{"3", "proved before, denied now", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "social", verified("p7@acme.example", "p7"), "p7@acme.example")
		return f.says("acme", "social", said{email: "p7@acme.example", sub: "p7", claims: obj{"email_verified": false}})
	}, fault.EmailUnverified},

	{"4", "address changed to one that somebody else has", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "q1@acme.example", sub: "q1"}, "q1@acme.example")
		f.enter("acme", "oidc", said{email: "q2@acme.example", sub: "q2"}, "q2@acme.example")
		return f.says("acme", "oidc", said{email: "q2@acme.example", sub: "q1"})
	}, fault.EmailAccountReused},
	{"4", "address changed to one that an operator gave somebody else", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "q3@acme.example", sub: "q3"}, "q3@acme.example")
		f.person("acme", "q4@acme.example", nil)
		return f.says("acme", "oidc", said{email: "Q4@acme.example", sub: "q3"})
	}, fault.EmailAccountReused},
	{"4", "recycled address, new subject", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "q5@acme.example", sub: "q5"}, "q5@acme.example")
		return f.says("acme", "oidc", said{email: "q5@acme.example", sub: "q5-the-second"})
	}, fault.EmailAccountReused},
	{"4", "recycled address, new persistent Name ID", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "saml", said{email: "q6@acme.example", sub: "q6"}, "q6@acme.example")
		return f.says("acme", "saml", said{email: "q6@acme.example", sub: "Q6"})
	}, fault.EmailAccountReused},
	{"4", "recycled address, subject of another kind", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "saml", said{email: "q7@acme.example", sub: "q7"}, "q7@acme.example")
		return f.says("acme", "saml", said{email: "q7@acme.example"})
	}, fault.EmailAccountReused},
	{"4", "recycled subject, address of somebody else", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "saml", said{email: "q8@acme.example", sub: "q8"}, "q8@acme.example")
		f.enter("acme", "saml", said{email: "q9@acme.example", sub: "q9"}, "q9@acme.example")
		return f.says("acme", "saml", said{email: "q9@acme.example", sub: "q8"})
	}, fault.EmailAccountReused},
	{"4", "subject in other case is another subject", func(f *battlefield) (*visitor, func() view) {
		f.enter("acme", "oidc", said{email: "q10@acme.example", sub: "q10"}, "q10@acme.example")
		return f.says("acme", "oidc", said{email: "q10@acme.example", sub: "Q10"})
	}, fault.EmailAccountReused},
	{"4", "linking never", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r1@acme.example", nil)
		return f.says("acme", "never", said{email: "r1@acme.example", sub: "r1"})
	}, fault.LoginLinkRefused},
	{"4", "linking by a mail that nobody can send", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r2@acme.example", nil)
		return f.says("acme", "confirm", said{email: "r2@acme.example", sub: "r2"})
	}, fault.LoginLinkConfirm},
	{"4", "an operator's person, asserted without proof", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r3@free.example", nil)
		return f.says("acme", "social", said{email: "r3@free.example", sub: "r3"})
	}, fault.EmailUnverified},
	{"4", "an operator's person of the other tenant, with an address of ours, asserted there", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r4@globex.example", nil)
		return f.says("acme", "greedy", said{email: "r4@globex.example"})
	}, fault.EmailOutside},
	{"4", "the same, vouched for", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r5@globex.example", nil)
		return f.says("acme", "any", said{email: "r5@globex.example"})
	}, fault.EmailOtherRealm},
	{"4", "the same, proved, at the hub", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "r6@globex.example", nil)
		return f.says("market", "social", verified("r6@globex.example", "r6"))
	}, fault.EmailOtherRealm},
	{"4", "known to the other tenant alone", func(f *battlefield) (*visitor, func() view) {
		f.person("globex", "r7@acme.example", nil)
		return f.says("acme", "known", said{email: "r7@acme.example"})
	}, fault.LoginNotKnown},
	{"4", "blocked, by link", func(f *battlefield) (*visitor, func() view) {
		id := f.enter("acme", "oidc", said{email: "s1@acme.example", sub: "s1"}, "s1@acme.example")
		f.change(&broker.User{Realm: "acme", ID: id}, func(u *broker.User) { u.Blocked = true })
		return f.says("acme", "oidc", said{email: "s1@acme.example", sub: "s1"})
	}, fault.LoginBlocked},
	{"4", "blocked, by address", func(f *battlefield) (*visitor, func() view) {
		f.person("acme", "s2@acme.example", func(u *broker.User) { u.Blocked = true })
		return f.says("acme", "oidc", said{email: "s2@acme.example", sub: "s2"})
	}, fault.LoginBlocked},
	{"4", "blocked, at the hub, by another connection", func(f *battlefield) (*visitor, func() view) {
		id := f.enter("acme", "oidc", said{email: "s3@acme.example", sub: "s3"}, "s3@acme.example")
		f.change(&broker.User{Realm: "acme", ID: id}, func(u *broker.User) { u.Blocked = true })
		return f.says("market", "saml", said{email: "s3@acme.example"})
	}, fault.LoginBlocked},

	// Invitations open no door that the address does not pass.
	{"4", "nobody invited them", func(f *battlefield) (*visitor, func() view) {
		return f.says("acme", "invite", said{email: "t0@acme.example"})
	}, fault.LoginNotInvited},
	{"4", "the other tenant invited them", func(f *battlefield) (*visitor, func() view) {
		f.invite("globex", "t1@acme.example", nil)
		return f.says("acme", "invite", said{email: "t1@acme.example"})
	}, fault.LoginNotInvited},
	{"4", "invitation of an address, taken by another", func(f *battlefield) (*visitor, func() view) {
		return f.invited("acme", "t2@acme.example", said{email: "t3@acme.example"}, nil)
	}, fault.InviteOtherAddress},
	{"4", "invitation of the other tenant's address, claimed", func(f *battlefield) (*visitor, func() view) {
		return f.invited("acme", "t4@globex.example", said{email: "t4@globex.example"}, nil)
	}, fault.EmailOutside},
	{"4", "open invitation, other tenant's address", func(f *battlefield) (*visitor, func() view) {
		return f.invited("acme", "", said{email: "t5@globex.example"}, nil)
	}, fault.EmailOutside},
	{"4", "invitation excluded from enforcement, other tenant's address", func(f *battlefield) (*visitor, func() view) {
		return f.invited("acme", "t6@globex.example", said{email: "t6@globex.example"}, func(i *broker.Invite) { i.Excluded = true })
	}, fault.EmailOutside},
	{"4", "look-alike of the invited", func(f *battlefield) (*visitor, func() view) {
		return f.invited("acme", "t7@acme.example", said{email: "\u04427@acme.example"}, nil)
	}, fault.InviteOtherAddress},
	{"4", "revoked while at the identity provider", func(f *battlefield) (*visitor, func() view) {
		var made *broker.Invite
		v, attack := f.invited("acme", "t8@acme.example", said{email: "t8@acme.example"}, func(i *broker.Invite) { made = i })
		made.RevokedAt = time.Now()
		must(f.t, f.store.Invites.Update(f.t.Context(), made))
		return v, attack
	}, fault.InviteRevoked},
}

func (f *battlefield) invite(realm, email string, change func(*broker.Invite)) (link string) {
	f.t.Helper()
	token := broker.RandomToken(32)
	i := &broker.Invite{
		ID: broker.RandomToken(9), Realm: realm, Email: email, MaxUses: 1, Groups: []string{}, InvitedBy: "owner@" + realm + ".example", ClientID: "app",
		Connection: realm + "-invite", TokenHash: broker.HashToken(token), ExpiresAt: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(i)
	}
	must(f.t, f.store.Invites.Create(f.t.Context(), i))
	return "/invite/" + token
}

// invited is somebody who comes by an invitation and is said to be s.
func (f *battlefield) invited(realm, email string, s said, change func(*broker.Invite)) (*visitor, func() view) {
	f.t.Helper()
	v, link := f.visitor(), f.invite(realm, email, change)
	p := v.send("POST", link, nil)
	if p.handle() == "" {
		f.t.Fatalf("the invitation led to %d %s", p.Code, p.Header().Get("Location"))
	}
	return v, func() view { return v.answer(p, realm, realm+"-invite", s) }
}

func TestAttackPeople(t *testing.T) {
	f := newBattlefield(t)
	for _, s := range people {
		f.in(t, s.rule+"/"+s.name, func(*testing.T) { f.played(s) })
	}
}

// TestPeople are the controls of TestAttackPeople: the same steps without the lie.
func TestPeople(t *testing.T) {
	f := newBattlefield(t)
	f.in(t, "address changed within the realm", func(t *testing.T) {
		id := f.enter("acme", "oidc", said{email: "p1@acme.example", sub: "p1"}, "p1@acme.example")
		if again := f.enter("acme", "oidc", said{email: "p1b@acme.example", sub: "p1"}, "p1b@acme.example"); again != id {
			t.Errorf("another person: %s, was %s", again, id)
		}
	})
	f.in(t, "tied to the operator's person", func(t *testing.T) {
		u := f.person("acme", "r1@acme.example", nil)
		if id := f.enter("acme", "oidc", said{email: "r1@acme.example", sub: "r1"}, "r1@acme.example"); id != u.ID {
			t.Errorf("another person: %s, made was %s", id, u.ID)
		}
	})
	f.in(t, "known", func(t *testing.T) {
		u := f.person("acme", "r7@acme.example", nil)
		if id := f.enter("acme", "known", said{email: "r7@acme.example"}, "r7@acme.example"); id != u.ID {
			t.Errorf("another person: %s, made was %s", id, u.ID)
		}
	})
	f.in(t, "the same address is a person in each realm", func(t *testing.T) {
		theirs := f.person("globex", "r8@acme.example", nil)
		if id := f.enter("acme", "saml", said{email: "r8@acme.example"}, "r8@acme.example"); id == theirs.ID {
			t.Error("acme's identity provider made a session of globex's person")
		}
		mine := f.enter("acme", "social", verified("r9@globex.example", "r9"), "r9@globex.example")
		if id := f.enter("globex", "saml", said{email: "r9@globex.example"}, "r9@globex.example"); id == mine {
			t.Error("globex's identity provider made a session of acme's person")
		}
	})
	f.in(t, "invited", func(*testing.T) {
		v, come := f.invited("acme", "t2@acme.example", said{email: "T2@acme.example"}, nil)
		v.signedIn(come(), "acme", "acme", "t2@acme.example")
	})
}

// disguises of a subject: what somebody of the same identity provider, who can have any value written into a field that
// does not name them, might say to be the victim. Each is let in as themselves and as nobody else (rule 5).
var disguises = []struct {
	name       string
	by         string
	victim, me said
}{
	{"value of another kind, e-mail Name ID", "saml", said{sub: "v1"}, said{nameID: "v1", format: unspecified}},
	{"the key itself as Name ID", "saml", said{sub: "v2"}, said{nameID: "nameid:v2", format: unspecified}},
	{"the key itself as persistent Name ID", "saml", said{sub: "v3"}, said{sub: "nameid:v3"}},
	{"other qualifier", "saml", said{sub: "v4"}, said{nameID: "v4", format: persistent, qualifier: "https://idp.globex.test/metadata"}},
	{"no qualifier against another's", "saml", said{nameID: "v5", format: persistent, qualifier: "https://idp.globex.test/metadata"}, said{sub: "v5"}},
	{"qualifier written into the value", "saml", said{nameID: "v6", format: persistent, qualifier: "https://q.example"}, said{sub: "https%3A%2F%2Fq.example:v6"}},
	{"qualifier that ends in the value", "saml", said{nameID: "b:c", format: persistent, qualifier: "a"}, said{nameID: "c", format: persistent, qualifier: "a:b"}},
	{"qualifier with the separator encoded", "saml", said{nameID: "b:d", format: persistent, qualifier: "a"}, said{nameID: "d", format: persistent, qualifier: "a%3Ab"}},
	{"blank around the value", "saml", said{sub: "v7"}, said{sub: "v7\u00a0"}},
	{"other case", "saml", said{sub: "v8"}, said{sub: "V8"}},
	{"composed otherwise", "saml", said{sub: "v\u00e9"}, said{sub: "ve\u0301"}},
	{"format that ends alike", "saml", said{sub: "v9"}, said{nameID: "v9", format: "urn:evil:nameid-format:persistent"}},
	{"e-mail key as persistent Name ID", "saml", said{}, said{sub: "email:victim12@acme.example"}},
	{"issuer written into sub", "oidc", said{sub: "w1"}, said{sub: "|w1"}},
	{"sub with the separator", "oidc", said{sub: "w2"}, said{sub: "x|w2"}},
	{"sub in other case", "oidc", said{sub: "w3"}, said{sub: "W3"}},
	{"sub with a blank", "oidc", said{sub: "w4"}, said{sub: "w4 "}},
	{"e-mail key as sub", "oidc", said{sub: "w5"}, said{sub: "email:victim17@acme.example"}},
	{"Entra, same oid elsewhere", "entra-any", said{claims: obj{"tid": tenantID("acme"), "oid": "55555555-5555-4555-8555-555555555555", "xms_edov": true}},
		said{claims: obj{"tid": tenantID("globex"), "oid": "55555555-5555-4555-8555-555555555555", "xms_edov": true}}},
	{"Entra, same sub", "entra-any", said{sub: "w6", claims: obj{"tid": tenantID("acme"), "oid": "66666666-6666-4666-8666-666666666666", "xms_edov": true}},
		said{sub: "w6", claims: obj{"tid": tenantID("acme"), "oid": "77777777-7777-4777-8777-777777777777", "xms_edov": true}}},
	{"Entra, tid and oid changed about", "entra-any", said{claims: obj{"tid": tenantID("acme"), "oid": tenantID("globex"), "xms_edov": true}},
		said{claims: obj{"tid": tenantID("globex"), "oid": tenantID("acme"), "xms_edov": true}}},
}

func TestAttackSubjects(t *testing.T) {
	f := newBattlefield(t)
	for i, d := range disguises {
		f.in(t, d.name, func(t *testing.T) {
			named := func(s said, who string) said {
				s.claims = maps.Clone(s.claims)
				s.email = who + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "@acme.example"
				return s
			}
			victim, me := named(d.victim, "victim"), named(d.me, "me")
			theirs := f.enter("acme", d.by, victim, victim.email)
			if mine := f.enter("acme", d.by, me, me.email); mine == theirs {
				t.Error("signed in as the victim")
			}
			if again := f.enter("acme", d.by, victim, victim.email); again != theirs {
				t.Error("the victim is somebody else now")
			}
		})
	}
}

// The same subject at another connection, of another tenant or the same, is another account.
func TestAttackSubjectElsewhere(t *testing.T) {
	f := newBattlefield(t)
	theirs := f.enter("globex", "saml", said{email: "bob@globex.example", sub: "one"}, "bob@globex.example")
	if mine := f.enter("acme", "saml", said{email: "ann@acme.example", sub: "one"}, "ann@acme.example"); mine == theirs {
		t.Error("one subject at two tenants is one person")
	}
	first := f.enter("acme", "oidc", said{email: "cy@acme.example", sub: "cy"}, "cy@acme.example")
	if second := f.enter("acme", "any", said{email: "dee@acme.example", sub: "cy"}, "dee@acme.example"); second == first {
		t.Error("one subject at two connections is one person")
	}
	// A foreign identity provider that names itself as ours does, with a key of its own.
	f.in(t, "issuer of another", func(*testing.T) {
		v, before := f.visitor(), f.rows()
		p := v.answer(v.through("acme", "acme-saml"), "acme", "acme-saml", said{email: "ann@acme.example", sub: "one", lie: func(r *samlidp.Response) {
			r.Issuer, r.AssertionIssuer = "https://idp.globex.test/metadata", "https://idp.globex.test/metadata"
		}})
		v.refused(p, fault.SAMLIssuer, before)
	})
}
