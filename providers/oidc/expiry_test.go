package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"cloakroom/providers"
	"cloakroom/providers/oidc"
)

func TestExpiryOfTheSecret(t *testing.T) {
	until := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	made := until.AddDate(0, -6, 0)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := josejwt.Signed(signer).Claims(josejwt.Claims{IssuedAt: josejwt.NewNumericDate(made), Expiry: josejwt.NewNumericDate(until)}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		secret  string
		entered any
		want    *providers.Expiry
	}{
		"entered":            {"s3cret", until, &providers.Expiry{Kind: providers.ExpiringSecret, Name: "client secret", At: until}},
		"not entered":        {"s3cret", nil, nil},
		"no secret":          {"", until, nil},
		"a JWT says itself":  {token, nil, &providers.Expiry{Kind: providers.ExpiringSecret, Name: "client secret", Since: made, At: until}},
		"entered beats that": {token, made, &providers.Expiry{Kind: providers.ExpiringSecret, Name: "client secret", At: made}},
		"not quite a JWT":    {"a.b.c", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			config := map[string]any{"issuer": "https://op.example", "client_id": "c", "client_secret": tt.secret}
			if tt.entered != nil {
				config["client_secret_expires_at"] = tt.entered
			}
			b, err := json.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			p, err := oidc.Protocol{}.Open(providers.Settings{Slug: "acme", Config: b, HTTP: http.DefaultClient, Now: time.Now, Go: func(func(ctx context.Context)) {}})
			if err != nil {
				t.Fatal(err)
			}
			got := p.(providers.Expirer).Expiries(t.Context())
			if tt.want == nil && len(got) != 0 || tt.want != nil && (len(got) != 1 || got[0] != *tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
