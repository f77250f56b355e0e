package fault

// The codes of the operators' verbs and of the admin API.
const (
	Malformed          Code = "malformed"
	DomainTaken        Code = "domain.taken"
	DomainUnproved     Code = "domain.record_missing"
	DomainUnverified   Code = "domain.unverified"
	ConnectionNoDomain Code = "connection.no_domain"
	ConnectionUnready  Code = "connection.cannot_open"
	InUse              Code = "in_use"
)

var adminFaults = map[Code]Entry{
	Malformed:          {Status: 400, Side: Ours, Public: "ours", Cause: "What was sent is not a well-formed JSON or YAML document.", Fix: "Send one document in UTF-8; the detail names the place where reading stopped."},
	DomainTaken:        {Status: 409, Side: Ours, Public: "ours", Cause: "Another realm of this installation has verified this domain.", Fix: "Remove the domain from the other realm first; a domain is verified by at most one realm."},
	DomainUnproved:     {Status: 422, Side: IdP, Public: "ours", Cause: "The domain's DNS does not hold the TXT record that proves who owns it.", Fix: "Publish the TXT record that the detail names, wait until it is served, and verify again."},
	DomainUnverified:   {Status: 409, Side: IdP, Public: "ours", Cause: "A domain is listed on the connection that its realm has not verified, so nobody with such an address can sign in.", Fix: "Publish the domain's TXT record and verify the domain for the realm."},
	ConnectionNoDomain: {Status: 409, Side: Ours, Public: "ours", Cause: "The connection trusts addresses of its domains only, and it lists none, so nobody can sign in.", Fix: "List the customer's email domains on the connection, or choose another email_trust."},
	InUse:              {Status: 409, Side: Ours, Public: "ours", Cause: "Something else names this object, so it cannot be deleted.", Fix: "Take it out of what the detail names, then delete it."},
	ConnectionUnready:  {Status: 422, Side: Ours, Public: "ours", Cause: "The connection's settings cannot be used as they are.", Fix: "Correct the setting that the detail names."},
}
