package diagnose

import (
	"slices"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// specific gives a missing address the fix of what the protocol noticed about it: that names the field of the provider's
// console, and the question whether it is this person or everybody.
func specific(findings []admin.Finding) []admin.Finding {
	at := func(c fault.Code) int {
		return slices.IndexFunc(findings, func(f admin.Finding) bool { return f.Code == string(c) })
	}
	missing, noticed := at(fault.EmailMissing), at(fault.SAMLNoEmail)
	if missing < 0 || noticed < 0 {
		return findings
	}
	from, to := findings[noticed], &findings[missing]
	to.Fix, to.Labels = from.Fix, from.Labels
	for _, a := range from.Alternatives {
		if a.Code != to.Code {
			to.Alternatives = append(to.Alternatives, a)
		}
	}
	return slices.Delete(findings, noticed, noticed+1)
}
