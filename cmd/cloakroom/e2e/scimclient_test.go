package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// scimClient sends people as a provider's provisioning does: what stands in the console's two fields, and the provider's
// dialect. Made after what Entra ID and Okta document of their requests.
type scimClient struct {
	t     *testing.T
	base  string // as it was pasted into the address field
	token string // as it was pasted into the token field
	entra bool
	from  string // the provider's address
}

// answer is what came back of a request.
type scimAnswer struct {
	Status int
	Type   string
	Body   map[string]any
	Raw    string
}

func (a scimAnswer) id() string { s, _ := a.Body["id"].(string); return s }

// address joins the base with a path and a query: a query of the base's own stays at the end, as Entra has it.
func (c *scimClient) address(path string, query url.Values) string {
	base, own, _ := strings.Cut(c.base, "?")
	q := query.Encode()
	if own != "" {
		q = strings.TrimPrefix(q+"&"+own, "&")
	}
	if q != "" {
		q = "?" + q
	}
	return base + path + q
}

func (c *scimClient) do(method, path string, query url.Values, body any) (a scimAnswer) {
	c.t.Helper()
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		sent = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, c.address(path, query), sent)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	r.Header.Set("Accept", "application/scim+json")
	r.Header["Authorization"] = []string{strings.TrimRight("Bearer "+c.token, "\r\n")} // no client sends a header with a line break
	r.Header.Set("X-Forwarded-For", c.from)
	r.Header.Set("User-Agent", map[bool]string{true: "AzureAD-Provisioning", false: "Okta SCIM Client 1.0.0"}[c.entra])
	res, err := (&http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a = scimAnswer{Status: res.StatusCode, Type: res.Header.Get("Content-Type"), Raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.Body); err != nil {
			c.t.Errorf("%s %s: %d, no JSON: %s", method, path, a.Status, tail(a.Raw, 300))
		}
	}
	return a
}

// find looks for a user by the matching attribute, as before each change.
func (c *scimClient) find(userName string) scimAnswer {
	c.t.Helper()
	q := url.Values{"filter": {`userName eq "` + userName + `"`}}
	if !c.entra {
		q.Set("startIndex", "1")
		q.Set("count", "100")
	}
	return c.do(http.MethodGet, "/Users", q, nil)
}

// test is what "Test Connection" (Entra) and "Test Connector Configuration" (Okta) do.
func (c *scimClient) test() scimAnswer {
	c.t.Helper()
	if c.entra {
		return c.find("3c1b0a1e-6c43-4f2e-9a55-0d9f0a4b7c11") // nobody's: an empty list is wanted
	}
	return c.do(http.MethodGet, "/Users", url.Values{"startIndex": {"1"}, "count": {"2"}}, nil)
}

const scimSchema = "urn:ietf:params:scim:schemas:core:2.0:"

// scimPerson is somebody in the provider's directory.
type scimPerson struct{ userName, mail, externalID, given, family string }

// create looks for a person and sends them where they are not there.
func (c *scimClient) create(p scimPerson) scimAnswer {
	c.t.Helper()
	if found := c.find(p.userName); found.Status != http.StatusOK {
		return found
	}
	body := obj{
		"schemas": []string{scimSchema + "User"}, "userName": p.userName, "externalId": p.externalID, "active": true,
		"displayName": p.given + " " + p.family, "name": obj{"givenName": p.given, "familyName": p.family},
		"emails": []obj{{"primary": true, "type": "work", "value": p.mail}},
	}
	if c.entra {
		body["schemas"] = []string{scimSchema + "User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}
		body["meta"] = obj{"resourceType": "User"}
		body["name"] = obj{"formatted": p.given + " " + p.family, "givenName": p.given, "familyName": p.family}
	} else {
		body["groups"] = []obj{}
		body["locale"] = "en-US"
	}
	return c.do(http.MethodPost, "/Users", nil, body)
}

func (c *scimClient) patch(path string, operations ...obj) scimAnswer {
	c.t.Helper()
	return c.do(http.MethodPatch, path, nil, obj{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations})
}

// deactivate is what unassigning a person does. Entra follows the standard only behind a flag.
func (c *scimClient) deactivate(id string) scimAnswer {
	c.t.Helper()
	switch {
	case c.entra && strings.Contains(c.base, "aadOptscim062020"):
		return c.patch("/Users/"+id, obj{"op": "replace", "value": obj{"active": false}})
	case c.entra:
		return c.patch("/Users/"+id, obj{"op": "Replace", "path": "active", "value": "False"})
	}
	return c.patch("/Users/"+id, obj{"op": "replace", "value": obj{"active": false}})
}

// group pushes a group with members.
func (c *scimClient) group(name string, members ...string) scimAnswer {
	c.t.Helper()
	list := []obj{}
	for _, id := range members {
		list = append(list, obj{"value": id})
	}
	if !c.entra {
		return c.do(http.MethodPost, "/Groups", nil, obj{"schemas": []string{scimSchema + "Group"}, "displayName": name, "members": list})
	}
	made := c.do(http.MethodPost, "/Groups", nil, obj{"schemas": []string{scimSchema + "Group"}, "externalId": objectID(name), "displayName": name, "meta": obj{"resourceType": "Group"}})
	if made.Status == http.StatusCreated && len(list) > 0 {
		c.patch("/Groups/"+made.id(), obj{"op": "Add", "path": "members", "value": list})
	}
	return made
}
