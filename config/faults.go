package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with one setting.
type Fault struct {
	Setting string // all its spellings
	Message string
}

// Faults are all that is wrong with the settings.
type Faults []Fault

func (f Faults) Error() string {
	var b strings.Builder
	if len(f) == 1 {
		b.WriteString("one setting is wrong, nothing was started:")
	} else {
		fmt.Fprintf(&b, "%d settings are wrong, nothing was started:", len(f))
	}
	for _, one := range f {
		b.WriteString("\n  ")
		if one.Setting != "" {
			b.WriteString(one.Setting + ": ")
		}
		b.WriteString(one.Message)
	}
	return b.String()
}

// distance is the number of letters to insert, delete or replace to make a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
