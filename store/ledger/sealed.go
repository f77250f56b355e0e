package ledger

import (
	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Sealed is every sealed column of this package's tables.
func Sealed() []engine.Sealed {
	id := []string{"id"}
	return []engine.Sealed{
		{Table: "traces", Column: "detail", Key: id, AAD: func(v []string) []byte { return traceAAD(v[0]) }},
		{Table: "test_logins", Column: "report", Key: id, AAD: func(v []string) []byte { return testAAD(v[0]) }},
		{Table: "test_logins", Column: "page", Key: id, AAD: func(v []string) []byte { return testPageAAD(v[0]) }},
		{Table: "outbox", Column: "body", Key: id, Beside: []string{"realm"}, AAD: func(v []string) []byte {
			return mailAAD(&broker.Mail{ID: v[0], Realm: v[1]})
		}},
	}
}
