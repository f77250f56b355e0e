package fault

// The codes of operators and of the console's sign-in.
const (
	OperatorRefused    Code = "operator.refused"
	OperatorWait       Code = "operator.too_many"
	OperatorLinkOver   Code = "operator.link_over"
	OperatorCode       Code = "operator.code_wrong"
	OperatorPasskey    Code = "operator.passkey_refused"
	OperatorStale      Code = "operator.sign_in_again"
	OperatorLastWay    Code = "operator.last_way"
	OperatorLastOwner  Code = "operator.last_owner"
	OperatorNotInvited Code = "operator.not_invited"
	OperatorUnproved   Code = "operator.unproved"
)

var operatorFaults = map[Code]Entry{
	OperatorRefused:    {Status: 403, Side: User, Public: "retry", Cause: "The address, password or one-time code is not right, or the operator is disabled.", Fix: "Try again with the code that the app shows now; each code counts once. An owner can make a new enrolment link under Operators."},
	OperatorWait:       {Status: 429, Side: User, Public: "too_many", Cause: "There were many failed attempts for this operator or from this network, so the next one has to wait.", Fix: "Wait for the time in the detail, or sign in in a browser in which you signed in before."},
	OperatorLinkOver:   {Status: 410, Side: User, Public: "expired", Cause: "The enrolment link has run out, was used, or was replaced by a newer one.", Fix: "Ask an owner for a new link, or run cloakroom operator reset; for the first owner, start the broker again and open the link it prints."},
	OperatorCode:       {Status: 422, Side: User, Public: "retry", Cause: "The one-time code does not fit the secret on the page.", Fix: "Enter the code that the app shows now, and check that the clock of the device is right."},
	OperatorPasskey:    {Status: 422, Side: User, Public: "retry", Cause: "The passkey was not accepted.", Fix: "Try again on this page; a passkey can be added once, and only within five minutes of opening the page."},
	OperatorStale:      {Status: 403, Side: User, Public: "retry", Cause: "This needs a sign-in of the last fifteen minutes.", Fix: "Confirm that it is you, then repeat the step."},
	OperatorLastWay:    {Status: 409, Side: User, Public: "retry", Cause: "It is the last thing that the operator can sign in with.", Fix: "Add a passkey, or a password with one-time codes, first."},
	OperatorLastOwner:  {Status: 409, Side: Ours, Public: "ours", Cause: "Nobody else could manage the whole installation.", Fix: "Make somebody else an owner of all realms first, and have them sign in."},
	OperatorNotInvited: {Status: 403, Side: User, Public: "not_allowed", Cause: "The sign-in is right, but nobody with this address is an operator.", Fix: "An owner adds the address under Operators, then sign in again."},
	OperatorUnproved:   {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The sign-in does not prove which operator this is.", Fix: "The detail says what is missing: a connection of a realm that is open to operators, an address that it may vouch for, a stable subject, and no other account tied to the operator."},
}
