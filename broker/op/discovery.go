package op

import (
	"context"
	"crypto/x509"
	"encoding/base64"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Metadata is the discovery document (OpenID Connect Discovery 1.0, RFC 8414). It lists what is there and nothing else.
type Metadata struct {
	Issuer                string   `json:"issuer"`
	Authorization         string   `json:"authorization_endpoint"`
	Token                 string   `json:"token_endpoint"`
	UserInfo              string   `json:"userinfo_endpoint"`
	JWKS                  string   `json:"jwks_uri"`
	EndSession            string   `json:"end_session_endpoint"`
	Introspection         string   `json:"introspection_endpoint"`
	Revocation            string   `json:"revocation_endpoint"`
	PAR                   string   `json:"pushed_authorization_request_endpoint"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	IDTokenAlgs           []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth             []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgs     []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgs        []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	Scopes                []string `json:"scopes_supported"`
	Claims                []string `json:"claims_supported"`
	ClaimTypes            []string `json:"claim_types_supported"`
	ClaimsParameter       bool     `json:"claims_parameter_supported"`
	RequestParameter      bool     `json:"request_parameter_supported"`
	RequestURIParameter   bool     `json:"request_uri_parameter_supported"`
	RequirePAR            bool     `json:"require_pushed_authorization_requests"`
	CodeChallengeMethods  []string `json:"code_challenge_methods_supported"`
	PromptValues          []string `json:"prompt_values_supported"`
	UILocales             []string `json:"ui_locales_supported"`
	IssInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	BackchannelLogout     bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSID  bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogout    bool     `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSID bool     `json:"frontchannel_logout_session_supported"`
}

// Discovery answers the metadata of a realm's issuer. Clients keep it for hours; making it costs microseconds.
func (p *Provider) Discovery(ctx context.Context, d Door) (*Metadata, error) {
	if _, err := p.realm(ctx, d); err != nil {
		return nil, err
	}
	secret := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	algs := make([]string, len(assertionAlgs))
	for i, a := range assertionAlgs {
		algs[i] = string(a)
	}
	return &Metadata{
		Issuer: p.issuer(d), Authorization: p.endpoint(d, "auth"), Token: p.endpoint(d, "token"), UserInfo: p.endpoint(d, "userinfo"),
		JWKS: p.endpoint(d, "certs"), EndSession: p.endpoint(d, "logout"), Introspection: p.endpoint(d, "token/introspect"),
		Revocation: p.endpoint(d, "revoke"), PAR: p.endpoint(d, "ext/par/request"),
		ResponseTypes: []string{"code"}, ResponseModes: responseModes, GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		SubjectTypes: []string{"public", "pairwise"}, IDTokenAlgs: []string{"RS256", "ES256", "EdDSA"},
		TokenAuth: append([]string{"none"}, secret...), TokenAuthAlgs: algs, IntrospectionAuth: secret, IntrospectionAlgs: algs,
		RevocationAuth: append([]string{"none"}, secret...), RevocationAlgs: algs,
		Scopes: knownScopes, Claims: supportedClaims, ClaimTypes: []string{"normal"}, ClaimsParameter: true,
		CodeChallengeMethods: []string{"S256"}, PromptValues: []string{"none", "login", "consent", "select_account"},
		UILocales: broker.Locales, IssInResponse: true, BackchannelLogout: true, BackchannelLogoutSID: true,
		FrontchannelLogout: true, FrontchannelLogoutSID: true,
	}, nil
}

var supportedClaims = []string{
	"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr", "email", "email_verified",
	"name", "given_name", "family_name", "preferred_username", "locale", "updated_at", "groups", "realm", "connection", "idp",
}

// JWKS answers the realm's public keys.
func (p *Provider) JWKS(ctx context.Context, d Door) ([]byte, error) {
	if _, err := p.realm(ctx, d); err != nil {
		return nil, err
	}
	return p.Keys.JWKS(ctx, d.Realm)
}

// RealmInfo is what Keycloak says of a realm at its root: old adapters read the key there.
type RealmInfo struct {
	Realm           string `json:"realm"`
	PublicKey       string `json:"public_key"`
	TokenService    string `json:"token-service"`
	AccountService  string `json:"account-service"`
	TokensNotBefore int    `json:"tokens-not-before"`
}

// Realm answers a realm's info. There is no account console: its place leads to the realm itself.
func (p *Provider) Realm(ctx context.Context, d Door) (*RealmInfo, error) {
	if _, err := p.realm(ctx, d); err != nil {
		return nil, err
	}
	s, err := p.Keys.Signer(ctx, d.Realm, "RS256")
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "public key of realm %q", d.Realm)
	}
	return &RealmInfo{
		Realm: d.Realm, PublicKey: base64.StdEncoding.EncodeToString(der),
		TokenService: p.issuer(d) + "/protocol/openid-connect", AccountService: p.issuer(d) + "/account",
	}, nil
}
