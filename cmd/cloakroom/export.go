package main

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"
)

func (p *program) exportCommand() *cobra.Command {
	var withSecrets bool
	cmd := withSettings(&cobra.Command{
		Use:   "export [REALM]",
		Short: "Print a realm, or all of them, as the YAML that apply reads",
		Long: "Print a realm, or all of them, as the YAML that \"cloakroom apply\" reads. What is at its default is left out, and so\n" +
			"are secrets unless --with-secrets is given; of clients' secrets only a hash is known.",
		Args: between(0, 1, "at most one realm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			realm := ""
			if len(args) == 1 {
				realm = args[0]
			}
			return p.withStore(cmd, func(ctx context.Context, in *installation) error {
				var whole bytes.Buffer // half an export must not look like one
				if err := in.admin.Export(ctx, commandLine(), realm, &whole, withSecrets); err != nil {
					return err
				}
				_, err := whole.WriteTo(p.out)
				return err
			})
		},
	})
	cmd.Flags().BoolVar(&withSecrets, "with-secrets", false, "write secrets too, in the clear")
	return cmd
}
