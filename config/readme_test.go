package config

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds the README's table to this package's: every setting, its default, and the mark of a secret.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(cells[0], "| `"+prefix); ok && len(cells) == 3 {
			rows[prefix+strings.TrimSuffix(name, "`")] = cells
		}
	}
	delete(rows, prefix+"CONFIG")
	for _, s := range table() {
		row, ok := rows[s.env()]
		delete(rows, s.env())
		switch {
		case !ok:
			t.Errorf("the README does not list %s", s.env())
		case s.def != "" && !strings.Contains(row[1], "`"+s.def+"`"):
			t.Errorf("the README says that %s is %s by default; it is %s", s.env(), row[1], s.def)
		case s.secret != strings.HasPrefix(row[2], "* "):
			t.Errorf("the README is wrong about whether %s is a secret", s.env())
		}
	}
	for name := range rows {
		t.Errorf("the README lists %s, which is no setting", name)
	}
}
