package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
)

// config is huma's without its pages (they fetch scripts from elsewhere), without links in answers and with our errors.
// The description is served at openapi.json beside the operations and needs no key: it says nothing about an installation.
func (a *API) config() huma.Config {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[broker.Duration](), reflect.TypeFor[string]())
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Cloakroom admin API", Version: a.Version, Description: description},
			Servers: []*huma.Server{{URL: Root}},
			Components: &huma.Components{
				Schemas:         schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "An API key"}},
			},
		},
		OpenAPIPath:   "/openapi",
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.ours},
	}
	c.FieldsOptionalByDefault = true
	return c
}

const description = `Errors are problems (RFC 9457) with code, detail, fix and, for each bad field, errors[] with its JSON pointer.
Lists take limit (at most 200) and cursor and answer items and next. PATCH is JSON merge patch (RFC 7396) and honours If-Match with
the ETag of the version it starts from. Secrets are written and never read: they show as ` + broker.Masked + `, and sending that back
leaves them unchanged. Unknown fields are refused.`
