package ldap

import (
	"context"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Explainer = (*provider)(nil)

// checkNames are a sign-in's steps in the order in which they are done.
func checkNames() []string {
	return []string{"answer", "connect", "bind", "search", "password", "account", "groups"}
}

// belongs is the step that a fault ends a sign-in at.
func belongs(f *fault.Error) string {
	switch f.Code {
	case fault.LDAPInput:
		return "answer"
	case fault.LDAPBindPassword, fault.LDAPService, fault.LDAPServiceExpired, fault.LDAPServiceLocked, fault.LDAPServiceDisabled, fault.LDAPServiceElsewhere, fault.LDAPStronger:
		return "bind"
	case fault.LDAPBaseMissing, fault.LDAPBase, fault.LDAPNotBound, fault.LDAPRights, fault.LDAPSearch, fault.LDAPReferral, fault.LDAPSizeLimit,
		fault.LDAPPersonUnknown, fault.LDAPPersonAmbiguous:
		if len(f.Labels) > 0 && f.Labels[0] == groupBase {
			return "groups"
		}
		return "search"
	case fault.LDAPPassword, fault.LDAPLocked:
		return "password"
	case fault.LDAPDisabled, fault.LDAPAccountExpired, fault.LDAPLogonHours, fault.LDAPPasswordExpired, fault.LDAPPasswordChange:
		return "account"
	}
	return "connect"
}

// Explain is Finish with its steps listed. It does not go on after a fault: a password is tried once.
func (p *provider) Explain(ctx context.Context, r providers.Request, reply providers.Reply) providers.Explanation {
	out := providers.Explanation{Message: p.Transcript(reply)}
	idn, err := p.Finish(ctx, r, reply)
	if err != nil {
		f := fault.As(err)
		check := belongs(f)
		out.Findings = []providers.Finding{{Err: f, Severity: "error", Check: check, Detail: f.Detail}}
		out.Checks = providers.GradedInTurn(checkNames(), check, f.Detail, nil)
		return out
	}
	out.Identity = &idn
	out.Checks = providers.GradedInTurn(checkNames(), "", "", map[string]string{"search": clean(idn.Subject), "groups": clean(strings.Join(idn.Attributes["memberOf"], " and "))})
	return out
}

// Inspect has nothing to examine: a directory sends no message that says who signed in.
func (p *provider) Inspect(context.Context, providers.Sample) providers.Explanation {
	f := fault.New(fault.ExplainKind, "this connection asks a directory, which has no signed message to examine")
	return providers.Explanation{Checks: providers.GradedInTurn(checkNames(), "answer", f.Detail, nil), Findings: []providers.Finding{{Err: f, Severity: "error", Check: "answer", Detail: f.Detail}}}
}

// Transcript is the name that was typed. The password is in no report, log or trace.
func (p *provider) Transcript(reply providers.Reply) string {
	return "username: " + clean(reply.Form.Get("username")) + "\npassword: [left out]\n"
}

// Names is the directory's address.
func (p *provider) Names() []string { return []string{p.issuer()} }
