package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/directory"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// personOf reads a user in normal form as the directory's engine takes it.
func personOf(doc object) (directory.Person, error) {
	p := directory.Person{UserName: textIn(doc, "userName"), ExternalID: textIn(doc, "externalId"), DisplayName: textIn(doc, "displayName"), Active: doc["active"] != false}
	if strings.TrimSpace(p.UserName) == "" {
		return p, fault.New(fault.SCIMValue, "userName is missing")
	}
	for name, v := range map[string]string{"userName": p.UserName, "externalId": p.ExternalID, "displayName": p.DisplayName} {
		if len(v) > maxName {
			return p, fault.New(fault.SCIMValue, "%s is longer than %d bytes", name, maxName)
		}
	}
	kept := maps.Clone(doc)
	kept["active"] = p.Active
	var err error
	if p.Resource, err = json.Marshal(kept); err != nil {
		return p, err
	}
	if len(p.Resource) > maxResource {
		return p, fault.New(fault.SCIMValue, "the user is larger than %d KiB", maxResource>>10)
	}
	address, all := addresses(doc)
	p.Emails = all
	p.Profile = profileOf(doc)
	p.Profile.Subject, p.Profile.Email = p.ExternalID, address
	if address == "" {
		if a, err := email.Normalise(p.UserName); err == nil {
			p.Profile.Email = a.String()
		}
	}
	return p, nil
}

// addresses are a user's, and the one that counts: the primary one, else the work one, else the first.
func addresses(doc object) (best string, all []string) {
	list, _ := doc["emails"].([]any)
	rank := 0
	for _, v := range list {
		o, _ := v.(object)
		value := textIn(o, "value")
		if value == "" || len(value) > maxName {
			continue
		}
		r := 1
		if strings.EqualFold(textIn(o, "type"), "work") {
			r = 2
		}
		if o["primary"] == true {
			r = 3
		}
		if r > rank {
			best, rank = value, r
		}
		all = append(all, value)
	}
	return best, all
}

// profileOf is what the realm's people take of a user. Attributes are those that group rules may look at.
func profileOf(doc object) broker.Profile {
	name, _ := doc["name"].(object)
	p := broker.Profile{GivenName: textIn(name, "givenName"), FamilyName: textIn(name, "familyName"), Name: textIn(doc, "displayName"), Locale: textIn(doc, "locale")}
	if p.Name == "" {
		p.Name = textIn(name, "formatted")
	}
	if p.Name == "" {
		p.Name = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	if p.Locale == "" {
		p.Locale = textIn(doc, "preferredLanguage")
	}
	if len(p.Locale) > 35 {
		p.Locale = ""
	}
	p.Attributes = map[string][]string{}
	ext, _ := doc[enterpriseSchema].(object)
	for _, from := range []object{doc, ext} {
		for key, v := range from {
			if s, ok := v.(string); ok {
				p.Attributes[key] = []string{s}
			}
		}
	}
	return p
}

// userDoc is a user as it is kept, in normal form.
func userDoc(u *broker.DirectoryUser) (object, error) {
	doc := object{}
	err := json.Unmarshal(u.Resource, &doc)
	return doc, err
}

// showUser is a user as the directory reads it.
func (f *Front) showUser(c *call, u *broker.DirectoryUser, groups []*broker.DirectoryGroup) (object, error) {
	doc, err := userDoc(u)
	if err != nil {
		return nil, err
	}
	schemas := []string{userSchema}
	for key := range doc {
		if strings.HasPrefix(key, "urn:") {
			schemas = append(schemas, key)
		}
	}
	slices.Sort(schemas[1:])
	doc["schemas"], doc["id"], doc["active"] = schemas, u.ID, u.Active
	if len(groups) > 0 {
		list := make([]any, len(groups))
		for i, g := range groups {
			list[i] = object{"value": g.ID, "display": g.DisplayName, "type": "direct", "$ref": f.location(c, "Groups", g.ID)}
		}
		doc["groups"] = list
	}
	doc["meta"] = f.meta(c, "User", "Users", u.ID, u.Meta)
	return doc, nil
}

// withGroups is showUser with the groups that the user is in.
func (f *Front) withGroups(c *call, u *broker.DirectoryUser) (object, error) {
	groups, err := f.Engine.Store.GroupsOf(c.ctx, u.Connection, u.ID)
	if err != nil {
		return nil, err
	}
	return f.showUser(c, u, groups)
}

func (f *Front) createUser(c *call) (*reply, error) {
	doc, err := f.sent(c, users())
	if err != nil {
		return nil, err
	}
	p, err := personOf(doc)
	if err != nil {
		return nil, err
	}
	u, err := f.Engine.CreateUser(c.ctx, c.caller, p)
	if err != nil {
		return nil, err
	}
	return f.userReply(c, 201, u)
}

func (f *Front) userReply(c *call, status int, u *broker.DirectoryUser) (*reply, error) {
	doc, err := f.withGroups(c, u)
	if err != nil {
		return nil, err
	}
	return c.resource(status, doc, u.Version), nil
}

func (f *Front) getUser(c *call) (*reply, error) {
	u, err := f.Engine.User(c.ctx, c.caller, c.id)
	if err != nil {
		return nil, notFound(err, "user", c.id)
	}
	return f.userReply(c, 200, u)
}

func (f *Front) replaceUser(c *call) (*reply, error) {
	doc, err := f.sent(c, users())
	if err != nil {
		return nil, err
	}
	return f.changeUser(c, func(object) (object, error) { return doc, nil })
}

func (f *Front) patchUser(c *call) (*reply, error) {
	ops, err := f.patch(c)
	if err != nil {
		return nil, err
	}
	return f.changeUser(c, func(old object) (object, error) { return users().apply(old, ops) })
}

func (f *Front) changeUser(c *call, change func(old object) (object, error)) (*reply, error) {
	u, err := f.Engine.UpdateUser(c.ctx, c.caller, c.id, func(u *broker.DirectoryUser) (directory.Person, error) {
		if err := c.match(u.Version); err != nil {
			return directory.Person{}, err
		}
		old, err := userDoc(u)
		if err != nil {
			return directory.Person{}, err
		}
		next, err := change(old)
		if err != nil {
			return directory.Person{}, err
		}
		return personOf(next)
	})
	if err != nil {
		return nil, notFound(err, "user", c.id)
	}
	return f.userReply(c, 200, u)
}

func (f *Front) deleteUser(c *call) (*reply, error) {
	err := f.Engine.DeleteUser(c.ctx, c.caller, c.id, func(u *broker.DirectoryUser) error { return c.match(u.Version) })
	if err != nil {
		return nil, notFound(err, "user", c.id)
	}
	return &reply{status: 204}, nil
}
