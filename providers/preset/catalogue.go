package preset

// All lists every preset, in the order in which a chooser shows them. Labels are the consoles' own; consoles rename
// their menus, so they stand here and nowhere else.
func All() []Preset {
	return []Preset{entra(), okta(), google(), adfs(), oneLogin(), pingOne(), pingFederate(), jumpCloud(), keycloak(), shibboleth(),
		activeDirectory(), microsoft(), github(), apple(), generic()}
}

func entra() Preset {
	const oidcPath = "App registrations > the app > Authentication > Add a platform > Web"
	const samlPath = "Enterprise apps > the app > Single sign-on > SAML > Basic SAML Configuration > Edit"
	return Preset{
		Name: "entra", Title: "Microsoft Entra ID", Protocols: []string{"oidc", "saml"}, Brand: "microsoft",
		Synonyms:        []string{"Azure", "Azure AD", "Azure Active Directory", "AAD", "Office 365", "Microsoft 365", "M365", "O365", "Entra"},
		Issuer:          "https://login.microsoftonline.com/{tenant}/v2.0",
		MetadataExample: "https://login.microsoftonline.com/<tenant>/federationmetadata/2007-06/federationmetadata.xml?appid=<app>",
		TenantLabel:     "Directory (tenant) ID",
		subjects: map[string][]Subject{
			"oidc": {{Kind: "tid+oid", Attributes: []string{"tid", "oid"}}},
			"saml": append([]Subject{{Kind: "tid+oid", Attributes: []string{msIdentity + "tenantid", msIdentity + "objectidentifier"}}}, samlSubjects()...),
		},
		sections: map[string]map[string]any{"oidc": {"scopes": []string{"openid", "email", "profile"}}, "saml": {"name_id_format": ""}},
		handover: map[string][]Handover{
			"oidc": {{"redirect_uri", "Redirect URI", oidcPath}, {"logout_url", "Front-channel logout URL", "App registrations > the app > Authentication"}},
			"saml": {{"entity_id", "Identifier (Entity ID)", samlPath}, {"acs_url", "Reply URL (Assertion Consumer Service URL)", samlPath},
				{"login_url", "Sign on URL (Optional)", samlPath}, {"logout_url", "Logout Url (Optional)", samlPath},
				{"certificate", "Verification certificates (optional)", "Single sign-on > SAML Certificates"}, {"metadata_url", "Upload metadata file", "Single sign-on > SAML"}},
		},
	}
}

func okta() Preset {
	const samlPath = "Applications > Applications > Create App Integration > SAML 2.0 > Configure SAML"
	const oidcPath = "Applications > Applications > Create App Integration > OIDC - OpenID Connect > Web Application"
	return Preset{
		Name: "okta", Title: "Okta", Protocols: []string{"saml", "oidc"}, Synonyms: []string{"Okta Workforce"},
		IssuerExample: "https://<org>.okta.com", MetadataExample: "https://<org>.okta.com/app/<exk…>/sso/saml/metadata",
		// Okta refuses a NameIDPolicy that differs from the application's format, so none is sent.
		sections: map[string]map[string]any{"saml": {"name_id_format": ""}},
		subjects: map[string][]Subject{"saml": samlSubjects("id")},
		handover: map[string][]Handover{
			"saml": {{"acs_url", "Single sign-on URL", samlPath}, {"entity_id", "Audience URI (SP Entity ID)", samlPath},
				{"certificate", "Signature Certificate", samlPath + " > Show Advanced Settings"}, {"logout_url", "Single Logout URL", samlPath + " > Show Advanced Settings"}},
			"oidc": {{"redirect_uri", "Sign-in redirect URIs", oidcPath}, {"logout_url", "Sign-out redirect URIs", oidcPath},
				{"login_url", "Initiate login URI", "General > LOGIN"}},
		},
	}
}

