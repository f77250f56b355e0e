package locale

import (
	"slices"

	"golang.org/x/text/language"
)

// What a stranger may send is read up to these bounds.
const (
	maxTags         = 16
	maxAcceptLength = 1000
)

// Match chooses the language of a page: the first of uiLocales (OIDC Core 3.1.2.1, in the app's order), then of the
// browser's Accept-Language (RFC 9110, 12.5.4), that is one of ours and one of allowed. Only regional kin count as a
// match (en-GB is en, pt is not es). Without any match it is the first of allowed. An empty allowed allows all.
func Match(uiLocales []string, acceptLanguage string, allowed []string) string {
	codes := offered(allowed)
	tags := make([]language.Tag, len(codes))
	for i, c := range codes {
		tags[i] = language.Make(c)
	}
	m := language.NewMatcher(tags)
	for _, want := range wanted(uiLocales, acceptLanguage) {
		if _, i, confidence := m.Match(want); confidence >= language.High {
			return codes[i]
		}
	}
	return codes[0]
}

func offered(allowed []string) []string {
	var all, some []string
	for _, l := range Languages() {
		all = append(all, l.Code)
	}
	for _, c := range allowed {
		if slices.Contains(all, c) && !slices.Contains(some, c) {
			some = append(some, c)
		}
	}
	if some == nil {
		return all
	}
	return some
}

func wanted(uiLocales []string, acceptLanguage string) []language.Tag {
	var tags []language.Tag
	for _, l := range uiLocales[:min(len(uiLocales), maxTags)] {
		if t, err := language.Parse(l); err == nil && len(l) <= 35 {
			tags = append(tags, t)
		}
	}
	if len(acceptLanguage) > maxAcceptLength {
		return tags
	}
	accepted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return tags
	}
	return append(tags, accepted[:min(len(accepted), maxTags)]...)
}
