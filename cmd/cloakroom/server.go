package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"cloakroom/broker/operator"
	"cloakroom/config"
)

// Bounds of one HTTP connection. A whole SAML answer is at most 1 MiB and a login's cookies a few KiB each, so a browser
// on a slow line is well within them.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// server runs the broker's handler and what works beside it, and stops them in order: first it says that it is going
// away, then it stops listening and lets requests in flight finish, and last the background parts end.
type server struct {
	cfg        *config.Config
	log        *slog.Logger
	handler    http.Handler
	health     *health
	metrics    http.Handler                // nil where CLOAKROOM_METRICS_LISTEN is not set
	background []func(ctx context.Context) // each returns soon after its context ends
	started    func(net.Addr)              // told once requests are accepted; may be nil
	desk       *operator.Engine            // the console's door
}

// serve runs until ctx ends, which is a clean stop, or until a listener fails.
func (s *server) serve(ctx context.Context) error {
	public, err := listen(ctx, s.cfg.Listen, "CLOAKROOM_LISTEN")
	if err != nil {
		return err
	}
	servers := []*http.Server{s.httpServer(s.health.wrap(s.handler))}
	listeners := []net.Listener{public}
	if s.metrics != nil && s.cfg.MetricsListen != "" {
		private, err := listen(ctx, s.cfg.MetricsListen, "CLOAKROOM_METRICS_LISTEN")
		if err != nil {
			return errors.Join(err, public.Close())
		}
		servers = append(servers, s.httpServer(s.metrics))
		servers[1].WriteTimeout = 3 * time.Minute // a CPU profile takes as long as it is asked to
		listeners = append(listeners, private)
	}
	stopBackground := s.startBackground(ctx)
	defer stopBackground()
	failed := make(chan error, len(servers))
	for i, srv := range servers {
		go func() { failed <- srv.Serve(listeners[i]) }()
	}
	s.log.Info("listening", "address", public.Addr().String(), "url", s.cfg.BaseURL, "version", version)
	if s.started != nil {
		s.started(public.Addr())
	}
	debug.FreeOSMemory() // starting needs a third more memory than running
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.drain(ctx)
	}
	return errors.Join(err, s.shutdown(servers))
}

func (s *server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, hinted{fmt.Errorf("cannot listen on %s: another program does already", address), "stop it, or choose another address with " + setting}
	case errors.Is(err, syscall.EACCES):
		return nil, hinted{fmt.Errorf("cannot listen on %s: permission denied", address), "ports below 1024 need CAP_NET_BIND_SERVICE; choose a higher one with " + setting}
	case err != nil:
		return nil, hinted{err, "check " + setting}
	}
	return l, nil
}

// startBackground starts the background parts under a context that outlives ctx, since requests in flight still need
// them while the server stops. The answered function ends them and waits.
func (s *server) startBackground(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, part := range s.background {
		running.Go(func() { part(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// drain makes /readyz say 503 and goes on answering for a moment, until load balancers have noticed.
func (s *server) drain(ctx context.Context) {
	s.health.stop()
	delay := s.cfg.DrainDelay
	if !terminated(ctx) {
		delay = 0
	}
	s.log.Info("stopping", "cause", context.Cause(ctx).Error(), "drain", delay.String(), "grace", s.cfg.ShutdownGrace.String())
	time.Sleep(delay)
}

// shutdown lets requests in flight finish within the grace.
func (s *server) shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownGrace)
	defer cancel()
	var cut atomic.Bool
	var wait sync.WaitGroup
	for _, srv := range servers {
		wait.Go(func() {
			if err := srv.Shutdown(ctx); err != nil {
				cut.Store(true)
				_ = srv.Close()
			}
		})
	}
	wait.Wait()
	if cut.Load() {
		s.log.Warn("requests were cut off", "hint", "raise CLOAKROOM_SHUTDOWN_GRACE if this happens often")
	}
	s.log.Info("stopped")
	return nil
}
