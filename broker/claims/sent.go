package claims

import (
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

const (
	maxSentNames = 25
	maxSentName  = 120
)

// sent names what was said of a person, without the values: where what is looked for is missing, the list often shows
// under what other name it came.
func (r *reading) sent() fault.Text {
	names := make([]string, 0, len(r.idn.Attributes))
	for n := range r.idn.Attributes {
		if len(n) > maxSentName {
			n = strings.ToValidUTF8(n[:maxSentName], "") + "…"
		}
		names = append(names, n)
	}
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		return fault.Sayf("sent were no attributes")
	case n > maxSentNames:
		return fault.Sayf("sent were %s and %d more", strings.Join(names[:maxSentNames], ", "), n-maxSentNames)
	}
	return fault.Sayf("sent were %s", strings.Join(names, ", "))
}
