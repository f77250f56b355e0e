package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"cloakroom/broker/admin"
)

func (p *program) applyCommand() *cobra.Command {
	var file string
	var opts admin.ApplyOptions
	cmd := withSettings(&cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make realms, domains, connections and clients what a YAML file says",
		Long: "Make realms, domains, connections and clients what a YAML file says, and print what changed. All of it happens or\n" +
			"none of it; applying the same file again changes nothing. A running broker takes the changes up by itself.\n\n" +
			"What the file leaves out of an object is at its default; a secret it leaves out stays as it is. Objects it does not\n" +
			"name are left alone, unless --prune is given.",
		Example: "  cloakroom apply -f acme.yaml --dry-run\n  cloakroom export acme | ssh other-host cloakroom apply -f -",
		Args:    exactly(0, "no arguments; the file comes with -f"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("apply needs a file"), "add -f FILE, or -f - to read standard input"}
			}
			return p.apply(cmd, file, opts)
		},
	})
	cmd.Flags().StringVarP(&file, "file", "f", "", "the YAML `FILE`, - for standard input")
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "print what would change, change nothing")
	cmd.Flags().BoolVar(&opts.Prune, "prune", false, "delete what the file's realms hold beyond it")
	return cmd
}

func (p *program) apply(cmd *cobra.Command, file string, opts admin.ApplyOptions) error {
	in, err := p.input(file)
	if err != nil {
		return err
	}
	defer in.Close()
	return p.withStore(cmd, func(ctx context.Context, inst *installation) error {
		diff, err := inst.admin.Apply(ctx, commandLine(), in, opts)
		if err != nil {
			return err
		}
		if _, err := diff.WriteTo(p.out); err != nil {
			return err
		}
		if opts.DryRun {
			fmt.Fprintln(p.err, "Dry run: nothing was changed.")
		}
		return nil
	})
}

// input opens a file named on the command line, or standard input for "-".
func (p *program) input(file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(p.in), nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, hinted{err, "the file is named with -f; - reads standard input"}
	}
	return f, nil
}
