package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
)

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func client(o egress.Options) *http.Client {
	if o.Allow == nil {
		o.Allow = loopback()
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	return egress.Client(o)
}

func code(t *testing.T, err error) fault.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("%v does not unwrap to a fault", err)
	}
	return f.Code
}

func TestAnswers(t *testing.T) {
	zeros := bomb(t, 64<<20)
	var mux http.ServeMux
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.UserAgent()) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the caller left
		<-r.Context().Done()
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("."))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/hop/{n}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("n") == "0" {
			fmt.Fprint(w, "there")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/hop/%c", r.PathValue("n")[0]-1), http.StatusFound)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("a", 100<<10))
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zeros)
	})
	mux.HandleFunc("/notgzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "this is not gzip at all")
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "short")
	})
	srv := httptest.NewServer(&mux)
	t.Cleanup(srv.Close)

	tests := []struct {
		name, method, path string
		want               fault.Code
		body               string
	}{
		{"plain", "GET", "/ok", "", "Cloakroom"},
		{"hanging", "GET", "/hang", fault.FetchTimeout, ""},
		{"hanging post", "POST", "/hang", fault.FetchTimeout, ""},
		{"endless", "GET", "/stream", fault.FetchTooLarge, ""},
		{"dripping", "GET", "/drip", fault.FetchTimeout, ""},
		{"three redirects", "GET", "/hop/3", "", "there"},
		{"four redirects", "GET", "/hop/4", fault.FetchRedirect, ""},
		{"redirect loop", "GET", "/loop", fault.FetchRedirect, ""},
		{"redirected post, 307", "POST", "/moved", fault.FetchRedirect, ""},
		{"redirected post, 302", "POST", "/loop", fault.FetchRedirect, ""},
		{"redirect to a file", "GET", "/file", fault.FetchRedirect, ""},
		{"huge header", "GET", "/headers", fault.FetchTooLarge, ""},
		{"gzip bomb", "GET", "/bomb", fault.FetchTooLarge, ""},
		{"false gzip", "GET", "/notgzip", fault.FetchFormat, ""},
		{"cut off", "GET", "/cut", fault.FetchRefused, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			patience := 8 * time.Second
			if tt.want == fault.FetchTimeout {
				patience = 700 * time.Millisecond
			}
			c := client(egress.Options{Timeout: patience})
			begun := time.Now()
			req, _ := http.NewRequest(tt.method, srv.URL+tt.path, strings.NewReader("a=b"))
			resp, err := c.Do(req)
			if got := code(t, err); got != tt.want {
				t.Fatalf("code %q, want %q (%v)", got, tt.want, err)
			}
			if took := time.Since(begun); took > 9*time.Second {
				t.Errorf("took %s", took)
			}
			if err == nil {
				b, _ := io.ReadAll(resp.Body)
				if string(b) != tt.body {
					t.Errorf("body %q, want %q", b, tt.body)
				}
			}
		})
	}
}

func bomb(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.Bytes()
}

func TestTotalTimeIsOverAllRedirects(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(300 * time.Millisecond)
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer srv.Close()
	_, err := client(egress.Options{Timeout: 500 * time.Millisecond}).Get(srv.URL)
	if code(t, err) != fault.FetchTimeout {
		t.Errorf("got %v", err)
	}
}

