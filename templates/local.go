package templates

import "time"

// Local lets a person choose a way in that needs no company's sign-in page. The address goes to CodeAction or
// PasswordAction; "" leaves that way out.
type Local struct {
	Shell
	App            string
	Email          string
	EmailError     string // message id, as EmailForm has it
	CodeAction     string
	PasswordAction string
	Passkey        PasskeyForm
	ManageURL      string // where ways are added after signing in, as a whole address
	BackURL        string
}

func (Local) Name() string { return "local" }

// EmailErrorText is the sentence under the email field.
func (l Local) EmailErrorText() string { return l.emailError(EmailForm{EmailError: l.EmailError}) }

// ByAddress reports whether any way begins with an address.
func (l Local) ByAddress() bool { return l.CodeAction != "" || l.PasswordAction != "" }

// PasskeyForm is a form that a script fills with the browser's answer to Options and posts to Action. Without script it
// says what is missing.
type PasskeyForm struct {
	Action  string // "" leaves it out
	Make    bool   // a passkey is made, not used
	Options string // WebAuthn options, JSON
	Hidden  []Field
	Failed  bool
	Named   bool // the person gives it a name
	Label   string
	// Conditional offers the passkey in the address field's own suggestions too, where the browser does that.
	Conditional bool
}

// passkeyPart is a passkey form with the page whose words it says.
type passkeyPart struct {
	Form PasskeyForm
	Page Shell
}

// PasskeyPart is for the page's template.
func (l Local) PasskeyPart() passkeyPart { return passkeyPart{l.Passkey, l.Shell} }

// PasskeyPart is for the page's template.
func (l LocalWays) PasskeyPart() passkeyPart { return passkeyPart{l.Passkey, l.Shell} }

// LocalCode asks for a mailed code.
type LocalCode struct {
	Shell
	Email       string
	Action      string
	AgainAction string // posts the address anew
	Error       string // LocalCodeWrong, LocalCodeOver, EmailTooMany
	BackURL     string
}

func (LocalCode) Name() string { return "local_code" }

// LocalPassword asks for address and password.
type LocalPassword struct {
	Shell
	Email      string
	Action     string
	LinkAction string // posts the address for a link to set a password
	Error      string // LocalPasswordWrong, EmailTooMany, EmailEmpty
	BackURL    string
}

func (LocalPassword) Name() string { return "local_password" }

// What can be wrong with what was typed on these pages.
const (
	LocalCodeWrong     = "local.code_wrong"
	LocalCodeOver      = "local.code_over"
	LocalPasswordWrong = "local.password_wrong"
	LocalShort         = "local.short"
	LocalLong          = "local.long"
	LocalGuessable     = "local.guessable"
	LocalDiffer        = "local.differ"
)

// LocalWay is one of a person's passwords and passkeys.
type LocalWay struct {
	ID, Name    string
	Passkey     bool
	Added, Used time.Time // Used is zero where it never was
}

// Day is a day as everybody reads it.
func (LocalWay) Day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// LocalWays is where a person sets up passwords and passkeys: by a link, or after a sign-in (Listed).
type LocalWays struct {
	Shell
	Who            string
	Listed         bool
	Ways           []LocalWay
	RemoveAction   string
	PasswordAction string // "" leaves setting a password out
	PasswordError  string // LocalShort, LocalLong, LocalGuessable, LocalDiffer
	Hidden         []Field
	Passkey        PasskeyForm
}

func (LocalWays) Name() string { return "local_ways" }

// Notice says one thing and where to go on.
type Notice struct {
	Shell
	About   string // NoticeLinkSent, NoticePasswordSet, NoticePasskeyAdded
	App     string
	BackURL string // "" for none
	GoOn    bool   // BackURL leads on in the sign-in, not to the App
}

func (Notice) Name() string { return "notice" }

// What a Notice can be about.
const (
	NoticeLinkSent     = "sent"
	NoticePasswordSet  = "password_set"
	NoticePasskeyAdded = "passkey_added"
)

// Kind is About where there are words for it.
func (n Notice) Kind() string {
	switch n.About {
	case NoticePasswordSet, NoticePasskeyAdded:
		return n.About
	}
	return NoticeLinkSent
}
