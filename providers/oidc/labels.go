package oidc

import (
	"slices"

	"cloakroom/broker/fault"
)

// labelled puts the name that the provider's own console gives to what must be changed before our own field's, and says
// the fix with it where the general one speaks of no field.
func (p *provider) labelled(f *fault.Error) *fault.Error {
	label := consoleLabel(p.settings.Preset, f.Code)
	if label == "" {
		return p.pageWorded(f)
	}
	out := *f // a cached fault is shared
	if !slices.Contains(f.Labels, label) {
		out.Labels = slices.Concat([]string{label}, f.Labels)
	}
	switch {
	case out.Fix != "":
	case p.config.dialect.formPost && f.Code == fault.OIDCSecretRefused:
		out.Fix = "Keys: check that Team ID, Key ID and Services ID belong together and that the .p8 of that very key is the Client secret."
	default:
		out.Fix = fixAt(&out, label)
	}
	return &out
}

// pageWorded is labelled for what the provider's own pages show too.
func (p *provider) pageWorded(f *fault.Error) *fault.Error {
	fix, labels := fault.ConsoleFix(p.settings.Preset, "oidc", f.Code)
	if fix == "" || f.Fix != "" {
		return f
	}
	out := *f
	out.Fix, out.Labels = fix, labels
	return &out
}

// Worded puts a fault into the console's own words.
func (p *provider) Worded(err error) error { return p.labelled(fault.As(err)) }

// fixAt is the fix of a code at a field of the provider's console, "" for the catalogue's.
func fixAt(f *fault.Error, label string) string {
	var fix string
	switch f.Code {
	case fault.OIDCSecretRefused:
		fix = "%s: make a new secret and paste its value whole into the connection's Client secret: no blanks, and not the secret's ID."
	case fault.OIDCSecretExpired:
		fix = "%s: make a new secret, paste its value into the connection's Client secret, and note the new expiry date."
	case fault.OIDCClientUnknown, fault.OIDCAudience:
		fix = "Compare the connection's Client ID with %s, and check that the application lies in the same organisation and is not deleted."
	case fault.OIDCNotAssigned:
		fix = "%s: assign the person, or a group that holds the person directly."
	case fault.OIDCConsent:
		fix = "%s: an administrator approves the application once for the whole organisation."
	case fault.OIDCPolicy:
		fix = "%s: let the application, or this person, pass."
	case fault.OIDCFlow:
		fix = "%s: switch it on for the application."
	case fault.OIDCAuthMethod:
		fix = "Set Client authentication of the connection to what %s says, or leave it at auto."
	case fault.OIDCScope:
		fix = "Remove the scope from the connection's Scopes, or allow it under %s."
	case fault.OIDCTokenMissing:
		fix = "Keep openid among the connection's Scopes and allow it under %s."
	case fault.OIDCPKCE:
		fix = "%s: allow S256."
	case fault.OIDCInternal:
		fix = "%s: enter the public https address, then restart."
	default:
		return ""
	}
	return f.Said.Tell(fix, label)
}

// consoleLabel is the field, or the way to it, in the console of a preset; "" where it is not known.
func consoleLabel(preset string, code fault.Code) string {
	if preset == "microsoft" {
		preset = "entra"
	}
	return labels(code)[preset]
}

