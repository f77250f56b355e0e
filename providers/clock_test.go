package providers_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// dials answers each host with the headers given for it.
type dials map[string]http.Header

func (d dials) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: d[r.URL.Host], Body: http.NoBody, Request: r}, nil
}

// An answer's Date tells whose clock is off: one host alone is wrong itself, several owners' hosts that agree against us
// make it ours, and an answer's time in a cache is no lag.
func TestClocks(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	date := func(d time.Duration, more ...string) http.Header {
		h := http.Header{"Date": {now.Add(d).Format(http.TimeFormat)}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for _, tt := range []struct {
		name       string
		hosts      dials
		want       fault.Code
		severity   string
		confidence fault.Confidence
		observed   string
	}{
		{"nobody asked", dials{}, "", "", "", ""},
		{"right", dials{"idp.acme.example": date(0)}, "", "ok", "", ""},
		{"within bounds", dials{"idp.acme.example": date(50 * time.Second)}, "", "ok", "", ""},
		{"theirs is fast", dials{"idp.acme.example": date(90 * time.Second)}, fault.ClockTheirs, "warning", fault.Likely, "1m30s fast"},
		{"theirs is slow, ours agrees with another", dials{"idp.acme.example": date(-time.Hour), "keys.other.example": date(time.Second)}, fault.ClockTheirs, "warning", fault.Likely, "1h0m0s slow"},
		{"an old answer out of a cache", dials{"idp.acme.example": date(-time.Hour, "Age", "3600")}, "", "ok", "", ""},
		{"a cache that does not say how old", dials{"idp.acme.example": date(-time.Hour, "X-Cache", "HIT")}, fault.ClockTheirs, "warning", fault.Guess, "1h0m0s slow"},
		{"two hosts of one owner", dials{"a.acme.example": date(time.Hour), "b.acme.example": date(time.Hour)}, fault.ClockTheirs, "warning", fault.Likely, "1h0m0s fast"},
		{"ours is slow", dials{"idp.acme.test": date(time.Hour), "keys.other.example": date(time.Hour + 5*time.Second)}, fault.ClockOurs, "error", fault.Likely, ""},
		{"no date, or none that can be read", dials{"a.example": {}, "b.example": {"Date": {"noon"}}}, "", "", "", ""},
		{"an age that cannot be", dials{"a.example": date(0, "Age", "-99999999999999999999")}, "", "ok", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, clocks := providers.WithClocks(t.Context())
			c := &http.Client{Transport: providers.Watched(providers.Watched(tt.hosts, func() time.Time { return now }), func() time.Time { return now })}
			for host := range tt.hosts {
				for _, ctx := range []context.Context{t.Context(), ctx} {
					req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
					if _, err := c.Do(req); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := clocks.Findings()
			if tt.severity == "" {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Severity != tt.severity || fault.CodeOf(got[0].Err) != tt.want {
				t.Fatalf("%+v", got)
			}
			if f := fault.As(got[0].Err); f != nil && (f.Confidence != tt.confidence || tt.observed != "" && f.Observed != tt.observed) {
				t.Errorf("%s, observed %q", f.Confidence, f.Observed)
			}
		})
	}
}
