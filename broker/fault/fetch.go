package fault

const (
	FetchBlocked  Code = "net.address_blocked"
	FetchTimeout  Code = "net.timeout"
	FetchDNS      Code = "net.dns"
	FetchTLS      Code = "net.tls"
	FetchRefused  Code = "net.connection_refused"
	FetchTooLarge Code = "net.answer_too_large"
	FetchRedirect Code = "net.redirect"
	FetchStatus   Code = "net.status"
	FetchFormat   Code = "net.not_json"
)

var fetchFaults = map[Code]Entry{
	FetchBlocked:  {Status: 424, Side: Network, Public: "unavailable", Cause: "The provider's address leads into a private or local network, which the broker does not call.", Fix: "Publish the address, or let an operator allow its network with CLOAKROOM_EGRESS_ALLOW; for SAML the metadata can be uploaded as a file instead."},
	FetchTimeout:  {Status: 424, Side: Network, Public: "unavailable", Cause: "The provider did not answer in time.", Fix: "Check that the address can be reached from the internet and is not held up by a firewall."},
	FetchDNS:      {Status: 424, Side: Network, Public: "unavailable", Cause: "The provider's host name cannot be resolved.", Fix: "Correct the host name, or publish it in public DNS."},
	FetchTLS:      {Status: 424, Side: Network, Public: "unavailable", Cause: "No trusted TLS connection to the provider could be made.", Fix: "Install the full certificate chain on the provider's server and enable TLS 1.2 or newer."},
	FetchRefused:  {Status: 424, Side: Network, Public: "unavailable", Cause: "The provider's host refused or dropped the connection.", Fix: "Check address and port, and that the service runs."},
	FetchTooLarge: {Status: 424, Side: IdP, Public: "idp_misconfigured", Cause: "The provider's answer is larger than the broker reads.", Fix: "Give the address of this application's own document rather than a whole federation's."},
	FetchRedirect: {Status: 424, Side: IdP, Public: "idp_misconfigured", Cause: "The provider's address forwards to another one that the broker does not follow.", Fix: "Give the final https address."},
	FetchStatus:   {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider answered with an error status.", Fix: "Open the address in a browser; if it works there, a firewall may be refusing the broker."},
	FetchFormat:   {Status: 424, Side: IdP, Public: "idp_misconfigured", Cause: "The provider answered with something else than the expected document.", Fix: "Check that the address is that of the document itself, not of a web page, and that no firewall page stands in front of it."},
}