func TestNotFromHTTPSToHTTP(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain") }))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	trusting := egress.Options{TLS: secure.Client().Transport.(*http.Transport).TLSClientConfig}
	if _, err := client(trusting).Get(secure.URL); code(t, err) != fault.FetchRedirect {
		t.Errorf("downgrade: %v", err)
	}
	if _, err := client(egress.Options{}).Get(secure.URL); code(t, err) != fault.FetchUntrusted {
		t.Errorf("unknown authority: %v", err)
	}
	if _, err := client(egress.Options{}).Get("https" + strings.TrimPrefix(plain.URL, "http")); code(t, err) != fault.FetchTLS {
		t.Errorf("plain HTTP behind https: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true}, {"2606:4700::1111", true}, {"::ffff:8.8.8.8", true}, {"192.0.1.1", true},
		{"10.1.2.3", true}, {"::ffff:10.1.2.3", true}, {"fd00:1::7", true},
		{"10.2.0.1", false}, {"127.0.0.1", false}, {"127.1.2.3", false}, {"0.0.0.0", false}, {"0.1.2.3", false},
		{"169.254.169.254", false}, {"172.16.0.1", false}, {"172.31.255.255", false}, {"192.168.1.1", false},
		{"100.64.0.1", false}, {"100.127.255.255", false}, {"192.0.0.170", false}, {"198.18.0.1", false},
		{"224.0.0.1", false}, {"239.255.255.250", false}, {"255.255.255.255", false}, {"240.0.0.1", false},
		{"::1", false}, {"::", false}, {"::127.0.0.1", false}, {"::ffff:127.0.0.1", false}, {"::ffff:169.254.169.254", false},
		{"fe80::1", false}, {"fe80::1%eth0", false}, {"fc00::1", false}, {"fd00:2::1", false}, {"ff02::1", false}, {"fec0::1", false},
		{"64:ff9b::7f00:1", false}, {"64:ff9b:1::a00:1", false}, {"2002:7f00:1::", false}, {"2001::1", false}, {"2001:db8::1", false},
	} {
		if got := egress.Reachable(netip.MustParseAddr(tt.addr), allow); got != tt.want {
			t.Errorf("%s reachable: %v, want %v", tt.addr, got, tt.want)
		}
	}
}

func TestPrivateAddressesAreNeverDialled(t *testing.T) {
	var hits atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hits.Add(1) }))
	defer srv.Close()
	port := srv.URL[strings.LastIndexByte(srv.URL, ':'):]
	c := egress.Client(egress.Options{Timeout: 2 * time.Second})
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:7f00:1]"} {
		_, err := c.Get("http://" + host + port)
		if got := code(t, err); got != fault.FetchBlocked && got != fault.FetchDNS {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, address := range []string{"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://example.com/"} {
		if _, err := c.Get(address); code(t, err) != fault.FetchBlocked {
			t.Errorf("%s: %v", address, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d calls arrived", hits.Load())
	}
}

// A public name that redirects, or resolves at the second look, into the local network.
func TestRedirectAndRebindingIntoLocalNetwork(t *testing.T) {
	var secret atomic.Int32
	inner := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secret.Add(1) }))
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("no second loopback address here:", err)
	}
	inner.Listener = l
	inner.Start()
	defer inner.Close()
	front := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusFound))
	defer front.Close()

	names := &nameServer{answers: [][4]byte{{127, 0, 0, 1}, {127, 0, 0, 2}}}
	resolver := names.start(t)
	c := egress.Client(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: resolver, Timeout: 3 * time.Second})
	if _, err := c.Get(front.URL); code(t, err) != fault.FetchBlocked {
		t.Errorf("redirect to 127.0.0.2: %v", err)
	}
	port := front.URL[strings.LastIndexByte(front.URL, ':'):]
	req, _ := http.NewRequest("GET", "http://rebind.example"+port+"/", nil)
	req.Close = true
	_, err = c.Do(req) // first look: 127.0.0.1, allowed; it redirects to 127.0.0.2
	if code(t, err) != fault.FetchBlocked {
		t.Errorf("first look: %v", err)
	}
	_, port, _ = net.SplitHostPort(strings.TrimPrefix(inner.URL, "http://"))
	_, err = c.Get("http://rebind.example:" + port + "/") // now the name says 127.0.0.2
	if code(t, err) != fault.FetchBlocked {
		t.Errorf("second look: %v", err)
	}
	if secret.Load() != 0 {
		t.Error("the local service was reached")
	}
	if _, err = c.Get("http://nowhere.example/"); code(t, err) != fault.FetchDNS {
		t.Errorf("unknown name: %v", err)
	}
}

