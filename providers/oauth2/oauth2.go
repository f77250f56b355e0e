// Package oauth2 signs people in through a plain OAuth 2.0 provider: authorization code with PKCE, then the provider's
// own user document. There is no signed statement of who signed in, so everything rests on TLS to the three configured
// addresses and on the code being bound to this sign-in by state and PKCE.
//
// Preset github: the numeric id is the subject, and the address is the primary one that GitHub has verified; the one
// on the public profile is never taken.
package oauth2

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Protocol opens OAuth 2.0 connections.
type Protocol struct{}

// Name is "oauth2".
func (Protocol) Name() string { return "oauth2" }

// config is the connection's "oauth2" section (contract, section 4).
type config struct {
	AuthorizeURL string   `json:"authorize_url"`
	TokenURL     string   `json:"token_url"`
	UserInfoURL  string   `json:"userinfo_url"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	Scopes       []string `json:"scopes"`
}

const (
	finishLimit = 20 * time.Second
	maxCode     = 16 << 10
	maxAnswer   = 1 << 20
)

// Open checks the settings. It does not touch the network.
func (Protocol) Open(s providers.Settings) (providers.Provider, error) {
	p := &provider{settings: s, github: s.Preset == "github"}
	if err := json.Unmarshal(s.Config, &p.config); err != nil {
		return nil, fault.Wrap(fault.OIDCSettings, err, "the oauth2 section")
	}
	if p.github {
		p.config.gitHub()
	}
	p.config.ClientSecret = strings.TrimSpace(p.config.ClientSecret)
	for name, address := range map[string]string{"authorize_url": p.config.AuthorizeURL, "token_url": p.config.TokenURL, "userinfo_url": p.config.UserInfoURL} {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return nil, fault.New(fault.OIDCSettings, "%s %q is not an address", name, address)
		}
		if name == "token_url" {
			p.issuer = u.Scheme + "://" + u.Host
		}
	}
	if p.config.ClientID == "" {
		return nil, fault.New(fault.OIDCSettings, "client_id is missing")
	}
	client := *s.HTTP
	client.CheckRedirect = noRedirect
	client.Transport = providers.Watched(client.Transport, s.Now)
	p.http = &client
	return p, nil
}

// gitHub fills in github.com's addresses; a GitHub Enterprise Server has the same paths on its own host.
func (c *config) gitHub() {
	if c.AuthorizeURL == "" {
		c.AuthorizeURL = "https://github.com/login/oauth/authorize"
	}
	if c.TokenURL == "" {
		c.TokenURL = strings.TrimSuffix(c.AuthorizeURL, "/authorize") + "/access_token"
	}
	if c.UserInfoURL == "" {
		c.UserInfoURL = "https://api.github.com/user"
		if host, _, _ := strings.Cut(c.TokenURL, "/login/oauth/"); host != "https://github.com" {
			c.UserInfoURL = host + "/api/v3/user"
		}
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"read:user", "user:email"}
	}
}

// noRedirect: every call carries a code, a secret or an access token.
func noRedirect(req *http.Request, via []*http.Request) error {
	return fault.New(fault.FetchRedirect, "%s answers with a redirect to %s", place(via[0].URL), place(req.URL))
}

type provider struct {
	settings providers.Settings
	config   config
	http     *http.Client
	issuer   string
	github   bool
	// inHeader is set once the provider has taken the secret in the Authorization header only.
	inHeader atomic.Bool
}

// Start sends the browser to the provider.
func (p *provider) Start(_ context.Context, r providers.Request) (providers.Challenge, error) {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier(r))}
	if r.LoginHint != "" {
		name := "login_hint"
		if p.github {
			name = "login"
		}
		options = append(options, oauth2.SetAuthURLParam(name, r.LoginHint))
	}
	switch {
	case r.Passive && !p.github:
		options = append(options, oauth2.SetAuthURLParam("prompt", "none"))
	case r.Passive:
		return providers.Challenge{}, fault.New(fault.LoginInteraction, "GitHub cannot sign in without a page")
	case r.ForceAuthn && p.github:
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	case r.ForceAuthn:
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return providers.Challenge{URL: p.client(r, false).AuthCodeURL(r.Handle, options...)}, nil
}

func (p *provider) client(r providers.Request, inHeader bool) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if inHeader {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, RedirectURL: r.CallbackURL, Scopes: p.config.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: p.config.AuthorizeURL, TokenURL: p.config.TokenURL, AuthStyle: style}}
}

func verifier(r providers.Request) string {
	return base64.RawURLEncoding.EncodeToString(r.Derive("pkce"))
}

// Handle finds the state of an answer.
func (p *provider) Handle(reply providers.Reply) string { return answered(reply).Get("state") }

func answered(reply providers.Reply) url.Values {
	if reply.Method == http.MethodPost {
		return reply.Form
	}
	return reply.Query
}

// Finish redeems the code and asks the provider who it was.
func (p *provider) Finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	idn, err := p.finish(ctx, r, reply)
	if err != nil {
		return providers.Identity{}, p.labelled(fault.As(err))
	}
	return idn, nil
}

func (p *provider) finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, finishLimit)
	defer cancel()
	v := answered(reply)
	if err := checkAnswer(r, v); err != nil {
		return providers.Identity{}, err
	}
	if v.Has("error") {
		return providers.Identity{}, refusal(v.Get("error"), v.Get("error_description"))
	}
	token, err := p.redeem(ctx, r, v.Get("code"))
	if err != nil {
		return providers.Identity{}, err
	}
	return p.identity(ctx, token)
}

func checkAnswer(r providers.Request, v url.Values) error {
	for _, name := range []string{"state", "code", "error", "error_description"} {
		if len(v[name]) > 1 {
			return fault.New(fault.OIDCAnswer, "%s stands twice", name)
		}
	}
	if r.Handle == "" || subtle.ConstantTimeCompare([]byte(v.Get("state")), []byte(r.Handle)) != 1 {
		return fault.New(fault.LoginUnknown, "state is not this sign-in's")
	}
	if code := v.Get("code"); v.Has("error") == (code != "") || len(code) > maxCode {
		return fault.New(fault.OIDCAnswer, "it must hold either a code or an error")
	}
	return nil
}

// redeem changes the code for an access token. The secret goes into the form; where that is refused as a wrong client,
// it is tried once in the header, and what works is kept.
func (p *provider) redeem(ctx context.Context, r providers.Request, code string) (string, error) {
	inHeader := p.inHeader.Load()
	token, err := p.exchange(ctx, r, code, inHeader)
	if fault.CodeOf(err) == fault.OIDCSecretRefused && !inHeader && !p.github {
		if token, err2 := p.exchange(ctx, r, code, true); err2 == nil {
			p.inHeader.Store(true)
			return token, nil
		}
	}
	return token, err
}

func (p *provider) exchange(ctx context.Context, r providers.Request, code string, inHeader bool) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.http)
	t, err := p.client(r, inHeader).Exchange(ctx, code, oauth2.VerifierOption(verifier(r)))
	if err != nil {
		return "", p.exchangeFault(err)
	}
	if !strings.EqualFold(t.Type(), "bearer") {
		return "", fault.New(fault.OIDCTokenBlocked, "the access token is of type %q", excerpt(t.TokenType))
	}
	return t.AccessToken, nil
}

func (p *provider) exchangeFault(err error) error {
	var f *fault.Error
	var refused *oauth2.RetrieveError
	var network *url.Error
	u, _ := url.Parse(p.config.TokenURL)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refused) && refused.ErrorCode != "":
		return refusal(refused.ErrorCode, refused.ErrorDescription)
	case errors.As(err, &refused):
		return fault.New(fault.OIDCTokenBlocked, "%s answers %d (%s)", place(u), refused.Response.StatusCode, excerpt(refused.Response.Header.Get("Content-Type")))
	case errors.As(err, &network):
		return networkFault(u, err)
	}
	return fault.New(fault.OIDCTokenBlocked, "%s answers without a token", place(u))
}

// refusal names an error of the authorization or the token endpoint (RFC 6749, sections 4.1.2.1 and 5.2; GitHub's own
// codes, which come with status 200).
func refusal(code, description string) error {
	f := &fault.Error{Detail: strings.TrimSuffix(excerpt(code)+": "+excerpt(description), ": "), Confidence: fault.Likely}
	switch code {
	case "access_denied":
		f.Code = fault.LoginCancelled
		if text := strings.ToLower(description); strings.Contains(text, "assigned") {
			f.Code = fault.OIDCNotAssigned
		} else if strings.Contains(text, "policy") {
			f.Code = fault.OIDCPolicy
		}
	case "incorrect_client_credentials", "invalid_client":
		f.Code = fault.OIDCSecretRefused
	case "bad_verification_code", "invalid_grant":
		f.Code = fault.OIDCCodeRefused
	case "redirect_uri_mismatch":
		f.Code = fault.OIDCRedirectURI
	case "application_suspended":
		f.Code = fault.OIDCAppSuspended
	case "unverified_user_email":
		f.Code = fault.OAuth2NoEmail
	case "login_required":
		f.Code = fault.LoginRequired
	case "interaction_required", "consent_required":
		f.Code = fault.LoginInteraction
	case "invalid_scope":
		f.Code = fault.OIDCScope
	case "unauthorized_client", "unsupported_response_type", "unsupported_grant_type":
		f.Code = fault.OIDCFlow
	case "invalid_request":
		f.Code = fault.OIDCRequest
	default:
		f.Code = fault.OIDCProvider
	}
	return f
}

// fetch gets a document with the access token.
func (p *provider) fetch(ctx context.Context, address, token string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.Wrap(fault.OIDCSettings, err, "userinfo_url")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, networkFault(req.URL, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, networkFault(req.URL, err)
	case len(b) > maxAnswer:
		return nil, fault.New(fault.FetchTooLarge, "%s", place(req.URL))
	case providers.Robot(resp.StatusCode, mediaType(resp), string(b)):
		return nil, fault.New(fault.FetchFirewall, "%s answers %d", place(req.URL), resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fault.New(fault.OIDCUserInfo, "%s answers %d", place(req.URL), resp.StatusCode)
	}
	return b, nil
}

func networkFault(u *url.URL, err error) error {
	return providers.Unreached(u, err)
}

func mediaType(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

func place(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// excerpt makes foreign text fit for a log line.
func excerpt(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return strings.TrimSpace(s)
}
