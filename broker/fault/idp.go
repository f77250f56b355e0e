package fault

// The codes of what an identity provider says on a page of its own, where the sign-in ends without an answer to us.
// They are few and hold for both protocols; what a vendor's own code adds is in Detail and Fix (ReadPage).
const (
	IdPReplyURL         Code = "idp.reply_url_unknown"
	IdPAppUnknown       Code = "idp.app_unknown"
	IdPAppDisabled      Code = "idp.app_disabled"
	IdPNotAssigned      Code = "idp.not_assigned"
	IdPPolicy           Code = "idp.policy_blocked"
	IdPConsent          Code = "idp.consent_needed"
	IdPAccountBlocked   Code = "idp.account_blocked"
	IdPWrongAccount     Code = "idp.wrong_account"
	IdPSignIn           Code = "idp.sign_in_failed"
	IdPNoValue          Code = "idp.claim_source_empty"
	IdPRequest          Code = "idp.request_unsupported"
	IdPRequestSignature Code = "idp.request_signature"
	IdPEncryption       Code = "idp.encryption_key_missing"
	IdPBrowser          Code = "idp.browser_refused"
	IdPStale            Code = "idp.page_stale"
	IdPLoop             Code = "idp.login_loop"
	IdPOutage           Code = "idp.outage"
	IdPPage             Code = "idp.error_page"
)

var idpFaults = map[Code]Entry{
	IdPReplyURL:         {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider does not know our sign-in address: it is missing or spelt differently in the application there.", Fix: "Copy our ACS URL (SAML) or redirect URI (OpenID Connect) from the hand-over page, letter by letter, into the application at the identity provider."},
	IdPAppUnknown:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider finds no application under the name that we use there: our Entity ID (SAML) or the client ID (OpenID Connect).", Fix: "SAML: copy our Entity ID from the hand-over page into the application. OpenID Connect: compare the Client ID here with the one in the application. If the application was deleted, restore it or make it again."},
	IdPAppDisabled:      {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The application is switched off at the identity provider.", Fix: "Switch the application on in the identity provider's console."},
	IdPNotAssigned:      {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The identity provider lets only assigned people into the application, and this person is not one of them.", Fix: "Assign the person, or a group the person is a direct member of, to the application at the identity provider."},
	IdPPolicy:           {Status: 403, Side: IdP, Public: "not_allowed", Cause: "A policy of the identity provider forbids this person, this device or this place to use the application.", Fix: "Look up the time of the attempt in the identity provider's sign-in log: it names the policy. Exempt the application there or meet the policy's condition."},
	IdPConsent:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "An administrator of the organisation has to approve the application once.", Fix: "Let an administrator give consent to the application for the whole organisation."},
	IdPAccountBlocked:   {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The person's account at the identity provider is locked, switched off or expired.", Fix: "Unlock or enable the account at the identity provider, or test with another account."},
	IdPWrongAccount:     {Status: 403, Side: User, Public: "not_allowed", Cause: "The browser is signed in with an account that does not belong to this organisation.", Fix: "Open the test in a private window and sign in with the organisation's own account."},
	IdPSignIn:           {Status: 403, Side: User, Public: "idp_refused", Cause: "The person could not finish signing in at the identity provider: password, second factor or a step that it asks for.", Fix: "Sign in to the identity provider directly, finish what it asks for there, and try again."},
	IdPNoValue:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider cannot fill the person's name for this application: the field it is taken from is empty or has no rule.", Fix: "Choose a field that everybody has as the source of the Name ID, or fill it for this person."},
	IdPRequest:          {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The identity provider does not take our request as it stands.", Fix: "Empty the connection's Name ID format, Requested authentication context and additional scopes, which is the default; the provider's own words are in the detail."},
	IdPRequestSignature: {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The identity provider wants signed requests, and ours are unsigned or signed with a key that it does not have.", Fix: "Switch on Sign requests for the connection and upload our current certificate at the identity provider, or switch the requirement off there."},
	IdPEncryption:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider insists on encrypting the answer and has no certificate of ours to do it with.", Fix: "Load our metadata anew at the identity provider: it holds the encryption certificate. Or switch encryption off there for us."},
	IdPBrowser:          {Status: 403, Side: User, Public: "cookie", Cause: "The identity provider does not accept the browser: cookies are blocked, or the page is shown inside another application.", Fix: "Open the sign-in in an ordinary browser tab with cookies allowed."},
	IdPStale:            {Status: 403, Side: User, Public: "expired", Cause: "The identity provider's page was a bookmark, was open too long or was reached by the Back button.", Fix: "Start again from the application, in one tab; bookmark the application, not the sign-in page."},
	IdPLoop:             {Status: 403, Side: User, Public: "cookie", Cause: "The browser went back and forth between us and the identity provider until that stopped it.", Fix: "Close all tabs of both, allow cookies for both and start again. If it stays, compare the clocks and look for a proxy that drops cookies."},
	IdPOutage:           {Status: 424, Side: Network, Public: "unavailable", Cause: "The identity provider has a passing trouble of its own.", Fix: "Wait some minutes and try again; look at the provider's status page."},
	IdPPage:             {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The identity provider stopped the sign-in on a page of its own, for a reason that we do not know by its code.", Fix: "Look up the code, and the time and identifiers beside it, in the identity provider's sign-in log; they are in the detail."},
}
