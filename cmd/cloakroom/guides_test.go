package main

import (
	"encoding/json"
	"strings"
	"testing"

	"cloakroom/providers/preset"
	"cloakroom/templates"
)

// TestGuidesSayWhatTheWizardSays holds the handbook to the labels that the wizard shows: one field, one name.
func TestGuidesSayWhatTheWizardSays(t *testing.T) {
	words := map[string]string{"saml": "SAML", "oidc": "OpenID Connect", "oauth2": "OAuth 2.0", "ldap": "LDAP"}
	for _, p := range preset.All() {
		g, ok := templates.GuideFor(p.Name)
		if !ok {
			t.Errorf("%s has no page", p.Name)
			continue
		}
		if g.Title != p.Title {
			t.Errorf("%s is called %q in the handbook and %q in the wizard", p.Name, g.Title, p.Title)
		}
		if strings.Join(g.Also, ",") != strings.Join(p.Synonyms, ",") {
			t.Errorf("%s: other names %q and %q", p.Name, g.Also, p.Synonyms)
		}
		for _, protocol := range p.Protocols {
			text := methodText(t, g, words[protocol])
			if text == "" {
				t.Errorf("%s by %s is not described", p.Name, protocol)
				continue
			}
			if p.Name == "generic" { // its labels are ours
				continue
			}
			for _, h := range p.Handover(protocol) {
				if !strings.Contains(text, h.Label) {
					t.Errorf("%s by %s: the handbook does not say where %s goes (%s)", p.Name, protocol, h.Field, h.Label)
				}
			}
			for _, v := range p.Take(protocol) {
				if !strings.Contains(text, v.Label) {
					t.Errorf("%s by %s: the handbook does not say where %s stands (%s)", p.Name, protocol, v.Field, v.Label)
				}
			}
		}
	}
}

// methodText is all that a guide says of a protocol, "" for nothing.
func methodText(t *testing.T, g templates.Guide, protocol string) string {
	t.Helper()
	for _, m := range g.Methods {
		if m.Protocol != protocol {
			continue
		}
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(m); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	return ""
}
