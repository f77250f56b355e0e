package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/config"
)

// What the process answers to the shell.
const (
	exitOK     = 0
	exitFailed = 1 // the command could not do its work
	exitUsage  = 2 // it was called or configured wrongly: trying again as it is will not help
)

type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// program is what every command needs of the outside.
type program struct {
	stdio
	env []string
}

// run is the whole program. It answers the exit code.
func run(ctx context.Context, args, env []string, std stdio) int {
	p := &program{std, env}
	root := p.root(args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	p.complain(err)
	var usage usageError
	var faults config.Faults
	if errors.As(err, &usage) || errors.As(err, &faults) {
		return exitUsage
	}
	return exitFailed
}

func (p *program) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "cloakroom",
		Short: "Cloakroom signs your customers' people in, whatever identity provider they have",
		Long: "Cloakroom is a multi-protocol identity broker: your applications speak OpenID Connect to it,\n" +
			"and it speaks SAML, OpenID Connect and OAuth 2.0 to each customer's identity provider.\n\n" +
			"New here? \"cloakroom demo\" shows a whole sign-in on this machine.",
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:                       noCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			return noCommand(cmd, args) // its flags are unknown because it is
		}
		return usageError{err, fmt.Sprintf("\"%s --help\" lists the flags", cmd.CommandPath())}
	})
	root.AddCommand(p.commands()...)
	return root
}

// noCommand refuses a word that is no command, with the nearest one that is.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "\"cloakroom --help\" lists the commands"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean \"cloakroom " + near[0] + "\"?"
	}
	return usageError{fmt.Errorf("there is no command %q", args[0]), hint}
}

// exactly refuses any other number of arguments; what names them.
func exactly(n int, what string) cobra.PositionalArgs { return between(n, n, what) }

func between(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= low && len(args) <= high {
			return nil
		}
		return usageError{fmt.Errorf("%s takes %s, not %d arguments", cmd.CommandPath(), what, len(args)),
			fmt.Sprintf("\"%s --help\" shows how it is called", cmd.CommandPath())}
	}
}

// usageError is a command line that cannot be understood.
type usageError struct {
	error
	hint string
}

func (e usageError) Unwrap() error { return e.error }

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// complain prints an error and what to do about it.
func (p *program) complain(err error) {
	var fields broker.FieldErrors
	var f *fault.Error
	message := err.Error()
	if errors.As(err, &fields) && errors.As(err, &f) {
		message = strings.TrimSuffix(message, ": "+fields.Error()) + ":"
		for _, field := range fields {
			message += "\n  " + field.Pointer + ": " + field.Detail
		}
	}
	fmt.Fprintf(p.err, "cloakroom: error: %s\n", message)
	if h := hintOf(err, f); h != "" {
		fmt.Fprintf(p.err, "cloakroom: hint: %s\n", h)
	}
}

func hintOf(err error, f *fault.Error) string {
	var usage usageError
	var h hinted
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &f) && f.Code != fault.Internal:
		return fault.Lookup(f.Code).Fix
	}
	return ""
}

// logger writes text to a terminal and JSON to everything else, unless the settings choose.
func (p *program) logger(cfg *config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" || cfg.LogFormat == "" && isTerminal(p.err) {
		return slog.New(slog.NewTextHandler(p.err, opts))
	}
	return slog.New(slog.NewJSONHandler(p.err, opts))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
