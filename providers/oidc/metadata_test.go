package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// What we publish is what the provider verifies our assertions with, after a rotation as well.
func TestPublishedKeys(t *testing.T) {
	var pairs []providers.Key
	for _, id := range []string{"active", "next"} {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, providers.Key{ID: id, Private: k})
	}
	var keys jose.JSONWebKeySet
	x := begin(t, "generic", m{"client_auth": "private_key_jwt", "client_secret": ""}, func(o *oidcop.Options) {
		o.Clients = []oidcop.Client{{ID: clientID, AuthMethods: []string{"private_key_jwt"}, Keys: &keys}}
	})
	x.set.Keys = func(context.Context) ([]providers.Key, error) { return pairs, nil }
	x.open()
	kind, doc, err := x.p.(providers.MetadataPublisher).Metadata(t.Context())
	if err != nil || kind != "application/jwk-set+json" {
		t.Fatalf("%q, %v", kind, err)
	}
	if err := json.Unmarshal(doc, &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Keys {
		if !k.IsPublic() || k.Use != "sig" {
			t.Errorf("key %q: public %v, use %q", k.KeyID, k.IsPublic(), k.Use)
		}
	}
	if strings.Contains(string(doc), `"d"`) {
		t.Errorf("a private key is published: %s", doc)
	}
	x.mustLogin()
	pairs[0], pairs[1] = pairs[1], pairs[0]
	x.mustLogin()
}

func TestNothingToPublish(t *testing.T) {
	for name, settings := range map[string]m{
		"a secret": {"client_auth": "client_secret_basic"}, "a secret, chosen by us": {"client_auth": "auto"}, "public": {"client_auth": "none", "client_secret": ""},
	} {
		x := begin(t, "generic", settings)
		x.set.Keys = func(context.Context) ([]providers.Key, error) {
			t.Errorf("%s: a key is made for nothing", name)
			return nil, nil
		}
		x.open()
		if _, _, err := x.p.(providers.MetadataPublisher).Metadata(t.Context()); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}
