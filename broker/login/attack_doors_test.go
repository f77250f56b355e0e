package login_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/providers/providertest/samlidp"
)

// Rule 6: an answer is worth something at one connection, to one login, in one browser, once.

var eve = said{email: "eve@acme.example", sub: "eve"}

// addressed is an answer of acme's SAML identity provider about globex's person, to whichever connection.
func (f *battlefield) addressed(slug, handle string, lie func(*samlidp.Response)) string {
	s := eve
	s.email, s.lie = "bob@globex.example", lie
	return f.assertion("acme", slug, handle, s)
}

var doors = []scene{
	{"6", "acme's answer at globex's endpoint", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-saml")
		return v, func() view {
			return v.bring("globex-saml", f.assertion("acme", "acme-saml", p.handle(), eve), p.handle())
		}
	}, fault.LoginMisrouted},
	{"6", "acme's answer at globex's endpoint, without RelayState", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-saml")
		return v, func() view { return v.bring("globex-saml", f.assertion("acme", "acme-saml", p.handle(), eve), "") }
	}, fault.LoginMisrouted},
	{"6", "acme's answer at globex's endpoint, Keycloak's path", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-saml")
		return v, func() view {
			form := map[string][]string{"SAMLResponse": {f.assertion("acme", "acme-saml", p.handle(), eve)}, "RelayState": {p.handle()}}
			return v.send("POST", "/realms/globex/broker/globex-saml/endpoint", form)
		}
	}, fault.LoginMisrouted},
	{"6", "acme's answer to globex's login", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("globex", "globex-saml")
		return v, func() view { return v.bring("globex-saml", f.addressed("globex-saml", p.handle(), nil), p.handle()) }
	}, fault.SAMLIssuer},
	{"6", "acme's answer to globex's login, in globex's name", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("globex", "globex-saml")
		return v, func() view {
			return v.bring("globex-saml", f.addressed("globex-saml", p.handle(), func(r *samlidp.Response) {
				r.Issuer, r.AssertionIssuer = f.saml["globex"].EntityID, f.saml["globex"].EntityID
			}), p.handle())
		}
	}, fault.SAMLSignatureKey},
	{"6", "acme's answer in globex's name with globex's certificate shown", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("globex", "globex-saml")
		return v, func() view {
			return v.bring("globex-saml", f.addressed("globex-saml", p.handle(), func(r *samlidp.Response) {
				r.Issuer, r.AssertionIssuer = f.saml["globex"].EntityID, f.saml["globex"].EntityID
				r.SignAssertion.Certificate = f.saml["globex"].Certificate
			}), p.handle())
		}
	}, fault.SAMLSignatureInvalid},
	{"6", "globex's login at acme's connection", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("globex", "globex-saml")
		return v, func() view {
			return v.bring("acme-saml", f.assertion("acme", "acme-saml", p.handle(), eve), p.handle())
		}
	}, fault.LoginMisrouted},
	{"6", "the hub's login at globex's connection with acme's answer", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("market", "globex-saml")
		return v, func() view {
			return v.bring("acme-saml", f.assertion("acme", "acme-saml", p.handle(), eve), p.handle())
		}
	}, fault.LoginMisrouted},
	{"6", "an asked answer handed over as unasked", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-unasked")
		return v, func() view {
			return v.bring("acme-unasked", f.assertion("acme", "acme-unasked", p.handle(), said{email: eve.email, lie: func(r *samlidp.Response) { r.InResponseTo = "" }}), "")
		}
	}, fault.SAMLInResponseTo},
	{"6", "unasked, where that is off", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		return v, func() view { return v.bring("acme-saml", f.assertion("acme", "acme-saml", "", eve), "") }
	}, fault.SAMLUnsolicited},
	{"6", "unasked, other's address", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		return v, func() view {
			return v.bring("acme-unasked", f.assertion("acme", "acme-unasked", "", said{email: "bob@globex.example"}), "")
		}
	}, fault.EmailOutside},
	{"6", "unasked, for globex's connection", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		return v, func() view { return v.bring("globex-unasked", f.addressed("globex-unasked", "", nil), "") }
	}, fault.SAMLIssuer},
	{"6", "one identity provider, two connections: the other's audience", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-twin")
		return v, func() view {
			return v.bring("acme-twin", f.assertion("acme", "acme-twin", p.handle(), said{email: eve.email, lie: func(r *samlidp.Response) {
				r.Audiences = [][]string{{broke + "/broker/acme-saml/metadata"}}
			}}), p.handle())
		}
	}, fault.SAMLAudience},
	{"6", "one identity provider, two connections: the other's answer", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p, twin := v.through("acme", "acme-saml"), v.through("acme", "acme-twin")
		return v, func() view {
			return v.bring("acme-twin", f.assertion("acme", "acme-saml", p.handle(), eve), twin.handle())
		}
	}, fault.SAMLDestination},
	{"6", "OpenID answer at another connection's endpoint", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.through("acme", "acme-oidc")
		return v, func() view {
			return v.get(strings.Replace(f.redirect("acme", p, eve), "/acme-oidc/", "/globex-oidc/", 1))
		}
	}, fault.LoginMisrouted},
	{"6", "acme's code to globex's login", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p, q := v.through("acme", "acme-oidc"), v.through("globex", "globex-oidc")
		return v, func() view {
			to := strings.Replace(f.redirect("acme", p, eve), "/acme-oidc/", "/globex-oidc/", 1)
			return v.get(strings.Replace(to, p.handle(), q.handle(), 1))
		}
	}, fault.OIDCCodeUsed},
	{"6", "another login's code at the same connection", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p, q := v.through("acme", "acme-oidc"), w.through("acme", "acme-oidc")
		return v, func() view { return v.get(strings.Replace(f.redirect("acme", q, eve), q.handle(), p.handle(), 1)) }
	}, fault.OIDCCodeRefused},

	{"6", "OpenID answer in another browser", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-oidc")
		return v, func() view { return v.get(f.redirect("acme", p, eve)) }
	}, fault.LoginForeign},
	{"6", "OpenID answer in another browser that has a login of its own", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-oidc")
		v.through("acme", "acme-oidc")
		return v, func() view { return v.get(f.redirect("acme", p, eve)) }
	}, fault.LoginForeign},
	{"6", "SAML answer in another browser", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		return v, func() view { return v.answer(p, "acme", "acme-saml", eve) }
	}, fault.LoginForeign},
	{"6", "key of an answer that another browser brought", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		parked := w.post("acme-saml", f.assertion("acme", "acme-saml", p.handle(), eve), p.handle())
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.LoginForeign},
	{"6", "the same at another connection's page", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		v.through("globex", "globex-saml")
		parked := w.post("acme-saml", f.assertion("acme", "acme-saml", p.handle(), eve), p.handle())
		return v, func() view {
			return v.get(strings.Replace(parked.Header().Get("Location"), "acme-saml", "globex-saml", 1))
		}
	}, fault.LoginForeign},
	{"6", "key a second time", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		parked := w.post("acme-saml", f.assertion("acme", "acme-saml", p.handle(), said{email: "u1@acme.example"}), p.handle())
		w.signedIn(w.get(parked.Header().Get("Location")), "acme", "acme", "u1@acme.example")
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.LoginTaken},
	{"6", "login of another browser under a name of one's own", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		v.through("acme", "acme-saml")
		rename(v, w)
		return v, func() view { return v.answer(p, "acme", "acme-saml", eve) }
	}, fault.LoginForeign},
	{"6", "assertion again, in a second browser", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		answer := f.assertion("acme", "acme-saml", p.handle(), said{email: "u2@acme.example"})
		w.signedIn(w.bring("acme-saml", answer, p.handle()), "acme", "acme", "u2@acme.example")
		return v, func() view { return v.bring("acme-saml", answer, p.handle()) }
	}, fault.SAMLReplayed},
	{"6", "assertion again, in a second browser that begins anew", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		p := w.through("acme", "acme-saml")
		answer := f.assertion("acme", "acme-saml", p.handle(), said{email: "u3@acme.example"})
		w.signedIn(w.bring("acme-saml", answer, p.handle()), "acme", "acme", "u3@acme.example")
		q := v.through("acme", "acme-saml")
		return v, func() view { return v.bring("acme-saml", answer, q.handle()) }
	}, fault.SAMLInResponseTo},
	{"6", "unasked assertion again", func(f *battlefield) (*visitor, func() view) {
		v, w := f.visitor(), f.visitor()
		answer := f.assertion("acme", "acme-unasked", "", said{email: "u4@acme.example"})
		w.signedIn(w.bring("acme-unasked", answer, ""), "acme", "acme", "u4@acme.example")
		return v, func() view { return v.bring("acme-unasked", answer, "") }
	}, fault.SAMLReplayed},
	{"6", "OpenID answer again", func(f *battlefield) (*visitor, func() view) {
		w := f.visitor()
		p := w.through("acme", "acme-oidc")
		to := f.redirect("acme", p, said{email: "u5@acme.example"})
		w.signedIn(w.get(to), "acme", "acme", "u5@acme.example")
		delete(w.jar, "cr_s_acme")
		return w, func() view { return w.get(to) }
	}, fault.LoginTaken},

	// The wall, from the inside of a login.
	{"6", "acme's connection for globex's application", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.begin("globex", "kc_idp_hint", "acme-saml")
		return v, func() view { return v.get(p.own() + "/go/acme-saml") }
	}, fault.LoginNotAllowed},
	{"6", "acme's connection where globex is asked for", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.begin("market", "realm_hint", "globex", "kc_idp_hint", "acme-saml")
		return v, func() view { return v.get(p.own() + "/go/acme-saml") }
	}, fault.LoginNotAllowed},
	{"6", "acme's connection for a client pinned to globex", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.client("market", "pinned", "globex")
		p := v.begin("market", "client_id", "pinned", "kc_idp_hint", "acme-saml")
		return v, func() view { return v.get(p.own() + "/go/acme-saml") }
	}, fault.LoginNotAllowed},
	{"6", "hub's connection where globex is asked for", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := v.begin("market", "realm_hint", "globex")
		return v, func() view { return v.get(p.own() + "/go/market-social") }
	}, fault.LoginNotAllowed},

	// What changes while the person is at the identity provider counts.
	{"6", "switched off meanwhile", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "acme-x1", []string{"acme.example"}, f.trust("acme", nil))
		p := v.through("acme", "acme-x1")
		f.reconnect("acme-x1", func(c *broker.Connection) { c.Enabled = false })
		return v, func() view { return v.answer(p, "acme", "acme-x1", eve) }
	}, fault.LoginDisabled},
	{"6", "switched off between answer and cookie", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "acme-x2", []string{"acme.example"}, f.trust("acme", nil))
		p := v.through("acme", "acme-x2")
		parked := v.post("acme-x2", f.assertion("acme", "acme-x2", p.handle(), eve), p.handle())
		f.reconnect("acme-x2", func(c *broker.Connection) { c.Enabled = false })
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.LoginDisabled},
	{"6", "removed meanwhile", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "acme-x3", []string{"acme.example"}, f.trust("acme", nil))
		p := v.through("acme", "acme-x3")
		parked := v.post("acme-x3", f.assertion("acme", "acme-x3", p.handle(), eve), p.handle())
		must(f.t, f.store.Connections.Delete(f.t.Context(), "acme-x3"))
		f.forget()
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.NotFound},
	{"6", "moved to globex meanwhile, acme's login", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "x4", []string{"acme.example"}, f.trust("acme", nil))
		p := v.through("acme", "x4")
		f.move("x4", "globex", []string{"globex.example"})
		return v, func() view { return v.answer(p, "acme", "x4", eve) }
	}, fault.LoginNotAllowed},
	{"6", "moved to globex between answer and cookie, at the hub", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "x5", []string{"acme.example"}, f.trust("acme", nil))
		p := v.through("market", "x5")
		parked := v.post("x5", f.assertion("acme", "x5", p.handle(), said{email: "bob@globex.example"}), p.handle())
		f.move("x5", "globex", []string{"globex.example"})
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.LoginMisrouted},
	{"6", "moved to globex between unasked answer and cookie", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		f.connect("acme", "x6", []string{"acme.example"}, f.trust("acme", func(c *broker.Connection) { c.SAML.IdPInitiated = true }))
		parked := v.post("x6", f.assertion("acme", "x6", "", said{email: "bob@globex.example"}), "")
		f.move("x6", "globex", []string{"globex.example"})
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.LoginMisrouted},
	{"2", "domain moved to globex meanwhile", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := f.wandering(v, "d1.example")
		f.transfer("d1.example")
		return v, func() view { return v.answer(p, "acme", "acme-d1", said{email: "bob@d1.example"}) }
	}, fault.EmailOutside},
	{"2", "domain moved to globex between answer and cookie", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := f.wandering(v, "d2.example")
		parked := v.post("acme-d2", f.assertion("acme", "acme-d2", p.handle(), said{email: "bob@d2.example"}), p.handle())
		f.transfer("d2.example")
		return v, func() view { return v.get(parked.Header().Get("Location")) }
	}, fault.EmailOutside},
	{"2", "domain no longer verified", func(f *battlefield) (*visitor, func() view) {
		v := f.visitor()
		p := f.wandering(v, "d3.example")
		must(f.t, f.store.Domains.Delete(f.t.Context(), "acme", "d3.example"))
		f.forget()
		return v, func() view { return v.answer(p, "acme", "acme-d3", said{email: "bob@d3.example"}) }
	}, fault.EmailOutside},
}

