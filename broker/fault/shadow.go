package fault

// The codes of a connection's second configuration.
const (
	ShadowNone     Code = "shadow.none"
	ShadowOutside  Code = "shadow.not_on_list"
	ShadowOther    Code = "shadow.other_person"
	ShadowUntried  Code = "shadow.untried"
	ShadowSubjects Code = "shadow.subjects_differ"
)

var shadowFaults = map[Code]Entry{
	ShadowNone:     {Status: 409, Side: Ours, Public: "ours", Cause: "The connection has no second configuration of this kind, or it was taken away while a sign-in through it was under way.", Fix: "Look under Shadow whether it was discarded or switched; a person simply signs in again."},
	ShadowOutside:  {Status: 403, Side: Ours, Public: "ours", Cause: "The identity provider of the configuration on trial signed somebody in who is not on its list of people.", Fix: "Sign in there as a person of the list, or add the address that is observed to the list under Shadow."},
	ShadowOther:    {Status: 403, Side: IdP, Public: "ours", Cause: "The configuration on trial calls this person by a subject that is another person's through the connection today.", Fix: "Have the identity provider send the same stable identifier for each person as today, or map another attribute to the subject."},
	ShadowUntried:  {Status: 409, Side: Ours, Public: "ours", Cause: "Nobody has signed in with the configuration on trial since it was last changed.", Fix: "Let at least one person of the list sign in first, or switch with force if you know that it works."},
	ShadowSubjects: {Status: 409, Side: IdP, Public: "ours", Cause: "The configuration on trial calls people by other subjects than today, so that after the switch everyone would look new.", Fix: "Map the subject to the identifier of today, or switch with force and link each person anew by hand."},
}
