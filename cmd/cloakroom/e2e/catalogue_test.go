package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// The catalogue of misconfigurations, staged: each entry is made to happen with an identity provider that behaves as the
// product does, through the admin API and a browser, and the diagnosis is held against what the entry says. Beside each
// stand cases of the same kind that no catalogue lists, because what is recognised must be the kind, not the case.
//
//	go test ./cmd/cloakroom/e2e -run 'TestCatalogue/SAML-0' -v
//
// With -v the table of all that was staged is printed last.

// finding is one finding of the admin API (contract, section 4).
type finding struct {
	Code, Severity, Side, Confidence, Cause, Fix, Detail, Observed, Expected, Help string
	Labels                                                                         []string
	Alternatives                                                                   []struct{ Code, Question string }
	Difference                                                                     []struct{ Text, In string }
}

// told is what an operator sees of a staged case.
type told struct {
	how      string // by which door
	status   string // of the test or preflight
	findings []finding
	rest     string // whatever else was said, for the test's log
	note     string // a sentence beside the findings: the connection's past, what would become of the person
}

// diagnosis is what the operator is told first.
func (s told) diagnosis() *finding {
	for i, f := range s.findings {
		if f.Severity == "error" {
			return &s.findings[i]
		}
	}
	if len(s.findings) > 0 {
		return &s.findings[0]
	}
	return nil
}

// want is what a case must be told as. A diagnosis that is less sure than sure is wrong, and so is one that lacks one of
// the alternatives named in or.
type expected struct {
	codes  string // acceptable codes, parted by "|"; "" where nothing may be wrong
	side   string
	label  string // stands in fix or labels
	sure   string // proved, likely, guess: at least
	or     string // a code among the diagnosis or its alternatives
	says   string // stands in cause, detail, values, alternatives or the note
	beside bool   // the finding stands beside the diagnosis, as a warning does
}

// situation is one way in which an entry happens.
type situation struct {
	name  string
	stage func(b *bench) told
	want  expected
}

// entry is one of the catalogue's. The first case is the catalogue's own, the others are off it.
type entry struct {
	id    string
	cases []situation
}

// unstaged are the entries that no test here makes happen, with the reason.
var unstaged = map[string]string{
	"LDAP-12": "a sign-in looks for one person, and nobody's list of people is read from a directory",
}

// catalogued are the entries of the catalogue.
var catalogued = strings.Fields(`
	SAML-01 SAML-02 SAML-04 SAML-05 SAML-07 SAML-08 SAML-10 SAML-11 SAML-13 SAML-14 SAML-16 SAML-17 SAML-19 SAML-20 SAML-22 SAML-23 SAML-25
	SAML-26 SAML-28 SAML-29 SAML-31 SAML-32 SAML-34 SAML-35 SAML-37 SAML-38 SAML-40 SAML-41 SAML-43 SAML-44 SAML-46 SAML-47 SAML-49 SAML-50
	OIDC-02 OIDC-03 OIDC-05 OIDC-06 OIDC-08 OIDC-09 OIDC-11 OIDC-12 OIDC-14 OIDC-15 OIDC-17 OIDC-18 OIDC-20 OIDC-21 OIDC-23 OIDC-24 OIDC-26
	OIDC-27 OIDC-29 OIDC-30 OIDC-32 OIDC-33 OIDC-35 OIDC-36 OIDC-38 OIDC-39 OIDC-41 OIDC-42
	LDAP-02 LDAP-03 LDAP-05 LDAP-06 LDAP-08 LDAP-09 LDAP-11 LDAP-12 LDAP-14 LDAP-15
	CERT-02 CERT-03 CERT-05 CERT-06 CERT-08 CERT-09 CERT-11 CERT-12 TIME-02 TIME-03 NET-02 NET-03 NET-05 NET-06 NET-08 NET-09
	SCIM-02 SCIM-03 SCIM-05 SCIM-06 SCIM-08 SCIM-09 USER-01 USER-02 USER-04 USER-05 USER-07 USER-08 USER-10 USER-11
	LIFE-01 LIFE-02 LIFE-04 LIFE-05 LIFE-07 LIFE-08`)

