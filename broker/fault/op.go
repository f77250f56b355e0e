package fault

// The codes of downstream applications' requests to the OpenID provider.
const (
	OPRequestMalformed Code = "op.request_malformed"
	OPRequestTooLarge  Code = "op.request_too_large"
	OPClientMissing    Code = "op.client_missing"
	OPClientUnknown    Code = "op.client_unknown"
	OPClientDisabled   Code = "op.client_disabled"
	OPRedirectMissing  Code = "op.redirect_uri_missing"
	OPRedirectMismatch Code = "op.redirect_uri_mismatch"
	OPRequestURI       Code = "op.request_uri_unknown"
	OPLogoutRedirect   Code = "op.post_logout_redirect_uri_mismatch"
	OPLogoutHint       Code = "op.logout_hint_mismatch"
	OPWrongParty       Code = "op.wrong_party"
)

var opFaults = map[Code]Entry{
	OPRequestMalformed: {Status: 400, Side: App, Public: "app", Cause: "The application's request holds a parameter twice or is not readable as a form.", Fix: "Send every parameter once, percent-encoded, as RFC 6749 section 3.1 asks; the detail names the parameter."},
	OPRequestTooLarge:  {Status: 400, Side: App, Public: "app", Cause: "The application's request is longer than the provider reads.", Fix: "Keep state, nonce and claims short, or send the request through the pushed authorization request endpoint."},
	OPClientMissing:    {Status: 400, Side: App, Public: "app", Cause: "The application's request names no client_id.", Fix: "Set the client ID in the application's OpenID Connect settings to the one shown on the client's page."},
	OPClientUnknown:    {Status: 400, Side: App, Public: "app", Cause: "The realm has no OpenID Connect client with this client_id.", Fix: "Compare Client ID and Issuer in the application's settings with the client's page: a client belongs to one realm only."},
	OPClientDisabled:   {Status: 403, Side: Ours, Public: "app", Cause: "The application is switched off in this realm.", Fix: "Switch the client on in the console, or take the application's sign-in link away."},
	OPRedirectMissing:  {Status: 400, Side: App, Public: "app", Cause: "The application's request names no redirect_uri, and the client has none or several to choose from.", Fix: "Send redirect_uri in the request; OpenID Connect requires it."},
	OPRedirectMismatch: {Status: 400, Side: App, Public: "app", Cause: "The application asked for the answer at an address that is not registered for it.", Fix: "Add the observed address, character for character, to Redirect URIs on the client's page, or correct it in the application."},
	OPRequestURI:       {Status: 400, Side: App, Public: "app", Cause: "The pushed authorization request has expired, was used already, or was pushed by another client.", Fix: "Start again from the application; each request_uri is good once and for 90 seconds."},
	OPLogoutRedirect:   {Status: 400, Side: App, Public: "app", Cause: "The application asked to continue after signing out at an address that is not registered for it.", Fix: "Add the observed address, character for character, to Post Logout Redirect URIs on the client's page, or correct it in the application."},
	OPLogoutHint:       {Status: 400, Side: App, Public: "app", Cause: "The sign-out request names one application and carries the ID token of another.", Fix: "Send the id_token_hint that this client_id was given, or leave client_id out."},
	OPWrongParty:       {Status: 500, Side: Ours, Public: "ours", Cause: "A finished sign-in did not belong to the realm and client that asked for it, so nothing was answered.", Fix: "Report it with the reference: this is a fault of the broker, and it refused rather than mix two realms up."},
}
