package templates_test

import (
	"time"

	"cloakroom/templates"
)

// operatorSamples are the console's doors and the operator's own account.
func operatorSamples(lang string) []page {
	b := bare(lang)
	at := time.Unix(1795288706, 0)
	hidden := []templates.Field{{Name: "csrf", Value: "c5rf"}}
	key := templates.PasskeyForm{Action: "/admin/account/passkey", Make: true, Named: true, Options: `{"challenge":"AA"}`, Hidden: hidden}
	password := templates.PasswordForm{Action: "/admin/account/password", Token: "c5rf", Who: "eva@example.org", Error: "The two entries of the password differ.",
		OneTime: templates.OneTime{Secret: "JBSW Y3DP EHPK 3PXP", QR: "M4 4h7v7h-7z", Size: 41}}
	console := templates.Console{Shell: b, Now: at, Who: "eva@example.org", Role: "owner", Token: "c5rf", Places: []templates.Place{{Label: "Overview", URL: "/admin"}}}
	return []page{
		{"console_signin", templates.ConsoleSignin{Shell: b, To: "/admin", Token: "c5rf", Passkey: templates.PasskeyForm{Action: "/admin/signin/passkey", Options: `{"challenge":"AA"}`, Hidden: hidden, Conditional: true},
			Connections: []templates.ConsoleWay{{Realm: "staff", Label: "Example staff"}}}},
		{"console_signin_again", templates.ConsoleSignin{Shell: b, To: "/admin/account", Again: true, Token: "c5rf", Email: "eva@example.org", Error: "That is not right, or may not sign in here.", Passkey: templates.PasskeyForm{Action: "/admin/signin/passkey", Options: `{}`}}},
		{"console_welcome", templates.ConsoleWelcome{Shell: b, Action: "/admin/welcome/x", Token: "c5rf", OwnName: "Eva", Email: "eva", NameError: "A name has at most 200 characters.", EmailError: "Enter an email address."}},
		{"console_enrol", templates.ConsoleEnrol{Shell: b, Who: "eva@example.org", First: true, BackURL: "/admin/welcome/x?edit=1", Passkey: key, Password: password}},
		{"console_recovery", templates.ConsoleRecovery{Shell: b, Codes: []string{"7KQ2-MX9D-0000-1111", "AAAA-BBBB-CCCC-DDDD"}, OnTo: "/admin"}},
		{"console_account", templates.ConsoleAccount{Console: console, Fresh: true, ConfirmURL: "/admin/signin?again=1", Passkey: key, Password: password, PasswordAt: at, Recovery: 9, Connection: "staff-okta",
			Profile:  templates.Form{Action: "/admin/account", Token: "c5rf", Submit: "Save", Inputs: []templates.Input{{Kind: "text", Name: "name", Label: "Your name", Value: "Eva"}}},
			Keys:     []templates.ConsoleKey{{ID: "1", Label: "Work laptop", Added: at, Used: at}, {ID: "2", Added: at}},
			Browsers: []templates.ConsoleBrowser{{ID: "1", Agent: "Mozilla/5.0 (X11; Linux x86_64)", Address: "192.0.2.7", Way: "passkey", Began: at, Seen: at, This: true}, {ID: "2", Agent: "curl/8", Address: "192.0.2.8", Way: "password", Began: at, Seen: at}}}},
		{"console_account_stale", templates.ConsoleAccount{Console: console, ConfirmURL: "/admin/signin?again=1&to=%2Fadmin%2Faccount",
			Profile: templates.Form{Action: "/admin/account", Token: "c5rf", Submit: "Save", Inputs: []templates.Input{{Kind: "text", Name: "name", Label: "Your name", Value: "Eva"}}}}},
	}
}
