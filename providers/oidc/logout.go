package oidc

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// maxHint is how much ID token goes into an address; a longer one is posted.
const maxHint = 3000

// StartLogout sends the browser to the provider's end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0).
func (p *provider) StartLogout(ctx context.Context, r providers.Request, idn providers.Identity, returnURL string) (c providers.Challenge, ok bool, err error) {
	m, err := p.discovery.get(ctx)
	if err != nil || m.EndSessionEndpoint == "" {
		return c, false, err
	}
	v := url.Values{"client_id": {p.config.ClientID}}
	if idn.IDToken != "" {
		v.Set("id_token_hint", idn.IDToken)
	}
	if returnURL != "" {
		v.Set("post_logout_redirect_uri", returnURL)
		if r.Handle != "" {
			v.Set("state", r.Handle)
		}
	}
	if len(r.UILocales) > 0 {
		v.Set("ui_locales", strings.Join(r.UILocales, " "))
	}
	if len(idn.IDToken) > maxHint {
		return providers.Challenge{URL: m.EndSessionEndpoint, Form: v}, true, nil
	}
	separator := "?"
	if strings.Contains(m.EndSessionEndpoint, "?") {
		separator = "&"
	}
	return providers.Challenge{URL: m.EndSessionEndpoint + separator + v.Encode()}, true, nil
}

// IsLogout knows three messages: a logout_token (Back-Channel Logout 1.0), iss and sid (Front-Channel Logout 1.0), and
// state alone, with which the browser returns from StartLogout.
func (p *provider) IsLogout(reply providers.Reply) bool {
	if reply.Method == http.MethodPost {
		return reply.Form.Has("logout_token")
	}
	q := reply.Query
	if q.Has("code") || q.Has("error") {
		return false
	}
	return q.Has("state") || q.Has("iss") && q.Has("sid")
}

// ReceiveLogout verifies the message. A front-channel one carries no signature: it ends the one session whose sid,
// which only provider and broker know, it names.
func (p *provider) ReceiveLogout(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Logout, error) {
	if reply.Method == http.MethodPost {
		l, err := p.backChannel(ctx, reply.Form.Get("logout_token"))
		if err != nil {
			return providers.Logout{}, p.labelled(fault.As(err))
		}
		return l, nil
	}
	q := reply.Query
	if q.Has("state") {
		return providers.Logout{Answered: true, Handle: q.Get("state")}, nil
	}
	m, err := p.discovery.get(ctx)
	if err != nil {
		return providers.Logout{}, err
	}
	if q.Get("sid") == "" || len(q["iss"]) != 1 || len(q["sid"]) != 1 || q.Get("iss") != m.Issuer && !p.templated(m, q.Get("iss")) {
		return providers.Logout{}, fault.Mismatch(fault.OIDCLogoutToken, excerpt(q.Get("iss")), m.Issuer)
	}
	return providers.Logout{SessionIndex: q.Get("sid")}, nil
}

// templated reports whether iss is one of the names that Microsoft's template stands for.
func (p *provider) templated(m *metadata, iss string) bool {
	if !m.issuerTemplate {
		return false
	}
	before, after, _ := strings.Cut(m.Issuer, tenantPlaceholder)
	id := strings.TrimSuffix(strings.TrimPrefix(iss, before), after)
	return guid.MatchString(id) && iss == before+id+after
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// backChannel verifies a logout token (Back-Channel Logout 1.0, section 2.6).
func (p *provider) backChannel(ctx context.Context, raw string) (l providers.Logout, err error) {
	m, err := p.discovery.get(ctx)
	if err != nil {
		return l, err
	}
	t, err := p.verify(ctx, m, raw)
	if err != nil {
		return l, err
	}
	for _, check := range []func() error{
		func() error { return p.checkTokenIssuer(m, t) },
		func() error { return p.checkAudience(t.claims) },
		func() error { return p.checkTimes(t.claims, false) },
		func() error { return p.checkTenant(m, t.claims) },
	} {
		if err := check(); err != nil {
			return l, err
		}
	}
	events, _ := t.claims["events"].(map[string]any)
	_, isLogout := events[logoutEvent]
	_, hasNonce := t.claims["nonce"]
	l = providers.Logout{Subject: t.claims.String("sub"), SessionIndex: t.claims.String("sid")}
	if !isLogout || hasNonce || l.Subject == "" && l.SessionIndex == "" || t.claims.String("jti") == "" {
		return providers.Logout{}, fault.New(fault.OIDCLogoutToken, "claims: %s", excerpt(quoted(names(t.claims))))
	}
	return l, nil
}

func names(d providers.Document) []string {
	out := make([]string, 0, len(d))
	for k := range d {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
