package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// tokens are what the token endpoint gave.
type tokens struct{ id, access string }

// The client authentication methods (OpenID Connect Core, section 9).
const (
	basic      = "client_secret_basic"
	post       = "client_secret_post"
	secretJWT  = "client_secret_jwt"
	privateJWT = "private_key_jwt"
	public     = "none"
)

// redeem changes the code for tokens. Where the choice of client authentication is ours and the provider refuses the
// client, the other way to send a secret is tried once: a client is refused before its code is looked at (RFC 6749,
// section 3.2.1). What works is remembered.
func (p *provider) redeem(ctx context.Context, m *metadata, r providers.Request, code string) (*tokens, error) {
	method := p.authMethod(m)
	t, err := p.redeemWith(ctx, m, r, code, method)
	if p.config.ClientAuth != "auto" || p.clientAuth.Load() != nil || method != basic && method != post {
		return t, err
	}
	if err != nil && clientRefused(err) && (method == post || takesPost(m)) {
		other := map[string]string{basic: post, post: basic}[method]
		if again, aerr := p.redeemWith(ctx, m, r, code, other); aerr == nil || !clientRefused(aerr) {
			t, err, method = again, aerr, other
		}
	}
	if err == nil {
		p.clientAuth.Store(&method)
		p.remember(ctx, nil, nil)
	}
	return t, err
}

func takesPost(m *metadata) bool {
	return len(m.TokenAuthMethods) == 0 || slices.Contains(m.TokenAuthMethods, post)
}

func clientRefused(err error) bool {
	return slices.Contains([]fault.Code{fault.OIDCSecretRefused, fault.OIDCSecretMissing, fault.OIDCAuthMethod}, fault.CodeOf(err))
}

// authMethod is the configured one, the one that has worked, or the best that the provider lists.
func (p *provider) authMethod(m *metadata) string {
	if p.config.ClientAuth != "auto" {
		return p.config.ClientAuth
	}
	if p.config.apple != nil || p.config.dialect.formPost {
		return post
	}
	if worked := p.clientAuth.Load(); worked != nil {
		return *worked
	}
	listed := m.TokenAuthMethods
	if p.config.ClientSecret == "" {
		if slices.Contains(listed, privateJWT) && !slices.Contains(listed, public) && p.settings.Keys != nil {
			return privateJWT
		}
		return public
	}
	for _, method := range []string{basic, post, secretJWT} {
		if slices.Contains(listed, method) {
			return method
		}
	}
	return basic // the default of OpenID Connect Discovery and RFC 8414
}

func (p *provider) redeemWith(ctx context.Context, m *metadata, r providers.Request, code, method string) (*tokens, error) {
	c := oauth2.Config{ClientID: p.config.ClientID, RedirectURL: r.CallbackURL,
		Endpoint: oauth2.Endpoint{TokenURL: m.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams}}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier(r))}
	switch method {
	case basic:
		c.ClientSecret, c.Endpoint.AuthStyle = p.config.ClientSecret, oauth2.AuthStyleInHeader
	case post:
		secret, err := p.config.secret(p.settings.Now())
		if err != nil {
			return nil, err
		}
		c.ClientSecret = secret
	case secretJWT, privateJWT:
		assertion, err := p.assertion(ctx, m, method)
		if err != nil {
			return nil, err
		}
		options = append(options, oauth2.SetAuthURLParam("client_assertion", assertion),
			oauth2.SetAuthURLParam("client_assertion_type", assertionType))
	}
	t, err := c.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.http), code, options...)
	if err != nil {
		return nil, p.exchangeFault(m, method, err)
	}
	id, _ := t.Extra("id_token").(string)
	if id == "" {
		return nil, fault.New(fault.OIDCTokenMissing, "scopes granted: %q", excerpt(scopeOf(t)))
	}
	return &tokens{id: id, access: t.AccessToken}, nil
}

func scopeOf(t *oauth2.Token) string {
	s, _ := t.Extra("scope").(string)
	return s
}

// exchangeFault names what went wrong at the token endpoint. The answer's text is quoted only as far as RFC 6749
// defines it: a whole body may hold a secret.
func (p *provider) exchangeFault(m *metadata, method string, err error) error {
	var refused *oauth2.RetrieveError
	var f *fault.Error
	var network *url.Error
	place := m.TokenEndpoint
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refused):
		status := refused.Response.StatusCode
		switch {
		case refused.ErrorCode != "":
			if p.config.ClientSecret == "" && p.config.apple == nil && method != privateJWT {
				method = public
			}
			return tokenRefusal(refused.ErrorCode, refused.ErrorDescription, method)
		case status == http.StatusTooManyRequests, status == 500, status == 502, status == 504:
			return fault.New(fault.OIDCProvider, "%s answers %d", place, status)
		}
		return fault.New(fault.OIDCTokenBlocked, "%s answers %d (%s)", place, status, excerpt(refused.Response.Header.Get("Content-Type")))
	case errors.As(err, &network):
		u, _ := url.Parse(m.TokenEndpoint)
		return networkFault(u, err)
	case strings.Contains(err.Error(), "missing access_token"):
		return fault.New(fault.OIDCTokenMissing, "%s answers without tokens", place)
	}
	return fault.New(fault.OIDCTokenBlocked, "%s answers something that is not JSON", place)
}

