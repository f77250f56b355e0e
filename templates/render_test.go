package templates_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"cloakroom/broker/fault"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

func render(t *testing.T, r *templates.Renderer, p templates.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Render(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// elements parses a page and lists its elements.
func elements(t *testing.T, page []byte) []*html.Node {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			out = append(out, n)
		}
	}
	return out
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// TestFilesAndStructs holds that each page has a file, each file a page, and the samples cover them all.
func TestFilesAndStructs(t *testing.T) {
	var pages []string
	for _, p := range samples("en") {
		pages = append(pages, p.page.Name()+".html")
	}
	slices.Sort(pages)
	pages = slices.Compact(pages)
	names, err := filepath.Glob("pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	if !slices.Equal(pages, names) {
		t.Errorf("samples show %v, pages are %v", pages, names)
	}
}

func TestZeroValuesRender(t *testing.T) {
	r := renderer(t)
	for _, p := range samples("en") {
		zero := reflect.Zero(reflect.TypeOf(p.page)).Interface().(templates.Page)
		if out := render(t, r, zero); !bytes.Contains(out, []byte(`<html lang="en">`)) {
			t.Errorf("%s: the zero page is not an English page", p.name)
		}
	}
}

func TestUnknownPage(t *testing.T) {
	var b bytes.Buffer
	if err := renderer(t).Render(&b, unknown{}); err == nil || b.Len() > 0 {
		t.Errorf("a page without a file gave %q, %v", b.String(), err)
	}
}

type unknown struct{ templates.Shell }

func (unknown) Name() string { return "unknown" }

// TestPages holds every page in every language to what a browser, a screen reader and the content security policy need.
func TestPages(t *testing.T) {
	r := renderer(t)
	for _, l := range locale.Languages() {
		for _, p := range samples(l.Code) {
			t.Run(p.name+"/"+l.Code, func(t *testing.T) {
				out := render(t, r, p.page)
				if len(out) > 50<<10 {
					t.Errorf("%d bytes", len(out))
				}
				nodes := elements(t, out)
				checkPolicy(t, r, nodes)
				checkStructure(t, nodes, l.Code)
				checkForms(t, nodes)
				if id := regexp.MustCompile(`\b(frame|action|chooser|fault|demo|help|email|prompt)\.[a-z_]+(\.[a-z]+)?\b`).Find(visible(out)); id != nil && p.page.Name() != "help_provider" && l.Code != "en" {
					if locale.Has(string(id)) {
						t.Errorf("shows the message id %s", id)
					}
				}
			})
		}
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

func visible(page []byte) []byte { return tag.ReplaceAll(page, nil) }

func checkPolicy(t *testing.T, r *templates.Renderer, nodes []*html.Node) {
	t.Helper()
	for _, n := range nodes {
		src, hasSrc := attr(n, "src")
		switch n.Data {
		case "script":
			if !hasSrc || n.FirstChild != nil {
				t.Error("an inline script")
			}
		case "style", "base", "object", "embed":
			t.Errorf("an element <%s>", n.Data)
		case "link":
			src, _ = attr(n, "href")
			hasSrc = true
		}
		if hasSrc && (n.Data == "script" || n.Data == "link") {
			if _, ok := r.Static(strings.TrimPrefix(src, "/static/")); !ok || !strings.HasPrefix(src, "/static/") {
				t.Errorf("<%s> leads to %q, which is no file of ours", n.Data, src)
			}
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "srcdoc" {
				t.Errorf("<%s> has an attribute %s", n.Data, a.Key)
			}
			address := a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction"
			if v := strings.ToLower(strings.TrimSpace(a.Val)); address && strings.HasPrefix(v, "javascript:") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
}

func checkStructure(t *testing.T, nodes []*html.Node, lang string) {
	t.Helper()
	count := map[string]int{}
	ids := map[string]bool{}
	for _, n := range nodes {
		if n.Namespace == "" { // a title in a picture is its tooltip
			count[n.Data]++
		}
		if id, ok := attr(n, "id"); ok {
			if ids[id] {
				t.Errorf("two elements have the id %s", id)
			}
			ids[id] = true
		}
		if _, alt := attr(n, "alt"); n.Data == "img" && !alt {
			t.Error("an image without alt")
		}
		if got, _ := attr(n, "lang"); n.Data == "html" && got != lang {
			t.Errorf("<html lang=%q>", got)
		}
		if n.Data == "title" && (n.FirstChild == nil || strings.TrimSpace(n.FirstChild.Data) == "") {
			t.Error("an empty title")
		}
	}
	for _, one := range []string{"h1", "main", "title"} {
		if count[one] != 1 {
			t.Errorf("%d <%s>", count[one], one)
		}
	}
	for _, n := range nodes {
		for _, ref := range []string{"aria-describedby", "aria-labelledby", "for", "data-copy"} {
			list, _ := attr(n, ref)
			for id := range strings.FieldsSeq(list) {
				if !ids[id] {
					t.Errorf("<%s %s=%q> points nowhere", n.Data, ref, id)
				}
			}
		}
	}
}

func checkForms(t *testing.T, nodes []*html.Node) {
	t.Helper()
	labelled := map[string]bool{}
	for _, n := range nodes {
		if id, ok := attr(n, "for"); ok {
			labelled[id] = true
		}
	}
	for _, n := range nodes {
		if kind, _ := attr(n, "type"); n.Data == "input" && kind != "hidden" {
			id, _ := attr(n, "id")
			name, _ := attr(n, "name")
			if !labelled[id] {
				t.Errorf("the field %s has no label", name)
			}
			if _, ok := attr(n, "autocomplete"); !ok {
				t.Errorf("the field %s says nothing about autocomplete", name)
			}
			if _, ok := attr(n, "autofocus"); ok && name != "email" {
				t.Errorf("the field %s takes the focus", name)
			}
		}
	}
}

var used = regexp.MustCompile(`\.TN? "([^"]+)"`)

// TestTexts holds that every id the templates name exists, and that every text is used.
func TestTexts(t *testing.T) {
	seen := map[string]bool{
		templates.EmailEmpty: true, templates.EmailMalformed: true, templates.EmailUnknown: true, templates.EmailTooMany: true,
		templates.PromptWrong: true, templates.PromptEmpty: true, templates.PromptWait: true, templates.PromptDisabled: true, templates.PromptRestricted: true, templates.PromptChange: true, templates.CodeWrong: true, templates.CodeNoMore: true, "invite.by": true, "invite.body": true,
		templates.LocalCodeWrong: true, templates.LocalCodeOver: true, templates.LocalPasswordWrong: true, templates.LocalShort: true,
		templates.LocalLong: true, templates.LocalGuessable: true, templates.LocalDiffer: true,
		"local.sent.title": true, "local.sent.text": true, "local.password_set.title": true, "local.password_set.text": true,
		"local.passkey_added.title": true, "local.passkey_added.text": true, // Notice.Kind
		"report.passed": true, "report.failed": true, "report.waiting": true, "report.abandoned": true, // TestReport.Kind
		"report.outcome_create": true, "report.outcome_link": true, "report.outcome_sign_in": true, "report.outcome_refuse": true,
		"report.check_passed": true, "report.check_failed": true, "report.check_not_reached": true,
		"report.side_ours": true, "report.side_idp": true, "report.side_user": true, "report.side_network": true, "report.side_app": true, // FindingCard.SideID
		"report.sure_proved": true, "report.sure_likely": true, "report.sure_guess": true,
		"report.step_made": true, "report.step_opened": true, "report.step_sent_upstream": true, "report.step_came_back": true, // ReportStep.TitleID
		"report.step_window_closed": true, "report.step_page_read": true, "report.step_answer_received": true, "report.step_examined": true,
		// broker/diagnose writes the letter.
		"letter.intro": true, "letter.wrong": true, "letter.change": true, "letter.field": true, "letter.sent": true, "letter.needed": true,
		"letter.detail": true, "letter.codes": true, "letter.connection": true, "letter.code": true, "letter.reference": true,
		"prompt.username": true, "prompt.password": true, "prompt.code": true, // PromptField.Label
	}
	for _, id := range wizardTexts {
		seen["wizard."+id] = true
	}
	for _, id := range setupTexts {
		seen[id] = true
	}
	for _, e := range fault.All() {
		for _, part := range []string{"title", "what", "do"} {
			id := "fault." + e.Public + "." + part
			if !locale.Has(id) {
				t.Errorf("%s: nobody wrote %s", e.Code, id)
			}
		}
	}
	for _, public := range publics {
		for _, part := range []string{"title", "what", "do"} {
			seen["fault."+public+"."+part] = true
		}
	}
	for _, dir := range []string{"layout", "pages"} {
		names, err := filepath.Glob(dir + "/*.html")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range used.FindAllSubmatch(source, -1) {
				seen[string(m[1])] = true
			}
		}
	}
	for id := range seen {
		if !locale.Has(id) {
			t.Errorf("the pages say %s, which has no text", id)
		}
	}
	for _, id := range locale.IDs("en") {
		if !seen[id] {
			t.Errorf("no page says %s", id)
		}
	}
}

// publics are the sentences the catalogue may choose from (fault.Entry.Public).
var publics = []string{"retry", "password_change", "expired", "stray", "idp_refused", "idp_misconfigured", "not_allowed", "no_email", "unavailable",
	"ours", "app", "cookie", "too_many", "unknown_address", "pending", "held", "link_ask", "link_tries",
	"invite_unknown", "invite_expired", "invite_revoked", "invite_used", "invite_other_address", "invite_other_connection", "setup_unknown", "setup_expired", "setup_revoked"}

func TestEveryFaultHasAPage(t *testing.T) {
	r := renderer(t)
	for _, e := range fault.All() {
		out := render(t, r, templates.HelpFault{Entry: e})
		if !bytes.Contains(out, []byte("<code>"+string(e.Code)+"</code>")) {
			t.Errorf("%s: its page does not name it", e.Code)
		}
	}
	for _, p := range publics {
		if out := render(t, r, templates.Error{Public: p}); bytes.Contains(out, []byte("fault."+p)) {
			t.Errorf("the error page of %s shows ids", p)
		}
	}
}

func TestErrorOfUnknownKindIsOurs(t *testing.T) {
	r := renderer(t)
	got, want := render(t, r, templates.Error{Public: "no-such"}), render(t, r, templates.Error{Public: "ours"})
	if !bytes.Equal(got, want) {
		t.Error("an unknown kind has a page of its own")
	}
}

func TestEveryPresetHasAGuide(t *testing.T) {
	presets := []string{"okta", "entra", "adfs", "google", "microsoft", "onelogin", "pingone", "pingfederate", "jumpcloud", "keycloak",
		"shibboleth", "github", "apple", "active-directory", "generic"}
	r := renderer(t)
	for _, p := range presets {
		g, ok := templates.GuideFor(p)
		if !ok || g.Title == "" || g.Intro == "" || g.Who == "" || len(g.Methods) == 0 || len(g.Seen) == 0 || len(g.Notes) == 0 {
			t.Errorf("%s: no whole guide", p)
		}
		for _, m := range g.Methods {
			if len(m.Steps) == 0 || len(m.Take) == 0 {
				t.Errorf("%s, %s: no steps or nothing to bring here", p, m.Protocol)
			}
		}
		if out := visible(render(t, r, templates.HelpProvider{Guide: g})); bytes.Contains(out, []byte("**")) || bytes.Contains(out, []byte("`")) {
			t.Errorf("%s: a label is not closed", p)
		}
	}
	if len(templates.Guides()) != len(presets) {
		t.Errorf("%d guides, %d presets", len(templates.Guides()), len(presets))
	}
	if _, ok := templates.GuideFor("nobody"); ok {
		t.Error("a guide for nobody")
	}
}
