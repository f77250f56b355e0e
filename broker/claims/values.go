package claims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Bounds of what is kept of an answer.
const (
	maxText       = 200 // runes of a name
	maxTries      = 8   // values looked at where one is wanted
	maxGroups     = 1000
	maxGroup      = 255      // bytes
	maxAttribute  = 255      // bytes of a name
	maxAttributes = 64 << 10 // bytes of all names and values
)

// text is a field of one line: the first value that has anything to show.
func (r *reading) text(field string) string {
	for _, v := range upTo(maxTries, r.first(field)) {
		if s := line(v); s != "" {
			return s
		}
	}
	return ""
}

func upTo(n int, vs []string) []string { return vs[:min(n, len(vs))] }

// line makes a value fit to be shown anywhere: no control characters, none that turn the direction of what follows, no
// run of blanks, at most 200 runes. The joiners that Persian and Indian names are spelled with stay.
func line(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 16*maxText)], "")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d':
			return r
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	runes := []rune(strings.Join(strings.Fields(s), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), maxText)]))
}

// locale is a BCP 47 tag, "" for whatever is none. Directories send RFC 2798's list ("de, en;q=0.5") and POSIX names.
func (r *reading) locale() string {
	for _, v := range upTo(maxTries, r.first("locale")) {
		v, _, _ = strings.Cut(strings.TrimSpace(v), ",")
		if i := strings.IndexAny(v, ";.@"); i >= 0 {
			v = v[:i]
		}
		if len(v) > 35 { // RFC 5646, section 4.4.1
			continue
		}
		if tag, err := language.Parse(v); err == nil && tag != language.Und {
			return tag.String()
		}
	}
	return ""
}

// groups are sorted, so that a directory's whim of order is no change. cut is true where not all could be kept.
func (r *reading) groups() (groups []string, cut bool) {
	vs := r.first("groups")
	if len(vs) == 1 && r.conn.Preset == "onelogin" {
		vs = strings.Split(vs[0], ";")
	}
	seen := make(map[string]bool, min(len(vs), maxGroups))
	for _, v := range vs {
		switch {
		case blank(v) || seen[v]:
		case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		case len(v) > maxGroup || len(seen) == maxGroups:
			cut = true
		default:
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), cut
}

// keep is the attributes as sent, as far as they fit, without those that differ at every sign-in and say nothing of the
// person. Values that are no text (objectGUID, photos) are kept in base64.
func keep(sent map[string][]string) map[string][]string {
	out := make(map[string][]string, len(sent))
	room := maxAttributes
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if passing(name) || len(name) > maxAttribute || !isText(name) {
			continue
		}
		if size(name, sent[name]) > room {
			continue
		}
		vs := readable(sent[name])
		if room -= size(name, vs); room < 0 {
			break
		}
		out[name] = vs
	}
	return out
}

func size(name string, vs []string) int {
	n := len(name)
	for _, v := range vs {
		n += len(v) + 4 // quotes, comma and so on where it is stored as JSON
	}
	return n
}

func readable(vs []string) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		if out[i] = v; !isText(v) {
			out[i] = base64.StdEncoding.EncodeToString([]byte(v))
		}
	}
	return out
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// passing reports whether a claim speaks of one sign-in rather than of the person.
func passing(name string) bool {
	switch name {
	case "exp", "iat", "nbf", "nonce", "jti", "at_hash", "c_hash", "s_hash", "auth_time", "acr", "amr", "sid", "session_state", "aio", "rh", "uti", "xms_ftd",
		msClaims + "authenticationinstant", msClaims + "authenticationmethod", "http://schemas.microsoft.com/claims/authnmethodsreferences":
		return true
	}
	return false
}

// inside reads "realm_access.roles": a member of a claim that is a JSON object.
func inside(attributes map[string][]string, path string) []string {
	root, rest, ok := strings.Cut(path, ".")
	vs := attributes[root]
	if !ok || len(vs) != 1 || len(vs[0]) > maxAttributes || !strings.HasPrefix(vs[0], "{") {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(vs[0]))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	for key := range strings.SplitSeq(rest, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return without(flat(v), blank)
}

// flat writes a JSON value as providers.Identity has it: strings as they are, arrays as several values, all else as JSON.
func flat(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			} else if e != nil {
				out = append(out, jsonOf(e))
			}
		}
		return out
	}
	return []string{jsonOf(v)}
}

func jsonOf(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // what was decoded can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
