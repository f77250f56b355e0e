package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// check is one thing that must hold before this process should get requests.
type check struct {
	name string
	ok   func(ctx context.Context) error
}

// health answers /healthz (the process lives) and /readyz (it should get requests). Whoever asks learns which check
// fails; why is in the log.
type health struct {
	log      *slog.Logger
	checks   []check
	stopping atomic.Bool

	mu      sync.Mutex
	checked time.Time
	failing string
}

// The answer of the checks is kept for a moment: the door is open to everybody, the database is not.
const (
	freshFor     = 500 * time.Millisecond
	checkTimeout = 3 * time.Second
)

// stop makes /readyz answer 503 from now on.
func (h *health) stop() { h.stopping.Store(true) }

// wrap puts both doors in front of a handler. No ServeMux: it would clean paths, and aliases are kept byte for byte.
func (h *health) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			answer(w, r, http.StatusOK, "alive\n")
		case "/readyz":
			h.ready(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		answer(w, r, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if failing := h.check(r.Context()); failing != "" {
		answer(w, r, http.StatusServiceUnavailable, "not ready: "+failing+"\n")
		return
	}
	answer(w, r, http.StatusOK, "ready\n")
}

// check answers the first check that fails, "" for none.
func (h *health) check(ctx context.Context) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.checked) < freshFor {
		return h.failing
	}
	// The asker may hang up; the answer is for the next one too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	h.failing = ""
	for _, c := range h.checks {
		if err := c.ok(ctx); err != nil {
			h.log.Warn("not ready", "check", c.name, "error", err.Error())
			h.failing = c.name
			break
		}
	}
	h.checked = time.Now()
	return h.failing
}

func answer(w http.ResponseWriter, r *http.Request, status int, text string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		status, text = http.StatusMethodNotAllowed, "only GET\n"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
