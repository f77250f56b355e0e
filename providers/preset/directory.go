package preset

import (
	"slices"
	"time"
)

// Directory is how a provider's console sends its people here by SCIM 2.0: the fields that our two values go into, in the
// console's own words, and how it behaves when it does.
type Directory struct {
	Path  string // the way to the fields
	URL   string // the field of our base URL
	Token string // the field of the token
	// Bearer says that the console writes "Bearer" in front of what is typed into Token.
	Bearer bool
	Also   []Fixed // the fields beside them, with what goes into them
	Test   string  // what tries the two
	Begin  string  // what lets people be sent once that works
	// Cycle is how often the provider sends what has changed; zero where it sends each change at once.
	Cycle time.Duration
	// Key is the attribute there that externalId should come from, so that who is sent and who signs in are one person.
	Key string
}

// Fixed is a field of a console with the value that goes into it.
type Fixed struct{ Label, Value string }

// Silence is how long only test queries may come before something must be missing on the provider's side.
func (d Directory) Silence() time.Duration { return d.Cycle + 5*time.Minute }

// Directory answers how the provider sends people; own is false where it cannot by itself, and the words are those of any
// program that does it in its place.
func (p Preset) Directory() (d Directory, own bool) {
	d, own = directories()[p.Name]
	if !own {
		d = directories()["generic"]
	}
	d.Also = slices.Clone(d.Also)
	return d, own
}

func directories() map[string]Directory {
	return map[string]Directory{
		"entra": {
			Path: "Enterprise apps > the application > Provisioning > Admin Credentials", URL: "Tenant URL", Token: "Secret Token", Test: "Test Connection",
			Begin: "Start provisioning", Cycle: 40 * time.Minute, Key: "objectId",
		},
		"okta": {
			Path: "Applications > the application > Provisioning > Integration", URL: "SCIM connector base URL", Token: "HTTP Header – Authorization", Bearer: true,
			Also: []Fixed{{"Unique identifier field for users", "userName"}, {"Authentication Mode", "HTTP Header"}}, Test: "Test Connector Configuration", Begin: "To App",
		},
		"onelogin": {
			Path: "Applications > the application > Configuration", URL: "SCIM Base URL", Token: "SCIM Bearer Token", Test: "API Connection", Begin: "Enable provisioning",
		},
		"pingone": {
			Path: "Integrations > Provisioning > the connection > Configuration > Authentication", URL: "SCIM Base URL", Token: "Oauth Access Token",
			Also: []Fixed{{"Users Resource", "/Users"}, {"SCIM Version", "2.0"}, {"Authentication Method", "OAuth 2 Bearer Token"}, {"Auth Type Header", "Bearer"}},
			Test: "Test Connection", Begin: "New Rule",
		},
		"pingfederate": {
			Path: "SP Connections > our connection > Outbound Provisioning > Target", URL: "SCIM URL", Token: "Access Token",
			Also: []Fixed{{"SCIM Version", "2.0"}, {"Authentication Methods", "OAuth 2 Bearer Token"}, {"Unique User Identifier", "userName"}}, Test: "Target", Begin: "Channel Status", Cycle: time.Minute,
		},
		"jumpcloud": {
			Path: "SSO Applications > the application > Identity Management", URL: "Base URL", Token: "Token Key",
			Also: []Fixed{{"API Type", "SCIM API"}, {"SCIM Version", "SCIM 2.0"}}, Test: "Test Connection", Begin: "User Groups",
		},
		"generic": {URL: "SCIM base URL", Token: "Bearer token", Also: []Fixed{{"SCIM version", "2.0"}}, Test: "Test connection", Begin: "Provisioning", Cycle: 40 * time.Minute},
	}
}
