package claims

import (
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/providers"
)

// Normalise makes a profile of a verified identity. The connection's own mapping replaces the recipe's list for each field
// it names. A profile without a stable subject or without exactly one well-formed address is an error; what could be read
// comes back beside it, for a report and for nothing else.
func Normalise(idn providers.Identity, c *broker.Connection, recipe Recipe) (broker.Profile, error) {
	r := reading{idn: &idn, conn: c, recipe: recipe}
	return r.profile()
}

// Source says where a profile's field came from.
type Source struct {
	Field  string   `json:"field"`
	From   string   `json:"from"` // attribute name, "nameid", "sub"; several joined by ", "
	Values []string `json:"values"`
}

// Sources says which attributes Normalise would read for each field, for reports and the console. A field that nothing was
// sent for is left out.
func Sources(idn providers.Identity, c *broker.Connection, recipe Recipe) []Source {
	r := reading{idn: &idn, conn: c, recipe: recipe}
	_, _ = r.profile()
	return r.sources
}

// reading is one identity on its way to a profile.
type reading struct {
	idn     *providers.Identity
	conn    *broker.Connection
	recipe  Recipe
	sources []Source
}

func (r *reading) profile() (broker.Profile, error) {
	p := broker.Profile{
		GivenName:     r.text("given_name"),
		FamilyName:    r.text("family_name"),
		Name:          r.text("name"),
		Locale:        r.locale(),
		Attributes:    keep(r.idn.Attributes),
		GroupsOmitted: r.idn.GroupsOmitted,
	}
	if p.Name == "" {
		p.Name = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	var cut bool
	p.Groups, cut = r.groups()
	p.GroupsOmitted = p.GroupsOmitted || cut

	address, emailErr := r.email()
	p.Email = address.String()
	p.EmailProved = emailErr == nil && r.proved(address)

	s, err := r.subject(address, emailErr)
	if err != nil {
		return p, err
	}
	p.Subject, p.SubjectKind, p.Mutable = s.key, s.kind, s.mutable
	return p, emailErr
}

// names are the attributes that may hold a field, best first; explicit where the connection itself names them.
func (r *reading) names(field string) (names []string, explicit bool) {
	if n := r.conn.Mapping[field]; len(n) > 0 {
		return n, true
	}
	if n := r.recipe.Mapping[field]; len(n) > 0 {
		return n, false
	}
	return defaultNames(r.conn.Protocol, field), false
}

// first is the values of the first of a field's attributes that is present.
func (r *reading) first(field string) []string {
	names, explicit := r.names(field)
	for _, name := range names {
		vs := r.values(name)
		if len(vs) == 0 && explicit {
			vs = inside(r.idn.Attributes, name)
		}
		if field == "name" && name == wsName && !explicit {
			// Entra sends the login name here, AD FS the person's.
			vs = without(vs, func(v string) bool { return strings.Contains(v, "@") })
		}
		if len(vs) > 0 {
			r.from(field, name, vs)
			return vs
		}
	}
	return nil
}

func (r *reading) from(field, name string, values []string) {
	r.sources = append(r.sources, Source{Field: field, From: name, Values: values})
}

// values are what was sent under one name, without blank ones. Names are matched byte for byte; LDAP's are
// case-insensitive (RFC 4512, section 2.5).
func (r *reading) values(name string) []string {
	if name == "nameid" && r.conn.Protocol == "saml" {
		return r.nameID()
	}
	vs := r.idn.Attributes[name]
	if vs == nil && r.conn.Protocol == "ldap" {
		vs = r.folded(name)
	}
	if vs == nil && name == "sub" && r.conn.Protocol != "saml" && r.idn.Subject != "" {
		vs = []string{r.idn.Subject}
	}
	return without(vs, blank)
}

func (r *reading) folded(name string) []string {
	var out []string
	for k, vs := range r.idn.Attributes {
		if strings.EqualFold(k, name) {
			out = append(out, vs...)
		}
	}
	slices.Sort(out)
	return out
}

// Name ID formats (SAML 2.0 core, section 8.3).
const (
	formatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	formatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatEmail2      = "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress" // no such format, but sent
	formatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
)

// nameID is the Name ID unless it is a transient one, which names a session and no person.
func (r *reading) nameID() []string {
	if r.conn.Protocol != "saml" || r.idn.SubjectFormat == formatTransient || blank(r.idn.Subject) {
		return nil
	}
	return []string{r.idn.Subject}
}

func (r *reading) emailFormat() bool {
	return r.idn.SubjectFormat == formatEmail || r.idn.SubjectFormat == formatEmail2
}

// proof is the recipe's; a preset that is known never to prove by email_verified does not fall back to it because a recipe
// was left empty.
func (r *reading) proof() string {
	if r.recipe.Proof != "" {
		return r.recipe.Proof
	}
	switch r.conn.Preset {
	case "entra", "microsoft":
		return "entra"
	case "google", "apple", "github":
		return r.conn.Preset
	}
	return ""
}

func (r *reading) tenant() string {
	if r.recipe.Tenant == "" && r.conn.OIDC != nil {
		return r.conn.OIDC.Tenant
	}
	return r.recipe.Tenant
}

func blank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }

// without leaves vs as it is where nothing is dropped.
func without(vs []string, drop func(string) bool) []string {
	if !slices.ContainsFunc(vs, drop) {
		return vs
	}
	return slices.DeleteFunc(slices.Clone(vs), drop)
}

func addressOf(values []string) (email.Address, bool) {
	a, err := email.One(values)
	return a, err == nil
}