const (
	assertionLife = 5 * time.Minute
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// assertion is the client's JWT (RFC 7523, section 3), signed with the secret or with the connection's key.
func (p *provider) assertion(ctx context.Context, m *metadata, method string) (string, error) {
	key, options, err := p.signingKey(ctx, m, method)
	if err != nil {
		return "", err
	}
	now := p.settings.Now()
	return signJWT(key, options, map[string]any{
		"iss": p.config.ClientID, "sub": p.config.ClientID, "aud": m.TokenEndpoint, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
}

func (p *provider) signingKey(ctx context.Context, m *metadata, method string) (key jose.SigningKey, o *jose.SignerOptions, err error) {
	o = (&jose.SignerOptions{}).WithType("JWT")
	if method == secretJWT {
		return jose.SigningKey{Algorithm: jose.HS256, Key: []byte(p.config.ClientSecret)}, o, nil
	}
	if p.settings.Keys == nil {
		return key, nil, fault.New(fault.OIDCClientKeyFault, "this connection has no key of its own")
	}
	keys, err := p.settings.Keys(ctx)
	if err != nil || len(keys) == 0 {
		return key, nil, fault.Wrap(fault.OIDCClientKeyFault, err, "this connection has no key of its own")
	}
	alg, err := algorithmOf(keys[0].Private, m.TokenAuthAlgorithms)
	if err != nil {
		return key, nil, err
	}
	o = o.WithHeader("kid", keys[0].ID)
	if der := keys[0].Certificate; len(der) > 0 { // Entra finds the key by its certificate
		sum := sha256.Sum256(der)
		o = o.WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	return jose.SigningKey{Algorithm: alg, Key: keys[0].Private}, o, nil
}

func algorithmOf(key any, listed []string) (jose.SignatureAlgorithm, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if slices.Contains(listed, "PS256") && !slices.Contains(listed, "RS256") {
			return jose.PS256, nil
		}
		return jose.RS256, nil
	case *ecdsa.PrivateKey:
		if alg, ok := map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[key.Curve.Params().BitSize]; ok {
			return alg, nil
		}
	case ed25519.PrivateKey:
		return jose.EdDSA, nil
	}
	return "", fault.New(fault.OIDCClientKeyFault, "a key of type %T cannot sign", key)
}

func signJWT(key jose.SigningKey, o *jose.SignerOptions, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(key, o)
	if err != nil {
		return "", fault.Wrap(fault.OIDCClientKeyFault, err, "")
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fault.Wrap(fault.OIDCClientKeyFault, err, "")
	}
	jws, err := signer.Sign(b)
	if err != nil {
		return "", fault.Wrap(fault.OIDCClientKeyFault, err, "")
	}
	return jws.CompactSerialize()
}

// appleAuth makes Apple's client secret: a JWT signed with the team's key.
type appleAuth struct {
	key          crypto.Signer
	team, id, us string
}

// checkApple reads Apple's key where that is what client_secret holds.
func (c *config) checkApple() error {
	if !c.dialect.formPost || c.ClientSecret == "" || strings.HasPrefix(c.ClientSecret, "eyJ") {
		return nil
	}
	params := c.AuthorizationParams
	a := &appleAuth{team: params["team_id"], id: params["key_id"], us: c.ClientID}
	if a.team == "" || a.id == "" {
		return fault.New(fault.OIDCClientKeyFault, "team_id and key_id are missing among the authorization parameters")
	}
	delete(params, "team_id")
	delete(params, "key_id")
	// A form field may have lost the line breaks of the PEM file, so only what lies between its lines is read.
	body := strings.NewReplacer("-----BEGIN PRIVATE KEY-----", "", "-----END PRIVATE KEY-----", "", `\n`, "").Replace(c.ClientSecret)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	if err != nil {
		return fault.New(fault.OIDCClientKeyFault, "client_secret is not the .p8 file that Apple gave")
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	ec, ok := key.(*ecdsa.PrivateKey)
	if err != nil || !ok || ec.Curve.Params().BitSize != 256 {
		return fault.New(fault.OIDCClientKeyFault, "client_secret is not the .p8 file that Apple gave")
	}
	a.key = ec
	c.apple = a
	return nil
}

// secret is the client secret to send.
func (c *config) secret(now time.Time) (string, error) {
	if c.apple == nil {
		return c.ClientSecret, nil
	}
	a := c.apple
	o := (&jose.SignerOptions{}).WithHeader("kid", a.id)
	return signJWT(jose.SigningKey{Algorithm: jose.ES256, Key: a.key}, o, map[string]any{
		"iss": a.team, "sub": a.us, "aud": "https://appleid.apple.com", "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
}
