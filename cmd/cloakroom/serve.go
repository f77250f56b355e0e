package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"cloakroom/config"
)

func (p *program) serveCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "serve",
		Short: "Run the broker",
		Long: "Run the broker. Without any setting it keeps an SQLite file in the working directory and listens on\n" +
			"http://localhost:8080. Each setting is a flag, an environment variable (--base-url is CLOAKROOM_BASE_URL) or a line of\n" +
			"the YAML file; flags win over environment over file.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), cfg, p.logger(cfg))
		},
	})
}

// serve opens what the broker stands on, wires it and runs it until ctx ends.
func (p *program) serve(ctx context.Context, cfg *config.Config, log *slog.Logger) (err error) {
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}
	s, ring, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closing(s, &err)
	spans, err := startTracing(ctx, p.env, log)
	if err != nil {
		return err
	}
	if spans != nil {
		defer func() { err = errors.Join(err, spans.stop()) }()
	}
	srv, err := wire(spans, cfg, log, s, ring)
	if err != nil {
		return err
	}
	srv.started = func(net.Addr) { p.greet(ctx, srv) }
	return srv.serve(ctx)
}