// rename puts another browser's login into a browser, under the name of its own.
func rename(to, from *visitor) {
	for name := range to.jar {
		for theirs, value := range from.jar {
			if strings.HasPrefix(name, "cr_l_") && strings.HasPrefix(theirs, "cr_l_") {
				to.jar[name] = value
			}
		}
	}
}

// move takes a slug from one realm to another, with the same identity provider behind it.
func (f *battlefield) move(slug, realm string, domains []string) {
	f.t.Helper()
	c, err := f.store.Connections.Get(f.t.Context(), slug)
	must(f.t, err)
	must(f.t, f.store.Connections.Delete(f.t.Context(), slug))
	f.connect(realm, slug, domains, func(next *broker.Connection) { next.Protocol, next.SAML = c.Protocol, c.SAML })
}

// wandering begins a login of acme's at a connection for a domain of acme's.
func (f *battlefield) wandering(v *visitor, domain string) view {
	f.t.Helper()
	f.domain("acme", domain)
	slug := "acme-" + strings.TrimSuffix(domain, ".example")
	f.connect("acme", slug, []string{domain}, f.trust("acme", nil))
	return v.through("acme", slug)
}

func (f *battlefield) transfer(domain string) {
	f.t.Helper()
	must(f.t, f.store.Domains.Delete(f.t.Context(), "acme", domain))
	f.domain("globex", domain)
}