func entries() []entry {
	return slices.Concat(samlEntries(), samlPeopleEntries(), oidcEntries(), oidcTokenEntries(), certificateEntries(), networkEntries(), peopleEntries(), scimEntries(), lifeEntries(), ldapEntries())
}

func TestCatalogue(t *testing.T) {
	all := entries()
	t.Run("complete", func(t *testing.T) { complete(t, all) })
	w := newWorld(t, trusting(t, start(t, map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8,::1/128"})))
	table, pages := &strings.Builder{}, map[string]bool{}
	rows := tabwriter.NewWriter(table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "entry\tcase\tby\tcode\tside\tconfidence\tlabels")
	for _, e := range all {
		t.Run(e.id, func(t *testing.T) {
			for i, c := range e.cases {
				t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
					b := newBench(t, w, fmt.Sprintf("%s-%d", strings.ToLower(e.id), i), pages)
					s := c.stage(b)
					if d := c.want.held(b, s); d != nil {
						fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.id, c.name, s.how, d.Code, d.Side, d.Confidence, strings.Join(d.Labels, ", "))
					} else {
						fmt.Fprintf(rows, "%s\t%s\t%s\t-\t\t\t\n", e.id, c.name, s.how)
					}
				})
			}
		})
	}
	for _, id := range catalogued {
		if reason, ok := unstaged[id]; ok {
			fmt.Fprintf(rows, "%s\tnot staged: %s\t\t\t\t\t\n", id, reason)
		}
	}
	_ = rows.Flush() // a Builder does not fail
	t.Log("\n" + table.String())
}

// complete: every entry is staged, in more than one way, or there is a reason why not.
func complete(t *testing.T, all []entry) {
	staged := map[string]int{}
	for _, e := range all {
		staged[e.id] += len(e.cases)
		if !slices.Contains(catalogued, e.id) {
			t.Errorf("%s is not in the catalogue", e.id)
		}
	}
	for _, id := range catalogued {
		_, excused := unstaged[id]
		switch {
		case excused && staged[id] > 0:
			t.Errorf("%s is staged and listed as not staged", id)
		case !excused && staged[id] == 0:
			t.Errorf("%s is neither staged nor listed with a reason", id)
		case !excused && staged[id] == 1:
			t.Errorf("%s is staged as the catalogue has it only: nothing shows that its kind is recognised", id)
		}
	}
}

// held checks what an operator sees, and answers the finding that says it.
func (w expected) held(b *bench, s told) *finding {
	b.t.Helper()
	for _, f := range s.findings {
		b.wellFormed(f)
	}
	d := s.diagnosis()
	codes := strings.Split(w.codes, "|")
	switch {
	case w.codes == "" && d != nil && d.Severity == "error":
		b.t.Errorf("%s: %s, where nothing is wrong\n%s", s.how, said(s), s.rest)
		return d
	case w.codes == "":
		if w.says != "" && !strings.Contains(s.note, w.says) {
			b.t.Errorf("%s: %q does not say %q\n%s", s.how, s.note, w.says, s.rest)
		}
		return nil
	case w.beside:
		if i := slices.IndexFunc(s.findings, func(f finding) bool { return slices.Contains(codes, f.Code) }); i >= 0 {
			d = &s.findings[i]
		}
	}
	if d == nil || !slices.Contains(codes, d.Code) {
		b.t.Errorf("%s: %s, want %s\n%s", s.how, said(s), w.codes, s.rest)
		return d
	}
	w.fits(b, s, d)
	return d
}

