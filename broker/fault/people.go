package fault

// The codes of people, groups and merges.
const (
	LoginGroupsOmitted Code = "login.groups_omitted"
	LoginGroupRequired Code = "login.group_required"
	UserMerged         Code = "user.merged"
	MergeUndone        Code = "merge.undone"
	MergeRefused       Code = "merge.refused"
	IdentityUnseen     Code = "mapping.no_identity"
)

var peopleFaults = map[Code]Entry{
	LoginGroupsOmitted: {Status: 200, Side: IdP, Public: "ours", Cause: "The identity provider did not list all groups of this person, because there are too many of them.", Fix: "In Entra ID choose \"Groups assigned to the application\" under Token configuration, or send application roles; groups listed before hold for seven days."},
	LoginGroupRequired: {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The connection lets in members of certain groups only, and this person is in none of them.", Fix: "Add the person to one of the groups at the identity provider, or put one of the values that were received into the connection's Required groups."},
	UserMerged:         {Status: 409, Side: Ours, Public: "ours", Cause: "This account is a part of another one and stays as it was.", Fix: "Change the account that it was merged into, or undo the merge first."},
	MergeUndone:        {Status: 409, Side: Ours, Public: "ours", Cause: "This merge has been undone already.", Fix: "Nothing to mend: both accounts are as they were."},
	MergeRefused:       {Status: 409, Side: Ours, Public: "ours", Cause: "These two accounts cannot be merged, or not parted, as they are.", Fix: "Correct what the detail names, then try again."},
	IdentityUnseen:     {Status: 409, Side: Ours, Public: "ours", Cause: "Nobody has signed in through this connection yet, so there is no identity to try the rules on.", Fix: "Sign in once through the connection, or send an identity with the request."},
}
