package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// operator signs one in who is made for the purpose: the first is the owner that the program's link makes.
func (i *instance) operator(t *testing.T, email, role string, realms ...string) *visitor {
	t.Helper()
	var made struct {
		URL string `json:"enrolment_url"`
	}
	i.api("POST", "/operators", obj{"email": email, "name": tagged, "role": role, "realms": realms}, 201, &made)
	v := newVisitor()
	enrols(t, v, made.URL)
	return v
}

// Whatever names people and providers choose, every page of the console is sound, and shows them as text.
func TestConsolePages(t *testing.T) {
	e := newEstate(t)
	e.crowd()
	v := newVisitor()
	enrols(t, v, e.welcome(t))
	hostile := 0
	pages := crawl(t, v, e.URL, "/admin/search?q="+mark, "/admin/search?q="+url.QueryEscape(tagged), "/admin/logins?q="+e.ref, "/admin/realms/acme/logins/"+e.ref,
		"/admin/connections?status=error&q="+url.QueryEscape(handled), "/admin/events?kind="+url.QueryEscape(tagged), "/admin/realms/acme/expiries", "/admin/realms/acme/mails")
	for _, p := range pages {
		if strings.Contains(words(p.doc), mark) {
			hostile++
		}
	}
	t.Logf("%d pages, %d with hostile values", len(pages), hostile)
	if hostile < 30 {
		t.Errorf("of %d pages only %d show hostile values: the test proves little", len(pages), hostile)
	}
	for _, must := range []string{"/admin/realms/acme/settings", "/admin/realms/acme/connections/acme-saml/settings", "/admin/realms/acme/clients/app", "/admin/webhooks", "/admin/operators", "/admin/expiries"} {
		if pages[must] == nil {
			t.Errorf("no link leads to %s", must)
		}
	}
}

// refusal tells whether an answer is one that changed nothing.
func refusal(p *page) bool { return p.Status == http.StatusForbidden }

// sent is a form as a person would send it who means it.
func sent(form *html.Node, token string) url.Values {
	values := fieldsOf(form, token)
	if parts := strings.Split(attr(form, "action"), "/"); len(parts) == 5 && parts[4] == "delete" {
		values.Set("name", parts[3])
	}
	if strings.HasSuffix(attr(form, "action"), "/connections/new") {
		values.Set("realm", "acme")
	}
	return values
}

