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
	guests(findings)
	missing, noticed := at(fault.EmailMissing), max(at(fault.SAMLNoEmail), at(fault.OIDCNoEmail))
	if missing < 0 || noticed < 0 {
		return findings
	}
	from, to := findings[noticed], &findings[missing]
	if to.Observed == "" { // else an address came, under another name
		to.Fix = to.Said.Note(from.Fix, from.Said.Of(from.Fix))
		if len(from.Labels) > 0 {
			to.Labels = from.Labels
		}
	}
	for _, a := range from.Alternatives {
		if a.Code != to.Code {
			to.Alternatives = append(to.Alternatives, a)
		}
	}
	return slices.Delete(findings, noticed, noticed+1)
}

// guests gives an address outside the domains the fix of what was noticed about its person: a guest's always lies outside.
func guests(findings []admin.Finding) {
	at := func(c fault.Code) int {
		return slices.IndexFunc(findings, func(f admin.Finding) bool { return f.Code == string(c) })
	}
	outside, guest := at(fault.EmailOutside), at(fault.SAMLGuest)
	if outside < 0 || guest < 0 {
		return
	}
	to, from := &findings[outside], findings[guest]
	also(to, fault.Text{Say: "The person is a guest in that directory."})
	to.Labels, to.Fix = from.Labels, to.Said.Note(from.Fix, from.Said.Of(from.Fix))
	to.Alternatives = append(to.Alternatives, admin.Alternative{Code: from.Code, Question: "Is this person meant to get in here? Then allow the domain, or send the guest's own address; otherwise do not assign guests."})
}

// atField names the field of the provider's console that an address is sent by, where the fault is in the address.
func atField(conn *registry.Connection, f *admin.Finding) {
	if len(f.Labels) > 0 || !slices.Contains([]string{string(fault.EmailMissing), string(fault.EmailMalformed), string(fault.EmailAmbiguous)}, f.Code) {
		return
	}
	code := fault.OIDCNoEmail
	if conn.Protocol == "saml" {
		code = fault.SAMLNoEmail
	}
	words := fault.As(worded(conn, fault.New(code, "")))
	if len(words.Labels) == 0 {
		return
	}
	f.Labels = words.Labels
	field := fault.Sayf("The field at the provider is %s.", words.Labels[0])
	f.Fix = f.Said.Note(f.Fix+" "+field.String(), fault.Text{Say: "%s %s", Values: []fault.Text{f.Said.Of(f.Fix), field}})
	if f.Expected == "" && fault.Code(f.Code) == fault.EmailMalformed {
		f.Expected = "one plain address: name@company.example"
	}
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
