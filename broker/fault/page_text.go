package fault

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pageText parts a page into what a person sees and what its scripts hold, both as one line of plain text: tags and
// invisible characters gone, entities decoded, blanks joined. Text without tags is all visible.
func pageText(s string) (visible, hidden string) {
	if len(s) > MaxPage {
		s = s[:MaxPage]
	}
	s = strings.ToValidUTF8(s, " ")
	var show, hide strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 || strings.LastIndexByte(s, '>') < i {
			show.WriteString(s)
			break
		}
		show.WriteString(s[:i])
		s = s[i:]
		name, rest, ok := tag(s)
		if !ok { // a "<" of the text
			show.WriteByte('<')
			s = s[1:]
			continue
		}
		s = rest
		if name != "wbr" {
			show.WriteByte(' ')
		}
		if name == "script" || name == "style" {
			body, after := element(s, name)
			if name == "script" {
				hide.WriteString(body + " ")
			}
			s = after
		}
	}
	return plain(show.String()), plain(unslashed(hide.String()))
}

// tag reads the tag or comment at the beginning of s: its name in lower case and what comes after it.
func tag(s string) (name, rest string, ok bool) {
	if after, ok := strings.CutPrefix(s, "<!--"); ok {
		_, rest, _ := strings.Cut(after, "-->")
		return "", rest, true
	}
	n := strings.TrimPrefix(s[1:], "/")
	if n == "" || !(n[0] == '!' || n[0] >= 'a' && n[0] <= 'z' || n[0] >= 'A' && n[0] <= 'Z') {
		return "", "", false
	}
	end := strings.IndexByte(s, '>')
	if end < 0 {
		return "", "", false
	}
	if n = s[1:end]; len(n) > 0 {
		if i := strings.IndexFunc(n, func(r rune) bool { return unicode.IsSpace(r) || r == '/' }); i > 0 {
			n = n[:i]
		}
	}
	return strings.ToLower(n), s[end+1:], true
}

// element splits s at the closing tag of a raw text element.
func element(s, name string) (body, after string) {
	for i := 0; ; {
		j := strings.Index(s[i:], "</")
		if j < 0 {
			return s, ""
		}
		i += j
		if len(s) >= i+2+len(name) && strings.EqualFold(s[i+2:i+2+len(name)], name) {
			return s[:i], s[i:]
		}
		i += 2
	}
}

// unslashed undoes what a script's strings escape that matters to us.
func unslashed(s string) string {
	return strings.NewReplacer(`\u0026`, "&", `\u0027`, "'", `\u003c`, "<", `\u003e`, ">", `\u0022`, `"`, `\/`, "/", `\r`, " ", `\n`, " ", `\"`, `"`).Replace(s)
}

// plain decodes entities and joins blanks. Format characters (zero-width space, soft hyphen, direction marks) vanish:
// what is copied out of a page is full of them, and they would hide a code. Words too long to be words are masked: they
// may be tokens.
func plain(s string) string {
	s = html.UnescapeString(s)
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r), unicode.IsControl(r), r == utf8.RuneError:
			return ' '
		case r == '‑': // the hyphen that does not break
			return '-'
		case r == '’', r == '‘':
			return '\''
		}
		return r
	}, s)
	words := strings.Fields(s)
	for i, w := range words {
		if len(w) > 160 && !strings.ContainsAny(w, `"{}`) {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}

// quote is the sentence of the page that begins around at, for people to read.
func quote(text string, at int) string {
	if at > len(text) {
		return ""
	}
	s := text[at:]
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "")
		if i := strings.LastIndexByte(s, ' '); i > maxQuote/2 {
			s = s[:i]
		}
		s += " …"
	}
	for _, label := range traceLabels { // what follows is told apart
		if loc := label.at.FindStringIndex(s); loc != nil && loc[0] > 0 {
			s = s[:loc[0]]
		}
	}
	return strings.TrimSpace(s)
}

const (
	guid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	gap  = `["' ]{0,3}[:=]?["' ]{0,3}`
)

// traceLabels are the labels of the identifiers on the pages, in the languages they are shown in.
var traceLabels = []struct {
	name string
	at   *regexp.Regexp
}{
	{"Correlation ID", regexp.MustCompile(`(?i)(?:correlation[ -]?id|korrelations-?id|id de corr[ée]lation|id\.? de correlaci[óo]n|identyfikator korelacji|идентификатор корреляции|ид\.? корреляции)` + gap + `(` + guid + `)`)},
	{"Request Id", regexp.MustCompile(`(?i)(?:request[ -]?id|anforderungs-?id|id de (?:la )?(?:demande|requ[êe]te)|id\.? de (?:la )?solicitud|identyfikator żądania|identyfikator zadania|идентификатор запроса|ид\.? запроса)` + gap + `(` + guid + `)`)},
	{"Activity ID", regexp.MustCompile(`(?i)(?:activity[ -]?id|aktivit[äa]ts-?id|id d'activit[ée]|id\.? de actividad|identyfikator działania|identyfikator aktywności|идентификатор действия|ид\.? действия)` + gap + `(` + guid + `)`)},
	{"Timestamp", regexp.MustCompile(`(?i)(?:timestamp|error time|zeitstempel|horodatage|marca de tiempo|sygnatura czasowa|znacznik czasu|метка времени|отметка времени)` + gap + `(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,7})?Z?)`)},
	{"Reference", regexp.MustCompile(`(?i)(?:reference(?: id| number| #)?|error id|incident id|tracking id|okta request id)` + gap + `([A-Za-z0-9][A-Za-z0-9_-]{5,63})\b`)},
}

func traceOf(text string) map[string]string {
	out := map[string]string{}
	for _, l := range traceLabels {
		if m := l.at.FindStringSubmatch(text); m != nil && (l.name != "Reference" || strings.ContainsAny(m[1], "0123456789")) {
			out[l.name] = m[1]
		}
	}
	return out
}
