package templates

import (
	"html/template"
	"sort"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// DiffPart is a stretch of a value; Differs marks what the other value does not have.
type DiffPart struct {
	Text    string
	Differs bool
}

// FindingCard is one finding: what is wrong, whose side it is on, what to click.
type FindingCard struct {
	Code, Severity, Side, Confidence string
	Cause, Fix                       string
	Labels                           []string // fields of the other console, set in bold
	Detail                           string
	Observed, Expected               string
	ObservedParts, ExpectedParts     []DiffPart // empty: the values are shown as they are
	Questions                        []string   // what tells other possible causes apart
	HelpURL                          string
}

// SideText says whose it is to mend.
func (f FindingCard) SideText() string {
	return HelpFault{Entry: fault.Entry{Side: fault.Side(f.Side)}}.SideText()
}

// SeverityWord and ConfidenceWord say in words what the card's look says.
func (f FindingCard) SeverityWord() string {
	if f.Severity == "warning" {
		return "Warning:"
	}
	return "Error:"
}

func (f FindingCard) ConfidenceWord() string {
	switch f.Confidence {
	case "proved":
		return "proved"
	case "likely":
		return "likely, not proved"
	case "guess":
		return "a guess"
	}
	return ""
}

// FixHTML is the fix with the console's labels in bold, each where it first stands.
func (f FindingCard) FixHTML() template.HTML {
	labels := append([]string(nil), f.Labels...)
	sort.Slice(labels, func(i, j int) bool { return len(labels[i]) > len(labels[j]) })
	return bold(f.Fix, labels)
}

func bold(s string, labels []string) template.HTML {
	for i, l := range labels {
		if before, after, found := strings.Cut(s, l); found && l != "" {
			return bold(before, labels[i+1:]) + "<strong>" + template.HTML(template.HTMLEscapeString(l)) + "</strong>" + bold(after, labels[i+1:])
		}
	}
	return template.HTML(template.HTMLEscapeString(s))
}

// ReportCheck is one check of a report.
type ReportCheck struct{ Name, Status, Detail string }

// StatusID is the message id of what became of the check.
func (c ReportCheck) StatusID() string {
	switch c.Status {
	case "passed", "failed":
		return "report.check_" + c.Status
	}
	return "report.check_not_reached"
}

// PillKind is how the check looks: never by colour alone, a word and an icon stand in it.
func (c ReportCheck) PillKind() string {
	switch c.Status {
	case "passed":
		return "good"
	case "failed":
		return "bad"
	}
	return "quiet"
}

// ReportField is a field of the profile and where it came from.
type ReportField struct {
	Field, From string
	Values      []string
}

// TestReport is what a test login ends on. Everything in it is from strangers and shown as text.
type TestReport struct {
	Shell
	Status         string // passed, failed, waiting, abandoned
	Connection     string
	Findings       []FindingCard
	Checks         []ReportCheck
	Mapping        []ReportField
	Email, Subject string
	Outcome, Why   string
	Message        string
	Letter         string // for those who run the identity provider
	AgainURL       string // looks again while the test waits
	PageAction     string // takes what the provider's page said, "" where there is nothing to ask
	Past           string // how the connection did so far
	Steps          []ReportStep
	Identity       []ReportField // what the provider says
	Profile        []ReportField // what becomes of it
	Codes          []string      // read off the provider's page
	Trace          map[string]string
}

// ReportStep is one thing that happened at a test.
type ReportStep struct {
	At           time.Time
	Step, Detail string
}

// Time is the step's time of day, Exact all of it.
func (s ReportStep) Time() string  { return s.At.UTC().Format("15:04:05 UTC") }
func (s ReportStep) Exact() string { return s.At.UTC().Format(time.RFC3339) }

// ClosesIn is after how many seconds the window of a test that has ended closes itself, 0 where it stays: what is wrong
// takes time to read.
func (r TestReport) ClosesIn() int {
	switch r.Status {
	case "passed":
		return 10
	case "failed":
		return 60
	}
	return 0
}

func (TestReport) Name() string { return "test_report" }

// Head are the findings that are the diagnosis, Rest what else there is to say.
func (r TestReport) Head() []FindingCard { return r.Findings[:min(1, len(r.Findings))] }
func (r TestReport) Rest() []FindingCard { return r.Findings[min(1, len(r.Findings)):] }

// SideID and SureID are message ids of the card's side and confidence.
func (f FindingCard) SideID() string {
	switch f.Side {
	case "ours", "idp", "user", "network", "app":
		return "report.side_" + f.Side
	}
	return "report.side_ours"
}

func (f FindingCard) SureID() string {
	switch f.Confidence {
	case "proved", "likely":
		return "report.sure_" + f.Confidence
	}
	return "report.sure_guess"
}

// ToldCard is a card on a page in a person's language.
type ToldCard struct {
	FindingCard
	Shell Shell
}

// Card puts a finding on the page.
func (r TestReport) Card(f FindingCard) ToldCard { return ToldCard{f, r.Shell} }

// T is a text of the page's language.
func (c ToldCard) T(id string) string { return c.Shell.T(id) }

// Told is what the card says in the page's language.
func (c ToldCard) Told() FindingText { return c.FindingCard.Told(c.Shell.Lang) }

// Told is the card's cause and fix in a language, and the language they come in: the case's own words are English, and
// stand under a translated fix.
func (f FindingCard) Told(lang string) FindingText {
	cause, fix, ok := FaultText(lang, fault.Code(f.Code))
	if !ok || lang == "en" || lang == "" {
		return FindingText{Lang: "en", Cause: f.Cause, Fix: f.FixHTML()}
	}
	t := FindingText{Lang: lang, Cause: cause, Fix: template.HTML(template.HTMLEscapeString(fix))} // #nosec G203: escaped
	if f.Fix != fault.Lookup(fault.Code(f.Code)).Fix {
		t.Own = f.FixHTML()
	}
	return t
}

// FindingText is what a card says, in the language Lang.
type FindingText struct {
	Lang, Cause string
	Fix, Own    template.HTML
}

// Kind is Status where there are words for it.
func (r TestReport) Kind() string {
	switch r.Status {
	case "passed", "failed", "waiting", "abandoned":
		return r.Status
	}
	return "waiting"
}

// OutcomeID is the message id of what would become of the person, "" where nobody got that far.
func (r TestReport) OutcomeID() string {
	switch r.Outcome {
	case "create", "link", "sign_in", "refuse":
		return "report.outcome_" + r.Outcome
	}
	return ""
}
