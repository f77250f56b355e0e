package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	testIn struct {
		SlugIn
		LangIn
		Ref string `path:"ref" doc:"Reference of the test login"`
	}
	explainIn struct {
		SlugIn
		LangIn
	}
	LangIn struct {
		Lang string `query:"lang" enum:"en,fr,pl,ru,de,es" doc:"The language of the text for their IT"`
	}
	loginIn struct {
		InRealm
		Ref string `path:"ref" doc:"Reference of the login, as error pages show it"`
	}
	loginsIn struct {
		ListIn
		Ref        string `query:"ref" doc:"A login's reference"`
		Email      string `query:"email" doc:"Only this address's"`
		Connection string `query:"connection" doc:"Only those through this connection"`
		Outcome    string `query:"outcome" doc:"Only those that succeeded, or that failed"`
	}
)

// maxExplained is the largest body of an explanation: a HAR file holds whole pages.
const maxExplained = 5 << 20

// diagnosis registers test logins, explanations and the traces of logins.
func (a *API) diagnosis(h huma.API) {
	const one, logins = "/realms/{realm}/connections/{slug}", "/realms/{realm}/logins"
	on(a, h, route{method: http.MethodPost, path: one + "/test", id: "test-connection", summary: "Begin a test login: a sign-in that signs nobody in and ends on a report", tag: "Diagnosis"}, a.testConnection)
	on(a, h, route{method: http.MethodGet, path: one + "/tests/{ref}", id: "get-test", summary: "Read what became of a test login", tag: "Diagnosis"}, a.getTest)
	on(a, h, route{method: http.MethodPost, path: one + "/tests/{ref}/page", id: "paste-test-page", summary: "Read what the identity provider's page said where a test login never came back", tag: "Diagnosis", takes: admin.PastedPage{}}, a.pasteTestPage)
	on(a, h, route{method: http.MethodPost, path: one + "/explain", id: "explain", summary: "Examine a message without a sign-in", tag: "Diagnosis", takes: admin.Explainable{}, limit: maxExplained}, a.explain)
	on(a, h, route{method: http.MethodGet, path: logins, id: "list-logins", summary: "List a realm's logins, newest first", tag: "Diagnosis"}, a.listLogins)
	on(a, h, route{method: http.MethodGet, path: logins + "/{ref}", id: "get-login", summary: "Read what became of a login, step by step", tag: "Diagnosis"}, a.getLogin)
}

func (a *API) testConnection(ctx context.Context, who admin.Actor, in *SlugIn) (*object[admin.TestLink], error) {
	return plain(a.Admin.BeginTest(ctx, who, in.Realm, in.Slug))
}

func (a *API) getTest(ctx context.Context, who admin.Actor, in *testIn) (*object[*admin.Diagnosed], error) {
	d, err := a.Admin.TestReport(ctx, who, in.Realm, in.Slug, in.Ref)
	return plain(a.Admin.InLanguage(d, in.Lang), err)
}

func (a *API) pasteTestPage(ctx context.Context, who admin.Actor, in *testIn) (*object[*admin.Diagnosed], error) {
	d, err := a.Admin.PasteTestPage(ctx, who, in.Realm, in.Slug, in.Ref, bodyOf(ctx))
	return plain(a.Admin.InLanguage(d, in.Lang), err)
}

func (a *API) explain(ctx context.Context, who admin.Actor, in *explainIn) (*object[*admin.Diagnosed], error) {
	d, err := a.Admin.Explain(ctx, who, in.Realm, in.Slug, bodyOf(ctx))
	return plain(a.Admin.InLanguage(d, in.Lang), err)
}

func (a *API) listLogins(ctx context.Context, who admin.Actor, in *loginsIn) (*object[admin.Page[broker.Trace]], error) {
	f := broker.TraceFilter{Ref: in.Ref, Email: in.Email, Connection: in.Connection, Outcome: in.Outcome}
	return plain(a.Admin.ListLogins(ctx, who, in.Realm, f, in.page()))
}

func (a *API) getLogin(ctx context.Context, who admin.Actor, in *loginIn) (*object[*admin.LoginTrace], error) {
	return plain(a.Admin.GetLogin(ctx, who, in.Realm, in.Ref))
}
