package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeApplies applies the README's examples: what a newcomer pastes must work.
func TestReadmeApplies(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(b, -1)
	if len(blocks) < 4 {
		t.Fatalf("%d YAML examples in the README", len(blocks))
	}
	file, connections, _ := strings.Cut(string(blocks[0][1]), "    clients:\n")
	for _, block := range blocks[1:] {
		file += string(block[1])
	}
	file += "    clients:\n" + connections
	var out, errs bytes.Buffer
	env := []string{"CLOAKROOM_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	if code := run(t.Context(), []string{"apply", "-f", "-"}, env, stdio{strings.NewReader(file), &out, &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"realm acme", "domain acme.example", "connection acme-okta", "connection acme-entra", "connection acme-adfs", "connection acme-google", "client shop"} {
		if !strings.Contains(out.String(), "+ "+want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
