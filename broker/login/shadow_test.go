package login_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/console"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/store/flow"
)

// trial puts a second configuration on trial at acme-saml: another identity provider, that of globex, for jane and nils.
func trial(t *testing.T) *battlefield {
	f := newBattlefield(t)
	c, err := f.store.Connections.Get(t.Context(), "acme-saml")
	must(t, err)
	other := *c
	f.trust("globex", nil)(&other)
	other.Defaults()
	must(t, f.store.Shadows.Put(t.Context(), &broker.Shadow{Connection: c.Slug, Realm: c.Realm, Kind: broker.ShadowTrial,
		ShadowDoc: broker.ShadowDoc{People: []string{"jane@acme.example", "nils@acme.example"}, Config: &other}}))
	f.forget()
	return f
}

// trying begins a login of somebody who says who they are.
func (v *visitor) trying(email string) view {
	v.f.t.Helper()
	p := v.begin("acme", "kc_idp_hint", "acme-saml", "login_hint", email)
	if p.handle() == "" {
		v.f.t.Fatalf("led to %q", p.Header().Get("Location"))
	}
	return p
}

const (
	jane = "jane@acme.example"
	nils = "nils@acme.example" // on the list, and nobody knows him
	bob  = "bob@acme.example"  // not on the list
)

func TestOnTrial(t *testing.T) {
	f := trial(t)
	come := func(email, sub string) string {
		v := f.visitor()
		return v.signedIn(v.answer(v.through("acme", "acme-saml"), "acme", "acme-saml", said{email: email, sub: sub}), "acme", "acme", email)
	}
	id := come(jane, "s-jane")
	come(bob, "s-bob")
	people, links := f.dump("users"), f.dump("links")
	for name, sub := range map[string]string{"the same subject": "s-jane", "another subject": "new-jane"} {
		f.in(t, name, func(t *testing.T) {
			v := f.visitor()
			got := v.signedIn(v.answer(v.trying(jane), "globex", "acme-saml", said{email: jane, sub: sub}), "acme", "acme", jane)
			if got != id {
				t.Errorf("signed in as %s, want %s", got, id)
			}
			if f.dump("users") != people || f.dump("links") != links {
				t.Error("a trial left a trace on people or links")
			}
			made, _, err := f.store.Sessions.List(t.Context(), "acme", flow.Filter{UserID: id}, broker.Page{})
			must(t, err)
			if n := slices.IndexFunc(made, func(s *broker.Session) bool { return s.Upstream.Trial }); n < 0 {
				t.Error("the session does not say that a trial made it")
			} else if leave, err := f.engine.StartLogout(t.Context(), made[n]); leave != nil || err != nil {
				t.Errorf("signing out of it leads to the connection's own provider: %+v, %v", leave, err)
			}
			views, err := f.store.Shadows.Views(t.Context(), "acme", "acme-saml")
			must(t, err)
			if len(views) != 1 || views[0].Email != jane || views[0].Subject != "nameid:"+sub || views[0].Code != "" {
				t.Errorf("%+v", *views[0])
			}
		})
	}
	// Who is not on the list, and who says nothing of themselves, goes the ordinary way.
	for _, p := range []func(*visitor) view{func(v *visitor) view { return v.trying(bob) }, func(v *visitor) view { return v.through("acme", "acme-saml") }} {
		v := f.visitor()
		v.signedIn(v.answer(p(v), "acme", "acme-saml", said{email: bob, sub: "s-bob"}), "acme", "acme", bob)
	}
}

