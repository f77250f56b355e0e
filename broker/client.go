package broker

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Client is a downstream application.
type Client struct {
	ClientID    string   `json:"client_id"`
	Realm       string   `json:"realm"`
	Protocol    string   `json:"protocol"` // oidc
	DisplayName string   `json:"display_name"`
	Enabled     bool     `json:"enabled"`
	Connections []string `json:"connections"` // slugs allowed; empty = all of the realm
	// PinnedRealm fixes the home realm of a hub's client.
	PinnedRealm string `json:"pinned_realm,omitempty"`

	// ClientURI is the app's own front page; InitiateLoginURI is where it begins a sign-in that others ask for (OpenID
	// Connect Core, section 4). Direct links and sign-ins begun at the identity provider end there.
	ClientURI        string `json:"client_uri,omitempty"`
	InitiateLoginURI string `json:"initiate_login_uri,omitempty"`

	RedirectURIs            []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs  []string        `json:"post_logout_redirect_uris"`
	ClientSecret            Secret          `json:"client_secret,omitempty"` // in requests and, when made here, in the answer that made it
	Public                  bool            `json:"public"`
	TokenEndpointAuthMethod string          `json:"token_endpoint_auth_method"` // client_secret_basic (post is taken too), client_secret_post, private_key_jwt, none
	JWKS                    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                 string          `json:"jwks_uri,omitempty"`
	GrantTypes              []string        `json:"grant_types"` // authorization_code, refresh_token, client_credentials
	IDTokenAlg              string          `json:"id_token_signed_response_alg"`
	AccessTokenFormat       string          `json:"access_token_format"` // opaque, jwt
	SubjectType             string          `json:"subject_type"`        // public, pairwise
	BackchannelLogoutURI    string          `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI   string          `json:"frontchannel_logout_uri,omitempty"`
	RequirePAR              bool            `json:"require_par"`
	Scopes                  []string        `json:"scopes"`         // empty = openid email profile groups offline_access
	DefaultScopes           []string        `json:"default_scopes"` // added to what a sign-in asks for, as Keycloak does for its clients: email, profile, groups
	Audiences               []string        `json:"audiences"`      // resources this client may ask tokens for (RFC 8707)

	// SecretHash is what is kept of the secret: SHA-256, base64url. Generated secrets carry 256 bits, so a slow hash
	// would only cap the token endpoint; chosen ones must be 16 characters or more.
	SecretHash string `json:"-"`
	Meta
}

// Defaults fills what was left out.
func (c *Client) Defaults() {
	setDefault(&c.Protocol, "oidc")
	setDefault(&c.DisplayName, c.ClientID)
	if c.Connections == nil {
		c.Connections = []string{}
	}
	if c.RedirectURIs == nil {
		c.RedirectURIs = []string{}
	}
	if c.PostLogoutRedirectURIs == nil {
		c.PostLogoutRedirectURIs = []string{}
	}
	if c.Scopes == nil {
		c.Scopes = []string{}
	}
	if c.DefaultScopes == nil {
		c.DefaultScopes = []string{}
	}
	if c.Audiences == nil {
		c.Audiences = []string{}
	}
	if c.Protocol == "oidc" {
		if c.TokenEndpointAuthMethod == "none" {
			c.Public = true
		}
		if c.TokenEndpointAuthMethod == "" {
			if c.Public {
				c.TokenEndpointAuthMethod = "none"
			} else {
				c.TokenEndpointAuthMethod = "client_secret_basic"
			}
		}
		if len(c.GrantTypes) == 0 {
			c.GrantTypes = []string{"authorization_code", "refresh_token"}
		}
		setDefault(&c.AccessTokenFormat, "opaque")
		setDefault(&c.SubjectType, "public")
	}
	if c.GrantTypes == nil {
		c.GrantTypes = []string{}
	}
}

// Validate answers every bad field at once.
func (c *Client) Validate() error {
	var f fields
	if c.ClientID == "" || len(c.ClientID) > 255 {
		f.add("/client_id", "is 1 to 255 characters")
	}
	checkText(&f, "/client_id", c.ClientID, 255)
	if c.ClientID == ConsoleClientID {
		f.add("/client_id", "is the name of Cloakroom's own console")
	}
	checkText(&f, "/display_name", c.DisplayName, 200)
	oneOf(&f, "/protocol", c.Protocol, []string{"oidc"})
	for i, s := range c.Connections {
		if !ValidName(s) {
			f.add(ptr("/connections", i), "%q is not a connection's slug", s)
		}
	}
	if c.Protocol == "oidc" {
		c.validateOIDC(&f)
	}
	return f.err()
}

func (c *Client) validateOIDC(f *fields) {
	for i, u := range c.RedirectURIs {
		if why := redirectFault(u, c.Public); why != "" {
			f.add(ptr("/redirect_uris", i), "%s", why)
		}
	}
	for i, u := range c.PostLogoutRedirectURIs {
		if why := redirectFault(u, c.Public); why != "" {
			f.add(ptr("/post_logout_redirect_uris", i), "%s", why)
		}
	}
	oneOf(f, "/token_endpoint_auth_method", c.TokenEndpointAuthMethod, []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"})
	if c.Public != (c.TokenEndpointAuthMethod == "none") {
		f.add("/public", "a public client has token_endpoint_auth_method none, and only a public one")
	}
	if c.TokenEndpointAuthMethod == "private_key_jwt" && len(c.JWKS) == 0 && c.JWKSURI == "" {
		f.add("/jwks", "private_key_jwt needs jwks or jwks_uri")
	}
	optURL(f, "/client_uri", c.ClientURI)
	optURL(f, "/initiate_login_uri", c.InitiateLoginURI)
	optURL(f, "/jwks_uri", c.JWKSURI)
	optURL(f, "/backchannel_logout_uri", c.BackchannelLogoutURI)
	optURL(f, "/frontchannel_logout_uri", c.FrontchannelLogoutURI)
	for i, g := range c.GrantTypes {
		if !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, g) {
			f.add(ptr("/grant_types", i), "%q is not one of authorization_code, refresh_token, client_credentials", g)
		}
		if g == "client_credentials" && c.Public {
			f.add(ptr("/grant_types", i), "a public client cannot use client_credentials")
		}
	}
	if slices.Contains(c.GrantTypes, "authorization_code") && len(c.RedirectURIs) == 0 {
		f.add("/redirect_uris", "at least one is needed for authorization_code")
	}
	if c.IDTokenAlg != "" {
		oneOf(f, "/id_token_signed_response_alg", c.IDTokenAlg, SigningAlgs)
	}
	oneOf(f, "/access_token_format", c.AccessTokenFormat, []string{"opaque", "jwt"})
	oneOf(f, "/subject_type", c.SubjectType, []string{"public", "pairwise"})
	checkText(f, "/client_secret", c.ClientSecret.Reveal(), 1024)
	checkTexts(f, "/scopes", c.Scopes)
	for i, s := range c.DefaultScopes {
		oneOf(f, ptr("/default_scopes", i), s, []string{"email", "profile", "groups"})
		if len(c.Scopes) > 0 && !slices.Contains(c.Scopes, s) {
			f.add(ptr("/default_scopes", i), "%q is none of the scopes that the client may ask for", s)
		}
	}
	if n := len(c.ClientSecret.Reveal()); n > 0 && n < 16 && c.ClientSecret != Masked {
		f.add("/client_secret", "is shorter than 16 characters; leave it out and one is made")
	}
	for i, a := range c.Audiences {
		optURL(f, ptr("/audiences", i), a)
	}
}

// redirectFault: absolute, no fragment; http only for loopback hosts or where the app really has no TLS (confidential
// clients inside a network); public clients may use a private-use scheme (RFC 8252, section 7.1).
func redirectFault(s string, public bool) string {
	if strings.Contains(s, "*") {
		return "must be written out in full: wildcards are not taken"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return "is not an absolute URL"
	}
	switch u.Scheme {
	case "https", "http":
		return urlFault(s, "https", "http")
	case "javascript", "data", "file", "vbscript", "about", "blob":
		return "has a scheme that is never a redirect"
	}
	if !public {
		return "a private scheme is only for public (native) clients"
	}
	if !strings.Contains(u.Scheme, ".") {
		return "a private scheme must be a reversed domain name, like com.example.app:/callback (RFC 8252)"
	}
	if u.Fragment != "" {
		return "must not have a #fragment"
	}
	return ""
}

// AllowsRedirect is the exact match of OAuth 2.0 Security BCP, section 4.1.3; only a loopback address may differ in port
// (RFC 8252, section 7.3).
func AllowsRedirect(registered []string, uri string) bool {
	if slices.Contains(registered, uri) {
		return true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || !IsLoopbackHost(u.Hostname()) {
		return false
	}
	u.Host = hostOnly(u)
	for _, r := range registered {
		ru, err := url.Parse(r)
		if err != nil || ru.Scheme != "http" || !IsLoopbackHost(ru.Hostname()) {
			continue
		}
		ru.Host = hostOnly(ru)
		if ru.String() == u.String() {
			return true
		}
	}
	return false
}

func hostOnly(u *url.URL) string {
	h := u.Hostname()
	if strings.Contains(h, ":") {
		return "[" + h + "]"
	}
	return h
}

// AllowsConnection reports whether the client takes people from this connection.
func (c *Client) AllowsConnection(slug string) bool {
	return len(c.Connections) == 0 || slices.Contains(c.Connections, slug)
}

// Home is where a person finds the app: its front page, or the origin of its first web redirect URI; "" if it has none.
func (c *Client) Home() string {
	if c.ClientURI != "" {
		return c.ClientURI
	}
	for _, r := range c.RedirectURIs {
		if u, err := url.Parse(r); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			return u.Scheme + "://" + u.Host + "/"
		}
	}
	return ""
}