func google() Preset {
	const samlPath = "Apps > Web and mobile apps > Add app > Add custom SAML app > Service provider details"
	return Preset{
		Name: "google", Title: "Google Workspace", Protocols: []string{"oidc", "saml"}, Brand: "google", NoLogout: true,
		Synonyms: []string{"G Suite", "GSuite", "Gmail", "Google Cloud Identity", "Sign in with Google"},
		Issuer:   "https://accounts.google.com", TenantLabel: "Hosted domain (hd)",
		handover: map[string][]Handover{
			"oidc": {{"redirect_uri", "Authorized redirect URIs", "Google Cloud console > Clients > OAuth client ID > Web application"}},
			"saml": {{"acs_url", "ACS URL", samlPath}, {"entity_id", "Entity ID", samlPath}, {"login_url", "Start URL (optional)", samlPath}},
		},
	}
}

func adfs() Preset {
	const wizard = "AD FS Management > Relying Party Trusts > Add Relying Party Trust > Claims aware"
	const group = "AD FS Management > Application Groups > Add Application Group"
	return Preset{
		Name: "adfs", Title: "AD FS", Protocols: []string{"saml", "oidc"},
		Synonyms:      []string{"ADFS", "Active Directory Federation Services", "Windows Server federation"},
		IssuerExample: "https://<adfs>/adfs", MetadataExample: "https://<adfs>/FederationMetadata/2007-06/FederationMetadata.xml",
		mapping:  map[string][]string{"email": {"email", "mail"}},
		subjects: map[string][]Subject{"saml": samlSubjects("objectGUID", wsIdentity+"objectguid")},
		sections: map[string]map[string]any{"oidc": {"scopes": []string{"openid", "email", "profile", "allatclaims"}, "userinfo": "never"}},
		handover: map[string][]Handover{
			"saml": {{"metadata_url", "Federation metadata address (host name or URL)", wizard + " > Import data about the relying party published online"},
				{"acs_url", "Relying party SAML 2.0 SSO service URL", wizard + " > Enter data manually"},
				{"entity_id", "Relying party trust identifier", wizard + " > Enter data manually"},
				{"logout_url", "SAML Logout", "the trust's properties > Endpoints"}, {"certificate", "Signature", "the trust's properties > Signature"}},
			"oidc": {{"redirect_uri", "Redirect URI", group + " > Server application accessing a web API"}, {"logout_url", "LogoutUri", "Set-AdfsServerApplication"}},
		},
	}
}

func oneLogin() Preset {
	const path = "Applications > Add App > SAML Custom Connector (Advanced) > Configuration"
	return Preset{
		Name: "onelogin", Title: "OneLogin", Protocols: []string{"saml", "oidc"}, Synonyms: []string{"One Identity"},
		IssuerExample: "https://<subdomain>.onelogin.com/oidc/2", MetadataExample: "https://app.onelogin.com/saml/metadata/<id>",
		subjects: map[string][]Subject{"saml": samlSubjects("id")},
		handover: map[string][]Handover{
			"saml": {{"entity_id", "Audience (EntityID)", path}, {"acs_url", "ACS (Consumer) URL", path}, {"acs_url", "Recipient", path},
				{"acs_url", "ACS (Consumer) URL Validator", path}, {"logout_url", "Single Logout URL", path}, {"login_url", "Login URL", path}},
			"oidc": {{"redirect_uri", "Redirect URI's", "Applications > Add App > OpenId Connect (OIDC) > Configuration"}, {"login_url", "Login Url", "Configuration"}},
		},
	}
}

func pingOne() Preset {
	const path = "Applications > Applications > + > SAML Application > Manually Enter"
	return Preset{
		Name: "pingone", Title: "PingOne", Protocols: []string{"saml", "oidc"}, Synonyms: []string{"Ping Identity", "Ping"},
		IssuerExample: "https://auth.pingone.eu/<environment>/as", MetadataExample: "https://auth.pingone.eu/<environment>/saml20/metadata/<application>",
		handover: map[string][]Handover{
			"saml": {{"acs_url", "ACS URLs", path}, {"entity_id", "Entity ID", path}, {"logout_url", "SLO Endpoint", "Configuration"}},
			"oidc": {{"redirect_uri", "Redirect URIs", "Applications > Applications > + > OIDC Web App > Configuration"}, {"logout_url", "Signoff URLs", "Configuration"}},
		},
	}
}

