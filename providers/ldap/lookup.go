package ldap

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
)

// maxSample is how many people a preflight looks at.
const maxSample = 1000

// loginAttribute finds the attributes that a filter compares with what people type.
var loginAttribute = regexp.MustCompile(`\(([A-Za-z][A-Za-z0-9-]*)=%s\)`)

func (s *settings) loginAttributes() (out []string) {
	for _, m := range loginAttribute.FindAllStringSubmatch(s.UserFilter, -1) {
		out = append(out, m[1])
	}
	return out
}

// everybody is the user filter with any name.
func (s *settings) everybody() string { return strings.ReplaceAll(s.UserFilter, "%s", "*") }

// people searches for everybody whom the user filter could find.
func (c *climb) people() bool {
	everybody := c.c.everybody()
	wanted := append(c.c.loginAttributes(), c.identifiers()...)
	pages := ldap.NewControlPaging(pageSize)
	var references []string
	for {
		found, err := c.search(c.ctx, c.link, ldap.NewSearchRequest(c.c.UserBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, int(stepLimit.Seconds()), false,
			everybody, wanted, []ldap.Control{pages}), "User base")
		c.sample = append(c.sample, found.Entries...)
		references = append(references, found.Referrals...)
		if err != nil {
			return c.cut(err, everybody)
		}
		next, ok := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 || len(found.Entries) == 0 || len(c.sample) >= maxSample {
			return c.counted(everybody, references, ok && len(next.Cookie) > 0)
		}
		pages.SetCookie(next.Cookie)
	}
}

// cut is a search that a limit of the directory's ended: sign-ins look for one person, so it only warns where some came.
func (c *climb) cut(err error, filter string) bool {
	if !limited(err) || len(c.sample) == 0 {
		return c.red("people", err)
	}
	f := fault.New(fault.LDAPSizeLimit, "the directory returned only the first %d people who match %s", len(c.sample), filter)
	f.Observed = fmt.Sprint(len(c.sample))
	c.yellow("people", f)
	return c.duplicates()
}

func (c *climb) counted(filter string, references []string, more bool) bool {
	if len(c.sample) == 0 {
		return c.nobody(filter, references)
	}
	if servers := elsewhere(references); len(servers) > 0 {
		f := labelled(fault.New(fault.LDAPReferral, "this server knows nobody of %s, to which it refers", strings.Join(servers, ", ")), "Server address", "User base")
		f.Confidence = fault.Likely
		f.Alternatives = []fault.Alternative{{Code: fault.LDAPPersonUnknown, Question: "Are all people who are to sign in below User base? Then nothing has to be changed."}}
		c.yellow("referrals", f)
	}
	count := fmt.Sprint(len(c.sample))
	if more {
		count += " and more"
	}
	c.ok("people", "%s match %s", count, filter)
	return c.duplicates()
}

// nobody tells by which attributes people could be found there (LDAP-09 of the catalogue of mistakes).
func (c *climb) nobody(filter string, references []string) bool {
	f := labelled(fault.New(fault.LDAPNobody, "no entry below %s matches %s", c.c.UserBase, filter), "User filter", "User base")
	f.Observed = c.c.UserFilter
	var there []string
	for _, name := range []string{"mail", "userPrincipalName", "sAMAccountName", "uid"} {
		found, _ := c.search(c.ctx, c.link, ldap.NewSearchRequest(c.c.UserBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, int(stepLimit.Seconds()), false,
			"("+name+"=*)", []string{"1.1"}, nil), "User base")
		if len(found.Entries) > 0 {
			there = append(there, "("+name+"=%s)")
		}
	}
	servers := elsewhere(references)
	switch {
	case len(there) > 0:
		f.Expected = strings.Join(there, " ")
		f.Detail += "; entries there have what " + f.Expected + " looks for"
	case len(servers) > 0:
		return c.red("people", labelled(fault.New(fault.LDAPReferral, "%s; the directory refers to %s, which is not followed", f.Detail, strings.Join(servers, ", ")), "Server address", "User base"))
	default:
		f.Detail += ", nor has any entry there a mail, userPrincipalName, sAMAccountName or uid that the service account may read"
	}
	return c.red("people", f)
}

