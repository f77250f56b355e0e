package fault

import "strings"

// consoleFix is what to click in one console, by protocol where they differ: fields of both when it is not known.
type consoleFix struct {
	both, saml, oidc   string
	label, sLbl, oLabl string
}

func (f consoleFix) text(protocol string) string {
	switch {
	case f.both != "" || f.saml == "" && f.oidc == "":
		return f.both
	case protocol == "saml" && f.saml != "":
		return f.saml
	case protocol != "" && protocol != "saml" && f.oidc != "":
		return f.oidc
	case f.saml == "" || f.oidc == "":
		return f.saml + f.oidc
	}
	return "SAML: " + f.saml + " OpenID Connect: " + f.oidc
}

func (f consoleFix) labels(protocol string) []string {
	var out []string
	add := func(s string) {
		if s != "" {
			out = append(out, strings.Split(s, "|")...)
		}
	}
	add(f.label)
	if protocol != "oidc" && protocol != "oauth2" || f.oLabl == "" {
		add(f.sLbl)
	}
	if protocol != "saml" || f.sLbl == "" {
		add(f.oLabl)
	}
	return out
}

// consoles says what to click, by provider.
var consoles = map[string]map[Code]consoleFix{
	"entra": {
		IdPReplyURL: {
			saml: "Enterprise apps > the app > Single sign-on > Basic SAML Configuration > Edit > Reply URL (Assertion Consumer Service URL): paste our ACS URL, save, wait a minute.", sLbl: "Reply URL (Assertion Consumer Service URL)",
			oidc: "App registrations > the app > Authentication > Web > Redirect URIs: add our redirect URI and save.", oLabl: "Redirect URIs",
		},
		IdPAppUnknown: {
			saml: "Enterprise apps > the app > Single sign-on > Basic SAML Configuration > Edit > Identifier (Entity ID): paste our Entity ID exactly, make it the default, delete leftovers. If the app is gone: App registrations > Deleted applications > Restore.", sLbl: "Identifier (Entity ID)",
			oidc: "Compare Client ID here with App registrations > the app > Overview > Application (client) ID, and Tenant with Directory (tenant) ID. If the app is gone: Deleted applications > Restore.", oLabl: "Application (client) ID|Directory (tenant) ID",
		},
		IdPAppDisabled:      {both: "Enterprise apps > the app > Properties > Enabled for users to sign-in? = Yes.", label: "Enabled for users to sign-in?"},
		IdPNotAssigned:      {both: "Enterprise apps > the app > Users and groups > Add user/group: the person, or a group the person is a direct member of. Or Properties > Assignment required? = No.", label: "Users and groups|Assignment required?"},
		IdPPolicy:           {both: "Entra admin center > Sign-in logs: open the attempt by its Correlation ID, tab Conditional Access names the policy. Exempt the app there (Protection > Conditional Access > Target resources), or meet the condition.", label: "Conditional Access"},
		IdPConsent:          {both: "App registrations > the app > API permissions > Grant admin consent for the organisation; for an enterprise app: Security > Permissions > Grant admin consent.", label: "Grant admin consent"},
		IdPAccountBlocked:   {both: "Users > the person > Properties > Account enabled; a locked account opens by itself or after a password reset.", label: "Account enabled"},
		IdPWrongAccount:     {both: "Open the test in a private window and sign in with the work account of this directory. A guest must be invited first: Users > New user > Invite external user.", label: "Invite external user"},
		IdPSignIn:           {both: "Sign in at myaccount.microsoft.com, finish what is asked for there (password, second factor) and try again.", label: "Security info"},
		IdPNoValue:          {both: "Enterprise apps > the app > Single sign-on > Attributes & Claims > Unique User Identifier (Name ID): source user.mail or user.userprincipalname, and fill it for the person (Users > Properties > Contact info > Email).", label: "Unique User Identifier (Name ID)"},
		IdPRequestSignature: {both: "Switch on Sign requests for the connection, and Single sign-on > SAML Certificates > Verification certificates: upload our certificate. Or untick Require verification certificates.", label: "Verification certificates"},
		OIDCSecretRefused:   {both: "App registrations > the app > Certificates & secrets > New client secret: copy the column Value (not Secret ID) into Client secret.", label: "Certificates & secrets|Value"},
		OIDCSecretExpired:   {both: "App registrations > the app > Certificates & secrets > New client secret: copy the column Value (not Secret ID) into Client secret, and enter its end date.", label: "Certificates & secrets|Value"},
		OIDCSPA:             {both: "App registrations > the app > Authentication: remove our redirect URI from Single-page application, add it under Web.", label: "Single-page application|Web"},
		OIDCPublicClient:    {both: "App registrations > the app > Authentication: remove our redirect URI from Mobile and desktop applications, add it under Web.", label: "Mobile and desktop applications|Web"},
		OIDCTenantUnknown:   {both: "Copy App registrations > the app > Overview > Directory (tenant) ID into Tenant.", label: "Directory (tenant) ID"},
		OIDCSingleTenant:    {both: "Set Tenant of the connection to the Directory (tenant) ID of the app's Overview, in place of common.", label: "Directory (tenant) ID"},
	},
	"adfs": {
		IdPReplyURL: {
			saml: "AD FS Management > Relying Party Trusts > Properties > Endpoints > Add SAML: SAML Assertion Consumer, POST, Trusted URL = our ACS URL.", sLbl: "Endpoints|Trusted URL",
			oidc: "Application Groups > the group > Server application > Redirect URI: add our redirect URI.", oLabl: "Redirect URI",
		},
		IdPAppUnknown: {
			saml: "AD FS Management > Relying Party Trusts > Properties > Identifiers: add our Entity ID, upper and lower case count; or add the trust anew by Federation metadata address.", sLbl: "Relying party trust identifier|Federation metadata address (host name or URL)",
			oidc: "Application Groups > the group > Server application: compare Client Identifier with Client ID here.", oLabl: "Client Identifier",
		},
		IdPAppDisabled:      {both: "AD FS Management > Relying Party Trusts: select the trust > Enable.", label: "Enable"},
		IdPNotAssigned:      {both: "AD FS Management > Relying Party Trusts > Edit Access Control Policy: Permit everyone, or add the person's group.", label: "Edit Access Control Policy"},
		IdPPolicy:           {both: "AD FS Management > Relying Party Trusts > Edit Access Control Policy: Permit everyone, or add the person's group.", label: "Edit Access Control Policy"},
		IdPNoValue:          {both: "Relying Party Trusts > Edit Claim Issuance Policy > Add Rule > Transform an Incoming Claim: E-Mail Address to Name ID, format Email, after the rule Send LDAP Attributes as Claims; and fill the person's E-mail in Active Directory.", label: "Edit Claim Issuance Policy|Name ID"},
		IdPRequestSignature: {both: "Relying Party Trusts > Properties > Signature: add our current certificate, and switch on Sign requests for the connection.", label: "Signature"},
		OIDCSecretRefused:   {both: "Application Groups > the group > Server application > Configure Application Credentials > Reset secret: copy it into Client secret.", label: "Reset secret"},
		OIDCResource:        {both: "Application Groups > the group > Web API > Client Permissions: add the server application and tick openid, email, profile, allatclaims.", label: "Client Permissions"},
		IdPAccountBlocked:   {both: "Active Directory Users and Computers > the person > Account: enable or unlock it.", label: "Account"},
	},
	"google": {
		IdPReplyURL: {
			saml: "Admin console > Apps > Web and mobile apps > the app > Service provider details > ACS URL: paste our ACS URL.", sLbl: "ACS URL",
			oidc: "Google Cloud console > Clients > the client > Authorized redirect URIs: add our redirect URI; it can take some minutes.", oLabl: "Authorized redirect URIs",
		},
		IdPAppUnknown: {
			saml: "Admin console > Apps > Web and mobile apps > the app > Service provider details > Entity ID: compare letter by letter with ours, upper and lower case count. Changes can take up to 24 hours.", sLbl: "Entity ID",
			oidc: "Google Cloud console > Clients: compare Client ID with the connection's.", oLabl: "Client ID",
		},
		IdPAppDisabled: {both: "Admin console > Apps > Web and mobile apps > the app > User access > ON for everyone.", label: "User access|ON for everyone"},
		IdPNotAssigned: {
			saml: "Admin console > Apps > Web and mobile apps > the app > User access: ON for everyone, or for this person's organisational unit or group. It can take up to 24 hours.", sLbl: "User access|ON for everyone",
			oidc: "Google Auth Platform > Audience: add the person under Test users, or Publish app.", oLabl: "Audience",
		},
		IdPPolicy:       {both: "Admin console > Security > Access and data control > API controls > App access control: trust the client ID.", label: "API controls|App access control"},
		IdPWrongAccount: {both: "Open the test in a private window and sign in with the organisation's own Google account.", label: "Use another account"},
	},
	"okta": {
		IdPReplyURL: {
			saml: "Applications > the app > General > SAML Settings > Single sign-on URL: paste our ACS URL and tick Use this for Recipient URL and Destination URL.", sLbl: "Single sign-on URL",
			oidc: "Applications > the app > General > LOGIN > Sign-in redirect URIs: add our redirect URI.", oLabl: "Sign-in redirect URIs",
		},
		IdPAppUnknown: {
			saml: "Applications > the app > Sign On > View SAML setup instructions: compare Identity Provider Single Sign-On URL with the connection's, and that the app is Active.", sLbl: "Identity Provider Single Sign-On URL",
			oidc: "Applications > the app > General > Client Credentials: compare Client ID with the connection's, and that the app is Active.", oLabl: "Client ID",
		},
		IdPAppDisabled: {both: "Applications > the app > the menu beside its name: Active.", label: "Active"},
		IdPNotAssigned: {both: "Applications > the app > Assignments > Assign > Assign to People or Assign to Groups.", label: "Assignments|Assign to People|Assign to Groups"},
		IdPPolicy: {
			saml: "Security > Authentication Policies: the rule of this app denies the person; Reports > System Log names it.", sLbl: "Authentication Policies",
			oidc: "Security > API > Authorization Servers > the server > Access Policies: add a policy and a rule for this client. Or use the org's own issuer, without /oauth2/.", oLabl: "Access Policies",
		},
		IdPRequest:          {both: "Empty the connection's Name ID format; or General > SAML Settings > Name ID format = EmailAddress.", label: "Name ID format"},
		IdPAccountBlocked:   {both: "Directory > People > the person > More Actions > Unlock or Activate.", label: "Unlock"},
		IdPRequestSignature: {both: "General > SAML Settings > Show Advanced Settings > Signature Certificate: upload our certificate and tick Signed Requests; switch on Sign requests for the connection.", label: "Signature Certificate|Signed Requests"},
		OIDCFlow:            {both: "Applications > the app > General > Grant type: tick Authorization Code.", label: "Grant type|Authorization Code"},
	},
	"onelogin": {
		IdPReplyURL: {
			saml: "Applications > the app > Configuration: ACS (Consumer) URL and Recipient = our ACS URL, ACS (Consumer) URL Validator = the pattern from the hand-over page.", sLbl: "ACS (Consumer) URL Validator|ACS (Consumer) URL|Recipient",
			oidc: "Applications > the app > Configuration > Redirect URI's: add our redirect URI.", oLabl: "Redirect URI's",
		},
		IdPAppUnknown: {
			saml: "Applications > the app > SSO: compare SAML 2.0 Endpoint (HTTP) with the connection's, and Configuration > Audience (EntityID) with our Entity ID.", sLbl: "SAML 2.0 Endpoint (HTTP)|Audience (EntityID)",
			oidc: "Applications > the app > SSO: compare Client ID with the connection's.", oLabl: "Client ID",
		},
		IdPNotAssigned: {both: "Applications > the app > Access: tick a role of the person; or Users > the person > Applications > +.", label: "Access|Users"},
	},
	"pingone": {
		IdPReplyURL: {
			saml: "Applications > the app > Configuration > ACS URLs: add our ACS URL.", sLbl: "ACS URLs",
			oidc: "Applications > the app > Configuration > Redirect URIs: add our redirect URI.", oLabl: "Redirect URIs",
		},
		IdPAppUnknown: {
			saml: "Applications > the app > Configuration > Entity ID: paste our Entity ID.", sLbl: "Entity ID",
			oidc: "Applications > the app > Configuration: compare Client ID with the connection's.", oLabl: "Client ID",
		},
		IdPAppDisabled: {both: "Applications > the app: move the slider beside its name to on.", label: "Enabled"},
		IdPNotAssigned: {both: "Applications > the app > Access: add a group of the person or remove the limit.", label: "Access"},
	},
	"pingfederate": {
		IdPReplyURL:    {both: "SP Connections > our connection > Browser SSO > Protocol Settings > Assertion Consumer Service URL: our ACS URL, binding POST.", label: "Assertion Consumer Service URL"},
		IdPAppUnknown:  {both: "SP Connections > our connection > General Info > Partner's Entity ID (Connection ID): our Entity ID.", label: "Partner's Entity ID (Connection ID)"},
		IdPAppDisabled: {both: "SP Connections > our connection: set it to Active, and tick SP-initiated SSO under SAML Profiles.", label: "Active|SP-initiated SSO"},
	},
	"jumpcloud": {
		IdPReplyURL: {
			saml: "SSO Applications > the app > SSO > ACS URLs: our ACS URL.", sLbl: "ACS URLs",
			oidc: "SSO Applications > the app > SSO > Redirect URIs: add our redirect URI.", oLabl: "Redirect URIs",
		},
		IdPAppUnknown: {
			saml: "SSO Applications > the app > SSO > SP Entity ID: our Entity ID, upper and lower case count.", sLbl: "SP Entity ID",
			oidc: "SSO Applications > the app > SSO: compare Client ID with the connection's.", oLabl: "Client ID",
		},
		IdPNotAssigned: {both: "SSO Applications > the app > User Groups: tick a group of the person.", label: "User Groups"},
	},
	"keycloak": {
		IdPReplyURL: {
			saml: "Clients > the client > Settings: Master SAML Processing URL and Valid redirect URIs = our ACS URL.", sLbl: "Master SAML Processing URL|Valid redirect URIs",
			oidc: "Clients > the client > Settings > Valid redirect URIs: add our redirect URI.", oLabl: "Valid redirect URIs",
		},
		IdPAppUnknown: {
			saml: "Clients > the client > Settings > Client ID: our Entity ID, letter by letter.", sLbl: "Client ID",
			oidc: "Clients > the client > Settings: compare Client ID with the connection's.", oLabl: "Client ID",
		},
		IdPAppDisabled:      {both: "Clients > the client: switch Enabled on.", label: "Enabled"},
		IdPNotAssigned:      {both: "Clients > the client > Roles, or the browser flow's condition: give the person the role it asks for.", label: "Role mapping"},
		IdPRequestSignature: {both: "Clients > the client > Keys: import our certificate under Signing keys config and switch on Sign requests for the connection; or Client signature required = Off.", label: "Client signature required|Keys"},
		IdPAccountBlocked:   {both: "Users > the person > Details: Enabled = On.", label: "Enabled"},
		OIDCFlow:            {both: "Clients > the client > Settings > Capability config: Standard flow On.", label: "Standard flow"},
	},
	"shibboleth": {
		IdPReplyURL:    {both: "Load our metadata anew: metadata-providers.xml, then reload-metadata; the copy there lacks our ACS URL.", label: "metadata-providers.xml"},
		IdPAppUnknown:  {both: "Send our metadata address to those who run the IdP: add it to metadata-providers.xml, then reload.", label: "metadata-providers.xml"},
		IdPEncryption:  {both: "Load our metadata anew, which holds an encryption certificate; or idp.encryption.optional=true, or encryptAssertions=false in relying-party.xml for us.", label: "idp.encryption.optional"},
		IdPNotAssigned: {both: "The IdP's context-check interceptor refuses the person: correct its rule for us in relying-party.xml.", label: "relying-party.xml"},
	},
	"github": {
		IdPReplyURL:   {both: "Settings > Developer settings > OAuth Apps > the app > Authorization callback URL: our redirect URI.", label: "Authorization callback URL"},
		IdPAppUnknown: {both: "Settings > Developer settings > OAuth Apps > the app: compare Client ID with the connection's.", label: "Client ID"},
	},
	"apple": {
		IdPReplyURL:   {both: "Certificates, Identifiers & Profiles > Identifiers > Services IDs > the ID > Configure > Return URLs: add our redirect URI, and its host under Domains and Subdomains.", label: "Return URLs|Domains and Subdomains"},
		IdPAppUnknown: {both: "Certificates, Identifiers & Profiles > Identifiers > Services IDs: compare Identifier with Client ID here, and tick Sign In with Apple.", label: "Services IDs|Identifier"},
	},
}

// AtConsole is a fault in the words of a provider's console: with its fix and labels where there are own ones.
func AtConsole(preset, protocol string, code Code) *Error {
	if preset == "microsoft" {
		preset = "entra"
	}
	fix := consoles[preset][code]
	return &Error{Code: code, Fix: fix.text(protocol), Labels: fix.labels(protocol)}
}
