package templates_test

import (
	"bytes"
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

// maxHelp is what a page of the handbook may weigh.
const maxHelp = 50 << 10

func TestHandbookIsLightInEveryLanguage(t *testing.T) {
	r := renderer(t)
	for _, l := range locale.Languages() {
		s := templates.Shell{Lang: l.Code}
		pages := []templates.Page{templates.HelpIndex{Shell: s}, templates.HelpFaults{Shell: s}}
		for _, g := range templates.Guides() {
			pages = append(pages, templates.HelpProvider{Shell: s, Guide: g})
		}
		for _, e := range fault.All() {
			pages = append(pages, templates.HelpFault{Shell: s, Entry: e})
		}
		for _, p := range pages {
			if out := render(t, r, p); len(out) > maxHelp {
				t.Errorf("%s in %s: %d bytes", p.Name(), l.Code, len(out))
			}
		}
	}
}

func TestFaultPageSpeaksThePagesLanguage(t *testing.T) {
	r := renderer(t)
	cause, fix, ok := templates.FaultText("de", fault.SAMLAudience)
	if !ok {
		t.Fatal("no German text")
	}
	out := string(render(t, r, templates.HelpFault{Shell: templates.Shell{Lang: "de"}, Entry: fault.Lookup(fault.SAMLAudience)}))
	for _, want := range []string{`<h1 lang="de">`, cause, strings.SplitN(fix, "*", 2)[0]} {
		if !strings.Contains(out, want) {
			t.Errorf("the German page lacks %q", want)
		}
	}
}

func TestFaultPageNamesItsNeighboursAndConsoles(t *testing.T) {
	out := render(t, renderer(t), templates.HelpFault{Entry: fault.Lookup(fault.IdPAppUnknown)})
	for _, want := range []string{"/help/faults/" + string(fault.IdPConsent), "What speaks for this one", "/help/providers/entra", "/help/providers/google"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestEveryFaultAreaHasAHeading(t *testing.T) {
	out := render(t, renderer(t), templates.HelpFaults{})
	_, general, found := bytes.Cut(out, []byte(`<h2 id="general">`))
	if !found {
		t.Fatal("no area of general faults")
	}
	for _, e := range fault.All() {
		if bytes.Contains(general, []byte("/help/faults/"+string(e.Code)+`"`)) && strings.Contains(string(e.Code), ".") {
			t.Errorf("%s has no area", e.Code)
		}
	}
}

func TestGuidesLeadToFaultsThatExist(t *testing.T) {
	r := renderer(t)
	for _, g := range templates.Guides() {
		for _, s := range g.Slips {
			if _, ok := fault.Find(s.Code); !ok || s.From == "" || s.To == "" {
				t.Errorf("%s: %q leads to %q", g.Preset, s.From, s.Code)
			}
		}
		if out := render(t, r, templates.HelpProvider{Guide: g}); !bytes.Contains(out, []byte("/help/faults/")) {
			t.Errorf("%s: no way to the faults", g.Preset)
		}
	}
}

// TestProvidersPagesAreRead holds the handbook's words for what a provider shows to what the reader makes of them.
func TestProvidersPagesAreRead(t *testing.T) {
	for _, g := range templates.Guides() {
		if g.Preset == "active-directory" { // speaks LDAP, which has no pages
			continue
		}
		for _, s := range (templates.HelpProvider{Guide: g}).Signs() {
			if len(s.Codes) == 0 {
				t.Errorf("%s: nothing is read out of %q", g.Preset, s.From)
			}
		}
	}
}

func TestFindGuides(t *testing.T) {
	for text, want := range map[string]string{"azure": "entra", "g suite": "google", "ADFS": "adfs", "Ping Federate": "pingfederate", "office-365": "entra"} {
		found := templates.FindGuides(text)
		if len(found) == 0 || found[0].Preset != want {
			t.Errorf("%q finds %v", text, found)
		}
	}
	if len(templates.FindGuides("")) != len(templates.Guides()) || len(templates.FindGuides("no such provider")) != 0 {
		t.Error("an empty text finds all, a strange one nothing")
	}
	out := render(t, renderer(t), templates.HelpIndex{Find: `nobody"<b>`})
	if bytes.Contains(out, []byte("<b>")) || !bytes.Contains(out, []byte("nobody")) {
		t.Error("what was searched for is not shown as text")
	}
}
