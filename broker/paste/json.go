package paste

import (
	"encoding/json"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// files are the JSON documents that consoles give out.
type files struct {
	Issuer   string `json:"issuer"`
	JWKSURI  string `json:"jwks_uri"`
	Auth     string `json:"authorization_endpoint"`
	Token    string `json:"token_endpoint"`
	UserInfo string `json:"userinfo_endpoint"`

	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`

	Web, Installed *googleClient // Google's download

	Realm       string          `json:"realm"` // Keycloak's adapter configuration
	AuthServer  string          `json:"auth-server-url"`
	Resource    string          `json:"resource"`
	Credentials json.RawMessage `json:"credentials"`

	AppID    string `json:"appId"` // az ad sp create-for-rbac
	Password string `json:"password"`
	Tenant   string `json:"tenant"`

	Keys json.RawMessage `json:"keys"`
}

type googleClient struct {
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

// json reads a JSON document; false where the text is none after all.
func (r *reader) json(s string) bool {
	var doc files
	if err := json.Unmarshal([]byte(s), &doc); err != nil {
		if json.Valid([]byte(s)) {
			r.unknown("a JSON document with other contents than expected")
			return true
		}
		return false
	}
	if r.in.Protocol == "saml" {
		r.otherProtocol("oidc", "a document of OpenID Connect")
		return true
	}
	switch {
	case doc.Web != nil:
		r.google(doc.Web, "")
	case doc.Installed != nil:
		r.google(doc.Installed, "it was made for an installed application, not for a web application")
	case doc.AuthServer != "" && doc.Realm != "":
		r.keycloak(doc)
	case doc.Issuer != "" && (doc.JWKSURI != "" || doc.Auth != ""):
		r.discovery(doc)
	case doc.AppID != "" && doc.Password != "":
		r.named(KindClientID, doc.AppID)
		r.named(KindClientSecret, doc.Password)
		r.named(KindTenant, doc.Tenant)
	case doc.ClientID != "":
		r.named(KindClientID, doc.ClientID)
		if doc.ClientSecret != "" {
			r.named(KindClientSecret, doc.ClientSecret)
		}
		if doc.Issuer != "" {
			r.value(KindIssuer, doc.Issuer)
		}
	case len(doc.Keys) > 0:
		r.say(fault.PasteEndpoint, KindIssuer, "the provider's keys are fetched by themselves")
	default:
		r.unknown("a JSON document without the settings of an application")
	}
	return true
}

func (r *reader) discovery(doc files) {
	if r.in.Protocol == "oauth2" {
		for kind, v := range map[string]string{"authorize_url": doc.Auth, "token_url": doc.Token, "userinfo_url": doc.UserInfo} {
			if v != "" {
				r.value(kind, v)
			}
		}
		return
	}
	r.value(KindIssuer, doc.Issuer)
}

// google reads the file that Google's console gives out for a client.
func (r *reader) google(c *googleClient, wrong string) {
	if r.in.Preset != "google" && r.in.Preset != "generic" {
		r.otherProvider("google", "")
		return
	}
	if wrong != "" {
		r.find(fault.New(fault.PasteUnusual, "%s", wrong))
	}
	if own := r.in.Own.RedirectURI; own != "" && !slices.Contains(c.RedirectURIs, own) {
		f := fault.New(fault.PasteRedirect, "")
		f.Observed, f.Expected, f.Labels = clip(strings.Join(c.RedirectURIs, " ")), own, []string{"Authorized redirect URIs"}
		r.find(f)
	}
	r.named(KindClientID, c.ClientID)
	if c.ClientSecret != "" {
		r.named(KindClientSecret, c.ClientSecret)
	}
}

// keycloak reads the adapter configuration that Keycloak gives out for a client.
func (r *reader) keycloak(doc files) {
	if r.in.Preset != "keycloak" && r.in.Preset != "generic" {
		r.otherProvider("keycloak", "")
		return
	}
	r.value(KindIssuer, strings.TrimRight(doc.AuthServer, "/")+"/realms/"+doc.Realm)
	r.named(KindClientID, doc.Resource)
	var secret struct {
		Secret string `json:"secret"`
	}
	if json.Unmarshal(doc.Credentials, &secret) == nil && secret.Secret != "" {
		r.named(KindClientSecret, secret.Secret)
	}
}
