package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Document is a JSON object of an upstream (ID token payload, userinfo), read so that it can mean one thing only: names
// are case-sensitive, no name stands twice at any level, the text is UTF-8, nothing follows the object. Values are
// string, json.Number, bool, nil, []any and map[string]any.
type Document map[string]any

// DuplicateError says that a name stands twice in one object, so that two readers could read two things.
type DuplicateError struct{ Name string }

func (e *DuplicateError) Error() string { return fmt.Sprintf("the name %q stands twice", e.Name) }

const maxDepth = 32

// ParseDocument reads a Document.
func ParseDocument(b []byte) (Document, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return object, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if delim == '{' {
		return readObject(dec, depth)
	}
	return readArray(dec, depth)
}

func readObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string) // the decoder takes nothing else as a name
		if _, twice := object[name]; twice {
			return nil, &DuplicateError{Name: name}
		}
		if object[name], err = readValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return object, err
}

func readArray(dec *json.Decoder, depth int) (any, error) {
	array := []any{}
	for dec.More() {
		v, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := dec.Token()
	return array, err
}

// String is a member's text, "" if it is missing or of another type.
func (d Document) String(name string) string {
	s, _ := d[name].(string)
	return s
}

// Strings is a member's text or texts; ok is false if the member is there and anything else.
func (d Document) Strings(name string) (out []string, ok bool) {
	switch v := d[name].(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		for _, e := range v {
			s, isText := e.(string)
			if !isText {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}

// Values is a member as Identity.Attributes holds it: strings as they are, an array as several values, everything else
// in JSON form; nothing for null.
func (d Document) Values(name string) []string {
	switch v := d[name].(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, 0, len(v))
		for _, e := range v {
			if e != nil {
				out = append(out, text(e))
			}
		}
		return out
	default:
		return []string{text(v)}
	}
}

// Attributes is the whole document as Identity.Attributes holds it.
func (d Document) Attributes() map[string][]string {
	m := make(map[string][]string, len(d))
	for name := range d {
		if v := d.Values(name); v != nil {
			m[name] = v
		}
	}
	return m
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // what was decoded from JSON encodes
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
