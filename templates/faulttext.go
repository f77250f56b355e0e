package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"

	"cloakroom/broker/fault"
	"cloakroom/templates/locale"
)

//go:embed locale/faults/*.json
var faultFiles embed.FS

// faultText is what a language says of a fault.
type faultText struct {
	Cause string `json:"cause"`
	Fix   string `json:"fix"`
}

var faultTexts = sync.OnceValues(func() (map[string]map[fault.Code]faultText, error) {
	out := map[string]map[fault.Code]faultText{}
	for _, l := range locale.Languages() {
		b, err := faultFiles.ReadFile("locale/faults/" + l.Code + ".json")
		if err != nil {
			return nil, fmt.Errorf("faults in %s: %w", l.Code, err)
		}
		texts := map[fault.Code]faultText{}
		if err := json.Unmarshal(b, &texts); err != nil {
			return nil, fmt.Errorf("faults in %s: %w", l.Code, err)
		}
		out[l.Code] = texts
	}
	return out, nil
})

// FaultText is a fault's cause and fix in a language; ok is false where that language has none, and they are the
// catalogue's English.
func FaultText(lang string, code fault.Code) (cause, fix string, ok bool) {
	entry := fault.Lookup(code)
	if lang == "en" || lang == "" {
		return entry.Cause, entry.Fix, true
	}
	texts, err := faultTexts()
	if err != nil {
		return entry.Cause, entry.Fix, false
	}
	t, ok := texts[lang][code]
	if !ok || t.Cause == "" || t.Fix == "" {
		return entry.Cause, entry.Fix, false
	}
	return t.Cause, t.Fix, true
}
