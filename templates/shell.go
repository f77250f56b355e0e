package templates

import (
	"html/template"
	"strings"

	"cloakroom/templates/locale"
)

// Shell is what every page has around its content. The zero value renders: English, no realm.
type Shell struct {
	Lang      string // a locale code; "" is English
	Title     string // the window's title where the page's own does not do
	Theme     string // "light" or "dark" where the person has chosen; "" follows the browser
	Realm     RealmLook
	Ref       string // reference of the login under way, e.g. 7KQ2-MX9D
	Languages []LanguageLink
	HelpURL   string
}

// RealmLook is a realm as its people see it. Texts are the realm's own wording: "title" replaces the chooser's
// heading, "help" says on every sign-in and error page whom to ask; "title.fr" is the wording for one language.
type RealmLook struct {
	Name, DisplayName, LogoURL string
	Colour                     string // #rrggbb, "" for the house's own
	Texts                      map[string]string
}

// LanguageLink is one language of the footer.
type LanguageLink struct {
	Code, Name, URL string
	Current         bool
}

// Languages makes the footer's links for the allowed languages (none: all); address gives each its URL.
func Languages(current string, allowed []string, address func(code string) string) []LanguageLink {
	var out []LanguageLink
	for _, l := range locale.Languages() {
		if len(allowed) > 0 && locale.Match([]string{l.Code}, "", allowed) != l.Code {
			continue
		}
		out = append(out, LanguageLink{Code: l.Code, Name: l.Name, URL: address(l.Code), Current: l.Code == current})
	}
	return out
}

func (s Shell) frame() Shell { return s }

// LangTag is the value of <html lang>: the language that the page's texts really come in.
func (s Shell) LangTag() string {
	for _, l := range locale.Languages() {
		if l.Code == s.Lang {
			return l.Code
		}
	}
	return locale.Languages()[0].Code
}

// Scheme is the theme the person has chosen, "" for none.
func (s Shell) Scheme() string {
	if s.Theme == "light" || s.Theme == "dark" {
		return s.Theme
	}
	return ""
}

// T is a text in the page's language; kv are its values, name then value. Values that are text are cleaned.
func (s Shell) T(id string, kv ...any) string {
	return locale.T(s.LangTag(), id, values(kv))
}

// TN is T with a number that decides the plural form.
func (s Shell) TN(id string, n int, kv ...any) string {
	return locale.TN(s.LangTag(), id, n, values(kv))
}

func values(kv []any) map[string]any {
	m := make(map[string]any, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		key, _ := kv[i].(string)
		m[key] = kv[i+1]
		if text, ok := kv[i+1].(string); ok {
			m[key] = isolate(Clean(text))
		}
	}
	return m
}

// Own is the realm's own wording for key in the page's language, or in any language, or "".
func (s Shell) Own(key string) string {
	if t := s.Realm.Texts[key+"."+s.LangTag()]; t != "" {
		return Clean(t)
	}
	return Clean(s.Realm.Texts[key])
}

// RealmTitle is how the realm calls itself.
func (s Shell) RealmTitle() string {
	if s.Realm.DisplayName != "" {
		return Clean(s.Realm.DisplayName)
	}
	return s.Realm.Name
}

// Logo is the realm's logo where its address is one an <img> may have. html/template lets no data: URL through by
// itself; an image in an <img> runs nothing, whatever its type.
func (s Shell) Logo() template.URL {
	u := s.Realm.LogoURL
	if strings.HasPrefix(u, "data:image/") || strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
		return template.URL(u)
	}
	return ""
}

// AccentURL is the style sheet of the realm's colour, "" without one.
func (s Shell) AccentURL() string { return AccentURL(s.Realm.Colour) }
