package diagnose

import (
	"context"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// Past answers how a connection did so far. Half of all diagnoses split on two questions: one person or everybody, and did
// it ever work.
type Past interface {
	Health(ctx context.Context, realm, slug string) (*broker.Health, error)
	// Tested counts a test login that came to an end.
	Tested(ctx context.Context, realm, slug, by string, passed bool, at time.Time) error
}

// Verdicts answers a connection's last preflight, nil where there was none.
type Verdicts interface {
	LastCheck(ctx context.Context, realm, slug string) (*admin.Report, error)
}

// record is what is known of a connection before this sign-in.
type record struct {
	known  bool
	health broker.Health
	check  *admin.Report
}

// recordOf asks for what is known. A diagnosis is made without it rather than not at all.
func (x *Examiner) recordOf(ctx context.Context, c *broker.Connection) (r record) {
	if x.Past != nil {
		if h, err := x.Past.Health(ctx, c.Realm, c.Slug); err == nil && h != nil {
			r.known, r.health = true, *h
		}
	}
	if x.Verdicts != nil {
		r.check, _ = x.Verdicts.LastCheck(ctx, c.Realm, c.Slug)
	}
	return r
}

// count adds a test that has ended to the connection's record. Only a report that came to the browser which began the test
// counts: what another brought proves nothing about this test. Nor does a test of the configuration on trial say anything of
// the connection that people sign in with.
func (x *Examiner) count(ctx context.Context, t *broker.TestLogin, d *admin.Diagnosed, at time.Time) error {
	if x.Past == nil || d.Trial {
		return nil
	}
	return x.Past.Tested(ctx, t.Realm, t.Connection, t.Actor, d.Status == "passed", at)
}

// ever says that somebody has got in through the connection, or that a test login passed.
func (r record) ever() bool {
	return !r.health.LastSuccess.IsZero() || r.health.LastTest != nil && r.health.LastTest.Passed
}

// since says that somebody has got in since the connection was changed last.
func (r record) since() bool { return r.health.SuccessesSinceChange > 0 || r.testedSince() }

func (r record) testedSince() bool {
	return r.health.LastTest != nil && r.health.LastTest.Passed && r.health.LastTest.At.After(r.health.ChangedAt)
}

// lately says that people get in: the failure is one person's, or of a moment.
func (r record) lately(now time.Time) bool {
	return r.since() && r.health.PeopleFailing < 3 && now.Sub(r.health.LastSuccess) < 7*24*time.Hour
}

// probed says that the last preflight found the provider to know our address and our name: what fails then has to do with
// people. A check that could not tell says nothing.
func (r record) probed() bool {
	if r.check == nil {
		return false
	}
	for _, c := range r.check.Checks {
		if c.Name == "passive" && c.Status == "passed" && !strings.HasPrefix(c.Detail, "says nothing") {
			return true
		}
	}
	return false
}

// broken is what the last preflight found wrong, nil where it found nothing.
func (r record) broken() *admin.Finding {
	if r.check == nil {
		return nil
	}
	for i, f := range r.check.Findings {
		if f.Severity == "error" {
			return &r.check.Findings[i]
		}
	}
	return nil
}

// story is the record in a sentence, "" where nothing is known.
func (r record) story(now time.Time) fault.Text {
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
	switch h := r.health; {
	case !r.known:
		return fault.Text{}
	case !r.ever():
		return fault.Sayf("Nobody has signed in through this connection yet.")
	case r.since() && h.PeopleFailing > 2:
		return fault.Sayf("It worked until %s; %d people have failed since.", at(h.LastSuccess), h.PeopleFailing)
	case r.lately(now):
		if h.SuccessesSinceChange == 1 {
			return fault.Sayf("Others get in: 1 sign-in since the last change, the last one at %s.", at(r.last()))
		}
		return fault.Sayf("Others get in: %d sign-ins since the last change, the last one at %s.", h.SuccessesSinceChange, at(r.last()))
	case r.since():
		return fault.Sayf("It worked until %s, and nothing was changed here since.", at(r.last()))
	default:
		return fault.Sayf("It worked until %s; the connection was changed here at %s, and nobody has got in since.", at(r.last()), at(h.ChangedAt))
	}
}

func (r record) last() time.Time {
	t := r.health.LastSuccess
	if r.health.LastTest != nil && r.health.LastTest.Passed && r.health.LastTest.At.After(t) {
		t = r.health.LastTest.At
	}
	return t
}

// split is what the record adds to a fault that means one thing for everybody and another for one person, or one thing
// at the first try and another after it has worked.
type split struct {
	never, worked, others string
}

func splits(c fault.Code) split {
	switch c {
	case fault.SAMLNameIDPolicy, fault.IdPNoValue:
		return split{never: "Nobody has got in yet, so the rule that makes the Name ID is missing.", others: "Others get in, so this person's e-mail address is empty in the directory."}
	case fault.EmailMissing:
		return split{never: "Nobody has got in yet, so the attribute is not released at all.", others: "Others get in, so this person has no e-mail address in the directory."}
	case fault.SAMLSignatureKey, fault.OIDCKeyUnknown:
		return split{never: "It never worked, so the certificate is another application's or the whole directory's.", worked: "It worked before, so the identity provider has changed its signing key."}
	case fault.SAMLKeyRolledOver:
		return split{worked: "It worked before, so the identity provider has changed its signing key."}
	case fault.OIDCSecretRefused:
		return split{never: "It never worked, so the secret was copied wrongly, or its ID in place of its value.", worked: "It worked before, so the secret was replaced or deleted at the provider."}
	case fault.OIDCClientUnknown, fault.IdPAppUnknown:
		return split{never: "It never worked, so the name was copied wrongly.", worked: "It worked before, so the application was deleted at the provider."}
	case fault.SAMLNoAuthnContext:
		return split{others: "Others get in, so this person signs in by another method than they do."}
	case fault.SAMLIssuer, fault.OIDCIssuer:
		return split{worked: "It worked before, so the identity provider has taken another name."}
	case fault.SAMLRequestDenied, fault.OIDCNotAssigned, fault.IdPNotAssigned, fault.OIDCAccessDenied:
		return split{never: "Nobody has got in yet, so perhaps nobody is assigned at all.", others: "Others get in, so it is this person's assignment."}
	case fault.SAMLAudience, fault.SAMLRecipient, fault.SAMLDestination, fault.OIDCRedirectURI, fault.IdPReplyURL:
		return split{worked: "It worked before, so the address or name was changed at the provider or here."}
	}
	return split{}
}

// remember puts the record into a report: the sentence, and where it decides what a fault means, that too.
func (x *Examiner) remember(r record, d *admin.Diagnosed) {
	past := r.story(x.Now())
	if d.Past = d.Said.Note(past.String(), past); d.Past == "" || d.Diagnosis == nil {
		return
	}
	s := splits(fault.Code(d.Diagnosis.Code))
	if fault.Code(d.Diagnosis.Code) == fault.EmailMissing && d.Diagnosis.Observed != "" {
		s = split{} // an address was sent, under another name
	}
	var add string
	switch {
	case !r.ever():
		add = s.never
	case r.lately(x.Now()) && s.others != "":
		add = s.others
	default:
		add = s.worked
	}
	if add != "" {
		also(d.Diagnosis, fault.Text{Say: add})
	}
}
