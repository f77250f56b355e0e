package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"cloakroom/config"
)

// running starts a server on a free port and answers its address, how to stop it, and what serve answered.
func running(t *testing.T, s *server) (address string, stop context.CancelCauseFunc, done <-chan error) {
	t.Helper()
	if s.cfg == nil {
		s.cfg = &config.Config{}
	}
	s.cfg.Listen, s.cfg.ShutdownGrace = "127.0.0.1:0", cmp.Or(s.cfg.ShutdownGrace, 5*time.Second)
	s.log = slog.New(slog.DiscardHandler)
	if s.health == nil {
		s.health = &health{}
	}
	s.health.log = s.log
	at := make(chan string, 1)
	s.started = func(a net.Addr) { at <- a.String() }
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	result := make(chan error, 1)
	go func() { result <- s.serve(ctx) }()
	select {
	case address = <-at:
	case err := <-result:
		t.Fatal(err)
	case <-time.After(10 * time.Second):
		t.Fatal("does not start")
	}
	return address, cancel, result
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url) // #nosec G107 -- the test's own server
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}

func TestStopLetsRequestsFinish(t *testing.T) {
	arrived, release := make(chan bool), make(chan bool)
	var backgroundAtEnd, backgroundEnded atomic.Bool
	s := &server{
		handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			arrived <- true
			<-release
			backgroundAtEnd.Store(!backgroundEnded.Load())
			_, _ = io.WriteString(w, "finished")
		}),
		background: []func(context.Context){func(ctx context.Context) { <-ctx.Done(); backgroundEnded.Store(true) }},
	}
	address, stop, done := running(t, s)
	answered := make(chan string, 1)
	go func() { _, body := get(t, "http://"+address+"/x"); answered <- body }()
	<-arrived
	stop(stopped{syscall.SIGINT})
	for {
		if conn, err := net.Dial("tcp", address); err != nil {
			break
		} else {
			conn.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	release <- true
	if body := <-answered; body != "finished" {
		t.Errorf("the request in flight got %q", body)
	}
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if !backgroundAtEnd.Load() || !backgroundEnded.Load() {
		t.Error("background parts must outlive requests and end with serve")
	}
}

func TestDrainSaysSoAndStillAnswers(t *testing.T) {
	s := &server{cfg: &config.Config{DrainDelay: 400 * time.Millisecond}, handler: http.NotFoundHandler()}
	address, stop, done := running(t, s)
	if code, body := get(t, "http://"+address+"/readyz"); code != 200 || body != "ready\n" {
		t.Fatalf("readyz: %d %s", code, body)
	}
	began := time.Now()
	stop(stopped{syscall.SIGTERM})
	for !s.health.stopping.Load() {
		time.Sleep(time.Millisecond)
	}
	if code, body := get(t, "http://"+address+"/readyz"); code != 503 || body != "stopping\n" {
		t.Errorf("readyz while draining: %d %s", code, body)
	}
	if code, _ := get(t, "http://"+address+"/healthz"); code != 200 {
		t.Errorf("healthz while draining: %d", code)
	}
	if code, _ := get(t, "http://"+address+"/other"); code != 404 {
		t.Errorf("requests while draining: %d", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("stopped after %s", took)
	}
}

func TestGraceEnds(t *testing.T) {
	arrived, hang := make(chan bool), make(chan bool)
	defer close(hang)
	s := &server{
		cfg:     &config.Config{ShutdownGrace: 50 * time.Millisecond},
		handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- true; <-hang }),
	}
	address, stop, done := running(t, s)
	go func() { _, _ = get(t, "http://"+address+"/") }()
	<-arrived
	stop(nil)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("one hanging request keeps the process alive")
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &server{cfg: &config.Config{Listen: l.Addr().String()}, log: slog.New(slog.DiscardHandler), health: &health{}}
	err = s.serve(t.Context())
	var h hinted
	if !errors.As(err, &h) || !strings.Contains(h.hint, "CLOAKROOM_LISTEN") {
		t.Errorf("error %v", err)
	}
}

func TestReadyz(t *testing.T) {
	failing := errors.New("postgres://secret@host is down")
	calls := 0
	h := &health{log: slog.New(slog.DiscardHandler), checks: []check{
		{"database", func(context.Context) error { calls++; return failing }},
		{"keys", func(context.Context) error { return nil }},
	}}
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	for range 20 {
		if w := ask("GET", "/readyz"); w.Code != 503 || w.Body.String() != "not ready: database\n" {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	}
	if calls > 2 {
		t.Errorf("20 questions asked the database %d times", calls)
	}
	failing = nil
	h.checked = time.Time{}
	if w := ask("GET", "/readyz"); w.Code != 200 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := ask("POST", "/healthz"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
	if w := ask("GET", "/realms//x/../y"); w.Code != 404 {
		t.Errorf("another path: %d %v", w.Code, w.Header())
	}
}

func TestMetrics(t *testing.T) {
	m := newMetrics()
	m.observe("/realms/:realm", "GET", 200, 3*time.Millisecond)
	m.observe("", "BREW", 404, time.Millisecond)
	m.observe("", "STEEP", 404, time.Millisecond)
	if n := testutil.CollectAndCount(m.requests); n != 2 {
		t.Errorf("%d series, want 2: methods that strangers invent must not make series", n)
	}
	for path, want := range map[string]string{
		"/metrics":             `cloakroom_http_request_duration_seconds_count{method="GET",route="/realms/:realm",status="200"} 1`,
		"/debug/pprof/cmdline": "cloakroom",
	} {
		w := httptest.NewRecorder()
		m.handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, no %s", path, w.Code, want)
		}
	}
}
