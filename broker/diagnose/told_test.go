package diagnose_test

import (
	"testing"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

// whole fails where a report says something in English to readers of another language.
func whole(t *testing.T, d *admin.Diagnosed) {
	t.Helper()
	for _, l := range locale.Languages()[1:] {
		tell := func(said fault.Said, english string) {
			t.Helper()
			if got := templates.Tell(l.Code, said, english); english != "" && got.Lang != l.Code {
				t.Errorf("%s: %q stays English", l.Code, english)
			}
		}
		tell(d.Said, d.Past)
		tell(nil, d.Why)
		for _, f := range d.Findings {
			tell(f.Said, f.Cause)
			tell(f.Said, f.Fix)
			tell(f.Said, f.Detail)
			for _, a := range f.Alternatives {
				tell(f.Said, a.Question)
			}
		}
	}
}
