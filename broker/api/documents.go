package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker/admin"
)

type documentIn struct {
	SlugIn
	N int64 `path:"n" doc:"Number of the version"`
}

// documents registers the versions of what connections' upstreams publish.
func (a *API) documents(h huma.API) {
	const all, one = "/realms/{realm}/connections/{slug}/documents", "/realms/{realm}/connections/{slug}/documents/{n}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-documents", summary: "List the versions of the metadata, or of discovery and keys, that the identity provider published", tag: "Documents"}, a.listDocuments)
	on(a, h, route{method: http.MethodPost, path: all + "/refresh", id: "refresh-documents", summary: "Fetch them now", tag: "Documents"}, a.refreshDocuments)
	on(a, h, route{method: http.MethodPost, path: all + "/release", id: "release-documents", summary: "Let a restored version change again", tag: "Documents"}, a.releaseDocuments)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-document", summary: "Read a version and how it differs", tag: "Documents"}, a.getDocument)
	on(a, h, route{method: http.MethodPost, path: one + "/approve", id: "approve-document", summary: "Trust a version that waits", tag: "Documents"}, a.approveDocument)
	on(a, h, route{method: http.MethodPost, path: one + "/dismiss", id: "dismiss-document", summary: "Leave what is trusted as it is", tag: "Documents"}, a.dismissDocument)
	on(a, h, route{method: http.MethodPost, path: one + "/restore", id: "restore-document", summary: "Put an earlier version back and pin it", tag: "Documents"}, a.restoreDocument)
}

func (a *API) listDocuments(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.DocumentVersions], error) {
	return plain(a.Admin.ListDocuments(ctx, who, in.Realm, in.Slug))
}

func (a *API) refreshDocuments(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.DocumentVersions], error) {
	return plain(a.Admin.RefreshDocuments(ctx, who, in.Realm, in.Slug))
}

func (a *API) releaseDocuments(ctx context.Context, who admin.Actor, in *SlugIn) (*object[*admin.DocumentVersion], error) {
	return plain(a.Admin.ReleaseDocuments(ctx, who, in.Realm, in.Slug))
}

func (a *API) getDocument(ctx context.Context, who admin.Actor, in *documentIn) (*object[*admin.DocumentText], error) {
	return plain(a.Admin.GetDocument(ctx, who, in.Realm, in.Slug, in.N))
}

func (a *API) approveDocument(ctx context.Context, who admin.Actor, in *documentIn) (*object[*admin.DocumentVersion], error) {
	return plain(a.Admin.ApproveDocument(ctx, who, in.Realm, in.Slug, in.N))
}

func (a *API) dismissDocument(ctx context.Context, who admin.Actor, in *documentIn) (*object[*admin.DocumentVersion], error) {
	return plain(a.Admin.DismissDocument(ctx, who, in.Realm, in.Slug, in.N))
}

func (a *API) restoreDocument(ctx context.Context, who admin.Actor, in *documentIn) (*object[*admin.DocumentVersion], error) {
	return plain(a.Admin.RestoreDocument(ctx, who, in.Realm, in.Slug, in.N))
}
