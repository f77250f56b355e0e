package fault

// The codes of what identity providers publish about themselves, and of its versions.
const (
	DocumentWaiting Code = "documents.change_waiting"
	DocumentPinned  Code = "documents.pinned"
	DocumentFailing Code = "documents.fetch_failing"
	DocumentEnding  Code = "documents.validity_ending"
	DocumentDecided Code = "documents.already_decided"
	DocumentSource  Code = "documents.other_source"
	DocumentNone    Code = "documents.none_published"
)

var documentFaults = map[Code]Entry{
	DocumentWaiting: {Status: 409, Side: Ours, Public: "ours", Cause: "The identity provider publishes other documents than those that sign-ins trust, and the difference is not one that goes in by itself.", Fix: "Compare fingerprints and addresses with what the customer's administrator announced; then approve the change under Documents, or dismiss it."},
	DocumentPinned:  {Status: 409, Side: Ours, Public: "ours", Cause: "An operator put an earlier version of the provider's documents back, and no newer one is taken while that is so.", Fix: "Release the version under Documents as soon as the provider publishes what is right."},
	DocumentFailing: {Status: 409, Side: IdP, Public: "ours", Cause: "The identity provider's documents cannot be fetched; sign-ins go on with the last good version, but a new signing key would not be noticed.", Fix: "Open the metadata or discovery address that the detail names; have it served again, or give the connection its new address."},
	DocumentEnding:  {Status: 409, Side: IdP, Public: "ours", Cause: "The identity provider's metadata says that it may soon not be relied on any more, and no newer one is published.", Fix: "Have the identity provider's administrator publish metadata with a later validUntil at the same address."},
	DocumentDecided: {Status: 409, Side: Ours, Public: "ours", Cause: "This version of the provider's documents waits for nobody's decision.", Fix: "Look at the list of versions again: somebody decided, or something newer came."},
	DocumentSource:  {Status: 409, Side: Ours, Public: "ours", Cause: "This version came from another address than the one that the connection fetches from now.", Fix: "Set the connection back to that metadata address or issuer first, if that is what you want to trust."},
	DocumentNone:    {Status: 409, Side: Ours, Public: "ours", Cause: "Nothing is fetched for this connection: its protocol publishes no documents, or they were given by hand.", Fix: "Give the connection a metadata address, or change the uploaded metadata itself."},
}
