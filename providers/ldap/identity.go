package ldap

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/providers"
)

// Bounds of an identity.
const (
	maxValue  = 8 << 10 // bytes of a value that is kept; longer ones are photographs
	maxGroups = 1000
	pageSize  = 500
)

// attributes are asked for by name where servers do not give them with all the others: operational ones (RFC 4511, section
// 4.5.1.8). All others are asked for since mappings may name any.
func (p *provider) attributes() []string {
	out := []string{"*", "memberOf", "isMemberOf", "entryUUID", "nsUniqueId", "ipaUniqueID", "GUID", "objectGUID", "nsAccountLock"}
	if p.c.SubjectAttribute != "" {
		out = append(out, p.c.SubjectAttribute)
	}
	return out
}

// identity is what the directory says of a person. Binary values are their bytes (objectGUID: 16).
func (p *provider) identity(ctx context.Context, l *link, e *ldap.Entry, typed string) (providers.Identity, error) {
	idn := providers.Identity{
		Issuer: p.issuer(), Subject: e.DN, Attributes: map[string][]string{}, AuthTime: p.settings.Now(), AMR: []string{"pwd"}, // RFC 8176
	}
	spelt := map[string]string{} // by the name in lower case, which is how LDAP compares
	for _, a := range e.Attributes {
		name, cut := withoutRange(a.Name)
		idn.GroupsOmitted = idn.GroupsOmitted || cut && strings.EqualFold(name, "memberOf")
		if private(name) {
			continue
		}
		first, known := spelt[strings.ToLower(name)]
		if !known {
			first, spelt[strings.ToLower(name)] = name, name
		}
		for _, v := range a.Values {
			if len(v) <= maxValue {
				idn.Attributes[first] = append(idn.Attributes[first], v)
			}
		}
	}
	groups, cut, err := p.groups(ctx, l, e, typed)
	if err != nil {
		return providers.Identity{}, err
	}
	idn.GroupsOmitted = idn.GroupsOmitted || cut
	if len(groups) > 0 {
		delete(idn.Attributes, spelt["memberof"])
		idn.Attributes["memberOf"] = groups
	}
	return idn, nil
}

// issuer is the directory's name.
func (p *provider) issuer() string {
	scheme := "ldap://"
	if p.c.secure {
		scheme = "ldaps://"
	}
	return scheme + p.c.address
}

// withoutRange reads Active Directory's way to give a part of many values: memberOf;range=0-1499 ([MS-ADTS], section
// 3.1.1.3.1.3.3).
func withoutRange(name string) (string, bool) {
	base, option, found := strings.Cut(name, ";range=")
	return base, found && !strings.HasSuffix(option, "-*")
}

