package templates_test

import "cloakroom/templates"

// setupTexts are the texts that the setup page's struct chooses.
var setupTexts = []string{
	"setup.title_connection", "setup.title_certificate", "setup.title_secret", "setup.title_domain", "setup.title_scim", "setup.intro_scim",
	"directory.state_none", "directory.state_refused", "directory.state_tested", "directory.state_provisioning", "directory.state_silent",
	"setup.intro_connection", "setup.intro_certificate", "setup.intro_secret", "setup.intro_domain",
	"setup.support", "setup.need_domains", "setup.need_test", "wizard.live_text",
}

func setupSamples(lang string) []page {
	s := shell(lang)
	s.Ref = ""
	w := sampleWizard(lang).Localised("okta")
	w.Do.Domains, w.Do.SwitchOn, w.Changed = "", "", templates.When{}
	first := templates.Setup{Shell: s, Purpose: "connection", Who: "Vendor <b>support</b>", Note: "Please use the test group first.\n<script>alert(1)</script>", Until: "2026-12-05", Token: "c5rf"}
	domains := &templates.SetupDomains{Add: "/setup/x/domains", Look: "/setup/x/domains/look", Items: []templates.SetupDomain{
		{Name: "acme.example", Shown: "acme.example", Verified: true},
		{Name: "xn--mller-kva.example", Shown: "m\u00fcller.example", Record: "_cloakroom.xn--mller-kva.example", Value: "cloakroom-verify=0123456789abcdef0123456789abcdef"},
	}}
	finding := templates.FindingCard{Code: "domain.record_missing", Severity: "error", Side: "idp", Confidence: "proved", Cause: "There is no such record.", Fix: "Add the TXT record.", HelpURL: "/help/faults/domain.record_missing"}

	begun := first
	begun.Choice = &templates.SetupChoice{Action: "/setup/x/provider", FindURL: "/setup/x", Find: "azure", BackURL: "/setup/x", Tiles: []templates.WizardTile{
		{Preset: "entra", Title: "Microsoft Entra ID", Protocols: []templates.Option{{Value: "oidc", Label: "OpenID Connect"}, {Value: "saml", Label: "SAML"}}},
		{Preset: "okta", Title: "Okta", Protocols: []templates.Option{{Value: "saml", Label: "SAML"}}}}}
	none := first
	none.Choice = &templates.SetupChoice{Action: "/setup/x/provider", FindURL: "/setup/x", Find: "zzz", Problem: &finding}

	going := first
	going.Wizard, going.Domains, going.ChooseURL = &w, domains, "/setup/x?choose=1"
	going.Finish = templates.SetupFinish{On: "/setup/x/on", Done: "/setup/x/done", Hindered: "domains"}
	done := going
	done.Done, done.Finish = "2026-11-21", templates.SetupFinish{Enabled: true}

	certificate := first
	certificate.Purpose, certificate.Wizard, certificate.Finish = "certificate", &w, templates.SetupFinish{Done: "/setup/x/done", Renewal: true}
	certificate.Renew = &templates.SetupRenewal{Action: "/setup/x", Steps: templates.RenewalSteps("okta", "saml"), FetchURL: "https://acme.okta.com/app/exk1/sso/saml/metadata"}
	secret := first
	secret.Purpose, secret.Wizard, secret.Finish = "secret", &w, templates.SetupFinish{Done: "/setup/x/done", Renewal: true}
	secret.Renew = &templates.SetupRenewal{Action: "/setup/x", Steps: templates.RenewalSteps("entra", "oidc"), Field: "/oidc/client_secret", Secret: true, Ends: true}
	domain := first
	missing := *domains
	missing.Problem, missing.Typed = &finding, "gmail.com"
	domain.Purpose, domain.Domains, domain.Finish = "domain", &missing, templates.SetupFinish{Done: "/setup/x/done", Renewal: true}
	begin := first
	begin.Purpose, begin.Finish = "scim", templates.SetupFinish{Done: "/setup/x/done", Renewal: true}
	begin.Directory = &templates.SetupDirectory{
		Provider: "Microsoft Entra ID", Steps: templates.DirectorySteps("entra", lang), Path: "Enterprise apps > the application > Provisioning > Admin Credentials",
		Fields:     []templates.CopyField{{ID: "directory-url", Label: "Tenant URL", Local: templates.LocalLabel("entra", lang, "Tenant URL"), Value: "https://sso.example/scim/v2/acme-entra"}},
		TokenField: templates.CopyField{ID: "directory-token", Label: "Secret Token", Local: templates.LocalLabel("entra", lang, "Secret Token"), Value: "crs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"},
		Make:       "/setup/x/token", Made: "2026-11-22", Ends: "2027-11-22", Test: "Test Connection", TestLocal: templates.LocalLabel("entra", lang, "Test Connection"), State: "none", StateURL: "/setup/x/directory", LookURL: "/setup/x",
	}
	refused, arriving := begin, begin
	one, two := *begin.Directory, *begin.Directory
	one.State, one.Findings, one.TokenField.Value, one.Last = "refused", []templates.FindingCard{finding}, "", templates.When{Short: "2026-11-22 02:00 UTC", ISO: "2026-11-22T02:00:00Z"}
	two.State, two.Users, two.Inactive, two.Groups, two.TokenField.Value, two.Last = "provisioning", 214, 3, 7, "", one.Last
	refused.Directory, arriving.Directory = &one, &two
	return []page{
		{"setup_scim", begin}, {"setup_scim_refused", refused}, {"setup_scim_arriving", arriving},
		{"setup_choose", begun}, {"setup_choose_none", none}, {"setup_connection", going}, {"setup_done", done},
		{"setup_certificate", certificate}, {"setup_secret", secret}, {"setup_domain", domain},
	}
}
