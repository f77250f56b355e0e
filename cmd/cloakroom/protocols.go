package main

import (
	"cloakroom/providers"
	"cloakroom/providers/ldap"
	"cloakroom/providers/oauth2"
	"cloakroom/providers/oidc"
	"cloakroom/providers/saml"
)

// upstreams is the list of upstream protocols. A new one is a folder of providers/ and a line here.
func upstreams() map[string]providers.Protocol {
	out := map[string]providers.Protocol{}
	for _, p := range []providers.Protocol{saml.New(), oidc.Protocol{}, oauth2.Protocol{}, ldap.Protocol{}} {
		out[p.Name()] = p
	}
	return out
}
