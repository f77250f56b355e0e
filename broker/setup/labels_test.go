package setup_test

import (
	"encoding/json"
	"os"
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
	return out
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
