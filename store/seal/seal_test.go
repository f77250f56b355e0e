package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cloakroom/store/seal"
)

func master(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeySize) }

func ring(t *testing.T, keys ...byte) *seal.Keyring {
	t.Helper()
	var ms [][]byte
	for _, b := range keys {
		ms = append(ms, master(b))
	}
	k, err := seal.New(ms)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRoundTrip(t *testing.T) {
	k := ring(t, 1)
	for _, plain := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("long "), 1000)} {
		a, b := k.Seal(plain, []byte("here")), k.Seal(plain, []byte("here"))
		if bytes.Equal(a, b) {
			t.Error("two seals of the same value are equal")
		}
		if len(a) != len(plain)+seal.Overhead {
			t.Errorf("sealed length %d for %d", len(a), len(plain))
		}
		got, err := k.Open(a, []byte("here"))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open = %q, %v", got, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	k := ring(t, 1)
	good := k.Seal([]byte("secret"), []byte("grant:1"))
	if _, err := k.Open(good, []byte("grant:2")); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another place: %v", err)
	}
	if _, err := ring(t, 2).Open(good, []byte("grant:1")); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another key: %v", err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := k.Open(bad, []byte("grant:1")); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := k.Open(good[:i], []byte("grant:1")); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

func TestSeveralKeys(t *testing.T) {
	old, both := ring(t, 1), ring(t, 2, 1)
	sealed := old.Seal([]byte("s"), nil)
	if got, err := both.Open(sealed, nil); err != nil || string(got) != "s" {
		t.Fatalf("the second key does not open: %v", err)
	}
	again, changed, err := both.Rewrap(sealed, nil)
	if err != nil || !changed {
		t.Fatalf("Rewrap = %v, %v", changed, err)
	}
	if got, err := ring(t, 2).Open(again, nil); err != nil || string(got) != "s" {
		t.Errorf("the new key alone does not open what was rewrapped: %v", err)
	}
	if _, changed, err := both.Rewrap(again, nil); changed || err != nil {
		t.Errorf("rewrapped twice: %v, %v", changed, err)
	}
}

func TestDerive(t *testing.T) {
	k := ring(t, 1, 2)
	a, b := k.Derive("handle"), k.Derive("cookie")
	if len(a) != 2 || len(a[0]) != 32 || bytes.Equal(a[0], a[1]) || bytes.Equal(a[0], b[0]) {
		t.Error("derived keys are not one of 32 bytes per master key and purpose")
	}
	if !bytes.Equal(a[1], ring(t, 2).Derive("handle")[0]) {
		t.Error("the same master key and purpose give another key")
	}
}

func TestParseKeys(t *testing.T) {
	std, url := base64.StdEncoding.EncodeToString(master(0xfb)), base64.RawURLEncoding.EncodeToString(master(0xfb))
	for in, n := range map[string]int{std: 1, url: 1, std + " , " + url: 2, "": 0, "AAAA": 0, std + ",": 0, "not base64!": 0} {
		keys, err := seal.ParseKeys(in)
		if (err == nil) != (n > 0) || len(keys) != n {
			t.Errorf("ParseKeys(%q) = %d keys, %v", in, len(keys), err)
		}
		if err != nil && len(in) > 10 && strings.Contains(err.Error(), in) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloakroom.key")
	var wg sync.WaitGroup
	got := make([][][]byte, 8)
	for i := range got {
		wg.Go(func() { got[i], _ = seal.LoadOrCreateFile(path) })
	}
	wg.Wait()
	for _, k := range got {
		if len(k) != 1 || !bytes.Equal(k[0], got[0][0]) {
			t.Fatal("processes that start at once do not share one key")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOrCreateFile(path); err == nil {
		t.Error("a damaged key file is taken")
	}
}

func FuzzOpen(f *testing.F) {
	k, err := seal.New([][]byte{master(1)})
	if err != nil {
		f.Fatal(err)
	}
	good := k.Seal([]byte("x"), nil)
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := k.Open(b, nil); err == nil && string(plain) != "x" {
			t.Error("opened what was never sealed")
		}
	})
}
