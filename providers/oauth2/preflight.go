package oauth2

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Preflight looks at the settings and, unless the context leaves probes out, asks the three addresses as a sign-in
// would, with nobody behind it: once each, and each question beside a control.
func (p *provider) Preflight(ctx context.Context) []providers.Finding {
	ctx, cancel := context.WithTimeout(ctx, providers.PreflightLimit)
	defer cancel()
	ctx, clocks := providers.WithClocks(ctx)
	out := p.lint()
	if !providers.Probes(ctx) {
		return out
	}
	prober := providers.NewProber(p.settings)
	out = append(out, providers.Together(
		func() []providers.Finding { return []providers.Finding{p.checkUserInfo(ctx, prober)} },
		func() []providers.Finding { return []providers.Finding{p.passive(ctx, prober)} },
		func() []providers.Finding { return []providers.Finding{p.secretProbe(ctx, prober)} },
	)...)
	for i := range out {
		if out[i].Err != nil {
			out[i].Err = p.labelled(fault.As(out[i].Err))
		}
	}
	return append(out, clocks.Findings()...)
}

func (p *provider) lint() (out []providers.Finding) {
	if p.config.ClientSecret == "" {
		f := fault.New(fault.OIDCSecretMissing, "the connection has no client secret")
		out = append(out, providers.Finding{Err: p.labelled(f), Severity: "error", Check: "client_secret", Detail: f.Detail})
	}
	if p.github && !slices.Contains(p.config.Scopes, "user:email") && !slices.Contains(p.config.Scopes, "user") {
		f := fault.New(fault.OIDCScope, "without user:email GitHub gives out no verified address")
		f.Fix = "Add user:email to the connection's Scopes."
		out = append(out, providers.Finding{Err: f, Severity: "error", Check: "scopes", Detail: f.Detail})
	}
	if len(out) == 0 {
		out = append(out, providers.Finding{Severity: "ok", Check: "addresses", Detail: p.issuer})
	}
	return out
}

// checkUserInfo asks for the user document without a token: an address that is right refuses that (RFC 6750, section 3).
func (p *provider) checkUserInfo(ctx context.Context, prober providers.Prober) providers.Finding {
	status, mediaType, body, err := prober.Get(ctx, p.config.UserInfoURL)
	bad := func(f *fault.Error, severity string) providers.Finding {
		return providers.Finding{Err: f, Severity: severity, Check: "userinfo", Detail: f.Detail}
	}
	at := p.config.UserInfoURL
	if u, perr := url.Parse(at); perr == nil {
		at = place(u)
	}
	switch {
	case err != nil:
		return bad(fault.As(err), "error")
	case status == http.StatusUnauthorized, status == http.StatusForbidden && mediaType != "text/html":
		return providers.Finding{Severity: "ok", Check: "userinfo", Detail: "it asks for a token, as it should"}
	case providers.Robot(status, mediaType, string(body)):
		f := fault.New(fault.FetchFirewall, "%s answers %d (%s)", at, status, mediaType)
		f.Confidence = fault.Likely
		return bad(f, "error")
	case status >= 500:
		return bad(fault.New(fault.FetchServer, "%s answers %d", at, status), "warning")
	case status == http.StatusNotFound, status/100 == 3:
		f := fault.New(fault.OIDCUserInfo, "%s answers %d: it is not the address of the user document", at, status)
		f.Confidence = fault.Likely
		return bad(f, "error")
	}
	return providers.Silent("userinfo", "it answers %d without a token", status)
}

func (p *provider) rehearsal(redirect string) providers.Request {
	return providers.Request{Handle: (rand.Text() + rand.Text())[:43], Secret: []byte(rand.Text() + rand.Text()), CallbackURL: redirect, Issued: p.settings.Now(), Passive: true}
}

// passive asks for a sign-in without a page. OAuth 2.0 knows no such request, so most providers show their page; then what
// they do with a wrong redirect URI tells something.
func (p *provider) passive(ctx context.Context, prober providers.Prober) providers.Finding {
	if p.github {
		return providers.Silent("passive", "GitHub asks people to sign in before it looks at the callback URL; whether it is registered shows at the first sign-in")
	}
	state := p.rehearsal("").Handle
	real, control := prober.WalkPassively(ctx, func(redirect string) string {
		r := p.rehearsal(redirect)
		return p.client(r, false).AuthCodeURL(state, oauth2.S256ChallengeOption(verifier(r)), oauth2.SetAuthURLParam("prompt", "none"))
	})
	return providers.Passive{Preset: p.settings.Preset, State: state, Real: real, Control: control, Refusal: refusal}.Finding()
}

// secretProbe shows the client secret to the token endpoint with a code that was never issued, and a deliberately wrong
// one as a control. GitHub says bad_verification_code to the one and incorrect_client_credentials to the other.
func (p *provider) secretProbe(ctx context.Context, prober providers.Prober) providers.Finding {
	if p.config.ClientSecret == "" {
		return providers.Silent("secret", "the connection sends no secret")
	}
	ask := func(secret string) providers.TokenAnswer {
		r := p.rehearsal(p.settings.CallbackURL)
		form := url.Values{"grant_type": {"authorization_code"}, "code": {"cloakroom-preflight-" + strings.ToLower(rand.Text())},
			"redirect_uri": {r.CallbackURL}, "code_verifier": {verifier(r)}}
		if p.inHeader.Load() {
			return prober.AskToken(ctx, p.config.TokenURL, form, p.config.ClientID, secret)
		}
		form.Set("client_id", p.config.ClientID)
		form.Set("client_secret", secret)
		return prober.AskToken(ctx, p.config.TokenURL, form, "", "")
	}
	v := providers.Secret{Endpoint: p.config.TokenURL, Name: refusal}
	providers.Together(
		func() []providers.Finding { v.Real = ask(p.config.ClientSecret); return nil },
		func() []providers.Finding { v.Control = ask("cloakroom-control-" + rand.Text()); return nil })
	return v.Finding()
}

// labelled puts GitHub's own names to what must be changed there.
func (p *provider) labelled(f *fault.Error) *fault.Error {
	if !p.github {
		return f
	}
	label, fix := gitHubFix(f.Code)
	if label == "" {
		return f
	}
	out := *f
	if !slices.Contains(f.Labels, label) {
		out.Labels = slices.Concat([]string{label}, f.Labels)
	}
	if out.Fix == "" {
		out.Fix = fix
	}
	return &out
}

func gitHubFix(code fault.Code) (label, fix string) {
	const apps = "Settings > Developer settings > OAuth Apps"
	switch code {
	case fault.OIDCSecretRefused, fault.OIDCSecretMissing:
		return "Client secrets", apps + " > the app > Client secrets > Generate a new client secret: paste it whole into the connection's Client secret."
	case fault.OIDCRedirectURI:
		return "Authorization callback URL", apps + " > the app > Authorization callback URL: enter the connection's redirect URI, or an address above it."
	case fault.OIDCClientUnknown:
		return "Client ID", "Compare the connection's Client ID with " + apps + " > the app > Client ID."
	case fault.OAuth2NoEmail:
		return "Settings > Emails", "The person opens GitHub > Settings > Emails and verifies the primary address; the connection keeps the scope user:email."
	case fault.OIDCAppSuspended:
		return apps, "The app is suspended: ask GitHub Support to reinstate it, or register a new one under " + apps + "."
	}
	return "", ""
}
