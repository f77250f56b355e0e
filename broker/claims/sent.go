package claims

import (
	"maps"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

const (
	maxSentNames = 25
	maxSentName  = 120
)

// noAddress is the fault of an answer without an address, or of one that has it under a name that nobody looks for.
func (r *reading) noAddress(names []string, looked fault.Text) error {
	f := fault.New(fault.EmailMissing, "%s; %s", looked, r.sent())
	other := r.addressElsewhere(names)
	if other == "" {
		return f
	}
	f.Observed, f.Expected, f.Confidence = other, names[0], fault.Likely
	f.Fix = "An address came as " + other + ": call it " + names[0] + " at the provider, or add " + other + " to email in the connection's Mapping, if it is the person's own."
	f.Alternatives = []fault.Alternative{{Code: fault.IdPNoValue, Question: "Is " + other + " somebody else's address, such as a manager's? Then the person's own is not sent."}}
	return f
}

// addressElsewhere is the first attribute that holds one address and is none of the names.
func (r *reading) addressElsewhere(names []string) string {
	for _, n := range slices.Sorted(maps.Keys(r.idn.Attributes)) {
		if len(n) > maxSentName || slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, n) }) {
			continue
		}
		if vs := r.idn.Attributes[n]; len(vs) > 0 && !strings.Contains(vs[0], "#EXT#") {
			if _, ok := addressOf(vs); ok {
				return n
			}
		}
	}
	return ""
}

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