func pingFederate() Preset {
	const path = "SP Connections > Create Connection"
	return Preset{
		Name: "pingfederate", Title: "PingFederate", Protocols: []string{"saml", "oidc"}, Synonyms: []string{"Ping Federate", "Ping Identity", "PingFed"},
		IssuerExample: "https://<host>:9031", MetadataExample: "https://<host>:9031/pf/federation_metadata.ping?PartnerSpId=<entity id>",
		mapping: map[string][]string{"email": {"email", "mail", "SAML_SUBJECT"}},
		handover: map[string][]Handover{
			"saml": {{"metadata_url", "Import from metadata", path}, {"entity_id", "Partner's Entity ID (Connection ID)", path + " > General Info"},
				{"acs_url", "Assertion Consumer Service URL", path + " > Protocol Settings"}, {"logout_url", "SLO Service URLs", path + " > Protocol Settings"},
				{"certificate", "Signature Verification Certificate", path + " > Credentials"}},
			"oidc": {{"redirect_uri", "Redirect URIs", "Applications > OAuth > Clients"}},
		},
	}
}

func jumpCloud() Preset {
	const path = "SSO Applications > Custom Application > SSO"
	return Preset{
		Name: "jumpcloud", Title: "JumpCloud", Protocols: []string{"saml", "oidc"}, Synonyms: []string{"Jump Cloud"},
		IssuerExample: "https://oauth.id.jumpcloud.com/", MetadataExample: "https://sso.jumpcloud.com/saml2/metadata/<id>",
		handover: map[string][]Handover{
			"saml": {{"entity_id", "SP Entity ID", path}, {"acs_url", "ACS URLs", path}, {"certificate", "SP Certificate", path}, {"login_url", "Login URL", path}},
			"oidc": {{"redirect_uri", "Redirect URIs", "SSO Applications > Custom OIDC App > SSO"}, {"login_url", "Login URL", "SSO Applications > Custom OIDC App > SSO"}},
		},
	}
}

func keycloak() Preset {
	const path = "Clients > Create client"
	return Preset{
		Name: "keycloak", Title: "Keycloak", Protocols: []string{"oidc", "saml"}, Synonyms: []string{"Red Hat SSO", "RHBK", "RH-SSO"},
		IssuerExample: "https://<host>/realms/<realm>", MetadataExample: "https://<host>/realms/<realm>/protocol/saml/descriptor",
		handover: map[string][]Handover{
			"oidc": {{"redirect_uri", "Valid redirect URIs", path + " (OpenID Connect)"}, {"logout_url", "Valid post logout redirect URIs", path + " (OpenID Connect)"}},
			"saml": {{"entity_id", "Client ID", path + " (SAML)"}, {"acs_url", "Master SAML Processing URL", "Clients > the client > Settings"},
				{"acs_url", "Valid redirect URIs", "Clients > the client > Settings"}, {"logout_url", "Logout Service POST Binding URL", "Clients > the client > Advanced"},
				{"certificate", "Client signature required > Import key", "Clients > the client > Keys"}},
		},
	}
}

func shibboleth() Preset {
	return Preset{
		Name: "shibboleth", Title: "Shibboleth", Protocols: []string{"saml"}, Synonyms: []string{"Shibboleth IdP", "eduGAIN", "InCommon", "Renater", "university federation"},
		MetadataExample: "https://<idp>/idp/shibboleth",
		subjects:        map[string][]Subject{"saml": samlSubjects(samlSubject, samlPairwise)},
		handover: map[string][]Handover{"saml": {{"metadata_url", "metadataURL", "metadata-providers.xml"}, {"entity_id", "Requester", "attribute-filter.xml"},
			{"acs_url", "AssertionConsumerService", "inside the metadata"}}},
	}
}

