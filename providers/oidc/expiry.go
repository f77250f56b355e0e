package oidc

import (
	"context"
	"encoding/json"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"cloakroom/providers"
)

var _ providers.Expirer = (*provider)(nil)

// Expiries is the client secret's end: as it was entered with the secret, or as a ready-made JWT in its place (Apple)
// says itself. An Apple key does not end.
func (p *provider) Expiries(context.Context) []providers.Expiry {
	var entered struct {
		At time.Time `json:"client_secret_expires_at"`
	}
	if json.Unmarshal(p.settings.Config, &entered) != nil || p.config.ClientSecret == "" || p.config.apple != nil {
		return nil
	}
	e := providers.Expiry{Kind: providers.ExpiringSecret, Name: "client secret", At: entered.At}
	if e.At.IsZero() {
		e.Since, e.At = lifeOf(p.config.ClientSecret)
	}
	if e.At.IsZero() {
		return nil
	}
	return []providers.Expiry{e}
}

// lifeOf reads iat and exp (RFC 7519, section 4.1) of a secret that is a JWT; zero times for any other. Nothing is
// believed because of it: it is our own secret.
func lifeOf(secret string) (since, until time.Time) {
	token, err := josejwt.ParseSigned(secret, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.HS256})
	if err != nil {
		return time.Time{}, time.Time{}
	}
	var c josejwt.Claims
	if token.UnsafeClaimsWithoutVerification(&c) != nil || c.Expiry == nil {
		return time.Time{}, time.Time{}
	}
	if c.IssuedAt != nil {
		since = c.IssuedAt.Time().UTC()
	}
	return since, c.Expiry.Time().UTC()
}
