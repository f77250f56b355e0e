package admin

import (
	"encoding/json"
	"reflect"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// The table of RFC 7396, appendix A.
func TestMergePatch(t *testing.T) {
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		target, patch, want := read(t, c.target), read(t, c.patch), read(t, c.want)
		if got := merge(target, patch); !reflect.DeepEqual(got, want) {
			t.Errorf("%s + %s = %v, want %s", c.target, c.patch, got, c.want)
		}
		if !reflect.DeepEqual(target, read(t, c.target)) {
			t.Errorf("%s was changed to %v", c.target, target)
		}
	}
}

func read(t *testing.T, s string) any {
	t.Helper()
	v, err := parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLongTextsAreNamedByDigestInTheLedger(t *testing.T) {
	long := string(make([]byte, longest+1))
	var got map[string]string
	if err := json.Unmarshal(ledger(map[string]any{"a": long, "b": "short"}), &got); err != nil {
		t.Fatal(err)
	}
	if len(got["a"]) > 200 || got["b"] != "short" {
		t.Errorf("%v", got)
	}
}

// FuzzPatch: no patch makes the decoder panic or let an unknown field through, and what it takes is what encoding/json
// reads too.
func FuzzPatch(f *testing.F) {
	f.Add(`{"name":"x","oidc":{"client_id":"a"},"mapping":{"email":["a"]}}`)
	f.Add(`{"saml":{"clock_skew":60,"certificates":[null]},"created_at":"2020-01-01T00:00:00Z","version":1e3}`)
	f.Add(`{"slug":null,"/~":{"a":1}}`)
	c := &broker.Connection{Slug: "s", Protocol: "oidc"}
	c.Defaults()
	f.Fuzz(func(t *testing.T, in string) {
		doc, err := patched(c, 1, nil, []byte(in))
		if err == nil {
			out := &broker.Connection{}
			if err = decode(doc, out); err == nil {
				if _, err := docOf(out); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}