// private attributes hold secrets, or are too large to be of use; they are never kept, whatever a directory gives out.
func private(name string) bool {
	name, _, _ = strings.Cut(strings.ToLower(name), ";")
	for _, part := range []string{"password", "pwd", "krbprincipalkey", "credential", "secret", "pkcs12"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return slices.Contains([]string{"jpegphoto", "thumbnailphoto", "photo", "audio", "usercertificate", "usersmimecertificate"}, name)
}

// accountDisabled is a flag of userAccountControl ([MS-ADTS], section 2.2.16).
const accountDisabled = 2

// disabled is why nobody may sign in with an entry whatever its password, "" where they may.
func disabled(e *ldap.Entry) string {
	flags, err := strconv.ParseInt(e.GetEqualFoldAttributeValue("userAccountControl"), 10, 64)
	switch {
	case err == nil && flags&accountDisabled != 0:
		return "userAccountControl says that it is disabled"
	case strings.EqualFold(e.GetEqualFoldAttributeValue("nsAccountLock"), "TRUE"):
		return "nsAccountLock says that it is disabled"
	}
	return ""
}

// groups are the DNs of all groups that the settings ask for, each once: what memberOf lists, the primary group, and what
// searches find. cut says that there are more.
func (p *provider) groups(ctx context.Context, l *link, e *ldap.Entry, typed string) (out []string, cut bool, err error) {
	add := func(dns ...string) {
		for _, dn := range dns {
			if !slices.ContainsFunc(out, func(known string) bool { return strings.EqualFold(known, dn) }) {
				out = append(out, dn)
			}
		}
	}
	for _, a := range e.Attributes {
		if name, _ := withoutRange(a.Name); strings.EqualFold(name, "memberOf") {
			add(a.Values[:min(len(a.Values), maxGroups)]...)
		}
	}
	members := []string{e.DN}
	if filter := primary(e); filter != "" {
		dns, _, err := p.groupsBy(ctx, l, cmp.Or(domainOf(e.DN), p.c.UserBase), filter)
		if err != nil {
			return nil, false, err
		}
		add(dns...)
		members = append(members, dns...)
	}
	for _, filter := range p.groupFilters(members, e, typed) {
		dns, more, err := p.groupsBy(ctx, l, cmp.Or(p.c.GroupBase, domainOf(e.DN), p.c.UserBase), filter)
		if err != nil {
			return nil, false, err
		}
		add(dns...)
		cut = cut || more
	}
	return out, cut, nil
}

// inChain finds members of members ([MS-ADTS], section 3.1.1.3.4.4.3).
const inChain = "1.2.840.113556.1.4.1941"

func (p *provider) groupFilters(members []string, e *ldap.Entry, typed string) (out []string) {
	user := cmp.Or(e.GetEqualFoldAttributeValue("sAMAccountName"), e.GetEqualFoldAttributeValue("uid"), typed)
	if p.c.GroupBase != "" {
		out = append(out, fill(p.c.GroupFilter, e.DN, user))
	}
	if p.c.NestedGroups {
		for _, dn := range members[:min(len(members), 2)] {
			out = append(out, "(member:"+inChain+":="+ldap.EscapeFilter(dn)+")")
		}
	}
	return out
}

// groupsBy searches for groups, page by page.
func (p *provider) groupsBy(ctx context.Context, l *link, base, filter string) (dns []string, more bool, err error) {
	pages := ldap.NewControlPaging(pageSize)
	for {
		found, err := p.search(ctx, l, ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, int(stepLimit.Seconds()), false,
			filter, []string{"1.1"}, []ldap.Control{pages}), groupBase)
		if err != nil && (len(found.Entries) == 0 || !limited(err)) {
			return nil, false, err
		}
		for _, e := range found.Entries {
			dns = append(dns, e.DN)
		}
		next, ok := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		switch {
		case err != nil:
			return dns, true, nil
		case !ok || len(next.Cookie) == 0:
			return dns[:min(len(dns), maxGroups)], len(dns) > maxGroups, nil
		case len(dns) >= maxGroups || len(found.Entries) == 0:
			return dns[:min(len(dns), maxGroups)], true, nil
		}
		pages.SetCookie(next.Cookie)
	}
}

// primary is the filter that finds the group that Active Directory tells of by number only: its identifier is the
// person's with another last part ([MS-DTYP], section 2.4.2.2). "" where there is none.
func primary(e *ldap.Entry) string {
	sid := e.GetEqualFoldRawAttributeValue("objectSid")
	rid, err := strconv.ParseUint(e.GetEqualFoldAttributeValue("primaryGroupID"), 10, 32)
	if err != nil || len(sid) < 12 || len(sid) != 8+4*int(sid[1]) {
		return ""
	}
	group := binary.LittleEndian.AppendUint32(slices.Clone(sid[:len(sid)-4]), uint32(rid))
	return "(objectSid=" + ldap.EscapeFilter(string(group)) + ")"
}

// domainOf is the part of a DN that names the domain: its last dc's, "" if it has none.
func domainOf(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return ""
	}
	first := len(parsed.RDNs)
	for first > 0 && len(parsed.RDNs[first-1].Attributes) == 1 && strings.EqualFold(parsed.RDNs[first-1].Attributes[0].Type, "dc") {
		first--
	}
	parsed.RDNs = parsed.RDNs[first:]
	return parsed.String()
}
