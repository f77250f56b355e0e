package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"cloakroom/providers/providertest/samlidp"
	"cloakroom/store/storetest/pgtest"
)

// The load driver plays browser, identity provider and application over loopback against the real binary and reports
// what the broker's process spends: CPU from /proc, so what the driver itself spends does not count. RSA-2048 of the same
// run stands beside it, because a machine's speed is in every figure.

func BenchmarkLogin(b *testing.B) {
	for _, db := range []string{"sqlite", "postgres"} {
		for _, upstream := range []string{"oidc", "saml"} {
			for _, alg := range []string{"ES256", "RS256"} {
				b.Run(db+"/"+upstream+"/"+alg, func(b *testing.B) { benchLogin(b, db, upstream, alg) })
			}
		}
	}
}

func database(b *testing.B, kind string) map[string]string {
	set := map[string]string{"LOG_LEVEL": "error"}
	if kind == "postgres" {
		set["DATABASE_URL"], set["MASTER_KEY"] = pgtest.Start(b), masterKey
	}
	return set
}

func benchLogin(b *testing.B, db, upstream, alg string) {
	w := &world{instance: start(b, database(b, db))}
	w.api("POST", "/realms", obj{"name": "acme"}, 201, nil)
	w.api("POST", "/realms/acme/domains", obj{"domain": "acme.example", "verified": true}, 201, nil)
	one := driver{world: w}
	switch upstream {
	case "oidc":
		w.addOIDC(b, "acme", "acme-up", "acme.example", obj{"auto_approve": "carol"})
	default:
		idp := w.addSAML(b, "acme", "acme-up", "acme.example")
		one.users = idp.Users[:1]
	}
	one.app = newApp(b, w.instance, "acme", obj{"id_token_signed_response_alg": alg})
	for range 20 { // warm: metadata, keys, statements
		if err := one.login(); err != nil {
			b.Fatal(err)
		}
	}
	measure(b, w.instance, one.login)
}

// measure runs work b.N times on four workers and reports the broker's CPU, throughput, latencies and memory.
func measure(b *testing.B, i *instance, work func() error) {
	took := make([]time.Duration, b.N)
	jobs := make(chan int, b.N)
	for n := range b.N {
		jobs <- n
	}
	close(jobs)
	var wg sync.WaitGroup
	cpu := i.cpu()
	b.ResetTimer()
	began := time.Now()
	for range 4 {
		wg.Go(func() {
			for n := range jobs {
				t := time.Now()
				if err := work(); err != nil {
					b.Error(err)
					return
				}
				took[n] = time.Since(t)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	wall := time.Since(began)
	spent := i.cpu() - cpu
	slices.Sort(took)
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(b.N)/wall.Seconds(), "op/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(i.rss(), "rss-MiB")
	b.ReportMetric(0, "ns/op")
}

// driver plays one login after another; what a real app has cached is cached here.
type driver struct {
	*world
	app   *app
	users []samlidp.User
}

var direct = &http.Transport{MaxIdleConnsPerHost: 16}

// login is one whole login: authorize, upstream and back, code for tokens. The ID token is not verified again: that is
// the app's CPU and not the broker's.
func (d *driver) login() error {
	v := newVisitor()
	v.client.Transport = direct
	s := d.app.begin()
	p, err := v.get(s.URL, appURL)
	if err != nil {
		return err
	}
	if d.users != nil {
		if p, err = d.saml(v, p); err != nil {
			return err
		}
	}
	code := p.URL.Query().Get("code")
	if code == "" {
		return fmt.Errorf("no code at %s", p)
	}
	_, err = d.app.conf.Exchange(d.app.ctx, code, oauth2.VerifierOption(s.verifier))
	return err
}

func (d *driver) saml(v *visitor, p *page) (*page, error) {
	button := find(p.doc, func(n *html.Node) bool { return n.Data == "button" && attr(n, "value") == d.users[0].ID })
	if button == nil {
		return nil, fmt.Errorf("not at the identity provider: %s", p)
	}
	p, err := v.submit(p, nil, url.Values{attr(button, "name"): {d.users[0].ID}}, appURL)
	if err != nil {
		return nil, err
	}
	return v.submit(p, nil, nil, appURL)
}

func BenchmarkRefresh(b *testing.B) {
	for _, db := range []string{"sqlite", "postgres"} {
		b.Run(db, func(b *testing.B) {
			w := &world{instance: start(b, database(b, db))}
			w.api("POST", "/realms", obj{"name": "acme"}, 201, nil)
			w.api("POST", "/realms/acme/domains", obj{"domain": "acme.example", "verified": true}, 201, nil)
			w.addOIDC(b, "acme", "acme-up", "acme.example", obj{"auto_approve": "carol"})
			a := newApp(b, w.instance, "acme", obj{"id_token_signed_response_alg": "ES256"})
			tokens := make(chan string, 8)
			for range cap(tokens) {
				v, s := newVisitor(), a.begin()
				p, err := v.get(s.URL, appURL)
				if err != nil {
					b.Fatal(err)
				}
				t, _, err := s.finish(p.URL)
				if err != nil {
					b.Fatal(err)
				}
				tokens <- t.RefreshToken
			}
			measure(b, w.instance, func() error {
				t, err := refresh(a, <-tokens)
				if err == nil {
					tokens <- t.RefreshToken
				}
				return err
			})
		})
	}
}

// BenchmarkDocuments is discovery and JWKS, which come from memory.
func BenchmarkDocuments(b *testing.B) {
	w := &world{instance: start(b, map[string]string{"LOG_LEVEL": "error"})}
	w.api("POST", "/realms", obj{"name": "acme"}, 201, nil)
	client := &http.Client{Transport: direct}
	for _, path := range []string{"/.well-known/openid-configuration", "/protocol/openid-connect/certs"} {
		b.Run(path[strings.LastIndex(path, "/")+1:], func(b *testing.B) {
			measure(b, w.instance, func() error {
				res, err := client.Get("http://" + w.addr + "/realms/acme" + path)
				if err != nil {
					return err
				}
				return res.Body.Close()
			})
		})
	}
}

// BenchmarkRSA2048 is the machine's own speed.
func BenchmarkRSA2048(b *testing.B) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("cloakroom"))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			_, _ = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			_ = rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig)
		}
	})
}

