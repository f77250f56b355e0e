package preset

// Take lists what the customer's administrator copies to us, the values to ask for first in front.
func (p Preset) Take(protocol string) []Take {
	if t, ok := takes()[p.Name+" "+protocol]; ok {
		return t
	}
	return takes()["generic "+protocol]
}

// takes are the labels of the consoles, by preset and protocol.
func takes() map[string][]Take {
	const oktaSAML, oktaApp = "Sign On > SAML 2.0", "General > Client Credentials"
	const oktaSetup = "Sign On > View SAML setup instructions"
	const entraSAML, entraApp = "Single sign-on > SAML Certificates", "App registrations > the app > Overview"
	const adAccount = "Active Directory Users and Computers > the service account"
	const googleSAML, pingPath, jumpPath = "Google Identity Provider details", "Configuration", "SSO Applications > the application > SSO"
	return map[string][]Take{
		"okta saml": {{"metadata_url", "Metadata URL", oktaSAML, true}, {"entity_id", "Identity Provider Issuer", oktaSetup, false},
			{"sso_url", "Identity Provider Single Sign-On URL", oktaSetup, false}, {"certificates", "X.509 Certificate", oktaSetup, false}},
		"okta oidc": {{"issuer", "Okta domain", "the menu under your name", true}, {"client_id", "Client ID", oktaApp, true}, {"client_secret", "Client secrets", oktaApp, true}},
		"entra saml": {{"metadata_url", "App Federation Metadata Url", entraSAML, true}, {"entity_id", "Microsoft Entra Identifier", "Single sign-on > Set up", false},
			{"sso_url", "Login URL", "Single sign-on > Set up", false}, {"certificates", "Certificate (Base64)", entraSAML, false}},
		"entra oidc": {{"client_id", "Application (client) ID", entraApp, true}, {"tenant", "Directory (tenant) ID", entraApp, true},
			{"client_secret", "Value", "Certificates & secrets > Client secrets", true}},
		"microsoft oidc": {{"client_id", "Application (client) ID", entraApp, true}, {"client_secret", "Value", "Certificates & secrets > Client secrets", true},
			{"tenant", "Directory (tenant) ID", entraApp, false}},
		"google saml": {{"metadata_xml", "Download metadata", googleSAML, true}, {"sso_url", "SSO URL", googleSAML, false},
			{"entity_id", "Entity ID", googleSAML, false}, {"certificates", "Certificate", googleSAML, false}},
		"google oidc": {{"client_id", "Client ID", "Clients > the client", true}, {"client_secret", "Client secret", "Clients > the client", true},
			{"tenant", "Primary domain", "admin.google.com > Account > Domains", false}},
		"adfs saml": {{"metadata_url", "FederationMetadata.xml", "AD FS > Service > Endpoints > Metadata", true}, {"entity_id", "Federation Service identifier", "Edit Federation Service Properties", false},
			{"sso_url", "SAML 2.0/WS-Federation", "Service > Endpoints", false}, {"certificates", "Token-signing", "Service > Certificates", false}},
		"adfs oidc": {{"issuer", "https://<server>/adfs", "Service > Endpoints > OpenID Connect", true}, {"client_id", "Client Identifier", "Application Groups > the group > Server application", true},
			{"client_secret", "Shared secret", "Application Groups > the group > Server application", true}},
		"onelogin saml": {{"metadata_url", "Issuer URL", "SSO", true}, {"sso_url", "SAML 2.0 Endpoint (HTTP)", "SSO", false}, {"certificates", "X.509 Certificate", "SSO > View Details", false}},
		"onelogin oidc": {{"issuer", "Issuer URL", "SSO", true}, {"client_id", "Client ID", "SSO", true}, {"client_secret", "Client Secret", "SSO > Show client secret", true}},
		"pingone saml": {{"metadata_url", "IDP Metadata URL", pingPath, true}, {"entity_id", "Issuer ID", pingPath, false}, {"sso_url", "Single Signon Service", pingPath, false},
			{"certificates", "Download Signing Certificate", pingPath, false}},
		"pingone oidc": {{"issuer", "Issuer", pingPath + " > URLs", true}, {"client_id", "Client ID", pingPath, true}, {"client_secret", "Client Secret", pingPath, true}},
		"pingfederate saml": {{"metadata_xml", "Metadata Export", "System > Protocol Metadata", true}, {"metadata_url", "federation_metadata.ping", "the server's own address", false},
			{"entity_id", "SAML 2.0 Entity ID", "System > Protocol Settings > Federation Info", false}, {"certificates", "Signing certificate", "Security > Signing & Decryption Keys", false}},
		"pingfederate oidc": {{"issuer", "Base URL", "System > Protocol Settings > Federation Info", true}, {"client_id", "Client ID", "Applications > OAuth > Clients", true},
			{"client_secret", "Client Secret", "Applications > OAuth > Clients", true}},
		"jumpcloud saml": {{"metadata_url", "Copy Metadata URL", jumpPath, true}, {"metadata_xml", "Export Metadata", jumpPath, false}, {"entity_id", "IdP Entity ID", jumpPath, false},
			{"sso_url", "IDP URL", jumpPath, false}, {"certificates", "IDP Certificate", jumpPath, false}},
		"jumpcloud oidc": {{"client_id", "Client ID", jumpPath, true}, {"client_secret", "Client Secret", jumpPath, true}, {"issuer", "Issuer", "https://oauth.id.jumpcloud.com/", true}},
		"keycloak saml":  {{"metadata_url", "SAML 2.0 Identity Provider Metadata", "Realm settings > General > Endpoints", true}},
		"keycloak oidc": {{"issuer", "OpenID Endpoint Configuration", "Realm settings > General > Endpoints", true}, {"client_id", "Client ID", "Clients > the client > Settings", true},
			{"client_secret", "Client Secret", "Clients > the client > Credentials", true}},
		"shibboleth saml": {{"metadata_url", "https://<server>/idp/shibboleth", "metadata/idp-metadata.xml", true}, {"entity_id", "entityID", "conf/idp.properties", false}},
		"github oauth2":   {{"client_id", "Client ID", "OAuth Apps > the app", true}, {"client_secret", "Client secrets", "OAuth Apps > the app", true}},
		"apple oidc":      {{"client_id", "Services ID", "Identifiers", true}, {"client_secret", "Key (.p8), Key ID and Team ID", "Keys", true}},
		"active-directory ldap": {{"url", "Server address", "Active Directory Users and Computers > Domain Controllers: the DNS name of one, port 636", true},
			{"bind_dn", "Bind DN", adAccount + " > Account: User logon name", true}, {"bind_password", "Bind password", adAccount + ": its password", true},
			{"user_base", "User base", "Active Directory Users and Computers > View > Advanced Features, then the domain or OU > Properties > Attribute Editor: distinguishedName", true},
			{"ca", "CA certificate", "certutil -ca.cert ca.cer on the certification authority, exported as Base-64 encoded X.509", false},
			{"user_filter", "User filter", "", false}, {"group_base", "Group base", "the OU of the groups: distinguishedName", false}, {"group_filter", "Group filter", "", false}, {"subject_attribute", "Subject attribute", "objectGUID", false}},
		"generic ldap": {{"url", "Server address", "the server's DNS name as its certificate has it, port 636 or 389", true}, {"bind_dn", "Bind DN", "the service account's full DN", true},
			{"bind_password", "Bind password", "the service account's password", true}, {"user_base", "User base", "olcSuffix, or namingContexts of the root entry", true},
			{"ca", "CA certificate", "olcTLSCACertificateFile", false}, {"user_filter", "User filter", "", false}, {"group_base", "Group base", "", false},
			{"group_filter", "Group filter", "", false}, {"subject_attribute", "Subject attribute", "entryUUID", false}},
		"generic saml": {{"metadata_url", "Metadata URL", "", true}, {"metadata_xml", "Metadata file", "", false}, {"entity_id", "Issuer, entity ID", "", false},
			{"sso_url", "Single sign-on URL", "", false}, {"certificates", "X.509 certificate", "", false}},
		"generic oidc": {{"issuer", "Issuer", "", true}, {"client_id", "Client ID", "", true}, {"client_secret", "Client secret", "", true}},
		"generic oauth2": {{"client_id", "Client ID", "", true}, {"client_secret", "Client secret", "", true}, {"authorize_url", "Authorization endpoint", "", true},
			{"token_url", "Token endpoint", "", true}, {"userinfo_url", "User information endpoint", "", true}},
	}
}
