package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/engine"
	"cloakroom/store/storetest"
)

// TestBackupWhileWriting copies a database into which pairs of realms are written, a transaction each: no copy has half a
// pair, each is whole, and each has what was there when it was begun.
func TestBackupWhileWriting(t *testing.T) {
	url := storetest.SQLiteURL(t)
	s := storetest.Open(t, url)
	pair(t, s, 0)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan int)
	go func() {
		n := 1
		for ; ctx.Err() == nil; n++ {
			pair(t, s, n)
		}
		written <- n
	}()
	from, _ := strings.CutPrefix(url, "sqlite:")
	var copies []string
	for i := range 5 {
		to := filepath.Join(t.TempDir(), fmt.Sprintf("copy-%d.db", i))
		if err := engine.Backup(t.Context(), from, to); err != nil {
			t.Fatal(err)
		}
		copies = append(copies, to)
	}
	stop()
	if n := <-written; n < 2 {
		t.Fatal("nothing was written meanwhile")
	}
	for _, path := range copies {
		checkPairs(t, path)
	}
}

func pair(t *testing.T, s *store.Store, n int) {
	err := s.Tx(context.Background(), func(ctx context.Context) error {
		for _, half := range []string{"a", "b"} {
			if err := s.Realms.Create(ctx, &broker.Realm{Name: fmt.Sprintf("%s%d", half, n)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func checkPairs(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s has the mode %v, %v", path, info.Mode(), err)
	}
	s := storetest.OpenRaw(t, "sqlite:"+path)
	halves := map[string]int{}
	page := broker.Page{Limit: 200}
	for {
		realms, next, err := s.Realms.List(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range realms {
			halves[r.Name[:1]]++
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	if halves["a"] == 0 || halves["a"] != halves["b"] {
		t.Errorf("%s has %v", path, halves)
	}
	if got := integrity(t, "sqlite:"+path); got != "ok" {
		t.Errorf("%s: %s", path, got)
	}
}

// TestBackupReplacesNothing: an existing file stays as it is, and a copy that fails leaves nothing behind.
func TestBackupReplacesNothing(t *testing.T) {
	url := storetest.SQLiteURL(t)
	storetest.Open(t, url).Close()
	from, _ := strings.CutPrefix(url, "sqlite:")
	dir := t.TempDir()
	taken, damaged := filepath.Join(dir, "taken"), filepath.Join(dir, "damaged")
	for path, text := range map[string]string{taken: "mine", damaged: "this is no database, whatever its name"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Backup(t.Context(), from, taken); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if b, _ := os.ReadFile(taken); string(b) != "mine" {
		t.Errorf("the file is now %q", b)
	}
	if err := engine.Backup(t.Context(), damaged, filepath.Join(dir, "copy")); err == nil {
		t.Error("what is no database was copied")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}
