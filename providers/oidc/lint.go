package oidc

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func (p *provider) checkKeys(ctx context.Context, m *metadata) []providers.Finding {
	ctx, cancel := context.WithTimeout(ctx, providers.ProbeLimit)
	defer cancel()
	keys, err := p.keys.fetchNow(ctx, 0)
	if err != nil {
		return []providers.Finding{p.bad("jwks", err)}
	}
	return p.lintKeys(m, keys)
}

func (p *provider) lintKeys(m *metadata, s *keySet) []providers.Finding {
	usable := slices.ContainsFunc(s.keys, func(k verificationKey) bool {
		return slices.ContainsFunc(m.verificationAlgorithms, func(a string) bool { return k.fits(a, "") })
	})
	if !usable {
		return []providers.Finding{p.bad("jwks", fault.New(fault.OIDCKeys, "no key fits an algorithm of %v", m.verificationAlgorithms))}
	}
	out := []providers.Finding{{Severity: "ok", Check: "jwks", Detail: strings.Join(append([]string{fmt.Sprintf("%d signing keys", len(s.keys))}, s.refused...), "; ")}}
	if len(s.weak) > 0 {
		out = append(out, p.warned("jwks", fault.New(fault.OIDCKeyWeak, "%s; the provider's other keys are good", strings.Join(s.weak, "; "))))
	}
	if n := nameless(s.keys); n > 0 {
		out = append(out, p.warned("jwks", fault.New(fault.OIDCKeyNameless, "%d of %d signing keys have no key ID of their own", n, len(s.keys))))
	}
	return out
}

// nameless counts the keys that their ID does not tell apart. Two keys of one name but other kinds or algorithms can be.
func nameless(keys []verificationKey) (n int) {
	if len(keys) < 2 {
		return 0
	}
	seen := map[string]int{}
	for _, k := range keys {
		if k.id == "" {
			n++
			continue
		}
		name := fmt.Sprintf("%s %s %T", k.id, k.alg, k.public)
		if seen[name]++; seen[name] > 1 {
			n++
		}
	}
	return n
}

// lint holds the document and the settings against each other.
func (p *provider) lint(ctx context.Context, m *metadata) (out []providers.Finding) {
	for _, check := range []func(*metadata) []providers.Finding{
		p.lintPlace, p.lintAddresses, p.lintFlow, p.lintScopes, p.lintMicrosoft, p.lintSecret,
	} {
		out = append(out, check(m)...)
	}
	return append(out, p.lintAuth(ctx, m)...)
}

// lintPlace: the document came from where it was asked for.
func (p *provider) lintPlace(m *metadata) []providers.Finding {
	asked, err := url.Parse(p.config.Issuer)
	if err != nil || m.host == "" || strings.EqualFold(m.host, asked.Host) {
		return nil
	}
	f := fault.New(fault.FetchRedirect, "the discovery address of %s forwards to %s", asked.Host, m.host)
	f.Observed, f.Expected = m.host, asked.Host
	return []providers.Finding{p.warned("discovery", f)}
}

// lintAddresses: what a public provider publishes can be reached by others.
func (p *provider) lintAddresses(m *metadata) (out []providers.Finding) {
	if internal(m.Issuer) {
		return nil // a provider that lives inside altogether, where an operator has allowed its network
	}
	for _, e := range []struct{ name, address string }{
		{"authorization_endpoint", m.AuthorizationEndpoint}, {"token_endpoint", m.TokenEndpoint}, {"jwks_uri", m.JWKSURI}, {"userinfo_endpoint", m.UserInfoEndpoint},
	} {
		if e.address != "" && internal(e.address) {
			f := fault.New(fault.OIDCInternal, "%s is %s", e.name, excerpt(e.address))
			f.Observed = excerpt(e.address)
			out = append(out, p.bad("endpoints", f))
		}
	}
	return out
}

