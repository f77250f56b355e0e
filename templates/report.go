package templates

import (
	"html/template"
	"maps"
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
	Said                             fault.Said // what the texts are made of
	Preset                           string     // whose labels they name
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
	return f.labelled(f.Fix, "en")
}

// labelled is a text with the labels in bold, and beside each what the console calls it in the language.
func (f FindingCard) labelled(text, lang string) template.HTML {
	labels := append([]string(nil), f.Labels...)
	sort.Slice(labels, func(i, j int) bool { return len(labels[i]) > len(labels[j]) })
	return bold(text, labels, func(label string) string { return LocalLabel(f.Preset, lang, label) })
}

func bold(s string, labels []string, local func(label string) string) template.HTML {
	for i, l := range labels {
		if before, after, found := strings.Cut(s, l); found && l != "" {
			beside := ""
			if other := local(l); other != "" {
				beside = " (" + other + ")"
			}
			return bold(before, labels[i+1:], local) + "<strong>" + escaped(l) + "</strong>" + escaped(beside) + bold(after, labels[i+1:], local)
		}
	}
	return escaped(s)
}

func escaped(s string) template.HTML {
	return template.HTML(template.HTMLEscapeString(s)) // #nosec G203: escaped
}

// ReportCheck is one check of a report.
type ReportCheck struct{ Name, Status, Detail string }

// Title is what the check is called in a language.
func (c ReportCheck) Title(lang string) string {
	if p := Tell(lang, nil, "check: "+c.Name); p.Lang == lang {
		return strings.TrimPrefix(p.Text, "check: ")
	}
	return c.Name
}

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
	Said           fault.Said // what Past is made of
}

// ReportStep is one thing that happened at a test.
type ReportStep struct {
	At           time.Time
	Step, Detail string
}

// TitleID is the message id of what happened.
func (s ReportStep) TitleID() string { return "report.step_" + strings.ReplaceAll(s.Step, " ", "_") }

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
func (c ToldCard) Told() FindingText { return c.FindingCard.Told(c.Shell.LangTag()) }

// Told is the card in a language. A cause or fix of the case that is not translated gives way to the catalogue's; the fix
// then stands below it in English, since it names the fields.
func (f FindingCard) Told(lang string) FindingText {
	cause, fix, ok := FaultText(lang, fault.Code(f.Code))
	t := FindingText{Lang: lang, Cause: cause, Fix: escaped(fix), Detail: Tell(lang, f.Said, f.Detail)}
	for _, q := range f.Questions {
		t.Questions = append(t.Questions, Tell(lang, f.Said, q))
	}
	if !ok || lang == "en" || lang == "" {
		t.Lang, t.Cause, t.Fix = "en", f.Cause, f.FixHTML()
		return t
	}
	if own := Tell(lang, f.Said, f.Cause); own.Lang == lang {
		t.Cause = own.Text
	}
	if own := Tell(lang, f.Said, f.Fix); own.Lang == lang {
		t.Fix = f.labelled(own.Text, lang)
	} else {
		t.Own = f.FixHTML()
	}
	return t
}

// FindingText is what a card says: cause and fix in the language Lang, Own in English.
type FindingText struct {
	Lang, Cause string
	Fix, Own    template.HTML
	Detail      Phrase
	Questions   []Phrase
}

// Tell says one of the report's other texts in the page's language; a check's detail is mostly a finding's.
func (r TestReport) Tell(english string) Phrase {
	said := maps.Clone(r.Said)
	for _, f := range r.Findings {
		if said == nil {
			said = fault.Said{}
		}
		maps.Copy(said, f.Said)
	}
	return Tell(r.LangTag(), said, english)
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
