package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// maxPaste is the largest body of a paste: 1 MiB of text, escaped.
const maxPaste = 2 << 20

// wizard registers how a connection is set up step by step.
func (a *API) wizard(h huma.API) {
	const one = "/realms/{realm}/connections/{slug}"
	on(a, h, route{method: http.MethodPost, path: "/realms/{realm}/drafts", id: "start-connection", summary: "Begin a connection: a draft, whose slug and addresses are final", tag: "Connections", takes: admin.NewDraft{}, status: 201}, a.startConnection)
	on(a, h, route{method: http.MethodGet, path: one + "/setup", id: "get-setup", summary: "Read how far a connection's setup is", tag: "Connections"}, a.setup)
	on(a, h, route{method: http.MethodPost, path: one + "/setup", id: "set-copied", summary: "Note that our values stand in the provider's console", tag: "Connections", takes: admin.CopiedTick{}}, a.copied)
	on(a, h, route{method: http.MethodPost, path: one + "/paste", id: "paste", summary: "Take over what was copied out of the provider's console, whatever it is", tag: "Connections", takes: admin.Paste{}, limit: maxPaste}, a.paste)
	on(a, h, route{method: http.MethodPost, path: one + "/provider", id: "rechoose-provider", summary: "Choose another provider or protocol for a connection that is switched off", tag: "Connections", takes: admin.NewDraft{}}, a.rechoose)
}

func (a *API) startConnection(ctx context.Context, who admin.Actor, in *InRealm) (*object[*broker.Connection], error) {
	c, err := a.Admin.StartConnection(ctx, who, in.Realm, bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	o, err := versioned(c, connectionVersion, nil)
	return located(o, "realms", c.Realm, "connections", c.Slug), err
}

func (a *API) setup(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.WizardState], error) {
	return plain(a.Admin.WizardState(ctx, who, in.Realm, in.Slug))
}

func (a *API) copied(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.WizardState], error) {
	return plain(a.Admin.ConnectionCopied(ctx, who, in.Realm, in.Slug, bodyOf(ctx)))
}

func (a *API) paste(ctx context.Context, who admin.Actor, in *changeSlugIn) (*object[*admin.Pasted], error) {
	return plain(a.Admin.PasteInto(ctx, who, in.Realm, in.Slug, match(in.IfMatch), bodyOf(ctx)))
}

func (a *API) rechoose(ctx context.Context, who admin.Actor, in *changeSlugIn) (*object[*broker.Connection], error) {
	c, err := a.Admin.RechooseConnection(ctx, who, in.Realm, in.Slug, match(in.IfMatch), bodyOf(ctx))
	return versioned(c, connectionVersion, err)
}
