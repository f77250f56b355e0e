package templates_test

import "cloakroom/templates"

// wizardTexts are the texts that the wizard's structs choose.
var wizardTexts = []string{
	"step_provider", "step_copied", "step_pasted", "step_checked", "step_tested", "step_trusted", "step_live",
	"state_done", "state_todo", "state_warning", "state_failed",
	"provider_other", "kind_metadata_url", "kind_metadata", "kind_entity_id", "kind_sso_url", "kind_slo_url", "kind_certificate",
	"kind_issuer", "kind_client_id", "kind_client_secret", "kind_tenant", "kind_several",
	"check_ok", "check_warning", "check_error", "warning", "error",
}

func wizardSamples(lang string) []page {
	c := console(lang)
	begun, failed, passed := sampleWizard(lang), sampleWizard(lang), sampleWizard(lang)
	begun.Steps = wizardSteps("copied", "done", "todo", "todo", "todo", "todo", "todo", "todo")
	begun.Test, begun.Check, begun.Draft, begun.Copied = templates.WizardTest{}, templates.WizardCheck{}, true, false
	begun.Other, begun.Domains, begun.Free = true, nil, []string{"acme.example"}
	failed.Steps = wizardSteps("tested", "done", "done", "done", "warning", "failed", "warning", "todo")
	failed.Paste = templates.WizardPaste{Tried: true, Kind: "metadata_url", OtherPreset: "google", OtherTitle: "Google Workspace", OtherProtocol: "saml", Findings: []templates.FindingCard{
		{Code: "paste.other_provider", Severity: "error", Side: "ours", Confidence: "proved", Cause: "The value is of another provider than the one that was chosen.", Fix: "Choose that provider for this connection, or copy the value from the right console.", Observed: "Google Workspace", Expected: "Okta", HelpURL: "/help/faults/paste.other_provider"}}}
	failed.Test = templates.WizardTest{Ref: "7KQ2-MX9D", Status: "abandoned", At: c.When(c.Now), Findings: failed.Check.Findings}
	passed.Steps = wizardSteps("live", "done", "done", "done", "done", "done", "done", "todo")
	passed.Paste = templates.WizardPaste{Tried: true, Saved: true, Kind: "metadata_url"}
	return []page{
		{"console_wizard_begun", templates.ConsoleWizard{Console: c, Wizard: begun}},
		{"console_wizard_failed", templates.ConsoleWizard{Console: c, Wizard: failed}},
		{"console_wizard_passed", templates.ConsoleWizard{Console: c, Wizard: passed}},
		{"console_sheet", sampleSheet(c, begun)},
		{"console_wizard_new", templates.ConsoleWizardNew{Console: c, Action: "/admin/connections/new", SelfURL: "/admin/connections/new", Find: "azure", MayMake: true, Error: "Name the customer.", Typed: "acme",
			Realms: []templates.Option{{Value: "acme", Label: "Acme"}}, Tiles: []templates.WizardTile{
				{Preset: "entra", Title: "Microsoft Entra ID", Protocols: []templates.Option{{Value: "oidc", Label: "OpenID Connect"}, {Value: "saml", Label: "SAML"}}},
				{Preset: "active-directory", Title: "Active Directory (LDAP)", Protocols: []templates.Option{{Value: "ldap", Label: "LDAP"}}}}}},
	}
}

func wizardSteps(here string, states ...string) []templates.WizardStep {
	var out []templates.WizardStep
	for i, id := range []string{"provider", "copied", "pasted", "checked", "tested", "trusted", "live"} {
		out = append(out, templates.WizardStep{ID: id, State: states[i], Here: id == here})
	}
	return out
}

func sampleWizard(lang string) templates.Wizard {
	guide, _ := templates.GuideFor("okta")
	c := console(lang)
	finding := templates.FindingCard{Code: "saml.certificate_expiring", Severity: "warning", Side: "idp", Confidence: "proved", Cause: "The certificate expires soon.", Fix: "Create a new one.", Detail: "in 12 days", HelpURL: "/help/faults/saml.certificate_expiring"}
	return templates.Wizard{
		Shell: templates.Shell{Lang: lang}, Token: "c5rf", Provider: "Okta", Protocol: "saml", Guide: guide.Methods[0], GuideURL: "/help/providers/okta", Name: "Acme <b>", Slug: "acme-okta", Copied: true,
		Steps: wizardSteps("live", "done", "done", "done", "warning", "done", "warning", "todo"),
		Give: []templates.CopyField{{ID: "give-0", Label: "Single sign-on URL", Where: "Applications > Applications > Create App Integration > SAML 2.0 > Configure SAML", Value: "https://sso.example/broker/acme-okta/endpoint"},
			{ID: "give-1", Label: "Audience URI (SP Entity ID)", Where: "Configure SAML", Value: "https://sso.example/broker/acme-okta/metadata"}},
		Take: []templates.WizardTake{{Field: "/saml/metadata_url", Label: "Metadata URL", Where: "Sign On > SAML 2.0", First: true, Have: true, Value: "https://acme.okta.com/app/exk1/sso/saml/metadata"},
			{Field: "/saml/certificates", Label: "X.509 Certificate", Where: "View SAML setup instructions", Long: true}, {Field: "/oidc/client_secret", Label: "Client secrets", Secret: true, Have: true}},
		SecretEnds: true, SecretEndsAt: "2027-11-21",
		Check:   templates.WizardCheck{Status: "warning", Findings: []templates.FindingCard{finding}, At: c.When(c.Now)},
		Test:    templates.WizardTest{Ref: "7KQ2-MX9D", Status: "passed", Email: "ann@acme.example", Subject: "00u1", Outcome: "create", Why: "automatic", At: c.When(c.Now), Mapping: []templates.ReportField{{Field: "email", From: "email", Values: []string{"ann@acme.example"}}}},
		Domains: []templates.WizardDomain{{Name: "acme.example", Verified: true}, {Name: "acme.test"}}, Changed: c.When(c.Now), Changer: "eva@vendor.example",
		Do: templates.WizardActions{Paste: "/admin/p", Copied: "/admin/c", Check: "/admin/k", Test: "/admin/t", TestState: "/admin/s", Page: "/admin/g", Rechoose: "/admin/r", SwitchOn: "/admin/o", Domains: "/admin/d", AddDomain: "/admin/a", Self: "/admin/x"},
	}
}

func sampleSheet(c templates.Console, w templates.Wizard) templates.ConsoleSheet {
	g, _ := templates.GuideFor("okta")
	return templates.ConsoleSheet{Console: c, Wizard: w, Guide: g, HelpURL: "https://sso.example/help/providers/okta", Made: "2026-11-21"}
}
