package templates_test

import (
	"slices"
	"time"

	"cloakroom/templates"
)

// consoleSamples are the operators' pages; each part of the console keeps its own list.
func consoleSamples(lang string) []page {
	return slices.Concat(frameSamples(lang), operatorSamples(lang), wizardSamples(lang), setupSamples(lang))
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
		{"console_page", templates.ConsolePage{Console: c, Heading: "Acme", Purpose: "A customer and all that belongs to it.", Pill: templates.Pill{Kind: "good", Word: "Working"},
			Actions: []templates.Place{{Label: "Add a connection", URL: "/admin/new"}, {Label: "Hand-over sheet", URL: "/admin/sheet"}},
			Filter:  templates.Filter{Action: "/admin/x", Inputs: []templates.Input{{Kind: "text", Name: "q", Label: "Search", Value: "ann"}, {Kind: "select", Name: "status", Label: "Status", Options: []templates.Option{{Value: "", Label: "All"}}}}},
			Sections: []templates.Section{
				{ID: "glance", Figures: []templates.Figure{{Name: "Sign-ins today", Value: "1,204", URL: "/admin/logins"}, {Name: "Failed", Value: "17"}}, Charts: []templates.Chart{{Title: "Last 5 days", Bars: []templates.Bar{{Day: "2026-11-17", Good: 10, Bad: 1}, {Day: "2026-11-18"}, {Day: "2026-11-19", Good: 40, Bad: 12}, {Day: "2026-11-20", Good: 33}, {Day: "2026-11-21", Good: 3, Bad: 3}}}}},
				{Heading: "What is wrong", Findings: []templates.FindingCard{finding}},
				{Heading: "Facts", Facts: []templates.Fact{{Name: "Issuer", Cell: templates.Cell{Text: "https://idp.example/x", Code: true}}, {Name: "Certificate", Cell: templates.Cell{Expiry: templates.Expiry{What: "Signing certificate", At: c.Now, Days: 12}}}, {Name: "Last sign-in", Cell: templates.Cell{When: c.When(c.Now.Add(-7200e9)), Note: "by ann@acme.example"}}}, Copy: []templates.CopyField{{ID: "acs", Label: "Single sign-on URL", Where: "General > SAML Settings", Value: "https://sso.example/broker/acme/endpoint"}}},
				{Heading: "Steps", Trace: []templates.TraceStep{{At: c.When(c.Now), Step: "begun"}, {At: c.When(c.Now), Took: "+1.2 s", Step: "answer", Detail: "<Response>", Failed: true}}},
				{Heading: "Connections", Table: templates.Table{Label: "Connections", Columns: []string{"Name", "Status", "Changed", ""}, Rows: []templates.Row{{URL: "/admin/c/acme", Cells: []templates.Cell{{Text: "Acme Okta", Note: "acme-okta"}, {Pill: templates.Pill{Kind: "bad", Word: "Failing"}}, {Pairs: []templates.Change{{Name: "/enabled", Was: "false", Is: "true"}}}, {Button: &templates.Form{Action: "/admin/y", Token: "c5rf", Submit: "End"}}}}}, Pager: templates.Pager{FirstURL: "?", NextURL: "?cursor=x"}}},
				{Heading: "People", Empty: templates.Empty{Text: "Nobody has signed in yet. Invite somebody, or test the connection.", Next: templates.Place{Label: "Invite people", URL: "/admin/invite"}}},
				{Heading: "Message", Pre: "<Response/>", Fold: "Show the message", Links: []templates.Place{{Label: "Handbook", URL: "/help"}}, Buttons: []templates.Form{{Action: "/admin/z", Token: "c5rf", Submit: "Check now"}}, Folded: &templates.FoldedForm{Summary: "Change it", Form: templates.Form{Action: "/admin/w", Submit: "Save", Inputs: []templates.Input{{Kind: "date", Name: "until", Label: "Until"}}}}},
			}}},
		{"console_confirm", templates.ConsoleConfirm{Console: c, Heading: "Sign out everybody of Acme?", Text: []string{"214 people have 301 sessions."}, Form: form}},
	}
}
