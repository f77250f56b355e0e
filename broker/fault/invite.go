package fault

// The codes of who may come: invitations, the approval queue, seats, and confirming that a new sign-in belongs to a
// person who is here already.
const (
	InviteUnknown         Code = "invite.unknown"
	InviteExpired         Code = "invite.expired"
	InviteRevoked         Code = "invite.revoked"
	InviteUsed            Code = "invite.used"
	InviteOtherAddress    Code = "invite.other_address"
	InviteOtherConnection Code = "invite.other_connection"

	NotWaiting Code = "user.not_waiting"

	LoginApproval    Code = "login.approval_pending"
	LoginSeatsTaken  Code = "login.seats_taken"
	LoginLinkCode    Code = "login.link_code_wrong"
	LoginLinkTries   Code = "login.link_tries_spent"
	LoginLinkExpired Code = "login.link_code_expired"
)

var inviteFaults = map[Code]Entry{
	InviteUnknown:         {Status: 404, Side: User, Public: "invite_unknown", Cause: "No invitation has this link: it was cut short, or a newer one has replaced it.", Fix: "Open the newest mail and click the whole link, or send the invitation again from the realm's list of invitations."},
	InviteExpired:         {Status: 410, Side: User, Public: "invite_expired", Cause: "The time of this invitation is over.", Fix: "Send it again from the realm's list of invitations: that makes a new link with a new time."},
	InviteRevoked:         {Status: 410, Side: User, Public: "invite_revoked", Cause: "This invitation was revoked by an operator.", Fix: "Invite the person again if that was a mistake."},
	InviteUsed:            {Status: 410, Side: User, Public: "invite_used", Cause: "This invitation has been used as often as it may be.", Fix: "If the same person clicked it twice, nothing is to be mended: the application lets them in. Otherwise invite the person themselves, or raise max_uses of an open invitation."},
	InviteOtherAddress:    {Status: 403, Side: User, Public: "invite_other_address", Cause: "The invitation is bound to one address, and the person signed in with another.", Fix: "Sign in with the invited address, or invite the other address."},
	InviteOtherConnection: {Status: 403, Side: User, Public: "invite_other_connection", Cause: "The invitation asks for another connection, or another realm's, than the person came through.", Fix: "Sign in through the connection that the invitation names, or take the connection off the invitation."},

	NotWaiting: {Status: 409, Side: Ours, Public: "ours", Cause: "The person does not wait to be let in.", Fix: "Read the person again: somebody else may have decided in the meantime."},

	LoginApproval:    {Status: 403, Side: Ours, Public: "pending", Cause: "The realm holds people who come by themselves until somebody approves them, and nobody has approved this one yet.", Fix: "Approve or reject the person in the realm's list of people who wait."},
	LoginSeatsTaken:  {Status: 403, Side: Ours, Public: "held", Cause: "All seats of the realm are taken, so this person waits for one.", Fix: "Raise the realm's seat limit, or block or delete somebody who no longer needs a seat; the person gets in at the next sign-in."},
	LoginLinkCode:    {Status: 422, Side: User, Public: "retry", Cause: "The code that was typed is not one that was mailed for this sign-in in the last ten minutes.", Fix: "Type the code of the newest mail, or ask for another one."},
	LoginLinkTries:   {Status: 403, Side: User, Public: "link_tries", Cause: "Five wrong codes were typed, so this confirmation is over.", Fix: "Start again from the application, or link the two by hand."},
	LoginLinkExpired: {Status: 400, Side: User, Public: "expired", Cause: "The confirmation by mail was not finished in time, or it was finished already.", Fix: "Start again from the application."},
}
