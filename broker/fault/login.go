package fault

const (
	LoginExpired       Code = "login.expired"
	LoginUnknown       Code = "login.unknown"
	LoginForeign       Code = "login.other_browser"
	LoginTaken         Code = "login.already_finished"
	LoginMisrouted     Code = "login.wrong_endpoint"
	LoginNoMessage     Code = "login.no_message"
	LoginCancelled     Code = "login.cancelled"
	LoginDisabled      Code = "login.connection_disabled"
	LoginNotAllowed    Code = "login.connection_not_allowed"
	LoginNoConnection  Code = "login.no_connection"
	LoginInteraction   Code = "login.interaction_required"
	LoginRequired      Code = "login.required"
	LoginNoClient      Code = "login.no_default_client"
	LoginNotInvited    Code = "login.invitation_required"
	LoginNotKnown      Code = "login.account_required"
	LoginBlocked       Code = "login.user_blocked"
	LoginLinkRefused   Code = "login.link_refused"
	LoginLinkConfirm   Code = "login.link_unconfirmed"
	LoginUpstreamBusy  Code = "login.upstream_busy"
	LoginUpstreamStale Code = "login.reauthentication_refused"
	LoginGuessWait     Code = "login.too_many_passwords"
)

var loginFaults = map[Code]Entry{
	LoginExpired:       {Status: 400, Side: User, Public: "expired", Cause: "The sign-in page was open longer than a sign-in may take, or it was a bookmark.", Fix: "Start again from the application; bookmark the application, not the sign-in page."},
	LoginUnknown:       {Status: 400, Side: User, Public: "stray", Cause: "This answer belongs to no sign-in that was started here.", Fix: "Start again from the application. If it happens to everybody, the identity provider sends its answers to the wrong broker."},
	LoginForeign:       {Status: 400, Side: User, Public: "cookie", Cause: "The sign-in was started in another browser, or the browser did not send back its cookie.", Fix: "Open the application in its own tab with cookies allowed and start again there."},
	LoginTaken:         {Status: 400, Side: User, Public: "stray", Cause: "This sign-in has already been finished once.", Fix: "Nothing to mend: the Back button or a double click repeated it. Open the application again."},
	LoginMisrouted:     {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider sent the answer of one connection to the address of another.", Fix: "Correct the reply address in the provider's console: it is the one that the connection's hand-over page shows."},
	LoginNoMessage:     {Status: 400, Side: User, Public: "stray", Cause: "The sign-in address was opened without an answer of an identity provider.", Fix: "Start from the application; this address only receives answers."},
	LoginCancelled:     {Status: 403, Side: User, Public: "idp_refused", Cause: "The person, or the identity provider, stopped the sign-in.", Fix: "Try again; if the provider refused, its message is in the detail."},
	LoginDisabled:      {Status: 403, Side: Ours, Public: "unavailable", Cause: "This connection is switched off.", Fix: "Switch the connection on in the console once its test login passes."},
	LoginNotAllowed:    {Status: 403, Side: Ours, Public: "not_allowed", Cause: "The application does not accept this connection, or the connection belongs to another realm.", Fix: "Add the connection to the client's list of connections, or sign in through another one."},
	LoginNoConnection:  {Status: 404, Side: Ours, Public: "unknown_address", Cause: "No connection serves this address or hint.", Fix: "Verify the address's domain for the realm and list it on a connection."},
	LoginInteraction:   {Status: 400, Side: User, Public: "retry", Cause: "The application asked for a sign-in without any page, and one is needed.", Fix: "The application must send the person without prompt=none."},
	LoginRequired:      {Status: 400, Side: User, Public: "retry", Cause: "The application asked for a sign-in without any page, and nobody is signed in.", Fix: "The application must send the person without prompt=none."},
	LoginNoClient:      {Status: 404, Side: Ours, Public: "ours", Cause: "The realm has no default application to send this person to.", Fix: "Set default_client_id of the realm, or add ?client_id= to the link."},
	LoginNotInvited:    {Status: 403, Side: User, Public: "not_allowed", Cause: "The connection lets only invited people in, and this person has no invitation.", Fix: "Invite the person, or set the connection's provisioning to automatic."},
	LoginNotKnown:      {Status: 403, Side: User, Public: "not_allowed", Cause: "The connection lets only people in who are known already, and this one is not.", Fix: "Create the person first (by hand or by provisioning), or set the connection's provisioning to automatic."},
	LoginBlocked:       {Status: 403, Side: User, Public: "not_allowed", Cause: "This person is blocked in this realm.", Fix: "Unblock the person in the realm's list of people."},
	LoginLinkRefused:   {Status: 403, Side: Ours, Public: "not_allowed", Cause: "A person with this address exists already, and the connection's linking policy does not tie them together.", Fix: "Link the two by hand, or set the connection's linking to verified_email."},
	LoginLinkConfirm:   {Status: 403, Side: Ours, Public: "link_ask", Cause: "A person with this address exists already and must first confirm by mail that the new sign-in is theirs, but no mail server is set.", Fix: "Set CLOAKROOM_SMTP_URL, or link the two by hand: the detail names the person and the new subject."},
	LoginUpstreamBusy:  {Status: 424, Side: Network, Public: "unavailable", Cause: "The identity provider does not answer, so the broker stopped asking it for a moment.", Fix: "Wait a minute; if it goes on, check the provider's status page and that its address can be reached from the broker."},
	LoginGuessWait:     {Status: 429, Side: User, Public: "too_many", Cause: "Several wrong passwords were tried for this directory account, so the next try has to wait: the directory would lock the account after a few more.", Fix: "Wait for the time in the detail, or reset the person's password in the directory. Each replica of the broker counts for itself."},
	LoginUpstreamStale: {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The application asked for a fresh sign-in, and the identity provider answered with an older one.", Fix: "Allow forced re-authentication at the identity provider, or do not ask for it in the application."},
}
