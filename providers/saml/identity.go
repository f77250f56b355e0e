package saml

import (
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// groupsLink stands in place of Entra's groups where a person has more than 150.
const groupsLink = "http://schemas.microsoft.com/claims/groups.link"

// subject reads the NameID, which may be encrypted, and need not be there.
func (a *answer) subject(subject *node, id *providers.Identity) error {
	plain, hidden := subject.all(nsAssertion, "NameID"), subject.all(nsAssertion, "EncryptedID")
	if len(plain)+len(hidden) > 1 {
		return fault.New(fault.SAMLIncomplete, "a Subject with several names")
	}
	if len(hidden) == 1 {
		n, err := a.open(hidden[0], "NameID")
		if err != nil {
			return err
		}
		plain = []*node{n}
	}
	if len(plain) == 0 {
		return nil
	}
	n := plain[0]
	id.Subject, id.SubjectFormat = n.content(), n.attr("Format")
	id.NameQualifier, id.SPNameQualifier = n.attr("NameQualifier"), n.attr("SPNameQualifier")
	return nil
}

// attributes merges all AttributeStatements: values by Name, and once more by FriendlyName where no attribute has that as
// its Name, so that a friendly name can never add to or stand in for a real one.
func (a *answer) attributes(n *node, id *providers.Identity) error {
	id.Attributes = map[string][]string{}
	friendly := map[string]string{}
	for _, s := range n.all(nsAssertion, "AttributeStatement") {
		attrs, err := a.statement(s)
		if err != nil {
			return err
		}
		for _, at := range attrs {
			name := at.attr("Name")
			if name == groupsLink {
				id.GroupsOmitted = true
			}
			if v := attributeValues(at); len(v) > 0 && name != "" {
				id.Attributes[name] = append(id.Attributes[name], v...)
			}
			if f := at.attr("FriendlyName"); f != "" && friendly[f] == "" {
				friendly[f] = name
			}
		}
	}
	alias(id.Attributes, friendly)
	return nil
}

func alias(attributes map[string][]string, friendly map[string]string) {
	add := map[string][]string{}
	for f, name := range friendly {
		if _, taken := attributes[f]; !taken && len(attributes[name]) > 0 {
			add[f] = attributes[name]
		}
	}
	for f, v := range add {
		attributes[f] = v
	}
}

// statement lists a statement's attributes, the encrypted ones opened.
func (a *answer) statement(s *node) ([]*node, error) {
	var out []*node
	for _, k := range s.elements() {
		switch {
		case k.is(nsAssertion, "Attribute"):
			out = append(out, k)
		case k.is(nsAssertion, "EncryptedAttribute"):
			n, err := a.open(k, "Attribute")
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	return out, nil
}

// attributeValues are the values that are text. A NameID inside a value (eduPersonTargetedID) is its text; xsi:nil is no
// value; other XML is not taken apart.
func attributeValues(at *node) []string {
	var out []string
	for _, v := range at.all(nsAssertion, "AttributeValue") {
		if absent, _ := v.lookupAttr(nsXSI, "nil"); isTrue(absent) {
			continue
		}
		switch kids := v.elements(); {
		case len(kids) == 0:
			out = append(out, v.content())
		case len(kids) == 1 && kids[0].is(nsAssertion, "NameID"):
			out = append(out, kids[0].content())
		}
	}
	return out
}
