// Package scim is the SCIM 2.0 server of a connection's directory (RFC 7643, RFC 7644): it reads what customers'
// directories send, in the standard's words and in the dialects of Entra ID and Okta, and answers in the standard's. What a
// user or group means here is broker/directory's business.
package scim

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/directory"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
)

// maxBody is the largest body that is taken.
const maxBody = 1 << 20

// Front serves directories.
type Front struct {
	Web    *web.Web
	Engine *directory.Engine
	// AllowFailure takes one from an address's allowance of requests without a valid token.
	AllowFailure func(ip string) bool
	// ScanLimit is on how many resources a filter is tried that no index answers.
	ScanLimit int
	BaseURL   string
	Now       func() time.Time
}

// call is one request whose token is good.
type call struct {
	ctx     context.Context
	caller  directory.Caller
	base    string // of the directory's resources
	id      string // of the resource that is asked for
	query   url.Values
	search  object // in place of the query
	ifMatch string
	body    []byte
}

// reply is an answer. body is nil for none.
type reply struct {
	status         int
	body           any
	location, etag string
}

// param is a parameter of a list.
func (c *call) param(name string) string {
	if c.search == nil {
		return c.query.Get(name)
	}
	switch _, v, _ := member(c.search, name); v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// names are a parameter that lists attributes.
func (c *call) names(name string) []string {
	if c.search != nil {
		_, v, _ := member(c.search, name)
		list, _ := v.([]any)
		var out []string
		for _, item := range list {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	var out []string
	for _, part := range strings.Split(c.query.Get(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// wanted reports whether the answer is asked for an attribute by name.
func (c *call) wanted(name string) bool {
	return slices.ContainsFunc(c.names("attributes"), func(a string) bool { return named(a, name) })
}

// wants reports whether the answer is to hold an attribute.
func (c *call) wants(name string) bool {
	if list := c.names("attributes"); len(list) > 0 {
		return c.wanted(name)
	}
	return !slices.ContainsFunc(c.names("excludedAttributes"), func(a string) bool { return strings.EqualFold(a[strings.LastIndexByte(a, ':')+1:], name) })
}

// named reports whether an attribute's name, with or without schema and sub-attribute, is of this attribute.
func named(written, name string) bool {
	short := written[strings.LastIndexByte(written, ':')+1:]
	short, _, _ = strings.Cut(short, ".")
	return strings.EqualFold(short, name)
}

// match holds a change to the version that the directory read (If-Match).
func (c *call) match(version int64) error {
	if c.ifMatch == "" || strings.TrimSpace(c.ifMatch) == "*" {
		return nil
	}
	for tag := range strings.SplitSeq(c.ifMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == strings.TrimPrefix(etag(version), "W/") {
			return nil
		}
	}
	return fault.New(fault.SCIMVersion, "the version is %s", etag(version))
}

func etag(version int64) string { return fmt.Sprintf(`W/"%d"`, version) }

func (f *Front) location(c *call, endpoint, id string) string {
	return c.base + "/" + endpoint + "/" + id
}

func (f *Front) meta(c *call, kind, endpoint, id string, m broker.Meta) object {
	return object{
		"resourceType": kind, "created": m.CreatedAt.UTC().Format(time.RFC3339Nano), "lastModified": m.UpdatedAt.UTC().Format(time.RFC3339Nano),
		"location": f.location(c, endpoint, id), "version": etag(m.Version),
	}
}

// resource is the answer with one resource.
func (c *call) resource(status int, o object, version int64) *reply {
	location := o["meta"].(object)["location"].(string)
	return &reply{status: status, body: only(o, c.names("attributes"), c.names("excludedAttributes")), location: location, etag: etag(version)}
}

// list is the answer with some resources.
func (c *call) list(q *query, total int64, found []object) *reply {
	shown := make([]object, 0, len(found))
	for _, o := range found {
		shown = append(shown, only(o, c.names("attributes"), c.names("excludedAttributes")))
	}
	return &reply{status: 200, body: object{
		"schemas": []string{listMessage}, "totalResults": total, "startIndex": q.start, "itemsPerPage": len(shown), "Resources": shown,
	}}
}

// sent reads the resource in a body.
func (f *Front) sent(c *call, k kind) (object, error) {
	body, err := parse(c.body)
	if err != nil {
		return nil, err
	}
	return k.normalise(body)
}

// patch reads the operations in a body.
func (f *Front) patch(c *call) ([]operation, error) {
	body, err := parse(c.body)
	if err != nil {
		return nil, err
	}
	return operations(body)
}

// notFound says which resource there is not.
func notFound(err error, what, id string) error {
	if errors.Is(err, broker.ErrNotFound) && fault.CodeOf(err) == fault.NotFound {
		return fault.Wrap(fault.SCIMNotFound, err, "there is no %s %.100q", what, id)
	}
	return err
}

// unsupported answers what is not offered: bulk operations, and /Me, since a directory is nobody.
func (f *Front) unsupported(c *call) (*reply, error) {
	return nil, fault.New(fault.SCIMUnsupported, "ServiceProviderConfig says what is offered")
}

// scimType is the word for a fault that the standard has (RFC 7644, table 9).
func scimType(c fault.Code) string {
	switch c {
	case fault.SCIMSyntax:
		return "invalidSyntax"
	case fault.SCIMFilter:
		return "invalidFilter"
	case fault.SCIMTooMany:
		return "tooMany"
	case fault.SCIMTarget:
		return "noTarget"
	case fault.SCIMValue, fault.SCIMNoAddress, fault.SCIMDomain, fault.SCIMMember:
		return "invalidValue"
	case fault.SCIMFixed:
		return "mutability"
	case fault.SCIMTaken, fault.SCIMConflict:
		return "uniqueness"
	}
	return ""
}

// tokenFault reports whether a fault says what is wrong with a token, which only the request log may.
func tokenFault(c fault.Code) bool { return strings.HasPrefix(string(c), "scim.token_") }

// detail is what the directory's administrator reads of a fault.
func detail(f *fault.Error) string {
	e := fault.Lookup(f.Code)
	switch {
	case tokenFault(f.Code):
		return "The token is not valid. The request log of the connection's Provisioning page says why."
	case e.Status >= 500 && f.Code != fault.SCIMUnsupported:
		return e.Cause
	case f.Detail != "":
		return e.Cause + " In this case: " + f.Detail + ". " + e.Fix
	}
	return e.Cause + " " + e.Fix
}

// problem is a fault in SCIM's dialect (RFC 7644, section 3.12).
func problem(f *fault.Error) object {
	e := fault.Lookup(f.Code)
	o := object{"schemas": []string{errorMessage}, "status": strconv.Itoa(e.Status), "detail": detail(f)}
	if t := scimType(f.Code); t != "" {
		o["scimType"] = t
	}
	return o
}
