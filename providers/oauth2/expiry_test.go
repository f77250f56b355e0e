package oauth2_test

import (
	"net/http"
	"testing"
	"time"

	"cloakroom/providers"
	"cloakroom/providers/oauth2"
)

func TestExpiryOfTheSecret(t *testing.T) {
	until := time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)
	for config, want := range map[string]int{
		`{"client_id":"c","client_secret":"s","client_secret_expires_at":"2027-02-01T12:00:00Z"}`: 1,
		`{"client_id":"c","client_secret":"s"}`:                                                   0,
		`{"client_id":"c","client_secret_expires_at":"2027-02-01T12:00:00Z"}`:                     0,
	} {
		p, err := oauth2.Protocol{}.Open(providers.Settings{Slug: "acme", Preset: "github", Config: []byte(config), HTTP: http.DefaultClient, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		got := p.(providers.Expirer).Expiries(t.Context())
		if len(got) != want || want == 1 && !got[0].At.Equal(until) {
			t.Errorf("%s: %+v", config, got)
		}
	}
}