// duplicates finds names that several people answer to.
func (c *climb) duplicates() bool {
	owner := map[string]string{}
	for _, e := range c.sample {
		for _, name := range c.c.loginAttributes() {
			for _, v := range e.GetEqualFoldAttributeValues(name) {
				v = strings.ToLower(v)
				if other, taken := owner[v]; taken && other != e.DN {
					f := labelled(fault.New(fault.LDAPDuplicate, "%q finds %s and %s", clean(v), clean(other), clean(e.DN)), "User filter")
					f.Observed = clean(v)
					return c.yellow("duplicates", f)
				}
				owner[v] = e.DN
			}
		}
	}
	return c.ok("duplicates", "every name belongs to one person, of %d that were looked at", len(c.sample))
}

// identifiers are the attributes that may identify people for good, the one that is used first (broker/claims chooses in
// the same order).
func (c *climb) identifiers() []string {
	switch {
	case c.c.SubjectAttribute != "":
		return []string{c.c.SubjectAttribute}
	case c.c.ad:
		return []string{"objectGUID"}
	}
	return []string{"objectGUID", "entryUUID", "nsUniqueId", "ipaUniqueID", "GUID"}
}

func (c *climb) subject() bool {
	for _, name := range c.identifiers() {
		with := 0
		for _, e := range c.sample {
			if len(e.GetEqualFoldRawAttributeValue(name)) > 0 {
				with++
			}
		}
		switch {
		case with == len(c.sample):
			return c.ok("subject", "everybody has %s", name)
		case with > 0:
			return c.yellow("subject", labelled(fault.New(fault.LDAPSubjectMissing, "%d of %d people have no %s", len(c.sample)-with, len(c.sample), name), "Subject attribute"))
		}
	}
	return c.red("subject", labelled(fault.New(fault.LDAPSubjectMissing, "nobody has %s, as far as the service account may read", strings.Join(c.identifiers(), ", ")), "Subject attribute"))
}

// groups tries the group search with one person, and looks for what it would not see.
func (c *climb) groups() bool {
	if c.c.NestedGroups && !c.about.ad {
		return c.yellow("groups", labelled(fault.New(fault.LDAPSettings, "nested_groups works with Active Directory's matching rule only, which this directory does not know"), "Nested groups"))
	}
	member := c.member()
	if member == nil && c.c.GroupBase == "" && !c.about.ad {
		f := labelled(fault.New(fault.LDAPNoGroups, "none of %d people has memberOf, and group_base is empty", len(c.sample)), groupBase, "Group filter")
		f.Confidence = fault.Likely
		f.Alternatives = []fault.Alternative{{Code: fault.LDAPRights, Question: "Does the directory list memberOf to other accounts? Then the service account may not read it."}}
		return c.yellow("groups", f)
	}
	if member == nil {
		member = c.sample[0]
	}
	dns, _, err := c.provider.groups(c.ctx, c.link, member, "")
	if err != nil {
		return c.red("groups", err)
	}
	if c.about.ad && !c.c.NestedGroups {
		if nested := c.nested(); nested != nil {
			return c.yellow("groups", nested)
		}
	}
	return c.ok("groups", "%s is in %d", clean(member.DN), len(dns))
}

// member is a person whose entry lists groups, nil if there is none.
func (c *climb) member() *ldap.Entry {
	found, _ := c.search(c.ctx, c.link, ldap.NewSearchRequest(c.c.UserBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, int(stepLimit.Seconds()), false,
		"(&"+c.c.everybody()+"(|(memberOf=*)(isMemberOf=*)))", c.attributes(), nil), "User base")
	if len(found.Entries) == 0 {
		return nil
	}
	return found.Entries[0]
}

// nested finds a group within another, apart from those that every Active Directory has.
func (c *climb) nested() *fault.Error {
	found, err := c.search(c.ctx, c.link, ldap.NewSearchRequest(cmp.Or(c.c.GroupBase, domainOf(c.c.UserBase), c.c.UserBase), ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1,
		int(stepLimit.Seconds()), false, "(&(objectCategory=group)(memberOf=*)(!(isCriticalSystemObject=TRUE)))", []string{"memberOf"}, nil), groupBase)
	if len(found.Entries) == 0 || err != nil && !limited(err) {
		return nil
	}
	e := found.Entries[0]
	return labelled(fault.New(fault.LDAPNested, "%s is inherited by the members of %s, and plain memberOf does not list it", clean(e.GetEqualFoldAttributeValue("memberOf")), clean(e.DN)), "Nested groups")
}
