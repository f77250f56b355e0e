// Package storetest is what every store must do, whichever the database: Run for one process, RunConcurrent for two.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

// Run tests an empty, migrated store that open makes anew for each part.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for name, part := range map[string]func(*testing.T, *store.Store){
		"realms": realms, "connections": connections, "connection secrets": connectionSecrets, "buttons": buttons, "clients": clients, "domains": domains, "domain checks": domainChecks,
		"users": users, "links": links, "tenants apart": tenantsApart,
		"people": people, "people page by page": peoplePaged, "likely duplicates": duplicates, "groups": groups, "merges": merges, "identities": identities, "a person's sessions": personSessions, "consents": consents, "pseudonymise": pseudonymise,
		"invites": invites, "setup links": setupLinks, "key turns": keyTurns, "invite use": inviteUse, "invite lists": inviteLists, "seats": seats, "linked connections": linkedConnections, "keys": keys, "apikeys": apiKeys, "operators": operators, "operators' ways in": operatorCredentials, "operators' sessions": operatorSessions, "operators' links": operatorLinks, "credentials": credentials, "enforcement": enforcement,
		"sessions": sessions, "session ends": sessionEnds, "grants": grants, "redeem": redeem, "rotate": rotate, "marks": marks, "parked": parked, "sweep": sweep,
		"traces": traces, "lists of traces": traceLists, "traces are forgotten": tracesForgotten, "test logins": testLogins, "test logins end": testLoginsEnd,
		"webhooks": webhooks, "deliveries": deliveries, "webhook claims": webhookClaims, "expiries": expiries, "lists of expiries": expiryLists, "expiry warnings": expiryWarnings,
		"scim tokens": scimTokens, "directory users": directoryUsers, "directory groups": directoryGroups, "directory requests": directoryRequests,
		"wizard notes": wizardNotes, "latest test": testLatest,
		"counts of logins": loginCounts, "health": connectionHealth, "who fails is forgotten": failingForgotten, "trace policies": tracePolicies, "check runs": checkRuns, "checks due": checksDue,
		"documents": documents, "documents are bounded": documentsBounded, "document watches": documentWatches, "shadows": shadows,
		"events": events, "tx": transactions, "lists": lists, "deletion leaves nothing": deletion, "strange text": strangeText, "ready": ready,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error = %v, want %v", err, want)
	}
}

func background(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Realm makes and stores a realm.
func Realm(t *testing.T, s *store.Store, name string) *broker.Realm {
	t.Helper()
	r := &broker.Realm{Name: name}
	r.Defaults()
	must(t, s.Realms.Create(background(t), r))
	return r
}

// Connection makes and stores a connection.
func Connection(t *testing.T, s *store.Store, realm, slug string) *broker.Connection {
	t.Helper()
	c := &broker.Connection{Slug: slug, Realm: realm, Protocol: "oidc", Enabled: true, OIDC: &broker.OIDC{ClientID: "c"}}
	c.Defaults()
	must(t, s.Connections.Create(background(t), c))
	return c
}

// User makes and stores a user.
func User(t *testing.T, s *store.Store, realm, id, email string) *broker.User {
	t.Helper()
	u := &broker.User{ID: id, Realm: realm, Email: email}
	must(t, s.Users.Create(background(t), u))
	return u
}

// filled makes a noun with every field set.
func filled[T any](t *testing.T) *T {
	v := new(T)
	fill(t, v)
	return v
}
