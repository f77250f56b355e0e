package scim

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloakroom/broker/fault"
	"cloakroom/broker/scim/filter"
)

// Bounds of what a directory sends.
const (
	maxDepth    = 12
	maxValues   = 200       // of a multi-valued attribute, members apart
	maxText     = 8 << 10   // of one value
	maxName     = 512       // of what an index holds
	maxResource = 128 << 10 // of a user, as it is kept
)

type object = map[string]any

// parse reads a JSON object. A key that stands twice is refused: which of the two another reader takes is not known.
func parse(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, fault.New(fault.SCIMSyntax, "the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.New(fault.SCIMSyntax, "something follows the JSON object")
	}
	o, ok := v.(object)
	if !ok {
		return nil, fault.New(fault.SCIMSyntax, "the body is not a JSON object")
	}
	return o, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fault.New(fault.SCIMSyntax, "the body is not JSON: %s", err)
	}
	if depth > maxDepth {
		return nil, fault.New(fault.SCIMSyntax, "the body is nested deeper than %d", maxDepth)
	}
	switch t {
	case json.Delim('{'):
		return parseObject(d, depth)
	case json.Delim('['):
		return parseList(d, depth)
	}
	if s, ok := t.(string); ok && (len(s) > maxText || strings.ContainsRune(s, 0)) {
		return nil, fault.New(fault.SCIMValue, "a text is longer than %d bytes or holds a NUL", maxText)
	}
	return t, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	out := object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fault.New(fault.SCIMSyntax, "the body is not JSON: %s", err)
		}
		name, _ := key.(string)
		if _, twice := out[name]; twice || len(name) > maxName || strings.ContainsRune(name, 0) {
			return nil, fault.New(fault.SCIMSyntax, "the key %.100q stands twice, or is no name", name)
		}
		if out[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	return out, closed(d)
}

func parseList(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, closed(d)
}

func closed(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return fault.New(fault.SCIMSyntax, "the body is not JSON: %s", err)
	}
	return nil
}

// member finds a key without regard to case, and as it was written.
func member(o object, name string) (key string, v any, ok bool) {
	if v, ok = o[name]; ok {
		return name, v, true
	}
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return k, v, true
		}
	}
	return "", nil, false
}

// normalise gives a resource the names and types that its schemas have, so that it is kept in one form whoever sent it.
// Attributes that no schema knows are left out, as are those that only we write; extensions that we do not know are kept
// as they are.
func (k kind) normalise(in object) (object, error) {
	out := object{}
	if err := k.fill(out, in, append(common(), k.core.attrs...), ""); err != nil {
		return nil, err
	}
	for key, v := range in {
		ext, ok := v.(object)
		if !ok || !strings.HasPrefix(strings.ToLower(key), "urn:") {
			continue
		}
		known, name := schema{}, key
		for _, e := range k.ext {
			if strings.EqualFold(e.id, key) {
				known, name = e, e.id
			}
		}
		if _, twice := out[name]; twice {
			return nil, fault.New(fault.SCIMSyntax, "the extension %q stands twice", name)
		}
		if known.id == "" {
			out[name] = ext
			continue
		}
		inner := object{}
		if err := k.fill(inner, ext, known.attrs, name+":"); err != nil {
			return nil, err
		}
		if len(inner) > 0 {
			out[name] = inner
		}
	}
	return out, nil
}

// fill takes the known attributes of in.
func (k kind) fill(out, in object, attrs []attribute, prefix string) error {
	for key, v := range in {
		a, ok := find(attrs, key)
		if !ok || a.Mutability == "readOnly" || v == nil {
			continue
		}
		if _, twice := out[a.Name]; twice {
			return fault.New(fault.SCIMSyntax, "the attribute %s stands twice", prefix+a.Name)
		}
		typed, err := a.typed(v, prefix+a.Name)
		if err != nil {
			return err
		}
		if typed != nil {
			out[a.Name] = typed
		}
	}
	return nil
}

