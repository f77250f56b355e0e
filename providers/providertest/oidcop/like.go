package oidcop

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Like names a vendor whose habits a provider takes on: what it shows on a page and what it sends back, with which codes,
// words and status; whether it heeds prompt=none; what its token endpoint looks at first. The zero value keeps to the
// specifications.
//
// What is wrong is chosen by the Client's and Options' fields; Like chooses how that is said:
//
//	                     Entra            Okta              Google           AD FS         Keycloak           GitHub
//	client unknown       page 700016      page 400          page 401         page MSIS9223 page 400           page 404
//	redirect URI wrong   page 50011       page 400          page 400         page MSIS9224 page 400           back, to the registered one
//	Disabled             page 7000112     page 400          page 401         page MSIS9223 page 400           back, application_suspended
//	NoCodeFlow           back             back              page 400         page MSIS9223 back               -
//	scope not granted    back 70011       back              page 400         back          back               -
//	person not Assigned  page 50105       back              page 403         page          back               -
//	NeedsConsent         page 90094       back              page 403         -             back               -
//	PolicyDenies         page 53003       back              page 400         page          back               -
//	Organisation         page 50020       -                 page 403         -             -                  -
//	SingleTenant, shared page 50194       -                 -                -             -                  -
//	NoResource           -                -                 -                back MSIS9321 -                  -
//	secret wrong         401 7000215      401               401              400 MSIS9622  401 unauthorized_client   200
//	secret expired       401 7000222      401               401              400           401                200
//	code unknown         400 9002313      400               400              400 MSIS9247  400                200
//	looks at first       code             client            code             client        client             client
//	prompt=none          back             back              back             ignored       back               ignored
type Like string

// The vendors. LikeGitHub serves plain OAuth 2.0 at GitHub's paths below the issuer: /login/oauth/authorize,
// /login/oauth/access_token, /api/v3/user and /api/v3/user/emails; Client.Scopes must then hold user:email, and a User's
// Subject be a number. LikeADFS gives claims besides sub only to clients whose Scopes grant allatclaims (OIDC-15). LikeEntra also answers for other directories on the same host: /{directory}/v2.0, where the
// issuer is of the form https://host/{id}/v2.0.
const (
	LikeEntra    Like = "entra"
	LikeOkta     Like = "okta"
	LikeGoogle   Like = "google"
	LikeADFS     Like = "adfs"
	LikeKeycloak Like = "keycloak"
	LikeGitHub   Like = "github"
)

// Platforms of a Client at Entra.
const (
	Web    = "web"    // the default
	SPA    = "spa"    // OIDC-02: the token endpoint wants the browser
	Mobile = "mobile" // OIDC-03: a public client, which must not send a secret
)

// problem is something wrong with a request.
type problem int

const (
	none problem = iota
	clientUnknown
	redirectUnknown
	clientDisabled
	flowDisabled
	scopeUnknown
	notAssigned
	consentNeeded
	policyDenies
	otherOrganisation
	singleTenant
	resourceForbidden
	nobodySignedIn
	secretWrong
	secretExpired
	secretMissing
	methodWrong
	publicClient
	spaClient
	codeUnknown
	codeUsed
)

// saying is how a problem is told: back to the client where code is set, else on a page. {client}, {redirect}, {scope} and
// {user} are filled in.
type saying struct {
	status     int
	code, text string
}

func (l Like) ignoresNone() bool { return l == LikeADFS || l == LikeGitHub }

func (l Like) codeFirst() bool { return l == LikeEntra || l == LikeGoogle }

// say is how the vendor tells a problem.
func (l Like) say(p problem) saying {
	var said map[problem]saying
	switch l {
	case LikeEntra:
		said = entraSays()
	case LikeOkta:
		said = oktaSays()
	case LikeGoogle:
		said = googleSays()
	case LikeADFS:
		said = adfsSays()
	case LikeKeycloak:
		said = keycloakSays()
	case LikeGitHub:
		said = gitHubSays()
	}
	if s, ok := said[p]; ok {
		return s
	}
	return plainly()[p]
}

