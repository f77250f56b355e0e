package templates

import (
	"fmt"
	"time"
)

// Console is the frame of the operators' pages. It is in English: operators are few, and the words of a customer's
// console are quoted in it all day.
type Console struct {
	Shell
	Now    time.Time // what "2 hours ago" is counted from
	Who    string    // the operator's name or address
	Role   string    // owner, support, auditor
	Places []Place   // the navigation
	Crumbs []Place   // where this page is, the outermost first, without itself
	Tabs   []Place   // of a page about one thing
	Token  string    // the form token of everything that is posted
	Query  string    // what stands in the search box
	Flash  Flash     // what the action before this page did
}

// Place is a link of the navigation, a crumb or a tab.
type Place struct {
	Label, URL string
	Current    bool
	Count      int  // shown beside the label where it is more than 0
	Danger     bool // leads to what cannot be undone: never the page's primary action
}

// Flash is what an action did, told on the page after it. Kind is good or bad.
type Flash struct{ Kind, Text string }

// When is a moment as people say it, with the exact one beside it.
type When struct{ Short, Exact, ISO string }

// When says t as seen from the page's Now; the zero time is "never".
func (c Console) When(t time.Time) When {
	if t.IsZero() {
		return When{Short: "never"}
	}
	t = t.UTC()
	return When{Short: ago(c.Now.Sub(t), t), Exact: t.Format("2 Jan 2006, 15:04:05 UTC"), ISO: t.Format(time.RFC3339)}
}

func ago(d time.Duration, t time.Time) string {
	past := d >= 0
	if !past {
		d = -d
	}
	count := func(unit time.Duration) int {
		if past {
			return int(d / unit)
		}
		return int((d + unit - 1) / unit) // as what is left is counted
	}
	var n int
	var unit string
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		n, unit = count(time.Minute), "minute"
	case d < 48*time.Hour:
		n, unit = count(time.Hour), "hour"
	case d < 90*24*time.Hour:
		n, unit = count(24*time.Hour), "day"
	default:
		return t.Format("2 Jan 2006")
	}
	if n != 1 {
		unit += "s"
	}
	if past {
		return fmt.Sprintf("%d %s ago", n, unit)
	}
	return fmt.Sprintf("in %d %s", n, unit)
}

// Pill is a state: never by colour alone. Kind is good, warn, bad or quiet and chooses icon and colour.
type Pill struct{ Kind, Word string }

// CopyField is a value to copy elsewhere under the name that it has there.
type CopyField struct {
	ID, Label, Where, Value string
	Local                   string // the label in the page's language, "" for none
	Long                    bool   // shown on several lines
}

// Pager leads through a list.
type Pager struct{ FirstURL, NextURL string }

// Option is one choice of a select.
type Option struct{ Value, Label string }

// Input is one field of a form. Kind is text, email, url, number, secret, textarea, select, checkbox or date; Error is
// the sentence under it.
type Input struct {
	Kind, Name, Label, Hint, Value, Error string
	Placeholder                           string
	Options                               []Option
	Checked, Required                     bool
}

// ID is the element's id.
func (i Input) ID() string { return "f-" + i.Name }

// Type is the input element's type.
func (i Input) Type() string {
	switch i.Kind {
	case "email", "url", "number", "date":
		return i.Kind
	case "secret":
		return "password"
	}
	return "text"
}

// Form is a form of the console. Danger says what it hits: "Sign out 214 people".
type Form struct {
	Action, Token, Submit string
	Inputs                []Input
	Hidden                []Field
	CancelURL             string
	Danger                bool
	Error                 string // what is wrong with it as a whole
	Reads                 bool   // changes nothing: for whoever may only read, too
	Locked                bool   // only to be read
	Files                 bool   // sends files
	Test                  *FollowedTest
}

// FollowedTest makes a button open a test login in a window of its own, while the page goes on to the report: State is where
// the last test stands, as JSON, and Reports is what the address of a report begins with.
type FollowedTest struct{ State, Reports string }

// Bar is one day of a chart.
type Bar struct {
	Day        string // 2026-11-21
	Good, Bad  int
	x, g, b, h float64
}

// Chart is a bar chart of days, drawn by the server. Title says what it shows.
type Chart struct {
	Title string
	Bars  []Bar
}

const chartHeight, barWidth = 64.0, 8.0

// Drawn are the bars with their places in the picture.
func (c Chart) Drawn() []Bar {
	most := 1
	for _, b := range c.Bars {
		most = max(most, b.Good+b.Bad)
	}
	out := make([]Bar, len(c.Bars))
	for i, b := range c.Bars {
		b.x, b.h = float64(i)*barWidth, chartHeight
		b.g, b.b = float64(b.Good)/float64(most)*chartHeight, float64(b.Bad)/float64(most)*chartHeight
		out[i] = b
	}
	return out
}

// X places a bar, as GoodY, GoodH, BadY and BadH do: failures stand on successes.
func (b Bar) X() string     { return number(b.x) }
func (b Bar) GoodY() string { return number(b.h - b.g) }
func (b Bar) GoodH() string { return number(b.g) }
func (b Bar) BadY() string  { return number(b.h - b.g - b.b) }
func (b Bar) BadH() string  { return number(b.b) }

func number(f float64) string { return fmt.Sprintf("%.1f", f) }

// Width is the picture's width.
func (c Chart) Width() string { return number(float64(max(len(c.Bars), 1)) * barWidth) }

// Sum counts what the chart shows, for those who do not see it.
func (c Chart) Sum() (s struct{ Good, Bad int }) {
	for _, b := range c.Bars {
		s.Good += b.Good
		s.Bad += b.Bad
	}
	return s
}

// Expiry is how long something still holds, against 90 days.
type Expiry struct {
	What string
	At   time.Time
	Days int // left, a begun one counted as one; 0 where it is over
}

// Left is what the bar shows, 0 to 90.
func (e Expiry) Left() int { return min(max(e.Days, 0), 90) }

// Pill is the same in words.
func (e Expiry) Pill() Pill {
	switch {
	case e.At.IsZero():
		return Pill{"quiet", "no end"}
	case e.Days <= 0:
		return Pill{"bad", "expired"}
	case e.Days == 1:
		return Pill{"bad", "1 day left"}
	case e.Days <= 7:
		return Pill{"bad", fmt.Sprintf("%d days left", e.Days)}
	case e.Days <= 30:
		return Pill{"warn", fmt.Sprintf("%d days left", e.Days)}
	}
	return Pill{"good", fmt.Sprintf("%d days left", e.Days)}
}

// ConsoleFault is an action that was refused, with what the catalogue knows of it.
type ConsoleFault struct {
	Console
	Finding FindingCard
	Errors  []Field // field by field: its name, what is wrong
	BackURL string
}

func (ConsoleFault) Name() string { return "console_fault" }

// ConsoleConfirm asks before something dangerous, naming what it hits.
type ConsoleConfirm struct {
	Console
	Heading string
	Text    []string
	Form    Form
}

func (ConsoleConfirm) Name() string { return "console_confirm" }
