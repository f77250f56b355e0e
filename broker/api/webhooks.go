package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// Webhooks belong to a realm or to the installation; the routes of both are the same behind another beginning. What
// embeds InRealm is the realm's.
type (
	HookIn struct {
		ID string `path:"id" doc:"ID of the webhook"`
	}
	ChangeHookIn struct {
		HookIn
		Conditional
	}
	HookPageIn struct {
		HookIn
		Paging
	}
	DeliveryIn struct {
		HookIn
		Delivery string `path:"delivery" doc:"ID of the event"`
	}
	realmHookIn struct {
		InRealm
		HookIn
	}
	realmChangeHookIn struct {
		InRealm
		ChangeHookIn
	}
	realmHookPageIn struct {
		InRealm
		HookPageIn
	}
	realmDeliveryIn struct {
		InRealm
		DeliveryIn
	}
)

// WebhookAnswer is a webhook with its secret, the once that it is made.
type WebhookAnswer struct {
	broker.Webhook
	Secret string `json:"secret" doc:"The mask, save in the answer that made the secret"`
}

func webhookVersion(w *WebhookAnswer) int64 { return w.Version }

func masked(w *broker.Webhook) *WebhookAnswer { return &WebhookAnswer{*w, broker.Masked} }

// hook answers one webhook, with its secret where it was just made.
func hook(w *broker.Webhook, made bool, err error) (*object[*WebhookAnswer], error) {
	if err != nil {
		return nil, err
	}
	out := masked(w)
	if made {
		out.Secret = w.Secret.Reveal()
	}
	return versioned(out, webhookVersion, nil)
}

const webhookTag = "Webhooks"

// webhooks are the routes of both.
func (a *API) webhooks(h huma.API) {
	const all, one = "/webhooks", "/webhooks/{id}"
	list := route{method: http.MethodGet, path: all, id: "list-webhooks", summary: "List the installation's webhooks", tag: webhookTag}
	on(a, h, list, func(ctx context.Context, who admin.Actor, in *Paging) (*object[admin.Page[*WebhookAnswer]], error) {
		return a.listWebhooks(ctx, who, "", in.page())
	})
	on(a, h, list.ofRealm("List a realm's webhooks"), func(ctx context.Context, who admin.Actor, in *ListIn) (*object[admin.Page[*WebhookAnswer]], error) {
		return a.listWebhooks(ctx, who, in.Realm, in.page())
	})
	create := route{method: http.MethodPost, path: all, id: "create-webhook", summary: "Make a webhook that hears of the whole installation; its secret is answered this once", tag: webhookTag, takes: admin.WebhookPatch{}, status: 201}
	on(a, h, create, func(ctx context.Context, who admin.Actor, _ *nothing) (*object[*WebhookAnswer], error) {
		return a.createWebhook(ctx, who, "")
	})
	on(a, h, create.ofRealm("Make a webhook that hears of a realm; its secret is answered this once"), func(ctx context.Context, who admin.Actor, in *InRealm) (*object[*WebhookAnswer], error) {
		return a.createWebhook(ctx, who, in.Realm)
	})
	get := route{method: http.MethodGet, path: one, id: "get-webhook", summary: "Read a webhook", tag: webhookTag}
	on(a, h, get, func(ctx context.Context, who admin.Actor, in *HookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.GetWebhook(ctx, who, "", in.ID)
		return hook(w, false, err)
	})
	on(a, h, get.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmHookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.GetWebhook(ctx, who, in.Realm, in.ID)
		return hook(w, false, err)
	})
	a.webhookChanges(h, one)
	a.deliveries(h, one)
}

// ofRealm is the same route below a realm; a summary of "" is kept.
func (r route) ofRealm(summary string) route {
	r.path, r.id = "/realms/{realm}"+r.path, r.id+"-of-realm"
	if summary != "" {
		r.summary = summary
	}
	return r
}