func TestRefusedConnection(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	if _, err := client(egress.Options{}).Get(srv.URL); code(t, err) != fault.FetchRefused {
		t.Errorf("got %v", err)
	}
}

func TestErrorsNameNoSecretOfTheAddress(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	_, err := client(egress.Options{}).Get(srv.URL + "/?token=hunter2")
	if f := fault.As(err); strings.Contains(f.Error(), "hunter2") {
		t.Errorf("the fault quotes the query: %s", f)
	}
}

func TestBreaker(t *testing.T) {
	var broken atomic.Bool
	var calls atomic.Int32
	broken.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer srv.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	c := client(egress.Options{Failures: 3, OpenFor: 200 * time.Millisecond})
	for range 3 {
		if resp, err := c.Get(srv.URL); err != nil || resp.StatusCode != http.StatusBadGateway {
			t.Fatalf("before it opens: %v %v", resp, err)
		}
	}
	for range 10 {
		if _, err := c.Get(srv.URL); code(t, err) != fault.LoginUpstreamBusy {
			t.Fatalf("open: %v", err)
		}
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls arrived, want 3", calls.Load())
	}
	if _, err := c.Get(other.URL); err != nil {
		t.Errorf("another host: %v", err)
	}
	time.Sleep(250 * time.Millisecond)
	if resp, err := c.Get(srv.URL); err != nil || resp.StatusCode != http.StatusBadGateway {
		t.Fatalf("the probe: %v %v", resp, err)
	}
	if _, err := c.Get(srv.URL); code(t, err) != fault.LoginUpstreamBusy {
		t.Fatalf("after a failed probe: %v", err)
	}
	broken.Store(false)
	time.Sleep(250 * time.Millisecond)
	for range 3 {
		if _, err := c.Get(srv.URL); err != nil {
			t.Fatalf("healthy again: %v", err)
		}
	}
}

func TestHalfOpenLetsOneCallThrough(t *testing.T) {
	gate := make(chan struct{})
	var slow atomic.Bool
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if slow.Load() {
			<-gate
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	c := client(egress.Options{Failures: 1, OpenFor: 50 * time.Millisecond})
	_, _ = c.Get(srv.URL)
	slow.Store(true)
	time.Sleep(80 * time.Millisecond)
	var wg sync.WaitGroup
	var busy atomic.Int32
	for range 10 {
		wg.Go(func() {
			if _, err := c.Get(srv.URL); err != nil && fault.CodeOf(err) == fault.LoginUpstreamBusy {
				if busy.Add(1) == 9 {
					close(gate)
				}
			}
		})
	}
	wg.Wait()
	if busy.Load() != 9 || calls.Load() != 2 {
		t.Errorf("%d were turned away, %d calls arrived; want 9 and 2", busy.Load(), calls.Load())
	}
}

func TestACallerThatGoesAwaySaysNothingOfTheHost(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
	}))
	defer srv.Close()
	c := client(egress.Options{Failures: 1, OpenFor: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/slow", nil)
	if _, err := c.Do(req); err == nil {
		t.Fatal("the call went through")
	}
	if _, err := c.Get(srv.URL); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestOneHangingHostCostsNobodyElse(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	healthy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer healthy.Close()
	c := client(egress.Options{PerHost: 2, Failures: 100, Timeout: 400 * time.Millisecond})
	var wg sync.WaitGroup
	var busy, late atomic.Int32
	for range 6 {
		wg.Go(func() {
			switch _, err := c.Get(hanging.URL); fault.CodeOf(err) {
			case fault.LoginUpstreamBusy:
				busy.Add(1)
			case fault.FetchTimeout:
				late.Add(1)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	begun := time.Now()
	if _, err := c.Get(healthy.URL); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("the healthy host: %v after %s", err, time.Since(begun))
	}
	wg.Wait()
	if busy.Load()+late.Load() != 6 || late.Load() < 2 {
		t.Errorf("%d busy, %d timed out", busy.Load(), late.Load())
	}
}
