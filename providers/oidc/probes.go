package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// rehearsal is a sign-in that nobody waits for.
func (p *provider) rehearsal() providers.Request {
	return providers.Request{Handle: (rand.Text() + rand.Text())[:43], Secret: []byte(rand.Text() + rand.Text()), CallbackURL: p.settings.CallbackURL,
		Issued: p.settings.Now(), Passive: true}
}

// passive asks for a sign-in with prompt=none: a provider that knows the client and the redirect URI sends the browser
// back to say that nobody is signed in (OpenID Connect Core, section 3.1.2.6).
func (p *provider) passive(ctx context.Context, m *metadata) []providers.Finding {
	if p.config.dialect.formPost {
		return []providers.Finding{providers.Silent("passive", "Apple has no prompt=none; whether the Return URL is registered shows at the first sign-in")}
	}
	r := p.rehearsal()
	prober := providers.NewProber(p.settings)
	real, control := prober.WalkPassively(ctx, func(redirect string) string {
		r := r
		r.CallbackURL = redirect
		return p.authorizeURL(m, r)
	})
	v := providers.Passive{Preset: p.settings.Preset, State: r.Handle, Real: real, Control: control, Refusal: refusal}
	return []providers.Finding{p.inTheirWords(v.Finding())}
}

// secretProbe shows the client secret to the token endpoint, once, and a deliberately wrong one as a control.
func (p *provider) secretProbe(ctx context.Context, m *metadata) []providers.Finding {
	method := p.authMethod(m)
	if method == public {
		return []providers.Finding{providers.Silent("secret", "the connection sends no secret")}
	}
	if strings.HasPrefix(method, "client_secret") && p.config.ClientSecret == "" {
		return nil // said already
	}
	f := p.showSecret(ctx, m, method)
	if method == basic && p.config.ClientAuth == "auto" && len(m.TokenAuthMethods) == 0 && clientRefused(f.Err) {
		// Nothing says which way it takes, and a sign-in tries the other one too.
		if other := p.showSecret(ctx, m, post); other.Err == nil && other.Confidence == fault.Proved {
			f = other
		}
	}
	if guid.MatchString(p.config.ClientSecret) && p.config.dialect.microsoft && fault.CodeOf(f.Err) == fault.OIDCSecretRefused {
		precise := secretID()
		precise.Detail, precise.Confidence = fault.As(f.Err).Detail+"; "+precise.Detail, fault.As(f.Err).Confidence
		f.Err, f.Detail = precise, precise.Detail
	}
	return []providers.Finding{p.inTheirWords(f)}
}

// showSecret is the probe by one way of client authentication.
func (p *provider) showSecret(ctx context.Context, m *metadata, method string) providers.Finding {
	ask := func(own bool) (a providers.TokenAnswer) {
		form, user, password, err := p.proof(ctx, m, method, own)
		if err != nil {
			return providers.TokenAnswer{Err: fault.As(err)}
		}
		p.grant(form, m)
		return providers.NewProber(p.settings).AskToken(ctx, m.TokenEndpoint, form, user, password)
	}
	v := providers.Secret{Endpoint: m.TokenEndpoint, Name: func(code, said string) error { return tokenRefusal(code, said, method) }}
	providers.Together(
		func() []providers.Finding { v.Real = ask(true); return nil },
		func() []providers.Finding { v.Control = ask(false); return nil })
	return v.Finding()
}

// grant is what the probe asks for: with the real secret at a directory of Microsoft's, which looks at codes first, a
// token for the application alone; else the exchange of a code that was never issued.
func (p *provider) grant(form url.Values, m *metadata) {
	if p.config.dialect.microsoft && !m.issuerTemplate {
		form.Set("grant_type", "client_credentials")
		form.Set("scope", graphOf(m.TokenEndpoint)+"/.default")
		return
	}
	r := p.rehearsal()
	form.Set("grant_type", "authorization_code")
	form.Set("code", "cloakroom-preflight-"+strings.ToLower(rand.Text()))
	form.Set("redirect_uri", r.CallbackURL)
	form.Set("code_verifier", verifier(r))
}

// graphOf is the address of Microsoft Graph in the cloud of a token endpoint.
func graphOf(endpoint string) string {
	switch u, err := url.Parse(endpoint); {
	case err == nil && strings.HasSuffix(u.Host, "microsoftonline.us"):
		return "https://graph.microsoft.us"
	case err == nil && strings.HasSuffix(u.Host, "partner.microsoftonline.cn"):
		return "https://microsoftgraph.chinacloudapi.cn"
	}
	return "https://graph.microsoft.com"
}

// proof is the client authentication of a probe: our own, or one that is wrong on purpose.
func (p *provider) proof(ctx context.Context, m *metadata, method string, own bool) (form url.Values, user, password string, err error) {
	form = url.Values{}
	secret, err := p.config.secret(p.settings.Now())
	if err != nil {
		return nil, "", "", err
	}
	if !own {
		secret = "cloakroom-control-" + rand.Text()
	}
	switch method {
	case basic:
		return form, p.config.ClientID, secret, nil
	case secretJWT, privateJWT:
		assertion, err := p.assertion(ctx, m, method)
		if !own {
			assertion, err = p.forged(m)
		}
		if err != nil {
			return nil, "", "", err
		}
		form.Set("client_assertion", assertion)
		form.Set("client_assertion_type", assertionType)
	default:
		form.Set("client_secret", secret)
	}
	form.Set("client_id", p.config.ClientID)
	return form, "", "", nil
}

// forged is a client assertion by a key that the provider cannot know.
func (p *provider) forged(m *metadata) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fault.Wrap(fault.OIDCClientKeyFault, err, "")
	}
	now := p.settings.Now()
	return signJWT(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"), map[string]any{
		"iss": p.config.ClientID, "sub": p.config.ClientID, "aud": m.TokenEndpoint, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
}
