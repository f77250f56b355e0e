package oidc

// dialect is how a preset's provider differs from the standard.
type dialect struct {
	issuer      string // where none is written out; {tenant} stands for the pinned tenant
	openTenant  string // {tenant} where none, or more than one, is pinned
	tenantClaim string // the claim that names the organisation
	domainParam string // the parameter that takes a domain hint
	forcePrompt string // the prompt that forces a fresh sign-in
	microsoft   bool   // issuer templates, keys that name their issuer, AADSTS codes
	bareIssuer  string // a second spelling of iss, normalised to issuer
	formPost    bool   // answers by form_post only, with the name in the form's "user"
	textFlag    bool   // email_verified may be the text "true"
	noUserInfo  bool   // userinfo says nothing that the ID token does not
}

func dialectOf(preset string) dialect {
	d := dialect{forcePrompt: "login"}
	switch preset {
	case "entra", "microsoft":
		d.issuer, d.openTenant = "https://login.microsoftonline.com/{tenant}/v2.0", "organizations"
		d.tenantClaim, d.domainParam, d.microsoft = "tid", "domain_hint", true
		if preset == "microsoft" {
			d.openTenant = "common"
		}
	case "google":
		d.issuer, d.bareIssuer = "https://accounts.google.com", "accounts.google.com"
		d.tenantClaim, d.domainParam = "hd", "hd"
		d.forcePrompt = "select_account" // Google refuses prompt=login
	case "apple":
		d.issuer = "https://appleid.apple.com"
		d.forcePrompt, d.formPost, d.textFlag, d.noUserInfo = "", true, true, true
	case "adfs":
		d.domainParam, d.noUserInfo = "domain_hint", true // AD FS's userinfo answers sub alone
	}
	return d
}
