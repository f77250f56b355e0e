// Package preset is what the broker knows of each kind of identity provider, as data: which protocols it speaks, what a
// connection to it starts from, where its console wants our values, and what identifies a person there for good.
package preset

import (
	"slices"
	"strings"
)

// Preset is one kind of provider.
type Preset struct {
	Name      string   // as in a connection's preset
	Title     string   // what people who run it call it
	Protocols []string // the recommended one first
	Synonyms  []string // what else people type when they look for it
	// Brand names whose button rules hold for the sign-in button: microsoft, google, github, apple; "" for none, where
	// the button carries the customer's own name.
	Brand string
	// EmailTrust a connection starts with; "" is the broker's default, domains.
	EmailTrust string
	// Issuer of OpenID Connect, "" where it must be entered. {tenant} stands for the pinned tenant. It is not among the
	// Defaults: providers/oidc knows it too, so that a change of tenant changes the issuer.
	Issuer string
	// IssuerExample shows the form of an issuer or metadata address where one must be entered.
	IssuerExample, MetadataExample string
	// TenantLabel is what the console calls the tenant to pin, "" where there is none.
	TenantLabel string
	// NoLogout is true where the provider cannot be signed out of by the broker.
	NoLogout bool

	mapping  map[string][]string // further attributes, before the general ones
	subjects map[string][]Subject
	sections map[string]map[string]any // protocol section defaults
	handover map[string][]Handover
}

// Subject is one way to tell a person apart for good. Kinds: "iss+sub"; "tid+oid"; "nameid" (persistent NameID only);
// "attribute" (the first of Attributes that is present); "id" (a number the provider calls id); "email".
type Subject struct {
	Kind       string
	Attributes []string // claims or SAML attributes it is made of
	Mutable    bool     // the value may come to belong to another person
}

// Handover is where one of our values goes in the provider's console. Field is acs_url, entity_id, metadata_url,
// redirect_uri, logout_url, certificate, login_url or open_port; Label is the console's own word; Path is the way there.
type Handover struct {
	Field, Label, Path string
}

// Take is where one of the provider's values stands in its console. Field is a setting of the protocol's section. First
// marks those to ask for first: one that is enough by itself, or all of those that are needed together.
type Take struct {
	Field, Label, Path string
	First              bool
}

// Get finds a preset by name.
func Get(name string) (Preset, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// Search finds presets by what a person types: name, title or synonym, in any case, with or without blanks and dashes.
func Search(text string) []Preset {
	want := fold(text)
	var out []Preset
	for _, p := range All() {
		if slices.ContainsFunc(append([]string{p.Name, p.Title}, p.Synonyms...), func(s string) bool { return strings.Contains(fold(s), want) }) {
			out = append(out, p)
		}
	}
	return out
}

func fold(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(strings.ToLower(s))
}

// Speaks reports whether the provider can be connected by a protocol.
func (p Preset) Speaks(protocol string) bool { return slices.Contains(p.Protocols, protocol) }

// Defaults are to be laid under a connection's JSON: what the connection says itself wins, field by field, also inside
// the protocol's section. The maps are the caller's to change.
func (p Preset) Defaults(protocol string) map[string]any {
	out := map[string]any{}
	if p.EmailTrust != "" {
		out["email_trust"] = p.EmailTrust
	}
	section := map[string]any{}
	for k, v := range p.sections[protocol] {
		section[k] = v
	}
	out[protocol] = section
	return out
}

// Attributes lists, for each profile field, the names that this provider has for it beyond those that every provider of
// the protocol may use (broker/claims), best first. The map is the preset's own: read it only.
func (p Preset) Attributes() map[string][]string { return p.mapping }

// Subjects lists the ways to tell a person apart, best first (contract, section 5, rule 5). A mapped attribute of the
// connection (mapping.subject) stands before "email" and after everything else.
func (p Preset) Subjects(protocol string) []Subject {
	if s, ok := p.subjects[protocol]; ok {
		return slices.Clone(s)
	}
	switch protocol {
	case "oidc":
		return []Subject{{Kind: "iss+sub", Attributes: []string{"iss", "sub"}}}
	case "oauth2":
		return []Subject{{Kind: "id", Attributes: []string{"id", "sub"}}}
	case "ldap":
		return []Subject{{Kind: "attribute", Attributes: []string{"entryUUID", "nsUniqueId", "ipaUniqueID", "GUID", "objectGUID"}}}
	}
	return samlSubjects()
}

func samlSubjects(attributes ...string) []Subject {
	s := []Subject{{Kind: "nameid"}}
	if len(attributes) > 0 {
		s = append(s, Subject{Kind: "attribute", Attributes: attributes})
	}
	return append(s, Subject{Kind: "email", Mutable: true})
}

// Handover lists what the customer's administrator copies from us, in the order in which the console asks for it.
func (p Preset) Handover(protocol string) []Handover {
	if h, ok := p.handover[protocol]; ok {
		return slices.Clone(h)
	}
	switch protocol {
	case "saml":
		return []Handover{
			{"acs_url", "Assertion Consumer Service URL", ""}, {"entity_id", "SP Entity ID", ""}, {"metadata_url", "SP metadata URL", ""},
			{"logout_url", "Single Logout URL", ""}, {"certificate", "SP certificate", ""}, {"login_url", "Sign-in URL", ""},
		}
	case "oidc", "oauth2":
		return []Handover{{"redirect_uri", "Redirect URI", ""}, {"logout_url", "Post-logout redirect URI", ""}, {"login_url", "Sign-in URL", ""}}
	case "ldap":
		return []Handover{{"open_port", "Port to open in the firewall", ""}}
	}
	return nil
}
