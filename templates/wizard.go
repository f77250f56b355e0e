package templates

import (
	"strings"

	"cloakroom/templates/locale"
)

// Wizard is the setup of one connection: what to do in the provider's console on the left, what to bring back on the
// right, then check, test, addresses, switch. It has no frame of its own: the console and the customer's setup page put
// theirs around {{template "wizard" .Wizard}} and say where its forms lead. Of Shell only the language is used.
type Wizard struct {
	Shell
	Token    string // of every form
	Provider string // what people call it
	Other    bool   // it has no name of its own here
	Protocol string // saml, oidc, oauth2, ldap
	Guide    Method // the handbook's steps in the provider's console
	GuideURL string
	Name     string // of the connection
	Slug     string
	Draft    bool
	Enabled  bool
	Steps    []WizardStep
	Give     []CopyField // our values under their labels
	Copied   bool        // they stand there, somebody said
	Take     []WizardTake
	Paste    WizardPaste
	Check    WizardCheck
	Test     WizardTest
	// SecretEnds asks for the day on which the secret ends; SecretEndsAt is the one that is known.
	SecretEnds   bool
	SecretEndsAt string
	Domains      []WizardDomain
	Free         []string // verified domains that it could have
	Trust        bool     // addresses are believed without a verified domain
	Changed      When
	Changer      string
	Do           WizardActions
}

// WizardActions is where the forms lead; a form without an address is left out.
type WizardActions struct {
	Paste     string // POST text or file, field
	Copied    string // POST copied=true|false
	Check     string // POST
	Test      string // POST: goes on to the test login; opened in a window of its own
	TestState string // GET: {"ref","status"} of the last test, as JSON
	Page      string // POST text: what the provider's page said
	Rechoose  string // POST preset, protocol
	SwitchOn  string // POST
	Domains   string // GET: where domains are verified
	AddDomain string // POST domain
	Self      string // GET: this page
}

// WizardStep is one step with its state: done, todo, warning, failed. Here marks the one to go on with.
type WizardStep struct {
	ID, State string
	Here      bool
	Stale     bool // done before the last change
}

// TitleID and StateID are the message ids of what the step is called and how it stands.
func (s WizardStep) TitleID() string { return "wizard.step_" + s.ID }
func (s WizardStep) StateID() string { return "wizard.state_" + s.State }

// WizardTake is a value of the provider that is needed here, under the provider's label.
type WizardTake struct {
	Field  string // pointer
	Label  string
	Local  string // the label in the page's language, "" for none
	Where  string
	Have   bool // it stands here
	Value  string
	Secret bool
	Long   bool
	First  bool // the one to ask for first
}

// WizardEnds is the field for the day on which the secret ends, under an id of its own.
type WizardEnds struct {
	Wizard
	ID string
}

// Ends is such a field.
func (w Wizard) Ends(id string) WizardEnds { return WizardEnds{w, id} }

// EndsField is the pointer of the day on which the connection's secret ends.
func (w Wizard) EndsField() string { return "/" + w.Protocol + "/client_secret_expires_at" }

// ID is the element's id.
func (t WizardTake) ID() string { return "take" + strings.ReplaceAll(t.Field, "/", "-") }

// WizardPaste is what became of the last paste. Kind is what it was; Tried says that there was one.
type WizardPaste struct {
	Tried         bool
	Saved         bool
	Kind          string
	Findings      []FindingCard
	OtherPreset   string // offered instead
	OtherTitle    string
	OtherProtocol string
}

// KindID is the message id of what was pasted.
func (p WizardPaste) KindID() string {
	if id := "wizard.kind_" + p.Kind; locale.Has(id) {
		return id
	}
	return "wizard.kind_several"
}

// WizardCheck is the last preflight. Status is ok, warning, error, or "" for none; Due asks a script to run it at once.
type WizardCheck struct {
	Status   string
	Findings []FindingCard
	At       When
	Stale    bool
	Due      bool
}

