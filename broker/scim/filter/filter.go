// Package filter is the filter language of SCIM 2.0 (RFC 7644, sections 3.4.2.2 and 3.5.2): filters of lists and the paths
// of PATCH. A filter is read once into a tree of bounded size and then tried on resources.
package filter

import (
	"fmt"
	"strings"
)

// Bounds of a filter: what a directory sends is far below them.
const (
	MaxLength = 2048
	maxDepth  = 16
	maxNodes  = 64
)

// Attr names an attribute, as it was written: names are compared without regard to case.
type Attr struct {
	Schema string // URN that stood before the name, "" for none
	Name   string
	Sub    string // sub-attribute, "" for none
}

// Node is a filter, or a part of one: And, Or, Not, Compare or Within.
type Node interface{ node() }

// And holds where both do.
type And struct{ Left, Right Node }

// Or holds where either does.
type Or struct{ Left, Right Node }

// Not holds where the other does not.
type Not struct{ X Node }

// Compare holds an attribute against a value: a string, float64, bool or nil. Op is one of eq, ne, co, sw, ew, gt, ge, lt,
// le and pr, which has no value.
type Compare struct {
	Attr  Attr
	Op    string
	Value any
}

// Within holds where one element of a multi-valued attribute fulfils X: emails[type eq "work"].
type Within struct {
	Attr Attr
	X    Node
}

func (*And) node()     {}
func (*Or) node()      {}
func (*Not) node()     {}
func (*Compare) node() {}
func (*Within) node()  {}

// Path is what a change of PATCH is about: attr, attr.sub, attr[filter] or attr[filter].sub.
type Path struct {
	Attr
	Filter Node // nil for none
}

