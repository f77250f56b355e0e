package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long:  "Bring the database's schema up to date. \"cloakroom serve\" does so too; this is for doing it as a step of its own.\nAny number of processes may migrate at once: one does it, the others wait.",
		Args:  exactly(0, "no arguments"),
		RunE:  p.migrate,
	})
}

func (p *program) migrate(cmd *cobra.Command, _ []string) (err error) {
	cfg, err := p.settings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	s, _, err := openAsIs(ctx, cfg, p.logger(cfg))
	if err != nil {
		return err
	}
	defer closing(s, &err)
	n, err := s.Pending(ctx)
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	switch n {
	case 0:
		fmt.Fprintln(p.out, "The schema is current.")
	case 1:
		fmt.Fprintln(p.out, "Applied 1 migration. The schema is current.")
	default:
		fmt.Fprintf(p.out, "Applied %d migrations. The schema is current.\n", n)
	}
	return nil
}
