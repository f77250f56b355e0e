package ldapd

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// entry is one node of the tree.
type entry struct {
	dn, name   string
	person     *Person
	attributes map[string][]string
	// silent are given to who asks for them by name: operational and constructed ones.
	silent map[string][]string
}

// plant makes the tree: units, people, groups.
func (s *Server) plant() []*entry {
	base := &entry{dn: s.options.Base, attributes: map[string][]string{"objectClass": {"top", "domain"}, "dc": {firstValue(s.options.Base)}}}
	tree := []*entry{base}
	units := map[string]bool{}
	add := func(p Person) {
		if p.Unit == "" {
			p.Unit = "People"
		}
		if !units[p.Unit] {
			units[p.Unit] = true
			tree = append(tree, s.unit(p.Unit))
		}
		tree = append(tree, s.account(p, 1100+len(tree)))
	}
	for _, p := range s.options.People {
		add(p)
	}
	if p := s.options.Service; p.Username != "" {
		p.Unit = "Service"
		add(p)
	}
	tree = append(tree, s.unit("Groups"))
	groups := s.options.Groups
	if s.ad() {
		groups = append(slices.Clone(groups), Group{Name: "Domain Users"})
	}
	for i, g := range groups {
		tree = append(tree, s.group(g, 5000+i))
	}
	s.enrol(tree, groups)
	return tree
}

func (s *Server) ad() bool { return s.options.Like == ActiveDirectory }

func (s *Server) rdn(kind string) string {
	if s.ad() {
		return strings.ToUpper(kind)
	}
	return kind
}

func (s *Server) unit(name string) *entry {
	return &entry{dn: s.rdn("ou") + "=" + name + "," + s.options.Base, attributes: map[string][]string{"objectClass": {"top", "organizationalUnit"}, "ou": {name}}}
}

// Domain is the DNS name that the base stands for.
func (s *Server) Domain() string {
	var labels []string
	for part := range strings.SplitSeq(s.options.Base, ",") {
		labels = append(labels, firstValue(part))
	}
	return strings.ToLower(strings.Join(labels, "."))
}

func (s *Server) account(p Person, number int) *entry {
	cn := strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	if cn == "" {
		cn = p.Username
	}
	e := &entry{name: p.Username, person: &p, silent: map[string][]string{}}
	under := "," + s.rdn("ou") + "=" + p.Unit + "," + s.options.Base
	sum := sha256.Sum256([]byte("guid " + p.Username))
	e.attributes = map[string][]string{"cn": {cn}, "sn": {p.FamilyName}, "givenName": {p.GivenName}, "displayName": {cn}, "mail": {p.Email}}
	if s.ad() {
		e.dn = "CN=" + ldap.EscapeDN(cn) + under
		e.add("objectClass", "top", "person", "organizationalPerson", "user")
		e.add("objectCategory", "CN=Person,CN=Schema,CN=Configuration,"+s.options.Base)
		e.add("sAMAccountName", p.Username)
		e.add("userPrincipalName", p.Username+"@"+s.Domain())
		e.add("objectGUID", string(sum[:16]))
		e.add("objectSid", sid(number))
		e.add("primaryGroupID", "513")
		e.add("userAccountControl", strconv.Itoa(flags(p.State)))
		e.silent["msDS-UserPasswordExpiryTimeComputed"] = []string{fileTime(p)}
	} else {
		e.dn = "uid=" + ldap.EscapeDN(p.Username) + under
		e.add("objectClass", "top", "person", "organizationalPerson", "inetOrgPerson")
		e.add("uid", p.Username)
		e.add("userPassword", "{SSHA}"+"c2VjcmV0") // which nobody may be shown
		e.silent["entryUUID"] = []string{fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])}
	}
	for name, values := range p.Attributes {
		e.attributes[name] = values
	}
	maps.DeleteFunc(e.attributes, func(_ string, v []string) bool { return len(v) == 0 || v[0] == "" })
	return e
}

func (e *entry) add(name string, values ...string) { e.attributes[name] = values }

// flags are userAccountControl's: a normal account, perhaps disabled.
func flags(s State) int {
	if s == Disabled {
		return 0x202
	}
	return 0x200
}

// fileTime is a time as Active Directory counts: hundreds of nanoseconds since 1601; the largest number is never.
func fileTime(p Person) string {
	if p.PasswordEnds.IsZero() {
		return "9223372036854775807"
	}
	return strconv.FormatInt((p.PasswordEnds.Unix()+11644473600)*1e7, 10)
}

// sid is an identifier in the domain S-1-5-21-1-2-3.
func sid(rid int) string {
	b := []byte{1, 5, 0, 0, 0, 0, 0, 5}
	for _, n := range []uint32{21, 1, 2, 3, uint32(rid)} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return string(b)
}

func (s *Server) group(g Group, number int) *entry {
	e := &entry{name: g.Name, dn: s.rdn("cn") + "=" + ldap.EscapeDN(g.Name) + "," + s.rdn("ou") + "=Groups," + s.options.Base, silent: map[string][]string{}}
	e.attributes = map[string][]string{"cn": {g.Name}}
	if !s.ad() {
		e.add("objectClass", "top", "groupOfNames")
		return e
	}
	if g.Name == "Domain Users" {
		number = 513
	}
	e.add("objectClass", "top", "group")
	e.add("objectCategory", "CN=Group,CN=Schema,CN=Configuration,"+s.options.Base)
	e.add("objectSid", sid(number))
	return e
}

// enrol writes member and memberOf.
func (s *Server) enrol(tree []*entry, groups []Group) {
	byName := map[string]*entry{}
	for _, e := range tree {
		if e.name != "" {
			byName[e.name] = e
		}
	}
	for _, g := range groups {
		of := byName[g.Name]
		for _, name := range g.Members {
			m := byName[name]
			if m == nil {
				continue
			}
			of.attributes["member"] = append(of.attributes["member"], m.dn)
			switch {
			case s.ad():
				m.attributes["memberOf"] = append(m.attributes["memberOf"], of.dn)
			case !s.options.NoMemberOf:
				m.silent["memberOf"] = append(m.silent["memberOf"], of.dn)
			}
		}
	}
}

func firstValue(dn string) string {
	part, _, _ := strings.Cut(dn, ",")
	_, value, _ := strings.Cut(part, "=")
	return value
}

// under says whether a DN is base or below it, and how far.
func under(dn, base string) (depth int, ok bool) {
	d, derr := ldap.ParseDN(dn)
	b, berr := ldap.ParseDN(base)
	if derr != nil || berr != nil {
		return 0, false
	}
	if d.EqualFold(b) {
		return 0, true
	}
	return len(d.RDNs) - len(b.RDNs), b.AncestorOfFold(d)
}

// values are an attribute's, whatever the case of its name.
func (e *entry) values(name string) []string {
	name, _, _ = strings.Cut(name, ";")
	for _, from := range []map[string][]string{e.attributes, e.silent} {
		for k, v := range from {
			if strings.EqualFold(k, name) {
				return v
			}
		}
	}
	return nil
}
