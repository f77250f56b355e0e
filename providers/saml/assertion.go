package saml

import (
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// assertion checks a verified assertion (SAML profiles, section 4.1.4.3) and reads the identity from it.
func (a *answer) assertion(n *node) (providers.Identity, error) {
	if err := a.stamp(n); err != nil {
		return providers.Identity{}, err
	}
	if err := a.fresh(n); err != nil {
		return providers.Identity{}, err
	}
	if err := a.assertionIssuer(n); err != nil {
		return providers.Identity{}, err
	}
	if err := a.conditions(n); err != nil {
		return providers.Identity{}, err
	}
	subject, err := one(n, "Subject")
	if err != nil {
		return providers.Identity{}, err
	}
	until, err := a.confirmed(subject)
	if err != nil {
		return providers.Identity{}, err
	}
	id := providers.Identity{Issuer: a.from.entityID, Once: []providers.Once{a.once(n, until)}}
	if err := a.session(n, &id); err != nil {
		return providers.Identity{}, err
	}
	if err := a.subject(subject, &id); err != nil {
		return providers.Identity{}, err
	}
	if err := a.attributes(n, &id); err != nil {
		return providers.Identity{}, err
	}
	if id.Subject == "" && len(id.Attributes) == 0 {
		return providers.Identity{}, fault.New(fault.SAMLNothingSaid, "Success, with neither a Name ID nor attributes")
	}
	return id, nil
}

// one is the only child of SAML's assertion namespace with this name.
func one(n *node, name string) (*node, error) {
	found := n.all(nsAssertion, name)
	if len(found) != 1 {
		return nil, fault.New(fault.SAMLIncomplete, "%s with %d %s elements instead of one", n.name, len(found), name)
	}
	return found[0], nil
}

func (a *answer) assertionIssuer(n *node) error {
	issuer, err := one(n, "Issuer")
	if err != nil {
		return err
	}
	if issuer.content() != a.from.entityID {
		return a.otherIssuer(issuer.content(), nil)
	}
	return nil
}

// once is remembered until the assertion could not be used any more anyway, and a little longer for the clocks of our
// own replicas.
func (a *answer) once(n *node, until time.Time) providers.Once {
	if limit := a.issued.Add(maxAge); until.After(limit) {
		until = limit
	}
	return providers.Once{ID: n.attr("ID"), Until: until.Add(a.p.c.skew() + time.Minute)}
}

// conditions must all hold, and one that we do not know does not (SAML core, section 2.5.1).
func (a *answer) conditions(n *node) error {
	found := n.all(nsAssertion, "Conditions")
	if len(found) == 0 {
		return &fault.Error{Code: fault.SAMLAudienceMissing, Detail: "no Conditions", Expected: a.p.s.SPEntityID}
	}
	c, err := one(n, "Conditions")
	if err != nil {
		return err
	}
	if err := a.begun(c.attr("NotBefore"), "Conditions NotBefore"); err != nil {
		return err
	}
	if v := c.attr("NotOnOrAfter"); v != "" {
		if _, err := a.lasts(v, "Conditions NotOnOrAfter"); err != nil {
			return err
		}
	}
	restricted := false
	for _, k := range c.elements() {
		switch {
		case k.is(nsAssertion, "AudienceRestriction"):
			restricted = true
			if err := a.audience(k); err != nil {
				return err
			}
		case k.is(nsAssertion, "OneTimeUse"), k.is(nsAssertion, "ProxyRestriction"): // both are kept here anyway
		default:
			return fault.New(fault.SAMLCondition, "%s", clip(k.name))
		}
	}
	if !restricted {
		return &fault.Error{Code: fault.SAMLAudienceMissing, Expected: a.p.s.SPEntityID}
	}
	return nil
}

// audience: any of a restriction's audiences may be ours.
func (a *answer) audience(restriction *node) error {
	observed := ""
	for _, k := range restriction.all(nsAssertion, "Audience") {
		v := k.content()
		if v == a.p.s.SPEntityID {
			return nil
		}
		if observed != "" {
			observed += " "
		}
		observed = clip(observed + v)
	}
	if a.p.ours(observed, a.r) {
		return a.p.swappedAtTheirs(observed, a.p.s.SPEntityID)
	}
	f := fault.Mismatch(fault.SAMLAudience, observed, a.p.s.SPEntityID)
	f.Labels = []string{"Audience URI (SP Entity ID)", "Identifier (Entity ID)", "Audience"}
	if slug := a.p.neighbour(observed); slug != "" {
		f.Telling("the audience would be that of another connection here: %s", slug)
	}
	f.Confidence = fault.Proved
	return f
}

// confirmed requires one bearer confirmation that holds, and answers until when it does. Of several that fail, the last
// one's reason is reported.
func (a *answer) confirmed(subject *node) (until time.Time, err error) {
	failure := error(fault.New(fault.SAMLConfirmation, "no bearer SubjectConfirmation"))
	for _, c := range subject.all(nsAssertion, "SubjectConfirmation") {
		if c.attr("Method") != bearer {
			continue
		}
		t, err := a.bearer(c)
		if err != nil {
			failure = err
		} else if t.After(until) {
			until = t
		}
	}
	if until.IsZero() {
		return until, failure
	}
	return until, nil
}

func (a *answer) bearer(confirmation *node) (time.Time, error) {
	d := confirmation.child(nsAssertion, "SubjectConfirmationData")
	if d == nil {
		return time.Time{}, fault.New(fault.SAMLConfirmation, "no SubjectConfirmationData")
	}
	if v := trimXML(d.attr("Recipient")); !a.p.ours(v, a.r) {
		f := a.misdirected(fault.SAMLRecipient, v)
		if f.Code == fault.SAMLRecipient {
			f.Labels = []string{"Recipient", "Single sign-on URL", "Reply URL"}
		}
		return time.Time{}, f
	}
	if err := a.inResponseTo(d.attr("InResponseTo"), "SubjectConfirmationData"); err != nil {
		return time.Time{}, err
	}
	if err := a.begun(d.attr("NotBefore"), "SubjectConfirmationData NotBefore"); err != nil {
		return time.Time{}, err
	}
	if d.attr("NotOnOrAfter") == "" {
		return time.Time{}, fault.New(fault.SAMLConfirmation, "no NotOnOrAfter")
	}
	return a.lasts(d.attr("NotOnOrAfter"), "SubjectConfirmationData NotOnOrAfter")
}

// session reads the AuthnStatement; of several, the first is the session and none may have ended.
func (a *answer) session(n *node, id *providers.Identity) error {
	statements := n.all(nsAssertion, "AuthnStatement")
	if len(statements) == 0 {
		return fault.New(fault.SAMLAuthnStatement, "")
	}
	for i, s := range statements {
		at, until, err := a.authnStatement(s)
		if err != nil {
			return err
		}
		if i == 0 {
			id.AuthTime, id.SessionUntil, id.SessionIndex = at, until, s.attr("SessionIndex")
			id.ACR = s.child(nsAssertion, "AuthnContext").child(nsAssertion, "AuthnContextClassRef").content()
		}
	}
	forced := a.r.ForceAuthn || a.p.c.ForceAuthn
	if forced && !a.r.Issued.IsZero() && id.AuthTime.Before(a.r.Issued.Add(-a.p.c.skew())) {
		return &fault.Error{Code: fault.LoginUpstreamStale, Observed: instant(id.AuthTime), Expected: "after " + instant(a.r.Issued)}
	}
	return nil
}

func (a *answer) authnStatement(s *node) (at, until time.Time, err error) {
	if at, err = parseTime(s.attr("AuthnInstant")); err != nil {
		return at, until, fault.New(fault.SAMLAuthnStatement, "AuthnInstant is not a time: %q", clip(s.attr("AuthnInstant")))
	}
	if at.After(a.now.Add(a.p.c.skew())) {
		return at, until, a.early(at, "AuthnInstant")
	}
	v, said := s.lookupAttr("", "SessionNotOnOrAfter")
	if !said {
		return at, until, nil
	}
	if until, err = parseTime(v); err != nil {
		return at, until, fault.New(fault.SAMLIncomplete, "SessionNotOnOrAfter is not a time: %q", clip(v))
	}
	if !a.now.Before(until.Add(a.p.c.skew())) {
		return at, until, a.off(fault.SAMLSessionExpired, until, fault.Text{Say: "SessionNotOnOrAfter has passed"})
	}
	return at, until, nil
}
