package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// What requests carry beside their body. What is embedded must be exported: huma sees nothing else.
type (
	nothing struct{}

	Paging struct {
		Limit  int    `query:"limit" doc:"How many items at most: 1 to 200, 50 if left out"`
		Cursor string `query:"cursor" doc:"The next of the page before"`
		Query  string `query:"q" doc:"Only what has this in its name"`
	}

	InRealm struct {
		Realm string `path:"realm" doc:"Name of the realm"`
	}
	ListIn struct {
		InRealm
		Paging
	}
	SlugIn struct {
		InRealm
		Slug string `path:"slug" doc:"Slug of the connection"`
	}
	ClientIn struct {
		InRealm
		ClientID string `path:"client_id"`
	}
	DomainIn struct {
		InRealm
		Domain string `path:"domain"`
	}
	IDIn struct {
		InRealm
		ID string `path:"id"`
	}
	keyIn struct {
		ID string `path:"id"`
	}

	sessionsIn struct {
		ListIn
		UserID     string `query:"user_id" doc:"Only this person's"`
		Connection string `query:"connection" doc:"Only those through this connection"`
	}
	keysIn struct {
		ListIn
		Connection string `query:"connection" doc:"The keys of our side of this connection instead of the realm's"`
	}
	EventFilter struct {
		Kind       string    `query:"kind" doc:"The beginning of a kind, like login."`
		Ref        string    `query:"ref" doc:"A login's reference"`
		Connection string    `query:"connection"`
		Email      string    `query:"email"`
		UserID     string    `query:"user_id"`
		Since      time.Time `query:"since"`
	}
	eventsIn struct {
		Paging
		EventFilter
	}
	realmEventsIn struct {
		ListIn
		EventFilter
	}

	Conditional struct {
		IfMatch string `header:"If-Match" doc:"The ETag of the version that the change starts from; answered 412 when it is no longer the stored one"`
	}
	changeRealmIn struct {
		InRealm
		Conditional
	}
	changeSlugIn struct {
		SlugIn
		Conditional
	}
	changeClientIn struct {
		ClientIn
		Conditional
	}
	changeDomainIn struct {
		DomainIn
		Conditional
	}
	changeIDIn struct {
		IDIn
		Conditional
	}
)

func (p Paging) page() broker.Page {
	return broker.Page{Limit: p.Limit, Cursor: p.Cursor, Query: p.Query}
}

func (f EventFilter) filter() admin.EventFilter {
	return admin.EventFilter{Kind: f.Kind, Connection: f.Connection, Ref: f.Ref, Email: f.Email, UserID: f.UserID, Since: f.Since}
}

// What answers carry.
type (
	object[T any] struct {
		ETag     string `header:"ETag"`
		Location string `header:"Location"`
		Body     T
	}
	empty struct{}
)

// plain answers an object without version.
func plain[T any](v T, err error) (*object[T], error) {
	if err != nil {
		return nil, err
	}
	return &object[T]{Body: v}, nil
}

// versioned answers an object with its ETag.
func versioned[T any](v T, version func(T) int64, err error) (*object[T], error) {
	if err != nil {
		return nil, err
	}
	return &object[T]{ETag: etag(version(v)), Body: v}, nil
}

func gone(err error) (*empty, error) {
	if err != nil {
		return nil, err
	}
	return &empty{}, nil
}

// ClientAnswer is a client whose secret can be shown, the once that it is made.
type ClientAnswer struct {
	broker.Client
	ClientSecret string `json:"client_secret,omitempty" doc:"The mask, save in the answer that made the secret"`
}

func clientOf(c *broker.Client, made string, err error) (*ClientAnswer, error) {
	if err != nil {
		return nil, err
	}
	out := &ClientAnswer{Client: *c, ClientSecret: made}
	if made == "" && c.ClientSecret != "" {
		out.ClientSecret = broker.Masked
	}
	return out, nil
}

// NewKey is an API key with itself, the once that it is made.
type NewKey struct {
	broker.APIKey
	Key string `json:"key" doc:"The key; it cannot be read again"`
}

// route is one operation and what huma cannot read off the handler's types.
type route struct {
	method, path string
	id, summary  string
	tag          string
	takes        any // a value of the body's type, nil for none
	status       int
	limit        int64
}

// on registers a verb.
func on[I, O any](a *API, h huma.API, r route, f func(ctx context.Context, who admin.Actor, in *I) (*O, error)) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{r.tag},
		DefaultStatus: r.status, Security: []map[string][]string{{"key": {}}},
	}
	if r.takes != nil {
		op.Middlewares = huma.Middlewares{a.read(max(r.limit, maxBody))}
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, actorOf(ctx), in)
		if err != nil {
			p := problemOf(err)
			if p.Status >= 500 {
				a.Log.ErrorContext(ctx, "admin API", "code", p.Code, "operation", r.id, "error", err)
			}
			return nil, p
		}
		return out, nil
	})
	document(h.OpenAPI(), r)
}

// document describes the body and the errors of an operation: the verbs read bodies themselves, since a merge patch and an
// unknown field look the same to a decoder of structs.
func document(doc *huma.OpenAPI, r route) {
	item := doc.Paths[r.path]
	op := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodPut: item.Put, http.MethodDelete: item.Delete}[r.method]
	schemas := doc.Components.Schemas
	op.Responses["default"] = &huma.Response{
		Description: "A problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[Problem](), true, "")}},
	}
	if r.takes == nil {
		return
	}
	body := &huma.MediaType{Schema: schemas.Schema(reflect.TypeOf(r.takes), true, "")}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": body}}
	if r.method == http.MethodPatch {
		op.RequestBody.Description = "JSON merge patch (RFC 7396): what is left out stays, null goes back to the default"
		op.RequestBody.Content["application/merge-patch+json"] = body
	}
}
