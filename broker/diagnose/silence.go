package diagnose

import (
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// suspects are the two likeliest reasons why a sign-in ended at the identity provider, the likelier first.
type suspects [2]fault.Code

// habit is what usually stops people at a provider: at first, when address and identity are still in doubt, and later,
// when those are known to be right. Presets come with and without a protocol; the one with it goes first.
type habit struct{ first, people suspects }

func habits(preset, protocol string) habit {
	for _, name := range []string{preset + "/" + protocol, preset, "/" + protocol} {
		if h, ok := usual[name]; ok {
			return h
		}
	}
	return usual["/oidc"]
}

var usual = map[string]habit{
	"/saml":           {suspects{fault.IdPAppUnknown, fault.IdPReplyURL}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"/oidc":           {suspects{fault.IdPReplyURL, fault.IdPAppUnknown}, suspects{fault.IdPNotAssigned, fault.IdPConsent}},
	"entra/saml":      {suspects{fault.IdPReplyURL, fault.IdPNotAssigned}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"entra/oidc":      {suspects{fault.IdPReplyURL, fault.IdPConsent}, suspects{fault.IdPConsent, fault.IdPNotAssigned}},
	"microsoft":       {suspects{fault.IdPReplyURL, fault.IdPConsent}, suspects{fault.IdPConsent, fault.IdPWrongAccount}},
	"okta/saml":       {suspects{fault.IdPNotAssigned, fault.IdPAppUnknown}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"okta/oidc":       {suspects{fault.IdPReplyURL, fault.IdPAppUnknown}, suspects{fault.IdPSignIn, fault.IdPPolicy}},
	"google/saml":     {suspects{fault.IdPNotAssigned, fault.IdPWrongAccount}, suspects{fault.IdPWrongAccount, fault.IdPNotAssigned}},
	"google/oidc":     {suspects{fault.IdPReplyURL, fault.IdPWrongAccount}, suspects{fault.IdPWrongAccount, fault.IdPPolicy}},
	"adfs":            {suspects{fault.IdPAppUnknown, fault.IdPReplyURL}, suspects{fault.IdPPolicy, fault.IdPAccountBlocked}},
	"onelogin":        {suspects{fault.IdPReplyURL, fault.IdPNotAssigned}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"pingone":         {suspects{fault.IdPAppDisabled, fault.IdPReplyURL}, suspects{fault.IdPNotAssigned, fault.IdPSignIn}},
	"pingfederate":    {suspects{fault.IdPAppDisabled, fault.IdPReplyURL}, suspects{fault.IdPPolicy, fault.IdPSignIn}},
	"jumpcloud/saml":  {suspects{fault.IdPNotAssigned, fault.IdPAppUnknown}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"jumpcloud/oidc":  {suspects{fault.IdPReplyURL, fault.IdPNotAssigned}, suspects{fault.IdPNotAssigned, fault.IdPPolicy}},
	"keycloak/saml":   {suspects{fault.IdPRequestSignature, fault.IdPReplyURL}, suspects{fault.IdPSignIn, fault.IdPAccountBlocked}},
	"keycloak/oidc":   {suspects{fault.IdPReplyURL, fault.IdPAppUnknown}, suspects{fault.IdPSignIn, fault.IdPAccountBlocked}},
	"shibboleth/saml": {suspects{fault.IdPAppUnknown, fault.IdPReplyURL}, suspects{fault.IdPNotAssigned, fault.IdPSignIn}},
	"github":          {suspects{fault.IdPReplyURL, fault.LoginCancelled}, suspects{fault.LoginCancelled, fault.IdPSignIn}},
	"apple":           {suspects{fault.IdPReplyURL, fault.IdPAppUnknown}, suspects{fault.LoginCancelled, fault.IdPSignIn}},
}

// suspect weighs the habits of the provider with what is known of the connection.
func suspect(c *broker.Connection, r record, now time.Time) (suspects, fault.Confidence) {
	h := habits(c.Preset, c.Protocol)
	switch {
	case r.probed(), r.lately(now):
		return h.people, fault.Likely
	case !r.ever():
		return h.first, fault.Guess
	case r.since(): // it worked, and nothing was changed here
		return suspects{fault.IdPAppDisabled, h.people[0]}, fault.Guess
	default: // it worked, until it was changed here
		return suspects{fault.IdPAppUnknown, fault.IdPReplyURL}, fault.Guess
	}
}

// silence is the diagnosis of a test login that has no answer: only the identity provider's page knows why, so the two
// likeliest reasons come with the question that tells them apart. facts says what was seen of the test.
func (x *Examiner) silence(c *broker.Connection, t *broker.TestLogin, r record) []admin.Finding {
	if c.Prompts() { // the page is ours, so there is nothing that only the provider's would tell
		return []admin.Finding{x.finding(c, &fault.Error{Code: fault.LoginCancelled, Detail: "nobody entered name and password on the page", Confidence: fault.Proved}, "error")}
	}
	gone := x.finding(c, fault.New(fault.TestNoAnswer, "%s", facts(t)), "error")
	if b := r.broken(); b != nil {
		likely := *b
		likely.Confidence = string(fault.Likely)
		likely.Detail = likely.Said.Add(likely.Detail, fault.Text{Say: "found by the last check of the connection"})
		likely.Alternatives = append(likely.Alternatives, asks(habits(c.Preset, c.Protocol).people[0]))
		return []admin.Finding{likely, gone}
	}
	two, sure := suspect(c, r, x.Now())
	f := fault.AtConsole(c.Preset, c.Protocol, two[0])
	f.Confidence = sure
	f.Detail = f.Said.Add("", facts(t))
	if r.probed() {
		f.Detail = f.Said.Add(f.Detail, fault.Text{Say: "the last check found that the provider knows our address and name, so it is about the person"})
	}
	finding := x.finding(c, f, "error")
	finding.Alternatives = []admin.Alternative{asks(two[1])}
	if !t.ClosedAt.IsZero() || !t.BackAt.IsZero() {
		finding.Alternatives = append(finding.Alternatives, asks(fault.LoginCancelled))
	}
	gone.Alternatives = []admin.Alternative{asks(two[0]), asks(two[1])}
	return []admin.Finding{finding, gone}
}

func asks(c fault.Code) admin.Alternative {
	return admin.Alternative{Code: string(c), Question: fault.Question(c)}
}

// facts are what was seen of a test.
func facts(t *broker.TestLogin) fault.Text {
	to := any(t.LeftTo)
	if t.LeftTo == "" {
		to = fault.Text{Say: "the identity provider"}
	}
	after := func(at time.Time) string { return at.Sub(t.OpenedAt).Round(time.Second).String() }
	closed, back := !t.ClosedAt.IsZero(), !t.BackAt.IsZero()
	switch {
	case closed && back:
		return fault.Sayf("the browser left to %s, its window was closed, or cut off from ours, after %s, it came back by itself after %s, and no answer came", to, after(t.ClosedAt), after(t.BackAt))
	case closed:
		return fault.Sayf("the browser left to %s, its window was closed, or cut off from ours, after %s, and no answer came", to, after(t.ClosedAt))
	case back:
		return fault.Sayf("the browser left to %s, it came back by itself after %s, and no answer came", to, after(t.BackAt))
	}
	return fault.Sayf("the browser left to %s, and no answer came", to)
}
