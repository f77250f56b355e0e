package credential

import (
	"net/netip"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"cloakroom/broker"
)

// Guard slows guessing down. Failures are counted by account, by account and network, and by network; after a few free
// ones each costs a wait that doubles up to a bound, so nothing is ever locked for good. A browser in which the account
// signed in before is counted by itself: whatever strangers do to an account, its owner's browser does not feel it.
type Guard struct {
	mu      sync.Mutex
	entries *otter.Cache[string, count]
	rules   func(account string, who Guesser) []rule
	now     func() time.Time
}

type count struct {
	failures int
	until    time.Time // nothing is tried before
}

// NewGuard makes an empty guard. It keeps a bounded number of counts, each for an hour after its last failure.
func NewGuard(now func() time.Time) *Guard { return newGuard(now, rules) }

// NewDirectoryGuard makes a guard for accounts that are not ours: directories lock one after five to ten wrong passwords,
// and forget them after ten to thirty minutes. It stays below that, whatever strangers try.
func NewDirectoryGuard(now func() time.Time) *Guard { return newGuard(now, directoryRules) }

func newGuard(now func() time.Time, rules func(string, Guesser) []rule) *Guard {
	return &Guard{now: now, rules: rules, entries: otter.Must(&otter.Options[string, count]{
		MaximumSize: 200_000, ExpiryCalculator: otter.ExpiryWriting[string, count](time.Hour),
	})}
}

// Guesser is who tries.
type Guesser struct {
	IP     string
	Device string // names the browser for this very account, "" where it is not known
}

// rule is how one count grows.
type rule struct {
	key        string
	free       int
	first, max time.Duration
}

// rules are the counts that a try falls under. account names it without saying whether it exists.
func rules(account string, g Guesser) []rule {
	if g.Device != "" {
		return []rule{{"device/" + account + "/" + g.Device, 10, time.Second, time.Minute}}
	}
	net := network(g.IP)
	return []rule{
		{"account/" + account, 20, time.Second, 30 * time.Second},
		{"pair/" + account + "/" + net, 5, 2 * time.Second, 15 * time.Minute},
		{"network/" + net, 40, time.Second, 5 * time.Minute},
	}
}

// directoryRules are rules for the accounts of a directory. The own browser has a few tries more, not any number: what
// counts there is the directory's patience.
func directoryRules(account string, g Guesser) []rule {
	if g.Device != "" {
		return []rule{{"device/" + account + "/" + g.Device, 3, 10 * time.Minute, 30 * time.Minute}}
	}
	net := network(g.IP)
	return []rule{
		{"account/" + account, 3, 15 * time.Minute, 30 * time.Minute},
		{"pair/" + account + "/" + net, 3, 15 * time.Minute, 30 * time.Minute},
		{"network/" + net, 40, time.Second, 5 * time.Minute},
	}
}

// network is an address's neighbourhood: one host has a whole /64 of IPv6.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Unmap().Is4() {
		return ip
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// Account names an account of a realm for the guard and for the browser's cookie.
func Account(realm, address string) string { return broker.HashToken(realm + "\x00" + address)[:22] }

// Take counts a try as a failure until Forgive says otherwise, so that many at once are not free. Where the guesser has
// to wait it counts nothing and answers how long.
func (g *Guard) Take(account string, who Guesser) (wait time.Duration) {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.rules(account, who)
	for _, r := range all {
		if c, ok := g.entries.GetIfPresent(r.key); ok && now.Before(c.until) {
			wait = max(wait, c.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, r := range all {
		c, _ := g.entries.GetIfPresent(r.key)
		c.failures++
		if over := c.failures - r.free; over >= 0 {
			c.until = now.Add(min(r.first<<min(over, 20), r.max))
		}
		g.entries.Set(r.key, c)
	}
	return 0
}

// Forgive takes back a try that succeeded. The browser starts anew; what others did to the account or from the network
// stays counted.
func (g *Guard) Forgive(account string, who Guesser) {
	g.takeBack(account, who, func(i int) bool { return who.Device != "" || i == 1 })
}

// Return takes back a try that was none: nobody said whether the password is right.
func (g *Guard) Return(account string, who Guesser) {
	g.takeBack(account, who, func(int) bool { return false })
}

// takeBack undoes one Take; the counts that anew names, by their place among the rules, begin from nothing.
func (g *Guard) takeBack(account string, who Guesser, anew func(i int) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range g.rules(account, who) {
		c, ok := g.entries.GetIfPresent(r.key)
		if !ok {
			continue
		}
		c.failures--
		if anew(i) || c.failures <= 0 {
			g.entries.Invalidate(r.key)
			continue
		}
		c.until = time.Time{}
		g.entries.Set(r.key, c)
	}
}
