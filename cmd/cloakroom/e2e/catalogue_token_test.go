package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"cloakroom/providers/providertest/oidcop"
)

// twice redeems each code before we can, as something that opens links does.
func twice(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "token") {
			body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
			ahead := r.Clone(r.Context())
			ahead.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(httptest.NewRecorder(), ahead)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// taken is an endpoint that answers in place of the provider's.
func taken(endpoint string, status int, mediaType, body string) oidcop.Lies {
	return oidcop.Lies{Endpoint: map[string]func(http.ResponseWriter, *http.Request) bool{endpoint: func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the caller may have gone
		return true
	}}}
}

// appleKey is a .p8 as Apple gives it.
func appleKey() string {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func oidcTokenEntries() []entry {
	apple := obj{"client_id": "example.acme.sso", "client_secret": appleKey(), "authorization_params": obj{"team_id": "A1B2C3D4E5", "key_id": "F6G7H8I9J0"}}
	appleClient := func(c *oidcop.Client) { c.ID = "example.acme.sso" }
	return []entry{
		{"OIDC-26", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeGoogle, client: func(c *oidcop.Client) { c.Organisation = "vendor.example" }}, "ada"), expected{codes: "idp.wrong_account", side: "user", label: "Audience", sure: "likely"}},
			{"in testing", signed(oidcCase{like: oidcop.LikeGoogle, client: func(c *oidcop.Client) { c.Assigned = []string{"bob"} }}, "ada"), expected{codes: "idp.not_assigned", side: "idp", label: "Audience", sure: "likely", or: "login.cancelled"}},
			{"in Spanish", shown("google", "oidc", "<h1>Acceso bloqueado: la aplicación solo puede usarse dentro de su organización</h1><p>Error&nbsp;403: org_internal</p>"), expected{codes: "idp.wrong_account", side: "user", label: "Audience", sure: "likely"}},
		}},
		{"OIDC-27", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeGoogle, client: func(c *oidcop.Client) { c.PolicyDenies = true }}, "ada"), expected{codes: "idp.policy_blocked", side: "idp", label: "App access control", sure: "proved"}},
			{"Education's word", shown("google", "oidc", "Access blocked\nError 400: access_not_configured\nRequest details: client_id=x"), expected{codes: "idp.policy_blocked", side: "idp", label: "App access control", sure: "proved"}},
			{"another vendor's policy", signed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.PolicyDenies = true }}, "ada"), expected{codes: "idp.policy_blocked", side: "idp", label: "Conditional Access", sure: "proved"}},
		}},
		{"OIDC-29", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeADFS, client: func(c *oidcop.Client) { c.NoResource = true }}, "ada"), expected{codes: "oidc.resource_forbidden", side: "idp", label: "Client Permissions", sure: "likely"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeADFS, client: func(c *oidcop.Client) { c.NoResource = true }}), expected{codes: "oidc.resource_forbidden", side: "idp", label: "Client Permissions", sure: "likely"}},
			{"its neighbour: the client unknown", signed(oidcCase{like: oidcop.LikeADFS, client: func(c *oidcop.Client) { c.ID += "0" }}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "Client Identifier", sure: "proved"}},
		}},
		{"OIDC-30", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeEntra, front: twice}, "ada"), expected{codes: "oidc.code_used", side: "user", label: "again", sure: "proved"}},
			{"a vendor that does not say which", signed(oidcCase{like: oidcop.LikeOkta, front: twice}, "ada"), expected{codes: "oidc.code_refused|oidc.code_used", side: "idp|user", label: "tart again", sure: "likely", or: "oidc.code_used"}},
			{"GitHub", signed(oidcCase{like: oidcop.LikeGitHub, op: gitHubbers, front: twice}, "1"), expected{codes: "oidc.code_refused|oidc.code_used", side: "idp|user", label: "tart again", sure: "guess", or: "oidc.code_used"}},
		}},
		{"OIDC-32", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, client: func(c *oidcop.Client) { c.NoCodeFlow = true }}, "ada"), expected{codes: "oidc.flow_not_enabled", side: "idp", label: "Authorization Code", sure: "likely"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeKeycloak, client: func(c *oidcop.Client) { c.NoCodeFlow = true }}), expected{codes: "oidc.flow_not_enabled", side: "idp", label: "Standard flow", sure: "likely"}},
			{"Google's page", signed(oidcCase{like: oidcop.LikeGoogle, client: func(c *oidcop.Client) { c.NoCodeFlow = true }}, "ada"), expected{codes: "oidc.flow_not_enabled", side: "idp", label: "", sure: "likely"}},
		}},
		{"OIDC-33", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, settings: obj{"scopes": []string{"openid", "email", "groups"}}, client: func(c *oidcop.Client) { c.Scopes = []string{"email"} }}, "ada"), expected{codes: "oidc.scope_refused", side: "idp", label: "Scopes", sure: "likely"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeKeycloak, settings: obj{"scopes": []string{"openid", "email", "acme-hr"}}, client: func(c *oidcop.Client) { c.Scopes = []string{"email", "profile"} }}), expected{codes: "oidc.scope_refused", side: "idp", label: "Scopes", sure: "likely", says: "acme-hr"}},
			{"a code of Microsoft's", signed(oidcCase{like: oidcop.LikeEntra, settings: obj{"scopes": []string{"openid", "email", "api://x/read"}}, client: func(c *oidcop.Client) { c.Scopes = []string{"email"} }}, "ada"), expected{codes: "oidc.scope_refused", side: "idp", label: "Scopes", sure: "likely"}},
		}},
		{"OIDC-35", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"aud": "account"})}}, "ada"), expected{codes: "oidc.audience_mismatch", side: "idp", label: "Client ID", sure: "proved", says: "account"}},
			{"differs by a blank", signed(oidcCase{like: oidcop.LikeOkta, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"aud": clientID + " "})}}, "ada"), expected{codes: "oidc.audience_mismatch", side: "idp", label: "Client ID", sure: "proved", says: "blank"}},
			{"ours among several, issued to another", signed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"aud": []string{"other", clientID}, "azp": "other"})}}, "ada"), expected{codes: "oidc.authorized_party_mismatch", side: "idp", label: "audiences", sure: "proved"}},
			{"unknown client ID, before the test", probed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.ID = strings.ToUpper(c.ID) }}), expected{codes: "idp.app_unknown|oidc.client_unknown", side: "idp", label: "Application (client) ID", sure: "likely"}},
		}},
		{"OIDC-36", []situation{
			{"as catalogued", func(b *bench) told { return b.oidc(oidcCase{like: oidcop.LikeOkta}).cookieless("ada") }, expected{codes: "login.other_browser", side: "user", label: "cookies", sure: "likely"}},
			{"another tab's answer", signed(oidcCase{like: oidcop.LikeOkta, lies: oidcop.Lies{Claims: oidcop.Set(map[string]any{"nonce": "an-older-one"})}}, "ada"), expected{codes: "oidc.nonce_mismatch", side: "user", label: "Start again", sure: "proved"}},
			{"a bookmark of their page", func(b *bench) told { return b.oidc(oidcCase{like: oidcop.LikeKeycloak}).bookmarked("ada") }, expected{codes: "login.already_finished|login.expired|login.unknown", side: "user", label: "again", sure: "proved"}},
		}},
		{"OIDC-38", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeGitHub, op: gitHubbers}, "2"), expected{codes: "oauth2.no_verified_email", side: "user", label: "Settings > Emails", sure: "proved"}},
			{"the scope is missing", signed(oidcCase{like: oidcop.LikeGitHub, op: gitHubbers, lies: taken("emails", 404, "application/json", `{"message":"Not Found","status":"404"}`)}, "1"), expected{codes: "oauth2.no_verified_email", side: "user|ours", label: "user:email", sure: "likely"}},
			{"another provider's flag", signed(oidcCase{like: oidcop.LikeKeycloak, conn: obj{"email_trust": "verified_claim"}, op: func(o *oidcop.Options) { o.Users[0].EmailVerified = false }}, "ada"), expected{codes: "email.unverified", side: "user", label: "Verify the address", sure: "proved"}},
		}},
		{"OIDC-39", []situation{
			{"as catalogued", func(b *bench) told {
				return b.oidc(oidcCase{preset: "apple", client: appleClient, settings: apple, lies: taken("token", 400, "application/json", `{"error":"invalid_client"}`)}).test("ada")
			}, expected{codes: "oidc.client_secret_refused", side: "idp", label: "Services ID", sure: "likely"}},
			{"before the test", probed(oidcCase{preset: "apple", client: appleClient, settings: apple, lies: taken("token", 400, "application/json", `{"error":"invalid_client"}`)}), expected{codes: "oidc.client_secret_refused", side: "idp", label: "Services ID", sure: "likely"}},
			{"the return address", shown("apple", "oidc", "<p>invalid_request</p><p>Invalid web redirect url.</p>"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Return URLs", sure: "likely"}},
		}},
		{"OIDC-41", []situation{
			{"as catalogued", shown("entra", "oidc", "AADSTS900439: USGClientNotSupportedOnPublicEndpoint - The application belongs to the US Government cloud."), expected{codes: "oidc.other_cloud", side: "idp", label: "login.microsoftonline.us", sure: "proved"}},
			{"sent back", signed(oidcCase{like: oidcop.LikeEntra, lies: denied("invalid_request", "AADSTS90038: Confidential Client is not supported in Cross Cloud request.")}, "ada"), expected{codes: "oidc.other_cloud", side: "idp", label: "login.microsoftonline.us", sure: "likely"}},
			{"an unknown directory may be one", shown("entra", "oidc", "AADSTS90002: Tenant '1f3b2c1d' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."), expected{codes: "oidc.tenant_unknown", side: "idp", label: "Directory (tenant) ID", sure: "likely", or: "oidc.other_cloud"}},
			{"when it is pasted", pasted("entra", "oidc", "", "https://login.microsoftonline.us/"+tenant+"/v2.0"), expected{codes: "paste.other_cloud", side: "idp", label: "", sure: "proved", beside: true}},
		}},
		{"OIDC-42", []situation{
			{"as catalogued", signed(oidcCase{preset: "generic", op: func(o *oidcop.Options) { o.ThinTokens = true }, lies: oidcop.Lies{UserInfo: oidcop.Set(map[string]any{"sub": "bob-1"})}}, "ada"), expected{codes: "oidc.userinfo_subject_mismatch", side: "idp", label: "Userinfo", sure: "proved"}},
			{"forbidden", signed(oidcCase{preset: "generic", op: func(o *oidcop.Options) { o.ThinTokens = true }, lies: taken("userinfo", 401, "application/json", `{"error":"invalid_token"}`)}, "ada"), expected{codes: "oidc.userinfo_refused", side: "idp", label: "Userinfo", sure: "proved"}},
			{"a gateway's page", signed(oidcCase{preset: "keycloak", op: func(o *oidcop.Options) { o.ThinTokens = true }, lies: taken("userinfo", 403, "text/html", "<html><title>Request blocked</title>The request was blocked by the firewall.</html>")}, "ada"), expected{codes: "oidc.userinfo_refused|net.firewall_page", side: "idp|network", label: "", sure: "likely"}},
		}},
	}
}
