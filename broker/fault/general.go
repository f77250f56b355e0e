package fault

const (
	Internal         Code = "internal"
	Unavailable      Code = "unavailable"
	NotFound         Code = "not_found"
	Invalid          Code = "invalid"
	Conflict         Code = "conflict"
	Exists           Code = "exists"
	Forbidden        Code = "forbidden"
	Unauthorized     Code = "unauthorized"
	TooLarge         Code = "too_large"
	MethodNotAllowed Code = "method_not_allowed"
	RateLimited      Code = "rate_limited"
)

var general = map[Code]Entry{
	Internal:         {Status: 500, Side: Ours, Public: "ours", Cause: "The broker hit an error of its own.", Fix: "Look up the reference in the broker's log; the line names the cause."},
	Unavailable:      {Status: 503, Side: Ours, Public: "unavailable", Cause: "The broker could not reach its database in time.", Fix: "Check the database; the login can be tried again in a moment."},
	NotFound:         {Status: 404, Side: User, Public: "stray", Cause: "There is nothing at this address.", Fix: "Check the address for typing errors; realm and connection names are case-sensitive."},
	Invalid:          {Status: 422, Side: Ours, Public: "ours", Cause: "A value is not of the form this field takes.", Fix: "Correct the fields named in the errors."},
	Conflict:         {Status: 412, Side: Ours, Public: "retry", Cause: "Somebody else changed this object in the meantime.", Fix: "Read it again, apply the change to the new version and send it with its If-Match."},
	Exists:           {Status: 409, Side: Ours, Public: "ours", Cause: "An object of this name exists already.", Fix: "Choose another name, or change the existing object."},
	Forbidden:        {Status: 403, Side: Ours, Public: "not_allowed", Cause: "This key or operator may not do that.", Fix: "Ask an owner of the installation for the role that the action needs."},
	Unauthorized:     {Status: 401, Side: Ours, Public: "not_allowed", Cause: "No valid API key was sent.", Fix: "Send a valid key as Authorization: Bearer; make one with cloakroom apikey create."},
	MethodNotAllowed: {Status: 405, Side: User, Public: "stray", Cause: "This address does not take requests of this method.", Fix: "Use the method that the documentation names."},
	TooLarge:         {Status: 413, Side: User, Public: "retry", Cause: "The request is larger than this door takes.", Fix: "Send less; the limit is in the detail."},
	RateLimited:      {Status: 429, Side: User, Public: "too_many", Cause: "Too many attempts came from this address or for this account.", Fix: "Wait for the time named in Retry-After and try again."},
}
