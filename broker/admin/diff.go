package admin

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"cloakroom/broker"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// FieldErrors are the bad fields that an error names, nil if it names none.
func FieldErrors(err error) broker.FieldErrors {
	var found broker.FieldErrors
	if errors.As(err, &found) {
		return found
	}
	return nil
}

// FieldChange is one field that a change touches; secrets are masked. Nil means absent.
type FieldChange struct {
	Pointer string `json:"pointer"`
	Before  any    `json:"before"`
	After   any    `json:"after"`
}

// metaFields change by themselves and never count as a change.
var metaFields = []string{"created_at", "updated_at", "version"}

// diff compares two documents field by field; lists are compared whole.
func diff(before, after map[string]any) []FieldChange {
	var out []FieldChange
	diffInto(&out, "", without(before, metaFields), without(after, metaFields))
	return out
}

func without(m map[string]any, names []string) map[string]any {
	out := maps.Clone(m)
	for _, n := range names {
		delete(out, n)
	}
	return out
}

func diffInto(out *[]FieldChange, pointer string, before, after any) {
	b, isB := before.(map[string]any)
	a, isA := after.(map[string]any)
	if !isA || !isB {
		if !reflect.DeepEqual(before, after) {
			*out = append(*out, FieldChange{pointer, before, after})
		}
		return
	}
	all := maps.Clone(b)
	maps.Copy(all, a)
	for _, k := range sortedKeys(all) {
		diffInto(out, pointer+"/"+escape(k), b[k], a[k])
	}
}

// longest is how much of one text an audit line keeps; longer ones (metadata) are named by their digest.
const longest = 4096

// ledger is a document as the audit log keeps it.
func ledger(doc map[string]any) []byte {
	if doc == nil {
		return nil
	}
	b, err := json.Marshal(shorten(doc))
	if err != nil {
		return nil // maps of JSON values always marshal
	}
	return b
}

func shorten(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > longest {
			return fmt.Sprintf("sha256:%x (%d bytes)", sha256.Sum256([]byte(v)), len(v))
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = shorten(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = shorten(e)
		}
		return out
	}
	return v
}
