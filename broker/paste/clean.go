package paste

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decode brings a text into UTF-8: consoles and Windows' tools write UTF-16 and byte order marks. Bytes that are no text
// stay as they are.
func decode(s string) string {
	switch {
	case strings.HasPrefix(s, "\xff\xfe"):
		return fromUTF16(s[2:], 0)
	case strings.HasPrefix(s, "\xfe\xff"):
		return fromUTF16(s[2:], 1)
	case strings.HasPrefix(s, "<\x00"):
		return fromUTF16(s, 0)
	case strings.HasPrefix(s, "\x00<"):
		return fromUTF16(s, 1)
	}
	return strings.TrimPrefix(s, "\ufeff")
}

// fromUTF16 decodes UTF-16; high is the place of the high byte's opposite: 0 for little endian, 1 for big.
func fromUTF16(s string, big int) string {
	units := make([]uint16, len(s)/2)
	for i := range units {
		low, high := s[2*i+big], s[2*i+1-big]
		units[i] = uint16(high)<<8 | uint16(low)
	}
	text := strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
	if strings.HasPrefix(text, "<?xml") { // it says that it is UTF-16, which it no longer is
		if _, rest, ok := strings.Cut(text, "?>"); ok {
			return rest
		}
	}
	return text
}

// binary reports bytes that are no text.
func binary(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }

// wrappers are what people put around a value when they pass it on.
var wrappers = [][2]string{{`"`, `"`}, {"'", "'"}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"‘", "’"}, {"`", "`"}, {"<", ">"}, {"(", ")"}}

// tidy cuts off a single value what does not belong to it; cut says that it was more than plain blanks around it.
func tidy(s string) (clean string, cut bool) {
	plain := strings.TrimSpace(s)
	clean = strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0' || r == '\u202f' || r == '\u2007':
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, plain)
	clean = strings.TrimSpace(clean)
	for _, w := range wrappers {
		if len(clean) > len(w[0])+len(w[1]) && strings.HasPrefix(clean, w[0]) && strings.HasSuffix(clean, w[1]) {
			clean = strings.TrimSpace(clean[len(w[0]) : len(clean)-len(w[1])])
		}
	}
	clean = strings.TrimSpace(strings.TrimRight(clean, ",;"))
	return clean, clean != plain
}

// squeeze takes all white space out.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}
