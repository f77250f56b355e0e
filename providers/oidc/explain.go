package oidc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Explainer = (*provider)(nil)

// The gate's checks in the order a report lists them, and the stage at which each is done.
func checkNames() []string {
	return []string{"discovery", "state", "answer", "token", "signature", "issuer", "audience", "nonce", "time", "subject", "userinfo"}
}

func checkStages() map[string]int {
	return map[string]int{"state": 1, "discovery": 2, "answer": 4, "token": 5, "signature": 6, "issuer": 7, "audience": 8, "time": 9, "nonce": 10, "subject": 12, "userinfo": 14}
}

const through = 99

// belongs is the check that a fault belongs to and the stage at which it ends the gate. refused says that the answer itself
// was the provider's refusal.
func belongs(c fault.Code, refused bool) (check string, stage int) {
	switch c {
	case fault.LoginUnknown, fault.OIDCAnswer:
		return "state", 1
	case fault.OIDCDiscovery, fault.OIDCTenantUnknown, fault.OIDCOtherCloud, fault.OIDCInternal:
		return "discovery", 2
	case fault.OIDCAnswerIssuer:
		return "answer", 3
	case fault.OIDCToken, fault.OIDCDuplicate, fault.OIDCAccessTokenHash, fault.ExplainKind, fault.ExplainUnreadable:
		return "token", 5
	case fault.OIDCAlgorithm, fault.OIDCKeyUnknown, fault.OIDCSignature, fault.OIDCKeys, fault.OIDCKeyWeak:
		return "signature", 6
	case fault.OIDCIssuer:
		return "issuer", 7
	case fault.OIDCAudience, fault.OIDCAuthorizedParty:
		return "audience", 8
	case fault.OIDCExpired, fault.OIDCNotYetValid, fault.OIDCIssuedAt, fault.OIDCTimeZone:
		return "time", 9
	case fault.OIDCNonce:
		return "nonce", 10
	case fault.OIDCSubject, fault.OIDCTenant:
		return "subject", 11
	case fault.OIDCUserInfo, fault.OIDCUserInfoSubject:
		return "userinfo", 14
	case fault.LoginUpstreamStale:
		return "time", 14
	}
	if refused {
		return "answer", 4
	}
	return "token", 5
}

// Explain is Finish with its checks listed. It does not go on after a fault: a code can be redeemed once.
func (p *provider) Explain(ctx context.Context, r providers.Request, reply providers.Reply) providers.Explanation {
	out := providers.Explanation{Message: p.Transcript(reply)}
	end, failed, details := through, map[string]string{}, map[string]string{}
	idn, err := p.Finish(ctx, r, reply)
	if err != nil {
		var check string
		f := fault.As(err)
		check, end = belongs(f.Code, answered(reply).Has("error"))
		if _, derr := p.discovery.get(ctx); derr != nil && end > 1 {
			check, end = "discovery", 2
		}
		failed[check] = detailOf(f)
		out.Findings = []providers.Finding{{Err: f, Severity: "error", Check: check, Detail: f.Detail}}
	} else {
		out.Identity = &idn
		out.Findings = p.leftOut(idn)
		details["issuer"], details["audience"], details["subject"] = idn.Issuer, p.config.ClientID, idn.Subject
	}
	out.Checks = providers.Graded(checkNames(), checkStages(), end, failed, details)
	return out
}

func detailOf(f *fault.Error) string {
	if f.Detail != "" || f.Observed == "" {
		return f.Detail
	}
	return f.Observed
}

// Inspect examines an ID token: every check that needs no sign-in under way, whatever the others find.
func (p *provider) Inspect(ctx context.Context, s providers.Sample) providers.Explanation {
	x := &inspection{p: p, failed: map[string]string{}, end: through, details: map[string]string{
		"state": "not part of the token", "answer": "not part of the token", "userinfo": "not asked for",
		"nonce": "which one is right cannot be told without the sign-in",
	}}
	if s.IDToken == "" {
		x.fail(fault.New(fault.ExplainKind, "this connection speaks OpenID Connect"))
		x.end = 0
		return x.explanation()
	}
	raw := strings.TrimSpace(s.IDToken)
	x.out.Message = printed(raw)
	x.run(ctx, raw)
	return x.explanation()
}

