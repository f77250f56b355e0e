package filter

import (
	"encoding/json"
	"strings"
)

type kind int

const (
	end     kind = iota
	word         // a name, an operator, true, false, null or a number
	text         // a JSON string, quotes included
	open         // ( or [
	closing      // ) or ]
)

type token struct {
	kind kind
	text string
	at   int
}

type lexer struct {
	in  string
	pos int
	tok token
}

// next reads the next token into tok.
func (l *lexer) next() error {
	for l.pos < len(l.in) && (l.in[l.pos] == ' ' || l.in[l.pos] == '\t') {
		l.pos++
	}
	l.tok = token{at: l.pos}
	if l.pos == len(l.in) {
		return nil
	}
	switch c := l.in[l.pos]; c {
	case '(', '[':
		l.take(open, 1)
	case ')', ']':
		l.take(closing, 1)
	case '"':
		return l.quoted()
	default:
		n := strings.IndexAny(l.in[l.pos:], " \t()[]\"")
		if n < 0 {
			n = len(l.in) - l.pos
		}
		l.take(word, n)
	}
	return nil
}

func (l *lexer) take(k kind, n int) {
	l.tok.kind, l.tok.text = k, l.in[l.pos:l.pos+n]
	l.pos += n
}

// quoted reads a text with JSON's escapes.
func (l *lexer) quoted() error {
	for i := l.pos + 1; i < len(l.in); i++ {
		switch l.in[i] {
		case '\\':
			i++
		case '"':
			l.take(text, i+1-l.pos)
			if !json.Valid([]byte(l.tok.text)) {
				return &Error{At: l.tok.at, Why: "the text in quotes holds something that JSON does not"}
			}
			return nil
		}
	}
	return &Error{At: l.pos, Why: "the closing quote is missing"}
}

// value is the token as a literal: a string, a float64, a bool or nil.
func (t token) value() (any, bool) {
	switch {
	case t.kind == text:
		var s string
		err := json.Unmarshal([]byte(t.text), &s)
		return s, err == nil
	case t.kind != word:
		return nil, false
	}
	switch strings.ToLower(t.text) {
	case "true":
		return true, true
	case "false":
		return false, true
	case "null":
		return nil, true
	}
	var n float64
	if json.Unmarshal([]byte(t.text), &n) != nil {
		return nil, false
	}
	return n, true
}