func TestAttackDoors(t *testing.T) {
	f := newBattlefield(t)
	for _, s := range doors {
		f.in(t, s.rule+"/"+s.name, func(*testing.T) { f.played(s) })
	}
}

// The same doors, gone through as is meant.
func TestDoors(t *testing.T) {
	f := newBattlefield(t)
	f.in(t, "unasked", func(*testing.T) {
		v := f.visitor()
		v.signedIn(v.bring("acme-unasked", f.assertion("acme", "acme-unasked", "", eve), ""), "acme", "acme", eve.email)
	})
	f.in(t, "RelayState lost", func(*testing.T) {
		v := f.visitor()
		p := v.through("acme", "acme-twin")
		v.signedIn(v.bring("acme-twin", f.assertion("acme", "acme-twin", p.handle(), said{email: "fay@acme.example"}), ""), "acme", "acme", "fay@acme.example")
	})
	f.in(t, "realm asked for", func(*testing.T) {
		v := f.visitor()
		p := v.begin("market", "realm_hint", "acme", "kc_idp_hint", "acme-saml")
		v.signedIn(v.answer(p, "acme", "acme-saml", said{email: "gus@acme.example"}), "market", "acme", "gus@acme.example")
	})
	f.in(t, "switched on again", func(*testing.T) {
		v := f.visitor()
		p := v.through("acme", "acme-saml")
		f.reconnect("acme-saml", func(c *broker.Connection) { c.Enabled = false })
		f.reconnect("acme-saml", func(c *broker.Connection) { c.Enabled = true })
		v.signedIn(v.answer(p, "acme", "acme-saml", said{email: "hal@acme.example"}), "acme", "acme", "hal@acme.example")
	})
	f.in(t, "moved together with its domain", func(*testing.T) {
		v := f.visitor()
		p := f.wandering(v, "d4.example")
		f.transfer("d4.example")
		f.move("acme-d4", "globex", []string{"d4.example"})
		v.refused(v.answer(p, "acme", "acme-d4", said{email: "ida@d4.example"}), fault.LoginNotAllowed, f.rows())
		v = f.visitor()
		p = v.through("globex", "acme-d4")
		v.signedIn(v.answer(p, "acme", "acme-d4", said{email: "ida@d4.example"}), "globex", "globex", "ida@d4.example")
	})
}