// BenchmarkStart is how long a broker with 1,000 realms and 10,000 connections takes from exec to ready.
func BenchmarkStart(b *testing.B) {
	i := start(b, map[string]string{"LOG_LEVEL": "error", "DATABASE_URL": seeded(b)})
	b.ResetTimer()
	var total time.Duration
	for range b.N {
		i.stop(15)
		began := time.Now()
		i.run()
		total += time.Since(began)
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/start")
	b.ReportMetric(i.rss(), "rss-MiB")
	b.ReportMetric(0, "ns/op")
}

// seeded is a database of 1,000 realms with 10 connections each, made through the API in one manifest a hundred realms.
func seeded(b *testing.B) string {
	url := "sqlite:" + b.TempDir() + "/seeded.db"
	i := start(b, map[string]string{"LOG_LEVEL": "error", "DATABASE_URL": url})
	var wg sync.WaitGroup
	realms := make(chan int, 1000)
	for r := range 1000 {
		realms <- r
	}
	close(realms)
	for range 8 {
		wg.Go(func() {
			for r := range realms {
				name := "r" + strconv.Itoa(r)
				i.api("POST", "/realms", obj{"name": name}, 201, nil)
				for c := range 10 {
					slug := fmt.Sprintf("%s-c%d", name, c)
					i.api("POST", "/realms/"+name+"/connections", obj{"slug": slug, "protocol": "oidc", "enabled": true,
						"oidc": obj{"issuer": "https://idp.example", "client_id": "c", "client_secret": "0123456789abcdef"}}, 201, nil)
				}
			}
		})
	}
	wg.Wait()
	i.stop(15)
	return url
}

// cpu is what the broker's process has spent so far.
func (i *instance) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.cmd.Process.Pid))
	if err != nil {
		i.tb.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	ticks := 0
	for _, n := range []int{11, 12} { // utime, stime
		v, err := strconv.Atoi(f[n])
		if err != nil {
			i.tb.Fatal(err)
		}
		ticks += v
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// rss is the broker's resident memory in MiB.
func (i *instance) rss() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", i.cmd.Process.Pid))
	if err != nil {
		i.tb.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		i.tb.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
