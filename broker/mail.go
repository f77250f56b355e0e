package broker

import "time"

// What became of a mail.
const (
	MailQueued = "queued" // waits for the server, perhaps after tries that failed for now
	MailSent   = "sent"   // the server took it
	MailFailed = "failed" // refused for good, given up or out of date; Code and Detail say why
	MailCopy   = "copy"   // no server is set: somebody copies text or link from the console
	MailCopied = "copied" // somebody said that it was passed on
)

// Mail is a message of the outbox. Text and HTML are sealed at rest and erased after a while.
type Mail struct {
	ID        string    `json:"id"` // sorts by time
	Realm     string    `json:"realm,omitempty"`
	To        string    `json:"to"`
	Locale    string    `json:"locale"`
	Kind      string    `json:"kind"`
	Reference string    `json:"reference,omitempty"` // of the login it belongs to
	Subject   string    `json:"subject"`
	Text      string    `json:"text,omitempty"`
	HTML      string    `json:"html,omitempty"`
	Secret    bool      `json:"secret"` // whoever reads it can sign in as the addressee
	Status    string    `json:"status"`
	Attempts  int       `json:"attempts"`
	Code      string    `json:"code,omitempty"`   // fault of the last try
	Detail    string    `json:"detail,omitempty"` // the server's last answer
	CreatedAt time.Time `json:"created_at"`
	NextAt    time.Time `json:"next_at,omitzero"` // of the next try
	SentAt    time.Time `json:"sent_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // of the link or code in it: later there is nothing to deliver
	// Holder is the claim under which a worker delivers it.
	Holder string `json:"-"`
}

// MailLimit bounds how many mails of some kinds are taken: at most Max within Per, counted by address, by realm or by
// both, whichever are set.
type MailLimit struct {
	To, Realm string
	Kinds     []string // empty: all
	Max       int
	Per       time.Duration
}
