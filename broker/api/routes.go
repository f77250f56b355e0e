package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/admin"
)

// Mount adds the API's routes.
func (a *API) Mount(r gin.IRouter) {
	g := r.Group(Root)
	g.Use(a.address)
	h := humagin.NewWithGroup(nil, g, a.config())
	h.UseMiddleware(a.authenticate)
	a.realms(h)
	a.connections(h)
	a.clients(h)
	a.domains(h)
	a.people(h)
	a.persons(h)
	a.groups(h)
	a.invites(h)
	a.setupLinks(h)
	a.scim(h)
	a.rollover(h)
	a.diagnosis(h)
	a.wizard(h)
	a.overview(h)
	a.documents(h)
	a.shadow(h)
	a.local(h)
	a.webhooks(h)
	a.calendar(h)
	a.operators(h)
	a.rest(h)
}

// address notes where the request comes from.
func (a *API) address(c *gin.Context) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), addressKey, a.ClientIP(c.Request)))
}

func (a *API) realms(h huma.API) {
	const all, one = "/realms", "/realms/{realm}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-realms", summary: "List realms", tag: "Realms"}, a.listRealms)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-realm", summary: "Create a realm", tag: "Realms", takes: broker.Realm{}, status: 201}, a.createRealm)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-realm", summary: "Read a realm", tag: "Realms"}, a.getRealm)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-realm", summary: "Change a realm", tag: "Realms", takes: broker.Realm{}}, a.updateRealm)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-realm", summary: "Delete a realm with all that it holds", tag: "Realms", status: 204}, a.deleteRealm)
}

func (a *API) connections(h huma.API) {
	const all, one = "/realms/{realm}/connections", "/realms/{realm}/connections/{slug}"
	takes := broker.Connection{}
	on(a, h, route{method: http.MethodGet, path: all, id: "list-connections", summary: "List a realm's connections", tag: "Connections"}, a.listConnections)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-connection", summary: "Create a connection", tag: "Connections", takes: takes, status: 201, limit: maxConnectionBody}, a.createConnection)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-connection", summary: "Read a connection", tag: "Connections"}, a.getConnection)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-connection", summary: "Change a connection", tag: "Connections", takes: takes, limit: maxConnectionBody}, a.updateConnection)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-connection", summary: "Delete a connection", tag: "Connections", status: 204}, a.deleteConnection)
	on(a, h, route{method: http.MethodGet, path: one + "/handover", id: "handover", summary: "Read what the customer's administrator needs from us", tag: "Connections"}, a.handover)
	on(a, h, route{method: http.MethodPost, path: one + "/check", id: "check-connection", summary: "Preflight a connection", tag: "Connections"}, a.checkConnection)
}

func (a *API) clients(h huma.API) {
	const all, one = "/realms/{realm}/clients", "/realms/{realm}/clients/{client_id}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-clients", summary: "List a realm's clients", tag: "Clients"}, a.listClients)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-client", summary: "Create a client; a secret left out is made and answered this once", tag: "Clients", takes: broker.Client{}, status: 201}, a.createClient)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-client", summary: "Read a client", tag: "Clients"}, a.getClient)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-client", summary: "Change a client; a client_secret of null makes a new one", tag: "Clients", takes: broker.Client{}}, a.updateClient)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-client", summary: "Delete a client", tag: "Clients", status: 204}, a.deleteClient)
}

