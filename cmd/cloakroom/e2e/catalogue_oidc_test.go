package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/providers/providertest/oidcop"
)

// signed and probed stage a case of an OpenID provider by its usual doors.
func signed(s oidcCase, user string) func(*bench) told {
	return func(b *bench) told { return b.oidc(s).test(user) }
}

func probed(s oidcCase) func(*bench) told {
	return func(b *bench) told { return b.oidc(s).check() }
}

func redirects(change func(string) string) func(*oidcop.Client) {
	return func(c *oidcop.Client) { c.RedirectURIs = []string{change(c.RedirectURIs[0])} }
}

func platform(p string) func(*oidcop.Client) {
	return func(c *oidcop.Client) { c.Platform = p }
}

var wrongSecret = obj{"client_secret": "Q~9Z1kq7LmVt0sYdX3uGzP4wR6nB9cJeHf2aKxTo"}

func oidcEntries() []entry {
	return []entry{
		{"OIDC-02", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, client: platform(oidcop.SPA)}, "ada"), expected{codes: "oidc.spa_redirect", side: "idp", label: "Single-page application", sure: "proved"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeEntra, client: platform(oidcop.SPA)}), expected{codes: "oidc.spa_redirect", side: "idp", label: "Single-page application", sure: "likely"}},
			{"a neighbour of the code", shown("entra", "oidc", "AADSTS9002326: Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type."), expected{codes: "oidc.spa_redirect", side: "idp", label: "Single-page application", sure: "proved"}},
		}},
		{"OIDC-03", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, client: platform(oidcop.Mobile)}, "ada"), expected{codes: "oidc.public_client", side: "idp", label: "Mobile and desktop", sure: "proved"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeEntra, client: platform(oidcop.Mobile)}), expected{codes: "oidc.public_client", side: "idp", label: "Mobile and desktop", sure: "likely"}},
		}},
		{"OIDC-05", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, settings: wrongSecret}, "ada"), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Certificates & secrets", sure: "proved"}},
			{"Okta, before the test", probed(oidcCase{like: oidcop.LikeOkta, settings: wrongSecret}), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Client Credentials", sure: "likely"}},
			{"Keycloak", signed(oidcCase{like: oidcop.LikeKeycloak, settings: wrongSecret}, "ada"), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Credentials", sure: "proved"}},
			{"AD FS", signed(oidcCase{like: oidcop.LikeADFS, settings: wrongSecret, client: claims}, "ada"), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Reset secret", sure: "proved"}},
			{"Google", signed(oidcCase{like: oidcop.LikeGoogle, settings: wrongSecret}, "ada"), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Client", sure: "proved"}},
			{"GitHub", signed(oidcCase{like: oidcop.LikeGitHub, settings: wrongSecret, op: gitHubbers}, "1"), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Client secrets", sure: "likely"}},
			{"its id in place of its value", pasted("entra", "oidc", "/oidc/client_secret", "  "+clientID+" "), expected{codes: "paste.secret_id", side: "idp", label: "Value", sure: "proved"}},
		}},
		{"OIDC-06", []situation{
			{"as catalogued", func(b *bench) told {
				return b.oidc(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.SecretExpires = time.Now().Add(-time.Hour) }}).test("ada")
			}, expected{codes: "oidc.client_secret_expired", side: "idp", label: "Certificates & secrets", sure: "proved"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.SecretExpires = time.Now().Add(-time.Hour) }}), expected{codes: "oidc.client_secret_expired", side: "idp", label: "Certificates & secrets", sure: "likely"}},
			{"a vendor that does not say why", func(b *bench) told {
				st := b.oidc(oidcCase{like: oidcop.LikeOkta}).works("ada")
				st.op.Lie(oidcop.Lies{Endpoint: map[string]func(http.ResponseWriter, *http.Request) bool{"token": unbelieved}})
				return st.test("ada")
			}, expected{codes: "oidc.client_secret_refused|oidc.client_secret_expired", side: "idp", label: "Client Credentials", sure: "likely", says: "It worked before"}},
		}},
		{"OIDC-08", []situation{
			{"as catalogued", probed(oidcCase{like: oidcop.LikeEntra, settings: obj{"issuer": "{idp}/1f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e/v2.0", "tenant": "1f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e"}}), expected{codes: "oidc.tenant_unknown", side: "idp", label: "Directory (tenant) ID", sure: "likely"}},
			{"a domain that is no directory", probed(oidcCase{like: oidcop.LikeEntra, settings: obj{"issuer": "{idp}/acme-typo.example/v2.0", "tenant": ""}}), expected{codes: "oidc.tenant_unknown", side: "idp", label: "Directory (tenant) ID", sure: "likely"}},
			{"by a test", signed(oidcCase{like: oidcop.LikeEntra, settings: obj{"issuer": "{idp}/1f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e/v2.0", "tenant": "1f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e"}}, "ada"), expected{codes: "oidc.tenant_unknown", side: "idp", label: "Directory (tenant) ID", sure: "likely"}},
		}},
		{"OIDC-09", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, settings: obj{"issuer": "{idp}/common/v2.0"}, client: func(c *oidcop.Client) { c.SingleTenant = true }}, "ada"), expected{codes: "oidc.single_tenant_app", side: "ours", label: "Directory (tenant) ID", sure: "proved"}},
			{"before the test, the other word", probed(oidcCase{like: oidcop.LikeEntra, settings: obj{"issuer": "{idp}/organizations/v2.0"}, client: func(c *oidcop.Client) { c.SingleTenant = true }}), expected{codes: "oidc.shared_authority|oidc.single_tenant_app", side: "ours", label: "Directory (tenant) ID", sure: "likely"}},
			{"when it is pasted", pasted("entra", "oidc", "", "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"), expected{codes: "paste.any_tenant", side: "idp", label: "Directory (tenant) ID", sure: "proved"}},
		}},
		{"OIDC-11", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.Organisation = "acme.example" }}, "gus"), expected{codes: "idp.wrong_account|oidc.personal_account", side: "user", label: "work account", sure: "likely"}},
			{"by the directory of the token", signed(oidcCase{like: oidcop.LikeEntra, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"})}}, "gus"), expected{codes: "oidc.personal_account", side: "user", label: "work", sure: "proved"}},
			{"another company's directory", signed(oidcCase{like: oidcop.LikeEntra, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"tid": "0188040d-6c67-4c5b-b112-36a304b66dad"})}}, "gus"), expected{codes: "oidc.tenant_mismatch", side: "user", label: "", sure: "likely"}},
			{"another vendor's", signed(oidcCase{like: oidcop.LikeGoogle, settings: obj{"tenant": "acme.example"}}, "gus"), expected{codes: "oidc.tenant_mismatch", side: "user", label: "account", sure: "likely"}},
		}},
		{"OIDC-12", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.NeedsConsent = true }}, "ada"), expected{codes: "idp.consent_needed", side: "idp", label: "Grant admin consent", sure: "proved"}},
			{"the person went back", signed(oidcCase{like: oidcop.LikeEntra, lies: denied("access_denied", "AADSTS65004: User declined to consent to access the app.")}, "ada"), expected{codes: "login.cancelled", side: "user", label: "", sure: "likely"}},
			{"said by the protocol's word", signed(oidcCase{like: oidcop.LikeOkta, client: func(c *oidcop.Client) { c.NeedsConsent = true }}, "ada"), expected{codes: "oidc.consent_required", side: "idp", label: "onsent", sure: "likely"}},
			{"in Polish, by its number", shown("entra", "oidc", "Wymagana zgoda administratora\nKod błędu: 90095\nIdentyfikator korelacji: 7e0a7c55-0f33-4b7e-9c51-aabbccddeeff"), expected{codes: "idp.consent_needed", side: "idp", label: "Grant admin consent", sure: "proved"}},
		}},
		{"OIDC-14", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra}, "eva"), expected{codes: "email.missing", side: "idp", label: "Add optional claim", sure: "likely"}},
			{"another vendor", signed(oidcCase{preset: "jumpcloud"}, "eva"), expected{codes: "email.missing", side: "idp", label: "Standard Scopes", sure: "likely"}},
			{"others have one", func(b *bench) told { return b.oidc(oidcCase{like: oidcop.LikeOkta}).works("ada").test("eva") }, expected{codes: "email.missing", side: "idp", label: "Primary email", sure: "likely", says: "Others get in"}},
			{"in another claim", signed(oidcCase{like: oidcop.LikeKeycloak, lies: moved("email", "mail")}, "ada"), expected{says: `"status":"passed"`}},
		}},
		{"OIDC-15", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeADFS, settings: obj{"scopes": []string{"openid", "email", "profile"}}, client: func(c *oidcop.Client) { c.Scopes = []string{"email", "profile"} }}, "ada"), expected{codes: "email.missing", side: "idp", label: "allatclaims", sure: "likely"}},
			{"only the user name", signed(oidcCase{like: oidcop.LikeADFS, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"email": nil, "upn": "ada", "unique_name": `ACME\ada`})}, client: claims}, "ada"), expected{codes: "email.missing", side: "idp", label: "allatclaims", sure: "likely"}},
		}},
		{"OIDC-17", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"groups": nil, "_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/x"}}})}}, "ada"), expected{codes: "login.groups_omitted", side: "idp", label: "Groups assigned to the application", sure: "proved", beside: true}},
			{"by the other sign", signed(oidcCase{like: oidcop.LikeEntra, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"groups": nil, "hasgroups": true})}}, "ada"), expected{codes: "login.groups_omitted", side: "idp", label: "Groups assigned to the application", sure: "proved", beside: true}},
			{"SAML's link", tested(samlCase{like: "entra", idp: overage}, "ada"), expected{codes: "login.groups_omitted", side: "idp", label: "Groups assigned to the application", sure: "proved", beside: true}},
		}},
		{"OIDC-18", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, settings: obj{"scopes": []string{"openid", "email", "profile", "groups"}}}, "ada"), expected{codes: "oidc.groups_missing", side: "idp", label: "Group claims filter", sure: "likely", beside: true}},
			{"another vendor", signed(oidcCase{like: oidcop.LikeKeycloak, settings: obj{"scopes": []string{"openid", "email", "profile", "groups"}}}, "ada"), expected{codes: "oidc.groups_missing", side: "idp", label: "Group Membership", sure: "likely", beside: true}},
			{"ids where names are expected", signed(oidcCase{like: oidcop.LikeEntra, conn: obj{"group_rules": []obj{{"match": "equals", "value": "Engineering", "groups": []string{"staff"}}}}, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"groups": []string{"0b1c2d3e-4f50-4a1b-8c2d-3e4f5a6b7c8d"}})}}, "ada"), expected{says: "0b1c2d3e"}},
		}},
		{"OIDC-20", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, client: redirects(environment)}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Sign-in redirect URIs", sure: "likely", says: "/endpoint"}},
			{"before the test, a slash", probed(oidcCase{like: oidcop.LikeOkta, client: redirects(with("/"))}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Sign-in redirect URIs", sure: "likely"}},
			{"Google", signed(oidcCase{like: oidcop.LikeGoogle, client: redirects(upper)}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Authorized redirect URIs", sure: "proved"}},
			{"AD FS", probed(oidcCase{like: oidcop.LikeADFS, client: redirects(environment)}), expected{codes: "idp.reply_url_unknown|oidc.redirect_uri_mismatch", side: "idp", label: "Redirect URI", sure: "likely"}},
			{"Entra", signed(oidcCase{like: oidcop.LikeEntra, client: redirects(environment)}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Redirect URI", sure: "proved"}},
			{"Keycloak", probed(oidcCase{like: oidcop.LikeKeycloak, client: redirects(environment)}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Valid redirect URIs", sure: "likely"}},
			{"GitHub", signed(oidcCase{like: oidcop.LikeGitHub, op: gitHubbers, client: redirects(func(s string) string { return strings.Replace(s, "oidc-20-6", "oidc-20-x", 1) })}, "1"), expected{codes: "idp.reply_url_unknown|oidc.redirect_uri_mismatch|login.wrong_endpoint", side: "idp", label: "Authorization callback URL", sure: "guess"}},
		}},
		{"OIDC-21", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, client: func(c *oidcop.Client) { c.Assigned = []string{"bob"} }}, "ada"), expected{codes: "oidc.not_assigned", side: "idp", label: "Assignments", sure: "likely"}},
			{"a policy in its place", signed(oidcCase{like: oidcop.LikeOkta, client: func(c *oidcop.Client) { c.PolicyDenies = true }}, "ada"), expected{codes: "oidc.policy_denied", side: "idp", label: "Access Policies", sure: "likely"}},
			{"another vendor's page", signed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.Assigned = []string{"bob"} }}, "ada"), expected{codes: "idp.not_assigned", side: "idp", label: "Users and groups", sure: "proved"}},
			{"in words nobody has listed", signed(oidcCase{preset: "pingone", lies: denied("access_denied", "The resource is not available to you.")}, "ada"), expected{codes: "oidc.access_denied", side: "idp", label: "", sure: "guess", or: "login.cancelled"}},
		}},
		{"OIDC-23", []situation{
			{"as catalogued", probed(oidcCase{like: oidcop.LikeOkta, lies: oidcop.Lies{Discovery: oidcop.Set(map[string]any{"issuer": "https://login.acme.example"})}}), expected{codes: "oidc.issuer_mismatch", side: "idp", label: "ssuer", sure: "proved", says: "login.acme.example"}},
			{"a slash is taken as it comes", signed(oidcCase{like: oidcop.LikeOkta, op: func(o *oidcop.Options) { o.AnnouncedAs = o.Issuer + "/" }, lies: oidcop.Lies{Claims: func(doc map[string]any) { doc["iss"] = doc["iss"].(string) + "/" }}}, "ada"), expected{says: `"status":"passed"`}},
			{"the token has another case", signed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Claims: func(doc map[string]any) { doc["iss"] = strings.ToUpper(doc["iss"].(string)) }}}, "ada"), expected{codes: "oidc.issuer_mismatch", side: "idp", label: "ssuer", sure: "proved", says: "case"}},
			{"a name of the same host", probed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Discovery: oidcop.Set(map[string]any{"issuer": "https://login.acme.example/realms/acme"})}}), expected{codes: "oidc.issuer_mismatch|oidc.addresses_internal", side: "idp", label: "ssuer", sure: "likely", says: "login.acme.example"}},
			{"the whole discovery address pasted", pasted("okta", "oidc", "", " https://acme.okta.com/.well-known/openid-configuration "), expected{says: "issuer"}},
			{"the administrators' host pasted", pasted("okta", "oidc", "", "https://acme-admin.okta.com/admin/app/oidc_client/instance/0oa1ab2cd3ef/"), expected{codes: "paste.console_address|saml.metadata_console_address|paste.derived", side: "idp|ours", label: "", sure: "proved"}},
			{"nothing at the address", probed(oidcCase{like: oidcop.LikeKeycloak, settings: obj{"issuer": "{idp}/auth/realms/acme"}}), expected{codes: "oidc.discovery_failed|oidc.issuer_mismatch", side: "idp", label: "ssuer", sure: "likely"}},
		}},
		{"OIDC-24", []situation{
			{"as catalogued", probed(oidcCase{like: oidcop.LikeKeycloak, op: func(o *oidcop.Options) { o.AnnouncedAs = "http://keycloak.internal:8080/realms/acme" }}), expected{codes: "oidc.addresses_internal|oidc.issuer_mismatch", side: "idp", label: "KC_HOSTNAME", sure: "likely", says: "keycloak.internal"}},
			{"only the endpoints", probed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Discovery: oidcop.Set(map[string]any{"token_endpoint": "http://10.1.2.3:8080/token", "jwks_uri": "http://10.1.2.3:8080/certs"})}}), expected{codes: "oidc.addresses_internal|net.address_blocked", side: "idp|network", label: "address", sure: "likely", says: "10.1.2.3"}},
		}},
	}
}

// claims lets AD FS say who the person is.
func claims(c *oidcop.Client) {
	c.Scopes = []string{"email", "profile", "allatclaims"}
}

func gitHubbers(o *oidcop.Options) {
	o.Users = []oidcop.User{{Username: "1", Subject: "1", Email: "ada@acme.example", EmailVerified: true, Name: "Ada Byron"}, {Username: "2", Subject: "2", Email: "bob@acme.example", Name: "Bob Boole"}}
	o.Clients[0].Scopes = []string{"read:user", "user:email"}
}

// denied is a provider that sends people back with an error.
func denied(code, description string) oidcop.Lies {
	return oidcop.Lies{Answer: func(v url.Values) {
		v.Del("code")
		v.Set("error", code)
		v.Set("error_description", description)
	}}
}

// moved gives a claim another name.
func moved(from, to string) oidcop.Lies {
	rename := func(doc map[string]any) {
		doc[to] = doc[from]
		delete(doc, from)
	}
	return oidcop.Lies{Claims: rename, UserInfo: rename}
}

// unbelieved is a token endpoint that refuses the client and does not say why.
func unbelieved(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": "Client authentication failed. Either the client or the client credentials are invalid."})
	return true
}
