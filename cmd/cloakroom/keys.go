package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Turn over signing keys",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.keysRotateCommand())
	return cmd
}

func (p *program) keysRotateCommand() *cobra.Command {
	var which struct {
		Alg        string `json:"alg,omitempty"`
		Connection string `json:"connection,omitempty"`
	}
	cmd := withSettings(&cobra.Command{
		Use:   "rotate REALM",
		Short: "Make a new key of a realm, or of one of its connections, the active one",
		Long: "Make a new key the active one. What the key before it signed stays verifiable: it is published until all of that\n" +
			"has expired. With --connection it is our key at a customer's identity provider; hand over the new certificate first\n" +
			"where nobody reads our metadata there.",
		Args: exactly(1, "the name of a realm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := json.Marshal(which)
			if err != nil {
				return err
			}
			return p.withStore(cmd, func(ctx context.Context, in *installation) error {
				k, err := in.admin.RotateKey(ctx, commandLine(), args[0], body)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.out, "%s signs with %s %s from now on.\n", k.Owner, k.Alg, k.ID)
				return nil
			})
		},
	})
	cmd.Flags().StringVar(&which.Alg, "alg", "", "RS256, ES256 or EdDSA (default: the realm's own)")
	cmd.Flags().StringVar(&which.Connection, "connection", "", "`slug` of the connection whose key is meant")
	return cmd
}

// metadataRead notes that our metadata of a connection was read, with every key in it.
func (in *installation) metadataRead(ctx context.Context, slug, agent string, byHand bool) error {
	return in.store.Keys.Fetched(ctx, "connection:"+slug, agent, byHand)
}
