package templates

import "slices"

// reader is the role that changes nothing.
const reader = "auditor"

// ConsolePage is a page of the console: a heading, then sections. Almost all pages are this one, so that they look and
// behave alike.
type ConsolePage struct {
	Console
	Heading, Purpose string
	Pill             Pill
	Actions          []Place // links beside the heading; the first is the page's primary one
	Filter           Filter
	Sections         []Section
	Live             bool // looks again every few seconds while the page is open
}

func (ConsolePage) Name() string { return "console_page" }

// Offered are the page's actions as the operator's role has them.
func (p ConsolePage) Offered() []Place {
	if p.Role == reader {
		return nil
	}
	return p.Actions
}

// Shown are the sections as the operator's role has them: whoever may only read sees what forms hold, and is offered
// nothing that would be refused.
func (p ConsolePage) Shown() []Section {
	if p.Role != reader {
		return p.Sections
	}
	out := make([]Section, len(p.Sections))
	for i, s := range p.Sections {
		out[i] = s.toRead()
	}
	return out
}

func (s Section) toRead() Section {
	s.Buttons, s.Offers, s.Folded, s.Empty.Next = nil, nil, nil, Place{}
	if s.Form != nil && !s.Form.Reads {
		locked := *s.Form
		locked.Locked = true
		s.Form = &locked
	}
	rows := make([]Row, len(s.Table.Rows))
	for i, r := range s.Table.Rows {
		rows[i] = Row{URL: r.URL, Cells: slices.Clone(r.Cells)}
		for j := range r.Cells {
			rows[i].Cells[j].Button = nil
		}
	}
	s.Table.Rows = rows
	return s
}

// Tests says that a test login can be begun here.
func (p ConsolePage) Tests() bool {
	return slices.ContainsFunc(p.Shown(), func(s Section) bool {
		return slices.ContainsFunc(s.Buttons, func(f Form) bool { return f.Test != nil })
	})
}

// Filter narrows a list by GET.
type Filter struct {
	Action string
	Inputs []Input
	Hidden []Field
}

// Section is a part of a page; what is empty of it is left out, and the rest stands in the order of the fields.
type Section struct {
	ID, Heading, Text string
	Findings          []FindingCard
	Figures           []Figure
	Charts            []Chart
	Facts             []Fact
	Copy              []CopyField
	Trace             []TraceStep
	Table             Table
	Empty             Empty // instead of a table without rows
	Pre               string
	Fold              string // the summary that Pre is folded under
	Links             []Place
	Offers            []Place // links to what changes something
	Buttons           []Form  // forms that are one button each
	Form              *Form
	Folded            *FoldedForm
}

// FoldedForm is a form that opens under a summary.
type FoldedForm struct {
	Summary string
	Form    Form
	Open    bool
}

// Figure is a number at a glance.
type Figure struct{ Name, Value, URL string }

// Fact is a line of what is known about a thing.
type Fact struct {
	Name string
	Cell
}

// Empty says what a list without rows is for, and the next step.
type Empty struct {
	Text string
	Next Place
}

// Table is a list; a row with a URL is a link as a whole.
type Table struct {
	Label   string
	Columns []string
	Rows    []Row
	Pager
}

// Column is the heading that a phone shows beside a value.
func (t Table) Column(i int) string {
	if i < len(t.Columns) {
		return t.Columns[i]
	}
	return ""
}

// Row is a line of a table.
type Row struct {
	URL   string
	Cells []Cell
}

// Cell is one value: what is empty of it is left out.
type Cell struct {
	Text   string
	Code   bool // set in the fixed-width face
	URL    string
	Note   string // smaller, below
	Pill   Pill
	When   When
	Expiry Expiry
	Chart  Chart
	Pairs  []Change
	Button *Form
}

// Blank says that there is nothing to show.
func (c Cell) Blank() bool {
	return c.Text+c.Note+c.Pill.Word+c.When.Short+c.Expiry.What == "" && len(c.Chart.Bars) == 0 && len(c.Pairs) == 0 && c.Button == nil
}

// Change is a field that changed, or just a name and what it is.
type Change struct{ Name, Was, Is string }

// TraceStep is one step of a login's time line.
type TraceStep struct {
	At     When
	Took   string // since the step before
	Step   string
	Detail string
	Failed bool
}
