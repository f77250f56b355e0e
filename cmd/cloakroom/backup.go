package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cloakroom/config"
	"cloakroom/store/engine"
)

func (p *program) backupCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "backup [FILE]",
		Short: "Copy the SQLite database while the broker runs",
		Long: "Write a copy of the SQLite database as it stands at this moment, also while \"cloakroom serve\" runs, and print its\n" +
			"name. FILE is a new file or a folder; without it the copy is named after the time and lies in the working directory.\n" +
			"Nothing is ever replaced. The copy is worth nothing without the master key, which is kept apart from it.\n" +
			"A PostgreSQL database is copied with pg_dump.",
		Args: between(0, 1, "at most one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			to := "."
			if len(args) == 1 {
				to = args[0]
			}
			return p.backup(cmd.Context(), cfg, to)
		},
	})
}

func (p *program) backup(ctx context.Context, cfg *config.Config, to string) error {
	from, ok := cfg.SQLitePath()
	if !ok {
		return hinted{errors.New("this is not how a PostgreSQL database is copied"),
			"run pg_dump --format=custom --file=cloakroom.dump with the database's URL, and keep CLOAKROOM_MASTER_KEY apart from the dump"}
	}
	if info, err := os.Stat(from); err != nil || info.Size() == 0 {
		return hinted{fmt.Errorf("there is no database %s", from), "check CLOAKROOM_DATABASE_URL: the path is relative to the working directory"}
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, "cloakroom-"+time.Now().UTC().Format("20060102-150405")+".db")
	}
	err := engine.Backup(ctx, from, to)
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted{fmt.Errorf("%s exists already", to), "a backup never replaces a file: name another one, or a folder"}
	case err != nil:
		return fmt.Errorf("the database %s was not copied: %w", from, err)
	}
	fmt.Fprintln(p.out, to)
	fmt.Fprintf(p.err, "Copied the database. What is sealed in it opens only with %s: keep that too, in another place than the copy.\n", keyOf(cfg))
	return nil
}

// keyOf names where the master key is.
func keyOf(cfg *config.Config) string {
	if len(cfg.MasterKeys) > 0 {
		return "the master key of the settings (CLOAKROOM_MASTER_KEY)"
	}
	return "the master key in " + cfg.KeyFile()
}