// internal says that an address is one that only its own network can use.
func internal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsGlobalUnicast() || ip.IsPrivate()
	}
	if !strings.Contains(host, ".") && net.ParseIP(host) == nil {
		return true // localhost, keycloak
	}
	return slices.ContainsFunc([]string{".local", ".localhost", ".internal", ".intranet", ".lan", ".corp", ".home.arpa", ".svc", ".cluster.local"},
		func(suffix string) bool { return strings.HasSuffix(host, suffix) })
}

func (p *provider) lintFlow(m *metadata) (out []providers.Finding) {
	if len(m.verificationAlgorithms) == 0 {
		out = append(out, p.bad("algorithms", fault.Mismatch(fault.OIDCAlgorithm, strings.Join(m.IDTokenAlgorithms, " "), strings.Join(asymmetric, " "))))
	}
	if len(m.ResponseTypesSupported) > 0 && !slices.Contains(m.ResponseTypesSupported, "code") {
		out = append(out, p.bad("flow", fault.New(fault.OIDCFlow, "response types offered: %s", quoted(m.ResponseTypesSupported))))
	}
	if len(m.GrantTypes) > 0 && !slices.Contains(m.GrantTypes, "authorization_code") {
		out = append(out, p.bad("flow", fault.New(fault.OIDCFlow, "grant types offered: %s", quoted(m.GrantTypes))))
	}
	if p.config.ResponseMode == "form_post" && len(m.ResponseModesSupported) > 0 && !slices.Contains(m.ResponseModesSupported, "form_post") {
		out = append(out, p.warned("response_mode", fault.New(fault.OIDCRequest, "the provider does not list form_post")))
	}
	if len(m.CodeChallengeMethods) > 0 && !slices.Contains(m.CodeChallengeMethods, "S256") {
		out = append(out, p.warned("pkce", fault.New(fault.OIDCPKCE, "methods offered: %s", quoted(m.CodeChallengeMethods))))
	}
	return out
}

func (p *provider) lintScopes(m *metadata) (out []providers.Finding) {
	for _, s := range p.config.Scopes {
		if len(m.ScopesSupported) > 0 && !slices.Contains(m.ScopesSupported, s) && !strings.Contains(s, "/") {
			out = append(out, p.warned("scopes", fault.New(fault.OIDCScope, "the provider does not list %q", s)))
		}
	}
	return out
}

// lintAuth: how we prove ourselves is one of the ways that the provider offers, and we have what it needs.
func (p *provider) lintAuth(ctx context.Context, m *metadata) (out []providers.Finding) {
	method := p.authMethod(m)
	if len(m.TokenAuthMethods) > 0 && !slices.Contains(m.TokenAuthMethods, method) && method != public {
		f := fault.New(fault.OIDCAuthMethod, "the connection sends %s, the provider offers %s", method, quoted(m.TokenAuthMethods))
		f.Observed, f.Expected = method, excerpt(strings.Join(m.TokenAuthMethods, " "))
		out = append(out, p.warned("client_auth", f))
	}
	if strings.HasPrefix(method, "client_secret") && p.config.ClientSecret == "" {
		out = append(out, p.bad("client_auth", fault.New(fault.OIDCSecretMissing, "%s needs a client secret", method)))
	}
	if method == privateJWT {
		if _, _, err := p.signingKey(ctx, m, method); err != nil {
			out = append(out, p.bad("client_auth", err))
		}
	}
	return out
}

