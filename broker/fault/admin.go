package fault

// The codes of the operators' verbs and of the admin API.
const (
	Malformed          Code = "malformed"
	ConnectionNoDomain Code = "connection.no_domain"
	ConnectionUnready  Code = "connection.cannot_open"
	InUse              Code = "in_use"
	KeyHeld            Code = "key.held"
	KeyNoFormer        Code = "key.no_former"
)

var adminFaults = map[Code]Entry{
	Malformed:          {Status: 400, Side: Ours, Public: "ours", Cause: "What was sent is not a well-formed JSON or YAML document.", Fix: "Send one document in UTF-8; the detail names the place where reading stopped."},
	ConnectionNoDomain: {Status: 409, Side: Ours, Public: "ours", Cause: "The connection trusts addresses of its domains only, and it lists none, so nobody can sign in.", Fix: "List the customer's email domains on the connection, or choose in its settings which addresses count."},
	InUse:              {Status: 409, Side: Ours, Public: "ours", Cause: "Something else names this object, so it cannot be deleted.", Fix: "Take it out of what the detail names, then delete it."},
	KeyHeld:            {Status: 409, Side: Ours, Public: "ours", Cause: "Somebody holds our key at this connection back.", Fix: "Read the reason with the connection's keys; let it go there, then turn the key over."},
	KeyNoFormer:        {Status: 409, Side: Ours, Public: "ours", Cause: "There is no earlier key to go back to: none was used, or its 90 days are over.", Fix: "Hand the certificate that is used now over to the identity provider."},
	ConnectionUnready:  {Status: 422, Side: Ours, Public: "ours", Cause: "The connection's settings cannot be used as they are.", Fix: "Correct the setting that the detail names."},
}
