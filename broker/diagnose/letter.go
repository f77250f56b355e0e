package diagnose

import (
	"maps"
	"slices"
	"strings"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

// Letter is a text for those who run the identity provider: what is wrong, what to change under which label, and what they
// find the attempt by. Values stay as they are, and labels too, with those of the language beside them.
func (x *Examiner) Letter(d *admin.Diagnosed, lang string) string {
	f := d.Diagnosis
	if f == nil {
		return ""
	}
	var b strings.Builder
	line := func(id, value string) {
		if value != "" {
			b.WriteString(locale.T(lang, "letter."+id, nil) + ": " + value + "\n")
		}
	}
	b.WriteString(locale.T(lang, "letter.intro", nil) + "\n\n")
	cause, fix := inLanguage(f, lang)
	line("wrong", cause)
	line("change", fix)
	line("field", strings.Join(labelsIn(f.Labels, d.Preset, lang), " / "))
	line("sent", f.Observed)
	line("needed", f.Expected)
	line("detail", templates.Tell(lang, f.Said, f.Detail).Text)
	if d.Page != nil {
		line("codes", strings.Join(d.Page.Codes, ", "))
		for _, name := range slices.Sorted(maps.Keys(d.Page.Trace)) {
			b.WriteString(name + ": " + d.Page.Trace[name] + "\n")
		}
	}
	b.WriteString("\n")
	line("connection", d.Connection)
	line("code", f.Code)
	line("reference", d.Ref)
	return b.String()
}

// inLanguage is a finding's cause and fix in a language. A fix of this case that is not translated keeps its own words, since
// they name the fields of the console; the catalogue's goes before it.
func inLanguage(f *admin.Finding, lang string) (cause, fix string) {
	cause, fix, ok := templates.FaultText(lang, fault.Code(f.Code))
	if !ok || lang == "en" || lang == "" {
		return f.Cause, f.Fix
	}
	if own := templates.Tell(lang, f.Said, f.Cause); own.Lang == lang {
		cause = own.Text
	}
	if own := templates.Tell(lang, f.Said, f.Fix); own.Lang == lang {
		return cause, own.Text
	}
	return cause, fix + " (" + f.Fix + ")"
}

// labelsIn are labels, each with what the console calls it in the language beside it.
func labelsIn(labels []string, preset, lang string) []string {
	out := slices.Clone(labels)
	for i, l := range labels {
		if local := templates.LocalLabel(preset, lang, l); local != "" {
			out[i] += " (" + local + ")"
		}
	}
	return out
}
