package mail

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"cloakroom/templates"
	"cloakroom/templates/locale"
)

//go:embed locale/*.json
var files embed.FS

var bundle = sync.OnceValues(func() (map[string]*i18n.Localizer, error) {
	b := i18n.NewBundle(language.English)
	for _, l := range locale.Languages() {
		if _, err := b.LoadMessageFileFS(files, "locale/"+l.Code+".json"); err != nil {
			return nil, fmt.Errorf("texts of mails in %s: %w", l.Code, err)
		}
	}
	out := map[string]*i18n.Localizer{}
	for _, l := range locale.Languages() {
		out[l.Code] = i18n.NewLocalizer(b, l.Code, "en")
	}
	return out, nil
})

// values fill the places of a text.
type values map[string]any

// writer writes one mail in one language. The first text that is missing ends up in err.
type writer struct {
	lang      string
	localizer *i18n.Localizer
	err       error
}

func newWriter(lang string) (*writer, error) {
	all, err := bundle()
	if err != nil {
		return nil, err
	}
	if all[lang] == nil {
		lang = "en"
	}
	return &writer{lang: lang, localizer: all[lang]}, nil
}

func (w *writer) t(id string, v values) string {
	return w.text(&i18n.LocalizeConfig{MessageID: id, TemplateData: v})
}

// n is t for a text that counts.
func (w *writer) n(id string, n int, v values) string {
	with := values{"N": n}
	for k, one := range v {
		with[k] = one
	}
	return w.text(&i18n.LocalizeConfig{MessageID: id, TemplateData: with, PluralCount: n})
}

func (w *writer) text(c *i18n.LocalizeConfig) string {
	s, err := w.localizer.Localize(c)
	if err != nil && w.err == nil {
		w.err = err
	}
	return s
}

// date is a moment as people of the language write it. Mails are read anywhere, so the zone is UTC and says so.
func (w *writer) date(at time.Time) string {
	at = at.UTC()
	return w.t("date", values{"Day": at.Day(), "Month": w.t(fmt.Sprintf("month.%02d", at.Month()), nil), "Year": at.Year(), "Time": at.Format("15:04")})
}

// maxName bounds a name that somebody chose, in characters.
const maxName = 80

// name makes a name that somebody chose fit for a mail: one short line, and nothing in it that a mail program would turn
// into a link ("win.example/now"), as anybody can have us write to a stranger. The word joiner cannot be seen.
func name(s string) string { return unlinked(s, maxName) }

// note is a sentence or two that somebody wrote to whom they invite, made fit as names are. Clean bounds its length.
func note(s string) string { return unlinked(s, len(s)) }

func unlinked(s string, limit int) string {
	r := []rune(templates.Clean(s))
	if len(r) > limit {
		r = append(slices.Clone(r[:limit-1]), '…')
	}
	var b strings.Builder
	for i, c := range r {
		b.WriteRune(c)
		if strings.ContainsRune(".:/@", c) && i+1 < len(r) && r[i+1] != ' ' {
			b.WriteRune('\u2060')
		}
	}
	return b.String()
}

// plain is a value that is to be copied or recognised letter by letter: an address, a domain, a record.
func plain(s string) string { return templates.Clean(s) }