func plainly() map[problem]saying {
	const unknown = "This application or its return address is not registered here."
	return map[problem]saying{
		clientUnknown:     {400, "", unknown},
		redirectUnknown:   {400, "", unknown},
		clientDisabled:    {400, "", "This application is switched off."},
		flowDisabled:      {302, "unauthorized_client", "The client may not use the authorization code grant."},
		scopeUnknown:      {302, "invalid_scope", "{scope} is not granted"},
		notAssigned:       {302, "access_denied", "User is not assigned to the client application."},
		consentNeeded:     {302, "consent_required", ""},
		policyDenies:      {302, "access_denied", "A policy denies it."},
		otherOrganisation: {302, "access_denied", "This account belongs to another organisation."},
		singleTenant:      {302, "unauthorized_client", ""},
		resourceForbidden: {302, "access_denied", "The client may not use the resource."},
		nobodySignedIn:    {302, "login_required", ""},
		secretWrong:       {401, "invalid_client", "Client authentication failed."},
		secretExpired:     {401, "invalid_client", "The client secret has expired."},
		secretMissing:     {401, "invalid_client", "Client authentication failed."},
		methodWrong:       {401, "invalid_client", "Client authentication failed."},
		publicClient:      {401, "invalid_client", "Client authentication failed."},
		spaClient:         {400, "invalid_request", ""},
		codeUnknown:       {400, "invalid_grant", "The code is unknown or already redeemed."},
		codeUsed:          {400, "invalid_grant", "The code is unknown or already redeemed."},
	}
}

