package fault

const (
	MailNotConfigured Code = "mail.not_configured"
	MailSettings      Code = "mail.settings"
	MailAddress       Code = "mail.address"
	MailUnreachable   Code = "mail.unreachable"
	MailTLS           Code = "mail.tls"
	MailAuth          Code = "mail.authentication"
	MailDeferred      Code = "mail.deferred"
	MailRefused       Code = "mail.refused"
	MailExpired       Code = "mail.expired"
)

var mailFaults = map[Code]Entry{
	MailNotConfigured: {Status: 503, Side: Ours, Public: "unavailable", Cause: "No mail server is set, so mails wait in the console to be copied.", Fix: "Set CLOAKROOM_SMTP_URL, or copy text and link of the mail from the realm's list of mails."},
	MailSettings:      {Status: 422, Side: Ours, Public: "ours", Cause: "The mail server's address or the sender's is not of the form it must have.", Fix: "Write CLOAKROOM_SMTP_URL as smtp://user:password@host:587, with ?tls=none only for a server on this machine or without password, and CLOAKROOM_MAIL_FROM as Name <address>."},
	MailAddress:       {Status: 422, Side: User, Public: "no_email", Cause: "The recipient's address is not one that mail can be sent to.", Fix: "Correct the address."},
	MailUnreachable:   {Status: 502, Side: Network, Public: "unavailable", Cause: "The mail server could not be reached, or stopped answering.", Fix: "Check host and port in CLOAKROOM_SMTP_URL and that the network lets this machine out to them; the mail is tried again by itself."},
	MailTLS:           {Status: 502, Side: Network, Public: "unavailable", Cause: "No encrypted connection to the mail server could be made.", Fix: "Check that the server offers STARTTLS on this port (465 takes smtps:// instead) and that its certificate is valid for the host in CLOAKROOM_SMTP_URL."},
	MailAuth:          {Status: 502, Side: Ours, Public: "unavailable", Cause: "The mail server did not accept our user name and password.", Fix: "Correct user and password in CLOAKROOM_SMTP_URL; the mail is tried again by itself."},
	MailDeferred:      {Status: 502, Side: Network, Public: "unavailable", Cause: "The mail server would not take the mail for now.", Fix: "Nothing to mend at first: it is tried again for a day. The server's answer is in the detail."},
	MailRefused:       {Status: 502, Side: User, Public: "no_email", Cause: "The mail server refused the mail for good.", Fix: "Check the recipient's address and that the server lets us send from the address in CLOAKROOM_MAIL_FROM; its answer is in the detail."},
	MailExpired:       {Status: 410, Side: Ours, Public: "expired", Cause: "The link or code in the mail ran out before the mail could be delivered.", Fix: "Send a new one."},
}
