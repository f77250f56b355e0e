package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ParseKeys reads master keys as a setting holds them: base64 (standard or URL alphabet, padded or not), comma
// separated. No error quotes a key.
func ParseKeys(s string) ([][]byte, error) {
	var keys [][]byte
	for i, part := range strings.Split(s, ",") {
		b, err := decode(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("master key %d is not base64", i+1)
		}
		if len(b) != KeySize {
			return nil, fmt.Errorf("master key %d has %d bytes, not %d; make one with: openssl rand -base64 32", i+1, len(b), KeySize)
		}
		keys = append(keys, b)
	}
	return keys, nil
}

func decode(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.Strict().DecodeString(s)
}

// LoadOrCreateFile reads the master keys in a file, and makes the file (mode 0600, one random key) if there is none. Two
// processes that start at once end up with the same key.
func LoadOrCreateFile(path string) ([][]byte, error) {
	keys, err := loadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := createFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadFile(path)
}

func loadFile(path string) ([][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, err
	}
	lines := strings.Join(strings.Fields(string(b)), ",")
	keys, err := ParseKeys(strings.Trim(strings.ReplaceAll(lines, ",,", ","), ","))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// createFile writes a whole file first and gives it its name last: a link, unlike a rename, never replaces what another
// process has just made.
func createFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	k := make([]byte, KeySize)
	_, _ = rand.Read(k)
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(k))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
