package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkConsole measures the console's lists over HTTP as an owner opens them, with 2,000 realms and 10,000
// connections in SQLite.
func BenchmarkConsole(b *testing.B) {
	i := start(b, map[string]string{"LOG_LEVEL": "warn"})
	link := i.welcome(b)
	apply := exec.Command(i.args[0], "apply", "-f", "-")
	apply.Env, apply.Stdin = i.env, strings.NewReader(customers(2000, 5))
	if out, err := apply.CombinedOutput(); err != nil {
		b.Fatalf("apply: %v\n%s", err, tail(string(out), 2000))
	}
	v := newVisitor()
	enrols(b, v, link)
	for name, at := range map[string]string{
		"overview": "", "connections": "/connections", "found": "/connections?q=d3.customer-1234.example", "failing": "/connections?only=failing", "realms": "/realms",
		"search": "/search?q=customer-1234", "one": "/realms/customer-1234/connections/customer-1234-3",
	} {
		b.Run(name, func(b *testing.B) { opened(b, v, i.URL+"/admin"+at) })
	}
}

// opened opens a page again and again and reports how long the median and the slowest hundredth took.
func opened(b *testing.B, v *visitor, address string) {
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if p, err := v.get(address); err != nil || p.Status != 200 {
			b.Fatalf("%v, %s", err, p)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// customers is a configuration of realms with so many connections each.
func customers(realms, each int) string {
	var b strings.Builder
	b.WriteString("realms:\n")
	for r := range realms {
		fmt.Fprintf(&b, "  - name: customer-%d\n    display_name: Customer %d Ltd\n    domains:\n", r, r)
		for c := range each {
			fmt.Fprintf(&b, "      - {domain: d%d.customer-%d.example, verified: true}\n", c, r)
		}
		b.WriteString("    connections:\n")
		for c := range each {
			fmt.Fprintf(&b, "      - {slug: customer-%[1]d-%[2]d, protocol: oidc, display_name: Connection %[2]d of %[1]d, enabled: true, domains: [d%[2]d.customer-%[1]d.example], oidc: {issuer: \"https://idp%[2]d.customer-%[1]d.example\", client_id: client-%[1]d, client_secret: a-secret-of-the-bench}}\n", r, c)
		}
	}
	return b.String()
}
