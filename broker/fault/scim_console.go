package fault

import "strings"

// directoryConsole is where a provider's console has what a directory needs.
type directoryConsole struct {
	at       string // the way to the fields
	url      string // the field of our address
	token    string // the field of the token
	test     string // what tries the two
	again    string // what begins anew after a refusal, "" where the test is enough
	mappings string // the way to the attribute mappings
	assign   string // the way to those who are sent
}

var directoryFields = map[string]directoryConsole{
	"entra":        {"Enterprise apps > the app > Provisioning > Admin Credentials", "Tenant URL", "Secret Token", "Test Connection", "Restart provisioning", "Provisioning > Mappings > Provision Microsoft Entra ID Users", "Users and groups"},
	"okta":         {"Applications > the app > Provisioning > Integration > Edit", "SCIM connector base URL", "Authorization", "Test Connector Configuration", "", "Provisioning > To App > Attribute Mappings", "Assignments"},
	"onelogin":     {"Applications > the app > Configuration", "SCIM Base URL", "SCIM Bearer Token", "API Connection", "", "Parameters", "Users"},
	"pingone":      {"Integrations > Provisioning > the connection > Configuration", "SCIM Base URL", "Oauth Access Token", "Test Connection", "", "Provisioning > Rules > Attribute Mapping", "User Filter"},
	"pingfederate": {"SP Connections > our connection > Outbound Provisioning > Target", "SCIM URL", "Access Token", "Target", "", "Manage Channels > Attribute Mapping", "Manage Channels"},
	"jumpcloud":    {"SSO Applications > the app > Identity Management", "Base URL", "Token Key", "Test Connection", "", "Identity Management > Attribute Mapping", "User Groups"},
}

// DirectoryFix is what to click in the console of a preset about a directory that sends its people here, and the fields
// that it names; "" where nothing more is known than the catalogue's fix. It is for operators, in English.
func DirectoryFix(preset string, code Code) (fix string, labels []string) {
	f, ok := directoryFix(preset, code)
	if !ok {
		return "", nil
	}
	return f.text(""), f.labels("")
}

func directoryFix(preset string, code Code) (consoleFix, bool) {
	if f, ok := directoryConsoles[preset][code]; ok {
		return f, true
	}
	d, ok := directoryFields[preset]
	if !ok {
		return consoleFix{}, false
	}
	return d.fix(code)
}

func (d directoryConsole) fix(code Code) (consoleFix, bool) {
	switch code {
	case SCIMTokenMissing, SCIMTokenUnknown, SCIMTokenExpired, SCIMTokenRevoked:
		return d.paste("Make a token here and paste it into "+d.token+".", d.token), true
	case SCIMTokenDoubled:
		return d.paste("Paste the token alone into "+d.token+", without the word Bearer.", d.token), true
	case SCIMTokenTruncated:
		return d.paste("Make a new token here, copy it with the button beside it, and paste it into "+d.token+", whole and without quotes or blanks.", d.token), true
	case SCIMTokenElsewhere:
		return d.paste("Paste this connection's address into "+d.url+" and one of its own tokens into "+d.token+".", d.url, d.token), true
	case SCIMPath:
		return d.paste("Copy our address into "+d.url+" once more, with /scim/v2/ and without anything after it.", d.url), true
	case SCIMTaken, SCIMTarget, SCIMValue, SCIMFixed, SCIMFilter, SCIMNoAddress:
		return d.mapping(code), true
	case SCIMMember, LoginDirectory:
		return consoleFix{both: "Add the person under " + d.assign + ", so that they are sent as a person.", label: d.assign}, true
	}
	return consoleFix{}, false
}

// paste ends with trying what was pasted.
func (d directoryConsole) paste(what string, labels ...string) consoleFix {
	fix := d.at + ": " + what + " Then " + d.test
	if d.again != "" {
		fix += ", Save, and " + d.again
	}
	return consoleFix{both: fix + ".", label: strings.Join(append(labels, d.test), "|")}
}

func (d directoryConsole) mapping(code Code) consoleFix {
	what := "correct the attribute that the detail names, or take it out."
	labels := ""
	switch code {
	case SCIMTaken:
		what, labels = "let externalId come from an attribute that no two people share, and rename or remove one of the two.", "|externalId"
	case SCIMNoAddress:
		what, labels = "let emails[type eq \"work\"].value come from the attribute that holds the address.", "|emails[type eq \"work\"].value"
	case SCIMFilter:
		what, labels = "match people by userName or externalId.", "|userName"
	}
	return consoleFix{both: d.mappings + ": " + what, label: d.mappings + labels}
}
