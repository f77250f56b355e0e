package fault

// The codes of local ways in and of enforcement.
const (
	LoginEnforced Code = "login.enforced_elsewhere"

	LocalNotOffered      Code = "local.not_offered"
	LocalRefused         Code = "local.refused"
	LocalWait            Code = "local.too_many"
	LocalCodeOver        Code = "local.code_over"
	LocalPasskey         Code = "local.passkey_refused"
	LocalLinkOver        Code = "local.link_over"
	LocalPasswordShort   Code = "local.password_short"
	LocalPasswordLong    Code = "local.password_long"
	LocalPasswordAddress Code = "local.password_guessable"
	LocalPasswordTwice   Code = "local.password_repeated_differently"
	LocalStale           Code = "local.sign_in_again"

	EnforcementDomains  Code = "enforcement.domain_unverified"
	EnforcementUntested Code = "enforcement.not_tested"
	EnforcementReport   Code = "enforcement.report_not_read"
	EnforcementNoWay    Code = "enforcement.no_way_back"
	EnforcementGate     Code = "enforcement.gate"
	EnforcementLast     Code = "enforcement.last_excluded"
)

var localFaults = map[Code]Entry{
	LoginEnforced: {Status: 403, Side: User, Public: "not_allowed", Cause: "The person's address lies in a domain whose people must use another connection, and the sign-in came through this one.", Fix: "Sign in through the enforced connection of the domain, or exclude the person from enforcement in the realm's list of people."},

	LocalNotOffered:      {Status: 404, Side: Ours, Public: "stray", Cause: "This realm, or this application, offers no such way to sign in without a company's sign-in page.", Fix: "Add the way to local_login of the realm; an application that is limited to some connections offers none."},
	LocalRefused:         {Status: 403, Side: User, Public: "retry", Cause: "The password or code is not right, or the person may not sign in this way.", Fix: "Try again or ask for a new code. The person must be excluded from enforcement, or have an address of no enforced domain, and must not be blocked."},
	LocalWait:            {Status: 429, Side: User, Public: "too_many", Cause: "There were many failed attempts for this account or from this network, so the next one has to wait.", Fix: "Wait for the time in the detail. A browser in which the person signed in before does not have to wait for what others did."},
	LocalCodeOver:        {Status: 400, Side: User, Public: "expired", Cause: "The code has run out, was used or was tried too often, or it was asked for in another browser.", Fix: "Ask for a new code and enter it in the browser that asked for it."},
	LocalPasskey:         {Status: 403, Side: User, Public: "retry", Cause: "The passkey was not accepted.", Fix: "Use a passkey that was made here for this person, or another way to sign in; the detail says what was wrong with it."},
	LocalLinkOver:        {Status: 410, Side: User, Public: "expired", Cause: "The link to set up a way to sign in has run out or was used.", Fix: "Ask for a new link on the sign-in page, or have an operator send one."},
	LocalPasswordShort:   {Status: 422, Side: User, Public: "retry", Cause: "The new password has fewer than twelve characters.", Fix: "Choose a longer one; several words are easy to remember."},
	LocalPasswordLong:    {Status: 422, Side: User, Public: "retry", Cause: "The new password is longer than 512 bytes or not text.", Fix: "Choose a shorter one."},
	LocalPasswordAddress: {Status: 422, Side: User, Public: "retry", Cause: "The new password is made of the person's address, or of one character.", Fix: "Choose one that nobody can guess who knows the address."},
	LocalPasswordTwice:   {Status: 422, Side: User, Public: "retry", Cause: "The two entries of the new password differ.", Fix: "Enter the same password twice."},
	LocalStale:           {Status: 403, Side: User, Public: "retry", Cause: "Ways to sign in are changed only within fifteen minutes of a sign-in.", Fix: "Sign in again, then open the page again."},

	EnforcementDomains:  {Status: 422, Side: Ours, Public: "ours", Cause: "A connection can be enforced only for domains that the realm has verified, and one at least.", Fix: "List the domains on the connection and verify each of them for the realm."},
	EnforcementUntested: {Status: 422, Side: Ours, Public: "ours", Cause: "Nobody has signed in through this connection within seven days who is named as having tested it.", Fix: "Sign in through the connection yourself and send your user id as tested_by."},
	EnforcementReport:   {Status: 422, Side: Ours, Public: "ours", Cause: "The list of who would lose access was not read, or it has changed since.", Fix: "Read the preview of enforcement and send its report along."},
	EnforcementNoWay:    {Status: 422, Side: Ours, Public: "ours", Cause: "Nobody in the realm could sign in if the identity provider failed.", Fix: "Exclude at least one person from enforcement, allow a way in local_login of the realm, and have that person set up a passkey or password; a mailed code needs a mail server."},
	EnforcementGate:     {Status: 403, Side: Ours, Public: "not_allowed", Cause: "Enforcement is switched on through its gate, and an enforced connection is paused by an owner only.", Fix: "Send the preview's report to the connection's enforcement, or ask an owner."},
	EnforcementLast:     {Status: 409, Side: Ours, Public: "ours", Cause: "This is the last person who is excluded from enforcement and can sign in, while a connection of the realm is enforced.", Fix: "Exclude another person who has a local way in first, or switch enforcement off."},
}