// lintMicrosoft: the directory lives in the cloud whose address is used, and is a certain one.
func (p *provider) lintMicrosoft(m *metadata) (out []providers.Finding) {
	if !p.config.dialect.microsoft {
		return nil
	}
	issuer, err := url.Parse(p.config.Issuer)
	if name := strings.ToLower(m.CloudInstance); err == nil && slices.Contains([]string{"microsoftonline.com", "microsoftonline.us", "partner.microsoftonline.cn"}, name) &&
		strings.Contains(issuer.Host, "microsoftonline.") && !strings.HasSuffix(strings.ToLower(issuer.Host), name) {
		f := fault.Mismatch(fault.OIDCOtherCloud, name, issuer.Host)
		f.Confidence = fault.Likely
		out = append(out, p.warned("cloud", f))
	}
	if p.settings.Preset == "entra" && len(m.pins) == 0 {
		f := fault.New(fault.OIDCShared, "%s is for every directory", p.config.Issuer)
		f.Confidence, f.Labels = fault.Likely, []string{"Tenant"}
		out = append(out, p.warned("tenant", f))
	}
	return out
}

// lintSecret: what can be seen of a secret without showing it to anybody.
func (p *provider) lintSecret(*metadata) []providers.Finding {
	switch secret := p.config.ClientSecret; {
	case p.config.dialect.microsoft && guid.MatchString(secret):
		return []providers.Finding{p.warned("client_secret", secretID())}
	case p.config.dialect.formPost && p.config.apple == nil && secret != "":
		return p.lintAppleJWT(secret)
	}
	return nil
}

func secretID() *fault.Error {
	return &fault.Error{Code: fault.OIDCSecretRefused, Detail: "the client secret looks like its Secret ID; the Value is needed", Confidence: fault.Likely,
		Fix: "Certificates & secrets > Client secrets: what was entered is the Secret ID. Make a New client secret and copy its Value, which is shown once."}
}

const appleLife = 183 * 24 * time.Hour // six months, the most that Apple allows

// lintAppleJWT looks at a ready-made client secret of Apple: it ends, and says for whom it is.
func (p *provider) lintAppleJWT(raw string) []providers.Finding {
	malformed := func(format string, args ...any) []providers.Finding {
		f := fault.New(fault.OIDCClientKeyFault, format, args...)
		f.Fix = "Enter the .p8 key as Client secret, with team_id and key_id as Authorization parameters: then it is signed afresh each time and never expires."
		return []providers.Finding{p.bad("client_secret", f)}
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return malformed("the client secret is neither Apple's .p8 key nor a JWT")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return malformed("the client secret is a JWT that cannot be read")
	}
	claims, err := providers.ParseDocument(b)
	if err != nil {
		return malformed("the client secret is a JWT that cannot be read")
	}
	if sub := claims.String("sub"); sub != p.config.ClientID {
		return malformed("the client secret is made out to %q (sub) and not to the Services ID %q", excerpt(sub), p.config.ClientID)
	}
	if aud := claims.String("aud"); aud != p.config.Issuer {
		return malformed("the client secret is made out for %q (aud) and not for %s", excerpt(aud), p.config.Issuer)
	}
	return p.lintAppleExpiry(claims)
}

func (p *provider) lintAppleExpiry(claims providers.Document) []providers.Finding {
	exp, said, err := instant(claims, "exp")
	now := p.settings.Now()
	f := &fault.Error{Code: fault.OIDCSecretExpired, Observed: stamp(exp),
		Fix: "Enter the .p8 key (Keys) as Client secret, with team_id and key_id as Authorization parameters: then it is signed afresh each time and never expires."}
	switch {
	case err != nil || !said:
		f.Code, f.Observed, f.Detail = fault.OIDCClientKeyFault, "", "the client secret is a JWT that does not say until when it is good (exp)"
	case !exp.After(now):
		f.Telling("the client secret expired on %s", stamp(exp))
	case exp.After(now.Add(appleLife)):
		f.Code = fault.OIDCClientKeyFault
		f.Telling("the client secret is a JWT that is good until %s; Apple takes at most six months", stamp(exp))
	case exp.Before(now.Add(60 * 24 * time.Hour)):
		f.Telling("the client secret expires on %s", stamp(exp))
		return []providers.Finding{p.warned("client_secret", f)}
	default:
		return nil
	}
	return []providers.Finding{p.bad("client_secret", f)}
}
