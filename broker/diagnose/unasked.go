package diagnose

import (
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
)

// Unasked takes an answer that names no sign-in of ours as the answer to the one test login of the connection that waits
// for one: a sign-on address that only starts sign-ins at the provider's portal, a proxy that drops what we sent along.
// false: it is none. Either the identity provider's signature vouches for the answer, or the browser is the test's own. As
// with any answer, the report is shown only once the browser that began the test has come for it.
func (f *Front) Unasked(c *web.Ctx, conn *registry.Connection, reply providers.Reply) bool {
	ctx := c.Request.Context()
	t, err := f.Tests.Waiting(ctx, conn.Realm, conn.Slug, f.Now().Add(-answeredIn))
	if err != nil || conn.Err != nil {
		return false
	}
	mine, _, err := f.Web.Login(c, t.ID)
	if err != nil {
		return false
	}
	var e providers.Explanation
	if conn.Protocol == "saml" {
		if e = explain(ctx, conn, f.Engine.Tested(conn, login.Handle{}), reply); !refusedAsUnasked(e) {
			return false
		}
		begunHere(e.Findings)
	} else {
		if mine == nil {
			return false
		}
		wrong := fault.New(fault.OIDCAnswer, "the answer came back without the state that was sent, or with another")
		wrong.Confidence = fault.Likely
		e = failure("state", wrong)
	}
	if err := f.keep(ctx, conn, t, e, mine != nil); err != nil {
		return false
	}
	f.Web.Redirect(c, reportURL(&broker.Login{ID: t.ID}))
	return true
}

// begunHere asks of an answer that names no request, although a test of ours was under way, whether its provider got one.
func begunHere(findings []providers.Finding) {
	for i, v := range findings {
		if fault.CodeOf(v.Err) != fault.SAMLUnsolicited {
			continue
		}
		f := *fault.As(v.Err)
		f.Confidence, f.Detail = fault.Likely, "a test login was under way, and the answer names no request"
		f.Alternatives = []fault.Alternative{{Code: fault.SAMLSSOShape, Question: "Was nothing clicked in the provider's portal during the test? Then the connection's sign-on address is one that only starts sign-ins from there."}}
		findings[i].Err, findings[i].Detail = &f, f.Detail
	}
}

// refusedAsUnasked says that an answer is the identity provider's, by its signature, and was refused for naming no request.
func refusedAsUnasked(e providers.Explanation) bool {
	signed := slices.ContainsFunc(e.Checks, func(v providers.Check) bool { return v.Name == "signature" && v.Status == providers.Passed })
	return signed && slices.ContainsFunc(e.Findings, func(v providers.Finding) bool {
		return slices.Contains([]fault.Code{fault.SAMLUnsolicited, fault.SAMLSSOShape}, fault.CodeOf(v.Err))
	})
}
