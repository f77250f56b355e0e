package engine

import "strings"

// In is the condition that a column holds one of the values, with its arguments: any for nil, none for an empty list.
func In(column string, values []string) (string, []any) {
	switch {
	case values == nil:
		return "1 = 1", nil
	case len(values) == 0:
		return "1 = 0", nil
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return column + " IN (" + Marks(len(values)) + ")", args
}

// Marks is n question marks with commas.
func Marks(n int) string { return strings.TrimPrefix(strings.Repeat(", ?", n), ", ") }
