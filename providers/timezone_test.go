package providers_test

import (
	"testing"
	"time"

	"cloakroom/providers"
)

func TestTimeZone(t *testing.T) {
	const near = 30 * time.Second
	for off, want := range map[time.Duration]time.Duration{
		time.Hour: time.Hour, 11*time.Hour + 3*time.Second: 11 * time.Hour, 5*time.Hour + 30*time.Minute: 5*time.Hour + 30*time.Minute,
		5*time.Hour + 45*time.Minute: 5*time.Hour + 45*time.Minute, 14 * time.Hour: 14 * time.Hour,
		15 * time.Hour: 0, 15 * time.Minute: 0, 2*time.Hour + 15*time.Minute: 0, time.Hour + 2*time.Minute: 0, 1*time.Hour + 30*time.Minute: 0,
	} {
		if got := providers.TimeZone(off-near, off+near); got != want {
			t.Errorf("%s: %s, want %s", off, got, want)
		}
	}
	if got := providers.TimeZone(time.Hour, 3*time.Hour); got != 0 {
		t.Errorf("too far apart: %s", got)
	}
}
