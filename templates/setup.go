package templates

import (
	_ "embed"
	"encoding/json"
	"sync"
)

//go:embed renewals.json
var renewalFile []byte

// renewals are the steps in a provider's console that lead to a new certificate or secret, by preset and protocol.
var renewals = sync.OnceValues(func() (map[string]map[string][]string, error) {
	out := map[string]map[string][]string{}
	return out, json.Unmarshal(renewalFile, &out)
})

// RenewalSteps are the steps in a preset's console, or those that fit every console.
func RenewalSteps(preset, protocol string) []string {
	all, err := renewals()
	if err != nil {
		return nil
	}
	if steps := all[preset][protocol]; len(steps) > 0 {
		return steps
	}
	return all["generic"][protocol]
}

// Setup is the page behind a setup link, for a customer's administrator: what is done, and what is next. Who is asked to
// do what decides which of its parts there are.
type Setup struct {
	Shell
	Purpose string // connection, certificate, secret, domain, scim
	Who     string // who asks for it
	Note    string
	Until   string // a date
	Done    string // the day on which the administrator was through, "" where that is not said yet
	Token   string // of every form
	Choice  *SetupChoice
	// ChooseURL is where another provider is chosen, "" where that is over.
	ChooseURL string
	Wizard    *Wizard // nil where there is no connection
	Renew     *SetupRenewal
	Domains   *SetupDomains
	Directory *SetupDirectory
	Finish    SetupFinish
}

func (Setup) Name() string { return "setup" }

// TitleID and IntroID are the message ids of what the page is for.
func (s Setup) TitleID() string { return "setup.title_" + s.kind() }
func (s Setup) IntroID() string { return "setup.intro_" + s.kind() }

func (s Setup) kind() string {
	switch s.Purpose {
	case "certificate", "secret", "domain", "scim":
		return s.Purpose
	}
	return "connection"
}

// Card is a finding for the wizard's partial.
func (s Setup) Card(f FindingCard) WizardCard { return WizardCard{f, s.Shell} }

// copyWords is a field to copy with the page's words for it.
type copyWords struct {
	CopyField
	Lang, Copy, Copied string
}

// Copy is a field to copy for the page's template.
func (s Setup) Copy(f CopyField) copyWords {
	return copyWords{f, s.LangTag(), s.T("action.copy"), s.T("action.copied")}
}

// SetupChoice lets the administrator choose a provider.
type SetupChoice struct {
	Action  string // POST choice: preset and protocol
	FindURL string // GET ?q=, "" where there are few
	Find    string
	Tiles   []WizardTile
	BackURL string // to the provider that is chosen already
	Problem *FindingCard
}

// SetupRenewal is the one field of a link for a certificate or a secret.
type SetupRenewal struct {
	Action   string // POST text, file, field, ends
	Steps    []string
	Field    string // pointer of the setting, "" where the text says it
	Secret   bool
	Ends     bool   // the day on which the secret ends is asked for
	FetchURL string // where certificates are read from by themselves
}

// SetupDomains are the domains to prove.
type SetupDomains struct {
	Add     string // POST domain
	Look    string // POST domain
	Typed   string
	Items   []SetupDomain
	Problem *FindingCard
}

// SetupDomain is a domain with the record that proves it.
type SetupDomain struct {
	Name, Shown   string
	Verified      bool
	Record, Value string
}

// DomainPill says how a domain stands.
func (s Setup) DomainPill(d SetupDomain) Pill {
	if d.Verified {
		return Pill{Kind: "good", Word: s.T("wizard.verified")}
	}
	return Pill{Kind: "warn", Word: s.T("wizard.unverified")}
}

// HinderedID is the message id of what comes before switching on, or of what that does.
func (s Setup) HinderedID() string {
	switch s.Finish.Hindered {
	case "support":
		return "setup.support"
	case "domains", "test":
		return "setup.need_" + s.Finish.Hindered
	}
	return "wizard.live_text"
}

// SetupFinish is the end of the page.
type SetupFinish struct {
	On       string // POST: switches the connection on
	Done     string // POST: tells support
	Hindered string // why it cannot be switched on here: support, test, domains
	Enabled  bool
	Renewal  bool // nothing is to be switched on
	Problem  *FindingCard
}
