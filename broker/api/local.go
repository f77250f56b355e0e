package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

type (
	previewIn struct {
		SlugIn
		Paging
		TestedBy string `query:"tested_by" doc:"User id of whoever signed in through the connection to test it"`
	}
	credentialsIn struct {
		IDIn
		Paging
	}
	credentialIn struct {
		IDIn
		Credential string `path:"credential"`
	}
)

// local are the routes of enforcement, local ways in and mails.
func (a *API) local(h huma.API) {
	const one, user = "/realms/{realm}/connections/{slug}", "/realms/{realm}/users/{id}"
	const mails, mail = "/realms/{realm}/mails", "/realms/{realm}/mails/{id}"
	on(a, h, route{method: http.MethodPost, path: one + "/enforcement/preview", id: "preview-enforcement", summary: "Read who would lose access, and what stands in the way", tag: "Connections"}, a.previewEnforcement)
	on(a, h, route{method: http.MethodPost, path: one + "/enforcement", id: "switch-enforcement", summary: "Switch enforcement on behind its gate, or off", tag: "Connections", takes: admin.EnforcementSwitch{}}, a.switchEnforcement)
	on(a, h, route{method: http.MethodGet, path: user + "/credentials", id: "list-credentials", summary: "List a person's passwords and passkeys", tag: "People"}, a.listCredentials)
	on(a, h, route{method: http.MethodDelete, path: user + "/credentials/{credential}", id: "delete-credential", summary: "Take a password or passkey away", tag: "People", status: 204}, a.deleteCredential)
	on(a, h, route{method: http.MethodPost, path: user + "/credentials/links", id: "create-credential-link", summary: "Send or make a link to set up a password or passkey", tag: "People", takes: admin.NewCredentialLink{}, status: 201}, a.createCredentialLink)
	on(a, h, route{method: http.MethodGet, path: mails, id: "list-mails", summary: "List a realm's mails, newest first", tag: "Mails"}, a.listMails)
	on(a, h, route{method: http.MethodGet, path: "/mails", id: "list-all-mails", summary: "List the installation's mails, newest first", tag: "Mails"}, a.listAllMails)
	on(a, h, route{method: http.MethodGet, path: mail, id: "get-mail", summary: "Read a mail; the text of one that opens an account is left out", tag: "Mails"}, a.getMail)
	on(a, h, route{method: http.MethodPost, path: mail + "/reveal", id: "reveal-mail", summary: "Read a mail that opens an account; audited", tag: "Mails"}, a.revealMail)
	on(a, h, route{method: http.MethodPost, path: mail + "/copied", id: "mail-copied", summary: "Note that a mail was passed on by hand", tag: "Mails"}, a.mailCopied)
	on(a, h, route{method: http.MethodPost, path: mail + "/retry", id: "retry-mail", summary: "Have a mail delivered anew", tag: "Mails"}, a.retryMail)
}

func (a *API) previewEnforcement(ctx context.Context, who admin.Actor, in *previewIn) (*object[*admin.EnforcementPreview], error) {
	return plain(a.Admin.PreviewEnforcement(ctx, who, in.Realm, in.Slug, in.TestedBy, in.page()))
}

func (a *API) switchEnforcement(ctx context.Context, who admin.Actor, in *changeSlugIn) (*object[*broker.Connection], error) {
	c, err := a.Admin.SwitchEnforcement(ctx, who, in.Realm, in.Slug, match(in.IfMatch), bodyOf(ctx))
	return versioned(c, connectionVersion, err)
}

func (a *API) listCredentials(ctx context.Context, who admin.Actor, in *credentialsIn) (*object[admin.Page[*admin.Credential]], error) {
	return plain(a.Admin.ListCredentials(ctx, who, in.Realm, in.ID, in.page()))
}

func (a *API) deleteCredential(ctx context.Context, who admin.Actor, in *credentialIn) (*empty, error) {
	return gone(a.Admin.DeleteCredential(ctx, who, in.Realm, in.ID, in.Credential))
}

func (a *API) createCredentialLink(ctx context.Context, who admin.Actor, in *IDIn) (*object[*admin.CredentialLink], error) {
	return plain(a.Admin.CreateCredentialLink(ctx, who, in.Realm, in.ID, bodyOf(ctx)))
}

func (a *API) listMails(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*broker.Mail]], error) {
	return plain(a.Admin.ListMails(ctx, who, in.Realm, in.page()))
}

func (a *API) listAllMails(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*broker.Mail]], error) {
	return plain(a.Admin.ListAllMails(ctx, who, in.page()))
}

func (a *API) getMail(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Mail], error) {
	return plain(a.Admin.GetMail(ctx, who, in.Realm, in.ID))
}

func (a *API) revealMail(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Mail], error) {
	return plain(a.Admin.RevealMail(ctx, who, in.Realm, in.ID))
}

func (a *API) mailCopied(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Mail], error) {
	return plain(a.Admin.MailCopied(ctx, who, in.Realm, in.ID))
}

func (a *API) retryMail(ctx context.Context, who admin.Actor, in *IDIn) (*object[*broker.Mail], error) {
	return plain(a.Admin.RetryMail(ctx, who, in.Realm, in.ID))
}