func labels(code fault.Code) map[string]string {
	switch code {
	case fault.OIDCSecretRefused, fault.OIDCSecretExpired, fault.OIDCSecretMissing:
		return map[string]string{"entra": "Certificates & secrets > Client secrets > Value", "okta": "General > Client Credentials > Client secrets",
			"google": "Clients > Client secrets", "keycloak": "Credentials > Client Secret", "pingone": "Configuration > Client Secret",
			"jumpcloud": "SSO > Client Secret", "adfs": "Configure Application Credentials > Generate a shared secret, or Reset secret", "apple": "Keys", "onelogin": "SSO > Client Secret"}
	case fault.OIDCRedirectURI, fault.OIDCSPA, fault.OIDCPublicClient:
		return map[string]string{"entra": "Authentication > Web > Redirect URIs", "okta": "General > Sign-in redirect URIs", "google": "Authorized redirect URIs",
			"keycloak": "Valid redirect URIs", "pingone": "Redirect URIs", "jumpcloud": "Redirect URIs", "adfs": "Redirect URI", "apple": "Return URLs",
			"onelogin": "Redirect URI's"}
	case fault.OIDCClientUnknown, fault.OIDCAudience:
		return map[string]string{"entra": "Overview > Application (client) ID", "okta": "General > Client ID", "google": "Clients > Client ID",
			"keycloak": "Settings > Client ID", "pingone": "Configuration > Client ID", "jumpcloud": "SSO > Client ID", "adfs": "Client Identifier",
			"apple": "Services IDs > Identifier", "onelogin": "SSO > Client ID"}
	case fault.OIDCTenant, fault.OIDCTenantUnknown, fault.OIDCDomainTenant, fault.OIDCShared, fault.OIDCSingleTenant, fault.OIDCOtherCloud:
		return map[string]string{"entra": "Overview > Directory (tenant) ID"}
	case fault.OIDCDomainUnknown:
		return map[string]string{"entra": "Custom domain names"}
	case fault.OIDCNotAssigned, fault.OIDCAccessDenied:
		return map[string]string{"entra": "Users and groups", "okta": "Assignments", "google": "Audience", "pingone": "Access", "jumpcloud": "User Groups",
			"adfs": "Access control policy", "onelogin": "Users"}
	case fault.OIDCConsent:
		return map[string]string{"entra": "API permissions > Grant admin consent", "keycloak": "Settings > Consent required"}
	case fault.OIDCPolicy:
		return map[string]string{"entra": "Conditional Access", "okta": "Security > API > Access Policies", "google": "API controls > App access control",
			"adfs": "Access control policy"}
	case fault.OIDCFlow:
		return map[string]string{"okta": "General > Grant type > Authorization Code", "keycloak": "Standard flow", "jumpcloud": "Grant Types",
			"pingone": "Configuration > Grant Type"}
	case fault.OIDCResource:
		return map[string]string{"adfs": "Application Group > Web API > Client Permissions"}
	default:
		return rareLabels(code)
	}
}

func rareLabels(code fault.Code) map[string]string {
	switch code {
	case fault.OIDCAuthMethod:
		return map[string]string{"okta": "General > Client authentication", "keycloak": "Credentials > Client Authenticator", "pingone": "Configuration > Token Auth Method",
			"jumpcloud": "Client Authentication Type", "onelogin": "Token Endpoint Authentication Method"}
	case fault.OIDCScope, fault.OIDCTokenMissing:
		return map[string]string{"entra": "API permissions", "okta": "Security > API > Scopes", "keycloak": "Client scopes", "pingone": "Resource Access",
			"jumpcloud": "Standard Scopes", "adfs": "Application Group > Web API > Client Permissions"}
	case fault.OIDCNoEmail:
		return map[string]string{"entra": "Token configuration > Add optional claim", "okta": "Directory > People > Profile", "keycloak": "Client scopes", "pingone": "Resource Access",
			"jumpcloud": "Standard Scopes", "adfs": "Application Group > Web API > Client Permissions", "onelogin": "Parameters"}
	case fault.OIDCPKCE:
		return map[string]string{"keycloak": "Advanced > Proof Key for Code Exchange Code Challenge Method", "okta": "General > Proof Key for Code Exchange (PKCE)"}
	case fault.OIDCInternal:
		return map[string]string{"keycloak": "Hostname (KC_HOSTNAME) and proxy headers (KC_PROXY_HEADERS)"}
	case fault.OIDCIssuer:
		return map[string]string{"keycloak": "Hostname (KC_HOSTNAME)", "okta": "Sign On > OpenID Connect ID Token > Issuer", "onelogin": "SSO > Issuer URL", "pingone": "Configuration > Issuer", "jumpcloud": "SSO > Issuer"}
	case fault.OIDCAlgorithm, fault.OIDCKeys, fault.OIDCKeyWeak:
		return map[string]string{"keycloak": "Realm settings > Keys", "okta": "Sign On > Signing credential rotation"}
	case fault.ClockTheirs, fault.OIDCNotYetValid, fault.OIDCExpired:
		return map[string]string{"adfs": "w32tm /resync"}
	}
	return nil
}
