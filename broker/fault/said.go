package fault

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// Text is what we say about a case: English with a place, a verb of package fmt, for each of the case's own values. The
// English is what its translations are found by (templates/locale/said). A text without values stands as it is.
type Text struct {
	Say    string `json:"say"`
	Values []Text `json:"values,omitempty"`
}

// Said are the texts behind the English of a finding that holds values, by that English: a page in another language says
// them anew. What somebody has changed since is not among them and stays English.
type Said map[string]Text

// verb is a place for a value; an explicit index is for translations, whose order may be another.
var verb = regexp.MustCompile(`%(?:\[([1-9])\])?[-+# 0-9.]*[a-zA-Z%]`)

// Sayf makes a text; a value that is a text itself is translated with it.
func Sayf(format string, args ...any) Text {
	places := verb.FindAllString(format, -1)
	if len(args) == 0 || len(places) != len(args) {
		return Text{Say: fmt.Sprintf(format, args...)}
	}
	t := Text{Say: format}
	for i, a := range args {
		inner, ok := a.(Text)
		if !ok {
			inner = Text{Say: fmt.Sprintf(places[i], a)}
		}
		t.Values = append(t.Values, inner)
	}
	return t
}

func (t Text) String() string {
	values := make([]string, len(t.Values))
	for i, v := range t.Values {
		values[i] = v.String()
	}
	return Fill(t.Say, values)
}

// Fill puts values into the places of a format: each into the one of its number, or else in their order. A format that has
// no values stands as it is.
func Fill(format string, values []string) string {
	if len(values) == 0 {
		return format
	}
	next := 0
	return verb.ReplaceAllStringFunc(format, func(place string) string {
		if at := verb.FindStringSubmatch(place)[1]; at != "" {
			next, _ = strconv.Atoi(at)
			next--
		}
		if next >= len(values) {
			return place
		}
		next++
		return values[next-1]
	})
}

// Places are the numbers of the values that a format has places for, in its order.
func Places(format string) (out []int) {
	next := 0
	for _, place := range verb.FindAllStringSubmatch(format, -1) {
		if place[1] != "" {
			next, _ = strconv.Atoi(place[1])
			next--
		}
		next++
		out = append(out, next)
	}
	return out
}

// Tell notes a text and answers its English.
func (s *Said) Tell(format string, args ...any) string {
	t := Sayf(format, args...)
	return s.Note(t.String(), t)
}

// Note notes the text behind an English that is put together in a way of its own.
func (s *Said) Note(english string, t Text) string {
	if len(t.Values) == 0 {
		return english // found by its English
	}
	own := maps.Clone(*s) // others may hold the same map
	if own == nil {
		own = Said{}
	}
	own[english] = t
	*s = own
	return english
}

// Of is the text behind an English.
func (s Said) Of(english string) Text {
	if t, ok := s[english]; ok {
		return t
	}
	return Text{Say: english}
}

// Add goes on with another text: details are said one after the other.
func (s *Said) Add(english string, more Text) string {
	said := strings.TrimSpace(more.String())
	switch {
	case said == "":
		return english
	case english == "":
		return s.Note(said, more)
	}
	return s.Note(english+"; "+said, Text{Say: "%s; %s", Values: []Text{s.Of(english), more}})
}