func activeDirectory() Preset {
	return Preset{
		Name: "active-directory", Title: "Active Directory (LDAP)", Protocols: []string{"ldap"}, Synonyms: []string{"AD", "LDAP", "LDAPS", "Windows domain", "Samba"},
		NoLogout: true,
		mapping:  map[string][]string{"email": {"mail"}},
		subjects: map[string][]Subject{"ldap": {{Kind: "attribute", Attributes: []string{"objectGUID"}}}},
		sections: map[string]map[string]any{"ldap": {
			// Disabled accounts are found too: their people are told so, instead of that nobody has the name.
			"user_filter":       "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName=%s)(userPrincipalName=%s)(mail=%s)))",
			"subject_attribute": "objectGUID",
		}},
		handover: map[string][]Handover{"ldap": {{"open_port", "Inbound Rules > New Rule > Port", "Windows Defender Firewall with Advanced Security, and every firewall before it"}}},
	}
}

func microsoft() Preset {
	return Preset{
		Name: "microsoft", Title: "Microsoft account (work or personal)", Protocols: []string{"oidc"}, Brand: "microsoft", EmailTrust: "verified_claim",
		Synonyms: []string{"Outlook", "Hotmail", "Live", "MSA", "Xbox"}, Issuer: "https://login.microsoftonline.com/{tenant}/v2.0", TenantLabel: "Directory (tenant) ID",
		subjects: map[string][]Subject{"oidc": {{Kind: "tid+oid", Attributes: []string{"tid", "oid"}}}},
		handover: map[string][]Handover{"oidc": {{"redirect_uri", "Redirect URI", "App registrations > the app > Authentication > Add a platform > Web"},
			{"logout_url", "Front-channel logout URL", "App registrations > the app > Authentication"}}},
	}
}

func github() Preset {
	return Preset{
		Name: "github", Title: "GitHub", Protocols: []string{"oauth2"}, Brand: "github", EmailTrust: "verified_claim", NoLogout: true, Synonyms: []string{"GitHub Enterprise", "GHES"},
		mapping:  map[string][]string{"name": {"name", "login"}},
		subjects: map[string][]Subject{"oauth2": {{Kind: "id", Attributes: []string{"id"}}}},
		sections: map[string]map[string]any{"oauth2": {
			"authorize_url": "https://github.com/login/oauth/authorize", "token_url": "https://github.com/login/oauth/access_token",
			"userinfo_url": "https://api.github.com/user", "scopes": []string{"read:user", "user:email"},
		}},
		handover: map[string][]Handover{"oauth2": {{"redirect_uri", "Authorization callback URL", "Settings > Developer settings > OAuth Apps"}}},
	}
}

func apple() Preset {
	const path = "Certificates, Identifiers & Profiles > Identifiers > Services IDs > Configure"
	return Preset{
		Name: "apple", Title: "Apple", Protocols: []string{"oidc"}, Brand: "apple", EmailTrust: "verified_claim", NoLogout: true,
		Synonyms: []string{"Sign in with Apple", "Apple ID", "iCloud"}, Issuer: "https://appleid.apple.com",
		sections: map[string]map[string]any{"oidc": {"scopes": []string{"openid", "email", "name"}, "response_mode": "form_post", "userinfo": "never"}},
		handover: map[string][]Handover{"oidc": {{"redirect_uri", "Return URLs", path}}},
	}
}

func generic() Preset {
	return Preset{Name: "generic", Title: "Another provider", Protocols: []string{"saml", "oidc", "oauth2", "ldap"}, Synonyms: []string{"SAML", "OpenID Connect", "OIDC", "OAuth", "LDAP", "OpenLDAP", "other", "custom"},
		IssuerExample: "https://login.example.com", MetadataExample: "https://login.example.com/metadata"}
}
