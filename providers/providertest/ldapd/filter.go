package ldapd

import (
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Matching rules of Active Directory.
const (
	bitAnd  = "1.2.840.113556.1.4.803"
	inChain = "1.2.840.113556.1.4.1941"
)

// matches evaluates a filter (RFC 4511, section 4.5.1.7) on an entry. What a server cannot evaluate matches nothing.
func (s *Server) matches(e *entry, f *ber.Packet) bool {
	switch f.Tag {
	case 0:
		return !slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return !s.matches(e, c) })
	case 1:
		return slices.ContainsFunc(f.Children, func(c *ber.Packet) bool { return s.matches(e, c) })
	case 2:
		return len(f.Children) == 1 && !s.matches(e, f.Children[0])
	case 3, 8:
		return len(f.Children) == 2 && s.equal(e, text(f.Children[0]), text(f.Children[1]))
	case 4:
		return len(f.Children) == 2 && slices.ContainsFunc(e.values(text(f.Children[0])), func(v string) bool { return substrings(v, f.Children[1].Children) })
	case 7:
		return len(e.values(f.Data.String())) > 0
	case 9:
		return s.extensible(e, f)
	}
	return false
}

func text(p *ber.Packet) string { return p.Data.String() }

func (s *Server) equal(e *entry, name, want string) bool {
	if s.ad() && strings.EqualFold(name, "objectCategory") && !strings.Contains(want, "=") { // AD takes the class's short name
		want = "CN=" + want + ",CN=Schema,CN=Configuration," + s.options.Base
	}
	return slices.ContainsFunc(e.values(name), func(v string) bool { return same(v, want) })
}

func same(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	depth, ok := under(a, b)
	return ok && depth == 0 && strings.Contains(a, "=")
}

func substrings(v string, parts []*ber.Packet) bool {
	v = strings.ToLower(v)
	for _, p := range parts {
		want := strings.ToLower(text(p))
		i := strings.Index(v, want)
		switch {
		case i < 0, p.Tag == 0 && i != 0, p.Tag == 2 && !strings.HasSuffix(v, want):
			return false
		}
		v = v[i+len(want):]
	}
	return true
}

// extensible knows Active Directory's two rules; other servers know neither.
func (s *Server) extensible(e *entry, f *ber.Packet) bool {
	var rule, name, want string
	for _, c := range f.Children {
		switch c.Tag {
		case 1:
			rule = text(c)
		case 2:
			name = text(c)
		case 3:
			want = text(c)
		}
	}
	switch {
	case !s.ad():
		return false
	case rule == bitAnd:
		mask, _ := strconv.Atoi(want)
		return slices.ContainsFunc(e.values(name), func(v string) bool { n, err := strconv.Atoi(v); return err == nil && n&mask == mask })
	case rule == inChain && strings.EqualFold(name, "member"):
		return s.inChain(e, want, map[string]bool{})
	}
	return false
}

// inChain says whether want is a member of the group, or of a group in it.
func (s *Server) inChain(group *entry, want string, seen map[string]bool) bool {
	if seen[group.dn] {
		return false
	}
	seen[group.dn] = true
	for _, m := range group.values("member") {
		if same(m, want) {
			return true
		}
		for _, e := range s.tree {
			if e.dn == m && s.inChain(e, want, seen) {
				return true
			}
		}
	}
	return false
}
