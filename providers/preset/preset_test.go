package preset_test

import (
	"encoding/json"
	"slices"
	"testing"

	"cloakroom/providers/preset"
)

func TestEveryPresetIsWhole(t *testing.T) {
	names := []string{"okta", "entra", "adfs", "google", "microsoft", "onelogin", "pingone", "pingfederate", "jumpcloud", "keycloak", "shibboleth", "github", "apple", "active-directory", "generic"}
	var have []string
	for _, p := range preset.All() {
		have = append(have, p.Name)
		if p.Title == "" || len(p.Protocols) == 0 || len(p.Synonyms) == 0 {
			t.Errorf("%s lacks title, protocols or synonyms", p.Name)
		}
		for _, protocol := range p.Protocols {
			whole(t, p, protocol)
		}
	}
	slices.Sort(have)
	slices.Sort(names)
	if !slices.Equal(have, names) {
		t.Errorf("presets %v, the contract has %v", have, names)
	}
}

func whole(t *testing.T, p preset.Preset, protocol string) {
	t.Helper()
	where := p.Name + "/" + protocol
	d := p.Defaults(protocol)
	if _, err := json.Marshal(d); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	if _, ok := d[protocol].(map[string]any); !ok {
		t.Errorf("%s: defaults %v", where, d)
	}
	subjects := p.Subjects(protocol)
	if len(subjects) == 0 {
		t.Errorf("%s: nothing tells people apart", where)
	}
	for i, s := range subjects {
		if s.Mutable != (s.Kind == "email") || s.Kind == "email" && i != len(subjects)-1 {
			t.Errorf("%s: subject %v at %d", where, s, i)
		}
		if len(s.Attributes) == 0 && s.Kind != "nameid" && s.Kind != "email" {
			t.Errorf("%s: subject %v is made of nothing", where, s)
		}
	}
	fields := map[string]bool{}
	for _, h := range p.Handover(protocol) {
		if h.Label == "" || !slices.Contains([]string{"acs_url", "entity_id", "metadata_url", "redirect_uri", "logout_url", "certificate", "login_url", "open_port"}, h.Field) {
			t.Errorf("%s: handover %v", where, h)
		}
		fields[h.Field] = true
	}
	switch protocol {
	case "saml":
		if !fields["acs_url"] || !fields["entity_id"] {
			t.Errorf("%s: no place for ACS or entity ID", where)
		}
	case "oidc", "oauth2":
		if !fields["redirect_uri"] {
			t.Errorf("%s: no place for the redirect URI", where)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, tt := range []struct{ preset, protocol, field, label string }{
		{"okta", "saml", "acs_url", "Single sign-on URL"},
		{"okta", "saml", "entity_id", "Audience URI (SP Entity ID)"},
		{"okta", "oidc", "redirect_uri", "Sign-in redirect URIs"},
		{"entra", "saml", "acs_url", "Reply URL (Assertion Consumer Service URL)"},
		{"entra", "saml", "entity_id", "Identifier (Entity ID)"},
		{"adfs", "saml", "metadata_url", "Federation metadata address (host name or URL)"},
		{"google", "oidc", "redirect_uri", "Authorized redirect URIs"},
		{"onelogin", "saml", "entity_id", "Audience (EntityID)"},
		{"github", "oauth2", "redirect_uri", "Authorization callback URL"},
		{"apple", "oidc", "redirect_uri", "Return URLs"},
	} {
		p, _ := preset.Get(tt.preset)
		if !slices.ContainsFunc(p.Handover(tt.protocol), func(h preset.Handover) bool { return h.Field == tt.field && h.Label == tt.label }) {
			t.Errorf("%s/%s: %s is not %q", tt.preset, tt.protocol, tt.field, tt.label)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, tt := range []struct{ preset, protocol, first string }{
		{"entra", "oidc", "tid+oid"}, {"entra", "saml", "tid+oid"}, {"google", "oidc", "iss+sub"}, {"generic", "oidc", "iss+sub"},
		{"github", "oauth2", "id"}, {"active-directory", "ldap", "attribute"}, {"generic", "saml", "nameid"}, {"shibboleth", "saml", "nameid"},
	} {
		p, _ := preset.Get(tt.preset)
		if got := p.Subjects(tt.protocol)[0].Kind; got != tt.first {
			t.Errorf("%s/%s begins with %s, want %s", tt.preset, tt.protocol, got, tt.first)
		}
	}
}

func TestSearch(t *testing.T) {
	for text, want := range map[string]string{"azure ad": "entra", "AzureAD": "entra", "g-suite": "google", "active directory federation": "adfs", "ldap": "active-directory", "sign in with apple": "apple", "ping federate": "pingfederate"} {
		if !slices.ContainsFunc(preset.Search(text), func(p preset.Preset) bool { return p.Name == want }) {
			t.Errorf("%q does not find %s", text, want)
		}
	}
	if _, ok := preset.Get("nonesuch"); ok || len(preset.Search("nonesuch provider")) != 0 {
		t.Error("found what does not exist")
	}
}

func TestDefaultsAreTheCallersToChange(t *testing.T) {
	p, _ := preset.Get("github")
	section := p.Defaults("oauth2")["oauth2"].(map[string]any)
	section["token_url"] = "changed"
	again, _ := preset.Get("github")
	if again.Defaults("oauth2")["oauth2"].(map[string]any)["token_url"] == "changed" {
		t.Error("a change of the defaults reached the preset")
	}
}
