package paste

import (
	"net/url"
	"regexp"
	"strings"
)

// What an address can be.
const (
	atMetadata  = "metadata"  // SAML metadata
	atSSO       = "sso"       // SAML requests go there
	atSLO       = "slo"       // SAML logout
	atEntity    = "entity"    // a name, not a place
	atDiscovery = "discovery" // OpenID Connect's document
	atIssuer    = "issuer"    // OpenID Connect's name of the provider
	atEndpoint  = "endpoint"  // one of OpenID Connect's endpoints
	atConsole   = "console"   // a page for administrators
	atTile      = "tile"      // what a user's portal links to
	atHome      = "home"      // the provider's front page
)

// place is a shape of addresses: whose they are and what is there.
type place struct {
	preset     string // "" for nobody's in particular
	host, path *regexp.Regexp
	what       string
}

func shape(preset, host, path, what string) place {
	p := place{preset: preset, what: what}
	if host != "" {
		p.host = regexp.MustCompile(`(?i)^(?:` + host + `)$`)
	}
	if path != "" {
		p.path = regexp.MustCompile(`(?i)` + path)
	}
	return p
}

const (
	oktaHost   = `[\w-]+\.(?:okta|oktapreview|okta-emea|okta-gov|trexcloud)\.com`
	entraHost  = `login\.(?:microsoftonline\.(?:com|us|de)|partner\.microsoftonline\.cn|windows\.net|microsoft\.com|chinacloudapi\.cn)`
	pingHost   = `[\w.-]*pingone\.(?:com|eu|ca|asia|com\.au|sg)`
	openIDPath = `/\.well-known/(?:openid-configuration|oauth-authorization-server)/?$`
)

