package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHubGuideApplies applies the example of docs/hub.md.
func TestHubGuideApplies(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "docs", "hub.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(b)
	if block == nil {
		t.Fatal("docs/hub.md has no example")
	}
	var out, errs bytes.Buffer
	env := []string{"CLOAKROOM_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	if code := run(t.Context(), []string{"apply", "-f", "-"}, env, stdio{bytes.NewReader(block[1]), &out, &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"realm parcels", "realm acme", "domain acme.example", "connection acme-okta", "client parcels-web"} {
		if !strings.Contains(out.String(), "+ "+want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
}
