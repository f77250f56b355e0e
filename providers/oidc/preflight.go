package oidc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Preflight fetches what the provider publishes, now, and holds it against the settings.
func (p *provider) Preflight(ctx context.Context) []providers.Finding {
	m, err := p.discovery.fetchNow(ctx, 0)
	if err != nil {
		return []providers.Finding{p.bad("discovery", err)}
	}
	out := []providers.Finding{{Severity: "ok", Check: "discovery", Detail: m.Issuer}}
	keys, err := p.keys.fetchNow(ctx, 0)
	if err != nil {
		out = append(out, p.bad("jwks", err))
	} else {
		out = append(out, p.lintKeys(m, keys)...)
	}
	return append(out, p.lintMetadata(ctx, m)...)
}

func (p *provider) bad(check string, err error) providers.Finding {
	return providers.Finding{Err: p.labelled(fault.As(err)), Severity: "error", Check: check}
}

func (p *provider) lintKeys(m *metadata, s *keySet) []providers.Finding {
	usable := slices.ContainsFunc(s.keys, func(k verificationKey) bool {
		return slices.ContainsFunc(m.verificationAlgorithms, func(a string) bool { return k.fits(a, "") })
	})
	if !usable {
		return []providers.Finding{p.bad("jwks", fault.New(fault.OIDCKeys, "no key fits an algorithm of %v", m.verificationAlgorithms))}
	}
	return []providers.Finding{{Severity: "ok", Check: "jwks", Detail: strings.Join(append([]string{fmt.Sprintf("%d signing keys", len(s.keys))}, s.refused...), "; ")}}
}

func (p *provider) lintMetadata(ctx context.Context, m *metadata) []providers.Finding {
	var out []providers.Finding
	warn := func(check string, code fault.Code, format string, args ...any) {
		out = append(out, providers.Finding{Err: p.labelled(fault.New(code, format, args...)), Severity: "warning", Check: check})
	}
	if len(m.verificationAlgorithms) == 0 {
		out = append(out, p.bad("algorithms", fault.Mismatch(fault.OIDCAlgorithm, strings.Join(m.IDTokenAlgorithms, " "), strings.Join(asymmetric, " "))))
	}
	if len(m.ResponseTypesSupported) > 0 && !slices.Contains(m.ResponseTypesSupported, "code") {
		out = append(out, p.bad("flow", fault.New(fault.OIDCFlow, "response types offered: %s", quoted(m.ResponseTypesSupported))))
	}
	method := p.authMethod(m)
	if len(m.TokenAuthMethods) > 0 && !slices.Contains(m.TokenAuthMethods, method) && method != public {
		warn("client_auth", fault.OIDCSecretRefused, "the connection sends %s, the provider offers %s", method, quoted(m.TokenAuthMethods))
	}
	if strings.HasPrefix(method, "client_secret") && p.config.ClientSecret == "" {
		out = append(out, p.bad("client_auth", fault.New(fault.OIDCSecretMissing, "%s needs a client secret", method)))
	}
	if method == privateJWT {
		if _, _, err := p.signingKey(ctx, m, method); err != nil {
			out = append(out, p.bad("client_auth", err))
		}
	}
	for _, s := range p.config.Scopes {
		if len(m.ScopesSupported) > 0 && !slices.Contains(m.ScopesSupported, s) && !strings.Contains(s, "/") {
			warn("scopes", fault.OIDCScope, "the provider does not list %q", s)
		}
	}
	if p.config.ResponseMode == "form_post" && len(m.ResponseModesSupported) > 0 && !slices.Contains(m.ResponseModesSupported, "form_post") {
		warn("response_mode", fault.OIDCRequest, "the provider does not list form_post")
	}
	if guid.MatchString(p.config.ClientSecret) && p.config.dialect.microsoft {
		warn("client_secret", fault.OIDCSecretRefused, "the client secret looks like its Secret ID; the Value is needed")
	}
	return out
}
