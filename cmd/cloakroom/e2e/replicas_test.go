package e2e

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"cloakroom/store/storetest/pgtest"
)

const masterKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// balance is a load balancer that sends each request to the next of the replicas that live.
type balance struct {
	mu       sync.Mutex
	replicas []*url.URL
	next     atomic.Int64
	srv      *http.Server
}

func (b *balance) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replicas[int(b.next.Add(1))%len(b.replicas)]
}

func (b *balance) drop(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, r := range b.replicas {
		if r.Host == addr {
			b.replicas = append(b.replicas[:i:i], b.replicas[i+1:]...)
			return
		}
	}
}

func newBalance(tb testing.TB, port string, addrs ...string) *balance {
	b := &balance{}
	for _, a := range addrs {
		b.replicas = append(b.replicas, &url.URL{Scheme: "http", Host: a})
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.pick()); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		tb.Fatal(err)
	}
	b.srv = &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := b.srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			tb.Errorf("load balancer: %v", err)
		}
	}()
	tb.Cleanup(func() { _ = b.srv.Close() })
	return b
}

// twoReplicas starts two brokers on one PostgreSQL behind a load balancer that alternates at every request.
func twoReplicas(tb testing.TB, db string) (*world, [2]*instance, *balance) {
	tb.Helper()
	port := freePort(tb)
	set := map[string]string{"BASE_URL": "http://localhost:" + port, "DATABASE_URL": db, "MASTER_KEY": masterKey}
	var rs [2]*instance
	for n := range rs {
		set["LISTEN"] = "127.0.0.1:" + freePort(tb)
		rs[n] = start(tb, set)
	}
	b := newBalance(tb, port, rs[0].addr, rs[1].addr)
	front := *rs[0]
	front.addr = "127.0.0.1:" + port
	return newWorld(tb, &front), rs, b
}

func TestTwoReplicas(t *testing.T) {
	w, _, _ := twoReplicas(t, pgtest.Start(t))
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 8 {
				v := newVisitor()
				b := w.app.begin()
				p, err := signInSAML(v, b, []string{"ada", "bob"}[n%2])
				if err != nil {
					t.Error(err)
					return
				}
				tok, claims, err := b.finish(p.URL)
				if err != nil {
					t.Errorf("%v at %s", err, p)
					return
				}
				if want := []string{"ada", "bob"}[n%2] + "@acme.example"; claims["email"] != want {
					t.Errorf("signed in as %v, want %s", claims["email"], want)
				}
				if _, err := refresh(w.app, tok.RefreshToken); err != nil {
					t.Errorf("refresh: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func refresh(a *app, token string) (*oauth2.Token, error) {
	return a.conf.TokenSource(a.ctx, &oauth2.Token{RefreshToken: token, Expiry: time.Unix(1, 0)}).Token()
}

// A replica that dies in the middle of a login costs at most that request.
func TestReplicaKilled(t *testing.T) {
	w, rs, lb := twoReplicas(t, pgtest.Start(t))
	v := newVisitor()
	b := w.app.begin()
	p, err := v.get(b.URL, appURL)
	if err != nil {
		t.Fatal(err)
	}
	lb.drop(rs[1].addr)
	rs[1].kill()
	if p, err = answerSAML(v, p, "ada"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.finish(p.URL); err != nil {
		t.Fatalf("%v at %s", err, p)
	}
}

// A configuration change made on one replica is seen on the other within seconds.
func TestReplicasForget(t *testing.T) {
	w, rs, _ := twoReplicas(t, pgtest.Start(t))
	if _, err := signInSAML(newVisitor(), w.app.begin(), "ada"); err != nil {
		t.Fatal(err)
	}
	rs[0].api("PATCH", "/realms/acme/connections/acme-saml", obj{"enabled": false}, 200, nil)
	deadline := time.Now().Add(10 * time.Second)
	for {
		p, err := newVisitor().get("http://" + rs[1].addr + "/broker/acme-saml/login?client_id=app")
		if err != nil {
			t.Fatal(err)
		}
		if p.Status == http.StatusForbidden {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still enabled on the other replica: %s", p)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A PostgreSQL restart in the middle of logins costs them a short wait and nobody an error.
func TestDatabaseRestart(t *testing.T) {
	c := pgtest.Own(t)
	w := newWorld(t, start(t, map[string]string{"DATABASE_URL": c.URL(t), "MASTER_KEY": masterKey}))
	var stop atomic.Bool
	var logins atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				b := w.app.begin()
				p, err := signInSAML(newVisitor(), b, "ada")
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := b.finish(p.URL); err != nil {
					t.Errorf("%v at %s", err, p)
					return
				}
				logins.Add(1)
			}
		})
	}
	for _, mode := range []string{"fast", "immediate"} {
		time.Sleep(500 * time.Millisecond)
		c.Restart(t, mode)
	}
	time.Sleep(500 * time.Millisecond)
	stop.Store(true)
	wg.Wait()
	if logins.Load() < 5 {
		t.Errorf("only %d logins got through", logins.Load())
	}
}

// SQLite: kill -9 under load, start again: nothing is corrupt and every refresh token that was issued still works.
func TestSQLiteKilled(t *testing.T) {
	w := newWorld(t, start(t, nil))
	var mu sync.Mutex
	var tokens []string
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				b := w.app.begin()
				p, err := signInSAML(newVisitor(), b, "ada")
				if err != nil {
					return // the broker is gone
				}
				tok, _, err := b.finish(p.URL)
				if err != nil {
					return
				}
				mu.Lock()
				tokens = append(tokens, tok.RefreshToken)
				mu.Unlock()
			}
		})
	}
	time.Sleep(1500 * time.Millisecond)
	w.kill()
	wg.Wait()
	w.run()
	if len(tokens) < 5 {
		t.Fatalf("only %d logins before the kill", len(tokens))
	}
	for n, tok := range tokens {
		if _, err := refresh(w.app, tok); err != nil {
			t.Fatalf("refresh token %d of %d: %v", n, len(tokens), err)
		}
	}
	b := w.app.begin()
	p, err := signInSAML(newVisitor(), b, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.finish(p.URL); err != nil {
		t.Fatal(err)
	}
}

// A stopping broker finishes what it has begun.
func TestGracefulStop(t *testing.T) {
	w := newWorld(t, start(t, nil))
	b := w.app.begin()
	p, err := signInSAML(newVisitor(), b, "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.finish(p.URL); err != nil {
		t.Fatal(err)
	}
	w.stop(syscall.SIGTERM)
	if s := w.log.String(); strings.Contains(s, `"level":"ERROR"`) {
		t.Errorf("errors at a clean stop: %s", s)
	}
}
