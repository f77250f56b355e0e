package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// A manifest is read into the same values as a JSON document, so that one set of checks serves both; lines remembers where
// each value stands.

// maxNodes bounds what aliases can blow a small file up to.
const maxNodes = 1_000_000

type lines map[string]int

type yamlReader struct {
	at    lines
	nodes int
}

// parseYAML reads one YAML document.
func parseYAML(r io.Reader) (any, lines, error) {
	dec := yaml.NewDecoder(r)
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, fault.New(fault.Malformed, "the file is empty")
		}
		return nil, nil, fault.New(fault.Malformed, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, nil, fault.New(fault.Malformed, "the file holds more than one YAML document")
	}
	y := yamlReader{at: lines{}}
	v, err := y.value(&doc, "", 0)
	return v, y.at, err
}

func (y *yamlReader) value(n *yaml.Node, pointer string, depth int) (any, error) {
	y.nodes++
	if depth > maxDepth || y.nodes > maxNodes {
		return nil, fault.New(fault.Malformed, "line %d: the document nests too deep or is too large", n.Line)
	}
	if _, known := y.at[pointer]; !known {
		y.at[pointer] = n.Line
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return y.value(n.Content[0], pointer, depth+1)
	case yaml.AliasNode:
		return y.value(n.Alias, pointer, depth+1)
	case yaml.MappingNode:
		return y.mapping(n, pointer, depth)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := y.value(item, fmt.Sprintf("%s/%d", pointer, i), depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	}
	return scalar(n)
}

func (y *yamlReader) mapping(n *yaml.Node, pointer string, depth int) (any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, fault.New(fault.Malformed, "line %d: a field's name is a plain text", key.Line)
		}
		at := pointer + "/" + escape(key.Value)
		if _, twice := m[key.Value]; twice {
			return nil, fault.New(fault.Malformed, "line %d: %s is written twice", key.Line, at)
		}
		y.at[at] = key.Line
		v, err := y.value(n.Content[i+1], at, depth+1)
		if err != nil {
			return nil, err
		}
		m[key.Value] = v
	}
	return m, nil
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return nil, fault.New(fault.Malformed, "line %d: %q is not true or false", n.Line, n.Value)
		}
		return b, nil
	case "!!int":
		var i int64
		if err := n.Decode(&i); err != nil {
			return nil, fault.New(fault.Malformed, "line %d: %q is not a number that fits", n.Line, n.Value)
		}
		return json.Number(strconv.FormatInt(i, 10)), nil
	case "!!float":
		var f float64
		if err := n.Decode(&f); err != nil || f != f || f-f != 0 {
			return nil, fault.New(fault.Malformed, "line %d: %q is not a number", n.Line, n.Value)
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
	case "!!binary":
		return nil, fault.New(fault.Malformed, "line %d: binary values are not taken", n.Line)
	}
	return n.Value, nil
}

// withLines puts the line in front of each bad field.
func withLines(err error, at lines) error {
	found := FieldErrors(err)
	if found == nil {
		return err
	}
	out := make(broker.FieldErrors, 0, len(found))
	for _, f := range found {
		out = append(out, broker.FieldError{Pointer: f.Pointer, Detail: fmt.Sprintf("line %d: %s", at.of(f.Pointer), f.Detail)})
	}
	slices.SortStableFunc(out, func(a, b broker.FieldError) int { return at.of(a.Pointer) - at.of(b.Pointer) })
	return (&problems{out}).err()
}

// of is the line of a pointer, or of what is nearest around it.
func (l lines) of(pointer string) int {
	for {
		if n, ok := l[pointer]; ok {
			return n
		}
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return 1
		}
		pointer = pointer[:i]
	}
}

// node is a document as YAML with the fields of t in the order of the struct.
func node(v any, t reflect.Type) *yaml.Node {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch v := v.(type) {
	case map[string]any:
		return mappingNode(v, t)
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, node(item, elem(t)))
		}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		return n
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case string:
		n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}
		switch {
		case strings.ContainsAny(v, "\r\u0085\u2028\u2029\t"): // a literal block would not keep these
			n.Style = yaml.DoubleQuotedStyle
		case strings.Contains(v, "\n"):
			n.Style = yaml.LiteralStyle
		}
		return n
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

func mappingNode(m map[string]any, t reflect.Type) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	if len(m) == 0 {
		n.Style = yaml.FlowStyle
	}
	for _, k := range orderOf(m, t) {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: k}, node(m[k], fieldType(t, k)))
	}
	return n
}

func elem(t reflect.Type) reflect.Type {
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) {
		return t.Elem()
	}
	return nil
}

func fieldType(t reflect.Type, name string) reflect.Type {
	if t != nil && t.Kind() == reflect.Struct {
		return fieldsOf(t)[name]
	}
	return elem(t)
}

// orderOf are a document's keys: those of the struct in its order, others by name.
func orderOf(m map[string]any, t reflect.Type) []string {
	keys := sortedKeys(m)
	if t == nil || t.Kind() != reflect.Struct {
		return keys
	}
	rank := map[string]int{}
	for i, name := range namesOf(t) {
		rank[name] = i + 1
	}
	slices.SortStableFunc(keys, func(a, b string) int { return rank[a] - rank[b] })
	return keys
}

func namesOf(t reflect.Type) (out []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			out = append(out, namesOf(f.Type)...)
		} else if name != "" && name != "-" {
			out = append(out, name)
		}
	}
	return out
}
