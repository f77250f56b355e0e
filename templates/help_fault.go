package templates

import (
	"cmp"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

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
	{Prefix: "idp", Title: "What the provider's own page said"},
	{Prefix: "saml", Title: "SAML providers"},
	{Prefix: "scim", Title: "Provisioning (SCIM)"},
	{Prefix: "oidc", Title: "OpenID Connect and OAuth 2.0 providers"},
	{Prefix: "ldap", Title: "LDAP directories"},
	{Prefix: "paste", Title: "Values copied from the provider's console"},
	{Prefix: "net", Title: "Reaching a provider"},
	{Prefix: "time", Title: "Clocks"},
	{Prefix: "connection", Title: "Connections"},
	{Prefix: "test", Title: "Test logins"},
	{Prefix: "explain", Title: "Explaining a message"},
	{Prefix: "setup", Title: "Setup links"},
	{Prefix: "documents", Title: "What providers publish"},
	{Prefix: "shadow", Title: "Configurations on trial"},
	{Prefix: "key", Title: "Our keys"},
	{Prefix: "email", Title: "Email addresses"},
	{Prefix: "domain", Title: "Domains"},
	{Prefix: "scim", Title: "Directories that send people here (SCIM)"},
	{Prefix: "profile", Title: "What is said of a person"},
	{Prefix: "user", Title: "People"},
	{Prefix: "invite", Title: "Invitations"},
	{Prefix: "enforcement", Title: "Enforcement"},
	{Prefix: "local", Title: "Codes, passkeys and passwords"},
	{Prefix: "mail", Title: "Mail"},
	{Prefix: "webhook", Title: "Webhooks"},
	{Prefix: "operator", Title: "Operators of the console"},
	{Prefix: "op", Title: "Applications' requests"},
	{Prefix: "doctor", Title: "The installation"},
	{Prefix: "general", Title: "General"},
}

// belongs names the area of codes that have too few for one of their own.
var belongs = map[string]string{"oauth2": "oidc", "mapping": "profile", "merge": "user"}

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
	return cmp.Or(belongs[prefix], prefix)
}

// HelpFault is /help/faults/{code}.
type HelpFault struct {
	Shell
	Entry fault.Entry
}

func (HelpFault) Name() string { return "help_fault" }

// FaultWords are what a page says of the fault, and in which language.
type FaultWords struct{ Cause, Fix, Lang string }

// Words are the fault's cause and fix in the page's language where it has them, else in English.
func (h HelpFault) Words() FaultWords {
	cause, fix, ok := FaultText(h.LangTag(), h.Entry.Code)
	if !ok {
		return FaultWords{cause, fix, "en"}
	}
	return FaultWords{cause, fix, h.LangTag()}
}

// SideText says in words who can mend the fault, for the operators' console.
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

// SideID is the message id of who can mend it.
func (h HelpFault) SideID() string { return "report.side_" + string(cmp.Or(h.Entry.Side, fault.Ours)) }

// Question is what tells the fault from those that look like it, "" where there is no such question.
func (h HelpFault) Question() string { return fault.Question(h.Entry.Code) }

// Lookalikes are the faults that it can be taken for.
func (h HelpFault) Lookalikes() []fault.Alternative { return fault.Lookalikes(h.Entry.Code) }

// Consoles are what to click in the consoles where that is known.
func (h HelpFault) Consoles() []GuideFault {
	var out []GuideFault
	for _, g := range Guides() {
		if fix := clickFix(g.Preset, h.Entry.Code); fix != "" {
			out = append(out, GuideFault{Guide: g, Entry: h.Entry, Fix: fix})
		}
	}
	return out
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