func (w expected) fits(b *bench, s told, d *finding) {
	b.t.Helper()
	grades := []string{"guess", "likely", "proved"}
	var asked, all []string
	for _, a := range d.Alternatives {
		asked, all = append(asked, a.Code), append(all, a.Question)
	}
	all = append(all, d.Cause, d.Fix, d.Detail, d.Observed, d.Expected, s.note)
	for what, wrong := range map[string]bool{
		"side " + d.Side + ", want " + w.side:                                        !slices.Contains(strings.Split(w.side, "|"), d.Side),
		"neither labels nor fix name " + w.label:                                     !strings.Contains(d.Fix+"\n"+strings.Join(d.Labels, "\n"), w.label),
		"confidence " + d.Confidence + ", want " + w.sure:                            slices.Index(grades, d.Confidence) < slices.Index(grades, w.sure),
		"alternatives " + strings.Join(asked, ", ") + " without " + w.or:             w.or != "" && d.Code != w.or && !slices.Contains(asked, w.or),
		fmt.Sprintf("nothing says %q", w.says):                                       w.says != "" && !strings.Contains(strings.ToLower(strings.Join(all, "\n")), strings.ToLower(w.says)),
		"a status of " + cmp.Or(s.status, "nothing") + " with an error as diagnosis": d.Severity == "error" && (s.status == "passed" || s.status == "ok"),
	} {
		if wrong {
			b.t.Errorf("%s: %s: %s\n%s", s.how, d.Code, what, said(s))
		}
	}
}

var (
	laterSentence = regexp.MustCompile(`[.!?]\s+[A-Z]`)
	abbreviation  = regexp.MustCompile(`\b(?:e\.g|i\.e)\.`)
)

// wellFormed holds a finding to its contract.
func (b *bench) wellFormed(f finding) {
	b.t.Helper()
	wrong := func(format string, args ...any) {
		b.t.Errorf("the finding %s: %s", f.Code, fmt.Sprintf(format, args...))
	}
	if f.Code == "" || !slices.Contains([]string{"error", "warning"}, f.Severity) {
		wrong("severity %q", f.Severity)
	}
	if !slices.Contains([]string{"ours", "idp", "user", "network"}, f.Side) {
		wrong("side %q", f.Side)
	}
	if !slices.Contains([]string{"proved", "likely", "guess"}, f.Confidence) {
		wrong("confidence %q", f.Confidence)
	}
	if f.Confidence != "proved" && !slices.ContainsFunc(f.Alternatives, func(a struct{ Code, Question string }) bool { return a.Question != "" }) {
		wrong("it is %s, and no alternative has a question: %+v", f.Confidence, f.Alternatives)
	}
	if f.Cause == "" || f.Fix == "" {
		wrong("cause %q, fix %q", f.Cause, f.Fix)
	}
	if laterSentence.MatchString(abbreviation.ReplaceAllString(f.Cause, "")) {
		wrong("the cause is more than a sentence: %q", f.Cause)
	}
	if f.Labels == nil {
		wrong("no list of labels")
	}
	b.helped(f)
}

// helped: the handbook has a page for each fault.
func (b *bench) helped(f finding) {
	b.t.Helper()
	if _, known := b.pages[f.Help]; known || f.Help == "" {
		if f.Help == "" {
			b.t.Errorf("the finding %s has no help page", f.Code)
		}
		return
	}
	p, err := newVisitor().get(b.URL + f.Help)
	if err != nil || p.Status != http.StatusOK || !strings.Contains(p.Body, f.Code) {
		b.t.Errorf("the help page %s of %s: %v", f.Help, f.Code, p)
	}
	b.pages[f.Help] = true
}

// said is what an operator was told, in short.
func said(s told) string {
	var out []string
	for _, f := range s.findings {
		line := fmt.Sprintf("%s (%s, %s, %s) %q fix %q labels %q detail %q observed %q expected %q", f.Code, f.Severity, f.Side, f.Confidence, f.Cause, f.Fix, f.Labels, f.Detail, f.Observed, f.Expected)
		for _, a := range f.Alternatives {
			line += fmt.Sprintf("\n      or %s: %s", a.Code, a.Question)
		}
		out = append(out, line)
	}
	if len(out) == 0 {
		return "no finding"
	}
	return strings.Join(out, "\n  ")
}
