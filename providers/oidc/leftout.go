package oidc

import (
	"slices"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// leftOut are the things that a provider could have said of a person and did not, with where its console makes it say them.
func (p *provider) leftOut(idn providers.Identity) (out []providers.Finding) {
	warn := func(check string, code fault.Code, detail string) {
		f := fault.New(code, "%s", detail)
		f.Fix = p.releaseAt(code)
		out = append(out, providers.Finding{Err: p.labelled(f), Severity: "warning", Check: check, Detail: detail})
	}
	if len(idn.Attributes["email"]) == 0 {
		warn("userinfo", fault.OIDCNoEmail, "neither ID token nor userinfo holds email")
	}
	switch {
	case idn.GroupsOmitted:
		warn("userinfo", fault.LoginGroupsOmitted, "a pointer stands in place of the groups")
	case len(idn.Attributes["groups"]) == 0 && slices.Contains(p.config.Scopes, "groups"):
		warn("userinfo", fault.OIDCNoGroups, "neither ID token nor userinfo holds groups")
	}
	return out
}

// releaseAt is where a preset's console releases a claim, "" for the catalogue's fix.
func (p *provider) releaseAt(code fault.Code) string {
	preset := p.settings.Preset
	if preset == "microsoft" {
		preset = "entra"
	}
	switch code {
	case fault.OIDCNoEmail:
		return map[string]string{
			"entra":     "Token configuration > Add optional claim > ID > email; and fill in Email under the person's Contact info.",
			"adfs":      "Application Group > Web API > Client Permissions: tick openid, email, profile and allatclaims; Issuance Transform Rules: send E-Mail-Addresses as email.",
			"pingone":   "Resource Access: tick email and profile besides openid.",
			"jumpcloud": "SSO > Standard Scopes: tick Email and Profile.",
			"keycloak":  "Client scopes: add email as Default; and fill in Email under the person's Details.",
			"okta":      "Sign On > OpenID Connect ID Token: keep the scope email; and fill in Primary email in the person's Profile.",
			"onelogin":  "Parameters: map Email; and fill in Email in the person's User Info.",
		}[preset]
	case fault.OIDCNoGroups:
		return map[string]string{
			"entra":    "Token configuration > Add groups claim.",
			"okta":     "Sign On > OpenID Connect ID Token > Group claims filter: groups, Matches regex or Starts with.",
			"keycloak": "Client scopes > the client's dedicated scope > Add mapper > Group Membership, claim name groups.",
			"google":   "Google sends no groups over OpenID Connect: take groups off the connection's Scopes.",
		}[preset]
	case fault.LoginGroupsOmitted:
		return map[string]string{
			"entra": "Token configuration > groups claim > Groups assigned to the application.",
			"okta":  "Sign On > OpenID Connect ID Token > Group claims filter: choose fewer, with Starts with.",
		}[preset]
	}
	return ""
}
