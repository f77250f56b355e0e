package templates

import (
	"html/template"
	"net/url"
	"strings"
	"unicode"
)

// maxShown bounds a name on a page, in characters.
const maxShown = 200

// Clean makes a text from outside fit to stand inside a sentence: valid UTF-8, one line, without control characters and
// without the invisible ones that reorder or hide text, at most 200 characters.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar || reorders(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown-1]) + "…"
	}
	return s
}

// reorders reports whether r is one of the invisible characters that direct or hide text. The joiners U+200C and U+200D
// stay: scripts need them.
func reorders(r rune) bool {
	switch {
	case r == '\u200b', r == '\u200e', r == '\u200f', r == '\u061c', r == '\ufeff', r == '\u00ad':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2060' && r <= '\u206f'
}

// isolate keeps a name written from right to left from reordering the sentence around it (FSI, PDI).
func isolate(s string) string {
	for _, r := range s {
		if r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfefc || r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff {
			return "\u2068" + s + "\u2069"
		}
	}
	return s
}

// initial is the letter that stands for a name where there is no logo.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// link is the address if a browser may be sent there by a click, else "", so that a template leaves the link out.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "https", "http":
		if u.Host != "" {
			return address
		}
	case "":
		if strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") || strings.HasPrefix(address, "?") {
			return address
		}
	}
	return ""
}

// redact shows enough of a token to tell two apart and too little to use one.
func redact(token string) string {
	if len(token) < 40 {
		return strings.Repeat("•", min(len(token), 8))
	}
	return token[:12] + "…" + token[len(token)-4:]
}

// rich turns the handbook's plain text into HTML: **label** is bold, `value` is code. Everything is escaped first.
func rich(s string) template.HTML {
	s = template.HTMLEscapeString(s)
	s = pairs(s, "**", "<strong>", "</strong>")
	return template.HTML(pairs(s, "`", "<code>", "</code>"))
}

func pairs(s, mark, open, end string) string {
	parts := strings.Split(s, mark)
	if len(parts)%2 == 0 {
		return s
	}
	var b strings.Builder
	for i, p := range parts {
		b.WriteString(p)
		switch {
		case i == len(parts)-1:
		case i%2 == 0:
			b.WriteString(open)
		default:
			b.WriteString(end)
		}
	}
	return b.String()
}