func (a *API) domains(h huma.API) {
	const all, one = "/realms/{realm}/domains", "/realms/{realm}/domains/{domain}"
	on(a, h, route{method: http.MethodGet, path: all, id: "list-domains", summary: "List a realm's domains", tag: "Domains"}, a.listDomains)
	on(a, h, route{method: http.MethodPost, path: all, id: "create-domain", summary: "Claim a domain", tag: "Domains", takes: admin.DomainPatch{}, status: 201}, a.createDomain)
	on(a, h, route{method: http.MethodGet, path: one, id: "get-domain", summary: "Read a domain", tag: "Domains"}, a.getDomain)
	on(a, h, route{method: http.MethodPatch, path: one, id: "update-domain", summary: "Call a domain verified, or no longer so", tag: "Domains", takes: admin.DomainPatch{}}, a.updateDomain)
	on(a, h, route{method: http.MethodDelete, path: one, id: "delete-domain", summary: "Give a domain up", tag: "Domains", status: 204}, a.deleteDomain)
	on(a, h, route{method: http.MethodPost, path: one + "/verify", id: "verify-domain", summary: "Look for the domain's TXT record", tag: "Domains"}, a.verifyDomain)
	on(a, h, route{method: http.MethodPost, path: one + "/transfer", id: "offer-domain", summary: "Offer a verified domain to another realm", tag: "Domains", takes: admin.Offer{}}, a.offerDomain)
	on(a, h, route{method: http.MethodDelete, path: one + "/transfer", id: "withdraw-domain-offer", summary: "Take the offer back", tag: "Domains", status: 204}, a.withdrawOffer)
	on(a, h, route{method: http.MethodPost, path: one + "/accept", id: "accept-domain", summary: "Accept a domain that another realm offers", tag: "Domains"}, a.acceptDomain)
}

func (a *API) people(h huma.API) {
	const users, user = "/realms/{realm}/users", "/realms/{realm}/users/{id}"
	const sessions, session = "/realms/{realm}/sessions", "/realms/{realm}/sessions/{id}"
	on(a, h, route{method: http.MethodGet, path: users, id: "list-users", summary: "List a realm's people", tag: "People"}, a.listUsers)
	on(a, h, route{method: http.MethodGet, path: user, id: "get-user", summary: "Read a person", tag: "People"}, a.getUser)
	on(a, h, route{method: http.MethodPatch, path: user, id: "update-user", summary: "Change, block or approve a person", tag: "People", takes: admin.UserPatch{}}, a.updateUser)
	on(a, h, route{method: http.MethodDelete, path: user, id: "delete-user", summary: "Sign a person out and delete them", tag: "People", status: 204}, a.deleteUser)
	on(a, h, route{method: http.MethodGet, path: sessions, id: "list-sessions", summary: "List who is signed in", tag: "People"}, a.listSessions)
	on(a, h, route{method: http.MethodGet, path: session, id: "get-session", summary: "Read a session", tag: "People"}, a.getSession)
	on(a, h, route{method: http.MethodDelete, path: session, id: "end-session", summary: "Sign a person out everywhere", tag: "People", status: 204}, a.endSession)
}

func (a *API) rest(h huma.API) {
	const keys, apikeys, apikey = "/realms/{realm}/keys", "/apikeys", "/apikeys/{id}"
	on(a, h, route{method: http.MethodGet, path: keys, id: "list-keys", summary: "List the keys of a realm and its connections", tag: "Keys"}, a.listKeys)
	on(a, h, route{method: http.MethodPost, path: keys + "/rotate", id: "rotate-key", summary: "Make a new key the active one", tag: "Keys", takes: admin.Rotation{}}, a.rotateKey)
	on(a, h, route{method: http.MethodGet, path: "/realms/{realm}/events", id: "list-realm-events", summary: "List a realm's events, newest first", tag: "Events"}, a.listRealmEvents)
	on(a, h, route{method: http.MethodGet, path: "/events", id: "list-events", summary: "List the installation's events, newest first", tag: "Events"}, a.listEvents)
	on(a, h, route{method: http.MethodGet, path: apikeys, id: "list-apikeys", summary: "List API keys", tag: "API keys"}, a.listAPIKeys)
	on(a, h, route{method: http.MethodPost, path: apikeys, id: "create-apikey", summary: "Make an API key, answered this once", tag: "API keys", takes: admin.NewAPIKey{}, status: 201}, a.createAPIKey)
	on(a, h, route{method: http.MethodGet, path: apikey, id: "get-apikey", summary: "Read what is known of an API key", tag: "API keys"}, a.getAPIKey)
	on(a, h, route{method: http.MethodDelete, path: apikey, id: "delete-apikey", summary: "Make an API key worthless", tag: "API keys", status: 204}, a.deleteAPIKey)
}