type inspection struct {
	p       *provider
	out     providers.Explanation
	failed  map[string]string
	details map[string]string
	end     int
}

func (x *inspection) fail(err error) {
	if err == nil {
		return
	}
	f := fault.As(x.p.labelled(fault.As(err)))
	check, _ := belongs(f.Code, false)
	if _, first := x.failed[check]; !first {
		x.failed[check] = detailOf(f)
	}
	x.out.Findings = append(x.out.Findings, providers.Finding{Err: f, Severity: "error", Check: check, Detail: f.Detail})
}

func (x *inspection) run(ctx context.Context, raw string) {
	m, err := x.p.discovery.get(ctx)
	if err != nil {
		x.fail(err)
		x.failed["discovery"], x.end = detailOf(fault.As(err)), 2
		return
	}
	x.details["discovery"] = m.Issuer
	t, err := x.p.verify(ctx, m, raw)
	if err != nil {
		x.fail(err)
		_, x.end = belongs(fault.CodeOf(err), false)
		return
	}
	for _, err := range []error{x.p.checkTokenIssuer(m, t), x.p.checkAudience(t.claims), x.p.checkTimes(t.claims, true), checkSubject(t.claims), x.p.checkTenant(m, t.claims)} {
		x.fail(err)
	}
	x.details["issuer"], x.details["audience"] = excerpt(t.claims.String("iss")), excerpt(strings.Join(t.claims.Values("aud"), " "))
	x.details["subject"] = excerpt(t.claims.String("sub"))
	if idn, err := x.p.identity(providers.Request{}, t.claims, nil, "", url.Values{}); err == nil {
		x.out.Identity = &idn
	}
}

func (x *inspection) explanation() providers.Explanation {
	x.out.Checks = providers.Graded(checkNames(), checkStages(), x.end, x.failed, x.details)
	return x.out
}

// Transcript is what the browser brought, without what could be used: code and state.
func (p *provider) Transcript(reply providers.Reply) string {
	var b strings.Builder
	values := answered(reply)
	for _, name := range []string{"error", "error_description", "error_uri", "error_subcode", "iss", "scope", "session_state", "code", "state"} {
		for _, v := range values[name] {
			if slices.Contains([]string{"code", "state", "session_state"}, name) {
				v = "[left out]"
			}
			b.WriteString(name + ": " + strings.ToValidUTF8(v[:min(len(v), 4096)], "") + "\n")
			if b.Len() > maxToken {
				return clipped(b.String())
			}
		}
	}
	return b.String()
}

// clipped keeps a message to what a report may hold.
func clipped(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxToken)], "") }

// Names is the issuer.
func (p *provider) Names() []string {
	if p.config.Issuer == "" {
		return nil
	}
	return []string{p.config.Issuer}
}

// printed is a JWT's header and claims, without the signature and the nonce.
func printed(raw string) string {
	parts := strings.Split(raw[:min(len(raw), maxToken)], ".")
	var b strings.Builder
	for _, part := range parts[:min(len(parts), 2)] {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			continue
		}
		doc, err := providers.ParseDocument(decoded)
		if err != nil {
			continue
		}
		for name := range doc {
			if hidden(name) {
				doc[name] = "[left out]"
			}
		}
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if e.Encode(doc) == nil {
			b.Write(text.Bytes())
		}
	}
	return clipped(b.String())
}

// hidden names the claims that are for programs alone, or could be used.
func hidden(claim string) bool {
	claim = strings.ToLower(claim)
	if slices.Contains([]string{"nonce", "at_hash", "c_hash", "s_hash", "sid"}, claim) {
		return true
	}
	for _, word := range []string{"token", "secret", "password", "passwd", "credential"} {
		if strings.Contains(claim, word) {
			return true
		}
	}
	return false
}
