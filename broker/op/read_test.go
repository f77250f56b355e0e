package op_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"cloakroom/broker/op/token"
	"cloakroom/store/flow"
)

func hashOf(s string) string { return token.Hash(s) }

func sessionsOf(w *world) flow.Filter { return flow.Filter{} }

func part(t testing.TB, tok any, i int) map[string]any {
	t.Helper()
	s, _ := tok.(string)
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a JWT", s)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[i])
	must(t, err)
	var m map[string]any
	must(t, json.Unmarshal(b, &m))
	return m
}

func header(t testing.TB, tok any) map[string]any  { t.Helper(); return part(t, tok, 0) }
func payload(t testing.TB, tok any) map[string]any { t.Helper(); return part(t, tok, 1) }

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}
