package diagnose

import (
	"slices"
	"strings"

	"cloakroom/broker/admin"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// specific gives a missing address the fix of what the protocol noticed about it: that names the field of the provider's
// console, and the question whether it is this person or everybody.
func specific(findings []admin.Finding) []admin.Finding {
	at := func(c fault.Code) int {
		return slices.IndexFunc(findings, func(f admin.Finding) bool { return f.Code == string(c) })
	}
	missing, noticed := at(fault.EmailMissing), max(at(fault.SAMLNoEmail), at(fault.OIDCNoEmail))
	if missing < 0 || noticed < 0 {
		return findings
	}
	from, to := findings[noticed], &findings[missing]
	to.Labels = from.Labels
	to.Fix = to.Said.Note(from.Fix, from.Said.Of(from.Fix))
	for _, a := range from.Alternatives {
		if a.Code != to.Code {
			to.Alternatives = append(to.Alternatives, a)
		}
	}
	return slices.Delete(findings, noticed, noticed+1)
}

// stoodIn says that a person's user name stood in for an address that was not sent.
func stoodIn(conn *registry.Connection, sources []claims.Source) bool {
	return conn.Protocol == "saml" && slices.ContainsFunc(sources, func(s claims.Source) bool { return s.Field == "email" && s.From == "nameid" })
}

// userName adds to an address outside the connection's domains that it may be no address at all: of a person without one in
// the directory, products send the user name.
func userName(conn *registry.Connection, f *admin.Finding) {
	missing := fault.As(worded(conn, fault.New(fault.SAMLNoEmail, "")))
	f.Confidence = string(fault.Likely)
	f.Alternatives = append(f.Alternatives, admin.Alternative{Code: string(fault.EmailMissing), Question: "Has the person an email address in the directory? None was sent, and the user name stood in for it."})
	if missing.Fix != "" {
		english := strings.TrimSuffix(f.Fix, ".") + "; if the person's user name is no address: " + missing.Fix
		f.Fix = f.Said.Note(english, fault.Sayf("%s If the person's user name is no address: %s", f.Said.Of(f.Fix), missing.Said.Of(missing.Fix)))
		f.Labels = append(f.Labels, missing.Labels...)
	}
}
