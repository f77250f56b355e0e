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
	Title   string   `json:"title"`
	Who     string   `json:"who"` // the role that the customer's administrator needs
	Intro   string   `json:"intro"`
	Methods []Method `json:"methods"`
	Seen    []Pair   `json:"seen"`  // what the provider shows when it goes wrong, and what that means
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

// HelpIndex is /help: the providers, and the way to the faults.
type HelpIndex struct {
	Shell
}

func (HelpIndex) Name() string { return "help_index" }

// Guides are the provider pages to list.
func (HelpIndex) Guides() []Guide { return Guides() }

// Areas are the areas of the fault catalogue.
func (HelpIndex) Areas() []FaultArea { return faultAreas() }

// HelpFaults is /help/faults: the whole catalogue.
type HelpFaults struct {
	Shell
}

func (HelpFaults) Name() string { return "help_faults" }

// Areas are the areas of the fault catalogue.
func (HelpFaults) Areas() []FaultArea { return faultAreas() }

// FaultArea is the part of the catalogue whose codes begin alike.
type FaultArea struct {
	Prefix, Title string
	Entries       []fault.Entry
}

// areaTitles names the areas in the order of the handbook; codes of no named area stand under "general".
var areaTitles = []FaultArea{
	{Prefix: "login", Title: "Signing in"},
	{Prefix: "email", Title: "Email addresses"},
	{Prefix: "saml", Title: "SAML providers"},
	{Prefix: "oidc", Title: "OpenID Connect and OAuth 2.0 providers"},
	{Prefix: "ldap", Title: "LDAP directories"},
	{Prefix: "net", Title: "Reaching a provider"},
	{Prefix: "op", Title: "Applications' requests (OpenID Connect)"},
	{Prefix: "idp", Title: "Applications' requests (SAML)"},
	{Prefix: "scim", Title: "Provisioning"},
	{Prefix: "general", Title: "General"},
}

func faultAreas() []FaultArea {
	areas := slices.Clone(areaTitles)
	for _, e := range fault.All() {
		i := slices.IndexFunc(areas, func(a FaultArea) bool { return a.Prefix == areaOf(e.Code) })
		if i < 0 {
			i = len(areas) - 1
		}
		areas[i].Entries = append(areas[i].Entries, e)
	}
	areas = slices.DeleteFunc(areas, func(a FaultArea) bool { return len(a.Entries) == 0 })
	for _, a := range areas {
		slices.SortFunc(a.Entries, func(x, y fault.Entry) int { return cmp.Compare(x.Code, y.Code) })
	}
	return areas
}

func areaOf(c fault.Code) string {
	prefix, _, dotted := strings.Cut(string(c), ".")
	if !dotted {
		return "general"
	}
	return prefix
}

// HelpFault is /help/faults/{code}.
type HelpFault struct {
	Shell
	Entry fault.Entry
}

func (HelpFault) Name() string { return "help_fault" }

// SideText says in words who can mend the fault.
func (h HelpFault) SideText() string {
	switch h.Entry.Side {
	case fault.IdP:
		return "the customer's administrator, at the identity provider"
	case fault.User:
		return "the person who signs in"
	case fault.Network:
		return "whoever runs the network or the server in between"
	case fault.App:
		return "the application's developers"
	}
	return "the operators of this installation"
}

// HasWords reports whether the fault has a sentence for the person who meets it.
func (h HelpFault) HasWords() bool { return Error{Public: h.Entry.Public}.Kind() == h.Entry.Public }

// Related are the other faults of the same area.
func (h HelpFault) Related() []fault.Entry {
	for _, a := range faultAreas() {
		if slices.ContainsFunc(a.Entries, func(e fault.Entry) bool { return e.Code == h.Entry.Code }) {
			return slices.DeleteFunc(a.Entries, func(e fault.Entry) bool { return e.Code == h.Entry.Code })
		}
	}
	return nil
}

// HelpProvider is /help/providers/{preset}.
type HelpProvider struct {
	Shell
	Guide Guide
}

func (HelpProvider) Name() string { return "help_provider" }
