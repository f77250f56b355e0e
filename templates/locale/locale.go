// Package locale holds what the pages say, in six languages, and chooses the one a person reads.
package locale

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is a language that the pages exist in, with its own name for itself.
type Language struct{ Code, Name string }

// Languages lists them; the first is the fallback.
func Languages() []Language {
	return []Language{
		{"en", "English"}, {"fr", "Français"}, {"pl", "Polski"}, {"ru", "Русский"}, {"de", "Deutsch"}, {"es", "Español"},
	}
}

//go:embed *.json
var files embed.FS

// texts is the loaded bundle: a localizer and the message ids of each language.
type texts struct {
	localizers map[string]*i18n.Localizer
	ids        map[string][]string
}

var load = sync.OnceValues(func() (*texts, error) {
	bundle := i18n.NewBundle(language.English)
	t := &texts{localizers: map[string]*i18n.Localizer{}, ids: map[string][]string{}}
	for _, l := range Languages() {
		f, err := bundle.LoadMessageFileFS(files, l.Code+".json")
		if err != nil {
			return t, fmt.Errorf("locale %s: %w", l.Code, err)
		}
		for _, m := range f.Messages {
			t.ids[l.Code] = append(t.ids[l.Code], m.ID)
		}
		slices.Sort(t.ids[l.Code])
	}
	for _, l := range Languages() {
		t.localizers[l.Code] = i18n.NewLocalizer(bundle, l.Code, "en")
	}
	return t, nil
})

// Load reads the embedded texts and reports what is wrong with them. Calling it is optional: T loads at first use.
func Load() error {
	_, err := load()
	return err
}

// IDs lists the message ids that a language has, sorted.
func IDs(lang string) []string {
	t, _ := load()
	return t.ids[lang]
}

// Has reports whether English, the language all others are held to, has the id.
func Has(id string) bool {
	_, found := slices.BinarySearch(IDs("en"), id)
	return found
}

// T is the text of id in lang with data's values in the places named for them. An unknown language or a text that is
// missing in it falls back to English; an id that is nowhere comes back as it is, so that a page always renders.
func T(lang, id string, data map[string]any) string {
	return localize(lang, &i18n.LocalizeConfig{MessageID: id, TemplateData: data}, id)
}

// TN is T for a text that counts: it takes the plural form of n, and {{.N}} in the text is n.
func TN(lang, id string, n int, data map[string]any) string {
	with := map[string]any{"N": n}
	for k, v := range data {
		with[k] = v
	}
	return localize(lang, &i18n.LocalizeConfig{MessageID: id, TemplateData: with, PluralCount: n}, id)
}

func localize(lang string, c *i18n.LocalizeConfig, id string) string {
	t, _ := load()
	l, ok := t.localizers[lang]
	if !ok {
		if l, ok = t.localizers["en"]; !ok {
			return id
		}
	}
	if s, err := l.Localize(c); s != "" || err == nil {
		return s
	}
	return id
}
