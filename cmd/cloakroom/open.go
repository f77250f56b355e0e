package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"cloakroom/config"
	"cloakroom/store"
	"cloakroom/store/seal"
)

// openStore opens the database with its master keys and brings the schema up to date.
func openStore(ctx context.Context, cfg *config.Config, log *slog.Logger) (*store.Store, *seal.Keyring, error) {
	s, ring, err := openAsIs(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, ring, nil
}

// openAsIs opens the database and leaves its schema alone.
func openAsIs(ctx context.Context, cfg *config.Config, log *slog.Logger) (*store.Store, *seal.Keyring, error) {
	keys, err := masterKeys(cfg, log)
	if err != nil {
		return nil, nil, err
	}
	ring, err := seal.New(keys)
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL, Sealer: ring, Now: time.Now, Log: log})
	if err != nil {
		return nil, nil, hinted{err, "check CLOAKROOM_DATABASE_URL, and that CLOAKROOM_MASTER_KEY is the one this database was made with"}
	}
	return s, ring, nil
}

// masterKeys are the ones of the settings or, for SQLite, of the file beside the database. That file is made on first
// start only: for a database that exists, a new key would open nothing.
func masterKeys(cfg *config.Config, log *slog.Logger) ([][]byte, error) {
	if len(cfg.MasterKeys) > 0 {
		return cfg.MasterKeys, nil
	}
	db, _ := cfg.SQLitePath() // PostgreSQL without a key is a fault of the settings
	file := cfg.KeyFile()
	info, err := os.Stat(file)
	switch {
	case err == nil && info.Mode().Perm()&0o077 != 0:
		log.Warn("others can read the master key", "file", file, "fix", "chmod 600 "+file)
	case errors.Is(err, fs.ErrNotExist):
		if made, err := os.Stat(db); err == nil && made.Size() > 0 {
			return nil, hinted{
				fmt.Errorf("the database %s exists, but its master key %s does not", db, file),
				"put the key file back, or set CLOAKROOM_MASTER_KEY; without the key nothing that is sealed in the database can be opened",
			}
		}
	}
	keys, err := seal.LoadOrCreateFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, hinted{fmt.Errorf("cannot make the master key file: %w", err),
			fmt.Sprintf("the folder %s must exist and be writable, or name another one in CLOAKROOM_DATABASE_URL", filepath.Dir(file))}
	}
	return keys, err
}
