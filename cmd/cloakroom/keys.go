package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"cloakroom/store"
)

func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Turn over signing keys, or the master key",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.keysRotateCommand(), p.keysResealCommand())
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

func (p *program) keysResealCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "reseal",
		Short: "Seal with the first master key what an older one has sealed",
		Long: "Seal with the first master key whatever an older one has sealed: secrets of connections, private keys, ways in,\n" +
			"sessions, reports. Put the new key first in CLOAKROOM_MASTER_KEY, or in the key file, and leave the old one behind it;\n" +
			"restart every process; run this. The broker goes on serving meanwhile, and a run that was stopped can be repeated.\n" +
			"An hour later, when the last sign-in begun before has ended, the old key can be taken out.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.withStore(cmd, p.reseal) },
	})
}

func (p *program) reseal(ctx context.Context, in *installation) error {
	done, lost := 0, 0
	err := in.store.Reseal(ctx, func(r store.Resealed) {
		done, lost = done+r.Done, lost+r.Lost
		fmt.Fprintf(p.out, "%-32s %d\n", r.Table+"."+r.Column, r.Done)
		if r.Lost > 0 {
			fmt.Fprintf(p.err, "%s.%s: none of the master keys opens %d, which were left as they are\n", r.Table, r.Column, r.Lost)
		}
	})
	if err != nil {
		return hinted{fmt.Errorf("stopped after %d: %w", done, err), "run it again: it goes on where it stopped"}
	}
	if lost > 0 {
		return hinted{fmt.Errorf("resealed %d, and %d could not be opened", done, lost), "add the master key that they were sealed with to CLOAKROOM_MASTER_KEY, last, and run it again"}
	}
	fmt.Fprintf(p.out, "Resealed %d. Everything is sealed by the first master key.\n", done)
	return nil
}

// metadataRead notes that our metadata of a connection was read, with every key in it.
func (in *installation) metadataRead(ctx context.Context, slug, agent string, byHand bool) error {
	return in.store.Keys.Fetched(ctx, "connection:"+slug, agent, byHand)
}
