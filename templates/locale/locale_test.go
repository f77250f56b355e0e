package locale_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloakroom/templates/locale"
)

// forms are the plural forms a language has for whole numbers (CLDR).
var forms = map[string][]string{
	"en": {"one", "other"}, "de": {"one", "other"},
	"fr": {"many", "one", "other"}, "es": {"many", "one", "other"},
	"pl": {"few", "many", "one", "other"}, "ru": {"few", "many", "one", "other"},
}

// read is a language's file: each id's texts, by plural form ("" for a plain text).
func read(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile(lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	out := map[string]map[string]string{}
	for id, v := range raw {
		out[id] = map[string]string{}
		switch v := v.(type) {
		case string:
			out[id][""] = v
		case map[string]any:
			for form, text := range v {
				out[id][form] = text.(string)
			}
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

func places(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestEveryLanguageHasEveryText(t *testing.T) {
	english := read(t, "en")
	for _, l := range locale.Languages() {
		texts := read(t, l.Code)
		for id := range texts {
			if english[id] == nil {
				t.Errorf("%s has %s, which English has not", l.Code, id)
			}
		}
		for id, want := range english {
			got := texts[id]
			if got == nil {
				t.Errorf("%s lacks %s", l.Code, id)
				continue
			}
			if _, plain := want[""]; !plain {
				var have []string
				for form := range got {
					have = append(have, form)
				}
				slices.Sort(have)
				if !slices.Equal(have, forms[l.Code]) {
					t.Errorf("%s %s has the forms %v, want %v", l.Code, id, have, forms[l.Code])
				}
			}
			for form, text := range got {
				if strings.TrimSpace(text) != text || text == "" {
					t.Errorf("%s %s %s is empty or has blanks around it: %q", l.Code, id, form, text)
				}
				other := want["other"] + want[""]
				if !slices.Equal(places(text), places(other)) {
					t.Errorf("%s %s %s names %v, English names %v", l.Code, id, form, places(text), places(other))
				}
			}
		}
		if !slices.Equal(locale.IDs(l.Code), locale.IDs("en")) {
			t.Errorf("%s: the loaded ids differ from English", l.Code)
		}
	}
}

func TestTranslationsAreTranslated(t *testing.T) {
	english := read(t, "en")
	same := []string{"prompt.code", "demo.claim", "demo.tokens", "frame.reference"}
	for _, l := range locale.Languages()[1:] {
		for id, text := range read(t, l.Code) {
			if len(english[id][""]) > 4 && text[""] == english[id][""] && !slices.Contains(same, id) {
				t.Errorf("%s %s is still English: %q", l.Code, id, text[""])
			}
		}
	}
}

// People who sign in read no protocol words. The demo, the handbook and what sends a directory's people here are for those
// who set it up: they read the words of their own console.
func TestPlainWords(t *testing.T) {
	jargon := regexp.MustCompile(`(?i)\b(saml|oidc|openid|oauth|realms?|idp|azure|assertion|administrator|oops|token|claim)\b|unexpected`)
	for _, l := range locale.Languages() {
		for id, forms := range read(t, l.Code) {
			if strings.HasPrefix(id, "demo.") || strings.HasPrefix(id, "help.") || strings.HasPrefix(id, "directory.") {
				continue
			}
			for _, text := range forms {
				if word := jargon.FindString(text); word != "" {
					t.Errorf("%s %s says %q", l.Code, id, word)
				}
			}
		}
	}
}

func TestT(t *testing.T) {
	for _, c := range []struct{ lang, id, want string }{
		{"en", "chooser.title", "Sign in to {{evil}} & Co"},
		{"de", "chooser.title", "Bei {{evil}} & Co anmelden"},
		{"xx", "chooser.or", "or"},
		{"", "chooser.or", "or"},
		{"ru", "no.such.id", "no.such.id"},
	} {
		if got := locale.T(c.lang, c.id, map[string]any{"App": "{{evil}} & Co"}); got != c.want {
			t.Errorf("T(%q, %q) = %q, want %q", c.lang, c.id, got, c.want)
		}
	}
}

func TestTN(t *testing.T) {
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 matches"}, {"en", 1, "1 match"}, {"en", 2, "2 matches"},
		{"pl", 1, "1 wynik"}, {"pl", 3, "3 wyniki"}, {"pl", 5, "5 wyników"}, {"pl", 22, "22 wyniki"},
		{"ru", 1, "Найден 1 вариант"}, {"ru", 2, "Найдено 2 варианта"}, {"ru", 11, "Найдено 11 вариантов"}, {"ru", 21, "Найден 21 вариант"},
		{"fr", 0, "0 résultat"}, {"fr", 2, "2 résultats"}, {"es", 1, "1 resultado"}, {"de", 7, "7 Treffer"},
	} {
		if got := locale.TN(c.lang, "chooser.matches", c.n, nil); got != c.want {
			t.Errorf("TN(%s, %d) = %q, want %q", c.lang, c.n, got, c.want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		ui      []string
		accept  string
		allowed []string
		want    string
	}{
		{"nothing said", nil, "", nil, "en"},
		{"browser", nil, "pl-PL,pl;q=0.9,en;q=0.8", nil, "pl"},
		{"app before browser", []string{"fr-CA", "de"}, "pl", nil, "fr"},
		{"app's second", []string{"ja", "de-AT"}, "pl", nil, "de"},
		{"quality decides", nil, "en;q=0.1, es-MX;q=0.7", nil, "es"},
		{"realm allows fewer", nil, "pl", []string{"de", "fr"}, "de"},
		{"realm allows it", nil, "pl, fr;q=0.5", []string{"de", "fr"}, "fr"},
		{"no neighbour's language", nil, "uk", nil, "en"},
		{"Portuguese is not Spanish", nil, "pt-BR", nil, "en"},
		{"unknown allowed ones", nil, "fr", []string{"tlh"}, "fr"},
		{"rubbish", []string{"%%%", strings.Repeat("x", 500), ""}, ";;;q=,,\x00", nil, "en"},
		{"too long", nil, strings.Repeat("fr,", 1000), nil, "en"},
	} {
		if got := locale.Match(c.ui, c.accept, c.allowed); got != c.want {
			t.Errorf("%s: Match = %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("fr-CA", "pl;q=0.9,*;q=0.1", "de")
	f.Fuzz(func(t *testing.T, ui, accept, allowed string) {
		got := locale.Match([]string{ui}, accept, []string{allowed})
		if !slices.ContainsFunc(locale.Languages(), func(l locale.Language) bool { return l.Code == got }) {
			t.Fatalf("Match answers %q", got)
		}
	})
}
