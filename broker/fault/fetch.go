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

	// Why no TLS connection could be made; FetchTLS where none of these is known to be it.
	FetchChain     Code = "net.tls_chain_incomplete"
	FetchUntrusted Code = "net.tls_untrusted"
	FetchHostName  Code = "net.tls_wrong_name"
	FetchExpired   Code = "net.tls_expired"
	FetchOldTLS    Code = "net.tls_outdated"

	FetchFirewall Code = "net.firewall_page"
	FetchServer   Code = "net.server_error"

	// Clocks, by the Date header of answers.
	ClockTheirs Code = "time.provider_clock"
	ClockOurs   Code = "time.our_clock"
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

	FetchChain:     {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider's server does not send the intermediate certificate that leads from its own to a known authority.", Fix: "Install the full certificate chain on the provider's web server (on AD FS: on the Web Application Proxy), not the server's certificate alone; browsers hide the gap by fetching what is missing."},
	FetchUntrusted: {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider's TLS certificate comes from an authority that is not publicly known, or is signed by itself.", Fix: "Install a certificate of a public authority on the provider's address; for SAML the metadata can be uploaded as a file instead."},
	FetchHostName:  {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider's TLS certificate is made out to other host names than the one in the address.", Fix: "Use a host name that the certificate lists, or add this one to the certificate."},
	FetchExpired:   {Status: 424, Side: IdP, Public: "unavailable", Cause: "The TLS certificate of the provider's server is expired or not valid yet.", Fix: "Renew the certificate of the provider's web server."},
	FetchOldTLS:    {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider's server offers only outdated encryption.", Fix: "Enable TLS 1.2 or 1.3 with current ciphers on the provider's server."},

	FetchFirewall: {Status: 424, Side: Network, Public: "unavailable", Cause: "A firewall or captcha page answered in place of the provider.", Fix: "Allow the broker's address to call the provider's discovery, key, token and userinfo addresses: what stands in front of them takes our server for a robot."},
	FetchServer:   {Status: 424, Side: IdP, Public: "unavailable", Cause: "The provider is reachable, but answers with an error of its own (5xx).", Fix: "Look at the provider's status page and log, and try again in a few minutes; nothing needs to be changed in the connection."},

	ClockTheirs: {Status: 424, Side: IdP, Public: "idp_misconfigured", Cause: "The clock of the provider's server differs from ours by more than a minute.", Fix: "Set the provider's clock by NTP (Windows: w32tm /resync; Linux: chrony)."},
	ClockOurs:   {Status: 424, Side: Ours, Public: "ours", Cause: "The broker's clock differs from those of several servers that agree with each other.", Fix: "Set the clock of the broker's machine by NTP."},
}
