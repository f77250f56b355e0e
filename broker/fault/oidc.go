package fault

// The codes of OpenID Connect and OAuth 2.0 upstreams.
const (
	// What the provider publishes.
	OIDCDiscovery     Code = "oidc.discovery_failed"
	OIDCIssuer        Code = "oidc.issuer_mismatch"
	OIDCKeys          Code = "oidc.keys_unusable"
	OIDCTenantUnknown Code = "oidc.tenant_unknown"
	OIDCOtherCloud    Code = "oidc.other_cloud"

	OIDCInternal      Code = "oidc.addresses_internal"
	OIDCKeyWeak       Code = "oidc.key_weak"
	OIDCKeyNameless   Code = "oidc.key_id_missing"
	OIDCPKCE          Code = "oidc.pkce_unlisted"
	OIDCShared        Code = "oidc.shared_authority"
	OIDCDomainTenant  Code = "oidc.domain_in_other_tenant"
	OIDCDomainUnknown Code = "oidc.domain_without_tenant"

	// What the browser brought back.
	OIDCAnswer         Code = "oidc.answer_malformed"
	OIDCAnswerIssuer   Code = "oidc.answer_issuer_mismatch"
	OIDCAccessDenied   Code = "oidc.access_denied"
	OIDCNotAssigned    Code = "oidc.not_assigned"
	OIDCPolicy         Code = "oidc.policy_denied"
	OIDCConsent        Code = "oidc.consent_required"
	OIDCScope          Code = "oidc.scope_refused"
	OIDCFlow           Code = "oidc.flow_not_enabled"
	OIDCRequest        Code = "oidc.request_refused"
	OIDCProvider       Code = "oidc.provider_error"
	OIDCRedirectURI    Code = "oidc.redirect_uri_mismatch"
	OIDCSingleTenant   Code = "oidc.single_tenant_app"
	OIDCPersonal       Code = "oidc.personal_account"
	OIDCResource       Code = "oidc.resource_forbidden"
	OIDCAppSuspended   Code = "oauth2.application_suspended"
	OIDCLogoutToken    Code = "oidc.logout_token_invalid"
	OIDCSettings       Code = "oidc.settings_invalid"
	OIDCClientKeyFault Code = "oidc.client_key_unusable"

	// The token endpoint.
	OIDCSecretRefused Code = "oidc.client_secret_refused"
	OIDCSecretExpired Code = "oidc.client_secret_expired"
	OIDCSecretMissing Code = "oidc.client_secret_missing"
	OIDCAssertion     Code = "oidc.client_assertion_refused"
	OIDCAuthMethod    Code = "oidc.client_auth_mismatch"
	OIDCClientUnknown Code = "oidc.client_unknown"
	OIDCPublicClient  Code = "oidc.public_client"
	OIDCSPA           Code = "oidc.spa_redirect"
	OIDCCodeRefused   Code = "oidc.code_refused"
	OIDCCodeUsed      Code = "oidc.code_used"
	OIDCTokenBlocked  Code = "oidc.token_endpoint_blocked"
	OIDCTokenMissing  Code = "oidc.id_token_missing"

	// The ID token.
	OIDCToken           Code = "oidc.id_token_malformed"
	OIDCDuplicate       Code = "oidc.duplicate_claim"
	OIDCAlgorithm       Code = "oidc.algorithm_refused"
	OIDCKeyUnknown      Code = "oidc.key_unknown"
	OIDCSignature       Code = "oidc.signature_invalid"
	OIDCAudience        Code = "oidc.audience_mismatch"
	OIDCAuthorizedParty Code = "oidc.authorized_party_mismatch"
	OIDCExpired         Code = "oidc.expired"
	OIDCNotYetValid     Code = "oidc.not_yet_valid"
	OIDCTimeZone        Code = "oidc.clock_time_zone"
	OIDCIssuedAt        Code = "oidc.issued_at_missing"
	OIDCNonce           Code = "oidc.nonce_mismatch"
	OIDCAccessTokenHash Code = "oidc.access_token_hash_mismatch"
	OIDCSubject         Code = "oidc.subject_invalid"
	OIDCTenant          Code = "oidc.tenant_mismatch"

	// What the verified documents leave out; nobody is refused for it here.
	OIDCNoEmail  Code = "oidc.no_email_sent"
	OIDCNoGroups Code = "oidc.groups_missing"

	// Userinfo.
	OIDCUserInfo        Code = "oidc.userinfo_refused"
	OIDCUserInfoSubject Code = "oidc.userinfo_subject_mismatch"
	OAuth2NoEmail       Code = "oauth2.no_verified_email"
)

