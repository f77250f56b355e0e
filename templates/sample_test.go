package templates_test

import (
	"time"

	"cloakroom/broker/fault"
	"cloakroom/templates"
)

// page is a page to look at and to test with, under the name of its file.
type page struct {
	name string
	page templates.Page
}

func shell(lang string) templates.Shell {
	return templates.Shell{
		Lang: lang, Ref: "7KQ2-MX9D", HelpURL: "/help",
		Realm:     templates.RealmLook{Name: "acme", DisplayName: "Acme Logistics", Colour: "#0b6e4f", Texts: map[string]string{"help": "Service desk: +44 20 7946 0000, every day from 7 to 19."}},
		Languages: templates.Languages(lang, nil, func(code string) string { return "?ui_locales=" + code }),
	}
}

func bare(lang string) templates.Shell {
	s := shell(lang)
	s.Realm = templates.RealmLook{}
	s.Ref = ""
	return s
}

// samples are all pages with everything on them, in one language.
func samples(lang string) []page {
	s, b := shell(lang), bare(lang)
	hidden := []templates.Field{{Name: "csrf", Value: "c5rf"}}
	email := templates.EmailForm{Action: "/login/email", Hidden: hidden}
	wrong := templates.EmailForm{Action: "/login/email", Hidden: hidden, Email: "ann@acme", EmailError: templates.EmailUnknown}
	brands := []templates.Button{
		{Label: "Google", URL: "/broker/acme-google/login", Brand: templates.Google},
		{Label: "Microsoft", URL: "/broker/acme-ms/login", Brand: templates.Microsoft},
		{Label: "GitHub Acme", URL: "/broker/acme-gh/login", Brand: templates.GitHub},
		{Label: "GitHub partners", URL: "/broker/acme-gh2/login", Brand: templates.GitHub},
		{Label: "Apple", URL: "/broker/acme-apple/login", Brand: templates.Apple},
		{Label: "Acme SSO", URL: "/broker/acme-okta/login"},
		{Label: "Vereinigte Speditionsgesellschaft Müller-Lüdenscheidt & Söhne GmbH & Co. KG", URL: "/broker/vsm/login"},
	}
	links := []templates.DemoLink{
		{Label: "As a customer with SAML", Note: "Realm acme: its company speaks SAML 2.0", URL: "/demo/login?with=saml"},
		{Label: "As a customer with OpenID Connect", Note: "Realm globex: its company speaks OpenID Connect", URL: "/demo/login?with=oidc"},
	}
	logo := s
	logo.Theme = "light"
	logo.Realm.Colour = "#ffd400"
	logo.Realm.LogoURL = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 160 40'%3E%3Crect width='160' height='40' rx='6' fill='%23ffd400'/%3E%3C/svg%3E"
	guide, _ := templates.GuideFor("okta")
	return append(consoleSamples(lang), []page{
		{"chooser", templates.Chooser{Shell: s, EmailForm: email, App: "Parcel Tracker", Buttons: brands}},
		{"chooser_few", templates.Chooser{Shell: s, App: "Parcel Tracker", Buttons: brands[:2]}},
		{"chooser_logo", templates.Chooser{Shell: logo, EmailForm: email, App: "Parcel Tracker"}},
		{"chooser_email", templates.Chooser{Shell: s, EmailForm: wrong, App: "Parcel Tracker"}},
		{"chooser_search", templates.Chooser{Shell: s, App: "Parcel Tracker", Buttons: brands[5:], SearchURL: "/search", Query: "mül", More: true, NextURL: "/search?page=2"}},
		{"chooser_found", templates.Chooser{Shell: s, App: "Parcel Tracker", Buttons: brands[5:], SearchURL: "/search", Query: "mül"}},
		{"chooser_none", templates.Chooser{Shell: s, App: "Parcel Tracker", SearchURL: "/search", Query: "zzz"}},
		{"chooser_empty", templates.Chooser{Shell: s, App: "Parcel Tracker"}},
		{"where", templates.Where{Shell: b, EmailForm: email}},
		{"where_wrong", templates.Where{Shell: b, EmailForm: wrong}},
		{"prompt", templates.Prompt{Shell: s, Connection: "Acme", Action: "/prompt", Hidden: hidden, OtherURL: "/back", Error: templates.PromptWrong,
			Fields: []templates.PromptField{{Name: "username", Value: "ann"}, {Name: "password", Secret: true}, {Name: "code"}, {Name: "Badge"}}}},
		{"error", templates.Error{Shell: s, Public: "idp_misconfigured", App: "Parcel Tracker", BackURL: "https://app.example/"}},
		{"error_retry", templates.Error{Shell: s, Public: "unavailable", App: "Parcel Tracker", RetryURL: "/again", BackURL: "https://app.example/"}},
		{"error_bare", templates.Error{Shell: b, Public: "stray"}},
		{"error_invite", templates.Error{Shell: s, Public: "invite_other_address", App: "Parcel Tracker", Observed: "ben@acme.example", Expected: "a•••@acme.example", BackURL: "https://app.example/"}},
		{"error_held", templates.Error{Shell: s, Public: "held", App: "Parcel Tracker", RetryURL: "/again"}},
		{"invite", templates.Invite{Shell: s, App: "Parcel Tracker", Inviter: "eva@acme.example", Email: "a•••@acme.example", Until: "2026-12-05", Action: "/invite/x", Hidden: hidden}},
		{"invite_open", templates.Invite{Shell: s, App: "Parcel Tracker", Action: "/invite/x"}},
		{"confirm_link", templates.ConfirmLink{Shell: s, Email: "ann@acme.example", Via: "Acme SSO", Action: "/confirm", Error: templates.CodeWrong}},
		{"confirm_link_sent", templates.ConfirmLink{Shell: s, Email: "ann@acme.example", Via: "Acme SSO", Action: "/confirm", Sent: true}},
		{"signed_out", templates.SignedOut{Shell: s, App: "Parcel Tracker", BackURL: "https://app.example/", UpstreamRemains: true}},
		{"confirm_logout", templates.ConfirmLogout{Shell: s, App: "Parcel Tracker", Who: "ann@acme.example", Action: "/logout", Hidden: hidden, CancelURL: "/"}},
		{"logout_progress", templates.LogoutProgress{Shell: s, Frames: []string{"https://a.example/out", "https://b.example/out"}, ContinueURL: "/done"}},
		{"post_form", templates.PostForm{Shell: s, Action: "https://app.example/acs", To: "Parcel Tracker", Fields: []templates.Field{{Name: "SAMLResponse", Value: "PHNh"}, {Name: "RelayState", Value: "x"}}}},
		{"post_form_company", templates.PostForm{Shell: s, Action: "https://idp.example/sso", Fields: []templates.Field{{Name: "SAMLRequest", Value: "PHNh"}}}},
		{"home", templates.Home{Shell: b, LoginURL: "/login", DemoURL: "/demo", AdminURL: "/admin"}},
		{"demo_home", templates.DemoHome{Shell: b, App: "http://app.localhost:8080", Broker: "http://localhost:8080", IdP: "http://idp.localhost:8080", SignIns: links,
			Places: []templates.DemoLink{{Label: "Handbook", Note: "Providers and error codes", URL: "/help"}}}},
		{"demo_app", templates.DemoApp{Shell: b, SignedIn: true, Person: "Ann Example", Email: "ann@acme.example", SignOutURL: "/demo/logout", Hidden: hidden,
			Claims:  []templates.Claim{{Name: "iss", Value: "http://localhost:8080/realms/acme"}, {Name: "sub", Value: "usr_01K9Y2J7Q3"}, {Name: "auth_time", Value: "1795288706", Note: "21 Nov 2026, 19:18:26 UTC"}, {Name: "groups", Value: `["member","drivers"]`}},
			IDToken: "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c3JfMDFLOVkySjdRMyJ9.c2lnbmF0dXJl", AccessToken: "ca_9f8e7d6c5b4a39281706f5e4d3c2b1a0998877665544", RefreshToken: "cr_9f8e7d6c5b4a39281706f5e4d3c2b1a0998877665544",
			UserInfo: "{\n  \"sub\": \"usr_01K9Y2J7Q3\",\n  \"email\": \"ann@acme.example\"\n}", SignIns: links}},
		{"demo_app_out", templates.DemoApp{Shell: b, SignIns: links, Failure: "access_denied", FailureDetail: "The person stopped the sign-in."}},
		{"local", templates.Local{Shell: s, App: "Parcel Tracker", Email: "ann@acme", EmailError: templates.EmailMalformed, CodeAction: "/local/code", PasswordAction: "/local/password", BackURL: "/login",
			ManageURL: "https://sso.example/realms/acme/local", Passkey: templates.PasskeyForm{Action: "/local/passkey", Options: `{"challenge":"AA"}`, Failed: true}}},
		{"local_code", templates.LocalCode{Shell: s, Email: "ann@acme.example", Action: "/code", AgainAction: "/again", Error: templates.LocalCodeWrong, BackURL: "/login"}},
		{"local_password", templates.LocalPassword{Shell: s, Email: "ann@acme.example", Action: "/password", LinkAction: "/link", Error: templates.LocalPasswordWrong, BackURL: "/login"}},
		{"local_ways", templates.LocalWays{Shell: s, Who: "ann@acme.example", Listed: true, RemoveAction: "/remove", PasswordAction: "/password", PasswordError: templates.LocalShort, Hidden: hidden,
			Ways:    []templates.LocalWay{{ID: "1", Added: time.Unix(1795288706, 0)}, {ID: "2", Passkey: true, Name: "Work laptop", Added: time.Unix(1795288706, 0), Used: time.Unix(1795288706, 0)}},
			Passkey: templates.PasskeyForm{Action: "/passkey", Make: true, Named: true, Options: `{"challenge":"AA"}`, Hidden: hidden}}},
		{"local_ways_none", templates.LocalWays{Shell: s, Who: "ann@acme.example", Listed: true, PasswordAction: "/password"}},
		{"notice", templates.Notice{Shell: s, About: templates.NoticeLinkSent}},
		{"notice_password", templates.Notice{Shell: s, About: templates.NoticePasswordSet, BackURL: "/login", GoOn: true}},
		{"notice_passkey", templates.Notice{Shell: s, About: templates.NoticePasskeyAdded, App: "Parcel Tracker", BackURL: "https://app.example/"}},
		{"test_report", templates.TestReport{Shell: b, Status: "failed", Connection: "acme-okta", Outcome: "refuse", Why: "The sign-in fails before anybody asks who the person is.", Email: "ann@acme.example", Subject: "00u1", Letter: "What is wrong: …", Message: "<Response/>",
			Checks:  []templates.ReportCheck{{Name: "message", Status: "passed"}, {Name: "audience", Status: "failed", Detail: "http://sso.example"}, {Name: "person", Status: "not_reached"}},
			Mapping: []templates.ReportField{{Field: "email", From: "mail", Values: []string{"ann@acme.example"}}},
			Findings: []templates.FindingCard{{Code: "saml.audience_mismatch", Severity: "error", Side: "idp", Confidence: "proved", Cause: "The answer is made out to another application.", Fix: "Set Audience URI (SP Entity ID) to exactly https://sso.example.", Labels: []string{"Audience URI (SP Entity ID)"},
				Observed: "http://sso.example", Expected: "https://sso.example", ExpectedParts: []templates.DiffPart{{Text: "http"}, {Text: "s", Differs: true}, {Text: "://sso.example"}}, Questions: []string{"Which one?"}, HelpURL: "/help/faults/saml.audience_mismatch"}}}},
		{"test_report_waiting", templates.TestReport{Shell: b, Status: "waiting", AgainURL: "/test-report/7KQ2-MX9D", PageAction: "/test-report/7KQ2-MX9D/page"}},
		{"test_report_passed", templates.TestReport{Shell: b, Status: "passed", Connection: "acme-okta", Outcome: "create", Past: "Nobody has signed in through this connection yet.",
			Identity: []templates.ReportField{{Field: "mail", Values: []string{"ann@acme.example"}}}, Profile: []templates.ReportField{{Field: "groups", Values: []string{"drivers", "member"}}},
			Mapping: []templates.ReportField{{Field: "email", From: "mail", Values: []string{"ann@acme.example"}}, {Field: "locale"}},
			Steps:   []templates.ReportStep{{At: time.Unix(1795288706, 0), Step: "sent upstream", Detail: "idp.example"}, {At: time.Unix(1795288716, 0), Step: "examined"}}}},
		{"test_report_page", templates.TestReport{Shell: b, Status: "failed", Connection: "acme-okta", PageAction: "/test-report/7KQ2-MX9D/page", Letter: "What is wrong: …",
			Codes: []string{"AADSTS50105"}, Trace: map[string]string{"Correlation ID": "7f2a0a9e-1111-4222-8333-444455556666"},
			Findings: []templates.FindingCard{
				{Code: "idp.not_assigned", Severity: "error", Side: "idp", Confidence: "likely", Cause: "The person is not assigned.", Fix: "Users and groups > Add user/group. Or Assignment required? = No.", Labels: []string{"Users and groups", "Assignment required?"}, Questions: []string{"Which one?"}},
				{Code: "test.no_answer", Severity: "error", Side: "idp", Confidence: "proved", Cause: "No answer came back.", Fix: "Read the page."}}}},
		{"help_index", templates.HelpIndex{Shell: b}},
		{"help_faults", templates.HelpFaults{Shell: b}},
		{"help_fault", templates.HelpFault{Shell: b, Entry: fault.Lookup(fault.LoginForeign)}},
		{"help_provider", templates.HelpProvider{Shell: b, Guide: guide}},
	}...)
}