// typed brings a value to the type of its attribute; nil for none. Directories quote booleans, send one value where a
// list belongs and a plain one where an object with "value" does: what is meant is plain, so it is taken.
func (a attribute) typed(v any, name string) (any, error) {
	if !a.Multi {
		return a.single(v, name)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) > maxValues && a.Name != "members" {
		return nil, fault.New(fault.SCIMValue, "%s has more than %d values", name, maxValues)
	}
	out := []any{}
	for _, item := range list {
		one, err := a.single(item, name)
		if err != nil {
			return nil, err
		}
		if one != nil {
			out = append(out, one)
		}
	}
	onePrimary(out)
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// onePrimary: primary is true of one value at most (RFC 7643, section 2.4): the one that was said last.
func onePrimary(list []any) {
	seen := false
	for i := len(list) - 1; i >= 0; i-- {
		if o, ok := list[i].(object); ok && o["primary"] == true {
			if seen {
				o["primary"] = false
			}
			seen = true
		}
	}
}

func (a attribute) single(v any, name string) (any, error) {
	switch a.Type {
	case "complex":
		return a.complex(v, name)
	case "boolean":
		return booleanOf(v, name)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		if v == "" {
			return nil, nil
		}
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return nil, fault.New(fault.SCIMValue, "%s takes a text", name)
}

func (a attribute) complex(v any, name string) (any, error) {
	o, ok := v.(object)
	if !ok {
		if v == nil || v == "" {
			return nil, nil
		}
		if _, has := find(a.Sub, "value"); !has {
			return nil, fault.New(fault.SCIMValue, "%s takes an object", name)
		}
		o = object{"value": v}
	}
	out := object{}
	for key, v := range o {
		sub, ok := find(a.Sub, key)
		if !ok || v == nil {
			continue
		}
		if _, twice := out[sub.Name]; twice {
			return nil, fault.New(fault.SCIMSyntax, "%s.%s stands twice", name, sub.Name)
		}
		typed, err := sub.typed(v, name+"."+sub.Name)
		if err != nil {
			return nil, err
		}
		if typed != nil {
			out[sub.Name] = typed
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// booleanOf takes "True" and "False" too: Entra ID sends them so.
func booleanOf(v any, name string) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		return v, nil
	case string:
		if v == "" {
			return nil, nil
		}
		if b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(v))); err == nil {
			return b, nil
		}
	}
	return nil, fault.New(fault.SCIMValue, "%s takes true or false", name)
}

func textIn(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

// only reduces an answer to what was asked for (RFC 7644, section 3.9). id and schemas are always there.
func only(o object, attributes, excluded []string) object {
	switch {
	case len(attributes) > 0:
		out := object{"schemas": o["schemas"], "id": o["id"]}
		for _, name := range attributes {
			if a, ok := filter.ParseAttr(name); ok {
				pick(out, o, a)
			}
		}
		return out
	case len(excluded) > 0:
		for _, name := range excluded {
			if a, ok := filter.ParseAttr(name); ok {
				leave(o, a)
			}
		}
	}
	return o
}

// locate finds the object that an attribute is in, the key that it has there, and the URN of the extension if it is in
// one; key is "" for what is not there.
func locate(o object, a filter.Attr) (in object, key, urn string) {
	if a.Schema != "" {
		if whole, _, ok := member(o, a.Schema+":"+a.Name); ok {
			return o, whole, ""
		}
		if urn, v, ok := member(o, a.Schema); ok {
			ext, _ := v.(object)
			key, _, _ := member(ext, a.Name)
			return ext, key, urn
		}
	}
	key, _, _ = member(o, a.Name)
	return o, key, ""
}

func pick(out, o object, a filter.Attr) {
	in, key, urn := locate(o, a)
	if key == "" {
		return
	}
	if urn != "" {
		ext, _ := out[urn].(object)
		if ext == nil {
			ext = object{}
		}
		out[urn], out = ext, ext
	}
	out[key] = subOf(in[key], a.Sub, out[key])
}

// subOf is a value reduced to one sub-attribute, joined to what was taken of it before.
func subOf(v any, sub string, had any) any {
	if sub == "" {
		return v
	}
	switch v := v.(type) {
	case object:
		out, _ := had.(object)
		if out == nil {
			out = object{}
		}
		if key, one, ok := member(v, sub); ok {
			out[key] = one
		}
		return out
	case []any:
		before, _ := had.([]any)
		out := make([]any, len(v))
		for i := range v {
			var prev any
			if i < len(before) {
				prev = before[i]
			}
			out[i] = subOf(v[i], sub, prev)
		}
		return out
	}
	return v
}

func leave(o object, a filter.Attr) {
	in, key, _ := locate(o, a)
	switch {
	case key == "" || key == "id" || key == "schemas":
		return
	case a.Sub == "":
		delete(in, key)
		return
	}
	list, ok := in[key].([]any)
	if !ok {
		list = []any{in[key]}
	}
	for _, v := range list {
		if one, ok := v.(object); ok {
			sub, _, _ := member(one, a.Sub)
			delete(one, sub)
		}
	}
}
