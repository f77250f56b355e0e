package filter

import (
	"strconv"
	"strings"
	"time"
)

// Exact reports whether an attribute's texts are compared with regard to case (caseExact, RFC 7643, section 2.2).
type Exact func(a Attr) bool

// Match tries a filter on a resource: JSON objects as map[string]any, lists as []any.
func Match(n Node, resource map[string]any, exact Exact) bool {
	return matcher{exact: exact}.match(n, resource)
}

// matcher tries a filter; within is the attribute whose elements are looked at.
type matcher struct {
	exact  Exact
	within Attr
}

func (m matcher) match(n Node, of map[string]any) bool {
	switch n := n.(type) {
	case *And:
		return m.match(n.Left, of) && m.match(n.Right, of)
	case *Or:
		return m.match(n.Left, of) || m.match(n.Right, of)
	case *Not:
		return !m.match(n.X, of)
	case *Within:
		inner := matcher{exact: m.exact, within: n.Attr}
		for _, v := range values(of, n.Attr) {
			if inner.match(n.X, elementOf(v)) {
				return true
			}
		}
	case *Compare:
		return m.compare(n, of)
	}
	return false
}

// elementOf is an element of a multi-valued attribute as an object: a plain value is its own "value".
func elementOf(v any) map[string]any {
	if o, ok := v.(map[string]any); ok {
		return o
	}
	return map[string]any{"value": v}
}

// compare: of several values one that fits is enough; ne fits where none is equal.
func (m matcher) compare(c *Compare, of map[string]any) bool {
	vs := values(of, c.Attr)
	if c.Op == "pr" {
		return len(vs) > 0
	}
	a := c.Attr
	if m.within.Name != "" {
		a = Attr{Schema: m.within.Schema, Name: m.within.Name, Sub: c.Attr.Name}
	}
	exact := m.exact(a)
	op, negated := c.Op, c.Op == "ne"
	if negated {
		op = "eq"
	}
	if c.Value == nil {
		return (len(vs) == 0) != negated
	}
	for _, v := range vs {
		if holds(op, v, c.Value, exact) {
			return !negated
		}
	}
	return negated
}

// values are what an attribute holds, an object's "value" for the object; none for what is empty.
func values(of map[string]any, a Attr) []any {
	if a.Schema != "" {
		if ext, ok := get(of, a.Schema).(map[string]any); ok {
			of = ext
		}
	}
	var out []any
	for _, v := range list(get(of, a.Name)) {
		o, isObject := v.(map[string]any)
		switch {
		case a.Sub != "" && isObject:
			out = append(out, list(get(o, a.Sub))...)
		case a.Sub != "" && strings.EqualFold(a.Sub, "value") || a.Sub == "":
			out = append(out, v)
		}
	}
	return out
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case string:
		if v == "" {
			return nil
		}
	}
	return []any{v}
}

// get finds a member without regard to case.
func get(of map[string]any, name string) any {
	if v, ok := of[name]; ok {
		return v
	}
	for k, v := range of {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

func holds(op string, have, want any, exact bool) bool {
	if o, ok := have.(map[string]any); ok {
		have = get(o, "value")
	}
	switch want := want.(type) {
	case string:
		return holdsText(op, textOf(have), want, exact)
	case bool:
		b, err := strconv.ParseBool(textOf(have))
		return err == nil && b == want
	case float64:
		n, ok := have.(float64)
		return ok && ordered(op, cmp(n, want))
	}
	return false
}

func cmp(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// textOf is a value as it would be written in quotes: directories quote booleans.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func holdsText(op, have, want string, exact bool) bool {
	if t, err := time.Parse(time.RFC3339, want); err == nil {
		if h, err := time.Parse(time.RFC3339, have); err == nil {
			return ordered(op, h.Compare(t))
		}
	}
	if !exact {
		have, want = strings.ToLower(have), strings.ToLower(want)
	}
	switch op {
	case "co":
		return strings.Contains(have, want)
	case "sw":
		return strings.HasPrefix(have, want)
	case "ew":
		return strings.HasSuffix(have, want)
	}
	return ordered(op, strings.Compare(have, want))
}

func ordered(op string, c int) bool {
	switch op {
	case "eq":
		return c == 0
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return false
}
