package flow

import "cloakroom/store/engine"

// Sealed is every sealed column of this package's tables.
func Sealed() []engine.Sealed {
	id := []string{"id"}
	return []engine.Sealed{
		{Table: "sessions", Column: "upstream", Key: id, AAD: func(v []string) []byte { return sessionAAD(v[0]) }},
		{Table: "grants", Column: "secret", Key: id, AAD: func(v []string) []byte { return grantAAD(v[0]) }},
		{Table: "parked", Column: "value", Key: id, AAD: func(v []string) []byte { return parkedAAD(v[0]) }},
	}
}