func entraSays() map[problem]saying {
	const trace = " Trace ID: 3a5b0c1e-9b43-4f0e-8f0a-1d2c3b4a5f00 Correlation ID: 7e0a7c55-0f33-4b7e-9c51-aabbccddeeff Timestamp: 2026-11-21 10:00:00Z"
	return map[problem]saying{
		clientUnknown:     {200, "", "AADSTS700016: Application with identifier '{client}' was not found in the directory." + trace},
		redirectUnknown:   {200, "", "AADSTS50011: The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the application '{client}'." + trace},
		clientDisabled:    {200, "", "AADSTS7000112: Application '{client}' is disabled." + trace},
		scopeUnknown:      {302, "invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid. {scope}" + trace},
		notAssigned:       {200, "", "AADSTS50105: Your administrator has configured the application to block users unless they are specifically granted access. The signed in user '{user}' is blocked." + trace},
		consentNeeded:     {200, "", "Need admin approval. AADSTS90094: An administrator of your organisation has set a policy that prevents you from granting the application the permissions it is requesting." + trace},
		policyDenies:      {200, "", "AADSTS53003: Access has been blocked by Conditional Access policies." + trace},
		otherOrganisation: {200, "", "AADSTS50020: User account '{user}' from identity provider 'live.com' does not exist in tenant and cannot access the application '{client}' in that tenant." + trace},
		singleTenant:      {200, "", "AADSTS50194: Application '{client}' is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps." + trace},
		nobodySignedIn:    {302, "login_required", "AADSTS50058: A silent sign-in request was sent but no user is signed in." + trace},
		secretWrong:       {401, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID." + trace},
		secretExpired:     {401, "invalid_client", "AADSTS7000222: The provided client secret keys for app '{client}' are expired." + trace},
		secretMissing:     {401, "invalid_client", "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'." + trace},
		publicClient:      {401, "invalid_client", "AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented." + trace},
		spaClient:         {400, "invalid_request", "AADSTS9002327: Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests." + trace},
		codeUnknown:       {400, "invalid_grant", "AADSTS9002313: Invalid request. Request is malformed or invalid." + trace},
		codeUsed:          {400, "invalid_grant", "AADSTS54005: OAuth2 Authorization code was already redeemed, please retry with a new valid code." + trace},
	}
}

func oktaSays() map[problem]saying {
	return map[problem]saying{
		clientUnknown:   {400, "", "400 Bad Request. Your request resulted in an error. Invalid value for 'client_id' parameter."},
		clientDisabled:  {400, "", "400 Bad Request. Your request resulted in an error. Invalid value for 'client_id' parameter."},
		redirectUnknown: {400, "", "400 Bad Request. Your request resulted in an error. The 'redirect_uri' parameter must be a Login redirect URI in the client app settings: {redirect}"},
		flowDisabled:    {302, "unauthorized_client", "The client is not authorized to use the provided grant type. Configured grant types: [implicit]."},
		scopeUnknown:    {302, "invalid_scope", "One or more scopes are not configured for the authorization server resource."},
		policyDenies:    {302, "access_denied", "Policy evaluation failed for this request, please check the policy configurations."},
		consentNeeded:   {302, "consent_required", "The client specified not to prompt, but the client app requires consent."},
		nobodySignedIn:  {302, "login_required", "The client specified not to prompt, but the user is not logged in."},
		secretWrong:     {401, "invalid_client", "The client secret supplied for a confidential client is invalid."},
		secretMissing:   {401, "invalid_client", "Client authentication failed. Either the client or the client credentials are invalid."},
		methodWrong:     {401, "invalid_client", "Client authentication failed. The client's token_endpoint_auth_method is another."},
		codeUnknown:     {400, "invalid_grant", "The authorization code is invalid or has expired."},
		codeUsed:        {400, "invalid_grant", "The authorization code is invalid or has expired."},
	}
}

func googleSays() map[problem]saying {
	return map[problem]saying{
		clientUnknown:     {401, "", "Access blocked: Authorization Error. The OAuth client was not found. Error 401: invalid_client"},
		clientDisabled:    {401, "", "Access blocked: Authorization Error. The OAuth client was deleted. Error 401: deleted_client"},
		redirectUnknown:   {400, "", "Access blocked: this app's request is invalid. Error 400: redirect_uri_mismatch"},
		flowDisabled:      {400, "", "Access blocked: this app's request is invalid. Error 400: unsupported_response_type"},
		scopeUnknown:      {400, "", "Access blocked: Authorization Error. Some requested scopes were invalid. Error 400: invalid_scope"},
		notAssigned:       {403, "", "Access blocked: the app has not completed the Google verification process. Error 403: access_denied"},
		consentNeeded:     {403, "", "Access blocked: the app has not completed the Google verification process. Error 403: access_denied"},
		policyDenies:      {400, "", "Access blocked: your institution's admin needs to review this app. Error 400: admin_policy_enforced"},
		otherOrganisation: {403, "", "Access blocked: this app can only be used within its organization. Error 403: org_internal"},
		nobodySignedIn:    {302, "interaction_required", ""},
		secretWrong:       {401, "invalid_client", "The provided client secret is invalid."},
		secretMissing:     {400, "invalid_request", "client_secret is missing."},
		codeUnknown:       {400, "invalid_grant", "Malformed auth code."},
		codeUsed:          {400, "invalid_grant", "Bad Request"},
	}
}

func adfsSays() map[problem]saying {
	const head = "An error occurred. Contact your administrator for more information. Activity ID: 1f7e6c2b-0000-4f3b-0a00-0080000000c5 Error details: "
	return map[problem]saying{
		clientUnknown:     {400, "", head + "MSIS9223: Received invalid OAuth authorization request. The received 'client_id' is invalid as no registered client was found with this client identifier."},
		clientDisabled:    {400, "", head + "MSIS9223: Received invalid OAuth authorization request. The received 'client_id' is invalid as no registered client was found with this client identifier."},
		redirectUnknown:   {400, "", head + "MSIS9224: Received invalid OAuth authorization request. The received 'redirect_uri' parameter is not a valid registered redirect URI for the client identifier."},
		resourceForbidden: {302, "access_denied", "MSIS9321: Received invalid OAuth request. The client '{client}' is forbidden to access the resource with scope 'openid'."},
		policyDenies:      {403, "", head + "MSIS5007: The caller authorization failed for caller identity {user} for relying party trust {client}."},
		notAssigned:       {403, "", head + "MSIS5007: The caller authorization failed for caller identity {user} for relying party trust {client}."},
		secretWrong:       {400, "invalid_client", "MSIS9622: Client authentication failed. Verify the credential provided for client authentication is valid."},
		secretMissing:     {400, "invalid_client", "MSIS9622: Client authentication failed. Verify the credential provided for client authentication is valid."},
		codeUnknown:       {400, "invalid_grant", "MSIS9247: Received invalid OAuth access token request. The received authorization code is not valid."},
	}
}

func keycloakSays() map[problem]saying {
	return map[problem]saying{
		clientUnknown:   {400, "", "We are sorry... Client not found."},
		clientDisabled:  {400, "", "We are sorry... Client disabled."},
		redirectUnknown: {400, "", "We are sorry... Invalid parameter: redirect_uri"},
		flowDisabled:    {302, "unauthorized_client", "Client is not allowed to initiate browser login with given response_type. Standard flow is disabled for the client."},
		scopeUnknown:    {302, "invalid_scope", "Invalid scopes: {scope}"},
		secretWrong:     {401, "unauthorized_client", "Invalid client or Invalid client credentials"},
		secretMissing:   {401, "unauthorized_client", "Invalid client or Invalid client credentials"},
		methodWrong:     {401, "unauthorized_client", "Invalid client or Invalid client credentials"},
		codeUnknown:     {400, "invalid_grant", "Code not valid"},
		codeUsed:        {400, "invalid_grant", "Code not valid"},
	}
}

func gitHubSays() map[problem]saying {
	return map[problem]saying{
		clientUnknown:   {404, "", "404. This is not the web page you are looking for."},
		redirectUnknown: {302, "redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application."},
		clientDisabled:  {302, "application_suspended", "Your application has been suspended. Contact support@github.com."},
		secretWrong:     {200, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."},
		secretMissing:   {200, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."},
		secretExpired:   {200, "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."},
		codeUnknown:     {200, "bad_verification_code", "The code passed is incorrect or expired."},
		codeUsed:        {200, "bad_verification_code", "The code passed is incorrect or expired."},
	}
}

// with fills in what a saying speaks of.
func (s saying) with(q url.Values, user string) saying {
	s.text = strings.NewReplacer("{client}", q.Get("client_id"), "{redirect}", q.Get("redirect_uri"), "{scope}", q.Get("scope"), "{user}", user).Replace(s.text)
	return s
}

// complain tells a problem of an authorization request.
func (op *OP) complain(w http.ResponseWriter, r *http.Request, q url.Values, p problem, user string) {
	s := op.options.Like.say(p).with(q, user)
	if s.code == "" {
		op.page(w, s.status, errorPage, map[string]any{"Text": s.text})
		return
	}
	if client, ok := op.client(q.Get("client_id")); p == redirectUnknown && ok {
		q.Set("redirect_uri", client.RedirectURIs[0]) // GitHub goes to the registered one
	}
	v := url.Values{"error": {s.code}}
	if s.text != "" {
		v.Set("error_description", s.text)
	}
	op.answer(w, r, q, v)
}

// deny tells a problem at the token endpoint.
func (op *OP) deny(w http.ResponseWriter, r *http.Request, p problem) {
	s := op.options.Like.say(p).with(r.PostForm, "")
	if s.code == "" { // what the vendor's page says, in the protocol's form
		s.code, s.status = "unauthorized_client", http.StatusBadRequest
	}
	if s.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	if op.options.Like == LikeGitHub && !strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
		_, _ = w.Write([]byte(url.Values{"error": {s.code}, "error_description": {s.text}}.Encode()))
		return
	}
	refuse(w, s.status, s.code, s.text)
}

// requestProblem is what is wrong with an authorization request whoever makes it.
func (op *OP) requestProblem(client Client, known bool, q url.Values, shared bool) problem {
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case !known:
		return clientUnknown
	case err != nil || redirect.Host == "" || !client.registered(q.Get("redirect_uri"), op.options.Like == LikeGitHub):
		return redirectUnknown
	case client.Disabled:
		return clientDisabled
	case shared && client.SingleTenant:
		return singleTenant
	case client.NoCodeFlow:
		return flowDisabled
	case client.NoResource:
		return resourceForbidden
	case !client.grants(q.Get("scope")):
		return scopeUnknown
	}
	return none
}

// personProblem is what is wrong with a person at a client.
func (op *OP) personProblem(client Client, name string) problem {
	u, _ := op.user(name)
	_, domain, _ := strings.Cut(u.Email, "@")
	switch {
	case client.Organisation != "" && !strings.EqualFold(domain, client.Organisation):
		return otherOrganisation
	case client.Assigned != nil && !slices.Contains(client.Assigned, name):
		return notAssigned
	case client.PolicyDenies:
		return policyDenies
	case client.NeedsConsent:
		return consentNeeded
	}
	return none
}

// registered: exactly, or at GitHub any address below a registered one.
func (c Client) registered(redirect string, below bool) bool {
	return len(c.RedirectURIs) == 0 || slices.ContainsFunc(c.RedirectURIs, func(r string) bool {
		return r == redirect || below && strings.HasPrefix(redirect, strings.TrimSuffix(r, "/")+"/")
	})
}

func (c Client) grants(scope string) bool {
	if c.Scopes == nil {
		return true
	}
	return !slices.ContainsFunc(strings.Fields(scope), func(s string) bool { return s != "openid" && !slices.Contains(c.Scopes, s) })
}

func (c Client) expired(now time.Time) bool {
	return !c.SecretExpires.IsZero() && now.After(c.SecretExpires)
}
