package setup_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

// Every translated label is one that a page asks for: a label that was renamed in the presets would lose its translation
// without a word.
func TestLocalLabels(t *testing.T) {
	b, err := os.ReadFile("../../templates/locale/labels.json")
	if err != nil {
		t.Fatal(err)
	}
	var written map[string]map[string]map[string]string
	if err := json.Unmarshal(b, &written); err != nil {
		t.Fatal(err)
	}
	for name, langs := range written {
		p, ok := preset.Get(name)
		if !ok {
			t.Errorf("there is no preset %s", name)
		}
		asked := labelsOf(p)
		for lang, labels := range langs {
			for label, local := range labels {
				if !asked[label] {
					t.Errorf("%s: nobody asks for %q", name, label)
				}
				if got := templates.LocalLabel(name, lang, label); got != local || local == "" {
					t.Errorf("%s %s %q: %q", name, lang, label, got)
				}
			}
		}
	}
	for _, lang := range broker.Locales {
		if got := templates.LocalLabel("okta", lang, "Single sign-on URL"); got != "" { // its console is English
			t.Errorf("%s: %q", lang, got)
		}
		if got := templates.LocalLabel("entra", lang, "Reply URL (Assertion Consumer Service URL)"); (got == "") != (lang == "en") {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

func labelsOf(p preset.Preset) map[string]bool {
	out := map[string]bool{}
	for _, protocol := range p.Protocols {
		for _, g := range p.Handover(protocol) {
			out[g.Label] = true
		}
		for _, take := range p.Take(protocol) {
			out[take.Label] = true
		}
	}
	d, _ := p.Directory()
	for _, label := range append([]string{d.URL, d.Token, d.Test, d.Begin}, bolds(templates.DirectorySteps(p.Name, "en"))...) {
		out[label] = true
	}
	return out
}

var boldLabel = regexp.MustCompile(`\*\*([^*]+)\*\*`)

// bolds are the labels that steps name.
func bolds(steps []string) []string {
	var out []string
	for _, s := range steps {
		for _, m := range boldLabel.FindAllStringSubmatch(s, -1) {
			out = append(out, m[1])
		}
	}
	return out
}

// Every console's steps stand in every language, step for step, and name the same labels: those that the presets know.
func TestDirectorySteps(t *testing.T) {
	for _, p := range preset.All() {
		d, own := p.Directory()
		english := templates.DirectorySteps(p.Name, "en")
		for _, lang := range broker.Locales {
			steps := templates.DirectorySteps(p.Name, lang)
			if len(steps) != len(english) || len(steps) == 0 {
				t.Fatalf("%s in %s: %d steps, %d in English", p.Name, lang, len(steps), len(english))
			}
			for i := range steps {
				if a, b := bolds(english[i:i+1]), bolds(steps[i:i+1]); !slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))) {
					t.Errorf("%s in %s, step %d: labels %q, want %q", p.Name, lang, i+1, b, a)
				}
			}
		}
		if !own {
			continue
		}
		named := strings.Join(bolds(english), "\n")
		for _, label := range []string{d.URL, d.Test, d.Begin, strings.TrimPrefix(d.Token, "HTTP Header – ")} {
			if p.Name != "generic" && !strings.Contains(named, label) {
				t.Errorf("%s: no step names %q", p.Name, label)
			}
		}
	}
	if steps := strings.Join(templates.DirectorySteps("entra", "de"), "\n"); !strings.Contains(steps, "**Tenant URL** (Mandanten-URL)") {
		t.Errorf("the console's own word is missing: %s", steps)
	}
}

// There are steps for whatever a link can renew.
func TestRenewalSteps(t *testing.T) {
	for _, p := range preset.All() {
		for _, protocol := range p.Protocols {
			if steps := templates.RenewalSteps(p.Name, protocol); len(steps) == 0 {
				t.Errorf("no steps for %s by %s", p.Name, protocol)
			}
		}
	}
}