// TestTrialAndConnectionApart: what one configuration's provider says is worthless in a login of the other, whoever it
// claims to be.
func TestTrialAndConnectionApart(t *testing.T) {
	f := trial(t)
	v := f.visitor()
	v.signedIn(v.answer(v.through("acme", "acme-saml"), "acme", "acme-saml", said{email: jane, sub: "s-jane"}), "acme", "acme", jane)
	v = f.visitor()
	v.signedIn(v.answer(v.through("acme", "acme-saml"), "acme", "acme-saml", said{email: bob, sub: "s-bob"}), "acme", "acme", bob)
	posing := func(as string) func(*samlidp.Response) {
		return func(r *samlidp.Response) {
			r.Issuer, r.AssertionIssuer = f.saml[as].EntityID, f.saml[as].EntityID
			r.SignAssertion.Certificate = nil // or the report would guess at a roll-over
		}
	}
	for name, row := range map[string]struct {
		hint string // "" begins with the connection's own configuration
		idp  string
		said said
		want fault.Code
	}{
		"the trial's answer in a login of the connection": {"", "globex", said{email: jane, sub: "s-jane"}, fault.SAMLIssuer},
		"the same, posing as the connection's":            {"", "globex", said{email: jane, sub: "s-jane", lie: posing("acme")}, fault.SAMLSignatureKey},
		"the connection's answer in a login of the trial": {jane, "acme", said{email: jane, sub: "s-jane"}, fault.SAMLIssuer},
		"the same, posing as the trial's":                 {jane, "acme", said{email: jane, sub: "s-jane", lie: posing("globex")}, fault.SAMLSignatureKey},
		"a person who is not on the list":                 {jane, "globex", said{email: bob, sub: "s-bob"}, fault.ShadowOutside},
		"an address on the list with another's subject":   {jane, "globex", said{email: jane, sub: "s-bob"}, fault.ShadowOther},
		"an address on the list that nobody has":          {nils, "globex", said{email: nils, sub: "s-nils"}, fault.LoginNotKnown},
		"an address of another realm":                     {jane, "globex", said{email: "kim@globex.example", sub: "s-kim"}, fault.EmailOutside},
		"the trial's answer that nobody asked for":        {"unsolicited", "globex", said{email: jane, sub: "s-jane"}, fault.SAMLUnsolicited},
	} {
		f.in(t, name, func(t *testing.T) {
			v := f.visitor()
			if row.hint == "unsolicited" {
				before := f.rows()
				v.refused(v.bring("acme-saml", f.assertion(row.idp, "acme-saml", "", row.said), ""), row.want, before)
				return
			}
			p := v.through("acme", "acme-saml")
			if row.hint != "" {
				p = v.trying(row.hint)
			}
			before := f.rows()
			v.refused(v.answer(p, row.idp, "acme-saml", row.said), row.want, before)
		})
	}
}

// TestOperatorsAreNotOnTrial: a sign-in to the console is never led to the configuration on trial.
func TestOperatorsAreNotOnTrial(t *testing.T) {
	f := trial(t)
	r, err := f.store.Realms.Get(t.Context(), "acme")
	must(t, err)
	r.Operators = true
	must(t, f.store.Realms.Update(t.Context(), r))
	f.forget()
	f.engine.Config = console.Configuration{Config: f.registry}
	for client, want := range map[string]string{broker.ConsoleClientID: "https://idp.acme.test/", "app": "https://idp.globex.test/"} {
		l := &broker.Login{ID: broker.NewLoginID(), Realm: "acme", ClientID: client, Protocol: "oidc", IdPHint: "acme-saml", LoginHint: jane, Begun: time.Now(), MaxAge: -1}
		step, err := f.engine.Begin(t.Context(), login.Start{Login: l})
		must(t, err)
		if step.Go == nil || !strings.HasPrefix(step.Go.URL, want) {
			t.Errorf("%s is led to %+v, want %s", client, step.Go, want)
		}
	}
}

// TestTrialTakenAway ends the logins that are under way with it.
func TestTrialTakenAway(t *testing.T) {
	f := trial(t)
	v := f.visitor()
	v.signedIn(v.answer(v.through("acme", "acme-saml"), "acme", "acme-saml", said{email: jane, sub: "s-jane"}), "acme", "acme", jane)
	v = f.visitor()
	p := v.trying(jane)
	must(t, f.store.Shadows.Delete(t.Context(), "acme", "acme-saml", broker.ShadowTrial))
	f.forget()
	before := f.rows()
	v.refused(v.answer(p, "globex", "acme-saml", said{email: jane, sub: "s-jane"}), fault.ShadowNone, before)
	v.refused(v.answer(p, "acme", "acme-saml", said{email: jane, sub: "s-jane"}), fault.ShadowNone, before)
}