// Error says where a filter or path cannot be read.
type Error struct {
	At  int // byte
	Why string
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at character %d", e.Why, e.At+1) }

// Parse reads a filter.
func Parse(s string) (Node, error) {
	p := &parser{lexer: lexer{in: s}}
	if len(s) > MaxLength {
		return nil, p.fail("the filter is longer than %d bytes", MaxLength)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	n, err := p.or(0)
	if err == nil && p.tok.kind != end {
		err = p.fail("%q follows a filter that is complete", p.tok.text)
	}
	return n, err
}

// ParsePath reads the path of a change.
func ParsePath(s string) (Path, error) {
	p := &parser{lexer: lexer{in: s}}
	if len(s) > MaxLength {
		return Path{}, p.fail("the path is longer than %d bytes", MaxLength)
	}
	if err := p.next(); err != nil {
		return Path{}, err
	}
	a, err := p.attr()
	if err != nil {
		return Path{}, err
	}
	out := Path{Attr: a}
	if p.tok.kind == open && p.tok.text == "[" {
		if out.Filter, err = p.brackets(0); err != nil {
			return Path{}, err
		}
		if err := p.sub(&out); err != nil {
			return Path{}, err
		}
	}
	if p.tok.kind != end {
		return Path{}, p.fail("%q follows a path that is complete", p.tok.text)
	}
	return out, nil
}

// sub reads what may follow a path's brackets: .value
func (p *parser) sub(out *Path) error {
	if p.tok.kind != word {
		return nil
	}
	name, dotted := strings.CutPrefix(p.tok.text, ".")
	if !dotted || out.Sub != "" || !validName(name) {
		return p.fail("%q is not a sub-attribute", p.tok.text)
	}
	out.Sub = name
	return p.next()
}

type parser struct {
	lexer
	nodes int
}

func (p *parser) fail(format string, args ...any) error {
	return &Error{At: p.tok.at, Why: fmt.Sprintf(format, args...)}
}

// keyword reports whether the token is a word of the language.
func (p *parser) keyword(k string) bool {
	return p.tok.kind == word && strings.EqualFold(p.tok.text, k)
}

func (p *parser) count() error {
	if p.nodes++; p.nodes > maxNodes {
		return p.fail("the filter has more than %d parts", maxNodes)
	}
	return nil
}

func (p *parser) or(depth int) (Node, error) {
	return p.chain("or", depth, p.and, func(l, r Node) Node { return &Or{l, r} })
}

func (p *parser) and(depth int) (Node, error) {
	return p.chain("and", depth, p.one, func(l, r Node) Node { return &And{l, r} })
}

// chain reads parts with a word between them, from the left.
func (p *parser) chain(between string, depth int, part func(int) (Node, error), join func(l, r Node) Node) (Node, error) {
	left, err := part(depth)
	for err == nil && p.keyword(between) {
		var right Node
		if err = p.count(); err == nil {
			err = p.next()
		}
		if err == nil {
			right, err = part(depth)
		}
		left = join(left, right)
	}
	if err != nil {
		return nil, err
	}
	return left, nil
}

// one reads a group, a negation, or a comparison.
func (p *parser) one(depth int) (Node, error) {
	if depth >= maxDepth {
		return nil, p.fail("the filter is nested deeper than %d", maxDepth)
	}
	if err := p.count(); err != nil {
		return nil, err
	}
	switch {
	case p.tok.kind == open && p.tok.text == "(":
		return p.grouped(depth, ")")
	case p.keyword("not"):
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.tok.kind != open || p.tok.text != "(" {
			return nil, p.fail("not is followed by a filter in parentheses")
		}
		x, err := p.grouped(depth, ")")
		if err != nil {
			return nil, err
		}
		return &Not{x}, nil
	}
	return p.comparison(depth)
}

// grouped reads what stands between the present opening token and its counterpart.
func (p *parser) grouped(depth int, until string) (Node, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	x, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != closing || p.tok.text != until {
		return nil, p.fail("%s is missing", until)
	}
	return x, p.next()
}

func (p *parser) brackets(depth int) (Node, error) { return p.grouped(depth, "]") }

func (p *parser) comparison(depth int) (Node, error) {
	a, err := p.attr()
	if err != nil {
		return nil, err
	}
	if p.tok.kind == open && p.tok.text == "[" {
		return p.within(a, depth)
	}
	op := strings.ToLower(p.tok.text)
	switch {
	case p.tok.kind != word:
		return nil, p.fail("an operator is missing after %s", a.Name)
	case op == "pr":
		return &Compare{Attr: a, Op: op}, p.next()
	case !operator(op):
		return nil, p.fail("%q is not an operator", p.tok.text)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	v, err := p.value(op)
	if err != nil {
		return nil, err
	}
	return &Compare{Attr: a, Op: op, Value: v}, p.next()
}

// within reads emails[…], and emails[…].value eq …, which is as good as emails[… and value eq …].
func (p *parser) within(a Attr, depth int) (Node, error) {
	x, err := p.brackets(depth)
	if err != nil {
		return nil, err
	}
	path := Path{Attr: a}
	if p.tok.kind == word && strings.HasPrefix(p.tok.text, ".") {
		if err := p.sub(&path); err != nil {
			return nil, err
		}
		op := strings.ToLower(p.tok.text)
		c := &Compare{Attr: Attr{Name: path.Sub}, Op: op}
		if p.tok.kind != word || op != "pr" && !operator(op) {
			return nil, p.fail("an operator is missing")
		}
		if err := p.next(); err != nil {
			return nil, err
		}
		if op != "pr" {
			if c.Value, err = p.value(op); err != nil {
				return nil, err
			}
			if err := p.next(); err != nil {
				return nil, err
			}
		}
		x = &And{x, c}
	}
	return &Within{Attr: a, X: x}, nil
}

func operator(op string) bool {
	switch op {
	case "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le":
		return true
	}
	return false
}

// value reads a comparison's value. What has no order is not greater or less (RFC 7644, table 3), and only texts have
// parts.
func (p *parser) value(op string) (any, error) {
	v, ok := p.tok.value()
	if !ok {
		return nil, p.fail("a value is missing: a text in double quotes, a number, true, false or null")
	}
	switch _, text := v.(string); {
	case op == "eq", op == "ne", text:
		return v, nil
	case op == "co", op == "sw", op == "ew":
		return nil, p.fail("%s takes a text in double quotes", op)
	}
	if _, number := v.(float64); !number {
		return nil, p.fail("%s takes a text or a number", op)
	}
	return v, nil
}

// attr reads an attribute's name.
func (p *parser) attr() (Attr, error) {
	if p.tok.kind != word {
		return Attr{}, p.fail("the name of an attribute is missing")
	}
	a, ok := ParseAttr(p.tok.text)
	if !ok {
		return Attr{}, p.fail("%q is not the name of an attribute", p.tok.text)
	}
	return a, p.next()
}

// ParseAttr reads an attribute's name, with or without its schema and a sub-attribute.
func ParseAttr(s string) (Attr, bool) {
	var a Attr
	if len(s) > 4 && strings.EqualFold(s[:4], "urn:") {
		i := strings.LastIndexByte(s, ':')
		a.Schema, s = s[:i], s[i+1:]
	}
	name, sub, dotted := strings.Cut(s, ".")
	a.Name, a.Sub = name, sub
	return a, validName(name) && (!dotted || validName(sub))
}

// validName is ATTRNAME of RFC 7643, section 2.1, and $ref.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 && c != '$' || i > 0 && (c < '0' || c > '9') && c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && s != "$"
}
