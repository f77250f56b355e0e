package fault

// The codes of domains: claiming, proving and handing them over.
const (
	DomainTaken       Code = "domain.owned_elsewhere"
	DomainPublic      Code = "domain.public"
	DomainUnproved    Code = "domain.record_missing"
	DomainDifferent   Code = "domain.record_different"
	DomainDNSFailed   Code = "domain.dns_failed"
	DomainUnverified  Code = "domain.unverified"
	DomainSuspended   Code = "domain.suspended"
	DomainNotVerified Code = "domain.not_verified"
	DomainNotOffered  Code = "domain.not_offered"
)

var domainFaults = map[Code]Entry{
	DomainTaken:       {Status: 409, Side: Ours, Public: "ours", Cause: "Another realm of this installation has verified this domain; a domain is verified by at most one.", Fix: "Have the realm that holds the domain offer it to this one and accept the offer, or ask an owner of the installation whose it is."},
	DomainPublic:      {Status: 422, Side: Ours, Public: "ours", Cause: "Anybody can have an address or a name in this domain, so no realm can own it.", Fix: "Claim the organisation's own domain, such as example.com; people with mailboxes elsewhere come in by invitation."},
	DomainUnproved:    {Status: 422, Side: IdP, Public: "ours", Cause: "The domain's DNS does not hold the TXT record that proves who owns it.", Fix: "Publish the TXT record that the detail names, wait until it is served, and verify again."},
	DomainDifferent:   {Status: 422, Side: IdP, Public: "ours", Cause: "The domain's DNS holds a record for a Cloakroom, but with another value than this claim's.", Fix: "Replace the record's value by the one that is expected, wait until it is served, and verify again."},
	DomainDNSFailed:   {Status: 422, Side: Network, Public: "ours", Cause: "The domain's name servers gave no usable answer, so it is not known whether the record is there.", Fix: "Check that the domain's name servers answer and that CLOAKROOM_DNS_RESOLVER, where it is set, names a working resolver; then verify again."},
	DomainUnverified:  {Status: 409, Side: IdP, Public: "ours", Cause: "A domain is listed on the connection that its realm has not verified, so nobody with such an address can sign in.", Fix: "Publish the domain's TXT record and verify the domain for the realm."},
	DomainSuspended:   {Status: 409, Side: IdP, Public: "ours", Cause: "The record that proved the domain has been gone for longer than the grace time, so the domain counts as nobody's.", Fix: "Publish the TXT record again: the domain is verified again by itself, or at once with Verify."},
	DomainNotVerified: {Status: 409, Side: Ours, Public: "ours", Cause: "The realm has not verified this domain, so it has nothing to hand over.", Fix: "Verify the domain first."},
	DomainNotOffered:  {Status: 409, Side: Ours, Public: "ours", Cause: "No realm offers this domain to this one.", Fix: "Have the realm that holds the domain offer it to this one, by this realm's exact name."},
}
