package oauth2

import (
	"context"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Explainer = (*provider)(nil)

// The gate's checks in the order a report lists them, which is that in which they are done.
func checkNames() []string {
	return []string{"state", "answer", "token", "userinfo", "subject", "email"}
}

// belongs is the check that a fault ends the gate at.
func belongs(c fault.Code, refused bool) string {
	switch c {
	case fault.LoginUnknown, fault.OIDCAnswer:
		return "state"
	case fault.OIDCUserInfo, fault.OIDCDuplicate:
		return "userinfo"
	case fault.OIDCSubject:
		return "subject"
	case fault.OAuth2NoEmail:
		return "email"
	case fault.ExplainKind:
		return "token"
	}
	if refused {
		return "answer"
	}
	return "token"
}

// Explain is Finish with its checks listed. It does not go on after a fault: a code can be redeemed once.
func (p *provider) Explain(ctx context.Context, r providers.Request, reply providers.Reply) providers.Explanation {
	out := providers.Explanation{Message: p.Transcript(reply)}
	idn, err := p.Finish(ctx, r, reply)
	if err != nil {
		f := fault.As(err)
		check := belongs(f.Code, answered(reply).Has("error"))
		out.Findings = []providers.Finding{{Err: f, Severity: "error", Check: check, Detail: f.Detail}}
		out.Checks = providers.GradedInTurn(checkNames(), check, f.Detail, nil)
		return out
	}
	out.Identity = &idn
	out.Checks = providers.GradedInTurn(checkNames(), "", "", map[string]string{"subject": idn.Subject, "email": strings.Join(idn.Attributes["email"], " ")})
	return out
}

// Inspect has nothing to examine: OAuth 2.0 knows no message that says who signed in.
func (p *provider) Inspect(context.Context, providers.Sample) providers.Explanation {
	f := fault.New(fault.ExplainKind, "this connection speaks plain OAuth 2.0, which has no signed message to examine")
	return providers.Explanation{Checks: providers.GradedInTurn(checkNames(), "state", f.Detail, nil), Findings: []providers.Finding{{Err: f, Severity: "error", Check: "token", Detail: f.Detail}}}
}

// Transcript is what the browser brought, without what could be used: code and state.
func (p *provider) Transcript(reply providers.Reply) string {
	var b strings.Builder
	values := answered(reply)
	for _, name := range []string{"error", "error_description", "error_uri", "scope", "code", "state"} {
		for _, v := range values[name][:min(len(values[name]), 4)] {
			if slices.Contains([]string{"code", "state"}, name) {
				v = "[left out]"
			}
			b.WriteString(name + ": " + strings.ToValidUTF8(v[:min(len(v), 2048)], "") + "\n")
		}
	}
	return b.String()
}

// Names is the host that signs people in.
func (p *provider) Names() []string { return []string{p.issuer} }
