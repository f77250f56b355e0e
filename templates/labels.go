package templates

import (
	_ "embed"
	"encoding/json"
	"sync"
)

//go:embed locale/labels.json
var labelFile []byte

// labels are what the fields of providers' consoles are called in the consoles' other languages: by preset, language and
// English label. Only what a console really says stands there; consoles that exist in English alone have none.
var labels = sync.OnceValues(func() (map[string]map[string]map[string]string, error) {
	out := map[string]map[string]map[string]string{}
	return out, json.Unmarshal(labelFile, &out)
})

// LocalLabel is a console's field in a language of the console, "" where that is not known, or the same.
func LocalLabel(preset, lang, label string) string {
	all, err := labels()
	if err != nil || all[preset][lang][label] == label {
		return ""
	}
	return all[preset][lang][label]
}

// Localised is the wizard with the console's own labels in the page's language beside the English ones.
func (w Wizard) Localised(preset string) Wizard {
	give, take := make([]CopyField, len(w.Give)), make([]WizardTake, len(w.Take))
	for i, f := range w.Give {
		f.Local = LocalLabel(preset, w.Lang, f.Label)
		give[i] = f
	}
	for i, t := range w.Take {
		t.Local = LocalLabel(preset, w.Lang, t.Label)
		take[i] = t
	}
	w.Give, w.Take = give, take
	for _, cards := range [][]FindingCard{w.Check.Findings, w.Test.Findings, w.Paste.Findings} {
		for i := range cards {
			cards[i].Preset = preset
		}
	}
	return w
}
