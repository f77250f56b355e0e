package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// maxDepth bounds how deep a document may nest: ours need six.
const maxDepth = 32

// problems collects bad fields.
type problems struct{ list broker.FieldErrors }

func (p *problems) add(pointer, format string, args ...any) {
	p.list = append(p.list, broker.FieldError{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

// take adds the bad fields that err holds. Any other error is answered as it is.
func (p *problems) take(err error) error {
	if err == nil {
		return nil
	}
	if found := FieldErrors(err); found != nil {
		p.list = append(p.list, found...)
		return nil
	}
	return err
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	if len(p.list) == 1 {
		return fault.Wrap(fault.Invalid, p.list, "one field is wrong")
	}
	return fault.Wrap(fault.Invalid, p.list, "%d fields are wrong", len(p.list))
}

func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// parse reads a JSON document into maps, slices, json.Number, strings, booleans and nil. Stricter than encoding/json: a
// field written twice is refused, since two readers could take different ones.
func parse(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	v, err := parseValue(dec, "", 0)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = fault.New(fault.Malformed, "something follows the JSON document at byte %d", dec.InputOffset())
		}
	}
	return v, err
}

func parseValue(dec *json.Decoder, pointer string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fault.New(fault.Malformed, "the document nests deeper than %d levels", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, syntax(dec, err)
	}
	switch tok {
	case json.Delim('{'):
		return parseObject(dec, pointer, depth)
	case json.Delim('['):
		return parseArray(dec, pointer, depth)
	}
	return tok, nil
}

func syntax(dec *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Malformed, "the document ends in the middle")
	}
	return fault.New(fault.Malformed, "at byte %d: %s", dec.InputOffset(), err)
}

func parseObject(dec *json.Decoder, pointer string, depth int) (any, error) {
	m := map[string]any{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, syntax(dec, err)
		}
		key, _ := tok.(string) // the decoder takes nothing else here
		at := pointer + "/" + escape(key)
		if _, twice := m[key]; twice {
			var p problems
			p.add(at, "is written twice")
			return nil, p.err()
		}
		if m[key], err = parseValue(dec, at, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	if err != nil {
		return nil, syntax(dec, err)
	}
	return m, nil
}

func parseArray(dec *json.Decoder, pointer string, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		v, err := parseValue(dec, fmt.Sprintf("%s/%d", pointer, len(list)), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := dec.Token(); err != nil {
		return nil, syntax(dec, err)
	}
	return list, nil
}

// parseObjectDoc is parse for a document that must be an object.
func parseObjectDoc(b []byte) (map[string]any, error) {
	v, err := parse(b)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		var p problems
		p.add("", "is %s where an object is expected", describe(v))
		return nil, p.err()
	}
	return m, nil
}

// docOf is an object as its JSON document, secrets masked.
func docOf(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return parseObjectDoc(b)
}

// merge is JSON merge patch (RFC 7396, section 2). Neither argument is changed.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if t, ok := target.(map[string]any); ok {
		for k, v := range t {
			out[k] = v
		}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
			continue
		}
		out[k] = merge(out[k], v)
	}
	return out
}

// under lays defaults under a document: only what the document does not say is taken.
func under(doc, defaults map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range defaults {
		out[k] = v
	}
	for k, v := range doc {
		below, both := out[k].(map[string]any)
		above, also := v.(map[string]any)
		switch {
		case both && also:
			out[k] = under(above, below)
		case v == nil && out[k] != nil: // null asks for the default
		default:
			out[k] = v
		}
	}
	return out
}

// decode reads a document into a struct. Every unknown field and every value of a wrong type is answered at once: a typing
// error must not pass for a default.
func decode(doc map[string]any, into any) error {
	var p problems
	checkValue(&p, "", doc, reflect.TypeOf(into).Elem())
	if err := p.err(); err != nil {
		return err
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		p.add("", "%s", err)
	}
	return p.err()
}

// decodeShallow is decode for a body that holds a foreign document, such as a browser's network log, whose own depth is
// its own affair.
func decodeShallow(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	var p problems
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		p.add("/"+wrong.Field, "is a JSON %s, which this field does not take", wrong.Value)
		return p.err()
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		p.add("/"+escape(strings.Trim(name, `"`)), "is not a field here")
		return p.err()
	}
	return fault.Wrap(fault.Malformed, err, "%s", err)
}

var (
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
	rawMessage  = reflect.TypeFor[json.RawMessage]()
	timeType    = reflect.TypeFor[time.Time]()
)

func checkValue(p *problems, pointer string, v any, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil || t == rawMessage {
		return // null is the zero value; raw JSON is judged by who reads it
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		checkUnmarshal(p, pointer, v, t)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		checkStruct(p, pointer, v, t)
	case reflect.Map:
		checkMap(p, pointer, v, t)
	case reflect.Slice:
		checkSlice(p, pointer, v, t)
	case reflect.String:
		if _, ok := v.(string); !ok {
			p.add(pointer, "is %s where a text is expected", describe(v))
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			p.add(pointer, "is %s where true or false is expected", describe(v))
		}
	case reflect.Int, reflect.Int64:
		checkInt(p, pointer, v)
	}
}

func checkInt(p *problems, pointer string, v any) {
	n, ok := v.(json.Number)
	if !ok {
		p.add(pointer, "is %s where a number is expected", describe(v))
		return
	}
	if _, err := n.Int64(); err != nil {
		p.add(pointer, "%s is not a whole number", n)
	}
}

func checkUnmarshal(p *problems, pointer string, v any, t reflect.Type) {
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, reflect.New(t).Interface())
	}
	switch {
	case err == nil:
	case t == timeType:
		p.add(pointer, "is not a time like 2026-11-21T08:00:00Z")
	default:
		p.add(pointer, "%s", err)
	}
}

func checkStruct(p *problems, pointer string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	if !ok {
		p.add(pointer, "is %s where an object is expected", describe(v))
		return
	}
	known := fieldsOf(t)
	for _, k := range sortedKeys(m) {
		ft, ok := known[k]
		if !ok {
			p.add(pointer+"/"+escape(k), "is not a field here%s", didYouMean(k, known))
			continue
		}
		checkValue(p, pointer+"/"+escape(k), m[k], ft)
	}
}

func checkMap(p *problems, pointer string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	if !ok {
		p.add(pointer, "is %s where an object is expected", describe(v))
		return
	}
	for _, k := range sortedKeys(m) {
		checkItem(p, pointer+"/"+escape(k), m[k], t.Elem())
	}
}

func checkSlice(p *problems, pointer string, v any, t reflect.Type) {
	list, ok := v.([]any)
	if !ok {
		p.add(pointer, "is %s where a list is expected", describe(v))
		return
	}
	for i, item := range list {
		checkItem(p, fmt.Sprintf("%s/%d", pointer, i), item, t.Elem())
	}
}

func checkItem(p *problems, pointer string, v any, t reflect.Type) {
	if v == nil {
		p.add(pointer, "is null")
		return
	}
	checkValue(p, pointer, v, t)
}

// fieldsOf are the JSON names of a struct's fields, those of embedded structs included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for k, v := range fieldsOf(f.Type) {
				out[k] = v
			}
		case f.IsExported() && name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}

func didYouMean(k string, known map[string]reflect.Type) string {
	plain := func(s string) string {
		return strings.TrimSuffix(strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)), "s")
	}
	for _, name := range sortedKeys(known) {
		if plain(name) == plain(k) {
			return fmt.Sprintf(": %s is", name)
		}
	}
	return ""
}

func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	}
	return "a number"
}
