package claims

import (
	"maps"
	"strings"

	"cloakroom/broker"
	"cloakroom/providers"
)

// Seen is a raw identity as it is kept for the preview of rules: without tokens, session names and whatever else could be
// used to sign in, and bounded like a profile's attributes.
type Seen struct {
	Issuer          string              `json:"issuer"`
	Subject         string              `json:"subject"`
	SubjectFormat   string              `json:"subject_format,omitempty"`
	NameQualifier   string              `json:"name_qualifier,omitempty"`
	SPNameQualifier string              `json:"sp_name_qualifier,omitempty"`
	Attributes      map[string][]string `json:"attributes"`
	EmailVerified   *bool               `json:"email_verified,omitempty"`
	GroupsOmitted   bool                `json:"groups_omitted"`
}

// See redacts an identity.
func See(idn providers.Identity) Seen {
	attributes := keep(idn.Attributes)
	maps.DeleteFunc(attributes, func(name string, _ []string) bool { return secretive(name) })
	cut := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), 1024)], "") }
	return Seen{
		Issuer: cut(idn.Issuer), Subject: cut(idn.Subject), SubjectFormat: cut(idn.SubjectFormat),
		NameQualifier: cut(idn.NameQualifier), SPNameQualifier: cut(idn.SPNameQualifier),
		Attributes: attributes, EmailVerified: idn.EmailVerified, GroupsOmitted: idn.GroupsOmitted,
	}
}

// secretive reports whether an attribute's name says that its value can be used to get in somewhere.
func secretive(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"token", "secret", "password", "passwd", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Identity is what Normalise reads again.
func (s Seen) Identity() providers.Identity {
	return providers.Identity{
		Issuer: s.Issuer, Subject: s.Subject, SubjectFormat: s.SubjectFormat, NameQualifier: s.NameQualifier,
		SPNameQualifier: s.SPNameQualifier, Attributes: s.Attributes, EmailVerified: s.EmailVerified, GroupsOmitted: s.GroupsOmitted,
	}
}

// Preview is what an identity would become.
type Preview struct {
	Profile  broker.Profile `json:"profile"`
	Sources  []Source       `json:"mapping"`
	Groups   []Given        `json:"groups"`
	Unmapped []Unmapped     `json:"unmapped"`
}

// Show applies a connection's settings to an identity without touching anybody. Where no profile can be read the error
// says why, and the preview has what could be.
func Show(s Seen, c *broker.Connection, recipe Recipe, manual []string) (Preview, error) {
	idn := s.Identity()
	p, err := Normalise(idn, c, recipe)
	out := Preview{Profile: p, Sources: Sources(idn, c, recipe)}
	out.Groups, out.Unmapped = NewRules(c).Apply(p.Groups, p.Attributes)
	g := giving{seen: map[string]bool{}, out: out.Groups}
	for _, v := range out.Groups {
		g.seen[v.Group] = true
	}
	for _, m := range manual {
		g.give(Given{Group: m, Because: FromHand})
	}
	if out.Groups = g.out; out.Groups == nil {
		out.Groups = []Given{}
	}
	return out, err
}
