package web

import (
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Limits bounds guessing: a token bucket per key (an address, an account), of a bounded number of keys.
type Limits struct {
	buckets *otter.Cache[string, *rate.Limiter]
	now     func() time.Time
}

// NewLimits makes an empty set of buckets.
func NewLimits(now func() time.Time) *Limits {
	return &Limits{
		buckets: otter.Must(&otter.Options[string, *rate.Limiter]{MaximumSize: 100_000, ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](15 * time.Minute)}),
		now:     now,
	}
}

// Allow takes one from the bucket of door and key: burst at once, then one per every.
func (l *Limits) Allow(door, key string, burst int, every time.Duration) bool {
	id := door + "\x00" + key
	b, ok := l.buckets.GetIfPresent(id)
	if !ok {
		b = rate.NewLimiter(rate.Every(every), burst)
		if prev, fresh := l.buckets.SetIfAbsent(id, b); !fresh {
			b = prev
		}
	}
	return b.AllowN(l.now(), 1)
}
