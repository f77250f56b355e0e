package fault

// The codes of routing: whose sign-in page a person is sent to.
const (
	LoginNoRealm  Code = "login.unknown_realm"
	LoginRealmPin Code = "login.realm_pinned"
	LoginNoHub    Code = "login.not_a_hub"
)

var routingFaults = map[Code]Entry{
	LoginNoRealm:  {Status: 404, Side: Ours, Public: "app", Cause: "The application asked for the people of a realm that does not exist here.", Fix: "Correct realm_hint in the application's link: it is the realm's name, as in the address of its page in the console."},
	LoginRealmPin: {Status: 403, Side: Ours, Public: "not_allowed", Cause: "The application is pinned to one realm, and its request asked for the people of another.", Fix: "Leave realm_hint out, or change pinned_realm of the client."},
	LoginNoHub:    {Status: 404, Side: Ours, Public: "ours", Cause: "The sign-in link names a hub that does not exist or is no hub.", Fix: "Correct hub= in the link: it is the name of the realm in which the application's clients are, with hub switched on."},
}