// What an auditor posts is refused, form by form, and nothing has changed when all were tried.
func TestConsoleAuditor(t *testing.T) {
	e := newEstate(t)
	owner := newVisitor()
	enrols(t, owner, e.welcome(t))
	auditor := e.operator(t, "aud@example.org", "auditor")
	pages := crawl(t, owner, e.URL)
	read := crawl(t, auditor, e.URL)
	for _, must := range []string{"/admin/realms/globex", "/admin/realms/acme/connections/acme-saml", "/admin/realms/acme/people"} {
		if read[must] == nil {
			t.Errorf("an auditor finds no way to %s", must)
		}
	}
	before := e.exported(t)
	token := formToken(t, auditor, e.URL)
	tried := map[string]bool{}
	for at, p := range pages {
		for _, form := range posts(p) {
			to, err := p.URL.Parse(attr(form, "action"))
			if err != nil {
				t.Fatal(err)
			}
			if tried[to.Path] || strings.HasPrefix(to.Path, "/admin/account") {
				continue
			}
			tried[to.Path] = true
			got, err := auditor.do(http.MethodPost, to.String(), sent(form, token), p.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !refusal(got) && !harmless(to.Path) {
				t.Errorf("the form on %s to %s: %d %s", at, to.Path, got.Status, got.URL)
			}
		}
	}
	for at, p := range read {
		for _, form := range posts(p) {
			if find(form, func(n *html.Node) bool { return n.Data == "button" }) != nil && !harmless(attr(form, "action")) && !strings.HasPrefix(attr(form, "action"), "/admin/account") {
				t.Errorf("%s offers an auditor a form to %s", at, attr(form, "action"))
			}
		}
	}
	t.Logf("%d forms", len(tried))
	if len(tried) < 40 {
		t.Errorf("only %d forms were tried", len(tried))
	}
	if after := e.exported(t); after != before {
		t.Errorf("the installation changed:\n%s", difference(before, after))
	}
}

// harmless are forms that only show something.
func harmless(path string) bool { return strings.HasSuffix(path, "/explain") }

// A form counts only with the token of the browser that it was shown to.
func TestConsoleForms(t *testing.T) {
	e := newEstate(t)
	owner := newVisitor()
	enrols(t, owner, e.welcome(t))
	before := e.exported(t)
	pages := crawl(t, owner, e.URL)
	tried := map[string]bool{}
	for at, p := range pages {
		for _, form := range posts(p) {
			to, err := p.URL.Parse(attr(form, "action"))
			if err != nil {
				t.Fatal(err)
			}
			if tried[to.Path] {
				continue
			}
			tried[to.Path] = true
			for _, token := range []string{"", strings.Repeat("A", 43)} {
				got, err := owner.do(http.MethodPost, to.String(), fieldsOf(form, token), p.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !refusal(got) {
					t.Errorf("the form on %s to %s with the token %q: %d %s", at, to.Path, token, got.Status, got.URL)
				}
			}
		}
	}
	if after := e.exported(t); after != before {
		t.Errorf("the installation changed:\n%s", difference(before, after))
	}
	if p, err := owner.get(e.URL + "/admin/account"); err != nil || p.URL.Path != "/admin/account" {
		t.Errorf("a forged form signed out: %v, %s", err, p)
	}
}

// Who is given one realm finds nothing of another: no page, no list, no search shows it, and its addresses lead nowhere.
func TestConsoleOfOneRealm(t *testing.T) {
	e := newEstate(t)
	owner := newVisitor()
	enrols(t, owner, e.welcome(t))
	v := e.operator(t, "sam@example.org", "support", "acme")
	for at, p := range crawl(t, v, e.URL) {
		if main := words(p.doc); strings.Contains(strings.ToLower(main), "globex") {
			t.Errorf("%s speaks of globex:\n%s", at, main)
		}
		for _, to := range links(p) {
			if strings.Contains(to, "/realms/globex") {
				t.Errorf("%s leads to %s", at, to)
			}
		}
	}
	for _, at := range []string{"/search?q=globex", "/search?q=eve@globex.example", "/connections?q=globex", "/realms?q=globex", "/logins?email=eve@globex.example", "/logins?connection=globex-saml",
		"/expiries?connection=globex-oidc", "/realms/acme/logins?connection=globex-oidc", "/realms/acme/sessions?connection=globex-oidc", "/realms/acme/events?connection=globex-oidc", "/realms/acme/people?q=eve@globex.example"} {
		p, err := v.get(e.URL + "/admin" + at)
		if err != nil || p.Status != 200 || find(p.doc, func(n *html.Node) bool { return n.Data == "td" }) != nil {
			t.Errorf("%s: %v, %s", at, err, p)
		}
	}
	for _, at := range []string{"/events", "/apikeys", "/operators", "/webhooks", "/mails"} {
		if p, err := v.get(e.URL + "/admin" + at); err != nil || p.Status != http.StatusForbidden {
			t.Errorf("%s belongs to the installation: %v, %s", at, err, p)
		}
	}
	beyond := 0
	for at, p := range crawl(t, owner, e.URL) {
		if !strings.HasPrefix(at, "/admin/realms/globex") {
			continue
		}
		beyond++
		if got, err := v.get(e.URL + at); err != nil || got.Status != http.StatusNotFound || strings.Contains(words(got.doc), "Globex") {
			t.Errorf("%s: %v, %s", at, err, got)
		}
		for _, form := range posts(p) {
			got, err := v.do(http.MethodPost, e.URL+attr(form, "action"), fieldsOf(form, formToken(t, v, e.URL)), p.URL, nil)
			if err != nil || got.Status != http.StatusNotFound && got.Status != http.StatusForbidden {
				t.Errorf("the form to %s: %v, %s", attr(form, "action"), err, got)
			}
		}
	}
	if beyond < 20 {
		t.Errorf("only %d pages of globex were tried", beyond)
	}
}

// Two people change one thing: the second is told, and what the first saved stays. Who was signed out meanwhile signs in
// again and is where they wanted to go.
func TestConsoleTabs(t *testing.T) {
	e := newEstate(t)
	v := newVisitor()
	_, recovery := enrols(t, v, e.welcome(t))
	at := e.URL + "/admin/realms/globex/settings"
	first, err := v.get(at)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.get(at)
	if err != nil {
		t.Fatal(err)
	}
	form := func(p *page) *html.Node { return posts(p)[0] }
	send := func(p *page, name string) *page {
		t.Helper()
		values := fieldsOf(form(p), formToken(t, v, e.URL))
		values.Set("display_name", name)
		got, err := v.do(http.MethodPost, p.URL.String(), values, p.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := send(first, "Globex One"); got.Status != 200 || !strings.Contains(got.Body, "Globex One") {
		t.Fatalf("the first: %s", got)
	}
	refused := send(second, "Globex Two")
	if refused.Status != http.StatusPreconditionFailed || !strings.Contains(refused.Body, "Stored now: Globex One") || strings.Count(refused.Body, "Stored now") != 1 || !strings.Contains(refused.Body, `value="Globex Two"`) {
		t.Errorf("the second: %s", refused)
	}
	var realm struct {
		DisplayName string `json:"display_name"`
	}
	e.api("GET", "/realms/globex", nil, 200, &realm)
	if realm.DisplayName != "Globex One" {
		t.Errorf("the realm is called %q", realm.DisplayName)
	}
	if got := send(refused, "Globex Two"); got.Status != 200 || !strings.Contains(got.Body, "Globex Two") {
		t.Errorf("the second, knowing it: %s", got)
	}

	other := newVisitor()
	if p := signsIn(t, other, e.URL, "eva@example.org", operatorPassword, recovery[0]); p.URL.Path != "/admin/account" {
		t.Fatalf("sign-in: %s", p)
	}
	account, err := other.get(e.URL + "/admin/account")
	if err == nil {
		_, err = other.submit(account, byAction("/browsers/end"), url.Values{})
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.get(at)
	if err != nil || p.URL.Path != "/admin/signin" {
		t.Fatalf("signed out elsewhere, and: %v, %s", err, p)
	}
	p, err = v.submit(p, byAction("/admin/signin"), url.Values{"email": {"eva@example.org"}, "password": {operatorPassword}, "code": {recovery[1]}})
	if err != nil || p.Status != 200 || p.URL.Path != "/admin/realms/globex/settings" {
		t.Errorf("back after signing in again: %v, %s", err, p)
	}
}

// formToken is the token that the console gave to a visitor's browser.
func formToken(t *testing.T, v *visitor, base string) string {
	t.Helper()
	u, err := url.Parse(base + "/admin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.jar.Cookies(u) {
		if c.Name == "cr_form" {
			return c.Value
		}
	}
	t.Fatal("no form token")
	return ""
}

// exported is the installation's configuration as `cloakroom export` writes it, and what the API lists beside it.
func (e *estate) exported(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(e.args[0], "export")
	cmd.Env = e.env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	for _, path := range []string{"/apikeys", "/operators", "/webhooks"} {
		out = append(out, e.listed(path)...)
	}
	for _, realm := range []string{"acme", "globex"} {
		for _, path := range []string{"/users", "/sessions", "/invites", "/groups", "/keys", "/webhooks", "/setup-links", "/domains"} {
			out = append(out, e.listed("/realms/"+realm+path)...)
		}
	}
	return string(out)
}

func (e *estate) listed(path string) string {
	status, body := e.try("GET", path, nil)
	if status != 200 {
		e.t.Errorf("GET %s: %d", path, status)
	}
	return fmt.Sprintf("\n# %s\n%s\n", path, strings.ReplaceAll(string(body), `{"`, "\n{\""))
}

// difference are the lines that one text has and the other has not.
func difference(before, after string) string {
	was := map[string]bool{}
	for line := range strings.SplitSeq(before, "\n") {
		was[line] = true
	}
	var b strings.Builder
	for line := range strings.SplitSeq(after, "\n") {
		if !was[line] {
			b.WriteString("+ " + tail(line, 600) + "\n")
		}
	}
	return b.String()
}
