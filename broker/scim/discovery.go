package scim

import (
	"strings"

	"cloakroom/broker/fault"
)

// config is what this server offers (RFC 7643, section 5).
func (f *Front) config(c *call) (*reply, error) {
	offered := func(yes bool) object { return object{"supported": yes} }
	return &reply{status: 200, body: object{
		"schemas": []string{configSchema}, "documentationUri": f.BaseURL + "/help",
		"patch":          offered(true),
		"bulk":           object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         object{"supported": true, "maxResults": maxCount},
		"changePassword": offered(false), "sort": offered(false), "etag": offered(true),
		"authenticationSchemes": []object{{
			"type": "oauthbearertoken", "name": "Bearer token", "primary": true,
			"description": "A token of the connection's Provisioning page, as Authorization: Bearer",
			"specUri":     "https://www.rfc-editor.org/rfc/rfc6750",
		}},
		"meta": object{"resourceType": "ServiceProviderConfig", "location": c.base + "/ServiceProviderConfig"},
	}}, nil
}

// all is a list that needs no pages.
func all(items []object) *reply {
	return &reply{status: 200, body: object{"schemas": []string{listMessage}, "totalResults": len(items), "startIndex": 1, "itemsPerPage": len(items), "Resources": items}}
}

// one answers the item of a list that has the ID asked for.
func one(c *call, items []object) (*reply, error) {
	for _, o := range items {
		if strings.EqualFold(o["id"].(string), c.id) {
			return &reply{status: 200, body: o}, nil
		}
	}
	return nil, fault.New(fault.SCIMNotFound, "there is no %.100q here", c.id)
}

func resourceTypes(c *call) []object {
	var out []object
	for _, k := range []kind{users(), groups()} {
		o := object{
			"schemas": []string{typeSchema}, "id": k.core.name, "name": k.core.name, "endpoint": "/" + k.endpoint, "description": k.core.about, "schema": k.core.id,
			"meta": object{"resourceType": "ResourceType", "location": c.base + "/ResourceTypes/" + k.core.name},
		}
		extensions := []object{}
		for _, e := range k.ext {
			extensions = append(extensions, object{"schema": e.id, "required": false})
		}
		o["schemaExtensions"] = extensions
		out = append(out, o)
	}
	return out
}

func (f *Front) types(c *call) (*reply, error)   { return all(resourceTypes(c)), nil }
func (f *Front) oneType(c *call) (*reply, error) { return one(c, resourceTypes(c)) }

func schemasOf(c *call) []object {
	var out []object
	for _, s := range []schema{userAttributes(), groupAttributes(), enterpriseAttributes()} {
		out = append(out, object{
			"schemas": []string{schemaSchema}, "id": s.id, "name": s.name, "description": s.about, "attributes": s.attrs,
			"meta": object{"resourceType": "Schema", "location": c.base + "/Schemas/" + s.id},
		})
	}
	return out
}

func (f *Front) schemas(c *call) (*reply, error)   { return all(schemasOf(c)), nil }
func (f *Front) oneSchema(c *call) (*reply, error) { return one(c, schemasOf(c)) }
