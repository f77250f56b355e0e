package templates

import "cloakroom/templates/locale"

// Field is one field of a form; forms keep the order of their fields.
type Field struct{ Name, Value string }

// EmailForm asks for an address. It posts "email" and the hidden fields to Action.
type EmailForm struct {
	Action string // "" leaves the form out
	Hidden []Field
	Email  string // what was typed before
	// EmailError is the message id of what was wrong with it: EmailEmpty, EmailMalformed, EmailUnknown, EmailTooMany.
	EmailError string
}

// What can be wrong with a typed address.
const (
	EmailEmpty     = "email.empty"
	EmailMalformed = "email.malformed"
	EmailUnknown   = "email.unknown"
	EmailTooMany   = "email.too_many"
)

// Brands whose buttons follow their owners' rules.
const (
	Google    = "google"
	Microsoft = "microsoft"
	GitHub    = "github"
	Apple     = "apple"
)

// Button leads to one connection. Label is the connection's display name; a branded button says its brand's words
// instead, and shows Label below only where one brand stands on the page twice.
type Button struct {
	Label, URL string
	Brand      string // Google, Microsoft, GitHub, Apple or ""
}

// Branded reports whether the button has an owner's rules to follow.
func (b Button) Branded() bool {
	switch b.Brand {
	case Google, Microsoft, GitHub, Apple:
		return true
	}
	return false
}

// Chooser lets a person choose how to sign in to App.
type Chooser struct {
	Shell
	EmailForm
	App       string // the client's display name
	Buttons   []Button
	SearchURL string // GET with ?q=; "" leaves the search out. Its own query is lost: browsers replace it
	Query     string
	More      bool // there are more than these Buttons, at NextURL
	NextURL   string
	OtherURL  string // all ways in, where these are but those of one company
	LocalURL  string // the ways in without a company's sign-in page
}

func (Chooser) Name() string { return "chooser" }

// Caption tells two buttons of one brand apart.
func (c Chooser) Caption(b Button) string {
	n := 0
	for _, other := range c.Buttons {
		if b.Branded() && other.Brand == b.Brand {
			n++
		}
	}
	if n < 2 {
		return ""
	}
	return Clean(b.Label)
}

// OnlyEmail is true where the address is the only way on.
func (c Chooser) OnlyEmail() bool { return len(c.Buttons) == 0 }

// EmailErrorText is the sentence under the email field.
func (c Chooser) EmailErrorText() string { return c.emailError(c.EmailForm) }

// Where is GET /login: which address, then where to.
type Where struct {
	Shell
	EmailForm
}

func (Where) Name() string { return "where" }

// OnlyEmail is true: the page has nothing else.
func (Where) OnlyEmail() bool { return true }

// EmailErrorText is the sentence under the email field.
func (w Where) EmailErrorText() string { return w.emailError(w.EmailForm) }

// emailError is the sentence for a form's EmailError; an id we have no words for reads as a malformed address.
func (s Shell) emailError(f EmailForm) string {
	if !locale.Has(f.EmailError) {
		return s.T(EmailMalformed)
	}
	return s.T(f.EmailError)
}

// PromptField is one field that a person types: "username", "password", "code" have labels of their own.
type PromptField struct {
	Name, Value string
	Secret      bool
}

// Label is the field's message id, "" for a field we have no word for.
func (f PromptField) Label() string {
	if id := "prompt." + f.Name; locale.Has(id) {
		return id
	}
	return ""
}

// Autocomplete is what password managers go by.
func (f PromptField) Autocomplete() string {
	switch f.Name {
	case "username":
		return "username"
	case "password":
		return "current-password"
	case "code":
		return "one-time-code"
	}
	return "off"
}

// Prompt asks for what a connection checks itself (LDAP): it posts the fields and the hidden ones to Action.
type Prompt struct {
	Shell
	Connection string // its display name
	Action     string
	Hidden     []Field
	Fields     []PromptField
	Error      string // message id: PromptWrong, PromptEmpty …
	OtherURL   string // back to the chooser
}

// What can be wrong with a prompt's answer.
const (
	PromptWrong      = "prompt.wrong"
	PromptEmpty      = "prompt.empty"
	PromptWait       = "prompt.wait"            // too many wrong ones
	PromptDisabled   = "prompt.disabled"        // the account is switched off or over
	PromptRestricted = "prompt.restricted"      // not now, not from here
	PromptChange     = "prompt.password_change" // the password has to be changed first
)

func (Prompt) Name() string { return "prompt" }

// Error is the page where a sign-in ends without success. Public is fault.Entry.Public; it chooses the words.
type Error struct {
	Shell
	Public   string
	App      string
	RetryURL string // "" leaves the button out
	BackURL  string // to App
	// Observed and Expected are the two values of a comparison. Only the words of few Publics name them, and what they
	// name is fit for the person's eyes.
	Observed, Expected string
}

func (Error) Name() string { return "error" }

// Kind is Public where there are words for it, else "ours": nothing unknown is shown as known.
func (e Error) Kind() string {
	if locale.Has("fault." + e.Public + ".title") {
		return e.Public
	}
	return "ours"
}

// SignedOut says that it is done. UpstreamRemains is true where the company's sign-in page has no sign-out that we could
// reach, so that the next sign-in may ask nothing.
type SignedOut struct {
	Shell
	App, BackURL    string
	UpstreamRemains bool
}

func (SignedOut) Name() string { return "signed_out" }

// ConfirmLogout asks before signing out; it posts the hidden fields to Action.
type ConfirmLogout struct {
	Shell
	App, Who  string
	Action    string
	Hidden    []Field
	CancelURL string
}

func (ConfirmLogout) Name() string { return "confirm_logout" }

// LogoutProgress opens the apps' front-channel sign-out addresses in hidden frames and goes on to ContinueURL when they
// have answered, after three seconds at the latest; without script the person goes on by the link.
type LogoutProgress struct {
	Shell
	Frames      []string
	ContinueURL string
}

func (LogoutProgress) Name() string { return "logout_progress" }

// PostForm carries Fields to Action by a form that a script submits at once and a person can submit without one: SAML's
// POST binding, OIDC's form_post.
type PostForm struct {
	Shell
	Action string
	Fields []Field
	To     string // the app's display name; "" is the company's sign-in page
}

func (PostForm) Name() string { return "post_form" }

// Home is the front page of an installation.
type Home struct {
	Shell
	LoginURL, AdminURL, DemoURL string // "" leaves the link out
}

func (Home) Name() string { return "home" }

// DemoLink is one thing to try in the demo.
type DemoLink struct{ Label, Note, URL string }

// DemoHome explains the three roles of the demo and links to the ways in.
type DemoHome struct {
	Shell
	App, Broker, IdP string // addresses of the three, shown as text
	SignIns          []DemoLink
	Places           []DemoLink // the console, the API description, the handbook
}

func (DemoHome) Name() string { return "demo_home" }

// Claim is one claim of a token. Note explains it in the operator's language ("when the person signed in").
type Claim struct{ Name, Value, Note string }

// DemoApp shows the demo app: whom it knows, and what it got to know that from.
type DemoApp struct {
	Shell
	SignedIn                           bool
	Person, Email                      string
	Claims                             []Claim
	IDToken, AccessToken, RefreshToken string // redacted by the page
	UserInfo                           string // JSON, indented
	SignOutURL                         string // POST
	Hidden                             []Field
	SignIns                            []DemoLink
	Failure, FailureDetail             string // error and error_description of an answer that was refused
}

func (DemoApp) Name() string { return "demo_app" }
