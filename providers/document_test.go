package providers_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"cloakroom/providers"
)

func TestDocumentMeansOneThing(t *testing.T) {
	for name, in := range map[string]string{
		"twice at the top":     `{"sub":"a","sub":"b"}`,
		"twice, escaped":       `{"sub":"a","s\u0075b":"b"}`,
		"twice, nested":        `{"a":{"b":1,"b":2}}`,
		"twice, in an array":   `{"a":[{"b":1,"b":2}]}`,
		"twice with null":      `{"a":null,"a":"x"}`,
		"array":                `["sub"]`,
		"text":                 `"sub"`,
		"nothing":              ``,
		"null":                 `null`,
		"trailing":             `{"a":1}{"b":2}`,
		"trailing text":        `{"a":1} x`,
		"cut":                  `{"a":`,
		"not UTF-8":            "{\"a\":\"\xff\"}",
		"comment":              `{"a":1 /* b */}`,
		"name without quotes":  `{a:1}`,
		"deep":                 `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"very deep and unshut": strings.Repeat(`{"a":`, 100000),
	} {
		if d, err := providers.ParseDocument([]byte(in)); err == nil {
			t.Errorf("%s: read as %v", name, d)
		}
	}
	var twice *providers.DuplicateError
	if _, err := providers.ParseDocument([]byte(`{"email":"a","email":"b"}`)); !errors.As(err, &twice) || twice.Name != "email" {
		t.Errorf("got %v", err)
	}
}

func TestDocumentAttributes(t *testing.T) {
	d, err := providers.ParseDocument([]byte(`{"sub":"a","Sub":"b","n":12345678901234567890,"ok":true,"none":null,
		"groups":["x",1,null,{"k":"<&>"}],"address":{"street":"s","city":"c"},"empty":""}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"sub": {"a"}, "Sub": {"b"}, "n": {"12345678901234567890"}, "ok": {"true"}, "empty": {""},
		"groups": {"x", "1", `{"k":"<&>"}`}, "address": {`{"city":"c","street":"s"}`},
	}
	if got := d.Attributes(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if _, ok := d.Strings("groups"); ok {
		t.Error("a mixed array counts as texts")
	}
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"c"}]}`, `{"a":1,"a":2}`, `{`, `{"\ud800":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := providers.ParseDocument(b); err == nil {
			d.Attributes()
		}
	})
}