// places are the shapes that are known, the telling ones first. They hold what the providers' own addresses look like; an
// address of none of these shapes is judged by the last ones, and by what is fetched from it.
var places = []place{
	shape("okta", `[\w-]+-admin\.(?:okta|oktapreview|okta-emea|okta-gov|trexcloud)\.com`, ``, atConsole),
	shape("okta", oktaHost, `^/admin(?:/|$)`, atConsole),
	shape("okta", oktaHost, `^/home/|^/app/UserHome|^/user/`, atTile),
	shape("okta", oktaHost, `/sso/saml/metadata$`, atMetadata),
	shape("okta", oktaHost, `/slo/saml$`, atSLO),
	shape("okta", oktaHost, `/sso/saml$|^/sso/saml2/`, atSSO),
	shape("okta", oktaHost, openIDPath, atDiscovery),
	shape("okta", `www\.okta\.com`, `^/(?:ex|[\w-]{16,})`, atEntity),
	shape("okta", oktaHost, `/oauth2/(?:[\w-]+/)?v\d/\w+`, atEndpoint),
	shape("okta", oktaHost, `^/oauth2/[\w-]+/?$`, atIssuer),
	shape("okta", oktaHost, ``, atHome),
	shape("entra", `(?:entra|admin|aad\.portal|mysignins|account\.activedirectory)\.(?:microsoft|windowsazure|azure|cloud\.microsoft)\.?(?:com|us)?|(?:[\w-]+\.)*portal\.azure\.(?:com|us|cn)|(?:entra|admin)\.microsoft\.com|portal\.office\.com|admin\.cloud\.microsoft`, ``, atConsole),
	shape("entra", `(?:myapps|launcher\.myapps|myapplications)\.microsoft\.com|account\.activedirectory\.windowsazure\.com`, ``, atTile),
	shape("entra", entraHost, `/federationmetadata/`, atMetadata),
	shape("entra", entraHost, openIDPath, atDiscovery),
	shape("entra", entraHost, `/saml2/?$`, atSSO),
	shape("entra", entraHost, `/oauth2/(?:v2\.0/)?\w+|/discovery/`, atEndpoint),
	shape("entra", entraHost, `^/[^/]+(?:/v2\.0)?/?$`, atIssuer),
	shape("entra", `sts\.(?:windows\.net|chinacloudapi\.cn|microsoftonline\.(?:us|de))`, `^/[\w.-]+/?$`, atEntity),
	shape("google", `(?:admin|console\.cloud|console\.developers|cloud|myaccount|workspace)\.google\.com`, ``, atConsole),
	shape("google", `accounts\.google\.com`, `^/o/saml2/initsso`, atTile),
	shape("google", `accounts\.google\.com`, `^/o/saml2/idp`, atSSO),
	shape("google", `accounts\.google\.com`, `^/o/saml2/?(?:\?|$)`, atEntity),
	shape("google", `accounts\.google\.com`, openIDPath, atDiscovery),
	shape("google", `accounts\.google\.com`, `^/?$`, atIssuer),
	shape("google", `accounts\.google\.com|oauth2\.googleapis\.com|www\.googleapis\.com`, ``, atEndpoint),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/(?:admin|apps|users)\d*(?:/|$)`, atConsole),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/(?:portal|launch)`, atTile),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/saml/metadata`, atMetadata),
	shape("onelogin", `[\w.-]*onelogin\.com`, `/slo/|/logout`, atSLO),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/trust/saml2`, atSSO),
	shape("onelogin", `[\w.-]*onelogin\.com`, openIDPath, atDiscovery),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/oidc(?:/\d+)?/?$`, atIssuer),
	shape("onelogin", `[\w.-]*onelogin\.com`, `^/oidc/`, atEndpoint),
	shape("onelogin", `[\w.-]*onelogin\.com`, ``, atHome),
	shape("pingone", `(?:console|admin|admin-portal)\.pingone\.(?:com|eu|ca|asia|com\.au|sg)`, ``, atConsole),
	shape("pingone", `apps\.pingone\.(?:com|eu|ca|asia|com\.au|sg)`, ``, atTile),
	shape("pingone", pingHost, `/saml20/metadata/`, atMetadata),
	shape("pingone", pingHost, `/saml20/idp/slo`, atSLO),
	shape("pingone", pingHost, `/saml20/idp/`, atSSO),
	shape("pingone", pingHost, openIDPath, atDiscovery),
	shape("pingone", pingHost, `^/[\w-]+/as/?$`, atIssuer),
	shape("pingone", pingHost, `^/[\w-]+/as/`, atEndpoint),
	shape("pingone", pingHost, `^/[\w-]+/?$`, atEntity),
	shape("jumpcloud", `console\.(?:[a-z]{2}\.)?jumpcloud\.com`, ``, atConsole),
	shape("jumpcloud", `sso\.(?:[a-z]{2}\.)?jumpcloud\.com`, `^/saml2/metadata/`, atMetadata),
	shape("jumpcloud", `sso\.(?:[a-z]{2}\.)?jumpcloud\.com`, `^/saml2/`, atSSO),
	shape("jumpcloud", `oauth\.id\.(?:[a-z]{2}\.)?jumpcloud\.com`, openIDPath, atDiscovery),
	shape("jumpcloud", `oauth\.id\.(?:[a-z]{2}\.)?jumpcloud\.com`, `^/?$`, atIssuer),
	shape("jumpcloud", `oauth\.id\.(?:[a-z]{2}\.)?jumpcloud\.com`, ``, atEndpoint),
	shape("github", `github\.com`, `^/(?:settings|organizations|orgs)/`, atConsole),
	shape("github", `github\.com`, `^/login/oauth/`, atEndpoint),
	shape("apple", `developer\.apple\.com|appstoreconnect\.apple\.com`, ``, atConsole),
	shape("apple", `appleid\.apple\.com`, openIDPath, atDiscovery),
	shape("apple", `appleid\.apple\.com`, `^/?$`, atIssuer),
	// Servers that stand at their owners' own addresses are told by their paths.
	shape("adfs", ``, `/FederationMetadata/2007-06/`, atMetadata),
	shape("adfs", ``, `^/adfs`+openIDPath, atDiscovery),
	shape("adfs", ``, `^/adfs/ls/idpinitiatedsignon`, atTile),
	shape("adfs", ``, `^/adfs/ls/?`, atSSO),
	shape("adfs", ``, `^/adfs/services/trust`, atEntity),
	shape("adfs", ``, `^/adfs/oauth2/`, atEndpoint),
	shape("adfs", ``, `^/adfs/?$`, atIssuer),
	shape("keycloak", ``, `/admin/[\w-]+/console|/realms/[^/]+/account`, atConsole),
	shape("keycloak", ``, `/realms/[^/]+/protocol/saml/descriptor$`, atMetadata),
	shape("keycloak", ``, `/realms/[^/]+/protocol/saml/clients/`, atTile),
	shape("keycloak", ``, `/realms/[^/]+/protocol/saml/?$`, atSSO),
	shape("keycloak", ``, `/realms/[^/]+`+openIDPath, atDiscovery),
	shape("keycloak", ``, `/realms/[^/]+/protocol/openid-connect/`, atEndpoint),
	shape("keycloak", ``, `/realms/[^/]+/?$`, atIssuer), // and its entity ID
	shape("shibboleth", ``, `/idp/shibboleth$`, atMetadata),
	shape("shibboleth", ``, `/idp/profile/SAML2/[^/]+/SLO`, atSLO),
	shape("shibboleth", ``, `/idp/profile/SAML2/Unsolicited`, atTile),
	shape("shibboleth", ``, `/idp/profile/SAML2/`, atSSO),
	shape("pingfederate", ``, `/pingfederate/app`, atConsole),
	shape("pingfederate", ``, `/pf/federation_metadata\.ping`, atMetadata),
	shape("pingfederate", ``, `/idp/startSSO\.ping`, atTile),
	shape("pingfederate", ``, `/idp/SLO\.saml2`, atSLO),
	shape("pingfederate", ``, `/idp/SSO\.saml2`, atSSO),
	shape("pingfederate", ``, `^/as/(?:authorization|token|userinfo)`, atEndpoint),
	shape("", ``, openIDPath, atDiscovery),
	shape("", ``, `(?:metadata|descriptor)(?:[/?.]|$)|\.xml$`, atMetadata),
	shape("", ``, `/(?:slo|logout|signout|singlelogout)(?:[/?.]|$)`, atSLO),
	shape("", ``, `/(?:sso|saml2?|singlesignon|samlp)(?:[/?.]|$)`, atSSO),
	shape("", ``, `/(?:oauth2?|openid-connect|connect|oidc)/(?:v\d[.\d]*/)?(?:auth|authorize|authorization|token|userinfo|jwks|keys|certs)/?$`, atEndpoint),
	shape("", ``, `^/admin(?:/|$)`, atConsole),
}

// lookup says whose an address is and what is there; "" for what no shape tells.
func lookup(u *url.URL) (presetName, what string) {
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	host := strings.ToLower(u.Hostname())
	for _, p := range places {
		if (p.host == nil || p.host.MatchString(host)) && (p.path == nil || p.path.MatchString(path) || p.path.MatchString(u.EscapedPath())) {
			return p.preset, p.what
		}
	}
	return "", ""
}

// kin are presets whose addresses are the same.
func kin(a, b string) bool {
	return a == b || (a == "entra" || a == "microsoft") && (b == "entra" || b == "microsoft")
}