// WizardTest is the last test login. Status is passed, failed, waiting, abandoned, or "" for none.
type WizardTest struct {
	Ref, Status    string
	Findings       []FindingCard
	Email, Subject string
	Outcome, Why   string
	Mapping        []ReportField
	At             When
	Stale          bool
}

// OutcomeID is the message id of what would become of the person, "" where nobody got that far.
func (t WizardTest) OutcomeID() string { return TestReport{Outcome: t.Outcome}.OutcomeID() }

// WizardDomain is a domain of the connection.
type WizardDomain struct {
	Name     string
	Verified bool
}

// Step answers a step by its id.
func (w Wizard) Step(id string) WizardStep {
	for _, s := range w.Steps {
		if s.ID == id {
			return s
		}
	}
	return WizardStep{ID: id, State: "todo"}
}

// WizardCard is a finding with the page's language.
type WizardCard struct {
	FindingCard
	words Shell
}

// Theirs is where the administrator works, as sentences have it: in Okta, from the provider's console.
func (w Wizard) Theirs() string {
	if w.Other {
		return w.T("wizard.provider_other")
	}
	return w.Provider
}

// Card is a finding for the partial that shows it.
func (w Wizard) Card(f FindingCard) WizardCard { return WizardCard{f, w.Shell} }

// Tell says an English text in the page's language.
func (w Wizard) Tell(english string) Phrase { return Tell(w.LangTag(), nil, english) }

// Text is what the card says, in the page's language where it is translated.
func (c WizardCard) Text() FindingText { return c.Told(c.words.LangTag()) }

// T is a text in the page's language.
func (c WizardCard) T(id string, kv ...any) string { return c.words.T(id, kv...) }

// SeverityID is the message id of how bad it is.
func (c WizardCard) SeverityID() string {
	if c.Severity == "warning" {
		return "wizard.warning"
	}
	return "wizard.error"
}

// ProtocolWord is the protocol's name.
func (w Wizard) ProtocolWord() string {
	return map[string]string{"saml": "SAML", "oidc": "OpenID Connect", "oauth2": "OAuth 2.0", "ldap": "LDAP"}[w.Protocol]
}

// Passed says that the last test login went through.
func (w Wizard) Passed() bool { return w.Step("tested").State == "done" }

// StatusID is the message id of what the check found, "" for none.
func (c WizardCheck) StatusID() string {
	switch c.Status {
	case "ok", "warning", "error":
		return "wizard.check_" + c.Status
	}
	return ""
}

// State is the same as a step's.
func (c WizardCheck) State() string {
	return map[string]string{"ok": "done", "warning": "warning", "error": "failed"}[c.Status]
}

// StatusID is the message id of what became of the test.
func (t WizardTest) StatusID() string { return "report." + TestReport{Status: t.Status}.Kind() }

// State is the same as a step's.
func (t WizardTest) State() string {
	return map[string]string{"passed": "done", "failed": "failed", "abandoned": "failed"}[t.Status]
}

// Testable says that nothing that a test login needs is missing.
func (w Wizard) Testable() bool { return w.Step("pasted").State == "done" }

// ConsoleWizard is the wizard in the operators' frame.
type ConsoleWizard struct {
	Console
	Wizard Wizard
}

func (ConsoleWizard) Name() string { return "console_wizard" }

// WizardTile is a provider to choose.
type WizardTile struct {
	Preset, Title string
	Protocols     []Option
}

// ConsoleWizardNew is where a connection begins: which provider, and in which realm.
type ConsoleWizardNew struct {
	Console
	Action  string // POST preset, protocol, realm
	SelfURL string // GET ?q=
	Find    string // what was searched for
	Tiles   []WizardTile
	Realm   string   // chosen; "" asks
	Realms  []Option // to choose from
	MayMake bool     // a realm that is not there yet is made
	Error   string
	Typed   string // the realm as it was typed
}

func (ConsoleWizardNew) Name() string { return "console_wizard_new" }
