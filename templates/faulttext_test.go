package templates_test

import (
	"encoding/json"
	"os"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

// A language that has begun to translate the catalogue has all of it, and nothing that is not in it.
func TestFaultTexts(t *testing.T) {
	for _, l := range locale.Languages() {
		b, err := os.ReadFile("locale/faults/" + l.Code + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var texts map[fault.Code]struct{ Cause, Fix string }
		if err := json.Unmarshal(b, &texts); err != nil {
			t.Fatalf("%s: %v", l.Code, err)
		}
		for code, v := range texts {
			if _, known := fault.Find(code); !known || v.Cause == "" || v.Fix == "" {
				t.Errorf("%s: %s: known %v, %+v", l.Code, code, known, v)
			}
		}
		for _, e := range fault.All() {
			cause, fix, ok := templates.FaultText(l.Code, e.Code)
			if len(texts) > 0 && l.Code != "en" && !ok {
				t.Errorf("%s lacks %s", l.Code, e.Code)
			}
			if !ok && (cause != e.Cause || fix != e.Fix) || cause == "" || fix == "" {
				t.Errorf("%s %s: %q, %q", l.Code, e.Code, cause, fix)
			}
		}
	}
	if _, _, ok := templates.FaultText("xx", fault.SAMLAudience); ok {
		t.Error("a language that we do not speak")
	}
}
