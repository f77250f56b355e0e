package scim

import (
	"strings"

	"cloakroom/broker/scim/filter"
)

// URNs of schemas (RFC 7643, section 8.7) and messages (RFC 7644, section 8.2).
const (
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	listMessage      = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	errorMessage     = "urn:ietf:params:scim:api:messages:2.0:Error"
	patchMessage     = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	searchMessage    = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	configSchema     = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	typeSchema       = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaSchema     = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// attribute is one of a schema's (RFC 7643, section 7).
type attribute struct {
	Name       string      `json:"name"`
	Type       string      `json:"type"` // string, boolean, complex, reference
	Multi      bool        `json:"multiValued"`
	Required   bool        `json:"required"`
	CaseExact  bool        `json:"caseExact"`
	Mutability string      `json:"mutability"` // readWrite, readOnly, writeOnly
	Returned   string      `json:"returned"`
	Uniqueness string      `json:"uniqueness"`
	Sub        []attribute `json:"subAttributes,omitempty"`
}

func text(name string) attribute {
	return attribute{Name: name, Type: "string", Mutability: "readWrite", Returned: "default", Uniqueness: "none"}
}

func flag(name string) attribute {
	a := text(name)
	a.Type = "boolean"
	return a
}

func complexOf(name string, sub ...attribute) attribute {
	a := text(name)
	a.Type, a.Sub = "complex", sub
	return a
}

// plural is a multi-valued attribute of the usual form.
func plural(name string, more ...attribute) attribute {
	a := complexOf(name, append([]attribute{text("value"), text("display"), text("type"), flag("primary")}, more...)...)
	a.Multi = true
	return a
}

func (a attribute) exact() attribute    { a.CaseExact = true; return a }
func (a attribute) required() attribute { a.Required = true; return a }
func (a attribute) unique() attribute   { a.Uniqueness = "server"; return a }
func (a attribute) readOnly() attribute {
	a.Mutability = "readOnly"
	subs := make([]attribute, len(a.Sub))
	for i, s := range a.Sub {
		subs[i] = s.readOnly()
	}
	a.Sub = subs
	return a
}

// schema is what a resource, or an extension of one, consists of.
type schema struct {
	id, name, about string
	attrs           []attribute
}

// common are attributes of every resource (RFC 7643, section 3.1).
func common() []attribute {
	return []attribute{text("id").exact().unique().readOnly(), text("externalId").exact(), complexOf("meta", text("resourceType").exact(), text("created"), text("lastModified"), text("location").exact(), text("version").exact()).readOnly()}
}

func userAttributes() schema {
	groups := plural("groups", text("$ref").exact())
	addresses := plural("addresses", text("formatted"), text("streetAddress"), text("locality"), text("region"), text("postalCode"), text("country"))
	return schema{id: userSchema, name: "User", about: "User Account", attrs: []attribute{
		text("userName").required().unique(),
		complexOf("name", text("formatted"), text("familyName"), text("givenName"), text("middleName"), text("honorificPrefix"), text("honorificSuffix")),
		text("displayName"), text("nickName"), text("profileUrl").exact(), text("title"), text("userType"), text("preferredLanguage"), text("locale"), text("timezone"), flag("active"),
		plural("emails"), plural("phoneNumbers"), plural("ims"), plural("photos"), addresses, groups.readOnly(), plural("entitlements"), plural("roles"), plural("x509Certificates"),
	}}
}

func enterpriseAttributes() schema {
	return schema{id: enterpriseSchema, name: "EnterpriseUser", about: "Enterprise User", attrs: []attribute{
		text("employeeNumber"), text("costCenter"), text("organization"), text("division"), text("department"),
		complexOf("manager", text("value").exact(), text("$ref").exact(), text("displayName")),
	}}
}

func groupAttributes() schema {
	members := complexOf("members", text("value").exact(), text("$ref").exact(), text("type"), text("display"))
	members.Multi = true
	return schema{id: groupSchema, name: "Group", about: "Group", attrs: []attribute{text("displayName").required().unique(), members}}
}

// find answers an attribute by its name, written in any case.
func find(attrs []attribute, name string) (attribute, bool) {
	for _, a := range attrs {
		if strings.EqualFold(a.Name, name) {
			return a, true
		}
	}
	return attribute{}, false
}

// kind is a type of resource.
type kind struct {
	endpoint string // Users, Groups
	core     schema
	ext      []schema
}

func users() kind {
	return kind{endpoint: "Users", core: userAttributes(), ext: []schema{enterpriseAttributes()}}
}

func groups() kind { return kind{endpoint: "Groups", core: groupAttributes()} }

// resolve finds what an attribute's name means: the extension's URN ("" for the core) and the attribute. The whole URN of
// an extension names all of it: attr has no name then.
func (k kind) resolve(a filter.Attr) (urn string, attr attribute, ok bool) {
	if a.Schema == "" || strings.EqualFold(a.Schema, k.core.id) {
		if attr, ok = find(k.core.attrs, a.Name); !ok {
			attr, ok = find(common(), a.Name)
		}
		return "", attr, ok
	}
	for _, e := range k.ext {
		if strings.EqualFold(a.Schema, e.id) {
			attr, ok = find(e.attrs, a.Name)
			return e.id, attr, ok
		}
		if a.Sub == "" && strings.EqualFold(a.Schema+":"+a.Name, e.id) {
			return e.id, attribute{}, true
		}
	}
	return "", attribute{}, false
}

// exact says which attributes are compared with regard to case.
func (k kind) exact(a filter.Attr) bool {
	_, attr, ok := k.resolve(filter.Attr{Schema: a.Schema, Name: a.Name})
	if !ok {
		return false
	}
	if sub, ok := find(attr.Sub, a.Sub); ok {
		return sub.CaseExact
	}
	if a.Sub == "" && len(attr.Sub) > 0 {
		if value, ok := find(attr.Sub, "value"); ok {
			return value.CaseExact
		}
	}
	return attr.CaseExact
}
