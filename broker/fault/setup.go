package fault

// The codes of setup links.
const (
	SetupUnknown       Code = "setup.unknown"
	SetupExpired       Code = "setup.expired"
	SetupRevoked       Code = "setup.revoked"
	SetupGone          Code = "setup.connection_gone"
	SetupBeyond        Code = "setup.beyond_purpose"
	SetupInUse         Code = "setup.in_use"
	SetupNotYet        Code = "setup.not_ready"
	SetupTooMany       Code = "setup.too_many"
	SetupOtherProvider Code = "setup.other_provider"
	SetupOtherAddress  Code = "setup.other_metadata_address"
	SetupNotPublished  Code = "setup.not_published"
	SetupReviewed      Code = "setup.waits_for_review"
)

var setupFaults = map[Code]Entry{
	SetupUnknown:       {Status: 404, Side: User, Public: "setup_unknown", Cause: "No setup link has this address: it was cut short, or a newer one has replaced it.", Fix: "Open the newest link exactly as it was sent, or send it again from the realm's setup links."},
	SetupExpired:       {Status: 410, Side: User, Public: "setup_expired", Cause: "The time of this setup link is over. What was entered through it is kept.", Fix: "Send it again from the realm's setup links: the new link goes on where this one ended."},
	SetupRevoked:       {Status: 410, Side: User, Public: "setup_revoked", Cause: "This setup link was revoked by an operator.", Fix: "Send it again from the realm's setup links if there is something left to do."},
	SetupGone:          {Status: 410, Side: Ours, Public: "setup_revoked", Cause: "The connection that this setup link is about was deleted.", Fix: "Make a new setup link in the realm."},
	SetupBeyond:        {Status: 403, Side: User, Public: "not_allowed", Cause: "The setup link is for another purpose than what was asked for.", Fix: "Make a setup link for that purpose, or do it in the console."},
	SetupInUse:         {Status: 409, Side: User, Public: "not_allowed", Cause: "People sign in through this connection already, so a link for setting it up no longer changes it.", Fix: "Ask support for a link to renew its certificate or its secret."},
	SetupNotYet:        {Status: 409, Side: User, Public: "not_allowed", Cause: "The connection is not ready to be switched on by its setup link.", Fix: "First let a test login pass and have the domains proved; where the link does not allow switching on, it is done in the console."},
	SetupTooMany:       {Status: 409, Side: User, Public: "not_allowed", Cause: "More was entered through setup links than one connection needs.", Fix: "Have an operator tidy up: domains that nobody proved, or certificates that are no longer used."},
	SetupOtherProvider: {Status: 409, Side: IdP, Public: "idp_misconfigured", Cause: "This is the metadata of another identity provider, or of one that people sign in to at another address, than the connection has now.", Fix: "Take the metadata of the application that was connected at first. If the provider did move, ask support: an operator has to take that over."},
	SetupOtherAddress:  {Status: 409, Side: IdP, Public: "idp_misconfigured", Cause: "The connection does not read its metadata from this address.", Fix: "Paste the certificate or the metadata document itself. If the address did change, ask support: an operator has to take that over."},
	SetupNotPublished:  {Status: 409, Side: IdP, Public: "idp_misconfigured", Cause: "The connection reads its certificates from the provider's metadata address, and this one is not published there.", Fix: "Add the certificate at the provider so that it stands in the metadata, and paste it again; or paste the whole metadata document."},
	SetupReviewed:      {Status: 200, Side: Ours, Public: "ours", Cause: "The document says more than that there is another certificate, so an operator looks at it before it counts.", Fix: "Leave the old certificate in use at the provider until support confirms the change."},
}