var oidcFaults = map[Code]Entry{
	OIDCDiscovery:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider's discovery document cannot be used.", Fix: "Open the issuer followed by /.well-known/openid-configuration in a browser: it must answer JSON. Correct Issuer so that it does."},
	OIDCIssuer:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider calls itself by another issuer than the connection has.", Fix: "If the observed name is the provider you mean, put exactly that text into Issuer; otherwise correct the address. A provider behind a proxy must be told its public host name."},
	OIDCKeys:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider publishes no signing key that the broker accepts.", Fix: "Sign ID tokens with RSA keys of 2048 bits or more, or with EC keys, and publish them at the jwks_uri without use=enc."},
	OIDCTenantUnknown: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "Microsoft knows no directory of this name.", Fix: "Copy Directory (tenant) ID from the app registration's Overview into Tenant. A directory of a national cloud needs that cloud's Issuer."},
	OIDCOtherCloud:    {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The directory lives in another Microsoft cloud.", Fix: "Set Issuer to that cloud's address: https://login.microsoftonline.us/… or https://login.partner.microsoftonline.cn/…"},

	OIDCInternal:      {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider announces itself under an internal or unprotected address, which others cannot or must not use.", Fix: "Tell the provider its public https address. Keycloak: set Hostname (KC_HOSTNAME) and the proxy headers (KC_PROXY_HEADERS), then restart; elsewhere: the external or base URL behind the proxy."},
	OIDCKeyWeak:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider publishes a signing key that is too short to be believed.", Fix: "Make a new signing key of at least 2048 bits (RSA), or an EC key, at the provider, and retire the short one."},
	OIDCKeyNameless:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider publishes several signing keys that their key ID does not tell apart.", Fix: "Give each signing key at the provider its own key ID (kid); until then every key that fits is tried."},
	OIDCPKCE:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider lists PKCE without the method S256, the only one that the broker uses.", Fix: "Allow PKCE with S256 for the application at the provider."},
	OIDCShared:        {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The connection uses the address that Microsoft shares among all directories: an app registration of one directory refuses it, and any organisation's account may answer.", Fix: "Put Directory (tenant) ID, from the app registration's Overview, into the connection's Tenant."},
	OIDCDomainTenant:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "An email domain of this connection belongs to another Microsoft directory than the connection's.", Fix: "Compare Overview > Directory (tenant) ID with the connection's Tenant; people of that domain sign in at the other directory."},
	OIDCDomainUnknown: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "Microsoft knows no directory for an email domain of this connection.", Fix: "Add the domain under Custom domain names in the directory, or take it off the connection if its people have no accounts there."},

	OIDCAnswer:         {Status: 400, Side: IdP, Public: "stray", Cause: "The answer is not one that an OpenID provider gives: neither a code nor an error, or one of them twice.", Fix: "Start again from the application. If it stays, look at what rewrites addresses between the provider and the broker."},
	OIDCAnswerIssuer:   {Status: 400, Side: IdP, Public: "idp_refused", Cause: "The answer names another provider than the one that was asked.", Fix: "Start again from the application. If it stays, the redirect URI of this connection is registered with a foreign provider: remove it there."},
	OIDCAccessDenied:   {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The provider refused to sign this person in to the application.", Fix: "Look at the provider's message in the detail and at its sign-in log; most often the person is not assigned to the application."},
	OIDCNotAssigned:    {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The provider knows the person and the application, but the person is not assigned to it.", Fix: "Assign the person, or a group that holds the person directly, to the application in the provider's console."},
	OIDCPolicy:         {Status: 403, Side: IdP, Public: "idp_refused", Cause: "A sign-in policy of the provider denies this application or this person.", Fix: "Add a rule for this application to the provider's access policy, or take the person out of the rule that denies."},
	OIDCConsent:        {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The application lacks a consent that only an administrator of the provider can give.", Fix: "Grant consent for the organisation once, in the provider's console."},
	OIDCScope:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider does not know, or does not grant, one of the scopes asked for.", Fix: "Remove the scope from the connection's Scopes, or allow it for the application at the provider."},
	OIDCFlow:           {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The application at the provider may not use the authorization code flow.", Fix: "Switch on the grant type Authorization Code for the application."},
	OIDCRequest:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider refused the sign-in request as invalid.", Fix: "The provider's message in the detail names the parameter; check the connection's Authorization parameters and the application's settings."},
	OIDCProvider:       {Status: 403, Side: IdP, Public: "unavailable", Cause: "The provider reports an error of its own.", Fix: "Try again in a minute. If it stays, look at the provider's status page and log."},
	OIDCRedirectURI:    {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The redirect URI is not registered for the application at the provider.", Fix: "Register the connection's redirect URI, exactly as its hand-over page shows it."},
	OIDCSingleTenant:   {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The app registration accepts only its own directory, and the connection uses the address shared by all.", Fix: "Put the Directory (tenant) ID into the connection's Tenant."},
	OIDCPersonal:       {Status: 403, Side: User, Public: "idp_refused", Cause: "The person signed in with a personal Microsoft account where a work account is needed.", Fix: "Sign out at Microsoft, start again and choose the work or school account."},
	OIDCResource:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "AD FS knows the client, but the client may not use this resource.", Fix: "Application Group > Web API > Client Permissions: add the server application and tick openid, email, profile and allatclaims."},
	OIDCAppSuspended:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider has suspended the application.", Fix: "Ask the provider's support to reinstate the application, or register a new one."},
	OIDCLogoutToken:    {Status: 400, Side: IdP, Public: "stray", Cause: "A logout message of the provider does not hold.", Fix: "Nothing to do for one message. If all are refused, compare Issuer and Client ID at both ends."},
	OIDCSettings:       {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The connection's settings do not describe a usable provider.", Fix: "Correct the setting named in the detail."},
	OIDCClientKeyFault: {Status: 500, Side: Ours, Public: "ours", Cause: "The key with which the broker proves its identity to the provider cannot be used.", Fix: "For Apple: enter the .p8 key as Client secret, and team_id and key_id as Authorization parameters. Elsewhere: rotate the connection's key."},

	OIDCSecretRefused: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider does not accept the client secret.", Fix: "Make a new client secret at the provider and paste its value whole: no blanks, and not the secret's ID."},
	OIDCSecretExpired: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The client secret has expired at the provider.", Fix: "Certificates & secrets > New client secret: paste its Value into the connection and note the new expiry date."},
	OIDCSecretMissing: {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The provider expects a client secret or a signed assertion, and none was sent.", Fix: "Enter the Client secret, or choose the Client authentication that the application is registered with."},
	OIDCAssertion:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider does not accept the signed assertion with which the broker proves its identity.", Fix: "Register the connection's keys at the provider: enter the connection's metadata address (/broker/<slug>/metadata) as JWKS URI, or copy the key set it answers, and choose private_key_jwt there."},
	OIDCAuthMethod:    {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The provider wants the client to prove itself in another way than the connection does.", Fix: "Set Client authentication of the connection to what the application has at the provider, or leave it at auto."},
	OIDCClientUnknown: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider knows no application with this client ID.", Fix: "Compare Client ID with the provider's console, and check that the application lies in the same tenant."},
	OIDCPublicClient:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The redirect URI is filed under a desktop or mobile platform, where no secret may be used.", Fix: "Authentication: remove the redirect URI from Mobile and desktop applications and add it under Web."},
	OIDCSPA:           {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The redirect URI is filed under Single-page application; the broker is a server.", Fix: "Authentication: remove the redirect URI from Single-page application and add it under Web."},
	OIDCCodeRefused:   {Status: 403, Side: IdP, Public: "retry", Cause: "The provider does not accept the code it has just issued.", Fix: "Start again. If it fails each time, compare Client ID, redirect URI and the provider's clock; a code may also have been opened by a link scanner."},
	OIDCCodeUsed:      {Status: 400, Side: User, Public: "retry", Cause: "The provider says that this sign-in's code has been used already.", Fix: "Start again from the application. If it happens often, exclude the redirect URI from scanners that open links."},
	OIDCTokenBlocked:  {Status: 403, Side: IdP, Public: "unavailable", Cause: "The provider's token endpoint answered with something else than the protocol's JSON.", Fix: "Allow the broker's address to call the token, userinfo and key addresses: a firewall or proxy in front of them answers instead."},
	OIDCTokenMissing:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider answered without an ID token.", Fix: "Keep openid among the connection's Scopes and allow it for the application at the provider."},

	OIDCToken:           {Status: 403, Side: IdP, Public: "idp_refused", Cause: "What the provider sent as ID token is not one.", Fix: "The detail says what is wrong with its form; this is for the provider's developers."},
	OIDCDuplicate:       {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The provider sent the same claim twice in one document, so that it could be read in two ways.", Fix: "Remove the second mapping of the claim named in the detail."},
	OIDCAlgorithm:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The ID token is signed with an algorithm that this connection does not take.", Fix: "Choose RS256 or ES256 as ID token signature algorithm at the provider, or list its asymmetric algorithm under Algorithms."},
	OIDCKeyUnknown:      {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The ID token is signed with a key that the provider does not publish.", Fix: "Check that Issuer names the same server that signs; after a key change wait a minute and try again."},
	OIDCSignature:       {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The ID token's signature does not hold.", Fix: "Check that Issuer names the same server that signs, and that nothing between alters its answers."},
	OIDCAudience:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The ID token was issued for another application.", Fix: "Compare Client ID in the connection with the one of the application at the provider."},
	OIDCAuthorizedParty: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The ID token is meant for several applications, and it was not issued to this one (azp).", Fix: "Remove the additional audiences from the application's ID token at the provider."},
	OIDCExpired:         {Status: 403, Side: IdP, Public: "retry", Cause: "The ID token had expired when it arrived.", Fix: "Set the clocks of the provider and of the broker by NTP."},
	OIDCNotYetValid:     {Status: 403, Side: IdP, Public: "retry", Cause: "The ID token is dated in the future.", Fix: "Set the clocks of the provider and of the broker by NTP."},
	OIDCTimeZone:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider writes local time into the ID token and calls it UTC: it is off by whole hours.", Fix: "Correct the time zone in the provider's settings or operating system; its clock itself may be right."},
	OIDCIssuedAt:        {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The ID token does not say when it was issued.", Fix: "The provider must send the claim iat, as OpenID Connect requires."},
	OIDCNonce:           {Status: 400, Side: User, Public: "retry", Cause: "The ID token belongs to another sign-in than this one.", Fix: "Start again from the application. If it happens to everybody, something between replays old answers."},
	OIDCAccessTokenHash: {Status: 403, Side: IdP, Public: "idp_refused", Cause: "ID token and access token do not belong together.", Fix: "This is for the provider's developers: at_hash does not match the access token."},
	OIDCSubject:         {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The provider did not say in a usable form who signed in.", Fix: "The claim sub must be 1 to 255 ASCII characters."},
	OIDCTenant:          {Status: 403, Side: User, Public: "not_allowed", Cause: "The person signed in with an account of another organisation than the one this connection is pinned to.", Fix: "Choose the organisation's own account. If the organisation is right, correct the connection's Tenant."},

	OIDCNoEmail:  {Status: 200, Side: IdP, Public: "no_email", Cause: "The provider signed the person in without telling the email address, neither in the ID token nor in userinfo.", Fix: "Keep email among the connection's Scopes, release the claim email for the application at the provider, and check that the person has an address there."},
	OIDCNoGroups: {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The connection asks for groups, and the provider sends none.", Fix: "Add a groups claim to the application's ID token at the provider, or take groups off the connection's Scopes; the person may also be in no group."},

	OIDCUserInfo:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The provider does not give out the person's profile.", Fix: "Release email and profile in the ID token and set Userinfo to never, or check what stands in front of the userinfo address."},
	OIDCUserInfoSubject: {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The provider's userinfo speaks of another person than the ID token.", Fix: "Set Userinfo to never, and have the gateway in front of the provider checked: it may serve cached answers."},
	OAuth2NoEmail:       {Status: 403, Side: User, Public: "no_email", Cause: "The provider has no verified primary address for this person.", Fix: "The person verifies the address at the provider (GitHub: Settings > Emails); the connection keeps the scope user:email."},
}
