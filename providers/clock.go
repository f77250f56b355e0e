package providers

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloakroom/broker/fault"
)

// Clocks collects what the servers that were asked think the time is (RFC 9110, section 6.6.1). Safe for concurrent use.
type Clocks struct {
	mu   sync.Mutex
	seen map[string]sighting // by host
}

// sighting is by how much a host's clock is ahead of ours at least; how sure that is falls with cached answers.
type sighting struct {
	ahead  time.Duration
	cached bool
}

type clocksKey struct{}

// WithClocks makes calls through a Watched transport report to the Clocks.
func WithClocks(ctx context.Context) (context.Context, *Clocks) {
	c := &Clocks{seen: map[string]sighting{}}
	return context.WithValue(ctx, clocksKey{}, c), c
}

// Watched is a transport that reports the Date of answers to the Clocks of a call's context, if there are any.
func Watched(next http.RoundTripper, now func() time.Time) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	if w, ok := next.(watched); ok {
		return w
	}
	return watched{next, now}
}

type watched struct {
	next http.RoundTripper
	now  func() time.Time
}

// RoundTrip does the call.
func (w watched) RoundTrip(req *http.Request) (*http.Response, error) {
	c, ok := req.Context().Value(clocksKey{}).(*Clocks)
	if !ok {
		return w.next.RoundTrip(req)
	}
	sent := w.now()
	resp, err := w.next.RoundTrip(req)
	if err == nil {
		c.see(req.URL.Hostname(), resp.Header, sent, w.now())
	}
	return resp, err
}

// see notes an answer. Date is when it was made, Age how long caches have kept it since; any time between sending and
// receiving is right.
func (c *Clocks) see(host string, h http.Header, sent, got time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	age, _ := strconv.Atoi(h.Get("Age")) // absent: 0
	s := sighting{cached: age > 0 || strings.Contains(strings.ToLower(h.Get("X-Cache")), "hit")}
	switch theirs := date.Add(time.Duration(max(age, 0)) * time.Second); {
	case theirs.After(got):
		s.ahead = theirs.Sub(got)
	case theirs.Before(sent.Truncate(time.Second)): // Date has no fractions
		s.ahead = theirs.Sub(sent)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.seen[host]; !ok || old.cached && !s.cached || old.cached == s.cached && s.ahead.Abs() < old.ahead.Abs() {
		c.seen[host] = s
	}
}

// maxAhead is what sign-ins bear: connections allow a minute by default.
const maxAhead = time.Minute

// Findings says whose clock is off, if one is by more than a minute: that of the one host that differs or, where hosts of
// several owners differ alike, ours. A Date is no proof, so it is likely at best.
func (c *Clocks) Findings() []Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	var off, right []string
	for host, s := range c.seen {
		if s.ahead.Abs() > maxAhead {
			off = append(off, host)
		} else {
			right = append(right, host)
		}
	}
	slices.Sort(off)
	slices.Sort(right)
	switch {
	case len(c.seen) == 0:
		return nil
	case len(off) == 0:
		return []Finding{{Severity: "ok", Check: "clock", Detail: "within a minute of ours: " + strings.Join(right, ", ")}}
	case len(right) == 0 && c.alike(off):
		f := fault.New(fault.ClockOurs, "ours is %s by the word of %s", lag(-c.seen[off[0]].ahead), strings.Join(off, ", "))
		f.Confidence = fault.Likely
		return []Finding{{Err: f, Severity: "error", Check: "clock", Detail: f.Detail}}
	}
	return []Finding{c.theirs(off, right)}
}

func (c *Clocks) theirs(off, right []string) Finding {
	s := c.seen[off[0]]
	f := fault.New(fault.ClockTheirs, "%s is %s by its Date header", off[0], lag(s.ahead))
	f.Observed, f.Confidence = lag(s.ahead).String(), fault.Likely
	switch {
	case s.cached:
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("the answer came out of a cache, so this may be no more than a cache's mistake"))
		f.Confidence = fault.Guess
	case len(right) > 0:
		f.Telling("%s is %s by its Date header, while ours agrees with %s", off[0], lag(s.ahead), right[0])
	default:
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("no other server was asked, so ours may be the wrong one: compare with any clock"))
	}
	return Finding{Err: f, Severity: "warning", Check: "clock", Detail: f.Detail}
}

// alike says that hosts of at least two owners are off by the same.
func (c *Clocks) alike(hosts []string) bool {
	owners := map[string]bool{}
	for _, h := range hosts {
		labels := strings.Split(h, ".")
		owners[strings.Join(labels[max(0, len(labels)-2):], ".")] = true
		if (c.seen[h].ahead - c.seen[hosts[0]].ahead).Abs() > 30*time.Second {
			return false
		}
	}
	return len(owners) > 1
}

func lag(ahead time.Duration) fault.Text {
	if ahead < 0 {
		return fault.Sayf("%s slow", ahead.Abs().Round(time.Second))
	}
	return fault.Sayf("%s fast", ahead.Round(time.Second))
}
