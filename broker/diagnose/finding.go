package diagnose

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose/nearmiss"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// finding is a fault with what the catalogue knows of it, in the words of the connection's own console, and where two
// identifiers should have been equal, in what they differ.
func (x *Examiner) finding(c *broker.Connection, err error, severity string) admin.Finding {
	f := admin.FindingOf(err, severity)
	x.inTheirWords(c, &f)
	x.needed(c, &f)
	x.compare(c, &f)
	if f.Confidence != string(fault.Proved) && len(f.Alternatives) == 0 {
		f.Alternatives = neighbours(fault.Code(f.Code))
	}
	return f
}

// Worded is a fault of a real sign-in as a finding, in the words of the connection's own console.
func (x *Examiner) Worded(ctx context.Context, realm, slug string, err error) admin.Finding {
	conn, gone := x.Connections.Connection(ctx, slug)
	if gone != nil || conn.Realm != realm {
		return admin.FindingOf(err, "error")
	}
	return x.finding(conn.Connection, worded(conn, err), "error")
}

func worded(conn *registry.Connection, err error) error {
	if w, ok := conn.Provider.(providers.Worder); ok && conn.Err == nil {
		return w.Worded(err)
	}
	return err
}

// field is the value of ours that a mismatch is about, and what it is called where a console has no word of its own.
func field(code fault.Code) (name, plain string) {
	switch code {
	case fault.SAMLAudience, fault.SAMLAudienceMissing:
		return "entity_id", "SP Entity ID (audience)"
	case fault.SAMLRecipient, fault.SAMLDestination, fault.LoginMisrouted:
		return "acs_url", "Assertion Consumer Service URL"
	case fault.OIDCRedirectURI:
		return "redirect_uri", "Redirect URI"
	}
	return "", ""
}

// inTheirWords puts the console's own label into the fix: that is the field to look for.
func (x *Examiner) inTheirWords(c *broker.Connection, f *admin.Finding) {
	name, plain := field(fault.Code(f.Code))
	if name == "acs_url" && c.Protocol != "saml" {
		name, plain = "redirect_uri", "Redirect URI"
	}
	if name == "" {
		return
	}
	label := admin.Label{Label: plain}
	if x.Labels != nil {
		if own, ok := x.Labels(c.Preset, c.Protocol)[name]; ok && own.Label != "" {
			label, f.Labels = own, nil // what other consoles call it is no help here
		}
	}
	value := x.ours(c)[name]
	if f.Expected == "" {
		f.Expected = value
	}
	f.Labels = append([]string{label.Label}, slices.DeleteFunc(slices.Clone(f.Labels), func(l string) bool { return l == label.Label })...)
	switch own := recipientField(c.Preset); {
	case own != "" && fault.Code(f.Code) == fault.SAMLRecipient:
		f.Fix = f.Said.Tell("Set %s to exactly %s (%s), and %s likewise.", label.Label, f.Expected, label.Where, own)
	case label.Where != "":
		f.Fix = f.Said.Tell("Set %s to exactly %s (%s).", label.Label, f.Expected, label.Where)
	default:
		f.Fix = f.Said.Tell("Set %s to exactly %s.", label.Label, f.Expected)
	}
}

// recipientField is the field of the consoles that have one for the recipient beside the one for the address itself.
func recipientField(preset string) string {
	switch preset {
	case "okta":
		return "Recipient URL"
	case "onelogin":
		return "Recipient"
	}
	return ""
}

// needed puts our own value beside a fault that the provider's page showed, which says where it goes.
func (x *Examiner) needed(c *broker.Connection, f *admin.Finding) {
	var name string
	switch {
	case fault.Code(f.Code) == fault.IdPReplyURL && c.Protocol == "saml":
		name = "acs_url"
	case fault.Code(f.Code) == fault.IdPReplyURL:
		name = "redirect_uri"
	case fault.Code(f.Code) == fault.IdPAppUnknown && c.Protocol == "saml":
		name = "entity_id"
	}
	if name == "" || f.Expected != "" {
		return
	}
	f.Expected = x.ours(c)[name]
	if x.Labels != nil && len(f.Labels) == 0 {
		if own := x.Labels(c.Preset, c.Protocol)[name]; own.Label != "" {
			f.Labels = []string{own.Label}
		}
	}
}

// ours are the values that a customer copies from us.
func (x *Examiner) ours(c *broker.Connection) map[string]string {
	base := x.BaseURL + "/broker/" + c.Slug
	out := map[string]string{"acs_url": base + "/endpoint", "redirect_uri": base + "/endpoint", "entity_id": base + "/metadata", "login_url": base + "/login"}
	if c.SAML != nil && c.SAML.SPEntityID != "" {
		out["entity_id"] = c.SAML.SPEntityID
	}
	return out
}

// comparable says which faults are about two identifiers.
func comparable(code fault.Code) bool {
	return slices.Contains([]fault.Code{fault.SAMLAudience, fault.SAMLRecipient, fault.SAMLDestination, fault.SAMLIssuer, fault.SAMLMetadataEntity,
		fault.OIDCIssuer, fault.OIDCAudience, fault.OIDCAnswerIssuer, fault.LoginMisrouted}, code)
}

func (x *Examiner) compare(c *broker.Connection, f *admin.Finding) {
	if !comparable(fault.Code(f.Code)) || f.Observed == "" || f.Expected == "" {
		return
	}
	others := map[string]string{}
	for name, value := range x.ours(c) {
		if c.Protocol == "saml" && name != "redirect_uri" || c.Protocol != "saml" && name == "redirect_uri" {
			others[map[string]string{"acs_url": "ACS URL", "entity_id": "Entity ID", "login_url": "login link", "redirect_uri": "redirect URI"}[name]] = value
		}
	}
	r := nearmiss.Compare(f.Observed, f.Expected, others)
	for _, p := range r.Parts {
		f.Difference = append(f.Difference, admin.Part(p))
	}
	if s := sentence(r); s.Say != "" {
		also(f, s)
		f.Detail = f.Said.Add(f.Detail, s)
	}
	if r.Near() {
		return // what differs is on the table
	}
	if f.Confidence == string(fault.Proved) && slices.Contains([]fault.Code{fault.SAMLAudience, fault.SAMLRecipient, fault.SAMLDestination}, fault.Code(f.Code)) {
		// The mismatch is certain, which side has to change is not.
		f.Confidence = string(fault.Likely)
	}
}

// sentence is what differs, in plain words; what another field of ours is called is a word of its own.
func sentence(r nearmiss.Result) fault.Text {
	if r.As != "" {
		return fault.Sayf("It is our %s: two fields are swapped.", r.As)
	}
	return fault.Text{Say: r.Sentence()}
}

// also goes on with a sentence: a cause is one in English (contract, section 4). In other languages it stays two, since a
// sentence cannot be made half of another there.
func also(f *admin.Finding, more fault.Text) {
	said := more.String()
	first, size := utf8.DecodeRuneInString(said)
	english := strings.TrimSuffix(strings.TrimSpace(f.Cause), ".") + "; " + string(unicode.ToLower(first)) + said[size:]
	f.Cause = f.Said.Note(english, fault.Text{Say: "%s %s", Values: []fault.Text{f.Said.Of(f.Cause), more}})
}

// neighbours are the faults that look like another, with the question that tells them apart.
func neighbours(c fault.Code) []admin.Alternative {
	out := []admin.Alternative{}
	for _, a := range fault.Neighbours(c) {
		out = append(out, admin.Alternative{Code: string(a.Code), Question: a.Question})
	}
	return out
}
