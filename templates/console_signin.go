package templates

import "time"

// ConsoleSignin signs an operator in to the console, or has one who is signed in confirm that it is them (Again).
type ConsoleSignin struct {
	Shell
	Again       bool
	To          string // where the operator goes on to
	Token       string
	Passkey     PasskeyForm
	Email       string
	Error       string // the sentence above the forms
	Connections []ConsoleWay
}

// ConsoleWay is a realm whose connections operators may sign in with.
type ConsoleWay struct{ Realm, Label string }

func (ConsoleSignin) Name() string { return "console_signin" }

// PasskeyPart is for the page's template.
func (p ConsoleSignin) PasskeyPart() passkeyPart { return passkeyPart{p.Passkey, p.Shell} }

// ConsoleWelcome asks the first owner who they are.
type ConsoleWelcome struct {
	Shell
	Action, Token         string
	OwnName, Email        string
	NameError, EmailError string
}

func (ConsoleWelcome) Name() string { return "console_welcome" }

// OneTime is what an authenticator app is set up with: the secret as text, in groups, and as a QR code. QR is the path of
// an SVG whose sides are Size long.
type OneTime struct {
	Secret, QR string
	Size       int
}

// PasswordForm sets a password with one-time codes.
type PasswordForm struct {
	Action, Token, Who, Error string
	OneTime
}

// ConsoleEnrol lets an operator choose what to sign in with.
type ConsoleEnrol struct {
	Shell
	Who      string
	First    bool   // makes the first owner
	BackURL  string // to correct name and address
	Passkey  PasskeyForm
	Password PasswordForm
}

func (ConsoleEnrol) Name() string { return "console_enrol" }

// PasskeyPart is for the page's template.
func (p ConsoleEnrol) PasskeyPart() passkeyPart { return passkeyPart{p.Passkey, p.Shell} }

// ConsoleRecovery shows recovery codes, this once.
type ConsoleRecovery struct {
	Shell
	Codes []string
	OnTo  string
}

func (ConsoleRecovery) Name() string { return "console_recovery" }

// ConsoleKey is a passkey of the operator's.
type ConsoleKey struct {
	ID, Label   string
	Added, Used time.Time
}

// ConsoleBrowser is where the operator is signed in.
type ConsoleBrowser struct {
	ID, Agent, Address, Way string
	Began, Seen             time.Time
	This                    bool
}

// ConsoleAccount is the operator's own account. What touches the ways to sign in is there only while the sign-in is
// fresh; else ConfirmURL leads to where it is confirmed.
type ConsoleAccount struct {
	Console
	Profile    Form
	Fresh      bool
	ConfirmURL string
	Keys       []ConsoleKey
	Passkey    PasskeyForm
	PasswordAt time.Time // zero: there is none
	Recovery   int       // codes left
	Password   PasswordForm
	Connection string // display name of the connection that the operator signs in with
	Browsers   []ConsoleBrowser
}

func (ConsoleAccount) Name() string { return "console_account" }

// PasskeyPart is for the page's template.
func (p ConsoleAccount) PasskeyPart() passkeyPart { return passkeyPart{p.Passkey, p.Shell} }
