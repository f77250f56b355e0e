package oidc

import (
	"context"
	"crypto"
	"encoding/json"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Metadata is the key set (RFC 7517, section 5) that the provider verifies our client assertions with: it is registered
// as the client's jwks_uri, or copied into jwks. The next key is in it ahead of its use. Where a secret is used there is
// nothing to publish.
func (p *provider) Metadata(ctx context.Context) (string, []byte, error) {
	if !p.mayUseKey() || p.settings.Keys == nil {
		return "", nil, fault.New(fault.NotFound, "this connection authenticates with %s and has no key to publish", p.config.ClientAuth)
	}
	keys, err := p.settings.Keys(ctx)
	if err != nil {
		return "", nil, fault.Wrap(fault.OIDCClientKeyFault, err, "")
	}
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for _, k := range keys {
		jwk, err := publicKey(k)
		if err != nil {
			return "", nil, err
		}
		set.Keys = append(set.Keys, jwk)
	}
	b, err := json.Marshal(set)
	return "application/jwk-set+json", b, err
}

// mayUseKey reports whether authMethod can come to private_key_jwt.
func (p *provider) mayUseKey() bool {
	return p.config.ClientAuth == privateJWT || p.config.ClientAuth == "auto" && p.config.ClientSecret == "" && p.config.apple == nil
}

// publicKey names no algorithm: which one is used follows what the provider's discovery lists.
func publicKey(k providers.Key) (jose.JSONWebKey, error) {
	signer, ok := k.Private.(crypto.Signer)
	if !ok {
		return jose.JSONWebKey{}, fault.New(fault.OIDCClientKeyFault, "a key of type %T cannot sign", k.Private)
	}
	return jose.JSONWebKey{Key: signer.Public(), KeyID: k.ID, Use: "sig"}, nil
}
