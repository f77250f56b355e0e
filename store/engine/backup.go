package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes a copy of the SQLite database file from to the new file to, as it stood at one moment, while others write
// on. Only the owner can read the copy, and it gets its name once it is whole; a file of that name is never replaced.
func Backup(ctx context.Context, from, to string) (err error) {
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "backup", Path: to, Err: os.ErrExist}
	}
	part, err := os.CreateTemp(filepath.Dir(to), ".cloakroom-backup-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, part.Close(), os.Remove(part.Name())) }()
	if err := vacuumInto(ctx, from, part.Name()); err != nil {
		return err
	}
	if err := checkCopy(ctx, part.Name()); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	return os.Link(part.Name(), to) // unlike a rename, it never replaces what has been made meanwhile
}

// vacuumInto copies within one read transaction. SQLite fills a file that is there if it is empty.
func vacuumInto(ctx context.Context, from, to string) error {
	return onFile(from, "mode=rw&_pragma=busy_timeout(10000)", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	})
}

// checkCopy reads the whole copy once.
func checkCopy(ctx context.Context, path string) error {
	return onFile(path, "mode=ro", func(db *sql.DB) error {
		var said string
		if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
			return err
		}
		if said != "ok" {
			return fmt.Errorf("the copy is damaged: %s", said)
		}
		return nil
	})
}

func onFile(path, query string, use func(*sql.DB) error) error {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: full}).EscapedPath()+"?"+query)
	if err != nil {
		return err
	}
	return errors.Join(use(db), db.Close())
}
