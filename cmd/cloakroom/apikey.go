package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) apikeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apikey",
		Short: "Make keys of the admin API",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.apikeyCreateCommand())
	return cmd
}

// apikey is what "apikey create" sends to the verb.
type apikey struct {
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	Realms    []string   `json:"realms,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (p *program) apikeyCreateCommand() *cobra.Command {
	var key apikey
	var lasts time.Duration
	cmd := withSettings(&cobra.Command{
		Use:   "create --name NAME",
		Short: "Make a key and print it, this once",
		Long:  "Make a key of the admin API. It is the only thing printed to standard output, and it is printed this once:\nonly its hash is kept.",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key.Name == "" {
				return usageError{errors.New("the key needs a name"), "add --name, such as --name laptop: the audit log will say who did what"}
			}
			if lasts > 0 {
				at := time.Now().Add(lasts)
				key.ExpiresAt = &at
			}
			return p.withStore(cmd, func(ctx context.Context, in *installation) error { return p.apikeyCreate(ctx, in, key) })
		},
	})
	cmd.Flags().StringVar(&key.Name, "name", "", "what the audit log calls its owner")
	cmd.Flags().StringVar(&key.Role, "role", "owner", "owner, support or auditor")
	cmd.Flags().StringSliceVar(&key.Realms, "realm", nil, "a realm it may see (repeatable; default: all)")
	cmd.Flags().DurationVar(&lasts, "expires-in", 0, "how long it is good, such as 720h (default: until deleted)")
	return cmd
}

func (p *program) apikeyCreate(ctx context.Context, in *installation, key apikey) error {
	body, err := json.Marshal(key)
	if err != nil {
		return err
	}
	made, secret, err := in.admin.CreateAPIKey(ctx, commandLine(), body)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, secret)
	fmt.Fprintf(p.err, "Made the key %s (%s). It will not be shown again.\n", made.Name, made.Role)
	return nil
}
