package oauth2

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/providers"
)

var _ providers.Expirer = (*provider)(nil)

// Expiries is the client secret's end, as it was entered with the secret.
func (p *provider) Expiries(context.Context) []providers.Expiry {
	var entered struct {
		At time.Time `json:"client_secret_expires_at"`
	}
	if json.Unmarshal(p.settings.Config, &entered) != nil || p.config.ClientSecret == "" || entered.At.IsZero() {
		return nil
	}
	return []providers.Expiry{{Kind: providers.ExpiringSecret, Name: "client secret", At: entered.At}}
}
