package templates_test

import (
	"slices"
	"time"

	"cloakroom/templates"
)

// consoleSamples are the operators' pages; each part of the console keeps its own list.
func consoleSamples(lang string) []page {
	return slices.Concat(frameSamples(lang))
}

// console is the frame of an owner's page.
func console(lang string) templates.Console {
	return templates.Console{
		Shell: bare(lang), Now: time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC), Who: "eva@vendor.example", Role: "owner", Token: "c5rf",
		Places: []templates.Place{{Label: "Overview", URL: "/admin", Current: true}, {Label: "Realms", URL: "/admin/realms"}, {Label: "Connections", URL: "/admin/connections", Count: 3}},
		Crumbs: []templates.Place{{Label: "Realms", URL: "/admin/realms"}, {Label: "acme", URL: "/admin/realms/acme"}},
		Tabs:   []templates.Place{{Label: "Overview", URL: "/admin/realms/acme", Current: true}, {Label: "People", URL: "/admin/realms/acme/people", Count: 214}},
		Flash:  templates.Flash{Kind: "good", Text: "The connection was switched on."},
	}
}

func frameSamples(lang string) []page {
	c := console(lang)
	finding := templates.FindingCard{Code: "saml.audience_mismatch", Severity: "error", Side: "idp", Confidence: "likely", Cause: "The answer is made out to another application.",
		Fix: "Set Audience URI (SP Entity ID) to exactly https://sso.example.", Labels: []string{"Audience URI (SP Entity ID)"}, Detail: "1 of 2 restrictions",
		Observed: "http://sso.example", Expected: "https://sso.example", ExpectedParts: []templates.DiffPart{{Text: "http"}, {Text: "s", Differs: true}, {Text: "://sso.example"}},
		Questions: []string{"Does it happen to everybody?"}, HelpURL: "/help/faults/saml.audience_mismatch"}
	form := templates.Form{Action: "/admin/x", Token: "c5rf", Submit: "Sign out 214 people", Danger: true, CancelURL: "/admin", Error: "Nothing was saved.",
		Inputs: []templates.Input{{Kind: "text", Name: "name", Label: "Name", Hint: "Letters, digits and hyphens.", Value: "acme", Error: "is taken"},
			{Kind: "select", Name: "role", Label: "Role", Value: "support", Options: []templates.Option{{Value: "owner", Label: "Owner"}, {Value: "support", Label: "Support"}}},
			{Kind: "textarea", Name: "xml", Label: "Metadata"}, {Kind: "checkbox", Name: "sure", Label: "I have told them", Checked: true}, {Kind: "secret", Name: "client_secret", Label: "Client secret value"}}}
	return []page{
		{"console_fault", templates.ConsoleFault{Console: c, Finding: finding, BackURL: "/admin", Errors: []templates.Field{{Name: "/saml/certificates/0", Value: "is not a certificate"}}}},
		{"console_confirm", templates.ConsoleConfirm{Console: c, Heading: "Sign out everybody of Acme?", Text: []string{"214 people have 301 sessions."}, Form: form}},
	}
}
