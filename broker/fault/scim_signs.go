package fault

// The codes of what a directory's requests say together: nobody is refused for them.
const (
	SCIMNeverCalled Code = "scim.never_called"
	SCIMNothingSent Code = "scim.nothing_sent"
	SCIMStopped     Code = "scim.stopped"
	SCIMPaused      Code = "scim.paused_by_provider"
	SCIMGroupsSent  Code = "scim.groups_sent"
	SCIMSamePerson  Code = "scim.same_person"
	SCIMExternalID  Code = "scim.external_id_differs"
	SCIMTokenEnds   Code = "scim.token_ends_soon"
)

var scimSigns = map[Code]Entry{
	SCIMNeverCalled: {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "A token was made, and no request with it has arrived since.", Fix: "Enter our address and the token in the provider's console, and try the connection there."},
	SCIMNothingSent: {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The connection works, but no user has been sent.", Fix: "In the provider's console start provisioning, allow it to create, update and deactivate people, and assign them to the application."},
	SCIMStopped:     {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "People were sent before, and nothing has arrived for a long time.", Fix: "Look at the provisioning log in the provider's console: it says whether provisioning still runs, or whether nothing has changed there."},
	SCIMPaused:      {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "It worked, then our answers were refusals, and now nothing comes: the provider has paused provisioning.", Fix: "Mend what the last refusals name, try the connection in the provider's console, and start provisioning again."},
	SCIMGroupsSent:  {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "Your identity provider also sends groups.", Fix: "Where groups are not wanted, switch them off in the provider's console; those that were sent stay until it deletes them."},
	SCIMSamePerson:  {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sends a person under one address, and the same person signs in with another.", Fix: "Let userName or the work email come from the attribute that people sign in with, then merge the two accounts here."},
	SCIMExternalID:  {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The directory names people by another identifier than the sign-in does, so only their addresses bring the two together.", Fix: "Let externalId come from the identifier that the sign-in sends too, which never changes."},
	SCIMTokenEnds:   {Status: 200, Side: Ours, Public: "ours", Cause: "The directory's token ends soon, and then nothing is taken from it any more.", Fix: "Make a new token and enter it in the provider's console; the old one works until it ends."},
}
