package templates

import (
	"cmp"
	"embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"cloakroom/broker/fault"
)

// The handbook's own words are English; the frame around them is in the reader's language.

//go:embed help/*.json
var helpFiles embed.FS

// Guide is the handbook's page on one provider preset. Its texts may hold **labels** and `values`. What vendors call
// their fields changes yearly, so all of it is data, in help/<preset>.json.
type Guide struct {
	Preset  string   `json:"preset"`
	Also    []string `json:"also"` // what else it is called
	Title   string   `json:"title"`
	Who     string   `json:"who"` // the role that the customer's administrator needs
	Intro   string   `json:"intro"`
	Methods []Method `json:"methods"`
	Seen    []Pair   `json:"seen"`  // what the provider shows when it goes wrong, and what that means
	Slips   []Slip   `json:"slips"` // what is often brought here in place of the right value
	Notes   []Pair   `json:"notes"` // subject, email, certificates, sign-out: what to know, by topic
}

// Method is one way to connect a provider.
type Method struct {
	Protocol string   `json:"protocol"` // "SAML", "OpenID Connect", …
	Path     string   `json:"path"`     // menu path in the provider's console
	Give     []Pair   `json:"give"`     // our value -> the provider's field
	Steps    []string `json:"steps"`
	Take     []Pair   `json:"take"` // the provider's value -> our field
}

// Pair is a row of two.
type Pair struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Slip is a mistake, what to do instead, and the fault that it ends in here.
type Slip struct {
	Pair
	Code fault.Code `json:"code"`
}

var guides = sync.OnceValues(func() ([]Guide, error) {
	entries, err := helpFiles.ReadDir("help")
	if err != nil {
		return nil, err
	}
	var out []Guide
	for _, e := range entries {
		data, err := helpFiles.ReadFile("help/" + e.Name())
		if err != nil {
			return nil, err
		}
		var g Guide
		if err := json.Unmarshal(data, &g); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Guide) int { return cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)) })
	return out, nil
})

// Guides lists the handbook's provider pages by title.
func Guides() []Guide {
	g, _ := guides()
	return slices.Clone(g)
}

// GuideFor finds the page of a preset.
func GuideFor(preset string) (Guide, bool) {
	for _, g := range Guides() {
		if g.Preset == preset {
			return g, true
		}
	}
	return Guide{}, false
}

// FindGuides lists those whose name, or one of whose other names, holds a text; all for "".
func FindGuides(text string) []Guide {
	want := folded(text)
	return slices.DeleteFunc(Guides(), func(g Guide) bool {
		return !slices.ContainsFunc(append([]string{g.Preset, g.Title}, g.Also...), func(s string) bool { return strings.Contains(folded(s), want) })
	})
}

func folded(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(strings.ToLower(s))
}

// HelpIndex is /help: the providers, how a connection begins, and the way to the faults.
type HelpIndex struct {
	Shell
	Find string // what was searched for
}

func (HelpIndex) Name() string { return "help_index" }

// Guides are the provider pages to list.
func (h HelpIndex) Guides() []Guide { return FindGuides(h.Find) }

// Areas are the areas of the fault catalogue.
func (HelpIndex) Areas() []FaultArea { return faultAreas() }

// HelpProvider is /help/providers/{preset}.
type HelpProvider struct {
	Shell
	Guide Guide
}

func (HelpProvider) Name() string { return "help_provider" }

// Sign is what a provider's page shows, and the faults that are read out of it.
type Sign struct {
	Pair
	Codes []fault.Code
}

// Signs are what the provider's own pages show, each with what is read out of it here.
func (h HelpProvider) Signs() []Sign {
	out := make([]Sign, len(h.Guide.Seen))
	for i, p := range h.Guide.Seen {
		out[i] = Sign{Pair: p}
		for _, f := range fault.ReadPage(h.Guide.Preset, p.From).Faults {
			out[i].Codes = append(out[i].Codes, f.Code)
		}
	}
	return out
}

// GuideFault is a fault with what to click about it in one provider's console.
type GuideFault struct {
	Guide Guide
	Entry fault.Entry
	Fix   string
}

// DirectorySteps are the steps that make the provider send its people here, none where it cannot by itself.
func (h HelpProvider) DirectorySteps() []string {
	if !SendsPeople(h.Guide.Preset) {
		return nil
	}
	return DirectorySteps(h.Guide.Preset, "en")
}

// clickFix is what to click in a provider's console about a fault, "" where that is not known.
func clickFix(preset string, code fault.Code) string {
	fix, _ := fault.ConsoleFix(preset, "", code)
	if fix == "" {
		fix, _ = fault.DirectoryFix(preset, code)
	}
	return fix
}

// Faults are those for which it is known what to click in this provider's console.
func (h HelpProvider) Faults() []GuideFault {
	var out []GuideFault
	for _, e := range fault.All() {
		if fix := clickFix(h.Guide.Preset, e.Code); fix != "" {
			out = append(out, GuideFault{h.Guide, e, fix})
		}
	}
	slices.SortFunc(out, func(a, b GuideFault) int { return cmp.Compare(a.Entry.Code, b.Entry.Code) })
	return out
}