func (a *API) webhookChanges(h huma.API, one string) {
	update := route{method: http.MethodPatch, path: one, id: "update-webhook", summary: "Change a webhook, or switch it on or off", tag: webhookTag, takes: admin.WebhookPatch{}}
	on(a, h, update, func(ctx context.Context, who admin.Actor, in *ChangeHookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.UpdateWebhook(ctx, who, "", in.ID, match(in.IfMatch), bodyOf(ctx))
		return hook(w, false, err)
	})
	on(a, h, update.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmChangeHookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.UpdateWebhook(ctx, who, in.Realm, in.ID, match(in.IfMatch), bodyOf(ctx))
		return hook(w, false, err)
	})
	del := route{method: http.MethodDelete, path: one, id: "delete-webhook", summary: "Delete a webhook", tag: webhookTag, status: 204}
	on(a, h, del, func(ctx context.Context, who admin.Actor, in *ChangeHookIn) (*empty, error) {
		return gone(a.Admin.DeleteWebhook(ctx, who, "", in.ID, match(in.IfMatch)))
	})
	on(a, h, del.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmChangeHookIn) (*empty, error) {
		return gone(a.Admin.DeleteWebhook(ctx, who, in.Realm, in.ID, match(in.IfMatch)))
	})
	rotate := route{method: http.MethodPost, path: one + "/rotate-secret", id: "rotate-webhook-secret", summary: "Make a new secret, answered this once; the one before it signs too for a day", tag: webhookTag}
	on(a, h, rotate, func(ctx context.Context, who admin.Actor, in *HookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.RotateWebhookSecret(ctx, who, "", in.ID)
		return hook(w, true, err)
	})
	on(a, h, rotate.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmHookIn) (*object[*WebhookAnswer], error) {
		w, err := a.Admin.RotateWebhookSecret(ctx, who, in.Realm, in.ID)
		return hook(w, true, err)
	})
}

func (a *API) deliveries(h huma.API, one string) {
	test := route{method: http.MethodPost, path: one + "/test", id: "test-webhook", summary: "Send an event of kind webhook.tested", tag: webhookTag}
	on(a, h, test, func(ctx context.Context, who admin.Actor, in *HookIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.TestWebhook(ctx, who, "", in.ID))
	})
	on(a, h, test.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmHookIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.TestWebhook(ctx, who, in.Realm, in.ID))
	})
	list := route{method: http.MethodGet, path: one + "/deliveries", id: "list-deliveries", summary: "List what was and is on its way to a webhook, newest first", tag: webhookTag}
	on(a, h, list, func(ctx context.Context, who admin.Actor, in *HookPageIn) (*object[admin.Page[*broker.Delivery]], error) {
		return plain(a.Admin.ListDeliveries(ctx, who, "", in.ID, in.page()))
	})
	on(a, h, list.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmHookPageIn) (*object[admin.Page[*broker.Delivery]], error) {
		return plain(a.Admin.ListDeliveries(ctx, who, in.Realm, in.ID, in.page()))
	})
	get := route{method: http.MethodGet, path: one + "/deliveries/{delivery}", id: "get-delivery", summary: "Read what became of one delivery", tag: webhookTag}
	on(a, h, get, func(ctx context.Context, who admin.Actor, in *DeliveryIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.GetDelivery(ctx, who, "", in.ID, in.Delivery))
	})
	on(a, h, get.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmDeliveryIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.GetDelivery(ctx, who, in.Realm, in.ID, in.Delivery))
	})
	again := route{method: http.MethodPost, path: one + "/deliveries/{delivery}/resend", id: "resend-delivery", summary: "Send an event again, under the ID that it had", tag: webhookTag}
	on(a, h, again, func(ctx context.Context, who admin.Actor, in *DeliveryIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.Resend(ctx, who, "", in.ID, in.Delivery))
	})
	on(a, h, again.ofRealm(""), func(ctx context.Context, who admin.Actor, in *realmDeliveryIn) (*object[*broker.Delivery], error) {
		return plain(a.Admin.Resend(ctx, who, in.Realm, in.ID, in.Delivery))
	})
}

func (a *API) listWebhooks(ctx context.Context, who admin.Actor, realm string, p broker.Page) (*object[admin.Page[*WebhookAnswer]], error) {
	found, err := a.Admin.ListWebhooks(ctx, who, realm, p)
	out := admin.Page[*WebhookAnswer]{Items: make([]*WebhookAnswer, len(found.Items)), Next: found.Next}
	for i, w := range found.Items {
		out.Items[i] = masked(w)
	}
	return plain(out, err)
}

func (a *API) createWebhook(ctx context.Context, who admin.Actor, realm string) (*object[*WebhookAnswer], error) {
	w, err := a.Admin.CreateWebhook(ctx, who, realm, bodyOf(ctx))
	o, err := hook(w, true, err)
	if err != nil {
		return nil, err
	}
	if realm == "" {
		return located(o, "webhooks", w.ID), nil
	}
	return located(o, "realms", realm, "webhooks", w.ID), nil
}