// TestAttackSessions: a session opens the realm that it was made in, under its own name, to the person that is asked for.
func TestAttackSessions(t *testing.T) {
	f := newBattlefield(t)
	acme, hub := f.visitor(), f.visitor()
	acme.signedIn(acme.answer(acme.through("acme", "acme-saml"), "acme", "acme-saml", said{email: "ann@acme.example"}), "acme", "acme", "ann@acme.example")
	hub.signedIn(hub.answer(hub.through("market", "acme-saml"), "acme", "acme-saml", said{email: "ann@acme.example"}), "market", "acme", "ann@acme.example")
	f.client("market", "pinned", "globex")
	for _, c := range []struct {
		name      string
		of        *visitor
		from, as  string // the cookie's realm, and the realm it is presented as
		at        string
		extra     []string
		wantLetIn bool
	}{
		{"own", acme, "acme", "acme", "acme", nil, true},
		{"the hub's own", hub, "market", "market", "market", nil, true},
		{"the hub's, own realm asked for", hub, "market", "market", "market", []string{"realm_hint", "acme"}, true},
		{"the hub's, own connection hinted", hub, "market", "market", "market", []string{"kc_idp_hint", "acme-oidc"}, true},
		{"at another realm", acme, "acme", "acme", "globex", nil, false},
		{"under another realm's name", acme, "acme", "globex", "globex", nil, false},
		{"under the hub's name", acme, "acme", "market", "market", nil, false},
		{"the hub's under the home realm's name", hub, "market", "acme", "acme", nil, false},
		{"the hub's under another realm's name", hub, "market", "globex", "globex", nil, false},
		{"the hub's, another realm asked for", hub, "market", "market", "market", []string{"realm_hint", "globex"}, false},
		{"the hub's, another realm's connection hinted", hub, "market", "market", "market", []string{"kc_idp_hint", "globex-saml"}, false},
		{"the hub's, the hub itself asked for", hub, "market", "market", "market", []string{"realm_hint", "market"}, false},
		{"the hub's, for a client pinned to another", hub, "market", "market", "market", []string{"client_id", "pinned"}, false},
	} {
		f.in(t, c.name, func(t *testing.T) {
			v := f.visitor()
			v.jar["cr_s_"+c.as] = c.of.jar["cr_s_"+c.from]
			grants := f.dump("grants")
			p := v.begin(c.at, append([]string{"prompt", "none"}, c.extra...)...)
			if _, ok := p.home(); ok != c.wantLetIn {
				t.Errorf("led to %d %s", p.Code, p.Header().Get("Location"))
			}
			if made := f.dump("grants") != grants; made != c.wantLetIn {
				t.Errorf("a grant was made: %v", made)
			}
		})
	}
}

