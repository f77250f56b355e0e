// Package oidc signs people in through an OpenID provider: authorization code flow with PKCE, state and nonce, on
// go-oidc, x/oauth2 and go-jose, with the checks those leave to their caller (contract, section 6, "OIDC in").
//
// Nothing is kept between Start and Finish: state is the broker's handle, nonce and PKCE verifier are derived from the
// sign-in's secret, so any replica can finish what another began.
//
// Apple: client_secret is the .p8 key (PEM, line breaks not needed) with team_id and key_id among
// authorization_params; the broker signs Apple's client secret afresh each time, so it never expires. A ready-made
// JWT is taken too.
//
// Microsoft: tenant is the directory's id or one of its domains, or several ids separated by commas; without one any
// work account is let in (preset entra) or any account (preset microsoft).
package oidc

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Protocol opens OpenID Connect connections.
type Protocol struct{}

// Name is "oidc".
func (Protocol) Name() string { return "oidc" }

// Open checks the settings. It does not touch the network.
func (Protocol) Open(s providers.Settings) (providers.Provider, error) {
	cfg, err := parseConfig(s)
	if err != nil {
		return nil, err
	}
	client := *s.HTTP
	client.CheckRedirect = noRedirectOfPOST(client.CheckRedirect)
	client.Transport = providers.Watched(client.Transport, s.Now)
	p := &provider{settings: s, config: *cfg, http: &client, refetch: rate.NewLimiter(rate.Every(30*time.Second), 3)}
	p.discovery = newCache(p.fetchMetadata, s)
	p.keys = newCache(p.fetchKeys, s)
	p.recall(s.Stored)
	p.recallTrusted()
	return p, nil
}

// provider is one opened connection.
type provider struct {
	settings  providers.Settings
	config    config
	http      *http.Client
	discovery *cache[*metadata]
	keys      *cache[*keySet]
	// refetch bounds how often an unknown key ID makes us ask for the keys again: a burst of 3, then twice a minute.
	refetch *rate.Limiter
	// clientAuth is the client authentication that has worked, where config leaves the choice to us.
	clientAuth atomic.Pointer[string]
}

// noRedirectOfPOST keeps codes, secrets and access tokens from following a redirect, whatever client we were given.
func noRedirectOfPOST(next func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		first := via[0]
		if first.Method != http.MethodGet || first.Header.Get("Authorization") != "" {
			return fault.New(fault.FetchRedirect, "%s answers with a redirect to %s", first.URL.Redacted(), req.URL.Redacted())
		}
		if next != nil {
			return next(req, via)
		}
		if len(via) > 3 {
			return fault.New(fault.FetchRedirect, "%s forwards more than 3 times", first.URL.Redacted())
		}
		return nil
	}
}

// Start sends the browser to the provider's authorization endpoint.
func (p *provider) Start(ctx context.Context, r providers.Request) (providers.Challenge, error) {
	m, err := p.discovery.get(ctx)
	if err != nil {
		return providers.Challenge{}, err
	}
	return providers.Challenge{URL: p.authorizeURL(m, r)}, nil
}

// authorizeURL is the authentication request (OpenID Connect Core, section 3.1.2.1).
func (p *provider) authorizeURL(m *metadata, r providers.Request) string {
	c := oauth2.Config{ClientID: p.config.ClientID, RedirectURL: r.CallbackURL, Scopes: p.config.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint}}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier(r))}
	for k, v := range p.parameters(r) {
		options = append(options, oauth2.SetAuthURLParam(k, v))
	}
	return c.AuthCodeURL(r.Handle, options...)
}

// parameters are those beyond RFC 6749 and 7636: the connection's own, then what this sign-in asks for.
func (p *provider) parameters(r providers.Request) map[string]string {
	q := map[string]string{}
	for k, v := range p.config.AuthorizationParams {
		q[k] = v
	}
	set := func(k, v string) {
		if v != "" {
			q[k] = v
		}
	}
	d := p.config.dialect
	set("nonce", nonce(r))
	set("response_mode", p.config.ResponseMode)
	set("login_hint", r.LoginHint)
	set("ui_locales", strings.Join(r.UILocales, " "))
	set("acr_values", strings.Join(r.ACR, " "))
	if d.domainParam != "" {
		set(d.domainParam, r.DomainHint)
		if len(p.config.pins) == 1 && d.tenantClaim == "hd" {
			set(d.domainParam, p.config.pins[0])
		}
	}
	switch {
	case r.Passive:
		set("prompt", "none")
	case r.ForceAuthn:
		set("prompt", d.forcePrompt)
		set("max_age", "0")
	}
	return q
}

// verifier is the PKCE code verifier: 43 characters (RFC 7636, section 4.1).
func verifier(r providers.Request) string {
	return base64.RawURLEncoding.EncodeToString(r.Derive("pkce"))
}

func nonce(r providers.Request) string {
	return base64.RawURLEncoding.EncodeToString(r.Derive("nonce"))
}

// Handle finds the state of an answer (RFC 6749, section 4.1.2).
func (p *provider) Handle(reply providers.Reply) string { return answered(reply).Get("state") }

// answered is where the answer's parameters are: the body of a form_post, else the query.
func answered(reply providers.Reply) url.Values {
	if reply.Method == http.MethodPost {
		return reply.Form
	}
	return reply.Query
}
