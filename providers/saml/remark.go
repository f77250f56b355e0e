package saml

import (
	"fmt"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// What a report adds to a message that the gate lets through: nothing here refuses anybody, but it tells why the next
// step may.

const (
	formatPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient  = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// relay notes that RelayState did not come back as it was sent.
func (x *examination) relay(reply providers.Reply) {
	if got := reply.Form.Get("RelayState"); x.r.Handle != "" && got != x.r.Handle {
		x.notes = append(x.notes, (&fault.Error{Code: fault.SAMLRelayState, Confidence: fault.Proved}).Telling("RelayState came back as %s", clip(quoted(reply.Form["RelayState"]))))
	}
}

// remarks are the notes as findings, in the console's words.
func (x *examination) remarks() []providers.Finding {
	notes := x.notes
	if x.id != nil {
		notes = append(slices.Clone(notes), about(x.id, x.real.s.Preset)...)
		x.details["subject"] = sentAbout(x.id)
	}
	out := make([]providers.Finding, 0, len(notes))
	for _, n := range notes {
		check, _ := place(n.Code)
		out = append(out, providers.Finding{Err: x.real.worded(n), Severity: "warning", Check: check, Detail: n.Detail})
	}
	return out
}

// about judges what was said of a person.
func about(id *providers.Identity, preset string) (out []*fault.Error) {
	note := func(code fault.Code, sure fault.Confidence, detail string, alternatives ...fault.Alternative) {
		out = append(out, &fault.Error{Code: code, Detail: detail, Confidence: sure, Alternatives: alternatives})
	}
	if g := guest(id); g != "" {
		note(fault.SAMLGuest, fault.Proved, clip(g))
	}
	if !mentionsEmail(id) {
		note(fault.SAMLNoEmail, fault.Likely, sentAbout(id), fault.Alternative{Code: fault.IdPNoValue, Question: "Do others of this organisation get in? Then this person's entry in the directory has no email address."})
	}
	if id.GroupsOmitted {
		note(fault.LoginGroupsOmitted, fault.Proved, "a link stands in place of the groups")
	}
	switch id.SubjectFormat {
	case formatTransient:
		note(fault.SAMLNameIDTransient, fault.Proved, sentAbout(id))
	case formatPersistent:
		if preset == "entra" {
			note(fault.SAMLNameIDPairwise, fault.Guess, "a persistent Name ID, which Entra also makes up where the chosen source is empty",
				fault.Alternative{Code: fault.SAMLNameIDForced, Question: "Was Persistent chosen on purpose, in the console or in the connection's Name ID format? Then nothing is wrong."})
		}
	}
	return out
}

// guest is the user name that Entra makes up for guests, "" for others.
func guest(id *providers.Identity) string {
	if strings.Contains(id.Subject, "#EXT#") {
		return id.Subject
	}
	for _, values := range id.Attributes {
		if i := slices.IndexFunc(values, func(v string) bool { return strings.Contains(v, "#EXT#") }); i >= 0 {
			return values[i]
		}
	}
	return ""
}

// mentionsEmail reports whether anything that was sent could be an address.
func mentionsEmail(id *providers.Identity) bool {
	address := func(v string) bool {
		local, domain, ok := strings.Cut(v, "@")
		return ok && local != "" && domain != "" && !strings.ContainsAny(v, " /") && !strings.Contains(v, "#EXT#")
	}
	if address(id.Subject) {
		return true
	}
	for _, values := range id.Attributes {
		if slices.ContainsFunc(values, address) {
			return true
		}
	}
	return false
}

// sentAbout names what was sent about a person, without the values.
func sentAbout(id *providers.Identity) string {
	parts := []string{"no Name ID"}
	if id.Subject != "" {
		parts[0] = "Name ID"
		if _, format, ok := strings.Cut(id.SubjectFormat, "nameid-format:"); ok {
			parts[0] += " (" + clip(format) + ")"
		}
	}
	names := make([]string, 0, len(id.Attributes))
	for n := range id.Attributes {
		names = append(names, clip(n))
	}
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		parts = append(parts, "no attributes")
	case n > 30:
		parts = append(parts, fmt.Sprintf("%d attributes: %s, …", n, strings.Join(names[:30], ", ")))
	default:
		parts = append(parts, "the attributes "+strings.Join(names, ", "))
	}
	return "sent: " + strings.Join(parts, "; ")
}

// proved makes sure of the clock: the message went through the gate, so a key of the identity provider vouches for its
// times.
func (x *examination) proved() {
	for i, f := range x.faults {
		if f.Code == fault.SAMLClock || f.Code == fault.SAMLTimeZone {
			sure := *f
			sure.Confidence = fault.Proved
			x.faults[i] = &sure
		}
	}
}
