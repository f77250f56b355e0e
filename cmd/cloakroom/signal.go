package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// stopped is the cause of a context that a signal ended.
type stopped struct{ sig os.Signal }

func (s stopped) Error() string { return "stopped by signal: " + s.sig.String() }

// untilSignal answers a context that the first SIGINT or SIGTERM ends. The second one ends the process at once.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case sig := <-signals:
			signal.Stop(signals)
			cancel(stopped{sig})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// terminated reports whether SIGTERM ended the context: an orchestrator stops us and may still be sending requests. A
// person at the keyboard (SIGINT) does not want to wait.
func terminated(ctx context.Context) bool {
	var s stopped
	return errors.As(context.Cause(ctx), &s) && s.sig == syscall.SIGTERM
}
