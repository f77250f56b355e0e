package fault

// The codes of test logins, explanations and the doctor.
const (
	TestLinkUnknown Code = "test.link_unknown"
	TestLinkUsed    Code = "test.link_used"
	TestNoAnswer    Code = "test.no_answer"
	TestNotOpened   Code = "test.not_opened"
	TestAnswered    Code = "test.answered"

	ExplainKind         Code = "explain.other_protocol"
	ExplainUnreadable   Code = "explain.unreadable"
	ExplainNoConnection Code = "explain.connection_unknown"

	DoctorBaseURL     Code = "doctor.base_url"
	DoctorPlainHTTP   Code = "doctor.base_url_http"
	DoctorMigrations  Code = "doctor.migrations_pending"
	DoctorClock       Code = "doctor.clock"
	DoctorCertificate Code = "doctor.own_certificate_expiring"
	DoctorMasterKey   Code = "doctor.master_key_readable"
	DoctorNoMail      Code = "doctor.mail_unset"
	// DoctorOldMasterKey: values are sealed by another master key than the first.
	DoctorOldMasterKey Code = "doctor.old_master_key"
)

var diagnoseFaults = map[Code]Entry{
	TestLinkUnknown: {Status: 404, Side: User, Public: "stray", Cause: "There is no test login with this address, or it has expired.", Fix: "Begin another test: Test this connection."},
	TestLinkUsed:    {Status: 400, Side: User, Public: "stray", Cause: "This test login has been opened before; its address works once.", Fix: "Begin another test: Test this connection."},
	TestNoAnswer:    {Status: 400, Side: IdP, Public: "expired", Cause: "The identity provider's page was opened and no answer came back.", Fix: "Read what the identity provider's page said: it stopped there. If it sent the browser elsewhere, correct the reply address (ACS URL, redirect URI) in its console."},
	TestNotOpened:   {Status: 400, Side: User, Public: "expired", Cause: "The address of the test login was never opened.", Fix: "Begin another test and open its address within 30 minutes."},
	TestAnswered:    {Status: 409, Side: User, Public: "stray", Cause: "The answer of this test login has come, and says more than the page.", Fix: "Read the test's report."},

	ExplainKind:         {Status: 422, Side: User, Public: "ours", Cause: "This is a message of another protocol than the connection's.", Fix: "Choose the connection that it belongs to, or set the connection's protocol to the one that the identity provider uses."},
	ExplainUnreadable:   {Status: 422, Side: User, Public: "ours", Cause: "This is neither a SAML response, nor metadata, nor an ID token, nor a HAR file that holds one of them.", Fix: "Copy the value of the form field SAMLResponse, the metadata file, the ID token, or save the browser's network log as HAR with its contents."},
	ExplainNoConnection: {Status: 404, Side: User, Public: "ours", Cause: "No connection here belongs to this message.", Fix: "Name the connection it was meant for; if there is none, the identity provider sends to the wrong broker."},

	DoctorBaseURL:      {Status: 503, Side: Ours, Public: "ours", Cause: "The broker cannot be reached at the address that it hands out.", Fix: "Start the broker, and check CLOAKROOM_BASE_URL, DNS and the proxy in front."},
	DoctorPlainHTTP:    {Status: 503, Side: Ours, Public: "ours", Cause: "The public address is not https: passwords of sessions travel in the clear, and identity providers refuse it.", Fix: "Set CLOAKROOM_BASE_URL to an https address and let a proxy end TLS."},
	DoctorMigrations:   {Status: 503, Side: Ours, Public: "unavailable", Cause: "The database's schema is older than this program.", Fix: "Run cloakroom migrate, or start cloakroom serve, which does it."},
	DoctorClock:        {Status: 503, Side: Ours, Public: "ours", Cause: "Our clock differs from those of the servers we asked; sign-ins fail with expired or not yet valid.", Fix: "Set this machine's clock by NTP."},
	DoctorCertificate:  {Status: 503, Side: Ours, Public: "ours", Cause: "A certificate of our own expires soon; identity providers that check it will refuse our requests.", Fix: "Run cloakroom keys rotate and give the new certificate or our metadata address to the customer."},
	DoctorMasterKey:    {Status: 503, Side: Ours, Public: "ours", Cause: "Other users of this machine can read the master key.", Fix: "Run chmod 600 on the file that the detail names."},
	DoctorOldMasterKey: {Status: 503, Side: Ours, Public: "ours", Cause: "Values in the database are still sealed by an older master key, and are lost if it is taken out.", Fix: "Keep the old key behind the new one in CLOAKROOM_MASTER_KEY, and run cloakroom keys reseal."},
	DoctorNoMail:       {Status: 503, Side: Ours, Public: "ours", Cause: "No mail server is set: invitations, codes and warnings are not delivered and wait to be copied.", Fix: "Set CLOAKROOM_SMTP_URL and CLOAKROOM_MAIL_FROM."},
}
