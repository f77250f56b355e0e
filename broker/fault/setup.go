package fault

// The codes of setup links.
const (
	SetupUnknown Code = "setup.unknown"
	SetupExpired Code = "setup.expired"
	SetupRevoked Code = "setup.revoked"
	SetupBeyond  Code = "setup.beyond_purpose"
	SetupNotYet  Code = "setup.not_ready"
)

var setupFaults = map[Code]Entry{
	SetupUnknown: {Status: 404, Side: User, Public: "setup_unknown", Cause: "No setup link has this address: it was cut short, or a newer one has replaced it.", Fix: "Open the newest link exactly as it was sent, or send it again from the realm's setup links."},
	SetupExpired: {Status: 410, Side: User, Public: "setup_expired", Cause: "The time of this setup link is over. What was entered through it is kept.", Fix: "Send it again from the realm's setup links: the new link goes on where this one ended."},
	SetupRevoked: {Status: 410, Side: User, Public: "setup_expired", Cause: "This setup link was revoked by an operator.", Fix: "Send it again from the realm's setup links if there is something left to do."},
	SetupBeyond:  {Status: 403, Side: User, Public: "not_allowed", Cause: "The setup link is for another purpose than what was asked for.", Fix: "Make a setup link for that purpose, or do it in the console."},
	SetupNotYet:  {Status: 409, Side: User, Public: "not_allowed", Cause: "The connection is not ready to be switched on by its setup link.", Fix: "First let a test login pass and have the domains proved; where the link does not allow switching on, it is done in the console."},
}