// letters is what was mailed.
type letters struct{ code string }

func (l *letters) Configured() bool { return true }
func (l *letters) ConfirmLink(_ context.Context, c login.Confirmation) error {
	l.code = c.Code
	return nil
}
func (*letters) ApprovalRequested(context.Context, *broker.Realm, string, *broker.User) error {
	return nil
}
func (*letters) SeatLimitReached(context.Context, *broker.Realm, *broker.User, int) error { return nil }

// What changes while a person looks for the mailed code counts as well: by the right code an identity is judged again.
func TestAttackWhileConfirming(t *testing.T) {
	f, box := newBattlefield(t), &letters{}
	f.engine.Post = box
	for _, c := range []struct {
		name      string
		meanwhile func()
		want      fault.Code
	}{
		{"nothing", func() {}, ""},
		{"switched-off", func() { f.reconnect("switched-off", func(c *broker.Connection) { c.Enabled = false }) }, fault.LoginDisabled},
		{"moved", func() { f.move("moved", "globex", []string{"globex.example"}) }, fault.LoginMisrouted},
		{"transferred", func() { f.transfer("transferred.example") }, fault.EmailOutside},
	} {
		f.in(t, c.name, func(*testing.T) {
			domain := c.name + ".example"
			f.domain("acme", domain)
			f.connect("acme", c.name, []string{domain}, f.trust("acme", func(c *broker.Connection) { c.Linking = "confirm" }))
			u, v := f.person("acme", "pat@"+domain, nil), f.visitor()
			p := v.answer(v.through("market", c.name), "acme", c.name, said{email: u.Email})
			if box.code == "" {
				f.t.Fatalf("no code was mailed; at %s: %d", p.path, p.Code)
			}
			c.meanwhile()
			before := f.rows()
			p = v.submit(p.own(), url.Values{"code": {box.code}})
			if c.want != "" {
				v.refused(p, c.want, before)
				return
			}
			if id := v.signedIn(p, "market", "acme", u.Email); id != u.ID {
				f.t.Errorf("tied to %s, is %s", id, u.ID)
			}
		})
	}
}

// A domain that another realm has verified since ends what its people's addresses opened at the hub before.
func TestAttackOldHubSession(t *testing.T) {
	f := newBattlefield(t)
	v := f.visitor()
	v.signedIn(v.answer(v.through("market", "acme-any"), "acme", "acme-any", said{email: "bob@late.example"}), "market", "acme", "bob@late.example")
	if _, ok := v.begin("market", "prompt", "none").home(); !ok {
		t.Error("the session is not good before")
	}
	f.domain("globex", "late.example")
	grants := f.dump("grants")
	p := v.begin("market", "prompt", "none")
	if to, ok := p.home(); ok || f.dump("grants") != grants {
		t.Errorf("acme's session speaks for globex's address: %s", to)
	}
}
