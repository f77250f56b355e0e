package fault

// The codes of customers' directories that push people to us (SCIM 2.0, RFC 7644).
const (
	SCIMTokenMissing   Code = "scim.token_missing"
	SCIMTokenDoubled   Code = "scim.token_doubled"
	SCIMTokenTruncated Code = "scim.token_truncated"
	SCIMTokenUnknown   Code = "scim.token_unknown"
	SCIMTokenExpired   Code = "scim.token_expired"
	SCIMTokenRevoked   Code = "scim.token_revoked"
	SCIMTokenElsewhere Code = "scim.token_elsewhere"
	SCIMPath           Code = "scim.path"
	SCIMNotFound       Code = "scim.not_found"
	SCIMMediaType      Code = "scim.media_type"
	SCIMSyntax         Code = "scim.syntax"
	SCIMFilter         Code = "scim.filter"
	SCIMTooMany        Code = "scim.too_many"
	SCIMTarget         Code = "scim.target"
	SCIMValue          Code = "scim.value"
	SCIMFixed          Code = "scim.fixed"
	SCIMVersion        Code = "scim.version"
	SCIMUnsupported    Code = "scim.unsupported"
	SCIMTaken          Code = "scim.taken"
	SCIMConflict       Code = "scim.conflict"
	SCIMNoAddress      Code = "scim.no_address"
	SCIMDomain         Code = "scim.domain"
	SCIMMember         Code = "scim.member"
	LoginDirectory     Code = "login.directory_inactive"
)

var scimFaults = map[Code]Entry{
	SCIMTokenMissing:   {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent no token.", Fix: "Create a token on the connection's Provisioning page and paste it into Secret Token (Entra ID) or HTTP Header: Authorization (Okta), then test the connection there."},
	SCIMTokenDoubled:   {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent the word Bearer twice: it adds the word itself, and it stands in its token field too.", Fix: "Paste the token alone into Secret Token (Entra ID) or HTTP Header: Authorization (Okta), without the word Bearer, then test the connection there."},
	SCIMTokenTruncated: {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent a token that was cut off or changed when it was pasted.", Fix: "Create a new token and copy it with the button beside it into Secret Token (Entra ID) or HTTP Header: Authorization (Okta)."},
	SCIMTokenUnknown:   {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent a token that was not made here.", Fix: "Create a token on the connection's Provisioning page and paste it into Secret Token (Entra ID) or HTTP Header: Authorization (Okta)."},
	SCIMTokenExpired:   {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent a token that has expired.", Fix: "Create a new token, paste it into Secret Token (Entra ID) or HTTP Header: Authorization (Okta), test the connection and start provisioning again."},
	SCIMTokenRevoked:   {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent a token that was revoked here.", Fix: "Paste a token that is not revoked into Secret Token (Entra ID) or HTTP Header: Authorization (Okta), test the connection and start provisioning again."},
	SCIMTokenElsewhere: {Status: 401, Side: IdP, Public: "idp_misconfigured", Cause: "The directory sent the token of another connection.", Fix: "Put this connection's Tenant URL (Entra ID) or SCIM connector base URL (Okta) and one of its own tokens into the same application."},
	SCIMPath:           {Status: 404, Side: IdP, Public: "stray", Cause: "There is no SCIM resource at this address.", Fix: "Copy the base URL of the connection's Provisioning page into Tenant URL (Entra ID) or SCIM connector base URL (Okta), without anything after it."},
	SCIMNotFound:       {Status: 404, Side: IdP, Public: "stray", Cause: "The directory asks for a user or group that is not kept here, or not any more.", Fix: "Nothing to mend as a rule: the directory creates it anew. In Entra ID, Restart provisioning makes it do so at once."},
	SCIMMediaType:      {Status: 415, Side: IdP, Public: "idp_misconfigured", Cause: "The body was not sent as application/scim+json or application/json.", Fix: "Set the Content-Type of the SCIM client to application/scim+json."},
	SCIMSyntax:         {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The body is not a SCIM message.", Fix: "Correct what the detail names; the message's form is that of RFC 7644."},
	SCIMFilter:         {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The filter cannot be read, or is longer or deeper than filters may be.", Fix: "Correct the matching attribute of the directory's mapping to userName, externalId or emails[type eq \"work\"].value."},
	SCIMTooMany:        {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The filter would have to be tried on more resources than one request may look at.", Fix: "Filter by userName, externalId, id, emails.value, displayName, active or members.value, which have an index."},
	SCIMTarget:         {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The path of a change names nothing that a user or group has.", Fix: "Correct the target attribute in the directory's attribute mapping."},
	SCIMValue:          {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "A value is missing or not of the form that its attribute takes.", Fix: "Correct the source attribute in the directory's attribute mapping; the detail names the value."},
	SCIMFixed:          {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The directory tried to change an attribute that only we write.", Fix: "Remove the attribute from the directory's attribute mapping."},
	SCIMVersion:        {Status: 412, Side: IdP, Public: "retry", Cause: "The resource was changed since the directory read it last.", Fix: "Nothing to mend as a rule: the directory reads it again and repeats the change."},
	SCIMUnsupported:    {Status: 501, Side: IdP, Public: "idp_misconfigured", Cause: "The directory asked for a part of SCIM that is not offered here: bulk operations or /Me.", Fix: "Switch bulk operations off in the directory; ServiceProviderConfig says what is offered."},
	SCIMTaken:          {Status: 409, Side: IdP, Public: "not_allowed", Cause: "Another user or group of this directory has the same user name, external ID, address or display name already.", Fix: "Rename or remove one of the two in the directory, or map externalId to an attribute that no two users share (objectId in Entra ID)."},
	SCIMConflict:       {Status: 409, Side: IdP, Public: "not_allowed", Cause: "A person with this address exists here already and may not be tied to the directory's user.", Fix: "Set the connection's Linking to verified_email, or rename or remove the person here, then let the directory send the user again."},
	SCIMNoAddress:      {Status: 400, Side: IdP, Public: "no_email", Cause: "The directory sent a user without an email address.", Fix: "Map emails[type eq \"work\"].value to the attribute that holds the address: mail in Entra ID, user.email in Okta."},
	SCIMDomain:         {Status: 400, Side: IdP, Public: "not_allowed", Cause: "The directory sent an address whose domain this connection may not speak for.", Fix: "Verify the domain in the realm and list it on the connection, or take the user out of the scope of provisioning."},
	SCIMMember:         {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The directory named a member whom it has not sent as a user.", Fix: "Assign the person to the application first, so that the user is provisioned before the group."},
	LoginDirectory:     {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The customer's directory has deactivated or deleted this person.", Fix: "Assign the person to the application again (Entra ID: Users and groups; Okta: Assignments); provisioning then reactivates them."},
}
