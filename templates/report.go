package templates

import (
	"html/template"
	"sort"
	"strings"

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

// FixHTML is the fix with the console's labels in bold.
func (f FindingCard) FixHTML() template.HTML {
	labels := append([]string(nil), f.Labels...)
	sort.Slice(labels, func(i, j int) bool { return len(labels[i]) > len(labels[j]) })
	for _, l := range labels {
		if l != "" && strings.Contains(f.Fix, l) {
			before, after, _ := strings.Cut(f.Fix, l)
			return template.HTML(template.HTMLEscapeString(before) + "<strong>" + template.HTMLEscapeString(l) + "</strong>" + template.HTMLEscapeString(after))
		}
	}
	return template.HTML(template.HTMLEscapeString(f.Fix))
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
}

func (TestReport) Name() string { return "test_report" }

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
