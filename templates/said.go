package templates

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cloakroom/broker/fault"
	"cloakroom/templates/locale"
)

//go:embed locale/said/*.json
var saidFiles embed.FS

// saidTexts are the translations of what the code says in English about a case, by language and by the English; the
// catalogue's causes and fixes are among them.
var saidTexts = sync.OnceValues(func() (map[string]map[string]string, error) {
	faults, err := faultTexts()
	if err != nil {
		return nil, err
	}
	entries := fault.All()
	slices.SortFunc(entries, func(a, b fault.Entry) int { return cmp.Compare(a.Code, b.Code) })
	out := map[string]map[string]string{}
	for _, l := range locale.Languages()[1:] {
		texts := map[string]string{}
		for _, e := range entries {
			if t, ok := faults[l.Code][e.Code]; ok {
				texts[e.Cause], texts[e.Fix] = t.Cause, t.Fix
			}
		}
		b, err := saidFiles.ReadFile("locale/said/" + l.Code + ".json")
		if err != nil {
			return nil, fmt.Errorf("said in %s: %w", l.Code, err)
		}
		if err := json.Unmarshal(b, &texts); err != nil {
			return nil, fmt.Errorf("said in %s: %w", l.Code, err)
		}
		out[l.Code] = texts
	}
	return out, nil
})

// Phrase is a text and the language that it came out in.
type Phrase struct{ Lang, Text string }

// Tell says an English text in a language, with the values that it was made of. What is not translated stays English as a
// whole: no sentence is half and half.
func Tell(lang string, said fault.Said, english string) Phrase {
	texts, err := saidTexts()
	if err != nil || texts[lang] == nil || english == "" {
		return Phrase{"en", english}
	}
	if text, ok := translated(texts[lang], said.Of(english)); ok {
		return Phrase{lang, text}
	}
	return Phrase{"en", english}
}

// words finds out whether a format says anything by itself: an address does not.
var words = regexp.MustCompile(`(?s)\pL.* | .*\pL`)

// translated is a text in the language of texts. A format of places alone has nothing to translate, nor has a value, unless
// it is one of our own texts.
func translated(texts map[string]string, t fault.Text) (string, bool) {
	format, known := texts[t.Say]
	if len(t.Values) == 0 {
		if !known {
			return t.Say, !strings.Contains(t.Say, " ")
		}
		return format, true
	}
	if !known {
		if format = t.Say; words.MatchString(fault.Fill(format, make([]string, len(t.Values)))) {
			return "", false
		}
	}
	values := make([]string, len(t.Values))
	for i, v := range t.Values {
		var ok bool
		if values[i], ok = translated(texts, v); !ok && len(v.Values) > 0 {
			return "", false
		}
	}
	return fault.Fill(format, values), true
}
